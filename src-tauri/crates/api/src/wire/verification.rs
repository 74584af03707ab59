//! Completeness of mailboxes.

use super::{ApiError, Time};
use serde::{Deserialize, Serialize};
use specta::Type;

/// Which mailboxes to compare with their servers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct VerifyRequest {
    /// Addresses; none means all whose incoming mail is synchronized.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// Whether missing messages get their decisions at once.
    #[serde(default)]
    pub repair: bool,
}

/// What comparing a mailbox's server with the ledger found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct VerificationView {
    /// The mailbox's address.
    pub mailbox: String,
    /// When the server's list was asked for.
    pub verified_at: Time,
    /// Messages that the server has.
    pub on_server: u32,
    /// Those of them that have a decision: seen.
    pub seen: u32,
    /// Those that arrived since the last cycle.
    pub waiting: u32,
    /// How many should have a decision and had none.
    pub missing: u32,
    /// Their identities on the server; of a kept result, the first hundred.
    pub missing_identities: Vec<String>,
    /// How many of them have their decision now.
    pub repaired: u32,
    /// Decisions about messages that the server has no more.
    pub extra: u32,
    /// Whether every message that should have a decision has one.
    pub complete: bool,
    /// When it is verified next.
    pub next_due: Time,
    /// Why it is not complete.
    pub failure: Option<ApiError>,
}

/// Of which times everything in a mailbox was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct CoverageView {
    /// Stretches without gaps between them, oldest first.
    pub stretches: Vec<StretchView>,
    /// The last verification.
    pub verification: Option<VerificationView>,
}

/// A stretch of time of which everything was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct StretchView {
    /// From.
    pub from: Time,
    /// Until.
    pub until: Time,
    /// When a later cycle saw it; absent where cycles ran at their pace.
    pub caught_up_at: Option<Time>,
}
