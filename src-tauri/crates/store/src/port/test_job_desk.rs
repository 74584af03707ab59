//! What people do with Test & Enable jobs: start, pause, resume, cancel, retry, look.

use super::{
    not_found,
    test_jobs::{find, progress},
};
use crate::{
    ChangeKind, Store,
    table::{test_job, test_job_batch, test_job_item},
    view::{TestBatchView, TestJobView, TestResultFilter, TestResultView},
};
use tandem_domain::{
    Instant,
    ids::TestJobId,
    test_job::JobState,
    test_plan::{BatchRules, TestPlan, dates},
};
use tandem_engine::ports::storage::StorageError;
use uuid::Uuid;

/// So many jobs are kept at most; of those that are over the oldest go.
const KEPT_JOBS: u32 = 100;

/// All of these fail when the database does, and, where one job is asked for, with `NotFound`.
impl Store {
    /// Makes a job of a plan, and starts it: its batches run when they are due. A plan in which nothing is tested is
    /// done at once.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn start_test_job(
        &self,
        title: &str,
        plan: TestPlan,
        rules: BatchRules,
        at: Instant,
    ) -> Result<TestJobId, StorageError> {
        let (id, title) = (TestJobId(Uuid::new_v4()), title.to_owned());
        self.write(move |connection, changes| {
            let job = test_job::insert(connection, id, &title, rules, at)?;
            let mut position = 0;
            for batch in &plan.batches {
                test_job_batch::insert(connection, job, batch.number, batch.due_at)?;
                for mailbox in &batch.mailboxes {
                    test_job_item::insert(connection, job, position, mailbox, Some(batch.number), at)?;
                    position += 1;
                }
            }
            for mailbox in &plan.skipped {
                test_job_item::insert(connection, job, position, mailbox, None, at)?;
                position += 1;
            }
            if plan.batches.is_empty() {
                test_job::set_state(connection, job, JobState::Done, at)?;
            }
            test_job::keep_latest(connection, KEPT_JOBS)?;
            changes.push(ChangeKind::TestJob);
            Ok(id)
        })
        .await
    }

    /// Starts nothing more of a job; what is being tested is finished. Does nothing to a job that is over.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn pause_test_job(&self, id: TestJobId, at: Instant) -> Result<(), StorageError> {
        self.change_test_job(id, JobState::Running, JobState::Paused, at).await
    }

    /// Goes on with a paused job.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn resume_test_job(&self, id: TestJobId, at: Instant) -> Result<(), StorageError> {
        self.change_test_job(id, JobState::Paused, JobState::Running, at).await
    }

    async fn change_test_job(
        &self,
        id: TestJobId,
        from: JobState,
        to: JobState,
        at: Instant,
    ) -> Result<(), StorageError> {
        self.write(move |connection, changes| {
            let job = find(connection, id)?;
            if job.state == from {
                test_job::set_state(connection, job.row, to, at)?;
                if to == JobState::Running && job.moving_since.is_some() {
                    test_job::moves_since(connection, job.row, at)?;
                }
                changes.push(ChangeKind::TestJob);
            }
            Ok(())
        })
        .await
    }

    /// Ends a job: what has no result yet is not tested. Does nothing to one that is over.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn cancel_test_job(&self, id: TestJobId, at: Instant) -> Result<(), StorageError> {
        self.write(move |connection, changes| {
            let job = find(connection, id)?;
            if !job.state.is_over() {
                test_job_item::cancel(connection, job.row, at)?;
                test_job::set_state(connection, job.row, JobState::Cancelled, at)?;
                changes.push(ChangeKind::TestJob);
            }
            Ok(())
        })
        .await
    }

    /// Plans anew what failed, in batches from now on; how many mailboxes. The rest keeps its results, and a job that
    /// was over runs again.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn retry_failed_tests(
        &self,
        id: TestJobId,
        rules: BatchRules,
        at: Instant,
    ) -> Result<u32, StorageError> {
        self.write(move |connection, changes| {
            let job = find(connection, id)?;
            let failed = test_job_item::failed(connection, job.row)?;
            let first = test_job_batch::last_number(connection, job.row)?.saturating_add(1);
            let batches = failed.chunks(usize::from(rules.at_most.max(1)));
            for ((number, due_at), positions) in (first..).zip(dates(at, rules)).zip(batches) {
                test_job_batch::insert(connection, job.row, number, due_at)?;
                for position in positions {
                    test_job_item::retry(connection, job.row, *position, number)?;
                }
            }
            if !failed.is_empty() && job.state.is_over() {
                test_job::set_state(connection, job.row, JobState::Running, at)?;
            }
            changes.push(ChangeKind::TestJob);
            Ok(u32::try_from(failed.len()).unwrap_or(u32::MAX))
        })
        .await
    }

    /// The latest jobs, newest first.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn list_test_jobs(&self) -> Result<Vec<TestJobView>, StorageError> {
        self.read(|connection| {
            let jobs = test_job::latest(connection, KEPT_JOBS)?;
            let views = jobs.into_iter().map(|job| {
                let progress = progress(connection, &job)?;
                Ok(job.view(progress))
            });
            Ok(views.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// One job with its batches.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn show_test_job(
        &self,
        id: TestJobId,
    ) -> Result<(TestJobView, Vec<TestBatchView>), StorageError> {
        self.read(move |connection| {
            let job = test_job::get(connection, id)?.ok_or_else(|| not_found("test job", id))?;
            let progress = progress(connection, &job)?;
            let batches = test_job_batch::all(connection, job.row)?;
            Ok((job.view(progress), batches))
        })
        .await
    }

    /// A page of a job's results in the plan's order, and how many the filter finds in all.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn list_test_results(
        &self,
        id: TestJobId,
        filter: TestResultFilter,
        offset: u32,
        limit: u32,
    ) -> Result<(Vec<TestResultView>, u32), StorageError> {
        self.read(move |connection| {
            let job = test_job::get(connection, id)?.ok_or_else(|| not_found("test job", id))?;
            let page = test_job_item::page(connection, job.row, &filter, offset, limit)?;
            Ok((page, test_job_item::count(connection, job.row, &filter)?))
        })
        .await
    }
}
