//! The ledger: one explained decision for every message ever seen on a server.

use crate::{
    Instant,
    address::MessageId,
    ids::{CycleId, EmailId, MailboxId},
};

/// What was decided about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Decision {
    /// An email activity was made of it.
    Promoted,
    /// Its Message-ID already has a record.
    Duplicate,
    /// Nobody accepts it.
    NotAccepted,
    /// It was received before Process Emails From.
    BeforeStart,
    /// It is Tandem's own test message.
    TestMessage,
    /// It could not be parsed; its bytes are in quarantine.
    Quarantined,
    /// It is larger than the limit and was not fetched.
    TooLarge,
    /// It went away between listing and fetching.
    Gone,
    /// It failed on its own, and is tried again later.
    Retrying,
    /// It failed too often on its own: it is given up until a person asks for it again.
    Undeliverable,
}

impl Decision {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Promoted,
        Self::Duplicate,
        Self::NotAccepted,
        Self::BeforeStart,
        Self::TestMessage,
        Self::Quarantined,
        Self::TooLarge,
        Self::Gone,
        Self::Retrying,
        Self::Undeliverable,
    ];

    /// The word in JSON and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Promoted => "promoted",
            Self::Duplicate => "duplicate",
            Self::NotAccepted => "not_accepted",
            Self::BeforeStart => "before_start",
            Self::TestMessage => "test_message",
            Self::Quarantined => "quarantined",
            Self::TooLarge => "too_large",
            Self::Gone => "gone",
            Self::Retrying => "retrying",
            Self::Undeliverable => "undeliverable",
        }
    }

    /// The reverse of [`Decision::as_str`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|decision| decision.as_str() == word)
    }
}

/// How one rule came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleOutcome {
    /// It let the message pass on to the next rule.
    Passed,
    /// It decided.
    Decided,
    /// It added something (a correlation, a party) without deciding.
    Noted,
}

impl RuleOutcome {
    /// The word in JSON and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Decided => "decided",
            Self::Noted => "noted",
        }
    }

    /// The reverse of [`RuleOutcome::as_str`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Passed, Self::Decided, Self::Noted].into_iter().find(|outcome| outcome.as_str() == word)
    }
}

/// One rule that was asked, and what it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleStep {
    /// The rule's stable name, such as `duplicate` or `acceptance`.
    pub rule: String,
    /// How it came out.
    pub outcome: RuleOutcome,
    /// Why, in words, with the values it looked at. At most 300 characters.
    pub detail: String,
}

/// A message's identity on its server: its UIDL, or `UIDVALIDITY:UID`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerIdentity(pub String);

/// One ledger row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerRow {
    /// The mailbox it was seen in.
    pub mailbox: MailboxId,
    /// The folder, `INBOX` for POP3.
    pub folder: String,
    /// Its identity on the server.
    pub identity: ServerIdentity,
    /// Its Message-ID.
    pub message_id: Option<MessageId>,
    /// When the server received it.
    pub received_at: Option<Instant>,
    /// Its size in bytes.
    pub size: u64,
    /// What was decided.
    pub decision: Decision,
    /// The rules that led there, in the order in which they were asked.
    pub trace: Vec<RuleStep>,
    /// The record made of it, or the record it is a duplicate of.
    pub email: Option<EmailId>,
    /// The cycle that decided.
    pub cycle: CycleId,
    /// When it was decided.
    pub decided_at: Instant,
}
