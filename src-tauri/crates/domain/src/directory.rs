//! Who an address belongs to: users, queues, contacts, accounts and leads.

use crate::{
    address::EmailAddress,
    ids::{AccountId, ContactId, LeadId, QueueId, UserId},
    settings::IncomingFilter,
};

/// A record that an address can resolve to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DirectoryId {
    /// A user.
    User(UserId),
    /// A queue.
    Queue(QueueId),
    /// A contact.
    Contact(ContactId),
    /// An account.
    Account(AccountId),
    /// A lead.
    Lead(LeadId),
}

impl DirectoryId {
    /// The word of its kind in configuration files, JSON and the database.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Queue(_) => "queue",
            Self::Contact(_) => "contact",
            Self::Account(_) => "account",
            Self::Lead(_) => "lead",
        }
    }

    /// The id without its kind.
    #[must_use]
    pub const fn uuid(self) -> uuid::Uuid {
        match self {
            Self::User(id) => id.0,
            Self::Queue(id) => id.0,
            Self::Contact(id) => id.0,
            Self::Account(id) => id.0,
            Self::Lead(id) => id.0,
        }
    }

    /// Puts kind and id together again; `None` for an unknown kind.
    #[must_use]
    pub fn from_parts(kind: &str, id: uuid::Uuid) -> Option<Self> {
        Some(match kind {
            "user" => Self::User(UserId(id)),
            "queue" => Self::Queue(QueueId(id)),
            "contact" => Self::Contact(ContactId(id)),
            "account" => Self::Account(AccountId(id)),
            "lead" => Self::Lead(LeadId(id)),
            _ => return None,
        })
    }
}

/// One record that an address resolved to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartyMatch {
    /// The record.
    pub id: DirectoryId,
    /// Its name.
    pub name: String,
}

/// A person or company in the built-in CRM's directory, or a user or queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// Its id, which says what it is.
    pub id: DirectoryId,
    /// Its name, 1 to 160 characters.
    pub name: String,
    /// Its primary address.
    pub email: Option<EmailAddress>,
    /// Further addresses (aliases) that resolve to it.
    pub other_emails: Vec<EmailAddress>,
    /// Which mail is promoted for it; users and queues only.
    pub incoming_filter: Option<IncomingFilter>,
}
