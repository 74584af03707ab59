//! `send_attempt`: the submissions of an email, recorded before they can have any effect.

use crate::{
    codec::{instant, ms, opt_instant},
    failure_json::{opt_failure, opt_failure_json},
    view::AttemptView,
};
use rusqlite::{Connection, OptionalExtension, params};
use tandem_domain::{Instant, failure::Failure, ids::CycleId, outgoing::AttemptPhase};

/// Starts an attempt.
pub(crate) fn begin(
    connection: &Connection,
    email: i64,
    number: u32,
    cycle: CycleId,
    at: Instant,
) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO send_attempt (email, number, cycle, started_at) VALUES (?1, ?2, ?3, ?4)",
    )?;
    insert.execute(params![email, number, cycle.0, ms(at)])?;
    Ok(())
}

/// The running attempt reaches its commit point. How many were running.
pub(crate) fn reach_commit_point(
    connection: &Connection,
    email: i64,
    at: Instant,
) -> rusqlite::Result<usize> {
    let mut update = connection
        .prepare_cached("UPDATE send_attempt SET committing_at = ?2 WHERE email = ?1 AND ended_at IS NULL")?;
    update.execute(params![email, ms(at)])
}

/// Ends the latest attempt, or corrects how it ended once evidence is there.
pub(crate) fn end(
    connection: &Connection,
    email: i64,
    outcome: &str,
    server_said: Option<&str>,
    failure: Option<&Failure>,
    at: Instant,
) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached(
        "UPDATE send_attempt SET ended_at = ?2, outcome = ?3, server_said = ?4, failure = ?5
         WHERE email = ?1 AND number = (SELECT max(number) FROM send_attempt WHERE email = ?1)",
    )?;
    update.execute(params![email, ms(at), outcome, server_said, opt_failure_json(failure)])?;
    Ok(())
}

/// How far the latest attempt of an email got, and when.
pub(crate) fn latest_phase(
    connection: &Connection,
    email: i64,
) -> rusqlite::Result<Option<(AttemptPhase, Instant)>> {
    let mut select = connection.prepare_cached(
        "SELECT started_at, committing_at, ended_at FROM send_attempt WHERE email = ?1 ORDER BY number DESC LIMIT 1",
    )?;
    let found = select.query_row([email], |row| match opt_instant(row, "committing_at")? {
        // The server may have taken it until the connection was given up.
        Some(at) => {
            Ok((AttemptPhase::Committing, opt_instant(row, "ended_at")?.map_or(at, |end| end.max(at))))
        }
        None => Ok((AttemptPhase::Started, instant(row, "started_at")?)),
    });
    found.optional()
}

/// All attempts, oldest first.
pub(crate) fn all(connection: &Connection, email: i64) -> rusqlite::Result<Vec<AttemptView>> {
    let mut select = connection.prepare_cached(
        "SELECT number, started_at, committing_at, ended_at, outcome, server_said, failure FROM send_attempt
         WHERE email = ?1 ORDER BY number",
    )?;
    let found = select.query_map([email], |row| {
        let committing = opt_instant(row, "committing_at")?.is_some();
        Ok(AttemptView {
            number: row.get("number")?,
            started_at: instant(row, "started_at")?,
            phase: if committing { AttemptPhase::Committing } else { AttemptPhase::Started },
            ended_at: opt_instant(row, "ended_at")?,
            outcome: row.get("outcome")?,
            server_said: row.get("server_said")?,
            failure: opt_failure(row, "failure")?,
        })
    })?;
    found.collect()
}
