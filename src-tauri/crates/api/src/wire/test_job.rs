//! Test & Enable as a job: the plan, the progress, the results.

use super::{ApiError, Time};
use serde::{Deserialize, Serialize};
use specta::Type;

/// What Test & Enable would do, before it starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct TestPlanView {
    /// Mailboxes that are tested.
    pub mailboxes: u32,
    /// Workloads that are tested.
    pub workloads: u32,
    /// Test messages that are sent, each from a mailbox to itself.
    pub messages: u32,
    /// The batches, in order.
    pub batches: Vec<PlannedBatch>,
    /// What is not tested, and why.
    pub skipped: Vec<SkippedView>,
    /// So many mailboxes are in one batch at most.
    pub batch_mailboxes: u16,
    /// Hours between the starts of two batches.
    pub batch_hours: u16,
}

/// Mailboxes that are tested together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct PlannedBatch {
    /// From 1.
    pub number: u32,
    /// Not before this.
    pub due_at: Time,
    /// Its mailboxes.
    pub mailboxes: u32,
    /// Those of queues; they come first.
    pub queues: u32,
    /// The address of the first one.
    pub first: String,
    /// The address of the last one.
    pub last: String,
}

/// A workload that is not tested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct SkippedView {
    /// The mailbox's address.
    pub mailbox: String,
    /// The workload.
    pub workload: String,
    /// `waits_for_approval`, `rejected`, `method_none`, `method_outlook`, `method_forward_mailbox` or `mailbox_gone`.
    pub reason: String,
    /// The same for people, with the next step.
    pub why: String,
}

/// How far a job is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct TestProgressView {
    /// The job's id.
    pub id: String,
    /// `running`, `paused`, `cancelled` or `done`.
    pub state: String,
    /// Mailboxes in all.
    pub mailboxes: u32,
    /// Mailboxes of which nothing waits or runs.
    pub done: u32,
    /// Workloads that wait.
    pub waiting: u32,
    /// Workloads that are being tested.
    pub running: u32,
    /// Workloads that are enabled.
    pub succeeded: u32,
    /// Workloads that failed.
    pub failed: u32,
    /// Workloads of which nothing was tried.
    pub skipped: u32,
    /// Workloads that were cancelled first.
    pub cancelled: u32,
    /// Mailboxes an hour, while it moves.
    pub an_hour: Option<u32>,
    /// How long it will take yet, in seconds, waits between batches counted in.
    pub seconds_left: Option<u32>,
    /// When the next batch that has not started is due.
    pub next_batch_at: Option<Time>,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct TestJobView {
    /// What was asked for, in words.
    pub title: String,
    /// When it was made.
    pub created_at: Time,
    /// When it ended.
    pub ended_at: Option<Time>,
    /// So many mailboxes are in one batch at most.
    pub batch_mailboxes: u16,
    /// Hours between the starts of two batches.
    pub batch_hours: u16,
    /// How far it is.
    pub progress: TestProgressView,
}

/// A job with its batches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct TestJobDetail {
    /// The job.
    pub job: TestJobView,
    /// Its batches; those of a retry come last.
    pub batches: Vec<TestBatchView>,
}

/// A batch of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct TestBatchView {
    /// From 1.
    pub number: u32,
    /// Not before this.
    pub due_at: Time,
    /// When it started.
    pub started_at: Option<Time>,
    /// Its mailboxes.
    pub mailboxes: u32,
    /// Those that are done.
    pub done: u32,
}

/// Names a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct TestJobRequest {
    /// Its id, or the beginning of it.
    pub id: String,
}

/// Which results of a job to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct TestResultsRequest {
    /// The job's id, or the beginning of it.
    pub id: String,
    /// Only `waiting`, `running`, `succeeded`, `failed`, `skipped` or `cancelled` ones.
    #[serde(default)]
    pub state: Option<String>,
    /// Only mailboxes whose address contains this.
    #[serde(default)]
    pub search: String,
    /// How many to pass over.
    #[serde(default)]
    pub offset: u32,
    /// At most this many; 0 is all.
    #[serde(default)]
    pub limit: u32,
}

/// A page of results, in the order of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct TestResultsPage {
    /// The results.
    pub results: Vec<TestResultView>,
    /// How many there are in all.
    pub total: u32,
}

/// What came of one workload of one mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct TestResultView {
    /// The mailbox's address.
    pub mailbox: String,
    /// `user` or `queue`.
    pub owner_type: String,
    /// The workload.
    pub workload: String,
    /// Its batch.
    pub batch: Option<u32>,
    /// `waiting`, `running`, `succeeded`, `failed`, `skipped` or `cancelled`.
    pub state: String,
    /// The rung that broke; absent when nothing was tried.
    pub rung: Option<String>,
    /// Why nothing was tried, for people.
    pub reason: Option<String>,
    /// What went wrong.
    pub error: Option<ApiError>,
    /// When its test began.
    pub started_at: Option<Time>,
    /// When it ended.
    pub ended_at: Option<Time>,
}

/// Saves the results of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ExportTestJobRequest {
    /// The job's id, or the beginning of it.
    pub id: String,
    /// The file to write, as CSV.
    pub path: String,
}
