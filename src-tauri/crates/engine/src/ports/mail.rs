//! What the engine asks of a mail server.

use crate::raw::RawMessage;
use async_trait::async_trait;
use std::fmt;
use tandem_domain::{
    Instant,
    address::{EmailAddress, MessageId},
    failure::{Failure, FailureCode},
    ids::{MailboxId, ProfileId},
    ledger::ServerIdentity,
    outgoing::SubmitOutcome,
    probe::Rung,
    profile::{Endpoint, ServerType},
};
use zeroize::Zeroizing;

/// What proves to a server who we are.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Nothing is asked for (an anonymous relay).
    None,
    /// A user name and a password.
    Password {
        /// The user name, which is also the identity that connections are counted for.
        user_name: String,
        /// The password; wiped from memory when dropped.
        password: Zeroizing<String>,
    },
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Password { user_name, .. } => write!(f, "Password({user_name}, ***)"),
        }
    }
}

/// All that an adapter needs in order to reach one mailbox on one server.
#[derive(Debug, Clone)]
pub struct MailboxAccess {
    /// The mailbox.
    pub mailbox: MailboxId,
    /// Its address.
    pub address: EmailAddress,
    /// Its profile.
    pub profile: ProfileId,
    /// The kind of server.
    pub server_type: ServerType,
    /// Where to connect to, for the direction that is asked for.
    pub endpoint: Endpoint,
    /// Who we are.
    pub credentials: Credentials,
    /// Whether an unencrypted connection is allowed by the organization's settings.
    pub allow_plain: bool,
    /// Messages above this many bytes are reported as too large and not fetched.
    pub max_message_bytes: u64,
    /// Messages received before this are left alone. Where listings carry no dates, an adapter that can ask for a
    /// header alone reports such messages as [`Fetched::TooOld`] instead of fetching them. `None` fetches all.
    pub process_emails_from: Option<Instant>,
}

/// An adapter's own bookmark in a folder, opaque to everyone else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub String);

/// A message as a server lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteItem {
    /// Its identity.
    pub identity: ServerIdentity,
    /// Its size in bytes as the server gives it; 0 when it does not.
    pub size: u64,
    /// When the server received it, where listing tells (IMAP INTERNALDATE).
    pub received_at: Option<Instant>,
    /// The cursor that holds once this item and all before it are decided; `None` where only the ledger knows.
    pub cursor: Option<Cursor>,
}

/// What may be new in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// The folder, `INBOX`.
    pub folder: String,
    /// The candidates, oldest first. May hold items that the ledger knows already.
    pub items: Vec<RemoteItem>,
    /// The cursor that holds when all of them are decided.
    pub cursor: Option<Cursor>,
}

/// What came of fetching one item.
#[derive(Debug, Clone)]
pub enum Fetched {
    /// Its bytes.
    Message {
        /// The raw message.
        raw: RawMessage,
        /// When the server received it, where fetching tells.
        received_at: Option<Instant>,
    },
    /// It went away.
    Gone,
    /// It is larger than the limit.
    TooLarge,
    /// Its header says that it was received before [`MailboxAccess::process_emails_from`]; nothing else was fetched.
    /// The same header in the whole message would have led to the same decision.
    TooOld {
        /// When it was received: its topmost Received header, else its Date.
        received_at: Instant,
        /// Its Message-ID.
        message_id: Option<MessageId>,
    },
    /// The server lists it, and does not give it: a failure of this one item.
    Failed(Failure),
}

/// What ended a watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watched {
    /// The server told of something new.
    News,
    /// Nothing happened in the time given; watch again.
    Quiet,
}

/// Takes fetched messages as they come, and slows the server down when it cannot keep up.
#[async_trait]
pub trait MessageSink: Send {
    /// Takes one item, the `index`th of those asked for.
    ///
    /// # Errors
    /// A failure ends the fetch, and is passed on.
    async fn deliver(&mut self, index: usize, fetched: Fetched) -> Result<(), Failure>;
}

/// Incoming mail of one kind of server.
#[async_trait]
pub trait IncomingMail: Send + Sync {
    /// Connects and logs in. Reads only; the inbox may be opened with the first request.
    ///
    /// # Errors
    /// Whatever stands in the way, mapped.
    async fn open(&self, access: &MailboxAccess) -> Result<Box<dyn IncomingSession>, Failure>;

    /// Climbs dns, tcp, tls, login, list and read, reporting each rung as it is done. Changes nothing.
    async fn probe(&self, access: &MailboxAccess, report: &dyn RungSink) -> Vec<Rung>;
}

/// An open inbox.
#[async_trait]
pub trait IncomingSession: Send {
    /// Lists what may be new since the cursor; everything without one, or when the server renumbered.
    ///
    /// # Errors
    /// Whatever stands in the way, mapped.
    async fn changes(&mut self, cursor: Option<&Cursor>) -> Result<Changes, Failure>;

    /// Fetches the items in order and hands each to the sink. Does not mark them as read. An item that breaks on the
    /// server's side is delivered as `Failed`; a failure of the call means that the connection can't be used any more.
    ///
    /// # Errors
    /// Whatever stands in the way, mapped; the sink's own failure.
    async fn fetch(&mut self, items: &[RemoteItem], sink: &mut dyn MessageSink) -> Result<(), Failure>;

    /// Deletes messages for good; those that the server does not have (any more) are passed over. Only ever called
    /// for mailboxes that ask for it, and after the commit.
    ///
    /// # Errors
    /// Whatever stands in the way, mapped.
    async fn delete(&mut self, identities: &[ServerIdentity]) -> Result<(), Failure>;

    /// Whether the server can tell of news without being asked (IMAP IDLE, RFC 2177).
    fn can_watch(&self) -> bool {
        false
    }

    /// Waits until the server tells of something new, at most `for_at_most`. The session stays usable: `changes` can
    /// be called next, or `watch` again.
    ///
    /// # Errors
    /// Whatever stands in the way, mapped; `NotSupported` where [`IncomingSession::can_watch`] is false.
    async fn watch(&mut self, _for_at_most: std::time::Duration) -> Result<Watched, Failure> {
        let said = "this server cannot tell of news without being asked";
        Err(Failure::permanent_mailbox(FailureCode::NotSupported, said))
    }

    /// Says good-bye. For POP3 this is what makes deletions happen (RFC 1939 section 6).
    ///
    /// # Errors
    /// Whatever stands in the way, mapped.
    async fn close(self: Box<Self>) -> Result<(), Failure>;
}

/// A message to be submitted.
#[derive(Debug, Clone)]
pub struct Submission {
    /// The envelope sender.
    pub mail_from: EmailAddress,
    /// The envelope recipients, each once.
    pub recipients: Vec<String>,
    /// The message as composed.
    pub raw: RawMessage,
}

/// Called right before the end of the message is sent; what it writes is durable when it returns.
#[async_trait]
pub trait CommitPoint: Send + Sync {
    /// Records that from now on the server may have accepted the message.
    ///
    /// # Errors
    /// The end is not sent then, and the outcome is a retry.
    async fn about_to_commit(&self) -> Result<(), Failure>;
}

/// Outgoing mail of one kind of server.
#[async_trait]
pub trait OutgoingMail: Send + Sync {
    /// Connects and logs in.
    ///
    /// # Errors
    /// Whatever stands in the way, mapped.
    async fn open(&self, access: &MailboxAccess) -> Result<Box<dyn OutgoingSession>, Failure>;

    /// Climbs dns, tcp, tls, login and, when a test message is given, send.
    async fn probe(
        &self,
        access: &MailboxAccess,
        test: Option<&Submission>,
        report: &dyn RungSink,
    ) -> Vec<Rung>;
}

/// An open submission session, good for many messages.
#[async_trait]
pub trait OutgoingSession: Send {
    /// Submits one message. Afterwards the session can be used again if [`OutgoingSession::is_open`].
    async fn submit(&mut self, submission: &Submission, commit: &dyn CommitPoint) -> SubmitOutcome;

    /// Whether another message can be submitted.
    fn is_open(&self) -> bool;

    /// Says good-bye; never fails, because nothing depends on it.
    async fn close(self: Box<Self>);
}

/// Hears of each rung as it is climbed, for live progress.
pub trait RungSink: Send + Sync {
    /// One rung is done.
    fn climbed(&self, rung: &Rung);
}

/// Ignores rungs.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoReport;

impl RungSink for NoReport {
    fn climbed(&self, _rung: &Rung) {}
}

/// The adapters, by kind of server. `None` says that there is no such port for it.
pub trait MailAdapters: Send + Sync {
    /// Incoming mail of this kind of server.
    fn incoming(&self, server_type: ServerType) -> Option<&dyn IncomingMail>;
    /// Outgoing mail of this kind of server.
    fn outgoing(&self, server_type: ServerType) -> Option<&dyn OutgoingMail>;
}
