//! A server that goes away and comes back, a password that changes: what is told, what stops, and that nothing is lost.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic in a test is its failure"
)]

use std::time::Duration;
use tandem_tests::{Mail, MailOptions, MailServers, Retrieval, Scene, Server, wait_until};

const SOON: Duration = Duration::from_secs(30);
const AMY: &str = "amy@contoso.test";

fn start() -> MailServers {
    MailServers::start_with(&MailOptions::with_accounts(["amy"]))
}

fn mail(number: u32) -> Vec<u8> {
    Mail::new("eve@fabrikam.test", AMY, &format!("mail {number}"), &format!("m{number}@fabrikam.test")).raw()
}

fn an_outage_is_told_and_ends_by_itself(retrieval: Retrieval) {
    let mut servers = start();
    let text = "[settings]\ncycle_interval_minutes = 1\n".to_owned() + &servers.setup("Contoso", retrieval);
    let scene = Scene::ready(&servers.accounts, &text);
    servers.deliver(AMY, &mail(1));
    scene.sync(AMY);
    assert_eq!(scene.health(AMY, "incoming")["status"], "ok");
    assert!(!scene.health(AMY, "incoming")["last_proof"].is_null());

    servers.stop(Server::Dovecot);
    servers.deliver(AMY, &mail(2));
    let failed = scene.data.run(["--json", "sync", AMY, "--workload", "incoming"]).expect_code(1);
    assert!(failed.stdout.contains("connection_refused"), "{}", failed.stdout);
    let alert = scene.alert("connection_refused");
    assert_eq!((&alert["scope"], &alert["object"]), (&"profile".into(), &"Contoso".into()), "{alert:#}");
    assert!(!alert["retry_at"].is_null() && !alert["remedy"].as_str().unwrap().is_empty(), "{alert:#}");
    // A second failure is the same alert.
    let _ = scene.data.run(["sync", AMY, "--workload", "incoming"]).expect_code(1);
    let again = scene.alert("connection_refused");
    assert_eq!(again["id"], alert["id"]);
    assert!(again["count"].as_u64() > alert["count"].as_u64(), "{again:#}");
    let state = scene.mailbox(AMY)["workloads"]["incoming"].clone();
    assert_eq!(state["enabled"], true, "an outage disables nobody: {state:#}");
    assert!(state["last_error"].is_string(), "{state:#}");

    // An hour without proof of life is told, although nothing else happened.
    let later =
        scene.data.command(["--json", "health"]).env("TANDEM_CLOCK_AHEAD_SECONDS", "3600").output().unwrap();
    let later: serde_json::Value = serde_json::from_slice(&later.stdout).unwrap();
    assert_eq!(later["status"], "late", "{later:#}");

    servers.start_again(Server::Dovecot);
    scene.sync(AMY);
    assert_eq!(scene.health(AMY, "incoming")["status"], "ok");
    assert!(
        scene.alerts().iter().all(|alert| alert["code"] != "connection_refused"),
        "{:#?}",
        scene.alerts()
    );
    assert_eq!(scene.email_with("m2@fabrikam.test")["status"], "received");
}

#[test]
fn an_outage_of_the_imap_server_is_told_and_ends_by_itself() {
    an_outage_is_told_and_ends_by_itself(Retrieval::ImapTls);
}

#[test]
fn an_outage_of_the_pop3_server_is_told_and_ends_by_itself() {
    an_outage_is_told_and_ends_by_itself(Retrieval::Pop3StartTls);
}

#[test]
fn mail_that_waits_for_its_server_is_sent_once_when_it_is_back() {
    let mut servers = start();
    let scene = Scene::ready(&servers.accounts, &servers.setup("Contoso", Retrieval::ImapTls));
    servers.stop(Server::Postfix);
    let id = scene.send(["--from", AMY, "--to", AMY, "--subject", "Waits", "--body", "x"]);
    let _ = scene.data.run(["sync", AMY, "--workload", "outgoing"]).expect_code(1);
    assert_eq!(scene.email(&id)["status"], "pending_send");
    servers.start_again(Server::Postfix);
    wait_until("the mail to be sent", SOON, || {
        let _ = scene.data.run(["sync", AMY, "--workload", "outgoing"]);
        (scene.email(&id)["status"] == "sent").then_some(())
    });
    // Tandem's test message and this one.
    servers.wait_for_inbox(AMY, 2, SOON);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(servers.inbox(AMY).len(), 2);
}

#[test]
fn a_frozen_server_does_not_hold_up_the_engine_beyond_its_time_out() {
    let servers = start();
    let mut scene = Scene::ready(&servers.accounts, &servers.setup("Contoso", Retrieval::ImapStartTls));
    scene.data = scene.data.with("TANDEM_TIMEOUT_SECONDS", "2");
    servers.pause(Server::Dovecot);
    let started = std::time::Instant::now();
    let failed = scene.data.run(["--json", "sync", AMY, "--workload", "incoming"]).expect_code(1);
    let took = started.elapsed();
    servers.resume(Server::Dovecot);
    assert!(failed.stdout.contains("timed_out"), "{}", failed.stdout);
    assert!(took < Duration::from_secs(15), "{took:?}");
    scene.sync(AMY);
    assert_eq!(scene.health(AMY, "incoming")["status"], "ok");
}

#[test]
fn a_changed_password_stops_the_mailbox_at_once_and_nothing_is_lost() {
    let mut servers = start();
    let text = servers.setup("Contoso", Retrieval::Pop3Tls);
    let mut scene = Scene::ready(&servers.accounts, &text);
    servers.deliver(AMY, &mail(1));
    scene.sync(AMY);
    servers.change_password(AMY, "another secret of amy");
    for number in 2..5 {
        servers.deliver(AMY, &mail(number));
    }
    let failed = scene.data.run(["--json", "sync", AMY, "--workload", "incoming"]).expect_code(1);
    assert!(failed.stdout.contains("authentication_failed"), "{}", failed.stdout);
    let state = scene.mailbox(AMY)["workloads"]["incoming"].clone();
    assert_eq!((&state["enabled"], &state["status"]), (&false.into(), &"failure".into()), "{state:#}");
    assert_eq!(scene.health(AMY, "incoming")["status"], "stopped");
    let alert = scene.alert("authentication_failed");
    assert_eq!(
        (&alert["scope"], &alert["level"], &alert["object"]),
        (&"mailbox".into(), &"error".into(), &AMY.into())
    );
    assert!(alert["remedy"].as_str().unwrap().contains("Test & Enable"), "{alert:#}");

    // Not tried again by itself: the account would be locked.
    let logins = || {
        servers.log(Server::Dovecot).matches("password mismatch").count()
            + servers.log(Server::Dovecot).matches("auth failed").count()
    };
    let before = logins();
    let _ = scene.data.run(["run", "--for", "3s"]).success();
    assert_eq!(logins(), before, "a refused password was tried again:\n{}", servers.log(Server::Dovecot));

    scene.data = scene.data.with("AMY_PASSWORD", "another secret of amy");
    let _ = scene.apply(&text).success();
    let _ = scene.data.run(["mailbox", "test-enable", AMY]).success();
    scene.sync(AMY);
    for number in 1..5 {
        assert_eq!(scene.email_with(&format!("m{number}@fabrikam.test"))["status"], "received");
    }
    assert_eq!(scene.health(AMY, "incoming")["status"], "ok");
    assert!(
        scene.alerts().iter().all(|alert| alert["code"] != "authentication_failed"),
        "{:#?}",
        scene.alerts()
    );
}

#[test]
fn a_new_password_is_tried_once_by_itself_and_nothing_is_lost() {
    let mut servers = start();
    let text = servers.setup("Contoso", Retrieval::ImapTls);
    let mut scene = Scene::ready(&servers.accounts, &text);
    servers.change_password(AMY, "another secret of amy");
    servers.deliver(AMY, &mail(1));
    let _ = scene.data.run(["sync", AMY, "--workload", "incoming"]).expect_code(1);
    assert_eq!(scene.health(AMY, "incoming")["status"], "stopped");

    // Another wrong one stops it again at its first try.
    scene.data = scene.data.with("AMY_PASSWORD", "still not the secret of amy");
    let _ = scene.apply(&text).success();
    assert_eq!(scene.mailbox(AMY)["workloads"]["incoming"]["enabled"], true);
    let _ = scene.data.run(["run", "--for", "3s"]);
    assert_eq!(scene.mailbox(AMY)["workloads"]["incoming"]["enabled"], false);

    scene.data = scene.data.with("AMY_PASSWORD", "another secret of amy");
    let _ = scene.apply(&text).success();
    let _ = scene.data.run(["run", "--for", "3s"]).success();
    assert_eq!(scene.email_with("m1@fabrikam.test")["status"], "received");
    assert_eq!(scene.health(AMY, "incoming")["status"], "ok");
    assert!(
        scene.alerts().iter().all(|alert| alert["code"] != "authentication_failed"),
        "{:#?}",
        scene.alerts()
    );
}
