//! When a workload of a mailbox runs next: pure functions of how the cycle ended, and `now`.

use crate::{
    Instant,
    failure::{Failure, Nature, Scope},
    settings::OrganizationSettings,
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

/// What happens to the workload next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// It runs again.
    At {
        /// When.
        due_at: Instant,
        /// Failed attempts in a row so far.
        attempts: u32,
    },
    /// It is disabled until a person acts.
    Disable,
}

/// Decides about the next cycle at the end of this one.
///
/// `attempts` counts the failures in a row before this cycle. A failure of the server (scope profile) never
/// disables a mailbox: an outage is nobody's setting. A wait that the server asked for is kept.
#[must_use]
pub fn next(
    end: &CycleEnd,
    attempts: u32,
    settings: &OrganizationSettings,
    min_polling_interval_minutes: u16,
    now: Instant,
) -> Next {
    let interval =
        Duration::minutes(settings.cycle_interval_minutes.max(min_polling_interval_minutes).max(1).into());
    let retry = Duration::minutes(TRANSIENT_RETRY_MINUTES);
    match end {
        CycleEnd::Completed => Next::At { due_at: now + interval, attempts: 0 },
        CycleEnd::Yielded => Next::At { due_at: now, attempts: 0 },
        CycleEnd::Failed(failure) => {
            let attempts = attempts.saturating_add(1);
            let given_up = match failure.nature {
                Nature::Permanent => true,
                Nature::Transient => attempts >= MAX_TRANSIENT_ATTEMPTS,
            };
            if given_up && failure.scope != Scope::Profile {
                return Next::Disable;
            }
            let wait = failure.retry_after.unwrap_or(retry).max(Duration::seconds(1));
            Next::At { due_at: now + wait, attempts }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::FailureCode;
    use chrono::DateTime;

    fn now() -> Instant {
        DateTime::from_timestamp(1_000_000, 0).unwrap()
    }

    fn run(end: &CycleEnd, attempts: u32) -> Next {
        next(end, attempts, &OrganizationSettings::default(), 0, now())
    }

    #[test]
    fn a_completed_cycle_runs_again_after_the_interval() {
        let due_at = now() + Duration::minutes(5);
        assert_eq!(run(&CycleEnd::Completed, 3), Next::At { due_at, attempts: 0 });
    }

    #[test]
    fn the_tenth_transient_failure_of_a_mailbox_disables_it() {
        let end = CycleEnd::Failed(Failure::transient_mailbox(FailureCode::MailboxInUse, "busy"));
        let due_at = now() + Duration::minutes(5);
        assert_eq!(run(&end, 8), Next::At { due_at, attempts: 9 });
        assert_eq!(run(&end, 9), Next::Disable);
    }

    #[test]
    fn an_outage_disables_nobody() {
        let end = CycleEnd::Failed(Failure::transient_profile(FailureCode::ConnectionRefused, "refused"));
        assert!(matches!(run(&end, 500), Next::At { .. }));
    }

    #[test]
    fn a_refused_password_disables_at_once() {
        let end = CycleEnd::Failed(Failure::permanent_mailbox(FailureCode::AuthenticationFailed, "no"));
        assert_eq!(run(&end, 0), Next::Disable);
    }

    #[test]
    fn a_wait_that_the_server_asked_for_is_kept() {
        let failure =
            Failure::transient_profile(FailureCode::Throttled, "later").after(Duration::minutes(42));
        let due_at = now() + Duration::minutes(42);
        assert_eq!(run(&CycleEnd::Failed(failure), 0), Next::At { due_at, attempts: 1 });
    }
}
