//! Test & Enable: climbs a ladder of named rungs per mailbox and workload, and enables what holds.
//!
//! Queues come first, then users, so many mailboxes side by side as the pool allows. The first contact with a
//! mailbox only reads, apart from the one test message that it sends to itself.

use crate::{
    access::{Prepared, prepare, storage_failure},
    cycle::{stopped, unless},
    events::{EngineEvent, RungEvents},
    permits::{Permit, Permits, Pool},
    ports::{Ports, mail::RungSink},
};
use chrono::Duration;
use futures::{StreamExt, stream};
use std::sync::Arc;
use tandem_domain::{
    alert::{AlertCode, AlertLevel, AlertObject, NewAlert},
    breaker::{Signal, Turn},
    failure::Failure,
    ids::MailboxId,
    mailbox::{DeliveryMethod, Mailbox, MailboxOwner},
    probe::{Rung, RungName, RungOutcome},
    workload::Workload,
};
use tokio_util::sync::CancellationToken;

mod round_trip;
#[cfg(test)]
mod tests;

/// How long the test message may take to arrive, when the caller does not say.
pub const DEFAULT_ROUND_TRIP_LIMIT: Duration = Duration::seconds(60);

/// What to test.
#[derive(Debug, Clone)]
pub struct TestRequest {
    /// The mailboxes, in any order.
    pub mailboxes: Vec<MailboxId>,
    /// How long the test message may take to arrive.
    pub round_trip_limit: Duration,
    /// So many mailboxes at most are tested side by side.
    pub side_by_side: usize,
}

/// What came of testing one workload of one mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestResult {
    /// The mailbox.
    pub mailbox: MailboxId,
    /// The workload.
    pub workload: Workload,
    /// The ladder, as far as it was climbed.
    pub rungs: Vec<Rung>,
    /// Why it is not enabled; `None` when it is.
    pub failure: Option<Failure>,
}

/// Tests the mailboxes and enables the workloads whose ladder held. Workloads that are not server-side
/// synchronization are passed over. A result that could not be recorded carries the storage's failure.
pub async fn run(
    ports: &Ports,
    permits: &Arc<Permits>,
    request: &TestRequest,
    cancel: &CancellationToken,
) -> Vec<TestResult> {
    let mut mailboxes = Vec::new();
    for id in &request.mailboxes {
        match ports.storage.mailbox(*id).await {
            Ok(mailbox) => mailboxes.push(mailbox),
            Err(error) => tracing::warn!("Mailbox {id} is not tested: {error}"),
        }
    }
    mailboxes.sort_by_key(|mailbox| matches!(mailbox.owner, MailboxOwner::User(_)));
    let tests = mailboxes.into_iter().map(|mailbox| {
        let ports = ports.clone();
        let test = Test {
            ports,
            permits: Arc::clone(permits),
            mailbox,
            limit: request.round_trip_limit,
            cancel: cancel.clone(),
        };
        async move { test.run().await }
    });
    let results = stream::iter(tests).buffered(request.side_by_side.max(1));
    results.collect::<Vec<_>>().await.into_iter().flatten().collect()
}

/// The test of one mailbox.
struct Test {
    ports: Ports,
    permits: Arc<Permits>,
    mailbox: Mailbox,
    limit: Duration,
    cancel: CancellationToken,
}

impl Test {
    async fn run(&self) -> Vec<TestResult> {
        let mut results = Vec::new();
        for workload in Workload::ALL {
            if self.mailbox.method(workload) != DeliveryMethod::ServerSideSync {
                continue;
            }
            let incoming = results.first().filter(|one: &&TestResult| one.workload == Workload::Incoming);
            let rungs = match self.climb(workload, incoming).await {
                Ok(rungs) => rungs,
                Err(_) if self.cancel.is_cancelled() => return results,
                Err(failure) => vec![self.broken(workload, failure)],
            };
            if self.cancel.is_cancelled() {
                return results;
            }
            results.push(self.record(workload, rungs).await);
        }
        results
    }

    /// Climbs the ladder of one workload; an error says why not even its foot was reached.
    async fn climb(&self, workload: Workload, incoming: Option<&TestResult>) -> Result<Vec<Rung>, Failure> {
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
        incoming: Option<&TestResult>,
        report: &RungEvents,
    ) -> Result<Vec<Rung>, Failure> {
        let trip = round_trip::begin(self, incoming).await;
        let message = round_trip::compose(self, trip.mark()).await?;
        let mut rungs = {
            let _permit = self.permit(Workload::Outgoing, prepared).await?;
            let port = self.ports.mail.outgoing(prepared.access.server_type);
            let port = port.ok_or_else(round_trip::no_port)?;
            let probe = port.probe(&prepared.access, Some(&message), report);
            unless(&self.cancel, async { Ok(probe.await) }).await?
        };
        if broken_rung(&rungs).is_none() {
            let arrived = trip.look(self).await?;
            report.climbed(&arrived);
            rungs.push(arrived);
        }
        Ok(rungs)
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

    /// A ladder of which no rung was tried.
    fn broken(&self, workload: Workload, failure: Failure) -> Rung {
        let rung = Rung {
            name: RungName::Dns,
            server_said: failure.server_said.clone(),
            outcome: RungOutcome::Failed(failure),
            took_ms: 0,
        };
        self.report(workload).climbed(&rung);
        rung
    }

    /// Records a ladder with its alerts; success enables the workload.
    async fn record(&self, workload: Workload, rungs: Vec<Rung>) -> TestResult {
        let (mailbox, failure) = (self.mailbox.id, broken_rung(&rungs).cloned());
        let failure = self.write(workload, &rungs, failure.as_ref()).await.err().or(failure);
        self.ports.events.emit(EngineEvent::TestFinished { mailbox, workload, failure: failure.clone() });
        TestResult { mailbox, workload, rungs, failure }
    }

    async fn write(
        &self,
        workload: Workload,
        rungs: &[Rung],
        failure: Option<&Failure>,
    ) -> Result<(), Failure> {
        let (storage, now) = (&self.ports.storage, self.ports.clock.now());
        let object = AlertObject::Mailbox(self.mailbox.id, workload);
        let recorded = storage.record_test(self.mailbox.id, workload, rungs.to_vec(), now).await;
        recorded.map_err(storage_failure)?;
        storage.clear(object, None, now).await.map_err(storage_failure)?;
        if failure.is_none() {
            self.server_answers(workload).await?;
        }
        let alert = match failure {
            None => NewAlert {
                level: AlertLevel::Information,
                object,
                code: AlertCode::WorkloadEnabled,
                detail: format!("{workload} email of {} is enabled", self.mailbox.email),
                retry_at: None,
            },
            Some(failure) => NewAlert {
                level: AlertLevel::Error,
                object,
                code: AlertCode::Failure(failure.code),
                detail: failure.server_said.clone(),
                retry_at: None,
            },
        };
        storage.raise(alert, now).await.map_err(storage_failure)
    }
}

impl Test {
    /// A test that held proves that the server is reachable, for everyone of its profile.
    async fn server_answers(&self, workload: Workload) -> Result<(), Failure> {
        let Some(profile) = self.mailbox.profile else { return Ok(()) };
        let (storage, now) = (&self.ports.storage, self.ports.clock.now());
        let told = storage.signal(profile, workload, self.mailbox.id, Signal::Answered, now).await;
        let (_, turn) = told.map_err(storage_failure)?;
        let Turn::Recovered { outage } = turn else { return Ok(()) };
        let code = AlertCode::Failure(outage.why.code);
        storage.clear(AlertObject::Profile(profile), Some(code), now).await.map_err(storage_failure)
    }
}

/// The rung that broke.
fn broken_rung(rungs: &[Rung]) -> Option<&Failure> {
    rungs.iter().find_map(|rung| match &rung.outcome {
        RungOutcome::Failed(failure) => Some(failure),
        RungOutcome::Passed | RungOutcome::Skipped(_) => None,
    })
}
