//! The one door to the clock: everything below the runner gets `now` as an argument.

use async_trait::async_trait;
use std::time::Duration;
use tandem_domain::Instant;

/// Tells the time and waits for it. Tests drive one by hand.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The present instant, as the machine's calendar has it. It may jump, forward and backward.
    fn now(&self) -> Instant;
    /// Time that passed since some fixed moment. It never goes back and does not follow a clock that is set; whether
    /// it counts while the machine sleeps depends on the system.
    fn monotonic(&self) -> Duration;
    /// Returns when `now` has reached `until`, at once when it has already.
    async fn wait_until(&self, until: Instant);
    /// Returns after this much of [`Clock::monotonic`].
    async fn pause(&self, length: Duration);
}
