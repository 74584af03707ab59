//! What the engine asks of MIME: read a message, write a message.

use crate::raw::RawMessage;
use std::path::PathBuf;
use tandem_domain::{
    Instant,
    address::{Mention, MessageId},
    message::ParsedMessage,
};

/// Why a message cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(
    /// The reason in words; becomes the quarantine's reason.
    pub String,
);

/// Reads raw messages. Blocking work: call it where blocking is allowed.
pub trait MessageParser: Send + Sync {
    /// Parses a message. Memory is bounded whatever the message holds: large parts stay in `raw`.
    ///
    /// # Errors
    /// [`Unreadable`] when no header can be made out, or parsing failed in a way that must not stop the mailbox.
    fn parse(&self, raw: &RawMessage) -> Result<ParsedMessage, Unreadable>;

    /// Names the parser and its version, kept with quarantined messages: a later version tries again.
    fn version(&self) -> &str;
}

/// A file to attach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachmentSource {
    /// The file name for the recipient.
    pub name: String,
    /// The media type; guessed from the name when absent.
    pub mime_type: Option<String>,
    /// The file to read; streamed, never loaded whole.
    pub path: PathBuf,
}

/// Who writes a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    /// A person.
    Person,
    /// Tandem by itself. The message says so (`Auto-Submitted`, RFC 3834), and no machine answers it.
    Program,
}

/// A message to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Fixed before the first attempt.
    pub message_id: MessageId,
    /// Who writes it.
    pub author: Author,
    /// From.
    pub from: Mention,
    /// To.
    pub to: Vec<Mention>,
    /// Cc. Bcc never stands in the message.
    pub cc: Vec<Mention>,
    /// The subject.
    pub subject: String,
    /// Plain text.
    pub body_text: String,
    /// HTML beside it.
    pub body_html: Option<String>,
    /// The message that this answers.
    pub in_reply_to: Option<MessageId>,
    /// The thread, oldest first.
    pub references: Vec<MessageId>,
    /// The Date header.
    pub date: Instant,
    /// The attachments.
    pub attachments: Vec<AttachmentSource>,
    /// Marks a Test & Enable message (header `X-Tandem-Test`).
    pub test_mark: Option<String>,
}

/// Writes messages. Blocking work.
pub trait MessageComposer: Send + Sync {
    /// Writes the message as it will be submitted, byte for byte.
    ///
    /// # Errors
    /// When an attachment cannot be read, or the temporary file cannot be written.
    fn compose(&self, draft: &Draft) -> std::io::Result<RawMessage>;
}
