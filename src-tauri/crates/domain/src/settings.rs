//! Settings of the organization and of its users.

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
    /// Minutes between the end of one cycle and the start of the next. Default 5.
    pub cycle_interval_minutes: u16,
    /// How often one email is submitted at most (`MaximumEmailDeliveryAttempts`). Default 10.
    pub max_delivery_attempts: u16,
    /// Messages above this many bytes are not fetched; they get a decision row. Default 1 GiB.
    pub max_message_bytes: u64,
    /// Who processes its email (`EmailConnectionChannel`). Default server-side synchronization.
    pub process_email_using: ProcessEmailUsing,
}

impl Default for OrganizationSettings {
    fn default() -> Self {
        Self {
            allow_plain_connections: false,
            require_approval: true,
            cycle_interval_minutes: 5,
            max_delivery_attempts: 10,
            max_message_bytes: 1 << 30,
            process_email_using: ProcessEmailUsing::default(),
        }
    }
}
