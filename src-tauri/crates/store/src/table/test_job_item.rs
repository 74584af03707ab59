//! `test_job_item`: one row for every workload of every mailbox of a job.

use crate::{
    codec::{address, ms, opt_instant, opt_word, rung_from_word, word},
    failure_json::{failure_json, opt_failure},
    query::Conditions,
    view::{TestResultFilter, TestResultView},
};
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};
use tandem_domain::{
    Instant,
    ids::{MailboxId, TestJobId},
    probe::RungName,
    test_job::{TestCounts, TestState},
    test_plan::{PlannedMailbox, SkipReason},
    workload::Workload,
};
use tandem_engine::ports::{
    mail::Cursor,
    test_jobs::{SentTest, TestDone, TestEnd, TestWork},
};

/// Adds the workloads of a mailbox: those to be tested wait for their batch, the others have their reason.
pub(crate) fn insert(
    connection: &Connection,
    job: i64,
    position: u32,
    planned: &PlannedMailbox,
    batch: Option<u32>,
    at: Instant,
) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO test_job_item (job, position, workload, mailbox, address, owner_kind, batch, state,
            skipped_because, ended_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    let tested = planned.tested.iter().map(|workload| (*workload, None));
    let skipped = planned.skipped.iter().map(|(workload, reason)| (*workload, Some(*reason)));
    for (workload, reason) in tested.chain(skipped) {
        let state = if reason.is_some() { TestState::Skipped } else { TestState::Waiting };
        insert.execute(params![
            job,
            position,
            workload.as_str(),
            planned.id.0,
            planned.email.as_str(),
            crate::codec::owner_kind(planned.owner),
            batch.filter(|_| reason.is_none()),
            state.as_str(),
            reason.map(SkipReason::as_str),
            reason.map(|_| ms(at)),
        ])?;
    }
    Ok(())
}

/// Mailboxes of started batches that wait and are tested nowhere, in the plan's order.
pub(crate) fn claimable(
    connection: &Connection,
    job: i64,
    limit: u32,
) -> rusqlite::Result<Vec<(u32, MailboxId)>> {
    let mut select = connection.prepare_cached(
        "SELECT DISTINCT item.batch, item.position, item.mailbox FROM test_job_item AS item
         JOIN test_job_batch AS batch ON batch.job = item.job AND batch.number = item.batch
         WHERE item.job = ?1 AND item.state = 'waiting' AND batch.started_at IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM test_job_item AS other
             WHERE other.mailbox = item.mailbox AND other.state = 'running')
         ORDER BY item.batch, item.position LIMIT ?2",
    )?;
    let found = select
        .query_map(params![job, limit], |row| Ok((row.get("position")?, MailboxId(row.get("mailbox")?))))?;
    found.collect()
}

/// Marks what waits of a mailbox as being tested.
pub(crate) fn claim(
    connection: &Connection,
    (job, id): (i64, TestJobId),
    (position, mailbox): (u32, MailboxId),
    now: Instant,
) -> rusqlite::Result<TestWork> {
    let mut work = TestWork { job: id, mailbox, workloads: Vec::new(), incoming: None, sent: None };
    {
        let mut select = connection.prepare_cached(
            "SELECT workload, state, failure, sent_mark, sent_cursor FROM test_job_item
             WHERE job = ?1 AND position = ?2",
        )?;
        let mut rows = select.query(params![job, position])?;
        while let Some(row) = rows.next()? {
            let workload = word(row, "workload", Workload::from_word)?;
            let state = word(row, "state", TestState::from_word)?;
            match (state, workload) {
                (TestState::Waiting, _) => work.workloads.push(workload),
                (TestState::Succeeded, Workload::Incoming) => work.incoming = Some(Ok(())),
                (TestState::Failed, Workload::Incoming) => {
                    work.incoming = opt_failure(row, "failure")?.map(|failure| Err(failure.code));
                }
                _ => {}
            }
            if let Some(mark) = row.get::<_, Option<String>>("sent_mark")? {
                let cursor = row.get::<_, Option<String>>("sent_cursor")?.map(Cursor);
                work.sent = Some(SentTest { mark, cursor });
            }
        }
    }
    work.workloads.sort();
    let mut update = connection.prepare_cached(
        "UPDATE test_job_item SET state = 'running', started_at = ?3
         WHERE job = ?1 AND position = ?2 AND state = 'waiting'",
    )?;
    update.execute(params![job, position, ms(now)])?;
    Ok(work)
}

/// Keeps the test message that is about to be sent.
pub(crate) fn note_message(
    connection: &Connection,
    job: i64,
    mailbox: MailboxId,
    sent: &SentTest,
) -> rusqlite::Result<()> {
    connection.execute(
        "UPDATE test_job_item SET sent_mark = ?3, sent_cursor = ?4
         WHERE job = ?1 AND mailbox = ?2 AND workload = 'outgoing'",
        params![job, mailbox.0, sent.mark, sent.cursor.as_ref().map(|cursor| &cursor.0)],
    )?;
    Ok(())
}

/// Records the result of what is being tested, or was when the job was cancelled. Its message is no longer looked for.
pub(crate) fn finish(connection: &Connection, job: i64, done: &TestDone) -> rusqlite::Result<usize> {
    let (state, failure, broke_at, because) = match &done.end {
        TestEnd::Succeeded => (TestState::Succeeded, None, None, None),
        TestEnd::Failed { failure, broke_at } => {
            (TestState::Failed, Some(failure_json(failure)), broke_at.map(RungName::as_str), None)
        }
        TestEnd::Skipped(reason) => (TestState::Skipped, None, None, Some(reason.as_str())),
    };
    let mut update = connection.prepare_cached(
        "UPDATE test_job_item SET state = ?4, failure = ?5, broke_at = ?6, skipped_because = ?7, ended_at = ?8,
            sent_mark = NULL, sent_cursor = NULL
         WHERE job = ?1 AND mailbox = ?2 AND workload = ?3 AND state IN ('running', 'cancelled')",
    )?;
    update.execute(params![
        job,
        done.mailbox.0,
        done.workload.as_str(),
        state.as_str(),
        failure,
        broke_at,
        because,
        ms(done.at),
    ])
}

/// What is being tested of a mailbox waits again.
pub(crate) fn release(connection: &Connection, job: i64, mailbox: MailboxId) -> rusqlite::Result<usize> {
    let mut update = connection.prepare_cached(
        "UPDATE test_job_item SET state = 'waiting', started_at = NULL
         WHERE job = ?1 AND mailbox = ?2 AND state = 'running'",
    )?;
    update.execute(params![job, mailbox.0])
}

/// What was being tested waits again, in every job.
pub(crate) fn release_all(connection: &Connection) -> rusqlite::Result<usize> {
    connection
        .execute("UPDATE test_job_item SET state = 'waiting', started_at = NULL WHERE state = 'running'", [])
}

/// What has no result yet is cancelled.
pub(crate) fn cancel(connection: &Connection, job: i64, at: Instant) -> rusqlite::Result<usize> {
    connection.execute(
        "UPDATE test_job_item SET state = 'cancelled', ended_at = ?2
         WHERE job = ?1 AND state IN ('waiting', 'running')",
        params![job, ms(at)],
    )
}

/// Whether a job has workloads without a result.
pub(crate) fn is_open(connection: &Connection, job: i64) -> rusqlite::Result<bool> {
    let mut select = connection.prepare_cached(
        "SELECT 1 FROM test_job_item WHERE job = ?1 AND state IN ('waiting', 'running') LIMIT 1",
    )?;
    Ok(select.query_row([job], |_| Ok(())).optional()?.is_some())
}

/// The mailboxes of which something failed, in the plan's order.
pub(crate) fn failed(connection: &Connection, job: i64) -> rusqlite::Result<Vec<u32>> {
    let mut select = connection.prepare_cached(
        "SELECT DISTINCT position FROM test_job_item WHERE job = ?1 AND state = 'failed' ORDER BY position",
    )?;
    select.query_map([job], |row| row.get(0))?.collect()
}

/// What failed of a mailbox waits again, for this batch.
pub(crate) fn retry(connection: &Connection, job: i64, position: u32, batch: u32) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached(
        "UPDATE test_job_item SET state = 'waiting', batch = ?3, failure = NULL, broke_at = NULL,
            started_at = NULL, ended_at = NULL
         WHERE job = ?1 AND position = ?2 AND state = 'failed'",
    )?;
    update.execute(params![job, position, batch])?;
    Ok(())
}

/// Counts of a job.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) workloads: TestCounts,
    pub(crate) mailboxes: u32,
    pub(crate) open: u32,
    /// Mailboxes without a result, of batches that have started.
    pub(crate) left_started: u32,
    /// Mailboxes tested since the job last began to move.
    pub(crate) tested_since: u32,
}

/// Counts the workloads and mailboxes of a job.
pub(crate) fn tally(connection: &Connection, job: i64, since: Option<Instant>) -> rusqlite::Result<Tally> {
    let mut tally = Tally::default();
    let mut select = connection
        .prepare_cached("SELECT state, count(*) AS many FROM test_job_item WHERE job = ?1 GROUP BY state")?;
    let mut rows = select.query([job])?;
    while let Some(row) = rows.next()? {
        *tally.workloads.of(word(row, "state", TestState::from_word)?) = row.get("many")?;
    }
    let mut select = connection.prepare_cached(
        "SELECT count(*) AS mailboxes, coalesce(sum(open), 0) AS open, coalesce(sum(open AND started), 0) AS left,
            coalesce(sum(NOT open AND tested), 0) AS tested
         FROM (SELECT max(item.state IN ('waiting', 'running')) AS open, max(batch.started_at IS NOT NULL) AS started,
                 max(item.state IN ('succeeded', 'failed') AND item.ended_at >= ?2) AS tested
               FROM test_job_item AS item
               LEFT JOIN test_job_batch AS batch ON batch.job = item.job AND batch.number = item.batch
               WHERE item.job = ?1 GROUP BY item.position)",
    )?;
    let since = since.map_or(i64::MAX, ms);
    select.query_row(params![job, since], |row| {
        tally.mailboxes = row.get("mailboxes")?;
        tally.open = row.get("open")?;
        tally.left_started = row.get("left")?;
        tally.tested_since = row.get("tested")?;
        Ok(())
    })?;
    Ok(tally)
}

/// Results in the plan's order.
pub(crate) fn page(
    connection: &Connection,
    job: i64,
    filter: &TestResultFilter,
    offset: u32,
    limit: u32,
) -> rusqlite::Result<Vec<TestResultView>> {
    let conditions = conditions(job, filter);
    let mut select = connection.prepare(&format!(
        "SELECT position, workload, mailbox, address, owner_kind, batch, state, failure, broke_at, skipped_because,
            started_at, ended_at
         FROM test_job_item {}
         ORDER BY position, CASE workload WHEN 'incoming' THEN 0 WHEN 'outgoing' THEN 1 ELSE 2 END
         LIMIT {limit} OFFSET {offset}",
        conditions.where_clause()
    ))?;
    select.query_map(params_from_iter(conditions.values()), read)?.collect()
}

/// How many results a filter finds.
pub(crate) fn count(connection: &Connection, job: i64, filter: &TestResultFilter) -> rusqlite::Result<u32> {
    let conditions = conditions(job, filter);
    let sql = format!("SELECT count(*) FROM test_job_item {}", conditions.where_clause());
    connection.query_row(&sql, params_from_iter(conditions.values()), |row| row.get(0))
}

/// Workloads of running jobs that wait for their test.
pub(crate) fn count_waiting(connection: &Connection) -> rusqlite::Result<u32> {
    let mut select = connection.prepare_cached(
        "SELECT count(*) FROM test_job JOIN test_job_item ON test_job_item.job = test_job.row
         WHERE test_job.state = 'running' AND test_job_item.state = 'waiting'",
    )?;
    select.query_row([], |row| row.get(0))
}

fn conditions(job: i64, filter: &TestResultFilter) -> Conditions {
    let mut conditions = Conditions::default();
    conditions.add("job = ?", job);
    if let Some(state) = filter.state {
        conditions.add("state = ?", state.as_str().to_owned());
    }
    if !filter.search.is_empty() {
        conditions.add("instr(lower(address), lower(?)) > 0", filter.search.clone());
    }
    conditions
}

fn read(row: &Row<'_>) -> rusqlite::Result<TestResultView> {
    Ok(TestResultView {
        mailbox: MailboxId(row.get("mailbox")?),
        address: address(row, "address")?,
        is_queue: row.get_ref("owner_kind")?.as_str()? == "queue",
        workload: word(row, "workload", Workload::from_word)?,
        batch: row.get("batch")?,
        state: word(row, "state", TestState::from_word)?,
        failure: opt_failure(row, "failure")?,
        broke_at: opt_word(row, "broke_at", rung_from_word)?,
        skipped_because: opt_word(row, "skipped_because", SkipReason::from_word)?,
        started_at: opt_instant(row, "started_at")?,
        ended_at: opt_instant(row, "ended_at")?,
    })
}
