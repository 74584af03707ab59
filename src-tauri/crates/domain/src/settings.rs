//! Settings of the organization and of its users.

use crate::{frequency::FrequencyPolicy, mailbox::ApprovalRule};

/// Which incoming mail becomes an email activity (`incomingemailfilteringmethod`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IncomingFilter {
    /// Everything.
    All,
    /// Replies to tracked email.
    Replies,
    /// Mail from leads, contacts and accounts.
    LeadsContactsAccounts,
    /// Mail from any email-enabled record.
    EmailEnabled,
    /// Nothing by itself.
    None,
}

impl IncomingFilter {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::All, Self::Replies, Self::LeadsContactsAccounts, Self::EmailEnabled, Self::None];

    /// The word in configuration files and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Replies => "replies",
            Self::LeadsContactsAccounts => "leads_contacts_accounts",
            Self::EmailEnabled => "email_enabled",
            Self::None => "none",
        }
    }

    /// The reverse of [`IncomingFilter::as_str`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|filter| filter.as_str() == word)
    }
}

/// The default for a user when the configuration names none ("Email messages in response to...").
pub const DEFAULT_USER_FILTER: IncomingFilter = IncomingFilter::Replies;
/// The default for a queue: everything that arrives.
pub const DEFAULT_QUEUE_FILTER: IncomingFilter = IncomingFilter::All;

/// Who processes the organization's email (*Process email using*). Only one of the two may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ProcessEmailUsing {
    /// Tandem's own cycles.
    #[default]
    ServerSideSynchronization,
    /// The old Email Router, so Tandem processes nothing.
    EmailRouter,
}

impl ProcessEmailUsing {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::ServerSideSynchronization, Self::EmailRouter];

    /// The word in configuration files and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ServerSideSynchronization => "server_side_synchronization",
            Self::EmailRouter => "email_router",
        }
    }

    /// The reverse of [`ProcessEmailUsing::as_str`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }
}

/// Settings of the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationSettings {
    /// Whether connections without TLS are allowed (`AllowNonSSLEmail`). Default no.
    pub allow_plain_connections: bool,
    /// Whether only approved mailboxes are processed. Default yes.
    pub require_approval: bool,
    /// Which edition's rules say when a mailbox is synchronized next. Default online.
    pub frequency: FrequencyPolicy,
    /// Minutes from the end of one cycle to the start of the next, 1 to 1,440, instead of the policy's. Default none.
    pub cycle_interval_minutes: Option<u16>,
    /// How often one email is submitted at most (`MaximumEmailDeliveryAttempts`). Default 10.
    pub max_delivery_attempts: u16,
    /// Messages above this many bytes are not fetched; they get a decision row. Default 1 GiB.
    pub max_message_bytes: u64,
    /// How much runs at once, and how much one cycle may take.
    pub capacity: Capacity,
    /// So many mailboxes are tested and enabled in one batch at most. Default 200, as Microsoft advises.
    pub test_batch_mailboxes: u16,
    /// Hours between the starts of two batches. Default 5, as Microsoft advises.
    pub test_batch_hours: u16,
    /// Who processes its email (`EmailConnectionChannel`). Default server-side synchronization.
    pub process_email_using: ProcessEmailUsing,
    /// Days for which the hourly history of cycles is kept, 1 to 366. Default 30.
    pub history_days: u16,
}

impl OrganizationSettings {
    /// Whether an address has to be approved.
    #[must_use]
    pub const fn approval_rule(&self) -> ApprovalRule {
        if self.require_approval { ApprovalRule::Required } else { ApprovalRule::NotRequired }
    }
}

impl Default for OrganizationSettings {
    fn default() -> Self {
        Self {
            allow_plain_connections: false,
            require_approval: true,
            frequency: FrequencyPolicy::default(),
            cycle_interval_minutes: None,
            max_delivery_attempts: 10,
            max_message_bytes: 1 << 30,
            capacity: Capacity::default(),
            test_batch_mailboxes: 200,
            test_batch_hours: 5,
            process_email_using: ProcessEmailUsing::default(),
            history_days: 30,
        }
    }
}

/// Upper bounds on what the engine takes: side by side, and in one cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Cycles of incoming mail that run at once, 1 to 1,000. Default 32.
    pub max_incoming_cycles: u16,
    /// Cycles of outgoing mail that run at once, 1 to 1,000. Default 16.
    pub max_outgoing_cycles: u16,
    /// Mailboxes under test and other asynchronous operations that run at once, 1 to 1,000. Default 8.
    pub max_operations: u16,
    /// A cycle lets others go first after this many seconds, and goes on later, 5 to 3,600. Default 120.
    pub cycle_seconds: u16,
    /// A cycle lets others go first after fetching this many MiB, 1 to 16,384. Default 1,024.
    pub cycle_mib: u16,
    /// A cycle that is not over after this many minutes is broken off, 1 to 1,440. Default 30.
    pub cycle_timeout_minutes: u16,
    /// A connection has to be there within this many seconds, 1 to 600. Default 20.
    pub connect_timeout_seconds: u16,
    /// A server has to answer within this many seconds, 1 to 600. Default 60.
    pub read_timeout_seconds: u16,
    /// Whether servers that can are asked to announce new mail (IMAP IDLE). Default yes.
    pub push: bool,
}

impl Default for Capacity {
    fn default() -> Self {
        Self {
            max_incoming_cycles: 32,
            max_outgoing_cycles: 16,
            max_operations: 8,
            cycle_seconds: 120,
            cycle_mib: 1_024,
            cycle_timeout_minutes: 30,
            connect_timeout_seconds: 20,
            read_timeout_seconds: 60,
            push: true,
        }
    }
}

impl Capacity {
    /// The numbers by the name of their setting, with the least and the most that each may be.
    #[must_use]
    pub fn numbers(&self) -> [(&'static str, u16, u16, u16); 8] {
        [
            ("max_incoming_cycles", self.max_incoming_cycles, 1, 1_000),
            ("max_outgoing_cycles", self.max_outgoing_cycles, 1, 1_000),
            ("max_operations", self.max_operations, 1, 1_000),
            ("cycle_seconds", self.cycle_seconds, 5, 3_600),
            ("cycle_mib", self.cycle_mib, 1, 16_384),
            ("cycle_timeout_minutes", self.cycle_timeout_minutes, 1, 1_440),
            ("connect_timeout_seconds", self.connect_timeout_seconds, 1, 600),
            ("read_timeout_seconds", self.read_timeout_seconds, 1, 600),
        ]
    }
}
