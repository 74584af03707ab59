//! `test_job_batch`: when the mailboxes of a job are tested.

use crate::{
    codec::{instant, ms, opt_instant},
    view::TestBatchView,
};
use rusqlite::{Connection, OptionalExtension, params};
use tandem_domain::{
    Instant,
    test_plan::{BatchRules, moved},
};

/// Adds a batch.
pub(crate) fn insert(
    connection: &Connection,
    job: i64,
    number: u32,
    due_at: Instant,
) -> rusqlite::Result<()> {
    let mut insert =
        connection.prepare_cached("INSERT INTO test_job_batch (job, number, due_at) VALUES (?1, ?2, ?3)")?;
    insert.execute(params![job, number, ms(due_at)])?;
    Ok(())
}

/// The highest number so far; 0 without any.
pub(crate) fn last_number(connection: &Connection, job: i64) -> rusqlite::Result<u32> {
    connection.query_row("SELECT coalesce(max(number), 0) FROM test_job_batch WHERE job = ?1", [job], |row| {
        row.get(0)
    })
}

/// Starts the batches that are due, the earliest first; each moves the later ones away, so that overdue batches do
/// not start together. How many were started.
pub(crate) fn start_due(
    connection: &Connection,
    job: i64,
    rules: BatchRules,
    now: Instant,
) -> rusqlite::Result<u32> {
    let mut started = 0;
    while let Some(number) = next_due(connection, job, now)? {
        connection.execute(
            "UPDATE test_job_batch SET started_at = ?3 WHERE job = ?1 AND number = ?2",
            params![job, number, ms(now)],
        )?;
        move_later(connection, job, number, rules, now)?;
        started += 1;
    }
    Ok(started)
}

fn next_due(connection: &Connection, job: i64, now: Instant) -> rusqlite::Result<Option<u32>> {
    let mut select = connection.prepare_cached(
        "SELECT number FROM test_job_batch WHERE job = ?1 AND started_at IS NULL AND due_at <= ?2
         ORDER BY due_at, number LIMIT 1",
    )?;
    select.query_row(params![job, ms(now)], |row| row.get(0)).optional()
}

fn move_later(
    connection: &Connection,
    job: i64,
    number: u32,
    rules: BatchRules,
    now: Instant,
) -> rusqlite::Result<()> {
    let mut select = connection.prepare_cached(
        "SELECT number, due_at FROM test_job_batch WHERE job = ?1 AND number > ?2 AND started_at IS NULL",
    )?;
    let later: Vec<(u32, Instant)> = select
        .query_map(params![job, number], |row| Ok((row.get("number")?, instant(row, "due_at")?)))?
        .collect::<Result<_, _>>()?;
    for (other, due_at) in later {
        let due_at = moved(due_at, now, other.saturating_sub(number), rules);
        connection.execute(
            "UPDATE test_job_batch SET due_at = ?3 WHERE job = ?1 AND number = ?2",
            params![job, other, ms(due_at)],
        )?;
    }
    Ok(())
}

/// When the earliest batch with mailboxes that wait is due, of all jobs that run.
pub(crate) fn next_at(connection: &Connection) -> rusqlite::Result<Option<Instant>> {
    let mut select = connection.prepare_cached(
        "SELECT min(batch.due_at) AS due_at FROM test_job AS job JOIN test_job_batch AS batch ON batch.job = job.row
         WHERE job.state = 'running' AND EXISTS (SELECT 1 FROM test_job_item AS item
            WHERE item.job = job.row AND item.batch = batch.number AND item.state = 'waiting')",
    )?;
    select.query_row([], |row| opt_instant(row, "due_at"))
}

/// The batches of a job with how many mailboxes each has, and of how many nothing waits or runs any more.
pub(crate) fn all(connection: &Connection, job: i64) -> rusqlite::Result<Vec<TestBatchView>> {
    let mut select = connection.prepare_cached(
        "SELECT batch.number, batch.due_at, batch.started_at, count(DISTINCT item.position) AS mailboxes,
            count(DISTINCT CASE WHEN item.state IN ('waiting', 'running') THEN item.position END) AS open
         FROM test_job_batch AS batch
         LEFT JOIN test_job_item AS item ON item.job = batch.job AND item.batch = batch.number
         WHERE batch.job = ?1 GROUP BY batch.number ORDER BY batch.number",
    )?;
    let batches = select.query_map([job], |row| {
        let (mailboxes, open): (u32, u32) = (row.get("mailboxes")?, row.get("open")?);
        Ok(TestBatchView {
            number: row.get("number")?,
            due_at: instant(row, "due_at")?,
            started_at: opt_instant(row, "started_at")?,
            mailboxes,
            done: mailboxes.saturating_sub(open),
        })
    })?;
    batches.collect()
}
