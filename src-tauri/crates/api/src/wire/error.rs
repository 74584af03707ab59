//! Errors for people.

use super::Time;
use serde::{Deserialize, Serialize};
use specta::Type;

/// What a shell shows when something went wrong: what happened to which object, why, and the next step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type, thiserror::Error)]
#[error("{object}: {message}")]
pub struct ApiError {
    /// A stable word; never matched by its text.
    pub code: String,
    /// What happened and why, in one or two sentences.
    pub message: String,
    /// The next step and who can do it.
    pub remedy: String,
    /// What it happened to: a mailbox, a profile, a file with its line.
    pub object: String,
    /// The server's or the system's own words, when there are any.
    pub server_said: Option<String>,
    /// When it is tried again by itself.
    pub retry_at: Option<Time>,
    /// A refused certificate.
    pub certificate: Option<Box<Certificate>>,
}

/// A server certificate that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct Certificate {
    /// The host that was asked for.
    pub host: String,
    /// Its subject.
    pub subject: String,
    /// The names it is valid for.
    pub names: Vec<String>,
    /// Its issuer.
    pub issuer: String,
    /// Valid from.
    pub not_before: String,
    /// Valid until.
    pub not_after: String,
    /// Its SHA-256 fingerprint in hex.
    pub sha256: String,
    /// Why it was refused.
    pub why: String,
}
