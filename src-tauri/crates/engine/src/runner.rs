//! Who runs when: claims due work, runs cycles side by side, and records what comes next.
//!
//! The schedule rows are the truth; what the [dispatcher](crate::dispatch) knows of them is a cache, so that a crash,
//! a restart and a stop are the same case: the lease is freed, and the row is still due.

use crate::{
    cycle::{CycleLimits, InFlight},
    dispatch::{DispatchLimits, PoolSizes, RampLimits},
    events::{EngineEvent, EngineState},
    jump::JumpWatch,
    permits::Permits,
    ports::{Ports, storage::StorageError},
    test_enable::{self, TestRequest, TestResult},
    watch::Watchers,
};
use chrono::Duration;
use ending::Endings;
use look::Look;
use std::sync::Arc;
use tandem_domain::Instant;
use tokio::{
    sync::{Notify, Semaphore},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

mod alerts;
mod driving;
mod ending;
mod look;
#[cfg(test)]
mod tests;
mod work;

pub use work::SyncOutcome;

/// One engine has the data folder for itself and frees every lease when it starts, so a lease need not be short.
const LEASE: Duration = Duration::hours(24);

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
    /// How fast due work is started, after a start or a sleep slowly at first.
    pub ramp: RampLimits,
    /// How much one cycle does.
    pub cycle: CycleLimits,
    /// A cycle that takes longer is broken off, and fails as the mailbox's. Its work so far is kept.
    pub cycle_timeout: Duration,
    /// Whether servers are listened to between cycles, where they can tell of news by themselves.
    pub push: bool,
    /// How long a stop waits for what runs before it is broken off.
    pub stop_wait: Duration,
}

impl Default for EngineLimits {
    fn default() -> Self {
        Self {
            pools: PoolSizes::default(),
            ramp: RampLimits::default(),
            cycle: CycleLimits::default(),
            cycle_timeout: Duration::minutes(30),
            push: true,
            stop_wait: Duration::seconds(10),
        }
    }
}

/// The engine: one per data folder.
pub struct Engine {
    ports: Ports,
    limits: EngineLimits,
    permits: Arc<Permits>,
    in_flight: InFlight,
    endings: Endings,
    preparing: Semaphore,
    watchers: Arc<Watchers>,
    look: Look,
    wake: Notify,
}

impl Engine {
    /// An engine over these ports. It does nothing until it is run.
    #[must_use]
    pub fn new(ports: Ports, limits: EngineLimits) -> Arc<Self> {
        let clock = Arc::clone(&ports.clock);
        let dispatch = DispatchLimits { pools: limits.pools, ramp: limits.ramp };
        Arc::new(Self {
            ports,
            limits,
            permits: Arc::new(Permits::with_clock(dispatch, clock)),
            in_flight: InFlight::default(),
            endings: Endings::default(),
            preparing: Semaphore::new(PREPARING),
            watchers: Arc::default(),
            look: Look::default(),
            wake: Notify::new(),
        })
    }

    /// Looks at the schedule now: something was made due.
    pub fn wake(&self) {
        self.look_by(Instant::MIN_UTC);
    }

    #[cfg(test)]
    pub(crate) fn watchers(&self) -> &Watchers {
        &self.watchers
    }

    /// Looks at the schedule at this instant at the latest.
    fn look_by(&self, at: Instant) {
        if self.look.by(at) {
            self.wake.notify_one();
        }
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
        self.ports.events.emit(EngineEvent::State(EngineState::Running));
        let ends_at = match mode {
            RunMode::For(duration) => self.ports.clock.now() + duration,
            RunMode::UntilStopped | RunMode::UntilIdle => Instant::MAX_UTC,
        };
        if self.limits.push && mode != RunMode::UntilIdle {
            self.watchers.begin(&stop);
        }
        let result = self.run_loop(mode, ends_at, &stop, &mut tasks).await;
        self.ports.events.emit(EngineEvent::State(EngineState::Stopping));
        self.permits.forget_planned();
        self.stop_tasks(&stop, &mut tasks).await;
        self.watchers.end().await;
        self.endings.flush(&self.ports).await;
        let released = self.ports.storage.release_all().await;
        self.ports.events.emit(EngineEvent::State(EngineState::Stopped));
        result.and(released)
    }

    /// Tests mailboxes and enables what holds; see [`test_enable::run`].
    pub async fn test_enable(&self, request: &TestRequest, stop: &CancellationToken) -> Vec<TestResult> {
        let side_by_side = request.side_by_side.clamp(1, self.limits.pools.operations.max(1));
        let request = TestRequest { side_by_side, ..request.clone() };
        let results = test_enable::run(&self.ports, &self.permits, &request, stop).await;
        self.wake();
        results
    }

    /// Cancels, waits, and breaks off what is still there. Nothing runs when it returns.
    async fn stop_tasks(&self, stop: &CancellationToken, tasks: &mut JoinSet<()>) {
        stop.cancel();
        let patience = self.ports.clock.pause(self.limits.stop_wait.to_std().unwrap_or_default());
        tokio::select! {
            () = patience => {}
            () = async { while tasks.join_next().await.is_some() {} } => return,
        }
        tracing::warn!("{} cycles did not stop in time and are broken off.", tasks.len());
        tasks.shutdown().await;
    }
}

/// The lease owner's name: leases are freed at start, so one name is enough.
const LEASE_OWNER: &str = "engine";
