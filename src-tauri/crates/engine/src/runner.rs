//! Who runs when: claims due work, runs cycles side by side, and records what comes next.
//!
//! The schedule rows are the truth; what the [dispatcher](crate::dispatch) knows of them is a cache, so that a crash,
//! a restart and a stop are the same case: the lease is freed, and the row is still due.

use crate::{
    cycle::{CycleLimits, InFlight, SendTurns},
    dispatch::{DispatchLimits, PoolSizes, RampLimits},
    events::{EngineEvent, EngineState},
    jobs::Jobs,
    jump::JumpWatch,
    permits::{Load, Permits},
    ports::{Ports, storage::StorageError},
    watch::Watchers,
};
use chrono::Duration;
use ending::Endings;
use look::Look;
use std::sync::{Arc, Mutex, PoisonError};
use tandem_domain::{Instant, ids::TestJobId};
use tokio::{
    sync::{Notify, Semaphore},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

mod alerts;
mod driving;
mod ending;
mod look;
mod quiet;
#[cfg(test)]
mod tests;
mod verifying;
mod work;

pub use work::SyncOutcome;

/// One engine has the data folder for itself and frees every lease when it starts, so a lease need not be short.
const LEASE: Duration = Duration::hours(24);

/// So many mailboxes load their configuration and credentials at once, however many are due.
const PREPARING: usize = 8;

/// How long an engine runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunMode {
    /// Until it is stopped.
    UntilStopped,
    /// Until nothing is due and nothing runs.
    UntilIdle,
    /// For so long.
    For(Duration),
}

/// The limits of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineLimits {
    /// How much runs at once.
    pub pools: PoolSizes,
    /// How fast due work is started, after a start or a sleep slowly at first.
    pub ramp: RampLimits,
    /// How much one cycle does.
    pub cycle: CycleLimits,
    /// A cycle that takes longer is broken off, and fails as the mailbox's. Its work so far is kept.
    pub cycle_timeout: Duration,
    /// Whether servers are listened to between cycles, where they can tell of news by themselves.
    pub push: bool,
    /// How long a stop waits for what runs before it is broken off. The process has 10 s in all before the system's
    /// patience ends (systemd, Windows and launchd alike), and has more to do.
    pub stop_wait: Duration,
    /// The ends of cycles that found nothing wait for each other for so long, and for up to five times as long where they
    /// are many, and are recorded together.
    pub record_every: Duration,
}

impl Default for EngineLimits {
    fn default() -> Self {
        Self {
            pools: PoolSizes::default(),
            ramp: RampLimits::default(),
            cycle: CycleLimits::default(),
            cycle_timeout: Duration::minutes(30),
            push: true,
            stop_wait: Duration::seconds(6),
            record_every: Duration::seconds(1),
        }
    }
}

/// The engine: one per data folder.
pub struct Engine {
    ports: Ports,
    limits: EngineLimits,
    permits: Arc<Permits>,
    in_flight: InFlight,
    send_turns: SendTurns,
    endings: Endings,
    jobs: Arc<Jobs>,
    preparing: Semaphore,
    verifying: verifying::Verifying,
    watchers: Arc<Watchers>,
    next_look: Look,
    quiet: quiet::QuietEnds,
    wake: Notify,
    /// When the clock last jumped, as far as this engine knows.
    steady_since: Mutex<Instant>,
}

impl Engine {
    /// An engine over these ports. It does nothing until it is run.
    #[must_use]
    pub fn new(ports: Ports, limits: EngineLimits) -> Arc<Self> {
        let clock = Arc::clone(&ports.clock);
        let dispatch = DispatchLimits { pools: limits.pools, ramp: limits.ramp };
        let permits = Arc::new(Permits::with_clock(dispatch, clock));
        Arc::new(Self {
            jobs: Jobs::new(ports.clone(), Arc::clone(&permits), limits.pools.operations),
            ports,
            limits,
            permits,
            in_flight: InFlight::default(),
            send_turns: SendTurns::default(),
            endings: Endings::default(),
            preparing: Semaphore::new(PREPARING),
            verifying: verifying::Verifying::default(),
            watchers: Arc::default(),
            next_look: Look::default(),
            quiet: quiet::QuietEnds::every(limits.record_every),
            wake: Notify::new(),
            steady_since: Mutex::new(Instant::MIN_UTC),
        })
    }

    /// Looks at the schedule now: somebody made something due. What waits to be recorded is recorded.
    pub fn wake(&self) {
        self.quiet.hurry();
        self.look();
    }

    /// Looks at the schedule now: something may be due.
    pub fn look(&self) {
        self.look_by(Instant::MIN_UTC);
    }

    /// What runs, waits and is held open.
    #[must_use]
    pub fn load(&self) -> Load {
        self.permits.load()
    }

    #[cfg(test)]
    pub(crate) fn watchers(&self) -> &Watchers {
        &self.watchers
    }

    /// Since when the clock has run without a jump.
    fn steady_since(&self) -> Instant {
        *self.steady_since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the schedule at this instant at the latest.
    fn look_by(&self, at: Instant) {
        if self.next_look.by(at) {
            self.wake.notify_one();
        }
    }

    /// Runs what is due. Cancelling `stop` ends it: cycles stop at their next step, what does not within the stop's
    /// time is broken off, and nothing runs any more when this returns.
    ///
    /// # Errors
    /// Those of storage at the start; later ones only when running until idle, where nobody would see them else.
    pub async fn run(self: &Arc<Self>, mode: RunMode, stop: CancellationToken) -> Result<(), StorageError> {
        let stop = stop.child_token();
        let mut tasks = Tasks::default();
        self.endings.forget_circuits();
        self.ports.storage.release_all().await?;
        self.jobs.free().await?;
        self.follow_clock().await?;
        self.ports.events.emit(EngineEvent::State(EngineState::Running));
        let ends_at = match mode {
            RunMode::For(duration) => self.ports.clock.now() + duration,
            RunMode::UntilStopped | RunMode::UntilIdle => Instant::MAX_UTC,
        };
        if self.limits.push && mode != RunMode::UntilIdle {
            self.watchers.begin(&stop);
        }
        let result = self.run_loop(mode, ends_at, &stop, &mut tasks).await;
        self.ports.events.emit(EngineEvent::State(EngineState::Stopping));
        self.permits.forget_planned();
        self.stop_tasks(&stop, &mut tasks).await;
        self.watchers.end().await;
        self.record_quiet(quiet::Haste::Now).await;
        self.endings.flush(&self.ports).await;
        let released = self.ports.storage.release_all().await;
        self.ports.events.emit(EngineEvent::State(EngineState::Stopped));
        result.and(released)
    }

    /// Looks for Test & Enable jobs now: one was started or changed.
    pub fn look_for_tests(&self) {
        self.jobs.look();
        self.wake();
    }

    /// Whether Test & Enable is at work.
    #[must_use]
    pub fn is_testing(&self) -> bool {
        self.jobs.are_running()
    }

    /// Tests what is due of one job, without running anything else: for a shell that has the data folder's lock and
    /// no running engine. What is stopped waits again.
    ///
    /// # Errors
    /// Those of storage.
    pub async fn run_tests(&self, job: TestJobId, stop: &CancellationToken) -> Result<(), StorageError> {
        let stop = stop.child_token();
        let mut tasks = Tasks::default();
        self.jobs.free().await?;
        let result = loop {
            tasks.tidy();
            if stop.is_cancelled() {
                break Ok(());
            }
            match self.jobs.start_due(Some(job), &stop, &mut tasks.others).await {
                Ok(_) if tasks.is_empty() => break Ok(()),
                Ok(_) => {}
                Err(error) => break Err(error),
            }
            let look_again_at = self.ports.clock.now() + Duration::seconds(1);
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.wake.notified() => {}
                () = self.ports.clock.wait_until(look_again_at) => {}
                () = tasks.one(RunMode::UntilIdle) => {}
            }
        };
        self.stop_tasks(&stop, &mut tasks).await;
        result
    }

    /// Cancels, waits, and breaks off what is still there. Nothing runs when it returns.
    async fn stop_tasks(&self, stop: &CancellationToken, tasks: &mut Tasks) {
        stop.cancel();
        let patience = self.ports.clock.pause(self.limits.stop_wait.to_std().unwrap_or_default());
        tokio::select! {
            () = patience => {}
            () = tasks.all() => return,
        }
        tracing::warn!("{} cycles and tests did not stop in time and are broken off.", tasks.len());
        tasks.shutdown().await;
    }
}

/// What an engine has begun.
#[derive(Default)]
struct Tasks {
    cycles: JoinSet<()>,
    /// Tests and verifications.
    others: JoinSet<()>,
}

impl Tasks {
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn len(&self) -> usize {
        self.cycles.len() + self.others.len()
    }

    /// Forgets those that have ended.
    fn tidy(&mut self) {
        while self.cycles.try_join_next().is_some() {}
        while self.others.try_join_next().is_some() {}
    }

    /// Returns when one has ended; never where there is none. Cycles count where their end is waited for: else each wakes
    /// the loop itself when there is something to do about it.
    async fn one(&mut self, mode: RunMode) {
        tokio::select! {
            Some(_) = self.cycles.join_next(), if mode == RunMode::UntilIdle => {}
            Some(_) = self.others.join_next() => {}
            else => std::future::pending().await,
        }
    }

    /// Returns when all have ended.
    async fn all(&mut self) {
        while self.cycles.join_next().await.is_some() {}
        while self.others.join_next().await.is_some() {}
    }

    async fn shutdown(&mut self) {
        self.cycles.shutdown().await;
        self.others.shutdown().await;
    }
}

/// The lease owner's name: leases are freed at start, so one name is enough.
const LEASE_OWNER: &str = "engine";
