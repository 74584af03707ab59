//! Mailboxes.

use super::{LadderView, SecretText, Time};
use serde::{Deserialize, Serialize};
use specta::Type;

/// Whose mailbox it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct OwnerView {
    /// `user` or `queue`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// Where one workload stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct WorkloadView {
    /// The delivery method.
    pub method: String,
    /// `not_run`, `success` or `failure`.
    pub status: String,
    /// Whether it is processed.
    pub enabled: bool,
    /// `ok`, `late`, `stopped`, `unproven` or `off`.
    pub state: String,
    /// Why, in words.
    pub why: String,
    /// When it runs next.
    pub next_due: Option<Time>,
    /// The end of the last completed cycle: the last proof of life.
    pub last_success: Option<Time>,
    /// The last failure, for people.
    pub last_error: Option<String>,
    /// When Test & Enable last completed.
    pub tested_at: Option<Time>,
}

/// The three workloads of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct WorkloadsView {
    /// Incoming mail.
    pub incoming: WorkloadView,
    /// Outgoing mail.
    pub outgoing: WorkloadView,
    /// Appointments, contacts and tasks.
    pub act: WorkloadView,
}

/// A mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct MailboxView {
    /// Its id.
    pub id: String,
    /// Its address.
    pub email: String,
    /// Its owner.
    pub owner: OwnerView,
    /// Which mail is promoted for its owner: `all`, `replies`, `leads_contacts_accounts`, `email_enabled` or `none`.
    pub incoming_filter: String,
    /// Its profile's name.
    pub profile: Option<String>,
    /// `pending`, `approved` or `rejected`.
    pub approval: String,
    /// `ok`, `late`, `stopped`, `unproven` or `off`: the worst of its workloads.
    pub status: String,
    /// The user name at the server.
    pub user_name: Option<String>,
    /// Whether its password is stored.
    pub password_set: bool,
    /// "Allow to Use Credentials for Email Processing".
    pub allow_credentials: bool,
    /// "Delete Emails after Processing".
    pub delete_after_processing: bool,
    /// Mail before this is not looked at.
    pub process_emails_from: Option<Time>,
    /// Its workloads.
    pub workloads: WorkloadsView,
}

/// A mailbox with what its page shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct MailboxDetail {
    /// The mailbox.
    pub mailbox: MailboxView,
    /// The ladders of its last Test & Enable.
    pub last_test: Vec<LadderView>,
    /// Its last cycles, newest first.
    pub cycles: Vec<CycleView>,
}

/// One sync cycle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct CycleView {
    /// Its id; of several, that of the first.
    pub id: String,
    /// The workload.
    pub workload: String,
    /// When it, or the first, started.
    pub started_at: Time,
    /// When it, or the last, ended.
    pub ended_at: Option<Time>,
    /// How many they are: those that found nothing one after the other are told together.
    pub cycles: u32,
    /// Messages decided or emails attempted.
    pub items: u32,
    /// The failure that ended it, for people.
    pub error: Option<String>,
}

/// Names mailboxes by address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct MailboxesRequest {
    /// The addresses.
    pub addresses: Vec<String>,
}

/// Names one mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct MailboxRequest {
    /// Its address.
    pub address: String,
}

/// A mailbox as a person adds or edits it, with its owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct SaveMailboxRequest {
    /// The mailbox to change; absent makes a new one.
    pub id: Option<String>,
    /// Its address.
    pub email: String,
    /// `user` or `queue`.
    pub owner_type: String,
    /// The owner's name; an owner that does not exist is made.
    pub owner_name: String,
    /// Which mail is promoted for the owner: `all`, `replies`, `leads_contacts_accounts`, `email_enabled` or `none`.
    pub incoming_filter: String,
    /// The profile's name.
    pub profile: String,
    /// Delivery method of incoming mail.
    pub incoming: String,
    /// Delivery method of outgoing mail.
    pub outgoing: String,
    /// The user name at the server.
    #[serde(default)]
    pub user_name: Option<String>,
    /// A new password; absent leaves the stored one.
    #[serde(default)]
    pub password: Option<SecretText>,
    /// Mail before this is not looked at.
    #[serde(default)]
    pub process_emails_from: Option<Time>,
    /// "Delete Emails after Processing"; queues only.
    #[serde(default)]
    pub delete_after_processing: bool,
    /// Map the address to this owner even though another owner has it. The remap question comes first.
    #[serde(default)]
    pub confirm_remap: bool,
}

/// Moves an address to another owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct RemapRequest {
    /// The mailbox's address.
    pub address: String,
    /// The new owner's name or address.
    pub to: String,
    /// Whether to do it; without, only what would break is told.
    #[serde(default)]
    pub confirm: bool,
}

/// What a remap breaks, or broke.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct RemapResult {
    /// Whether it was done.
    pub done: bool,
    /// What breaks, in sentences.
    pub breaks: Vec<String>,
}
