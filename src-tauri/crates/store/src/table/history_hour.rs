//! `history_hour`: what the cycles of a workload did in an hour that is over; the one that runs is in `history`. Kept for as
//! many days as the setting says.

use crate::{
    codec::{opt_address, unexpected, word},
    view::{HistoryFilter, HistoryHour, HistoryOf, HourSum},
};
use chrono::DateTime;
use rusqlite::{Connection, OptionalExtension, Row, params};
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
    pub(crate) cycles: i64,
    pub(crate) failures: i64,
    /// Messages decided, or emails attempted.
    pub(crate) items: i64,
    pub(crate) took_ms: i64,
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

/// Adds an hour that is over.
pub(crate) fn put(connection: &Connection, history: i64, hour: i64, sum: Added) -> rusqlite::Result<()> {
    if sum.cycles == 0 {
        return Ok(());
    }
    let Added { cycles, failures, items, took_ms } = sum;
    let mut insert = connection.prepare_cached(
        "INSERT OR REPLACE INTO history_hour (history, hour, cycles, failures, items, took_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    insert.execute(params![history, hour, cycles, failures, items, took_ms])?;
    Ok(())
}

/// Takes back an hour that goes on; nothing where it is not there.
pub(crate) fn take(connection: &Connection, history: i64, hour: i64) -> rusqlite::Result<Added> {
    let mut delete = connection.prepare_cached(
        "DELETE FROM history_hour WHERE history = ?1 AND hour = ?2 RETURNING cycles, failures, items, took_ms",
    )?;
    let taken = delete.query_row([history, hour], |row| {
        Ok(Added {
            cycles: row.get("cycles")?,
            failures: row.get("failures")?,
            items: row.get("items")?,
            took_ms: row.get("took_ms")?,
        })
    });
    Ok(taken.optional()?.unwrap_or_default())
}

/// Forgets what is older than this hour.
pub(crate) fn forget(connection: &Connection, history: i64, oldest: i64) -> rusqlite::Result<()> {
    let mut forget =
        connection.prepare_cached("DELETE FROM history_hour WHERE history = ?1 AND hour < ?2")?;
    forget.execute([history, oldest])?;
    Ok(())
}

/// What each workload did since the hour of an instant; without a mailbox, all of them together.
pub(crate) fn sums(
    connection: &Connection,
    since: Instant,
) -> rusqlite::Result<Vec<(Option<MailboxId>, Workload, HourSum)>> {
    let mut select = connection.prepare_cached(
        "SELECT history.mailbox AS mailbox, history.workload AS workload,
            coalesce(sum(past.cycles), 0) + iif(history.hour >= ?1, hour_cycles, 0) AS cycles,
            coalesce(sum(past.failures), 0) + iif(history.hour >= ?1, hour_failures, 0) AS failures,
            coalesce(sum(past.items), 0) + iif(history.hour >= ?1, hour_items, 0) AS items,
            coalesce(sum(past.took_ms), 0) + iif(history.hour >= ?1, hour_took_ms, 0) AS took_ms,
            coalesce(min(past.hour), history.hour) AS hour
         FROM history LEFT JOIN history_hour AS past ON past.history = history.row AND past.hour >= ?1
         GROUP BY history.row HAVING count(past.hour) > 0 OR history.hour >= ?1 AND hour_cycles > 0",
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
    let (from, until) = (hour_of(filter.from), hour_of(filter.until));
    let (which, order, mailbox) = match filter.of {
        HistoryOf::All => ("history.mailbox IS NULL", "hour, workload", None),
        HistoryOf::Each => ("history.mailbox IS NOT NULL", "email, workload, hour", None),
        HistoryOf::One(mailbox) => ("history.owner = ?3", "hour, workload", Some(mailbox.0)),
    };
    let mut select = connection.prepare_cached(&format!(
        "SELECT mailbox.email AS email, history.workload AS workload, past.hour AS hour, cycles, failures,
            past.items AS items, took_ms
         FROM history JOIN history_hour AS past ON past.history = history.row
         LEFT JOIN mailbox ON mailbox.id = history.mailbox
         WHERE past.hour BETWEEN ?1 AND ?2 AND {which}
         UNION ALL
         SELECT mailbox.email, workload, hour, hour_cycles, hour_failures, hour_items, hour_took_ms
         FROM history LEFT JOIN mailbox ON mailbox.id = history.mailbox
         WHERE hour BETWEEN ?1 AND ?2 AND hour_cycles > 0 AND {which}
         ORDER BY {order}"
    ))?;
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
