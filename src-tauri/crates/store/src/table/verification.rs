//! `verification`: what the last comparison of a mailbox with its server found.

use crate::{
    codec::{instant, ms},
    failure_json::{opt_failure, opt_failure_json},
};
use rusqlite::{Connection, OptionalExtension, params};
use tandem_domain::{
    Instant,
    ids::MailboxId,
    ledger::ServerIdentity,
    verification::{VERIFY_AGAIN_HOURS, Verification},
};

/// So many missing identities are kept by name.
const NAMED: usize = 100;

/// Keeps the latest.
pub(crate) fn replace(connection: &Connection, found: &Verification) -> rusqlite::Result<()> {
    let mut replace = connection.prepare_cached(
        "INSERT OR REPLACE INTO verification (mailbox, verified_at, next_due_at, on_server, decided, waiting, missing,
            missing_identities, repaired, gone, failure)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    let named: Vec<&str> = found.missing.iter().take(NAMED).map(|one| one.0.as_str()).collect();
    replace.execute(params![
        found.mailbox.0,
        ms(found.verified_at),
        ms(found.next_due()),
        found.on_server,
        found.decided,
        found.waiting,
        found.missing.len() as u64,
        named.join("\n"),
        found.repaired,
        found.gone,
        opt_failure_json(found.failure.as_ref()),
    ])?;
    Ok(())
}

/// The latest of a mailbox, with how many were missing; of those, at most a hundred are named.
pub(crate) fn latest(
    connection: &Connection,
    mailbox: MailboxId,
) -> rusqlite::Result<Option<(Verification, u64)>> {
    let mut select = connection.prepare_cached(
        "SELECT verified_at, on_server, decided, waiting, missing, missing_identities, repaired, gone, failure
         FROM verification WHERE mailbox = ?1",
    )?;
    let read = |row: &rusqlite::Row<'_>| {
        let named: String = row.get("missing_identities")?;
        let found = Verification {
            mailbox,
            verified_at: instant(row, "verified_at")?,
            on_server: row.get("on_server")?,
            decided: row.get("decided")?,
            waiting: row.get("waiting")?,
            missing: named.lines().map(|line| ServerIdentity(line.to_owned())).collect(),
            repaired: row.get("repaired")?,
            gone: row.get("gone")?,
            failure: opt_failure(row, "failure")?,
        };
        Ok((found, row.get("missing")?))
    };
    select.query_row([mailbox.0], read).optional()
}

/// Incoming mail of the mailbox is processed, completed its latest cycle, and its server is reachable as far as known.
const READY: &str = "(mailbox.approval = 'approved'
        OR mailbox.approval = 'pending' AND NOT (SELECT require_approval FROM organization))
    AND EXISTS (SELECT 1 FROM mailbox_workload AS work WHERE work.mailbox = mailbox.id AND work.workload = 'incoming'
        AND work.method = 'server_side_sync' AND work.enabled = 1)
    AND EXISTS (SELECT 1 FROM schedule WHERE schedule.mailbox = mailbox.id AND schedule.workload = 'incoming'
        AND schedule.last_completed_start IS NOT NULL AND schedule.attempts = 0)
    AND NOT EXISTS (SELECT 1 FROM circuit WHERE circuit.profile = mailbox.profile
        AND circuit.workload = 'incoming' AND circuit.since IS NOT NULL)";

/// Mailboxes whose incoming mail is processed, has completed a cycle, and was not verified for long enough; one that
/// is new an hour after its first cycle.
pub(crate) fn due(connection: &Connection, now: Instant, limit: u32) -> rusqlite::Result<Vec<MailboxId>> {
    // Nearly always there are none among thousands: what says so is asked first, and of each of them one thing only.
    let mut new = connection.prepare_cached(&format!(
        "SELECT mailbox.id FROM mailbox
         WHERE NOT EXISTS (SELECT 1 FROM verification WHERE verification.mailbox = mailbox.id)
            AND {READY} AND EXISTS (
                SELECT 1 FROM cycle WHERE cycle.mailbox = mailbox.id AND cycle.workload = 'incoming'
                    AND cycle.started_at <= ?1)
         LIMIT ?2"
    ))?;
    let mut again = connection.prepare_cached(&format!(
        "SELECT mailbox.id FROM verification CROSS JOIN mailbox ON mailbox.id = verification.mailbox
         WHERE verification.next_due_at <= ?1 AND {READY}
         ORDER BY verification.next_due_at LIMIT ?2"
    ))?;
    let settled = now - chrono::Duration::hours(VERIFY_AGAIN_HOURS);
    let id = |row: &rusqlite::Row<'_>| row.get(0).map(MailboxId);
    let mut found: Vec<MailboxId> =
        new.query_map(params![ms(settled), limit], id)?.collect::<Result<_, _>>()?;
    let left = limit.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
    found.extend(again.query_map(params![ms(now), left], id)?.collect::<Result<Vec<_>, _>>()?);
    Ok(found)
}
