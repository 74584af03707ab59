//! `practice`: the practice organization, synchronized for real and removed without a trace.

use super::Outcome;
use crate::{
    output::{Done, Output},
    progress::Progress,
    stop,
    table::Table,
};
use std::{path::PathBuf, time::Duration};
use tandem_api::{Practice, PracticeReport, wire::SampleRouterFilesRequest};

pub(super) async fn run(time: Option<Duration>, router_files: Option<PathBuf>, output: &Output) -> Outcome {
    let stop = stop::on_signal();
    let practice = Practice::start().await?;
    if !output.is_json() {
        for server in &practice.view().servers {
            eprintln!("{server}");
        }
    }
    if let Some(folder) = router_files {
        let request = SampleRouterFilesRequest { folder: Some(folder.to_string_lossy().into_owned()) };
        let written = practice.tandem().write_sample_router_files(request).await;
        match written {
            Ok(written) => eprintln!("{} In {}.", written.text, folder.display()),
            Err(error) => {
                practice.remove().await;
                return Err(error);
            }
        }
    }
    let progress = Progress::start(practice.tandem(), "Practice");
    let report = practice.synchronize(time, &stop).await;
    drop(progress);
    practice.remove().await;
    let report = report?;
    output.print(&report, text);
    if report.unexpected.is_empty() { Ok(Done::All) } else { Ok(Done::Nothing) }
}

fn text(report: &PracticeReport) -> String {
    let mut table =
        Table::new(["mailbox", "seen", "promoted", "duplicates", "not accepted", "other", "sent", "health"]);
    for mailbox in &report.mailboxes {
        table.row([
            mailbox.address.clone(),
            mailbox.seen.to_string(),
            mailbox.promoted.to_string(),
            mailbox.duplicates.to_string(),
            mailbox.not_accepted.to_string(),
            mailbox.other.to_string(),
            mailbox.sent.to_string(),
            mailbox.status.clone(),
        ]);
    }
    let mut text = table.text("No mailbox was synchronized.");
    text += &format!(
        "\n{} messages on the servers, {} seen, {} records made, {} emails sent, in {:.1} s.\n",
        report.on_servers, report.seen, report.promoted, report.sent, report.seconds
    );
    for line in &report.unexpected {
        text += &format!("Not as expected: {line}\n");
    }
    text
}
