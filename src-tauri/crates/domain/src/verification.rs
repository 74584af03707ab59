//! Verification: is there a decision for every message that the server has? And coverage: since when, and until when,
//! was everything seen?

use crate::{Instant, failure::Failure, ids::MailboxId, ledger::ServerIdentity};
use chrono::Duration;

/// A mailbox is verified this long after its last verification, in hours.
pub const VERIFY_EVERY_HOURS: i64 = 24;
/// After a verification that failed, in hours.
pub const VERIFY_AGAIN_HOURS: i64 = 1;
/// Two cycles this far apart, in minutes, are still one stretch of time; what is longer was an outage.
pub const STRETCH_MINUTES: i64 = 60;

/// What comparing the server's identities with the ledger found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// The mailbox.
    pub mailbox: MailboxId,
    /// When the server's list was asked for.
    pub verified_at: Instant,
    /// Messages that the server has.
    pub on_server: u64,
    /// Those of them that have a decision.
    pub decided: u64,
    /// Those that arrived since the last cycle and are due with the next one.
    pub waiting: u64,
    /// Those that should have a decision and have none, in the server's order.
    pub missing: Vec<ServerIdentity>,
    /// How many of them got their decision now.
    pub repaired: u64,
    /// Decisions about messages that the server has no more; nothing is wrong with them.
    pub gone: u64,
    /// Why it is not complete.
    pub failure: Option<Failure>,
}

impl Verification {
    /// Whether every message that should have a decision has one now.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.failure.is_none() && self.repaired >= self.missing.len() as u64
    }

    /// When the mailbox is verified next.
    #[must_use]
    pub fn next_due(&self) -> Instant {
        let hours = if self.is_complete() { VERIFY_EVERY_HOURS } else { VERIFY_AGAIN_HOURS };
        self.verified_at + Duration::hours(hours)
    }
}

/// How a stretch of time came to be covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Cycles ran at their usual pace.
    AsItCame,
    /// Nothing ran; a later cycle, which completed at this instant, saw what had arrived meanwhile.
    CaughtUp(Instant),
}

/// A stretch of time of which every message that the server still had was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// From.
    pub from: Instant,
    /// Until.
    pub until: Instant,
    /// How.
    pub seen: Seen,
}

/// What a completed cycle makes of the latest stretch: what takes its place, at most three in order.
///
/// A cycle that completed has seen all that had arrived when it started at `started_at`. `first_from` is where
/// coverage begins when there is none yet: the oldest message seen, or Process Emails From. A clock that was set back
/// takes nothing away.
#[must_use]
pub fn covered(
    latest: Option<Stretch>,
    first_from: Instant,
    started_at: Instant,
    completed_at: Instant,
) -> Vec<Stretch> {
    let Some(latest) = latest else {
        let from = first_from.min(started_at);
        return vec![Stretch { from, until: started_at, seen: Seen::AsItCame }];
    };
    if started_at <= latest.until {
        return vec![latest];
    }
    let pause = started_at - latest.until;
    if pause <= Duration::minutes(STRETCH_MINUTES) && latest.seen == Seen::AsItCame {
        return vec![Stretch { until: started_at, ..latest }];
    }
    if pause <= Duration::minutes(STRETCH_MINUTES) {
        return vec![latest, Stretch { from: latest.until, until: started_at, seen: Seen::AsItCame }];
    }
    let caught_up = Stretch { from: latest.until, until: started_at, seen: Seen::CaughtUp(completed_at) };
    vec![latest, caught_up]
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use uuid::Uuid;

    fn at(minutes: i64) -> Instant {
        DateTime::from_timestamp(1_000_000 + minutes * 60, 0).unwrap()
    }

    fn stretch(from: i64, until: i64, seen: Seen) -> Stretch {
        Stretch { from: at(from), until: at(until), seen }
    }

    #[test]
    fn coverage_begins_where_the_first_completed_cycle_began_to_look() {
        let first = covered(None, at(-5_000), at(0), at(1));
        assert_eq!(first, [stretch(-5_000, 0, Seen::AsItCame)]);
        let nothing_before = covered(None, at(9), at(0), at(1));
        assert_eq!(nothing_before, [stretch(0, 0, Seen::AsItCame)]);
    }

    #[test]
    fn cycles_at_their_pace_are_one_stretch() {
        let latest = stretch(0, 10, Seen::AsItCame);
        assert_eq!(covered(Some(latest), at(0), at(15), at(16)), [stretch(0, 15, Seen::AsItCame)]);
        assert_eq!(covered(Some(latest), at(0), at(70), at(71)), [stretch(0, 70, Seen::AsItCame)]);
    }

    #[test]
    fn an_outage_is_filled_by_the_cycle_after_it_and_stays_to_be_seen() {
        let latest = stretch(0, 10, Seen::AsItCame);
        let after = covered(Some(latest), at(0), at(600), at(602));
        let gap = stretch(10, 600, Seen::CaughtUp(at(602)));
        assert_eq!(after, [latest, gap]);
        assert_eq!(covered(Some(gap), at(0), at(605), at(606)), [gap, stretch(600, 605, Seen::AsItCame)]);
    }

    #[test]
    fn a_clock_that_was_set_back_takes_nothing_away() {
        let latest = stretch(0, 100, Seen::AsItCame);
        assert_eq!(covered(Some(latest), at(0), at(50), at(51)), [latest]);
    }

    #[test]
    fn what_is_not_complete_is_verified_again_soon() {
        let mut one = Verification {
            mailbox: MailboxId(Uuid::nil()),
            verified_at: at(0),
            on_server: 3,
            decided: 2,
            waiting: 0,
            missing: vec![ServerIdentity("a".to_owned())],
            repaired: 0,
            gone: 0,
            failure: None,
        };
        assert_eq!(one.next_due(), at(60));
        one.repaired = 1;
        assert_eq!(one.next_due(), at(24 * 60));
    }
}
