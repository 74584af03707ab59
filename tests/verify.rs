//! Verification against real servers: rows that went behind Tandem's back are found, repaired, and made no second record.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic in a test is its failure"
)]

use serde_json::Value;
use std::{collections::BTreeSet, process::Command};
use tandem_tests::{Mail, MailOptions, MailServers, Retrieval, Scene};

const AMY: &str = "amy@contoso.test";
const MESSAGES: usize = 400;
const LOST: usize = 137;

/// What another program does to the database.
fn sql(scene: &Scene, statement: &str) {
    let database = scene.data.path().join("tandem.db");
    let done = Command::new("sqlite3").arg(database).arg(statement).output().expect("sqlite3");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

fn verify(scene: &Scene, repair: bool, code: i32) -> Value {
    let mut arguments = vec!["--json", "verify", AMY];
    arguments.extend(repair.then_some("--repair"));
    let done = scene.data.run(arguments).expect_code(code);
    done.json()[0].clone()
}

fn rows_that_went_are_found(retrieval: Retrieval) {
    let servers = MailServers::start_with(&MailOptions::with_accounts(["amy"]));
    let account = servers.account("amy").clone();
    for number in 0..MESSAGES {
        let id = format!("{number}@fabrikam.test");
        servers.deliver(AMY, &Mail::new("eve@fabrikam.test", AMY, &format!("Mail {number}"), &id).raw());
    }
    let scene =
        Scene::ready(std::slice::from_ref(&account), &servers.setup_for("Contoso", retrieval, &[&account]));
    scene.sync(AMY);
    let clean = verify(&scene, false, 0);
    assert_eq!((&clean["missing"], &clean["complete"]), (&Value::from(0), &Value::from(true)), "{clean:#}");
    let on_server = clean["on_server"].as_u64().unwrap();
    assert!(on_server >= MESSAGES as u64, "{clean:#}");

    let emails = scene.data.json(["email", "list"]).as_array().unwrap().len();
    sql(
        &scene,
        &format!("DELETE FROM ledger WHERE row IN (SELECT row FROM ledger ORDER BY random() LIMIT {LOST})"),
    );

    let looked = verify(&scene, false, 1);
    assert_eq!(looked["missing"], LOST, "{looked:#}");
    let named: BTreeSet<_> =
        looked["missing_identities"].as_array().unwrap().iter().map(Value::to_string).collect();
    assert_eq!(named.len(), LOST, "each is listed once");
    assert_eq!(looked["repaired"], 0);
    assert_eq!(scene.alert("messages_missing")["level"], "warning");

    let repaired = verify(&scene, true, 0);
    assert_eq!((&repaired["missing"], &repaired["repaired"]), (&Value::from(LOST), &Value::from(LOST)));
    let after = verify(&scene, false, 0);
    assert_eq!((&after["missing"], &after["seen"]), (&Value::from(0), &Value::from(on_server)), "{after:#}");
    assert!(scene.alerts().iter().all(|alert| alert["code"] != "messages_missing"));

    scene.sync(AMY);
    let list = scene.data.json(["email", "list"]);
    assert_eq!(list.as_array().unwrap().len(), emails, "no record twice, none lost");
    let ids: BTreeSet<_> = list.as_array().unwrap().iter().map(|one| one["message_id"].to_string()).collect();
    assert_eq!(ids.len(), emails);
}

#[test]
fn rows_that_went_behind_its_back_are_found_over_imap() {
    rows_that_went_are_found(Retrieval::ImapTls);
}

#[test]
fn rows_that_went_behind_its_back_are_found_over_pop3() {
    rows_that_went_are_found(Retrieval::Pop3Tls);
}

#[test]
fn what_arrived_since_the_last_cycle_waits_and_is_not_missing() {
    let servers = MailServers::start_with(&MailOptions::with_accounts(["amy"]));
    let account = servers.account("amy").clone();
    let text = servers.setup_for("Contoso", Retrieval::ImapTls, &[&account]);
    let scene = Scene::ready(std::slice::from_ref(&account), &text);
    scene.sync(AMY);
    servers.deliver(AMY, &Mail::new("eve@fabrikam.test", AMY, "New", "new@fabrikam.test").raw());
    let found = verify(&scene, true, 0);
    assert_eq!((&found["waiting"], &found["missing"]), (&Value::from(1), &Value::from(0)), "{found:#}");
    scene.sync(AMY);
    assert_eq!(scene.email_with("new@fabrikam.test")["subject"], "New");
}

#[test]
fn a_server_that_is_down_is_told_and_an_unknown_address_too() {
    let mut servers = MailServers::start_with(&MailOptions::with_accounts(["amy"]));
    let account = servers.account("amy").clone();
    let text = servers.setup_for("Contoso", Retrieval::ImapTls, &[&account]);
    let scene = Scene::ready(std::slice::from_ref(&account), &text);
    servers.stop(tandem_tests::Server::Dovecot);
    let found = verify(&scene, false, 1);
    assert_eq!(found["failure"]["code"], "connection_refused", "{found:#}");
    assert_eq!(found["complete"], false);
    let unknown = scene.data.run(["--json", "verify", "nobody@contoso.test"]).expect_code(1);
    assert!(unknown.stdout.contains("nobody@contoso.test"), "{}", unknown.stdout);
}
