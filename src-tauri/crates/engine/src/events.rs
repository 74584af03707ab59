//! What the engine tells shells while it works: one closed enum.

use crate::ports::mail::RungSink;
use std::sync::Arc;
use tandem_domain::{
    Instant,
    failure::Failure,
    ids::{CycleId, MailboxId},
    probe::Rung,
    test_job::TestProgress,
    test_plan::SkipReason,
    workload::Workload,
};

/// Whether the engine works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineState {
    /// It claims and runs cycles.
    Running,
    /// It was asked to stop, and waits for what runs.
    Stopping,
    /// It does nothing.
    Stopped,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineEvent {
    /// The engine started, stops or stopped.
    State(EngineState),
    /// A cycle started.
    CycleStarted {
        /// The mailbox.
        mailbox: MailboxId,
        /// The workload.
        workload: Workload,
        /// The cycle.
        cycle: CycleId,
    },
    /// A cycle got on.
    CycleProgress {
        /// The mailbox.
        mailbox: MailboxId,
        /// The workload.
        workload: Workload,
        /// The cycle.
        cycle: CycleId,
        /// Messages decided or submitted so far.
        done: u64,
        /// Messages to decide or to submit, as far as known.
        total: u64,
    },
    /// A cycle ended and its end is recorded.
    CycleFinished {
        /// The mailbox.
        mailbox: MailboxId,
        /// The workload.
        workload: Workload,
        /// The cycle.
        cycle: CycleId,
        /// Messages decided or submitted.
        items: u32,
        /// Why it failed.
        failure: Option<Failure>,
        /// When it runs next; `None` when it is disabled.
        next_due_at: Option<Instant>,
    },
    /// Test & Enable climbed a rung.
    RungClimbed {
        /// The mailbox.
        mailbox: MailboxId,
        /// The workload.
        workload: Workload,
        /// The rung.
        rung: Rung,
    },
    /// Test & Enable did not try a workload.
    TestSkipped {
        /// The mailbox.
        mailbox: MailboxId,
        /// The workload.
        workload: Workload,
        /// Why.
        reason: SkipReason,
    },
    /// A Test & Enable job has one result more.
    TestProgress {
        /// How far it is.
        progress: TestProgress,
        /// When.
        at: Instant,
    },
    /// Test & Enable has a result for one workload, and it is recorded.
    TestFinished {
        /// The mailbox.
        mailbox: MailboxId,
        /// The workload.
        workload: Workload,
        /// Why it failed; `None` when it is enabled now.
        failure: Option<Failure>,
    },
}

/// Hears of events. Must not block: hand them on.
pub trait EventSink: Send + Sync {
    /// Something happened.
    fn emit(&self, event: EngineEvent);
}

/// Ignores events.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoEvents;

impl EventSink for NoEvents {
    fn emit(&self, _event: EngineEvent) {}
}

/// Passes an adapter's rungs on as events of one workload.
pub(crate) struct RungEvents {
    pub(crate) events: Arc<dyn EventSink>,
    pub(crate) mailbox: MailboxId,
    pub(crate) workload: Workload,
}

impl RungSink for RungEvents {
    fn climbed(&self, rung: &Rung) {
        let (mailbox, workload) = (self.mailbox, self.workload);
        self.events.emit(EngineEvent::RungClimbed { mailbox, workload, rung: rung.clone() });
    }
}
