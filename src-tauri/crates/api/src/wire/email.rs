//! Email activities.

use super::{OwnerView, Time};
use serde::{Deserialize, Serialize};
use specta::Type;

/// A record that an address resolved to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ResolvedView {
    /// `user`, `queue`, `contact`, `account` or `lead`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// One party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct PartyView {
    /// The address as written.
    pub address: String,
    /// The display name.
    pub name: String,
    /// What it resolved to.
    pub resolved: Vec<ResolvedView>,
    /// For a recipient of a sent email: `pending`, `accepted` or `refused`.
    pub delivery: Option<String>,
    /// The server's words about it, when refused.
    pub delivery_said: Option<String>,
}

/// How it belongs to a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct CorrelationView {
    /// `in_reply_to`, ...
    pub method: String,
    /// The earlier email.
    pub email_id: String,
}

/// An attachment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct AttachmentView {
    /// Its id.
    pub id: String,
    /// Its file name.
    pub name: String,
    /// Its media type.
    pub mime_type: String,
    /// Its size in bytes.
    #[specta(type = u32)]
    pub size: u64,
    /// Its SHA-256 in hex.
    pub sha256: String,
    /// Why its content is not kept, when it is not.
    pub dropped_reason: Option<String>,
}

/// An email activity as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct EmailRow {
    /// Its id.
    pub id: String,
    /// Its subject.
    pub subject: String,
    /// `incoming` or `outgoing`.
    pub direction: String,
    /// Its status.
    pub status: String,
    /// The sender's name, or address.
    pub from: String,
    /// The recipients' names or addresses, in one line.
    pub to: String,
    /// When it was sent.
    pub sent_on: Option<Time>,
    /// When it was received.
    pub received_on: Option<Time>,
    /// The mailbox's address.
    pub mailbox: String,
    /// The owner's name.
    pub owner: String,
    /// Whether it has attachments.
    pub has_attachments: bool,
    /// Whether it belongs to a conversation.
    pub correlated: bool,
    /// Its regarding, by name.
    pub regarding: Option<String>,
}

/// An email activity, whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct EmailView {
    /// Its id.
    pub id: String,
    /// Its subject.
    pub subject: String,
    /// `incoming` or `outgoing`.
    pub direction: String,
    /// Its status.
    pub status: String,
    /// Its Message-ID without brackets.
    pub message_id: Option<String>,
    /// The first id of In-Reply-To.
    pub in_reply_to: Option<String>,
    /// When it was sent.
    pub sent_on: Option<Time>,
    /// When it was received.
    pub received_on: Option<Time>,
    /// Its owner.
    pub owner: OwnerView,
    /// From.
    pub from: Vec<PartyView>,
    /// To.
    pub to: Vec<PartyView>,
    /// Cc.
    pub cc: Vec<PartyView>,
    /// Bcc.
    pub bcc: Vec<PartyView>,
    /// Its regarding.
    pub regarding: Option<ResolvedView>,
    /// The conversation.
    pub correlation: Option<CorrelationView>,
    /// The tracking token, when it has one.
    pub tracking_token: Option<String>,
    /// Whose rule accepted it.
    pub accepting_entity: Option<OwnerView>,
    /// The mailbox it was received in, or sent from.
    pub receiving_mailbox: Option<String>,
    /// Its attachments.
    pub attachments: Vec<AttachmentView>,
    /// Its text.
    pub body_text: String,
    /// Its HTML as received; the window never shows this.
    pub body_html: Option<String>,
    /// How often it was submitted.
    pub delivery_attempts: u32,
    /// What became of the last attempt, for people.
    pub last_attempt: Option<String>,
    /// Not sent before this.
    pub send_after: Option<Time>,
    /// Why it is held back until then, when a sending limit does.
    pub held: Option<String>,
    /// Size of the raw message in bytes.
    #[specta(type = u32)]
    pub size: u64,
    /// Emails of the same conversation, oldest first, without this one.
    pub conversation: Vec<EmailRow>,
}

/// Which emails to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(default)]
pub struct EmailsRequest {
    /// Only of this mailbox.
    pub mailbox: Option<String>,
    /// Only with this status.
    pub status: Option<String>,
    /// Only with these words in the subject, an address or a name.
    pub search: Option<String>,
    /// At most this many; 0 is 100.
    pub limit: u32,
    /// Go on after this page.
    pub after: Option<String>,
}

/// A page of emails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct EmailPage {
    /// The emails, newest first.
    pub emails: Vec<EmailRow>,
    /// Ask with this for the next page.
    pub next: Option<String>,
    /// How many there are in all.
    pub total: u32,
}

/// Names one email.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct EmailRequest {
    /// Its id.
    pub id: String,
}

/// An email's body, made safe for a frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct SafeBody {
    /// A whole HTML document: sanitised, without scripts and remote content.
    pub html: String,
    /// How many remote pictures were left out.
    pub blocked_remote: u32,
}

/// Saves an attachment to a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct SaveAttachmentRequest {
    /// The email.
    pub email: String,
    /// The attachment.
    pub attachment: String,
    /// Where to; an existing file is not overwritten unless asked.
    pub path: String,
    /// Overwrite an existing file.
    #[serde(default)]
    pub overwrite: bool,
}

/// A new email to be sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(default)]
pub struct SendEmailRequest {
    /// The sender: a mailbox's address.
    pub from: String,
    /// To, as `Name <address>` or an address.
    pub to: Vec<String>,
    /// Cc.
    pub cc: Vec<String>,
    /// Bcc.
    pub bcc: Vec<String>,
    /// The subject.
    pub subject: String,
    /// Plain text.
    pub body: String,
    /// HTML beside it.
    pub html: Option<String>,
    /// Files to attach.
    pub attachments: Vec<String>,
    /// Not before this.
    pub at: Option<Time>,
    /// The email that this answers.
    pub in_reply_to: Option<String>,
    /// What it is regarding: `kind:id`, or the address of a contact, account or lead.
    pub regarding: Option<String>,
}

/// A person's word on an email whose delivery could not be confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ResolveDeliveryRequest {
    /// The email.
    pub id: String,
    /// `sent` or `resend`.
    pub verdict: String,
}
