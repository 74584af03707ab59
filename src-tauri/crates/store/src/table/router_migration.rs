//! `router_migration`: Email Router migrations that were applied.

use crate::{
    codec::{instant, ms, opt_instant},
    migration::{AppliedMigration, NewMigration},
};
use rusqlite::{Connection, OptionalExtension, params};
use tandem_domain::Instant;

/// Adds one.
pub(crate) fn insert(connection: &Connection, new: &NewMigration, at: Instant) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO router_migration (plan, applied_at, export_before, undo, result) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![new.plan, ms(at), new.export_before, new.undo, new.result],
    )?;
    Ok(())
}

/// The latest one.
pub(crate) fn latest(connection: &Connection) -> rusqlite::Result<Option<AppliedMigration>> {
    let mut select = connection.prepare_cached(
        "SELECT plan, applied_at, undone_at, export_before, undo, result FROM router_migration
         ORDER BY row DESC LIMIT 1",
    )?;
    let read = |row: &rusqlite::Row<'_>| {
        Ok(AppliedMigration {
            applied_at: instant(row, "applied_at")?,
            undone_at: opt_instant(row, "undone_at")?,
            recorded: NewMigration {
                plan: row.get("plan")?,
                export_before: row.get("export_before")?,
                undo: row.get("undo")?,
                result: row.get("result")?,
            },
        })
    };
    select.query_row([], read).optional()
}

/// Marks the latest one as undone.
pub(crate) fn undone(connection: &Connection, at: Instant) -> rusqlite::Result<()> {
    connection.execute(
        "UPDATE router_migration SET undone_at = ?1 WHERE row = (SELECT max(row) FROM router_migration)",
        [ms(at)],
    )?;
    Ok(())
}
