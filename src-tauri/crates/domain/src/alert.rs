//! Alerts: what a person should know or do, once per cause.

use crate::{
    Instant,
    failure::FailureCode,
    ids::{AlertId, EmailId, MailboxId, ProfileId},
    workload::Workload,
};

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AlertLevel {
    /// Good to know.
    Information,
    /// It may pass by itself.
    Warning,
    /// Somebody must act.
    Error,
}

impl AlertLevel {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Information, Self::Warning, Self::Error];

    /// The word in JSON and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Information => "information",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    /// The reverse of [`AlertLevel::as_str`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == word)
    }
}

/// What an alert is about; its scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AlertObject {
    /// One email activity.
    Email(EmailId),
    /// One workload of a mailbox.
    Mailbox(MailboxId, Workload),
    /// A profile.
    Profile(ProfileId),
}

impl AlertObject {
    /// The word of its scope in JSON and in the database.
    #[must_use]
    pub const fn scope(self) -> &'static str {
        match self {
            Self::Email(_) => "email",
            Self::Mailbox(..) => "mailbox",
            Self::Profile(_) => "profile",
        }
    }
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AlertCode {
    /// Something failed.
    Failure(FailureCode),
    /// Test & Enable succeeded.
    WorkloadEnabled,
    /// An email was sent, but not to everyone.
    SomeRecipientsRefused,
    /// A message could not be parsed and waits in quarantine.
    MessageQuarantined,
    /// The server has messages without a decision.
    MessagesMissing,
    /// A message failed too often on its own and was given up.
    MessageUndeliverable,
    /// Mail is held back by the profile's sending limits.
    SendingHeld,
    /// More than half of a profile's mailboxes failed within an hour, and nobody could be told by email.
    MajorityFailed,
}

impl AlertCode {
    /// Those that are no failure's.
    pub const OTHERS: [Self; 7] = [
        Self::WorkloadEnabled,
        Self::SomeRecipientsRefused,
        Self::MessageQuarantined,
        Self::MessagesMissing,
        Self::MessageUndeliverable,
        Self::SendingHeld,
        Self::MajorityFailed,
    ];

    /// The word in JSON and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failure(code) => code.as_str(),
            Self::WorkloadEnabled => "workload_enabled",
            Self::SomeRecipientsRefused => "some_recipients_refused",
            Self::MessageQuarantined => "message_quarantined",
            Self::MessagesMissing => "messages_missing",
            Self::MessageUndeliverable => "message_undeliverable",
            Self::SendingHeld => "sending_held",
            Self::MajorityFailed => "majority_failed",
        }
    }

    /// The reverse of [`AlertCode::as_str`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::OTHERS
            .into_iter()
            .find(|code| code.as_str() == word)
            .or_else(|| FailureCode::from_word(word).map(Self::Failure))
    }
}

/// An alert to raise. The same code on the same object merges with the one that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAlert {
    /// How much it matters.
    pub level: AlertLevel,
    /// What it is about.
    pub object: AlertObject,
    /// What happened.
    pub code: AlertCode,
    /// The server's words or further facts, one line, no secret.
    pub detail: String,
    /// When the engine tries again, when it does.
    pub retry_at: Option<Instant>,
}

/// An alert as kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Its id.
    pub id: AlertId,
    /// What was raised, with the latest detail.
    pub raised: NewAlert,
    /// When it was first raised.
    pub first_seen_at: Instant,
    /// When it was last raised.
    pub last_seen_at: Instant,
    /// How often.
    pub count: u32,
    /// When its cause went away.
    pub cleared_at: Option<Instant>,
}
