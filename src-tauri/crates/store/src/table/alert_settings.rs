//! `alert_settings`: which alerts are raised, for whom, and how long cleared ones are kept.

use rusqlite::{Connection, params};
use tandem_domain::alert_rules::AlertSettings;

/// The settings.
pub(crate) fn get(connection: &Connection) -> rusqlite::Result<AlertSettings> {
    let mut select = connection.prepare_cached(
        "SELECT errors, warnings, information, notify_mailbox_owner, keep_cleared_days FROM alert_settings",
    )?;
    select.query_row([], |row| {
        Ok(AlertSettings {
            errors: row.get(0)?,
            warnings: row.get(1)?,
            information: row.get(2)?,
            notify_mailbox_owner: row.get(3)?,
            keep_cleared_days: row.get(4)?,
        })
    })
}

/// Changes the settings.
pub(crate) fn update(connection: &Connection, settings: &AlertSettings) -> rusqlite::Result<()> {
    connection.execute(
        "UPDATE alert_settings SET errors = ?1, warnings = ?2, information = ?3, notify_mailbox_owner = ?4,
            keep_cleared_days = ?5",
        params![
            settings.errors,
            settings.warnings,
            settings.information,
            settings.notify_mailbox_owner,
            settings.keep_cleared_days,
        ],
    )?;
    Ok(())
}
