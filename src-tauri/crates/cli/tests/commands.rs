//! Every command from outside: exit codes, one JSON document, the contract's shapes.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a panic fails the test that asked"
)]

mod support;

use serde_json::{Value, json};
use support::{CONFIGURATION, Place, said};

fn configured() -> Place {
    let place = Place::new();
    let file = place.file("c.toml", CONFIGURATION);
    place.run(&["apply", &file]).expect(0);
    place
}

fn has(value: &Value, fields: &[&str]) {
    for field in fields {
        assert!(value.get(field).is_some(), "{field} is missing in {value}");
    }
}

#[test]
fn wrong_usage_is_exit_code_2() {
    let place = Place::new();
    for arguments in [&["mailbox"][..], &["nonsense"], &["mailbox", "approve"], &["run", "--for", "soon"]] {
        place.run(arguments).expect(2);
    }
    assert!(place.run(&["--help"]).expect(0).stdout.contains("test"));
}

#[test]
fn lists_of_an_empty_folder_are_empty_documents() {
    let place = Place::new();
    for arguments in [
        &["profile", "list"][..],
        &["mailbox", "list"],
        &["email", "list"],
        &["ledger"],
        &["quarantine", "list"],
        &["alerts"],
    ] {
        assert_eq!(place.json(arguments), json!([]), "{arguments:?}");
        place.run(arguments).expect(0);
    }
    let health = place.json(&["health"]);
    assert_eq!((&health["status"], &health["objects"]), (&json!("unproven"), &json!([])));
    assert_eq!(place.json(&["run", "--until-idle"])["cycles"], json!(0));
}

#[test]
fn a_mailbox_has_the_contracts_shape_and_changes_state() {
    let place = configured();
    let list = place.json(&["mailbox", "list"]);
    has(&list[0], &["email", "owner", "profile", "approval", "workloads"]);
    for workload in ["incoming", "outgoing", "act"] {
        has(
            &list[0]["workloads"][workload],
            &["method", "status", "enabled", "state", "next_due", "last_success", "last_error"],
        );
    }
    assert_eq!(list[0]["workloads"]["act"]["state"], json!("off"));
    assert_eq!(list[0]["password_set"], json!(true));
    assert_eq!(place.json(&["mailbox", "reject", "amy@contoso.test"])[0]["approval"], json!("rejected"));
    assert_eq!(place.json(&["mailbox", "approve", "AMY@contoso.test"])[0]["approval"], json!("approved"));
    let shown = place.json(&["mailbox", "show", "amy@contoso.test"]);
    has(&shown, &["email", "workloads", "last_test", "cycles"]);
    let error = place.run(&["--json", "mailbox", "approve", "amy@contoso.test", "nobody@contoso.test"]);
    let error = error.expect(1).json();
    has(&error, &["code", "message", "remedy", "object"]);
    assert_eq!((&error["code"], &error["object"]), (&json!("not_found"), &json!("nobody@contoso.test")));
}

#[test]
fn a_wrong_port_is_found_by_the_ladder_and_told_by_alerts() {
    let place = configured();
    let ladders = place.run(&["--json", "profile", "probe", "contoso pop3"]).expect(1).json();
    assert_eq!(ladders[0]["rungs"][0]["status"], json!("passed"));
    assert_eq!(ladders[0]["rungs"][1]["error"]["code"], json!("connection_refused"));

    let test = place.run(&["--json", "mailbox", "test-enable", "amy@contoso.test"]).expect(1).json();
    assert_eq!((&test["failed"], &test["skipped"]), (&json!(2), &json!(1)));
    let alerts = place.json(&["alerts", "--level", "error"]);
    assert_eq!(alerts.as_array().unwrap().len(), 2);
    has(
        &alerts[0],
        &[
            "id",
            "level",
            "scope",
            "object",
            "code",
            "message",
            "remedy",
            "first_seen",
            "last_seen",
            "count",
            "cleared_at",
        ],
    );
    assert_eq!(alerts[0]["code"], json!("connection_refused"));
    assert!(alerts[0]["remedy"].as_str().unwrap().contains("Test & Enable"));
    let health = place.json(&["health"]);
    assert_eq!(
        (&health["status"], &health["objects"][0]["object"]),
        (&json!("stopped"), &json!("amy@contoso.test"))
    );
    place.run(&["--json", "sync", "amy@contoso.test"]).expect(1);
}

#[test]
fn an_email_is_queued_listed_and_shown_raw() {
    let place = configured();
    let attached = place.file("note.txt", "a note\n");
    let id = place
        .run(&[
            "email",
            "send",
            "--from",
            "amy@contoso.test",
            "--to",
            "Ben <ben@fabrikam.test>",
            "support@contoso.test",
            "--bcc",
            "boss@contoso.test",
            "--subject",
            "Grüße",
            "--body",
            "Hello",
            "--attach",
            &attached,
            "--regarding",
            "ben@fabrikam.test",
        ])
        .expect(0)
        .stdout;
    let list = place.json(&["email", "list", "--status", "pending_send"]);
    let email = &list[0];
    assert_eq!(email["id"], json!(id.trim()));
    has(
        email,
        &[
            "id",
            "subject",
            "direction",
            "status",
            "message_id",
            "in_reply_to",
            "sent_on",
            "received_on",
            "owner",
            "from",
            "to",
            "cc",
            "bcc",
            "regarding",
            "correlation",
            "tracking_token",
            "accepting_entity",
            "receiving_mailbox",
            "attachments",
            "body_text",
            "body_html",
            "delivery_attempts",
        ],
    );
    assert_eq!(email["to"][0]["resolved"][0]["type"], json!("contact"));
    assert_eq!(email["regarding"]["name"], json!("Ben Burton"));
    has(&email["attachments"][0], &["name", "mime_type", "size", "sha256", "dropped_reason"]);
    assert_eq!(
        (&email["attachments"][0]["name"], &email["attachments"][0]["size"]),
        (&json!("note.txt"), &json!(7))
    );
    assert_eq!(email["subject"], json!("Grüße"));
    let raw = place.run(&["email", "show", id.trim(), "--raw"]).expect(0).stdout;
    assert!(raw.contains("\r\n\r\n") && !raw.contains("boss@contoso.test"), "{raw}");
    let reply = place.json(&[
        "email",
        "send",
        "--from",
        "amy@contoso.test",
        "--to",
        "ben@fabrikam.test",
        "--subject",
        "Re",
        "--body",
        "x",
        "--in-reply-to",
        id.trim(),
    ]);
    let reply = place.json(&["email", "show", reply["id"].as_str().unwrap()]);
    assert_eq!(reply["in_reply_to"], email["message_id"]);
    assert_eq!(reply["regarding"]["name"], json!("Ben Burton"));
    assert_eq!(reply["conversation"][0]["id"], email["id"]);
}

#[test]
fn what_cannot_be_sent_says_why() {
    let place = configured();
    let send = |from: &str, to: &str, extra: &[&str]| {
        let mut arguments =
            vec!["--json", "email", "send", "--from", from, "--to", to, "--subject", "s", "--body", "b"];
        arguments.extend(extra);
        place.run(&arguments).expect(1).json()["code"].as_str().unwrap().to_owned()
    };
    assert_eq!(send("ben@fabrikam.test", "a@b", &[]), "sender_refused");
    assert_eq!(send("amy@contoso.test", "nobody", &[]), "bad_address");
    assert_eq!(send("amy@contoso.test", "a@b", &["--attach", "missing.pdf"]), "file_failed");
    assert_eq!(send("amy@contoso.test", "a@b", &["--regarding", "stranger@x.test"]), "not_found");
    place.run(&["mailbox", "reject", "amy@contoso.test"]).expect(0);
    assert_eq!(send("amy@contoso.test", "a@b", &[]), "sender_refused");
    assert_eq!(place.json(&["email", "list"]), json!([]));
}

#[test]
fn a_file_is_explained_with_its_rules_before_anything_happens() {
    let place = configured();
    let message = |from: &str| {
        format!("From: {from}\r\nTo: amy@contoso.test\r\nSubject: s\r\nMessage-ID: <1@x>\r\n\r\nhello\r\n")
    };
    let known = place.file("known.eml", &message("ben@fabrikam.test"));
    let explained = place.json(&["explain", &known]);
    assert_eq!((&explained[0]["decision"], &explained[0]["happened"]), (&json!("promoted"), &json!(false)));
    assert!(!explained[0]["trace"].as_array().unwrap().is_empty());
    let stranger = place.file("stranger.eml", &message("eve@evil.test"));
    let explained = place.json(&["explain", &stranger, "--mailbox", "amy@contoso.test"]);
    assert_eq!(explained[0]["decision"], json!("not_accepted"));
    assert!(explained[0]["what_would_change_it"].as_str().unwrap().contains("contact"));
    assert_eq!(place.json(&["ledger"]), json!([]));
    place.run(&["explain", "<unknown@x>"]).expect(1);
}

#[test]
fn a_remap_tells_what_breaks_before_it_does_it() {
    let place = configured();
    let told = place.json(&["mailbox", "remap", "amy@contoso.test", "--to", "Support"]);
    assert_eq!(told["done"], json!(false));
    assert!(told["breaks"].as_array().unwrap().len() >= 3);
    assert_eq!(place.json(&["mailbox", "list"])[0]["owner"]["type"], json!("user"));
    assert_eq!(
        place.json(&["mailbox", "remap", "amy@contoso.test", "--to", "Support", "--yes"])["done"],
        json!(true)
    );
    let mailbox = &place.json(&["mailbox", "list"])[0];
    assert_eq!((&mailbox["owner"]["type"], &mailbox["approval"]), (&json!("queue"), &json!("pending")));
    let text = place.run(&["export"]).expect(0).stdout;
    let export = place.file("e.toml", &text);
    let again = place.json(&["apply", &export]);
    assert!(again["changes"].as_array().unwrap().iter().all(|one| one["action"] == "unchanged"), "{again}");
}

#[test]
fn a_newer_database_is_left_alone() {
    let place = configured();
    let database = place.path("data").join("tandem.db");
    // The user version stands at byte 60 of the header, big endian (SQLite file format, section 1.3).
    let mut bytes = std::fs::read(&database).unwrap();
    bytes[60..64].copy_from_slice(&9_999_u32.to_be_bytes());
    std::fs::write(&database, &bytes).unwrap();
    let error = place.run(&["--json", "mailbox", "list"]).expect(1).json();
    assert_eq!(error["code"], json!("database_newer"));
    assert!(error["message"].as_str().unwrap().contains("9999"));
    assert_eq!(std::fs::read(&database).unwrap(), bytes);

    std::fs::write(&database, "not a database at all").unwrap();
    let error = place.run(&["--json", "mailbox", "list"]).expect(1).json();
    assert_eq!(error["code"], json!("not_a_database"));
}

#[test]
fn a_folder_that_cannot_be_made_is_told() {
    let place = Place::new();
    let file = place.file("file", "");
    let error = place.run(&["--json", "--data", &format!("{file}/data"), "health"]).expect(1).json();
    assert_eq!(error["code"], json!("data_folder_unusable"));
    assert!(error["server_said"].is_string());
}

#[test]
fn one_engine_at_a_time_while_reading_and_sending_go_on() {
    let place = configured();
    let mut engine = place.command(&["run"]).stdout(std::process::Stdio::null()).spawn().unwrap();
    let started = std::time::Instant::now();
    let refused = loop {
        let second = place.run(&["--json", "run", "--for", "1ms"]);
        if second.code == Some(1) || started.elapsed().as_secs() > 20 {
            break second.expect(1).json();
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    assert_eq!(refused["code"], json!("engine_runs_elsewhere"));
    assert_eq!(place.json(&["mailbox", "list"]).as_array().unwrap().len(), 1);
    place
        .run(&[
            "email",
            "send",
            "--from",
            "amy@contoso.test",
            "--to",
            "ben@fabrikam.test",
            "--subject",
            "s",
            "--body",
            "b",
        ])
        .expect(0);
    stop(&mut engine);
}

#[cfg(unix)]
fn stop(engine: &mut std::process::Child) {
    let id = engine.id().to_string();
    assert!(std::process::Command::new("kill").args(["-s", "TERM", &id]).status().unwrap().success());
    let started = std::time::Instant::now();
    while engine.try_wait().unwrap().is_none() && started.elapsed().as_secs() < 20 {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(
        engine.try_wait().unwrap().and_then(|status| status.code()),
        Some(0),
        "SIGTERM stops it cleanly"
    );
}

#[cfg(not(unix))]
fn stop(engine: &mut std::process::Child) {
    engine.kill().unwrap();
    engine.wait().unwrap();
}

#[test]
fn text_has_no_colour_when_nobody_looks() {
    let place = configured();
    for arguments in
        [&["mailbox", "list"][..], &["mailbox", "show", "nobody@x"], &["profile", "show", "contoso pop3"]]
    {
        let said = said(place.command(arguments).output().unwrap());
        assert!(!said.stdout.contains('\u{1b}') && !said.stderr.contains('\u{1b}'));
    }
}

#[test]
fn a_forecast_tells_batches_and_times_and_connects_to_nothing() {
    let place = configured();
    let forecast =
        place.json(&["forecast", "--mailboxes", "401", "--queues", "3", "--profile", "contoso pop3"]);
    assert_eq!((&forecast["batches"], &forecast["last_batch_after_seconds"]), (&json!(3), &json!(36_000)));
    let after = |field: &str| forecast[field].as_u64().unwrap();
    assert!(after("queues_after_seconds") < after("tested_after_seconds"), "{forecast}");
    assert!((36_000..37_000).contains(&after("synced_after_seconds")), "{forecast}");
    assert!(after("most_connections") <= 10);
    let said = place.run(&["forecast", "--mailboxes", "401", "--profile", "Contoso POP3"]).expect(0);
    assert!(said.stdout.contains("3 batches of at most 200 every 5 h"), "{}", said.stdout);
    place.run(&["forecast", "--mailboxes", "5", "--profile", "nobody"]).expect(1);
    place.run(&["forecast", "--mailboxes", "0", "--profile", "Contoso POP3"]).expect(1);
    place.run(&["forecast", "--profile", "Contoso POP3"]).expect(2);
}
