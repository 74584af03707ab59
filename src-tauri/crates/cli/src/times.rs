//! Times and durations as people write and read them.

use std::time::Duration;
use tandem_api::wire::Time;

/// Reads `30s`, `5m`, `1h30m` or `250ms`.
pub fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}; write it like 30s or 5m"))
}

/// Reads an instant in RFC 3339.
pub fn instant(text: &str) -> Result<Time, String> {
    text.parse().map_err(|error| format!("{error}; write it like 2026-12-24T08:00:00Z"))
}

/// An instant in a table.
pub fn shown(at: Option<Time>) -> String {
    at.map_or_else(|| "-".to_owned(), |at| at.format("%Y-%m-%d %H:%M:%SZ").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert!(duration("soon").is_err());
        let at = instant("2026-12-24T08:00:00+01:00").unwrap();
        assert_eq!(shown(Some(at)), "2026-12-24 07:00:00Z");
    }
}
