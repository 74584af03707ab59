//! POP3 as it should go: log in, list, fetch, delete, good-bye.

use crate::support::{
    Identity, Kept, PASSWORD, Peer, access, bytes, impatient, patient, serve, serve_watched, trusting,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::sync::Arc;
use tandem_domain::{
    failure::FailureCode,
    ledger::ServerIdentity,
    probe::{RungName, RungOutcome},
    profile::Security,
};
use tandem_engine::{
    ports::mail::{Fetched, IncomingMail, IncomingSession, NoReport},
    raw::RawMessage,
};
use tandem_mail::{net::Connector, pop3::Pop3};

const CAPABILITIES: &str = "+OK\r\nUSER\r\nUIDL\r\nTOP\r\nPIPELINING\r\nSASL PLAIN LOGIN\r\n.\r\n";

pub fn plain_line() -> String {
    format!("AUTH PLAIN {}", STANDARD.encode(format!("\0amy\0{PASSWORD}")))
}

/// Greets and lets Amy in, with pipelining announced.
pub async fn let_in(peer: &mut Peer) {
    peer.say("+OK ready\r\n").await;
    peer.on("CAPA", CAPABILITIES).await;
    peer.on(&plain_line(), "+OK in\r\n").await;
}

pub async fn list(peer: &mut Peer, uids: &str, sizes: &str) {
    peer.expect("UIDL").await;
    peer.on("LIST", &format!("+OK\r\n{uids}.\r\n+OK\r\n{sizes}.\r\n")).await;
}

pub async fn open(connector: Arc<Connector>, address: std::net::SocketAddr) -> Box<dyn IncomingSession> {
    Pop3::new(connector).open(&access(address, Security::None)).await.unwrap()
}

#[tokio::test]
async fn mail_is_listed_fetched_in_a_pipeline_and_deleted_at_the_end() {
    let identity = Identity::self_signed(&["localhost"]);
    let (address, mut watch) = serve_watched(Some(&identity), async |mut peer| {
        let_in(&mut peer).await;
        list(&mut peer, "1 aa\r\n2 bb\r\n3 cc\r\n", "1 5\r\n2 7\r\n3 9\r\n").await;
        // All three are asked for before the first is answered.
        for number in 1..=3 {
            peer.expect(&format!("RETR {number}")).await;
        }
        peer.say("+OK\r\nS: 1\r\n\r\n..dot\r\n.\r\n-ERR no such message\r\n+OK\r\nS: 3\r\n.\r\n").await;
        peer.on("DELE 1", "+OK\r\n").await;
        peer.on("DELE 3", "+OK\r\n").await;
        peer.on("QUIT", "+OK bye\r\n").await;
    })
    .await;
    let access = trusting(access(address, Security::Tls), &identity);
    let mut session = Pop3::new(patient()).open(&access).await.unwrap();
    let changes = session.changes(None).await.unwrap();
    assert_eq!((changes.folder.as_str(), &changes.cursor), ("INBOX", &None));
    let listed: Vec<_> = changes.items.iter().map(|item| (item.identity.0.as_str(), item.size)).collect();
    assert_eq!(listed, [("aa", 5), ("bb", 7), ("cc", 9)]);
    let mut kept = Kept::default();
    session.fetch(&changes.items, &mut kept).await.unwrap();
    assert_eq!(kept.texts(), ["S: 1\r\n\r\n.dot\r\n", "failed: message_unavailable", "S: 3\r\n"]);
    let identities = ["aa", "cc", "never there"].map(|uid| ServerIdentity(uid.into()));
    session.delete(&identities).await.unwrap();
    session.close().await.unwrap();
    watch.script_held().await;
}

#[tokio::test]
async fn a_server_without_capa_is_used_one_command_at_a_time() {
    let (address, mut watch) = serve_watched(None, async |mut peer| {
        peer.say("+OK old\r\n").await;
        peer.on("CAPA", "-ERR what\r\n").await;
        peer.on("USER amy", "+OK\r\n").await;
        peer.on(&format!("PASS {PASSWORD}"), "+OK\r\n").await;
        peer.on("UIDL", "+OK\r\n1 x\r\n2 y\r\n.\r\n").await;
        peer.on("LIST", "-ERR no\r\n").await;
        peer.on("RETR 1", "+OK\r\na\r\n.\r\n").await;
        peer.on("RETR 2", "+OK\r\nb\r\n.\r\n").await;
        peer.expect("QUIT").await;
    })
    .await;
    let mut session = open(patient(), address).await;
    let changes = session.changes(None).await.unwrap();
    assert_eq!(changes.items[0].size, 0);
    let mut kept = Kept::default();
    session.fetch(&changes.items, &mut kept).await.unwrap();
    assert_eq!(kept.texts(), ["a\r\n", "b\r\n"]);
    // The server goes away instead of saying good-bye; nothing was deleted, so that nothing is lost.
    session.close().await.unwrap();
    watch.script_held().await;
}

#[tokio::test]
async fn long_credentials_go_into_a_line_of_their_own() {
    let password = "p".repeat(300);
    let expected = STANDARD.encode(format!("\0amy\0{password}"));
    let address = serve(None, move |mut peer| {
        let expected = expected.clone();
        async move {
            peer.say("+OK\r\n").await;
            peer.on("CAPA", "+OK\r\nSASL PLAIN\r\n.\r\n").await;
            peer.on("AUTH PLAIN", "+ \r\n").await;
            peer.on(&expected, "+OK\r\n").await;
            peer.be_silent().await;
        }
    })
    .await;
    let mut access = access(address, Security::None);
    access.credentials = tandem_engine::ports::mail::Credentials::Password {
        user_name: "amy".into(),
        password: zeroize::Zeroizing::new(password),
    };
    Pop3::new(impatient()).open(&access).await.unwrap();
}

#[tokio::test]
async fn starttls_is_insisted_on_and_used() {
    let identity = Arc::new(Identity::self_signed(&["localhost"]));
    let served = Arc::clone(&identity);
    let (address, mut watch) = serve_watched(None, move |mut peer| {
        let identity = Arc::clone(&served);
        async move {
            peer.say("+OK\r\n").await;
            peer.on("STLS", "+OK go\r\n").await;
            let mut peer = peer.start_tls(&identity).await;
            peer.on("CAPA", CAPABILITIES).await;
            peer.on(&plain_line(), "+OK\r\n").await;
            list(&mut peer, "", "").await;
            peer.expect("QUIT").await;
        }
    })
    .await;
    let access = trusting(access(address, Security::StartTls), &identity);
    let rungs = Pop3::new(patient()).probe(&access, &NoReport).await;
    let names: Vec<_> = rungs.iter().map(|rung| rung.name).collect();
    use RungName::{Dns, List, Login, Read, Tcp, Tls};
    assert_eq!(names, [Dns, Tcp, Tls, Login, List, Read], "{rungs:?}");
    assert!(rungs[..5].iter().all(|rung| rung.outcome == RungOutcome::Passed), "{rungs:?}");
    assert!(matches!(&rungs[5].outcome, RungOutcome::Skipped(why) if why.contains("empty")));
    assert!(rungs[2].server_said.contains("CN=Test server"));
    watch.script_held().await;
}

#[tokio::test]
async fn a_probe_reads_headers_only() {
    let (address, mut watch) = serve_watched(None, async |mut peer| {
        let_in(&mut peer).await;
        list(&mut peer, "1 a\r\n7 b\r\n", "1 10\r\n7 20\r\n").await;
        peer.on("TOP 7 0", "+OK\r\nSubject: x\r\n\r\n.\r\n").await;
        peer.on("QUIT", "+OK\r\n").await;
    })
    .await;
    let rungs = Pop3::new(patient()).probe(&access(address, Security::None), &NoReport).await;
    assert_eq!(rungs.last().unwrap().outcome, RungOutcome::Passed, "{rungs:?}");
    assert_eq!(rungs[4].server_said, "2 messages, 30 bytes");
    watch.script_held().await;
}

#[tokio::test]
async fn a_large_message_is_spooled_and_whole() {
    const LINES: usize = 40_000;
    let address = serve(None, async |mut peer| {
        let_in(&mut peer).await;
        list(&mut peer, "1 a\r\n", "1 1\r\n").await;
        peer.on("RETR 1", "+OK\r\n").await;
        for number in 0..LINES {
            peer.say(format!("..line {number:08} {}\r\n", "x".repeat(60))).await;
        }
        peer.say(".\r\n").await;
        peer.be_silent().await;
    })
    .await;
    let mut session = open(patient(), address).await;
    let changes = session.changes(None).await.unwrap();
    let mut kept = Kept::default();
    session.fetch(&changes.items, &mut kept).await.unwrap();
    let (_, Fetched::Message { raw, .. }) = &kept.0[0] else { panic!("{:?}", kept.0) };
    assert!(matches!(raw, RawMessage::Spooled { .. }));
    let expected: String =
        (0..LINES).map(|number| format!(".line {number:08} {}\r\n", "x".repeat(60))).collect();
    assert!(bytes(raw) == expected.as_bytes());
}

#[tokio::test]
async fn a_failed_good_bye_after_deletions_is_a_failure() {
    for (answer, code) in [
        ("-ERR [SYS/TEMP] some deleted messages not removed\r\n", FailureCode::ServerUnavailable),
        ("", FailureCode::ConnectionLost),
    ] {
        let address = serve(None, move |mut peer| async move {
            let_in(&mut peer).await;
            list(&mut peer, "1 a\r\n", "1 1\r\n").await;
            peer.on("DELE 1", "+OK\r\n").await;
            peer.on("QUIT", answer).await;
        })
        .await;
        let mut session = open(patient(), address).await;
        session.delete(&[ServerIdentity("a".into())]).await.unwrap();
        assert_eq!(session.close().await.unwrap_err().code, code);
    }
}
