//! The plan: a value that says everything a migration would do, that people read, change and keep, and that holds no secret.

mod build;
mod credentials;
mod edit;
mod kinds;
mod mailboxes;
mod naming;
mod organizations;
mod pairs;
mod seats;
mod sides;

pub use build::{Made, make};
pub(crate) use build::{sameness, wanted_sameness};
pub use credentials::RecoveredPasswords;
pub use edit::{EditError, MigrateRow};
pub use kinds::ServerKind;
pub(crate) use kinds::is_bare_host;

use crate::{decryption::Reason, provenance::ProvenanceCounts, snapshot::Basis, values::Threshold, words};
use serde::{Deserialize, Serialize};
use tandem_domain::{
    Instant,
    profile::{AuthenticateUsing, Security, ServerType},
};
use uuid::Uuid;

/// The version of the plan file's format.
pub const FORMAT: u32 = 1;

/// What the caller decides before planning.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Options {
    /// Which of the organizations in the files is this one: key or name of one of [`Plan::organizations`]. `None`: the only
    /// one there is, else the one with the most providers, which the plan then asks to confirm.
    pub organization: Option<String>,
    /// What to do with providers that name no organization.
    pub unnamed: UnnamedOrganization,
    /// How far back profiles look.
    pub profile_date: ProfileDate,
}

/// What to do with providers that name no organization (the reference's section 8, item 12: we ask).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnnamedOrganization {
    /// They are this organization's.
    #[default]
    TreatAsThis,
    /// They are left out and listed.
    LeaveOut,
}

/// Process Emails From of new profiles. The later of the profile's and the mailbox's date decides what is picked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProfileDate {
    /// 24 hours before the plan is made (C \[MIG16\]). Mailboxes that were processed last before that are listed.
    #[default]
    OneDayBack,
    /// As far as the earliest last processed date of the profile's mailboxes, so that nothing is missed.
    EarliestMailbox,
}

/// What a migration would do. Made by [`make`]; changed by its methods; kept as JSON by [`Plan::to_json`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// [`FORMAT`].
    pub format: u32,
    /// When it was made.
    pub made_at: Instant,
    /// The organization that it was made for.
    pub organization: Uuid,
    /// What it was made with.
    pub options: Options,
    /// The routers whose files were read.
    pub routers: Vec<RouterSummary>,
    /// Files that were put right, as sentences.
    pub moved: Vec<String>,
    /// The organizations that the files name.
    pub organizations: Vec<RouterOrganization>,
    /// Whether several organizations are named and none was chosen: the admin should confirm which is this one.
    pub organization_unconfirmed: bool,
    /// One row per distinct pair of incoming and outgoing settings; those that can be migrated first. A pair
    /// that only a candidate which is not chosen has is a row without mailboxes. A row's `id` is its index.
    pub rows: Vec<Row>,
    /// User, queue and forward mailboxes, by router and line. A mailbox's `id` is its index.
    pub mailboxes: Vec<PlannedMailbox>,
    /// Passwords that are needed, once each. A credential's `id` is its index.
    pub credentials: Vec<Credential>,
    /// What people should look at before starting.
    pub conflicts: Vec<Conflict>,
    /// Providers that no row has, with the reason.
    pub unused: Vec<UnusedProvider>,
    /// Entries of the state files whose address no provider has.
    pub state_without_provider: u32,
    /// How many fields of the files were taken, changed, dropped, or could not be read.
    pub provenance: ProvenanceCounts,
    /// The configuration that it was made against.
    pub basis: Basis,
}

/// One router's files in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterSummary {
    /// Its number, 1 to 4.
    pub number: u8,
    /// Providers in its agent file.
    pub providers: u32,
    /// Entries in its state file.
    pub state_entries: u32,
    /// The scheme that the key file names; the real router's names none.
    pub key_scheme: Option<String>,
}

/// An organization that the files name in `CrmServerUrl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterOrganization {
    /// The name by which it is chosen ([`Options::organization`]), such as `crm.contoso.com/contoso`. Empty: not named.
    pub key: String,
    /// The organization's own name, such as `contoso`.
    pub name: String,
    /// Providers of it.
    pub providers: u32,
    /// Whether it is migrated.
    pub taken: bool,
}

/// One pair of incoming and outgoing settings and the profile that it becomes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Its index in [`Plan::rows`].
    pub id: u32,
    /// Where mail came from; `None` when the router did not handle incoming mail for these owners.
    pub incoming: Option<Side>,
    /// Where mail went to.
    pub outgoing: Option<Side>,
    /// The routers that have it.
    pub routers: Vec<u8>,
    /// What it becomes, or why it cannot be migrated.
    pub verdict: Verdict,
    /// *Migrate Server Profile*: yes by default; always no when it cannot be migrated.
    pub migrate: bool,
    /// What to know about it.
    pub findings: Vec<Finding>,
}

/// One side of a pair, as the router has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// The kind of server.
    pub kind: ServerKind,
    /// Server name or URL as in the file; empty with Autodiscover.
    pub location: String,
    /// The port in the file.
    pub port: Option<u16>,
    /// SSL in the file.
    pub ssl: Option<bool>,
    /// The authentication in the file, in the router's words.
    pub authentication: String,
    /// Where the first provider of it stands.
    pub source: SourceLine,
}

/// A place in a router's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SourceLine {
    /// The router's number.
    pub router: u8,
    /// The line in its agent file.
    pub line: u32,
}

/// What becomes of a pair.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It becomes this profile.
    Profile(NewProfile),
    /// It cannot be migrated.
    Cannot(Obstacle),
}

/// Why a pair cannot be migrated.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Obstacle {
    /// Exchange 2003 or Exchange 2007 over WebDAV (C \[MERGE13\]).
    WebDav,
    /// A provider of somebody else's; the class.
    Custom(String),
    /// It serves another organization; its name.
    OtherOrganization(String),
    /// It names no organization, and such providers are left out.
    UnnamedOrganization,
    /// What it is cannot be told; why.
    Unclear(String),
}

impl std::fmt::Display for Obstacle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::WebDav => f.write_str(
                "Exchange 2003 and Exchange 2007 over WebDAV cannot be migrated: move the mailboxes to a newer server first.",
            ),
            Self::Custom(class) => write!(f, "The provider {class} is not the router's own; set its mailboxes up by hand."),
            Self::OtherOrganization(name) => write!(f, "It serves another organization, {name}."),
            Self::UnnamedOrganization => f.write_str("It names no organization, and you chose to leave those out."),
            Self::Unclear(why) => write!(f, "It cannot be told what it is: {why}."),
        }
    }
}

/// A profile that is created, or one that is there already with the same settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewProfile {
    /// Its name: 1 to 100 characters, unique without case.
    pub name: String,
    /// A profile with the same settings that is there already and is used as it is.
    pub existing: Option<Uuid>,
    /// The kind of server.
    #[serde(with = "words::server_type")]
    pub server_type: ServerType,
    /// Where mail comes from.
    pub incoming: Option<NewEndpoint>,
    /// Where mail goes to.
    pub outgoing: Option<NewEndpoint>,
    /// Where credentials come from.
    #[serde(with = "words::authenticate_using")]
    pub authenticate_using: AuthenticateUsing,
    /// The profile's account, when credentials are the profile's.
    pub user_name: Option<String>,
    /// The profile's password, in [`Plan::credentials`].
    pub credential: Option<u32>,
    /// Mail received before this is not looked at.
    pub process_emails_from: Instant,
    /// Why its mailboxes cannot be enabled yet; `None` when they can.
    pub cannot_enable: Option<String>,
}

/// Where a new profile's server is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewEndpoint {
    /// Host name or address.
    pub server: String,
    /// TCP port.
    pub port: u16,
    /// How the connection is protected.
    #[serde(with = "words::security")]
    pub security: Security,
}

/// Something to know, with the documented code of the rule where there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// A stable word, such as `smtp_dropped`.
    pub code: String,
    /// For people.
    pub text: String,
    /// The documented code, such as `0x8005E234`.
    pub error_code: Option<String>,
}

/// What a mailbox is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailboxKind {
    /// A user's.
    User,
    /// A queue's.
    Queue,
    /// A mailbox that rules forward copies to.
    Forward,
}

/// An existing user or queue.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OwnerRef {
    /// Whether it is a queue.
    pub queue: bool,
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
}

/// How an existing owner was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchedBy {
    /// The id in the file is its id.
    Id,
    /// The address in the file is one of its addresses, or its mailbox's.
    Address,
}

/// What is done with one mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// A new user or queue is created from the address and gets the mailbox.
    CreateOwner,
    /// This existing user or queue has or gets the mailbox.
    MatchOwner(OwnerRef),
    /// Nothing; why, as a sentence.
    Skip(String),
}

/// A mailbox that a router handled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedMailbox {
    /// Its index in [`Plan::mailboxes`].
    pub id: u32,
    /// What it is.
    pub kind: MailboxKind,
    /// The user's or queue's id in the files.
    pub source_id: Option<Uuid>,
    /// Its address: from the file, else the matched owner's.
    pub address: Option<String>,
    /// The existing owner that was found, and how.
    pub found: Option<(OwnerRef, MatchedBy)>,
    /// The existing mailbox with this address or of this owner.
    pub existing: Option<ExistingMailbox>,
    /// What is done.
    pub decision: Decision,
    /// Its settings; several when routers disagree.
    pub candidates: Vec<Candidate>,
    /// Which of [`PlannedMailbox::candidates`] is used; the first router's by default (ours; \[U\] in the original).
    pub chosen: u32,
    /// Mail received before this is not looked at.
    pub process_emails_from: Instant,
    /// Where that date comes from.
    pub date: DateSource,
    /// The state file's last processed date; the latest when several routers have one.
    pub last_processed: Threshold,
    /// The state file's last error, for information.
    pub last_error: Option<String>,
    /// Deleted from the server after processing: queue and forward mailboxes only (C 0x8005E233).
    pub delete_after_processing: bool,
    /// What to know about it.
    pub findings: Vec<Finding>,
}

/// A mailbox that is here already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExistingMailbox {
    /// Its id.
    pub id: Uuid,
    /// Its address.
    pub address: String,
    /// Its profile.
    pub profile: Option<Uuid>,
}

/// One router's settings for a mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its pair, in [`Plan::rows`].
    pub row: u32,
    /// Where its incoming provider stands.
    pub incoming: Option<SourceLine>,
    /// Where its outgoing provider stands.
    pub outgoing: Option<SourceLine>,
    /// The user name at the server.
    pub user_name: Option<String>,
    /// Its password, in [`Plan::credentials`]; `None` when the profile has it or none is needed.
    pub credential: Option<u32>,
}

/// Where a mailbox's date comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateSource {
    /// Its last processed date.
    LastProcessed,
    /// 24 hours back: the state files have no entry for it.
    Missing,
    /// 24 hours back: its date cannot be read.
    Unreadable,
    /// 24 hours back: it was never processed, or reset.
    Never,
    /// 24 hours back: its date is in the future.
    Future,
    /// It sends only, so no date matters.
    NotNeeded,
}

/// A password that is needed once, whoever uses it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// Its index in [`Plan::credentials`].
    pub id: u32,
    /// The user name; `None` when the mailbox's address is used.
    pub user_name: Option<String>,
    /// The server that it is for.
    pub server: String,
    /// Whether there is a password. It is never in the plan.
    pub state: CredentialState,
    /// The rows whose profile has it.
    pub profiles: Vec<u32>,
    /// The mailboxes that have it.
    pub mailboxes: Vec<u32>,
}

/// Whether a password is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialState {
    /// It was decrypted when the plan was made ([`Made::passwords`]). A plan that is applied later has to ask for it again.
    Recovered,
    /// The files have none.
    NoPassword,
    /// It must be entered again; why.
    EnterAgain(Reason),
}

/// Something that people should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// The mailbox, in [`Plan::mailboxes`].
    pub mailbox: u32,
    /// What kind.
    pub kind: ConflictKind,
    /// What it is and what is done by default, in sentences.
    pub text: String,
}

/// Kinds of conflicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConflictKind {
    /// Two routers have it with different settings.
    RoutersDisagree,
    /// Two routers have it with the same settings.
    TwoRouters,
    /// Two users or queues of the files have the same address.
    SameAddress,
    /// The owner has another mailbox here, or the mailbox another profile.
    OwnerMapped,
    /// Nobody here has this id or address.
    UnknownOwner,
    /// It is a queue there and a user here, or the other way round.
    KindDiffers,
    /// The file gives no address, or one that is none.
    NoAddress,
}

/// A provider that is in no row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnusedProvider {
    /// Where it stands.
    pub source: SourceLine,
    /// Why it is not used, as a sentence.
    pub why: String,
}

/// How many mailboxes a row has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RowCounts {
    /// Users.
    pub users: u32,
    /// Queues.
    pub queues: u32,
    /// Forward mailboxes.
    pub forward: u32,
}
