//! `schedule`: who runs when, and whose engine has taken it.

use crate::codec::{ms, opt_instant, opt_ms, word};
use rusqlite::{Connection, OptionalExtension, Row, params};
use tandem_domain::{
    Instant,
    ids::{MailboxId, ProfileId},
    workload::Workload,
};
use tandem_engine::ports::storage::DueWork;

/// What makes a workload processed: `Mailbox::is_processed`, and the profile is active.
const PROCESSED: &str = "schedule
    JOIN mailbox ON mailbox.id = schedule.mailbox
    JOIN profile ON profile.id = mailbox.profile
    JOIN mailbox_workload AS state ON state.mailbox = schedule.mailbox AND state.workload = schedule.workload
    WHERE mailbox.approval = 'approved' AND profile.active AND state.enabled
      AND state.method = 'server_side_sync'
      AND (SELECT process_email_using FROM organization) = 'server_side_synchronization'";

/// Where the schedule of one workload stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScheduleRow {
    pub(crate) due_at: Option<Instant>,
    pub(crate) attempts: u32,
    pub(crate) lease_owner: Option<String>,
    pub(crate) lease_until: Option<Instant>,
    pub(crate) last_completed_start: Option<Instant>,
}

/// The rows of a new mailbox.
pub(crate) fn create(connection: &Connection, mailbox: MailboxId) -> rusqlite::Result<()> {
    for workload in Workload::ALL {
        connection.execute(
            "INSERT INTO schedule (mailbox, workload) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            params![mailbox.0, workload.as_str()],
        )?;
    }
    Ok(())
}

/// Processed workloads that are due and free, the longest due first.
pub(crate) fn due(
    connection: &Connection,
    workload: Workload,
    now: Instant,
    limit: u32,
) -> rusqlite::Result<Vec<DueWork>> {
    let mut select = connection.prepare_cached(&format!(
        "SELECT schedule.mailbox, schedule.workload, mailbox.profile, schedule.due_at, schedule.attempts
         FROM {PROCESSED} AND schedule.due_at <= ?1 AND (schedule.lease_until IS NULL OR schedule.lease_until <= ?1)
           AND schedule.workload = ?3
         ORDER BY schedule.due_at LIMIT ?2"
    ))?;
    select.query_map(params![ms(now), limit, workload.as_str()], |row| due_work(row, now))?.collect()
}

/// One workload, due or not, when it is processed and free.
pub(crate) fn claimable(
    connection: &Connection,
    mailbox: MailboxId,
    workload: Workload,
    now: Instant,
) -> rusqlite::Result<Option<DueWork>> {
    let mut select = connection.prepare_cached(&format!(
        "SELECT schedule.mailbox, schedule.workload, mailbox.profile, schedule.due_at, schedule.attempts
         FROM {PROCESSED} AND (schedule.lease_until IS NULL OR schedule.lease_until <= ?1)
           AND schedule.mailbox = ?2 AND schedule.workload = ?3"
    ))?;
    let key = params![ms(now), mailbox.0, workload.as_str()];
    select.query_row(key, |row| due_work(row, now)).optional()
}

/// Takes a lease.
pub(crate) fn lease(
    connection: &Connection,
    work: &DueWork,
    lease_owner: &str,
    lease_until: Instant,
) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached(
        "UPDATE schedule SET lease_owner = ?3, lease_until = ?4 WHERE mailbox = ?1 AND workload = ?2",
    )?;
    update.execute(params![work.mailbox.0, work.workload.as_str(), lease_owner, ms(lease_until)])?;
    Ok(())
}

/// Frees the lease after a cycle and sets the next due instant, or none. What was asked for meanwhile is kept; and
/// where nothing failed, an email that waits for its time is not kept waiting beyond it.
pub(crate) fn finish(
    connection: &Connection,
    mailbox: MailboxId,
    workload: Workload,
    next_due_at: Option<Instant>,
    attempts: u32,
    completed_start: Option<Instant>,
) -> rusqlite::Result<usize> {
    let mut update = connection.prepare_cached(
        "UPDATE schedule SET due_at = CASE WHEN ?3 IS NULL THEN NULL ELSE min(?3, coalesce(wake_at, ?3),
              CASE WHEN ?2 = 'outgoing' AND ?4 = 0 THEN coalesce((SELECT min(not_before) FROM email
                WHERE mailbox = ?1 AND status = 'pending_send'), ?3) ELSE ?3 END) END,
            wake_at = NULL, attempts = ?4, lease_owner = NULL, lease_until = NULL,
            last_completed_start = coalesce(?5, last_completed_start)
         WHERE mailbox = ?1 AND workload = ?2",
    )?;
    update.execute(params![
        mailbox.0,
        workload.as_str(),
        opt_ms(next_due_at),
        attempts,
        opt_ms(completed_start)
    ])
}

/// Frees a lease without a result; what was asked for meanwhile is kept.
pub(crate) fn release(
    connection: &Connection,
    mailbox: MailboxId,
    workload: Workload,
    lease_owner: &str,
) -> rusqlite::Result<()> {
    connection.execute(
        "UPDATE schedule SET lease_owner = NULL, lease_until = NULL,
            due_at = min(coalesce(due_at, wake_at), coalesce(wake_at, due_at)), wake_at = NULL
         WHERE mailbox = ?1 AND workload = ?2 AND lease_owner = ?3",
        params![mailbox.0, workload.as_str(), lease_owner],
    )?;
    Ok(())
}

/// Frees every lease.
pub(crate) fn release_all(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute(
        "UPDATE schedule SET lease_owner = NULL, lease_until = NULL,
            due_at = min(coalesce(due_at, wake_at), coalesce(wake_at, due_at)), wake_at = NULL
         WHERE lease_owner IS NOT NULL",
        [],
    )?;
    Ok(())
}

/// The earliest due instant of a processed workload that nobody has taken.
pub(crate) fn next_due(connection: &Connection) -> rusqlite::Result<Option<Instant>> {
    let mut select = connection.prepare_cached(&format!(
        "SELECT min(schedule.due_at) AS due_at FROM {PROCESSED} AND schedule.lease_until IS NULL"
    ))?;
    select.query_row([], |row| opt_instant(row, "due_at"))
}

/// Makes a workload due at this instant at the latest; one that is running, right after it.
pub(crate) fn make_due(
    connection: &Connection,
    mailbox: MailboxId,
    workload: Workload,
    at: Instant,
) -> rusqlite::Result<usize> {
    let mut update = connection.prepare_cached(
        "UPDATE schedule SET due_at = min(coalesce(due_at, ?3), ?3),
            wake_at = CASE WHEN lease_owner IS NULL THEN NULL ELSE min(coalesce(wake_at, ?3), ?3) END
         WHERE mailbox = ?1 AND workload = ?2",
    )?;
    update.execute(params![mailbox.0, workload.as_str(), ms(at)])
}

/// Starts counting failures anew: a person has just proved that it works.
pub(crate) fn forget_attempts(
    connection: &Connection,
    mailbox: MailboxId,
    workload: Workload,
) -> rusqlite::Result<()> {
    connection.execute(
        "UPDATE schedule SET attempts = 0 WHERE mailbox = ?1 AND workload = ?2",
        params![mailbox.0, workload.as_str()],
    )?;
    Ok(())
}

/// The row of one workload.
pub(crate) fn get(
    connection: &Connection,
    mailbox: MailboxId,
    workload: Workload,
) -> rusqlite::Result<Option<ScheduleRow>> {
    let mut select = connection.prepare_cached(
        "SELECT due_at, attempts, lease_owner, lease_until, last_completed_start FROM schedule
         WHERE mailbox = ?1 AND workload = ?2",
    )?;
    let found = select.query_row(params![mailbox.0, workload.as_str()], |row| {
        Ok(ScheduleRow {
            due_at: opt_instant(row, "due_at")?,
            attempts: row.get("attempts")?,
            lease_owner: row.get("lease_owner")?,
            lease_until: opt_instant(row, "lease_until")?,
            last_completed_start: opt_instant(row, "last_completed_start")?,
        })
    });
    found.optional()
}

fn due_work(row: &Row<'_>, now: Instant) -> rusqlite::Result<DueWork> {
    Ok(DueWork {
        mailbox: MailboxId(row.get("mailbox")?),
        workload: word(row, "workload", Workload::from_word)?,
        profile: ProfileId(row.get("profile")?),
        due_at: opt_instant(row, "due_at")?.unwrap_or(now),
        attempts: row.get("attempts")?,
    })
}
