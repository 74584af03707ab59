//! What the engine asks of storage and of the built-in CRM, by task.

use super::{
    circuits::Circuits,
    mail::{Credentials, Cursor},
    quiet::Quiet,
    test_jobs::{TestJobs, TestResults},
};
use crate::raw::RawMessage;
use async_trait::async_trait;
use std::collections::HashMap;
use tandem_domain::{
    Instant,
    address::{EmailAddress, MessageId},
    alert::{AlertCode, AlertObject, NewAlert},
    directory::{DirectoryEntry, PartyMatch},
    email::{KnownEmail, NewEmail},
    failure::{Failure, FailureCode},
    frequency::Activity,
    ids::{CycleId, EmailId, MailboxId, OrganizationId, ProfileId},
    item_retry::OwedItem,
    ledger::{LedgerRow, ServerIdentity},
    mailbox::{Mailbox, MailboxOwner},
    message::ParsedMessage,
    outgoing::{AttemptPhase, RefusedRecipient},
    profile::EmailServerProfile,
    send_limits::{Counted, HeldBy},
    settings::OrganizationSettings,
    verification::Verification,
    workload::Workload,
};

/// A failure of storage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    /// The disk is full; nothing of this step was written.
    #[error("the disk that holds {path} is full")]
    DiskFull {
        /// The database file.
        path: String,
    },
    /// Another record took the Message-ID since the plan was made; nothing was written. Plan again.
    #[error("the facts changed since the plan was made")]
    Conflict,
    /// The record is not there (any more).
    #[error("{0} does not exist")]
    NotFound(String),
    /// The disk or the database cannot be used, for a reason that a person at this computer can end.
    #[error("the database cannot be used: {why}")]
    Unusable {
        /// The reason.
        trouble: StorageTrouble,
        /// In the database's words.
        why: String,
    },
    /// Anything else, in the database's words.
    #[error("the database failed: {0}")]
    Failed(String),
}

/// Why storage cannot be used. Each has its own next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StorageTrouble {
    /// The disk or the file can only be read.
    ReadOnly,
    /// The operating system does not let Tandem at the file.
    Denied,
    /// Another program holds it.
    Busy,
    /// What is in it is damaged, or is no database.
    Damaged,
    /// The disk does not read or write.
    Broken,
    /// This computer has no memory for it.
    OutOfMemory,
}

impl StorageError {
    /// What it means to a cycle. It is nobody's setting, so it disables no mailbox.
    #[must_use]
    pub fn failure(&self) -> Failure {
        let said = self.to_string();
        let code = match self {
            Self::DiskFull { .. } => FailureCode::DiskFull,
            Self::NotFound(_) => return Failure::transient_mailbox(FailureCode::StoreFailed, said),
            Self::Conflict | Self::Failed(_) => FailureCode::StoreFailed,
            Self::Unusable { trouble, .. } => trouble.code(),
        };
        Failure::transient_profile(code, said)
    }
}

impl StorageTrouble {
    /// Its code.
    #[must_use]
    pub const fn code(self) -> FailureCode {
        match self {
            Self::ReadOnly => FailureCode::DiskReadOnly,
            Self::Denied => FailureCode::DiskAccessDenied,
            Self::Busy => FailureCode::DatabaseBusy,
            Self::Damaged => FailureCode::DatabaseDamaged,
            Self::Broken => FailureCode::DiskFailed,
            Self::OutOfMemory => FailureCode::ResourcesExhausted,
        }
    }
}

/// Configuration, as the engine reads it.
#[async_trait]
pub trait Configuration: Send + Sync {
    /// The organization's id.
    async fn organization(&self) -> Result<OrganizationId, StorageError>;
    /// Its settings.
    async fn settings(&self) -> Result<OrganizationSettings, StorageError>;
    /// One mailbox.
    async fn mailbox(&self, id: MailboxId) -> Result<Mailbox, StorageError>;
    /// The mailbox with this address, when there is one.
    async fn mailbox_by_address(&self, address: &EmailAddress) -> Result<Option<Mailbox>, StorageError>;
    /// One profile.
    async fn profile(&self, id: ProfileId) -> Result<EmailServerProfile, StorageError>;
    /// The owner of a mailbox as a directory entry.
    async fn owner(&self, owner: MailboxOwner) -> Result<DirectoryEntry, StorageError>;
}

/// Where credentials come from. Filled by the composition over the secret store.
#[async_trait]
pub trait CredentialSource: Send + Sync {
    /// The credentials for a mailbox, by its profile's rule.
    ///
    /// # Errors
    /// `PasswordMissing`, `KeychainLocked`, `KeychainAbsent` as failures.
    async fn credentials(
        &self,
        mailbox: &Mailbox,
        profile: &EmailServerProfile,
    ) -> Result<Credentials, Failure>;

    /// Those of many mailboxes, each in its place, with as few looks into the store as it allows.
    async fn credentials_of(
        &self,
        asked: &[(&Mailbox, &EmailServerProfile)],
    ) -> Vec<Result<Credentials, Failure>> {
        let mut found = Vec::with_capacity(asked.len());
        for (mailbox, profile) in asked {
            found.push(self.credentials(mailbox, profile).await);
        }
        found
    }
}

/// One message of a batch, decided.
#[derive(Debug, Clone)]
pub struct DecidedItem {
    /// The ledger row.
    pub row: LedgerRow,
    /// What is kept besides the row.
    pub keep: Keep,
}

/// What is kept of a decided message besides its ledger row.
#[derive(Debug, Clone)]
pub enum Keep {
    /// Nothing.
    Nothing,
    /// An email activity with its raw message.
    Email {
        /// The record.
        email: Box<NewEmail>,
        /// Its parsed content.
        message: Box<ParsedMessage>,
        /// Its bytes.
        raw: RawMessage,
    },
    /// The raw bytes in quarantine.
    Quarantine {
        /// The bytes.
        raw: RawMessage,
        /// Why it could not be read.
        reason: String,
        /// The parser that failed.
        parser_version: String,
    },
    /// Nothing yet: the message failed on its own and is owed. Any later decision about it ends that.
    Owed(Box<OwedItem>),
}

/// A part of a cycle's work that is committed as one.
#[derive(Debug, Clone)]
pub struct IncomingBatch {
    /// The mailbox.
    pub mailbox: MailboxId,
    /// The folder.
    pub folder: String,
    /// The cycle.
    pub cycle: CycleId,
    /// The decided messages.
    pub items: Vec<DecidedItem>,
    /// The cursor that holds with them; `None` leaves it as it is.
    pub cursor: Option<Cursor>,
}

/// The ledger and what hangs on it.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// The cursor of a folder.
    async fn cursor(&self, mailbox: MailboxId, folder: &str) -> Result<Option<Cursor>, StorageError>;
    /// Which of these identities have no ledger row yet, in the order given.
    async fn unseen(
        &self,
        mailbox: MailboxId,
        folder: &str,
        identities: Vec<ServerIdentity>,
    ) -> Result<Vec<ServerIdentity>, StorageError>;
    /// Writes ledger rows, records, quarantine and cursor in one transaction, durable when it returns.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] when a Message-ID was taken meanwhile, by another mailbox's copy or an earlier item
    /// of the same batch: nothing was written, plan again. The same batch again is no conflict and changes nothing.
    async fn commit(&self, batch: IncomingBatch) -> Result<(), StorageError>;
    /// Identities of decided rows of a mailbox whose copy on the server is still to be deleted: those of which
    /// everything is kept here (`Promoted`, `Duplicate`, `TestMessage`) and that no `deleted_on_server` named yet. Only
    /// what was decided while the mailbox asked for it: setting the switch does not empty a mailbox of its past.
    async fn awaiting_delete(
        &self,
        mailbox: MailboxId,
        folder: &str,
    ) -> Result<Vec<ServerIdentity>, StorageError>;
    /// Records that these were deleted on the server.
    async fn deleted_on_server(
        &self,
        mailbox: MailboxId,
        folder: &str,
        identities: Vec<ServerIdentity>,
        at: Instant,
    ) -> Result<(), StorageError>;
    /// The messages of a folder that are owed, the next to be tried first.
    async fn owed(&self, mailbox: MailboxId, folder: &str) -> Result<Vec<OwedItem>, StorageError>;
    /// The mailboxes in whose ledger this Message-ID stands.
    async fn mailboxes_that_saw(&self, message_id: &MessageId) -> Result<Vec<MailboxId>, StorageError>;
}

/// Who is this address.
#[async_trait]
pub trait Directory: Send + Sync {
    /// All records that each address resolves to; an address that resolves to none is absent.
    async fn resolve(
        &self,
        addresses: Vec<EmailAddress>,
    ) -> Result<HashMap<EmailAddress, Vec<PartyMatch>>, StorageError>;
}

/// An email that waits to be sent.
#[derive(Debug, Clone)]
pub struct PendingEmail {
    /// Its id.
    pub id: EmailId,
    /// Its Message-ID.
    pub message_id: MessageId,
    /// Its envelope sender.
    pub mail_from: EmailAddress,
    /// The recipients that no server took or refused for good yet.
    pub recipients: Vec<String>,
    /// Attempts begun so far; an unfinished one counts.
    pub attempts: u32,
}

/// An email whose last attempt did not end.
#[derive(Debug, Clone)]
pub struct UnfinishedAttempt {
    /// The email.
    pub email: PendingEmail,
    /// How far it got.
    pub phase: AttemptPhase,
    /// When that phase was recorded.
    pub at: Instant,
}

/// How an attempt ended, to be recorded.
#[derive(Debug, Clone)]
pub enum AttemptResult {
    /// Sent; these recipients are refused for good.
    Sent {
        /// The server's words.
        server_said: String,
        /// Recipients refused for good.
        refused: Vec<RefusedRecipient>,
    },
    /// To be tried again for the recipients left; these were taken.
    Postponed {
        /// Not before this.
        until: Instant,
        /// Why.
        why: Failure,
        /// Recipients that the server took in this attempt.
        accepted: Vec<String>,
        /// Recipients refused for good in this attempt.
        refused: Vec<RefusedRecipient>,
    },
    /// Given up.
    Failed {
        /// Why.
        why: Failure,
        /// Recipients refused.
        refused: Vec<RefusedRecipient>,
    },
    /// Unconfirmed: stays Sending.
    Unconfirmed {
        /// Why.
        why: Failure,
    },
}

/// Whose sending is counted together: providers count by the account that logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendingAccount {
    /// A mailbox with an account of its own.
    Mailbox(MailboxId),
    /// All mailboxes of a profile, which share its account.
    Profile(ProfileId),
}

/// An email that a sending limit holds back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldEmail {
    /// The email.
    pub email: EmailId,
    /// Not to be sent before this.
    pub until: Instant,
    /// Which limit.
    pub by: HeldBy,
}

/// Email activities of the CRM.
#[async_trait]
pub trait Activities: Send + Sync {
    /// The stored emails with these Message-IDs.
    async fn known(&self, ids: Vec<MessageId>) -> Result<HashMap<MessageId, KnownEmail>, StorageError>;
    /// Emails of this mailbox that may be sent now, oldest first.
    async fn pending_send(
        &self,
        mailbox: MailboxId,
        now: Instant,
        limit: u32,
    ) -> Result<Vec<PendingEmail>, StorageError>;
    /// The raw message of an email, spooled when large.
    async fn raw(&self, email: EmailId) -> Result<RawMessage, StorageError>;
    /// Pending Send -> Sending, with an attempt in phase `Started`. Durable when it returns.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] when it is not Pending Send (any more), because a person withdrew it: leave it.
    async fn begin_attempt(&self, email: EmailId, cycle: CycleId, at: Instant) -> Result<(), StorageError>;
    /// The running attempt reaches phase `Committing`. Durable when it returns.
    async fn reach_commit_point(&self, email: EmailId, at: Instant) -> Result<(), StorageError>;
    /// Ends the running attempt, moves the status and counts. Durable when it returns.
    async fn end_attempt(
        &self,
        email: EmailId,
        result: AttemptResult,
        at: Instant,
    ) -> Result<(), StorageError>;
    /// What an account submitted after `since`, in any order: each attempt that a server took or may have taken, one that
    /// runs included.
    async fn sent_since(&self, account: SendingAccount, since: Instant)
    -> Result<Vec<Counted>, StorageError>;
    /// Holds pending emails back because of a sending limit, and keeps which, for people. Those that are not Pending Send
    /// (any more) are passed over.
    async fn hold(&self, emails: Vec<HeldEmail>) -> Result<(), StorageError>;
    /// Whether any pending email of the mailbox is held back by this.
    async fn holds(&self, mailbox: MailboxId, by: HeldBy) -> Result<bool, StorageError>;
    /// Gives up a pending email without an attempt.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] when it is not Pending Send (any more).
    async fn give_up(&self, email: EmailId, why: Failure) -> Result<(), StorageError>;
    /// Emails of this mailbox whose attempt was begun and not ended, or ended unconfirmed.
    async fn unfinished(&self, mailbox: MailboxId) -> Result<Vec<UnfinishedAttempt>, StorageError>;
    /// Back to Pending Send, at once: the attempt is known not to have been accepted.
    async fn send_again(&self, email: EmailId, at: Instant) -> Result<(), StorageError>;
}

/// A workload that is to run now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueWork {
    /// The mailbox.
    pub mailbox: MailboxId,
    /// The workload.
    pub workload: Workload,
    /// The profile, for permits.
    pub profile: ProfileId,
    /// When it was due.
    pub due_at: Instant,
    /// Failed attempts in a row that count.
    pub attempts: u32,
    /// What it found lately.
    pub activity: Activity,
    /// Its last cycle failed.
    pub had_failed: bool,
    /// The profile's circuit is open, and this cycle tries whether the server is back.
    pub is_probe: bool,
}

/// What becomes of a workload after a cycle.
#[derive(Debug, Clone)]
pub struct CycleReport {
    /// The mailbox.
    pub mailbox: MailboxId,
    /// The workload.
    pub workload: Workload,
    /// The cycle.
    pub cycle: CycleId,
    /// When it started.
    pub started_at: Instant,
    /// When it ended.
    pub ended_at: Instant,
    /// Messages decided, or emails attempted.
    pub items: u32,
    /// The failure that ended it.
    pub failure: Option<Failure>,
    /// When it runs next; `None` disables the workload.
    pub next_due_at: Option<Instant>,
    /// Failed attempts in a row that count, after it.
    pub attempts: u32,
    /// What it found lately, this cycle included.
    pub activity: Activity,
    /// When the next completed cycle is due by the policy. `Some` exactly when this one completed; retries, yields and
    /// mail that waits for its time leave it as it was.
    pub expected_at: Option<Instant>,
}

/// Schedule rows: the durable truth about who runs when.
#[async_trait]
pub trait Schedule: Send + Sync {
    /// Claims up to `limit` mailboxes of which this workload is due, is processed (see `Mailbox::is_processed`) and
    /// whose lease is free, the longest due first. Those of a profile whose circuit is open in this direction are not
    /// claimed, but for one of them when a probe is due. A workload whose last proof is dated in the future counts as
    /// due: the clock was set back.
    async fn claim_due(
        &self,
        workload: Workload,
        now: Instant,
        lease_owner: &str,
        lease_until: Instant,
        limit: u32,
    ) -> Result<Vec<DueWork>, StorageError>;
    /// Claims one workload whether due or not: a person asked. It is the probe where the profile's circuit is open.
    /// `None` when it is leased, or not processed.
    async fn claim(
        &self,
        mailbox: MailboxId,
        workload: Workload,
        now: Instant,
        lease_owner: &str,
        lease_until: Instant,
    ) -> Result<Option<DueWork>, StorageError>;
    /// Records a cycle's end: state, last success or error, next due; frees the lease. When [`Schedule::make_due`]
    /// was called while it ran and names an earlier instant, that one is kept as the next due, so that mail saved
    /// during a cycle does not wait for the next interval.
    async fn finish(&self, report: CycleReport) -> Result<(), StorageError>;
    /// Frees a lease without a result, when work was stopped or has to wait; it stays due. A probe that it was is free,
    /// too.
    async fn release(
        &self,
        mailbox: MailboxId,
        workload: Workload,
        lease_owner: &str,
    ) -> Result<(), StorageError>;
    /// Frees every lease: called when the data folder's lock is ours and nothing runs (at start, and after a stop).
    async fn release_all(&self) -> Result<(), StorageError>;
    /// The earliest due instant of any processed workload whose lease is free and whose profile's circuit is closed, or
    /// of a probe.
    async fn next_due(&self) -> Result<Option<Instant>, StorageError>;
    /// The same for who has claimed all that was due: of what waits for no probe, the earliest later than `now`. What an
    /// unreachable server keeps waiting, perhaps thousands, need not be read again.
    async fn next_due_after(&self, now: Instant) -> Result<Option<Instant>, StorageError>;
    /// When this workload is due, if it is processed and its lease is free.
    async fn due_at(&self, mailbox: MailboxId, workload: Workload) -> Result<Option<Instant>, StorageError>;
    /// The latest instant at which a cycle ended. One after `now` says that the clock was set back since.
    async fn latest_end(&self) -> Result<Option<Instant>, StorageError>;
    /// The clock was set back by this much: what is due after `now` becomes due so much earlier, and what was proven was
    /// proven so much earlier.
    async fn pull_in(&self, now: Instant, by: chrono::Duration) -> Result<(), StorageError>;
    /// How long ago anything was proven is not known any more: everything is due now, and the next completed cycle of each
    /// workload counts as expected at `expected` at the latest.
    async fn prove_anew(&self, now: Instant, expected: Instant) -> Result<(), StorageError>;
    /// Makes a workload due at this instant at the latest (a new email to send, sync now).
    async fn make_due(&self, mailbox: MailboxId, workload: Workload, at: Instant)
    -> Result<(), StorageError>;
    /// The start of the last cycle of this workload that completed.
    async fn last_completed_start(
        &self,
        mailbox: MailboxId,
        workload: Workload,
    ) -> Result<Option<Instant>, StorageError>;
}

/// Alerts.
#[async_trait]
pub trait AlertLog: Send + Sync {
    /// Raises an alert, or merges it with the open one of the same object and code.
    async fn raise(&self, alert: NewAlert, at: Instant) -> Result<(), StorageError>;
    /// Clears open alerts of an object: those of one code, or all.
    async fn clear(
        &self,
        object: AlertObject,
        code: Option<AlertCode>,
        at: Instant,
    ) -> Result<(), StorageError>;
}

/// What a ledger says about the messages that a server lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Listed messages without a decision, in the order in which they were given.
    pub undecided: Vec<ServerIdentity>,
    /// Decisions about messages that are not listed.
    pub gone: u64,
}

/// Completeness: the ledger against what a server lists.
#[async_trait]
pub trait Verifications: Send + Sync {
    /// Compares a folder's ledger with the server's list.
    async fn compare(
        &self,
        mailbox: MailboxId,
        folder: &str,
        on_server: Vec<ServerIdentity>,
    ) -> Result<Comparison, StorageError>;
    /// Mailboxes that are due for verification, the longest due first.
    async fn verification_due(&self, now: Instant, limit: u32) -> Result<Vec<MailboxId>, StorageError>;
    /// Keeps a result.
    async fn record_verification(&self, found: Verification) -> Result<(), StorageError>;
}

/// All of storage, as the engine holds it.
pub trait Storage:
    Configuration
    + Ledger
    + Directory
    + Activities
    + Schedule
    + Circuits
    + Quiet
    + AlertLog
    + TestResults
    + TestJobs
    + Verifications
    + 'static
{
}
impl<T> Storage for T where
    T: Configuration
        + Ledger
        + Directory
        + Activities
        + Schedule
        + Circuits
        + Quiet
        + AlertLog
        + TestResults
        + TestJobs
        + Verifications
        + 'static
{
}
