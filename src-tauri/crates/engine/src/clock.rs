//! The system's clock: the only place in the engine that reads it.

use crate::ports::clock::Clock;
use async_trait::async_trait;
use std::{
    sync::OnceLock,
    time::{Duration, SystemTime},
};
use tandem_domain::Instant;

/// Longest single sleep: after a suspend or a changed system time the wait is measured anew.
const LONGEST_SLEEP: Duration = Duration::from_secs(20);

/// The clock of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::from(SystemTime::now())
    }

    fn monotonic(&self) -> Duration {
        static STARTED: OnceLock<std::time::Instant> = OnceLock::new();
        STARTED.get_or_init(std::time::Instant::now).elapsed()
    }

    async fn wait_until(&self, until: Instant) {
        while let Ok(left) = (until - self.now()).to_std() {
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(LONGEST_SLEEP)).await;
        }
    }

    async fn pause(&self, length: Duration) {
        tokio::time::sleep(length).await;
    }
}

/// The clock of this machine, ahead by a fixed time: shows what will be due then without waiting for it.
#[derive(Debug, Clone, Copy)]
pub struct ClockAhead(pub chrono::Duration);

#[async_trait]
impl Clock for ClockAhead {
    fn now(&self) -> Instant {
        SystemClock.now() + self.0
    }

    fn monotonic(&self) -> Duration {
        SystemClock.monotonic()
    }

    async fn wait_until(&self, until: Instant) {
        // "At once" is the earliest instant there is.
        let until = until.checked_sub_signed(self.0).unwrap_or(Instant::MIN_UTC);
        SystemClock.wait_until(until).await;
    }

    async fn pause(&self, length: Duration) {
        SystemClock.pause(length).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waiting_for_the_past_returns_at_once_and_for_the_future_not_before() {
        let clock = SystemClock;
        clock.wait_until(clock.now() - chrono::Duration::hours(1)).await;
        let until = clock.now() + chrono::Duration::milliseconds(30);
        clock.wait_until(until).await;
        assert!(clock.now() >= until);
    }

    #[tokio::test]
    async fn a_clock_that_is_ahead_waits_as_long_as_any_other() {
        let clock = ClockAhead(chrono::Duration::hours(1));
        assert!(clock.now() > SystemClock.now() + chrono::Duration::minutes(59));
        clock.wait_until(Instant::MIN_UTC).await;
        let started = SystemClock.now();
        clock.wait_until(clock.now() + chrono::Duration::milliseconds(30)).await;
        let waited = SystemClock.now() - started;
        assert!(waited >= chrono::Duration::milliseconds(30) && waited < chrono::Duration::seconds(20));
    }
}
