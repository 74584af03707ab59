//! `quarantine`: what could not be parsed, for a later version to try again.

use crate::{
    codec::{instant, ms},
    table::raw_message,
    view::QuarantineEntry,
};
use rusqlite::{Connection, OptionalExtension, Row, params};
use tandem_domain::{
    Instant,
    ids::{MailboxId, QuarantineId},
    ledger::ServerIdentity,
};
use uuid::Uuid;

const SELECT: &str = "SELECT quarantine.*, folder.mailbox, folder.name, raw_message.size FROM quarantine
    JOIN folder ON folder.row = quarantine.folder JOIN raw_message ON raw_message.row = quarantine.raw_message";

/// Puts a message into quarantine.
pub(crate) fn insert(
    connection: &Connection,
    folder: i64,
    entry: &QuarantineEntry,
    raw_message: i64,
) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO quarantine (id, folder, identity, reason, parser_version, quarantined_at, raw_message)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    insert.execute(params![
        entry.id.0,
        folder,
        entry.identity.0,
        entry.reason,
        entry.parser_version,
        ms(entry.quarantined_at),
        raw_message,
    ])?;
    Ok(())
}

/// Takes a message out of quarantine with its bytes: it was decided anew.
pub(crate) fn remove(
    connection: &Connection,
    folder: i64,
    identity: &ServerIdentity,
) -> rusqlite::Result<()> {
    let mut delete = connection
        .prepare_cached("DELETE FROM quarantine WHERE folder = ?1 AND identity = ?2 RETURNING raw_message")?;
    let raw: Option<i64> = delete.query_row(params![folder, identity.0], |row| row.get(0)).optional()?;
    match raw {
        Some(raw) => raw_message::delete(connection, raw),
        None => Ok(()),
    }
}

/// All of them, the latest first.
pub(crate) fn all(connection: &Connection, limit: u32) -> rusqlite::Result<Vec<QuarantineEntry>> {
    let mut select = connection.prepare_cached(&format!("{SELECT} ORDER BY quarantine.row DESC LIMIT ?1"))?;
    select.query_map([limit], read)?.collect()
}

/// One of them.
pub(crate) fn get(connection: &Connection, id: QuarantineId) -> rusqlite::Result<Option<QuarantineEntry>> {
    let mut select = connection.prepare_cached(&format!("{SELECT} WHERE quarantine.id = ?1"))?;
    select.query_row([id.0], read).optional()
}

/// The bytes of one of them.
pub(crate) fn raw_message(connection: &Connection, id: QuarantineId) -> rusqlite::Result<Option<i64>> {
    let mut select = connection.prepare_cached("SELECT raw_message FROM quarantine WHERE id = ?1")?;
    select.query_row([id.0], |row| row.get(0)).optional()
}

/// How many there are.
pub(crate) fn count(connection: &Connection) -> rusqlite::Result<u64> {
    connection.prepare_cached("SELECT count(*) FROM quarantine")?.query_row([], |row| row.get(0))
}

/// The id of a message that waits for a person: the same message always gets the same one.
#[must_use]
pub fn id(mailbox: MailboxId, folder: &str, identity: &ServerIdentity) -> QuarantineId {
    let name = format!("quarantine:{folder}:{}", identity.0);
    QuarantineId(Uuid::new_v5(&mailbox.0, name.as_bytes()))
}

/// An entry about to be put in.
pub(crate) fn entry(
    mailbox: MailboxId,
    folder: &str,
    identity: &ServerIdentity,
    why: (String, String),
    at: Instant,
) -> QuarantineEntry {
    QuarantineEntry {
        id: id(mailbox, folder, identity),
        mailbox,
        folder: folder.to_owned(),
        identity: identity.clone(),
        reason: why.0,
        parser_version: why.1,
        quarantined_at: at,
        size: 0,
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<QuarantineEntry> {
    Ok(QuarantineEntry {
        id: QuarantineId(row.get("id")?),
        mailbox: MailboxId(row.get("mailbox")?),
        folder: row.get("name")?,
        identity: ServerIdentity(row.get("identity")?),
        reason: row.get("reason")?,
        parser_version: row.get("parser_version")?,
        quarantined_at: instant(row, "quarantined_at")?,
        size: row.get("size")?,
    })
}
