//! Email activities: what the CRM keeps of a message received or sent.

use crate::{
    Instant,
    address::{Mention, MessageId},
    directory::{DirectoryId, PartyMatch},
    ids::{EmailId, MailboxId},
    mailbox::MailboxOwner,
};

/// Whether it was received or is sent (`directioncode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Received.
    Incoming,
    /// Sent by us.
    Outgoing,
}

impl Direction {
    /// The word in JSON and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Incoming => "incoming",
            Self::Outgoing => "outgoing",
        }
    }

    /// The reverse of [`Direction::as_str`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Incoming, Self::Outgoing].into_iter().find(|direction| direction.as_str() == word)
    }
}

/// The status of an email activity (`statuscode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EmailStatus {
    /// Being written.
    Draft,
    /// Received.
    Received,
    /// Waits to be submitted.
    PendingSend,
    /// An attempt is running, or its result is not known.
    Sending,
    /// The server accepted it.
    Sent,
    /// It was given up, with an alert.
    Failed,
    /// Withdrawn before it was sent.
    Canceled,
}

impl EmailStatus {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Draft,
        Self::Received,
        Self::PendingSend,
        Self::Sending,
        Self::Sent,
        Self::Failed,
        Self::Canceled,
    ];

    /// The word in JSON and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Received => "received",
            Self::PendingSend => "pending_send",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }

    /// The reverse of [`EmailStatus::as_str`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// In which role a party takes part (`participationtypemask`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PartyRole {
    /// From.
    From,
    /// Sender, where it differs from From.
    Sender,
    /// Reply-To.
    ReplyTo,
    /// To.
    To,
    /// Cc.
    Cc,
    /// Bcc.
    Bcc,
}

impl PartyRole {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::From, Self::Sender, Self::ReplyTo, Self::To, Self::Cc, Self::Bcc];

    /// The word in JSON and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::From => "from",
            Self::Sender => "sender",
            Self::ReplyTo => "reply_to",
            Self::To => "to",
            Self::Cc => "cc",
            Self::Bcc => "bcc",
        }
    }

    /// The reverse of [`PartyRole::as_str`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

/// One party of an email activity, with all records that its address resolved to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// Its role.
    pub role: PartyRole,
    /// The address as mentioned.
    pub mention: Mention,
    /// What it resolved to; empty when unknown.
    pub resolved: Vec<PartyMatch>,
}

/// How a message was recognised as part of a conversation (`correlationmethod`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CorrelationMethod {
    /// In-Reply-To names a stored email.
    InReplyTo,
    /// A token in the subject.
    TrackingToken,
    /// The conversation index.
    ConversationIndex,
    /// Words of the subject and addresses.
    SmartMatching,
}

impl CorrelationMethod {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::InReplyTo, Self::TrackingToken, Self::ConversationIndex, Self::SmartMatching];

    /// The word in JSON and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InReplyTo => "in_reply_to",
            Self::TrackingToken => "tracking_token",
            Self::ConversationIndex => "conversation_index",
            Self::SmartMatching => "smart_matching",
        }
    }

    /// The reverse of [`CorrelationMethod::as_str`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == word)
    }
}

/// The earlier email that a message belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correlation {
    /// How it was recognised.
    pub method: CorrelationMethod,
    /// The earlier email.
    pub email: EmailId,
}

/// What a correlation looks up about an earlier email.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownEmail {
    /// Its id.
    pub id: EmailId,
    /// Its Message-ID.
    pub message_id: MessageId,
    /// Its regarding, which a reply inherits.
    pub regarding: Option<DirectoryId>,
}

/// A new email activity: what `plan` decided to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEmail {
    /// Its deterministic id.
    pub id: EmailId,
    /// Received or sent.
    pub direction: Direction,
    /// Its first status.
    pub status: EmailStatus,
    /// Its owner.
    pub owner: MailboxOwner,
    /// The mailbox it was received in, or is sent from.
    pub mailbox: MailboxId,
    /// The user or queue whose rule accepted it.
    pub accepting_entity: Option<MailboxOwner>,
    /// Its parties, in order.
    pub parties: Vec<Party>,
    /// Its regarding.
    pub regarding: Option<DirectoryId>,
    /// The conversation it belongs to.
    pub correlation: Option<Correlation>,
    /// When the server received it.
    pub received_at: Option<Instant>,
    /// Not to be sent before this.
    pub send_after: Option<Instant>,
}
