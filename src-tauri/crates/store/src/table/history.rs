//! `history`: the latest cycle of each workload and the hour in which it was, and the rows that the hours before belong to.

use super::{
    cycle,
    history_hour::{self, Added, hour_of},
};
use crate::{
    codec::{instant, ms, word},
    view::{LatestCycle, WorkloadPulse},
};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::BTreeMap;
use tandem_domain::{frequency::Activity, ids::MailboxId, workload::Workload};
use tandem_engine::ports::storage::CycleReport;

/// How the history of a workload stands.
#[derive(Debug, Default)]
struct Running {
    row: Option<i64>,
    ended_at: i64,
    hour: i64,
    in_hour: Added,
    quiet: Option<QuietRun>,
}

/// Cycles that found nothing, up to the latest.
#[derive(Debug, Clone, Copy)]
struct QuietRun {
    /// Their row of `cycle`.
    row: i64,
    cycles: i64,
}

/// Adds cycles that were recorded together to the cycles and hours of their workloads and to the hours of all mailboxes,
/// and forgets those that are too old.
pub(crate) fn add(connection: &Connection, reports: &[CycleReport]) -> rusqlite::Result<()> {
    let Some(last) = reports.last() else { return Ok(()) };
    let oldest = history_hour::oldest_kept(connection, last.ended_at)?;
    let mut of_all: BTreeMap<(&str, i64), (&CycleReport, Added)> = BTreeMap::new();
    for report in reports {
        let (hour, added) = (hour_of(report.ended_at), Added::of(report));
        if !goes_on(connection, report, hour, added)? {
            let before = running(connection, Some(report.mailbox), report)?;
            let quiet = add_cycle(connection, report, &before)?;
            put(connection, Some(report.mailbox), report, &before, quiet, (hour, added), oldest)?;
        }
        let sum = of_all.entry((report.workload.as_str(), hour)).or_insert((report, Added::default()));
        *sum = (report, sum.1.and(added));
    }
    for ((_, hour), (latest, added)) in of_all {
        let before = running(connection, None, latest)?;
        put(connection, None, latest, &before, None, (hour, added), oldest)?;
    }
    Ok(())
}

fn is_quiet(report: &CycleReport) -> bool {
    report.items == 0 && report.failure.is_none() && report.expected_at.is_some()
}

/// The statement of [`goes_on`].
const GOES_ON: &str = "UPDATE history SET started_at = ?3, ended_at = ?4, quiet_cycles = quiet_cycles + 1,
            hour_cycles = hour_cycles + 1, hour_took_ms = hour_took_ms + ?5
         WHERE owner = ?1 AND workload = ?2 AND hour = ?6 AND quiet_row IS NOT NULL AND ended_at BETWEEN ?7 AND ?4";

/// What nearly every cycle of an idle mailbox is, in one step: one more that found nothing, in the same hour. Says whether
/// it was.
fn goes_on(connection: &Connection, report: &CycleReport, hour: i64, added: Added) -> rusqlite::Result<bool> {
    if !is_quiet(report) {
        return Ok(false);
    }
    let mut update = connection.prepare_cached(GOES_ON)?;
    let updated = update.execute(params![
        report.mailbox.0,
        report.workload.as_str(),
        ms(report.started_at),
        ms(report.ended_at),
        added.took_ms,
        hour,
        cycle::quiet_since(report),
    ])?;
    Ok(updated > 0)
}

/// Adds the cycle itself. One that found nothing is added to those before it that did not either: what happened in
/// between stays in sight, and thousands of mailboxes write less.
fn add_cycle(
    connection: &Connection,
    report: &CycleReport,
    before: &Running,
) -> rusqlite::Result<Option<QuietRun>> {
    if let Some(QuietRun { row, cycles }) = before.quiet {
        if is_quiet(report) && (cycle::quiet_since(report)..=ms(report.ended_at)).contains(&before.ended_at) {
            return Ok(Some(QuietRun { row, cycles: cycles.saturating_add(1) }));
        }
        cycle::complete(connection, row, cycles, before.ended_at)?;
    }
    let row = cycle::insert(connection, report)?;
    Ok(is_quiet(report).then_some(QuietRun { row, cycles: 1 }))
}

fn running(
    connection: &Connection,
    mailbox: Option<MailboxId>,
    report: &CycleReport,
) -> rusqlite::Result<Running> {
    let mut select = connection.prepare_cached(
        "SELECT row, ended_at, hour, hour_cycles, hour_failures, hour_items, hour_took_ms, quiet_row, quiet_cycles
         FROM history WHERE owner = coalesce(?1, x'') AND workload = ?2",
    )?;
    let found = select.query_row(params![mailbox.map(|one| one.0), report.workload.as_str()], |row| {
        let cycles = row.get("quiet_cycles")?;
        Ok(Running {
            row: row.get("row")?,
            ended_at: row.get("ended_at")?,
            hour: row.get("hour")?,
            in_hour: Added {
                cycles: row.get("hour_cycles")?,
                failures: row.get("hour_failures")?,
                items: row.get("hour_items")?,
                took_ms: row.get("hour_took_ms")?,
            },
            quiet: row.get::<_, Option<i64>>("quiet_row")?.map(|row| QuietRun { row, cycles }),
        })
    });
    Ok(found.optional()?.unwrap_or_default())
}

/// Writes the latest cycle. With the first of an hour, the hour before goes where all the others are.
fn put(
    connection: &Connection,
    mailbox: Option<MailboxId>,
    report: &CycleReport,
    before: &Running,
    quiet: Option<QuietRun>,
    (hour, added): (i64, Added),
    oldest: i64,
) -> rusqlite::Result<()> {
    let mut in_hour = added;
    if hour == before.hour {
        in_hour = before.in_hour.and(added);
    } else if let Some(row) = before.row {
        history_hour::put(connection, row, before.hour, before.in_hour)?;
        // A clock that was set back comes to an hour again.
        in_hour = history_hour::take(connection, row, hour)?.and(added);
        history_hour::forget(connection, row, oldest)?;
    }
    let mut upsert = connection.prepare_cached(
        "INSERT INTO history (owner, workload, row, started_at, ended_at, items, failed, hour, hour_cycles, hour_failures,
            hour_items, hour_took_ms, quiet_row, quiet_cycles)
         VALUES (coalesce(?1, x''), ?2, (SELECT coalesce(max(row), 0) + 1 FROM history),
            ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
         ON CONFLICT (owner, workload) DO UPDATE
            SET started_at = ?3, ended_at = ?4, items = ?5, failed = ?6, hour = ?7, hour_cycles = ?8,
                hour_failures = ?9, hour_items = ?10, hour_took_ms = ?11, quiet_row = ?12, quiet_cycles = ?13",
    )?;
    upsert.execute(params![
        mailbox.map(|mailbox| mailbox.0),
        report.workload.as_str(),
        ms(report.started_at),
        ms(report.ended_at),
        report.items,
        report.failure.is_some(),
        hour,
        in_hour.cycles,
        in_hour.failures,
        in_hour.items,
        in_hour.took_ms,
        quiet.map(|run| run.row),
        quiet.map_or(0, |run| run.cycles),
    ])?;
    Ok(())
}

/// What every workload did last, what it found lately, and what waits for it.
pub(crate) fn pulses(connection: &Connection) -> rusqlite::Result<Vec<WorkloadPulse>> {
    let mut select = connection.prepare_cached(
        "SELECT schedule.mailbox AS mailbox, schedule.workload AS workload, schedule.busy_cycles, schedule.idle_cycles,
            history.started_at, history.ended_at, history.items, history.failed
         FROM schedule LEFT JOIN history ON history.owner = schedule.mailbox
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

#[cfg(test)]
mod tests {
    use super::GOES_ON;
    use crate::table::testing::plan;

    #[test]
    fn a_cycle_that_finds_nothing_changes_its_workloads_row_and_looks_for_no_other() {
        assert_eq!(plan(GOES_ON), ["SEARCH history USING PRIMARY KEY (owner=? AND workload=?)"]);
    }
}
