//! Test & Enable of one mailbox: climbs a ladder of named rungs per workload, and enables what holds.
//!
//! The first contact with a mailbox only reads, apart from the one test message that it sends to itself. That message
//! is noted before it is sent, so that a restart looks for it instead of sending another.

use crate::{
    access::{Prepared, prepare, storage_failure},
    cycle::{stopped, unless},
    events::{EngineEvent, RungEvents},
    permits::{Permit, Permits, Pool},
    ports::{
        Ports,
        mail::RungSink,
        storage::StorageError,
        test_jobs::{TestDone, TestEnd, TestWork},
    },
};
use chrono::Duration;
use round_trip::Incoming;
use std::sync::Arc;
use tandem_domain::{
    alert::{AlertCode, AlertLevel, AlertObject, NewAlert},
    breaker::{Signal, Turn},
    failure::{Failure, FailureCode},
    mailbox::Mailbox,
    probe::{Rung, RungName, RungOutcome},
    test_plan::{SkipReason, skipped},
    workload::Workload,
};
use tokio_util::sync::CancellationToken;

mod round_trip;
#[cfg(test)]
mod tests;

/// How long the test message may take to arrive.
pub const ROUND_TRIP_LIMIT: Duration = Duration::seconds(60);

/// The test of one mailbox.
pub(crate) struct Test {
    ports: Ports,
    permits: Arc<Permits>,
    work: TestWork,
    mailbox: Mailbox,
    cancel: CancellationToken,
}

/// Tests what is to be tested of a mailbox and records each result. Ends early, and records nothing more, when it is
/// cancelled.
///
/// # Errors
/// Those of storage: what has no result yet is to be tested again.
pub(crate) async fn run(
    ports: &Ports,
    permits: &Arc<Permits>,
    work: &TestWork,
    cancel: &CancellationToken,
) -> Result<(), StorageError> {
    let mut known = work.incoming.map(Incoming::from);
    for workload in &work.workloads {
        let end = match ports.storage.mailbox(work.mailbox).await {
            Err(StorageError::NotFound(_)) => TestEnd::Skipped(SkipReason::MailboxGone),
            Err(error) => return Err(error),
            Ok(mailbox) => match skipped(&mailbox, *workload) {
                Some(reason) => TestEnd::Skipped(reason),
                None => {
                    let test = Test {
                        ports: ports.clone(),
                        permits: Arc::clone(permits),
                        work: work.clone(),
                        mailbox,
                        cancel: cancel.clone(),
                    };
                    test.climb_and_record(*workload, known).await?
                }
            },
        };
        if cancel.is_cancelled()
            && matches!(&end, TestEnd::Failed { failure, .. } if failure.code == FailureCode::Stopped)
        {
            return Ok(());
        }
        if *workload == Workload::Incoming {
            known = Incoming::of(&end);
        }
        if let TestEnd::Skipped(reason) = end {
            let (mailbox, workload) = (work.mailbox, *workload);
            ports.events.emit(EngineEvent::TestSkipped { mailbox, workload, reason });
        }
        finish(ports, work, *workload, end).await?;
    }
    Ok(())
}

/// Records the result of one workload in its job.
///
/// # Errors
/// Those of storage.
pub(crate) async fn finish(
    ports: &Ports,
    work: &TestWork,
    workload: Workload,
    end: TestEnd,
) -> Result<(), StorageError> {
    let (job, mailbox, at) = (work.job, work.mailbox, ports.clock.now());
    let progress = ports.storage.finish_test(TestDone { job, mailbox, workload, end, at }).await?;
    ports.events.emit(EngineEvent::TestProgress { progress, at });
    Ok(())
}

impl Test {
    async fn climb_and_record(
        &self,
        workload: Workload,
        incoming: Option<Incoming>,
    ) -> Result<TestEnd, StorageError> {
        let (rungs, failure) = match self.climb(workload, incoming).await {
            Ok(rungs) => {
                let failure = broken_rung(&rungs).map(|(_, failure)| failure.clone());
                (rungs, failure)
            }
            // Nothing was tried, so there is no rung.
            Err(failure) => (Vec::new(), Some(failure)),
        };
        if self.cancel.is_cancelled() {
            return Ok(TestEnd::Failed { failure: stopped(), broke_at: None });
        }
        let broke_at = broken_rung(&rungs).map(|(name, _)| name);
        self.record(workload, rungs, failure.as_ref()).await?;
        let mailbox = self.mailbox.id;
        self.ports.events.emit(EngineEvent::TestFinished { mailbox, workload, failure: failure.clone() });
        Ok(match failure {
            Some(failure) => TestEnd::Failed { failure, broke_at },
            None => TestEnd::Succeeded,
        })
    }

    /// Climbs the ladder of one workload; an error says why not even its foot was reached.
    async fn climb(&self, workload: Workload, incoming: Option<Incoming>) -> Result<Vec<Rung>, Failure> {
        let prepared = prepare(&self.ports, self.mailbox.id, workload).await?;
        let report = self.report(workload);
        match workload {
            Workload::Incoming => {
                let _permit = self.permit(workload, &prepared).await?;
                let port = self.ports.mail.incoming(prepared.access.server_type);
                let port = port.ok_or_else(round_trip::no_port)?;
                unless(&self.cancel, async { Ok(port.probe(&prepared.access, &report).await) }).await
            }
            Workload::Outgoing => self.climb_outgoing(&prepared, incoming, &report).await,
            Workload::Act => Err(round_trip::no_port()),
        }
    }

    async fn climb_outgoing(
        &self,
        prepared: &Prepared,
        incoming: Option<Incoming>,
        report: &RungEvents,
    ) -> Result<Vec<Rung>, Failure> {
        if let Some(sent) = &self.work.sent
            && incoming == Some(Incoming::Works)
            && let Some(arrived) = round_trip::arrived_before(self, sent).await?
        {
            let mut rungs = self.probe_outgoing(prepared, None, report).await?;
            if broken_rung(&rungs).is_none() {
                for rung in arrived {
                    report.climbed(&rung);
                    rungs.push(rung);
                }
            }
            return Ok(rungs);
        }
        let trip = round_trip::begin(self, incoming).await;
        let message = round_trip::compose(self, trip.mark()).await?;
        if let Some(sent) = trip.to_note() {
            let noted = self.ports.storage.note_test_message(self.work.job, self.mailbox.id, sent).await;
            noted.map_err(storage_failure)?;
        }
        let mut rungs = self.probe_outgoing(prepared, Some(&message), report).await?;
        if broken_rung(&rungs).is_none() {
            let arrived = trip.look(self).await?;
            report.climbed(&arrived);
            rungs.push(arrived);
        }
        Ok(rungs)
    }

    async fn probe_outgoing(
        &self,
        prepared: &Prepared,
        message: Option<&crate::ports::mail::Submission>,
        report: &RungEvents,
    ) -> Result<Vec<Rung>, Failure> {
        let _permit = self.permit(Workload::Outgoing, prepared).await?;
        let port = self.ports.mail.outgoing(prepared.access.server_type);
        let port = port.ok_or_else(round_trip::no_port)?;
        let probe = port.probe(&prepared.access, message, report);
        unless(&self.cancel, async { Ok(probe.await) }).await
    }

    /// A permit that counts like a cycle's: tests are no way around a server's limits.
    async fn permit(&self, workload: Workload, prepared: &Prepared) -> Result<Permit, Failure> {
        let connections = prepared.profile.max_concurrent_connections;
        let permit = self.permits.acquire(Pool::Operations, workload, &prepared.access, connections);
        unless(&self.cancel, async { permit.await.map_err(|_| stopped()) }).await
    }

    fn report(&self, workload: Workload) -> RungEvents {
        RungEvents { events: Arc::clone(&self.ports.events), mailbox: self.mailbox.id, workload }
    }

    /// Records a ladder with its alert; success enables the workload.
    async fn record(
        &self,
        workload: Workload,
        rungs: Vec<Rung>,
        failure: Option<&Failure>,
    ) -> Result<(), StorageError> {
        let (storage, now) = (&self.ports.storage, self.ports.clock.now());
        let object = AlertObject::Mailbox(self.mailbox.id, workload);
        storage.record_test(self.mailbox.id, workload, rungs, failure.cloned(), now).await?;
        storage.clear(object, None, now).await?;
        if failure.is_none() {
            self.server_answers(workload).await?;
        }
        let (level, code, detail) = match failure {
            None => {
                let detail = format!("{workload} email of {} is enabled", self.mailbox.email);
                (AlertLevel::Information, AlertCode::WorkloadEnabled, detail)
            }
            Some(failure) => {
                (AlertLevel::Error, AlertCode::Failure(failure.code), failure.server_said.clone())
            }
        };
        storage.raise(NewAlert { level, object, code, detail, retry_at: None }, now).await
    }
}

impl Test {
    /// A test that held proves that the server is reachable, for everyone of its profile.
    async fn server_answers(&self, workload: Workload) -> Result<(), StorageError> {
        let Some(profile) = self.mailbox.profile else { return Ok(()) };
        let (storage, now) = (&self.ports.storage, self.ports.clock.now());
        let (_, turn) = storage.signal(profile, workload, self.mailbox.id, Signal::Answered, now).await?;
        let Turn::Recovered { outage } = turn else { return Ok(()) };
        let code = AlertCode::Failure(outage.why.code);
        storage.clear(AlertObject::Profile(profile), Some(code), now).await
    }
}

/// The rung that broke, and how.
fn broken_rung(rungs: &[Rung]) -> Option<(RungName, &Failure)> {
    rungs.iter().find_map(|rung| match &rung.outcome {
        RungOutcome::Failed(failure) => Some((rung.name, failure)),
        RungOutcome::Passed | RungOutcome::Skipped(_) => None,
    })
}
