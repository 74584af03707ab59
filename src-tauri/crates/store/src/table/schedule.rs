//! `schedule`: who runs when, and whose engine has taken it.

use crate::codec::{ms, opt_instant, opt_ms, word};
use chrono::Duration;
use rusqlite::{Connection, OptionalExtension, Row, params};
use tandem_domain::{
    Instant,
    frequency::Activity,
    ids::{MailboxId, ProfileId},
    workload::Workload,
};
use tandem_engine::ports::storage::{CycleReport, DueWork};
use uuid::Uuid;

macro_rules! processed {
    ($join:literal) => {
        concat!(
            "schedule ",
            $join,
            " mailbox ON mailbox.id = schedule.mailbox ",
            $join,
            " profile ON profile.id = mailbox.profile ",
            $join,
            " mailbox_workload AS state ON state.mailbox = schedule.mailbox AND state.workload = schedule.workload
    LEFT JOIN circuit ON circuit.profile = mailbox.profile AND circuit.workload = schedule.workload
    WHERE (mailbox.approval = 'approved'
        OR mailbox.approval = 'pending' AND NOT (SELECT require_approval FROM organization))
      AND profile.active AND state.enabled
      AND state.method = 'server_side_sync'
      AND (SELECT process_email_using FROM organization) = 'server_side_synchronization'"
        )
    };
}

/// What makes a workload processed: `Mailbox::is_processed`, and the profile is active.
const PROCESSED: &str = processed!("JOIN");

/// The same for what is read in the order of its due time and ends at the first few. SQLite takes a CROSS JOIN's order of
/// tables as given; with statistics of many mailboxes it would read them all and sort.
const PROCESSED_BY_DUE: &str = processed!("CROSS JOIN");

/// The columns of [`DueWork`].
const COLUMNS: &str =
    "schedule.mailbox, schedule.workload, mailbox.profile, schedule.due_at, schedule.attempts,
    schedule.busy_cycles, schedule.idle_cycles, state.last_failure_at IS NOT NULL AS had_failed,
    circuit.since IS NOT NULL AS is_probe";

/// A proof that is dated later than this after now is of a clock that was set back, and proves nothing.
const CLOCK_TOLERANCE: Duration = Duration::minutes(1);

/// Where the schedule of one workload stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScheduleRow {
    pub(crate) due_at: Option<Instant>,
    pub(crate) attempts: u32,
    pub(crate) lease_owner: Option<String>,
    pub(crate) lease_until: Option<Instant>,
    pub(crate) last_completed_start: Option<Instant>,
    pub(crate) expected_at: Option<Instant>,
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

/// Processed workloads that are due and free and whose profile's server is reachable as far as known, the longest due
/// first.
pub(crate) fn due(
    connection: &Connection,
    workload: Workload,
    now: Instant,
    limit: u32,
) -> rusqlite::Result<Vec<DueWork>> {
    let mut select = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM {PROCESSED_BY_DUE} AND circuit.since IS NULL AND schedule.due_at <= ?1
           AND (schedule.lease_until IS NULL OR schedule.lease_until <= ?1) AND schedule.workload = ?3
         ORDER BY schedule.due_at LIMIT ?2"
    ))?;
    let values = params![ms(now), limit, workload.as_str()];
    let mut due: Vec<DueWork> =
        select.query_map(values, |row| due_work(row, now))?.collect::<Result<_, _>>()?;
    // Nearly always there are none, which their index tells at once; with the joins, all that is due later would be read.
    let mut ahead =
        connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM schedule WHERE last_success_at > ?1)")?;
    if !ahead.query_row([ms(now + CLOCK_TOLERANCE)], |row| row.get(0))? {
        return Ok(due);
    }
    let mut misdated = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM {PROCESSED} AND circuit.since IS NULL AND schedule.last_success_at > ?4
           AND schedule.due_at > ?1
           AND (schedule.lease_until IS NULL OR schedule.lease_until <= ?1) AND schedule.workload = ?3 LIMIT ?2"
    ))?;
    let left = limit.saturating_sub(u32::try_from(due.len()).unwrap_or(u32::MAX));
    let values = params![ms(now), left, workload.as_str(), ms(now + CLOCK_TOLERANCE)];
    due.extend(misdated.query_map(values, |row| due_work(row, now))?.collect::<Result<Vec<_>, _>>()?);
    Ok(due)
}

/// The same of outgoing mail, where there is nothing to do: no email waits for it, and it did not fail before.
pub(crate) fn quiet_outgoing(
    connection: &Connection,
    now: Instant,
    limit: u32,
) -> rusqlite::Result<Vec<DueWork>> {
    let mut select = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM {PROCESSED_BY_DUE} AND circuit.since IS NULL AND schedule.due_at <= ?1
           AND (schedule.lease_until IS NULL OR schedule.lease_until <= ?1) AND schedule.workload = 'outgoing'
           AND schedule.attempts = 0 AND state.last_failure_at IS NULL
           AND NOT EXISTS (SELECT 1 FROM email INDEXED BY email_outgoing WHERE direction = 'outgoing'
              AND status IN ('pending_send', 'sending') AND email.mailbox = schedule.mailbox)
         ORDER BY schedule.due_at LIMIT ?2"
    ))?;
    select.query_map(params![ms(now), limit], |row| due_work(row, now))?.collect()
}

/// Of each profile whose circuit is open and whose probe is due and free, the one that tries: the longest due, of those
/// that are due or failed.
pub(crate) fn due_probes(
    connection: &Connection,
    workload: Workload,
    now: Instant,
) -> rusqlite::Result<Vec<DueWork>> {
    let mut open = connection.prepare_cached(
        "SELECT profile FROM circuit
         WHERE workload = ?1 AND since IS NOT NULL AND probe_at <= ?2 AND probing IS NULL",
    )?;
    let profiles: Vec<Uuid> =
        open.query_map(params![workload.as_str(), ms(now)], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut select = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM {PROCESSED} AND mailbox.profile = ?3 AND schedule.workload = ?2
           AND (schedule.due_at <= ?1 OR state.last_failure_at IS NOT NULL) AND schedule.due_at IS NOT NULL
           AND (schedule.lease_until IS NULL OR schedule.lease_until <= ?1)
         ORDER BY schedule.due_at LIMIT 1"
    ))?;
    let mut found = Vec::new();
    for profile in profiles {
        let key = params![ms(now), workload.as_str(), profile];
        found.extend(select.query_row(key, |row| due_work(row, now)).optional()?);
    }
    Ok(found)
}

/// How many mailboxes of a profile are processed in this direction.
pub(crate) fn processed(
    connection: &Connection,
    profile: ProfileId,
    workload: Workload,
) -> rusqlite::Result<u32> {
    let mut select = connection.prepare_cached(&format!(
        "SELECT count(*) FROM {PROCESSED} AND mailbox.profile = ?1 AND schedule.workload = ?2"
    ))?;
    select.query_row(params![profile.0, workload.as_str()], |row| row.get(0))
}

/// One workload, due or not, when it is processed and free.
pub(crate) fn claimable(
    connection: &Connection,
    mailbox: MailboxId,
    workload: Workload,
    now: Instant,
) -> rusqlite::Result<Option<DueWork>> {
    let mut select = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM {PROCESSED} AND (schedule.lease_until IS NULL OR schedule.lease_until <= ?1)
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

/// The statement of [`finish`].
const FINISH: &str =
    "UPDATE schedule SET due_at = CASE WHEN ?3 IS NULL THEN NULL ELSE min(?3, coalesce(wake_at, ?3),
              CASE WHEN ?2 = 'outgoing' AND ?9 THEN coalesce((SELECT min(
                  CASE WHEN not_before IS NULL AND schedule.lease_owner IS NULL THEN ?10 ELSE not_before END) FROM email
                WHERE direction = 'outgoing' AND status = 'pending_send' AND mailbox = ?1), ?3) ELSE ?3 END) END,
            wake_at = NULL, attempts = ?4, lease_owner = NULL, lease_until = NULL,
            last_completed_start = coalesce(?5, last_completed_start), busy_cycles = ?6, idle_cycles = ?7,
            expected_at = coalesce(?8, expected_at),
            last_success_at = CASE WHEN ?8 IS NOT NULL AND ?9 THEN ?10 WHEN NOT ?9 AND last_success_at > ?10 THEN NULL
                ELSE last_success_at END
         WHERE mailbox = ?1 AND workload = ?2";

/// Frees the lease after a cycle and sets the next due instant, or none. What was asked for meanwhile is kept; and
/// where nothing failed, an email that waits for its time is not kept waiting beyond it. Where nobody had a lease, what was asked
/// for is not known, and an email that may go at once was saved meanwhile.
///
/// A cycle that completed is the latest success. With one that failed, a success that is dated after it is of a clock that
/// was set back, and is dropped.
///
/// The instant that it is due at now; `None` when there is no such row.
pub(crate) fn finish(
    connection: &Connection,
    report: &CycleReport,
) -> rusqlite::Result<Option<Option<Instant>>> {
    let mut update = connection.prepare_cached(FINISH)?;
    let updated = update.execute(params![
        report.mailbox.0,
        report.workload.as_str(),
        opt_ms(report.next_due_at),
        report.attempts,
        opt_ms(report.expected_at.map(|_| report.started_at)),
        report.activity.busy_cycles,
        report.activity.idle_cycles,
        opt_ms(report.expected_at),
        report.failure.is_none(),
        ms(report.ended_at),
    ])?;
    if updated == 0 {
        return Ok(None);
    }
    // Not by RETURNING: for such a statement SQLite copies each page that it changes, to be able to undo it alone.
    let mut select =
        connection.prepare_cached("SELECT due_at FROM schedule WHERE mailbox = ?1 AND workload = ?2")?;
    let key = params![report.mailbox.0, report.workload.as_str()];
    select.query_row(key, |row| opt_instant(row, "due_at").map(Some))
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

/// The earliest due instant after this one of a processed workload that nobody has taken, or any of a probe.
pub(crate) fn next_due(connection: &Connection, after: Instant) -> rusqlite::Result<Option<Instant>> {
    // In the order of its index, so that it stops at the first; a minimum would read every row.
    let mut select = connection.prepare_cached(&format!(
        "SELECT schedule.due_at AS due_at FROM {PROCESSED_BY_DUE} AND schedule.lease_until IS NULL
           AND circuit.since IS NULL AND schedule.due_at IS NOT NULL AND schedule.due_at > ?1
         ORDER BY schedule.due_at LIMIT 1"
    ))?;
    let due = select.query_row([ms(after)], |row| opt_instant(row, "due_at")).optional()?.flatten();
    let mut open = connection.prepare_cached(
        "SELECT count(*) FROM circuit WHERE since IS NOT NULL AND probe_at IS NOT NULL AND probing IS NULL",
    )?;
    if open.query_row([], |row| row.get::<_, u32>(0))? == 0 {
        return Ok(due);
    }
    let mut select = connection.prepare_cached(&format!(
        "SELECT min(CASE WHEN state.last_failure_at IS NULL THEN max(circuit.probe_at, schedule.due_at)
            ELSE circuit.probe_at END) AS due_at
         FROM {PROCESSED} AND schedule.lease_until IS NULL AND schedule.due_at IS NOT NULL
           AND circuit.since IS NOT NULL AND circuit.probing IS NULL"
    ))?;
    let probe = select.query_row([], |row| opt_instant(row, "due_at"))?;
    Ok([due, probe].into_iter().flatten().min())
}

/// When one workload is due, if it is processed, its server is reachable, and nobody has taken it.
pub(crate) fn due_at(
    connection: &Connection,
    mailbox: MailboxId,
    workload: Workload,
) -> rusqlite::Result<Option<Instant>> {
    let mut select = connection.prepare_cached(&format!(
        "SELECT schedule.due_at AS due_at FROM {PROCESSED} AND schedule.lease_until IS NULL
            AND circuit.since IS NULL AND schedule.mailbox = ?1 AND schedule.workload = ?2"
    ))?;
    let found = select.query_row(params![mailbox.0, workload.as_str()], |row| opt_instant(row, "due_at"));
    Ok(found.optional()?.flatten())
}

/// Makes what is due later than `now` due so many milliseconds earlier. What proves something is dated earlier by as
/// much, whenever it was: looks into a mailbox, which are evidence of what was not there yet, and the instants by which
/// the next proof is expected.
pub(crate) fn pull_in(connection: &Connection, now: Instant, by: i64) -> rusqlite::Result<()> {
    connection.execute(
        "UPDATE schedule SET due_at = iif(due_at > ?1, due_at - ?2, due_at),
             wake_at = iif(wake_at > ?1, wake_at - ?2, wake_at),
             expected_at = expected_at - ?2, last_completed_start = last_completed_start - ?2,
             last_success_at = iif(last_success_at > ?1, last_success_at - ?2, last_success_at)",
        params![ms(now), by],
    )?;
    connection.execute(
        "UPDATE email SET not_before = not_before - ?2 WHERE not_before > ?1 AND status = 'pending_send'",
        params![ms(now), by],
    )?;
    connection
        .execute("UPDATE item_retry SET next_at = next_at - ?2 WHERE next_at > ?1", params![ms(now), by])?;
    connection.execute(
        "UPDATE mailbox_workload SET tested_at = iif(tested_at > ?1, tested_at - ?2, tested_at),
             last_failure_at = iif(last_failure_at > ?1, last_failure_at - ?2, last_failure_at)",
        params![ms(now), by],
    )?;
    connection.execute(
        "UPDATE circuit SET probe_at = iif(probe_at > ?1, probe_at - ?2, probe_at)",
        params![ms(now), by],
    )?;
    Ok(())
}

/// Whatever is planned is due now, and the next completed cycle was expected at `expected` at the latest.
pub(crate) fn prove_anew(connection: &Connection, now: Instant, expected: Instant) -> rusqlite::Result<()> {
    connection.execute(
        "UPDATE schedule SET due_at = min(due_at, ?1), expected_at = min(expected_at, ?2)",
        params![ms(now), ms(expected)],
    )?;
    Ok(())
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

/// Starts anew: a person has just proved that it works, or gave a new password. The next completed cycle is due now.
pub(crate) fn start_anew(
    connection: &Connection,
    mailbox: MailboxId,
    workload: Workload,
    at: Instant,
) -> rusqlite::Result<()> {
    connection.execute(
        "UPDATE schedule SET attempts = 0, expected_at = ?3 WHERE mailbox = ?1 AND workload = ?2",
        params![mailbox.0, workload.as_str(), ms(at)],
    )?;
    make_due(connection, mailbox, workload, at)?;
    Ok(())
}

/// Brings what is due later than that forward, as far as the profiles' minimum polling intervals allow.
pub(crate) fn bring_forward(connection: &Connection, now: Instant, at: Instant) -> rusqlite::Result<()> {
    connection.execute(
        "UPDATE schedule SET due_at = min(due_at, ?1), expected_at = min(expected_at, ?1)
         WHERE due_at IS NOT NULL AND mailbox IN (SELECT mailbox.id FROM mailbox
            JOIN profile ON profile.id = mailbox.profile WHERE min_polling_interval_minutes * 60000 <= ?1 - ?2)",
        params![ms(at), ms(now)],
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
        "SELECT due_at, attempts, lease_owner, lease_until, last_completed_start, expected_at
         FROM schedule WHERE mailbox = ?1 AND workload = ?2",
    )?;
    let found = select.query_row(params![mailbox.0, workload.as_str()], |row| {
        Ok(ScheduleRow {
            due_at: opt_instant(row, "due_at")?,
            attempts: row.get("attempts")?,
            lease_owner: row.get("lease_owner")?,
            lease_until: opt_instant(row, "lease_until")?,
            last_completed_start: opt_instant(row, "last_completed_start")?,
            expected_at: opt_instant(row, "expected_at")?,
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
        activity: Activity { busy_cycles: row.get("busy_cycles")?, idle_cycles: row.get("idle_cycles")? },
        had_failed: row.get("had_failed")?,
        is_probe: row.get("is_probe")?,
    })
}

#[cfg(test)]
mod tests {
    use super::FINISH;
    use crate::table::testing::plan;

    #[test]
    fn the_end_of_a_cycle_reads_only_the_mail_that_waits() {
        let steps = plan(FINISH);
        let email: Vec<_> = steps.iter().filter(|step| step.contains("email")).collect();
        assert_eq!(email, ["SEARCH email USING INDEX email_outgoing (status=? AND mailbox=?)"]);
    }
}
