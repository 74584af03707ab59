//! Whatever a message holds: one decision for each, no panic, no stop of the mailbox, memory bounded.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic in a test is its failure"
)]

use std::{collections::BTreeMap, time::Duration};
use tandem_tests::{MailServers, Retrieval, TandemData, wait_until};

fn set_up(servers: &MailServers, retrieval: Retrieval) -> TandemData {
    let data = TandemData::new().with_passwords(&servers.accounts);
    let file = data.file("setup.toml", servers.setup("Contoso", retrieval));
    let _ = data.run(["apply", file.to_str().unwrap()]).success();
    let _ = data.run(["mailbox", "test-enable", "--all"]).success();
    data
}

/// Names and bytes of messages that no honest program writes.
fn hostile() -> BTreeMap<&'static str, Vec<u8>> {
    let head = "From: a@b.example\r\nTo: amy@contoso.test\r\nSubject: hostile\r\n";
    let text = |body: &str| format!("{head}{body}").into_bytes();
    let nested = |depth: usize| {
        let mut message = head.to_owned();
        for level in 0..depth {
            message += &format!("Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n");
        }
        message.into_bytes()
    };
    let mut many = head.to_owned();
    for number in 0..50_000 {
        many += &format!("X-Bomb-{number}: {number}\r\n");
    }
    many += "\r\nbody\r\n";
    let recipients = (0..200_000).map(|n| format!("u{n}@many.example")).collect::<Vec<_>>().join(",\r\n ");
    BTreeMap::from([
        ("empty", Vec::new()),
        ("only line ends", b"\r\n\r\n\r\n".to_vec()),
        ("not a message", b"\x7fELF\x02\x01\x01\x00 this is no mail at all".to_vec()),
        ("NULs", [text("X: \0\0\0\r\n\r\n").as_slice(), &[0; 5_000]].concat()),
        (
            "8-bit",
            [text("X-Eight: ").as_slice(), &[0xff, 0xfe, 0x80, b'\r', b'\n', b'\r', b'\n', 0xe9]].concat(),
        ),
        ("no header end", text("X-Last: value without an end")),
        ("no headers", b"\r\njust a body\r\n".to_vec()),
        ("missing headers", b"X-Only: one\r\n\r\nbody\r\n".to_vec()),
        (
            "truncated multipart",
            text("Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/pla"),
        ),
        (
            "truncated base64",
            text(
                "Content-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0x",
            ),
        ),
        ("nested 500 deep", nested(500)),
        ("header bomb", many.into_bytes()),
        (
            "200,000 recipients",
            format!("From: a@b.example\r\nTo: {recipients}\r\nSubject: many\r\n\r\nx\r\n").into_bytes(),
        ),
        ("one long line", text(&format!("X-Long: {}\r\n\r\nx\r\n", "y".repeat(1_000_000)))),
        ("bare CR", b"From: a@b.example\rSubject: cr\r\rbody".to_vec()),
        ("bare LF", b"From: a@b.example\nSubject: lf\n\nbody\n".to_vec()),
        ("two Message-IDs", text("Message-ID: <one@b.example>\r\nMessage-ID: <two@b.example>\r\n\r\nx\r\n")),
        ("empty Message-ID", text("Message-ID: <>\r\n\r\nx\r\n")),
        ("mad date", text("Date: Fry, 99 Foo 99999 99:99:99 +9999\r\n\r\nx\r\n")),
        ("dots", text("\r\n.\r\n..\r\n...\r\n.end\r\n")),
    ])
}

fn every_message_has_one_decision(retrieval: Retrieval) {
    let servers = MailServers::start();
    let data = set_up(&servers, retrieval);
    let messages = hostile();
    for raw in messages.values() {
        servers.deliver("amy", raw);
    }
    let last = b"From: a@b.example\r\nTo: amy@contoso.test\r\nMessage-ID: <last@b.example>\r\nSubject: after all\r\n\r\nx\r\n";
    servers.deliver("amy", last);
    let _ = data.run(["sync", "amy@contoso.test", "--workload", "incoming"]).success();
    let ledger = data.json(["ledger", "--mailbox", "amy@contoso.test"]);
    let rows: Vec<_> =
        ledger.as_array().unwrap().iter().filter(|row| row["decision"] != "test_message").cloned().collect();
    assert_eq!(rows.len(), messages.len() + 1, "one ledger row for each message: {ledger:#}");
    for row in &rows {
        assert!(!row["trace"].as_array().unwrap().is_empty(), "a decision without a reason: {row:#}");
    }
    assert!(rows.iter().any(|row| row["message_id"] == "last@b.example" && row["decision"] == "promoted"));
    let quarantine = data.json(["quarantine", "list"]);
    let quarantined = rows.iter().filter(|row| row["decision"] == "quarantined").count();
    assert_eq!(quarantine.as_array().unwrap().len(), quarantined, "each quarantined row has its bytes");
    eprintln!("{} messages, {quarantined} of them quarantined", rows.len());
}

#[test]
fn hostile_messages_over_imap_each_get_one_decision() {
    every_message_has_one_decision(Retrieval::ImapTls);
}

#[test]
fn hostile_messages_over_pop3_each_get_one_decision() {
    every_message_has_one_decision(Retrieval::Pop3StartTls);
}

fn a_large_message_grows_the_process_little(retrieval: Retrieval) {
    let servers = MailServers::start();
    let data = set_up(&servers, retrieval);
    let running = data.spawn(["run"]);
    running.wait_until_engine_runs();
    // Let one cycle pass with a small message, so that all that is loaded once is loaded.
    servers.deliver("amy", &message("warm", 10_000));
    let _ = data.run(["sync", "amy@contoso.test"]);
    let promoted = |id: &str| {
        let rows = data.json(["ledger", "--mailbox", "amy@contoso.test"]);
        rows.as_array().unwrap().iter().any(|row| row["message_id"] == id).then_some(())
    };
    wait_until("the small message is recorded", Duration::from_secs(60), || promoted("warm@b.example"));
    let before = peak_kib(running.id());
    servers.deliver("amy", &message("large", 150 * 1024 * 1024));
    let _ = data.run(["sync", "amy@contoso.test"]);
    wait_until("the large message is recorded", Duration::from_secs(240), || promoted("large@b.example"));
    let grown_mib = (peak_kib(running.id()) - before) / 1024;
    eprintln!("a message of 150 MiB grew the process by {grown_mib} MiB");
    assert!(grown_mib <= 64, "a message of 150 MiB grew the process by {grown_mib} MiB");
    let emails = data.json(["email", "list", "--mailbox", "amy@contoso.test"]);
    let large = emails.as_array().unwrap().iter().find(|email| email["message_id"] == "large@b.example");
    let attachment = &large.expect("the large message has a record")["attachments"][0];
    assert!(attachment["size"].as_u64().unwrap() > 100 * 1024 * 1024, "{attachment:#}");
}

#[test]
fn a_message_of_150_mib_over_imap_grows_the_process_by_at_most_64_mib() {
    a_large_message_grows_the_process_little(Retrieval::ImapTls);
}

#[test]
fn a_message_of_150_mib_over_pop3_grows_the_process_by_at_most_64_mib() {
    a_large_message_grows_the_process_little(Retrieval::Pop3Tls);
}

/// A message of about `size` bytes with one base64 attachment.
fn message(name: &str, size: usize) -> Vec<u8> {
    let line = format!("{}\r\n", "QUJD".repeat(19));
    let mut raw = format!(
        "From: a@b.example\r\nTo: amy@contoso.test\r\nMessage-ID: <{name}@b.example>\r\nSubject: {name}\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\n\
         See attachment.\r\n--x\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\
         Content-Disposition: attachment; filename={name}.bin\r\n\r\n"
    );
    raw.reserve(size + 100);
    while raw.len() < size {
        raw.push_str(&line);
    }
    raw.push_str("--x--\r\n");
    raw.into_bytes()
}

/// The process's peak resident memory.
fn peak_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
