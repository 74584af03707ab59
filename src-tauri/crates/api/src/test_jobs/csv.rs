//! Results as a table for spreadsheets.

use crate::{
    spreadsheet::{self, plain},
    wire::{TestResultView, Time},
};

const HEAD: [&str; 13] = [
    "mailbox",
    "owner",
    "workload",
    "batch",
    "result",
    "rung",
    "code",
    "why",
    "next step",
    "server said",
    "certificate sha256",
    "started",
    "ended",
];

/// The results as CSV (RFC 4180).
///
/// # Errors
/// Those of the writer.
pub(super) fn text(results: &[TestResultView]) -> Result<Vec<u8>, csv::Error> {
    let mut table = spreadsheet::writer(Vec::new());
    table.write_record(HEAD)?;
    for result in results {
        let error = result.error.as_ref();
        let time = |at: Option<Time>| at.map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
        let batch = result.batch.map(|batch| batch.to_string());
        let why = error.map(|error| error.message.as_str()).or(result.reason.as_deref());
        let certificate = error.and_then(|error| error.certificate.as_deref());
        table.write_record([
            plain(&result.mailbox),
            plain(&result.owner_type),
            plain(&result.workload),
            plain(&batch.unwrap_or_default()),
            plain(&result.state),
            plain(result.rung.as_deref().unwrap_or_default()),
            plain(error.map(|error| error.code.as_str()).unwrap_or_default()),
            plain(why.unwrap_or_default()),
            plain(error.map(|error| error.remedy.as_str()).unwrap_or_default()),
            plain(error.and_then(|error| error.server_said.as_deref()).unwrap_or_default()),
            plain(certificate.map(|one| one.sha256.as_str()).unwrap_or_default()),
            plain(&time(result.started_at).unwrap_or_default()),
            plain(&time(result.ended_at).unwrap_or_default()),
        ])?;
    }
    table.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ApiError;

    #[test]
    fn what_a_server_said_is_quoted_and_is_no_formula() {
        let mut error =
            ApiError::plain("authentication_failed", "amy", "Refused, \"they\" say.", "Correct it.");
        error.server_said = Some("=cmd|' /C calc'!A0".to_owned());
        let result = TestResultView {
            mailbox: "amy@contoso.test".to_owned(),
            owner_type: "user".to_owned(),
            workload: "incoming".to_owned(),
            batch: Some(2),
            state: "failed".to_owned(),
            rung: Some("login".to_owned()),
            reason: None,
            error: Some(error),
            started_at: None,
            ended_at: chrono::DateTime::from_timestamp(1_800_000_000, 0),
        };
        let text = String::from_utf8(text(&[result]).unwrap()).unwrap();
        let row = text.split("\r\n").nth(1).unwrap();
        assert_eq!(
            row,
            "amy@contoso.test,user,incoming,2,failed,login,authentication_failed,\"Refused, \"\"they\"\" say.\",\
             Correct it.,'=cmd|' /C calc'!A0,,,2027-01-15T08:00:00Z"
        );
    }
}
