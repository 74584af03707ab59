//! A clock driven by hand that knows who waits for what, beside the time that really passed.

use async_trait::async_trait;
use chrono::DateTime;
use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tandem_domain::Instant;
use tandem_engine::ports::clock::Clock;
use tokio::sync::Notify;

/// See the module.
pub struct HandClock {
    time: Mutex<Time>,
    waiting: Mutex<HashMap<u64, Deadline>>,
    moved: Notify,
    asked: AtomicU64,
    next: AtomicU64,
}

#[derive(Clone, Copy)]
struct Time {
    /// What the calendar says.
    now: Instant,
    /// What the program's monotonic clock says.
    passed: Duration,
    /// What really passed, sleep included.
    truth: Duration,
    /// How much of it the machine slept.
    slept: Duration,
}

#[derive(Clone, Copy)]
enum Deadline {
    Calendar(Instant),
    Passed(Duration),
}

/// Whether the monotonic clock counts while the machine sleeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asleep {
    Counts,
    Stands,
}

impl HandClock {
    pub fn new() -> Self {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        Self {
            time: Mutex::new(Time {
                now,
                passed: Duration::from_secs(1_000),
                truth: Duration::ZERO,
                slept: Duration::ZERO,
            }),
            waiting: Mutex::default(),
            moved: Notify::new(),
            asked: AtomicU64::new(0),
            next: AtomicU64::new(0),
        }
    }

    fn time(&self) -> MutexGuard<'_, Time> {
        self.time.lock().unwrap()
    }

    /// What really passed since the beginning.
    pub fn truth(&self) -> Duration {
        self.time().truth
    }

    /// How long the machine was awake.
    pub fn awake(&self) -> Duration {
        let time = self.time();
        time.truth - time.slept
    }

    /// Counts up whenever anybody asks for the time: as long as it does, somebody works.
    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }

    /// Time passes.
    pub fn advance(&self, by: Duration) {
        {
            let mut time = self.time();
            time.now += by;
            time.passed += by;
            time.truth += by;
        }
        self.moved.notify_waiters();
    }

    /// The clock is set, by so many seconds.
    pub fn set(&self, seconds: i64) {
        self.time().now += chrono::Duration::seconds(seconds);
        self.moved.notify_waiters();
    }

    /// The machine sleeps.
    pub fn sleep(&self, length: Duration, asleep: Asleep) {
        {
            let mut time = self.time();
            time.now += length;
            time.truth += length;
            time.slept += length;
            if asleep == Asleep::Counts {
                time.passed += length;
            }
        }
        self.moved.notify_waiters();
    }

    /// How long until the first of those who wait.
    pub fn next_in(&self) -> Option<Duration> {
        let time = *self.time();
        let waiting = self.waiting.lock().unwrap();
        let left = waiting.values().map(|deadline| match deadline {
            Deadline::Calendar(until) => (*until - time.now).to_std().unwrap_or_default(),
            Deadline::Passed(until) => until.saturating_sub(time.passed),
        });
        left.min()
    }

    async fn wait(&self, deadline: Deadline) {
        let _waiting = Waiting::new(self, deadline);
        loop {
            let moved = self.moved.notified();
            let time = *self.time();
            let over = match deadline {
                Deadline::Calendar(until) => time.now >= until,
                Deadline::Passed(until) => time.passed >= until,
            };
            if over {
                return;
            }
            moved.await;
        }
    }
}

/// A wait that the clock knows of.
struct Waiting<'a> {
    clock: &'a HandClock,
    number: u64,
}

impl<'a> Waiting<'a> {
    fn new(clock: &'a HandClock, deadline: Deadline) -> Self {
        let number = clock.next.fetch_add(1, Ordering::SeqCst);
        clock.waiting.lock().unwrap().insert(number, deadline);
        Self { clock, number }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.clock.waiting.lock().unwrap().remove(&self.number);
    }
}

#[async_trait]
impl Clock for HandClock {
    fn now(&self) -> Instant {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.time().now
    }

    fn monotonic(&self) -> Duration {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.time().passed
    }

    async fn wait_until(&self, until: Instant) {
        self.wait(Deadline::Calendar(until)).await;
    }

    async fn pause(&self, length: Duration) {
        let until = self.time().passed + length;
        self.wait(Deadline::Passed(until)).await;
    }
}
