//! The three workloads of a mailbox and where each stands.

use crate::Instant;
use std::fmt;

/// What is synchronized. POP3 and IMAP carry email only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Workload {
    /// Received email.
    Incoming,
    /// Email that the CRM sends.
    Outgoing,
    /// Appointments, contacts and tasks.
    Act,
}

impl Workload {
    /// All three, in the order in which people list them.
    pub const ALL: [Self; 3] = [Self::Incoming, Self::Outgoing, Self::Act];

    /// The word used in the command line and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Incoming => "incoming",
            Self::Outgoing => "outgoing",
            Self::Act => "act",
        }
    }

    /// The reverse of [`Workload::as_str`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|workload| workload.as_str() == word)
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The result of the last test or cycle, as `incomingemailstatus` and its siblings give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WorkloadStatus {
    /// Never tested.
    #[default]
    NotRun,
    /// The last test or cycle succeeded.
    Success,
    /// The last test or cycle failed.
    Failure,
}

/// Where one workload of one mailbox stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WorkloadState {
    /// The result of the last test or cycle.
    pub status: WorkloadStatus,
    /// Whether it is processed. Set by a successful Test & Enable, cleared by a permanent failure or by hand.
    pub enabled: bool,
    /// The end of the last cycle that completed.
    pub last_success_at: Option<Instant>,
    /// The text of the last failure, for people.
    pub last_error: Option<String>,
    /// When that failure happened.
    pub last_error_at: Option<Instant>,
    /// When Test & Enable last completed for it.
    pub tested_at: Option<Instant>,
}
