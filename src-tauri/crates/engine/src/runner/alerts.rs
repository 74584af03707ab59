//! Which alerts follow from how a cycle ended: raised once per cause, cleared when the cause is gone.

use super::ending::Ended;
use crate::ports::storage::DueWork;
use tandem_domain::{
    Instant,
    alert::{AlertCode, AlertLevel, AlertObject, NewAlert},
    breaker::{Circuit, Turn, is_local},
    failure::{Failure, FailureCode, Nature, Scope},
    schedule::CycleEnd,
};

/// What is to be done about alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Raise this one, or merge it.
    Raise(NewAlert),
    /// Clear those of an object: of one code, or all.
    Clear(AlertObject, Option<AlertCode>),
}

/// Decides about alerts. A server's trouble is one alert on its profile, whoever of its mailboxes meets it, and none on
/// them; as long as only one has met it, it is that mailbox's. `other` is how the profile's other direction fails now:
/// what is true of both is cleared when both are well.
pub fn changes(work: &DueWork, ended: &Ended, other: Option<FailureCode>) -> Vec<Change> {
    let own = AlertObject::Mailbox(work.mailbox, work.workload);
    let profile = AlertObject::Profile(work.profile);
    let over = |code: FailureCode| {
        (other != Some(code)).then_some(Change::Clear(profile, Some(AlertCode::Failure(code))))
    };
    let mut changes = Vec::new();
    match &ended.turn {
        Turn::Same | Turn::Suspected => {}
        Turn::Opened { suspect } => {
            if let Some((suspect, code)) = suspect {
                let suspect = AlertObject::Mailbox(*suspect, work.workload);
                changes.push(Change::Clear(suspect, Some(AlertCode::Failure(*code))));
            }
            if let CycleEnd::Failed(failure) = &ended.end {
                changes.push(Change::Clear(own, Some(AlertCode::Failure(failure.code))));
            }
        }
        Turn::StillOpen { earlier } => {
            let now = ended.circuit.outage.as_ref().map(|outage| outage.why.code);
            changes.extend(over(*earlier).filter(|_| now != Some(*earlier)));
        }
        Turn::Recovered { outage } => changes.extend(over(outage.why.code)),
    }
    changes.extend(match &ended.end {
        CycleEnd::Failed(failure) if is_local(failure.code) && failure.scope == Scope::Profile => {
            vec![Change::Raise(alert(profile, level(failure), failure, ended.next_due_at))]
        }
        CycleEnd::Failed(failure) if failure.scope == Scope::Profile => vec![
            outage(profile, &ended.circuit)
                .unwrap_or_else(|| Change::Raise(alert(own, level(failure), failure, ended.next_due_at))),
        ],
        CycleEnd::Failed(failure) => {
            vec![Change::Raise(alert(own, level(failure), failure, ended.next_due_at))]
        }
        CycleEnd::Completed | CycleEnd::Yielded if work.had_failed || work.attempts > 0 => {
            vec![Change::Clear(own, None)]
        }
        CycleEnd::Completed | CycleEnd::Yielded => Vec::new(),
    });
    changes
}

/// The alert of an open circuit.
fn outage(profile: AlertObject, circuit: &Circuit) -> Option<Change> {
    let outage = circuit.outage.as_ref()?;
    let level = if outage.probe_at.is_none() { AlertLevel::Error } else { level(&outage.why) };
    Some(Change::Raise(alert(profile, level, &outage.why, outage.probe_at)))
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
