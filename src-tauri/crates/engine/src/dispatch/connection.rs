//! Connections that stay open between two cycles of a lane, to be told of news: they count, and never take the last.

use super::{Dispatcher, HeldConnection, Job, Lane, Pool, Server, Standing, UNKNOWN};

impl Dispatcher {
    /// Ends work whose connection shall stay open for its lane. `false`: there is no room to hold one, nothing
    /// changed, and the connection is to be closed before the work is ended.
    ///
    /// Held are at most all but one of a server's and of an identity's connections, none while others wait for one,
    /// and one of each lane.
    pub fn hold(&mut self, job: Job) -> bool {
        let state = self.jobs.at(job.0);
        let (server, identity, lane) = (state.server, state.identity, state.lane);
        let (here, whose) = (self.servers.at(server), self.identities.at(identity));
        let somebody_waits = Pool::ALL.into_iter().any(|pool| {
            let share = here.pools.of(pool);
            share.blocked && !share.queue.is_empty() || !whose.waiting.of(pool).is_empty()
        });
        let fits = here.watching + 1 < here.connections && whose.watching + 1 < self.connections_of(identity);
        let can_hold = state.standing == Standing::Running && self.lanes.at(lane).held.is_none();
        if !can_hold || somebody_waits || !fits {
            return false;
        }
        self.servers.at_mut(server).watching += 1;
        self.identities.at_mut(identity).watching += 1;
        self.lanes.at_mut(lane).held = Some(HeldConnection { server, identity, is_free: false });
        let state = self.jobs.at_mut(job.0);
        (state.standing, state.turn) = (Standing::Idle, 0);
        self.leave(job);
        true
    }

    /// Nobody listens on a lane's connection any more, and it is in order: the lane's next work takes it over.
    pub fn offer(&mut self, lane: Lane) {
        if let Some(held) = &mut self.lanes.at_mut(lane.0).held {
            held.is_free = true;
        }
    }

    /// A lane's connection is closed.
    pub fn let_go(&mut self, lane: Lane) {
        let Some(held) = self.lanes.at_mut(lane.0).held.take() else { return };
        self.stop_watching(held);
        let server = self.servers.at_mut(held.server);
        server.used = server.used.saturating_sub(1);
        let identity = self.identities.at_mut(held.identity);
        identity.used = identity.used.saturating_sub(1);
        self.unblock(held.server);
        self.recall_waiting(held.identity);
    }

    /// How many connections of a server are held between two cycles.
    #[must_use]
    pub fn held(&self, server: Server) -> u32 {
        self.servers.at(server.0).watching
    }

    /// A server of which work waits for a connection while more than half of them are held: one should be let go.
    pub fn short_of_connections(&mut self) -> Option<Server> {
        self.short.pop()
    }

    /// Work goes on with a held connection: it counts for the work now, and not twice.
    pub(super) fn take_over(&mut self, job: u32, held: HeldConnection) {
        self.stop_watching(held);
        let state = self.jobs.at_mut(job);
        if state.identity == UNKNOWN {
            state.identity = held.identity;
        }
        let (server, identity) = (state.server, state.identity);
        // The mailbox may have moved to another server or user meanwhile; then its next connection is another one.
        if server != held.server {
            let before = self.servers.at_mut(held.server);
            before.used = before.used.saturating_sub(1);
            self.servers.at_mut(server).used += 1;
            self.unblock(held.server);
        }
        if identity != held.identity {
            let before = self.identities.at_mut(held.identity);
            before.used = before.used.saturating_sub(1);
            self.identities.at_mut(identity).used += 1;
            self.recall_waiting(held.identity);
        }
    }

    fn stop_watching(&mut self, held: HeldConnection) {
        let server = self.servers.at_mut(held.server);
        server.watching = server.watching.saturating_sub(1);
        server.asked_back = false;
        let identity = self.identities.at_mut(held.identity);
        identity.watching = identity.watching.saturating_sub(1);
    }
}
