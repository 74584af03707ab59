//! Health: judged by the last cycle that completed and when the next was due, never by "the last run did not fail".
//!
//! A workload that does not run cannot fail, so the absence of errors proves nothing. Only a completed round trip
//! does, and only until the next one is overdue by the policy in force. A proof dated in the future proves nothing.

use crate::{
    Instant,
    breaker::{Circuit, Outage},
    mailbox::{Approval, DeliveryMethod, Mailbox},
    profile::EmailServerProfile,
    settings::ProcessEmailUsing,
    workload::{Workload, WorkloadStatus},
};
use chrono::Duration;

/// How late a cycle may be before it counts as late, in minutes: a busy server, a sleeping laptop that just woke.
pub const GRACE_MINUTES: i64 = 5;
/// So far ahead a proof may be dated, in seconds: clocks are corrected a little all the time.
const CLOCK_TOLERANCE_SECONDS: i64 = 60;

/// How a workload is, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HealthStatus {
    /// It completed a cycle and the next one is not overdue.
    Ok,
    /// It should run and has not completed a cycle yet.
    Unproven,
    /// A cycle should have completed and did not.
    Late,
    /// It does not run until a person acts.
    Stopped,
}

impl HealthStatus {
    /// The word in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unproven => "unproven",
            Self::Late => "late",
            Self::Stopped => "stopped",
        }
    }
}

/// The health of a workload, a profile or the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// How it is.
    pub status: HealthStatus,
    /// Since when, as far as known.
    pub since: Option<Instant>,
    /// Why, in words.
    pub why: String,
}

/// Whether an engine works for the data folder, in whatever process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineLife {
    /// One runs; since when, where known.
    Runs {
        /// Since when, when it is known.
        since: Option<Instant>,
    },
    /// None runs: nothing is synchronized.
    DoesNotRun,
}

/// A workload of a mailbox with all that its health depends on.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'a> {
    /// The mailbox.
    pub mailbox: &'a Mailbox,
    /// Which of its workloads.
    pub workload: Workload,
    /// Its profile.
    pub profile: Option<&'a EmailServerProfile>,
    /// The circuit of the profile in this direction.
    pub circuit: Option<&'a Circuit>,
    /// When the next completed cycle was due, by the policy in force when the last one completed.
    pub expected_at: Option<Instant>,
    /// When the latest cycle of any mailbox ended. One in the future says that the clock was set back, and that nobody
    /// has noticed yet.
    pub latest_end: Option<Instant>,
    /// Whether anybody works.
    pub engine: EngineLife,
    /// Whether it is Tandem that processes the organization's email.
    pub using: ProcessEmailUsing,
}

/// Judges one workload. `None`: it is not synchronized by us, so there is nothing to judge.
#[must_use]
pub fn health(judged: &Judged<'_>, now: Instant) -> Option<Health> {
    if judged.mailbox.method(judged.workload) != DeliveryMethod::ServerSideSync {
        return None;
    }
    if judged.using == ProcessEmailUsing::EmailRouter {
        let why = "The Email Router processes this organization's email.".to_owned();
        return Some(Health { status: HealthStatus::Unproven, since: None, why });
    }
    Some(stopped(judged).unwrap_or_else(|| running(judged, now)))
}

/// Judges a profile by its circuits and its mailboxes' workloads. `None`: no mailbox of it is synchronized.
#[must_use]
pub fn profile_health<'a>(
    profile: &EmailServerProfile,
    circuits: impl IntoIterator<Item = (Workload, &'a Circuit)>,
    workloads: &[&Health],
) -> Option<Health> {
    let (status, since) = worst(workloads.iter().copied())?;
    if !profile.active {
        let why = "It is not active, so its mailboxes are not synchronized.".to_owned();
        return Some(Health { status: HealthStatus::Stopped, since: None, why });
    }
    let outages = circuits.into_iter().filter_map(|(workload, one)| Some((workload, one.outage.as_ref()?)));
    if let Some((workload, outage)) =
        outages.min_by_key(|(_, outage)| (outage.probe_at.is_some(), outage.since))
    {
        let status = status_of(outage);
        let why = format!("Its server for {workload} email {}", told(outage));
        return Some(Health { status, since: Some(outage.since), why });
    }
    Some(Health { status, since, why: counted(status, workloads) })
}

/// Judges the whole organization by the workloads of all its mailboxes. `None`: nothing is synchronized.
#[must_use]
pub fn organization_health(workloads: &[&Health], engine: EngineLife) -> Option<Health> {
    let (status, since) = worst(workloads.iter().copied())?;
    let mut why = counted(status, workloads);
    if engine == EngineLife::DoesNotRun {
        why += " Tandem does not run now: nothing is synchronized until it is started.";
    }
    Some(Health { status, since, why })
}

/// The worst of several, with the earliest instant of those that are that bad. `None` when there is nothing to judge.
#[must_use]
pub fn worst<'a>(all: impl IntoIterator<Item = &'a Health>) -> Option<(HealthStatus, Option<Instant>)> {
    all.into_iter().fold(None, |worst, one| match worst {
        Some((status, _)) if status > one.status => worst,
        Some((status, since)) if status == one.status => {
            Some((status, [since, one.since].into_iter().flatten().min()))
        }
        _ => Some((one.status, one.since)),
    })
}

fn counted(status: HealthStatus, workloads: &[&Health]) -> String {
    let all = workloads.len();
    let so = workloads.iter().filter(|one| one.status == status).count();
    match status {
        HealthStatus::Ok => format!("All {all} workloads of its mailboxes are synchronized in time."),
        HealthStatus::Unproven => format!("{so} of {all} workloads of its mailboxes are not proven yet."),
        HealthStatus::Late => format!("{so} of {all} workloads of its mailboxes are late."),
        HealthStatus::Stopped => format!("{so} of {all} workloads of its mailboxes are stopped."),
    }
}

fn stopped(judged: &Judged<'_>) -> Option<Health> {
    let state = judged.mailbox.state(judged.workload);
    let stop = |since, why: &str| Some(Health { status: HealthStatus::Stopped, since, why: why.to_owned() });
    match judged.mailbox.standing() {
        Approval::Approved => {}
        Approval::Pending => return stop(None, "Its address waits for approval."),
        Approval::Rejected => return stop(None, "Its address was rejected."),
    }
    let Some(profile) = judged.profile else {
        return stop(None, "It has no email server profile.");
    };
    if !profile.active {
        return stop(None, &format!("Its profile {} is not active.", profile.name));
    }
    if !state.enabled {
        return match state.status {
            WorkloadStatus::NotRun => Some(Health {
                status: HealthStatus::Unproven,
                since: None,
                why: "It was never tested: run Test & Enable.".to_owned(),
            }),
            WorkloadStatus::Failure => {
                let why = state.last_error.as_deref().unwrap_or("the last test or cycle failed");
                stop(
                    state.last_error_at.or(state.tested_at),
                    &format!("It is disabled after a failure: {why}"),
                )
            }
            WorkloadStatus::Success => stop(None, "It was disabled by hand: run Test & Enable to go on."),
        };
    }
    let outage = judged.circuit?.outage.as_ref()?;
    let why = format!("The server of its profile {} {}", profile.name, told(outage));
    Some(Health { status: status_of(outage), since: Some(outage.since), why })
}

const fn status_of(outage: &Outage) -> HealthStatus {
    if outage.probe_at.is_some() { HealthStatus::Late } else { HealthStatus::Stopped }
}

/// What an outage means, for a sentence that begins with the server.
fn told(outage: &Outage) -> String {
    let since = shown(outage.since);
    match outage.probe_at {
        Some(at) => format!(
            "fails for everyone since {since} ({}). Nobody is disabled; one mailbox tries again at {}.",
            outage.why.code,
            shown(at)
        ),
        None => format!(
            "refuses the profile's own account since {since} ({}). It is not tried again before its password is \
             changed or a person asks for it.",
            outage.why.code
        ),
    }
}

fn running(judged: &Judged<'_>, now: Instant) -> Health {
    let state = judged.mailbox.state(judged.workload);
    let failing = state.last_error_at.is_some() && state.last_error_at > state.last_success_at;
    let reason = |what: String| match &state.last_error {
        Some(error) if failing => format!("{what} The last attempt failed: {error}"),
        _ => what,
    };
    let in_future = |at: &Instant| *at > now + Duration::seconds(CLOCK_TOLERANCE_SECONDS);
    if let Some(at) = state.last_success_at.filter(in_future) {
        let why = format!(
            "Its last completed cycle is dated {}, which is in the future: the clock of this computer was set back. \
             That proves nothing; the next completed cycle will.",
            shown(at)
        );
        return Health { status: HealthStatus::Unproven, since: None, why: reason(why) };
    }
    if let Some(at) = judged.latest_end.filter(in_future) {
        let why = format!(
            "A cycle is dated {}, which is in the future: the clock of this computer was set back. How old its last \
             completed cycle is is not known; the next one will prove it.",
            shown(at)
        );
        return Health { status: HealthStatus::Unproven, since: None, why: reason(why) };
    }
    // Being enabled again after a stop starts the wait anew; a test from before a clock was set back does not.
    let tested_at = state.tested_at.filter(|at| !in_future(at));
    let expected_at = judged.expected_at.max(tested_at).or(state.last_success_at);
    let overdue_at = expected_at.map(|at| at + Duration::minutes(GRACE_MINUTES));
    if let (Some(expected_at), Some(overdue_at)) = (expected_at, overdue_at.filter(|at| *at < now)) {
        let mut what = match state.last_success_at {
            Some(at) => format!(
                "The last cycle completed at {}, the next was due at {}.",
                shown(at),
                shown(expected_at)
            ),
            None => "No cycle has completed since it was enabled.".to_owned(),
        };
        match judged.engine {
            EngineLife::DoesNotRun => {
                what += " Tandem does not run, so nothing is synchronized: start it.";
            }
            EngineLife::Runs { since: Some(since) } if since > expected_at => {
                what += " Tandem did not run, or the computer slept, when it was due; it is being caught up.";
            }
            EngineLife::Runs { .. } => {}
        }
        return Health { status: HealthStatus::Late, since: Some(overdue_at), why: reason(what) };
    }
    let Some(proof) = state.last_success_at else {
        let why = reason("It is enabled, and no cycle has completed since.".to_owned());
        return Health { status: HealthStatus::Unproven, since: tested_at, why };
    };
    let why = reason(format!("A cycle completed at {}.", shown(proof)));
    let trouble_ended = state.last_error_at.filter(|at| *at <= proof);
    Health { status: HealthStatus::Ok, since: trouble_ended.max(tested_at).or(Some(proof)), why }
}

fn shown(at: Instant) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests;
