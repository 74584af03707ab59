//! Jobs in the runner: batches on a hand-driven clock, kills at every step, pause and cancel.

use super::*;
use crate::{
    ports::{clock::Clock as _, test_jobs::TestJobs as _},
    runner::{Engine, EngineLimits, RunMode},
    testing::{World, at, mailbox, mime::message, store::test_jobs::Job},
};
use chrono::Duration;
use std::time::{Duration as StdDuration, Instant as StdInstant};
use tandem_domain::{
    failure::Failure,
    mailbox::Mailbox,
    test_job::{JobState, TestState},
    test_plan::BatchRules,
    workload::Workload,
};
use tokio::{task::JoinHandle, time::timeout};

const RULES: BatchRules = BatchRules { at_most: 200, every_hours: 5 };
const PATIENCE: StdDuration = StdDuration::from_secs(60);

fn address(number: u128) -> String {
    format!("user{number}@contoso.test")
}

/// Mailboxes that are not enabled, on a server that takes many connections.
fn world(count: u128) -> (World, Vec<MailboxId>) {
    let world = World::new();
    // Cycles of what is enabled meanwhile would be another test.
    world.store.state().settings.cycle_interval_minutes = Some(u16::MAX);
    let boxes = (1..=count).map(|number| {
        let mut new: Mailbox = mailbox(number, &address(number));
        (new.incoming_state.enabled, new.outgoing_state.enabled) = (false, false);
        world.add(new)
    });
    let boxes = boxes.collect();
    (world, boxes)
}

fn engine(world: &World) -> Arc<Engine> {
    Engine::new(world.ports.clone(), EngineLimits::default())
}

fn run(world: &World) -> (Arc<Engine>, CancellationToken, JoinHandle<Result<(), StorageError>>) {
    let (engine, stop) = (engine(world), CancellationToken::new());
    let (running, stopped) = (Arc::clone(&engine), stop.clone());
    let task = tokio::spawn(async move { running.run(RunMode::UntilStopped, stopped).await });
    (engine, stop, task)
}

async fn a_while() {
    tokio::time::sleep(StdDuration::from_millis(2)).await;
}

/// Moves the clock until `done`: by a second a time while something is tested or is to be, else to the next batch. A busy
/// computer takes its time to begin with what is due.
async fn drive(world: &World, engine: &Engine, mut done: impl FnMut() -> bool) {
    let started = StdInstant::now();
    while !done() {
        assert!(started.elapsed() < PATIENCE, "it does not get on: {:?}", world.store.state().jobs);
        a_while().await;
        let next = world.store.next_tests_at().await.unwrap();
        if engine.is_testing() || next.is_some_and(|due| due <= world.clock.now()) {
            world.clock.advance(Duration::seconds(1));
        } else {
            world.clock.advance(Duration::minutes(10));
        }
    }
}

async fn stop(stop: CancellationToken, task: JoinHandle<Result<(), StorageError>>) {
    stop.cancel();
    timeout(PATIENCE, task).await.expect("it stops").unwrap().unwrap();
}

#[tokio::test]
async fn a_thousand_mailboxes_are_tested_in_five_batches_when_they_are_due() {
    let (world, boxes) = world(1_000);
    let refused = Failure::permanent_mailbox(FailureCode::AuthenticationFailed, "-ERR no");
    world.server.state.lock().unwrap().refuses.insert(address(500), refused);
    let id = world.store.start_job(&boxes, RULES, at(0));
    let (engine, stopping, task) = run(&world);
    drive(&world, &engine, || world.store.job(id).state == JobState::Done).await;
    stop(stopping, task).await;
    let job = world.store.job(id);
    // Number 500 is refused for incoming, and its fake outgoing server does not answer.
    assert_eq!((job.count(TestState::Succeeded), job.count(TestState::Failed)), (1_999, 1));
    let started: Vec<_> = job.batches.iter().map(|batch| batch.2.unwrap()).collect();
    // The clock of this test moves by ten minutes while nothing is tested.
    assert!(started.len() == 5 && started[0] - at(0) < Duration::minutes(10), "{started:?}");
    let (least, most) = (Duration::hours(5), Duration::hours(5) + Duration::minutes(20));
    assert!(started.windows(2).all(|two| (least..most).contains(&(two[1] - two[0]))), "{started:?}");
    let state = world.server.state.lock().unwrap();
    assert_eq!(state.delivered.len(), 999, "each mailbox sends one message, to itself");
    assert_eq!(state.most_open, 1, "one connection of each user at a time");
    assert!(boxes.iter().all(|id| {
        let known = &world.store.state().mailboxes[id];
        known.incoming_state.enabled || known.email.as_str() == address(500)
    }));
}

#[tokio::test]
async fn a_kill_at_any_step_loses_no_result_and_sends_no_second_message() {
    let mut step = 0;
    loop {
        let world = World::impatient();
        let boxes: Vec<_> = (1..=2).map(|number| world.mailbox(number, &address(number))).collect();
        world.server.put(&address(1), message("1@x", ""));
        let id = world.store.start_job(&boxes, RULES, at(0));
        world.steps.stop_at(step);
        let first = engine(&world);
        let finished = world.steps.run(first.run_tests(id, &CancellationToken::new())).await;
        world.steps.go_on();
        if finished.is_some() {
            break;
        }
        drop(first);
        engine(&world).run_tests(id, &CancellationToken::new()).await.unwrap();
        let job = world.store.job(id);
        assert_eq!(job.state, JobState::Done, "killed at step {step}");
        assert_eq!(job.count(TestState::Succeeded), 4, "killed at step {step}: {:?}", job.items);
        let sent = world.server.state.lock().unwrap().delivered.len();
        assert_eq!(sent, 2, "killed at step {step}");
        step += 1;
    }
    assert!(step > 40, "only {step} steps");
}

#[tokio::test]
async fn a_paused_job_finishes_what_it_began_and_starts_nothing_until_it_is_resumed() {
    let (world, boxes) = world(100);
    let id = world.store.start_job(&boxes, RULES, at(0));
    let (engine, stopping, task) = run(&world);
    while !engine.is_testing() {
        a_while().await;
    }
    world.store.set_job(id, JobState::Paused);
    drive(&world, &engine, || !engine.is_testing()).await;
    let job = world.store.job(id);
    let done = job.count(TestState::Succeeded);
    assert!((2..200).contains(&done) && job.count(TestState::Running) == 0, "{done} are done");
    assert_eq!(job.count(TestState::Waiting), 200 - done);
    world.clock.advance(Duration::hours(1));
    a_while().await;
    assert_eq!(world.store.job(id).count(TestState::Succeeded), done);
    world.store.set_job(id, JobState::Running);
    engine.look_for_tests();
    drive(&world, &engine, || world.store.job(id).state == JobState::Done).await;
    stop(stopping, task).await;
    assert_eq!(world.store.job(id).count(TestState::Succeeded), 200);
}

#[tokio::test]
async fn a_cancelled_job_breaks_off_a_hung_test_and_its_place_is_free() {
    let (world, boxes) = world(40);
    for number in 1..=40 {
        world.server.state.lock().unwrap().hung.insert(address(number));
    }
    let id = world.store.start_job(&boxes, RULES, at(0));
    let (engine, stopping, task) = run(&world);
    while world.server.state.lock().unwrap().sessions == 0 {
        a_while().await;
    }
    world.store.set_job(id, JobState::Cancelled);
    engine.look_for_tests();
    drive(&world, &engine, || !engine.is_testing()).await;
    assert_eq!(world.store.job(id).count(TestState::Cancelled), 80);
    world.server.state.lock().unwrap().hung.clear();
    let next = world.store.start_job(&boxes[..1], RULES, at(0));
    engine.look_for_tests();
    drive(&world, &engine, || world.store.job(next).state == JobState::Done).await;
    stop(stopping, task).await;
    assert_eq!(world.store.job(next).count(TestState::Succeeded), 2);
}

#[tokio::test]
async fn tests_that_hang_do_not_delay_cycles() {
    let (world, boxes) = world(100);
    for number in 1..=100 {
        world.server.state.lock().unwrap().hung.insert(address(number));
    }
    world.store.state().settings.cycle_interval_minutes = Some(5);
    let bob = world.mailbox(1_000, "bob@contoso.test");
    let id = world.store.start_job(&boxes, RULES, at(0));
    let (engine, stopping, task) = run(&world);
    for round in 1..=3 {
        while world.store.state().schedule[&(bob, Workload::Incoming)].runs < round {
            a_while().await;
        }
        assert!(engine.is_testing());
        world.clock.advance(Duration::minutes(5));
    }
    assert_eq!(world.store.job(id).count(TestState::Succeeded), 0);
    stop(stopping, task).await;
    let job: Job = world.store.job(id);
    assert_eq!(job.count(TestState::Waiting), 200, "what was stopped is tested by the next run");
}

#[tokio::test]
async fn batches_that_are_overdue_do_not_start_together() {
    let (world, boxes) = world(6);
    let rules = BatchRules { at_most: 2, every_hours: 5 };
    let id = world.store.start_job(&boxes, rules, at(0));
    // The machine slept through all three.
    world.clock.advance(Duration::hours(48));
    let (engine, stopping, task) = run(&world);
    drive(&world, &engine, || world.store.job(id).count(TestState::Succeeded) == 4).await;
    assert_eq!(world.store.job(id).count(TestState::Waiting), 8);
    drive(&world, &engine, || world.store.job(id).state == JobState::Done).await;
    stop(stopping, task).await;
    let started: Vec<_> = world.store.job(id).batches.iter().map(|batch| batch.2.unwrap()).collect();
    assert!(started.windows(2).all(|two| two[1] - two[0] >= Duration::hours(5)), "{started:?}");
}
