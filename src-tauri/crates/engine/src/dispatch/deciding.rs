//! The decision itself: planning, letting in, starting and ending.

use super::{
    BEHIND, CONNECTED, Connection, Dispatcher, Entry, Front, Identity, Job, Ms, Pool, Server, Standing,
    Started, UNKNOWN, left_to_others, share_of,
};
use std::cmp::Reverse;

/// Why work is planned, which decides whom it goes behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It is due then.
    Due,
    /// It did a part and goes on, behind what is due.
    Yielded,
}

impl Dispatcher {
    /// Plans work: it is due at this instant, or goes on at it. A plan replaces the one before; what runs is not
    /// planned.
    pub fn plan(&mut self, job: Job, at: Ms, turn: Turn) {
        let rank = match turn {
            Turn::Due => at,
            Turn::Yielded => at.saturating_add(BEHIND),
        };
        let Some((pool, entry)) = self.stand(job, Standing::Sleeping, rank) else { return };
        self.pools.of_mut(pool).sleeping.push(Reverse(Entry { rank: at, ..entry }));
    }

    /// Somebody waits for this work: it passes by the ramp, and not by anything else.
    pub fn ask(&mut self, job: Job, now: Ms) {
        if self.stand(job, Standing::Waiting, now).is_some() {
            self.queue(job.0);
        }
    }

    /// What starts now, one at a time; `None` when nothing can.
    pub fn start(&mut self, now: Ms) -> Option<Started> {
        self.let_in(now);
        loop {
            let fronts = Pool::ALL.map(|pool| self.front(pool).map(|front| (front, pool)));
            let (front, pool) = fronts.into_iter().flatten().min_by_key(|(front, _)| *front)?;
            self.pools.of_mut(pool).fronts.pop();
            let taken = self.servers.at_mut(front.server).pools.of_mut(pool).queue.pop();
            self.show_front(front.server, pool);
            let Some(Reverse(entry)) = taken else { continue };
            if let Some(started) = self.try_start(entry, front.server, pool) {
                return Some(started);
            }
        }
    }

    /// When [`Dispatcher::start`] can find more, if nothing ends and nothing is planned before. May be too early.
    #[must_use]
    pub fn next_at(&self, now: Ms) -> Option<Ms> {
        let next = Pool::ALL.into_iter().filter_map(|pool| {
            let pool = self.pools.of(pool);
            let due = pool.sleeping.peek()?.0.rank;
            Some(due.max(pool.ramp.look_at(now, self.limits.ramp)))
        });
        next.min()
    }

    /// Started work turns out to connect as this identity. When the server or the identity has no room after all, it
    /// is put back to where it waited, and `false` says that it must not connect.
    pub fn identify(&mut self, job: Job, identity: Identity) -> bool {
        let (server, before) = (self.jobs.at(job.0).server, self.jobs.at(job.0).identity);
        let named = self.identities.at_mut(identity.0);
        if named.server.is_none() {
            named.server = Some(server);
        } else if !named.is_at(server) {
            named.other_servers.push(server);
        }
        self.jobs.at_mut(job.0).identity = identity.0;
        if self.jobs.at(job.0).standing != Standing::Running {
            return true;
        }
        self.identities.at_mut(before).used = self.identities.at(before).used.saturating_sub(1);
        self.identities.at_mut(identity.0).used += 1;
        let fits = self.identities.at(identity.0).used <= self.connections_of(identity.0)
            && self.servers.at(server).used <= self.servers.at(server).connections;
        if before != identity.0 {
            self.recall_waiting(before);
        }
        if !fits {
            self.end(job);
            let rank = self.jobs.at(job.0).rank;
            if self.stand(job, Standing::Waiting, rank).is_some() {
                self.queue(job.0);
            }
        }
        fits
    }

    /// Work ended, and its connection is closed.
    pub fn end(&mut self, job: Job) {
        let state = self.jobs.at_mut(job.0);
        let was = std::mem::replace(&mut state.standing, Standing::Idle);
        state.turn = 0;
        let (server, identity, pool) = (state.server, state.identity, state.pool);
        if was != Standing::Running {
            if let Some(pool) = pool.filter(|_| was == Standing::Waiting) {
                let waiting = &mut self.pools.of_mut(pool).waiting;
                *waiting = waiting.saturating_sub(1);
            }
            return;
        }
        let server_state = self.servers.at_mut(server);
        server_state.used = server_state.used.saturating_sub(1);
        let identity_state = self.identities.at_mut(identity);
        identity_state.used = identity_state.used.saturating_sub(1);
        self.leave(job);
        self.recall_waiting(identity);
    }

    /// Gives back the places of work that ended, but for its connection.
    pub(super) fn leave(&mut self, job: Job) {
        let state = self.jobs.at(job.0);
        let (server, lane) = (state.server, state.lane);
        if let Some(pool) = state.pool {
            let used = &mut self.pools.of_mut(pool).used;
            *used = used.saturating_sub(1);
            let running = &mut self.servers.at_mut(server).pools.of_mut(pool).running;
            *running = running.saturating_sub(1);
        }
        self.lanes.at_mut(lane).busy = false;
        self.unblock(server);
        self.free_lane(lane);
    }

    /// Gives a job a new turn. `None` when it runs, or does not exist.
    fn stand(&mut self, job: Job, standing: Standing, rank: Ms) -> Option<(Pool, Entry)> {
        self.sequence += 1;
        let turn = self.sequence;
        let state = self.jobs.at_mut(job.0);
        let pool = state.pool.filter(|_| state.standing != Standing::Running)?;
        let was = std::mem::replace(&mut state.standing, standing);
        (state.rank, state.turn) = (rank, turn);
        let before = u32::from(was == Standing::Waiting);
        let waiting = &mut self.pools.of_mut(pool).waiting;
        *waiting = waiting.saturating_add(u32::from(standing == Standing::Waiting)).saturating_sub(before);
        if was == Standing::Waiting {
            let (lane, identity) = (state.lane, state.identity);
            self.pass_on(lane, identity);
        }
        Some((pool, Entry { rank, turn, job: job.0 }))
    }

    /// Lets in what is due, as fast as the ramp allows.
    fn let_in(&mut self, now: Ms) {
        for pool in Pool::ALL {
            loop {
                let state = self.pools.of_mut(pool);
                let Some(Reverse(first)) = state.sleeping.peek().copied() else { break };
                let counts = self.jobs.at(first.job).turn == first.turn;
                if counts && first.rank > now {
                    break;
                }
                if counts && state.ramp.next_at(now, self.limits.ramp) > now {
                    state.crowded_at = Some(now);
                    break;
                }
                state.sleeping.pop();
                if counts {
                    state.ramp.took(now, self.limits.ramp);
                    state.waiting += 1;
                    self.jobs.at_mut(first.job).standing = Standing::Waiting;
                    self.queue(first.job);
                }
            }
        }
    }

    /// Puts waiting work into the queue of its server, or into that of those that have a connection.
    pub(super) fn queue(&mut self, job: u32) {
        let state = self.jobs.at(job);
        let has_connection = self.lanes.at(state.lane).held.is_some_and(|held| held.is_free);
        let server = if has_connection { CONNECTED } else { state.server };
        self.queue_at(job, server);
    }

    fn queue_at(&mut self, job: u32, server: u32) {
        let state = self.jobs.at(job);
        let entry = Entry { rank: state.rank, turn: state.turn, job };
        let Some(pool) = state.pool else { return };
        let share = self.servers.at_mut(server).pools.of_mut(pool);
        let was_first = share.queue.peek().copied();
        share.queue.push(Reverse(entry));
        if !share.blocked && was_first.is_none_or(|first| entry < first.0) {
            let Entry { rank, turn, .. } = entry;
            self.pools.of_mut(pool).fronts.push(Reverse(Front { rank, turn, server }));
        }
    }

    /// The front that a pool would start, when it has room for one.
    fn front(&mut self, pool: Pool) -> Option<Front> {
        let state = self.pools.of(pool);
        if state.used >= state.size {
            return None;
        }
        let share = share_of(state.size);
        loop {
            let state = self.pools.of_mut(pool);
            let Reverse(front) = *state.fronts.peek()?;
            let server = self.servers.at_mut(front.server);
            let queue = &mut server.pools.of_mut(pool).queue;
            let first = queue.peek().copied();
            match first {
                Some(Reverse(entry)) if entry.turn == front.turn => {
                    if self.jobs.at(entry.job).turn != entry.turn {
                        queue.pop();
                        state.fronts.pop();
                        self.show_front(front.server, pool);
                        continue;
                    }
                }
                // Somebody else is in front now, and was shown when he came.
                _ => {
                    state.fronts.pop();
                    continue;
                }
            }
            if front.server == CONNECTED || has_room(server, pool, share) {
                return Some(front);
            }
            state.fronts.pop();
            server.pools.of_mut(pool).blocked = true;
            if server.used >= server.connections
                && server.watching > server.connections / 2
                && !server.asked_back
            {
                server.asked_back = true;
                self.short.push(Server(front.server));
            }
        }
    }

    /// Shows a pool who is in front of a server's queue.
    fn show_front(&mut self, server: u32, pool: Pool) {
        let share = self.servers.at(server).pools.of(pool);
        if let Some(Reverse(Entry { rank, turn, .. })) =
            share.queue.peek().copied().filter(|_| !share.blocked)
        {
            self.pools.of_mut(pool).fronts.push(Reverse(Front { rank, turn, server }));
        }
    }

    /// Takes the last hurdles: its lane and its identity.
    fn try_start(&mut self, entry: Entry, queue: u32, pool: Pool) -> Option<Started> {
        let state = self.jobs.at(entry.job);
        if state.turn != entry.turn {
            return None;
        }
        let (lane, server, identity) = (state.lane, state.server, state.identity);
        let share = share_of(self.pools.of(pool).size);
        if self.lanes.at(lane).busy {
            self.lanes.at_mut(lane).waiting.push(entry);
            return None;
        }
        let held = self.lanes.at(lane).held.filter(|held| held.is_free);
        if queue == CONNECTED && (held.is_none() || self.servers.at(server).pools.of(pool).running >= share) {
            self.queue_at(entry.job, server);
            return None;
        }
        let connection = match held {
            Some(held) => {
                self.lanes.at_mut(lane).held = None;
                self.take_over(entry.job, held);
                Connection::Held
            }
            None if identity != UNKNOWN
                && self.identities.at(identity).used >= self.connections_of(identity) =>
            {
                self.identities.at_mut(identity).waiting.of_mut(pool).push(Reverse(entry));
                return None;
            }
            None => {
                self.servers.at_mut(server).used += 1;
                self.identities.at_mut(identity).used += 1;
                Connection::New
            }
        };
        self.lanes.at_mut(lane).busy = true;
        let pool_state = self.pools.of_mut(pool);
        pool_state.used += 1;
        pool_state.waiting = pool_state.waiting.saturating_sub(1);
        self.servers.at_mut(server).pools.of_mut(pool).running += 1;
        self.jobs.at_mut(entry.job).standing = Standing::Running;
        Some(Started { job: Job(entry.job), connection })
    }

    /// The connections that an identity may have: the least that one of its servers allows.
    pub(super) fn connections_of(&self, identity: u32) -> u32 {
        let state = self.identities.at(identity);
        let of = |server: u32| self.servers.at(server).connections;
        let first = state.server.map_or(u32::MAX, of);
        state.other_servers.iter().fold(first, |least, server| least.min(of(*server)))
    }

    /// A server may have room again.
    pub(super) fn unblock(&mut self, server: u32) {
        for pool in Pool::ALL {
            let share = self.servers.at_mut(server).pools.of_mut(pool);
            if std::mem::replace(&mut share.blocked, false) {
                self.show_front(server, pool);
            }
        }
    }

    /// An identity may have room again: the first of each pool that waits for it goes back to its server's queue.
    pub(super) fn recall_waiting(&mut self, identity: u32) {
        for pool in Pool::ALL {
            while let Some(Reverse(entry)) = self.identities.at_mut(identity).waiting.of_mut(pool).pop() {
                if self.jobs.at(entry.job).turn == entry.turn {
                    self.queue(entry.job);
                    break;
                }
            }
        }
    }

    /// What a job was called for, and does not take after all, goes to the next.
    pub(super) fn pass_on(&mut self, lane: u32, identity: u32) {
        if !self.lanes.at(lane).busy {
            self.free_lane(lane);
        }
        if self.identities.at(identity).used < self.connections_of(identity) {
            self.recall_waiting(identity);
        }
    }

    /// A lane is free: whoever waited for it goes back to the server's queue.
    pub(super) fn free_lane(&mut self, lane: u32) {
        while let Some(entry) = self.lanes.at_mut(lane).waiting.pop() {
            if self.jobs.at(entry.job).turn == entry.turn {
                self.queue(entry.job);
            }
        }
    }
}

/// Whether a server has room for one more of this pool.
fn has_room(server: &super::ServerState, pool: Pool, share: u32) -> bool {
    let running = server.pools.of(pool).running;
    let most = share.min(server.connections.saturating_sub(left_to_others(server.connections)));
    server.used < server.connections && running < most.max(1)
}
