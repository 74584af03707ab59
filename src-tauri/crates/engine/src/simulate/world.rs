//! The simulated servers and mailboxes, and the loop over simulated time.

use super::{
    Behaviour, Completed, LogsIn, Scenario, Summary,
    counting::{Chance, Gauge, Minutes},
};
use crate::{
    dispatch::{Connection, Dispatcher, Job, Lane, Ms, Pool, Server, Started, Turn},
    spread,
};
use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
};

const HOUR: Ms = 60 * 60_000;
/// What fails is tried again after this long.
const RETRY: Ms = 5 * 60_000;
/// Everybody who waits gets a turn within about this long: half an interval, as those who come later are not seen yet.
const FAIR_TURN: Ms = 150_000;
const LATE_PART: Ms = 20;
const LONGEST_DELAY: Ms = 150_000;
/// Looking for mail to be sent needs no server.
const NOTHING_TO_SEND: Ms = 5;

/// One piece of work, incoming or outgoing mail or the test of one mailbox.
#[derive(Debug, Clone, Copy)]
struct Work {
    pool: Pool,
    lane: Lane,
    profile: u32,
    identity: u32,
    /// Messages that wait; of the first sync at first.
    backlog: u32,
    due_at: Ms,
    turn: Turn,
    enabled_at: Option<Ms>,
    completed_at: Option<Ms>,
    started_at: Ms,
    is_running: bool,
    has_connection: bool,
    is_first: bool,
    ends: Ends,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    Completed(u32),
    Yielded(u32),
    Failed,
}

#[derive(Debug)]
struct Site {
    server: Server,
    behaviour: Behaviour,
    connections: Gauge,
    /// Mailboxes whose connection is held open.
    held: VecDeque<u32>,
}

/// See the module.
pub struct World<'a> {
    scenario: &'a Scenario,
    dispatcher: Dispatcher,
    pub now: Ms,
    ends: BinaryHeap<Reverse<(Ms, u32)>>,
    work: Vec<Work>,
    sites: Vec<Site>,
    identities: Vec<Gauge>,
    pools: [Gauge; 3],
    minutes: Minutes,
    chance: Chance,
    summary: Summary,
    /// Mailboxes that are enabled and have not completed their first sync.
    pub first_syncs: u32,
    pub first_syncs_done_at: Ms,
    pub tests: u32,
    pub tested: u32,
    pub tests_done_at: Ms,
}

impl<'a> World<'a> {
    /// All mailboxes, with work numbered in threes: incoming, outgoing, test.
    pub fn new(scenario: &'a Scenario) -> Self {
        let dispatcher = Dispatcher::new(scenario.limits, 0);
        let summary = Summary {
            cycles: 0,
            yielded: 0,
            most_running: [0; 3],
            fullest_profile: (0, 0),
            fullest_identity: (0, 0),
            exceeded: 0,
            worst_lateness: 0,
            longest_starvation: 0,
            starts_per_minute: super::Spread::default(),
            messages: 0,
        };
        let mut world = Self {
            scenario,
            dispatcher,
            now: 0,
            ends: BinaryHeap::new(),
            work: Vec::new(),
            sites: Vec::new(),
            identities: Vec::new(),
            pools: Pool::ALL.map(|pool| Gauge::new(scenario.limits.pools.of(pool))),
            minutes: Minutes::default(),
            chance: Chance::new(scenario.seed),
            summary,
            first_syncs: 0,
            first_syncs_done_at: 0,
            tests: 0,
            tested: 0,
            tests_done_at: 0,
        };
        for profile in &scenario.profiles {
            world.add_profile(*profile);
        }
        world
    }

    fn add_profile(&mut self, profile: super::SimulatedProfile) {
        let server = self.dispatcher.add_server(profile.connections);
        let limit = u32::from(profile.connections.max(1));
        let site = u32::try_from(self.sites.len()).unwrap_or(u32::MAX);
        let (behaviour, held) = (profile.server, VecDeque::new());
        self.sites.push(Site { server, behaviour, connections: Gauge::new(limit), held });
        // One user on two ports is two identities.
        let mut shared = None;
        for _ in 0..profile.mailboxes {
            let (incoming, outgoing) = match profile.logs_in {
                LogsIn::Profile => {
                    *shared.get_or_insert_with(|| (self.identity(limit), self.identity(limit)))
                }
                LogsIn::Mailbox => (self.identity(limit), self.identity(limit)),
            };
            let (lane_in, lane_out) = (self.dispatcher.add_lane(), self.dispatcher.add_lane());
            for (pool, lane, identity, backlog) in [
                (Pool::Incoming, lane_in, incoming, profile.backlog),
                (Pool::Outgoing, lane_out, outgoing, 0),
                (Pool::Operations, lane_in, incoming, 0),
            ] {
                let job = self.dispatcher.add_job(pool, lane, server);
                self.dispatcher.identify(job, identity.1);
                self.work.push(Work {
                    pool,
                    lane,
                    profile: site,
                    identity: identity.0,
                    backlog,
                    due_at: 0,
                    turn: Turn::Due,
                    enabled_at: None,
                    completed_at: None,
                    started_at: 0,
                    is_running: false,
                    has_connection: false,
                    is_first: true,
                    ends: Ends::Failed,
                });
            }
        }
    }

    fn identity(&mut self, limit: u32) -> (u32, crate::dispatch::Identity) {
        self.identities.push(Gauge::new(limit));
        (u32::try_from(self.identities.len() - 1).unwrap_or(u32::MAX), self.dispatcher.add_identity())
    }

    /// Enables every mailbox at once, without a test.
    pub fn enable_all(&mut self, at: Ms) {
        for mailbox in 0..u32::try_from(self.work.len() / 3).unwrap_or(u32::MAX) {
            self.enable(mailbox, at);
        }
    }

    /// Tests a mailbox, and enables it.
    pub fn test(&mut self, mailbox: u32) {
        self.tests += 1;
        self.dispatcher.ask(Job::numbered(mailbox * 3 + 2), self.now);
    }

    fn enable(&mut self, mailbox: u32, at: Ms) {
        self.first_syncs += 1;
        for number in [mailbox * 3, mailbox * 3 + 1] {
            self.change(number, |work| {
                (work.due_at, work.turn, work.enabled_at) = (at, Turn::Due, Some(at));
            });
            self.dispatcher.plan(Job::numbered(number), at, Turn::Due);
        }
    }

    /// Runs until this instant.
    pub fn run_until(&mut self, until: Ms, policy: &impl Fn(Completed) -> Ms) {
        while self.step(until, policy) {}
    }

    /// One instant at which something happens. `false`: nothing does until then.
    pub fn step(&mut self, until: Ms, policy: &impl Fn(Completed) -> Ms) -> bool {
        loop {
            while let Some(started) = self.dispatcher.start(self.now) {
                self.begin(started);
            }
            if !self.give_room() {
                break;
            }
        }
        let end = self.ends.peek().map(|Reverse((at, _))| *at);
        let due = self.dispatcher.next_at(self.now).map(|at| at.max(self.now + 1));
        let next = [end, due].into_iter().flatten().min().unwrap_or(until);
        if next >= until {
            self.now = until;
            return false;
        }
        self.now = next;
        while let Some(Reverse((at, job))) = self.ends.peek().copied() {
            if at > self.now {
                break;
            }
            self.ends.pop();
            self.end(job, policy);
        }
        true
    }

    /// Nothing of interest happens for so long: everything that is planned moves with the clock.
    pub fn skip(&mut self, length: Ms) {
        self.now += length;
        self.dispatcher.clock_moved(length, self.now);
        self.ends = std::mem::take(&mut self.ends)
            .into_iter()
            .map(|Reverse((at, job))| Reverse((at + length, job)))
            .collect();
        for work in &mut self.work {
            work.due_at += length;
            work.started_at += length;
            work.completed_at = work.completed_at.map(|at| at + length);
            work.enabled_at = work.enabled_at.map(|at| at + length);
        }
    }

    fn begin(&mut self, started: Started) {
        let number = started.job.number();
        let Some(mut work) = self.work.get(number as usize).copied() else { return };
        let Some(site) = self.sites.get_mut(work.profile as usize) else { return };
        let answers = site.behaviour != Behaviour::Hangs;
        self.summary.exceeded += u64::from(work.is_running);
        let [incoming, outgoing, operations] = &mut self.pools;
        self.summary.exceeded += match work.pool {
            Pool::Incoming => incoming.up(),
            Pool::Outgoing => outgoing.up(),
            Pool::Operations => operations.up(),
        };
        match started.connection {
            Connection::New => {
                self.summary.exceeded += site.connections.up();
                self.summary.exceeded += self.identities.get_mut(work.identity as usize).map_or(0, Gauge::up);
            }
            Connection::Held => site.held.retain(|held| *held != number),
        }
        let late = self.now - work.due_at;
        if answers
            && work.turn == Turn::Due
            && work.due_at >= self.scenario.warm_up
            && work.pool != Pool::Operations
        {
            self.summary.worst_lateness = self.summary.worst_lateness.max(late);
        }
        if work.pool != Pool::Operations {
            self.minutes.count(self.now);
        }
        let length;
        (length, work.ends) = self.length(started, &work, answers);
        (work.is_running, work.started_at, work.has_connection) = (true, self.now, true);
        self.change(number, |known| *known = work);
        self.ends.push(Reverse((self.now + length.max(1), number)));
    }

    /// How long work takes, and how it ends.
    fn length(&mut self, started: Started, work: &Work, answers: bool) -> (Ms, Ends) {
        let costs = self.scenario.costs;
        // Half to one and a half of the average.
        let connect = costs.connect_ms / 2 + self.chance.below(costs.connect_ms + 1);
        if work.pool == Pool::Operations {
            return (Ms::from(costs.test_ms) + Ms::from(connect), Ends::Completed(0));
        }
        let connect = if started.connection == Connection::Held { connect / 4 } else { connect };
        let since = self.now - work.completed_at.or(work.enabled_at).unwrap_or(self.now);
        let arrived = since.saturating_mul(Ms::from(costs.messages_per_hour));
        // The part of a message that is left over comes by chance.
        let arrived = (arrived + Ms::from(self.chance.below(3_600_000))) / HOUR;
        let arrived = if work.turn == Turn::Yielded { 0 } else { u32::try_from(arrived).unwrap_or(u32::MAX) };
        let waits = work.backlog.saturating_add(arrived);
        if work.pool == Pool::Outgoing && waits == 0 {
            return (NOTHING_TO_SEND, Ends::Completed(0));
        }
        if !answers {
            return (Ms::from(costs.timeout_ms), Ends::Failed);
        }
        let slice = self.dispatcher.slice(started.job, FAIR_TURN, Ms::from(costs.yield_ms));
        let fits = (slice - Ms::from(connect)).max(0) / Ms::from(costs.message_ms.max(1)) + 1;
        let done = waits.min(u32::try_from(fits).unwrap_or(u32::MAX));
        let length = Ms::from(connect) + Ms::from(done) * Ms::from(costs.message_ms);
        let rest = waits - done;
        (length, if rest == 0 { Ends::Completed(done) } else { Ends::Yielded(rest) })
    }

    fn end(&mut self, number: u32, policy: &impl Fn(Completed) -> Ms) {
        let job = Job::numbered(number);
        let Some(mut work) = self.work.get(number as usize).copied() else { return };
        let [incoming, outgoing, operations] = &mut self.pools;
        match work.pool {
            Pool::Incoming => incoming.down(),
            Pool::Outgoing => outgoing.down(),
            Pool::Operations => operations.down(),
        }
        let behaviour = self.sites.get(work.profile as usize).map(|site| site.behaviour);
        let completed = matches!(work.ends, Ends::Completed(_));
        let holds = completed && work.pool == Pool::Incoming && behaviour == Some(Behaviour::TellsNews);
        if holds && self.dispatcher.hold(job) {
            self.dispatcher.offer(work.lane);
            if let Some(site) = self.sites.get_mut(work.profile as usize) {
                site.held.push_back(number);
            }
        } else {
            self.close(&work);
            self.dispatcher.end(job);
        }
        work.is_running = false;
        let crowded = self.dispatcher.is_crowded(work.pool, self.now);
        (work.due_at, work.turn) = match work.ends {
            _ if work.pool == Pool::Operations => {
                self.tests -= 1;
                self.tested += 1;
                self.tests_done_at = self.now;
                self.change(number, |known| *known = work);
                return self.enable(number / 3, self.now);
            }
            Ends::Failed => (self.now + RETRY, Turn::Due),
            Ends::Yielded(rest) => {
                self.summary.yielded += 1;
                self.summary.messages += u64::from(work.backlog.saturating_sub(rest));
                work.backlog = rest;
                (self.now, Turn::Yielded)
            }
            Ends::Completed(messages) => {
                self.summary.messages += u64::from(messages);
                let interval = policy(Completed { pool: work.pool, messages, ended_at: self.now });
                let due_at = self.spread(number, &work, interval, crowded);
                self.completed(&mut work);
                (due_at, Turn::Due)
            }
        };
        self.summary.cycles += 1;
        self.change(number, |known| *known = work);
        self.dispatcher.plan(job, work.due_at, work.turn);
    }

    fn completed(&mut self, work: &mut Work) {
        let since = work.completed_at.or(work.enabled_at).unwrap_or(self.now);
        self.summary.longest_starvation = self.summary.longest_starvation.max(self.now - since);
        work.completed_at = Some(self.now);
        work.backlog = 0;
        if std::mem::replace(&mut work.is_first, false) && work.pool == Pool::Incoming {
            self.first_syncs -= 1;
            self.first_syncs_done_at = self.now;
        }
    }

    /// As the engine does it, with milliseconds.
    fn spread(&self, number: u32, work: &Work, interval: Ms, crowded: bool) -> Ms {
        let late = work.started_at - work.due_at;
        if !crowded || !work.is_first && late <= interval / LATE_PART {
            return self.now + interval;
        }
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            reason = "milliseconds of hours"
        )]
        let earlier = (interval as f64 * spread::place_of(number.into())) as Ms;
        self.now + interval + LONGEST_DELAY.min(interval / 2) - earlier
    }

    /// Lets a held connection go where others wait for one. Says whether it did.
    fn give_room(&mut self) -> bool {
        let mut gave = false;
        while let Some(server) = self.dispatcher.short_of_connections() {
            let site = self.sites.iter_mut().find(|site| site.server == server);
            let Some(work) =
                site.and_then(|site| site.held.pop_front()).and_then(|held| self.work.get(held as usize))
            else {
                continue;
            };
            let work = *work;
            self.close(&work);
            self.dispatcher.let_go(work.lane);
            gave = true;
        }
        gave
    }

    fn close(&mut self, work: &Work) {
        if let Some(site) = self.sites.get_mut(work.profile as usize) {
            site.connections.down();
        }
        if let Some(identity) = self.identities.get_mut(work.identity as usize) {
            identity.down();
        }
    }

    fn change(&mut self, number: u32, change: impl FnOnce(&mut Work)) {
        if let Some(work) = self.work.get_mut(number as usize) {
            change(work);
        }
    }

    /// Connections that were in use at once at most, at any profile.
    pub fn most_connections(&self) -> u32 {
        self.sites.iter().map(|site| site.connections.most).max().unwrap_or(0)
    }

    /// What came of it so far.
    pub fn summary(mut self) -> Summary {
        let answers =
            |site: u32| self.sites.get(site as usize).is_some_and(|site| site.behaviour != Behaviour::Hangs);
        let cycles = self.work.iter().filter(|work| work.pool != Pool::Operations && answers(work.profile));
        let open_ended = cycles.filter_map(|work| Some(self.now - work.completed_at.or(work.enabled_at)?));
        let longest = open_ended.max().unwrap_or(0);
        self.summary.longest_starvation = self.summary.longest_starvation.max(longest);
        self.summary.most_running = self.pools.map(|pool| pool.most);
        let sites = self.sites.iter().map(|site| &site.connections);
        self.summary.fullest_profile = sites.fold((0, 0), Gauge::fuller);
        self.summary.fullest_identity = self.identities.iter().fold((0, 0), Gauge::fuller);
        self.summary.starts_per_minute = self.minutes.spread(self.scenario.warm_up, self.now);
        self.summary
    }
}
