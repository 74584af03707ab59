//! IMAP and POP3 against a real Dovecot over TLS.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test"
)]

mod counting;
mod headers;
mod quiet;
mod watch;

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use std::{io::Read, sync::Arc, time::Instant};
use tandem_domain::{
    address::EmailAddress,
    failure::{Failure, FailureCode},
    ledger::ServerIdentity,
    probe::{RungName, RungOutcome},
    profile::{CertificateTrust, Endpoint, Security, ServerType},
};
use tandem_engine::{
    ports::mail::{
        Credentials, Fetched, IncomingMail, IncomingSession, MailboxAccess, MessageSink, NoReport,
    },
    raw::RawMessage,
};
use tandem_mail::{
    imap::Imap,
    net::{Connector, Timeouts},
};
use tandem_tests::{FsyncMode, MailOptions, MailServers};
use zeroize::Zeroizing;

fn servers() -> MailServers {
    MailServers::start_with(&MailOptions::with_accounts(["amy", "bob"]).fsync(FsyncMode::Never))
}

fn access(servers: &MailServers, security: Security) -> MailboxAccess {
    let account = servers.account("amy");
    let nobody = "00000000-0000-0000-0000-000000000000";
    MailboxAccess {
        mailbox: nobody.parse().unwrap(),
        address: EmailAddress::parse(&account.address).unwrap(),
        profile: nobody.parse().unwrap(),
        server_type: ServerType::ImapSmtp,
        endpoint: Endpoint {
            server: "localhost".into(),
            port: if security == Security::Tls { servers.ports.imaps } else { servers.ports.imap },
            security,
            trust: CertificateTrust {
                ca_file: Some(servers.certificates.ca_pem.display().to_string()),
                pinned_sha256: vec![],
            },
        },
        credentials: Credentials::Password {
            user_name: account.address.clone(),
            password: Zeroizing::new(account.password.clone()),
        },
        allow_plain: false,
        max_message_bytes: 150 * 1024 * 1024,
        process_emails_from: None,
    }
}

fn imap() -> Imap {
    Imap::new(Arc::new(Connector::new(Timeouts::default())))
}

async fn open(access: &MailboxAccess) -> Box<dyn IncomingSession> {
    imap().open(access).await.unwrap()
}

#[derive(Default)]
struct Kept(Vec<(usize, Fetched)>);

#[async_trait]
impl MessageSink for Kept {
    async fn deliver(&mut self, index: usize, fetched: Fetched) -> Result<(), Failure> {
        self.0.push((index, fetched));
        Ok(())
    }
}

fn bytes(raw: &RawMessage) -> Vec<u8> {
    let mut bytes = Vec::new();
    raw.open().unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

fn message(number: usize, size: usize) -> Vec<u8> {
    let mut text =
        format!("From: x@y.test\r\nSubject: {number}\r\nMessage-ID: <{number}@y.test>\r\n\r\n").into_bytes();
    while text.len() < size {
        text.extend_from_slice(
            format!("line {} of message {number}, padded to be long\r\n", text.len()).as_bytes(),
        );
    }
    text
}

#[tokio::test]
async fn mail_is_listed_fetched_and_deleted() {
    let servers = servers();
    let sizes = [100, 3_000_000, 44_000, 1024 * 1024, 600_000, 200];
    let sent: Vec<Vec<u8>> = sizes.iter().enumerate().map(|(n, size)| message(n, *size)).collect();
    for raw in &sent {
        servers.deliver("amy", raw);
    }
    let access = access(&servers, Security::Tls);
    let mut session = open(&access).await;
    let changes = session.changes(None).await.unwrap();
    assert_eq!(changes.items.len(), sizes.len());
    assert!(changes.items.iter().all(|item| item.received_at.is_some() && item.size >= 100));
    let mut kept = Kept::default();
    session.fetch(&changes.items, &mut kept).await.unwrap();
    let mut got = Vec::new();
    for (at, (index, fetched)) in kept.0.iter().enumerate() {
        assert_eq!(at, *index);
        let Fetched::Message { raw, received_at } = fetched else { panic!("{fetched:?}") };
        assert!(received_at.is_some());
        let is_spooled = matches!(raw, RawMessage::Spooled { .. });
        assert_eq!(is_spooled, raw.len() > 512 * 1024);
        got.push(Sha256::digest(bytes(raw)));
    }
    let expected: Vec<_> = sent.iter().map(Sha256::digest).collect();
    let mut sorted = (got.clone(), expected);
    sorted.0.sort();
    sorted.1.sort();
    assert_eq!(sorted.0, sorted.1);

    // Nothing new, twice; then one more.
    let cursor = changes.cursor.unwrap();
    assert_eq!(session.changes(Some(&cursor)).await.unwrap().items, vec![]);
    servers.deliver("amy", &message(99, 300));
    let more = session.changes(Some(&cursor)).await.unwrap();
    assert_eq!(more.items.len(), 1);
    assert_ne!(more.cursor.as_ref().unwrap(), &cursor);

    // Deleting removes exactly these, and the list stays readable.
    let identities: Vec<ServerIdentity> =
        changes.items.iter().take(3).map(|item| item.identity.clone()).collect();
    session.delete(&identities).await.unwrap();
    assert_eq!(session.changes(None).await.unwrap().items.len(), sizes.len() + 1 - 3);
    // What was removed is gone, what is too large is told so, and what is of another inbox is gone.
    let mut items = changes.items.clone();
    items.truncate(2);
    items.push(more.items[0].clone());
    items.push(more.items[0].clone());
    items[3].size = u64::MAX;
    items.push(more.items[0].clone());
    items[4].identity = ServerIdentity("1:1".into());
    let mut kept = Kept::default();
    session.fetch(&items, &mut kept).await.unwrap();
    let words: Vec<_> = kept
        .0
        .iter()
        .map(|(_, fetched)| match fetched {
            Fetched::Message { .. } => "message",
            Fetched::Gone => "gone",
            Fetched::TooLarge => "too large",
            Fetched::TooOld { .. } => "too old",
            Fetched::Failed(_) => "failed",
        })
        .collect();
    assert_eq!(words, ["gone", "gone", "message", "too large", "gone"]);
    session.close().await.unwrap();
}

#[tokio::test]
async fn the_ladder_is_climbed_and_nothing_changes() {
    let servers = servers();
    servers.deliver("amy", &message(1, 100));
    for security in [Security::Tls, Security::StartTls] {
        let access = access(&servers, security);
        let rungs = imap().probe(&access, &NoReport).await;
        let names: Vec<_> = rungs.iter().map(|rung| rung.name).collect();
        use RungName::{Dns, List, Login, Read, Tcp, Tls};
        assert_eq!(names, [Dns, Tcp, Tls, Login, List, Read]);
        for rung in &rungs {
            assert_eq!(rung.outcome, RungOutcome::Passed, "{rung:?}");
        }
        assert!(rungs[4].server_said.contains("1 messages"), "{:?}", rungs[4]);
    }
    // Neither read nor recent flags were touched: the message is still in `new`.
    assert_eq!(servers.inbox("amy").len(), 1);
}

#[tokio::test]
async fn a_wrong_password_is_told_apart() {
    let servers = servers();
    let mut access = access(&servers, Security::Tls);
    access.credentials = Credentials::Password {
        user_name: servers.account("amy").address.clone(),
        password: Zeroizing::new("wrong".into()),
    };
    let failure = imap().open(&access).await.err().unwrap();
    assert_eq!(failure.code, FailureCode::AuthenticationFailed, "{failure}");
}

/// `cargo test --release -p tandem-mail --test dovecot -- --ignored --nocapture`
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: 5,000 messages of 44 KB"]
async fn measure_many_messages() {
    let servers = servers();
    for number in 0..5_000 {
        servers.deliver("amy", &message(number, 44 * 1024));
    }
    let access = access(&servers, Security::Tls);
    let mut session = open(&access).await;
    for _ in 0..2 {
        let started = Instant::now();
        let changes = session.changes(None).await.unwrap();
        let listed = started.elapsed();
        let mut kept = Counted::default();
        let started = Instant::now();
        session.fetch(&changes.items, &mut kept).await.unwrap();
        let took = started.elapsed().as_secs_f64();
        println!(
            "{} listed in {listed:?}; {} messages, {:.1} MB fetched in {took:.2} s: {:.0}/s",
            changes.items.len(),
            kept.0,
            kept.1 as f64 / 1e6,
            kept.0 as f64 / took
        );
        assert_eq!(kept.0, 5_000);
        println!("openssl's client takes {:.2} s for the same bytes", raw_seconds(&servers));
    }
}

/// The same bytes by one command, read and thrown away: as fast as Dovecot and TLS are.
fn raw_seconds(servers: &MailServers) -> f64 {
    let account = servers.account("amy");
    let script = format!(
        "a LOGIN \"{}\" \"{}\"\nb EXAMINE INBOX\nc UID FETCH 1:* (UID BODY.PEEK[])\nd LOGOUT\n",
        account.address, account.password
    );
    let started = Instant::now();
    let mut client = std::process::Command::new("openssl")
        .args(["s_client", "-quiet", "-crlf", "-connect", &format!("127.0.0.1:{}", servers.ports.imaps)])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    std::io::Write::write_all(client.stdin.as_mut().unwrap(), script.as_bytes()).unwrap();
    let mut head = [0; 300];
    let mut read = client.stdout.as_mut().unwrap().read(&mut head).unwrap() as u64;
    read += std::io::copy(client.stdout.as_mut().unwrap(), &mut std::io::sink()).unwrap();
    client.wait().unwrap();
    assert!(read > 200_000_000, "{read}: {}", String::from_utf8_lossy(&head));
    started.elapsed().as_secs_f64()
}

#[derive(Default)]
struct Counted(u64, u64);

#[async_trait]
impl MessageSink for Counted {
    async fn deliver(&mut self, _index: usize, fetched: Fetched) -> Result<(), Failure> {
        if let Fetched::Message { raw, .. } = fetched {
            self.0 += 1;
            self.1 += raw.len();
        }
        Ok(())
    }
}
