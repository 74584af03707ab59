//! Mail whose acceptance was never confirmed: recognised where it arrived, sent once where it did not, asked about else.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic in a test is its failure"
)]

use tandem_practice::{Fault, Stage};
use tandem_tests::{Practice, Scene, header};

const AMY: &str = "amy@contoso.test";
const BEN: &str = "ben@contoso.test";

/// Amy sends by Tandem; whose mail Tandem reads besides is up to the test.
fn ready(practice: &Practice, kind: &str, watched: &[&str]) -> Scene {
    let scene = practice.scene();
    let _ = scene.apply(&practice.setup("Practice", kind, watched)).success();
    let _ = scene.data.run(["mailbox", "test-enable", "--all"]).success();
    scene
}

/// The same commands some minutes later.
fn later(scene: Scene, minutes: u32) -> Scene {
    Scene { data: scene.data.with("TANDEM_CLOCK_AHEAD_SECONDS", &(minutes * 60).to_string()) }
}

/// How often a message with this subject is in the inbox.
fn arrived(practice: &Practice, address: &str, subject: &str) -> usize {
    let messages = practice.hub.messages(address);
    messages.iter().filter(|one| header(&one.raw, "Subject").is_some_and(|found| found == subject)).count()
}

fn sync_all(scene: &Scene, addresses: &[&str]) {
    for address in addresses {
        let _ = scene.data.run(["sync", address]);
    }
}

fn a_delivered_mail_is_recognised(kind: &str) {
    let practice = Practice::start(&["amy", "ben"]);
    let scene = ready(&practice, kind, &["amy", "ben"]);
    let id = scene.send(["--from", AMY, "--to", BEN, "--subject", "Lost reply", "--body", "x"]);
    practice.smtp.faults().once(Stage::AfterDelivery, Fault::Close);
    let _ = scene.data.run(["sync", AMY, "--workload", "outgoing"]);
    assert_eq!(practice.smtp.faults().fired(), 1);
    assert_eq!(arrived(&practice, BEN, "Lost reply"), 1);
    assert_eq!(scene.email(&id)["status"], "sending", "until there is evidence, nobody knows");
    sync_all(&scene, &[BEN, AMY]);
    let email = scene.email(&id);
    assert_eq!(email["status"], "sent", "{email:#}");
    let scene = later(scene, 10);
    sync_all(&scene, &[AMY, BEN, AMY]);
    assert_eq!(arrived(&practice, BEN, "Lost reply"), 1, "it was sent twice");
    assert_eq!(scene.email(&id)["status"], "sent");
    assert!(scene.alerts().iter().all(|alert| alert["object_id"] != id.as_str()), "{:#?}", scene.alerts());
}

#[test]
fn a_mail_whose_reply_was_lost_is_recognised_over_imap_and_not_resent() {
    a_delivered_mail_is_recognised("imap_smtp");
}

#[test]
fn a_mail_whose_reply_was_lost_is_recognised_over_pop3_and_not_resent() {
    a_delivered_mail_is_recognised("pop3_smtp");
}

#[test]
fn a_mail_that_was_cut_before_delivery_is_sent_exactly_once() {
    let practice = Practice::start(&["amy", "ben"]);
    let scene = ready(&practice, "imap_smtp", &["amy", "ben"]);
    let id = scene.send(["--from", AMY, "--to", BEN, "--subject", "Cut", "--body", "x"]);
    practice.smtp.faults().once(Stage::BeforeDelivery, Fault::Close);
    let _ = scene.data.run(["sync", AMY, "--workload", "outgoing"]);
    assert_eq!((arrived(&practice, BEN, "Cut"), practice.smtp.faults().fired()), (0, 1));
    sync_all(&scene, &[BEN, AMY]);
    assert_eq!(arrived(&practice, BEN, "Cut"), 0, "too early to know that it did not arrive");
    assert_eq!(scene.email(&id)["status"], "sending");

    // Ben's mailbox was looked through long after, and it is not there.
    let scene = later(scene, 5);
    sync_all(&scene, &[BEN, AMY]);
    let scene = later(scene, 10);
    sync_all(&scene, &[AMY, BEN, AMY]);
    assert_eq!(scene.email(&id)["status"], "sent", "{:#}", scene.email(&id));
    assert_eq!(arrived(&practice, BEN, "Cut"), 1);
    assert_eq!(
        practice
            .smtp
            .submissions()
            .iter()
            .filter(|one| one.from == AMY && one.recipients[0].address == BEN)
            .count(),
        1
    );
}

#[test]
fn a_mail_that_broke_off_before_its_end_is_simply_sent_again() {
    let practice = Practice::start(&["amy", "ben"]);
    let scene = ready(&practice, "pop3_smtp", &["amy"]);
    let id = scene.send(["--from", AMY, "--to", BEN, "--subject", "Broken", "--body", "x"]);
    practice.smtp.faults().once(Stage::command("DATA"), Fault::Close);
    let _ = scene.data.run(["sync", AMY, "--workload", "outgoing"]);
    assert_eq!(scene.email(&id)["status"], "pending_send", "the server cannot have taken it");
    let scene = later(scene, 6);
    let _ = scene.data.run(["sync", AMY, "--workload", "outgoing"]);
    assert_eq!(scene.email(&id)["status"], "sent");
    assert_eq!(arrived(&practice, BEN, "Broken"), 1);
}

fn a_person_is_asked(verdict: &str) {
    let practice = Practice::start(&["amy", "ben"]);
    // Nobody reads ben's mailbox: there will be no evidence.
    let scene = ready(&practice, "imap_smtp", &["amy"]);
    let id = scene.send(["--from", AMY, "--to", BEN, "--subject", "Who knows", "--body", "x"]);
    let is_resend = verdict == "--resend";
    let stage = if is_resend { Stage::BeforeDelivery } else { Stage::AfterDelivery };
    practice.smtp.faults().once(stage, Fault::Close);
    let _ = scene.data.run(["sync", AMY, "--workload", "outgoing"]);
    let scene = later(scene, 5);
    sync_all(&scene, &[AMY, AMY]);
    assert_eq!(scene.email(&id)["status"], "sending", "a guess either way is wrong");
    let alert = scene.alert("delivery_unconfirmed");
    assert_eq!((&alert["object_id"], &alert["scope"]), (&id.as_str().into(), &"email".into()), "{alert:#}");
    assert!(!alert["remedy"].as_str().unwrap().is_empty());
    let _ = scene.data.run(["email", "resolve", &id, verdict]).success();
    sync_all(&scene, &[AMY]);
    assert_eq!(scene.email(&id)["status"], "sent");
    assert_eq!(arrived(&practice, BEN, "Who knows"), 1, "{verdict}");
    assert!(
        scene.alerts().iter().all(|alert| alert["code"] != "delivery_unconfirmed"),
        "{:#?}",
        scene.alerts()
    );
}

#[test]
fn a_person_who_knows_that_it_arrived_settles_it() {
    a_person_is_asked("--sent");
}

#[test]
fn a_person_who_knows_that_it_did_not_arrive_has_it_sent_again() {
    a_person_is_asked("--resend");
}
