//! What the engine and the store tell, as events for shells: with names instead of ids.

use crate::{
    people::of_failure,
    test_jobs::{progress_view, skip_sentence},
    views::{ladder_view, rung_view, skipped_ladder},
    wire::{ApiError, EventView, RunningView, Time},
};
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tandem_domain::{ids::MailboxId, probe::Rung, workload::Workload};
use tandem_engine::events::{EngineEvent, EngineState, EventSink};
use tandem_store::{ChangeKind, Store};
use tokio::sync::broadcast::{self, error::RecvError};

/// How many events a slow shell may lag behind.
const CAPACITY: usize = 4_096;
/// Changes of one kind are told at most this often.
const CHANGES_EVERY: Duration = Duration::from_millis(200);
/// How often it is looked whether another process changed something.
const OTHERS_EVERY: Duration = Duration::from_secs(2);

type Key = (MailboxId, Workload);

/// Hears of everything and tells shells.
#[derive(Debug)]
pub(crate) struct Hub {
    sender: broadcast::Sender<EventView>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    names: HashMap<MailboxId, String>,
    /// Since when the engine runs in this process.
    engine_running: Option<Time>,
    running: HashMap<Key, RunningView>,
    rungs: HashMap<Key, Vec<Rung>>,
    tally: Tally,
}

/// What was done since the last [`Hub::start_tally`].
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    pub(super) cycles: u32,
    pub(super) items: u64,
    /// Workloads whose latest cycle failed.
    pub(super) failures: HashMap<Key, ApiError>,
}

impl Default for Hub {
    fn default() -> Self {
        Self { sender: broadcast::Sender::new(CAPACITY), state: Mutex::default() }
    }
}

impl Hub {
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<EventView> {
        self.sender.subscribe()
    }

    pub(crate) fn sender(&self) -> broadcast::Sender<EventView> {
        self.sender.clone()
    }

    /// Tells shells; that nobody listens is no error.
    pub(crate) fn tell(&self, event: EventView) {
        let _ = self.sender.send(event);
    }

    fn has_listeners(&self) -> bool {
        self.sender.receiver_count() > 0
    }

    /// Whether the engine runs in this process.
    pub(crate) fn engine_running(&self) -> bool {
        self.engine_running_since().is_some()
    }

    /// Since when.
    pub(crate) fn engine_running_since(&self) -> Option<Time> {
        self.state().engine_running
    }

    /// What runs now, oldest first.
    pub(crate) fn running(&self) -> Vec<RunningView> {
        let mut running: Vec<_> = self.state().running.values().cloned().collect();
        running.sort_by(|a, b| (a.since, &a.mailbox).cmp(&(b.since, &b.mailbox)));
        running
    }

    pub(super) fn start_tally(&self) {
        self.state().tally = Tally::default();
    }

    pub(super) fn tally(&self) -> Tally {
        self.state().tally.clone()
    }

    /// Learns the addresses of mailboxes, for events that only know ids.
    pub(crate) async fn learn_names(&self, store: &Store) {
        match store.mailbox_addresses().await {
            Ok(all) => {
                let names = all.into_iter().map(|(id, address)| (id, address.to_string())).collect();
                self.state().names = names;
            }
            Err(error) => tracing::warn!("The names of mailboxes cannot be read for events: {error}"),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn name(&self, mailbox: MailboxId) -> String {
        self.names.get(&mailbox).cloned().unwrap_or_else(|| mailbox.to_string())
    }

    fn progress(&self, key: Key, done: u32, total: Option<u32>, finished: bool) -> EventView {
        EventView::Progress {
            mailbox: self.name(key.0),
            workload: key.1.as_str().to_owned(),
            done,
            total,
            finished,
        }
    }

    fn start(&mut self, key: Key, kind: &str) {
        let view = RunningView {
            mailbox: self.name(key.0),
            workload: key.1.as_str().to_owned(),
            kind: kind.to_owned(),
            done: 0,
            total: None,
            since: chrono::Utc::now(),
        };
        self.running.entry(key).or_insert(view);
    }

    /// What an engine's event means to shells.
    fn hear(&mut self, event: EngineEvent) -> Option<EventView> {
        match event {
            EngineEvent::State(state) => {
                self.engine_running = (state == EngineState::Running).then(chrono::Utc::now);
                if state == EngineState::Stopped {
                    self.running.clear();
                }
                (state != EngineState::Stopping)
                    .then_some(EventView::Engine { running: self.engine_running.is_some() })
            }
            EngineEvent::CycleStarted { mailbox, workload, .. } => {
                self.start((mailbox, workload), "cycle");
                Some(self.progress((mailbox, workload), 0, None, false))
            }
            EngineEvent::CycleProgress { mailbox, workload, done, total, .. } => {
                let (done, total) = (small(done), small(total));
                if let Some(running) = self.running.get_mut(&(mailbox, workload)) {
                    (running.done, running.total) = (done, Some(total));
                }
                Some(self.progress((mailbox, workload), done, Some(total), false))
            }
            EngineEvent::CycleFinished { mailbox, workload, items, failure, next_due_at, .. } => {
                let key = (mailbox, workload);
                self.running.remove(&key);
                self.tally.cycles += 1;
                self.tally.items += u64::from(items);
                match failure {
                    Some(failure) => {
                        let error = of_failure(&self.name(mailbox), &failure, next_due_at);
                        self.tally.failures.insert(key, error);
                    }
                    None => drop(self.tally.failures.remove(&key)),
                }
                Some(self.progress(key, items, Some(items), true))
            }
            EngineEvent::RungClimbed { mailbox, workload, rung } => {
                let key = (mailbox, workload);
                self.start(key, "test");
                let object = self.name(mailbox);
                let view = rung_view(&object, &rung);
                self.rungs.entry(key).or_default().push(rung);
                Some(EventView::Rung { object, workload: workload.as_str().to_owned(), rung: view })
            }
            EngineEvent::TestSkipped { mailbox, workload, reason } => {
                let why = skip_sentence(reason);
                let ladder = skipped_ladder(&self.name(mailbox), workload.as_str(), &why);
                Some(EventView::Ladder { ladder })
            }
            EngineEvent::TestProgress { progress, at } => {
                Some(EventView::TestJob { progress: progress_view(&progress, at) })
            }
            EngineEvent::TestFinished { mailbox, workload, failure } => {
                self.running.remove(&(mailbox, workload));
                let rungs = self.rungs.remove(&(mailbox, workload)).unwrap_or_default();
                let ladder = ladder_view(&self.name(mailbox), workload, &rungs, failure.as_ref());
                Some(EventView::Ladder { ladder })
            }
        }
    }
}

impl EventSink for Hub {
    fn emit(&self, event: EngineEvent) {
        let told = self.state().hear(event);
        if let Some(event) = told {
            self.tell(event);
        }
    }
}

/// Tells shells what changed in the store, each kind at most a few times a second.
pub(super) async fn forward_changes(hub: std::sync::Arc<Hub>, store: Store) {
    let mut feed = store.change_feed();
    loop {
        let mut kinds = BTreeSet::new();
        match feed.recv().await {
            Ok(kind) => drop(kinds.insert(kind)),
            Err(RecvError::Lagged(_)) => kinds.extend(ALL),
            Err(RecvError::Closed) => return,
        }
        tokio::time::sleep(CHANGES_EVERY).await;
        loop {
            match feed.try_recv() {
                Ok(kind) => drop(kinds.insert(kind)),
                Err(broadcast::error::TryRecvError::Lagged(_)) => kinds.extend(ALL),
                Err(_) => break,
            }
        }
        if kinds.contains(&ChangeKind::Configuration) {
            hub.learn_names(&store).await;
        }
        for kind in kinds {
            hub.tell(EventView::Changed { kind: word(kind).to_owned() });
        }
    }
}

/// Tells shells when another process changed the store, at most every two seconds. What it changed is not known, so
/// every kind is told. Never ends.
pub(super) async fn forward_others_changes(hub: std::sync::Arc<Hub>, store: Store) {
    loop {
        tokio::time::sleep(OTHERS_EVERY).await;
        if !hub.has_listeners() {
            continue;
        }
        match store.changed_elsewhere().await {
            Ok(false) => {}
            Ok(true) => {
                hub.learn_names(&store).await;
                for event in EventView::everything_changed() {
                    hub.tell(event);
                }
            }
            Err(error) => tracing::debug!("Whether another process changed something is not known: {error}"),
        }
    }
}

impl EventView {
    /// What a shell is told that missed some events: everything may have changed.
    #[must_use]
    pub fn everything_changed() -> Vec<Self> {
        ALL.iter().map(|kind| Self::Changed { kind: word(*kind).to_owned() }).collect()
    }
}

const ALL: [ChangeKind; 6] = [
    ChangeKind::Configuration,
    ChangeKind::Email,
    ChangeKind::Ledger,
    ChangeKind::Alert,
    ChangeKind::Schedule,
    ChangeKind::TestJob,
];

const fn word(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Configuration => "configuration",
        ChangeKind::Email => "email",
        ChangeKind::Ledger => "ledger",
        ChangeKind::Alert => "alert",
        ChangeKind::Schedule => "schedule",
        ChangeKind::TestJob => "test_job",
    }
}

fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
