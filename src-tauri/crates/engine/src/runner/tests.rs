//! Who runs when, and that a run ends when it should.

use super::*;
use crate::{
    runner::work::SyncOutcome,
    testing::{PROFILE, World, at, mime::message, profile, server::Answer},
};
use std::time::Duration as StdDuration;
use tandem_domain::{
    alert::{AlertLevel, AlertObject},
    email::EmailStatus,
    failure::{Failure, FailureCode},
    ids::{MailboxId, ProfileId},
    mailbox::Mailbox,
    profile::AuthenticateUsing,
    workload::Workload,
};
use tokio::time::timeout;
use uuid::Uuid;

mod quiet;
mod trouble;

const AMY: &str = "amy@contoso.test";
const BOB: &str = "bob@contoso.test";
const PATIENCE: StdDuration = StdDuration::from_secs(20);

fn engine(world: &World) -> Arc<Engine> {
    // The clock moves by hand, so nothing may wait for the ramp.
    let ramp = RampLimits { burst: 10_000, ..RampLimits::default() };
    Engine::new(
        world.ports.clone(),
        EngineLimits { ramp, record_every: Duration::zero(), ..EngineLimits::default() },
    )
}

async fn until_idle(world: &World) {
    let engine = engine(world);
    let run = engine.run(RunMode::UntilIdle, CancellationToken::new());
    timeout(PATIENCE, Box::pin(run)).await.expect("it ends").unwrap();
}

/// Lets what runs get on.
async fn a_while() {
    tokio::time::sleep(StdDuration::from_millis(100)).await;
}

fn row(world: &World, mailbox: MailboxId, workload: Workload) -> crate::testing::store::Row {
    world.store.state().schedule[&(mailbox, workload)].clone()
}

#[tokio::test]
async fn a_run_until_idle_does_all_that_is_due_and_ends() {
    let world = World::new();
    let boxes: Vec<_> = (1..=20).map(|n| world.mailbox(n, &format!("user{n}@contoso.test"))).collect();
    for n in 1..=20 {
        for id in 0..5 {
            world.server.put(&format!("user{n}@contoso.test"), message(&format!("{n}-{id}@x"), ""));
        }
    }
    until_idle(&world).await;
    assert_eq!(world.store.decisions().len(), 100);
    for mailbox in boxes {
        let row = row(&world, mailbox, Workload::Incoming);
        assert_eq!((row.due_at, row.leased, row.runs), (Some(at(300)), false, 1));
    }
}

#[tokio::test]
async fn mail_that_is_sent_inside_is_received_and_its_lost_answer_resolved_in_one_run() {
    let world = World::new();
    let (amy, _bob) = (world.mailbox(1, AMY), world.mailbox(2, BOB));
    let email = world.store.pending(1, amy, &[BOB]);
    world.server.state.lock().unwrap().answers.push(Answer::DeliverThenHangUp);
    until_idle(&world).await;
    assert_eq!(world.store.status(email), EmailStatus::Sent);
    assert_eq!(world.server.state.lock().unwrap().delivered.len(), 1);
}

#[tokio::test]
async fn mail_that_waits_for_evidence_does_not_keep_a_run_until_idle() {
    let world = World::new();
    let amy = world.mailbox(1, AMY);
    let email = world.store.pending(1, amy, &["ben@fabrikam.test"]);
    world.server.state.lock().unwrap().answers.push(Answer::HangUp);
    until_idle(&world).await;
    assert_eq!(world.store.status(email), EmailStatus::Sending);
    assert_eq!(row(&world, amy, Workload::Outgoing).due_at, Some(at(120)));
}

#[tokio::test]
async fn a_hung_server_costs_one_permit_and_the_others_go_on() {
    let world = World::new();
    let amy = world.mailbox(1, AMY);
    let bob = world.mailbox(2, BOB);
    world.server.state.lock().unwrap().hung.insert(AMY.to_owned());
    world.server.put(BOB, message("1@x", ""));
    let (engine, stop) = (engine(&world), CancellationToken::new());
    let running = tokio::spawn({
        let (engine, stop) = (Arc::clone(&engine), stop.clone());
        async move { engine.run(RunMode::UntilStopped, stop).await }
    });
    a_while().await;
    assert_eq!(row(&world, bob, Workload::Incoming).runs, 1);
    for round in 2..=3 {
        world.clock.advance(Duration::minutes(5));
        a_while().await;
        assert_eq!(row(&world, bob, Workload::Incoming).runs, round);
    }
    assert!(row(&world, amy, Workload::Incoming).leased, "it still waits for its server");
    assert_eq!(world.server.state.lock().unwrap().most_open, 1);
    stop.cancel();
    timeout(PATIENCE, running).await.expect("it stops").unwrap().unwrap();
    assert!(!row(&world, amy, Workload::Incoming).leased, "its lease is free, and it is still due");
    assert_eq!(row(&world, amy, Workload::Incoming).due_at, Some(at(0)));
}

#[tokio::test]
async fn a_hung_server_with_many_mailboxes_leaves_room_for_another_server() {
    let world = World::new();
    for n in 1..=100 {
        let address = format!("user{n}@contoso.test");
        world.mailbox(n, &address);
        world.server.state.lock().unwrap().hung.insert(address);
    }
    let other = ProfileId(Uuid::from_u128(0xE));
    world.store.add_profile(profile(other));
    let bob = world.add(Mailbox { profile: Some(other), ..crate::testing::mailbox(200, BOB) });
    let (engine, stop) = (engine(&world), CancellationToken::new());
    let running = tokio::spawn({
        let (engine, stop) = (Arc::clone(&engine), stop.clone());
        async move { engine.run(RunMode::UntilStopped, stop).await }
    });
    a_while().await;
    assert_eq!(row(&world, bob, Workload::Incoming).runs, 1);
    stop.cancel();
    timeout(PATIENCE, running).await.expect("it stops").unwrap().unwrap();
}

#[tokio::test]
async fn the_connections_of_one_identity_are_never_more_than_allowed() {
    let world = World::new();
    let shared = tandem_domain::profile::EmailServerProfile {
        authenticate_using: AuthenticateUsing::Profile,
        user_name: Some("Sync@contoso.test".to_owned()),
        max_concurrent_connections: 3,
        ..profile(PROFILE)
    };
    world.store.add_profile(shared);
    for n in 1..=30 {
        let address = format!("user{n}@contoso.test");
        world.mailbox(n, &address);
        for id in 0..3 {
            world.server.put(&address, message(&format!("{n}-{id}@x"), ""));
        }
    }
    until_idle(&world).await;
    assert_eq!(world.store.decisions().len(), 90);
    assert_eq!(world.server.state.lock().unwrap().most_open, 3);
}

#[tokio::test]
async fn a_transient_failure_warns_and_success_clears_it() {
    let world = World::new();
    let amy = world.mailbox(1, AMY);
    let busy = Failure::transient_mailbox(FailureCode::MailboxInUse, "[IN-USE]");
    world.server.state.lock().unwrap().refuses.insert(AMY.to_owned(), busy);
    until_idle(&world).await;
    {
        let state = world.store.state();
        assert_eq!(state.alerts.len(), 1);
        let alert = &state.alerts[0];
        assert_eq!((alert.level, alert.retry_at), (AlertLevel::Warning, Some(at(300))));
        assert_eq!(alert.object, AlertObject::Mailbox(amy, Workload::Incoming));
    }
    world.server.state.lock().unwrap().refuses.clear();
    world.clock.advance(Duration::minutes(5));
    until_idle(&world).await;
    assert!(world.store.state().alerts.is_empty());
    assert_eq!(row(&world, amy, Workload::Incoming).attempts, 0);
}

#[tokio::test]
async fn a_refused_password_disables_with_an_error() {
    let world = World::new();
    let amy = world.mailbox(1, AMY);
    let refused = Failure::permanent_mailbox(FailureCode::AuthenticationFailed, "-ERR [AUTH]");
    world.server.state.lock().unwrap().refuses.insert(AMY.to_owned(), refused);
    until_idle(&world).await;
    let state = world.store.state();
    assert_eq!((state.alerts[0].level, state.alerts[0].retry_at), (AlertLevel::Error, None));
    assert!(!state.mailboxes[&amy].incoming_state.enabled);
    assert!(state.mailboxes[&amy].outgoing_state.enabled, "its other workload goes on");
}

#[tokio::test]
async fn what_is_made_due_during_a_cycle_runs_right_after_it() {
    let world = World::new();
    let amy = world.mailbox(1, AMY);
    let (engine, stop) = (engine(&world), CancellationToken::new());
    let running = tokio::spawn({
        let (engine, stop) = (Arc::clone(&engine), stop.clone());
        async move { engine.run(RunMode::UntilStopped, stop).await }
    });
    a_while().await;
    let email = world.store.pending(1, amy, &["ben@fabrikam.test"]);
    world.ports.storage.make_due(amy, Workload::Outgoing, at(0)).await.unwrap();
    engine.wake();
    a_while().await;
    assert_eq!(world.store.status(email), EmailStatus::Sent);
    stop.cancel();
    timeout(PATIENCE, running).await.expect("it stops").unwrap().unwrap();
}

#[tokio::test]
async fn a_cycle_that_does_not_stop_is_broken_off_in_time() {
    let world = World::new();
    let amy = world.mailbox(1, AMY);
    world.store.pending(1, amy, &["ben@fabrikam.test"]);
    let (engine, stop) = (engine(&world), CancellationToken::new());
    // A submission waits for its answer even when stopped, so one that hangs is the hard case.
    world.server.state.lock().unwrap().answers.push(Answer::Hang);
    let running = tokio::spawn({
        let (engine, stop) = (Arc::clone(&engine), stop.clone());
        async move { engine.run(RunMode::UntilStopped, stop).await }
    });
    a_while().await;
    stop.cancel();
    a_while().await;
    assert!(!running.is_finished(), "it waits for what runs");
    world.clock.advance(Duration::seconds(11));
    timeout(PATIENCE, running).await.expect("it stops").unwrap().unwrap();
    assert!(world.store.state().schedule.values().all(|row| !row.leased));
}

#[tokio::test]
async fn a_run_for_a_time_ends_with_it() {
    let world = World::new();
    let amy = world.mailbox(1, AMY);
    let engine = engine(&world);
    let run = engine.run(RunMode::For(Duration::minutes(12)), CancellationToken::new());
    let time_passes = async {
        for minutes in [5, 5, 2] {
            a_while().await;
            world.clock.advance(Duration::minutes(minutes));
        }
    };
    let both = async { tokio::join!(run, time_passes) };
    timeout(PATIENCE, Box::pin(both)).await.expect("it ends").0.unwrap();
    assert_eq!(row(&world, amy, Workload::Incoming).runs, 3);
}

#[tokio::test]
async fn sync_now_runs_at_once_and_says_when_it_cannot() {
    let world = World::new();
    let amy = world.mailbox(1, AMY);
    let (engine, stop) = (engine(&world), CancellationToken::new());
    world.server.put(AMY, message("1@x", ""));
    let ran = engine.sync_now(amy, Workload::Incoming, &stop).await.unwrap();
    assert!(matches!(ran, SyncOutcome::Ran(outcome) if outcome.items == 1));
    assert_eq!(engine.sync_now(amy, Workload::Act, &stop).await.unwrap(), SyncOutcome::NotProcessed);
    let now = at(0);
    world.ports.storage.claim(amy, Workload::Incoming, now, "other", now).await.unwrap().unwrap();
    assert_eq!(engine.sync_now(amy, Workload::Incoming, &stop).await.unwrap(), SyncOutcome::RunsAlready);
}

#[tokio::test]
async fn a_broken_store_ends_a_run_until_idle_with_its_error() {
    let world = World::new();
    world.mailbox(1, AMY);
    let (engine, stop) = (engine(&world), CancellationToken::new());
    let full = StorageError::DiskFull { path: "tandem.db".to_owned() };
    world.store.state().broken = Some(full.clone());
    assert_eq!(engine.run(RunMode::UntilIdle, stop.clone()).await, Err(full));
    world.store.state().broken = None;
    engine.run(RunMode::UntilIdle, stop).await.unwrap();
}

/// Runs the engine until `during` is over.
async fn while_running(world: &World, during: impl Future<Output = ()>) {
    let (engine, stop) = (engine(world), CancellationToken::new());
    let running = tokio::spawn({
        let (engine, stop) = (Arc::clone(&engine), stop.clone());
        async move { engine.run(RunMode::UntilStopped, stop).await }
    });
    a_while().await;
    during.await;
    stop.cancel();
    timeout(PATIENCE, running).await.expect("it stops").unwrap().unwrap();
}

#[tokio::test]
async fn a_cycle_that_takes_too_long_fails_as_its_mailboxs_and_its_place_is_free() {
    let world = World::new();
    let amy = world.mailbox(1, AMY);
    world.server.state.lock().unwrap().hung.insert(AMY.to_owned());
    while_running(&world, async {
        assert!(row(&world, amy, Workload::Incoming).leased);
        world.clock.advance(Duration::minutes(30));
        a_while().await;
        let row = row(&world, amy, Workload::Incoming);
        assert_eq!(row.failure.unwrap().code, FailureCode::TimedOut);
        assert_eq!((row.leased, row.attempts, row.due_at), (false, 1, Some(at(35 * 60))));
        assert!(world.store.state().mailboxes[&amy].incoming_state.enabled);
        world.server.state.lock().unwrap().hung.clear();
        world.clock.advance(Duration::minutes(5));
        a_while().await;
    })
    .await;
    let row = row(&world, amy, Workload::Incoming);
    assert_eq!((row.failure, row.attempts), (None, 0));
}

#[tokio::test]
async fn a_cycle_that_does_not_even_stop_is_broken_off() {
    let world = World::new();
    let amy = world.mailbox(1, AMY);
    world.store.pending(1, amy, &["ben@fabrikam.test"]);
    world.server.state.lock().unwrap().answers.push(Answer::Hang);
    while_running(&world, async {
        world.clock.advance(Duration::minutes(30));
        a_while().await;
        assert!(row(&world, amy, Workload::Outgoing).leased, "a submission waits for its answer");
        world.clock.advance(Duration::seconds(10));
        a_while().await;
        let row = row(&world, amy, Workload::Outgoing);
        assert_eq!((row.failure.unwrap().code, row.leased), (FailureCode::TimedOut, false));
    })
    .await;
}

#[tokio::test]
async fn a_clock_set_back_takes_the_schedule_with_it() {
    let world = World::new();
    let amy = world.mailbox(1, AMY);
    while_running(&world, async {
        world.clock.jump(Duration::hours(-24));
        world.clock.advance(Duration::seconds(20));
        a_while().await;
        assert_eq!(row(&world, amy, Workload::Incoming).due_at, Some(at(300) - Duration::hours(24)));
        world.clock.advance(Duration::seconds(280));
        a_while().await;
        assert_eq!(row(&world, amy, Workload::Incoming).runs, 2, "not a day later");
    })
    .await;
}

#[tokio::test]
async fn a_cycle_during_which_the_clock_was_set_back_did_not_begin_after_its_end() {
    let world = World::new();
    let amy = world.mailbox(1, AMY);
    world.server.state.lock().unwrap().slow.insert(AMY.to_owned(), StdDuration::from_secs(60));
    while_running(&world, async {
        assert!(row(&world, amy, Workload::Incoming).leased);
        world.clock.jump(Duration::hours(-1));
        world.clock.advance(Duration::seconds(60));
        a_while().await;
    })
    .await;
    // It would be evidence of what it can't have seen, for an hour.
    let hour = Duration::hours(1);
    assert_eq!(row(&world, amy, Workload::Incoming).completed_start, Some(at(0) - hour));
}

#[tokio::test]
async fn a_clock_set_back_while_nothing_ran_makes_everything_prove_itself_anew() {
    let world = World::new();
    let amy = world.mailbox(1, AMY);
    let engine = engine(&world);
    until_idle(&world).await;
    world.store.state().mailboxes.get_mut(&amy).unwrap().incoming_state.last_success_at = Some(at(600));
    world.clock.advance(Duration::seconds(60));
    engine.follow_clock().await.unwrap();
    let row = row(&world, amy, Workload::Incoming);
    assert!(row.due_at.unwrap() <= at(60), "{:?}", row.due_at);
    assert!(row.expected_at.unwrap() <= at(60) - Duration::minutes(5), "{:?}", row.expected_at);
}

#[tokio::test]
async fn after_a_sleep_due_mailboxes_are_caught_up_by_and_by_and_do_not_stay_in_step() {
    let world = World::new();
    world.store.add_profile(tandem_domain::profile::EmailServerProfile {
        max_concurrent_connections: 300,
        ..profile(PROFILE)
    });
    let boxes: Vec<_> = (1..=100).map(|n| world.mailbox(n, &format!("user{n}@contoso.test"))).collect();
    until_idle(&world).await;
    let ran = || boxes.iter().filter(|id| row(&world, **id, Workload::Incoming).runs == 2).count();
    let limits = EngineLimits { record_every: Duration::zero(), ..EngineLimits::default() };
    let (engine, stop) = (Engine::new(world.ports.clone(), limits), CancellationToken::new());
    let running = tokio::spawn({
        let (engine, stop) = (Arc::clone(&engine), stop.clone());
        async move { engine.run(RunMode::UntilStopped, stop).await }
    });
    a_while().await;
    assert_eq!(ran(), 0, "nothing is due yet");
    world.clock.jump(Duration::hours(8));
    a_while().await;
    assert_eq!(ran(), usize::try_from(limits.ramp.burst).unwrap());
    let mut seconds = 0;
    while ran() < boxes.len() {
        let before = ran();
        world.clock.advance(Duration::milliseconds(100));
        tokio::time::sleep(StdDuration::from_millis(20)).await;
        assert!(ran() - before <= 20 + 8, "{before} and then {}", ran());
        seconds += 1;
        assert!(seconds < 400, "{} of them", ran());
    }
    assert!(seconds >= 20, "{seconds} tenths of a second");
    let due: std::collections::BTreeSet<_> = boxes
        .iter()
        .map(|id| row(&world, *id, Workload::Incoming).due_at.unwrap().timestamp() / 30)
        .collect();
    assert!(due.len() >= 8, "they are spread over the five minutes: {due:?}");
    stop.cancel();
    timeout(PATIENCE, running).await.expect("it stops").unwrap().unwrap();
}
