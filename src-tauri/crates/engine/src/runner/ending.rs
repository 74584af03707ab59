//! How a cycle's end is taken in: what it tells about the server, when the workload runs next, which alerts follow.
//! What storage has not taken yet is remembered, and so is who waits for evidence.

use super::alerts::{Change, changes};
use crate::{
    access::Prepared,
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
    alert::{AlertCode, AlertObject},
    breaker::{Circuit, Signal, Turn, is_local, widened},
    failure::{Failure, FailureCode},
    frequency::{Activity, Rhythm},
    ids::{MailboxId, ProfileId},
    mailbox::DeliveryMethod,
    schedule::{CycleEnd, Next, Standing, next},
    settings::OrganizationSettings,
    workload::Workload,
};

/// See the module.
#[derive(Default)]
pub struct Endings {
    unrecorded: Mutex<Vec<CycleReport>>,
    /// What failed on this computer, by the profile on which it was told.
    local: Mutex<HashMap<ProfileId, BTreeSet<FailureCode>>>,
    /// Profiles that were found well since the engine started.
    well: Mutex<HashSet<ProfileId>>,
    await_evidence: Mutex<HashSet<MailboxId>>,
    /// Circuits of which there is nothing to know: only a failure that is told here changes that, as long as this engine
    /// has the data folder.
    closed: Mutex<HashSet<(ProfileId, Workload)>>,
    /// Ends are taken in one after the other, so that the alerts of one are not overtaken by those of the next.
    one_by_one: tokio::sync::Mutex<()>,
}

/// A cycle's end with all that follows from it.
#[derive(Debug, Clone)]
pub struct Ended {
    /// How it ended; a failure of the profile's account is the profile's, one too many is permanent.
    pub end: CycleEnd,
    /// The circuit of its server after it.
    pub circuit: Circuit,
    /// What it changed there.
    pub turn: Turn,
    /// When the workload runs next; `None` disables it.
    pub next_due_at: Option<Instant>,
    /// Failed attempts in a row that count.
    pub attempts: u32,
    /// What the workload found lately.
    pub activity: Activity,
    /// When the next completed cycle is due, when this one completed.
    pub expected_at: Option<Instant>,
}

impl Ended {
    /// The failure that ended it.
    pub fn failure(&self) -> Option<&Failure> {
        match &self.end {
            CycleEnd::Failed(failure) => Some(failure),
            CycleEnd::Completed | CycleEnd::Yielded => None,
        }
    }
}

impl Endings {
    /// Works out what follows from how a cycle ended, tells the circuit of its server, and raises and clears alerts.
    pub async fn conclude(
        &self,
        ports: &Ports,
        work: &DueWork,
        prepared: Option<&Prepared>,
        outcome: &CycleOutcome,
        now: Instant,
    ) -> Ended {
        let _one_by_one = self.one_by_one.lock().await;
        let ended = self.work_out(ports, work, prepared, outcome, now).await;
        if let Err(error) = self.alert(ports, work, &ended, now).await {
            tracing::warn!("An alert of {} {} is lost: {error}", work.mailbox, work.workload);
        }
        ended
    }

    async fn work_out(
        &self,
        ports: &Ports,
        work: &DueWork,
        prepared: Option<&Prepared>,
        outcome: &CycleOutcome,
        now: Instant,
    ) -> Ended {
        let mut end = outcome.end.clone();
        if let CycleEnd::Failed(failure) = &mut end {
            let using = match prepared {
                Some(prepared) => Some(prepared.profile.authenticate_using),
                None => ports.storage.profile(work.profile).await.ok().map(|found| found.authenticate_using),
            };
            if let Some(using) = using {
                *failure = widened(failure.clone(), using);
            }
        }
        let signal = Signal::of(&end, outcome.contacted);
        let (circuit, turn) = self.signal(ports, work, signal, now).await;
        let settings = match prepared {
            Some(prepared) => prepared.settings.clone(),
            None => ports.storage.settings().await.unwrap_or_default(),
        };
        let before = Standing { attempts: work.attempts, activity: work.activity };
        match next(&end, outcome.items, before, &rhythm(work, prepared, &settings), now) {
            Next::At { due_at, standing } => Ended {
                expected_at: (end == CycleEnd::Completed).then_some(due_at),
                next_due_at: Some(outcome.again_at.map_or(due_at, |again| due_at.min(again.max(now)))),
                attempts: standing.attempts,
                activity: standing.activity,
                end,
                circuit,
                turn,
            },
            Next::Disable(why) => Ended {
                expected_at: None,
                next_due_at: None,
                attempts: work.attempts.saturating_add(1),
                activity: work.activity,
                end: CycleEnd::Failed(why),
                circuit,
                turn,
            },
        }
    }

    async fn signal(&self, ports: &Ports, work: &DueWork, signal: Signal, now: Instant) -> (Circuit, Turn) {
        let key = (work.profile, work.workload);
        if matches!(signal, Signal::Failed(_)) {
            locked(&self.closed).remove(&key);
        } else if locked(&self.closed).contains(&key) {
            return (Circuit::default(), Turn::Same);
        }
        match ports.storage.signal(work.profile, work.workload, work.mailbox, signal, now).await {
            Ok((circuit, turn)) => {
                if circuit == Circuit::default() {
                    locked(&self.closed).insert(key);
                }
                (circuit, turn)
            }
            Err(error) => {
                tracing::warn!("The circuit of profile {} is not kept: {error}", work.profile);
                (Circuit::default(), Turn::Same)
            }
        }
    }

    /// Another process may have had the data folder in between.
    pub fn forget_circuits(&self) {
        locked(&self.closed).clear();
    }

    /// Keeps ends that could not be recorded until storage takes them.
    pub fn keep(&self, reports: &[CycleReport], error: &StorageError) {
        tracing::warn!("The ends of {} cycles are not recorded yet: {error}", reports.len());
        locked(&self.unrecorded).extend_from_slice(reports);
    }

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

    /// Whether some ends could not be recorded yet.
    pub fn has_unrecorded(&self) -> bool {
        !locked(&self.unrecorded).is_empty()
    }

    /// Tries once more to record what could not be recorded. Says whether all is recorded.
    pub async fn flush(&self, ports: &Ports) -> bool {
        let waiting = std::mem::take(&mut *locked(&self.unrecorded));
        for report in waiting {
            self.record(ports, report).await;
        }
        locked(&self.unrecorded).is_empty()
    }

    async fn alert(
        &self,
        ports: &Ports,
        work: &DueWork,
        ended: &Ended,
        now: Instant,
    ) -> Result<(), StorageError> {
        // A server that is well and was well before says nothing new.
        let news = ended.turn != Turn::Same || !locked(&self.well).contains(&work.profile);
        let mut other = None;
        for workload in Workload::ALL.into_iter().filter(|other| news && *other != work.workload) {
            let circuit = ports.storage.circuit(work.profile, workload).await?;
            other = other.or(circuit.outage.map(|outage| outage.why.code));
        }
        let mut changes = changes(work, ended, other);
        changes.extend(self.mended(work, ended, other));
        for change in changes {
            match change {
                Change::Raise(alert) => ports.storage.raise(alert, now).await?,
                Change::Clear(object, code) => ports.storage.clear(object, code, now).await?,
            }
        }
        Ok(())
    }

    /// What a success ends besides: faults of this computer, and what an earlier run of the program left open.
    fn mended(&self, work: &DueWork, ended: &Ended, other: Option<FailureCode>) -> Vec<Change> {
        let profile = AlertObject::Profile(work.profile);
        if let Some(failure) = ended.failure() {
            if is_local(failure.code) {
                locked(&self.local).entry(work.profile).or_default().insert(failure.code);
            }
            return Vec::new();
        }
        let mut changes: Vec<Change> = locked(&self.local)
            .remove(&work.profile)
            .unwrap_or_default()
            .into_iter()
            .map(|code| Change::Clear(profile, Some(AlertCode::Failure(code))))
            .collect();
        let is_well = ended.circuit == Circuit::default() && other.is_none();
        if is_well && locked(&self.well).insert(work.profile) {
            changes.push(Change::Clear(profile, None));
        }
        changes
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

/// How often the workload runs.
pub(super) fn rhythm(work: &DueWork, prepared: Option<&Prepared>, settings: &OrganizationSettings) -> Rhythm {
    Rhythm {
        policy: settings.frequency,
        fixed_minutes: settings.cycle_interval_minutes,
        min_polling_interval_minutes: prepared.map_or(0, |one| one.profile.min_polling_interval_minutes),
        mailbox: work.mailbox,
        workload: work.workload,
        with_incoming: prepared
            .is_some_and(|one| one.mailbox.method(Workload::Incoming) == DeliveryMethod::ServerSideSync),
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
