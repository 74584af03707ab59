//! Plans and jobs as shells show them.

use crate::wire::{
    PlannedBatch, SkippedView, TestEnableRequest, TestJobView, TestPlanView, TestProgressView, Time,
};
use tandem_domain::{
    mailbox::{DeliveryMethod, Mailbox},
    test_job::TestProgress,
    test_plan::{Batch, BatchRules, PlannedMailbox, SkipReason, TestPlan},
    workload::Workload,
};
use tandem_store::view;

/// Why nothing is tried, and the next step.
pub(crate) fn skip_sentence(reason: SkipReason) -> String {
    match reason {
        SkipReason::WaitsForApproval => "Its address waits for approval: approve it first.".to_owned(),
        SkipReason::Rejected => "Its address was rejected: approve it first.".to_owned(),
        SkipReason::Method(DeliveryMethod::None) => {
            "Its delivery method is \"none\": Tandem does not synchronize it.".to_owned()
        }
        SkipReason::Method(method) => {
            format!("Its delivery method is \"{}\": Tandem does not synchronize it.", method.as_str())
        }
        SkipReason::MailboxGone => "The mailbox was deleted before its turn.".to_owned(),
    }
}

/// What was asked for, in words.
pub(super) fn title(request: &TestEnableRequest, mailboxes: &[Mailbox]) -> String {
    match (request, mailboxes) {
        (TestEnableRequest { all: true, .. }, _) => "All mailboxes".to_owned(),
        (TestEnableRequest { profile: Some(profile), addresses, .. }, _) if addresses.is_empty() => {
            format!("All mailboxes of {profile}")
        }
        (_, [one]) => one.email.to_string(),
        (_, [first, rest @ ..]) => format!("{} and {} more", first.email, rest.len()),
        (_, []) => "No mailbox".to_owned(),
    }
}

pub(super) fn plan_view(plan: &TestPlan, rules: BatchRules) -> TestPlanView {
    let tested = || plan.batches.iter().flat_map(|batch| &batch.mailboxes);
    let skipped = tested().chain(&plan.skipped).flat_map(skipped_views).collect();
    TestPlanView {
        mailboxes: count(plan.tested()),
        workloads: count(tested().map(|one| one.tested.len()).sum()),
        messages: count(tested().filter(|one| one.tested.contains(&Workload::Outgoing)).count()),
        batches: plan.batches.iter().map(batch_view).collect(),
        skipped,
        batch_mailboxes: rules.at_most,
        batch_hours: rules.every_hours,
    }
}

fn batch_view(batch: &Batch) -> PlannedBatch {
    let address = |one: Option<&PlannedMailbox>| one.map(|one| one.email.to_string()).unwrap_or_default();
    PlannedBatch {
        number: batch.number,
        due_at: batch.due_at,
        mailboxes: count(batch.mailboxes.len()),
        queues: count(batch.mailboxes.iter().filter(|one| one.is_queue()).count()),
        first: address(batch.mailboxes.first()),
        last: address(batch.mailboxes.last()),
    }
}

fn skipped_views(mailbox: &PlannedMailbox) -> impl Iterator<Item = SkippedView> {
    mailbox.skipped.iter().map(|(workload, reason)| SkippedView {
        mailbox: mailbox.email.to_string(),
        workload: workload.as_str().to_owned(),
        reason: reason.as_str().to_owned(),
        why: skip_sentence(*reason),
    })
}

/// How far a job is, and how fast it goes.
pub(crate) fn progress_view(progress: &TestProgress, now: Time) -> TestProgressView {
    let (pace, workloads) = (progress.pace(now), progress.workloads);
    TestProgressView {
        id: progress.job.to_string(),
        state: progress.state.as_str().to_owned(),
        mailboxes: progress.mailboxes,
        done: progress.done,
        waiting: workloads.waiting,
        running: workloads.running,
        succeeded: workloads.succeeded,
        failed: workloads.failed,
        skipped: workloads.skipped,
        cancelled: workloads.cancelled,
        an_hour: pace.an_hour,
        seconds_left: pace.left.map(|left| u32::try_from(left.num_seconds()).unwrap_or(u32::MAX)),
        next_batch_at: progress.next_batch_at,
    }
}

/// A job as shells show it.
pub(crate) fn job_view(job: view::TestJobView, now: Time) -> TestJobView {
    TestJobView {
        title: job.title,
        created_at: job.created_at,
        ended_at: job.ended_at,
        batch_mailboxes: job.rules.at_most,
        batch_hours: job.rules.every_hours,
        progress: progress_view(&job.progress, now),
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
