//! Messages that fail on their own: tried again later, and in the end undeliverable. They never stop their mailbox.

use crate::{Instant, failure::Failure, ledger::ServerIdentity};
use chrono::Duration;

/// So often a message is tried again after its first failure.
pub const MAX_ITEM_RETRIES: u32 = 5;
/// Minutes between two tries of a message.
pub const ITEM_RETRY_MINUTES: i64 = 15;

/// A message that is owed: it was seen on the server, and could not be fetched or recorded yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwedItem {
    /// Its identity on the server.
    pub identity: ServerIdentity,
    /// Its size as the server gave it; 0 when it did not.
    pub size: u64,
    /// When the server received it, where it told.
    pub received_at: Option<Instant>,
    /// Tries that failed, at least 1.
    pub failures: u32,
    /// The next try, not before this.
    pub next_at: Instant,
    /// How the last one failed.
    pub why: Failure,
}

/// What becomes of a message that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterItemFailure {
    /// It is tried again.
    RetryAt(Instant),
    /// It is given up until a person asks for it again.
    Undeliverable,
}

/// Decides after a failed try. `failures` counts this one too.
#[must_use]
pub fn after_item_failure(failures: u32, why: &Failure, now: Instant) -> AfterItemFailure {
    if failures > MAX_ITEM_RETRIES {
        return AfterItemFailure::Undeliverable;
    }
    let own = Duration::minutes(ITEM_RETRY_MINUTES);
    AfterItemFailure::RetryAt(now + why.retry_after.map_or(own, |asked| asked.max(own)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::FailureCode;
    use chrono::DateTime;

    #[test]
    fn five_later_tries_a_quarter_of_an_hour_apart_and_then_it_is_undeliverable() {
        let mut now = DateTime::from_timestamp(1_000_000, 0).unwrap();
        let why = Failure::transient_item(FailureCode::MessageRefused, "-ERR");
        for failures in 1..=5 {
            let AfterItemFailure::RetryAt(at) = after_item_failure(failures, &why, now) else { panic!() };
            assert_eq!(at - now, Duration::seconds(900));
            now = at;
        }
        assert_eq!(after_item_failure(6, &why, now), AfterItemFailure::Undeliverable);
    }

    #[test]
    fn a_longer_wait_that_the_server_asked_for_is_kept() {
        let now = DateTime::from_timestamp(1_000_000, 0).unwrap();
        let why = Failure::transient_item(FailureCode::Throttled, "later").after(Duration::minutes(40));
        assert_eq!(after_item_failure(1, &why, now), AfterItemFailure::RetryAt(now + Duration::minutes(40)));
    }
}
