//! `email_party` and `email_party_match`: who takes part in an email, and whom the addresses resolved to.

use crate::{
    codec::{opt_address, word},
    table::directory,
};
use rusqlite::{Connection, Row, params};
use tandem_domain::{
    address::Mention,
    directory::PartyMatch,
    email::{Party, PartyRole},
};

/// How many parties a list shows.
const IN_LISTS: u32 = 20;

/// Adds the parties of a new email.
pub(crate) fn insert(connection: &Connection, email: i64, parties: &[Party]) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO email_party (email, position, role, written, address, name) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for (position, party) in (0_u32..).zip(parties) {
        insert.execute(params![
            email,
            position,
            party.role.as_str(),
            party.mention.written,
            party.mention.address.as_ref().map(tandem_domain::address::EmailAddress::as_str),
            party.mention.name,
        ])?;
        if !party.resolved.is_empty() {
            insert_matches(connection, email, position, &party.resolved)?;
        }
    }
    Ok(())
}

/// The parties of an email with all that they resolved to.
pub(crate) fn of_email(connection: &Connection, email: i64) -> rusqlite::Result<Vec<Party>> {
    let mut select = connection.prepare_cached(
        "SELECT position, role, written, address, name FROM email_party WHERE email = ?1 ORDER BY position",
    )?;
    let mut matches = connection.prepare_cached(
        "SELECT record, kind, name FROM email_party_match WHERE email = ?1 AND position = ?2",
    )?;
    let mut rows = select.query([email])?;
    let mut parties = Vec::new();
    while let Some(row) = rows.next()? {
        let position: u32 = row.get("position")?;
        let resolved = matches.query_map(params![email, position], |row| {
            Ok(PartyMatch { id: directory::id(row, "record", "kind")?, name: row.get("name")? })
        })?;
        let resolved = resolved.collect::<Result<_, _>>()?;
        parties.push(Party { role: role(row)?, mention: mention(row)?, resolved });
    }
    Ok(parties)
}

/// The first parties of an email, for a list.
pub(crate) fn first(connection: &Connection, email: i64) -> rusqlite::Result<Vec<(PartyRole, Mention)>> {
    let mut select = connection.prepare_cached(
        "SELECT role, written, address, name FROM email_party WHERE email = ?1 ORDER BY position LIMIT ?2",
    )?;
    select.query_map(params![email, IN_LISTS], |row| Ok((role(row)?, mention(row)?)))?.collect()
}

fn insert_matches(
    connection: &Connection,
    email: i64,
    position: u32,
    resolved: &[PartyMatch],
) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO email_party_match (email, position, record, kind, name) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO NOTHING",
    )?;
    for one in resolved {
        insert.execute(params![email, position, one.id.uuid(), one.id.kind(), one.name])?;
    }
    Ok(())
}

fn role(row: &Row<'_>) -> rusqlite::Result<PartyRole> {
    word(row, "role", PartyRole::from_word)
}

fn mention(row: &Row<'_>) -> rusqlite::Result<Mention> {
    Ok(Mention {
        written: row.get("written")?,
        address: opt_address(row, "address")?,
        name: row.get("name")?,
    })
}
