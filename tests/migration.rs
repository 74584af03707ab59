//! From the Email Router's files to tracked mail: planned, applied, tested, synchronized, over real servers; killed, repeated, undone.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic in a test is its failure"
)]

use chrono::{Duration, Utc};
use serde_json::Value;
use std::{fmt::Write, fs, path::PathBuf};
use tandem_tests::{
    Account, MailOptions, MailServers, Routed, Scene, around_decided, deliver_around, deliver_named,
    named_decisions, router_files,
};

fn plan(scene: &Scene, routers: &[PathBuf], more: &[&str]) -> (PathBuf, Value) {
    let file = scene.data.file("plan.json", "");
    let mut arguments = vec!["migrate".to_owned(), "plan".to_owned()];
    for folder in routers {
        arguments.extend(["--router".to_owned(), folder.display().to_string()]);
    }
    arguments.extend(["--out".to_owned(), file.display().to_string()]);
    arguments.extend(more.iter().map(|one| (*one).to_owned()));
    let view = scene.data.json(&arguments);
    (file, view)
}

fn apply(scene: &Scene, plan: &std::path::Path) -> Value {
    scene.data.json(["migrate", "apply", plan.to_str().unwrap()])
}

/// An error as JSON of a command that must fail.
fn refused(scene: &Scene, arguments: &[&str]) -> Value {
    let all: Vec<&str> = ["--json"].into_iter().chain(arguments.iter().copied()).collect();
    scene.data.run(all).expect_code(1).json()
}

#[test]
fn four_routers_become_mailboxes_that_go_on_where_the_routers_stopped() {
    let options = |names: &[&str]| MailOptions::with_accounts(names.iter().copied());
    let east = MailServers::start_with(&options(&["support.r1", "amy.r1", "support.r2"]));
    let west = MailServers::start_with(&options(&["support.r3", "support.r4"]));
    let all: Vec<Account> = east.accounts.iter().chain(&west.accounts).cloned().collect();
    let address = |name: &str| {
        let found = all.iter().find(|one| one.address.starts_with(&format!("{name}@"))).unwrap();
        found.address.clone()
    };
    let [first, amy, second, third, fourth] =
        ["support.r1", "amy.r1", "support.r2", "support.r3", "support.r4"].map(address);
    let now = Utc::now();
    // The third was reset, so it starts 24 hours back; the fourth router stood still for three days.
    let dates = [
        (&first, &east, Some(now - Duration::hours(2))),
        (&second, &east, Some(now - Duration::minutes(30))),
        (&third, &west, None),
        (&fourth, &west, Some(now - Duration::days(3))),
    ];
    for (address, servers, last) in &dates {
        deliver_around(servers, address, last.unwrap_or(now - Duration::hours(24)));
    }
    let scene = Scene::new(&[]);
    let routed = |address, owner, id, last_processed| Routed { address, owner, id, last_processed };
    let ports = |servers: &MailServers| (servers.ports.pop3s, servers.ports.submission);
    let parent = scene.data.folder("routers");
    let folders = [
        router_files(
            &parent,
            1,
            "localhost",
            ports(&east),
            &[routed(&first, "QueueId", 1, dates[0].2), routed(&amy, "UserId", 2, dates[0].2)],
        ),
        router_files(&parent, 2, "127.0.0.1", ports(&east), &[routed(&second, "QueueId", 3, dates[1].2)]),
        router_files(&parent, 3, "localhost", ports(&west), &[routed(&third, "QueueId", 4, dates[2].2)]),
        router_files(&parent, 4, "127.0.0.1", ports(&west), &[routed(&fourth, "QueueId", 5, dates[3].2)]),
    ];
    let (file, view) = plan(&scene, &folders, &["--reach-back"]);
    let rows = view["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 4, "{rows:#?}");
    assert!(rows.iter().all(|row| row["migrate"] == true && row["profile"]["server_type"] == "pop3_smtp"));
    assert_eq!(view["credentials"].as_array().unwrap().len(), 5);

    let report = scene.data.file("report.html", "");
    let arguments = ["migrate", "apply", file.to_str().unwrap(), "--report", report.to_str().unwrap()];
    let applied = scene.data.json(arguments);
    assert_eq!((&applied["status"], &applied["changed"]), (&"applied".into(), &true.into()), "{applied:#}");
    assert_eq!(applied["counts"]["mailboxes_created"], 5, "{applied:#}");
    assert!(fs::read_to_string(&report).unwrap().contains("Email Router Data Migration"));
    let export = scene.export();
    assert_eq!(apply(&scene, &file)["changed"], false);
    assert_eq!(scene.export(), export, "applying twice changes nothing");

    // What an administrator does after: the servers' own authorities, approval, passwords once per account.
    let mut text = "[settings]\nprocess_email_using = \"email_router\"\n".to_owned();
    for (row, servers) in rows.iter().zip([&east, &east, &west, &west]) {
        let profile = &row["profile"];
        write!(text, "[[profile]]\nname = {}\n", profile["name"]).unwrap();
        for side in ["incoming", "outgoing"] {
            let end = &profile[side];
            let ca = servers.certificates.ca_pem.display();
            write!(
                text,
                "[profile.{side}]\nserver = {}\nport = {}\nsecurity = {}\nca_file = \"{ca}\"\n",
                end["server"], end["port"], end["security"]
            )
            .unwrap();
        }
    }
    let _ = scene.apply(&text).success();
    let addresses = [&first, &amy, &second, &third, &fourth].map(String::as_str);
    let _ = scene.data.run(["mailbox", "approve"].into_iter().chain(addresses)).success();
    let missing = scene.data.json(["migrate", "summary"]);
    assert_eq!(missing["passwords_missing"], 5, "{missing:#}");
    assert_eq!((&missing["queues_to_test"], &missing["users_to_test"]), (&4.into(), &1.into()));
    assert_eq!(refused(&scene, &["migrate", "passwords"])["code"], "password_missing");
    let mut scene = scene;
    for one in missing["passwords"].as_array().unwrap() {
        let account = all.iter().find(|account| one["user_name"] == account.address.as_str()).unwrap();
        let name = format!("TANDEM_MIGRATION_PASSWORD_{}", one["credential"]);
        scene = Scene { data: scene.data.with(&name, &account.password) };
    }
    assert_eq!(scene.data.json(["migrate", "passwords"])["passwords_missing"], 0);
    let tested = scene.data.json(["mailbox", "test-enable"].into_iter().chain(addresses));
    assert_eq!((&tested["failed"], &tested["succeeded"]), (&0.into(), &10.into()), "{tested:#}");

    // Until the switch, the router processes and Tandem does not.
    assert_eq!(refused(&scene, &["sync", &first])["code"], "email_router_processes");
    assert_eq!(scene.data.json(["run", "--until-idle"])["cycles"], 0);
    assert!(scene.ledger(&first).is_empty());
    let _ = scene.apply("[settings]\nprocess_email_using = \"server_side_synchronization\"\n").success();

    for round in 0..2 {
        for (address, ..) in &dates {
            scene.sync(address);
            assert_eq!(named_decisions(&scene, address), around_decided(), "{address}, round {round}");
        }
    }
    deliver_named(&west, &fourth, "new", Utc::now());
    scene.sync(&fourth);
    assert!(named_decisions(&scene, &fourth).contains(&("new".to_owned(), "promoted".to_owned())));
    assert_eq!(scene.emails().iter().filter(|email| email["direction"] == "incoming").count(), 9);

    let before = scene.export();
    assert_eq!(refused(&scene, &["migrate", "undo"])["code"], "migration_in_use");
    assert_eq!(scene.export(), before);
    for (path, bytes) in scene.files() {
        for account in &all {
            let password = account.password.as_bytes();
            let found = bytes.windows(password.len()).any(|window| window == password);
            assert!(!found, "a password stands in {}", path.display());
        }
    }
}

const HERE: &str = "[[user]]\nname = \"Amy Alberts\"\nemail = \"amy.1@contoso.example\"\nincoming_filter = \"all\"\n\
    [[user]]\nname = \"Ben Burton\"\nemail = \"ben.2@contoso.example\"\n\
    [[contact]]\nname = \"Cy\"\nemail = \"cy@fabrikam.test\"\n\
    [[mailbox]]\nemail = \"ben.2@contoso.example\"\nowner = \"user:Ben Burton\"\napproved = true\n";

/// The folders of four example routers.
fn examples(scene: &Scene) -> Vec<PathBuf> {
    let folder = scene.data.file("x", "").with_file_name("examples");
    let made = scene.data.json(["migrate", "sample", folder.to_str().unwrap()]);
    made["routers"].as_array().unwrap().iter().map(|path| path.as_str().unwrap().into()).collect()
}

#[test]
fn undoing_goes_back_to_the_same_export() {
    let scene = Scene::new(&[]);
    let _ = scene.apply(HERE).success();
    let before = scene.export();
    let (file, view) = plan(&scene, &examples(&scene), &[]);
    let counts = &view["counts"];
    assert_eq!((&counts["users_matched"], &counts["mailboxes_updated"]), (&2.into(), &1.into()), "{view:#}");
    assert_eq!(scene.export(), before, "planning writes nothing");
    let applied = apply(&scene, &file);
    assert_eq!(applied["can_undo"], true, "{applied:#}");
    assert_ne!(scene.export(), before);
    let undone = scene.data.json(["migrate", "undo"]);
    assert_eq!(undone["status"], "undone");
    assert_eq!(scene.export(), before, "byte for byte");
    assert_eq!(refused(&scene, &["migrate", "undo"])["code"], "nothing_migrated");
    // The plan fits again, and what is changed after it is not undone silently.
    assert_eq!(apply(&scene, &file)["changed"], true);
    let after = scene.export();
    let _ = scene.apply("[settings]\ncycle_interval_minutes = 7\n").success();
    let error = refused(&scene, &["migrate", "undo"]);
    assert_eq!(error["code"], "migration_in_use");
    assert!(error["message"].as_str().unwrap().contains("cycle_interval_minutes"), "{error:#}");
    let _ = scene.apply("[settings]\ncycle_interval_minutes = 0\n").success();
    assert_eq!(scene.export(), after, "a refused undo changes nothing");
    let _ = scene.data.run(["migrate", "undo"]).success();
    assert_eq!(scene.export(), before);
}

#[test]
fn a_configuration_that_changed_meanwhile_is_told_and_not_overwritten() {
    let scene = Scene::new(&[]);
    let _ = scene.apply(HERE).success();
    let (file, _) = plan(&scene, &examples(&scene), &[]);
    let _ =
        scene.apply("[[user]]\nname = \"Amy Alberts\"\nother_emails = [\"a@contoso.example\"]\n").success();
    let changed = scene.export();
    let path = file.to_str().unwrap();
    let error = refused(&scene, &["migrate", "apply", path]);
    assert_eq!(error["code"], "configuration_changed", "{error:#}");
    assert!(error["message"].as_str().unwrap().contains("Amy Alberts"), "{error:#}");
    assert_eq!(scene.export(), changed);
    // Somebody who is none of the plan's business does not stop it, once the rest was reviewed.
    let skip = "pop3.contoso.example - smtp3.contoso.example";
    let applied = scene.data.json(["migrate", "apply", path, "--reviewed", "--skip", skip]);
    assert_eq!(applied["counts"]["profiles_created"], 3, "{applied:#}");
    assert!(!scene.export().contains("pop3.contoso.example"));
    let unknown = refused(&scene, &["migrate", "apply", path, "--skip", "No such profile"]);
    assert_eq!(unknown["code"], "migration_choice_invalid");
}

#[test]
fn killed_while_it_applies_it_leaves_all_or_nothing() {
    let scene = Scene::new(&[]);
    let addresses: Vec<String> = (0..1_500).map(|number| format!("q{number}@contoso.test")).collect();
    let now = Utc::now();
    let routed = |(address, id)| Routed { address, owner: "QueueId", id, last_processed: Some(now) };
    let mailboxes: Vec<_> = addresses.iter().map(String::as_str).zip(1_u128..).map(routed).collect();
    let folder = router_files(&scene.data.folder("routers"), 1, "mail.contoso.test", (995, 587), &mailboxes);
    let (file, _) = plan(&scene, &[folder], &[]);
    let before = scene.export();
    let path = file.to_str().unwrap();
    let started = std::time::Instant::now();
    assert_eq!(apply(&scene, &file)["counts"]["mailboxes_created"], 1_500);
    let whole = started.elapsed();
    let after = scene.export();
    let _ = scene.data.run(["migrate", "undo"]).success();
    assert_eq!(scene.export(), before);
    let (mut nothing, mut all) = (0, 0);
    for step in 1..=20 {
        let running = scene.data.spawn(["migrate", "apply", path]);
        std::thread::sleep(whole.mul_f64(f64::from(step) / 20.0));
        running.kill();
        let found = scene.export();
        if found == before {
            nothing += 1;
        } else {
            assert!(found == after, "killed after {step}/20: neither as before nor as after");
            all += 1;
            let _ = scene.data.run(["migrate", "undo"]).success();
        }
    }
    eprintln!("20 kills in {whole:?}: {nothing} left nothing, {all} left all");
    assert!(nothing > 0, "no kill hit the work");
    assert_eq!(apply(&scene, &file)["changed"], true);
    assert_eq!(scene.export(), after);
}
