//! Values as the router writes them: booleans, numbers, GUIDs, dates. What cannot be read is `None`.

use chrono::{DateTime, FixedOffset, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};
use tandem_domain::Instant;
use uuid::Uuid;

/// `true/false/1/0/yes/no` in any case.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    let is = |words: [&str; 3]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is(["true", "1", "yes"]) {
        Some(true)
    } else if is(["false", "0", "no"]) {
        Some(false)
    } else {
        None
    }
}

/// A number with or without blanks between thousands.
pub(crate) fn number(text: &str) -> Option<u64> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace()).take(21).collect();
    digits.parse().ok()
}

/// A TCP port, 1 to 65,535.
pub(crate) fn port(text: &str) -> Option<u16> {
    number(text).and_then(|number| u16::try_from(number).ok()).filter(|port| *port != 0)
}

/// A GUID with or without braces.
pub(crate) fn guid(text: &str) -> Option<Uuid> {
    let bare = text.trim().trim_start_matches(['{', '(']).trim_end_matches(['}', ')']);
    Uuid::try_parse(bare).ok().filter(|id| !id.is_nil())
}

/// The last processed date of a mailbox (`ThresholdDate`), as it stands in the state file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Threshold {
    /// There is none.
    Missing,
    /// There is one that is no date.
    Unreadable,
    /// `0001-01-01`: never processed, or reset (C \[KB2491350\]).
    Never,
    /// Messages after this instant were not processed (C \[CC905941\]).
    At(Instant),
}

/// Reads a .NET round-trip date: 0 to 7 decimals, then `Z`, an offset, or nothing, which means UTC.
pub(crate) fn threshold(text: &str) -> Threshold {
    let text = text.trim();
    if text.is_empty() {
        return Threshold::Missing;
    }
    if text.len() > 64 {
        return Threshold::Unreadable;
    }
    let with_zone = DateTime::<FixedOffset>::parse_from_rfc3339(text).map(|date| date.with_timezone(&Utc));
    let parsed = with_zone
        .ok()
        .or_else(|| {
            NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok().map(|date| date.and_utc())
        })
        .or_else(|| {
            NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").ok().map(|date| date.and_utc())
        });
    match parsed {
        None => Threshold::Unreadable,
        // An offset can move .NET's smallest date by some hours.
        Some(date) if date < year_two() => Threshold::Never,
        Some(date) => Threshold::At(date),
    }
}

fn year_two() -> Instant {
    // Seconds from 1970-01-01 back to 0002-01-01.
    DateTime::from_timestamp(-62_104_060_800, 0).unwrap_or(DateTime::<Utc>::MIN_UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_routers_spellings_are_read() {
        assert_eq!(
            ["TRUE", "1", "yes", "No", "0", "false", "maybe"].map(boolean),
            [Some(true), Some(true), Some(true), Some(false), Some(false), Some(false), None]
        );
        assert_eq!(
            ["25", " 1 024", "0", "65536", "-1", "x", ""].map(port),
            [Some(25), Some(1024), None, None, None, None, None]
        );
        let id = "7f6f0c52-2c1d-e511-80c2-00155d2a6a01";
        assert_eq!(guid(&format!("{{{}}}", id.to_uppercase())), guid(id));
        assert!(guid(id).is_some());
        assert_eq!(["", "{}", "00000000-0000-0000-0000-000000000000", "7f6f"].map(guid), [None; 4]);
    }

    #[test]
    fn dates_of_the_state_file_are_read_or_named() {
        let at = |text| match threshold(text) {
            Threshold::At(date) => date.to_rfc3339(),
            other => format!("{other:?}"),
        };
        assert_eq!(at("2016-03-04T09:12:55.0000000Z"), "2016-03-04T09:12:55+00:00");
        assert_eq!(at("2016-03-04T09:12:55.1234567"), "2016-03-04T09:12:55.123456700+00:00");
        assert_eq!(at("2016-03-04T09:12:55+02:00"), "2016-03-04T07:12:55+00:00");
        assert_eq!(at("2016-03-04 09:12:55"), "2016-03-04T09:12:55+00:00");
        for never in ["0001-01-01T00:00:00.0000000", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00"] {
            assert_eq!(threshold(never), Threshold::Never, "{never}");
        }
        assert_eq!(threshold(" "), Threshold::Missing);
        for bad in ["soon", "2016-13-04T09:12:55Z", "04.03.2016", "2016-03-04T09:12"] {
            assert_eq!(threshold(bad), Threshold::Unreadable, "{bad}");
        }
    }
}
