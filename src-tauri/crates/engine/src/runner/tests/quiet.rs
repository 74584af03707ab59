//! Mailboxes in which nothing happens cost little, and what is written about them together is neither lost nor wrong.

use super::*;
use crate::ports::storage::{CycleReport, Schedule};

fn address(number: u128) -> String {
    format!("user{number}@contoso.test")
}

fn patient(world: &World) -> Arc<Engine> {
    let ramp = RampLimits { burst: 10_000, ..RampLimits::default() };
    Engine::new(world.ports.clone(), EngineLimits { ramp, ..EngineLimits::default() })
}

#[tokio::test]
async fn outgoing_mail_with_nothing_to_send_is_looked_at_without_a_permit_and_is_due_again_in_time() {
    let world = World::new();
    let boxes: Vec<_> = (1..=20).map(|n| world.mailbox(n, &address(n))).collect();
    let email = world.store.pending(1, boxes[0], &[&address(2)]);
    let engine = engine(&world);
    assert_eq!(engine.pass_quiet(at(0)).await.unwrap(), 19, "all but the one that has something to send");
    assert_eq!(world.server.state.lock().unwrap().sessions, 0);
    assert_eq!(engine.load().pools, Engine::new(world.ports.clone(), engine.limits).load().pools);
    for mailbox in &boxes[1..] {
        let row = row(&world, *mailbox, Workload::Outgoing);
        assert_eq!((row.due_at, row.expected_at, row.leased), (Some(at(300)), Some(at(300)), false));
        assert_eq!((row.runs, row.activity.idle_cycles), (1, 1));
    }
    assert_eq!(row(&world, boxes[0], Workload::Outgoing).due_at, Some(at(0)));
    until_idle(&world).await;
    assert_eq!(world.store.status(email), EmailStatus::Sent);
}

#[tokio::test]
async fn outgoing_mail_of_a_mailbox_without_a_password_is_no_proof_of_anything() {
    let world = World::new();
    let amy = world.mailbox(1, "nopassword@contoso.test");
    let engine = engine(&world);
    assert_eq!(engine.pass_quiet(at(0)).await.unwrap(), 0);
    until_idle(&world).await;
    let row = row(&world, amy, Workload::Outgoing);
    assert_eq!(row.failure.map(|failure| failure.code), Some(FailureCode::PasswordMissing));
    assert_eq!((row.due_at, row.expected_at), (None, None), "it is disabled, and a person is told");
}

#[tokio::test]
async fn what_cycles_that_start_together_have_to_know_is_read_together() {
    let world = World::new();
    let boxes: Vec<_> = (1..=20).map(|n| world.mailbox(n, &address(n))).collect();
    let nobody = world.mailbox(21, "nopassword@contoso.test");
    for n in 1..=20 {
        world.server.put(&address(n), message(&format!("{n}@x"), ""));
    }
    until_idle(&world).await;
    let briefed = world.store.state().briefed.clone();
    assert_eq!(briefed.iter().sum::<usize>(), 22, "each once: {briefed:?}");
    // They start as the server's connections allow.
    assert!(briefed.len() <= 11, "{briefed:?}");
    assert_eq!(world.store.decisions().len(), 20);
    for mailbox in boxes {
        assert_eq!(row(&world, mailbox, Workload::Incoming).failure, None);
    }
    let failure = row(&world, nobody, Workload::Incoming).failure;
    assert_eq!(
        failure.map(|failure| failure.code),
        Some(FailureCode::PasswordMissing),
        "each has its own answer"
    );
}

#[tokio::test]
async fn the_ends_of_quiet_cycles_wait_for_each_other_for_a_moment_and_a_stop_loses_none() {
    let world = World::new();
    let boxes: Vec<_> = (1..=4).map(|n| world.mailbox(n, &address(n))).collect();
    let (engine, stop) = (patient(&world), CancellationToken::new());
    let running = tokio::spawn({
        let (engine, stop) = (Arc::clone(&engine), stop.clone());
        async move { engine.run(RunMode::UntilStopped, stop).await }
    });
    let recorded = || boxes.iter().map(|id| row(&world, *id, Workload::Incoming).runs).sum::<u32>();
    a_while().await;
    world.clock.advance(Duration::seconds(1));
    a_while().await;
    assert_eq!(recorded(), 4);
    // The clock stands still, so that what ends now waits.
    world.store.make_due(boxes[0], Workload::Incoming, at(1)).await.unwrap();
    engine.look_by(at(1));
    a_while().await;
    assert_eq!(recorded(), 4);
    assert!(row(&world, boxes[0], Workload::Incoming).leased, "and nobody else runs it meanwhile");
    assert_eq!(world.server.state.lock().unwrap().sessions, 5, "it has run");
    stop.cancel();
    timeout(PATIENCE, running).await.expect("it stops").unwrap().unwrap();
    assert_eq!(recorded(), 5);
    assert_eq!(row(&world, boxes[0], Workload::Incoming).due_at, Some(at(301)));
}

#[tokio::test]
async fn what_has_ended_is_recorded_at_once_for_who_asks() {
    let world = World::new();
    let boxes: Vec<_> = (1..=3).map(|n| world.mailbox(n, &address(n))).collect();
    let (engine, stop) = (patient(&world), CancellationToken::new());
    let running = tokio::spawn({
        let (engine, stop) = (Arc::clone(&engine), stop.clone());
        async move { engine.run(RunMode::UntilStopped, stop).await }
    });
    let runs = |id| row(&world, id, Workload::Incoming).runs;
    a_while().await;
    world.clock.advance(Duration::seconds(1));
    a_while().await;
    for mailbox in [boxes[0], boxes[1]] {
        world.store.make_due(mailbox, Workload::Incoming, at(1)).await.unwrap();
    }
    engine.look();
    a_while().await;
    assert_eq!((runs(boxes[0]), row(&world, boxes[0], Workload::Incoming).leased), (1, true), "it waits");
    let asked = engine.sync_now(boxes[0], Workload::Incoming, &stop).await.unwrap();
    assert!(matches!(asked, SyncOutcome::Ran(_)), "it does not run already: {asked:?}");
    assert_eq!((runs(boxes[0]), runs(boxes[1])), (3, 2));
    // A person made something due.
    world.store.make_due(boxes[2], Workload::Incoming, at(1)).await.unwrap();
    engine.wake();
    a_while().await;
    assert_eq!(runs(boxes[2]), 2);
    stop.cancel();
    timeout(PATIENCE, running).await.expect("it stops").unwrap().unwrap();
}

#[tokio::test]
async fn the_next_looks_of_many_that_have_nothing_to_send_are_made_together() {
    let world = World::new();
    let boxes: Vec<_> = (1..=40).map(|n| world.mailbox(n, &address(n))).collect();
    world.clock.advance(Duration::seconds(1));
    let engine = engine(&world);
    assert_eq!(engine.pass_quiet(at(1)).await.unwrap(), 40);
    for mailbox in boxes {
        let row = row(&world, mailbox, Workload::Outgoing);
        let due_at = row.due_at.unwrap();
        assert_eq!(due_at.timestamp_millis() % 5_000, 0, "on the grid");
        assert!((at(146)..at(460)).contains(&due_at), "each in its place of the interval: {due_at}");
        assert_eq!(row.expected_at, Some(at(301)), "as the policy says");
    }
}

#[tokio::test]
async fn storage_that_takes_no_ends_gets_them_later() {
    let world = World::new();
    let amy = world.mailbox(1, AMY);
    until_idle(&world).await;
    let report = CycleReport {
        mailbox: amy,
        workload: Workload::Incoming,
        cycle: tandem_domain::ids::CycleId(Uuid::from_u128(7)),
        started_at: at(300),
        ended_at: at(301),
        items: 0,
        failure: None,
        next_due_at: Some(at(601)),
        attempts: 0,
        activity: tandem_domain::frequency::Activity::default(),
        expected_at: Some(at(601)),
    };
    let engine = engine(&world);
    world.store.state().broken = Some(StorageError::DiskFull { path: "tandem.db".to_owned() });
    engine.ended_quietly(report);
    engine.record_quiet(crate::runner::quiet::Haste::Now).await;
    assert_eq!(row(&world, amy, Workload::Incoming).expected_at, Some(at(300)));
    world.store.state().broken = None;
    assert!(engine.endings.flush(&world.ports).await);
    assert_eq!(row(&world, amy, Workload::Incoming).expected_at, Some(at(601)));
}
