//! Test & Enable as a job: planned, started, paused, resumed, cancelled, tried again.

mod csv;
mod results;
mod running;
mod words;

use crate::{
    Tandem,
    people::of_storage,
    wire::{
        ApiError, Nothing, TestBatchView, TestEnableRequest, TestJobDetail, TestJobRequest, TestJobView,
        TestPlanView,
    },
};
use tandem_domain::{
    ids::TestJobId,
    mailbox::Mailbox,
    test_plan::{BatchRules, TestPlan, plan},
};
use tandem_engine::ports::storage::StorageError;
pub(crate) use words::{job_view, progress_view, skip_sentence};

/// The shortest beginning of a job's id that is understood.
const SHORTEST_ID: usize = 4;

impl Tandem {
    /// What Test & Enable of these mailboxes would do: batches with their dates, and what is skipped. Changes nothing.
    ///
    /// # Errors
    /// An unknown address or profile, nothing to test, or storage.
    pub async fn plan_test_enable(&self, request: TestEnableRequest) -> Result<TestPlanView, ApiError> {
        let (plan, rules, _) = self.planned(&request).await?;
        Ok(words::plan_view(&plan, rules))
    }

    /// Starts Test & Enable of these mailboxes as a job. It runs wherever the engine of this data folder runs.
    ///
    /// # Errors
    /// As [`Tandem::plan_test_enable`].
    pub async fn start_test_enable(&self, request: TestEnableRequest) -> Result<TestJobView, ApiError> {
        let (id, _) = self.make_test_job(&request).await?;
        self.engine.look_for_tests();
        self.test_job_view(id).await
    }

    /// Test & Enable jobs, newest first.
    ///
    /// # Errors
    /// Those of storage.
    pub async fn test_jobs(&self, _: Nothing) -> Result<Vec<TestJobView>, ApiError> {
        let jobs = self.store.list_test_jobs().await.map_err(|error| of_storage("test jobs", &error))?;
        let now = self.now();
        Ok(jobs.into_iter().map(|job| job_view(job, now)).collect())
    }

    /// One job with its batches.
    ///
    /// # Errors
    /// An unknown job, or storage.
    pub async fn test_job(&self, request: TestJobRequest) -> Result<TestJobDetail, ApiError> {
        let id = self.find_test_job(&request.id).await?;
        let (job, batches) =
            self.store.show_test_job(id).await.map_err(|error| of_storage(&request.id, &error))?;
        let batches = batches
            .into_iter()
            .map(|batch| TestBatchView {
                number: batch.number,
                due_at: batch.due_at,
                started_at: batch.started_at,
                mailboxes: batch.mailboxes,
                done: batch.done,
            })
            .collect();
        Ok(TestJobDetail { job: job_view(job, self.now()), batches })
    }

    /// Starts nothing more of a job until it is resumed; what is being tested is finished.
    ///
    /// # Errors
    /// An unknown job, one that is over, or storage.
    pub async fn pause_test_job(&self, request: TestJobRequest) -> Result<TestJobView, ApiError> {
        let id = self.open_test_job(&request.id, "pause").await?;
        self.changed(id, self.store.pause_test_job(id, self.now()).await).await
    }

    /// Goes on with a paused job.
    ///
    /// # Errors
    /// As [`Tandem::pause_test_job`].
    pub async fn resume_test_job(&self, request: TestJobRequest) -> Result<TestJobView, ApiError> {
        let id = self.open_test_job(&request.id, "resume").await?;
        self.changed(id, self.store.resume_test_job(id, self.now()).await).await
    }

    /// Ends a job: what has no result yet is not tested, and what is being tested is broken off.
    ///
    /// # Errors
    /// As [`Tandem::pause_test_job`].
    pub async fn cancel_test_job(&self, request: TestJobRequest) -> Result<TestJobView, ApiError> {
        let id = self.open_test_job(&request.id, "cancel").await?;
        self.changed(id, self.store.cancel_test_job(id, self.now()).await).await
    }

    /// Tests again what failed in a job, and only that, in batches from now on.
    ///
    /// # Errors
    /// An unknown job, one in which nothing failed, or storage.
    pub async fn retry_failed_tests(&self, request: TestJobRequest) -> Result<TestJobView, ApiError> {
        let id = self.find_test_job(&request.id).await?;
        let rules = BatchRules::from(&self.organization_settings().await?);
        let again = self.store.retry_failed_tests(id, rules, self.now()).await;
        if matches!(again, Ok(0)) {
            let remedy =
                "Nothing needs to be tried again; `tandem mailbox test-jobs show` lists the results.";
            return Err(ApiError::plain(
                "nothing_to_do",
                &request.id,
                "Nothing failed in this test.",
                remedy,
            ));
        }
        self.changed(id, again.map(|_| ())).await
    }

    async fn changed(&self, id: TestJobId, done: Result<(), StorageError>) -> Result<TestJobView, ApiError> {
        done.map_err(|error| of_storage(&id.to_string(), &error))?;
        self.engine.look_for_tests();
        self.test_job_view(id).await
    }

    async fn test_job_view(&self, id: TestJobId) -> Result<TestJobView, ApiError> {
        let shown = self.store.show_test_job(id).await;
        let (job, _) = shown.map_err(|error| of_storage(&id.to_string(), &error))?;
        Ok(job_view(job, self.now()))
    }

    /// Plans a test and makes a job of it, which is due; its mailboxes.
    async fn make_test_job(
        &self,
        request: &TestEnableRequest,
    ) -> Result<(TestJobId, Vec<Mailbox>), ApiError> {
        let (plan, rules, mailboxes) = self.planned(request).await?;
        let title = words::title(request, &mailboxes);
        let made = self.store.start_test_job(&title, plan, rules, self.now()).await;
        Ok((made.map_err(|error| of_storage(&title, &error))?, mailboxes))
    }

    async fn planned(
        &self,
        request: &TestEnableRequest,
    ) -> Result<(TestPlan, BatchRules, Vec<Mailbox>), ApiError> {
        let mailboxes = self.mailboxes_to_test(request).await?;
        let rules = BatchRules::from(&self.organization_settings().await?);
        Ok((plan(&mailboxes, rules, self.now()), rules, mailboxes))
    }

    /// The job with this id, or with an id that begins so.
    async fn find_test_job(&self, id: &str) -> Result<TestJobId, ApiError> {
        let wanted = id.trim().to_lowercase();
        if let Ok(id) = wanted.parse() {
            return Ok(id);
        }
        let all = self.store.list_test_jobs().await.map_err(|error| of_storage("test jobs", &error))?;
        let mut fitting =
            all.iter().filter(|job| wanted.len() >= SHORTEST_ID && job.id.to_string().starts_with(&wanted));
        match (fitting.next(), fitting.next()) {
            (Some(job), None) => Ok(job.id),
            _ => Err(ApiError::not_found("test job", id)),
        }
    }

    async fn open_test_job(&self, id: &str, verb: &str) -> Result<TestJobId, ApiError> {
        let found = self.find_test_job(id).await?;
        let shown = self.store.show_test_job(found).await.map_err(|error| of_storage(id, &error))?;
        let state = shown.0.progress.state;
        if state.is_over() {
            let message = format!("There is nothing to {verb}: this test is {}.", state.as_str());
            let remedy = "Start a new test, or try again what failed in this one.";
            return Err(ApiError::plain("test_job_over", id, &message, remedy));
        }
        Ok(found)
    }

    /// The mailboxes that a request names, each once: by address, of a profile, or all.
    async fn mailboxes_to_test(&self, request: &TestEnableRequest) -> Result<Vec<Mailbox>, ApiError> {
        let mut found: Vec<Mailbox> = Vec::new();
        for address in &request.addresses {
            found.push(self.find_mailbox(address).await?);
        }
        let profile = match &request.profile {
            Some(name) => Some(self.find_profile(name).await?.id),
            None => None,
        };
        if request.all || profile.is_some() {
            let all = self.store.list_mailboxes().await.map_err(|error| of_storage("mailboxes", &error))?;
            let all = all.into_iter().map(|one| one.mailbox);
            found.extend(all.filter(|one| request.all || one.profile == profile));
        }
        let mut known = std::collections::HashSet::new();
        found.retain(|one| known.insert(one.id));
        if found.is_empty() {
            let remedy = "Name mailboxes by their addresses, or make some first.";
            return Err(ApiError::plain(
                "nothing_to_do",
                "mailboxes",
                "There is no mailbox to test.",
                remedy,
            ));
        }
        Ok(found)
    }
}
