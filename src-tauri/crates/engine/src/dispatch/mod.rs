//! Who starts next: a pure value that knows due times, what runs and the limits, and decides at `now`.
//!
//! It has no clock, waits for nothing and reads nothing, so the engine drives it with the real clock, and the
//! [simulation](crate::simulate) drives the same code with simulated time. A decision costs O(log n) and allocates
//! nothing: everything is a handle, a counter or a heap.
//!
//! What is planned sleeps until it is due, is let in by its pool's [ramp](RampLimits), waits in its profile's queue
//! with whatever has been due longest in front, and starts when its pool, its profile, its identity and its lane
//! have room. Whatever lacks room steps aside and does not hold up the others.

mod connection;
mod deciding;
mod load;
mod pools;
mod ramp;
mod table;
#[cfg(test)]
mod tests;

pub use deciding::Turn;
pub use load::{PoolLoad, ServerLoad};
pub use pools::{PerPool, Pool, PoolSizes};
pub use ramp::RampLimits;

use ramp::Ramp;
use std::{cmp::Reverse, collections::BinaryHeap};
use table::Table;

/// Milliseconds, of the Unix epoch in the engine, of the start in a simulation.
pub type Ms = i64;

macro_rules! handles {
    ($($(#[$meta:meta])* $name:ident),+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(u32);

        impl $name {
            /// Its number: handles of one kind count from a small number without large gaps.
            #[must_use]
            pub const fn number(self) -> u32 { self.0 }

            /// The reverse of [`Self::number`].
            #[must_use]
            pub const fn numbered(number: u32) -> Self { Self(number) }
        }
    )+};
}

handles! {
    /// A piece of work that can be planned, again and again.
    Job,
    /// One workload of one mailbox: worked on once at a time.
    Lane,
    /// An email server profile.
    Server,
    /// An authenticated identity: whom the server counts connections for.
    Identity
}

/// The limits of a dispatcher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DispatchLimits {
    /// How much of each pool runs at once.
    pub pools: PoolSizes,
    /// How fast due work is let in.
    pub ramp: RampLimits,
}

/// What is to be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Started {
    /// The work.
    pub job: Job,
    /// Whose connection it uses.
    pub connection: Connection,
}

/// Whose connection work uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// It may open one.
    New,
    /// It takes over the one that was held for its lane.
    Held,
}

/// Yielded work goes behind everything that becomes due within this long after it: one interval of the shortest
/// kind that is common. It ages, so that it starves neither.
pub const BEHIND: Ms = 5 * 60_000;

/// See the module.
#[derive(Debug)]
pub struct Dispatcher {
    limits: DispatchLimits,
    pools: PerPool<PoolState>,
    servers: Table<ServerState>,
    identities: Table<IdentityState>,
    lanes: Table<LaneState>,
    jobs: Table<JobState>,
    short: Vec<Server>,
    sequence: u64,
}

/// A place in a heap. It counts only while its job has the same turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    rank: Ms,
    turn: u64,
    job: u32,
}

/// The front of a server's queue, as its pool sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Front {
    rank: Ms,
    turn: u64,
    server: u32,
}

type Queue = BinaryHeap<Reverse<Entry>>;

#[derive(Debug, Default)]
struct PoolState {
    size: u32,
    used: u32,
    /// How much was let in and has not started.
    waiting: u32,
    ramp: Ramp,
    /// When the ramp last kept something waiting.
    crowded_at: Option<Ms>,
    sleeping: Queue,
    fronts: BinaryHeap<Reverse<Front>>,
}

#[derive(Debug, Default)]
struct ServerState {
    connections: u32,
    /// Connections in use, those held between two cycles included.
    used: u32,
    watching: u32,
    asked_back: bool,
    pools: PerPool<Share>,
}

/// What one pool does with one server.
#[derive(Debug, Default)]
struct Share {
    queue: Queue,
    running: u32,
    /// It has no room: it is not among its pool's fronts until something ends.
    blocked: bool,
}

#[derive(Debug, Default)]
struct IdentityState {
    /// The server where it is known, of the nearly always one.
    server: Option<u32>,
    other_servers: Vec<u32>,
    used: u32,
    watching: u32,
    waiting: PerPool<Queue>,
}

impl IdentityState {
    fn is_at(&self, server: u32) -> bool {
        self.server == Some(server) || self.other_servers.contains(&server)
    }
}

#[derive(Debug, Default)]
struct LaneState {
    busy: bool,
    waiting: Vec<Entry>,
    held: Option<HeldConnection>,
}

#[derive(Debug, Clone, Copy)]
struct HeldConnection {
    server: u32,
    identity: u32,
    /// Nobody listens on it now: the lane's next work can have it.
    is_free: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Standing {
    /// Known, and nothing is planned.
    #[default]
    Idle,
    /// Not due, or not let in yet.
    Sleeping,
    /// In a queue, of its server or of what it waits for.
    Waiting,
    /// Started and not ended.
    Running,
}

#[derive(Debug, Default)]
struct JobState {
    pool: Option<Pool>,
    lane: u32,
    server: u32,
    identity: u32,
    standing: Standing,
    rank: Ms,
    turn: u64,
}

/// The server whose queue holds work that has its connection already.
const CONNECTED: u32 = 0;
/// The identity of work whose identity is not known yet; it is never full.
const UNKNOWN: u32 = 0;

impl Dispatcher {
    /// A dispatcher that knows of nothing yet, and whose ramp begins now.
    #[must_use]
    pub fn new(limits: DispatchLimits, now: Ms) -> Self {
        let mut dispatcher = Self {
            limits,
            pools: PerPool::default(),
            servers: Table::default(),
            identities: Table::default(),
            lanes: Table::default(),
            jobs: Table::default(),
            short: Vec::new(),
            sequence: 0,
        };
        for pool in Pool::ALL {
            *dispatcher.pools.of_mut(pool) =
                PoolState { size: limits.pools.of(pool), ramp: Ramp::from(now), ..PoolState::default() };
        }
        // The first of each kind is that of `CONNECTED` and `UNKNOWN`.
        dispatcher.servers.add(ServerState { connections: u32::MAX, ..ServerState::default() });
        dispatcher.identities.add(IdentityState::default());
        dispatcher
    }

    /// Begins the ramp anew: after a sleep, an outage or a clock that jumped.
    pub fn begin_ramp(&mut self, now: Ms) {
        for pool in Pool::ALL {
            self.pools.of_mut(pool).ramp = Ramp::from(now);
        }
    }

    /// The clock was moved by so much: everything that is planned or waits moves with it.
    pub fn clock_moved(&mut self, by: Ms, now: Ms) {
        for handle in self.jobs.handles() {
            let job = self.jobs.at_mut(handle);
            job.rank = job.rank.saturating_add(by);
        }
        let moved = |queue: &mut Queue| {
            let shift =
                |entry: Reverse<Entry>| Reverse(Entry { rank: entry.0.rank.saturating_add(by), ..entry.0 });
            *queue = std::mem::take(queue).into_iter().map(shift).collect();
        };
        for pool in Pool::ALL {
            let state = self.pools.of_mut(pool);
            moved(&mut state.sleeping);
            let shift =
                |front: Reverse<Front>| Reverse(Front { rank: front.0.rank.saturating_add(by), ..front.0 });
            state.fronts = std::mem::take(&mut state.fronts).into_iter().map(shift).collect();
            for handle in self.servers.handles() {
                moved(&mut self.servers.at_mut(handle).pools.of_mut(pool).queue);
            }
            for handle in self.identities.handles() {
                moved(self.identities.at_mut(handle).waiting.of_mut(pool));
            }
        }
        for handle in self.lanes.handles() {
            for entry in &mut self.lanes.at_mut(handle).waiting {
                entry.rank = entry.rank.saturating_add(by);
            }
        }
        self.begin_ramp(now);
    }

    /// A server that allows so many connections, 1 at least.
    pub fn add_server(&mut self, connections: u16) -> Server {
        let connections = u32::from(connections.max(1));
        Server(self.servers.add(ServerState { connections, ..ServerState::default() }))
    }

    /// A server's limit changed. What runs goes on; nothing starts while there is more than the limit.
    pub fn set_connections(&mut self, server: Server, connections: u16) {
        let connections = u32::from(connections.max(1));
        let before = std::mem::replace(&mut self.servers.at_mut(server.0).connections, connections);
        if connections <= before {
            return;
        }
        self.unblock(server.0);
        for handle in self.identities.handles() {
            if self.identities.at(handle).is_at(server.0) {
                for _ in before..connections {
                    self.recall_waiting(handle);
                }
            }
        }
    }

    /// An identity that nobody uses yet.
    pub fn add_identity(&mut self) -> Identity {
        Identity(self.identities.add(IdentityState::default()))
    }

    /// A lane that nobody works on yet.
    pub fn add_lane(&mut self) -> Lane {
        Lane(self.lanes.add(LaneState::default()))
    }

    /// Work of a pool, on a lane, at a server. Its identity may be told later, by [`Dispatcher::identify`].
    pub fn add_job(&mut self, pool: Pool, lane: Lane, server: Server) -> Job {
        let (lane, server) = (lane.0, server.0);
        Job(self.jobs.add(JobState {
            pool: Some(pool),
            lane,
            server,
            identity: UNKNOWN,
            ..JobState::default()
        }))
    }

    /// Forgets work. What runs is ended first.
    pub fn remove_job(&mut self, job: Job) {
        self.end(job);
        let (lane, identity) = (self.jobs.at(job.0).lane, self.jobs.at(job.0).identity);
        self.jobs.remove(job.0);
        self.pass_on(lane, identity);
    }

    /// How many pieces of work of a pool run.
    #[must_use]
    pub fn running(&self, pool: Pool) -> u32 {
        self.pools.of(pool).used
    }

    /// Whether so much was due in this pool lately that the ramp kept some of it waiting: what started then is in
    /// step, and is to be [spread](crate::spread).
    #[must_use]
    pub fn is_crowded(&self, pool: Pool, now: Ms) -> bool {
        self.pools.of(pool).crowded_at.is_some_and(|at| now.saturating_sub(at) < BEHIND)
    }

    /// How many connections of a server are in use, held ones included.
    #[must_use]
    pub fn connections_in_use(&self, server: Server) -> u32 {
        self.servers.at(server.0).used
    }

    /// How long work may run so that all that waits for the same pool and server gets its turn within `within`:
    /// `most` where nobody waits, and never less than a tenth of it.
    #[must_use]
    pub fn slice(&self, job: Job, within: Ms, most: Ms) -> Ms {
        let state = self.jobs.at(job.0);
        let Some(pool) = state.pool else { return most };
        let (server, pool_state) = (self.servers.at(state.server), self.pools.of(pool));
        let at_server = i64::try_from(server.pools.of(pool).queue.len()).unwrap_or(i64::MAX);
        let room = i64::from(server.connections.min(share_of(pool_state.size)));
        let turn = |room: i64, waiting: i64| within.saturating_mul(room) / waiting.max(1);
        let of_server = turn(room, at_server);
        let of_pool = turn(pool_state.size.into(), pool_state.waiting.into());
        of_server.min(of_pool).clamp((most / 10).max(1), most.max(1))
    }
}

/// One server never takes the last quarter of a pool, so that a hung one can't stop the others.
const fn share_of(size: u32) -> u32 {
    let share = size - size / 4;
    if share == 0 { 1 } else { share }
}

/// One pool leaves so many of a server's connections to the others, where there are enough of them.
const fn left_to_others(connections: u32) -> u32 {
    match connections {
        0..=3 => 0,
        4..=7 => 1,
        _ => 2,
    }
}
