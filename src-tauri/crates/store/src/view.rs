//! What shells show: plain rows of lists, pages and details.

use tandem_domain::{
    Instant,
    address::{EmailAddress, Mention, MessageId},
    directory::DirectoryId,
    email::{Correlation, Direction, EmailStatus, Party},
    failure::Failure,
    frequency::Activity,
    ids::{CycleId, EmailId, MailboxId, QuarantineId, TestJobId},
    ledger::{Decision, LedgerRow, ServerIdentity},
    mailbox::{DeliveryMethod, Mailbox, MailboxOwner},
    message::ContentRange,
    outgoing::AttemptPhase,
    probe::{Rung, RungName},
    send_limits::HeldBy,
    settings::IncomingFilter,
    test_job::{TestProgress, TestState},
    test_plan::{BatchRules, SkipReason},
    workload::{Workload, WorkloadState},
};

/// A mailbox with the names of what it refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailboxView {
    /// The mailbox.
    pub mailbox: Mailbox,
    /// Its owner's name.
    pub owner_name: String,
    /// Which mail is promoted for its owner; `None` means the default of the owner's kind.
    pub owner_filter: Option<IncomingFilter>,
    /// Its profile's name.
    pub profile_name: Option<String>,
    /// Incoming, outgoing and ACT, in this order.
    pub workloads: Vec<WorkloadView>,
}

/// Where one workload stands, with its schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkloadView {
    /// Which.
    pub workload: Workload,
    /// How its mail travels.
    pub method: DeliveryMethod,
    /// Where it stands.
    pub state: WorkloadState,
    /// The failure that the last test or cycle ended with, in full.
    pub last_failure: Option<Failure>,
    /// Whether the engine processes it: ours, approved, enabled, and its profile is active.
    pub is_processed: bool,
    /// When it runs next.
    pub next_due_at: Option<Instant>,
    /// Failed attempts in a row.
    pub attempts: u32,
    /// Whether a cycle of it runs now: until when its engine has taken it.
    pub running_until: Option<Instant>,
    /// The start of its last completed cycle.
    pub last_completed_start: Option<Instant>,
    /// When the next completed cycle was or is due by the policy: what its health is judged by.
    pub expected_at: Option<Instant>,
}

/// The rungs of the last Test & Enable of a workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestLadder {
    /// The workload.
    pub workload: Workload,
    /// When it was tested.
    pub at: Instant,
    /// The rungs, from the ground up.
    pub rungs: Vec<Rung>,
}

/// One cycle of the history, or several that found nothing one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CycleEntry {
    /// The id of the first.
    pub cycle: CycleId,
    /// Its workload.
    pub workload: Workload,
    /// When the first started.
    pub started_at: Instant,
    /// When the last ended.
    pub ended_at: Instant,
    /// How many they are.
    pub cycles: u32,
    /// Messages decided, or emails attempted.
    pub items: u32,
    /// The failure that ended it.
    pub failure: Option<Failure>,
}

/// The latest cycle of a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LatestCycle {
    /// When it started.
    pub started_at: Instant,
    /// When it ended.
    pub ended_at: Instant,
    /// Messages decided, or emails attempted.
    pub items: u32,
    /// Whether it failed.
    pub has_failed: bool,
}

/// What a workload did last, and what it found lately.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkloadPulse {
    /// The mailbox.
    pub mailbox: MailboxId,
    /// The workload.
    pub workload: Workload,
    /// What its cycles found lately.
    pub activity: Activity,
    /// Its latest cycle, if it ever ran.
    pub latest: Option<LatestCycle>,
}

/// What the cycles that ended in some hours did together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HourSum {
    /// The start of the first of the hours.
    pub since: Instant,
    /// Cycles that ended.
    pub cycles: u64,
    /// Those of them that failed.
    pub failures: u64,
    /// Messages decided, or emails attempted.
    pub items: u64,
    /// How long they took together, in milliseconds.
    pub took_ms: u64,
}

/// Whose history is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistoryOf {
    /// All mailboxes together.
    All,
    /// Each mailbox for itself.
    Each,
    /// One mailbox.
    One(MailboxId),
}

/// Which hours of the history are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryFilter {
    /// Whose.
    pub of: HistoryOf,
    /// From the hour of this instant.
    pub from: Instant,
    /// To the hour of this instant, which is included.
    pub until: Instant,
}

/// One hour of one workload's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryHour {
    /// The mailbox; absent: all of them together.
    pub email: Option<EmailAddress>,
    /// The workload.
    pub workload: Workload,
    /// What its cycles did.
    pub sum: HourSum,
}

/// How much of one mailbox's mail waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WaitingMail {
    /// Received messages that failed on their own and are tried again.
    pub owed: u32,
    /// Emails that wait to be sent.
    pub pending: u32,
    /// Those of them that a sending limit holds back.
    pub held: u32,
    /// When the first of those may go.
    pub held_until: Option<Instant>,
}

/// Which emails to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EmailFilter {
    /// Of this mailbox only.
    pub mailbox: Option<MailboxId>,
    /// In this status only.
    pub status: Option<EmailStatus>,
    /// Received or sent only.
    pub direction: Option<Direction>,
    /// Whose subject, or a party's address or name, contains this, without case.
    pub search: Option<String>,
    /// Older than this one: the last of the page before.
    pub after: Option<PageKey>,
}

/// Where a page of emails ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageKey {
    /// Received or made.
    pub happened_at: Instant,
    /// Its row, which tells emails of the same instant apart.
    pub row: i64,
}

/// An email as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailSummary {
    /// Its place in the list.
    pub key: PageKey,
    /// Its id.
    pub id: EmailId,
    /// Received or sent.
    pub direction: Direction,
    /// Its status.
    pub status: EmailStatus,
    /// Its Message-ID.
    pub message_id: Option<MessageId>,
    /// Its subject.
    pub subject: String,
    /// Its mailbox.
    pub mailbox: MailboxId,
    /// Its owner.
    pub owner: MailboxOwner,
    /// Its parties, at most the first 20.
    pub parties: Vec<(tandem_domain::email::PartyRole, Mention)>,
    /// How many attachments it has.
    pub attachments: u32,
    /// Attempts to send it.
    pub attempts: u32,
    /// Why it was not sent, when it was not.
    pub last_failure: Option<Failure>,
    /// When the server received it.
    pub received_at: Option<Instant>,
    /// When a server accepted it.
    pub submitted_at: Option<Instant>,
    /// Whether it belongs to a conversation.
    pub is_correlated: bool,
    /// The name of its regarding, when that still exists.
    pub regarding_name: Option<String>,
}

/// An email with everything but its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailDetail {
    /// What a list shows of it.
    pub summary: EmailSummary,
    /// The name of its owner, when the owner still exists.
    pub owner_name: Option<String>,
    /// The address of its mailbox, when that still exists.
    pub mailbox_email: Option<EmailAddress>,
    /// In-Reply-To.
    pub in_reply_to: Vec<MessageId>,
    /// References, oldest first.
    pub references: Vec<MessageId>,
    /// The user or queue whose rule accepted it.
    pub accepting_entity: Option<MailboxOwner>,
    /// Its regarding.
    pub regarding: Option<DirectoryId>,
    /// The regarding's name, when it still exists.
    pub regarding_name: Option<String>,
    /// The conversation it belongs to.
    pub correlation: Option<Correlation>,
    /// When the server received it.
    pub received_at: Option<Instant>,
    /// Its Date header.
    pub dated_at: Option<Instant>,
    /// When a server accepted it.
    pub submitted_at: Option<Instant>,
    /// Not to be sent before this.
    pub send_after: Option<Instant>,
    /// Its next attempt, not before this.
    pub not_before: Option<Instant>,
    /// The sending limit that holds it back until then.
    pub held_by: Option<HeldBy>,
    /// Its parties with all that they resolved to.
    pub parties: Vec<Party>,
    /// Its envelope recipients; of emails to be sent only.
    pub recipients: Vec<RecipientView>,
    /// Its submissions, oldest first.
    pub send_attempts: Vec<AttemptView>,
    /// Its attachments.
    pub attachments: Vec<AttachmentView>,
    /// The size of its raw message in bytes.
    pub size: u64,
    /// What was repaired or left out, in words.
    pub defects: Vec<String>,
}

/// What became of one envelope recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecipientState {
    /// No server took it yet.
    Pending,
    /// A server took it.
    Accepted,
    /// Refused for good.
    Refused,
}

/// One envelope recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipientView {
    /// The address.
    pub address: String,
    /// What became of it.
    pub state: RecipientState,
    /// Why it was refused.
    pub failure: Option<Failure>,
}

/// One submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptView {
    /// Counts from 1.
    pub number: u32,
    /// When it started.
    pub started_at: Instant,
    /// How far it got.
    pub phase: AttemptPhase,
    /// When it ended; `None` while it runs, or when the program ended in it.
    pub ended_at: Option<Instant>,
    /// `sent`, `postponed`, `failed`, `unconfirmed` or `not_accepted`.
    pub outcome: Option<String>,
    /// The server's words when it accepted.
    pub server_said: Option<String>,
    /// Why not.
    pub failure: Option<Failure>,
}

/// One attachment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachmentView {
    /// Its place in the message, from 0; with the email's id its key.
    pub position: u32,
    /// The file name, empty when it has none.
    pub name: String,
    /// The media type.
    pub mime_type: String,
    /// The Content-ID without brackets.
    pub content_id: Option<String>,
    /// Decoded size in bytes.
    pub size: u64,
    /// SHA-256 of the decoded bytes.
    pub sha256: [u8; 32],
    /// Where it stands, encoded, in the raw message.
    pub range: ContentRange,
}

/// Which ledger rows to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LedgerFilter {
    /// Of this mailbox only.
    pub mailbox: Option<MailboxId>,
    /// With this decision only.
    pub decision: Option<Decision>,
    /// With this Message-ID only.
    pub message_id: Option<MessageId>,
    /// Decided before this row: the last of the page before.
    pub after: Option<i64>,
}

/// A ledger row in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// Its place in the list.
    pub key: i64,
    /// The row.
    pub row: LedgerRow,
    /// The mailbox's address, when it still exists.
    pub mailbox_email: Option<EmailAddress>,
    /// When the server's copy was deleted.
    pub deleted_at: Option<Instant>,
}

/// A message in quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantineEntry {
    /// Its id.
    pub id: QuarantineId,
    /// The mailbox it was received in.
    pub mailbox: MailboxId,
    /// The folder.
    pub folder: String,
    /// Its identity on the server.
    pub identity: ServerIdentity,
    /// Why it could not be read.
    pub reason: String,
    /// The parser that failed.
    pub parser_version: String,
    /// Since when.
    pub quarantined_at: Instant,
    /// Its size in bytes.
    pub size: u64,
}

/// Open or cleared alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertState {
    /// The cause is still there.
    Open,
    /// The cause went away.
    Cleared,
}

/// Numbers for the first page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HomeCounts {
    /// Emails received since the instant asked about.
    pub received: u64,
    /// Emails sent since then.
    pub sent: u64,
    /// Emails that wait to be sent, now.
    pub waiting: u64,
    /// Emails whose attempt runs or is unconfirmed, now.
    pub sending: u64,
    /// Emails given up, now.
    pub failed: u64,
    /// Messages in quarantine, now.
    pub quarantined: u64,
    /// Open alerts of the levels error, warning and information.
    pub open_alerts: [u64; 3],
}

/// A Test & Enable job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestJobView {
    /// Its id.
    pub id: TestJobId,
    /// What was asked for, in words.
    pub title: String,
    /// The rules that it was planned by.
    pub rules: BatchRules,
    /// When it was made.
    pub created_at: Instant,
    /// When it ended.
    pub ended_at: Option<Instant>,
    /// How far it is.
    pub progress: TestProgress,
}

/// A batch of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestBatchView {
    /// From 1.
    pub number: u32,
    /// Not before this.
    pub due_at: Instant,
    /// When it started.
    pub started_at: Option<Instant>,
    /// Its mailboxes.
    pub mailboxes: u32,
    /// Those of which nothing waits or runs any more.
    pub done: u32,
}

/// Which results of a job to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TestResultFilter {
    /// In this state only.
    pub state: Option<TestState>,
    /// Whose address contains this, without case; empty is all.
    pub search: String,
}

/// One workload of one mailbox of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestResultView {
    /// The mailbox; it may be gone.
    pub mailbox: MailboxId,
    /// Its address when the job was planned.
    pub address: EmailAddress,
    /// Whether it is a queue's.
    pub is_queue: bool,
    /// The workload.
    pub workload: Workload,
    /// Its batch; absent where nothing is tested.
    pub batch: Option<u32>,
    /// Where it stands.
    pub state: TestState,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// The rung that broke; absent when nothing was tried.
    pub broke_at: Option<RungName>,
    /// Why nothing was tried.
    pub skipped_because: Option<SkipReason>,
    /// When its test began.
    pub started_at: Option<Instant>,
    /// When it ended.
    pub ended_at: Option<Instant>,
}
