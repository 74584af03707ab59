//! A process that is killed while it commits: of every batch all or nothing is there afterwards.

use crate::support::{AMY, INBOX, batch, contoso, open, promoted};
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};
use tandem_engine::{ports::storage::Ledger, raw::RawMessage};
use tandem_store::view::{EmailFilter, LedgerFilter};

const CHILD: &str = "STORE_CRASH_CHILD";
const IN_A_BATCH: usize = 5;

#[test]
fn a_killed_process_leaves_whole_batches_and_none_that_it_reported_is_missing() {
    if let Some(folder) = std::env::var_os(CHILD) {
        return commit_until_killed(Path::new(&folder));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let home = tempfile::tempdir().unwrap();
    drop(runtime.block_on(contoso(home.path())));
    for round in 0..8_u64 {
        let reported = run_and_kill(home.path(), Duration::from_millis(20 + 17 * round));
        runtime.block_on(check(home.path(), reported));
    }
}

/// Runs a child that commits, kills it after a while, and gives back the last batch that it reported as durable.
fn run_and_kill(folder: &Path, after: Duration) -> Option<usize> {
    let name = "crash::a_killed_process_leaves_whole_batches_and_none_that_it_reported_is_missing";
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env(CHILD, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut reported = lines.filter_map(|line| line.strip_prefix("durable ")?.parse().ok());
    let mut last = reported.next();
    std::thread::sleep(after);
    // SIGKILL: no destructor, no signal handler.
    child.kill().unwrap();
    child.wait().unwrap();
    last = reported.last().or(last);
    last
}

async fn check(folder: &Path, reported: Option<usize>) {
    let store = open(folder);
    assert_eq!(store.quick_check().await.unwrap(), Vec::<String>::new());
    let rows = store.list_ledger(LedgerFilter::default(), 1_000_000).await.unwrap();
    let emails = store.list_emails(EmailFilter::default(), 1_000_000).await.unwrap();
    assert_eq!(rows.len(), emails.len());
    assert_eq!(rows.len() % IN_A_BATCH, 0, "a part of a batch is there");
    let batches = rows.len() / IN_A_BATCH;
    let cursor = store.cursor(AMY, INBOX).await.unwrap();
    assert_eq!(cursor.map(|cursor| cursor.0), batches.checked_sub(1).map(|last| last.to_string()));
    let reported = reported.expect("the child reports at least one batch");
    assert!(batches > reported, "batch {reported} was reported as durable, {batches} are there");
    for email in emails.iter().take(50) {
        let mut bytes = Vec::new();
        store.copy_raw_to(email.id, &mut bytes).unwrap();
        assert_eq!(bytes.len(), 300_000);
    }
}

fn commit_until_killed(folder: &Path) {
    let store = open(folder);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let raw = RawMessage::from(vec![b'z'; 300_000]);
    runtime.block_on(async {
        let done = store.ledger_identities(AMY, INBOX).await.unwrap().len() / IN_A_BATCH;
        for number in done.. {
            let items = (0..IN_A_BATCH)
                .map(|place| {
                    let identity = format!("{number}:{place}");
                    promoted(&store, AMY, &identity, &format!("{identity}@b"), raw.clone())
                })
                .collect();
            store.commit(batch(AMY, items, &number.to_string())).await.unwrap();
            println!("durable {number}");
        }
    });
}
