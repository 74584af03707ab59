//! When a workload of a mailbox runs next: pure functions of how the cycle ended, and `now`.

use crate::{
    Instant,
    failure::{Failure, Nature, Scope},
    frequency::{Activity, Rhythm},
};
use chrono::Duration;

/// Transient failures are tried again this often before they count as permanent.
pub const MAX_TRANSIENT_ATTEMPTS: u32 = 10;
/// Minutes between two attempts after a transient failure.
pub const TRANSIENT_RETRY_MINUTES: i64 = 5;

/// How a cycle ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CycleEnd {
    /// It completed.
    Completed,
    /// It did part of its work and wants to go on at once.
    Yielded,
    /// It failed.
    Failed(Failure),
}

/// Where a workload stood before a cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// Failed attempts in a row that count.
    pub attempts: u32,
    /// What it found lately.
    pub activity: Activity,
}

/// What happens to the workload next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// It runs again.
    At {
        /// When.
        due_at: Instant,
        /// Where it stands now.
        standing: Standing,
    },
    /// It is disabled until a person acts: for this reason, which is permanent now.
    Disable(Failure),
}

/// Decides about the next cycle at the end of this one, which did so many items.
///
/// A failure of the server (scope profile) counts no attempt and never disables a mailbox: an outage is nobody's
/// setting. A wait that the server asked for is kept, and so is the minimum polling interval.
#[must_use]
pub fn next(end: &CycleEnd, items: u32, before: Standing, rhythm: &Rhythm, now: Instant) -> Next {
    match end {
        CycleEnd::Completed => {
            let activity = before.activity.after(items);
            let standing = Standing { attempts: 0, activity };
            Next::At { due_at: rhythm.next(activity, now), standing }
        }
        CycleEnd::Yielded => Next::At { due_at: now, standing: Standing { attempts: 0, ..before } },
        CycleEnd::Failed(failure) => {
            let counts = failure.scope != Scope::Profile;
            let attempts = before.attempts.saturating_add(u32::from(counts));
            let given_up = match failure.nature {
                Nature::Permanent => true,
                Nature::Transient => attempts >= MAX_TRANSIENT_ATTEMPTS,
            };
            if given_up && counts {
                return Next::Disable(Failure { nature: Nature::Permanent, ..failure.clone() });
            }
            let retry = Duration::minutes(TRANSIENT_RETRY_MINUTES);
            let least = Duration::minutes(rhythm.min_polling_interval_minutes.into());
            let wait = failure.retry_after.unwrap_or(retry).max(Duration::seconds(1)).max(least);
            Next::At { due_at: now + wait, standing: Standing { attempts, ..before } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{failure::FailureCode, frequency::FrequencyPolicy, ids::MailboxId, workload::Workload};
    use chrono::DateTime;
    use uuid::Uuid;

    fn now() -> Instant {
        DateTime::from_timestamp(1_000_000, 0).unwrap()
    }

    fn rhythm() -> Rhythm {
        Rhythm {
            policy: FrequencyPolicy::OnPremises9,
            fixed_minutes: None,
            min_polling_interval_minutes: 0,
            mailbox: MailboxId(Uuid::nil()),
            workload: Workload::Incoming,
            with_incoming: true,
        }
    }

    fn before(attempts: u32) -> Standing {
        Standing { attempts, activity: Activity { busy_cycles: 0, idle_cycles: 3 } }
    }

    fn run(end: &CycleEnd, attempts: u32) -> Next {
        next(end, 0, before(attempts), &rhythm(), now())
    }

    fn busy() -> Failure {
        Failure::transient_mailbox(FailureCode::MailboxInUse, "busy")
    }

    #[test]
    fn a_completed_cycle_runs_again_by_the_policy_and_counts_what_it_found() {
        let after = |items| next(&CycleEnd::Completed, items, before(3), &rhythm(), now());
        for (items, activity) in [
            (0, Activity { busy_cycles: 0, idle_cycles: 4 }),
            (2, Activity { busy_cycles: 1, idle_cycles: 0 }),
        ] {
            let due_at = rhythm().next(activity, now());
            assert_eq!(after(items), Next::At { due_at, standing: Standing { attempts: 0, activity } });
        }
    }

    #[test]
    fn a_cycle_that_yields_goes_on_at_once_and_says_nothing_about_activity() {
        assert_eq!(run(&CycleEnd::Yielded, 3), Next::At { due_at: now(), standing: before(0) });
    }

    #[test]
    fn transient_failures_are_tried_five_minutes_apart_and_the_tenth_is_permanent_with_the_same_code() {
        let end = CycleEnd::Failed(busy());
        for attempts in 0..9 {
            let due_at = now() + Duration::seconds(300);
            assert_eq!(run(&end, attempts), Next::At { due_at, standing: before(attempts + 1) });
        }
        let permanent = Failure::permanent_mailbox(FailureCode::MailboxInUse, "busy");
        assert_eq!(run(&end, 9), Next::Disable(permanent));
    }

    #[test]
    fn an_outage_disables_nobody_and_counts_no_attempt() {
        let end = CycleEnd::Failed(Failure::transient_profile(FailureCode::ConnectionRefused, "refused"));
        let due_at = now() + Duration::seconds(300);
        assert_eq!(run(&end, 9), Next::At { due_at, standing: before(9) });
        let forever =
            CycleEnd::Failed(Failure::permanent_profile(FailureCode::CertificateRefused, "expired"));
        assert_eq!(run(&forever, 9), Next::At { due_at, standing: before(9) });
    }

    #[test]
    fn what_a_person_must_mend_disables_at_once() {
        for code in [
            FailureCode::AuthenticationFailed,
            FailureCode::PasswordMissing,
            FailureCode::NotApproved,
            FailureCode::MailboxNotFound,
        ] {
            let failure = Failure::permanent_mailbox(code, "no");
            assert_eq!(run(&CycleEnd::Failed(failure.clone()), 0), Next::Disable(failure));
        }
    }

    #[test]
    fn a_wait_that_the_server_asked_for_is_kept() {
        let failure = busy().after(Duration::minutes(42));
        let due_at = now() + Duration::minutes(42);
        assert_eq!(run(&CycleEnd::Failed(failure), 0), Next::At { due_at, standing: before(1) });
    }

    #[test]
    fn a_retry_is_not_earlier_than_the_minimum_polling_interval() {
        let slow = Rhythm { min_polling_interval_minutes: 60, ..rhythm() };
        let due_at = now() + Duration::minutes(60);
        let next = next(&CycleEnd::Failed(busy()), 0, before(0), &slow, now());
        assert_eq!(next, Next::At { due_at, standing: before(1) });
    }
}
