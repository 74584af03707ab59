//! One row of Monitoring: a workload with its latest and its next cycle.

use super::{
    history::{average_ms, small},
    next::{Standing, next},
};
use crate::{
    judge::Judge,
    people::failure_sentence,
    views::judged,
    wire::{MonitoringRow, MonitoringTotals, WorkloadKey},
};
use std::collections::{HashMap, HashSet};
use tandem_domain::{
    Instant, health::HealthStatus, ids::MailboxId, profile::EmailServerProfile,
    settings::OrganizationSettings, workload::Workload,
};
use tandem_store::view::{self, HourSum, WaitingMail, WorkloadPulse};

/// What all rows are made from.
pub(super) struct Facts {
    pub(super) now: Instant,
    pub(super) settings: OrganizationSettings,
    pub(super) waiting: HashMap<MailboxId, WaitingMail>,
    pub(super) pulses: HashMap<(MailboxId, Workload), WorkloadPulse>,
    pub(super) sums: HashMap<(MailboxId, Workload), HourSum>,
    pub(super) alerts: HashMap<MailboxId, u32>,
    pub(super) listening: HashSet<WorkloadKey>,
    /// What was claimed and waits for a permit: its lease is no proof that it runs.
    pub(super) queued: HashSet<WorkloadKey>,
}

impl Facts {
    /// The rows of a mailbox; adds them to the totals.
    pub(super) fn rows(
        &self,
        shown: &view::MailboxView,
        profile: Option<&EmailServerProfile>,
        judge: &Judge,
        totals: &mut MonitoringTotals,
    ) -> Vec<MonitoringRow> {
        let waiting = self.waiting.get(&shown.mailbox.id).copied().unwrap_or_default();
        totals.emails_pending += waiting.pending;
        totals.emails_held += waiting.held;
        totals.messages_owed += waiting.owed;
        let row = |row| self.row(shown, row, profile, judge, waiting, totals);
        shown.workloads.iter().filter_map(row).collect()
    }

    fn row(
        &self,
        shown: &view::MailboxView,
        row: &view::WorkloadView,
        profile: Option<&EmailServerProfile>,
        judge: &Judge,
        waiting: WaitingMail,
        totals: &mut MonitoringTotals,
    ) -> Option<MonitoringRow> {
        let mailbox = judged(shown);
        let workload = row.workload;
        let health = judge.workload(shown, &mailbox, profile, workload, self.now)?;
        let key = (mailbox.id, workload);
        let name = WorkloadKey { mailbox_id: mailbox.id.to_string(), workload: workload.as_str().to_owned() };
        let pulse = self.pulses.get(&key);
        let latest = pulse.and_then(|pulse| pulse.latest);
        let runs = judge.engine_runs() && row.running_until.is_some() && !self.queued.contains(&name);
        let circuit = profile.and_then(|profile| judge.circuit(profile.id, workload));
        let last_failed = latest.is_some_and(|cycle| cycle.has_failed);
        let standing = Standing {
            mailbox: &mailbox,
            profile,
            row,
            circuit,
            settings: &self.settings,
            activity: pulse.map(|pulse| pulse.activity).unwrap_or_default(),
            last_failed,
            waiting,
            engine_runs: judge.engine_runs(),
            runs,
            listens: self.listening.contains(&name),
        };
        let (next_due, next_why) = next(&standing, self.now);
        let last_error = row
            .last_failure
            .as_ref()
            .filter(|_| last_failed || health.status == HealthStatus::Stopped)
            .map(|failure| failure_sentence(mailbox.email.as_str(), failure));
        let queued = row.is_processed
            && !runs
            && circuit.is_none_or(|circuit| circuit.outage.is_none())
            && row.next_due_at.is_some_and(|due| due <= self.now);
        count(totals, health.status, workload, last_error.is_some(), queued);
        let sum = self.sums.get(&key);
        Some(MonitoringRow {
            mailbox: mailbox.email.to_string(),
            owner: shown.owner_name.clone(),
            profile: shown.profile_name.clone(),
            workload: workload.as_str().to_owned(),
            state: health.status.as_str().to_owned(),
            since: health.since,
            why: health.why,
            running: runs,
            last_started: latest.map(|cycle| cycle.started_at),
            last_took_ms: latest
                .map(|cycle| cycle.ended_at - cycle.started_at)
                .map(|took| small(took.num_milliseconds().max(0).unsigned_abs())),
            last_items: latest.map(|cycle| cycle.items),
            last_error,
            next_due,
            next_why,
            average_ms: sum.and_then(average_ms),
            cycles_24h: sum.map_or(0, |sum| small(sum.cycles)),
            failures_24h: sum.map_or(0, |sum| small(sum.failures)),
            messages_24h: sum.map_or(0, |sum| small(sum.items)),
            messages_an_hour: sum.map_or(0.0, |sum| an_hour(sum, self.now)),
            waiting: match workload {
                Workload::Incoming => waiting.owed,
                Workload::Outgoing => waiting.pending,
                Workload::Act => 0,
            },
            alerts: self.alerts.get(&mailbox.id).copied().unwrap_or(0),
        })
    }
}

fn count(
    totals: &mut MonitoringTotals,
    status: HealthStatus,
    workload: Workload,
    is_failing: bool,
    is_queued: bool,
) {
    match status {
        HealthStatus::Ok => totals.ok += 1,
        HealthStatus::Late => totals.late += 1,
        HealthStatus::Stopped => totals.stopped += 1,
        HealthStatus::Unproven => totals.unproven += 1,
    }
    totals.failing += u32::from(is_failing);
    match workload {
        Workload::Outgoing => totals.outgoing_waiting += u32::from(is_queued),
        Workload::Incoming | Workload::Act => totals.incoming_waiting += u32::from(is_queued),
    }
}

/// Messages an hour, to a tenth, since the start of the first hour in which a cycle ended.
fn an_hour(sum: &HourSum, now: Instant) -> f64 {
    let minutes = (now - sum.since).num_minutes().clamp(60, 24 * 60);
    let tenths = sum.items.saturating_mul(600) / minutes.unsigned_abs().max(1);
    f64::from(small(tenths)) / 10.0
}
