//! `alert`: what a person should know or do, once per cause.

use crate::codec::{instant, ms, opt_instant, opt_ms, unexpected, word};
use rusqlite::{Connection, Row, params};
use tandem_domain::{
    Instant,
    alert::{Alert, AlertCode, AlertLevel, AlertObject, NewAlert},
    ids::{AlertId, EmailId, MailboxId, ProfileId},
    workload::Workload,
};
use uuid::Uuid;

/// Raises an alert, or merges it with the open one of the same object and code.
pub(crate) fn raise(connection: &Connection, alert: &NewAlert, at: Instant) -> rusqlite::Result<()> {
    let (object, workload) = object_columns(alert.object);
    let mut upsert = connection.prepare_cached(
        "INSERT INTO alert (id, level, scope, object, workload, code, detail, retry_at, first_seen_at, last_seen_at,
            count)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, 1)
         ON CONFLICT (scope, object, workload, code) WHERE cleared_at IS NULL
         DO UPDATE SET level = ?2, detail = ?7, retry_at = ?8, last_seen_at = ?9, count = count + 1",
    )?;
    upsert.execute(params![
        Uuid::new_v4(),
        alert.level.as_str(),
        alert.object.scope(),
        object,
        workload,
        alert.code.as_str(),
        alert.detail,
        opt_ms(alert.retry_at),
        ms(at),
    ])?;
    Ok(())
}

/// Clears open alerts of an object: those of one code, or all whose cause a success ends. A message in quarantine is
/// not unread for a cycle that went well. How many.
pub(crate) fn clear(
    connection: &Connection,
    object: AlertObject,
    code: Option<AlertCode>,
    at: Instant,
) -> rusqlite::Result<usize> {
    let (id, workload) = object_columns(object);
    let mut update = connection.prepare_cached(
        "UPDATE alert SET cleared_at = ?1
         WHERE cleared_at IS NULL AND scope = ?2 AND object = ?3 AND workload = ?4
            AND (code = ?5 OR (?5 IS NULL AND code <> ?6))",
    )?;
    let stays = AlertCode::MessageQuarantined.as_str();
    update.execute(params![ms(at), object.scope(), id, workload, code.map(AlertCode::as_str), stays])
}

/// Clears all open alerts of an object that goes away. How many.
pub(crate) fn clear_deleted(
    connection: &Connection,
    object: AlertObject,
    at: Instant,
) -> rusqlite::Result<usize> {
    let (id, workload) = object_columns(object);
    let mut update = connection.prepare_cached(
        "UPDATE alert SET cleared_at = ?1
         WHERE cleared_at IS NULL AND scope = ?2 AND object = ?3 AND workload = ?4",
    )?;
    update.execute(params![ms(at), object.scope(), id, workload])
}

/// Forgets alerts that were cleared before an instant, and clears information of before. How many.
pub(crate) fn tidy(connection: &Connection, before: Instant, now: Instant) -> rusqlite::Result<usize> {
    let forgotten = connection.execute("DELETE FROM alert WHERE cleared_at < ?1", [ms(before)])?;
    let over = connection.execute(
        "UPDATE alert SET cleared_at = ?2 WHERE cleared_at IS NULL AND level = ?3 AND last_seen_at < ?1",
        params![ms(before), ms(now), AlertLevel::Information.as_str()],
    )?;
    Ok(forgotten + over)
}

/// Clears one alert that a person has dealt with. Whether it was open.
pub(crate) fn clear_one(connection: &Connection, id: AlertId, at: Instant) -> rusqlite::Result<bool> {
    let mut update =
        connection.prepare_cached("UPDATE alert SET cleared_at = ?2 WHERE id = ?1 AND cleared_at IS NULL")?;
    Ok(update.execute(params![id.0, ms(at)])? > 0)
}

/// Open alerts, or cleared ones, the latest first.
pub(crate) fn list(
    connection: &Connection,
    state: crate::view::AlertState,
    limit: u32,
) -> rusqlite::Result<Vec<Alert>> {
    let condition = match state {
        crate::view::AlertState::Open => "cleared_at IS NULL",
        crate::view::AlertState::Cleared => "cleared_at IS NOT NULL",
    };
    let mut select = connection.prepare_cached(&format!(
        "SELECT * FROM alert WHERE {condition} ORDER BY last_seen_at DESC, row DESC LIMIT ?1"
    ))?;
    select.query_map([limit], read)?.collect()
}

/// How many open alerts there are of this level.
pub(crate) fn count_open(connection: &Connection, level: AlertLevel) -> rusqlite::Result<u64> {
    let mut select =
        connection.prepare_cached("SELECT count(*) FROM alert WHERE cleared_at IS NULL AND level = ?1")?;
    select.query_row([level.as_str()], |row| row.get(0))
}

fn object_columns(object: AlertObject) -> (Uuid, &'static str) {
    match object {
        AlertObject::Email(id) => (id.0, ""),
        AlertObject::Mailbox(id, workload) => (id.0, workload.as_str()),
        AlertObject::Profile(id) => (id.0, ""),
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Alert> {
    let object: Uuid = row.get("object")?;
    let object = match row.get_ref("scope")?.as_str()? {
        "email" => AlertObject::Email(EmailId(object)),
        "mailbox" => AlertObject::Mailbox(MailboxId(object), word(row, "workload", Workload::from_word)?),
        "profile" => AlertObject::Profile(ProfileId(object)),
        other => return Err(unexpected("scope", other, "scope")),
    };
    Ok(Alert {
        id: AlertId(row.get("id")?),
        raised: NewAlert {
            level: word(row, "level", AlertLevel::from_word)?,
            object,
            code: word(row, "code", AlertCode::from_word)?,
            detail: row.get("detail")?,
            retry_at: opt_instant(row, "retry_at")?,
        },
        first_seen_at: instant(row, "first_seen_at")?,
        last_seen_at: instant(row, "last_seen_at")?,
        count: row.get("count")?,
        cleared_at: opt_instant(row, "cleared_at")?,
    })
}
