//! Random faults on the wire: the real engine, store and adapters over real sockets against the practice servers.
//!
//! Beside `store/tests/faults`, whose servers stand behind the adapters' ports, this is about what adapters make of bytes:
//! connections cut in the middle of a literal, silence, single bytes, refusals with their codes, a lost reply to DATA.
//! The calendar is driven by hand; sockets need real time, so time-outs are short and a seed repeats its plan, not each
//! interleaving. `TANDEM_WIRE_SCHEDULES` is how many, `TANDEM_SEED` runs one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "tests stop at the first surprise"
)]

mod checks;
#[path = "../../../store/tests/faults/clock.rs"]
#[allow(dead_code, reason = "shared with the schedules behind the ports, which ask for more")]
mod clock;
mod mailboxes;
mod schedule;
mod world;

use checks::Checks;
use schedule::{FAULTS, schedule};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};
use world::World;

/// So many in the normal suite.
const SCHEDULES: u64 = 8;
/// Nobody waits longer than this in one step.
const STEP: Duration = Duration::from_secs(20);
/// After the faults, all mailboxes are well within this time.
const WELL_WITHIN: Duration = Duration::from_secs(75 * 60);
/// And all mail is where it belongs within this time, and as long as the clock was set back.
const SETTLED_WITHIN: Duration = Duration::from_secs(2 * 3_600);

#[test]
fn whatever_breaks_on_the_wire_health_tells_the_truth_and_nothing_is_lost_or_doubled() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds: Vec<u64> = match number("TANDEM_SEED") {
        Some(seed) => vec![seed],
        None => (1..=number("TANDEM_WIRE_SCHEDULES").unwrap_or(SCHEDULES)).collect(),
    };
    let total = seeds.len();
    let (mut failed, mut met, mut slowest) = (Vec::new(), 0, Duration::ZERO);
    for seed in seeds {
        let run = || {
            let mut runtime = tokio::runtime::Builder::new_multi_thread();
            runtime.worker_threads(2).enable_all().build().unwrap().block_on(one(seed))
        };
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok((well_after, faults)) => {
                slowest = slowest.max(well_after);
                met += faults;
            }
            Err(_) => failed.push(seed),
        }
        if seed % 50 == 0 {
            println!("up to seed {seed}: {} failed", failed.len());
        }
    }
    println!(
        "{total} schedules, {} failed; {met} faults were met on the wire; the slowest recovery took {slowest:?}",
        failed.len()
    );
    assert!(failed.is_empty(), "repeat with TANDEM_SEED=n, one of {failed:?}");
    assert!(met > 0, "no fault was met");
}

/// Runs the schedule of a seed: how long after its faults all was well, and how many faults a client met.
async fn one(seed: u64) -> (Duration, u64) {
    let mut world = World::new().await;
    let mut checks = Checks::new(seed);
    world.start();
    let mut planned = schedule(seed).into_iter().peekable();
    loop {
        world.settle().await;
        checks.health(&world).await;
        let (awake, truth) = (world.clock.awake(), world.clock.truth());
        if awake >= FAULTS && planned.peek().is_none() {
            break;
        }
        while let Some((_, event)) = planned.next_if(|(at, _)| *at <= awake) {
            checks.note(truth, &event);
            world.apply(event).await;
        }
        let next = planned.peek().map_or(STEP, |(at, _)| at.saturating_sub(world.clock.awake()));
        step(&world, next);
    }
    world.end_faults().await;
    let (ended, set_back) = (world.clock.truth(), world.set_back);
    let mut well_after = None;
    loop {
        world.settle().await;
        checks.health(&world).await;
        let since = world.clock.truth() - ended;
        let unwell = if well_after.is_none() { checks.unwell(&world).await } else { Vec::new() };
        assert!(
            unwell.is_empty() || since <= WELL_WITHIN,
            "{}: {since:?} later: {unwell:#?}",
            checks.story()
        );
        let well = *well_after.get_or_insert(since);
        if unwell.is_empty() {
            let unsettled = checks.unsettled(&world).await;
            if unsettled.is_empty() {
                checks.mail(&world).await;
                world.stop().await;
                return (well, world.fired());
            }
            let patience = SETTLED_WITHIN + set_back;
            assert!(since <= patience, "{}: {since:?} later: {unsettled:#?}", checks.story());
        } else {
            well_after = None;
        }
        step(&world, STEP);
    }
}

/// Time passes until the next of those who wait, and not beyond `most`.
fn step(world: &World, most: Duration) {
    let next = world.clock.next_in().unwrap_or(STEP).min(most).min(STEP);
    world.clock.advance(next.max(Duration::from_millis(1)));
}
