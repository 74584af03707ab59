//! `pack`: how much of each file of messages beside the database was committed.

use rusqlite::{Connection, OptionalExtension, params};

/// The file that is appended to, and its committed length.
pub(crate) fn last(connection: &Connection) -> rusqlite::Result<Option<(u32, u64)>> {
    let mut select =
        connection.prepare_cached("SELECT number, length FROM pack ORDER BY number DESC LIMIT 1")?;
    select.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()
}

/// Every file with its committed length.
pub(crate) fn all(connection: &Connection) -> rusqlite::Result<Vec<(u32, u64)>> {
    let mut select = connection.prepare_cached("SELECT number, length FROM pack ORDER BY number")?;
    select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// Adds an empty one.
pub(crate) fn insert(connection: &Connection, number: u32) -> rusqlite::Result<()> {
    connection.prepare_cached("INSERT INTO pack (number, length) VALUES (?1, 0)")?.execute([number])?;
    Ok(())
}

/// Records that it is this long now.
pub(crate) fn set_length(connection: &Connection, number: u32, length: u64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE pack SET length = ?2 WHERE number = ?1")?
        .execute(params![number, length])?;
    Ok(())
}
