//! What a dispatcher has in hand, counted for people.

use super::{Dispatcher, Lane, Ms, PerPool, Pool, Server, Standing};

/// What one pool does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PoolLoad {
    /// How much may run at once.
    pub size: u32,
    /// How much runs.
    pub running: u32,
    /// How much is due and has not started.
    pub waiting: u32,
}

/// What one server does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ServerLoad {
    /// Connections allowed at once.
    pub connections: u32,
    /// Those in use, held ones included.
    pub used: u32,
    /// Those of them that are held open to be told of news.
    pub watching: u32,
    /// How much is due there and has not started.
    pub waiting: u32,
}

impl Dispatcher {
    /// What each pool does. Costs a look at all work.
    #[must_use]
    pub fn pool_loads(&self, now: Ms) -> PerPool<PoolLoad> {
        let mut loads = PerPool::default();
        for pool in Pool::ALL {
            let state = self.pools.of(pool);
            *loads.of_mut(pool) = PoolLoad { size: state.size, running: state.used, waiting: 0 };
        }
        for (pool, _) in self.waiting(now) {
            loads.of_mut(pool).waiting += 1;
        }
        loads
    }

    /// What a server does. Costs a look at all work.
    #[must_use]
    pub fn server_load(&self, server: Server, now: Ms) -> ServerLoad {
        let state = self.servers.at(server.0);
        let waiting = self.waiting(now).filter(|(_, at)| *at == server.0).count();
        ServerLoad {
            connections: state.connections,
            used: state.used,
            watching: state.watching,
            waiting: u32::try_from(waiting).unwrap_or(u32::MAX),
        }
    }

    /// Whether a connection is held open for a lane.
    #[must_use]
    pub fn is_held(&self, lane: Lane) -> bool {
        self.lanes.at(lane.0).held.is_some()
    }

    /// Pool and server of all that is due and has not started.
    fn waiting(&self, now: Ms) -> impl Iterator<Item = (Pool, u32)> {
        self.jobs.handles().filter_map(move |handle| {
            let job = self.jobs.at(handle);
            let waits = match job.standing {
                Standing::Waiting => true,
                Standing::Sleeping => job.rank <= now,
                Standing::Idle | Standing::Running => false,
            };
            job.pool.filter(|_| waits).map(|pool| (pool, job.server))
        })
    }
}
