//! Applying a plan, what came of it, and what is left to do.

use super::MigrationCounts;
use crate::wire::{SecretText, Time};
use serde::{Deserialize, Serialize};
use specta::Type;

/// A file to write.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct SaveMigrationPlanRequest {
    /// Its path. A file that is there is replaced: the window has asked.
    pub path: String,
}

/// A plan to read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct LoadMigrationPlanRequest {
    /// Its path.
    pub path: String,
}

/// Applies the draft.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(default)]
pub struct ApplyMigrationRequest {
    /// A plan's file to apply instead of the draft.
    pub file: Option<String>,
    /// The `configuration` of the plan whose differences were reviewed; needed only when something that the plan touches
    /// changed since it was made.
    pub reviewed: Option<String>,
}

/// A report to write.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct SaveMigrationReportRequest {
    /// Its path. A file that is there is replaced.
    pub path: String,
    /// `html`, `csv`, or `provenance_csv` (every field of the files).
    pub format: String,
}

/// The latest migration of this data folder, and what is left to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct MigrationSummaryView {
    /// `none`, `applied` or `undone`.
    pub status: String,
    /// When it was applied.
    pub applied_at: Option<Time>,
    /// When it was undone.
    pub undone_at: Option<Time>,
    /// Whether this call changed something; false when the plan had been applied already.
    pub changed: bool,
    /// What was done, in numbers.
    pub counts: MigrationCounts,
    /// In sentences: what was done.
    pub sentences: Vec<String>,
    /// The profiles that it made or used.
    pub profiles: Vec<MigratedProfile>,
    /// Mailboxes that were left as they are.
    pub skipped: Vec<MigrationSkipped>,
    /// Passwords that it needs, once per account.
    pub passwords: Vec<MigrationPasswordView>,
    /// Of these, how many are still missing.
    pub passwords_missing: u32,
    /// Queue mailboxes that wait for Test & Enable.
    pub queues_to_test: u32,
    /// User mailboxes that wait for Test & Enable.
    pub users_to_test: u32,
    /// The addresses of both, queues first.
    pub to_test: Vec<String>,
    /// The addresses among them that nobody has approved yet.
    pub to_approve: Vec<String>,
    /// Whether it can be undone.
    pub can_undo: bool,
    /// Why it cannot be undone.
    pub undo_refused: Option<String>,
    /// *Process email using*: `server_side_synchronization` or `email_router`.
    pub process_email_using: String,
    /// What switching it to Server-Side Synchronization means, for people.
    pub delivery_switch: String,
}

/// A profile that the migration made or used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct MigratedProfile {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its server type.
    pub server_type: String,
    /// Whether the migration made it.
    pub created: bool,
    /// How many migrated mailboxes it has.
    pub mailboxes: u32,
    /// Why its mailboxes cannot be enabled yet.
    pub cannot_enable: Option<String>,
}

/// A mailbox that was left as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct MigrationSkipped {
    /// Its address, or the id in the files.
    pub mailbox: String,
    /// Why.
    pub why: String,
}

/// A password that the migration needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct MigrationPasswordView {
    /// Its number: what [`MigrationPassword::credential`] names.
    pub credential: u32,
    /// The server.
    pub server: String,
    /// The user name.
    pub user_name: String,
    /// The profiles that use it, by name.
    pub profiles: Vec<String>,
    /// The mailboxes that use it, by address.
    pub mailboxes: Vec<String>,
    /// Whether the secret store has it for all of them.
    pub is_set: bool,
    /// Why it must be entered.
    pub reason: String,
}

/// Passwords to keep for everything that uses them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct EnterMigrationPasswordsRequest {
    /// Once per account.
    pub passwords: Vec<MigrationPassword>,
}

/// One password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct MigrationPassword {
    /// The account.
    pub credential: u32,
    /// Goes to the secret store and nowhere else.
    pub password: SecretText,
}

/// Where to write router files to rehearse with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct SampleRouterFilesRequest {
    /// A folder; each router gets a folder in it. Without one they are written to the practice organization's own folder, which
    /// is removed with it.
    #[serde(default)]
    pub folder: Option<String>,
}

/// Router files to rehearse with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct SampleRouterFilesView {
    /// One folder per router, in order.
    pub routers: Vec<String>,
    /// What they are about, for people.
    pub text: String,
}
