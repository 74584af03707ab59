//! `mailbox`: list, show, approve, reject, disable, remap; test & enable is beside it.

use super::{Outcome, test_enable, test_jobs};
use crate::{
    arguments::MailboxCommand,
    output::{Done, Output},
    table::{Table, clean},
    times::shown,
};
use serde::Serialize;
use std::sync::Arc;
use tandem_api::{
    Tandem,
    wire::{
        CycleView, LadderView, MailboxDetail, MailboxRequest, MailboxView, MailboxesRequest, Nothing,
        RemapRequest, TestEnableRequest, WorkloadView,
    },
};

pub(super) async fn run(tandem: &Arc<Tandem>, command: MailboxCommand, output: &Output) -> Outcome {
    let changed = match command {
        MailboxCommand::List => tandem.mailboxes(Nothing {}).await?,
        MailboxCommand::Show { address } => {
            let detail = tandem.mailbox(MailboxRequest { address }).await?;
            output.print(&Shown::from(detail), text);
            return Ok(Done::All);
        }
        MailboxCommand::Approve(which) => tandem.approve_mailboxes(named(which.addresses)).await?,
        MailboxCommand::Reject(which) => tandem.reject_mailboxes(named(which.addresses)).await?,
        MailboxCommand::Disable(which) => tandem.disable_mailboxes(named(which.addresses)).await?,
        MailboxCommand::TestEnable { addresses, profile, all, plan, csv } => {
            let request = TestEnableRequest { addresses, profile, all };
            if plan {
                return test_enable::plan(tandem, request, output).await;
            }
            return test_enable::run(tandem, request, csv, output).await;
        }
        MailboxCommand::TestJobs { command } => return test_jobs::run(tandem, command, output).await,
        MailboxCommand::Remap { address, to, yes } => {
            let result = tandem.remap_mailbox(RemapRequest { address, to, confirm: yes }).await?;
            output.print(&result, |result| {
                let breaks: String = result.breaks.iter().map(|line| format!("- {line}\n")).collect();
                let end = if result.done { "Done." } else { "Nothing was changed. To do it, add --yes." };
                format!("{breaks}{end}")
            });
            return Ok(Done::All);
        }
    };
    output.print(&changed, |all| table(all));
    Ok(Done::All)
}

fn named(addresses: Vec<String>) -> MailboxesRequest {
    MailboxesRequest { addresses }
}

/// A mailbox with its last test and cycles, in one object.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    mailbox: MailboxView,
    last_test: Vec<LadderView>,
    cycles: Vec<CycleView>,
}

impl From<MailboxDetail> for Shown {
    fn from(detail: MailboxDetail) -> Self {
        Self { mailbox: detail.mailbox, last_test: detail.last_test, cycles: detail.cycles }
    }
}

fn table(mailboxes: &[MailboxView]) -> String {
    let mut table =
        Table::new(["address", "owner", "profile", "approval", "status", "incoming", "outgoing", "next due"]);
    for mailbox in mailboxes {
        let works = &mailbox.workloads;
        let next_due =
            [&works.incoming, &works.outgoing, &works.act].into_iter().filter_map(|work| work.next_due).min();
        table.row([
            mailbox.email.clone(),
            format!("{} {}", mailbox.owner.kind, mailbox.owner.name),
            mailbox.profile.clone().unwrap_or_default(),
            mailbox.approval.clone(),
            mailbox.status.clone(),
            works.incoming.state.clone(),
            works.outgoing.state.clone(),
            shown(next_due),
        ]);
    }
    table.text("There are no mailboxes. Make some with `tandem apply`.")
}

fn text(shown_mailbox: &Shown) -> String {
    let mailbox = &shown_mailbox.mailbox;
    let mut text = format!(
        "Mailbox              {}\nOwner                {} {}\nProfile              {}\nApproval             {}\nUser name            {}\n\
         Password stored      {}\nAllow credentials    {}\nDelete after         {}\nProcess emails from  {}\nStatus               {}\n",
        mailbox.email,
        mailbox.owner.kind,
        clean(&mailbox.owner.name),
        mailbox.profile.as_deref().unwrap_or("-"),
        mailbox.approval,
        mailbox.user_name.as_deref().unwrap_or("-"),
        mailbox.password_set,
        mailbox.allow_credentials,
        mailbox.delete_after_processing,
        shown(mailbox.process_emails_from),
        mailbox.status,
    );
    for (name, work) in [
        ("incoming", &mailbox.workloads.incoming),
        ("outgoing", &mailbox.workloads.outgoing),
        ("act", &mailbox.workloads.act),
    ] {
        text += &workload(name, work);
    }
    for ladder in &shown_mailbox.last_test {
        text += &format!("\nLast test: {}", test_enable::ladder(ladder));
    }
    if !shown_mailbox.cycles.is_empty() {
        let mut cycles = Table::new(["started", "ended", "workload", "cycles", "items", "error"]);
        for cycle in &shown_mailbox.cycles {
            cycles.row([
                shown(Some(cycle.started_at)),
                shown(cycle.ended_at),
                cycle.workload.clone(),
                cycle.cycles.to_string(),
                cycle.items.to_string(),
                cycle.error.clone().unwrap_or_default(),
            ]);
        }
        text += &format!("\n{}", cycles.text(""));
    }
    text
}

fn workload(name: &str, work: &WorkloadView) -> String {
    let mut text = format!("\n{name}: {} ({})\n  {}\n", work.state, work.method, clean(&work.why));
    if work.state != "off" {
        text += &format!(
            "  enabled {}, last test or cycle {}, next due {}, last proof of life {}\n",
            work.enabled,
            work.status,
            shown(work.next_due),
            shown(work.last_success)
        );
    }
    if let Some(error) = work.last_error.as_ref().filter(|error| !work.why.contains(error.as_str())) {
        text += &format!("  last error: {}\n", clean(error));
    }
    text
}
