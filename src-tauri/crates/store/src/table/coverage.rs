//! `coverage`: of which times everything was seen.

use crate::codec::{instant, ms, opt_instant, opt_ms};
use rusqlite::{Connection, OptionalExtension, Row, params};
use tandem_domain::{
    Instant,
    ids::MailboxId,
    mailbox::process_emails_from,
    verification::{Seen, Stretch, covered},
};

/// So many stretches of a mailbox are kept; older ones are forgotten.
const KEPT: u32 = 500;

/// Records that a cycle of incoming mail completed.
pub(crate) fn extend(
    connection: &Connection,
    mailbox: MailboxId,
    started_at: Instant,
    completed_at: Instant,
) -> rusqlite::Result<()> {
    let mut select = connection.prepare_cached(
        "SELECT from_at, until_at, caught_up_at FROM coverage WHERE mailbox = ?1 ORDER BY from_at DESC LIMIT 1",
    )?;
    let latest = select.query_row([mailbox.0], read).optional()?;
    let first_from = match latest {
        Some(_) => started_at,
        None => beginning(connection, mailbox)?.unwrap_or(started_at),
    };
    let mut write = connection.prepare_cached(
        "INSERT INTO coverage (mailbox, from_at, until_at, caught_up_at) VALUES (?1, ?2, ?3, ?4)",
    )?;
    // Not by REPLACE alone: for such a statement SQLite copies each page that it changes, to be able to undo it alone.
    let mut lengthen = connection.prepare_cached(
        "UPDATE coverage SET until_at = ?3, caught_up_at = ?4 WHERE mailbox = ?1 AND from_at = ?2",
    )?;
    let mut is_longer = true;
    for stretch in covered(latest, first_from, started_at, completed_at) {
        if Some(stretch) == latest {
            continue;
        }
        is_longer &= latest.is_some_and(|latest| latest.from == stretch.from);
        let caught_up_at = match stretch.seen {
            Seen::AsItCame => None,
            Seen::CaughtUp(at) => Some(at),
        };
        let values = params![mailbox.0, ms(stretch.from), ms(stretch.until), opt_ms(caught_up_at)];
        if lengthen.execute(values)? == 0 {
            write.execute(values)?;
        }
    }
    if is_longer { Ok(()) } else { forget(connection, mailbox) }
}

/// The stretches of a mailbox, oldest first.
pub(crate) fn of(connection: &Connection, mailbox: MailboxId) -> rusqlite::Result<Vec<Stretch>> {
    let mut select = connection.prepare_cached(
        "SELECT from_at, until_at, caught_up_at FROM coverage WHERE mailbox = ?1 ORDER BY from_at",
    )?;
    select.query_map([mailbox.0], read)?.collect()
}

/// Where coverage begins: the later date of Process Emails From, else the oldest message that was seen.
fn beginning(connection: &Connection, mailbox: MailboxId) -> rusqlite::Result<Option<Instant>> {
    let mut dates = connection.prepare_cached(
        "SELECT mailbox.process_emails_from AS own, profile.process_emails_from AS profile
         FROM mailbox LEFT JOIN profile ON profile.id = mailbox.profile WHERE mailbox.id = ?1",
    )?;
    let dates = dates
        .query_row([mailbox.0], |row| Ok((opt_instant(row, "profile")?, opt_instant(row, "own")?)))
        .optional()?;
    let from = dates.and_then(|(profile, own)| process_emails_from(profile, own));
    if from.is_some() {
        return Ok(from);
    }
    let mut oldest = connection.prepare_cached(
        "SELECT min(received_at) AS oldest FROM ledger WHERE folder IN (SELECT row FROM folder WHERE mailbox = ?1)",
    )?;
    oldest.query_row([mailbox.0], |row| opt_instant(row, "oldest"))
}

/// Old outages are of no interest for ever.
fn forget(connection: &Connection, mailbox: MailboxId) -> rusqlite::Result<()> {
    let mut forget = connection.prepare_cached(
        "DELETE FROM coverage WHERE mailbox = ?1 AND from_at <= (
            SELECT from_at FROM coverage WHERE mailbox = ?1 ORDER BY from_at DESC LIMIT 1 OFFSET ?2)",
    )?;
    forget.execute(params![mailbox.0, KEPT])?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Stretch> {
    let caught_up_at = opt_instant(row, "caught_up_at")?;
    Ok(Stretch {
        from: instant(row, "from_at")?,
        until: instant(row, "until_at")?,
        seen: caught_up_at.map_or(Seen::AsItCame, Seen::CaughtUp),
    })
}
