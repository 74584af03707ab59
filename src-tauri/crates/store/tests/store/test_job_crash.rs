//! A process that is killed while it tests: every result that it reported is there, and the rest is tested later.

use crate::{
    support::{at, open},
    test_jobs::{job, rules},
};
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};
use tandem_domain::{
    ids::TestJobId,
    test_job::{JobState, TestState},
};
use tandem_engine::ports::test_jobs::{TestDone, TestEnd, TestJobs};
use tandem_store::{Store, view::TestResultFilter};

const CHILD: &str = "STORE_TEST_JOB_CHILD";
const NAME: &str = "test_job_crash::a_killed_process_loses_no_reported_result_and_the_rest_is_tested_later";
const MAILBOXES: u128 = 400;

#[test]
fn a_killed_process_loses_no_reported_result_and_the_rest_is_tested_later() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    if let Some(folder) = std::env::var_os(CHILD) {
        return runtime.block_on(test_until_killed(Path::new(&folder)));
    }
    let home = tempfile::tempdir().unwrap();
    let (store, id) = runtime.block_on(job(home.path(), MAILBOXES, rules(1_000)));
    drop(store);
    let mut reported = 0;
    for round in 0..4_u64 {
        reported += run_and_kill(home.path(), Duration::from_millis(30 + 40 * round));
        runtime.block_on(check(home.path(), id, reported));
    }
    assert!(reported > 0, "the child reports at least one result");
    runtime.block_on(async {
        let store = open(home.path());
        store.free_tests(at(500)).await.unwrap();
        test_all(&store, |_| {}).await;
        assert_eq!(store.show_test_job(id).await.unwrap().0.progress.state, JobState::Done);
    });
}

/// Runs a child that tests, kills it after a while, and counts what it reported.
fn run_and_kill(folder: &Path, after: Duration) -> usize {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([NAME, "--exact", "--nocapture"])
        .env(CHILD, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut reported = lines.filter(|line| line.contains("durable"));
    let first = reported.next();
    std::thread::sleep(after);
    // SIGKILL: no destructor, no signal handler.
    child.kill().unwrap();
    child.wait().unwrap();
    usize::from(first.is_some()) + reported.count()
}

async fn check(folder: &Path, id: TestJobId, reported: usize) {
    let store = open(folder);
    assert_eq!(store.quick_check().await.unwrap(), Vec::<String>::new());
    let done = TestResultFilter { state: Some(TestState::Succeeded), ..Default::default() };
    let (_, found) = store.list_test_results(id, done, 0, 1).await.unwrap();
    assert!(found as usize >= reported, "{reported} results were reported as durable, {found} are there");
    assert!((found as usize) < 2 * MAILBOXES as usize, "it was killed in the middle");
}

async fn test_until_killed(folder: &Path) {
    let store = open(folder);
    store.free_tests(at(100)).await.unwrap();
    test_all(&store, |done| println!("durable {done:?}")).await;
    // Done before it was killed: then the test shows nothing, and its check says so.
    std::thread::sleep(Duration::from_secs(60));
}

async fn test_all(store: &Store, report: impl Fn(&TestDone)) {
    loop {
        let claimed = store.claim_tests(None, at(200), 8).await.unwrap();
        if claimed.is_empty() {
            return;
        }
        for work in claimed {
            for workload in work.workloads {
                let (job, mailbox) = (work.job, work.mailbox);
                let done = TestDone { job, mailbox, workload, end: TestEnd::Succeeded, at: at(300) };
                store.finish_test(done.clone()).await.unwrap();
                report(&done);
            }
        }
    }
}
