//! `alerts` and `health`.

use super::Outcome;
use crate::{
    output::{Done, Output},
    table::{Table, clean},
    times::shown,
};
use tandem_api::{
    Tandem,
    wire::{AlertView, AlertsRequest, Health, Nothing},
};

pub(super) async fn alerts(
    tandem: &Tandem,
    level: Option<String>,
    mailbox: Option<String>,
    include_cleared: bool,
    output: &Output,
) -> Outcome {
    let alerts =
        tandem.alerts(AlertsRequest { level, include_cleared, mailbox, ..AlertsRequest::default() }).await?;
    output.print(&alerts, |all| {
        if all.is_empty() {
            return "There are no alerts.".to_owned();
        }
        all.iter().map(alert).collect::<Vec<_>>().join("\n")
    });
    Ok(Done::All)
}

fn alert(alert: &AlertView) -> String {
    let workload = alert.workload.as_deref().map_or_else(String::new, |one| format!(" {one}"));
    let mut text = format!(
        "{} [{}] {}{workload}\n  {}\n",
        alert.level,
        alert.code,
        clean(&alert.object),
        clean(&alert.message)
    );
    if let Some(said) = &alert.server_said {
        text += &format!("  In its own words: {}\n", clean(said));
    }
    text += &format!("  Next: {}\n", clean(&alert.remedy));
    if alert.who != "nobody" {
        text += &format!("  Who: {} ({})\n", alert.who.replace('_', " "), alert.action);
    }
    text += &format!(
        "  {} times since {}, last at {}",
        alert.count,
        shown(Some(alert.first_seen)),
        shown(Some(alert.last_seen))
    );
    if let Some(at) = alert.cleared_at {
        text += &format!(", cleared at {}", shown(Some(at)));
    } else if let Some(at) = alert.retry_at {
        text += &format!(", tried again at {}", shown(Some(at)));
    }
    text + "\n"
}

pub(super) async fn health(tandem: &Tandem, output: &Output) -> Outcome {
    let health = tandem.health(Nothing {}).await?;
    output.print(&health, text);
    Ok(Done::All)
}

fn text(health: &Health) -> String {
    let mut table =
        Table::new(["object", "workload", "status", "since", "last proof", "expected", "next due"]);
    for one in health.objects.iter().filter(|one| one.kind != "organization") {
        table.row([
            one.object.clone(),
            one.workload.clone(),
            one.status.clone(),
            shown(one.since),
            shown(one.last_proof),
            shown(one.expected),
            shown(one.due),
        ]);
    }
    let why: String = health
        .objects
        .iter()
        .filter(|one| one.status != "ok" && one.kind != "organization")
        .map(|one| format!("{} {}: {}\n", one.object, one.workload, clean(&one.why)).replace(" : ", ": "))
        .collect();
    let engine = if health.engine.running {
        String::new()
    } else {
        "The engine does not run: nothing is synchronized until `tandem run`, the service or the window is started.\n"
            .to_owned()
    };
    format!(
        "{}: {}\n{engine}\n{}{why}",
        health.status,
        clean(&health.why),
        table.text("Nothing is synchronized yet.\n")
    )
}
