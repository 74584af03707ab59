//! The real dispatcher on simulated time: whether limits hold, who starves, how the load spreads, and how long a plan
//! takes.
//!
//! Only time, servers and mail are made up, by a simple model and from a seed, so that the same scenario always gives
//! the same result. Who starts when is decided by the [dispatcher](crate::dispatch) that the engine drives, crowds
//! are spread as by [`crate::spread`], to places that look like chance, and the limits are counted here once more, by different code.

mod counting;
mod forecast;
#[cfg(test)]
mod tests;
mod world;

pub use forecast::{BatchRule, Forecast, ForecastRequest, forecast};

use crate::dispatch::{DispatchLimits, Ms, Pool};
use world::World;

/// What is simulated.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The same seed gives the same result.
    pub seed: u64,
    /// The limits of the dispatcher.
    pub limits: DispatchLimits,
    /// The profiles with their mailboxes.
    pub profiles: Vec<SimulatedProfile>,
    /// How long things take.
    pub costs: Costs,
    /// How long is simulated.
    pub length: Ms,
    /// After so long all is in full swing, and lateness and load are measured.
    pub warm_up: Ms,
}

/// A profile with its mailboxes. Every mailbox has incoming and outgoing mail.
#[derive(Debug, Clone, Copy)]
pub struct SimulatedProfile {
    /// Its mailboxes.
    pub mailboxes: u32,
    /// Its `max_concurrent_connections`.
    pub connections: u16,
    /// Who logs in.
    pub logs_in: LogsIn,
    /// What its server does.
    pub server: Behaviour,
    /// Messages that wait in each inbox for the first sync.
    pub backlog: u32,
}

/// Who logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogsIn {
    /// Each mailbox as itself.
    Mailbox,
    /// One account of the profile for all of them.
    Profile,
}

/// What a server does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// It answers.
    Answers,
    /// It answers, and sessions stay open between cycles to be told of news.
    TellsNews,
    /// It never answers; every connection ends with the time-out.
    Hangs,
}

/// How long things take, and how much mail there is.
#[derive(Debug, Clone, Copy)]
pub struct Costs {
    /// Connecting, logging in and asking what is new, on average.
    pub connect_ms: u32,
    /// Fetching or sending one message.
    pub message_ms: u32,
    /// Messages that arrive in one mailbox, and are sent from it, each hour.
    pub messages_per_hour: u32,
    /// Testing one mailbox.
    pub test_ms: u32,
    /// After so long a cycle yields to others.
    pub yield_ms: u32,
    /// After so long a server that does not answer is given up.
    pub timeout_ms: u32,
}

impl Default for Costs {
    /// A server in the same country; the figures are assumptions, not measurements.
    fn default() -> Self {
        Self {
            connect_ms: 250,
            message_ms: 20,
            messages_per_hour: 6,
            test_ms: 12_000,
            yield_ms: 120_000,
            timeout_ms: 60_000,
        }
    }
}

/// A cycle that completed, for the policy that says when the next is due.
#[derive(Debug, Clone, Copy)]
pub struct Completed {
    /// Incoming or outgoing.
    pub pool: Pool,
    /// Messages that it found or sent.
    pub messages: u32,
    /// When it ended.
    pub ended_at: Ms,
}

/// Least, mean and most.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Spread {
    /// Least.
    pub least: u32,
    /// Mean.
    pub mean: f64,
    /// Most.
    pub most: u32,
}

/// What came of a simulation.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Cycles that ran to their end.
    pub cycles: u64,
    /// Of them, cycles that did a part and went on later.
    pub yielded: u64,
    /// How much of each pool ran at once, at most: incoming, outgoing, operations.
    pub most_running: [u32; 3],
    /// How full a profile was at most: connections in use, beside its limit.
    pub fullest_profile: (u32, u32),
    /// How full an identity was at most: connections in use, beside its limit.
    pub fullest_identity: (u32, u32),
    /// How often a limit was exceeded: of a pool, a profile, an identity, or one workload of one mailbox at a time.
    pub exceeded: u64,
    /// The longest that a cycle started after it was due, once all was in full swing; of servers that answer.
    pub worst_lateness: Ms,
    /// The longest between the ends of two completed cycles of one workload, or since the start; of servers that
    /// answer.
    pub longest_starvation: Ms,
    /// Starts in each minute, once all was in full swing.
    pub starts_per_minute: Spread,
    /// Messages that were fetched and sent.
    pub messages: u64,
}

/// Simulates a scenario in which all mailboxes are enabled at its start. `policy` says how long after a completed
/// cycle the next is due.
#[must_use]
pub fn simulate(scenario: &Scenario, policy: impl Fn(Completed) -> Ms) -> Summary {
    let mut world = World::new(scenario);
    world.enable_all(0);
    world.run_until(scenario.length, &policy);
    world.summary()
}

/// The policy of the online edition: five minutes after the end of the cycle.
#[must_use]
pub fn every_five_minutes(_: Completed) -> Ms {
    5 * 60_000
}
