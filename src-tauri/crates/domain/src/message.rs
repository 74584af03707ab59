//! A received message as the rules see it: parsed, bounded, with its large parts left where they are.

use crate::{
    Instant,
    address::{Mention, MessageId},
};

/// At most this many addresses of one message are kept; a message may name 200,000.
pub const MAX_MENTIONS: usize = 1_000;
/// At most this much of a body is kept as text, in bytes; the rest stays in the raw message.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;
/// At most this many attachments of one message are listed.
pub const MAX_ATTACHMENTS: usize = 1_000;
/// At most this much of a subject is kept, in characters (the CRM's own limit).
pub const MAX_SUBJECT_CHARS: usize = 800;
/// At most this many message ids of References are kept: the first and the latest.
pub const MAX_REFERENCES: usize = 100;

/// How a part's bytes are encoded in the raw message (RFC 2045 section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransferEncoding {
    /// 7bit, 8bit or binary: as it stands.
    Identity,
    /// base64.
    Base64,
    /// quoted-printable.
    QuotedPrintable,
}

/// Where a part's content stands in the raw message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentRange {
    /// Bytes from the start of the raw message.
    pub offset: u64,
    /// Encoded length in bytes.
    pub length: u64,
    /// How it is encoded there.
    pub encoding: TransferEncoding,
}

/// An attachment: described here, its bytes still in the raw message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedAttachment {
    /// The file name as given, without any path; empty when there is none. At most 255 characters.
    pub name: String,
    /// The media type, lower case.
    pub mime_type: String,
    /// The Content-ID without brackets, for pictures in the body.
    pub content_id: Option<String>,
    /// Decoded size in bytes.
    pub size: u64,
    /// SHA-256 of the decoded bytes.
    pub sha256: [u8; 32],
    /// Where it stands in the raw message.
    pub range: ContentRange,
}

/// A parsed message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ParsedMessage {
    /// Message-ID.
    pub message_id: Option<MessageId>,
    /// In-Reply-To, in its order.
    pub in_reply_to: Vec<MessageId>,
    /// References, oldest first, at most [`MAX_REFERENCES`].
    pub references: Vec<MessageId>,
    /// The decoded subject in one line.
    pub subject: String,
    /// From.
    pub from: Vec<Mention>,
    /// Sender, when it differs from From.
    pub sender: Option<Mention>,
    /// Reply-To.
    pub reply_to: Vec<Mention>,
    /// To.
    pub to: Vec<Mention>,
    /// Cc.
    pub cc: Vec<Mention>,
    /// Bcc, which a received message rarely has.
    pub bcc: Vec<Mention>,
    /// The Date header.
    pub sent_at: Option<Instant>,
    /// The date of the topmost Received header.
    pub received_at: Option<Instant>,
    /// The plain text body; empty where the body is HTML alone, whose text is made when somebody looks.
    pub body_text: String,
    /// The HTML body, as received: never shown without sanitising.
    pub body_html: Option<String>,
    /// The attachments.
    pub attachments: Vec<ParsedAttachment>,
    /// Auto-Submitted (RFC 3834), when it is not "no".
    pub auto_submitted: Option<String>,
    /// Thread-Index, base64 as it stands.
    pub conversation_index: Option<String>,
    /// Tandem's own mark of a Test & Enable message (header `X-Tandem-Test`).
    pub test_mark: Option<String>,
    /// The size of the raw message in bytes.
    pub size: u64,
    /// What was repaired, cut or left out while parsing, in words.
    pub defects: Vec<String>,
}
