//! `cycle`: the latest cycles of each workload. Those that find nothing one after the other are one row; while they go on,
//! `history` has their end and how many they are.

use crate::{
    codec::{instant, ms, word},
    failure_json::{opt_failure, opt_failure_json},
    port::FailedCycle,
    view::CycleEntry,
};
use rusqlite::{Connection, OptionalExtension, params};
use tandem_domain::{
    Instant,
    ids::{CycleId, MailboxId, ProfileId},
    workload::Workload,
};
use tandem_engine::ports::storage::CycleReport;

/// How many cycles of one workload are kept, and some more until the next look for those that are too old.
const KEPT: u32 = 200;
/// One cycle in so many looks for them. Which ones does not depend on how many mailboxes take turns: their ids are random.
const FORGETS: u8 = 16;

/// A cycle that started later than this, in minutes, after the one before is told by itself: nothing ran meanwhile.
const PAUSE_MINUTES: i64 = 60;

/// When the cycle before it must have ended at the earliest, for one that found nothing to be told together with it.
pub(crate) fn quiet_since(report: &CycleReport) -> i64 {
    ms(report.started_at - chrono::Duration::minutes(PAUSE_MINUTES))
}

/// Adds a cycle, and now and then forgets the oldest. The row in which it stands.
pub(crate) fn insert(connection: &Connection, report: &CycleReport) -> rusqlite::Result<i64> {
    let (mailbox, workload) = (report.mailbox.0, report.workload.as_str());
    let mut insert = connection.prepare_cached(
        "INSERT INTO cycle (id, mailbox, workload, started_at, ended_at, items, failure)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    insert.execute(params![
        report.cycle.0,
        mailbox,
        workload,
        ms(report.started_at),
        ms(report.ended_at),
        report.items,
        opt_failure_json(report.failure.as_ref()),
    ])?;
    let row = connection.last_insert_rowid();
    if report.cycle.0.as_bytes().last().is_none_or(|byte| byte % FORGETS == 0) {
        let mut forget = connection.prepare_cached(
            "DELETE FROM cycle WHERE mailbox = ?1 AND workload = ?2 AND row <= (
                SELECT row FROM cycle WHERE mailbox = ?1 AND workload = ?2 ORDER BY row DESC LIMIT 1 OFFSET ?3)",
        )?;
        forget.execute(params![mailbox, workload, KEPT])?;
    }
    Ok(row)
}

/// The row of so many cycles that found nothing is complete: the last of them ended then.
pub(crate) fn complete(
    connection: &Connection,
    row: i64,
    cycles: i64,
    ended_at: i64,
) -> rusqlite::Result<()> {
    let mut update =
        connection.prepare_cached("UPDATE cycle SET cycles = ?2, ended_at = ?3 WHERE row = ?1")?;
    update.execute(params![row, cycles, ended_at])?;
    Ok(())
}

/// The failed cycles that ended after an instant, with the profiles that their mailboxes have now.
pub(crate) fn failed_since(connection: &Connection, since: Instant) -> rusqlite::Result<Vec<FailedCycle>> {
    let mut select = connection.prepare_cached(
        "SELECT mailbox.profile, cycle.mailbox, cycle.ended_at FROM cycle JOIN mailbox ON mailbox.id = cycle.mailbox
         WHERE cycle.failure IS NOT NULL AND cycle.ended_at > ?1 AND mailbox.profile IS NOT NULL",
    )?;
    let found = select.query_map([ms(since)], |row| {
        Ok(FailedCycle {
            profile: ProfileId(row.get("profile")?),
            mailbox: MailboxId(row.get("mailbox")?),
            ended_at: instant(row, "ended_at")?,
        })
    })?;
    found.collect()
}

/// The latest cycles of a mailbox, those that ended last first.
pub(crate) fn latest(
    connection: &Connection,
    mailbox: MailboxId,
    limit: u32,
) -> rusqlite::Result<Vec<CycleEntry>> {
    let mut select = connection.prepare_cached(
        "SELECT cycle.id, cycle.workload, cycle.started_at, cycle.items, cycle.failure,
            coalesce(history.ended_at, cycle.ended_at) AS ended_at,
            coalesce(history.quiet_cycles, cycle.cycles) AS cycles
         FROM cycle LEFT JOIN history ON history.owner = ?1 AND history.quiet_row = cycle.row
         WHERE cycle.mailbox = ?1
         ORDER BY ended_at DESC, cycle.row DESC LIMIT ?2",
    )?;
    let found = select.query_map(params![mailbox.0, limit], |row| {
        Ok(CycleEntry {
            cycle: CycleId(row.get("id")?),
            workload: word(row, "workload", Workload::from_word)?,
            started_at: instant(row, "started_at")?,
            ended_at: instant(row, "ended_at")?,
            items: row.get("items")?,
            cycles: row.get("cycles")?,
            failure: opt_failure(row, "failure")?,
        })
    })?;
    found.collect()
}

/// When the first cycle of a mailbox that is still kept started, at or after this instant; where several are kept
/// together, that instant itself.
pub(crate) fn first_since(
    connection: &Connection,
    mailbox: MailboxId,
    since: Instant,
) -> rusqlite::Result<Option<Instant>> {
    let mut select = connection.prepare_cached(
        "SELECT max(cycle.started_at, ?2) AS started_at
         FROM cycle LEFT JOIN history ON history.owner = ?1 AND history.quiet_row = cycle.row
         WHERE cycle.mailbox = ?1 AND (cycle.started_at >= ?2
            OR coalesce(history.quiet_cycles, cycle.cycles) > 1
                AND coalesce(history.ended_at, cycle.ended_at) >= ?2)
         ORDER BY cycle.row LIMIT 1",
    )?;
    select.query_row(params![mailbox.0, ms(since)], |row| instant(row, "started_at")).optional()
}
