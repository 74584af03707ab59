//! Test & Enable as a job, over real Dovecot and Postfix: planned, killed, gone on with, tried again, saved.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic in a test is its failure"
)]

use chrono::{DateTime, Duration as Span, Utc};
use serde_json::Value;
use std::time::Duration;
use tandem_tests::{MailOptions, MailServers, Retrieval, Scene, wait_until};

const SOON: Duration = Duration::from_secs(60);
const NAMES: [&str; 6] = ["amy", "ben", "cleo", "dan", "eve", "finn"];

fn instant(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap().parse().unwrap()
}

fn counts(progress: &Value) -> [u64; 4] {
    ["succeeded", "failed", "skipped", "waiting"].map(|state| progress[state].as_u64().unwrap())
}

fn only_job(scene: &Scene) -> Value {
    let jobs = scene.data.json(["mailbox", "test-jobs"]);
    assert_eq!(jobs.as_array().unwrap().len(), 1, "{jobs:#}");
    jobs[0].clone()
}

#[test]
fn a_plan_is_printed_with_dates_and_changes_nothing() {
    let servers = MailServers::start_with(&MailOptions::with_accounts(NAMES));
    let scene = Scene::new(&servers.accounts);
    let finn = &servers.account("finn").address;
    let text = servers.setup("Contoso", Retrieval::ImapTls)
        + "\n[settings]\ntest_batch_mailboxes = 2\ntest_batch_hours = 3\n";
    let _ = scene.apply(&text).success();
    let _ = scene.data.run(["mailbox", "reject", finn]).success();

    let plan = scene.data.json(["mailbox", "test-enable", "--profile", "Contoso", "--plan"]);
    let batches = plan["batches"].as_array().unwrap();
    assert_eq!(batches.iter().map(|one| one["mailboxes"].as_u64().unwrap()).collect::<Vec<_>>(), [2, 2, 1]);
    let dates: Vec<_> = batches.iter().map(|one| instant(&one["due_at"])).collect();
    assert!(dates.windows(2).all(|two| two[1] - two[0] == Span::hours(3)), "{plan:#}");
    assert_eq!((&plan["mailboxes"], &plan["messages"]), (&5.into(), &5.into()));
    let skipped: Vec<_> =
        plan["skipped"].as_array().unwrap().iter().map(|one| one["reason"].clone()).collect();
    assert_eq!(skipped, ["rejected", "rejected"]);
    let shown = scene.data.run(["mailbox", "test-enable", "--all", "--plan"]).success().stdout;
    assert!(shown.contains("5 mailboxes in 3 batches of at most 2 every 3 hours"), "{shown}");
    assert_eq!(scene.data.json(["mailbox", "test-jobs"]), Value::Array(Vec::new()));
    assert!(servers.inbox("amy").is_empty());

    // The first batch runs here, and the rest waits for its time.
    let tested = scene.data.run(["--json", "mailbox", "test-enable", "--all"]).expect_code(3).json();
    assert_eq!(counts(&tested["job"]["progress"]), [4, 0, 2, 6], "{tested:#}");
    let text =
        scene.data.run(["mailbox", "test-jobs", "show", tested["job"]["progress"]["id"].as_str().unwrap()]);
    let text = text.success().stdout;
    assert!(text.contains("3 of 6 mailboxes") && text.contains("was rejected"), "{text}");
    let _ = scene.data.run(["run", "--until-idle"]).success();
    assert_eq!(counts(&only_job(&scene)["progress"]), [4, 0, 2, 6], "the next batch is not due");
    let later = scene.data.with("TANDEM_CLOCK_AHEAD_SECONDS", "10900");
    let _ = later.run(["run", "--until-idle"]).success();
    let job = later.json(["mailbox", "test-jobs"])[0].clone();
    assert_eq!(counts(&job["progress"]), [8, 0, 2, 2], "{job:#}");
}

#[test]
fn a_wrong_password_is_listed_saved_and_the_only_one_that_is_tried_again() {
    let servers = MailServers::start_with(&MailOptions::with_accounts(NAMES));
    let mut accounts = servers.accounts.clone();
    let eve = servers.account("eve").clone();
    accounts.iter_mut().find(|one| one.address == eve.address).unwrap().password = "wrong".to_owned();
    let scene = Scene::new(&accounts);
    let text = servers.setup("Contoso", Retrieval::Pop3Tls);
    let _ = scene.apply(&text).success();
    let csv = scene.data.path().join("results.csv");
    let outcome = scene.data.run([
        "mailbox".as_ref(),
        "test-enable".as_ref(),
        "--all".as_ref(),
        "--csv".as_ref(),
        csv.as_os_str(),
    ]);
    let outcome = outcome.expect_code(3);
    assert!(outcome.stdout.contains("10 enabled, 2 failed, 6 skipped."), "{}", outcome.stdout);
    assert!(outcome.stderr.contains("of 6 mailboxes; workloads:"), "a line of progress: {}", outcome.stderr);
    let table = std::fs::read_to_string(&csv).unwrap();
    let failed: Vec<_> = table.lines().filter(|line| line.contains(",failed,")).collect();
    assert_eq!(failed.len(), 2, "{table}");
    assert!(
        failed.iter().all(|line| line.starts_with("eve@") && line.contains(",login,authentication_failed,"))
    );
    assert!(!table.contains("wrong\"") && !table.contains("secret of"), "no password is saved");

    let job = only_job(&scene);
    let id = job["progress"]["id"].as_str().unwrap().to_owned();
    let sent_before: Vec<_> = NAMES.iter().map(|name| servers.inbox(name).len()).collect();
    assert_eq!(sent_before, [1, 1, 1, 1, 0, 1]);
    let right = scene.data.with_passwords(std::slice::from_ref(&eve));
    let file = right.file("right.toml", &text);
    let _ = right.run(["apply".as_ref(), file.as_os_str()]).success();
    let retried = right.run(["--json", "mailbox", "test-jobs", "retry", &id[..8]]).success().json();
    assert_eq!(counts(&retried["job"]["progress"]), [12, 0, 0, 0], "{retried:#}");
    assert!(NAMES.iter().all(|name| servers.inbox(name).len() == 1), "only eve's was tested again");
    let levels = right.json(["alerts"]);
    let information = levels.as_array().unwrap().iter().filter(|one| one["level"] == "information").count();
    assert_eq!(information, 12, "each success is told to the owner: {levels:#}");
}

#[test]
fn a_test_that_was_killed_goes_on_and_sends_no_message_twice() {
    let servers = MailServers::start_with(&MailOptions::with_accounts(NAMES));
    let scene = Scene::new(&servers.accounts);
    let _ = scene.apply(&servers.setup("Contoso", Retrieval::ImapTls)).success();
    let running = scene.data.spawn(["mailbox", "test-enable", "--all"]);
    wait_until("the first test message", SOON, || {
        NAMES.iter().any(|name| !servers.inbox(name).is_empty()).then_some(())
    });
    let _ = running.kill();
    // What was on its way arrives.
    std::thread::sleep(Duration::from_secs(2));
    let job = only_job(&scene);
    assert_eq!(job["progress"]["state"], "running", "{job:#}");
    let before = counts(&job["progress"])[0];
    assert!(before < 12, "it was killed in the middle");

    let _ = scene.data.run(["run", "--until-idle"]).success();
    let job = only_job(&scene);
    assert_eq!(
        (&job["progress"]["state"], counts(&job["progress"])),
        (&"done".into(), [12, 0, 0, 0]),
        "{job:#}"
    );
    for name in NAMES {
        assert_eq!(servers.inbox(name).len(), 1, "{name} has one test message, whenever it was killed");
        let state = &scene.mailbox(&servers.account(name).address)["workloads"];
        assert_eq!(
            (&state["incoming"]["enabled"], &state["outgoing"]["enabled"]),
            (&true.into(), &true.into())
        );
    }
}

#[test]
fn a_running_engine_tests_what_another_process_starts_pauses_and_cancels() {
    let servers = MailServers::start_with(&MailOptions::with_accounts(["amy", "ben"]));
    let scene = Scene::new(&servers.accounts);
    let _ = scene.apply(&servers.setup("Contoso", Retrieval::ImapTls)).success();
    let engine = scene.data.spawn(["run"]);
    engine.wait_until_engine_runs();
    let tested = scene.data.run(["--json", "mailbox", "test-enable", "--all"]).success().json();
    assert_eq!(counts(&tested["job"]["progress"]), [4, 0, 0, 0], "{tested:#}");
    let ladder = &tested["ladders"][0];
    assert_eq!(ladder["rungs"].as_array().unwrap().len(), 6, "{ladder:#}");

    // A server that does not answer any more: the test is cancelled from another process.
    servers.pause(tandem_tests::Server::Dovecot);
    let waiting = scene.data.spawn(["mailbox", "test-enable", &servers.account("amy").address]);
    let id = wait_until("the test to run", SOON, || {
        let jobs = scene.data.json(["mailbox", "test-jobs", "list"]);
        let job = &jobs[0]["progress"];
        (jobs.as_array().unwrap().len() == 2 && job["running"] == 2)
            .then(|| job["id"].as_str().unwrap().to_owned())
    });
    let cancelled = scene.data.json(["mailbox", "test-jobs", "cancel", &id]);
    assert_eq!(
        (&cancelled["progress"]["state"], &cancelled["progress"]["cancelled"]),
        (&"cancelled".into(), &2.into())
    );
    let ended = waiting.wait(SOON);
    assert!(ended.stdout.contains("cancelled before its turn"), "{}", ended.stdout);
    servers.resume(tandem_tests::Server::Dovecot);
    let _ = engine.terminate(SOON);
}
