//! The test servers are what they claim to be: real ones, ours, and alive through outages.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic fails the test that asked")]
use std::{
    process::Command,
    time::{Duration, SystemTime},
};
use tandem_tests::{Account, FsyncMode, MailOptions, MailServers, Retrieval, Server, Wire, wait_until};

const SOON: Duration = Duration::from_secs(20);

fn message(subject: &str) -> Vec<u8> {
    format!(
        "From: Eve <eve@fabrikam.test>\r\nTo: amy@contoso.test\r\nSubject: {subject}\r\n\
         Message-ID: <{subject}@fabrikam.test>\r\nDate: Mon, 16 Nov 2026 10:00:00 +0000\r\n\r\n.dot\r\ngr\u{fc}n\r\n"
    )
    .into_bytes()
}

fn contains(raw: &[u8], text: &str) -> bool {
    raw.windows(text.len()).any(|window| window == text.as_bytes())
}

fn imap_subjects(wire: &mut Wire, account: &Account) -> String {
    wire.send(&format!("a LOGIN {} \"{}\"", account.address, account.password)).unwrap();
    let login = wire.lines_until(|line| line.starts_with("a ")).unwrap().join("\n");
    assert!(login.contains("a OK"), "{login}");
    wire.send("b EXAMINE INBOX").unwrap();
    wire.lines_until(|line| line.starts_with("b ")).unwrap();
    wire.send("c FETCH 1:* (INTERNALDATE BODY[HEADER.FIELDS (SUBJECT)])").unwrap();
    wire.lines_until(|line| line.starts_with("c ")).unwrap().join("\n")
}

fn pop3_count(wire: &mut Wire, account: &Account) -> String {
    wire.send(&format!("USER {}", account.address)).unwrap();
    wire.line().unwrap();
    wire.send(&format!("PASS {}", account.password)).unwrap();
    let login = wire.line().unwrap();
    assert!(login.starts_with("+OK"), "{login}");
    wire.send("STAT").unwrap();
    wire.line().unwrap()
}

#[test]
fn a_delivered_message_is_seen_by_imap_and_pop3_with_and_without_starttls() {
    let servers = MailServers::start();
    let received = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    servers.deliver_received_at("amy", &message("first"), received);
    servers.deliver("amy", &message("second"));
    let amy = servers.account("amy");

    let mut imaps = Wire::tls(servers.ports.imaps, &servers.certificates).unwrap();
    assert_eq!(imaps.fingerprint.as_ref(), Some(&servers.certificates.fingerprint));
    imaps.line().unwrap();
    let seen = imap_subjects(&mut imaps, amy);
    let (first, second) = (seen.find("Subject: first"), seen.find("Subject: second"));
    assert!(first.is_some() && first < second, "{seen}");
    // The server prints its own zone; the day holds in each but the furthest.
    assert!(seen.contains("-Nov-2023"), "{seen}");

    let mut imap = Wire::plain(servers.ports.imap).unwrap();
    imap.line().unwrap();
    imap.send("s STARTTLS").unwrap();
    assert!(imap.line().unwrap().starts_with("s OK"));
    let mut imap = imap.into_tls(&servers.certificates).unwrap();
    assert!(imap_subjects(&mut imap, amy).contains("Subject: second"));

    let mut pop3s = Wire::tls(servers.ports.pop3s, &servers.certificates).unwrap();
    pop3s.line().unwrap();
    assert!(pop3_count(&mut pop3s, amy).starts_with("+OK 2 "));

    let mut pop3 = Wire::plain(servers.ports.pop3).unwrap();
    pop3.line().unwrap();
    pop3.send("STLS").unwrap();
    assert!(pop3.line().unwrap().starts_with("+OK"));
    let mut pop3 = pop3.into_tls(&servers.certificates).unwrap();
    assert!(pop3_count(&mut pop3, amy).starts_with("+OK 2 "));

    assert_eq!(servers.inbox("amy").len(), 2);
    assert_eq!(servers.inbox("amy")[0], message("first"), "the inbox returns the bytes that were delivered");
    assert_eq!(servers.inbox("ben").len(), 0);
}

#[test]
fn mail_is_submitted_on_both_ports_by_an_independent_client() {
    let servers = MailServers::start();
    let amy = servers.account("amy");
    let file = tempfile::NamedTempFile::new().unwrap();
    let urls = [
        ("one", format!("smtps://localhost:{}", servers.ports.submissions)),
        ("two", format!("smtp://localhost:{}", servers.ports.submission)),
    ];
    for (subject, url) in &urls {
        std::fs::write(file.path(), message(subject)).unwrap();
        let status = Command::new("curl")
            .args(["-sS", "--ssl-reqd", "--mail-from", "amy@contoso.test", "--mail-rcpt", "ben@contoso.test"])
            .arg("--cacert")
            .arg(&servers.certificates.ca_pem)
            .args(["--user", &format!("{}:{}", amy.address, amy.password), "--upload-file"])
            .arg(file.path())
            .arg(url)
            .status()
            .unwrap();
        assert!(status.success(), "curl to {url}\n{}", servers.logs());
    }
    let inbox = servers.wait_for_inbox("ben", 2, SOON);
    for (subject, _) in &urls {
        assert!(inbox.iter().any(|raw| contains(raw, &format!("Subject: {subject}"))));
    }
    assert!(servers.inbox("amy").is_empty());
}

#[test]
fn submission_without_login_and_with_a_wrong_password_is_refused() {
    let servers = MailServers::start();
    let mut wire = Wire::tls(servers.ports.submissions, &servers.certificates).unwrap();
    wire.smtp_reply().unwrap();
    wire.smtp("EHLO client.example").unwrap();
    assert!(wire.smtp("MAIL FROM:<amy@contoso.test>").unwrap().starts_with("250"));
    let refused = wire.smtp("RCPT TO:<ben@contoso.test>").unwrap();
    assert!(refused.starts_with("554"), "{refused}");
    wire.smtp("RSET").unwrap();
    let refused = wire.smtp("AUTH PLAIN AGFteUBjb250b3NvLnRlc3QAd3Jvbmc=").unwrap();
    assert!(refused.starts_with("535"), "{refused}");

    let mut plain = Wire::plain(servers.ports.submission).unwrap();
    plain.smtp_reply().unwrap();
    let offered = plain.smtp("EHLO client.example").unwrap();
    assert!(offered.contains("STARTTLS") && !offered.contains("AUTH"), "{offered}");
}

#[test]
fn the_world_reaches_our_accounts_and_nobody_elses() {
    let servers = MailServers::start();
    servers.send_from_outside("eve@fabrikam.test", "support", &message("hello"));
    let inbox = servers.wait_for_inbox("support", 1, SOON);
    assert!(contains(&inbox[0], "\n.dot"), "a leading dot survives");
    assert!(contains(&inbox[0], "gr\u{fc}n"), "eight bits survive");

    let mut wire = Wire::plain(servers.ports.outside).unwrap();
    wire.smtp_reply().unwrap();
    wire.smtp("EHLO outside.example").unwrap();
    wire.smtp("MAIL FROM:<eve@fabrikam.test>").unwrap();
    for stranger in ["nobody@contoso.test", "someone@elsewhere.test"] {
        let refused = wire.smtp(&format!("RCPT TO:<{stranger}>")).unwrap();
        assert!(refused.starts_with('5'), "{stranger}: {refused}");
    }
}

#[test]
fn an_outage_ends_with_the_same_mail_on_the_same_ports() {
    let mut servers = MailServers::start();
    servers.deliver("amy", &message("before"));

    servers.pause(Server::Dovecot);
    let mut frozen = Wire::plain(servers.ports.imap).unwrap();
    let (told, answer) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || told.send(frozen.line()));
    assert!(answer.recv_timeout(Duration::from_millis(500)).is_err(), "a frozen server does not answer");
    servers.resume(Server::Dovecot);
    assert!(answer.recv_timeout(SOON).unwrap().unwrap().starts_with("* OK"));
    reader.join().unwrap().unwrap();

    for server in [Server::Dovecot, Server::Postfix] {
        let port = if server == Server::Dovecot { servers.ports.pop3s } else { servers.ports.submissions };
        servers.stop(server);
        assert!(Wire::plain(port).is_err(), "{server:?} is stopped and answers");
        servers.start_again(server);
        servers.restart(server);
    }
    servers.send_from_outside("eve@fabrikam.test", "amy", &message("after"));
    let inbox = servers.wait_for_inbox("amy", 2, SOON);
    assert!(contains(&inbox[1], "Subject: after"));
}

#[test]
fn many_messages_are_delivered_fast_and_kept_in_order() {
    let servers = MailServers::start_with(&MailOptions::with_accounts(["amy"]).fsync(FsyncMode::Never));
    for number in 0..2000 {
        servers.deliver("amy", &message(&format!("n{number:04}")));
    }
    let inbox = servers.inbox("amy");
    assert_eq!(inbox.len(), 2000);
    let mut imaps = Wire::tls(servers.ports.imaps, &servers.certificates).unwrap();
    imaps.line().unwrap();
    let seen = imap_subjects(&mut imaps, servers.account("amy"));
    let subjects: Vec<_> = seen.lines().filter(|line| line.starts_with("Subject: n")).collect();
    assert_eq!(subjects.len(), 2000);
    assert!(subjects.is_sorted(), "UIDs rise in the order of delivery");
}

#[test]
fn dropped_servers_leave_no_process_and_no_folder() {
    let servers = MailServers::start();
    let ports = servers.ports.clone();
    let folder = servers.certificates.ca_pem.parent().unwrap().to_owned();
    drop(servers);
    assert!(!folder.exists(), "{} is left", folder.display());
    for port in [ports.imaps, ports.submissions] {
        wait_until("the ports to close", SOON, || Wire::plain(port).is_err().then_some(()));
    }
}

#[test]
fn the_setup_names_every_account_and_no_password() {
    let servers = MailServers::start_with(&MailOptions::with_accounts(["amy", "ben"]));
    let text = servers.setup("Test", Retrieval::Pop3StartTls);
    assert!(
        text.contains(&format!("port = {}", servers.ports.pop3)) && text.contains("security = \"starttls\"")
    );
    for account in &servers.accounts {
        assert!(text.contains(&account.password_variable()) && !text.contains(&account.password));
    }
}

#[test]
fn a_changed_password_and_forgotten_identities_are_met_by_the_next_login() {
    let mut servers = MailServers::start_with(&MailOptions::with_accounts(["amy"]));
    servers.deliver("amy", &message("first"));
    let ask = |servers: &MailServers, password: &str| {
        let mut wire = Wire::tls(servers.ports.imaps, &servers.certificates).unwrap();
        wire.line().unwrap();
        wire.send(&format!("a LOGIN amy@contoso.test \"{password}\"")).unwrap();
        wire.lines_until(|line| line.starts_with("a ")).unwrap();
        wire.send("b EXAMINE INBOX").unwrap();
        wire.lines_until(|line| line.starts_with("b ")).unwrap().join("\n")
    };
    let old = servers.account("amy").password.clone();
    let validity =
        |answer: &str| answer.split("UIDVALIDITY ").nth(1).unwrap().split(']').next().unwrap().to_owned();
    let before = validity(&ask(&servers, &old));
    servers.forget_identities("amy");
    assert_ne!(validity(&ask(&servers, &old)), before);
    servers.change_password("amy", "another one");
    assert!(ask(&servers, &old).contains("b BAD") || !ask(&servers, &old).contains("UIDVALIDITY"));
    assert!(ask(&servers, "another one").contains("UIDVALIDITY"));
    assert_eq!(servers.account("amy").password, "another one");
    assert!(servers.log(Server::Dovecot).contains("amy@contoso.test"));
}
