//! `apply` and `export` from outside: all or nothing, every problem told, no password written anywhere.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a panic fails the test that asked"
)]

mod support;

use serde_json::json;
use std::io::Write;
use support::{CONFIGURATION, Place, said};

#[test]
fn a_dry_run_tells_all_and_changes_nothing() {
    let place = Place::new();
    let file = place.file("c.toml", CONFIGURATION);
    let result = place.json(&["apply", &file, "--dry-run"]);
    assert_eq!(result["applied"], json!(false));
    assert_eq!(result["changes"].as_array().unwrap().len(), 5);
    assert_eq!(result["changes"][0]["action"], json!("create"));
    assert_eq!(place.json(&["mailbox", "list"]), json!([]));
}

#[test]
fn applied_twice_changes_once_and_an_export_changes_nothing() {
    let place = Place::new();
    let file = place.file("c.toml", CONFIGURATION);
    assert_eq!(place.json(&["apply", &file])["applied"], json!(true));
    let unchanged = |result: serde_json::Value| {
        let changes = result["changes"].as_array().unwrap().clone();
        assert!(changes.len() >= 4 && changes.iter().all(|one| one["action"] == "unchanged"), "{changes:?}");
    };
    unchanged(place.json(&["apply", &file]));
    let export = place.run(&["export", "--records"]).expect(0).stdout;
    assert!(export.contains("Ben Burton") && !export.contains("password ="), "{export}");
    let export = place.file("e.toml", &export);
    unchanged(place.json(&["apply", &export]));
    assert!(!place.run(&["export"]).expect(0).stdout.contains("Ben Burton"));

    let changed = place.file("c2.toml", &CONFIGURATION.replace("port = 1\n", "port = 995\n"));
    let result = place.json(&["apply", &changed]);
    let fields = &result["changes"][0]["fields"];
    assert_eq!(fields[0], json!("incoming.port: 1 -> 995"));
}

#[test]
fn a_changed_password_is_told_and_never_shown_or_stored_in_the_open() {
    let place = Place::new();
    let file = place.file("c.toml", CONFIGURATION);
    place.run(&["apply", &file]).expect(0);
    let second =
        said(place.command(&["--json", "apply", &file]).env("AMY_PASSWORD", "hunter3").output().unwrap());
    let second = second.expect(0);
    assert!(second.stdout.contains("password: changed"), "{}", second.stdout);
    for text in [second.stdout, second.stderr, place.run(&["mailbox", "show", "amy@contoso.test"]).stdout] {
        assert!(!text.contains("hunter"));
    }
    for file in std::fs::read_dir(place.path("data")).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"hunter"), "{}", path.display());
    }
}

#[test]
fn every_problem_is_told_with_its_line_and_nothing_is_written() {
    let place = Place::new();
    let text =
        CONFIGURATION.replace("port = 1\n", "port = 99999\n").replace("\"ben@fabrikam.test\"", "\"ben\"");
    let text = text.replace("profile = \"Contoso POP3\"", "profile = \"Other\"");
    let file = place.file("c.toml", &text);
    let error = place.run(&["--json", "apply", &file]).expect(1).json();
    assert_eq!(error["code"], json!("configuration_invalid"));
    let message = error["message"].as_str().unwrap();
    for expected in [
        "c.toml:7",
        "c.toml:11",
        "c.toml:25",
        "c.toml:29",
        "99999",
        "\"ben\" is not an email address",
        "Other",
    ] {
        assert!(message.contains(expected), "{expected} not in {message}");
    }
    assert!(!error["remedy"].as_str().unwrap().is_empty());
    assert_eq!(place.json(&["mailbox", "list"]), json!([]));
}

#[test]
fn malformed_toml_and_a_missing_password_say_where() {
    let place = Place::new();
    let broken = place.file("b.toml", "[[user]]\nname = \"Amy\n");
    let error = place.run(&["--json", "apply", &broken]).expect(1).json();
    assert!(error["object"].as_str().unwrap().ends_with("b.toml:2"), "{error}");

    let file = place.file("c.toml", CONFIGURATION);
    let error = said(place.command(&["--json", "apply", &file]).env_remove("AMY_PASSWORD").output().unwrap());
    let error = error.expect(1).json();
    assert!(error["message"].as_str().unwrap().contains("AMY_PASSWORD"), "{error}");
    assert_eq!(place.json(&["mailbox", "list"]), json!([]));

    let missing = place.run(&["--json", "apply", "nowhere.toml"]).expect(1).json();
    assert_eq!(missing["code"], json!("file_failed"));
}

#[test]
fn a_configuration_is_read_from_stdin() {
    let place = Place::new();
    let mut command = place.command(&["--json", "apply", "-"]);
    let mut child =
        command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(CONFIGURATION.as_bytes()).unwrap();
    let result = said(child.wait_with_output().unwrap()).expect(0).json();
    assert_eq!(result["applied"], json!(true));
}

#[test]
fn a_locked_vault_refuses_a_password_and_keeps_everything_as_it_was() {
    let place = Place::new();
    let file = place.file("c.toml", CONFIGURATION);
    place.run(&["apply", &file]).expect(0);
    let other = place.file("d.toml", &CONFIGURATION.replace("Amy Alberts", "Amy A."));
    let mut command = place.command(&["--json", "apply", &other]);
    let error = said(command.env("TANDEM_VAULT_PASSPHRASE", "wrong").output().unwrap()).expect(1).json();
    assert_eq!(error["code"], json!("vault_wrong_passphrase"));
    let mut command = place.command(&["--json", "apply", &other]);
    let error = said(command.env_remove("TANDEM_VAULT_PASSPHRASE").output().unwrap()).expect(1).json();
    assert_eq!(error["code"], json!("secret_store_locked"));
    assert_eq!(place.json(&["mailbox", "list"])[0]["owner"]["name"], json!("Amy Alberts"));
}
