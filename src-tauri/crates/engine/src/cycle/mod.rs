//! One sync cycle of one workload of one mailbox.

use crate::{
    access::Prepared,
    events::EngineEvent,
    ports::{Ports, quiet::StartingPoint},
};
use chrono::Duration;
use std::{future::Future, sync::Arc};
use tandem_domain::{
    Instant,
    failure::{Failure, FailureCode},
    ids::CycleId,
    schedule::CycleEnd,
    workload::Workload,
};
use tokio::sync::{Mutex, Semaphore};
use tokio_util::sync::CancellationToken;

pub mod incoming;
pub mod outgoing;

/// How much one cycle may do, and how much it may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CycleLimits {
    /// A cycle yields to others after this long.
    pub yield_after: Duration,
    /// A cycle yields to others after fetching this many bytes.
    pub yield_bytes: u64,
    /// At most this many fetched messages are committed together.
    pub batch_messages: usize,
    /// At most this many bytes of messages are committed together; a larger message is committed alone.
    pub batch_bytes: u64,
    /// At most this many messages are asked for at once.
    pub page_messages: usize,
    /// At most this many bytes of messages are asked for at once.
    pub page_bytes: u64,
}

impl Default for CycleLimits {
    fn default() -> Self {
        Self {
            yield_after: Duration::minutes(2),
            yield_bytes: 1 << 30,
            batch_messages: 256,
            batch_bytes: 8 << 20,
            page_messages: 1_000,
            page_bytes: 32 << 20,
        }
    }
}

/// Bytes of fetched messages that all cycles together hold in memory before they are committed.
pub const BYTES_IN_FLIGHT: u64 = 16 << 20;

/// The memory that fetched messages take until they are committed, shared by all cycles.
#[derive(Debug, Clone)]
pub struct InFlight(pub(crate) Arc<Semaphore>);

/// One permit of [`InFlight`] stands for this many bytes.
pub(crate) const IN_FLIGHT_UNIT: u64 = 1024;

impl Default for InFlight {
    fn default() -> Self {
        let units = usize::try_from(BYTES_IN_FLIGHT / IN_FLIGHT_UNIT).unwrap_or(usize::MAX >> 4);
        Self(Arc::new(Semaphore::new(units)))
    }
}

/// Lets one cycle at a time count and begin a submission, so that mailboxes that share an account share its limit.
#[derive(Debug, Clone, Default)]
pub struct SendTurns(pub(crate) Arc<Mutex<()>>);

/// What a cycle works with.
#[derive(Clone)]
pub struct CycleContext {
    /// The ports.
    pub ports: Ports,
    /// The mailbox and how it is reached.
    pub prepared: Prepared,
    /// Where an incoming cycle begins, where it was read just now.
    pub start: Option<StartingPoint>,
    /// The cycle's id.
    pub cycle: CycleId,
    /// The limits.
    pub limits: CycleLimits,
    /// The memory for fetched messages.
    pub in_flight: InFlight,
    /// Whose turn it is to send where mailboxes share an account with a sending limit.
    pub send_turns: SendTurns,
    /// It tries whether the server is back: it contacts the server even when there is nothing to do.
    pub is_probe: bool,
    /// Since when the clock has run without a jump, as far as this engine knows.
    pub steady_since: Instant,
    /// Stops the cycle between two steps.
    pub cancel: CancellationToken,
}

/// How a cycle ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CycleOutcome {
    /// How.
    pub end: CycleEnd,
    /// Messages decided, or emails attempted.
    pub items: u32,
    /// It should run again at this instant, even when its next due time is later.
    pub again_at: Option<Instant>,
    /// Emails wait for evidence that may turn up in mailboxes that we read.
    pub awaits_evidence: bool,
    /// A session with the server was open.
    pub contacted: bool,
}

impl CycleOutcome {
    /// Nothing was done, and this is why.
    #[must_use]
    pub fn failed(failure: Failure) -> Self {
        Self {
            end: CycleEnd::Failed(failure),
            items: 0,
            again_at: None,
            awaits_evidence: false,
            contacted: false,
        }
    }

    /// There was nothing to do, and nobody was asked.
    #[must_use]
    pub const fn nothing() -> Self {
        Self { end: CycleEnd::Completed, items: 0, again_at: None, awaits_evidence: false, contacted: false }
    }

    /// Whether it was stopped from outside, which is no failure of anything.
    #[must_use]
    pub fn was_stopped(&self) -> bool {
        matches!(&self.end, CycleEnd::Failed(failure) if failure.code == FailureCode::Stopped)
    }
}

impl CycleContext {
    pub(crate) fn now(&self) -> Instant {
        self.ports.clock.now()
    }

    pub(crate) fn progress(&self, workload: Workload, done: u64, total: u64) {
        let (mailbox, cycle) = (self.prepared.mailbox.id, self.cycle);
        self.ports.events.emit(EngineEvent::CycleProgress { mailbox, workload, cycle, done, total });
    }

    /// Waits for `work`, unless the cycle is stopped first; what was under way is dropped then.
    pub(crate) async fn unless_stopped<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        unless(&self.cancel, work).await
    }
}

/// Waits for `work`, unless `token` is cancelled first.
pub(crate) async fn unless<T>(
    token: &CancellationToken,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        biased;
        () = token.cancelled() => Err(stopped()),
        done = work => done,
    }
}

/// The work was stopped.
pub(crate) fn stopped() -> Failure {
    Failure::transient_mailbox(FailureCode::Stopped, "the work was stopped before it was done")
}
