//! `mailbox test-enable`: ladders and their counts.

use super::Outcome;
use crate::{
    output::{Done, Output},
    progress::Progress,
    table::clean,
};
use std::sync::Arc;
use tandem_api::{
    Tandem,
    wire::{LadderView, TestEnableRequest},
};

pub(super) async fn run(tandem: &Arc<Tandem>, request: TestEnableRequest, output: &Output) -> Outcome {
    let stop = crate::stop::on_signal();
    let progress = Progress::start(tandem, "Testing");
    let result = tandem.test_enable_until(request, &stop).await?;
    drop(progress);
    output.print(&result, |result| {
        let ladders: String = result.ladders.iter().map(ladder).collect();
        format!(
            "{ladders}{} enabled, {} failed, {} skipped.",
            result.succeeded, result.failed, result.skipped
        )
    });
    Ok(Done::counted(result.succeeded, result.failed))
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
