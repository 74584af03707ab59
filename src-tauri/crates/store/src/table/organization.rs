//! `organization`: the one organization of a data folder, and its settings.

use crate::codec::{ms, word};
use rusqlite::{Connection, OptionalExtension, params};
use tandem_domain::{
    Instant,
    ids::OrganizationId,
    settings::{OrganizationSettings, ProcessEmailUsing},
};
use uuid::Uuid;

/// The organization's id; founds it when the database is new.
pub(crate) fn found(connection: &Connection, now: Instant) -> rusqlite::Result<OrganizationId> {
    let id = || {
        connection
            .query_row("SELECT id FROM organization", [], |row| row.get::<_, Uuid>(0).map(OrganizationId))
            .optional()
    };
    if let Some(id) = id()? {
        return Ok(id);
    }
    let settings = OrganizationSettings::default();
    // Another process may found it at the same moment; the first one wins.
    connection.execute(
        "INSERT INTO organization (only_one, id, created_at, allow_plain_connections, require_approval,
            cycle_interval_minutes, max_delivery_attempts, max_message_bytes)
         VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
        params![
            Uuid::new_v4(),
            ms(now),
            settings.allow_plain_connections,
            settings.require_approval,
            settings.cycle_interval_minutes,
            settings.max_delivery_attempts,
            settings.max_message_bytes,
        ],
    )?;
    id()?.ok_or(rusqlite::Error::QueryReturnedNoRows)
}

/// The settings.
pub(crate) fn settings(connection: &Connection) -> rusqlite::Result<OrganizationSettings> {
    let mut select = connection.prepare_cached(
        "SELECT allow_plain_connections, require_approval, cycle_interval_minutes, max_delivery_attempts,
            max_message_bytes, process_email_using FROM organization",
    )?;
    select.query_row([], |row| {
        Ok(OrganizationSettings {
            allow_plain_connections: row.get(0)?,
            require_approval: row.get(1)?,
            cycle_interval_minutes: row.get(2)?,
            max_delivery_attempts: row.get(3)?,
            max_message_bytes: row.get(4)?,
            process_email_using: word(row, "process_email_using", ProcessEmailUsing::from_word)?,
        })
    })
}

/// Changes the settings.
pub(crate) fn update(connection: &Connection, settings: &OrganizationSettings) -> rusqlite::Result<()> {
    connection.execute(
        "UPDATE organization SET allow_plain_connections = ?1, require_approval = ?2,
            cycle_interval_minutes = ?3, max_delivery_attempts = ?4, max_message_bytes = ?5, process_email_using = ?6",
        params![
            settings.allow_plain_connections,
            settings.require_approval,
            settings.cycle_interval_minutes,
            settings.max_delivery_attempts,
            settings.max_message_bytes,
            settings.process_email_using.as_str(),
        ],
    )?;
    Ok(())
}
