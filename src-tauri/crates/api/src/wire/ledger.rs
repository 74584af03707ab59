//! The ledger, explanations and quarantine.

use super::Time;
use serde::{Deserialize, Serialize};
use specta::Type;

/// One rule that was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct RuleView {
    /// The rule's name.
    pub rule: String,
    /// `passed`, `decided` or `noted`.
    pub outcome: String,
    /// Why.
    pub detail: String,
}

/// One message seen on a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct LedgerView {
    /// The mailbox's address.
    pub mailbox: String,
    /// The folder.
    pub folder: String,
    /// Its identity on the server.
    pub uid: String,
    /// Its Message-ID.
    pub message_id: Option<String>,
    /// When the server received it.
    pub received_at: Option<Time>,
    /// Its size in bytes.
    #[specta(type = u32)]
    pub size: u64,
    /// What was decided.
    pub decision: String,
    /// The deciding rule's words.
    pub reason: String,
    /// All rules asked, in order.
    pub trace: Vec<RuleView>,
    /// The record.
    pub email_id: Option<String>,
    /// The cycle.
    pub cycle_id: String,
    /// When it was decided.
    pub decided_at: Time,
}

/// Which rows to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(default)]
pub struct LedgerRequest {
    /// Only of this mailbox.
    pub mailbox: Option<String>,
    /// Only with this decision.
    pub decision: Option<String>,
    /// At most this many; 0 is all.
    pub limit: u32,
}

/// What to explain: a Message-ID, or a file with a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ExplainRequest {
    /// A Message-ID, or the path of a `.eml` file.
    pub subject: String,
    /// Only for this mailbox.
    #[serde(default)]
    pub mailbox: Option<String>,
}

/// Why a message was treated as it was, or how it would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct Explanation {
    /// The mailbox's address.
    pub mailbox: String,
    /// Whether this already happened, or would happen.
    pub happened: bool,
    /// The decision.
    pub decision: String,
    /// One sentence.
    pub summary: String,
    /// All rules asked, in order.
    pub trace: Vec<RuleView>,
    /// What would change the decision.
    pub what_would_change_it: String,
    /// The record.
    pub email_id: Option<String>,
    /// When it was decided.
    pub decided_at: Option<Time>,
}

/// A message that waits for a person: it could not be read, or failed too often to be fetched or recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct QuarantineView {
    /// `unreadable`: its bytes are kept. `undeliverable`: its only copy is the server's.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// The mailbox's address.
    pub mailbox: String,
    /// Its identity on the server.
    pub uid: String,
    /// Why it could not be read.
    pub reason: String,
    /// The version of the parser that failed; empty when none did.
    pub parser_version: String,
    /// Its size in bytes.
    #[specta(type = u32)]
    pub size: u64,
    /// When.
    pub quarantined_at: Time,
    /// The first lines of its bytes, printable; empty without bytes.
    pub preview: String,
}

/// Names one quarantined message, or all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(default)]
pub struct QuarantineRequest {
    /// Its id; absent means all.
    pub id: Option<String>,
}

/// What a retry did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct QuarantineRetryResult {
    /// Messages that can be read now, and were decided.
    pub released: u32,
    /// Messages that still can't be read.
    pub still_unreadable: u32,
    /// Undeliverable messages that the next cycle of their mailboxes, which is due now, tries to fetch.
    pub asked_again: u32,
}
