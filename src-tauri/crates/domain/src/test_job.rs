//! Test & Enable as a job: where it stands, how far it is, and how long it will take.

use crate::{Instant, ids::TestJobId};
use chrono::Duration;

macro_rules! words {
    ($($(#[$meta:meta])* $name:ident { $($(#[$of:meta])* $variant:ident = $word:literal),+ $(,)? })+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$of])* $variant),+ }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word in JSON and in the database.
            #[must_use]
            pub const fn as_str(self) -> &'static str { match self { $(Self::$variant => $word),+ } }

            /// The reverse of `as_str`.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == word)
            }
        }
    )+};
}

words! {
    /// Where a job stands.
    JobState {
        /// Its batches run when they are due.
        Running = "running",
        /// Nothing of it is started until a person resumes it; what was being tested is finished.
        Paused = "paused",
        /// A person ended it; what was not tested stays untested.
        Cancelled = "cancelled",
        /// Every workload has its result.
        Done = "done",
    }
    /// Where one workload of one mailbox stands in a job.
    TestState {
        /// Its batch is not due, or others come first.
        Waiting = "waiting",
        /// It is being tested. After a crash it waits again.
        Running = "running",
        /// It is enabled.
        Succeeded = "succeeded",
        /// It is not, and the failure says why.
        Failed = "failed",
        /// Nothing was tried, and the reason says why.
        Skipped = "skipped",
        /// The job was cancelled before its turn.
        Cancelled = "cancelled",
    }
}

impl JobState {
    /// Whether nothing more happens by itself.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Cancelled | Self::Done)
    }
}

/// How many workloads stand where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TestCounts {
    /// They wait.
    pub waiting: u32,
    /// They are being tested.
    pub running: u32,
    /// They are enabled.
    pub succeeded: u32,
    /// They failed.
    pub failed: u32,
    /// Nothing was tried.
    pub skipped: u32,
    /// The job was cancelled first.
    pub cancelled: u32,
}

impl TestCounts {
    /// The count of one state.
    pub const fn of(&mut self, state: TestState) -> &mut u32 {
        match state {
            TestState::Waiting => &mut self.waiting,
            TestState::Running => &mut self.running,
            TestState::Succeeded => &mut self.succeeded,
            TestState::Failed => &mut self.failed,
            TestState::Skipped => &mut self.skipped,
            TestState::Cancelled => &mut self.cancelled,
        }
    }
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TestProgress {
    /// The job.
    pub job: TestJobId,
    /// Where it stands.
    pub state: JobState,
    /// Mailboxes in all: n of m, the m.
    pub mailboxes: u32,
    /// Mailboxes of which nothing waits or runs: n of m, the n.
    pub done: u32,
    /// Its workloads.
    pub workloads: TestCounts,
    /// When it last began to move: the latest start of a batch, a restart, or when it was resumed.
    pub moving_since: Option<Instant>,
    /// Mailboxes tested since then.
    pub tested_since: u32,
    /// Mailboxes that are left of batches that have started.
    pub left_started: u32,
    /// When the next batch that has not started is due.
    pub next_batch_at: Option<Instant>,
    /// When the last batch that has not started is due, and its mailboxes.
    pub last_batch: Option<(Instant, u32)>,
}

/// How fast a job goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pace {
    /// Mailboxes an hour, since it last began to move; absent as long as none was tested.
    pub an_hour: Option<u32>,
    /// How long it will take, waits between batches counted in; absent when it does not move or the rate is unknown.
    pub left: Option<Duration>,
}

impl TestProgress {
    /// How fast it goes and when it will be done, if nothing changes.
    #[must_use]
    pub fn pace(&self, now: Instant) -> Pace {
        let moving = self.moving_since.map(|since| (now - since).num_milliseconds().max(1));
        let each = match moving {
            Some(took) if self.tested_since > 0 => took / i64::from(self.tested_since),
            _ => return Pace::default(),
        };
        let an_hour = u32::try_from(3_600_000 / each.max(1)).ok();
        if self.state != JobState::Running {
            return Pace { an_hour, left: None };
        }
        let time = |mailboxes: u32| Duration::milliseconds(each.saturating_mul(i64::from(mailboxes)));
        let started = time(self.left_started);
        let left = match self.last_batch {
            Some((due_at, mailboxes)) => started.max((due_at - now).max(Duration::zero()) + time(mailboxes)),
            None => started,
        };
        Pace { an_hour, left: Some(left) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use uuid::Uuid;

    fn at(seconds: i64) -> Instant {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn progress() -> TestProgress {
        TestProgress {
            job: TestJobId(Uuid::nil()),
            state: JobState::Running,
            mailboxes: 300,
            done: 50,
            workloads: TestCounts::default(),
            moving_since: Some(at(0)),
            tested_since: 50,
            left_started: 150,
            next_batch_at: None,
            last_batch: None,
        }
    }

    #[test]
    fn rate_and_time_left_follow_from_what_was_tested_since_it_moves() {
        let one = progress();
        let seconds = |pace: Pace| (pace.an_hour, pace.left.map(|left| left.num_seconds()));
        assert_eq!(seconds(one.pace(at(100))), (Some(1_800), Some(300)));
        let later = TestProgress { last_batch: Some((at(18_000), 100)), ..one };
        assert_eq!(seconds(later.pace(at(100))), (Some(1_800), Some(17_900 + 200)));
        let overdue = TestProgress { last_batch: Some((at(-10), 10)), ..one };
        assert_eq!(seconds(overdue.pace(at(100))), (Some(1_800), Some(300)));
        let paused = TestProgress { state: JobState::Paused, ..one };
        assert_eq!(seconds(paused.pace(at(100))), (Some(1_800), None));
        let fresh = TestProgress { tested_since: 0, ..one };
        assert_eq!(fresh.pace(at(100)), Pace::default());
        assert_eq!(TestProgress { moving_since: None, ..one }.pace(at(100)), Pace::default());
        assert!(one.pace(at(-5)).left.is_some(), "a clock that went back is no fault");
    }

    #[test]
    fn every_state_has_its_own_word_and_count() {
        let mut counts = TestCounts::default();
        for state in TestState::ALL {
            assert_eq!(TestState::from_word(state.as_str()), Some(*state));
            *counts.of(*state) += 1;
        }
        let one = TestCounts { waiting: 1, running: 1, succeeded: 1, failed: 1, skipped: 1, cancelled: 1 };
        assert_eq!(counts, one);
        for state in JobState::ALL {
            assert_eq!(JobState::from_word(state.as_str()), Some(*state));
        }
    }
}
