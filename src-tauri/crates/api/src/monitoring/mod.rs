//! Monitoring: what every workload of every mailbox does, found, sorted and paged here, for thousands of them.

mod csv;
mod history;
mod load;
mod next;
mod rows;

use crate::{
    Tandem,
    people::{in_file, of_storage},
    wire::{
        ApiError, ExportMonitoringRequest, Exported, HourView, LoadView, MonitoringPage, MonitoringRequest,
        MonitoringRow, MonitoringTotals, WorkloadKey,
    },
};
use chrono::{Duration, DurationRound};
use history::{hour_view, small};
use rows::Facts;
use std::{cmp::Ordering, collections::HashMap, path::Path};
use tandem_domain::{
    Instant,
    alert::{AlertLevel, AlertObject},
    ids::MailboxId,
    workload::Workload,
};
use tandem_engine::ports::storage::Configuration;
use tandem_store::view::{AlertState, HistoryFilter, HistoryOf, HourSum};

/// Hours that averages and the chart are of.
const HOURS: i64 = 24;
/// Rows of a page, when nobody says, and at most.
const ROWS: u32 = 200;
const MOST_ROWS: u32 = 5_000;
/// Alerts that are counted.
const COUNTED_ALERTS: u32 = 100_000;

const FILTERS: [&str; 5] = ["ok", "late", "stopped", "unproven", "failing"];
const SORTS: [&str; 9] =
    ["late", "name", "workload", "last", "next", "duration", "rate", "waiting", "alerts"];

impl Tandem {
    /// What every workload does: its state, its latest and its next cycle, and what waits.
    ///
    /// # Errors
    /// An unknown filter or order, or storage.
    pub async fn monitoring(&self, request: MonitoringRequest) -> Result<MonitoringPage, ApiError> {
        let sort = known("sort", request.sort.as_deref().unwrap_or("late"), &SORTS)?;
        let filter = match &request.filter {
            Some(word) => Some(known("filter", word, &FILTERS)?),
            None => None,
        };
        let now = self.now();
        let load = self.any_load().await?;
        let (mut rows, mut totals) = self.monitoring_rows(load.as_ref(), now).await?;
        totals.operations_waiting =
            self.store.waiting_tests().await.map_err(|error| of_storage("tests", &error))?;
        let words = request.search.unwrap_or_default().to_lowercase();
        let mailbox = request.mailbox.map(|address| address.to_lowercase());
        rows.retain(|row| {
            filter.is_none_or(|filter| passes(row, filter))
                && mailbox.as_ref().is_none_or(|mailbox| row.mailbox.to_lowercase() == *mailbox)
                && has_words(row, &words)
        });
        rows.sort_by(|a, b| {
            let by = order(sort, a, b);
            if request.descending { by.reverse() } else { by }.then_with(|| name_order(a, b))
        });
        let matching = small(rows.len() as u64);
        let limit = request.limit.unwrap_or(ROWS).min(MOST_ROWS);
        let rows = rows.into_iter().skip(request.offset as usize).take(limit as usize).collect();
        Ok(MonitoringPage { at: now, totals, load, matching, rows, hours: self.last_hours(now).await? })
    }

    /// Saves what Monitoring shows as CSV: every row that passes the filter.
    ///
    /// # Errors
    /// As [`Tandem::monitoring`], and a file that cannot be written.
    pub async fn export_monitoring(&self, request: ExportMonitoringRequest) -> Result<Exported, ApiError> {
        let (mut all, mut offset) = (Vec::new(), 0);
        loop {
            let shown = MonitoringRequest { offset, limit: Some(MOST_ROWS), ..request.shown.clone() };
            let page = self.monitoring(shown).await?;
            offset += small(page.rows.len() as u64);
            let is_last = page.rows.is_empty() || offset >= page.matching;
            all.extend(page.rows);
            if is_last {
                break;
            }
        }
        let text = csv::text(&all).map_err(|error| ApiError::internal(&request.path, &error))?;
        let path = Path::new(&request.path);
        let written = tokio::fs::write(path, text).await;
        written.map_err(|error| in_file("The table cannot be written", path, &error))?;
        Ok(Exported { rows: small(all.len() as u64) })
    }

    /// Every workload that is judged, and the numbers over all of them.
    async fn monitoring_rows(
        &self,
        load: Option<&LoadView>,
        now: Instant,
    ) -> Result<(Vec<MonitoringRow>, MonitoringTotals), ApiError> {
        let failed = |error| of_storage("mailboxes", &error);
        let all = self.store.list_mailboxes().await.map_err(failed)?;
        let profiles = self.store.list_profiles().await.map_err(failed)?;
        let judge = self.judge().await?;
        let settings = self.store.settings().await.map_err(failed)?;
        let waiting = self.store.waiting_mail().await.map_err(failed)?;
        let pulses = self.store.workload_pulses().await.map_err(failed)?;
        let sums = self.store.history_sums(now - Duration::hours(HOURS - 1)).await.map_err(failed)?;
        let of = |keys: &[WorkloadKey]| keys.iter().cloned().collect();
        let facts = Facts {
            now,
            settings,
            waiting,
            pulses: pulses.into_iter().map(|one| ((one.mailbox, one.workload), one)).collect(),
            sums: sums.into_iter().filter_map(|(id, workload, sum)| Some(((id?, workload), sum))).collect(),
            alerts: self.alerts_of_mailboxes().await?,
            listening: load.map(|load| of(&load.listening)).unwrap_or_default(),
            queued: load.map(|load| of(&load.waiting)).unwrap_or_default(),
        };
        let mut totals = MonitoringTotals { alerts: facts.alerts.values().sum(), ..Default::default() };
        let mut rows = Vec::new();
        for shown in &all {
            let profile = profiles.iter().find(|one| Some(one.id) == shown.mailbox.profile);
            let before = rows.len();
            rows.extend(facts.rows(shown, profile, &judge, &mut totals));
            totals.mailboxes += u32::from(rows.len() > before);
        }
        totals.workloads = small(rows.len() as u64);
        Ok((rows, totals))
    }

    /// Open alerts of each mailbox that are no mere information.
    async fn alerts_of_mailboxes(&self) -> Result<HashMap<MailboxId, u32>, ApiError> {
        let open = self.store.list_alerts(AlertState::Open, COUNTED_ALERTS).await;
        let mut found = HashMap::new();
        for alert in open.map_err(|error| of_storage("alerts", &error))? {
            if let AlertObject::Mailbox(id, _) = alert.raised.object
                && alert.raised.level != AlertLevel::Information
            {
                *found.entry(id).or_insert(0) += 1;
            }
        }
        Ok(found)
    }

    /// The last hours of all mailboxes together, without gaps.
    async fn last_hours(&self, now: Instant) -> Result<Vec<HourView>, ApiError> {
        let from = now - Duration::hours(HOURS - 1);
        let filter = HistoryFilter { of: HistoryOf::All, from, until: now };
        let found = self.store.list_history(filter).await.map_err(|error| of_storage("history", &error))?;
        let start = from.duration_trunc(Duration::hours(1)).unwrap_or(from);
        let hours = (0..HOURS).map(|hour| {
            let since = start + Duration::hours(hour);
            let mut sum = HourSum { since, cycles: 0, failures: 0, items: 0, took_ms: 0 };
            for one in found.iter().filter(|one| one.sum.since == since) {
                sum.cycles += one.sum.cycles;
                sum.failures += one.sum.failures;
                sum.items += one.sum.items;
                sum.took_ms += one.sum.took_ms;
            }
            hour_view(None, &sum)
        });
        Ok(hours.collect())
    }
}

fn known<'a>(what: &str, word: &'a str, words: &[&str]) -> Result<&'a str, ApiError> {
    if words.contains(&word) { Ok(word) } else { Err(ApiError::unknown_word(what, word, words)) }
}

fn passes(row: &MonitoringRow, filter: &str) -> bool {
    if filter == "failing" { row.last_error.is_some() } else { row.state == filter }
}

fn has_words(row: &MonitoringRow, words: &str) -> bool {
    if words.is_empty() {
        return true;
    }
    let text = format!("{} {} {}", row.mailbox, row.owner, row.profile.as_deref().unwrap_or_default());
    let text = text.to_lowercase();
    words.split_whitespace().all(|word| text.contains(word))
}

/// The order of a column; what has no value comes last.
fn order(sort: &str, a: &MonitoringRow, b: &MonitoringRow) -> Ordering {
    let last = |a: Option<Instant>, b: Option<Instant>| match (a, b) {
        (Some(a), Some(b)) => a.cmp(&b),
        (a, b) => b.is_some().cmp(&a.is_some()),
    };
    match sort {
        "name" => name_order(a, b),
        "workload" => a.workload.cmp(&b.workload),
        // What happened last comes first, and so does the slowest, the busiest and what has most to do.
        "last" => last(b.last_started, a.last_started).then(Ordering::Equal),
        "next" => last(a.next_due, b.next_due),
        "duration" => b.average_ms.cmp(&a.average_ms),
        "rate" => b.messages_an_hour.total_cmp(&a.messages_an_hour),
        "waiting" => b.waiting.cmp(&a.waiting),
        "alerts" => b.alerts.cmp(&a.alerts),
        _ => rank(a).cmp(&rank(b)).then(last(a.since, b.since)),
    }
}

fn name_order(a: &MonitoringRow, b: &MonitoringRow) -> Ordering {
    let place = |row: &MonitoringRow| Workload::ALL.iter().position(|one| one.as_str() == row.workload);
    a.mailbox.cmp(&b.mailbox).then_with(|| place(a).cmp(&place(b)))
}

/// Worst first.
fn rank(row: &MonitoringRow) -> u8 {
    match row.state.as_str() {
        "stopped" => 0,
        "late" => 1,
        "unproven" => 2,
        _ if row.last_error.is_some() => 3,
        _ => 4,
    }
}
