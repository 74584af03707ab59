//! Who runs when: claims due work, runs cycles side by side, and records what comes next.
//!
//! The schedule rows are the truth; what runs in memory is a cache of them, so that a crash, a restart and a stop
//! are the same case: the lease is freed, and the row is still due.

use crate::{
    cycle::{CycleLimits, InFlight, SendTurns},
    events::{EngineEvent, EngineState},
    jobs::Jobs,
    permits::{Permits, PoolSizes},
    ports::{
        Ports,
        storage::{DueWork, StorageError},
    },
};
use chrono::Duration;
use ending::Endings;
use std::sync::Arc;
use tandem_domain::{Instant, ids::TestJobId, workload::Workload};
use tokio::{
    sync::{Notify, Semaphore},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

mod alerts;
mod ending;
#[cfg(test)]
mod tests;
mod verifying;
mod work;

pub use work::SyncOutcome;

/// So many workloads of each kind are claimed at most; those beyond the permits wait in memory, so that mailboxes
/// of a hung server can't keep the others from being claimed.
const CLAIMED: usize = 4_096;
/// One engine has the data folder for itself and frees every lease when it starts, so a lease need not be short.
const LEASE: Duration = Duration::hours(24);
/// Shortest and longest wait of an idle engine before it looks at the schedule again.
const SHORTEST_WAIT: Duration = Duration::milliseconds(200);
const LONGEST_WAIT: Duration = Duration::minutes(5);
/// After this many failures of storage in a row, a run until idle gives up.
const STORAGE_FAILURES: u32 = 5;

/// So many mailboxes load their configuration and credentials at once, however many are due.
const PREPARING: usize = 8;

/// How long an engine runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunMode {
    /// Until it is stopped.
    UntilStopped,
    /// Until nothing is due and nothing runs.
    UntilIdle,
    /// For so long.
    For(Duration),
}

/// The limits of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineLimits {
    /// How much runs at once.
    pub pools: PoolSizes,
    /// How much one cycle does.
    pub cycle: CycleLimits,
    /// How long a stop waits for what runs before it is broken off. The process has 10 s in all before the system's
    /// patience ends (systemd, Windows and launchd alike), and has more to do.
    pub stop_wait: Duration,
}

impl Default for EngineLimits {
    fn default() -> Self {
        Self { pools: PoolSizes::default(), cycle: CycleLimits::default(), stop_wait: Duration::seconds(6) }
    }
}

/// The engine: one per data folder.
pub struct Engine {
    ports: Ports,
    limits: EngineLimits,
    permits: Arc<Permits>,
    in_flight: InFlight,
    send_turns: SendTurns,
    endings: Endings,
    jobs: Arc<Jobs>,
    preparing: Semaphore,
    verifying: verifying::Verifying,
    wake: Notify,
}

impl Engine {
    /// An engine over these ports. It does nothing until it is run.
    #[must_use]
    pub fn new(ports: Ports, limits: EngineLimits) -> Arc<Self> {
        let permits = Arc::new(Permits::new(limits.pools));
        Arc::new(Self {
            jobs: Jobs::new(ports.clone(), Arc::clone(&permits), limits.pools.operations),
            ports,
            limits,
            permits,
            in_flight: InFlight::default(),
            send_turns: SendTurns::default(),
            endings: Endings::default(),
            preparing: Semaphore::new(PREPARING),
            verifying: verifying::Verifying::default(),
            wake: Notify::new(),
        })
    }

    /// Looks at the schedule now: something was made due.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Runs what is due. Cancelling `stop` ends it: cycles stop at their next step, what does not within the stop's
    /// time is broken off, and nothing runs any more when this returns.
    ///
    /// # Errors
    /// Those of storage at the start; later ones only when running until idle, where nobody would see them else.
    pub async fn run(self: &Arc<Self>, mode: RunMode, stop: CancellationToken) -> Result<(), StorageError> {
        let stop = stop.child_token();
        let mut tasks = JoinSet::new();
        self.ports.storage.release_all().await?;
        self.jobs.free().await?;
        self.ports.events.emit(EngineEvent::State(EngineState::Running));
        let ends_at = match mode {
            RunMode::For(duration) => self.ports.clock.now() + duration,
            RunMode::UntilStopped | RunMode::UntilIdle => Instant::MAX_UTC,
        };
        let result = self.run_loop(mode, ends_at, &stop, &mut tasks).await;
        self.ports.events.emit(EngineEvent::State(EngineState::Stopping));
        self.stop_tasks(&stop, &mut tasks).await;
        self.endings.flush(&self.ports).await;
        let released = self.ports.storage.release_all().await;
        self.ports.events.emit(EngineEvent::State(EngineState::Stopped));
        result.and(released)
    }

    /// Looks for Test & Enable jobs now: one was started or changed.
    pub fn look_for_tests(&self) {
        self.jobs.look();
        self.wake();
    }

    /// Whether Test & Enable is at work.
    #[must_use]
    pub fn is_testing(&self) -> bool {
        self.jobs.are_running()
    }

    /// Tests what is due of one job, without running anything else: for a shell that has the data folder's lock and
    /// no running engine. What is stopped waits again.
    ///
    /// # Errors
    /// Those of storage.
    pub async fn run_tests(&self, job: TestJobId, stop: &CancellationToken) -> Result<(), StorageError> {
        let stop = stop.child_token();
        let mut tasks = JoinSet::new();
        self.jobs.free().await?;
        let result = loop {
            while tasks.try_join_next().is_some() {}
            if stop.is_cancelled() {
                break Ok(());
            }
            match self.jobs.start_due(Some(job), &stop, &mut tasks).await {
                Ok(_) if tasks.is_empty() => break Ok(()),
                Ok(_) => {}
                Err(error) => break Err(error),
            }
            let look_again_at = self.ports.clock.now() + Duration::seconds(1);
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.wake.notified() => {}
                () = self.ports.clock.wait_until(look_again_at) => {}
                Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
            }
        };
        self.stop_tasks(&stop, &mut tasks).await;
        result
    }

    async fn run_loop(
        self: &Arc<Self>,
        mode: RunMode,
        ends_at: Instant,
        stop: &CancellationToken,
        tasks: &mut JoinSet<()>,
    ) -> Result<(), StorageError> {
        let mut failures = 0;
        loop {
            while tasks.try_join_next().is_some() {}
            let now = self.ports.clock.now();
            if stop.is_cancelled() || now >= ends_at {
                return Ok(());
            }
            let recorded = self.endings.flush(&self.ports).await;
            if mode != RunMode::UntilIdle {
                self.start_verifications(now, stop, tasks).await;
            }
            let wait_until = match self.start_due(now, stop, tasks).await {
                Ok(next_due) if recorded => {
                    failures = 0;
                    if mode == RunMode::UntilIdle && tasks.is_empty() {
                        return Ok(());
                    }
                    let next_due = next_due.unwrap_or(now + LONGEST_WAIT);
                    next_due.clamp(now + SHORTEST_WAIT, now + LONGEST_WAIT)
                }
                outcome => {
                    failures += 1;
                    if let Err(error) = outcome {
                        tracing::error!("The schedule can't be read; it is tried again: {error}");
                        if mode == RunMode::UntilIdle && failures >= STORAGE_FAILURES {
                            return Err(error);
                        }
                    } else if mode == RunMode::UntilIdle && failures >= STORAGE_FAILURES {
                        let said = "the ends of some cycles could not be recorded";
                        return Err(StorageError::Failed(said.to_owned()));
                    }
                    now + Duration::seconds(1)
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.wake.notified() => {}
                () = self.ports.clock.wait_until(wait_until.min(ends_at)) => {}
                Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
            }
        }
    }

    /// Claims and starts all that is due, and says when more will be.
    async fn start_due(
        self: &Arc<Self>,
        now: Instant,
        stop: &CancellationToken,
        tasks: &mut JoinSet<()>,
    ) -> Result<Option<Instant>, StorageError> {
        let free = CLAIMED.saturating_sub(tasks.len() / 2);
        let limit = u32::try_from(free).unwrap_or(u32::MAX);
        for workload in [Workload::Outgoing, Workload::Incoming] {
            if limit == 0 {
                break;
            }
            let until = now + LEASE;
            let due = self.ports.storage.claim_due(workload, now, LEASE_OWNER, until, limit).await?;
            for work in due {
                self.start(work, stop, tasks);
            }
        }
        let next_tests = self.jobs.start_due(None, stop, tasks).await?;
        Ok(self.ports.storage.next_due().await?.into_iter().chain(next_tests).min())
    }

    fn start(self: &Arc<Self>, work: DueWork, stop: &CancellationToken, tasks: &mut JoinSet<()>) {
        let (engine, stop) = (Arc::clone(self), stop.clone());
        tasks.spawn(async move {
            engine.work(work, stop).await;
        });
    }

    /// Cancels, waits, and breaks off what is still there. Nothing runs when it returns.
    async fn stop_tasks(&self, stop: &CancellationToken, tasks: &mut JoinSet<()>) {
        stop.cancel();
        let patience = self.ports.clock.wait_until(self.ports.clock.now() + self.limits.stop_wait);
        tokio::select! {
            () = patience => {}
            () = async { while tasks.join_next().await.is_some() {} } => return,
        }
        tracing::warn!("{} cycles and tests did not stop in time and are broken off.", tasks.len());
        tasks.shutdown().await;
    }
}

/// The lease owner's name: leases are freed at start, so one name is enough.
const LEASE_OWNER: &str = "engine";
