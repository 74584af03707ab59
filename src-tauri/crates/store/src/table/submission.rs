//! `submission`: what was submitted lately, for sending limits.

use crate::codec::{instant, ms};
use chrono::Duration;
use rusqlite::{Connection, OptionalExtension, Row, params};
use tandem_domain::{
    Instant,
    ids::{MailboxId, ProfileId},
    send_limits::{Counted, DAY},
};

/// Counts an attempt that is about to begin for so many recipients, and forgets what no limit looks at any more.
pub(crate) fn begin(
    connection: &Connection,
    mailbox: MailboxId,
    email: i64,
    recipients: u32,
    at: Instant,
) -> rusqlite::Result<()> {
    let mut forget =
        connection.prepare_cached("DELETE FROM submission WHERE mailbox = ?1 AND submitted_at < ?2")?;
    forget.execute(params![mailbox.0, ms(at - DAY - Duration::days(1))])?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO submission (mailbox, submitted_at, email, recipients) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET recipients = recipients + ?4",
    )?;
    insert.execute(params![mailbox.0, ms(at), email, recipients])?;
    Ok(())
}

/// Corrects the latest attempt of an email: so many recipients were taken.
pub(crate) fn end(connection: &Connection, email: i64, accepted: u32) -> rusqlite::Result<()> {
    let mut latest =
        connection.prepare_cached("SELECT max(submitted_at) FROM submission WHERE email = ?1")?;
    let Some(at) = latest.query_row([email], |row| row.get::<_, Option<i64>>(0)).optional()?.flatten() else {
        return Ok(());
    };
    if accepted == 0 {
        let mut delete =
            connection.prepare_cached("DELETE FROM submission WHERE email = ?1 AND submitted_at = ?2")?;
        delete.execute(params![email, at])?;
        return Ok(());
    }
    let mut update = connection
        .prepare_cached("UPDATE submission SET recipients = ?3 WHERE email = ?1 AND submitted_at = ?2")?;
    update.execute(params![email, at, accepted])?;
    Ok(())
}

/// What a mailbox submitted after `since`.
pub(crate) fn of_mailbox(
    connection: &Connection,
    mailbox: MailboxId,
    since: Instant,
) -> rusqlite::Result<Vec<Counted>> {
    let mut select = connection.prepare_cached(
        "SELECT submitted_at, recipients FROM submission WHERE mailbox = ?1 AND submitted_at > ?2",
    )?;
    select.query_map(params![mailbox.0, ms(since)], read)?.collect()
}

/// What all mailboxes of a profile submitted after `since`.
pub(crate) fn of_profile(
    connection: &Connection,
    profile: ProfileId,
    since: Instant,
) -> rusqlite::Result<Vec<Counted>> {
    let mut select = connection.prepare_cached(
        "SELECT submitted_at, recipients FROM mailbox JOIN submission ON submission.mailbox = mailbox.id
         WHERE mailbox.profile = ?1 AND submitted_at > ?2",
    )?;
    select.query_map(params![profile.0, ms(since)], read)?.collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Counted> {
    Ok(Counted { at: instant(row, "submitted_at")?, recipients: row.get("recipients")? })
}
