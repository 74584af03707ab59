//! POP3 servers that refuse, lie, garble and fall silent.

use super::pop3_session::{let_in, list, open, plain_line};
use crate::support::{Identity, Kept, PASSWORD, access, impatient, serve, serve_watched, trusting};
use std::{sync::Arc, time::Duration};
use tandem_domain::{
    failure::{Failure, FailureCode, Nature, Scope},
    ledger::ServerIdentity,
    profile::Security,
};
use tandem_engine::ports::mail::IncomingMail;
use tandem_mail::pop3::Pop3;

/// What a server that says these lines, each after one of ours, makes of opening and listing.
async fn failure_of(lines: &'static [&'static [u8]]) -> Failure {
    let address = serve(None, move |mut peer| async move {
        let (first, rest) = lines.split_first().unwrap();
        peer.say(first).await;
        for line in rest {
            peer.hear().await;
            peer.say(line).await;
        }
        peer.be_silent().await;
    })
    .await;
    let failure = match Pop3::new(impatient()).open(&access(address, Security::None)).await {
        Ok(mut session) => session.changes(None).await.unwrap_err(),
        Err(failure) => failure,
    };
    assert!(!format!("{failure:?}").contains(PASSWORD));
    failure
}

async fn refused_by(address: std::net::SocketAddr) -> Failure {
    let access = access(address, Security::None);
    Pop3::new(impatient()).open(&access).await.err().expect("a failure")
}

#[tokio::test]
async fn each_refusal_has_its_meaning() {
    const CAPA: &[u8] = b"+OK\r\nSASL PLAIN\r\nLOGIN-DELAY 90\r\n.\r\n";
    use FailureCode::*;
    let cases: [(&'static [&'static [u8]], _, _, _); 11] = [
        (&[b"-ERR too busy\r\n"], ServerUnavailable, Nature::Transient, Scope::Profile),
        (&[b"* OK IMAP4rev1\r\n"], WrongProtocol, Nature::Permanent, Scope::Profile),
        (&[b"220 mail ESMTP\r\n"], WrongProtocol, Nature::Permanent, Scope::Profile),
        (&[b"\x00\xff\xfe nonsense\r\n"], ProtocolViolation, Nature::Transient, Scope::Profile),
        (&[b"\x15\x03\x01\x00\x02\x02\x46"], TlsPortMismatch, Nature::Permanent, Scope::Profile),
        (&[b"+OK\r\n", CAPA, b"-ERR [AUTH] no\r\n"], AuthenticationFailed, Nature::Permanent, Scope::Mailbox),
        (&[b"+OK\r\n", CAPA, b"-ERR wrong\r\n"], AuthenticationFailed, Nature::Permanent, Scope::Mailbox),
        (&[b"+OK\r\n", CAPA, b"-ERR [IN-USE] held\r\n"], MailboxInUse, Nature::Transient, Scope::Mailbox),
        (&[b"+OK\r\n", CAPA, b"-ERR [LOGIN-DELAY] wait\r\n"], Throttled, Nature::Transient, Scope::Mailbox),
        (
            &[b"+OK\r\n", CAPA, b"-ERR [SYS/TEMP] db\r\n"],
            ServerUnavailable,
            Nature::Transient,
            Scope::Mailbox,
        ),
        (&[b"+OK\r\n", b"+OK\r\n.\r\n"], AuthenticationUnsupported, Nature::Permanent, Scope::Profile),
    ];
    for (lines, code, nature, scope) in cases {
        let failure = failure_of(lines).await;
        assert_eq!(
            (failure.code, failure.nature, failure.scope),
            (code, nature, scope),
            "{lines:?}: {failure}"
        );
        if code == Throttled {
            assert_eq!(failure.retry_after, Some(chrono::Duration::seconds(90)));
        }
    }
}

#[tokio::test]
async fn a_second_password_is_tried_only_where_it_cannot_count_as_wrong() {
    let (address, mut watch) = serve_watched(None, async |mut peer| {
        peer.say("+OK\r\n").await;
        peer.on("CAPA", "+OK\r\nUSER\r\nSASL PLAIN\r\n.\r\n").await;
        peer.on(&plain_line(), "-ERR unknown command\r\n").await;
        peer.on("USER amy", "+OK\r\n").await;
        peer.on(&format!("PASS {PASSWORD}"), "+OK\r\n").await;
    })
    .await;
    open(impatient(), address).await;
    // This one would say [AUTH] if it were the password: it is asked once only.
    let lines: &[&[u8]] = &[
        b"+OK\r\n",
        b"+OK\r\nUSER\r\nAUTH-RESP-CODE\r\nSASL PLAIN\r\n.\r\n",
        b"-ERR [AUTH] no\r\n",
        b"+OK must not be asked\r\n",
    ];
    assert_eq!(failure_of(lines).await.code, FailureCode::AuthenticationFailed);
    watch.script_held().await;
}

#[tokio::test]
async fn a_server_that_repeats_the_password_does_not_make_it_known() {
    const REPEATED: &[u8] = "-ERR unknown command PASS correct horse \u{e4}\r\n".as_bytes();
    let lines: &[&[u8]] = &[b"+OK\r\n", b"-ERR\r\n", b"+OK\r\n", REPEATED];
    assert_eq!(failure_of(lines).await.server_said, "-ERR unknown command PASS ***");
}

#[tokio::test]
async fn silence_ends_in_time_at_every_step() {
    const IN: [&[u8]; 3] = [b"+OK\r\n", b"+OK\r\nSASL PLAIN\r\n.\r\n", b"+OK\r\n"];
    for lines in [&[&b""[..]][..], &[b"+OK"], &[IN[0]], &[IN[0], b"+OK\r\nUSER\r\n"], &[IN[0], IN[1]], &IN] {
        let leaked: &'static [&'static [u8]] = Vec::leak(lines.to_vec());
        assert_eq!(failure_of(leaked).await.code, FailureCode::TimedOut, "{lines:?}");
    }
}

#[tokio::test]
async fn a_server_that_trickles_ends_in_time() {
    let address = serve(None, async |mut peer| {
        peer.say("+OK\r\n").await;
        peer.hear().await;
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            peer.say("x").await;
        }
    })
    .await;
    let opened = tokio::time::timeout(Duration::from_secs(5), refused_by(address));
    assert_eq!(opened.await.expect("it ends").code, FailureCode::TimedOut);
}

#[tokio::test]
async fn a_line_without_end_is_a_violation() {
    let address = serve(None, async |mut peer| {
        peer.say("+OK ").await;
        loop {
            peer.say([b'x'; 4096]).await;
            tokio::task::yield_now().await;
        }
    })
    .await;
    let failure = refused_by(address).await;
    assert_eq!(failure.code, FailureCode::ProtocolViolation);
}

#[tokio::test]
async fn uidl_is_needed() {
    let lines: &[&[u8]] = &[b"+OK\r\n", b"-ERR\r\n", b"+OK\r\n", b"+OK\r\n", b"-ERR unknown command\r\n"];
    let failure = failure_of(lines).await;
    assert_eq!((failure.code, failure.nature), (FailureCode::CapabilityMissing, Nature::Permanent));
    assert!(failure.server_said.contains("use IMAP"), "{failure}");
}

#[tokio::test]
async fn strange_uidls_still_give_each_message_its_own_identity() {
    let (address, mut watch) = serve_watched(None, async |mut peer| {
        let_in(&mut peer).await;
        let long = "u".repeat(900);
        list(&mut peer, &format!("1 dup\r\n2 dup\r\n3 {long}\r\n4\r\n5 \r\n"), "").await;
        peer.on("TOP 4 0", "+OK\r\nSubject: four\r\n\r\n.\r\n").await;
        peer.on("TOP 5 0", "+OK\r\nSubject: five\r\n\r\n.\r\n").await;
        // `dup` is never deleted.
        peer.expect("QUIT").await;
    })
    .await;
    let mut session = open(impatient(), address).await;
    let items = session.changes(None).await.unwrap().items;
    let ids: std::collections::BTreeSet<_> = items.iter().map(|item| item.identity.0.clone()).collect();
    assert_eq!(ids.len(), 5, "{ids:?}");
    assert!(ids.iter().all(|id| id.len() < 100));
    session.delete(&[ServerIdentity("dup".into())]).await.unwrap();
    session.close().await.unwrap();
    watch.script_held().await;
}

#[tokio::test]
async fn a_list_of_nonsense_is_a_violation() {
    for line in ["nonsense\r\n", "0 a\r\n", "99999999999 a\r\n", "\u{0}\u{0}\r\n", "\r\n"] {
        let address = serve(None, move |mut peer| async move {
            let_in(&mut peer).await;
            list(&mut peer, line, "").await;
            peer.be_silent().await;
        })
        .await;
        let mut session = open(impatient(), address).await;
        assert_eq!(session.changes(None).await.unwrap_err().code, FailureCode::ProtocolViolation, "{line:?}");
        // Half an answer may be left: the session says so instead of reading on.
        assert_eq!(session.changes(None).await.unwrap_err().code, FailureCode::ConnectionLost);
    }
}

#[tokio::test]
async fn what_is_announced_too_large_is_not_fetched_and_what_turns_out_so_is_not_kept() {
    let address = serve(None, async |mut peer| {
        let_in(&mut peer).await;
        list(&mut peer, "1 a\r\n2 b\r\n3 c\r\n", "1 4294967296\r\n2 10\r\n3 3\r\n").await;
        peer.expect("RETR 2").await;
        peer.expect("RETR 3").await;
        peer.say(format!("+OK\r\n{}\r\n.\r\n+OK\r\nc\r\n.\r\n", "y".repeat(200_000))).await;
        peer.be_silent().await;
    })
    .await;
    let mut access = access(address, Security::None);
    access.max_message_bytes = 100_000;
    let mut session = Pop3::new(impatient()).open(&access).await.unwrap();
    let items = session.changes(None).await.unwrap().items;
    assert_eq!(items[0].size, 4_294_967_296);
    let mut kept = Kept::default();
    session.fetch(&items, &mut kept).await.unwrap();
    assert_eq!(kept.texts(), ["too large", "too large", "c\r\n"]);
}

#[tokio::test]
async fn a_message_without_end_is_decided_before_the_session_ends() {
    let address = serve(None, async |mut peer| {
        let_in(&mut peer).await;
        list(&mut peer, "1 a\r\n", "1 10\r\n").await;
        peer.on("RETR 1", "+OK\r\n").await;
        let lines = "z".repeat(78) + "\r\n";
        for _ in 0..2000 {
            peer.say(lines.repeat(500)).await;
        }
    })
    .await;
    let mut access = access(address, Security::None);
    access.max_message_bytes = 100_000;
    let mut session = Pop3::new(impatient()).open(&access).await.unwrap();
    let items = session.changes(None).await.unwrap().items;
    let mut kept = Kept::default();
    let failure = session.fetch(&items, &mut kept).await.unwrap_err();
    assert_eq!(failure.code, FailureCode::ProtocolViolation);
    assert_eq!(kept.texts(), ["too large"]);
}

#[tokio::test]
async fn a_cut_in_the_middle_of_a_message_delivers_only_whole_ones() {
    let address = serve(None, async |mut peer| {
        let_in(&mut peer).await;
        list(&mut peer, "1 a\r\n2 b\r\n", "1 3\r\n2 3\r\n").await;
        peer.hear().await;
        peer.on("RETR 2", "+OK\r\na\r\n.\r\n+OK\r\nhalf a mess").await;
    })
    .await;
    let mut session = open(impatient(), address).await;
    let items = session.changes(None).await.unwrap().items;
    let mut kept = Kept::default();
    let failure = session.fetch(&items, &mut kept).await.unwrap_err();
    assert_eq!(failure.code, FailureCode::ConnectionLost);
    assert_eq!(kept.texts(), ["a\r\n"]);
}

#[tokio::test]
async fn a_passing_fault_of_the_server_does_not_make_a_message_gone() {
    let address = serve(None, async |mut peer| {
        let_in(&mut peer).await;
        list(&mut peer, "1 a\r\n", "1 3\r\n").await;
        peer.on("RETR 1", "-ERR [SYS/TEMP] storage is away\r\n").await;
    })
    .await;
    let mut session = open(impatient(), address).await;
    let items = session.changes(None).await.unwrap().items;
    let mut kept = Kept::default();
    let failure = session.fetch(&items, &mut kept).await.unwrap_err();
    assert_eq!((failure.code, failure.nature), (FailureCode::ServerUnavailable, Nature::Transient));
    assert!(kept.0.is_empty());
}

#[tokio::test]
async fn pipelined_answers_are_understood_wherever_they_are_cut() {
    const ANSWERS: &str = "+OK\r\n..a\r\n.\r\n-ERR gone\r\n+OK x\r\n.\r\n+OK\r\nd\r\n...\r\n.\r\n";
    for cut in 0..=ANSWERS.len() {
        let address = serve(None, move |mut peer| async move {
            let_in(&mut peer).await;
            list(&mut peer, "1 a\r\n2 b\r\n3 c\r\n4 d\r\n", "").await;
            for _ in 0..4 {
                peer.hear().await;
            }
            peer.say(&ANSWERS[..cut]).await;
            tokio::time::sleep(Duration::from_millis(2)).await;
            peer.say(&ANSWERS[cut..]).await;
            peer.be_silent().await;
        })
        .await;
        let mut session = open(impatient(), address).await;
        let items = session.changes(None).await.unwrap().items;
        let mut kept = Kept::default();
        session.fetch(&items, &mut kept).await.unwrap();
        assert_eq!(
            kept.texts(),
            [".a\r\n", "failed: message_unavailable", "", "d\r\n..\r\n"],
            "cut at {cut}"
        );
    }
}

#[tokio::test]
async fn a_stripped_starttls_ends_before_the_password() {
    let (address, mut watch) = serve_watched(None, async |mut peer| {
        peer.say("+OK\r\n").await;
        peer.on("STLS", "-ERR unknown\r\n").await;
        assert_eq!(peer.hear().await, "", "nothing more is sent");
    })
    .await;
    let failure = Pop3::new(impatient()).open(&access(address, Security::StartTls)).await.err().unwrap();
    assert_eq!((failure.code, failure.nature), (FailureCode::StartTlsMissing, Nature::Permanent));
    watch.script_held().await;
}

#[tokio::test]
async fn an_answer_injected_before_the_encryption_is_noticed() {
    let identity = Arc::new(Identity::self_signed(&["localhost"]));
    let (address, mut watch) = serve_watched(None, async |mut peer| {
        peer.say("+OK\r\n").await;
        peer.on("STLS", "+OK go\r\n+OK\r\nSASL PLAIN\r\n.\r\n").await;
        assert!(!peer.hear().await.contains("AUTH"));
    })
    .await;
    let access = trusting(access(address, Security::StartTls), &identity);
    let failure = Pop3::new(impatient()).open(&access).await.err().unwrap();
    assert_eq!(failure.code, FailureCode::ProtocolViolation);
    assert!(failure.server_said.contains("tampering"), "{failure}");
    watch.script_held().await;
}
