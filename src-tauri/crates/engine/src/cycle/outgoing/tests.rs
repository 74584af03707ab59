//! Sent exactly once, whatever breaks where; and a person is asked only when nobody else can know.

use super::*;
use crate::{
    cycle::incoming,
    testing::{World, at, server::Answer},
};
use chrono::Duration;
use tandem_domain::{
    alert::{AlertCode, AlertLevel, AlertObject},
    email::EmailStatus,
    ids::MailboxId,
    outgoing::{AttemptPhase, RefusedRecipient, SubmitOutcome},
};

const AMY: &str = "amy@contoso.test";
const BOB: &str = "bob@contoso.test";
const OUTSIDE: &str = "ben@fabrikam.test";

async fn cycle_of(world: &World, mailbox: MailboxId) -> CycleOutcome {
    run(&world.context(mailbox, Workload::Outgoing).await).await
}

/// Reads a mailbox, and records that it was read.
async fn read(world: &World, mailbox: MailboxId) {
    let started = world.ports.clock.now();
    let outcome = incoming::run(&world.context(mailbox, Workload::Incoming).await).await;
    assert_eq!(outcome.end, CycleEnd::Completed);
    let mut state = world.store.state();
    state.schedule.get_mut(&(mailbox, Workload::Incoming)).unwrap().completed_start = Some(started);
}

fn answers(world: &World, answers: impl IntoIterator<Item = Answer>) {
    world.server.state.lock().unwrap().answers.extend(answers);
}

fn delivered(world: &World) -> usize {
    world.server.state.lock().unwrap().delivered.len()
}

#[tokio::test]
async fn one_session_carries_many_emails() {
    let world = World::new();
    let amy = world.mailbox(1, AMY);
    let emails: Vec<_> = (1..=150).map(|number| world.store.pending(number, amy, &[OUTSIDE])).collect();
    let outcome = cycle_of(&world, amy).await;
    assert_eq!((outcome.end, outcome.items), (CycleEnd::Completed, 150));
    assert!(emails.iter().all(|email| world.store.status(*email) == EmailStatus::Sent));
    assert_eq!(delivered(&world), 150);
    assert_eq!(world.server.state.lock().unwrap().sessions, 1);
}

#[tokio::test]
async fn an_email_that_was_withdrawn_meanwhile_is_left_alone() {
    let world = World::new();
    let amy = world.mailbox(1, AMY);
    let (one, two) = (world.store.pending(1, amy, &[OUTSIDE]), world.store.pending(2, amy, &[OUTSIDE]));
    let context = world.context(amy, Workload::Outgoing).await;
    world.steps.stop_at(1);
    let withdraw = async {
        tokio::task::yield_now().await;
        world.store.state().emails.get_mut(&two).unwrap().status = EmailStatus::Canceled;
        world.steps.go_on();
    };
    let (outcome, ()) = tokio::join!(run(&context), withdraw);
    assert_eq!(outcome.end, CycleEnd::Completed);
    assert_eq!(world.store.status(one), EmailStatus::Sent);
    assert_eq!((world.store.status(two), delivered(&world)), (EmailStatus::Canceled, 1));
}

#[tokio::test]
async fn a_mailbox_with_nothing_to_send_is_not_connected() {
    let world = World::new();
    let amy = world.mailbox(1, AMY);
    assert_eq!(cycle_of(&world, amy).await.end, CycleEnd::Completed);
    assert_eq!(world.server.state.lock().unwrap().sessions, 0);
}

#[tokio::test]
async fn a_refused_recipient_is_told_and_the_others_have_it() {
    let world = World::new();
    let amy = world.mailbox(1, AMY);
    let email = world.store.pending(1, amy, &[OUTSIDE, "no@fabrikam.test"]);
    let failure = Failure::permanent_item(FailureCode::RecipientsRefused, "550 5.1.1 unknown");
    answers(&world, [Answer::Refuse(RefusedRecipient { address: "no@fabrikam.test".into(), failure })]);
    cycle_of(&world, amy).await;
    assert_eq!((world.store.status(email), delivered(&world)), (EmailStatus::Sent, 1));
    let state = world.store.state();
    assert_eq!(state.alerts[0].code, AlertCode::SomeRecipientsRefused);
    assert!(state.alerts[0].detail.contains("no@fabrikam.test: 550"));
}

#[tokio::test]
async fn a_recipient_asked_to_wait_is_tried_again_alone() {
    let world = World::new();
    let amy = world.mailbox(1, AMY);
    let email = world.store.pending(1, amy, &[OUTSIDE, "late@fabrikam.test"]);
    let failure = Failure::transient_item(FailureCode::Throttled, "450 4.7.1 greylisted");
    answers(&world, [Answer::Refuse(RefusedRecipient { address: "late@fabrikam.test".into(), failure })]);
    let outcome = cycle_of(&world, amy).await;
    assert_eq!(world.store.status(email), EmailStatus::PendingSend);
    world.clock.move_to(outcome.again_at.unwrap());
    cycle_of(&world, amy).await;
    assert_eq!(world.store.status(email), EmailStatus::Sent);
    let state = world.server.state.lock().unwrap();
    let to: Vec<_> = state.delivered.iter().map(|(to, _)| to.as_str()).collect();
    assert_eq!(to, [OUTSIDE, "late@fabrikam.test"]);
}

#[tokio::test]
async fn a_rejected_email_fails_with_an_alert_and_the_next_one_goes() {
    let world = World::new();
    let amy = world.mailbox(1, AMY);
    let (bad, good) = (world.store.pending(1, amy, &[OUTSIDE]), world.store.pending(2, amy, &[OUTSIDE]));
    let why = Failure::permanent_item(FailureCode::MessageRefused, "554 5.7.1 spam");
    answers(&world, [Answer::Say(SubmitOutcome::Rejected { why, refused: vec![] })]);
    assert_eq!(cycle_of(&world, amy).await.end, CycleEnd::Completed);
    assert_eq!(world.store.status(bad), EmailStatus::Failed);
    assert_eq!(world.store.status(good), EmailStatus::Sent);
    let state = world.store.state();
    assert_eq!((state.alerts[0].object, state.alerts[0].level), (AlertObject::Email(bad), AlertLevel::Error));
}

#[tokio::test]
async fn a_failing_mailbox_ends_the_cycle_and_costs_no_email() {
    for why in [
        Failure::permanent_mailbox(FailureCode::AuthenticationFailed, "535 no"),
        Failure::transient_profile(FailureCode::ServerUnavailable, "421 closing"),
    ] {
        let world = World::new();
        let amy = world.mailbox(1, AMY);
        let emails = [world.store.pending(1, amy, &[OUTSIDE]), world.store.pending(2, amy, &[OUTSIDE])];
        let outcome = if why.code == FailureCode::ServerUnavailable {
            SubmitOutcome::Retry { why: why.clone(), refused: vec![] }
        } else {
            SubmitOutcome::Rejected { why: why.clone(), refused: vec![] }
        };
        answers(&world, [Answer::Say(outcome)]);
        assert_eq!(cycle_of(&world, amy).await.end, CycleEnd::Failed(why));
        assert!(emails.iter().all(|email| world.store.status(*email) == EmailStatus::PendingSend));
        assert_eq!(world.store.state().emails[&emails[0]].attempts, 1, "the attempt is not lost");
        cycle_of(&world, amy).await;
        assert_eq!(delivered(&world), 2);
    }
}

#[tokio::test]
async fn an_email_that_broke_off_before_the_commit_point_is_sent_again_at_once() {
    let world = World::new();
    let amy = world.mailbox(1, AMY);
    let email = world.store.pending(1, amy, &[OUTSIDE]);
    {
        let mut state = world.store.state();
        let kept = state.emails.get_mut(&email).unwrap();
        (kept.status, kept.attempt) = (EmailStatus::Sending, Some((AttemptPhase::Started, at(0))));
    }
    cycle_of(&world, amy).await;
    assert_eq!((world.store.status(email), delivered(&world)), (EmailStatus::Sent, 1));
}

#[tokio::test]
async fn a_lost_answer_is_recognised_in_the_recipients_mailbox_and_not_sent_again() {
    let world = World::new();
    let (amy, bob) = (world.mailbox(1, AMY), world.mailbox(2, BOB));
    let email = world.store.pending(1, amy, &[BOB, OUTSIDE]);
    answers(&world, [Answer::DeliverThenHangUp]);
    let outcome = cycle_of(&world, amy).await;
    assert_eq!(world.store.status(email), EmailStatus::Sending);
    assert!(outcome.awaits_evidence);
    assert_eq!(world.store.state().schedule[&(bob, Workload::Incoming)].due_at, Some(at(0)));
    read(&world, bob).await;
    cycle_of(&world, amy).await;
    assert_eq!((world.store.status(email), delivered(&world)), (EmailStatus::Sent, 2));
}

#[tokio::test]
async fn a_message_that_never_arrived_is_sent_again_after_a_late_look() {
    let world = World::new();
    let (amy, bob) = (world.mailbox(1, AMY), world.mailbox(2, BOB));
    let email = world.store.pending(1, amy, &[BOB]);
    answers(&world, [Answer::HangUp]);
    let outcome = cycle_of(&world, amy).await;
    read(&world, bob).await;
    world.clock.move_to(outcome.again_at.unwrap());
    let outcome = cycle_of(&world, amy).await;
    assert_eq!(world.store.status(email), EmailStatus::Sending, "bob was read too early to tell");
    read(&world, bob).await;
    world.clock.move_to(outcome.again_at.unwrap());
    cycle_of(&world, amy).await;
    assert_eq!((world.store.status(email), delivered(&world)), (EmailStatus::Sent, 1));
}

#[tokio::test]
async fn a_look_that_ends_while_the_evidence_is_gathered_does_not_count_as_one_that_saw_nothing() {
    let world = World::new();
    let (amy, bob) = (world.mailbox(1, AMY), world.mailbox(2, BOB));
    let email = world.store.pending(1, amy, &[BOB]);
    answers(&world, [Answer::DeliverThenHangUp]);
    cycle_of(&world, amy).await;
    world.clock.move_to(at(130));
    // The row that says that bob has it, and the end of the cycle that found it.
    read(&world, bob).await;
    let found = {
        let mut state = world.store.state();
        state.schedule.get_mut(&(bob, Workload::Incoming)).unwrap().completed_start = Some(at(5));
        std::mem::take(&mut state.rows)
    };
    world.store.state().after_saw = Some(Box::new(move |state| {
        state.rows = found;
        state.schedule.get_mut(&(bob, Workload::Incoming)).unwrap().completed_start = Some(at(125));
    }));
    cycle_of(&world, amy).await;
    assert_eq!((world.store.status(email), delivered(&world)), (EmailStatus::Sending, 1));
    cycle_of(&world, amy).await;
    assert_eq!((world.store.status(email), delivered(&world)), (EmailStatus::Sent, 1));
}

#[tokio::test]
async fn a_look_after_the_clock_was_set_ahead_is_not_late_enough_to_be_evidence() {
    let world = World::new();
    let (amy, bob) = (world.mailbox(1, AMY), world.mailbox(2, BOB));
    let email = world.store.pending(1, amy, &[BOB]);
    answers(&world, [Answer::HangUp]);
    cycle_of(&world, amy).await;
    world.clock.jump(Duration::hours(1));
    let jumped_at = world.ports.clock.now();
    let after_the_jump = async || {
        let mut context = world.context(amy, Workload::Outgoing).await;
        context.steady_since = jumped_at;
        run(&context).await
    };
    world.clock.advance(Duration::seconds(5));
    read(&world, bob).await;
    let outcome = after_the_jump().await;
    assert_eq!(world.store.status(email), EmailStatus::Sending, "seconds passed, not an hour");
    assert_eq!(outcome.again_at, Some(jumped_at + Duration::seconds(120)));
    world.clock.advance(Duration::seconds(120));
    read(&world, bob).await;
    after_the_jump().await;
    assert_eq!((world.store.status(email), delivered(&world)), (EmailStatus::Sent, 1));
}

#[tokio::test]
async fn a_mailbox_that_does_not_look_that_far_back_is_no_evidence() {
    let world = World::new();
    let (amy, bob) = (world.mailbox(1, AMY), world.mailbox(2, BOB));
    world.store.state().mailboxes.get_mut(&bob).unwrap().process_emails_from = Some(at(9_999));
    let email = world.store.pending(1, amy, &[BOB]);
    answers(&world, [Answer::HangUp]);
    cycle_of(&world, amy).await;
    world.clock.move_to(at(300));
    read(&world, bob).await;
    cycle_of(&world, amy).await;
    assert_eq!((world.store.status(email), delivered(&world)), (EmailStatus::Sending, 0));
}

#[tokio::test]
async fn only_a_person_can_tell_what_became_of_mail_to_outside() {
    let world = World::new();
    let amy = world.mailbox(1, AMY);
    let email = world.store.pending(1, amy, &[OUTSIDE]);
    answers(&world, [Answer::DeliverThenHangUp]);
    cycle_of(&world, amy).await;
    world.clock.move_to(at(121));
    for _ in 0..3 {
        cycle_of(&world, amy).await;
    }
    assert_eq!((world.store.status(email), delivered(&world)), (EmailStatus::Sending, 1));
    let state = world.store.state();
    assert_eq!(state.alerts.len(), 1);
    assert_eq!(state.alerts[0].code, AlertCode::Failure(FailureCode::DeliveryUnconfirmed));
}

#[tokio::test]
async fn a_kill_at_any_step_delivers_exactly_once() {
    let mut kills = 0;
    for step in 0.. {
        let world = World::new();
        let (amy, bob) = (world.mailbox(1, AMY), world.mailbox(2, BOB));
        let emails: Vec<_> = (1..=4).map(|number| world.store.pending(number, amy, &[BOB])).collect();
        let context = world.context(amy, Workload::Outgoing).await;
        world.steps.stop_at(step);
        let killed = world.steps.run(run(&context)).await.is_none();
        drop(context);
        world.steps.stop_at(usize::MAX);
        // The next start; time passes, and everybody's mailbox is read as it would be.
        for seconds in [1, 130, 260, 400] {
            world.clock.move_to(at(seconds));
            read(&world, bob).await;
            cycle_of(&world, amy).await;
        }
        assert!(
            emails.iter().all(|email| world.store.status(*email) == EmailStatus::Sent),
            "step {step}: all are sent"
        );
        assert_eq!(delivered(&world), 4, "step {step}: each once");
        if !killed {
            break;
        }
        kills += 1;
    }
    assert!(kills > 25, "there are many steps to be killed at, {kills}");
}
