//! The one door to the clock: everything below the runner gets `now` as an argument.

use async_trait::async_trait;
use tandem_domain::Instant;

/// Tells the time and waits for it. Tests drive one by hand.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Instant;
    /// Returns when `now` has reached `until`, at once when it has already.
    async fn wait_until(&self, until: Instant);
}
