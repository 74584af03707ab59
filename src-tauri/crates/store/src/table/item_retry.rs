//! `item_retry`: messages that failed on their own and are owed.

use crate::{
    codec::{instant, ms, opt_instant, opt_ms, unexpected},
    failure_json::{failure_json, opt_failure},
};
use rusqlite::{Connection, params};
use tandem_domain::{ids::MailboxId, item_retry::OwedItem, ledger::ServerIdentity};

/// Owes a message, or puts off its next try.
pub(crate) fn put(connection: &Connection, folder: i64, item: &OwedItem) -> rusqlite::Result<()> {
    let mut upsert = connection.prepare_cached(
        "INSERT INTO item_retry (folder, identity, size, received_at, failures, next_at, failure)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (folder, identity) DO UPDATE SET size = ?3, received_at = ?4, failures = ?5, next_at = ?6,
            failure = ?7",
    )?;
    upsert.execute(params![
        folder,
        item.identity.0,
        item.size,
        opt_ms(item.received_at),
        item.failures,
        ms(item.next_at),
        failure_json(&item.why),
    ])?;
    Ok(())
}

/// A message is owed no longer.
pub(crate) fn remove(
    connection: &Connection,
    folder: i64,
    identity: &ServerIdentity,
) -> rusqlite::Result<()> {
    let mut delete =
        connection.prepare_cached("DELETE FROM item_retry WHERE folder = ?1 AND identity = ?2")?;
    delete.execute(params![folder, identity.0])?;
    Ok(())
}

/// The messages of a folder that are owed, the next to be tried first.
pub(crate) fn of_folder(connection: &Connection, folder: i64) -> rusqlite::Result<Vec<OwedItem>> {
    let mut select = connection.prepare_cached(
        "SELECT identity, size, received_at, failures, next_at, failure FROM item_retry WHERE folder = ?1
         ORDER BY next_at, identity",
    )?;
    let found = select.query_map([folder], |row| {
        Ok(OwedItem {
            identity: ServerIdentity(row.get("identity")?),
            size: row.get("size")?,
            received_at: opt_instant(row, "received_at")?,
            failures: row.get("failures")?,
            next_at: instant(row, "next_at")?,
            why: opt_failure(row, "failure")?.ok_or_else(|| unexpected("failure", "", "failure"))?,
        })
    })?;
    found.collect()
}

/// How many messages of each mailbox are owed.
pub(crate) fn count_by_mailbox(connection: &Connection) -> rusqlite::Result<Vec<(MailboxId, u32)>> {
    let mut select = connection.prepare_cached(
        "SELECT folder.mailbox AS mailbox, count(*) AS owed
         FROM item_retry JOIN folder ON folder.row = item_retry.folder GROUP BY folder.mailbox",
    )?;
    select.query_map([], |row| Ok((MailboxId(row.get("mailbox")?), row.get("owed")?)))?.collect()
}
