//! Health of a workload: judged by the last cycle that completed, never by "the last run did not fail".
//!
//! A workload that does not run cannot fail, so the absence of errors proves nothing. Only a completed round trip
//! does, and only until the next one is overdue.

use crate::{
    Instant,
    mailbox::{Approval, DeliveryMethod, Mailbox},
    profile::EmailServerProfile,
    settings::{OrganizationSettings, ProcessEmailUsing},
    workload::{Workload, WorkloadStatus},
};
use chrono::Duration;

/// How late a cycle may be before it counts as late, in minutes: a busy server, a sleeping laptop that just woke.
pub const GRACE_MINUTES: i64 = 5;

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

/// The health of one workload of one mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkloadHealth {
    /// How it is.
    pub status: HealthStatus,
    /// Since when, as far as known.
    pub since: Option<Instant>,
    /// Why, in words.
    pub why: String,
}

/// Judges one workload. `None`: it is not synchronized by us, so there is nothing to judge.
#[must_use]
pub fn health(
    mailbox: &Mailbox,
    profile: Option<&EmailServerProfile>,
    workload: Workload,
    settings: &OrganizationSettings,
    now: Instant,
) -> Option<WorkloadHealth> {
    if mailbox.method(workload) != DeliveryMethod::ServerSideSync {
        return None;
    }
    if settings.process_email_using == ProcessEmailUsing::EmailRouter {
        let why = "The Email Router processes this organization's email.".to_owned();
        return Some(WorkloadHealth { status: HealthStatus::Unproven, since: None, why });
    }
    let min_polling_interval = profile.map_or(0, |profile| profile.min_polling_interval_minutes);
    let interval = Duration::minutes(settings.cycle_interval_minutes.max(min_polling_interval).max(1).into());
    Some(stopped(mailbox, profile, workload).unwrap_or_else(|| running(mailbox, workload, interval, now)))
}

/// The worst of several, with the earliest instant of those that are that bad. `None` when there is nothing to judge.
#[must_use]
pub fn worst<'a>(
    all: impl IntoIterator<Item = &'a WorkloadHealth>,
) -> Option<(HealthStatus, Option<Instant>)> {
    all.into_iter().fold(None, |worst, one| match worst {
        Some((status, _)) if status > one.status => worst,
        Some((status, since)) if status == one.status => {
            Some((status, [since, one.since].into_iter().flatten().min()))
        }
        _ => Some((one.status, one.since)),
    })
}

fn stopped(
    mailbox: &Mailbox,
    profile: Option<&EmailServerProfile>,
    workload: Workload,
) -> Option<WorkloadHealth> {
    let state = mailbox.state(workload);
    let stop =
        |since, why: &str| Some(WorkloadHealth { status: HealthStatus::Stopped, since, why: why.to_owned() });
    match mailbox.approval {
        Approval::Approved => {}
        Approval::Pending => return stop(None, "Its address waits for approval."),
        Approval::Rejected => return stop(None, "Its address was rejected."),
    }
    let Some(profile) = profile else {
        return stop(None, "It has no email server profile.");
    };
    if !profile.active {
        return stop(None, &format!("Its profile {} is not active.", profile.name));
    }
    if state.enabled {
        return None;
    }
    match state.status {
        WorkloadStatus::NotRun => Some(WorkloadHealth {
            status: HealthStatus::Unproven,
            since: None,
            why: "It was never tested: run Test & Enable.".to_owned(),
        }),
        WorkloadStatus::Failure => {
            let why = state.last_error.as_deref().unwrap_or("the last test or cycle failed");
            stop(state.last_error_at.or(state.tested_at), &format!("It is disabled after a failure: {why}"))
        }
        WorkloadStatus::Success => stop(None, "It was disabled by hand: run Test & Enable to go on."),
    }
}

fn running(mailbox: &Mailbox, workload: Workload, interval: Duration, now: Instant) -> WorkloadHealth {
    let state = mailbox.state(workload);
    let patience = interval + Duration::minutes(GRACE_MINUTES);
    // Being enabled again after a stop starts the wait anew.
    let waits_since = state.last_success_at.max(state.tested_at);
    let overdue_at = waits_since.map(|at| at + patience);
    let failing = state.last_error_at.is_some() && state.last_error_at > state.last_success_at;
    let reason = |what: String| match &state.last_error {
        Some(error) if failing => format!("{what} The last attempt failed: {error}"),
        _ => what,
    };
    if overdue_at.is_some_and(|at| at < now) {
        let what = match state.last_success_at {
            Some(at) => format!("The last cycle completed at {}.", at.format("%Y-%m-%d %H:%M UTC")),
            None => "No cycle has completed since it was enabled.".to_owned(),
        };
        return WorkloadHealth { status: HealthStatus::Late, since: overdue_at, why: reason(what) };
    }
    let Some(proof) = state.last_success_at else {
        let why = reason("It is enabled, and no cycle has completed yet.".to_owned());
        return WorkloadHealth { status: HealthStatus::Unproven, since: state.tested_at, why };
    };
    let why = reason(format!("A cycle completed at {}.", proof.format("%Y-%m-%d %H:%M UTC")));
    let trouble_ended = state.last_error_at.filter(|at| *at <= proof);
    WorkloadHealth {
        status: HealthStatus::Ok,
        since: trouble_ended.max(state.tested_at).or(Some(proof)),
        why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        address::EmailAddress,
        ids::{MailboxId, ProfileId, UserId},
        mailbox::MailboxOwner,
        profile::{AuthenticateUsing, ServerType},
        workload::WorkloadState,
    };
    use chrono::DateTime;
    use uuid::Uuid;

    fn at(minutes: i64) -> Instant {
        DateTime::from_timestamp(1_000_000 + minutes * 60, 0).unwrap()
    }

    fn profile() -> EmailServerProfile {
        EmailServerProfile {
            id: ProfileId(Uuid::nil()),
            name: "P".to_owned(),
            description: String::new(),
            server_type: ServerType::Pop3Smtp,
            active: true,
            incoming: None,
            outgoing: None,
            authenticate_using: AuthenticateUsing::UserOrQueue,
            user_name: None,
            process_emails_from: None,
            max_concurrent_connections: 10,
            min_polling_interval_minutes: 0,
        }
    }

    fn mailbox(incoming_state: WorkloadState) -> Mailbox {
        Mailbox {
            id: MailboxId(Uuid::nil()),
            email: EmailAddress::parse("a@b").unwrap(),
            owner: MailboxOwner::User(UserId(Uuid::nil())),
            profile: Some(ProfileId(Uuid::nil())),
            incoming: DeliveryMethod::ServerSideSync,
            outgoing: DeliveryMethod::None,
            act: DeliveryMethod::None,
            approval: Approval::Approved,
            user_name: None,
            allow_credentials: true,
            delete_after_processing: false,
            process_emails_from: None,
            incoming_state,
            outgoing_state: WorkloadState::default(),
            act_state: WorkloadState::default(),
        }
    }

    fn enabled(last_success: Option<i64>, last_error: Option<i64>) -> WorkloadState {
        WorkloadState {
            status: WorkloadStatus::Success,
            enabled: true,
            last_success_at: last_success.map(at),
            last_error: last_error.map(|_| "no route".to_owned()),
            last_error_at: last_error.map(at),
            tested_at: Some(at(0)),
        }
    }

    fn judge(state: WorkloadState, now: i64) -> WorkloadHealth {
        let settings = OrganizationSettings::default();
        health(&mailbox(state), Some(&profile()), Workload::Incoming, &settings, at(now)).unwrap()
    }

    #[test]
    fn only_a_completed_cycle_makes_it_ok() {
        assert_eq!(judge(enabled(None, None), 1).status, HealthStatus::Unproven);
        assert_eq!(judge(enabled(Some(1), None), 2).status, HealthStatus::Ok);
    }

    #[test]
    fn silence_is_late_even_though_nothing_failed() {
        assert_eq!(judge(enabled(Some(1), None), 11).status, HealthStatus::Ok);
        let late = judge(enabled(Some(1), None), 12);
        assert_eq!((late.status, late.since), (HealthStatus::Late, Some(at(11))));
        assert_eq!(judge(enabled(None, None), 12).status, HealthStatus::Late);
    }

    #[test]
    fn a_failed_attempt_is_told_but_not_yet_late() {
        let health = judge(enabled(Some(1), Some(6)), 7);
        assert_eq!(health.status, HealthStatus::Ok);
        assert!(health.why.contains("no route"));
    }

    #[test]
    fn what_waits_for_a_person_is_stopped() {
        let failed =
            WorkloadState { enabled: false, status: WorkloadStatus::Failure, ..enabled(Some(1), Some(6)) };
        assert_eq!(judge(failed, 7).status, HealthStatus::Stopped);
        let mut pending = mailbox(enabled(Some(1), None));
        pending.approval = Approval::Pending;
        let settings = OrganizationSettings::default();
        let judged = health(&pending, Some(&profile()), Workload::Incoming, &settings, at(2)).unwrap();
        assert_eq!(judged.status, HealthStatus::Stopped);
    }

    #[test]
    fn what_is_not_synchronized_is_not_judged() {
        let settings = OrganizationSettings::default();
        let mailbox = mailbox(enabled(None, None));
        assert_eq!(health(&mailbox, Some(&profile()), Workload::Outgoing, &settings, at(1)), None);
    }

    #[test]
    fn the_worst_decides_and_the_earliest_dates_it() {
        let one = |status, since| WorkloadHealth { status, since: Some(at(since)), why: String::new() };
        let all = [one(HealthStatus::Late, 9), one(HealthStatus::Ok, 1), one(HealthStatus::Late, 4)];
        assert_eq!(worst(&all), Some((HealthStatus::Late, Some(at(4)))));
        assert_eq!(worst(&[]), None);
    }
}
