//! Spreads mailboxes that would go in step: each has its own place in the interval, always the same one.

use chrono::Duration;
use tandem_domain::{Instant, frequency::Wheel};

/// A cycle that started later than this part of its interval was caught up, with many others.
const LATE_PART: i32 = 20;
/// A next cycle comes at most this much later than it was due: half of what health forgives.
const LONGEST_DELAY: Duration = Duration::seconds(150);

/// The place of a simulated mailbox, which has a number and no id: 0.0 up to, and without, 1.0. Numbers in a row lie far apart.
#[must_use]
pub fn place_of(number: u64) -> f64 {
    // The finisher of SplitMix64.
    let mut mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^= mixed >> 31;
    let top = u32::try_from(mixed >> 32).unwrap_or_default();
    f64::from(top) / (f64::from(u32::MAX) + 1.0)
}

/// What is known of a cycle that ended, for [`next_due`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// When it was due.
    pub due_at: Instant,
    /// When it started.
    pub started_at: Instant,
    /// Whether it was the first since its workload was enabled.
    pub kind: Kind,
}

/// Whether cycles of its kind may be in step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The first since the workload was enabled, perhaps with thousands of others.
    First,
    /// One of many.
    Later,
}

/// When the next cycle is due, given when the policy says. A mailbox that was enabled or caught up with many others
/// goes to its own place on the wheel this once, so that they don't stay in step: in a range as long as a turn,
/// at most [`LONGEST_DELAY`] and half an interval later, and never before `least` has passed.
#[must_use]
pub fn next_due(ended: Ended, wheel: Wheel, policy: Instant, least: Duration, now: Instant) -> Instant {
    let interval = policy - now;
    let was_late = ended.started_at - ended.due_at > interval / LATE_PART;
    if interval <= Duration::zero() || ended.kind == Kind::Later && !was_late {
        return policy;
    }
    let latest = policy + LONGEST_DELAY.min(interval / 2);
    let earliest = (latest - wheel.turn).max(now + least).min(latest);
    wheel.within(earliest, latest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::at;

    /// Of the mailbox that has a 2,000th of all places before it so many times.
    fn after(ended: Ended, number: u32, least: i64) -> i64 {
        let wheel = Wheel { turn: Duration::seconds(300), place: u32::MAX / 2_000 * number };
        let next = next_due(ended, wheel, at(300), Duration::seconds(least), at(0));
        (next - at(0)).num_seconds()
    }

    const FIRST: Kind = Kind::First;

    #[test]
    fn two_thousand_mailboxes_enabled_at_once_spread_over_the_interval() {
        let ended = Ended { due_at: at(0), started_at: at(0), kind: FIRST };
        let mut in_each_half_minute = [0_u32; 10];
        for number in 0..2_000 {
            let next = after(ended, number, 0);
            assert_eq!(next, after(ended, number, 0), "always the same");
            in_each_half_minute[((next - 150).clamp(0, 299) / 30) as usize] += 1;
        }
        assert!(
            in_each_half_minute.iter().all(|count| (140..260).contains(count)),
            "{in_each_half_minute:?}"
        );
    }

    #[test]
    fn a_cycle_in_time_keeps_its_policy_to_the_second() {
        let ended = Ended { due_at: at(-15), started_at: at(-1), kind: Kind::Later };
        assert_eq!(after(ended, 7, 0), 300);
    }

    #[test]
    fn what_was_caught_up_after_a_sleep_is_spread_again() {
        let ended = Ended { due_at: at(-7_200), started_at: at(-1), kind: Kind::Later };
        let spread: std::collections::BTreeSet<_> =
            (0..100).map(|number| after(ended, number * 20, 0)).collect();
        assert!(spread.len() > 60 && *spread.last().unwrap() <= 450);
    }

    #[test]
    fn the_least_wait_is_kept_and_delays_are_small() {
        let ended = Ended { due_at: at(0), started_at: at(0), kind: FIRST };
        for number in (0..2_000).step_by(4) {
            assert!((200..=450).contains(&after(ended, number, 200)));
            assert!((300..=450).contains(&after(ended, number, 300)), "no room before it");
        }
    }
}
