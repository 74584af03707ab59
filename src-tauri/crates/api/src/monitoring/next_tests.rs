//! Every answer to "next, and why then", once.

use super::*;
use chrono::{DateTime, Duration};
use tandem_domain::{
    address::EmailAddress,
    breaker::{Asked, Signal},
    failure::{Failure, FailureCode},
    ids::{MailboxId, ProfileId, UserId},
    mailbox::{ApprovalRule, DeliveryMethod, MailboxOwner},
    profile::{AuthenticateUsing, ServerType},
    send_limits::SendLimits,
    workload::{WorkloadState, WorkloadStatus},
};
use uuid::Uuid;

fn at(minutes: i64) -> Instant {
    DateTime::from_timestamp(1_000_000_000 + minutes * 60, 0).unwrap()
}

/// Everything that an answer depends on: a mailbox that is well and due in four minutes.
struct Case {
    mailbox: Mailbox,
    profile: Option<EmailServerProfile>,
    row: view::WorkloadView,
    circuit: Option<Circuit>,
    settings: OrganizationSettings,
    last_failed: bool,
    waiting: WaitingMail,
    engine_runs: bool,
    runs: bool,
    listens: bool,
}

fn well() -> Case {
    let state = WorkloadState {
        status: WorkloadStatus::Success,
        enabled: true,
        tested_at: Some(at(-100)),
        ..Default::default()
    };
    let mailbox = Mailbox {
        id: MailboxId(Uuid::nil()),
        email: EmailAddress::parse("amy@contoso.test").unwrap(),
        owner: MailboxOwner::User(UserId(Uuid::nil())),
        profile: Some(ProfileId(Uuid::nil())),
        incoming: DeliveryMethod::ServerSideSync,
        outgoing: DeliveryMethod::ServerSideSync,
        act: DeliveryMethod::None,
        approval: Approval::Approved,
        approval_rule: ApprovalRule::Required,
        user_name: None,
        allow_credentials: true,
        delete_after_processing: false,
        process_emails_from: None,
        incoming_state: state.clone(),
        outgoing_state: state.clone(),
        act_state: WorkloadState::default(),
    };
    let profile = EmailServerProfile {
        id: ProfileId(Uuid::nil()),
        name: "Contoso".to_owned(),
        description: String::new(),
        server_type: ServerType::ImapSmtp,
        active: true,
        incoming: None,
        outgoing: None,
        authenticate_using: AuthenticateUsing::UserOrQueue,
        user_name: None,
        process_emails_from: None,
        max_concurrent_connections: 10,
        min_polling_interval_minutes: 0,
        send_limits: SendLimits::default(),
    };
    let row = view::WorkloadView {
        workload: Workload::Incoming,
        method: DeliveryMethod::ServerSideSync,
        state,
        last_failure: None,
        is_processed: true,
        next_due_at: Some(at(4)),
        attempts: 0,
        running_until: None,
        last_completed_start: Some(at(-1)),
        expected_at: Some(at(4)),
    };
    Case {
        mailbox,
        profile: Some(profile),
        row,
        circuit: None,
        settings: OrganizationSettings::default(),
        last_failed: false,
        waiting: WaitingMail::default(),
        engine_runs: true,
        runs: false,
        listens: false,
    }
}

fn outage(nature: fn(FailureCode, &str) -> Failure) -> Circuit {
    let failure = nature(FailureCode::AuthenticationFailed, "no");
    Circuit::default().after(Signal::Failed(failure), MailboxId(Uuid::nil()), 1, at(0)).0
}

fn answer(change: impl FnOnce(&mut Case)) -> (Option<Instant>, String) {
    let mut case = well();
    change(&mut case);
    let standing = Standing {
        mailbox: &case.mailbox,
        profile: case.profile.as_ref(),
        row: &case.row,
        circuit: case.circuit.as_ref(),
        settings: &case.settings,
        activity: Activity::default(),
        last_failed: case.last_failed,
        waiting: case.waiting,
        engine_runs: case.engine_runs,
        runs: case.runs,
        listens: case.listens,
    };
    next(&standing, at(0))
}

fn holds(case: &mut Case, emails: u32) {
    case.row.workload = Workload::Outgoing;
    case.waiting = WaitingMail { pending: 9, held: emails, held_until: Some(at(4)), ..Default::default() };
}

#[test]
fn every_answer_says_when_and_why_then() {
    type Change = fn(&mut Case);
    let cases: &[(&str, Change, Option<i64>, &str)] = &[
        ("well", |_| {}, Some(4), "5 minutes after the last cycle ended (online policy)."),
        ("no profile", |case| case.profile = None, None, "It has no email server profile."),
        (
            "pending",
            |case| case.mailbox.approval = Approval::Pending,
            None,
            "Waits for approval of its address.",
        ),
        (
            "pending, and nobody asks for approval",
            |case| {
                case.mailbox.approval = Approval::Pending;
                case.mailbox.approval_rule = ApprovalRule::NotRequired;
            },
            Some(4),
            "5 minutes after the last cycle ended (online policy).",
        ),
        ("rejected", |case| case.mailbox.approval = Approval::Rejected, None, "Its address was rejected."),
        (
            "inactive profile",
            |case| case.profile.as_mut().unwrap().active = false,
            None,
            "Its profile is not active.",
        ),
        (
            "never tested",
            |case| case.mailbox.incoming_state = WorkloadState::default(),
            None,
            "Waits for Test & Enable.",
        ),
        (
            "stopped",
            |case| case.mailbox.incoming_state.enabled = false,
            None,
            "Stopped: Test & Enable, or a new password, starts it again.",
        ),
        ("runs", |case| case.runs = true, None, "Runs now; the next cycle is planned when this one ends."),
        (
            "refused account",
            |case| case.circuit = Some(outage(|code, said| Failure::permanent_profile(code, said))),
            None,
            "Held back: the account of Contoso is refused; see its alert for what to do.",
        ),
        ("not planned", |case| case.row.next_due_at = None, None, "Nothing makes it due."),
        (
            "no engine",
            |case| case.engine_runs = false,
            Some(4),
            "No engine runs: it starts as soon as one does.",
        ),
        ("due", |case| case.row.next_due_at = Some(at(0)), Some(0), "Due: it waits for its turn."),
        (
            "one email held",
            |case| holds(case, 1),
            Some(4),
            "Held back: a sending limit keeps 1 email until then.",
        ),
        (
            "emails held",
            |case| holds(case, 3),
            Some(4),
            "Held back: a sending limit keeps 3 emails until then.",
        ),
        (
            "a failure that counts",
            |case| case.row.attempts = 2,
            Some(4),
            "Tried again after a failure: attempt 3 of 10.",
        ),
        (
            "a failure that does not count",
            |case| case.last_failed = true,
            Some(4),
            "Tried again after a failure that counts no attempt.",
        ),
        (
            "asked for",
            |case| case.row.expected_at = Some(at(5)),
            Some(4),
            "Before its interval ends: new mail, Sync now, a message to try again, or its own place after many mailboxes started \
             together.",
        ),
        (
            "push",
            |case| case.listens = true,
            Some(4),
            "Push: listens, so that new mail starts it at once; else 5 minutes after the last cycle ended (online policy).",
        ),
        (
            "on-premises",
            |case| case.settings.frequency = FrequencyPolicy::OnPremises9,
            Some(4),
            "5 minutes after the last cycle ended (on-premises 9.x policy).",
        ),
        (
            "CRM 2015",
            |case| case.settings.frequency = FrequencyPolicy::Crm2015,
            Some(4),
            "15 minutes after the last cycle ended (CRM 2015 policy).",
        ),
        (
            "an interval of one's own",
            |case| case.settings.cycle_interval_minutes = Some(1),
            Some(4),
            "1 minute after the last cycle ended (the interval in Settings).",
        ),
        (
            "the profile's least",
            |case| case.profile.as_mut().unwrap().min_polling_interval_minutes = 20,
            Some(4),
            "20 minutes after the last cycle ended (the profile's minimum polling interval).",
        ),
    ];
    for (name, change, when, why) in cases {
        assert_eq!(answer(change), (when.map(at), (*why).to_owned()), "{name}");
    }
}

#[test]
fn an_outage_holds_back_until_its_probe_whatever_else_is_true() {
    let (when, why) = answer(|case| {
        case.circuit = Some(
            outage(|code, said| Failure::permanent_profile(code, said)).probe_now(Asked::ByPerson, at(2)),
        );
        case.row.attempts = 3;
        case.engine_runs = false;
    });
    assert_eq!(when, Some(at(2)));
    assert_eq!(why, "Held back: the server of Contoso is unreachable; it is probed then.");
}

#[test]
fn what_is_held_back_for_later_than_the_next_look_is_not_the_reason_for_it() {
    let (_, why) = answer(|case| {
        holds(case, 3);
        case.waiting.held_until = Some(at(4) + Duration::hours(1));
    });
    assert!(why.contains("policy"), "{why}");
}
