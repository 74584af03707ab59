//! `profile_alert`: the owner of a profile, and whether and when an email about its trouble was sent.

use crate::codec::ms;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::HashMap;
use tandem_domain::{
    Instant,
    alert_rules::ProfileAlerts,
    ids::{ProfileId, UserId},
};
use uuid::Uuid;

/// Those of all profiles that have any.
pub(crate) fn all(connection: &Connection) -> rusqlite::Result<HashMap<ProfileId, ProfileAlerts>> {
    let mut select =
        connection.prepare_cached("SELECT profile, owner, send_alert_email FROM profile_alert")?;
    let found = select.query_map([], |row| {
        let owner: Option<Uuid> = row.get(1)?;
        let alerts = ProfileAlerts { owner: owner.map(UserId), send_alert_email: row.get(2)? };
        Ok((ProfileId(row.get(0)?), alerts))
    })?;
    found.collect()
}

/// Changes those of a profile.
pub(crate) fn upsert(
    connection: &Connection,
    profile: ProfileId,
    alerts: &ProfileAlerts,
) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO profile_alert (profile, owner, send_alert_email) VALUES (?1, ?2, ?3)
         ON CONFLICT (profile) DO UPDATE SET owner = ?2, send_alert_email = ?3",
        params![profile.0, alerts.owner.map(|owner| owner.0), alerts.send_alert_email],
    )?;
    Ok(())
}

/// Takes the turn to send an email about a profile: whether none was tried since `since`. Whoever gets it is the only
/// one, also when the sending fails.
pub(crate) fn take_turn(
    connection: &Connection,
    profile: ProfileId,
    since: Instant,
    now: Instant,
) -> rusqlite::Result<bool> {
    let changed = connection.execute(
        "UPDATE profile_alert SET last_email_at = ?3
         WHERE profile = ?1 AND send_alert_email AND (last_email_at IS NULL OR last_email_at <= ?2)",
        params![profile.0, ms(since), ms(now)],
    )?;
    Ok(changed > 0)
}

/// When an email about a profile was last tried.
pub(crate) fn last_email_at(connection: &Connection, profile: ProfileId) -> rusqlite::Result<Option<i64>> {
    let mut select =
        connection.prepare_cached("SELECT last_email_at FROM profile_alert WHERE profile = ?1")?;
    Ok(select.query_row([profile.0], |row| row.get(0)).optional()?.flatten())
}
