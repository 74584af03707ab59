//! `directory_entry` and `directory_address`: who an address belongs to.

use crate::{
    codec::{address, opt_word, unexpected},
    table::profile::name_key,
};
use rusqlite::{Connection, OptionalExtension, Row, params};
use tandem_domain::{
    address::EmailAddress,
    directory::{DirectoryEntry, DirectoryId, PartyMatch},
    settings::IncomingFilter,
};
use uuid::Uuid;

/// All records that an address resolves to, users and queues first.
pub(crate) fn resolve(connection: &Connection, address: &EmailAddress) -> rusqlite::Result<Vec<PartyMatch>> {
    let mut select = connection.prepare_cached(
        "SELECT entry.id, entry.kind, entry.name FROM directory_address
         JOIN directory_entry AS entry ON entry.id = directory_address.entry
         WHERE directory_address.address = ?1
         ORDER BY CASE entry.kind WHEN 'user' THEN 0 WHEN 'queue' THEN 1 WHEN 'contact' THEN 2 WHEN 'account' THEN 3
            ELSE 4 END, entry.name_key",
    )?;
    let found = select.query_map([address.as_str()], |row| {
        Ok(PartyMatch { id: id(row, "id", "kind")?, name: row.get("name")? })
    })?;
    found.collect()
}

/// One entry.
pub(crate) fn get(connection: &Connection, id: Uuid) -> rusqlite::Result<Option<DirectoryEntry>> {
    let mut select = connection
        .prepare_cached("SELECT id, kind, name, incoming_filter FROM directory_entry WHERE id = ?1")?;
    let Some(mut entry) = select.query_row([id], read).optional()? else { return Ok(None) };
    add_addresses(connection, &mut entry)?;
    Ok(Some(entry))
}

/// The name of a record, when it still exists.
pub(crate) fn name(connection: &Connection, id: Uuid) -> rusqlite::Result<Option<String>> {
    let mut select = connection.prepare_cached("SELECT name FROM directory_entry WHERE id = ?1")?;
    select.query_row([id], |row| row.get(0)).optional()
}

/// The name of a record and which mail is promoted for it, when it still exists.
pub(crate) fn name_and_filter(
    connection: &Connection,
    id: Uuid,
) -> rusqlite::Result<Option<(String, Option<IncomingFilter>)>> {
    let mut select =
        connection.prepare_cached("SELECT name, incoming_filter FROM directory_entry WHERE id = ?1")?;
    let found = select.query_row([id], |row| {
        Ok((row.get("name")?, opt_word(row, "incoming_filter", IncomingFilter::from_word)?))
    });
    found.optional()
}

/// Entries of one kind by name: those whose name or an address contains `search`, after the one named `after`.
pub(crate) fn page(
    connection: &Connection,
    kind: &str,
    search: &str,
    after: Option<&DirectoryEntry>,
    limit: u32,
) -> rusqlite::Result<Vec<DirectoryEntry>> {
    let mut select = connection.prepare_cached(
        "SELECT id, kind, name, incoming_filter FROM directory_entry
         WHERE kind = ?1 AND (name_key, id) > (?2, ?3)
           AND (?4 = '' OR instr(name_key, ?4) > 0 OR EXISTS (
                SELECT 1 FROM directory_address WHERE entry = directory_entry.id AND instr(address, ?4) > 0))
         ORDER BY name_key, id LIMIT ?5",
    )?;
    let (key, id) =
        after.map_or((String::new(), Uuid::nil()), |entry| (name_key(&entry.name), entry.id.uuid()));
    let found = select.query_map(params![kind, key, id, name_key(search), limit], read)?;
    let mut entries = found.collect::<Result<Vec<_>, _>>()?;
    for entry in &mut entries {
        add_addresses(connection, entry)?;
    }
    Ok(entries)
}

/// Creates or updates an entry and its addresses.
pub(crate) fn upsert(connection: &Connection, entry: &DirectoryEntry) -> rusqlite::Result<()> {
    let id = entry.id.uuid();
    connection.execute(
        "INSERT INTO directory_entry (id, kind, name, name_key, incoming_filter) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (id) DO UPDATE SET kind = ?2, name = ?3, name_key = ?4, incoming_filter = ?5",
        params![
            id,
            entry.id.kind(),
            entry.name,
            name_key(&entry.name),
            entry.incoming_filter.map(IncomingFilter::as_str),
        ],
    )?;
    connection.execute("DELETE FROM directory_address WHERE entry = ?1", [id])?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO directory_address (address, entry, position) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
    )?;
    // Position 0 is the primary address, also where there is none.
    for (position, address) in entry.email.iter().map(|one| (0, one)).chain((1..).zip(&entry.other_emails)) {
        insert.execute(params![address.as_str(), id, position])?;
    }
    Ok(())
}

/// Deletes an entry.
pub(crate) fn delete(connection: &Connection, id: DirectoryId) -> rusqlite::Result<usize> {
    connection
        .execute("DELETE FROM directory_entry WHERE id = ?1 AND kind = ?2", params![id.uuid(), id.kind()])
}

/// A record's id from two columns.
pub(crate) fn id(row: &Row<'_>, id: &str, kind: &str) -> rusqlite::Result<DirectoryId> {
    let word = row.get_ref(kind)?.as_str()?;
    DirectoryId::from_parts(word, row.get(id)?).ok_or_else(|| unexpected(kind, word, "kind of record"))
}

/// A record's id from two columns that may be empty.
pub(crate) fn opt_id(row: &Row<'_>, column: &str, kind: &str) -> rusqlite::Result<Option<DirectoryId>> {
    if row.get::<_, Option<Uuid>>(column)?.is_none() {
        return Ok(None);
    }
    id(row, column, kind).map(Some)
}

fn read(row: &Row<'_>) -> rusqlite::Result<DirectoryEntry> {
    Ok(DirectoryEntry {
        id: id(row, "id", "kind")?,
        name: row.get("name")?,
        email: None,
        other_emails: Vec::new(),
        incoming_filter: opt_word(row, "incoming_filter", IncomingFilter::from_word)?,
    })
}

fn add_addresses(connection: &Connection, entry: &mut DirectoryEntry) -> rusqlite::Result<()> {
    let mut select = connection.prepare_cached(
        "SELECT address, position FROM directory_address WHERE entry = ?1 ORDER BY position, address",
    )?;
    let mut rows = select.query([entry.id.uuid()])?;
    while let Some(row) = rows.next()? {
        let found = address(row, "address")?;
        match row.get("position")? {
            0 => entry.email = Some(found),
            _ => entry.other_emails.push(found),
        }
    }
    Ok(())
}
