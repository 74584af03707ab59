//! What Monitoring shows as a table for spreadsheets.

use crate::{
    spreadsheet::{self, number, plain, time},
    wire::MonitoringRow,
};

const HEAD: [&str; 20] = [
    "mailbox",
    "owner",
    "profile",
    "workload",
    "state",
    "since",
    "why",
    "last started",
    "last took ms",
    "last messages",
    "last error",
    "next",
    "why then",
    "average ms",
    "cycles 24 h",
    "failed cycles 24 h",
    "messages 24 h",
    "messages an hour",
    "waiting",
    "alerts",
];

/// The rows as CSV (RFC 4180).
///
/// # Errors
/// Those of the writer.
pub(super) fn text(rows: &[MonitoringRow]) -> Result<Vec<u8>, ::csv::Error> {
    let mut table = spreadsheet::writer(Vec::new());
    table.write_record(HEAD)?;
    for row in rows {
        table.write_record([
            plain(&row.mailbox),
            plain(&row.owner),
            plain(row.profile.as_deref().unwrap_or_default()),
            row.workload.clone(),
            row.state.clone(),
            time(row.since),
            plain(&row.why),
            time(row.last_started),
            number(row.last_took_ms),
            number(row.last_items),
            plain(row.last_error.as_deref().unwrap_or_default()),
            time(row.next_due),
            plain(&row.next_why),
            number(row.average_ms),
            row.cycles_24h.to_string(),
            row.failures_24h.to_string(),
            row.messages_24h.to_string(),
            row.messages_an_hour.to_string(),
            row.waiting.to_string(),
            row.alerts.to_string(),
        ])?;
    }
    table.into_inner().map_err(|error| ::csv::Error::from(error.into_error()))
}
