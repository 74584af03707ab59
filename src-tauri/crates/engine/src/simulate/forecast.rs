//! How long Test & Enable and the first sync take at given limits, by running the real dispatcher on simulated time.

use super::{Behaviour, Costs, LogsIn, Scenario, SimulatedProfile, every_five_minutes, world::World};
use crate::dispatch::{DispatchLimits, Ms};

/// Test & Enable goes in batches: at most so many mailboxes every so often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchRule {
    /// Mailboxes of one batch, 1 at least.
    pub mailboxes: u32,
    /// Between the starts of two batches.
    pub every: Ms,
}

impl Default for BatchRule {
    /// Microsoft's advice for a migration: at most 200 mailboxes every 5 hours.
    fn default() -> Self {
        Self { mailboxes: 200, every: 5 * 60 * 60_000 }
    }
}

/// What is to be forecast.
#[derive(Debug, Clone, Copy)]
pub struct ForecastRequest {
    /// Mailboxes of users.
    pub users: u32,
    /// Mailboxes of queues; they come first.
    pub queues: u32,
    /// The profile's `max_concurrent_connections`.
    pub connections: u16,
    /// Who logs in.
    pub logs_in: LogsIn,
    /// The rule of Test & Enable.
    pub batches: BatchRule,
    /// Messages that wait in each inbox.
    pub backlog: u32,
    /// How long things take.
    pub costs: Costs,
    /// The limits of the engine.
    pub limits: DispatchLimits,
}

/// What is forecast. Times count from the start of the first batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forecast {
    /// Batches of Test & Enable.
    pub batches: u32,
    /// When the last of them starts.
    pub last_batch_at: Ms,
    /// When all queues are tested; 0 without queues.
    pub queues_tested_at: Ms,
    /// When all mailboxes are tested.
    pub tested_at: Ms,
    /// When all mailboxes have completed their first sync.
    pub synced_at: Ms,
    /// Connections to the server that are in use at once, at most.
    pub most_connections: u32,
    /// How late cycles start at most when all is done and mail comes as usual: much more than nothing says that the
    /// limits are too narrow for five minutes.
    pub lateness_afterwards: Ms,
    /// Cycles in each minute then, on average.
    pub cycles_per_minute_afterwards: f64,
}

/// How long everything takes to find its pace.
const SETTLING: Ms = 60 * 60_000;
/// How long the time afterwards is looked at.
const AFTERWARDS: Ms = 60 * 60_000;
/// Nobody wants to know more.
const LONGEST: Ms = 10 * 365 * 24 * 60 * 60_000;

/// Forecasts Test & Enable and the first sync of a profile's mailboxes.
#[must_use]
pub fn forecast(request: &ForecastRequest) -> Forecast {
    let mailboxes = request.users.saturating_add(request.queues);
    let size = request.batches.mailboxes.max(1);
    let batches = mailboxes.div_ceil(size);
    let mut scenario = Scenario {
        seed: 1,
        limits: request.limits,
        profiles: vec![SimulatedProfile {
            mailboxes,
            connections: request.connections,
            logs_in: request.logs_in,
            server: Behaviour::Answers,
            backlog: request.backlog,
        }],
        costs: request.costs,
        length: LONGEST,
        warm_up: LONGEST,
    };
    let mut world = World::new(&scenario);
    let (mut queues_tested_at, mut last_batch_at) = (0, 0);
    for batch in 0..batches {
        let starts_at = Ms::from(batch) * request.batches.every.max(0);
        run_to(&mut world, starts_at, request.queues, &mut queues_tested_at);
        last_batch_at = world.now;
        let from = batch * size;
        (from..mailboxes.min(from.saturating_add(size))).for_each(|mailbox| world.test(mailbox));
    }
    run_to(&mut world, LONGEST, request.queues, &mut queues_tested_at);
    let (tested_at, synced_at) = (world.tests_done_at, world.first_syncs_done_at);
    let most_connections = world.most_connections();
    drop(world);

    // What the same mailboxes need day by day, when they are all enabled and their inboxes are synchronized.
    for profile in &mut scenario.profiles {
        profile.backlog = 0;
    }
    (scenario.warm_up, scenario.length) = (SETTLING, SETTLING + AFTERWARDS);
    let afterwards = super::simulate(&scenario, every_five_minutes);
    Forecast {
        batches,
        last_batch_at,
        queues_tested_at,
        tested_at,
        synced_at,
        most_connections,
        lateness_afterwards: afterwards.worst_lateness,
        cycles_per_minute_afterwards: afterwards.starts_per_minute.mean,
    }
}

/// Runs until an instant, or until nothing is left to be done and to be waited for. What only repeats itself is
/// skipped.
fn run_to(world: &mut World<'_>, until: Ms, queues: u32, queues_tested_at: &mut Ms) {
    loop {
        let is_done = world.tests == 0 && world.first_syncs == 0;
        if is_done && until == LONGEST {
            return;
        }
        let left = until - world.now;
        if is_done && left > 1 {
            world.skip(left - 1);
        }
        if !world.step(until, &every_five_minutes) {
            return;
        }
        if *queues_tested_at == 0 && queues > 0 && world.tested >= queues {
            *queues_tested_at = world.tests_done_at;
        }
    }
}
