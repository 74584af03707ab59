//! The schema: as documented, and reachable from every older version.

use crate::support::{AMY, INBOX, at, mailbox, open};
use rusqlite::Connection;
use std::{fs, path::PathBuf};
use tandem_domain::frequency::FrequencyPolicy;
use tandem_domain::workload::Workload;
use tandem_engine::ports::storage::{Configuration, Ledger, Schedule};
use tandem_store::{DATABASE_FILE, Store, view::EmailFilter};

/// Version 1 as it was released, with a record. Never changes.
const VERSION_1: &str = include_str!("../fixtures/version_1.sql");

#[test]
fn the_documented_schema_is_the_real_one() {
    let home = tempfile::tempdir().unwrap();
    let path = open(home.path()).path().to_path_buf();
    let real = schema(&Connection::open(path).unwrap());
    let documented = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../docs/schema.sql");
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        fs::create_dir_all(documented.parent().unwrap()).unwrap();
        fs::write(&documented, &real).unwrap();
    }
    let text = fs::read_to_string(&documented).unwrap_or_default().replace("\r\n", "\n");
    assert!(text == real, "docs/schema.sql is not the real schema: run this test with UPDATE_SCHEMA=1");
}

#[tokio::test]
async fn an_interval_that_somebody_chose_stays_when_version_1_is_upgraded() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join(DATABASE_FILE);
    let old = Connection::open(&path).unwrap();
    old.execute_batch(VERSION_1).unwrap();
    old.execute("UPDATE organization SET cycle_interval_minutes = 30", []).unwrap();
    drop(old);
    let store = Store::open(&path, at(0)).unwrap();
    assert_eq!(store.settings().await.unwrap().cycle_interval_minutes, Some(30));
}

#[tokio::test]
async fn what_was_proven_before_an_upgrade_stays_proven() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join(DATABASE_FILE);
    let old = Connection::open(&path).unwrap();
    old.execute_batch(VERSION_1).unwrap();
    let proven = at(20).timestamp_millis();
    old.execute("UPDATE mailbox_workload SET last_success_at = ?1 WHERE workload = 'incoming'", [proven])
        .unwrap();
    old.execute("DELETE FROM schedule WHERE workload = 'incoming'", []).unwrap();
    drop(old);
    let store = Store::open(&path, at(30)).unwrap();
    let amy = store.mailbox(AMY).await.unwrap();
    assert_eq!(
        (amy.incoming_state.last_success_at, amy.outgoing_state.last_success_at),
        (Some(at(20)), None)
    );
    assert_eq!(store.latest_end().await.unwrap(), Some(at(20)));
}

#[tokio::test]
async fn a_database_of_version_1_is_upgraded_and_keeps_its_records() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join(DATABASE_FILE);
    Connection::open(&path).unwrap().execute_batch(VERSION_1).unwrap();
    let store = Store::open(&path, at(0)).unwrap();
    assert_eq!(store.mailbox(AMY).await.unwrap(), mailbox(101, "amy@contoso.test", 1, 50));
    // The old default interval becomes the policy's.
    assert_eq!(store.settings().await.unwrap().cycle_interval_minutes, None);
    assert_eq!(store.settings().await.unwrap().frequency, FrequencyPolicy::Online);
    let settings = store.settings().await.unwrap();
    assert_eq!((settings.test_batch_mailboxes, settings.test_batch_hours), (200, 5));
    assert_eq!(store.cursor(AMY, INBOX).await.unwrap().unwrap().0, "1:1");
    let emails = store.list_emails(EmailFilter::default(), 9).await.unwrap();
    assert_eq!(
        emails.iter().map(|one| &*one.subject).collect::<Vec<_>>(),
        ["About first@contoso.test", "Out"]
    );
    let mut raw = Vec::new();
    store.copy_raw_to(emails[0].id, &mut raw).unwrap();
    assert_eq!(raw, b"Subject: x\r\n\r\nHello");
    assert_eq!(
        store.alert_settings().await.unwrap(),
        tandem_domain::alert_rules::AlertSettings::default(),
        "what is new starts with its default"
    );
    assert_eq!(store.quick_check().await.unwrap(), Vec::<String>::new());
    drop(store);
    let other = tempfile::tempdir().unwrap();
    let fresh = open(other.path()).path().to_path_buf();
    let same = schema(&Connection::open(&path).unwrap()) == schema(&Connection::open(fresh).unwrap());
    assert!(same, "an upgraded database has the schema of a new one");
}

#[tokio::test]
async fn a_rung_that_was_never_tried_goes_with_the_upgrade_and_a_broken_one_stays() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join(DATABASE_FILE);
    let old = Connection::open(&path).unwrap();
    old.execute_batch(VERSION_1).unwrap();
    for (workload, code, took_ms) in [("incoming", "not_approved", 0), ("outgoing", "dns_not_found", 0)] {
        let failure = format!(
            "{{\"nature\":\"permanent\",\"scope\":\"mailbox\",\"code\":\"{code}\",\"server_said\":\"x\"}}"
        );
        old.execute(
            "DELETE FROM test_rung WHERE mailbox = ?1 AND workload = ?2",
            (AMY.0.as_bytes(), workload),
        )
        .unwrap();
        old.execute(
            "INSERT INTO test_rung VALUES (?1, ?2, 0, 'dns', 'failed', ?3, NULL, ?4, 'x', 1)",
            (AMY.0.as_bytes(), workload, failure, took_ms),
        )
        .unwrap();
    }
    drop(old);
    let ladders = Store::open(&path, at(0)).unwrap().test_ladders(AMY).await.unwrap();
    assert_eq!(ladders.iter().map(|one| one.workload).collect::<Vec<_>>(), [Workload::Outgoing]);
}

fn schema(connection: &Connection) -> String {
    let mut select = connection
        .prepare(
            "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'
             ORDER BY tbl_name, type DESC, name",
        )
        .unwrap();
    let all: Vec<String> = select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let version: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    format!(
        "-- Version {version}. Written by a test (UPDATE_SCHEMA=1); change src/schema instead.\n\n{};\n",
        all.join(";\n\n")
    )
}
