//! What is remembered between cycles: ends that storage has not taken yet, servers in trouble, and who waits for
//! evidence.

use super::alerts::{Change, changes};
use crate::{
    cycle::CycleOutcome,
    ports::{
        Ports,
        storage::{CycleReport, DueWork, StorageError},
    },
};
use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};
use tandem_domain::{
    Instant,
    failure::{Failure, FailureCode, Scope},
    ids::{MailboxId, ProfileId},
    schedule::CycleEnd,
    workload::Workload,
};

/// The codes that a server's workload failed with since it last succeeded.
pub type Troubles = HashMap<(ProfileId, Workload), BTreeSet<FailureCode>>;

/// See the module.
#[derive(Default)]
pub struct Endings {
    unrecorded: Mutex<Vec<CycleReport>>,
    troubles: Mutex<Troubles>,
    await_evidence: Mutex<HashSet<MailboxId>>,
}

impl Endings {
    /// Records a cycle's end, or keeps it until storage takes it.
    pub async fn record(&self, ports: &Ports, report: CycleReport) {
        match ports.storage.finish(report.clone()).await {
            Ok(()) | Err(StorageError::NotFound(_)) => {}
            Err(error) => {
                let (mailbox, workload) = (report.mailbox, report.workload);
                tracing::warn!("The end of a cycle of {mailbox} {workload} is not recorded yet: {error}");
                locked(&self.unrecorded).push(report);
            }
        }
    }

    /// Tries once more to record what could not be recorded. Says whether all is recorded.
    pub async fn flush(&self, ports: &Ports) -> bool {
        let waiting = std::mem::take(&mut *locked(&self.unrecorded));
        for report in waiting {
            self.record(ports, report).await;
        }
        locked(&self.unrecorded).is_empty()
    }

    /// Raises and clears the alerts that follow from how a cycle ended.
    pub async fn alert(
        &self,
        ports: &Ports,
        work: &DueWork,
        end: &CycleEnd,
        next_due_at: Option<Instant>,
        now: Instant,
    ) -> Result<(), StorageError> {
        let changes = {
            let mut troubles = locked(&self.troubles);
            changes(&mut troubles, work, end, next_due_at)
        };
        for change in changes {
            match change {
                Change::Raise(alert) => ports.storage.raise(alert, now).await?,
                Change::Clear(object, code) => ports.storage.clear(object, code, now).await?,
            }
        }
        Ok(())
    }

    /// New mail may be the evidence that some sender waits for: their outgoing mail is looked at again now.
    pub async fn pass_on_evidence(
        &self,
        ports: &Ports,
        work: &DueWork,
        outcome: &CycleOutcome,
        now: Instant,
    ) -> Result<(), StorageError> {
        if outcome.awaits_evidence {
            locked(&self.await_evidence).insert(work.mailbox);
        }
        if work.workload != Workload::Incoming || outcome.items == 0 {
            return Ok(());
        }
        let waiting = std::mem::take(&mut *locked(&self.await_evidence));
        for sender in waiting {
            ports.storage.make_due(sender, Workload::Outgoing, now).await?;
        }
        Ok(())
    }
}

/// Whether every mailbox of the server meets this failure.
pub fn is_server(failure: &Failure) -> bool {
    failure.scope == Scope::Profile
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
