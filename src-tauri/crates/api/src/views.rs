//! From the words of the domain to what crosses to a shell.

use crate::{
    judge::Judge,
    people::{failure_sentence, of_failure},
    wire::{
        EndpointView, LadderView, OwnerView, ResolvedView, RuleView, RungView, WorkloadView, WorkloadsView,
    },
};
use tandem_domain::{
    Instant,
    directory::DirectoryId,
    failure::Failure,
    ledger::RuleStep,
    mailbox::{Mailbox, MailboxOwner},
    probe::{Rung, RungOutcome},
    profile::{EmailServerProfile, Endpoint},
    settings::{DEFAULT_QUEUE_FILTER, DEFAULT_USER_FILTER, IncomingFilter},
    workload::{Workload, WorkloadStatus},
};
use tandem_store::view;

/// The state of a workload that is not synchronized.
pub(crate) const OFF: &str = "off";

pub(crate) fn rung_view(object: &str, rung: &Rung) -> RungView {
    let (status, error) = match &rung.outcome {
        RungOutcome::Passed => ("passed", None),
        RungOutcome::Failed(failure) => ("failed", Some(of_failure(object, failure, None))),
        RungOutcome::Skipped(_) => ("skipped", None),
    };
    let server_said = match &rung.outcome {
        RungOutcome::Skipped(why) if rung.server_said.is_empty() => why.clone(),
        _ => rung.server_said.clone(),
    };
    RungView {
        name: rung.name.as_str().to_owned(),
        status: status.to_owned(),
        took_ms: rung.took_ms,
        server_said,
        error,
    }
}

pub(crate) fn ladder_view(
    object: &str,
    workload: Workload,
    rungs: &[Rung],
    failure: Option<&Failure>,
) -> LadderView {
    let rung_broke = rungs.iter().any(|rung| matches!(rung.outcome, RungOutcome::Failed(_)));
    let broken = failure.is_some() || rung_broke;
    // A rung that broke says it itself.
    let reason = failure.filter(|_| !rung_broke).map(|failure| failure_sentence(object, failure));
    LadderView {
        object: object.to_owned(),
        workload: workload.as_str().to_owned(),
        status: if broken { "failure" } else { "success" }.to_owned(),
        reason,
        rungs: rungs.iter().map(|rung| rung_view(object, rung)).collect(),
    }
}

/// A workload that was not tested, and why.
pub(crate) fn skipped_ladder(object: &str, workload: &str, why: &str) -> LadderView {
    LadderView {
        object: object.to_owned(),
        workload: workload.to_owned(),
        status: "skipped".to_owned(),
        reason: Some(why.to_owned()),
        rungs: Vec::new(),
    }
}

pub(crate) fn owner_view(owner: MailboxOwner, name: &str) -> OwnerView {
    let (kind, id) = owner_parts(owner);
    OwnerView { kind: kind.to_owned(), id: id.to_string(), name: name.to_owned() }
}

pub(crate) fn owner_parts(owner: MailboxOwner) -> (&'static str, uuid::Uuid) {
    match owner {
        MailboxOwner::User(id) => ("user", id.0),
        MailboxOwner::Queue(id) => ("queue", id.0),
    }
}

/// Which mail is promoted for an owner whose entry names `chosen`, or nothing.
pub(crate) fn filter_of(owner: MailboxOwner, chosen: Option<IncomingFilter>) -> IncomingFilter {
    chosen.unwrap_or(match owner {
        MailboxOwner::User(_) => DEFAULT_USER_FILTER,
        MailboxOwner::Queue(_) => DEFAULT_QUEUE_FILTER,
    })
}

pub(crate) fn owner_as_entry(owner: MailboxOwner) -> DirectoryId {
    match owner {
        MailboxOwner::User(id) => DirectoryId::User(id),
        MailboxOwner::Queue(id) => DirectoryId::Queue(id),
    }
}

pub(crate) fn resolved_view(id: DirectoryId, name: &str) -> ResolvedView {
    ResolvedView { kind: id.kind().to_owned(), id: id.uuid().to_string(), name: name.to_owned() }
}

pub(crate) fn rule_view(step: &RuleStep) -> RuleView {
    RuleView {
        rule: step.rule.clone(),
        outcome: step.outcome.as_str().to_owned(),
        detail: step.detail.clone(),
    }
}

pub(crate) fn endpoint_view(endpoint: &Endpoint) -> EndpointView {
    EndpointView {
        server: endpoint.server.clone(),
        port: endpoint.port,
        security: endpoint.security.as_str().to_owned(),
        ca_file: endpoint.trust.ca_file.clone(),
        trusted_certificate_sha256: endpoint.trust.pinned_sha256.clone(),
    }
}

/// A mailbox's three workloads, judged.
pub(crate) fn workloads_view(
    shown: &view::MailboxView,
    profile: Option<&EmailServerProfile>,
    judge: &Judge,
    now: Instant,
) -> WorkloadsView {
    let one = |workload| workload_view(shown, workload, profile, judge, now);
    WorkloadsView {
        incoming: one(Workload::Incoming),
        outgoing: one(Workload::Outgoing),
        act: one(Workload::Act),
    }
}

fn workload_view(
    shown: &view::MailboxView,
    workload: Workload,
    profile: Option<&EmailServerProfile>,
    judge: &Judge,
    now: Instant,
) -> WorkloadView {
    let mailbox = judged(shown);
    let state = mailbox.state(workload);
    let health = judge.workload(shown, &mailbox, profile, workload, now);
    let row = shown.workloads.iter().find(|row| row.workload == workload);
    WorkloadView {
        method: mailbox.method(workload).as_str().to_owned(),
        status: status_word(state.status).to_owned(),
        enabled: state.enabled,
        state: health.as_ref().map_or(OFF, |health| health.status.as_str()).to_owned(),
        why: health.map_or_else(|| "It is not synchronized.".to_owned(), |health| health.why),
        next_due: row.and_then(|row| row.next_due_at),
        last_success: state.last_success_at,
        last_error: state.last_error.clone(),
        tested_at: state.tested_at,
    }
}

/// The mailbox with its failures in words for people.
pub(crate) fn judged(shown: &view::MailboxView) -> Mailbox {
    let mut mailbox = shown.mailbox.clone();
    for row in &shown.workloads {
        let Some(failure) = &row.last_failure else { continue };
        let sentence = Some(failure_sentence(mailbox.email.as_str(), failure));
        match row.workload {
            Workload::Incoming => mailbox.incoming_state.last_error = sentence,
            Workload::Outgoing => mailbox.outgoing_state.last_error = sentence,
            Workload::Act => mailbox.act_state.last_error = sentence,
        }
    }
    mailbox
}

const fn status_word(status: WorkloadStatus) -> &'static str {
    match status {
        WorkloadStatus::NotRun => "not_run",
        WorkloadStatus::Success => "success",
        WorkloadStatus::Failure => "failure",
    }
}
