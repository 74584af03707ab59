//! `test_job`: Test & Enable of many mailboxes, as a whole.

use crate::{
    codec::{instant, ms, opt_instant, word},
    view::TestJobView,
};
use rusqlite::{Connection, OptionalExtension, Row, params};
use tandem_domain::{Instant, ids::TestJobId, test_job::JobState, test_plan::BatchRules};

/// A job as its table holds it.
#[derive(Debug, Clone)]
pub(crate) struct JobRow {
    pub(crate) row: i64,
    pub(crate) id: TestJobId,
    pub(crate) title: String,
    pub(crate) state: JobState,
    pub(crate) rules: BatchRules,
    pub(crate) created_at: Instant,
    pub(crate) moving_since: Option<Instant>,
    pub(crate) ended_at: Option<Instant>,
}

const COLUMNS: &str =
    "row, id, title, state, batch_mailboxes, batch_hours, created_at, moving_since, ended_at";

/// Adds a job that runs; its row.
pub(crate) fn insert(
    connection: &Connection,
    id: TestJobId,
    title: &str,
    rules: BatchRules,
    at: Instant,
) -> rusqlite::Result<i64> {
    connection.execute(
        "INSERT INTO test_job (id, title, state, batch_mailboxes, batch_hours, created_at)
         VALUES (?1, ?2, 'running', ?3, ?4, ?5)",
        params![id.0, title, rules.at_most, rules.every_hours, ms(at)],
    )?;
    Ok(connection.last_insert_rowid())
}

/// One job.
pub(crate) fn get(connection: &Connection, id: TestJobId) -> rusqlite::Result<Option<JobRow>> {
    let mut select = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM test_job WHERE id = ?1"))?;
    select.query_row([id.0], read).optional()
}

/// The latest jobs, newest first.
pub(crate) fn latest(connection: &Connection, limit: u32) -> rusqlite::Result<Vec<JobRow>> {
    let mut select =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM test_job ORDER BY row DESC LIMIT ?1"))?;
    select.query_map([limit], read)?.collect()
}

/// Jobs that are neither paused nor over, oldest first.
pub(crate) fn running(connection: &Connection) -> rusqlite::Result<Vec<JobRow>> {
    let mut select = connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM test_job WHERE state = 'running' ORDER BY row"))?;
    select.query_map([], read)?.collect()
}

/// Changes where a job stands; `ended_at` follows.
pub(crate) fn set_state(
    connection: &Connection,
    row: i64,
    state: JobState,
    at: Instant,
) -> rusqlite::Result<()> {
    let ended_at = state.is_over().then(|| ms(at));
    connection.execute(
        "UPDATE test_job SET state = ?2, ended_at = ?3 WHERE row = ?1",
        params![row, state.as_str(), ended_at],
    )?;
    Ok(())
}

/// From now on its rate is measured.
pub(crate) fn moves_since(connection: &Connection, row: i64, at: Instant) -> rusqlite::Result<()> {
    connection.execute("UPDATE test_job SET moving_since = ?2 WHERE row = ?1", params![row, ms(at)])?;
    Ok(())
}

/// After a restart the rate of the jobs that move is measured anew.
pub(crate) fn restart(connection: &Connection, at: Instant) -> rusqlite::Result<()> {
    connection.execute(
        "UPDATE test_job SET moving_since = ?1 WHERE state = 'running' AND moving_since IS NOT NULL",
        [ms(at)],
    )?;
    Ok(())
}

/// Forgets all but the latest jobs that are over.
pub(crate) fn keep_latest(connection: &Connection, keep: u32) -> rusqlite::Result<()> {
    connection.execute(
        "DELETE FROM test_job WHERE state IN ('cancelled', 'done') AND row NOT IN
            (SELECT row FROM test_job ORDER BY row DESC LIMIT ?1)",
        [keep],
    )?;
    Ok(())
}

impl JobRow {
    /// As shells see it, without its progress.
    pub(crate) fn view(self, progress: tandem_domain::test_job::TestProgress) -> TestJobView {
        TestJobView {
            id: self.id,
            title: self.title,
            rules: self.rules,
            created_at: self.created_at,
            ended_at: self.ended_at,
            progress,
        }
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<JobRow> {
    Ok(JobRow {
        row: row.get("row")?,
        id: TestJobId(row.get("id")?),
        title: row.get("title")?,
        state: word(row, "state", JobState::from_word)?,
        rules: BatchRules { at_most: row.get("batch_mailboxes")?, every_hours: row.get("batch_hours")? },
        created_at: instant(row, "created_at")?,
        moving_since: opt_instant(row, "moving_since")?,
        ended_at: opt_instant(row, "ended_at")?,
    })
}
