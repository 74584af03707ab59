//! Which alerts follow from how a cycle ended: raised once per cause, cleared when the cause is gone.

use super::ending::{Troubles, is_server};
use crate::ports::storage::DueWork;
use tandem_domain::{
    Instant,
    alert::{AlertCode, AlertLevel, AlertObject, NewAlert},
    failure::{Failure, Nature},
    schedule::CycleEnd,
    workload::Workload,
};

/// What is to be done about alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Raise this one, or merge it.
    Raise(NewAlert),
    /// Clear those of an object: of one code, or all.
    Clear(AlertObject, Option<AlertCode>),
}

/// Decides about alerts. A server's trouble is one alert on its profile, whoever of its mailboxes meets it; it is
/// cleared when the workload that met it succeeds and no other workload still meets it.
pub fn changes(
    troubles: &mut Troubles,
    work: &DueWork,
    end: &CycleEnd,
    next_due_at: Option<Instant>,
) -> Vec<Change> {
    let own = AlertObject::Mailbox(work.mailbox, work.workload);
    match end {
        CycleEnd::Failed(failure) if is_server(failure) => {
            troubles.entry((work.profile, work.workload)).or_default().insert(failure.code);
            let object = AlertObject::Profile(work.profile);
            vec![Change::Raise(alert(object, level(failure), failure, next_due_at))]
        }
        CycleEnd::Failed(failure) => {
            let level = if next_due_at.is_none() { AlertLevel::Error } else { level(failure) };
            vec![Change::Raise(alert(own, level, failure, next_due_at))]
        }
        CycleEnd::Completed | CycleEnd::Yielded => {
            let mut changes = server_is_well(troubles, work);
            if work.attempts > 0 {
                changes.push(Change::Clear(own, None));
            }
            changes
        }
    }
}

fn server_is_well(troubles: &mut Troubles, work: &DueWork) -> Vec<Change> {
    let profile = AlertObject::Profile(work.profile);
    let first_success = !troubles.contains_key(&(work.profile, work.workload));
    let over = troubles.insert((work.profile, work.workload), Default::default()).unwrap_or_default();
    let still = |code| Workload::ALL.iter().any(|other| has(troubles, work, *other, code));
    let mut changes: Vec<Change> = over
        .into_iter()
        .filter(|code| !still(*code))
        .map(|code| Change::Clear(profile, Some(AlertCode::Failure(code))))
        .collect();
    // What an earlier run of the program left open is over, too, unless this run met it again.
    let untroubled = Workload::ALL
        .iter()
        .all(|other| troubles.get(&(work.profile, *other)).is_none_or(std::collections::BTreeSet::is_empty));
    if first_success && untroubled {
        changes.push(Change::Clear(profile, None));
    }
    changes
}

fn has(
    troubles: &Troubles,
    work: &DueWork,
    workload: Workload,
    code: tandem_domain::failure::FailureCode,
) -> bool {
    troubles.get(&(work.profile, workload)).is_some_and(|codes| codes.contains(&code))
}

fn level(failure: &Failure) -> AlertLevel {
    match failure.nature {
        Nature::Transient => AlertLevel::Warning,
        Nature::Permanent => AlertLevel::Error,
    }
}

fn alert(object: AlertObject, level: AlertLevel, failure: &Failure, retry_at: Option<Instant>) -> NewAlert {
    NewAlert {
        level,
        object,
        code: AlertCode::Failure(failure.code),
        detail: failure.server_said.clone(),
        retry_at,
    }
}
