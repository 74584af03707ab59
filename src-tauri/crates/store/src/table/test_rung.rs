//! `test_rung`: the ladder that the last Test & Enable of a workload climbed.

use crate::{
    codec::{instant, ms, rung_from_word, word},
    failure_json::{failure_json, opt_failure},
    view::TestLadder,
};
use rusqlite::{Connection, Row, params};
use tandem_domain::{
    Instant,
    ids::MailboxId,
    probe::{Rung, RungOutcome},
    workload::Workload,
};

/// Replaces the ladder of a workload.
pub(crate) fn replace(
    connection: &Connection,
    mailbox: MailboxId,
    workload: Workload,
    rungs: &[Rung],
    at: Instant,
) -> rusqlite::Result<()> {
    let workload = workload.as_str();
    connection.execute(
        "DELETE FROM test_rung WHERE mailbox = ?1 AND workload = ?2",
        params![mailbox.0, workload],
    )?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO test_rung (mailbox, workload, position, name, outcome, failure, skipped_because, took_ms,
            server_said, climbed_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    for (position, rung) in (0..).zip(rungs) {
        let (outcome, failure, because) = match &rung.outcome {
            RungOutcome::Passed => ("passed", None, None),
            RungOutcome::Failed(failure) => ("failed", Some(failure_json(failure)), None),
            RungOutcome::Skipped(why) => ("skipped", None, Some(why)),
        };
        let position: u32 = position;
        insert.execute(params![
            mailbox.0,
            workload,
            position,
            rung.name.as_str(),
            outcome,
            failure,
            because,
            rung.took_ms,
            rung.server_said,
            ms(at),
        ])?;
    }
    Ok(())
}

/// The ladders of a mailbox.
pub(crate) fn ladders(connection: &Connection, mailbox: MailboxId) -> rusqlite::Result<Vec<TestLadder>> {
    let mut select = connection.prepare_cached(
        "SELECT workload, name, outcome, failure, skipped_because, took_ms, server_said, climbed_at FROM test_rung
         WHERE mailbox = ?1 ORDER BY workload, position",
    )?;
    let mut rows = select.query([mailbox.0])?;
    let mut ladders: Vec<TestLadder> = Vec::new();
    while let Some(row) = rows.next()? {
        let workload = word(row, "workload", Workload::from_word)?;
        let rung = read(row)?;
        match ladders.last_mut() {
            Some(ladder) if ladder.workload == workload => ladder.rungs.push(rung),
            _ => {
                ladders.push(TestLadder { workload, at: instant(row, "climbed_at")?, rungs: vec![rung] });
            }
        }
    }
    ladders.sort_by_key(|ladder| ladder.workload);
    Ok(ladders)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Rung> {
    let outcome = match (opt_failure(row, "failure")?, row.get_ref("outcome")?.as_str()?) {
        (Some(failure), _) => RungOutcome::Failed(failure),
        (None, "skipped") => {
            RungOutcome::Skipped(row.get::<_, Option<String>>("skipped_because")?.unwrap_or_default())
        }
        (None, _) => RungOutcome::Passed,
    };
    Ok(Rung {
        name: word(row, "name", rung_from_word)?,
        outcome,
        took_ms: row.get("took_ms")?,
        server_said: row.get("server_said")?,
    })
}
