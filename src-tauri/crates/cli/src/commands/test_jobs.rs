//! `mailbox test-jobs`: list, show, pause, resume, cancel, retry, csv.

use super::{Outcome, test_enable};
use crate::{
    arguments::TestJobCommand,
    output::{Done, Output},
    progress::{self, Progress},
    table::{Table, clean},
    times::shown,
};
use serde::Serialize;
use std::sync::Arc;
use tandem_api::{
    Tandem,
    wire::{
        ApiError, Nothing, TestJobDetail, TestJobRequest, TestJobView, TestResultView, TestResultsRequest,
    },
};

/// The length of an id in text; enough to name a job.
const SHORT_ID: usize = 8;

pub(super) async fn run(tandem: &Arc<Tandem>, command: Option<TestJobCommand>, output: &Output) -> Outcome {
    let named = |id: String| TestJobRequest { id };
    let changed = match command.unwrap_or(TestJobCommand::List) {
        TestJobCommand::List => {
            let jobs = tandem.test_jobs(Nothing {}).await?;
            output.print(&jobs, |jobs| table(jobs));
            return Ok(Done::All);
        }
        TestJobCommand::Show(job) => {
            output.print(&Shown::load(tandem, job.id).await?, text);
            return Ok(Done::All);
        }
        TestJobCommand::Csv { id, file } => {
            test_enable::save(tandem, id, file.clone()).await?;
            output.print(&Nothing {}, |_| format!("The results are in {}.", file.display()));
            return Ok(Done::All);
        }
        TestJobCommand::Resume(job) => {
            tandem.resume_test_job(named(job.id.clone())).await?;
            return go_on(tandem, job.id, output).await;
        }
        TestJobCommand::Retry(job) => {
            tandem.retry_failed_tests(named(job.id.clone())).await?;
            return go_on(tandem, job.id, output).await;
        }
        TestJobCommand::Pause(job) => tandem.pause_test_job(named(job.id)).await?,
        TestJobCommand::Cancel(job) => tandem.cancel_test_job(named(job.id)).await?,
    };
    output.print(&changed, |job| table(std::slice::from_ref(job)));
    Ok(Done::All)
}

/// Runs what is due, or waits for the engine that does.
async fn go_on(tandem: &Arc<Tandem>, id: String, output: &Output) -> Outcome {
    let stop = crate::stop::on_signal();
    let progress = Progress::start(tandem, "Testing");
    let result = tandem.continue_test_job(TestJobRequest { id }, &stop).await?;
    drop(progress);
    Ok(test_enable::print(&result, output))
}

/// A job with its batches and what needs a person.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    detail: TestJobDetail,
    failed: Vec<TestResultView>,
    skipped: Vec<TestResultView>,
}

impl Shown {
    async fn load(tandem: &Arc<Tandem>, id: String) -> Result<Self, ApiError> {
        let detail = tandem.test_job(TestJobRequest { id }).await?;
        let id = detail.job.progress.id.clone();
        let of = |state: &str| TestResultsRequest {
            id: id.clone(),
            state: Some(state.to_owned()),
            ..Default::default()
        };
        let failed = tandem.test_results(of("failed")).await?.results;
        let skipped = tandem.test_results(of("skipped")).await?.results;
        Ok(Self { detail, failed, skipped })
    }
}

fn table(jobs: &[TestJobView]) -> String {
    let mut table =
        Table::new(["id", "state", "what", "started", "mailboxes", "enabled", "failed", "next batch"]);
    for job in jobs {
        let progress = &job.progress;
        table.row([
            progress.id.get(..SHORT_ID).unwrap_or(&progress.id).to_owned(),
            progress.state.clone(),
            job.title.clone(),
            shown(Some(job.created_at)),
            format!("{} of {}", progress.done, progress.mailboxes),
            progress.succeeded.to_string(),
            progress.failed.to_string(),
            shown(progress.next_batch_at),
        ]);
    }
    table.text("There are no tests. `tandem mailbox test-enable` starts one.")
}

fn text(all: &Shown) -> String {
    let job = &all.detail.job;
    let mut text = format!(
        "{} ({}), started {}, {}\n{}\n\n",
        clean(&job.title),
        job.progress.id,
        shown(Some(job.created_at)),
        job.progress.state,
        progress::test_job(&job.progress)
    );
    let mut batches = Table::new(["batch", "due", "started", "mailboxes"]);
    for batch in &all.detail.batches {
        batches.row([
            batch.number.to_string(),
            shown(Some(batch.due_at)),
            shown(batch.started_at),
            format!("{} of {}", batch.done, batch.mailboxes),
        ]);
    }
    text += &batches.text("Nothing is tested.");
    for result in all.failed.iter().chain(&all.skipped) {
        let rung = result.rung.as_ref().map(|rung| format!(" at {rung}")).unwrap_or_default();
        text += &format!("\n{} {}: {}{rung}\n", result.mailbox, result.workload, result.state);
        if let Some(error) = &result.error {
            text += &format!("  {}\n  Next: {}\n", clean(&error.message), clean(&error.remedy));
        }
        if let Some(reason) = &result.reason {
            text += &format!("  {}\n", clean(reason));
        }
    }
    text
}
