//! `mailbox test-enable`: the plan, or ladders and their counts.

use super::Outcome;
use crate::{
    output::{Done, Output},
    progress::Progress,
    table::{Table, clean},
    times::shown,
};
use std::{path::PathBuf, sync::Arc};
use tandem_api::{
    Tandem,
    wire::{ApiError, ExportTestJobRequest, LadderView, TestEnableRequest, TestEnableResult, TestPlanView},
};

/// Tests, prints the results, and saves them where asked for.
pub(super) async fn run(
    tandem: &Arc<Tandem>,
    request: TestEnableRequest,
    csv: Option<PathBuf>,
    output: &Output,
) -> Outcome {
    let stop = crate::stop::on_signal();
    let progress = Progress::start(tandem, "Testing");
    let result = tandem.test_enable_until(request, &stop).await?;
    drop(progress);
    if let Some(file) = csv {
        save(tandem, result.job.progress.id.clone(), file).await?;
    }
    Ok(print(&result, output))
}

/// Saves the results of a job as CSV.
pub(super) async fn save(tandem: &Arc<Tandem>, id: String, file: PathBuf) -> Result<(), ApiError> {
    let path = std::path::absolute(&file).unwrap_or(file).to_string_lossy().into_owned();
    tandem.export_test_job(ExportTestJobRequest { id, path }).await?;
    Ok(())
}

/// Prints what came of a test.
pub(super) fn print(result: &TestEnableResult, output: &Output) -> Done {
    output.print(result, |result| {
        let ladders: String =
            result.ladders.iter().filter(|one| one.status != "waiting").map(ladder).collect();
        let mut text = format!(
            "{ladders}{} enabled, {} failed, {} skipped.",
            result.succeeded, result.failed, result.skipped
        );
        if result.waiting > 0 {
            let id = result.job.progress.id.get(..8).unwrap_or_default();
            let progress = &result.job.progress;
            text += &format!("\n{} wait: ", result.waiting);
            text += &match progress.next_batch_at {
                _ if progress.state == "paused" => {
                    format!("the test is paused. `tandem mailbox test-jobs resume {id}` goes on.")
                }
                Some(_) => format!(
                    "the next batch is due at {}, and is tested by `tandem run` or the window. \
                     `tandem mailbox test-jobs show {id}` shows how far it is.",
                    shown(progress.next_batch_at)
                ),
                None => format!("`tandem mailbox test-jobs show {id}` shows how far it is."),
            };
        }
        text
    });
    if result.waiting > 0 { Done::Part } else { Done::counted(result.succeeded, result.failed) }
}

/// Prints the batches and when they run.
pub(super) async fn plan(tandem: &Arc<Tandem>, request: TestEnableRequest, output: &Output) -> Outcome {
    let plan = tandem.plan_test_enable(request).await?;
    output.print(&plan, plan_text);
    Ok(Done::All)
}

fn plan_text(plan: &TestPlanView) -> String {
    let mut batches = Table::new(["batch", "due", "mailboxes", "queues", "first", "last"]);
    for batch in &plan.batches {
        batches.row([
            batch.number.to_string(),
            shown(Some(batch.due_at)),
            batch.mailboxes.to_string(),
            batch.queues.to_string(),
            batch.first.clone(),
            batch.last.clone(),
        ]);
    }
    let mut text = format!("{}\n", batches.text("Nothing would be tested."));
    if !plan.skipped.is_empty() {
        let mut skipped = Table::new(["skipped", "workload", "why"]);
        for one in &plan.skipped {
            skipped.row([one.mailbox.clone(), one.workload.clone(), one.why.clone()]);
        }
        text += &format!("{}\n", skipped.text(""));
    }
    text += &format!(
        "{} mailboxes in {} batches of at most {} every {} hours, queues first. {} test messages would be sent, \
         each from a mailbox to itself. Nothing was changed.",
        plan.mailboxes,
        plan.batches.len(),
        plan.batch_mailboxes,
        plan.batch_hours,
        plan.messages
    );
    text
}

/// A ladder with its rungs, for people.
pub(super) fn ladder(ladder: &LadderView) -> String {
    let mut text = format!("{} {}: {}\n", ladder.object, ladder.workload, ladder.status);
    if let Some(reason) = &ladder.reason {
        text += &format!("  {}\n", clean(reason));
    }
    for rung in &ladder.rungs {
        let mark = match rung.status.as_str() {
            "passed" => "ok  ",
            "failed" => "FAIL",
            _ => "skip",
        };
        text += &format!("  {mark} {:<10} {:>6} ms  {}\n", rung.name, rung.took_ms, clean(&rung.server_said));
        if let Some(error) = &rung.error {
            text += &format!("       {}\n       Next: {}\n", clean(&error.message), clean(&error.remedy));
        }
    }
    text
}
