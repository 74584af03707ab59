//! What is enabled and what is not, and that the first contact only reads.

use super::*;
use crate::{
    events::EngineEvent,
    runner::{Engine, EngineLimits},
    testing::{World, at, deleting_queue, mailbox, mime::message, store::test_jobs::Job},
};
use tandem_domain::{
    failure::FailureCode,
    ids::MailboxId,
    mailbox::{Approval, DeliveryMethod},
    probe::RungOutcome::{Failed, Passed, Skipped},
    test_job::{JobState, TestState},
    test_plan::BatchRules,
};

const AMY: &str = "amy@contoso.test";
const RULES: BatchRules = BatchRules { at_most: 200, every_hours: 5 };

/// What was recorded of one workload.
#[derive(Debug)]
struct Result {
    mailbox: MailboxId,
    rungs: Vec<Rung>,
    failure: Option<Failure>,
}

async fn job(world: &World, mailboxes: &[MailboxId]) -> Job {
    let job = world.store.start_job(mailboxes, RULES, at(0));
    let engine = Engine::new(world.ports.clone(), EngineLimits::default());
    engine.run_tests(job, &CancellationToken::new()).await.unwrap();
    world.store.job(job)
}

async fn test(world: &World, mailboxes: &[MailboxId]) -> Vec<Result> {
    let before = world.store.state().tests.len();
    job(world, mailboxes).await;
    let recorded = world.store.state().tests[before..].to_vec();
    recorded.into_iter().map(|(mailbox, _, rungs, failure)| Result { mailbox, rungs, failure }).collect()
}

fn disabled(mut mailbox: Mailbox) -> Mailbox {
    (mailbox.incoming_state.enabled, mailbox.outgoing_state.enabled) = (false, false);
    mailbox
}

#[tokio::test]
async fn both_workloads_are_enabled_when_the_test_message_arrives() {
    let world = World::impatient();
    let amy = world.add(disabled(mailbox(1, AMY)));
    world.server.put(AMY, message("1@x", ""));
    let results = test(&world, &[amy]).await;
    assert!(results.iter().all(|result| result.failure.is_none()), "{results:?}");
    let last = results[1].rungs.last().unwrap();
    assert_eq!((last.name, &last.outcome), (RungName::RoundTrip, &Passed));
    let state = world.store.state();
    let known = &state.mailboxes[&amy];
    assert!(known.incoming_state.enabled && known.outgoing_state.enabled);
    assert!(state.alerts.iter().all(|alert| alert.code == AlertCode::WorkloadEnabled));
    assert_eq!(state.alerts.len(), 2);
    assert!(state.rows.is_empty() && state.commits.is_empty(), "nothing was decided yet");
    assert!(!world.log.lines().iter().any(|line| line.starts_with("delete")), "nothing was deleted");
    assert_eq!(world.server.count(AMY), 2);
}

#[tokio::test]
async fn rungs_are_heard_of_as_they_are_climbed() {
    let world = World::impatient();
    let amy = world.add(disabled(mailbox(1, AMY)));
    test(&world, &[amy]).await;
    let heard = world.heard.0.lock().unwrap();
    let rungs = heard.iter().filter(|event| matches!(event, EngineEvent::RungClimbed { .. })).count();
    let ends = heard.iter().filter(|event| matches!(event, EngineEvent::TestFinished { .. })).count();
    assert_eq!((rungs, ends), (5, 2));
}

#[tokio::test]
async fn a_test_message_that_never_arrives_fails_outgoing_only() {
    let world = World::impatient();
    let amy = world.add(disabled(mailbox(1, AMY)));
    world.server.state.lock().unwrap().swallows = true;
    let results = test(&world, &[amy]).await;
    assert_eq!(results[0].failure, None);
    assert_eq!(results[1].failure.as_ref().unwrap().code, FailureCode::RoundTripMissing);
    let state = world.store.state();
    assert!(!state.mailboxes[&amy].outgoing_state.enabled);
    let codes: Vec<_> = state.alerts.iter().map(|alert| alert.code).collect();
    assert!(codes.contains(&AlertCode::Failure(FailureCode::RoundTripMissing)));
}

#[tokio::test]
async fn without_incoming_the_round_trip_is_skipped_and_says_why() {
    let world = World::impatient();
    let amy = world.add(disabled(Mailbox { incoming: DeliveryMethod::None, ..mailbox(1, AMY) }));
    let results = test(&world, &[amy]).await;
    assert_eq!(results.len(), 1);
    let last = results[0].rungs.last().unwrap();
    assert!(matches!(&last.outcome, Skipped(why) if why.contains("not synchronized here")));
    assert_eq!(results[0].failure, None);
}

#[tokio::test]
async fn an_unapproved_mailbox_is_skipped_with_that_reason_and_nothing_is_tried_or_raised() {
    let world = World::impatient();
    let amy = world.add(disabled(mailbox(1, AMY)));
    let planned = world.store.start_job(&[amy], RULES, at(0));
    // The approval is withdrawn after the plan was made.
    world.store.state().mailboxes.get_mut(&amy).unwrap().approval = Approval::Pending;
    let engine = Engine::new(world.ports.clone(), EngineLimits::default());
    engine.run_tests(planned, &CancellationToken::new()).await.unwrap();
    let job = world.store.job(planned);
    let reason = TestEnd::Skipped(SkipReason::WaitsForApproval);
    assert!(job.items.iter().all(|item| item.end.as_ref() == Some(&reason)), "{:?}", job.items);
    assert_eq!(job.state, JobState::Done);
    let state = world.store.state();
    assert!(state.tests.is_empty() && state.alerts.is_empty());
    assert_eq!(world.server.state.lock().unwrap().sessions, 0);
    let heard = world.heard.0.lock().unwrap();
    let skips = heard.iter().filter(|event| matches!(event, EngineEvent::TestSkipped { .. })).count();
    assert_eq!(skips, 2);
}

#[tokio::test]
async fn a_mailbox_that_is_gone_is_skipped() {
    let world = World::impatient();
    let amy = world.add(disabled(mailbox(1, AMY)));
    let planned = world.store.start_job(&[amy], RULES, at(0));
    world.store.state().mailboxes.remove(&amy);
    let engine = Engine::new(world.ports.clone(), EngineLimits::default());
    engine.run_tests(planned, &CancellationToken::new()).await.unwrap();
    assert_eq!(world.store.job(planned).count(TestState::Skipped), 2);
}

#[tokio::test]
async fn each_reason_not_to_connect_has_its_own_code() {
    let world = World::impatient();
    let bare = world.add(Mailbox { profile: None, ..mailbox(1, "bare@contoso.test") });
    let act = world.add(Mailbox {
        incoming: DeliveryMethod::None,
        outgoing: DeliveryMethod::None,
        act: DeliveryMethod::ServerSideSync,
        ..mailbox(2, "act@contoso.test")
    });
    let nopassword = world.add(mailbox(3, "nopassword@contoso.test"));
    let codes = |results: Vec<Result>| -> Vec<_> {
        assert!(
            results.iter().all(|result| result.rungs.is_empty()),
            "nothing was tried, so there is no rung"
        );
        results.into_iter().map(|result| result.failure.unwrap().code).collect()
    };
    use FailureCode::{NotSupported, PasswordMissing, PlainNotAllowed, ProfileMissing};
    assert_eq!(codes(test(&world, &[bare]).await), [ProfileMissing; 2]);
    assert_eq!(codes(test(&world, &[act]).await), [NotSupported]);
    assert_eq!(codes(test(&world, &[nopassword]).await), [PasswordMissing; 2]);
    let mut plain = crate::testing::profile(crate::testing::PROFILE);
    plain.incoming.as_mut().unwrap().security = tandem_domain::profile::Security::None;
    plain.outgoing = None;
    world.store.add_profile(plain);
    assert_eq!(codes(test(&world, &[nopassword]).await), [PlainNotAllowed, ProfileMissing]);
    assert_eq!(world.server.state.lock().unwrap().sessions, 0);
}

#[tokio::test]
async fn a_refused_login_is_an_alert_and_old_alerts_go() {
    let world = World::impatient();
    let amy = world.mailbox(1, AMY);
    let refused = Failure::permanent_mailbox(FailureCode::AuthenticationFailed, "-ERR no");
    world.server.state.lock().unwrap().refuses.insert(AMY.to_owned(), refused);
    let results = test(&world, &[amy]).await;
    assert!(matches!(results[0].rungs.last().unwrap().outcome, Failed(_)));
    assert_eq!(world.store.state().alerts[0].level, AlertLevel::Error);
    world.server.state.lock().unwrap().refuses.clear();
    test(&world, &[amy]).await;
    let state = world.store.state();
    assert!(state.alerts.iter().all(|alert| alert.code == AlertCode::WorkloadEnabled), "{:?}", state.alerts);
}

#[tokio::test]
async fn queues_come_before_users() {
    let world = World::impatient();
    let amy = world.add(disabled(mailbox(1, AMY)));
    let queue = world.add(disabled(deleting_queue(2, "support@contoso.test")));
    let results = test(&world, &[amy, queue]).await;
    assert_eq!(results[0].mailbox, queue);
    assert!(!world.log.lines().iter().any(|line| line.starts_with("delete")), "a test deletes nothing");
}

#[tokio::test]
async fn a_stopped_test_records_nothing() {
    let world = World::new();
    let amy = world.add(disabled(mailbox(1, AMY)));
    world.server.state.lock().unwrap().hung.insert(AMY.to_owned());
    let job = world.store.start_job(&[amy], RULES, at(0));
    let engine = Engine::new(world.ports.clone(), EngineLimits::default());
    let cancel = CancellationToken::new();
    let stop_soon = async {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        cancel.cancel();
    };
    let (done, ()) = tokio::join!(engine.run_tests(job, &cancel), stop_soon);
    done.unwrap();
    assert!(world.store.state().tests.is_empty());
    assert_eq!(world.store.job(job).count(TestState::Waiting), 2, "it is tested again by the next run");
}
