//! One claimed workload, from its permit to its recorded end.

use super::{Engine, LEASE, LEASE_OWNER};
use crate::{
    access::{Prepared, prepare, storage_failure},
    cycle::{CycleContext, CycleOutcome, incoming, outgoing, stopped, unless},
    events::EngineEvent,
    permits::{Permit, Pool},
    ports::storage::{CycleReport, DueWork, StorageError},
};
use futures::FutureExt;
use std::{panic::AssertUnwindSafe, sync::Arc};
use tandem_domain::{
    Instant,
    breaker::Asked,
    failure::{Failure, FailureCode},
    ids::{CycleId, MailboxId},
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
        // The permit is kept until the end is recorded, so that whoever waits for it knows what this one met.
        let (prepared, outcome, _permit) = running.await.unwrap_or_else(|_| {
            let said = "a fault in Tandem ended the cycle";
            (None, CycleOutcome::failed(Failure::transient_mailbox(FailureCode::Internal, said)), None)
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
    ) -> (Option<Prepared>, CycleOutcome, Option<Permit>) {
        let (mailbox, workload) = (work.mailbox, work.workload);
        let prepare = async {
            let _one_of_few = self.preparing.acquire().await.map_err(|_| stopped())?;
            prepare(&self.ports, mailbox, workload).await
        };
        let prepared = match unless(&cancel, prepare).await {
            Ok(prepared) => prepared,
            Err(failure) => return (None, CycleOutcome::failed(failure), None),
        };
        let pool = match workload {
            Workload::Incoming | Workload::Act => Pool::Incoming,
            Workload::Outgoing => Pool::Outgoing,
        };
        let connections = prepared.profile.max_concurrent_connections;
        let permit = self.permits.acquire(pool, workload, &prepared.access, connections);
        let permit = unless(&cancel, async { permit.await.map_err(|_| stopped()) }).await;
        let permit = match permit {
            Ok(permit) => permit,
            Err(failure) => return (Some(prepared), CycleOutcome::failed(failure), None),
        };
        if !self.may_still_run(work).await {
            return (Some(prepared), CycleOutcome::failed(stopped()), None);
        }
        self.ports.events.emit(EngineEvent::CycleStarted { mailbox, workload, cycle });
        let (ports, limits) = (self.ports.clone(), self.limits.cycle);
        let (in_flight, send_turns) = (self.in_flight.clone(), self.send_turns.clone());
        let is_probe = work.is_probe;
        let context =
            CycleContext { ports, prepared, cycle, limits, in_flight, send_turns, is_probe, cancel };
        let outcome = match workload {
            Workload::Incoming => incoming::run(&context).await,
            Workload::Outgoing => outgoing::run(&context).await,
            Workload::Act => {
                let said = "appointments, contacts and tasks are not available in this version";
                CycleOutcome::failed(Failure::permanent_mailbox(FailureCode::NotSupported, said))
            }
        };
        (Some(context.prepared), outcome, Some(permit))
    }

    /// It may have been disabled while it waited, or its server may have become unreachable: then it stays due and waits
    /// for the probe.
    async fn may_still_run(&self, work: &DueWork) -> bool {
        let storage = &self.ports.storage;
        let still = storage.mailbox(work.mailbox).await;
        if !still.is_ok_and(|mailbox| mailbox.is_processed(work.workload)) {
            return false;
        }
        let circuit = storage.circuit(work.profile, work.workload).await;
        work.is_probe || circuit.is_ok_and(|circuit| circuit.outage.is_none())
    }

    /// Servers that were unreachable may be back: each is tried now, by one mailbox. For a changed network and a
    /// computer that woke up.
    ///
    /// # Errors
    /// Those of storage.
    pub async fn try_servers_now(&self) -> Result<(), StorageError> {
        let now = self.ports.clock.now();
        self.ports.storage.probe_now(None, Asked::ByNetwork, now).await?;
        self.wake();
        Ok(())
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
        let ended = self.endings.conclude(&self.ports, work, prepared, outcome, now).await;
        let failure = ended.failure().cloned();
        let report = CycleReport {
            mailbox: work.mailbox,
            workload: work.workload,
            cycle,
            started_at,
            ended_at: now,
            items: outcome.items,
            failure: failure.clone(),
            next_due_at: ended.next_due_at,
            attempts: ended.attempts,
            activity: ended.activity,
            expected_at: ended.expected_at,
        };
        self.endings.record(&self.ports, report).await;
        if let Err(error) = self.endings.pass_on_evidence(&self.ports, work, outcome, now).await {
            tracing::warn!("Mail that waits for evidence is looked at later: {}", storage_failure(error));
        }
        let (mailbox, workload, items) = (work.mailbox, work.workload, outcome.items);
        let next_due_at = ended.next_due_at;
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
