//! `mailbox_workload`: how each workload of a mailbox travels and where it stands.

use crate::{
    codec::{ms, opt_instant, status_from_word, status_word, word},
    failure_json::{failure_json, opt_failure, opt_failure_json},
};
use rusqlite::{Connection, OptionalExtension, params};
use tandem_domain::{
    Instant,
    failure::{Failure, FailureCode},
    ids::{MailboxId, ProfileId},
    mailbox::{DeliveryMethod, Mailbox},
    workload::{Workload, WorkloadState, WorkloadStatus},
};

/// Adds methods and states to a mailbox.
pub(crate) fn add(connection: &Connection, mailbox: &mut Mailbox) -> rusqlite::Result<()> {
    let mut select = connection.prepare_cached(
        "SELECT state.workload, method, status, enabled, schedule.last_success_at, last_failure, last_failure_at, tested_at
         FROM mailbox_workload AS state
         LEFT JOIN schedule ON schedule.mailbox = state.mailbox AND schedule.workload = state.workload
         WHERE state.mailbox = ?1",
    )?;
    let mut rows = select.query([mailbox.id.0])?;
    while let Some(row) = rows.next()? {
        let method = word(row, "method", DeliveryMethod::from_word)?;
        let state = WorkloadState {
            status: word(row, "status", status_from_word)?,
            enabled: row.get("enabled")?,
            last_success_at: opt_instant(row, "last_success_at")?,
            last_error: opt_failure(row, "last_failure")?.map(|failure| failure.to_string()),
            last_error_at: opt_instant(row, "last_failure_at")?,
            tested_at: opt_instant(row, "tested_at")?,
        };
        match word(row, "workload", Workload::from_word)? {
            Workload::Incoming => (mailbox.incoming, mailbox.incoming_state) = (method, state),
            Workload::Outgoing => (mailbox.outgoing, mailbox.outgoing_state) = (method, state),
            Workload::Act => (mailbox.act, mailbox.act_state) = (method, state),
        }
    }
    Ok(())
}

/// The failure that the last test or cycle of a workload ended with.
pub(crate) fn last_failure(
    connection: &Connection,
    mailbox: MailboxId,
    workload: Workload,
) -> rusqlite::Result<Option<Failure>> {
    let mut select = connection
        .prepare_cached("SELECT last_failure FROM mailbox_workload WHERE mailbox = ?1 AND workload = ?2")?;
    let found = select
        .query_row(params![mailbox.0, workload.as_str()], |row| opt_failure(row, "last_failure"))
        .optional()?;
    Ok(found.flatten())
}

/// Sets the methods; states stay, and a new workload was never run.
pub(crate) fn upsert_methods(connection: &Connection, mailbox: &Mailbox) -> rusqlite::Result<()> {
    for workload in Workload::ALL {
        connection.execute(
            "INSERT INTO mailbox_workload (mailbox, workload, method, status, enabled)
             VALUES (?1, ?2, ?3, 'not_run', 0) ON CONFLICT (mailbox, workload) DO UPDATE SET method = ?3",
            params![mailbox.id.0, workload.as_str(), mailbox.method(workload).as_str()],
        )?;
    }
    Ok(())
}

/// Enables or disables a workload.
pub(crate) fn set_enabled(
    connection: &Connection,
    mailbox: MailboxId,
    workload: Workload,
    enabled: bool,
) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached(
        "UPDATE mailbox_workload SET enabled = ?3, stopped_by = NULL WHERE mailbox = ?1 AND workload = ?2",
    )?;
    update.execute(params![mailbox.0, workload.as_str(), enabled])?;
    Ok(())
}

/// Enables a workload that a failure had disabled. What it proved before says nothing about the time since.
pub(crate) fn enable_unproven(
    connection: &Connection,
    mailbox: MailboxId,
    workload: Workload,
) -> rusqlite::Result<()> {
    set_enabled(connection, mailbox, workload, true)?;
    let mut update = connection
        .prepare_cached("UPDATE schedule SET last_success_at = NULL WHERE mailbox = ?1 AND workload = ?2")?;
    update.execute(params![mailbox.0, workload.as_str()])?;
    Ok(())
}

/// The latest instant at which a cycle ended.
pub(crate) fn latest_end(connection: &Connection) -> rusqlite::Result<Option<Instant>> {
    let select = "SELECT max(at) AS latest FROM (SELECT max(last_success_at) AS at FROM schedule
                  UNION ALL SELECT max(last_failure_at) FROM mailbox_workload)";
    connection.query_row(select, [], |row| opt_instant(row, "latest"))
}

/// Disables a workload because of a failure, whose code is kept.
pub(crate) fn stop(
    connection: &Connection,
    mailbox: MailboxId,
    workload: Workload,
    code: FailureCode,
) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached(
        "UPDATE mailbox_workload SET enabled = 0, stopped_by = ?3 WHERE mailbox = ?1 AND workload = ?2",
    )?;
    update.execute(params![mailbox.0, workload.as_str(), code.as_str()])?;
    Ok(())
}

/// The workloads that a failure of the engine's own cycles disabled, of one mailbox or of all mailboxes of a profile,
/// with its code.
pub(crate) fn stopped(
    connection: &Connection,
    mailbox: Option<MailboxId>,
    profile: Option<ProfileId>,
) -> rusqlite::Result<Vec<(MailboxId, Workload, FailureCode)>> {
    let mut select = connection.prepare_cached(
        "SELECT state.mailbox, state.workload, state.stopped_by FROM mailbox_workload AS state
         JOIN mailbox ON mailbox.id = state.mailbox
         WHERE state.stopped_by IS NOT NULL AND NOT state.enabled AND (mailbox.id = ?1 OR mailbox.profile = ?2)",
    )?;
    let key = params![mailbox.map(|one| one.0), profile.map(|one| one.0)];
    let found = select.query_map(key, |row| {
        Ok((
            MailboxId(row.get("mailbox")?),
            word(row, "workload", Workload::from_word)?,
            word(row, "stopped_by", FailureCode::from_word)?,
        ))
    })?;
    found.collect()
}

/// Back to never tested, disabled: another address or owner needs a new test.
pub(crate) fn reset(connection: &Connection, mailbox: MailboxId) -> rusqlite::Result<()> {
    connection.execute(
        "UPDATE mailbox_workload SET enabled = 0, status = 'not_run', tested_at = NULL, stopped_by = NULL
         WHERE mailbox = ?1",
        [mailbox.0],
    )?;
    Ok(())
}

/// What a completed cycle means to its workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Completion {
    /// It was well before.
    Another,
    /// It is well since this cycle.
    First,
}

/// Whether a workload completed a cycle before, and has not failed since. Not a join: without statistics SQLite would begin it
/// with all that ever completed one.
const WAS_WELL: &str = "SELECT status = ?3 AND last_failure IS NULL AND last_failure_at IS NULL AND coalesce((
        SELECT last_success_at IS NOT NULL FROM schedule WHERE schedule.mailbox = ?1 AND schedule.workload = ?2), 0)
    FROM mailbox_workload WHERE mailbox = ?1 AND workload = ?2";

/// Records that a cycle completed; [`super::schedule::finish`] then records when.
pub(crate) fn completed(
    connection: &Connection,
    mailbox: MailboxId,
    workload: Workload,
) -> rusqlite::Result<Completion> {
    let status = status_word(WorkloadStatus::Success);
    let key = params![mailbox.0, workload.as_str(), status];
    let mut select = connection.prepare_cached(WAS_WELL)?;
    if select.query_row(key, |row| row.get(0)).optional()?.unwrap_or(false) {
        return Ok(Completion::Another);
    }
    let mut update = connection.prepare_cached(
        "UPDATE mailbox_workload SET status = ?3, last_failure = NULL, last_failure_at = NULL
         WHERE mailbox = ?1 AND workload = ?2",
    )?;
    update.execute(key)?;
    Ok(Completion::First)
}

/// Records that a cycle failed.
pub(crate) fn failed(
    connection: &Connection,
    mailbox: MailboxId,
    workload: Workload,
    failure: &Failure,
    at: Instant,
) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached(
        "UPDATE mailbox_workload SET status = ?3, last_failure = ?4, last_failure_at = ?5
         WHERE mailbox = ?1 AND workload = ?2",
    )?;
    let status = status_word(WorkloadStatus::Failure);
    update.execute(params![mailbox.0, workload.as_str(), status, failure_json(failure), ms(at)])?;
    Ok(())
}

/// Records that a test completed, and with which failure.
pub(crate) fn tested(
    connection: &Connection,
    mailbox: MailboxId,
    workload: Workload,
    failure: Option<&Failure>,
    at: Instant,
) -> rusqlite::Result<()> {
    let status = if failure.is_some() { WorkloadStatus::Failure } else { WorkloadStatus::Success };
    connection.execute(
        "UPDATE mailbox_workload SET status = ?3, last_failure = ?4, last_failure_at = ?5, tested_at = ?6
         WHERE mailbox = ?1 AND workload = ?2",
        params![
            mailbox.0,
            workload.as_str(),
            status_word(status),
            opt_failure_json(failure),
            failure.map(|_| ms(at)),
            ms(at),
        ],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::WAS_WELL;
    use crate::table::testing::plan;

    #[test]
    fn whether_a_workload_was_well_is_known_without_a_look_at_others() {
        let steps = plan(WAS_WELL);
        let by_key = |step: &String| {
            step.starts_with("SEARCH") && step.contains("PRIMARY KEY (mailbox=? AND workload=?)")
        };
        assert_eq!(steps.iter().filter(|step| by_key(step)).count(), 2, "{steps:?}");
        assert!(steps.iter().all(|step| by_key(step) || step.contains("SUBQUERY")), "{steps:?}");
    }
}
