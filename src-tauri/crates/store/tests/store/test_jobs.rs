//! Test & Enable jobs: batches, claims, results, pause, cancel, retry, and what a restart finds.

use crate::support::{AMY, BEN, PROFILE, at, contoso, mailbox, user};
use std::path::Path;
use tandem_domain::{
    failure::{Failure, FailureCode},
    ids::{MailboxId, TestJobId},
    mailbox::{Approval, Mailbox},
    probe::RungName,
    test_job::{JobState, TestCounts, TestState},
    test_plan::{BatchRules, SkipReason, plan},
    workload::Workload,
};
use tandem_engine::ports::{
    mail::Cursor,
    storage::StorageError,
    test_jobs::{SentTest, TestDone, TestEnd, TestJobs, TestWork},
};
use tandem_store::{
    Store,
    configuration::ConfigurationChange,
    view::{TestResultFilter, TestResultView},
};

pub const HOUR: i64 = 3_600;
const IN: Workload = Workload::Incoming;
const OUT: Workload = Workload::Outgoing;

pub fn rules(at_most: u16) -> BatchRules {
    BatchRules { at_most, every_hours: 5 }
}

/// A store with so many mailboxes of users, and a job for all of them.
pub async fn job(folder: &Path, count: u128, rules: BatchRules) -> (Store, TestJobId) {
    let store = contoso(folder).await;
    let mut all = Vec::new();
    let mut changes = Vec::new();
    for number in 1..=count {
        let email = format!("user{number}@contoso.test");
        changes.push(ConfigurationChange::Entry(user(1_000 + number, &email, &email)));
        let new = mailbox(10_000 + number, &email, 1_000 + number, PROFILE.0.as_u128());
        changes.push(ConfigurationChange::Mailbox(Box::new(new.clone())));
        all.push(new);
    }
    store.apply(changes, at(0)).await.unwrap();
    let id = store.start_test_job("all mailboxes", plan(&all, rules, at(0)), rules, at(0)).await.unwrap();
    (store, id)
}

fn number(work: &TestWork) -> u128 {
    work.mailbox.0.as_u128() - 10_000
}

fn refused() -> TestEnd {
    let failure = Failure::permanent_mailbox(FailureCode::AuthenticationFailed, "-ERR no");
    TestEnd::Failed { failure, broke_at: Some(RungName::Login) }
}

async fn finish(store: &Store, work: &TestWork, workload: Workload, end: TestEnd, now: i64) -> JobState {
    let done = TestDone { job: work.job, mailbox: work.mailbox, workload, end, at: at(now) };
    store.finish_test(done).await.unwrap().state
}

async fn results(store: &Store, id: TestJobId) -> Vec<TestResultView> {
    store.list_test_results(id, TestResultFilter::default(), 0, 1_000).await.unwrap().0
}

async fn counts(store: &Store, id: TestJobId) -> TestCounts {
    store.show_test_job(id).await.unwrap().0.progress.workloads
}

#[tokio::test]
async fn mailboxes_are_claimed_in_order_when_their_batch_is_due() {
    let home = tempfile::tempdir().unwrap();
    let (store, id) = job(home.path(), 5, rules(2)).await;
    assert_eq!(store.next_tests_at().await.unwrap(), Some(at(0)));
    let first = store.claim_tests(None, at(1), 1).await.unwrap();
    assert_eq!((first.len(), number(&first[0]), &first[0].workloads), (1, 1, &vec![IN, OUT]));
    let second = store.claim_tests(None, at(2), 9).await.unwrap();
    assert_eq!(second.iter().map(number).collect::<Vec<_>>(), [2], "the second batch is not due");
    assert!(store.claim_tests(None, at(3), 9).await.unwrap().is_empty());
    assert_eq!(
        store.next_tests_at().await.unwrap(),
        Some(at(1 + 5 * HOUR)),
        "five hours after the first began"
    );
    let later = store.claim_tests(None, at(1 + 5 * HOUR), 9).await.unwrap();
    assert_eq!(later.iter().map(number).collect::<Vec<_>>(), [3, 4]);
    let (view, batches) = store.show_test_job(id).await.unwrap();
    let dates: Vec<_> = batches.iter().map(|batch| (batch.number, batch.due_at, batch.mailboxes)).collect();
    assert_eq!(dates, [(1, at(0), 2), (2, at(1 + 5 * HOUR), 2), (3, at(1 + 10 * HOUR), 1)]);
    assert_eq!(view.progress.next_batch_at, Some(at(1 + 10 * HOUR)));
    assert_eq!(view.progress.last_batch, Some((at(1 + 10 * HOUR), 1)));
}

#[tokio::test]
async fn batches_that_are_overdue_start_one_by_one() {
    let home = tempfile::tempdir().unwrap();
    let (store, id) = job(home.path(), 3, rules(1)).await;
    let late = 48 * HOUR;
    let claimed = store.claim_tests(None, at(late), 9).await.unwrap();
    assert_eq!(claimed.iter().map(number).collect::<Vec<_>>(), [1]);
    let (_, batches) = store.show_test_job(id).await.unwrap();
    let dates: Vec<_> = batches.iter().map(|batch| batch.due_at).collect();
    assert_eq!(dates[1..], [at(late + 5 * HOUR), at(late + 10 * HOUR)]);
}

#[tokio::test]
async fn results_are_kept_and_the_last_one_ends_the_job() {
    let home = tempfile::tempdir().unwrap();
    let (store, id) = job(home.path(), 2, rules(200)).await;
    let work = store.claim_tests(None, at(10), 9).await.unwrap();
    assert_eq!(finish(&store, &work[0], IN, TestEnd::Succeeded, 20).await, JobState::Running);
    finish(&store, &work[0], OUT, refused(), 30).await;
    finish(&store, &work[1], IN, TestEnd::Skipped(SkipReason::WaitsForApproval), 40).await;
    let (view, _) = store.show_test_job(id).await.unwrap();
    assert_eq!((view.progress.mailboxes, view.progress.done, view.progress.tested_since), (2, 1, 1));
    let an_hour = view.progress.pace(at(30)).an_hour;
    assert_eq!(an_hour, Some(180), "one mailbox in 20 seconds");
    assert_eq!(finish(&store, &work[1], OUT, TestEnd::Succeeded, 50).await, JobState::Done);
    let (view, _) = store.show_test_job(id).await.unwrap();
    assert_eq!((view.ended_at, view.progress.done), (Some(at(50)), 2));
    let all = results(&store, id).await;
    assert_eq!(all.iter().map(|one| one.workload).collect::<Vec<_>>(), [IN, OUT, IN, OUT]);
    assert_eq!((all[1].state, all[1].broke_at), (TestState::Failed, Some(RungName::Login)));
    assert_eq!(all[1].failure.as_ref().unwrap().server_said, "-ERR no");
    assert_eq!(all[2].skipped_because, Some(SkipReason::WaitsForApproval));
    // A result that comes twice changes nothing.
    finish(&store, &work[0], IN, refused(), 60).await;
    assert_eq!(results(&store, id).await, all);
    let failed = TestResultFilter { state: Some(TestState::Failed), ..Default::default() };
    assert_eq!(store.list_test_results(id, failed, 0, 9).await.unwrap().1, 1);
    let found = TestResultFilter { search: "USER2".to_owned(), ..Default::default() };
    assert_eq!(store.list_test_results(id, found, 1, 1).await.unwrap(), (vec![all[3].clone()], 2));
}

#[tokio::test]
async fn after_a_restart_what_was_being_tested_waits_with_what_is_known() {
    let home = tempfile::tempdir().unwrap();
    let (store, id) = job(home.path(), 1, rules(200)).await;
    let work = store.claim_tests(None, at(10), 9).await.unwrap();
    finish(&store, &work[0], IN, TestEnd::Succeeded, 20).await;
    let sent = SentTest { mark: "m-1".to_owned(), cursor: Some(Cursor("1:7".to_owned())) };
    store.note_test_message(id, work[0].mailbox, sent.clone()).await.unwrap();
    drop(store);
    let store = crate::support::open(home.path());
    assert!(store.claim_tests(None, at(30), 9).await.unwrap().is_empty());
    store.free_tests(at(31)).await.unwrap();
    let again = store.claim_tests(None, at(32), 9).await.unwrap();
    assert_eq!((&again[0].workloads, again[0].incoming), (&vec![OUT], Some(Ok(()))));
    assert_eq!(again[0].sent, Some(sent));
    assert_eq!(finish(&store, &again[0], OUT, TestEnd::Succeeded, 40).await, JobState::Done);
}

#[tokio::test]
async fn a_paused_job_gives_out_nothing_and_a_resumed_one_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let (store, id) = job(home.path(), 2, rules(200)).await;
    let work = store.claim_tests(None, at(1), 1).await.unwrap();
    store.pause_test_job(id, at(2)).await.unwrap();
    assert!(store.claim_tests(None, at(3), 9).await.unwrap().is_empty());
    assert_eq!(store.next_tests_at().await.unwrap(), None);
    finish(&store, &work[0], IN, TestEnd::Succeeded, 4).await;
    assert_eq!(finish(&store, &work[0], OUT, TestEnd::Succeeded, 5).await, JobState::Paused);
    store.resume_test_job(id, at(6)).await.unwrap();
    assert_eq!(store.claim_tests(None, at(7), 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_cancelled_job_stays_cancelled_and_keeps_its_results() {
    let home = tempfile::tempdir().unwrap();
    let (store, id) = job(home.path(), 2, rules(200)).await;
    let work = store.claim_tests(None, at(1), 1).await.unwrap();
    finish(&store, &work[0], IN, TestEnd::Succeeded, 2).await;
    store.cancel_test_job(id, at(3)).await.unwrap();
    assert_eq!(store.cancelled_tests(vec![id]).await.unwrap(), [id]);
    store.release_test(id, work[0].mailbox).await.unwrap();
    store.resume_test_job(id, at(4)).await.unwrap();
    assert!(store.claim_tests(None, at(5), 9).await.unwrap().is_empty());
    let counted = counts(&store, id).await;
    assert_eq!(counted, TestCounts { succeeded: 1, cancelled: 3, ..Default::default() });
    assert_eq!(store.show_test_job(id).await.unwrap().0.progress.state, JobState::Cancelled);
}

#[tokio::test]
async fn only_what_failed_is_tried_again() {
    let home = tempfile::tempdir().unwrap();
    let (store, id) = job(home.path(), 3, rules(200)).await;
    for work in store.claim_tests(None, at(1), 9).await.unwrap() {
        let incoming = if number(&work) == 3 { refused() } else { TestEnd::Succeeded };
        finish(&store, &work, IN, incoming, 2).await;
        let outgoing = if number(&work) == 1 { TestEnd::Succeeded } else { refused() };
        finish(&store, &work, OUT, outgoing, 3).await;
    }
    assert_eq!(store.retry_failed_tests(id, rules(1), at(100)).await.unwrap(), 2);
    let again = store.claim_tests(None, at(100), 9).await.unwrap();
    assert_eq!(again.len(), 1, "the second is in a batch of its own");
    assert_eq!((number(&again[0]), &again[0].workloads, again[0].incoming), (2, &vec![OUT], Some(Ok(()))));
    assert_eq!(finish(&store, &again[0], OUT, TestEnd::Succeeded, 101).await, JobState::Running);
    let last = store.claim_tests(None, at(100 + 5 * HOUR), 9).await.unwrap();
    assert_eq!((number(&last[0]), &last[0].workloads), (3, &vec![IN, OUT]));
    finish(&store, &last[0], IN, TestEnd::Succeeded, 102).await;
    assert_eq!(finish(&store, &last[0], OUT, TestEnd::Succeeded, 103).await, JobState::Done);
    assert_eq!(store.retry_failed_tests(id, rules(1), at(200)).await.unwrap(), 0);
    assert_eq!(store.show_test_job(id).await.unwrap().0.progress.state, JobState::Done);
}

#[tokio::test]
async fn a_mailbox_is_tested_by_one_job_at_a_time() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    let amy = mailbox(AMY.0.as_u128(), "amy@contoso.test", 1, 50);
    let planned = plan(&[amy], rules(200), at(0));
    let one = store.start_test_job("one", planned.clone(), rules(200), at(0)).await.unwrap();
    let two = store.start_test_job("two", planned, rules(200), at(0)).await.unwrap();
    let work = store.claim_tests(None, at(1), 9).await.unwrap();
    assert_eq!(work.iter().map(|work| work.job).collect::<Vec<_>>(), [one]);
    finish(&store, &work[0], IN, TestEnd::Succeeded, 2).await;
    finish(&store, &work[0], OUT, TestEnd::Succeeded, 2).await;
    assert_eq!(store.claim_tests(Some(one), at(3), 9).await.unwrap(), []);
    assert_eq!(store.claim_tests(Some(two), at(3), 9).await.unwrap().len(), 1);
    let jobs = store.list_test_jobs().await.unwrap();
    assert_eq!(jobs.iter().map(|job| job.id).collect::<Vec<_>>(), [two, one]);
}

#[tokio::test]
async fn what_is_skipped_is_listed_and_a_plan_without_tests_is_done_at_once() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    let pending =
        Mailbox { approval: Approval::Pending, ..mailbox(BEN.0.as_u128(), "ben@contoso.test", 2, 50) };
    let planned = plan(&[pending], rules(200), at(0));
    let id = store.start_test_job("ben", planned, rules(200), at(0)).await.unwrap();
    assert_eq!(store.show_test_job(id).await.unwrap().0.progress.state, JobState::Done);
    let all = results(&store, id).await;
    assert!(all.iter().all(|one| one.skipped_because == Some(SkipReason::WaitsForApproval)), "{all:?}");
    assert_eq!((all.len(), all[0].mailbox, all[0].batch), (2, BEN, None));
    let none = TestJobId(uuid::Uuid::nil());
    assert!(matches!(store.show_test_job(none).await, Err(StorageError::NotFound(_))));
    assert!(matches!(store.pause_test_job(none, at(0)).await, Err(StorageError::NotFound(_))));
    let gone = MailboxId(uuid::Uuid::nil());
    assert!(matches!(store.release_test(none, gone).await, Err(StorageError::NotFound(_))));
}
