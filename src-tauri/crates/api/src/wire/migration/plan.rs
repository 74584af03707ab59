//! The plan: what a migration would do, and what people decide in it.

use crate::wire::{ApiError, Time};
use serde::{Deserialize, Serialize};
use specta::Type;

use super::RouterPaths;

/// What to plan. The plan is kept as the draft until it is discarded or another one is made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(default)]
pub struct PlanMigrationRequest {
    /// The routers' files.
    pub routers: Vec<RouterPaths>,
    /// Which of the files' organizations is this one, by its key; absent: the only one, else the one with most providers.
    pub organization: Option<String>,
    /// What to do with providers that name no organization: `treat_as_this` (default) or `leave_out`.
    pub unnamed: Option<String>,
    /// Process Emails From of new profiles: `one_day_back` (default) or `earliest_mailbox`.
    pub profile_date: Option<String>,
}

/// A plan, as decided so far, compared with the configuration of now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct MigrationPlanView {
    /// When it was made.
    pub made_at: Time,
    /// The file that it was read from or saved to.
    pub file: Option<String>,
    /// The routers whose files it was made from.
    pub routers: Vec<MigrationRouterView>,
    /// The organizations that the files name.
    pub organizations: Vec<MigrationOrganizationView>,
    /// Whether somebody should confirm which organization is this one.
    pub organization_unconfirmed: bool,
    /// `treat_as_this` or `leave_out`.
    pub unnamed: String,
    /// `one_day_back` or `earliest_mailbox`.
    pub profile_date: String,
    /// One row per distinct pair of incoming and outgoing settings; those that can be migrated first.
    pub rows: Vec<MigrationRowView>,
    /// How many mailboxes it has; `migration_mailboxes` lists them.
    pub mailboxes: u32,
    /// Passwords that are needed, once each.
    pub credentials: Vec<MigrationCredentialView>,
    /// Conflicts by kind.
    pub conflicts: Vec<MigrationConflictCount>,
    /// Providers that no row has; at most 200 of them.
    pub unused: Vec<MigrationUnusedView>,
    /// How many of those there are.
    pub unused_total: u32,
    /// How many fields of the files had which fate. The fields themselves are there while the files were read by this process.
    pub provenance: MigrationProvenanceCounts,
    /// Whether `migration_provenance` can list fields: not for a plan that came from a file.
    pub has_provenance: bool,
    /// What would be done, in numbers.
    pub counts: MigrationCounts,
    /// The same in sentences, in reading order.
    pub sentences: Vec<MigrationSentence>,
    /// What differs in the configuration since the plan was made; what concerns the plan comes first.
    pub differences: Vec<MigrationDifference>,
    /// Stands for the configuration of now: given back as `reviewed` it says that the differences were seen.
    pub configuration: String,
    /// Whether applying it would write nothing.
    pub nothing_to_do: bool,
    /// Why it cannot be applied as it is.
    pub cannot_apply: Option<ApiError>,
}

/// One router's files in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct MigrationRouterView {
    /// Its number.
    pub number: u8,
    /// Providers in its agent file.
    pub providers: u32,
    /// Entries in its state file.
    pub state_entries: u32,
}

/// An organization that the files name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct MigrationOrganizationView {
    /// How it is chosen; empty for providers that name none.
    pub key: String,
    /// Its name.
    pub name: String,
    /// Its providers.
    pub providers: u32,
    /// Whether it is migrated.
    pub taken: bool,
}

/// One pair of incoming and outgoing settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct MigrationRowView {
    /// Its number in the plan.
    pub id: u32,
    /// The routers that have it.
    pub routers: Vec<u8>,
    /// Where mail came from.
    pub incoming: Option<MigrationSideView>,
    /// Where mail went to.
    pub outgoing: Option<MigrationSideView>,
    /// The profile that it becomes; absent when it cannot be migrated.
    pub profile: Option<MigrationProfileView>,
    /// Why it cannot be migrated.
    pub cannot: Option<String>,
    /// *Migrate Server Profile*.
    pub migrate: bool,
    /// Users that have it.
    pub users: u32,
    /// Queues that have it.
    pub queues: u32,
    /// Forward mailboxes that have it.
    pub forward_mailboxes: u32,
    /// What to know about it.
    pub findings: Vec<MigrationFinding>,
}

/// One side of a pair, as the router has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct MigrationSideView {
    /// `pop3`, `smtp`, `exchange_ews`, `exchange_online`, `exchange_web_dav`, `custom` or `unclear`.
    pub kind: String,
    /// The same for people.
    pub kind_name: String,
    /// Server or URL; empty with Autodiscover.
    pub location: String,
    /// Port.
    pub port: Option<u16>,
    /// SSL.
    pub ssl: Option<bool>,
    /// The authentication, in the router's words.
    pub authentication: String,
    /// The router where it stands first.
    pub router: u8,
    /// The line in its agent file.
    pub line: u32,
}

/// The profile that a pair becomes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct MigrationProfileView {
    /// Its name.
    pub name: String,
    /// Whether it is here already with the same settings and is used as it is; its name cannot be changed then.
    pub existing: bool,
    /// `pop3_smtp`, `exchange_server`, `exchange_online`, ...
    pub server_type: String,
    /// Incoming server.
    pub incoming: Option<MigrationEndpoint>,
    /// Outgoing server.
    pub outgoing: Option<MigrationEndpoint>,
    /// Where credentials come from: `user_or_queue`, `profile`, ...
    pub authenticate_using: String,
    /// The profile's own account.
    pub user_name: Option<String>,
    /// Mail before this is not looked at.
    pub process_emails_from: Time,
    /// Why its mailboxes cannot be enabled yet.
    pub cannot_enable: Option<String>,
}

/// Where a new profile's server is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct MigrationEndpoint {
    /// Host name or address.
    pub server: String,
    /// Port.
    pub port: u16,
    /// `tls`, `starttls` or `none`.
    pub security: String,
}

/// Something to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct MigrationFinding {
    /// A stable word.
    pub code: String,
    /// For people.
    pub text: String,
    /// The documented code of the rule, such as `0x8005E234`.
    pub error_code: Option<String>,
}

/// A password that is needed once, whoever uses it. Never the password itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct MigrationCredentialView {
    /// Its number in the plan.
    pub id: u32,
    /// The server that it is for.
    pub server: String,
    /// The user name; absent when the mailbox's address is used.
    pub user_name: Option<String>,
    /// Whether it must be entered.
    pub must_be_entered: bool,
    /// Why it must be entered, or that it was decrypted.
    pub reason: String,
    /// How many profiles use it.
    pub profiles: u32,
    /// How many mailboxes use it.
    pub mailboxes: u32,
}

/// How many conflicts of a kind there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct MigrationConflictCount {
    /// `routers_disagree`, `two_routers`, `same_address`, `owner_mapped`, `unknown_owner`, `kind_differs` or `no_address`.
    pub kind: String,
    /// How many mailboxes have it.
    pub count: u32,
}

/// A provider that is in no row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct MigrationUnusedView {
    /// The router.
    pub router: u8,
    /// The line in its agent file.
    pub line: u32,
    /// Why.
    pub why: String,
}

/// How many fields of the files had which fate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct MigrationProvenanceCounts {
    /// All.
    pub fields: u32,
    /// In the plan as they are.
    pub taken: u32,
    /// In the plan in another form.
    pub changed: u32,
    /// Not migrated.
    pub dropped: u32,
    /// Not readable.
    pub unreadable: u32,
}

/// What would be created, updated and skipped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct MigrationCounts {
    /// Profiles to create.
    pub profiles_created: u32,
    /// Profiles that are here already and get mailboxes.
    pub profiles_used: u32,
    /// Rows that people declined.
    pub rows_declined: u32,
    /// Rows that cannot be migrated.
    pub rows_impossible: u32,
    /// Users to create.
    pub users_created: u32,
    /// Users that are here already.
    pub users_matched: u32,
    /// Queues to create.
    pub queues_created: u32,
    /// Queues that are here already.
    pub queues_matched: u32,
    /// Forward mailboxes to create.
    pub forward_mailboxes: u32,
    /// User and queue mailboxes to create.
    pub mailboxes_created: u32,
    /// Mailboxes that are here already and get the profile.
    pub mailboxes_updated: u32,
    /// Mailboxes that are left as they are.
    pub mailboxes_skipped: u32,
    /// Mailboxes that start at their last processed date.
    pub dates_taken: u32,
    /// Mailboxes that start 24 hours back.
    pub dates_fallback: u32,
    /// Mailboxes whose last processed date is older than two weeks.
    pub older_than_two_weeks: u32,
    /// Mailboxes whose profile starts later than they were processed last.
    pub not_reached: u32,
    /// Passwords that were decrypted.
    pub passwords_recovered: u32,
    /// Passwords that must be entered.
    pub passwords_to_enter: u32,
    /// Conflicts.
    pub conflicts: u32,
}

/// One sentence of the review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct MigrationSentence {
    /// `files`, `organization`, `profiles`, `forward_mailboxes`, `mailboxes`, `dates`, `passwords`, `conflicts` or `after`.
    pub about: String,
    /// Whether it asks for a look.
    pub attention: bool,
    /// For people.
    pub text: String,
}

/// One record of the configuration that is not as it was when the plan was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct MigrationDifference {
    /// What differs, as a sentence.
    pub text: String,
    /// Whether the plan touches it.
    pub concerns_plan: bool,
}

/// What people decide. All of it, or nothing and the first error.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(default)]
pub struct MigrationChoices {
    /// About rows.
    pub rows: Vec<MigrationRowChoice>,
    /// About mailboxes.
    pub mailboxes: Vec<MigrationMailboxChoice>,
}

/// What is decided about a row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(default)]
pub struct MigrationRowChoice {
    /// The row.
    pub row: u32,
    /// *Migrate Server Profile*; absent leaves it.
    pub migrate: Option<bool>,
    /// The new profile's name; absent leaves it.
    pub name: Option<String>,
}

/// What is decided about a mailbox.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(default)]
pub struct MigrationMailboxChoice {
    /// The mailbox.
    pub mailbox: u32,
    /// `create` its owner, `match` it to one that is here, or `skip`; absent leaves it.
    pub decision: Option<String>,
    /// With `match`: the id of the user or queue; absent takes the one that was found.
    pub owner: Option<String>,
    /// Which router's settings it gets, where several have it; absent leaves it.
    pub candidate: Option<u32>,
}

/// Which mailboxes of the plan to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(default)]
pub struct MigrationMailboxesRequest {
    /// `all` (default), `migrated`, `skipped`, `conflicts`, `older_than_two_weeks`, `dates_fallback` or `not_reached`.
    pub only: Option<String>,
    /// Only those of this row.
    pub row: Option<u32>,
    /// Only with these letters in the address or the owner's name.
    pub search: Option<String>,
    /// How many to leave out first.
    pub offset: u32,
    /// At most this many; 0 is 200.
    pub limit: u32,
}

/// Some mailboxes of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct MigrationMailboxPage {
    /// How many there are in all.
    pub total: u32,
    /// These.
    pub mailboxes: Vec<MigrationMailboxView>,
}

/// A mailbox of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct MigrationMailboxView {
    /// Its number in the plan.
    pub id: u32,
    /// `user`, `queue` or `forward`.
    pub kind: String,
    /// Its address.
    pub address: Option<String>,
    /// The user's or queue's id in the files.
    pub source_id: Option<String>,
    /// Whom it was found to belong to here.
    pub found: Option<MigrationOwnerView>,
    /// `id` or `address`: how that was found.
    pub found_by: Option<String>,
    /// The address of the mailbox that is here already.
    pub existing: Option<String>,
    /// `create`, `match` or `skip`.
    pub decision: String,
    /// With `match`: whom.
    pub owner: Option<MigrationOwnerView>,
    /// With `skip`: why.
    pub skip_reason: Option<String>,
    /// Whether it is migrated as things are decided.
    pub migrated: bool,
    /// The settings that routers have for it.
    pub candidates: Vec<MigrationCandidateView>,
    /// Which of them it gets.
    pub chosen: u32,
    /// Mail before this is not looked at.
    pub process_emails_from: Time,
    /// Where that date comes from: `last_processed`, or why it is 24 hours back: `missing`, `unreadable`, `never`, `future`;
    /// `not_needed` when it only sends.
    pub date: String,
    /// The last error in the router, for information.
    pub last_error: Option<String>,
    /// Whether mail is deleted on the server after processing.
    pub delete_after_processing: bool,
    /// What to know about it.
    pub findings: Vec<MigrationFinding>,
    /// What to decide about it.
    pub conflicts: Vec<MigrationConflictView>,
}

/// A user or queue that is here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct MigrationOwnerView {
    /// `user` or `queue`.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// One router's settings for a mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct MigrationCandidateView {
    /// Its pair.
    pub row: u32,
    /// The name of the pair's profile.
    pub profile: Option<String>,
    /// The router.
    pub router: Option<u8>,
    /// The user name at the server.
    pub user_name: Option<String>,
}

/// Something to decide about a mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct MigrationConflictView {
    /// As in [`MigrationConflictCount`].
    pub kind: String,
    /// What it is and what is done by default.
    pub text: String,
}

/// Which fields of the files to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(default)]
pub struct MigrationProvenanceRequest {
    /// Only those of the providers of this row.
    pub row: Option<u32>,
    /// Only with this fate: `taken`, `changed`, `dropped` or `unreadable`.
    pub fate: Option<String>,
    /// Only with these letters in the field, its value or its target.
    pub search: Option<String>,
    /// How many to leave out first.
    pub offset: u32,
    /// At most this many; 0 is 200.
    pub limit: u32,
}

/// Some fields of the files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct MigrationProvenancePage {
    /// How many there are in all.
    pub total: u32,
    /// How many of those that were asked for, whatever their fate, had which.
    pub counts: MigrationProvenanceCounts,
    /// These.
    pub fields: Vec<MigrationFieldView>,
}

/// One field and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct MigrationFieldView {
    /// The router.
    pub router: u8,
    /// `key`, `state` or `agent`.
    pub file: String,
    /// The line.
    pub line: u32,
    /// The element or attribute (`@name`).
    pub field: String,
    /// Its value; absent for secrets.
    pub value: Option<String>,
    /// `taken`, `changed`, `dropped` or `unreadable`.
    pub fate: String,
    /// Where it went, or why not.
    pub target: String,
}
