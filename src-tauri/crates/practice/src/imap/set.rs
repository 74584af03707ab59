//! Sequence sets: `1,3:5,7:*` (RFC 3501 section 9).

use std::fmt::Write as _;

/// Ranges of message numbers or UIDs, each in rising order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Set(Vec<(u32, u32)>);

impl Set {
    /// Reads a set; `*` stands for `largest`.
    pub(super) fn parse(text: &str, largest: u32) -> Option<Self> {
        let number = |text: &str| {
            if text == "*" { Some(largest) } else { text.parse::<u32>().ok().filter(|it| *it > 0) }
        };
        let ranges = text.split(',').map(|part| {
            let (from, to) = part.split_once(':').unwrap_or((part, part));
            let (from, to) = (number(from)?, number(to)?);
            Some((from.min(to), from.max(to)))
        });
        ranges.collect::<Option<Vec<_>>>().map(Self)
    }

    pub(super) fn ranges(&self) -> &[(u32, u32)] {
        &self.0
    }

    pub(super) fn contains(&self, number: u32) -> bool {
        self.0.iter().any(|(from, to)| (*from..=*to).contains(&number))
    }
}

/// Rising numbers as the shortest set.
pub(super) fn compact(numbers: &[u32]) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, to)) if to.checked_add(1) == Some(*number) => *to = *number,
            _ => ranges.push((*number, *number)),
        }
    }
    let mut text = String::new();
    for (from, to) in ranges {
        let separator = if text.is_empty() { "" } else { "," };
        let _ = if from == to {
            write!(text, "{separator}{from}")
        } else {
            write!(text, "{separator}{from}:{to}")
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_read_with_star_and_reversed_ranges() {
        let set = Set::parse("2,9:7,12:*", 10).expect("valid");
        assert_eq!(set.ranges(), [(2, 2), (7, 9), (10, 12)]);
        assert!(set.contains(8) && set.contains(11) && !set.contains(3));
        for malformed in ["", "0", "a", "1:", "1,,2", "-1", "4294967296"] {
            assert_eq!(Set::parse(malformed, 10), None, "{malformed}");
        }
    }

    #[test]
    fn numbers_are_written_as_the_shortest_set() {
        assert_eq!(compact(&[1, 2, 3, 7, 9, 10]), "1:3,7,9:10");
        assert_eq!(compact(&[]), "");
    }
}
