//! `organization`: the one organization of a data folder, and its settings.

use crate::codec::{ms, word};
use rusqlite::{Connection, OptionalExtension, params};
use tandem_domain::{
    Instant,
    frequency::FrequencyPolicy,
    ids::OrganizationId,
    settings::{Capacity, OrganizationSettings, ProcessEmailUsing},
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
    // Another process may found it at the same moment; the first one wins.
    let added = connection.execute(
        "INSERT INTO organization (only_one, id, created_at, allow_plain_connections, require_approval,
            cycle_interval_minutes, max_delivery_attempts, max_message_bytes)
         VALUES (1, ?1, ?2, 0, 1, 0, 0, 0) ON CONFLICT DO NOTHING",
        params![Uuid::new_v4(), ms(now)],
    )?;
    if added > 0 {
        update(connection, &OrganizationSettings::default())?;
    }
    id()?.ok_or(rusqlite::Error::QueryReturnedNoRows)
}

/// The settings.
pub(crate) fn settings(connection: &Connection) -> rusqlite::Result<OrganizationSettings> {
    let mut select = connection.prepare_cached(
        "SELECT allow_plain_connections, require_approval, frequency, cycle_interval_minutes, max_delivery_attempts,
            max_message_bytes, max_incoming_cycles, max_outgoing_cycles, max_operations, cycle_seconds, cycle_mib,
            cycle_timeout_minutes, connect_timeout_seconds, read_timeout_seconds, push, test_batch_mailboxes,
            test_batch_hours, process_email_using, history_days FROM organization",
    )?;
    select.query_row([], |row| {
        Ok(OrganizationSettings {
            allow_plain_connections: row.get("allow_plain_connections")?,
            require_approval: row.get("require_approval")?,
            frequency: word(row, "frequency", FrequencyPolicy::from_word)?,
            cycle_interval_minutes: Some(row.get("cycle_interval_minutes")?).filter(|minutes| *minutes > 0),
            max_delivery_attempts: row.get("max_delivery_attempts")?,
            max_message_bytes: row.get("max_message_bytes")?,
            test_batch_mailboxes: row.get("test_batch_mailboxes")?,
            test_batch_hours: row.get("test_batch_hours")?,
            process_email_using: word(row, "process_email_using", ProcessEmailUsing::from_word)?,
            history_days: row.get("history_days")?,
            capacity: Capacity {
                max_incoming_cycles: row.get("max_incoming_cycles")?,
                max_outgoing_cycles: row.get("max_outgoing_cycles")?,
                max_operations: row.get("max_operations")?,
                cycle_seconds: row.get("cycle_seconds")?,
                cycle_mib: row.get("cycle_mib")?,
                cycle_timeout_minutes: row.get("cycle_timeout_minutes")?,
                connect_timeout_seconds: row.get("connect_timeout_seconds")?,
                read_timeout_seconds: row.get("read_timeout_seconds")?,
                push: row.get("push")?,
            },
        })
    })
}

/// Changes the settings.
pub(crate) fn update(connection: &Connection, settings: &OrganizationSettings) -> rusqlite::Result<()> {
    let capacity = &settings.capacity;
    connection.execute(
        "UPDATE organization SET allow_plain_connections = ?1, require_approval = ?2, frequency = ?3,
            cycle_interval_minutes = ?4, max_delivery_attempts = ?5, max_message_bytes = ?6,
            max_incoming_cycles = ?7, max_outgoing_cycles = ?8, max_operations = ?9, cycle_seconds = ?10,
            cycle_mib = ?11, cycle_timeout_minutes = ?12, connect_timeout_seconds = ?13,
            read_timeout_seconds = ?14, push = ?15, test_batch_mailboxes = ?16, test_batch_hours = ?17,
            process_email_using = ?18, history_days = ?19",
        params![
            settings.allow_plain_connections,
            settings.require_approval,
            settings.frequency.as_str(),
            settings.cycle_interval_minutes.unwrap_or(0),
            settings.max_delivery_attempts,
            settings.max_message_bytes,
            capacity.max_incoming_cycles,
            capacity.max_outgoing_cycles,
            capacity.max_operations,
            capacity.cycle_seconds,
            capacity.cycle_mib,
            capacity.cycle_timeout_minutes,
            capacity.connect_timeout_seconds,
            capacity.read_timeout_seconds,
            capacity.push,
            settings.test_batch_mailboxes,
            settings.test_batch_hours,
            settings.process_email_using.as_str(),
            settings.history_days,
        ],
    )?;
    Ok(())
}
