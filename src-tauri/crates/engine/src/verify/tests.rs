//! Exactly what is missing is found and repaired, nothing twice, and a failure is told.

use super::*;
use crate::{
    cycle::incoming,
    testing::{World, at, mime::message},
};
use tandem_domain::{ledger::Decision, schedule::CycleEnd};

const AMY: &str = "amy@contoso.test";

async fn synchronized(world: &World, messages: usize) -> MailboxId {
    let amy = world.mailbox(1, AMY);
    for number in 0..messages {
        world.server.put(AMY, message(&format!("{number}@x"), ""));
    }
    let outcome = incoming::run(&world.context(amy, Workload::Incoming).await).await;
    assert_eq!(outcome.end, CycleEnd::Completed);
    amy
}

fn context(world: &World) -> VerifyContext {
    VerifyContext {
        ports: world.ports.clone(),
        permits: Arc::new(Permits::new(crate::permits::PoolSizes::default())),
        limits: CycleLimits::default(),
        in_flight: InFlight::default(),
        cancel: CancellationToken::new(),
    }
}

fn forget(world: &World, every: usize) -> usize {
    let mut state = world.store.state();
    let lost: Vec<_> = state.rows.keys().step_by(every).cloned().collect();
    for key in &lost {
        state.rows.remove(key);
    }
    lost.len()
}

#[tokio::test]
async fn rows_that_went_behind_its_back_are_found_and_repaired_and_then_none_is_missing() {
    let world = World::new();
    let amy = synchronized(&world, 30).await;
    let (emails, cursor) = {
        let state = world.store.state();
        (state.emails.len(), state.cursors.get(&amy).cloned())
    };
    let lost = forget(&world, 3);
    let looked = run(&context(&world), amy, Repair::No).await.unwrap();
    assert_eq!((looked.missing.len(), looked.repaired, looked.on_server), (lost, 0, 30));
    assert!(!looked.is_complete());
    assert_eq!(world.store.state().rows.len(), 30 - lost, "looking changes nothing");

    let repaired = run(&context(&world), amy, Repair::Yes).await.unwrap();
    assert_eq!((repaired.missing.len() as u64, repaired.repaired), (lost as u64, lost as u64));
    let again = run(&context(&world), amy, Repair::Yes).await.unwrap();
    assert_eq!((again.missing.len(), again.decided, again.gone), (0, 30, 0));
    let state = world.store.state();
    assert_eq!(state.emails.len(), emails, "no record was made twice");
    assert_eq!(state.cursors.get(&amy).cloned(), cursor, "the cursor stays where it was");
    assert_eq!(state.alerts.len(), 0, "cleared when nothing is missing any more");
}

#[tokio::test]
async fn what_is_missing_is_an_alert_with_the_number() {
    let world = World::new();
    let amy = synchronized(&world, 10).await;
    forget(&world, 5);
    run(&context(&world), amy, Repair::No).await.unwrap();
    let state = world.store.state();
    assert_eq!(state.alerts[0].code, AlertCode::MessagesMissing);
    assert!(state.alerts[0].detail.starts_with("2 of 10 messages"), "{}", state.alerts[0].detail);
}

#[tokio::test]
async fn decisions_about_messages_that_the_server_lost_are_no_fault() {
    let world = World::new();
    let amy = synchronized(&world, 5).await;
    world.server.state.lock().unwrap().boxes.get_mut(AMY).unwrap().truncate(3);
    let found = run(&context(&world), amy, Repair::Yes).await.unwrap();
    assert_eq!((found.on_server, found.gone, found.missing.len()), (3, 2, 0));
    assert!(found.is_complete());
    assert!(world.store.decisions().iter().all(|one| *one == Decision::Promoted));
}

#[tokio::test]
async fn a_server_that_does_not_answer_leaves_a_result_that_says_so_and_is_due_soon() {
    let world = World::new();
    let amy = synchronized(&world, 2).await;
    let refused = Failure::transient_profile(FailureCode::ConnectionRefused, "refused");
    world.server.state.lock().unwrap().refuses.insert(AMY.to_owned(), refused.clone());
    let found = run(&context(&world), amy, Repair::Yes).await.unwrap();
    assert_eq!(found.failure, Some(refused));
    assert_eq!(found.next_due() - found.verified_at, chrono::Duration::hours(1));
    assert!(found.verified_at >= at(0));
}
