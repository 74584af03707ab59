//! `history_hour`: what the cycles of a workload did in an hour. Kept for as many days as the setting says.

use crate::{
    codec::{opt_address, unexpected, word},
    view::{HistoryFilter, HistoryHour, HistoryOf, HourSum},
};
use chrono::DateTime;
use rusqlite::{Connection, Row, params};
use tandem_domain::{Instant, ids::MailboxId, workload::Workload};
use tandem_engine::ports::storage::CycleReport;
use uuid::Uuid;

const HOUR_MS: i64 = 3_600_000;

/// The hour of an instant, counted since 1970.
pub(crate) const fn hour_of(at: Instant) -> i64 {
    at.timestamp_millis().div_euclid(HOUR_MS)
}

/// The oldest hour that is kept.
pub(crate) fn oldest_kept(connection: &Connection, now: Instant) -> rusqlite::Result<i64> {
    let mut select = connection.prepare_cached("SELECT history_days FROM organization")?;
    let days: i64 = select.query_row([], |row| row.get(0))?;
    Ok(hour_of(now).saturating_sub(days.saturating_mul(24)))
}

/// What cycles of one hour add to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Added {
    cycles: i64,
    failures: i64,
    items: i64,
    took_ms: i64,
}

impl Added {
    /// What one cycle adds.
    pub(crate) fn of(report: &CycleReport) -> Self {
        Self {
            cycles: 1,
            failures: report.failure.is_some().into(),
            items: report.items.into(),
            took_ms: (report.ended_at - report.started_at).num_milliseconds().max(0),
        }
    }

    /// Both together.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            cycles: self.cycles.saturating_add(other.cycles),
            failures: self.failures.saturating_add(other.failures),
            items: self.items.saturating_add(other.items),
            took_ms: self.took_ms.saturating_add(other.took_ms),
        }
    }
}

/// Adds cycles to their hour. With the first of an hour, the hours of the same workload that are too old are forgotten.
pub(crate) fn add(
    connection: &Connection,
    history: i64,
    hour: i64,
    added: Added,
    oldest: i64,
) -> rusqlite::Result<()> {
    let Added { cycles, failures, items, took_ms } = added;
    let mut update = connection.prepare_cached(
        "UPDATE history_hour SET cycles = cycles + ?3, failures = failures + ?4, items = items + ?5,
            took_ms = took_ms + ?6 WHERE history = ?1 AND hour = ?2",
    )?;
    if update.execute(params![history, hour, cycles, failures, items, took_ms])? > 0 {
        return Ok(());
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO history_hour (history, hour, cycles, failures, items, took_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    insert.execute(params![history, hour, cycles, failures, items, took_ms])?;
    let mut forget =
        connection.prepare_cached("DELETE FROM history_hour WHERE history = ?1 AND hour < ?2")?;
    forget.execute(params![history, oldest])?;
    Ok(())
}

/// What each workload did since the hour of an instant; without a mailbox, all of them together.
pub(crate) fn sums(
    connection: &Connection,
    since: Instant,
) -> rusqlite::Result<Vec<(Option<MailboxId>, Workload, HourSum)>> {
    let mut select = connection.prepare_cached(
        "SELECT history.mailbox AS mailbox, history.workload AS workload, sum(cycles) AS cycles,
            sum(failures) AS failures, sum(history_hour.items) AS items, sum(took_ms) AS took_ms, min(hour) AS hour
         FROM history JOIN history_hour ON history_hour.history = history.row AND hour >= ?1
         GROUP BY history.row",
    )?;
    let found = select.query_map([hour_of(since)], |row| {
        let mailbox = row.get::<_, Option<Uuid>>("mailbox")?.map(MailboxId);
        let since = start_of(row)?;
        Ok((mailbox, word(row, "workload", Workload::from_word)?, read_sum(row, since)?))
    })?;
    found.collect()
}

/// Tells each hour that passes the filter, the oldest first.
pub(crate) fn each(
    connection: &Connection,
    filter: HistoryFilter,
    mut tell: impl FnMut(HistoryHour),
) -> rusqlite::Result<()> {
    const COLUMNS: &str =
        "SELECT mailbox.email AS email, history.workload AS workload, hour, cycles, failures,
            history_hour.items AS items, took_ms
         FROM history JOIN history_hour ON history_hour.history = history.row
         LEFT JOIN mailbox ON mailbox.id = history.mailbox
         WHERE hour >= ?1 AND hour <= ?2";
    let (from, until) = (hour_of(filter.from), hour_of(filter.until));
    let (which, mailbox) = match filter.of {
        HistoryOf::All => ("AND history.mailbox IS NULL ORDER BY hour, workload", None),
        HistoryOf::Each => ("AND history.mailbox IS NOT NULL ORDER BY email, workload, hour", None),
        HistoryOf::One(mailbox) => ("AND history.mailbox = ?3 ORDER BY hour, workload", Some(mailbox.0)),
    };
    let mut select = connection.prepare_cached(&format!("{COLUMNS} {which}"))?;
    let mut rows = match mailbox {
        Some(mailbox) => select.query(params![from, until, mailbox])?,
        None => select.query(params![from, until])?,
    };
    while let Some(row) = rows.next()? {
        tell(read(row)?);
    }
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<HistoryHour> {
    let since = start_of(row)?;
    Ok(HistoryHour {
        email: opt_address(row, "email")?,
        workload: word(row, "workload", Workload::from_word)?,
        sum: read_sum(row, since)?,
    })
}

fn start_of(row: &Row<'_>) -> rusqlite::Result<Instant> {
    let hour: i64 = row.get("hour")?;
    DateTime::from_timestamp_millis(hour.saturating_mul(HOUR_MS))
        .ok_or_else(|| unexpected("hour", &hour.to_string(), "hour"))
}

fn read_sum(row: &Row<'_>, since: Instant) -> rusqlite::Result<HourSum> {
    Ok(HourSum {
        since,
        cycles: row.get("cycles")?,
        failures: row.get("failures")?,
        items: row.get("items")?,
        took_ms: row.get("took_ms")?,
    })
}
