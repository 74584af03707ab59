//! The system's clock: the only place in the engine that reads it.

use crate::ports::clock::Clock;
use async_trait::async_trait;
use std::time::{Duration, SystemTime};
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

    async fn wait_until(&self, until: Instant) {
        while let Ok(left) = (until - self.now()).to_std() {
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(LONGEST_SLEEP)).await;
        }
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
}
