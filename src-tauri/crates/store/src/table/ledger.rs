//! `ledger`: one explained decision for every message ever seen on a server.

use crate::{
    codec::{instant, ms, opt_address, opt_instant, opt_message_id, opt_ms, word},
    failure_json::{trace, trace_json},
    query::Conditions,
    view::{LedgerEntry, LedgerFilter},
};
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};
use tandem_domain::{
    Instant,
    address::MessageId,
    failure::{Failure, FailureCode},
    ids::{CycleId, EmailId, MailboxId},
    item_retry::OwedItem,
    ledger::{Decision, LedgerRow, ServerIdentity},
};
use uuid::Uuid;

/// Whether a message was decided already.
pub(crate) fn is_seen(
    connection: &Connection,
    folder: i64,
    identity: &ServerIdentity,
) -> rusqlite::Result<bool> {
    let mut select = connection.prepare_cached("SELECT 1 FROM ledger WHERE folder = ?1 AND identity = ?2")?;
    select.exists(params![folder, identity.0])
}

/// Names every decided message of a folder whose copy was not deleted on the server by us.
pub(crate) fn each_kept(
    connection: &Connection,
    folder: i64,
    mut visit: impl FnMut(&str),
) -> rusqlite::Result<()> {
    let mut select = connection
        .prepare_cached("SELECT identity FROM ledger WHERE folder = ?1 AND server_copy <> 'deleted'")?;
    let mut rows = select.query([folder])?;
    while let Some(row) = rows.next()? {
        visit(row.get_ref(0)?.as_str()?);
    }
    Ok(())
}

/// The record that was made of a message, or that it is a duplicate of, when it was decided already.
pub(crate) fn email_of(
    connection: &Connection,
    folder: i64,
    identity: &ServerIdentity,
) -> rusqlite::Result<Option<EmailId>> {
    let mut select =
        connection.prepare_cached("SELECT email FROM ledger WHERE folder = ?1 AND identity = ?2")?;
    let found =
        select.query_row(params![folder, identity.0], |row| row.get::<_, Option<Uuid>>(0)).optional()?;
    Ok(found.flatten().map(EmailId))
}

/// Writes a decision; a later one about the same message replaces it. `deletes`: the mailbox wants the server's copies
/// of processed messages deleted.
pub(crate) fn upsert(
    connection: &Connection,
    folder: i64,
    row: &LedgerRow,
    deletes: bool,
) -> rusqlite::Result<()> {
    let mut upsert = connection.prepare_cached(
        "INSERT INTO ledger (folder, identity, message_id, received_at, size, decision, trace, email, cycle,
            decided_at, server_copy)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         ON CONFLICT (folder, identity) DO UPDATE SET message_id = ?3, received_at = ?4, size = ?5, decision = ?6,
            trace = ?7, email = ?8, cycle = ?9, decided_at = ?10,
            server_copy = CASE server_copy WHEN 'deleted' THEN 'deleted' ELSE ?11 END",
    )?;
    upsert.execute(params![
        folder,
        row.identity.0,
        row.message_id.as_ref().map(MessageId::as_str),
        opt_ms(row.received_at),
        row.size,
        row.decision.as_str(),
        trace_json(&row.trace),
        row.email.map(|email| email.0),
        row.cycle.0,
        ms(row.decided_at),
        if deletes && is_processed(row.decision) { "to_delete" } else { "kept" },
    ])?;
    Ok(())
}

/// Turns a message that was given up into one that is owed and due at once. `None`: none with this identity was.
pub(crate) fn owe_again(
    connection: &Connection,
    folder: i64,
    identity: &ServerIdentity,
    at: Instant,
) -> rusqlite::Result<Option<OwedItem>> {
    let mut update = connection.prepare_cached(
        "UPDATE ledger SET decision = ?3 WHERE folder = ?1 AND identity = ?2 AND decision = ?4
         RETURNING size, received_at, trace",
    )?;
    let (now, before) = (Decision::Retrying.as_str(), Decision::Undeliverable.as_str());
    let found = update.query_row(params![folder, identity.0, now, before], |row| {
        let said = trace(row, "trace")?.pop().map_or_else(String::new, |step| step.detail);
        Ok(OwedItem {
            identity: identity.clone(),
            size: row.get("size")?,
            received_at: opt_instant(row, "received_at")?,
            failures: 0,
            next_at: at,
            why: Failure::transient_item(FailureCode::MessageUnavailable, said),
        })
    });
    found.optional()
}

/// Identities whose copy on the server is to be deleted, oldest first.
pub(crate) fn to_delete(connection: &Connection, folder: i64) -> rusqlite::Result<Vec<ServerIdentity>> {
    let mut select = connection.prepare_cached(
        "SELECT identity FROM ledger WHERE folder = ?1 AND server_copy = 'to_delete' ORDER BY row",
    )?;
    select.query_map([folder], |row| row.get(0).map(ServerIdentity))?.collect()
}

/// Records that the server's copy is gone.
pub(crate) fn deleted(
    connection: &Connection,
    folder: i64,
    identity: &ServerIdentity,
    at: Instant,
) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached(
        "UPDATE ledger SET server_copy = 'deleted', deleted_at = ?3 WHERE folder = ?1 AND identity = ?2",
    )?;
    update.execute(params![folder, identity.0, ms(at)])?;
    Ok(())
}

/// The mailboxes in which a Message-ID was seen.
pub(crate) fn mailboxes_that_saw(
    connection: &Connection,
    message_id: &MessageId,
) -> rusqlite::Result<Vec<MailboxId>> {
    let mut select = connection.prepare_cached(
        "SELECT DISTINCT folder.mailbox FROM ledger JOIN folder ON folder.row = ledger.folder
         WHERE ledger.message_id = ?1",
    )?;
    select.query_map([message_id.as_str()], |row| row.get::<_, Uuid>(0).map(MailboxId))?.collect()
}

/// Every identity decided in a folder with its decision, in the order decided.
pub(crate) fn identities(
    connection: &Connection,
    folder: i64,
) -> rusqlite::Result<Vec<(ServerIdentity, Decision)>> {
    let mut select =
        connection.prepare_cached("SELECT identity, decision FROM ledger WHERE folder = ?1 ORDER BY row")?;
    let found = select.query_map([folder], |row| {
        Ok((ServerIdentity(row.get(0)?), word(row, "decision", Decision::from_word)?))
    })?;
    found.collect()
}

/// One page of the ledger, the latest first.
pub(crate) fn page(
    connection: &Connection,
    filter: &LedgerFilter,
    limit: u32,
) -> rusqlite::Result<Vec<LedgerEntry>> {
    let mut conditions = Conditions::default();
    if let Some(mailbox) = filter.mailbox {
        // The plus keeps the order of rows, so that the latest are found without reading all of a mailbox.
        conditions.add(
            "+ledger.folder IN (SELECT row FROM folder WHERE mailbox = ?)",
            mailbox.0.as_bytes().to_vec(),
        );
    }
    if let Some(decision) = filter.decision {
        conditions.add("ledger.decision = ?", decision.as_str().to_owned());
    }
    if let Some(message_id) = &filter.message_id {
        conditions.add("ledger.message_id = ?", message_id.as_str().to_owned());
    }
    if let Some(row) = filter.after {
        conditions.add("ledger.row < ?", row);
    }
    let sql = format!(
        "SELECT ledger.*, folder.mailbox, folder.name, mailbox.email AS mailbox_email FROM ledger
         JOIN folder ON folder.row = ledger.folder LEFT JOIN mailbox ON mailbox.id = folder.mailbox
         {} ORDER BY ledger.row DESC LIMIT {limit}",
        conditions.where_clause()
    );
    let mut select = connection.prepare_cached(&sql)?;
    select.query_map(params_from_iter(conditions.values()), read)?.collect()
}

/// Whether a decision means that the message was taken care of, so that the server's copy may go. What was not
/// accepted, not fetched or not readable stays where it is.
const fn is_processed(decision: Decision) -> bool {
    matches!(decision, Decision::Promoted | Decision::Duplicate | Decision::TestMessage)
}

fn read(row: &Row<'_>) -> rusqlite::Result<LedgerEntry> {
    Ok(LedgerEntry {
        key: row.get("row")?,
        row: LedgerRow {
            mailbox: MailboxId(row.get("mailbox")?),
            folder: row.get("name")?,
            identity: ServerIdentity(row.get("identity")?),
            message_id: opt_message_id(row, "message_id")?,
            received_at: opt_instant(row, "received_at")?,
            size: row.get("size")?,
            decision: word(row, "decision", Decision::from_word)?,
            trace: trace(row, "trace")?,
            email: row.get::<_, Option<Uuid>>("email")?.map(EmailId),
            cycle: CycleId(row.get("cycle")?),
            decided_at: instant(row, "decided_at")?,
        },
        mailbox_email: opt_address(row, "mailbox_email")?,
        deleted_at: opt_instant(row, "deleted_at")?,
    })
}
