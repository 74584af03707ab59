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
    /// The certificate of its own authority, as a PEM file: what a profile must trust to use its servers.
    pub ca_file: Option<String>,
}

/// The organization's settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct SettingsView {
    /// Whether connections without TLS are allowed.
    pub allow_plain_connections: bool,
    /// Whether only approved mailboxes are processed.
    pub require_approval: bool,
    /// `online`, `on_premises_9` or `crm_2015`: whose rules say when a mailbox is synchronized next.
    pub frequency: String,
    /// Minutes between cycles instead of the policy's; 0 leaves it to the policy.
    pub cycle_interval_minutes: u16,
    /// Attempts to send one email.
    pub max_delivery_attempts: u16,
    /// The largest message that is fetched, in MiB.
    pub max_message_mib: u32,
    /// Cycles of incoming mail that run at once.
    pub max_incoming_cycles: u16,
    /// Cycles of outgoing mail that run at once.
    pub max_outgoing_cycles: u16,
    /// Mailboxes under test that run at once.
    pub max_operations: u16,
    /// After so many seconds a cycle lets others go first.
    pub cycle_seconds: u16,
    /// After so many MiB a cycle lets others go first.
    pub cycle_mib: u16,
    /// After so many minutes a cycle is broken off.
    pub cycle_timeout_minutes: u16,
    /// Seconds for making a connection.
    pub connect_timeout_seconds: u16,
    /// Seconds for an answer of a server.
    pub read_timeout_seconds: u16,
    /// Whether servers that can are asked to announce new mail.
    pub push: bool,
    /// So many mailboxes are tested and enabled in one batch at most.
    pub test_batch_mailboxes: u16,
    /// Hours between the starts of two batches of Test & Enable.
    pub test_batch_hours: u16,
    /// *Process email using*: `server_side_synchronization` or `email_router`. With the latter nothing is processed here.
    pub process_email_using: String,
    /// Days for which the hourly history of cycles is kept.
    pub history_days: u16,
}
