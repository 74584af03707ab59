//! One claimed workload, from its permit to its recorded end.

use super::{
    Engine, LEASE, LEASE_OWNER,
    ending::{Ended, rhythm},
    quiet::{Haste, is_quiet},
};
use crate::{
    access::{Prepared, Ready, prepare_all, prepare_to_run, storage_failure},
    cycle::{
        CycleContext, CycleOutcome,
        incoming::{self, AtTheEnd, Session},
        outgoing, stopped, unless,
    },
    dispatch::Connection,
    events::EngineEvent,
    permits::{Permit, Pool, identity},
    ports::storage::{CycleReport, DueWork, StorageError},
    spread::{self, Kind},
    watch::ToWatch,
};
use chrono::Duration;
use futures::FutureExt;
use std::{panic::AssertUnwindSafe, sync::Arc};
use tandem_domain::{
    Instant,
    breaker::{Asked, Circuit, is_about_credentials},
    failure::{Failure, FailureCode},
    ids::{CycleId, MailboxId},
    mailbox::Mailbox,
    schedule::CycleEnd,
    workload::Workload,
};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Everybody who waits gets a turn within about this long: half an interval, as those who come later are not seen yet.
const FAIR_TURN: Duration = Duration::seconds(150);

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
        // What has ended and waits to be recorded does not run any more.
        self.record_quiet(Haste::Now).await;
        let (storage, now) = (&self.ports.storage, self.ports.clock.now());
        let claimed = storage.claim(mailbox, workload, now, LEASE_OWNER, now + LEASE).await?;
        let Some(work) = claimed else {
            let processed = storage.mailbox(mailbox).await?.is_processed(workload);
            return Ok(if processed { SyncOutcome::RunsAlready } else { SyncOutcome::NotProcessed });
        };
        self.endings.forget_circuits();
        let ran = self.work(work, None, stop.clone()).await;
        self.record_quiet(Haste::Now).await;
        Ok(ran.map_or(SyncOutcome::RunsAlready, SyncOutcome::Ran))
    }

    /// Reads what cycles that were started together have to know before they begin. One that is told nothing reads it
    /// for itself, and so meets what was in the way.
    pub(super) async fn make_ready(&self, asked: Vec<(MailboxId, Workload, Told)>) {
        let Ok(_one_of_few) = self.preparing.acquire().await else { return };
        let which = asked.iter().map(|(mailbox, workload, _)| (*mailbox, *workload)).collect();
        let Ok(all) = prepare_all(&self.ports, which).await else { return };
        for ((_, _, tell), ready) in asked.into_iter().zip(all) {
            // Who does not wait any more was stopped.
            let _ = tell.send(ready);
        }
    }

    /// Works on what was claimed, and records its end or frees it. `None`: it waits for its permit again.
    pub(super) async fn work(
        self: &Arc<Self>,
        work: DueWork,
        permit: Option<(Permit, ToldReady)>,
        stop: CancellationToken,
    ) -> Option<CycleOutcome> {
        let cycle = CycleId(Uuid::new_v4());
        let (started_at, began) = (self.ports.clock.now(), self.ports.clock.monotonic());
        let running = AssertUnwindSafe(self.limited(&work, cycle, permit, &stop)).catch_unwind();
        let ran = running.await.unwrap_or_else(|_| {
            let said = "a fault in Tandem ended the cycle";
            Ran::failed(None, Failure::transient_mailbox(FailureCode::Internal, said))
        });
        // The permit is kept until the end is recorded, so that whoever waits for it knows what this one met.
        let (prepared, outcome, session, permit) = match ran {
            Ran::Waits => return None,
            Ran::Ended { prepared, outcome, session, permit } => (prepared, outcome, session, permit),
        };
        let is_superseded = self.is_superseded(&outcome, prepared.as_deref()).await;
        if is_superseded {
            let (storage, now) = (&self.ports.storage, self.ports.clock.now());
            if let Err(error) = storage.make_due(work.mailbox, work.workload, now).await {
                tracing::warn!(
                    "{} {} is tried with its new password later: {error}",
                    work.mailbox,
                    work.workload
                );
            }
        }
        if is_superseded || outcome.was_stopped() {
            let released = self.ports.storage.release(work.mailbox, work.workload, LEASE_OWNER).await;
            if let Err(error) = released {
                tracing::warn!("The lease on {} {} is not freed yet: {error}", work.mailbox, work.workload);
            }
            if is_superseded {
                self.wake();
            }
            return Some(outcome);
        }
        let in_step = permit.as_ref().is_some_and(Permit::is_in_step);
        let started = Started { cycle, at: self.dated(started_at, began), in_step };
        if is_quiet(&outcome)
            && let Some(prepared) = prepared
        {
            let report = self.concluded(&work, started, Some(&prepared), &outcome).await;
            let next_due_at = report.next_due_at;
            self.ended_quietly(report);
            if let (Some(session), Some(permit), Some(until)) = (session, permit, next_due_at) {
                self.keep_open(session, permit, &prepared, until).await;
            }
            return Some(outcome);
        }
        let next_due_at = self.end(&work, started, prepared.as_deref(), &outcome).await;
        if let (Some(session), Some(permit), Some(prepared), Some(until)) =
            (session, permit, prepared, next_due_at)
        {
            self.keep_open(session, permit, &prepared, until).await;
        }
        self.look_again(&work, &outcome).await;
        Some(outcome)
    }

    /// Whether the server refused credentials that are not those of the mailbox any more: a person has entered others
    /// while the cycle ran, and its end says nothing about them.
    async fn is_superseded(&self, outcome: &CycleOutcome, prepared: Option<&Prepared>) -> bool {
        let (CycleEnd::Failed(failure), Some(prepared)) = (&outcome.end, prepared) else { return false };
        if !is_about_credentials(failure.code) {
            return false;
        }
        let now = self.ports.credentials.credentials(&prepared.mailbox, &prepared.profile).await;
        now.is_ok_and(|now| now != prepared.access.credentials)
    }

    /// When a cycle began, by the clock as it is now: one that was set back meanwhile would have it begin too late, and
    /// have it seen what it did not see.
    fn dated(&self, started_at: Instant, began: std::time::Duration) -> Instant {
        let clock = &self.ports.clock;
        let took = Duration::from_std(clock.monotonic().saturating_sub(began)).unwrap_or_default();
        started_at.min(clock.now() - took)
    }

    /// Something may have been made due while it ran, for it or through it.
    async fn look_again(&self, work: &DueWork, outcome: &CycleOutcome) {
        match self.ports.storage.due_at(work.mailbox, work.workload).await {
            Ok(Some(due_at)) => self.look_by(due_at),
            Ok(None) => {}
            Err(_) => self.wake(),
        }
        if work.workload == Workload::Incoming && outcome.items > 0 {
            self.wake();
        }
    }

    /// Listens on the session until the mailbox is due again, where there is room for that.
    async fn keep_open(
        self: &Arc<Self>,
        session: Session,
        permit: Permit,
        prepared: &Prepared,
        until: Instant,
    ) {
        let (mailbox, profile) = (prepared.mailbox.id, prepared.profile.id);
        match permit.hold_open() {
            Ok(held) => {
                let identity = identity(&prepared.access);
                let to_watch = ToWatch { mailbox, profile, identity, session, held, until };
                let engine = Arc::downgrade(self);
                self.watchers.watch(&self.ports, to_watch, move || {
                    if let Some(engine) = engine.upgrade() {
                        engine.wake();
                    }
                });
            }
            Err(permit) => {
                let _ = session.close().await;
                drop(permit);
            }
        }
    }

    /// Runs a cycle within its time. What has not ended then is asked to stop, and broken off when it does not.
    async fn limited(
        self: &Arc<Self>,
        work: &DueWork,
        cycle: CycleId,
        permit: Option<(Permit, ToldReady)>,
        stop: &CancellationToken,
    ) -> Ran {
        let (clock, cancel) = (&self.ports.clock, stop.child_token());
        let limit = self.limits.cycle_timeout;
        let mut running = std::pin::pin!(self.cycle(work, cycle, permit, cancel.clone()));
        tokio::select! {
            biased;
            ran = &mut running => return ran,
            () = clock.pause(limit.to_std().unwrap_or_default()) => cancel.cancel(),
        }
        let said = format!("the cycle took more than {} s and was ended", limit.num_seconds());
        let failure = Failure::transient_mailbox(FailureCode::TimedOut, said);
        tokio::select! {
            biased;
            ran = &mut running => match ran {
                Ran::Ended { prepared, outcome, permit, .. }
                    if outcome.was_stopped() && !stop.is_cancelled() =>
                {
                    let outcome = CycleOutcome { end: CycleEnd::Failed(failure), ..outcome };
                    Ran::Ended { prepared, outcome, session: None, permit }
                }
                ran => ran,
            },
            () = clock.pause(self.limits.stop_wait.to_std().unwrap_or_default()) => Ran::failed(None, failure),
        }
    }

    async fn cycle(
        &self,
        work: &DueWork,
        cycle: CycleId,
        permit: Option<(Permit, ToldReady)>,
        cancel: CancellationToken,
    ) -> Ran {
        let (mailbox, workload) = (work.mailbox, work.workload);
        let (permit, told) = permit.unzip();
        let prepare = async {
            if let Some(told) = told
                && let Ok(ready) = told.await
            {
                return ready;
            }
            let _one_of_few = self.preparing.acquire().await.map_err(|_| stopped())?;
            prepare_to_run(&self.ports, mailbox, workload).await
        };
        let (prepared, circuit, start) = match unless(&cancel, prepare).await {
            Ok(Ready { prepared, circuit, start }) => (Box::new(prepared), circuit, start),
            Err(failure) => return Ran::failed(None, failure),
        };
        let mut start = Some(start);
        let connections = prepared.profile.max_concurrent_connections;
        let mut may_run = may_run(work, &prepared.mailbox, &circuit);
        let permit = match permit {
            Some(permit) => match permit.connects_as(work, &prepared.access, connections) {
                Some(permit) => permit,
                None => return Ran::Waits,
            },
            None => {
                let pool = match workload {
                    Workload::Incoming | Workload::Act => Pool::Incoming,
                    Workload::Outgoing => Pool::Outgoing,
                };
                let permit = self.permits.acquire(pool, workload, &prepared.access, connections);
                match unless(&cancel, async { permit.await.map_err(|_| stopped()) }).await {
                    Ok(permit) => {
                        // It may have waited for long.
                        start = None;
                        may_run = self.may_still_run(work).await;
                        permit
                    }
                    Err(failure) => return Ran::failed(Some(prepared), failure),
                }
            }
        };
        if !may_run {
            return Ran::failed(Some(prepared), stopped());
        }
        self.ports.events.emit(EngineEvent::CycleStarted { mailbox, workload, cycle });
        let mut limits = self.limits.cycle;
        limits.yield_after = permit.slice(FAIR_TURN, limits.yield_after);
        let context = CycleContext {
            ports: self.ports.clone(),
            prepared: *prepared,
            start,
            cycle,
            limits,
            in_flight: self.in_flight.clone(),
            send_turns: self.send_turns.clone(),
            is_probe: work.is_probe,
            steady_since: self.steady_since(),
            cancel,
        };
        let (outcome, session) = match workload {
            Workload::Incoming => self.incoming(&context, &permit).await,
            Workload::Outgoing => (outgoing::run(&context).await, None),
            Workload::Act => {
                let said = "appointments, contacts and tasks are not available in this version";
                let failure = Failure::permanent_mailbox(FailureCode::NotSupported, said);
                (CycleOutcome::failed(failure), None)
            }
        };
        if outcome.end == CycleEnd::Yielded {
            self.permits.yielded(work);
        }
        Ran::Ended { prepared: Some(Box::new(context.prepared)), outcome, session, permit: Some(permit) }
    }

    /// The same after it waited.
    async fn may_still_run(&self, work: &DueWork) -> bool {
        let now = self.ports.storage.briefings(vec![(work.mailbox, work.workload)]).await;
        let now = now.into_iter().flatten().flatten().next();
        now.is_some_and(|now| may_run(work, &now.mailbox, &now.circuit))
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

    /// The incoming cycle, on the session that was held open for it, where there is one.
    async fn incoming(&self, context: &CycleContext, permit: &Permit) -> (CycleOutcome, Option<Session>) {
        let (mailbox, access) = (context.prepared.mailbox.id, &context.prepared.access);
        let open = match permit.connection() {
            Connection::Held => self.watchers.take(mailbox, &identity(access)),
            Connection::New => None,
        };
        let wanted = self.watchers.wants(mailbox, self.ports.clock.monotonic());
        let at_the_end = if wanted { AtTheEnd::KeepOpen } else { AtTheEnd::Close };
        incoming::run_on(context, open, at_the_end).await
    }

    /// Records how a cycle ended, and says when the next is due.
    async fn end(
        &self,
        work: &DueWork,
        started: Started,
        prepared: Option<&Prepared>,
        outcome: &CycleOutcome,
    ) -> Option<Instant> {
        let report = self.concluded(work, started, prepared, outcome).await;
        self.endings.record(&self.ports, report.clone()).await;
        if self.endings.has_unrecorded() {
            self.wake.notify_one();
        }
        let passed_on = self.endings.pass_on_evidence(&self.ports, work, outcome, report.ended_at).await;
        if let Err(error) = passed_on {
            tracing::warn!("Mail that waits for evidence is looked at later: {}", storage_failure(error));
        }
        self.tell_finished(&report);
        report.next_due_at
    }

    /// What is to be recorded of how a cycle ended.
    pub(super) async fn concluded(
        &self,
        work: &DueWork,
        started: Started,
        prepared: Option<&Prepared>,
        outcome: &CycleOutcome,
    ) -> CycleReport {
        let now = self.ports.clock.now();
        let ended = self.endings.conclude(&self.ports, work, prepared, outcome, now).await;
        let next_due_at =
            ended.next_due_at.map(|policy| spread(work, started, prepared, &ended, policy, now));
        CycleReport {
            mailbox: work.mailbox,
            workload: work.workload,
            cycle: started.cycle,
            started_at: started.at,
            ended_at: now,
            items: outcome.items,
            failure: ended.failure().cloned(),
            next_due_at,
            attempts: ended.attempts,
            activity: ended.activity,
            expected_at: ended.expected_at,
        }
    }
}

/// It may have been disabled since it was claimed, or its server may have become unreachable: then it stays due and waits
/// for the probe.
fn may_run(work: &DueWork, mailbox: &Mailbox, circuit: &Circuit) -> bool {
    mailbox.is_processed(work.workload) && (work.is_probe || circuit.outage.is_none())
}

/// What a cycle has to know before it begins, or why it can't.
type Told = oneshot::Sender<Result<Ready, Failure>>;
/// Where a cycle hears that.
type ToldReady = oneshot::Receiver<Result<Ready, Failure>>;

/// A cycle, begun.
#[derive(Clone, Copy)]
pub(super) struct Started {
    pub(super) cycle: CycleId,
    pub(super) at: Instant,
    /// With so many others that they are in step.
    pub(super) in_step: bool,
}

/// What came of running a cycle.
enum Ran {
    /// It did not: it waits for a permit again.
    Waits,
    /// It ended.
    Ended {
        prepared: Option<Box<Prepared>>,
        outcome: CycleOutcome,
        /// Open still, to be listened on.
        session: Option<Session>,
        permit: Option<Permit>,
    },
}

impl Ran {
    fn failed(prepared: Option<Box<Prepared>>, failure: Failure) -> Self {
        Self::Ended { prepared, outcome: CycleOutcome::failed(failure), session: None, permit: None }
    }
}

/// Mailboxes that were enabled or caught up together do not stay in step.
fn spread(
    work: &DueWork,
    started: Started,
    prepared: Option<&Prepared>,
    how: &Ended,
    policy: Instant,
    now: Instant,
) -> Instant {
    let Some(prepared) = prepared.filter(|_| started.in_step && how.end == CycleEnd::Completed) else {
        return policy;
    };
    let state = prepared.mailbox.state(work.workload);
    let is_first = state.last_success_at.is_none_or(|success| state.tested_at > Some(success));
    let kind = if is_first { Kind::First } else { Kind::Later };
    let ended = spread::Ended { due_at: work.due_at, started_at: started.at, kind };
    let least = Duration::minutes(prepared.profile.min_polling_interval_minutes.into());
    let wheel = rhythm(work, Some(prepared), &prepared.settings).wheel(how.activity);
    spread::next_due(ended, wheel, policy, least, now)
}
