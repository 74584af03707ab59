//! `cycle`: the latest cycles of each workload.

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

/// Adds a cycle, and now and then forgets the oldest. One that found nothing is added to those before it that did not
/// either: what happened in between stays in sight, and thousands of mailboxes write less.
pub(crate) fn add(connection: &Connection, report: &CycleReport) -> rusqlite::Result<()> {
    let (mailbox, workload) = (report.mailbox.0, report.workload.as_str());
    if report.items == 0 && report.failure.is_none() && report.expected_at.is_some() {
        let mut extend = connection.prepare_cached(
            "UPDATE cycle SET ended_at = ?3, cycles = cycles + 1
             WHERE row = (SELECT max(row) FROM cycle WHERE mailbox = ?1 AND workload = ?2)
                AND items = 0 AND failure IS NULL AND ended_at BETWEEN ?4 AND ?3",
        )?;
        let since = report.started_at - chrono::Duration::minutes(PAUSE_MINUTES);
        if extend.execute(params![mailbox, workload, ms(report.ended_at), ms(since)])? > 0 {
            return Ok(());
        }
    }
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
    if report.cycle.0.as_bytes().last().is_some_and(|byte| byte % FORGETS != 0) {
        return Ok(());
    }
    let mut forget = connection.prepare_cached(
        "DELETE FROM cycle WHERE mailbox = ?1 AND workload = ?2 AND row <= (
            SELECT row FROM cycle WHERE mailbox = ?1 AND workload = ?2 ORDER BY row DESC LIMIT 1 OFFSET ?3)",
    )?;
    forget.execute(params![mailbox, workload, KEPT])?;
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
        "SELECT id, workload, started_at, ended_at, items, failure, cycles FROM cycle WHERE mailbox = ?1
         ORDER BY ended_at DESC, row DESC LIMIT ?2",
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
        "SELECT max(started_at, ?2) AS started_at FROM cycle
         WHERE mailbox = ?1 AND (started_at >= ?2 OR cycles > 1 AND ended_at >= ?2) ORDER BY row LIMIT 1",
    )?;
    select.query_row(params![mailbox.0, ms(since)], |row| instant(row, "started_at")).optional()
}
