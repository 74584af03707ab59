//! News come in when they arrive, and watchers stay within the limits.

use crate::{
    dispatch::RampLimits,
    ports::storage::Schedule,
    runner::{Engine, EngineLimits, RunMode},
    testing::{PROFILE, World, mime::message, profile},
};
use chrono::Duration;
use std::{sync::Arc, time::Duration as StdDuration};
use tandem_domain::{
    ids::MailboxId,
    profile::{AuthenticateUsing, EmailServerProfile},
    verification::Verification,
    workload::Workload,
};
use tokio::{task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

const AMY: &str = "amy@contoso.test";

/// A world whose server can tell of news, and an engine that runs.
struct Watching {
    world: World,
    engine: Arc<Engine>,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl Watching {
    /// The mailbox was verified just now.
    fn verified(&self, mailbox: MailboxId) {
        let found = Verification {
            mailbox,
            verified_at: self.world.ports.clock.now(),
            on_server: 0,
            decided: 0,
            waiting: 0,
            missing: Vec::new(),
            repaired: 0,
            gone: 0,
            failure: None,
        };
        self.world.store.state().verifications.insert(mailbox, found);
    }

    async fn start(world: World) -> Self {
        world.server.state.lock().unwrap().can_watch = true;
        let ramp = RampLimits { burst: 10_000, ..RampLimits::default() };
        let engine = Engine::new(
            world.ports.clone(),
            EngineLimits { ramp, record_every: Duration::zero(), ..EngineLimits::default() },
        );
        let stop = CancellationToken::new();
        let running = tokio::spawn({
            let (engine, stop) = (Arc::clone(&engine), stop.clone());
            async move { engine.run(RunMode::UntilStopped, stop).await.unwrap() }
        });
        let this = Self { world, engine, stop, running };
        this.a_while().await;
        this
    }

    async fn a_while(&self) {
        tokio::time::sleep(StdDuration::from_millis(100)).await;
    }

    /// Time passes in steps in which nobody could have slept.
    async fn pass(&self, seconds: i64) {
        for passed in (0..seconds).step_by(20) {
            self.world.clock.advance(Duration::seconds(20.min(seconds - passed)));
            tokio::time::sleep(StdDuration::from_millis(5)).await;
        }
        self.a_while().await;
    }

    fn runs(&self, mailbox: MailboxId) -> u32 {
        self.world.store.state().schedule[&(mailbox, Workload::Incoming)].runs
    }

    /// Sessions so far, and how many of them are listened on.
    fn sessions(&self) -> (usize, usize) {
        let state = self.world.server.state.lock().unwrap();
        (state.sessions, state.watching)
    }

    async fn end(self) {
        self.stop.cancel();
        timeout(StdDuration::from_secs(20), self.running).await.expect("it stops").unwrap();
        assert_eq!(self.engine.watchers().count(), 0, "nobody listens any more");
        assert_eq!(self.world.server.state.lock().unwrap().watching, 0);
    }
}

#[tokio::test]
async fn news_come_in_at_once_and_without_another_login() {
    let world = World::new();
    let amy = world.mailbox(1, AMY);
    let this = Watching::start(world).await;
    assert_eq!((this.runs(amy), this.sessions()), (1, (1, 1)));
    for number in 2..=4 {
        this.world.server.put(AMY, message(&format!("{number}@x"), ""));
        this.a_while().await;
        assert_eq!((this.runs(amy), this.sessions()), (number, (1, 1)));
    }
    assert_eq!(this.world.store.decisions().len(), 3);
    this.end().await;
}

#[tokio::test]
async fn the_schedule_stays_in_force_and_goes_on_with_the_open_session() {
    let world = World::new();
    let amy = world.mailbox(1, AMY);
    let this = Watching::start(world).await;
    for round in 2..=4 {
        this.pass(299).await;
        assert_eq!(this.runs(amy), round - 1, "not due yet");
        this.pass(1).await;
        assert_eq!((this.runs(amy), this.sessions()), (round, (1, 1)));
    }
    this.end().await;
}

#[tokio::test]
async fn what_is_asked_for_meanwhile_gets_a_session_of_its_own() {
    let world = World::new();
    let amy = world.mailbox(1, AMY);
    let this = Watching::start(world).await;
    this.world.store.make_due(amy, Workload::Incoming, crate::testing::at(0)).await.unwrap();
    this.engine.wake();
    this.a_while().await;
    assert_eq!((this.runs(amy), this.sessions()), (2, (2, 1)), "and only one is listened on");
    this.end().await;
}

#[tokio::test]
async fn watchers_never_hold_the_last_connection() {
    let world = World::new();
    world.store.add_profile(EmailServerProfile {
        authenticate_using: AuthenticateUsing::Profile,
        user_name: Some("sync@contoso.test".to_owned()),
        max_concurrent_connections: 3,
        ..profile(PROFILE)
    });
    let boxes: Vec<_> = (1..=10).map(|n| world.mailbox(n, &format!("user{n}@contoso.test"))).collect();
    let this = Watching::start(world).await;
    for _ in 0..3 {
        assert!(this.sessions().1 <= 2, "{:?}", this.sessions());
        this.pass(299).await;
        this.pass(1).await;
    }
    assert!(boxes.iter().all(|mailbox| this.runs(*mailbox) >= 3), "each is synchronized by the schedule");
    assert_eq!(this.world.server.state.lock().unwrap().most_open, 3);
    this.end().await;
}

#[tokio::test]
async fn a_watcher_that_fails_rests_and_is_nobodys_failure() {
    let world = World::new();
    let amy = world.mailbox(1, AMY);
    world.server.state.lock().unwrap().watch_breaks = true;
    let this = Watching::start(world).await;
    assert_eq!((this.runs(amy), this.sessions()), (1, (1, 0)));
    this.world.server.state.lock().unwrap().watch_breaks = false;
    this.pass(299).await;
    this.pass(1).await;
    assert_eq!((this.runs(amy), this.sessions()), (2, (2, 1)), "it has rested for five minutes");
    {
        let state = this.world.store.state();
        let row = &state.schedule[&(amy, Workload::Incoming)];
        assert_eq!((row.attempts, row.failure.is_none(), state.alerts.len()), (0, true, 0));
    }
    this.end().await;
}

#[tokio::test]
async fn a_session_that_died_while_it_was_open_costs_a_login_and_no_failure() {
    let world = World::new();
    let amy = world.mailbox(1, AMY);
    let this = Watching::start(world).await;
    this.world.server.state.lock().unwrap().lists_break = 1;
    this.world.server.put(AMY, message("2@x", ""));
    this.a_while().await;
    assert_eq!((this.runs(amy), this.sessions()), (2, (2, 1)));
    assert!(this.world.store.state().schedule[&(amy, Workload::Incoming)].failure.is_none());
    assert_eq!(this.world.store.decisions().len(), 1);
    this.end().await;
}

#[tokio::test]
async fn after_a_sleep_open_sessions_are_given_up() {
    let world = World::new();
    let amy = world.mailbox(1, AMY);
    let this = Watching::start(world).await;
    // Or its verification would be due besides, with a login of its own.
    this.verified(amy);
    this.world.clock.jump(Duration::hours(8));
    this.pass(20).await;
    assert_eq!((this.runs(amy), this.sessions()), (2, (2, 1)));
    this.end().await;
}

#[tokio::test]
async fn a_run_until_idle_leaves_nothing_open() {
    let world = World::new();
    world.mailbox(1, AMY);
    world.server.state.lock().unwrap().can_watch = true;
    let engine = Engine::new(world.ports.clone(), EngineLimits::default());
    let run = engine.run(RunMode::UntilIdle, CancellationToken::new());
    timeout(StdDuration::from_secs(20), run).await.expect("it ends").unwrap();
    let state = world.server.state.lock().unwrap();
    assert_eq!((state.sessions, state.watching), (1, 0));
}
