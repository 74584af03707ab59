//! The port `TestJobs`: what the engine asks of Test & Enable jobs. People's side is in `test_job_desk`.

use super::not_found;
use crate::{
    ChangeKind, Store,
    table::{test_job, test_job_batch, test_job_item},
    writer::JobResult,
};
use async_trait::async_trait;
use rusqlite::Connection;
use tandem_domain::{
    Instant,
    ids::{MailboxId, TestJobId},
    test_job::{JobState, TestProgress},
};
use tandem_engine::ports::{
    storage::StorageError,
    test_jobs::{SentTest, TestDone, TestJobs, TestWork},
};

#[async_trait]
impl TestJobs for Store {
    async fn free_tests(&self, now: Instant) -> Result<(), StorageError> {
        self.write(move |connection, changes| {
            test_job::restart(connection, now)?;
            if test_job_item::release_all(connection)? > 0 {
                changes.push(ChangeKind::TestJob);
            }
            Ok(())
        })
        .await
    }

    async fn claim_tests(
        &self,
        only: Option<TestJobId>,
        now: Instant,
        limit: u32,
    ) -> Result<Vec<TestWork>, StorageError> {
        // Looked at often, and mostly there is nothing: then nobody waits for the writer.
        let due = self.read(|connection| Ok(test_job_batch::next_at(connection)?)).await?;
        if due.is_none_or(|due| due > now) {
            return Ok(Vec::new());
        }
        self.write(move |connection, changes| {
            let mut claimed = Vec::new();
            for job in test_job::running(connection)? {
                let left = limit.saturating_sub(u32::try_from(claimed.len()).unwrap_or(u32::MAX));
                if left == 0 || only.is_some_and(|only| only != job.id) {
                    continue;
                }
                if test_job_batch::start_due(connection, job.row, job.rules, now)? > 0 {
                    test_job::moves_since(connection, job.row, now)?;
                }
                for mailbox in test_job_item::claimable(connection, job.row, left)? {
                    claimed.push(test_job_item::claim(connection, (job.row, job.id), mailbox, now)?);
                }
            }
            changes.push(ChangeKind::TestJob);
            Ok(claimed)
        })
        .await
    }

    async fn next_tests_at(&self) -> Result<Option<Instant>, StorageError> {
        self.read(|connection| Ok(test_job_batch::next_at(connection)?)).await
    }

    async fn note_test_message(
        &self,
        job: TestJobId,
        mailbox: MailboxId,
        sent: SentTest,
    ) -> Result<(), StorageError> {
        self.write(move |connection, _| {
            let found = find(connection, job)?;
            Ok(test_job_item::note_message(connection, found.row, mailbox, &sent)?)
        })
        .await
    }

    async fn finish_test(&self, done: TestDone) -> Result<TestProgress, StorageError> {
        let id = done.job;
        self.write(move |connection, changes| {
            let job = find(connection, done.job)?;
            test_job_item::finish(connection, job.row, &done)?;
            if !job.state.is_over() && !test_job_item::is_open(connection, job.row)? {
                test_job::set_state(connection, job.row, JobState::Done, done.at)?;
            }
            changes.push(ChangeKind::TestJob);
            Ok(())
        })
        .await?;
        // Counting a large job takes a while, and nobody else's writes wait for it.
        self.read(move |connection| {
            let job = find(connection, id)?;
            Ok(progress(connection, &job)?)
        })
        .await
    }

    async fn release_test(&self, job: TestJobId, mailbox: MailboxId) -> Result<(), StorageError> {
        self.write(move |connection, changes| {
            let found = find(connection, job)?;
            if test_job_item::release(connection, found.row, mailbox)? > 0 {
                changes.push(ChangeKind::TestJob);
            }
            Ok(())
        })
        .await
    }

    async fn cancelled_tests(&self, jobs: Vec<TestJobId>) -> Result<Vec<TestJobId>, StorageError> {
        self.read(move |connection| {
            let mut cancelled = Vec::new();
            for id in jobs {
                // One that is gone has nothing to be tested either.
                if test_job::get(connection, id)?.is_none_or(|job| job.state == JobState::Cancelled) {
                    cancelled.push(id);
                }
            }
            Ok(cancelled)
        })
        .await
    }
}

pub(super) fn find<E: From<StorageError>>(
    connection: &Connection,
    id: TestJobId,
) -> JobResult<test_job::JobRow, E> {
    test_job::get(connection, id)?.ok_or_else(|| not_found("test job", id))
}

/// How far a job is.
pub(super) fn progress(connection: &Connection, job: &test_job::JobRow) -> rusqlite::Result<TestProgress> {
    let tally = test_job_item::tally(connection, job.row, job.moving_since)?;
    let waiting: Vec<_> = test_job_batch::all(connection, job.row)?
        .into_iter()
        .filter(|batch| batch.started_at.is_none() && batch.done < batch.mailboxes)
        .collect();
    Ok(TestProgress {
        job: job.id,
        state: job.state,
        mailboxes: tally.mailboxes,
        done: tally.mailboxes.saturating_sub(tally.open),
        workloads: tally.workloads,
        moving_since: job.moving_since,
        tested_since: tally.tested_since,
        left_started: tally.left_started,
        next_batch_at: waiting.iter().map(|batch| batch.due_at).min(),
        last_batch: waiting.iter().max_by_key(|batch| batch.due_at).map(|last| (last.due_at, last.mailboxes)),
    })
}
