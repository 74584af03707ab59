//! Mailboxes in which nothing happens: what costs little for one of them is done for thousands, every few minutes.
//!
//! Outgoing mail of which there is nothing to do is looked at in storage, for many mailboxes in one go: no connection, no
//! permit, no lease. And the ends of cycles that found nothing are recorded together. One that is lost in a crash was
//! still leased: it runs again. Whatever a cycle decided is durable before its end, as ever.

use super::{Engine, work::Started};
use crate::{
    access::{Server, with_credentials},
    cycle::CycleOutcome,
    events::EngineEvent,
    ports::{
        quiet::QuietWork,
        storage::{CycleReport, StorageError},
    },
};
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tandem_domain::{Instant, ids::CycleId, schedule::CycleEnd, workload::Workload};
use uuid::Uuid;

/// So many mailboxes are looked at and recorded in one step.
const TOGETHER: u32 = 500;
/// So many that are due at once are in step, and are to be spread.
const CROWD: usize = 32;
/// Where as many are due in one step of this grid, in milliseconds, their next looks are made together, one a step.
const GRID: i64 = 10_000;
/// The longer ends wait, the more of them share a page of the database, and the later they are seen. Each makes the next
/// ones wait for this part of the shortest time, and all of them for so many times that time at most.
const FOR_EACH: u32 = 10;
const LONGEST: u32 = 10;

/// Whether ends may wait for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Haste {
    /// For a moment.
    Wait,
    /// No: somebody waits for them.
    Now,
}

/// Ends that wait to be recorded: not at all where none was recorded lately, and the longer the more there are.
#[derive(Debug)]
pub(super) struct QuietEnds {
    /// The shortest time between two records.
    every: Duration,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    reports: Vec<CycleReport>,
    /// When they are recorded, on the clock that never goes back.
    next_at: Duration,
    /// A step of the grid, how many had nothing to send in it, and how many in the step before.
    looked_at: (i64, usize, usize),
}

impl QuietEnds {
    pub(super) fn every(every: chrono::Duration) -> Self {
        Self { every: every.to_std().unwrap_or_default(), waiting: Mutex::default() }
    }

    /// How long until the next are recorded; `None` when there are none.
    pub(super) fn due_in(&self, now: Duration) -> Option<Duration> {
        let waiting = self.waiting();
        (!waiting.reports.is_empty()).then(|| waiting.next_at.saturating_sub(now))
    }

    /// Those that wait are recorded with the next step of the runner: somebody may be looking.
    pub(super) fn hurry(&self) {
        self.waiting().next_at = Duration::ZERO;
    }

    /// Says whether it is the first to wait.
    fn add(&self, report: CycleReport) -> bool {
        let reports = &mut self.waiting().reports;
        reports.push(report);
        reports.len() == 1
    }

    /// What waits, when it is time, with `more` that are recorded at the same time.
    fn take(&self, haste: Haste, now: Duration, mut more: Vec<CycleReport>) -> Vec<CycleReport> {
        let mut waiting = self.waiting();
        let is_time = haste == Haste::Now || waiting.next_at <= now;
        let is_crowd = more.len() >= CROWD;
        if !is_crowd && (!is_time || waiting.reports.is_empty()) {
            return more;
        }
        more.append(&mut waiting.reports);
        let ends = u32::try_from(more.len()).unwrap_or(u32::MAX);
        waiting.next_at = now + (self.every / FOR_EACH * ends.min(FOR_EACH * LONGEST)).max(self.every);
        more
    }

    /// So many had nothing to send now. Says whether there are so many that their next looks are to be made together.
    fn is_crowd(&self, count: usize, now: Instant) -> bool {
        let step = now.timestamp_millis().div_euclid(GRID);
        let (last, here, before) = &mut self.waiting().looked_at;
        if *last != step {
            *before = if step - *last == 1 { *here } else { 0 };
            (*last, *here) = (step, 0);
        }
        *here += count;
        *here.max(before) >= CROWD
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether nothing came of a cycle but the proof that all is well.
pub(super) fn is_quiet(outcome: &CycleOutcome) -> bool {
    outcome.end == CycleEnd::Completed
        && outcome.items == 0
        && outcome.again_at.is_none()
        && !outcome.awaits_evidence
}

impl Engine {
    /// Keeps the end of a cycle that found nothing for [`Engine::record_quiet`].
    pub(super) fn ended_quietly(&self, report: CycleReport) {
        if self.quiet.add(report) {
            self.wake.notify_one();
        }
    }

    /// Records what waits, when it is time, and says how many ends that were. What storage does not take is tried again with
    /// the other ends.
    pub(super) async fn record_quiet(&self, haste: Haste) -> usize {
        let reports = self.quiet.take(haste, self.ports.clock.monotonic(), Vec::new());
        if reports.is_empty() {
            return 0;
        }
        match self.ports.storage.finish_all(reports.clone()).await {
            Ok(next) => next.into_iter().for_each(|at| self.look_by(at)),
            Err(error) => self.endings.keep(&reports, &error),
        }
        reports.iter().for_each(|report| self.tell_finished(report));
        reports.len()
    }

    /// Does with outgoing mail that is due and of which there is nothing to do. Where something is wrong besides, such as a
    /// password that is not there, it is left to a cycle of its own. Says how many it was.
    pub(super) async fn pass_quiet(&self, now: Instant) -> Result<usize, StorageError> {
        let storage = &self.ports.storage;
        let mut passed = 0;
        loop {
            let QuietWork { settings, due, profiles } = storage.quiet_outgoing(now, TOGETHER).await?;
            if due.is_empty() {
                return Ok(passed);
            }
            let in_step = due.len() >= CROWD;
            let is_crowd = self.quiet.is_crowd(due.len(), now);
            let reaching = due.iter().map(|(work, mailbox)| {
                let profile = profiles.get(&work.profile).cloned();
                Server::of(&self.ports, settings.clone(), mailbox.clone(), profile, Workload::Outgoing)
            });
            let reached = with_credentials(&self.ports, reaching.collect()).await;
            let mut reports = Vec::with_capacity(due.len());
            for ((work, _), prepared) in due.iter().zip(&reached) {
                let Ok(prepared) = prepared else { continue };
                let started = Started { cycle: CycleId(Uuid::new_v4()), at: now, in_step };
                let outcome = CycleOutcome::nothing();
                let mut report = self.concluded(work, started, Some(prepared), &outcome).await;
                if is_crowd {
                    report.next_due_at = report.next_due_at.map(on_grid);
                }
                let CycleReport { mailbox, workload, cycle, .. } = report;
                self.ports.events.emit(EngineEvent::CycleStarted { mailbox, workload, cycle });
                reports.push(report);
            }
            let looked_at = reports.len();
            if looked_at == 0 {
                return Ok(passed);
            }
            let reports = self.quiet.take(Haste::Wait, self.ports.clock.monotonic(), reports);
            let recorded = storage.finish_all(reports.clone()).await;
            if let Err(error) = &recorded {
                // Nobody has a lease on those that were looked at: they are looked at again.
                self.endings.keep(reports.get(looked_at..).unwrap_or_default(), error);
            }
            reports.iter().for_each(|report| self.tell_finished(report));
            recorded?.into_iter().for_each(|at| self.look_by(at));
            passed += looked_at;
            if looked_at < TOGETHER as usize {
                return Ok(passed);
            }
        }
    }

    pub(super) fn tell_finished(&self, report: &CycleReport) {
        self.ports.events.emit(EngineEvent::CycleFinished {
            mailbox: report.mailbox,
            workload: report.workload,
            cycle: report.cycle,
            items: report.items,
            failure: report.failure.clone(),
            next_due_at: report.next_due_at,
        });
    }
}

/// The next instant of the grid.
fn on_grid(at: Instant) -> Instant {
    let ms = at.timestamp_millis();
    let later = (GRID - ms.rem_euclid(GRID)) % GRID;
    at + chrono::Duration::milliseconds(later)
}
