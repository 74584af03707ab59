//! Test & Enable as a job, over the practice organization's servers and a real data folder.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic fails the test that asked"
)]

use std::{sync::Arc, time::Duration};
use tandem_api::{
    Practice, Tandem,
    wire::{
        ExportTestJobRequest, MailboxesRequest, Nothing, SettingsView, TestEnableRequest, TestJobRequest,
        TestJobView, TestResultsRequest,
    },
};
use tokio_util::sync::CancellationToken;

fn all() -> TestEnableRequest {
    TestEnableRequest { all: true, ..Default::default() }
}

async fn batches_of(tandem: &Tandem, mailboxes: u16) {
    let settings = tandem.settings(Nothing {}).await.unwrap();
    tandem.save_settings(SettingsView { test_batch_mailboxes: mailboxes, ..settings }).await.unwrap();
}

fn named(job: &TestJobView) -> TestJobRequest {
    TestJobRequest { id: job.progress.id.clone() }
}

/// Waits until the job is as asked.
async fn until(tandem: &Tandem, job: &TestJobView, is: impl Fn(&TestJobView) -> bool) -> TestJobView {
    for _ in 0..600 {
        let now = tandem.test_job(named(job)).await.unwrap().job;
        if is(&now) {
            return now;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it does not become so: {:?}", tandem.test_job(named(job)).await);
}

async fn practice() -> (Arc<Practice>, Arc<Tandem>) {
    let practice = Practice::start().await.unwrap();
    let tandem = Arc::clone(practice.tandem());
    (practice, tandem)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_changes_nothing_and_what_is_started_is_what_was_planned() {
    let (practice, tandem) = practice().await;
    batches_of(&tandem, 2).await;
    let people = tandem.mailboxes(Nothing {}).await.unwrap();
    let refused = people.iter().find(|one| one.owner.kind == "user").unwrap().email.clone();
    tandem.reject_mailboxes(MailboxesRequest { addresses: vec![refused.clone()] }).await.unwrap();

    let plan = tandem.plan_test_enable(all()).await.unwrap();
    assert_eq!(plan.mailboxes as usize, people.len() - 1);
    assert_eq!((plan.batches[0].mailboxes, plan.batches[0].number), (2, 1));
    assert_eq!(plan.batches[1].due_at - plan.batches[0].due_at, chrono::Duration::hours(5));
    assert!(plan.batches[0].queues > 0, "queues come first: {plan:?}");
    let why: Vec<_> = plan.skipped.iter().map(|one| (one.mailbox.as_str(), one.reason.as_str())).collect();
    assert_eq!(why, [(refused.as_str(), "rejected"); 2]);
    assert!(tandem.test_jobs(Nothing {}).await.unwrap().is_empty(), "a plan changes nothing");

    tandem.start_engine().await.unwrap();
    let job = tandem.start_test_enable(all()).await.unwrap();
    assert_eq!(job.title, "All mailboxes");
    let first = until(&tandem, &job, |job| job.progress.succeeded == 4).await;
    assert_eq!((first.progress.failed, first.progress.skipped), (0, 2));
    assert_eq!(first.progress.state, "running", "the others wait for their batch");
    assert_eq!(first.progress.mailboxes - first.progress.done, plan.mailboxes - 2);
    let batches = tandem.test_job(named(&job)).await.unwrap().batches;
    assert!(batches[0].started_at.is_some() && batches[1].started_at.is_none());
    assert!(batches[1].due_at >= plan.batches[1].due_at);

    let results = tandem
        .test_results(TestResultsRequest {
            id: job.progress.id[..8].to_owned(),
            state: Some("skipped".to_owned()),
            ..Default::default()
        })
        .await
        .unwrap();
    assert!(results.results.iter().all(|one| one.error.is_none() && one.rung.is_none()), "{results:?}");
    assert!(results.results[0].reason.as_ref().unwrap().contains("rejected"));

    let paused = tandem.pause_test_job(named(&job)).await.unwrap();
    assert_eq!((paused.progress.state.as_str(), paused.progress.seconds_left), ("paused", None));
    assert_eq!(tandem.resume_test_job(named(&job)).await.unwrap().progress.state, "running");
    let cancelled = tandem.cancel_test_job(named(&job)).await.unwrap();
    assert_eq!(cancelled.progress.state, "cancelled");
    assert_eq!(cancelled.progress.cancelled, (plan.mailboxes - 2) * 2);
    let over = tandem.resume_test_job(named(&job)).await.unwrap_err();
    assert_eq!(over.code, "test_job_over");
    practice.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_engine_the_caller_runs_what_is_due_and_hears_what_waits() {
    let (practice, tandem) = practice().await;
    batches_of(&tandem, 3).await;
    let result = tandem.test_enable_until(all(), &CancellationToken::new()).await.unwrap();
    assert_eq!((result.succeeded, result.failed), (6, 0), "{:?}", result.job);
    assert!(result.waiting > 0);
    let waits = result.ladders.iter().find(|ladder| ladder.status == "waiting").unwrap();
    assert!(waits.rungs.is_empty() && waits.reason.as_ref().unwrap().contains("batch 2"), "{waits:?}");
    let done = result.ladders.iter().find(|ladder| ladder.status == "success").unwrap();
    assert!(done.rungs.len() >= 6, "{done:?}");

    // A stop pauses the job; the next one goes on.
    let stopped = CancellationToken::new();
    stopped.cancel();
    batches_of(&tandem, 100).await;
    let result = tandem.test_enable_until(all(), &stopped).await.unwrap();
    assert_eq!((result.job.progress.state.as_str(), result.succeeded), ("paused", 0));
    tandem.resume_test_job(named(&result.job)).await.unwrap();
    let on = tandem.continue_test_job(named(&result.job), &CancellationToken::new()).await.unwrap();
    assert_eq!((on.job.progress.state.as_str(), on.waiting, on.failed), ("done", 0, 0));
    practice.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_is_saved_as_csv_and_only_that_is_tried_again() {
    let (practice, tandem) = practice().await;
    let folder = tempfile::tempdir().unwrap();
    let settings = tandem.settings(Nothing {}).await.unwrap();
    let mut wrong = tandem.mailboxes(Nothing {}).await.unwrap();
    let one = wrong.remove(0);
    // Another user name than the one at the server.
    let save = |user_name: Option<String>| tandem_api::wire::SaveMailboxRequest {
        id: Some(one.id.clone()),
        email: one.email.clone(),
        owner_type: one.owner.kind.clone(),
        owner_name: one.owner.name.clone(),
        incoming_filter: one.incoming_filter.clone(),
        profile: one.profile.clone().unwrap(),
        incoming: one.workloads.incoming.method.clone(),
        outgoing: one.workloads.outgoing.method.clone(),
        user_name,
        password: None,
        process_emails_from: one.process_emails_from,
        delete_after_processing: one.delete_after_processing,
        confirm_remap: false,
    };
    tandem.save_mailbox(save(Some("nobody".to_owned()))).await.unwrap();
    let request = TestEnableRequest {
        addresses: vec![one.email.clone(), wrong[0].email.clone()],
        ..Default::default()
    };
    let result = tandem.test_enable(request).await.unwrap();
    assert_eq!((result.succeeded, result.failed), (2, 2), "{result:?}");
    assert_eq!(settings.test_batch_mailboxes, 200);

    let path = folder.path().join("results.csv");
    let export = ExportTestJobRequest {
        id: result.job.progress.id.clone(),
        path: path.to_string_lossy().into_owned(),
    };
    tandem.export_test_job(export).await.unwrap();
    let mut table = csv::Reader::from_path(&path).unwrap();
    let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 4);
    let failed: Vec<_> = rows.iter().filter(|row| &row[4] == "failed").collect();
    assert_eq!(failed.len(), 2);
    assert_eq!(
        (&failed[0][0], &failed[0][5], &failed[0][6]),
        (one.email.as_str(), "login", "authentication_failed")
    );

    tandem.save_mailbox(save(one.user_name.clone())).await.unwrap();
    let job = tandem.retry_failed_tests(named(&result.job)).await.unwrap();
    assert_eq!((job.progress.waiting, job.progress.succeeded), (2, 2));
    let again = tandem.continue_test_job(named(&job), &CancellationToken::new()).await.unwrap();
    assert_eq!((again.succeeded, again.failed), (4, 0));
    let nothing = tandem.retry_failed_tests(named(&job)).await.unwrap_err();
    assert_eq!(nothing.code, "nothing_to_do");
    practice.remove().await;
}
