//! One claimed workload, from its permit to its recorded end.

use super::{Engine, LEASE, LEASE_OWNER};
use crate::{
    access::{Prepared, prepare, storage_failure},
    cycle::{CycleContext, CycleOutcome, incoming, outgoing, stopped, unless},
    events::EngineEvent,
    permits::Pool,
    ports::storage::{CycleReport, DueWork, StorageError},
};
use futures::FutureExt;
use std::{panic::AssertUnwindSafe, sync::Arc};
use tandem_domain::{
    Instant,
    failure::{Failure, FailureCode},
    ids::{CycleId, MailboxId},
    schedule::{CycleEnd, Next, next},
    workload::Workload,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// What came of asking for a cycle now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyncOutcome {
    /// It ran, and this was its end.
    Ran(CycleOutcome),
    /// It runs already.
    RunsAlready,
    /// It is not processed: not server-side synchronization, not approved, or not enabled.
    NotProcessed,
}

impl Engine {
    /// Runs one workload of one mailbox now, instead of when it is due.
    ///
    /// # Errors
    /// Those of storage.
    pub async fn sync_now(
        self: &Arc<Self>,
        mailbox: MailboxId,
        workload: Workload,
        stop: &CancellationToken,
    ) -> Result<SyncOutcome, StorageError> {
        let (storage, now) = (&self.ports.storage, self.ports.clock.now());
        let claimed = storage.claim(mailbox, workload, now, LEASE_OWNER, now + LEASE).await?;
        let Some(work) = claimed else {
            let processed = storage.mailbox(mailbox).await?.is_processed(workload);
            return Ok(if processed { SyncOutcome::RunsAlready } else { SyncOutcome::NotProcessed });
        };
        Ok(SyncOutcome::Ran(self.work(work, stop.clone()).await))
    }

    /// Works on what was claimed, and records its end or frees it.
    pub(super) async fn work(self: &Arc<Self>, work: DueWork, stop: CancellationToken) -> CycleOutcome {
        let cycle = CycleId(Uuid::new_v4());
        let started_at = self.ports.clock.now();
        let running = AssertUnwindSafe(self.cycle(&work, cycle, stop)).catch_unwind();
        let (prepared, outcome) = running.await.unwrap_or_else(|_| {
            let said = "a fault in Tandem ended the cycle";
            (None, CycleOutcome::failed(Failure::transient_mailbox(FailureCode::Internal, said)))
        });
        if outcome.was_stopped() {
            let released = self.ports.storage.release(work.mailbox, work.workload, LEASE_OWNER).await;
            if let Err(error) = released {
                tracing::warn!("The lease on {} {} is not freed yet: {error}", work.mailbox, work.workload);
            }
            return outcome;
        }
        self.end(&work, cycle, started_at, prepared.as_ref(), &outcome).await;
        self.wake();
        outcome
    }

    async fn cycle(
        &self,
        work: &DueWork,
        cycle: CycleId,
        cancel: CancellationToken,
    ) -> (Option<Prepared>, CycleOutcome) {
        let (mailbox, workload) = (work.mailbox, work.workload);
        let prepare = async {
            let _one_of_few = self.preparing.acquire().await.map_err(|_| stopped())?;
            prepare(&self.ports, mailbox, workload).await
        };
        let prepared = match unless(&cancel, prepare).await {
            Ok(prepared) => prepared,
            Err(failure) => return (None, CycleOutcome::failed(failure)),
        };
        let pool = match workload {
            Workload::Incoming | Workload::Act => Pool::Incoming,
            Workload::Outgoing => Pool::Outgoing,
        };
        let connections = prepared.profile.max_concurrent_connections;
        let permit = self.permits.acquire(pool, workload, &prepared.access, connections);
        let permit = unless(&cancel, async { permit.await.map_err(|_| stopped()) }).await;
        let _permit = match permit {
            Ok(permit) => permit,
            Err(failure) => return (Some(prepared), CycleOutcome::failed(failure)),
        };
        // It may have been disabled while it waited.
        let still = self.ports.storage.mailbox(mailbox).await;
        if !still.is_ok_and(|mailbox| mailbox.is_processed(workload)) {
            return (Some(prepared), CycleOutcome::failed(stopped()));
        }
        self.ports.events.emit(EngineEvent::CycleStarted { mailbox, workload, cycle });
        let (ports, limits) = (self.ports.clone(), self.limits.cycle);
        let in_flight = self.in_flight.clone();
        let context = CycleContext { ports, prepared, cycle, limits, in_flight, cancel };
        let outcome = match workload {
            Workload::Incoming => incoming::run(&context).await,
            Workload::Outgoing => outgoing::run(&context).await,
            Workload::Act => {
                let said = "appointments, contacts and tasks are not available in this version";
                CycleOutcome::failed(Failure::permanent_mailbox(FailureCode::NotSupported, said))
            }
        };
        (Some(context.prepared), outcome)
    }

    async fn end(
        &self,
        work: &DueWork,
        cycle: CycleId,
        started_at: Instant,
        prepared: Option<&Prepared>,
        outcome: &CycleOutcome,
    ) {
        let now = self.ports.clock.now();
        let settings = match prepared {
            Some(prepared) => prepared.settings.clone(),
            None => self.ports.storage.settings().await.unwrap_or_default(),
        };
        let interval = prepared.map_or(0, |prepared| prepared.profile.min_polling_interval_minutes);
        let (next_due_at, attempts) = match next(&outcome.end, work.attempts, &settings, interval, now) {
            Next::At { due_at, attempts } => {
                let due_at = outcome.again_at.map_or(due_at, |again_at| due_at.min(again_at.max(now)));
                (Some(due_at), attempts)
            }
            Next::Disable => (None, work.attempts.saturating_add(1)),
        };
        let failure = match &outcome.end {
            CycleEnd::Failed(failure) => Some(failure.clone()),
            CycleEnd::Completed | CycleEnd::Yielded => None,
        };
        if let Err(error) = self.endings.alert(&self.ports, work, &outcome.end, next_due_at, now).await {
            tracing::warn!("An alert of {} {} is lost: {error}", work.mailbox, work.workload);
        }
        let report = CycleReport {
            mailbox: work.mailbox,
            workload: work.workload,
            cycle,
            started_at,
            ended_at: now,
            items: outcome.items,
            failure: failure.clone(),
            next_due_at,
            attempts,
        };
        self.endings.record(&self.ports, report).await;
        if let Err(error) = self.endings.pass_on_evidence(&self.ports, work, outcome, now).await {
            tracing::warn!("Mail that waits for evidence is looked at later: {}", storage_failure(error));
        }
        let (mailbox, workload, items) = (work.mailbox, work.workload, outcome.items);
        self.ports.events.emit(EngineEvent::CycleFinished {
            mailbox,
            workload,
            cycle,
            items,
            failure,
            next_due_at,
        });
    }
}
