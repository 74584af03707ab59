//! Notices that the clock jumped, or that the machine slept: the calendar's time beside the time that passed.

use std::time::Duration;
use tandem_domain::Instant;

/// The two clocks of a machine drift apart by less than this between two looks; a correction of the time that is
/// smaller is no event.
const TOLERANCE: Duration = Duration::from_secs(30);

/// What happened between two looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jump {
    /// Time passed as it should.
    None,
    /// The machine slept, the program was frozen, or the clock was set ahead, for so long.
    Ahead(chrono::Duration),
    /// The clock was set back by so much.
    Back(chrono::Duration),
}

/// Compares two looks at the clocks.
#[derive(Debug, Clone, Copy)]
pub struct JumpWatch {
    now: Instant,
    passed: Duration,
}

impl JumpWatch {
    /// The first look.
    #[must_use]
    pub const fn new(now: Instant, passed: Duration) -> Self {
        Self { now, passed }
    }

    /// The next look; `longest` is how long nobody needed to look.
    pub fn look(&mut self, now: Instant, passed: Duration, longest: Duration) -> Jump {
        let by_calendar = now - self.now;
        let really = passed.saturating_sub(self.passed);
        (self.now, self.passed) = (now, passed);
        let really_passed = chrono::Duration::from_std(really).unwrap_or(chrono::Duration::MAX);
        let apart = by_calendar - really_passed;
        match apart.abs().to_std() {
            Ok(length) if length > TOLERANCE && apart < chrono::Duration::zero() => Jump::Back(-apart),
            Ok(length) if length > TOLERANCE => Jump::Ahead(apart),
            // Where time counts during sleep as well, sleep shows as a look that came much too late.
            _ if really > longest + TOLERANCE => Jump::Ahead(by_calendar),
            _ => Jump::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::at;

    fn jump(calendar: i64, passed: u64) -> Jump {
        let mut watch = JumpWatch::new(at(0), Duration::from_secs(1_000));
        watch.look(at(calendar), Duration::from_secs(1_000 + passed), Duration::from_secs(20))
    }

    #[test]
    fn time_that_passes_is_no_jump() {
        assert_eq!(jump(20, 20), Jump::None);
        assert_eq!(jump(25, 18), Jump::None, "a correction of some seconds");
        assert_eq!(jump(-5, 1), Jump::None);
    }

    #[test]
    fn sleep_is_noticed_whether_the_system_counts_it_or_not() {
        assert_eq!(jump(8 * 3_600, 20), Jump::Ahead(chrono::Duration::seconds(8 * 3_600 - 20)));
        assert_eq!(jump(8 * 3_600, 8 * 3_600), Jump::Ahead(chrono::Duration::hours(8)));
    }

    #[test]
    fn a_clock_set_back_is_noticed_with_its_length() {
        assert_eq!(jump(-3_590, 10), Jump::Back(chrono::Duration::hours(1)));
    }
}
