//! `history`: the latest cycle of each workload, and the rows that its hours belong to.

use super::history_hour::{self, Added, hour_of};
use crate::{
    codec::{instant, ms, word},
    view::{LatestCycle, WorkloadPulse},
};
use rusqlite::{Connection, Row, params};
use std::collections::BTreeMap;
use tandem_domain::{frequency::Activity, ids::MailboxId, workload::Workload};
use tandem_engine::ports::storage::CycleReport;

/// Adds cycles that were recorded together to the history of their workloads and of all mailboxes, and forgets hours that
/// are too old.
pub(crate) fn add(connection: &Connection, reports: &[CycleReport]) -> rusqlite::Result<()> {
    let Some(last) = reports.last() else { return Ok(()) };
    let oldest = history_hour::oldest_kept(connection, last.ended_at)?;
    let mut of_all: BTreeMap<(&str, i64), (&CycleReport, Added)> = BTreeMap::new();
    for report in reports {
        let (hour, added) = (hour_of(report.ended_at), Added::of(report));
        let row = put(connection, Some(report.mailbox), report)?;
        history_hour::add(connection, row, hour, added, oldest)?;
        let sum = of_all.entry((report.workload.as_str(), hour)).or_insert((report, Added::default()));
        *sum = (report, sum.1.and(added));
    }
    for ((_, hour), (latest, added)) in of_all {
        let row = put(connection, None, latest)?;
        history_hour::add(connection, row, hour, added, oldest)?;
    }
    Ok(())
}

fn put(connection: &Connection, mailbox: Option<MailboxId>, report: &CycleReport) -> rusqlite::Result<i64> {
    let mut upsert = connection.prepare_cached(
        "INSERT INTO history (mailbox, workload, started_at, ended_at, items, failed)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (coalesce(mailbox, x''), workload) DO UPDATE
            SET started_at = ?3, ended_at = ?4, items = ?5, failed = ?6
         RETURNING row",
    )?;
    let values = params![
        mailbox.map(|mailbox| mailbox.0),
        report.workload.as_str(),
        ms(report.started_at),
        ms(report.ended_at),
        report.items,
        report.failure.is_some(),
    ];
    upsert.query_row(values, |row| row.get(0))
}

/// What every workload did last, what it found lately, and what waits for it.
pub(crate) fn pulses(connection: &Connection) -> rusqlite::Result<Vec<WorkloadPulse>> {
    let mut select = connection.prepare_cached(
        "SELECT schedule.mailbox AS mailbox, schedule.workload AS workload, schedule.busy_cycles, schedule.idle_cycles,
            history.started_at, history.ended_at, history.items, history.failed
         FROM schedule LEFT JOIN history ON coalesce(history.mailbox, x'') = schedule.mailbox
            AND history.workload = schedule.workload
         ORDER BY schedule.mailbox",
    )?;
    select.query_map([], read)?.collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<WorkloadPulse> {
    let latest = match row.get::<_, Option<i64>>("started_at")? {
        Some(_) => Some(LatestCycle {
            started_at: instant(row, "started_at")?,
            ended_at: instant(row, "ended_at")?,
            items: row.get("items")?,
            has_failed: row.get("failed")?,
        }),
        None => None,
    };
    Ok(WorkloadPulse {
        mailbox: MailboxId(row.get("mailbox")?),
        workload: word(row, "workload", Workload::from_word)?,
        activity: Activity { busy_cycles: row.get("busy_cycles")?, idle_cycles: row.get("idle_cycles")? },
        latest,
    })
}
