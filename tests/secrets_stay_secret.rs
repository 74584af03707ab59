//! No password and no passphrase is anywhere but in the vault, encrypted: not in the data, a log, an error or an export.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic in a test is its failure"
)]

use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::io::Read;
use tandem_practice::Password;
use tandem_tests::{Mail, Outcome, Practice, Scene};

const AMY: &str = "amy@contoso.test";
const BEN: &str = "ben@contoso.test";
const SECRET: &str = "Xk9-Distinctive-Password-71";
const WRONG: &str = "Qq4-Distinctive-Wrong-Guess";
const PASSPHRASE: &str = "Zv3-Distinctive-Vault-Passphrase";

/// The forms in which a secret could slip out: as it is, in base64 alone, and in the bases of AUTH PLAIN.
fn forms() -> Vec<(String, Vec<u8>)> {
    let mut forms = Vec::new();
    for secret in [SECRET, WRONG, PASSPHRASE] {
        forms.push((format!("{secret} as it is"), secret.as_bytes().to_vec()));
        forms.push((format!("{secret} in base64"), STANDARD.encode(secret).into_bytes()));
        let utf16: Vec<u8> = secret.encode_utf16().flat_map(u16::to_le_bytes).collect();
        forms.push((format!("{secret} in UTF-16"), utf16));
        let bytes: Vec<_> = secret.bytes().map(|byte| byte.to_string()).collect();
        forms.push((format!("{secret} as a list of bytes"), bytes.join(", ").into_bytes()));
        for address in [AMY, BEN] {
            let plain = STANDARD.encode(format!("\0{address}\0{secret}"));
            forms.push((format!("{secret} as AUTH PLAIN"), plain.into_bytes()));
        }
    }
    forms
}

fn assert_clean(place: &str, bytes: &[u8]) {
    for (form, needle) in forms() {
        assert!(!bytes.windows(needle.len()).any(|window| window == needle), "{place} contains {form}");
    }
}

/// Runs a command at the most talkative, and looks at all it says. Returns what it said.
fn looked_at(scene: &Scene, arguments: &[&str]) -> Outcome {
    let outcome = scene.data.run(arguments.iter().copied());
    let place = format!("`tandem {}`", arguments.join(" "));
    assert_clean(&format!("{place}, stdout,"), outcome.stdout.as_bytes());
    assert_clean(&format!("{place}, stderr,"), outcome.stderr.as_bytes());
    outcome
}

#[test]
fn the_search_finds_a_secret_in_each_form() {
    for (form, needle) in forms() {
        let hidden = [b"before ".as_slice(), &needle, b" after"].concat();
        let found = std::panic::catch_unwind(|| assert_clean("it", &hidden));
        assert!(found.is_err(), "{form} was not found");
    }
}

fn nothing_leaks(kind: &str) {
    let practice = Practice::start(&["amy", "ben"]);
    for address in [AMY, BEN] {
        practice.hub.set_password(address, Password::new(SECRET)).unwrap();
    }
    let mut scene = practice.scene();
    scene.data = scene
        .data
        .with("AMY_PASSWORD", SECRET)
        .with("BEN_PASSWORD", SECRET)
        .with("TANDEM_VAULT_PASSPHRASE", PASSPHRASE)
        .with("TANDEM_LOG", "trace")
        .with("RUST_LOG", "trace")
        .with("RUST_BACKTRACE", "full");
    let file = scene.data.file("setup.toml", practice.setup("Practice", kind, &["amy", "ben"]));
    let apply = ["--json", "apply", file.to_str().unwrap()];
    let _ = looked_at(&scene, &apply).success();
    let enabled = looked_at(&scene, &["--json", "mailbox", "test-enable", "--all"]).success();
    assert!(!enabled.stderr.is_empty(), "TANDEM_LOG=trace logs nothing, so this test would prove nothing");
    practice.hub.deliver(AMY, Mail::new("a@b.example", AMY, "in", "in@b.example").raw()).unwrap();
    let _ =
        looked_at(&scene, &["email", "send", "--from", AMY, "--to", BEN, "--subject", "out", "--body", "x"])
            .success();
    for arguments in [
        &["--json", "sync", AMY] as &[&str],
        &["--json", "sync", BEN],
        &["run", "--until-idle"],
        &["--json", "mailbox", "list"],
        &["mailbox", "show", AMY],
        &["--json", "mailbox", "show", AMY],
        &["--json", "profile", "list"],
        &["profile", "show", "Practice"],
        &["--json", "profile", "probe", "Practice"],
        &["--json", "email", "list"],
        &["--json", "ledger"],
        &["--json", "explain", "in@b.example"],
        &["--json", "alerts"],
        &["--json", "health"],
        &["export", "--records"],
        &["--json", "export"],
    ] {
        let _ = looked_at(&scene, arguments).success();
    }

    // The server refuses it and repeats what it got: servers do.
    practice.hub.set_password(AMY, Password::new("another")).unwrap();
    let repeated = format!("you said {SECRET}, which is wrong");
    let reply = if kind == "imap_smtp" { format!("NO {repeated}") } else { format!("-ERR {repeated}") };
    let faults = if kind == "imap_smtp" { practice.imap.faults() } else { practice.pop3.faults() };
    faults.always(tandem_practice::Stage::Login, tandem_practice::Fault::Reply(reply));
    let _ = looked_at(&scene, &["--json", "sync", AMY, "--workload", "incoming"]).expect_code(1);
    let _ = looked_at(&scene, &["--json", "alerts"]).success();
    faults.clear();
    scene.data = scene.data.with("AMY_PASSWORD", WRONG);
    let _ = looked_at(&scene, &apply).success();
    let _ = looked_at(&scene, &["--json", "mailbox", "test-enable", AMY]).expect_code(1);
    let _ = looked_at(&scene, &["--json", "alerts"]).success();
    let _ = looked_at(&scene, &["mailbox", "show", AMY]).success();

    bundle_is_clean(&scene);

    // The vault is opened with a wrong passphrase: it is not repeated either.
    scene.data = scene.data.with("TANDEM_VAULT_PASSPHRASE", WRONG);
    let _ = looked_at(&scene, &["--json", "sync", BEN, "--workload", "incoming"]).expect_code(1);

    let files = scene.files();
    assert!(files.len() >= 2, "a database and a vault: {files:?}");
    for (path, bytes) in files {
        assert_clean(&path.display().to_string(), &bytes);
    }
}

/// What is given to whoever helps: packed, so that looking at the file's bytes would find nothing.
fn bundle_is_clean(scene: &Scene) {
    let path = scene.data.file("bundle.zip", "");
    let _ = looked_at(scene, &["--json", "diagnostics", path.to_str().unwrap()]).success();
    let mut bundle = zip::ZipArchive::new(std::fs::File::open(&path).unwrap()).unwrap();
    assert!(bundle.len() > 8, "{:?}", bundle.file_names().collect::<Vec<_>>());
    for index in 0..bundle.len() {
        let (mut file, mut bytes) = (bundle.by_index(index).unwrap(), Vec::new());
        file.read_to_end(&mut bytes).unwrap();
        assert_clean(&format!("{:?} of the bundle", file.name()), &bytes);
    }
}

#[test]
fn no_secret_leaks_over_imap() {
    nothing_leaks("imap_smtp");
}

#[test]
fn no_secret_leaks_over_pop3() {
    nothing_leaks("pop3_smtp");
}

#[test]
fn a_password_in_a_configuration_file_is_refused_without_repeating_it() {
    let practice = Practice::start(&["amy"]);
    let scene = practice.scene();
    let text = practice.setup("Practice", "imap_smtp", &["amy"]);
    let text = text.replace("{ env = \"AMY_PASSWORD\" }", &format!("\"{SECRET}\""));
    let file = scene.data.file("setup.toml", text);
    let refused = looked_at(&scene, &["--json", "apply", file.to_str().unwrap()]).expect_code(1);
    assert!(refused.stdout.contains("env"), "the next step names the ways: {}", refused.stdout);
}
