//! Test & Enable while the caller waits: a job like any other, run here or by whoever runs the engine.

use crate::{
    LOCKED, Role, Tandem,
    people::of_storage,
    test_jobs::skip_sentence,
    views::{ladder_view, skipped_ladder},
    wire::{ApiError, LadderView, TestEnableRequest, TestEnableResult, TestJobRequest},
};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tandem_domain::{
    ids::{MailboxId, TestJobId},
    mailbox::{DeliveryMethod, Mailbox},
    test_job::{JobState, TestProgress, TestState},
    test_plan::SkipReason,
    workload::Workload,
};
use tandem_engine::ports::storage::Configuration;
use tandem_store::view::{TestLadder, TestResultFilter, TestResultView};
use tokio_util::sync::CancellationToken;

/// How often it is looked whether whoever runs the engine is done.
const LOOK_EVERY: Duration = Duration::from_millis(200);

impl Tandem {
    /// Tests mailboxes and enables what succeeds; rungs arrive as events too. Returns when all that is due has its
    /// result; later batches run when they are due, wherever the engine runs.
    ///
    /// # Errors
    /// An unknown address or profile, nothing to test, or storage.
    pub async fn test_enable(
        self: &Arc<Self>,
        request: TestEnableRequest,
    ) -> Result<TestEnableResult, ApiError> {
        self.test_enable_until(request, &self.closing).await
    }

    /// The same, ended early when asked to stop: the job is paused then.
    ///
    /// # Errors
    /// As [`Tandem::test_enable`].
    pub async fn test_enable_until(
        self: &Arc<Self>,
        request: TestEnableRequest,
        stop: &CancellationToken,
    ) -> Result<TestEnableResult, ApiError> {
        let (id, mailboxes) = self.make_test_job(&request).await?;
        self.run_test_job(id, stop).await?;
        self.test_enable_result(id, mailboxes).await
    }

    /// Runs what is due of a job, and tells its results. When it is asked to stop, the job is paused.
    ///
    /// # Errors
    /// An unknown job, or storage.
    pub async fn continue_test_job(
        self: &Arc<Self>,
        request: TestJobRequest,
        stop: &CancellationToken,
    ) -> Result<TestEnableResult, ApiError> {
        let id = self.find_test_job(&request.id).await?;
        self.run_test_job(id, stop).await?;
        let mut mailboxes: Vec<Mailbox> = Vec::new();
        for result in self.all_results(id).await? {
            if mailboxes.iter().all(|one| one.id != result.mailbox)
                && let Ok(mailbox) = self.store.mailbox(result.mailbox).await
            {
                mailboxes.push(mailbox);
            }
        }
        self.test_enable_result(id, mailboxes).await
    }

    /// Runs a job until nothing of it is due: here, where no engine runs, else by waiting for the one that does.
    async fn run_test_job(self: &Arc<Self>, id: TestJobId, stop: &CancellationToken) -> Result<(), ApiError> {
        let object = id.to_string();
        loop {
            let shown = self.store.show_test_job(id).await.map_err(|error| of_storage(&object, &error))?;
            if is_settled(&shown.0.progress, self.now()) {
                return Ok(());
            }
            if stop.is_cancelled() {
                // When the program closes, the next start goes on.
                if !self.closing.is_cancelled() {
                    let paused = self.store.pause_test_job(id, self.now()).await;
                    paused.map_err(|error| of_storage(&object, &error))?;
                }
                return Ok(());
            }
            if !self.hub.engine_running() {
                match self.hold(Role::Sync, Duration::ZERO).await {
                    Ok(held) => {
                        let run = self.engine.run_tests(id, stop).await;
                        self.let_go(held).await;
                        run.map_err(|error| of_storage(&object, &error))?;
                        continue;
                    }
                    Err(error) if error.code == LOCKED => {}
                    Err(error) => return Err(error),
                }
            }
            self.engine.look_for_tests();
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    async fn all_results(&self, id: TestJobId) -> Result<Vec<TestResultView>, ApiError> {
        let all = self.store.list_test_results(id, TestResultFilter::default(), 0, u32::MAX).await;
        Ok(all.map_err(|error| of_storage(&id.to_string(), &error))?.0)
    }

    async fn test_enable_result(
        &self,
        id: TestJobId,
        mailboxes: Vec<Mailbox>,
    ) -> Result<TestEnableResult, ApiError> {
        let results = self.all_results(id).await?;
        let results: HashMap<_, _> = results.iter().map(|one| ((one.mailbox, one.workload), one)).collect();
        let mut ladders = Vec::new();
        for mailbox in &mailboxes {
            let climbed = self.climbed(mailbox.id).await?;
            for workload in Workload::ALL {
                ladders.push(match results.get(&(mailbox.id, workload)) {
                    Some(result) => ladder_of(result, &climbed),
                    None => {
                        let method = mailbox.method(workload);
                        let why = skip_sentence(SkipReason::Method(match method {
                            DeliveryMethod::ServerSideSync => DeliveryMethod::None,
                            other => other,
                        }));
                        skipped_ladder(mailbox.email.as_str(), workload.as_str(), &why)
                    }
                });
            }
        }
        let count = |status: &str| {
            u32::try_from(ladders.iter().filter(|ladder| ladder.status == status).count()).unwrap_or(u32::MAX)
        };
        let (succeeded, failed) = (count("success"), count("failure"));
        // A workload without a delivery method counts here, and is no part of the job.
        let (skipped, waiting) = (count("skipped"), count("waiting"));
        let job = self.test_job_view(id).await?;
        Ok(TestEnableResult { ladders, succeeded, failed, skipped, waiting, job })
    }

    async fn climbed(&self, mailbox: MailboxId) -> Result<Vec<TestLadder>, ApiError> {
        self.store.test_ladders(mailbox).await.map_err(|error| of_storage("test", &error))
    }
}

/// Whether nothing more of a job happens now.
fn is_settled(progress: &TestProgress, now: tandem_domain::Instant) -> bool {
    progress.state.is_over()
        || (progress.state == JobState::Paused && progress.workloads.running == 0)
        || (progress.left_started == 0 && progress.next_batch_at.is_none_or(|due| due > now))
}

fn ladder_of(result: &TestResultView, climbed: &[TestLadder]) -> LadderView {
    let (object, workload) = (result.address.as_str(), result.workload);
    let rungs = climbed.iter().find(|ladder| ladder.workload == workload);
    let rungs = rungs.map_or(&[][..], |ladder| &ladder.rungs);
    match result.state {
        TestState::Succeeded => ladder_view(object, workload, rungs, None),
        TestState::Failed => {
            let nothing_tried = if result.broke_at.is_none() { &[][..] } else { rungs };
            ladder_view(object, workload, nothing_tried, result.failure.as_ref())
        }
        TestState::Skipped => {
            let why = result.skipped_because.map(skip_sentence).unwrap_or_default();
            skipped_ladder(object, workload.as_str(), &why)
        }
        TestState::Cancelled => {
            skipped_ladder(object, workload.as_str(), "The test was cancelled before its turn.")
        }
        TestState::Waiting | TestState::Running => {
            let why = match result.batch {
                Some(batch) => format!("It waits for its turn in batch {batch}."),
                None => "It waits for its turn.".to_owned(),
            };
            let ladder = skipped_ladder(object, workload.as_str(), &why);
            LadderView { status: "waiting".to_owned(), ..ladder }
        }
    }
}
