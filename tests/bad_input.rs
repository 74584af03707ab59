//! Bad input anywhere: the error names the object, the cause and the next step, and nothing is half-written.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic in a test is its failure"
)]

use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};
use tandem_practice::CertificateFlaw;
use tandem_tests::{Mail, Outcome, Practice, PracticeOptions, Scene, TandemData, free_port};

const AMY: &str = "amy@contoso.test";
const SOON: Duration = Duration::from_secs(20);
const PEOPLE: &str = "[[user]]\nname = \"Amy\"\nemail = \"amy@contoso.test\"\n[[contact]]\nname = \"Eve\"\nemail = \"eve@b.test\"\n";

/// The command's error: its code, with object, message and next step present.
fn error(outcome: &Outcome) -> Value {
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let error = outcome.json();
    for field in ["code", "message", "remedy", "object"] {
        assert!(error[field].as_str().is_some_and(|text| !text.is_empty()), "no {field}: {outcome:?}");
    }
    assert!(!outcome.stderr.contains("panicked"), "{outcome:?}");
    error
}

fn said(value: &Value) -> String {
    value.to_string()
}

fn apply(scene: &Scene, text: &str) -> Outcome {
    let file = scene.data.file("setup.toml", text);
    scene.data.run(["--json".as_ref(), "apply".as_ref(), file.as_os_str()])
}

/// Applies a text that must be refused, and shows that nothing changed.
fn refused(text: &str, expected: &[&str]) {
    let scene = Scene::new(&[]);
    let _ = scene.apply(PEOPLE).success();
    let before = scene.export();
    let error = said(&error(&apply(&scene, text)));
    for part in expected {
        assert!(error.contains(part), "{part} is not in {error}");
    }
    assert_eq!(scene.export(), before, "something of a refused file was written");
}

#[test]
fn malformed_toml_is_told_with_its_line() {
    refused(
        "[[contact]]\nname = \"Carl\"\nemail = \"carl@b.test\n\n[[user]]\nname = \"X\"\n",
        &["setup.toml:3"],
    );
}

#[test]
fn an_unknown_key_is_told_with_its_line_and_the_rest_is_not_written() {
    let text = "[[contact]]\nname = \"Carl\"\nemail = \"carl@b.test\"\n[[user]]\nname = \"Dan\"\nmail = \"dan@b.test\"\n";
    refused(text, &["setup.toml:6", "mail", "Dan"]);
}

#[test]
fn an_unknown_profile_an_unknown_owner_and_a_bad_address_are_all_told_at_once() {
    let text = "[[contact]]\nname = \"Carl\"\nemail = \"not an address\"\n[[mailbox]]\nemail = \"amy@contoso.test\"\n\
                profile = \"Nowhere\"\n[[mailbox]]\nemail = \"nobody@contoso.test\"\n";
    refused(text, &["not an address", "Nowhere", "nobody@contoso.test", ":3", ":6"]);
}

#[test]
fn a_password_variable_that_is_not_set_is_named_and_nothing_is_written() {
    let practice = Practice::start(&["amy"]);
    let scene = practice.scene();
    let before = scene.export();
    let text = practice.setup("Practice", "imap_smtp", &["amy"]).replace("AMY_PASSWORD", "NO_SUCH_VARIABLE");
    let error = said(&error(&apply(&scene, &text)));
    assert!(error.contains("NO_SUCH_VARIABLE") && error.contains(AMY), "{error}");
    assert_eq!(scene.export(), before);
}

#[test]
fn a_file_that_is_not_there_and_one_that_is_a_folder_are_named() {
    let scene = Scene::new(&[]);
    for path in [Path::new("/no/such/file.toml"), scene.data.path().as_path()] {
        let outcome = scene.data.run(["--json".as_ref(), "apply".as_ref(), path.as_os_str()]);
        assert!(said(&error(&outcome)).contains(&path.display().to_string()), "{outcome:?}");
    }
}

#[test]
fn unknown_objects_are_named() {
    let scene = Scene::new(&[]);
    let _ = scene.apply(PEOPLE).success();
    let before = scene.export();
    for arguments in [
        ["mailbox", "show", "nobody@contoso.test"],
        ["mailbox", "approve", "nobody@contoso.test"],
        ["mailbox", "test-enable", "nobody@contoso.test"],
        ["profile", "show", "Nowhere"],
        ["profile", "probe", "Nowhere"],
        ["email", "show", "00000000-0000-0000-0000-000000000000"],
        ["email", "show", "no id at all"],
        ["quarantine", "show", "00000000-0000-0000-0000-000000000000"],
    ] {
        let outcome = scene.data.run(["--json"].into_iter().chain(arguments));
        assert!(said(&error(&outcome)).contains(arguments[2]), "{outcome:?}");
    }
    let outcome = scene.data.run(["--json", "sync", "nobody@contoso.test"]);
    assert!(said(&error(&outcome)).contains("nobody@contoso.test"));
    for from in ["nobody@contoso.test", "not an address"] {
        let outcome = scene.data.run([
            "--json",
            "email",
            "send",
            "--from",
            from,
            "--to",
            AMY,
            "--subject",
            "s",
            "--body",
            "b",
        ]);
        assert!(said(&error(&outcome)).contains(from), "{outcome:?}");
    }
    assert_eq!(scene.export(), before);
    assert!(scene.emails().is_empty());
}

#[test]
fn a_bad_recipient_and_a_missing_attachment_make_no_email() {
    let practice = Practice::start(&["amy"]);
    let scene = practice.scene();
    let _ = scene.apply(&practice.setup("Practice", "imap_smtp", &["amy"])).success();
    for (extra, named) in
        [(["--cc", "no address"], "no address"), (["--attach", "/no/such/file"], "/no/such/file")]
    {
        let base = ["--json", "email", "send", "--from", AMY, "--to", AMY, "--subject", "s", "--body", "b"];
        let outcome = scene.data.run(base.into_iter().chain(extra));
        assert!(said(&error(&outcome)).contains(named), "{outcome:?}");
    }
    assert!(scene.emails().is_empty());
}

#[test]
fn wrong_usage_exits_with_2() {
    let data = TandemData::new();
    for arguments in
        [&["frobnicate"] as &[&str], &["sync"], &["run", "--for", "soon"], &["mailbox", "approve"]]
    {
        let outcome = data.run(arguments.iter().copied()).expect_code(2);
        assert!(!outcome.stderr.is_empty());
    }
}

/// Tests a mailbox that cannot work; returns the first rung that failed.
fn failed_rung(scene: &Scene, workload: &str) -> Value {
    let outcome = scene.data.run(["--json", "mailbox", "test-enable", AMY]);
    // Some of it may work: 3 is "in part".
    assert!(matches!(outcome.code, Some(1 | 3)), "{outcome:?}");
    let result = outcome.json();
    let ladder =
        result["ladders"].as_array().unwrap().iter().find(|ladder| ladder["workload"] == workload).unwrap();
    assert_eq!(ladder["status"], "failure", "{ladder:#}");
    let rung = ladder["rungs"].as_array().unwrap().iter().find(|rung| rung["status"] == "failed").unwrap();
    for field in ["code", "message", "remedy", "object"] {
        assert!(rung["error"][field].as_str().is_some_and(|text| !text.is_empty()), "no {field}: {rung:#}");
    }
    let alert = scene.alert(rung["error"]["code"].as_str().unwrap());
    assert!(!alert["remedy"].as_str().unwrap().is_empty());
    assert_eq!(scene.mailbox(AMY)["workloads"][workload]["enabled"], false);
    rung.clone()
}

#[test]
fn a_wrong_port_a_wrong_name_and_a_port_of_another_kind_break_at_their_rung() {
    let practice = Practice::start(&["amy"]);
    let setup = practice.setup("Practice", "imap_smtp", &["amy"]);
    let port = format!("port = {}", practice.imap.port());
    let with_port = |other: u16| setup.replace(&port, &format!("port = {other}"));
    let wrong_name = setup.replacen("\"localhost\"", "\"mail.does-not-exist.invalid\"", 1);
    for (text, rung_name, codes) in [
        (with_port(free_port()), "tcp", &["connection_refused"] as &[&str]),
        (wrong_name, "dns", &["dns_not_found", "dns_unavailable"]),
        (with_port(practice.smtp.port()), "login", &["wrong_protocol"]),
    ] {
        let scene = practice.scene();
        let _ = scene.apply(&text).success();
        let rung = failed_rung(&scene, "incoming");
        let code = rung["error"]["code"].as_str().unwrap();
        assert!(codes.contains(&code), "{rung:#}");
        assert!(rung["name"] == rung_name || rung_name == "login", "{rung:#}");
    }
}

#[test]
fn a_wrong_password_breaks_at_login_and_is_not_shown() {
    let practice = Practice::start(&["amy"]);
    let mut scene = practice.scene();
    scene.data = scene.data.with("AMY_PASSWORD", "Wr0ng-And-S3cret");
    let _ = scene.apply(&practice.setup("Practice", "pop3_smtp", &["amy"])).success();
    for workload in ["incoming", "outgoing"] {
        let rung = failed_rung(&scene, workload);
        assert_eq!(
            (&rung["name"], &rung["error"]["code"]),
            (&"login".into(), &"authentication_failed".into())
        );
        assert!(!said(&rung).contains("Wr0ng"), "{rung:#}");
    }
}

fn refused_certificate(flaw: CertificateFlaw, trust: &str, why: &[&str]) {
    let practice = Practice::start_with(&["amy"], PracticeOptions { flaw, ..PracticeOptions::default() });
    let scene = practice.scene();
    let _ = scene.apply(&practice.setup_with("Practice", "imap_smtp", &["amy"], trust)).success();
    let rung = failed_rung(&scene, "incoming");
    let code = match flaw {
        CertificateFlaw::Expired => "certificate_expired",
        CertificateFlaw::WrongName => "certificate_wrong_name",
        CertificateFlaw::None | CertificateFlaw::SelfSigned => "certificate_refused",
    };
    assert_eq!((&rung["name"], &rung["error"]["code"]), (&"tls".into(), &code.into()), "{rung:#}");
    let certificate = &rung["error"]["certificate"];
    assert!(certificate["subject"].as_str().unwrap().contains("Tandem practice mail server"), "{rung:#}");
    assert!(!certificate["issuer"].as_str().unwrap().is_empty(), "{rung:#}");
    assert_eq!(certificate["sha256"], practice.fingerprint.as_str());
    for date in ["not_before", "not_after"] {
        assert!(certificate[date].as_str().is_some_and(|date| date.starts_with("20")), "{rung:#}");
    }
    let told = certificate["why"].as_str().unwrap().to_lowercase();
    assert!(why.iter().any(|word| told.contains(word)), "{why:?} not in {told}");
    assert!(practice.imap.commands().is_empty(), "something was said to a server that is not trusted");

    // The one safe next step for a server of one's own: its fingerprint, pinned.
    if flaw != CertificateFlaw::WrongName {
        let pin = format!("trusted_certificate_sha256 = [\"{}\"]", practice.fingerprint);
        let _ = scene.apply(&practice.setup_with("Practice", "imap_smtp", &["amy"], &pin)).success();
        let _ = scene.data.run(["mailbox", "test-enable", AMY]).success();
        assert_eq!(scene.mailbox(AMY)["workloads"]["incoming"]["enabled"], true);
    }
}

#[test]
fn an_expired_certificate_is_refused_and_shown() {
    refused_certificate(CertificateFlaw::Expired, "ca_file = \"practice-ca.pem\"", &["expired"]);
}

#[test]
fn a_certificate_for_another_name_is_refused_and_shown() {
    refused_certificate(CertificateFlaw::WrongName, "ca_file = \"practice-ca.pem\"", &["name", "localhost"]);
}

#[test]
fn a_self_signed_certificate_is_refused_and_shown() {
    refused_certificate(
        CertificateFlaw::SelfSigned,
        "ca_file = \"practice-ca.pem\"",
        &["self-signed", "issue", "trust"],
    );
}

#[test]
fn a_certificate_of_an_unknown_authority_is_refused_and_shown() {
    refused_certificate(CertificateFlaw::None, "", &["issue", "trust", "unknown", "authority"]);
}

#[test]
fn another_pin_than_the_servers_is_refused() {
    let pin = format!("trusted_certificate_sha256 = [\"{}\"]", "ab".repeat(32));
    refused_certificate(CertificateFlaw::None, &pin, &["pin", "fingerprint", "trust", "issue", "unknown"]);
}

/// The database file of a data folder, once no command runs.
fn database(data: &TandemData) -> PathBuf {
    let files = std::fs::read_dir(data.path()).unwrap().map(|entry| entry.unwrap().path());
    let mut found =
        files.filter(|path| std::fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"SQLite format 3")));
    found.next().expect("a database")
}

/// Every command fails with this code while the data folder is like this, and leaves it as it is.
fn unusable(scene: &Scene, code: &[&str], parts: &[&str]) {
    let before = scene.files();
    for arguments in [&["export"] as &[&str], &["run", "--until-idle"], &["mailbox", "list"], &["apply", "-"]]
    {
        let outcome = scene.data.run(["--json"].iter().chain(arguments).copied());
        let error = error(&outcome);
        assert!(code.iter().any(|code| error["code"] == *code), "{arguments:?}: {error:#}");
        for part in parts {
            assert!(said(&error).contains(part), "{part} is not in {error:#}");
        }
    }
    let changed: Vec<_> = scene
        .files()
        .into_iter()
        .filter(|(path, bytes)| before.iter().all(|(known, old)| known != path || old != bytes))
        .filter(|(path, bytes)| !(path.ends_with("engine.lock") && bytes.is_empty()))
        // SQLite reads a database in WAL mode with these beside it; they hold nothing of it.
        .filter(|(path, bytes)| !(path.ends_with("tandem.db-wal") && bytes.is_empty()))
        .filter(|(path, _)| !path.ends_with("tandem.db-shm"))
        .map(|(path, _)| path)
        .collect();
    assert!(changed.is_empty(), "changed: {changed:?}");
}

#[test]
fn a_newer_database_is_left_alone() {
    let scene = Scene::new(&[]);
    let _ = scene.apply(PEOPLE).success();
    let path = database(&scene.data);
    let mut bytes = std::fs::read(&path).unwrap();
    // The user version in SQLite's header (https://www.sqlite.org/fileformat.html, offset 60).
    bytes[60..64].copy_from_slice(&9_999_u32.to_be_bytes());
    std::fs::write(&path, bytes).unwrap();
    unusable(
        &scene,
        &["database_newer", "newer_database", "store_newer"],
        &["9999", &path.display().to_string()],
    );
}

#[test]
fn a_database_that_is_none_is_left_alone() {
    let scene = Scene::new(&[]);
    let _ = scene.apply(PEOPLE).success();
    let path = database(&scene.data);
    std::fs::write(&path, "This is a letter to somebody, and no database.").unwrap();
    unusable(
        &scene,
        &["not_a_database", "database_unusable", "store_damaged"],
        &[&path.display().to_string()],
    );
}

#[test]
fn a_file_where_the_data_folder_should_be_is_told() {
    let data = TandemData::new();
    let file = data.file("a-file", "not a folder");
    let output = Command::new(tandem_tests::tandem())
        .args(["--json", "--secrets", "memory", "--data"])
        .arg(&file)
        .args(["mailbox", "list"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let error: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(said(&error).contains("a-file") && !error["remedy"].as_str().unwrap().is_empty(), "{error:#}");
    assert_eq!(std::fs::read_to_string(file).unwrap(), "not a folder");
}

#[test]
fn a_data_folder_that_cannot_be_written_is_told() {
    // /proc takes no new folders from anybody, root included.
    let output = Command::new(tandem_tests::tandem())
        .args(["--json", "--secrets", "memory", "--data", "/proc/tandem-data", "mailbox", "list"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let error: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(
        said(&error).contains("/proc/tandem-data") && !error["remedy"].as_str().unwrap().is_empty(),
        "{error:#}"
    );
}

#[test]
fn a_second_engine_on_the_same_folder_is_refused_and_the_first_goes_on() {
    let practice = Practice::start(&["amy"]);
    let scene = practice.scene();
    let _ = scene.apply(&practice.setup("Practice", "imap_smtp", &["amy"])).success();
    let _ = scene.data.run(["mailbox", "test-enable", AMY]).success();
    let mut first = scene.data.spawn(["run"]);
    first.wait_until_engine_runs();
    let second = scene.data.run(["--json", "run", "--for", "100ms"]);
    let told = error(&second);
    assert!(said(&told).contains(&scene.data.path().display().to_string()), "{told:#}");
    assert!(first.is_running(), "{}", first.stderr());
    // Reading and configuring go on beside it.
    let _ = scene.apply(PEOPLE).success();
    practice.hub.deliver(AMY, Mail::new("a@b.example", AMY, "while", "while@b.example").raw()).unwrap();
    let _ = first.terminate(SOON).success();
    scene.sync(AMY);
    assert_eq!(scene.email_with("while@b.example")["status"], "received");
}

#[test]
fn a_missing_and_a_wrong_passphrase_are_told_and_no_password_is_lost() {
    let practice = Practice::start(&["amy"]);
    let scene = practice.scene();
    let text = practice.setup("Practice", "imap_smtp", &["amy"]);
    let _ = scene.apply(&text).success();
    let _ = scene.data.run(["mailbox", "test-enable", AMY]).success();
    for passphrase in [None, Some("not the passphrase")] {
        let mut command = scene.data.command(["--json", "sync", AMY, "--workload", "incoming"]);
        match passphrase {
            None => command.env_remove("TANDEM_VAULT_PASSPHRASE"),
            Some(wrong) => command.env("TANDEM_VAULT_PASSPHRASE", wrong),
        };
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{passphrase:?}: {output:?}");
        let error: Value = serde_json::from_slice(&output.stdout).unwrap();
        let expected = if passphrase.is_some() {
            &["vault_wrong_passphrase"] as &[&str]
        } else {
            &["secret_store_locked", "keychain_locked"]
        };
        assert!(expected.iter().any(|code| said(&error).contains(code)), "{error:#}");
        assert!(
            !said(&error).contains("not the passphrase") && said(&error).contains("passphrase"),
            "{error:#}"
        );
        let state = &scene.mailbox(AMY)["workloads"]["incoming"];
        assert_eq!(state["enabled"], true, "a locked vault disables nobody: {state:#}");
    }
    scene.sync(AMY);
}

/// A small file system; `None` where mounting is not permitted.
struct Disk(PathBuf);

impl Disk {
    fn of(size: &str) -> Option<Self> {
        let folder = tempfile::Builder::new().prefix("tandem-disk.").tempdir().unwrap().keep();
        let option = format!("size={size}");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &option, "tandem-test"]).arg(&folder).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(folder));
        }
        let _ = std::fs::remove_dir(&folder);
        eprintln!("skipped: this user may not mount a small file system");
        None
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
        let _ = std::fs::remove_dir(&self.0);
    }
}

#[test]
fn a_full_disk_stops_the_cycle_and_loses_nothing() {
    let Some(disk) = Disk::of("32m") else { return };
    let practice = Practice::start(&["amy"]);
    let data = TandemData::below(&disk.0).with_passwords(practice.accounts());
    data.file("practice-ca.pem", &practice.ca_pem);
    let scene = Scene { data };
    let _ = scene.apply(&practice.setup("Practice", "imap_smtp", &["amy"])).success();
    let _ = scene.data.run(["mailbox", "test-enable", AMY]).success();
    practice.hub.deliver(AMY, Mail::new("a@b.example", AMY, "before", "before@b.example").raw()).unwrap();
    scene.sync(AMY);
    let export = scene.export();

    let filler = disk.0.join("filler");
    let _ =
        Command::new("dd").args(["if=/dev/zero", "bs=64k"]).arg(format!("of={}", filler.display())).output();
    let noise: Vec<u8> = (0..600_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for number in 0..5 {
        let mail = Mail::new("a@b.example", AMY, "full", &format!("full{number}@b.example"))
            .attach("noise.bin", &noise);
        practice.hub.deliver(AMY, mail.raw()).unwrap();
    }
    // Not through the harness, which keeps output beside the data, on the full disk.
    let outcome = scene.data.command(["--json", "sync", AMY, "--workload", "incoming"]).output().unwrap();
    assert_eq!(outcome.status.code(), Some(1), "{outcome:?}");
    let (told, log) = (String::from_utf8_lossy(&outcome.stdout), String::from_utf8_lossy(&outcome.stderr));
    assert!(told.contains("disk_full") && !log.contains("panicked"), "{told}\n{log}");
    std::fs::remove_file(&filler).unwrap();

    assert_eq!(scene.export(), export);
    assert_eq!(
        scene.mailbox(AMY)["workloads"]["incoming"]["enabled"],
        true,
        "a full disk is no fault of the mailbox"
    );
    scene.sync(AMY);
    let rows = scene.ledger(AMY);
    assert_eq!(rows.len(), 6, "{rows:#?}");
    for number in 0..5 {
        let email = scene.email_with(&format!("full{number}@b.example"));
        assert_eq!(email["attachments"][0]["size"], 600_000, "half a message was recorded");
    }
    let _ = scene.email_with("before@b.example");
}
