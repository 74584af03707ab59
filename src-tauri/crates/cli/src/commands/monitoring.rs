//! `monitor` and `history`.

use super::Outcome;
use crate::{
    output::{Done, Output},
    table::Table,
    times::shown,
};
use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};
use tandem_api::{
    Tandem,
    wire::{
        ExportHistoryRequest, ExportMonitoringRequest, Exported, HistoryRequest, HistoryView, MonitoringPage,
        MonitoringRequest, Time,
    },
};

pub(super) async fn monitor(
    tandem: &Tandem,
    request: MonitoringRequest,
    csv: Option<PathBuf>,
    output: &Output,
) -> Outcome {
    if let Some(file) = csv {
        let request = ExportMonitoringRequest { path: absolute(&file), shown: request };
        let saved = tandem.export_monitoring(request).await?;
        print_saved(&saved, &file, output);
        return Ok(Done::All);
    }
    let page = tandem.monitoring(MonitoringRequest { limit: Some(5_000), ..request }).await?;
    output.print(&page, monitoring);
    Ok(Done::All)
}

pub(super) async fn history(
    tandem: &Tandem,
    mailbox: Option<String>,
    days: Option<u16>,
    csv: Option<PathBuf>,
    output: &Output,
) -> Outcome {
    let back = days.map(|days| Duration::from_secs(u64::from(days) * 24 * 60 * 60));
    let from = back.and_then(|back| SystemTime::now().checked_sub(back)).map(Time::from);
    if let Some(file) = csv {
        let request = ExportHistoryRequest { path: absolute(&file), mailbox, from, until: None };
        let saved = tandem.export_history(request).await?;
        print_saved(&saved, &file, output);
        return Ok(Done::All);
    }
    let found = tandem.history(HistoryRequest { mailbox, from, until: None }).await?;
    output.print(&found, hours);
    Ok(Done::All)
}

fn absolute(file: &Path) -> String {
    std::path::absolute(file).unwrap_or_else(|_| file.to_path_buf()).to_string_lossy().into_owned()
}

fn print_saved(saved: &Exported, file: &Path, output: &Output) {
    output.print(saved, |saved| format!("{} rows are in {}.", saved.rows, file.display()));
}

fn monitoring(page: &MonitoringPage) -> String {
    let totals = &page.totals;
    let mut text = format!(
        "{} mailboxes, {} workloads: {} ok, {} late, {} stopped, {} unproven; {} failed last.\n",
        totals.mailboxes,
        totals.workloads,
        totals.ok,
        totals.late,
        totals.stopped,
        totals.unproven,
        totals.failing
    );
    text += &format!(
        "Waiting: {} incoming, {} outgoing, {} tests; {} emails to send, {} of them held back; {} messages owed.\n",
        totals.incoming_waiting,
        totals.outgoing_waiting,
        totals.operations_waiting,
        totals.emails_pending,
        totals.emails_held,
        totals.messages_owed
    );
    match &page.load {
        Some(load) => {
            let pools = load.pools.iter().map(|one| format!("{} {}/{}", one.pool, one.used, one.permits));
            text += &format!("Permits in use: {}.\n", pools.collect::<Vec<_>>().join(", "));
            for one in &load.profiles {
                text += &format!(
                    "  {}: {} of {} connections, {} of them listening, {} waiting\n",
                    crate::table::clean(&one.profile),
                    one.used,
                    one.permits,
                    one.listening,
                    one.waiting
                );
            }
        }
        None => text += "Permits in use: no engine to ask.\n",
    }
    let mut table = Table::new([
        "mailbox", "workload", "state", "since", "last", "took", "items", "next", "why then", "average",
        "an hour", "waiting", "alerts",
    ]);
    let took = |ms: Option<u32>| ms.map(|ms| format!("{ms} ms")).unwrap_or_default();
    for row in &page.rows {
        table.row([
            row.mailbox.clone(),
            row.workload.clone(),
            if row.running { format!("{} (runs)", row.state) } else { row.state.clone() },
            shown(row.since),
            shown(row.last_started),
            took(row.last_took_ms),
            row.last_items.map(|items| items.to_string()).unwrap_or_default(),
            shown(row.next_due),
            row.next_why.clone(),
            took(row.average_ms),
            row.messages_an_hour.to_string(),
            row.waiting.to_string(),
            row.alerts.to_string(),
        ]);
    }
    text + "\n" + &table.text("No workload passes the filter.")
}

fn hours(found: &HistoryView) -> String {
    let mut table = Table::new(["hour", "workload", "cycles", "failed", "messages", "average"]);
    for hour in &found.hours {
        table.row([
            shown(Some(hour.hour)),
            hour.workload.clone().unwrap_or_default(),
            hour.cycles.to_string(),
            hour.failures.to_string(),
            hour.messages.to_string(),
            hour.average_ms.map(|ms| format!("{ms} ms")).unwrap_or_default(),
        ]);
    }
    let kept = format!("Kept for {} days (history_days in Settings).", found.kept_days);
    table.text("No cycle ended in these hours.\n") + "\n" + &kept
}
