//! Who waits for what, and which of the dispatcher's handles stand for which names.
//!
//! Names that were met once are kept: there are as many as mailboxes and users.

use super::{Load, Permit, ms, turn};
use crate::{
    dispatch::{Dispatcher, Identity, Job, Lane, Ms, Pool, Server, Started},
    ports::storage::DueWork,
};
use std::collections::{HashMap, HashSet};
use tandem_domain::{
    ids::{MailboxId, ProfileId},
    workload::Workload,
};
use tokio::sync::oneshot;

type Key = (MailboxId, Workload);

/// A profile that was not loaded yet gets one connection until its limit is known.
const UNKNOWN_LIMIT: u16 = 1;

pub struct Book {
    pub dispatcher: Dispatcher,
    servers: HashMap<ProfileId, Server>,
    identities: HashMap<String, Identity>,
    lanes: HashMap<Key, KnownLane>,
    jobs: HashMap<Job, KnownJob>,
    started: Vec<(DueWork, Started)>,
    yielded: HashSet<Key>,
    asked: u64,
}

#[derive(Clone, Copy)]
struct KnownLane {
    lane: Lane,
    /// As whom it connected last.
    identity: Option<Identity>,
}

struct KnownJob {
    key: Key,
    server: Server,
    asker: Asker,
    asked: u64,
}

/// Who waits.
pub enum Asker {
    /// A task.
    Task(oneshot::Sender<Permit>),
    /// The schedule.
    Schedule(DueWork),
    /// Nobody: it runs.
    Nobody,
}

/// A question, to take it back.
#[derive(Clone, Copy)]
pub struct Asked {
    job: Job,
    asked: u64,
}

impl Book {
    pub fn new(dispatcher: Dispatcher) -> Self {
        Self {
            dispatcher,
            servers: HashMap::new(),
            identities: HashMap::new(),
            lanes: HashMap::new(),
            jobs: HashMap::new(),
            started: Vec::new(),
            yielded: HashSet::new(),
            asked: 0,
        }
    }

    /// A profile's server; with its limit, where that is known.
    pub fn server(&mut self, profile: ProfileId, connections: Option<u16>) -> Server {
        if let Some(server) = self.servers.get(&profile).copied() {
            if let Some(connections) = connections {
                self.dispatcher.set_connections(server, connections);
            }
            return server;
        }
        let server = self.dispatcher.add_server(connections.unwrap_or(UNKNOWN_LIMIT));
        self.servers.insert(profile, server);
        server
    }

    pub fn identity(&mut self, name: &str) -> Identity {
        if let Some(identity) = self.identities.get(name) {
            return *identity;
        }
        let identity = self.dispatcher.add_identity();
        self.identities.insert(name.to_owned(), identity);
        identity
    }

    /// A task waits for a permit.
    pub fn ask(
        &mut self,
        pool: Pool,
        key: Key,
        server: Server,
        identity: Identity,
        asker: Asker,
        now: Ms,
    ) -> Asked {
        let asked = self.add(pool, key, server, Some(identity), asker);
        self.dispatcher.ask(asked.job, now);
        asked
    }

    /// Claimed work waits for its turn.
    pub fn plan(&mut self, work: DueWork) {
        let key = (work.mailbox, work.workload);
        let server = self.server(work.profile, None);
        let identity = self.lanes.get(&key).and_then(|known| known.identity);
        let (at, has_yielded) = (ms(work.due_at), self.yielded.remove(&key));
        let asked = self.add(pool_of(work.workload), key, server, identity, Asker::Schedule(work));
        self.dispatcher.plan(asked.job, at, turn(has_yielded));
    }

    pub fn yielded(&mut self, work: &DueWork) {
        self.yielded.insert((work.mailbox, work.workload));
    }

    fn add(
        &mut self,
        pool: Pool,
        key: Key,
        server: Server,
        identity: Option<Identity>,
        asker: Asker,
    ) -> Asked {
        let dispatcher = &mut self.dispatcher;
        let known = self
            .lanes
            .entry(key)
            .or_insert_with(|| KnownLane { lane: dispatcher.add_lane(), identity: None });
        known.identity = identity.or(known.identity);
        let job = self.dispatcher.add_job(pool, known.lane, server);
        if let Some(identity) = identity {
            self.dispatcher.identify(job, identity);
        }
        self.asked += 1;
        let asked = self.asked;
        self.jobs.insert(job, KnownJob { key, server, asker, asked });
        Asked { job, asked }
    }

    /// Starts what can be started: the permits for tasks, and whether the schedule's work is among it.
    pub fn start(&mut self, now: Ms) -> (Vec<(oneshot::Sender<Permit>, Started)>, bool) {
        let (mut granted, mut is_scheduled) = (Vec::new(), false);
        while let Some(started) = self.dispatcher.start(now) {
            let Some(known) = self.jobs.get_mut(&started.job) else {
                self.dispatcher.remove_job(started.job);
                continue;
            };
            match std::mem::replace(&mut known.asker, Asker::Nobody) {
                Asker::Task(sender) => granted.push((sender, started)),
                Asker::Schedule(work) => {
                    is_scheduled = true;
                    self.started.push((work, started));
                }
                Asker::Nobody => {}
            }
        }
        (granted, is_scheduled)
    }

    pub fn take_started(&mut self) -> Vec<(DueWork, Started)> {
        std::mem::take(&mut self.started)
    }

    /// How much of the schedule's work is claimed and not given out.
    pub fn waiting(&self) -> usize {
        let waits = self.jobs.values().filter(|known| matches!(known.asker, Asker::Schedule(_)));
        waits.count() + self.started.len()
    }

    /// Forgets the schedule's work that waits, and gives back what was started and not given out.
    pub fn forget_planned(&mut self) -> Vec<Started> {
        let waits = self.jobs.iter().filter(|(_, known)| matches!(known.asker, Asker::Schedule(_)));
        for job in waits.map(|(job, _)| *job).collect::<Vec<_>>() {
            self.end(job);
        }
        self.take_started().into_iter().map(|(_, started)| started).collect()
    }

    /// A task does not wait any more. Says whether it still did.
    pub fn give_up(&mut self, asked: Asked) -> bool {
        let waits = |known: &KnownJob| known.asked == asked.asked && matches!(known.asker, Asker::Task(_));
        if !self.jobs.get(&asked.job).is_some_and(waits) {
            return false;
        }
        self.end(asked.job);
        true
    }

    pub fn end(&mut self, job: Job) {
        self.jobs.remove(&job);
        self.dispatcher.remove_job(job);
    }

    /// Says as whom started work connects; `false` puts it back.
    pub fn connects_as(
        &mut self,
        job: Job,
        work: &DueWork,
        profile: ProfileId,
        connections: u16,
        identity: &str,
    ) -> bool {
        let server = self.server(profile, Some(connections));
        let identity = self.identity(identity);
        let Some(known) = self.jobs.get_mut(&job) else { return false };
        if let Some(lane) = self.lanes.get_mut(&known.key) {
            lane.identity = Some(identity);
        }
        if known.server != server {
            // It was given another profile while it waited.
            self.end(job);
            self.plan(DueWork { profile, ..work.clone() });
            return false;
        }
        let fits = self.dispatcher.identify(job, identity);
        if !fits {
            known.asker = Asker::Schedule(work.clone());
        }
        fits
    }

    pub fn is_in_step(&self, job: Job, now: Ms) -> bool {
        self.jobs.get(&job).is_some_and(|known| self.dispatcher.is_crowded(pool_of(known.key.1), now))
    }

    /// Ends work whose connection stays open.
    pub fn hold(&mut self, job: Job) -> Option<Lane> {
        let lane = self.lanes.get(&self.jobs.get(&job)?.key)?.lane;
        if !self.dispatcher.hold(job) {
            return None;
        }
        self.end(job);
        Some(lane)
    }

    /// What runs, waits and is held open.
    pub fn load(&self, now: Ms) -> Load {
        let pools = self.dispatcher.pool_loads(now);
        let profiles = self
            .servers
            .iter()
            .map(|(profile, server)| (*profile, self.dispatcher.server_load(*server, now)));
        let listening = self.lanes.iter().filter(|(_, known)| self.dispatcher.is_held(known.lane));
        let waits = self.jobs.values().filter(|known| matches!(known.asker, Asker::Schedule(_)));
        Load {
            pools,
            profiles: profiles.collect(),
            listening: listening.map(|(key, _)| *key).collect(),
            waiting: waits.map(|known| known.key).collect(),
        }
    }

    pub fn short_of_connections(&mut self) -> Option<ProfileId> {
        let short = self.dispatcher.short_of_connections()?;
        self.servers.iter().find(|(_, server)| **server == short).map(|(profile, _)| *profile)
    }
}

/// Whose pool a workload's cycles take.
const fn pool_of(workload: Workload) -> Pool {
    match workload {
        Workload::Incoming | Workload::Act => Pool::Incoming,
        Workload::Outgoing => Pool::Outgoing,
    }
}
