//! `run` and `sync`: the engine in the foreground.

use super::Outcome;
use crate::{
    output::{Done, Output},
    progress::Progress,
    service, stop,
};
use std::{sync::Arc, time::Duration};
use tandem_api::{Role, RunFor, RunReport, Tandem};

/// How long the engine runs, and for whom.
pub(super) struct Mode {
    time: RunFor,
    role: Role,
}

impl Mode {
    pub(super) fn of(until_idle: bool, time: Option<Duration>, as_service: bool) -> Self {
        let time = match (until_idle, time) {
            (true, _) => RunFor::UntilIdle,
            (false, Some(time)) => RunFor::Time(time),
            (false, None) => RunFor::UntilStopped,
        };
        Self { time, role: if as_service { Role::Service } else { Role::Terminal } }
    }
}

pub(super) async fn run(tandem: &Arc<Tandem>, mode: Mode, output: &Output) -> Outcome {
    let stop = stop::on_signal();
    let told = service::tell_the_system(tandem, &stop);
    // A service's log is no place for a line a second.
    let progress = (mode.role != Role::Service).then(|| Progress::start(tandem, "Synchronizing"));
    let report = tandem.run_as(mode.role, mode.time, &stop).await;
    told.abort();
    let report = report?;
    drop(progress);
    output.print(&report, text);
    // A cycle that failed has its alert and its next try; the run itself did what it was asked for.
    Ok(Done::All)
}

pub(super) async fn sync(
    tandem: &Arc<Tandem>,
    address: &str,
    workload: Option<&str>,
    output: &Output,
) -> Outcome {
    let stop = stop::on_signal();
    let progress = Progress::start(tandem, "Synchronizing");
    let report = tandem.sync(address, workload, &stop).await?;
    drop(progress);
    output.print(&report, text);
    let succeeded = report.cycles.saturating_sub(report.failed);
    Ok(Done::counted(succeeded, report.failed))
}

fn text(report: &RunReport) -> String {
    let mut text =
        format!("{} cycles, {} messages, {} failed.\n", report.cycles, report.items, report.failed);
    if report.handed_over {
        text = "Another Tandem runs on this data folder; it was told to synchronize the mailbox now.\n"
            .to_owned();
    }
    if let Some(note) = &report.note {
        text += &format!("{note}\n");
    }
    for failure in &report.failures {
        text += &format!("{}\n", crate::output::error_text(failure, false));
    }
    text
}
