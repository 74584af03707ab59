//! `profile` and `profile_endpoint`: email server profiles.

use crate::codec::{lines, opt_instant, opt_ms, word};
use rusqlite::{Connection, OptionalExtension, Row, params};
use tandem_domain::{
    ids::ProfileId,
    profile::{AuthenticateUsing, CertificateTrust, EmailServerProfile, Endpoint, Security, ServerType},
    send_limits::SendLimits,
};
use uuid::Uuid;

const COLUMNS: &str = "id, name, description, server_type, active, authenticate_using, user_name,
    process_emails_from, max_concurrent_connections, min_polling_interval_minutes, send_limit_recipients_per_day,
    send_limit_messages_per_minute";

/// One profile.
pub(crate) fn get(connection: &Connection, id: ProfileId) -> rusqlite::Result<Option<EmailServerProfile>> {
    let mut select = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM profile WHERE id = ?1"))?;
    let Some(mut profile) = select.query_row([id.0], read).optional()? else { return Ok(None) };
    add_endpoints(connection, &mut profile)?;
    Ok(Some(profile))
}

/// All profiles by name.
pub(crate) fn all(connection: &Connection) -> rusqlite::Result<Vec<EmailServerProfile>> {
    let mut select =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM profile ORDER BY name_key"))?;
    let mut profiles = select.query_map([], read)?.collect::<Result<Vec<_>, _>>()?;
    for profile in &mut profiles {
        add_endpoints(connection, profile)?;
    }
    Ok(profiles)
}

/// The profile with this name, without case.
pub(crate) fn id_by_name(connection: &Connection, name: &str) -> rusqlite::Result<Option<ProfileId>> {
    let mut select = connection.prepare_cached("SELECT id FROM profile WHERE name_key = ?1")?;
    select.query_row([name_key(name)], |row| row.get::<_, Uuid>(0).map(ProfileId)).optional()
}

/// Creates or updates a profile.
pub(crate) fn upsert(connection: &Connection, profile: &EmailServerProfile) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO profile (id, name, name_key, description, server_type, active, authenticate_using, user_name,
            process_emails_from, max_concurrent_connections, min_polling_interval_minutes,
            send_limit_recipients_per_day, send_limit_messages_per_minute)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
         ON CONFLICT (id) DO UPDATE SET name = ?2, name_key = ?3, description = ?4, server_type = ?5, active = ?6,
            authenticate_using = ?7, user_name = ?8, process_emails_from = ?9, max_concurrent_connections = ?10,
            min_polling_interval_minutes = ?11, send_limit_recipients_per_day = ?12,
            send_limit_messages_per_minute = ?13",
        params![
            profile.id.0,
            profile.name,
            name_key(&profile.name),
            profile.description,
            profile.server_type.as_str(),
            profile.active,
            profile.authenticate_using.as_str(),
            profile.user_name,
            opt_ms(profile.process_emails_from),
            profile.max_concurrent_connections,
            profile.min_polling_interval_minutes,
            profile.send_limits.recipients_per_day,
            profile.send_limits.messages_per_minute,
        ],
    )?;
    connection.execute("DELETE FROM profile_endpoint WHERE profile = ?1", [profile.id.0])?;
    insert_endpoint(connection, profile.id, "incoming", profile.incoming.as_ref())?;
    insert_endpoint(connection, profile.id, "outgoing", profile.outgoing.as_ref())
}

/// Deletes a profile that no mailbox uses.
pub(crate) fn delete(connection: &Connection, id: ProfileId) -> rusqlite::Result<usize> {
    connection.execute("DELETE FROM profile WHERE id = ?1", [id.0])
}

/// The spelling in which names are compared.
pub(crate) fn name_key(name: &str) -> String {
    name.trim().to_lowercase()
}

fn insert_endpoint(
    connection: &Connection,
    profile: ProfileId,
    direction: &str,
    endpoint: Option<&Endpoint>,
) -> rusqlite::Result<()> {
    let Some(endpoint) = endpoint else { return Ok(()) };
    connection.execute(
        "INSERT INTO profile_endpoint (profile, direction, server, port, security, ca_file, pinned_sha256)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            profile.0,
            direction,
            endpoint.server,
            endpoint.port,
            endpoint.security.as_str(),
            endpoint.trust.ca_file,
            lines(&endpoint.trust.pinned_sha256),
        ],
    )?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<EmailServerProfile> {
    Ok(EmailServerProfile {
        id: ProfileId(row.get("id")?),
        name: row.get("name")?,
        description: row.get("description")?,
        server_type: word(row, "server_type", ServerType::from_word)?,
        active: row.get("active")?,
        incoming: None,
        outgoing: None,
        authenticate_using: word(row, "authenticate_using", AuthenticateUsing::from_word)?,
        user_name: row.get("user_name")?,
        process_emails_from: opt_instant(row, "process_emails_from")?,
        max_concurrent_connections: row.get("max_concurrent_connections")?,
        min_polling_interval_minutes: row.get("min_polling_interval_minutes")?,
        send_limits: SendLimits {
            recipients_per_day: row.get("send_limit_recipients_per_day")?,
            messages_per_minute: row.get("send_limit_messages_per_minute")?,
        },
    })
}

fn add_endpoints(connection: &Connection, profile: &mut EmailServerProfile) -> rusqlite::Result<()> {
    let mut select = connection.prepare_cached(
        "SELECT direction, server, port, security, ca_file, pinned_sha256 FROM profile_endpoint WHERE profile = ?1",
    )?;
    let mut rows = select.query([profile.id.0])?;
    while let Some(row) = rows.next()? {
        let pins = row.get_ref("pinned_sha256")?.as_str()?;
        let endpoint = Endpoint {
            server: row.get("server")?,
            port: row.get("port")?,
            security: word(row, "security", Security::from_word)?,
            trust: CertificateTrust {
                ca_file: row.get("ca_file")?,
                pinned_sha256: pins.lines().map(str::to_owned).collect(),
            },
        };
        match row.get_ref("direction")?.as_str()? {
            "incoming" => profile.incoming = Some(endpoint),
            _ => profile.outgoing = Some(endpoint),
        }
    }
    Ok(())
}
