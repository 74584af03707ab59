//! What is enabled and what is not, and that the first contact only reads.

use super::*;
use crate::{
    permits::PoolSizes,
    testing::{World, deleting_queue, mailbox, mime::message},
};
use tandem_domain::{
    failure::FailureCode,
    mailbox::Approval,
    probe::RungOutcome::{Failed, Passed, Skipped},
};

const AMY: &str = "amy@contoso.test";

async fn test(world: &World, mailboxes: &[MailboxId]) -> Vec<TestResult> {
    let permits = Arc::new(Permits::new(PoolSizes::default()));
    let request = TestRequest {
        mailboxes: mailboxes.to_vec(),
        round_trip_limit: Duration::seconds(60),
        side_by_side: 4,
    };
    run(&world.ports, &permits, &request, &CancellationToken::new()).await
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
async fn an_unapproved_mailbox_fails_at_once_without_a_connection() {
    let world = World::impatient();
    let amy = world.add(disabled(Mailbox { approval: Approval::Pending, ..mailbox(1, AMY) }));
    let results = test(&world, &[amy]).await;
    assert_eq!(results.len(), 2);
    for result in &results {
        assert_eq!(result.failure.as_ref().unwrap().code, FailureCode::NotApproved);
    }
    assert_eq!(world.server.state.lock().unwrap().sessions, 0);
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
    let codes = |results: Vec<TestResult>| -> Vec<_> {
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
    let permits = Arc::new(Permits::new(PoolSizes::default()));
    let request =
        TestRequest { mailboxes: vec![amy], round_trip_limit: DEFAULT_ROUND_TRIP_LIMIT, side_by_side: 1 };
    let cancel = CancellationToken::new();
    let (results, ()) =
        tokio::join!(run(&world.ports, &permits, &request, &cancel), async { cancel.cancel() });
    assert!(results.is_empty() && world.store.state().tests.is_empty());
}
