//! What the engine asks of storage for Test & Enable: jobs, one row per mailbox and workload, and ladders.

use super::{mail::Cursor, storage::StorageError};
use async_trait::async_trait;
use tandem_domain::{
    Instant,
    failure::{Failure, FailureCode},
    ids::{MailboxId, TestJobId},
    probe::{Rung, RungName},
    test_job::TestProgress,
    test_plan::SkipReason,
    workload::Workload,
};

/// A mailbox that is to be tested now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestWork {
    /// The job.
    pub job: TestJobId,
    /// The mailbox.
    pub mailbox: MailboxId,
    /// What of it, in the order of [`Workload::ALL`].
    pub workloads: Vec<Workload>,
    /// What the job knows about incoming email already; `None` when it was not tested, or is to be tested now.
    pub incoming: Option<Result<(), FailureCode>>,
    /// The test message that it sent to itself before Tandem was stopped.
    pub sent: Option<SentTest>,
}

/// A test message that may have been sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentTest {
    /// Its mark.
    pub mark: String,
    /// The inbox's cursor before it was sent.
    pub cursor: Option<Cursor>,
}

/// What came of testing one workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TestEnd {
    /// It is enabled.
    Succeeded,
    /// It failed.
    Failed {
        /// Why.
        failure: Failure,
        /// The rung that broke; `None` when nothing was tried.
        broke_at: Option<RungName>,
    },
    /// Nothing was tried.
    Skipped(SkipReason),
}

/// The end of testing one workload, to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestDone {
    /// The job.
    pub job: TestJobId,
    /// The mailbox.
    pub mailbox: MailboxId,
    /// The workload.
    pub workload: Workload,
    /// What came of it.
    pub end: TestEnd,
    /// When.
    pub at: Instant,
}

/// Results of Test & Enable.
#[async_trait]
pub trait TestResults: Send + Sync {
    /// Keeps the ladder of one workload and the failure that ended it, which has no rung when nothing was tried. A
    /// ladder that held enables the workload and makes it due; a failure sets its status.
    async fn record_test(
        &self,
        mailbox: MailboxId,
        workload: Workload,
        rungs: Vec<Rung>,
        failure: Option<Failure>,
        at: Instant,
    ) -> Result<(), StorageError>;
}

/// Test & Enable as a job. What stands here survives a crash; in memory is only what is being tested.
#[async_trait]
pub trait TestJobs: Send + Sync {
    /// What was being tested waits again: called when the data folder's lock is ours and no test runs.
    async fn free_tests(&self, now: Instant) -> Result<(), StorageError>;
    /// Starts the batches that are due, and marks up to `limit` of their mailboxes as being tested, in the plan's
    /// order; none that is tested already. A batch that starts late moves the later ones of its job. `only` looks at
    /// one job.
    async fn claim_tests(
        &self,
        only: Option<TestJobId>,
        now: Instant,
        limit: u32,
    ) -> Result<Vec<TestWork>, StorageError>;
    /// When the earliest batch with mailboxes that wait is due, of jobs that are neither paused nor over.
    async fn next_tests_at(&self) -> Result<Option<Instant>, StorageError>;
    /// Keeps that a test message is about to be sent. Durable when it returns.
    async fn note_test_message(
        &self,
        job: TestJobId,
        mailbox: MailboxId,
        sent: SentTest,
    ) -> Result<(), StorageError>;
    /// Records the result of one workload; one that has its result already keeps it. The last one ends the job.
    async fn finish_test(&self, done: TestDone) -> Result<TestProgress, StorageError>;
    /// What is being tested of a mailbox waits again.
    async fn release_test(&self, job: TestJobId, mailbox: MailboxId) -> Result<(), StorageError>;
    /// Which of these jobs were cancelled.
    async fn cancelled_tests(&self, jobs: Vec<TestJobId>) -> Result<Vec<TestJobId>, StorageError>;
}
