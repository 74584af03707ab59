//! `verify`: the server's identities against the ledger.

use super::Outcome;
use crate::{
    output::{Done, Output},
    table::Table,
};
use std::sync::Arc;
use tandem_api::{
    Tandem,
    wire::{VerificationView, VerifyRequest},
};

pub(super) async fn run(
    tandem: &Arc<Tandem>,
    addresses: Vec<String>,
    repair: bool,
    output: &Output,
) -> Outcome {
    let found = tandem.verify(VerifyRequest { addresses, repair }).await?;
    output.print(&found, |all| text(all));
    let complete = found.iter().filter(|one| one.complete).count();
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Ok(Done::counted(count(complete), count(found.len() - complete)))
}

fn text(all: &[VerificationView]) -> String {
    let mut table =
        Table::new(["mailbox", "on server", "seen", "waiting", "missing", "repaired", "extra", "result"]);
    for one in all {
        table.row([
            one.mailbox.clone(),
            one.on_server.to_string(),
            one.seen.to_string(),
            one.waiting.to_string(),
            one.missing.to_string(),
            one.repaired.to_string(),
            one.extra.to_string(),
            result(one),
        ]);
    }
    let mut lines = vec![table.text("No mailbox synchronizes incoming mail.")];
    for one in all.iter().filter(|one| !one.missing_identities.is_empty()) {
        lines.push(format!("Missing in {}: {}", one.mailbox, one.missing_identities.join(" ")));
    }
    lines.join("\n")
}

fn result(one: &VerificationView) -> String {
    match &one.failure {
        Some(failure) => failure.message.clone(),
        None if one.complete => "complete".to_owned(),
        None => "incomplete: run it with --repair".to_owned(),
    }
}
