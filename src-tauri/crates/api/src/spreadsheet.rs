//! Tables for spreadsheets: CSV as RFC 4180 has it, whose cells are no formulas.

use crate::wire::Time;

/// A writer of CSV.
pub(crate) fn writer<W: std::io::Write>(to: W) -> csv::Writer<W> {
    csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(to)
}

/// What a stranger wrote must not become a formula in a spreadsheet (OWASP, "CSV Injection").
pub(crate) fn plain(text: &str) -> String {
    match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r') => format!("'{text}"),
        _ => text.to_owned(),
    }
}

/// An instant, to the second; nothing where there is none.
pub(crate) fn time(at: Option<Time>) -> String {
    at.map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)).unwrap_or_default()
}

/// A number; nothing where there is none.
pub(crate) fn number<T: ToString>(number: Option<T>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}
