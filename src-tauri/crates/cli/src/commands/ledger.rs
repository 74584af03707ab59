//! `ledger`, `explain` and `quarantine`.

use super::Outcome;
use crate::{
    arguments::QuarantineCommand,
    output::{Done, Output},
    table::{Table, clean},
    times::shown,
};
use tandem_api::{
    Tandem,
    wire::{
        ApiError, ExplainRequest, Explanation, LedgerRequest, LedgerView, QuarantineRequest, QuarantineView,
    },
};

pub(super) async fn list(
    tandem: &Tandem,
    mailbox: Option<String>,
    decision: Option<String>,
    limit: u32,
    output: &Output,
) -> Outcome {
    let rows = tandem.ledger(LedgerRequest { mailbox, decision, limit }).await?;
    output.print(&rows, |rows| rows_table(rows));
    Ok(Done::All)
}

fn rows_table(rows: &[LedgerView]) -> String {
    let mut table = Table::new(["decided", "mailbox", "uid", "decision", "message-id", "reason"]);
    for row in rows {
        table.row([
            shown(Some(row.decided_at)),
            row.mailbox.clone(),
            row.uid.clone(),
            row.decision.clone(),
            row.message_id.clone().unwrap_or_default(),
            row.reason.clone(),
        ]);
    }
    table.text("No message was seen yet.")
}

pub(super) async fn explain(
    tandem: &Tandem,
    subject: String,
    mailbox: Option<String>,
    output: &Output,
) -> Outcome {
    let explanations = tandem.explain(ExplainRequest { subject, mailbox }).await?;
    output.print(&explanations, |all| all.iter().map(explanation).collect::<Vec<_>>().join("\n"));
    Ok(Done::All)
}

fn explanation(one: &Explanation) -> String {
    let tense = if one.happened { "Decided" } else { "Would be decided" };
    let mut text = format!("{}\n{tense}: {}. {}\n", one.mailbox, one.decision, clean(&one.summary));
    for step in &one.trace {
        text += &format!("  {:<20} {:<8} {}\n", step.rule, step.outcome, clean(&step.detail));
    }
    text + &format!("What would change it: {}\n", clean(&one.what_would_change_it))
}

pub(super) async fn quarantine(tandem: &Tandem, command: QuarantineCommand, output: &Output) -> Outcome {
    match command {
        QuarantineCommand::List => {
            let all = tandem.quarantine(QuarantineRequest { id: None }).await?;
            output.print(&all, |all| quarantine_table(all));
        }
        QuarantineCommand::Show { id } => {
            let found = tandem.quarantine(QuarantineRequest { id: Some(id.clone()) }).await?;
            let Some(one) = found.into_iter().next() else {
                return Err(ApiError::not_found("quarantined message", &id));
            };
            output.print(&one, |one| {
                let preview: Vec<_> = one.preview.lines().map(clean).collect();
                format!("{} in {}\n{}\n\n{}", one.id, one.mailbox, clean(&one.reason), preview.join("\n"))
            });
        }
        QuarantineCommand::Retry { id } => {
            let result = tandem.retry_quarantine(QuarantineRequest { id }).await?;
            output.print(&result, |one| {
                format!(
                    "{} can be read now, {} still cannot; {} are asked for again by the next cycle.",
                    one.released, one.still_unreadable, one.asked_again
                )
            });
        }
    }
    Ok(Done::All)
}

fn quarantine_table(all: &[QuarantineView]) -> String {
    let mut table = Table::new(["id", "kind", "mailbox", "uid", "since", "bytes", "reason"]);
    for one in all {
        table.row([
            one.id.clone(),
            one.kind.clone(),
            one.mailbox.clone(),
            one.uid.clone(),
            shown(Some(one.quarantined_at)),
            one.size.to_string(),
            one.reason.clone(),
        ]);
    }
    table.text("Nothing is in quarantine or undeliverable.")
}
