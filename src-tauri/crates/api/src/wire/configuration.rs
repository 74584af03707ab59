//! Applying and exporting configuration, people in the directory, settings, practice.

use super::Time;
use serde::{Deserialize, Serialize};
use specta::Type;

/// A configuration file to apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ApplyRequest {
    /// Its text (TOML).
    pub text: String,
    /// Its name in errors, and the folder that relative paths start from.
    pub file: Option<String>,
    /// Only tell what would change.
    #[serde(default)]
    pub dry_run: bool,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ChangeView {
    /// `create`, `update` or `unchanged`.
    pub action: String,
    /// `profile`, `user`, `queue`, `contact`, `account`, `lead`, `mailbox` or `setting`.
    pub kind: String,
    /// Its name or address.
    pub name: String,
    /// What changes, as `field: old -> new`; never a secret.
    pub fields: Vec<String>,
}

/// What was or would be changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ApplyResult {
    /// Whether it was written.
    pub applied: bool,
    /// The differences.
    pub changes: Vec<ChangeView>,
}

/// What to export.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(default)]
pub struct ExportRequest {
    /// Contacts, accounts and leads too.
    pub records: bool,
}

/// A configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ExportResult {
    /// Its text (TOML), without secrets.
    pub text: String,
}

/// The practice organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct PracticeView {
    /// Whether it runs.
    pub running: bool,
    /// Since when.
    pub since: Option<Time>,
    /// Its servers, for people.
    pub servers: Vec<String>,
    /// Its mailboxes.
    pub mailboxes: Vec<String>,
}

/// The organization's settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct SettingsView {
    /// Whether connections without TLS are allowed.
    pub allow_plain_connections: bool,
    /// Whether only approved mailboxes are processed.
    pub require_approval: bool,
    /// Minutes between cycles.
    pub cycle_interval_minutes: u16,
    /// Attempts to send one email.
    pub max_delivery_attempts: u16,
    /// The largest message that is fetched, in MiB.
    pub max_message_mib: u32,
    /// *Process email using*: `server_side_synchronization` or `email_router`. With the latter nothing is processed here.
    pub process_email_using: String,
}
