//! What each state needs, and what never makes it ok.

use super::*;
use crate::{
    address::EmailAddress,
    breaker::Asked,
    failure::{Failure, FailureCode},
    ids::{MailboxId, ProfileId, UserId},
    mailbox::MailboxOwner,
    profile::{AuthenticateUsing, ServerType},
    send_limits::SendLimits,
    workload::WorkloadState,
};
use chrono::DateTime;
use uuid::Uuid;

const RUNS: EngineLife = EngineLife::Runs { since: None };

fn at(minutes: i64) -> Instant {
    DateTime::from_timestamp(1_000_000_000 + minutes * 60, 0).unwrap()
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
        send_limits: SendLimits::default(),
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
        approval_rule: Default::default(),
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

fn judge_with(
    state: WorkloadState,
    circuit: &Circuit,
    engine: EngineLife,
    expected: i64,
    now: i64,
) -> Health {
    let (mailbox, profile) = (mailbox(state), profile());
    let judged = Judged {
        mailbox: &mailbox,
        workload: Workload::Incoming,
        profile: Some(&profile),
        circuit: Some(circuit),
        expected_at: Some(at(expected)),
        latest_end: None,
        engine,
        using: ProcessEmailUsing::ServerSideSynchronization,
    };
    health(&judged, at(now)).unwrap()
}

/// With the next cycle due at minute 6.
fn judge(state: WorkloadState, now: i64) -> Health {
    judge_with(state, &Circuit::default(), RUNS, 6, now)
}

fn outage(code: FailureCode, nature: fn(FailureCode, &str) -> Failure) -> Circuit {
    Circuit::default()
        .after(crate::breaker::Signal::Failed(nature(code, "x")), MailboxId(Uuid::nil()), 1, at(2))
        .0
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
fn a_long_turn_of_a_quiet_mailbox_is_not_late() {
    let in_four_hours = |now| judge_with(enabled(Some(1), None), &Circuit::default(), RUNS, 241, now);
    assert_eq!(in_four_hours(240).status, HealthStatus::Ok);
    assert_eq!(in_four_hours(246).status, HealthStatus::Ok);
    assert_eq!(in_four_hours(247).status, HealthStatus::Late);
}

#[test]
fn failures_and_retries_do_not_put_off_the_moment_when_it_is_late() {
    let health = judge(enabled(Some(1), Some(6)), 7);
    assert_eq!(health.status, HealthStatus::Ok);
    assert!(health.why.contains("no route"));
    let late = judge(enabled(Some(1), Some(11)), 12);
    assert_eq!(late.status, HealthStatus::Late);
    assert!(late.why.contains("no route") && late.why.contains("was due at"), "{}", late.why);
}

#[test]
fn without_an_engine_what_is_overdue_is_late_and_says_so() {
    let judge = |engine, now| judge_with(enabled(Some(1), None), &Circuit::default(), engine, 6, now);
    assert_eq!(judge(EngineLife::DoesNotRun, 7).status, HealthStatus::Ok, "it is not overdue yet");
    let late = judge(EngineLife::DoesNotRun, 60);
    assert_eq!(late.status, HealthStatus::Late);
    assert!(late.why.contains("Tandem does not run"), "{}", late.why);
}

#[test]
fn after_a_sleep_what_was_missed_is_late_until_it_is_done_and_nobody_is_blamed() {
    let woke = EngineLife::Runs { since: Some(at(480)) };
    let late = judge_with(enabled(Some(1), None), &Circuit::default(), woke, 6, 480);
    assert_eq!(late.status, HealthStatus::Late);
    assert!(late.why.contains("being caught up") && !late.why.contains("failed"), "{}", late.why);
    let done = judge_with(enabled(Some(481), None), &Circuit::default(), woke, 486, 481);
    assert_eq!(done.status, HealthStatus::Ok);
}

#[test]
fn a_proof_from_the_future_proves_nothing() {
    // The clock was a day ahead, and was set right at minute 10.
    let state = enabled(Some(1_440), None);
    let unproven = judge_with(state.clone(), &Circuit::default(), RUNS, 1_445, 10);
    assert_eq!((unproven.status, unproven.since), (HealthStatus::Unproven, None));
    assert!(unproven.why.contains("in the future"), "{}", unproven.why);
    // A correction of some seconds is none.
    let little = WorkloadState { last_success_at: Some(at(10) + Duration::seconds(30)), ..state };
    assert_eq!(judge_with(little, &Circuit::default(), RUNS, 15, 10).status, HealthStatus::Ok);
}

#[test]
fn the_end_of_another_mailboxs_cycle_in_the_future_says_that_no_age_is_known() {
    let (mailbox, profile) = (mailbox(enabled(Some(1), None)), profile());
    let judged = |latest_end| Judged {
        mailbox: &mailbox,
        workload: Workload::Incoming,
        profile: Some(&profile),
        circuit: None,
        expected_at: Some(at(6)),
        latest_end: Some(latest_end),
        engine: EngineLife::DoesNotRun,
        using: ProcessEmailUsing::ServerSideSynchronization,
    };
    // Another one's cycle ended at minute 8; then Tandem ended, and the clock was set back to minute 2.
    let unproven = health(&judged(at(8)), at(2)).unwrap();
    assert_eq!(unproven.status, HealthStatus::Unproven);
    assert!(unproven.why.contains("set back"), "{}", unproven.why);
    assert_eq!(health(&judged(at(2) + Duration::seconds(30)), at(2)).unwrap().status, HealthStatus::Ok);
    // What is late anyway is late.
    assert_eq!(health(&judged(at(8)), at(12)).unwrap().status, HealthStatus::Late);
}

#[test]
fn a_test_from_before_the_clock_was_set_back_puts_nothing_off() {
    let tested = WorkloadState { tested_at: Some(at(60)), ..enabled(Some(1), None) };
    assert_eq!(judge(tested, 12).status, HealthStatus::Late);
}

#[test]
fn a_server_that_fails_for_everyone_makes_its_mailboxes_late_and_not_stopped() {
    let circuit = outage(FailureCode::ConnectionRefused, |code, said| Failure::transient_profile(code, said));
    let fresh = judge_with(enabled(Some(1), None), &circuit, RUNS, 241, 3);
    assert_eq!((fresh.status, fresh.since), (HealthStatus::Late, Some(at(2))));
    assert!(
        fresh.why.contains("connection_refused") && fresh.why.contains("Nobody is disabled"),
        "{}",
        fresh.why
    );
    let asked = circuit.probe_now(Asked::ByPerson, at(3));
    assert_eq!(judge_with(enabled(Some(1), None), &asked, RUNS, 241, 3).status, HealthStatus::Late);
}

#[test]
fn a_refused_account_of_the_profile_stops_its_mailboxes() {
    let circuit =
        outage(FailureCode::AuthenticationFailed, |code, said| Failure::permanent_profile(code, said));
    let stopped = judge_with(enabled(Some(1), None), &circuit, RUNS, 6, 3);
    assert_eq!((stopped.status, stopped.since), (HealthStatus::Stopped, Some(at(2))));
    let whole = profile_health(&profile(), [(Workload::Incoming, &circuit)], &[&stopped]).unwrap();
    assert_eq!((whole.status, whole.since), (HealthStatus::Stopped, Some(at(2))));
    assert!(whole.why.contains("password"), "{}", whole.why);
}

#[test]
fn what_waits_for_a_person_is_stopped() {
    let failed =
        WorkloadState { enabled: false, status: WorkloadStatus::Failure, ..enabled(Some(1), Some(6)) };
    assert_eq!(judge(failed, 7).status, HealthStatus::Stopped);
    let mut pending = mailbox(enabled(Some(1), None));
    pending.approval = Approval::Pending;
    let judged = Judged {
        mailbox: &pending,
        workload: Workload::Incoming,
        profile: Some(&profile()),
        circuit: None,
        expected_at: None,
        latest_end: None,
        engine: RUNS,
        using: ProcessEmailUsing::ServerSideSynchronization,
    };
    assert_eq!(health(&judged, at(2)).unwrap().status, HealthStatus::Stopped);
    assert_eq!(health(&Judged { workload: Workload::Outgoing, ..judged }, at(2)), None, "it is not ours");
}

#[test]
fn a_profile_and_the_organization_are_as_the_worst_of_theirs() {
    let one = |status, since| Health { status, since: Some(at(since)), why: String::new() };
    let (late, ok, later) =
        (one(HealthStatus::Late, 9), one(HealthStatus::Ok, 1), one(HealthStatus::Late, 4));
    let all = [&late, &ok, &later];
    assert_eq!(worst(all), Some((HealthStatus::Late, Some(at(4)))));
    assert_eq!(worst([]), None);
    let whole = profile_health(&profile(), [(Workload::Incoming, &Circuit::default())], &all).unwrap();
    assert_eq!((whole.status, whole.since), (HealthStatus::Late, Some(at(4))));
    assert!(whole.why.starts_with("2 of 3"), "{}", whole.why);
    let still = organization_health(&all, EngineLife::DoesNotRun).unwrap();
    assert!(still.why.contains("does not run"), "{}", still.why);
    assert_eq!(organization_health(&[], RUNS), None);
}
