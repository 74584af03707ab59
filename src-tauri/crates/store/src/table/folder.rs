//! `folder`: a folder of a mailbox on its server, with the adapter's bookmark.

use rusqlite::{Connection, OptionalExtension, params};
use tandem_domain::ids::MailboxId;
use tandem_engine::ports::mail::Cursor;

/// The row of a folder, when anything was ever decided in it.
pub(crate) fn find(connection: &Connection, mailbox: MailboxId, name: &str) -> rusqlite::Result<Option<i64>> {
    let mut select = connection.prepare_cached("SELECT row FROM folder WHERE mailbox = ?1 AND name = ?2")?;
    select.query_row(params![mailbox.0, name], |row| row.get(0)).optional()
}

/// The row of a folder, made when it is new.
pub(crate) fn find_or_create(
    connection: &Connection,
    mailbox: MailboxId,
    name: &str,
) -> rusqlite::Result<i64> {
    if let Some(row) = find(connection, mailbox, name)? {
        return Ok(row);
    }
    connection.execute("INSERT INTO folder (mailbox, name) VALUES (?1, ?2)", params![mailbox.0, name])?;
    Ok(connection.last_insert_rowid())
}

/// The bookmark.
pub(crate) fn cursor(
    connection: &Connection,
    mailbox: MailboxId,
    name: &str,
) -> rusqlite::Result<Option<Cursor>> {
    let mut select =
        connection.prepare_cached("SELECT cursor FROM folder WHERE mailbox = ?1 AND name = ?2")?;
    let found =
        select.query_row(params![mailbox.0, name], |row| row.get::<_, Option<String>>(0)).optional()?;
    Ok(found.flatten().map(Cursor))
}

/// Moves the bookmark.
pub(crate) fn set_cursor(connection: &Connection, folder: i64, cursor: &Cursor) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached("UPDATE folder SET cursor = ?2 WHERE row = ?1")?;
    update.execute(params![folder, cursor.0])?;
    Ok(())
}
