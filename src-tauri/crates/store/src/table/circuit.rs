//! `circuit`: whether a profile's server is reachable, one row per direction.

use crate::{
    codec::{instant, ms, opt_instant, opt_ms, opt_word, word},
    failure_json::{opt_failure, opt_failure_json},
};
use rusqlite::{Connection, OptionalExtension, Row, params};
use tandem_domain::{
    breaker::{Circuit, Outage},
    failure::FailureCode,
    ids::{MailboxId, ProfileId},
    workload::Workload,
};
use uuid::Uuid;

const COLUMNS: &str =
    "profile, workload, suspect, suspect_code, since, failure, failed_probes, probe_at, probing";

/// One circuit; a closed one where there is no row.
pub(crate) fn get(
    connection: &Connection,
    profile: ProfileId,
    workload: Workload,
) -> rusqlite::Result<Circuit> {
    let mut select = connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM circuit WHERE profile = ?1 AND workload = ?2"))?;
    let found = select.query_row(params![profile.0, workload.as_str()], read).optional()?;
    Ok(found.map(|(_, circuit)| circuit).unwrap_or_default())
}

/// All that are known, of one profile or of every one.
pub(crate) fn all(
    connection: &Connection,
    profile: Option<ProfileId>,
) -> rusqlite::Result<Vec<((ProfileId, Workload), Circuit)>> {
    let mut select = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM circuit WHERE ?1 IS NULL OR profile = ?1 ORDER BY profile, workload"
    ))?;
    select.query_map([profile.map(|profile| profile.0)], read)?.collect()
}

/// Keeps a circuit; one of which there is nothing to know has no row.
pub(crate) fn put(
    connection: &Connection,
    profile: ProfileId,
    workload: Workload,
    circuit: &Circuit,
) -> rusqlite::Result<()> {
    if *circuit == Circuit::default() {
        let mut delete =
            connection.prepare_cached("DELETE FROM circuit WHERE profile = ?1 AND workload = ?2")?;
        delete.execute(params![profile.0, workload.as_str()])?;
        return Ok(());
    }
    let outage = circuit.outage.as_ref();
    let mut upsert = connection.prepare_cached(
        "INSERT INTO circuit (profile, workload, suspect, since, failure, failed_probes, probe_at, probing,
            suspect_code)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (profile, workload) DO UPDATE SET suspect = ?3, since = ?4, failure = ?5, failed_probes = ?6,
            probe_at = ?7, probing = ?8, suspect_code = ?9",
    )?;
    upsert.execute(params![
        profile.0,
        workload.as_str(),
        circuit.suspect.map(|(one, _)| one.0),
        outage.map(|one| ms(one.since)),
        opt_failure_json(outage.map(|one| &one.why)),
        outage.map_or(0, |one| one.failed_probes),
        opt_ms(outage.and_then(|one| one.probe_at)),
        outage.and_then(|one| one.probing).map(|one| one.0),
        circuit.suspect.map(|(_, code)| code.as_str()),
    ])?;
    Ok(())
}

/// The mailbox takes the probe of an open circuit.
pub(crate) fn take_probe(
    connection: &Connection,
    profile: ProfileId,
    workload: Workload,
    mailbox: MailboxId,
) -> rusqlite::Result<()> {
    let mut update =
        connection.prepare_cached("UPDATE circuit SET probing = ?3 WHERE profile = ?1 AND workload = ?2")?;
    update.execute(params![profile.0, workload.as_str(), mailbox.0])?;
    Ok(())
}

/// The mailbox no longer holds a probe.
pub(crate) fn free_probe(
    connection: &Connection,
    mailbox: MailboxId,
    workload: Workload,
) -> rusqlite::Result<()> {
    let mut update = connection
        .prepare_cached("UPDATE circuit SET probing = NULL WHERE probing = ?1 AND workload = ?2")?;
    update.execute(params![mailbox.0, workload.as_str()])?;
    Ok(())
}

/// Nobody holds a probe.
pub(crate) fn free_probes(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("UPDATE circuit SET probing = NULL WHERE probing IS NOT NULL", [])?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<((ProfileId, Workload), Circuit)> {
    let id = |column| Ok::<_, rusqlite::Error>(row.get::<_, Option<Uuid>>(column)?.map(MailboxId));
    let outage = match (opt_instant(row, "since")?, opt_failure(row, "failure")?) {
        (Some(_), Some(why)) => Some(Outage {
            since: instant(row, "since")?,
            why,
            failed_probes: row.get("failed_probes")?,
            probe_at: opt_instant(row, "probe_at")?,
            probing: id("probing")?,
        }),
        _ => None,
    };
    let key = (ProfileId(row.get("profile")?), word(row, "workload", Workload::from_word)?);
    let suspect = id("suspect")?.zip(opt_word(row, "suspect_code", FailureCode::from_word)?);
    Ok((key, Circuit { suspect, outage }))
}
