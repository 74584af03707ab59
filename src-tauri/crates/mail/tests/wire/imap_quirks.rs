//! IMAP as it goes wrong: servers that lie, flood, refuse, or are somebody else.

use crate::{
    imap_session::{body, item, let_in, listed, open, open_inbox, try_open},
    support::{Identity, Kept, Peer, access, serve, serve_watched, trusting},
};
use tandem_domain::{
    failure::{FailureCode, Nature, Scope},
    probe::{RungName, RungOutcome},
    profile::Security,
};
use tandem_engine::ports::mail::{IncomingMail, NoReport};
use tandem_mail::imap::Imap;

#[tokio::test]
async fn a_message_that_is_announced_with_four_gigabytes_ends_the_connection_and_not_the_mailbox() {
    let address = serve(None, async |mut peer| {
        let_in(&mut peer, "").await;
        open_inbox(&mut peer, "T2 EXAMINE INBOX", 3, 7, 11).await;
        peer.hear().await;
        peer.say(body(1, "fine")).await;
        peer.say("* 2 FETCH (UID 2 BODY[] {4294967295}\r\n").await;
        let junk = vec![b'x'; 64 * 1024];
        for _ in 0..100 {
            peer.say(&junk).await;
        }
    })
    .await;
    let mut session = open(address).await;
    let mut kept = Kept::default();
    let failure =
        session.fetch(&[item("7:1", 4), item("7:2", 4), item("7:3", 4)], &mut kept).await.unwrap_err();
    assert_eq!((failure.code, failure.nature), (FailureCode::ProtocolViolation, Nature::Transient));
    assert_eq!(kept.texts(), ["fine", "too large"]);
    // Nothing more can be said on it.
    let again = session.changes(None).await.unwrap_err();
    assert_eq!(again.code, FailureCode::ConnectionLost);
}

#[tokio::test]
async fn a_large_message_that_never_ends_is_too_large() {
    let address = serve(None, async |mut peer| {
        let_in(&mut peer, "").await;
        open_inbox(&mut peer, "T2 EXAMINE INBOX", 3, 7, 11).await;
        let piece = "x".repeat(1024 * 1024);
        for n in 0_u64.. {
            let line = peer.hear().await;
            let Some((tag, _)) = line.split_once(' ') else { return };
            let offset = n * 1024 * 1024;
            peer.say(format!("* 1 FETCH (UID 1 BODY[]<{offset}> {{1048576}}\r\n{piece})\r\n{tag} OK\r\n"))
                .await;
        }
    })
    .await;
    let mut access = access(address, Security::None);
    access.max_message_bytes = 5_000_000;
    let mut session = try_open(&access).await.unwrap();
    let mut kept = Kept::default();
    session.fetch(&[item("7:1", 2_000_000)], &mut kept).await.unwrap_err();
    assert_eq!(kept.texts(), ["too large"]);
}

#[tokio::test]
async fn a_message_that_the_server_cannot_read_does_not_hide_the_others() {
    let (address, mut watch) = serve_watched(None, async |mut peer| {
        let_in(&mut peer, "").await;
        open_inbox(&mut peer, "T2 EXAMINE INBOX", 3, 7, 11).await;
        peer.expect("T3 UID FETCH 1:3 (UID BODY.PEEK[])").await;
        peer.say(format!("{}T3 NO [SERVERBUG] Internal error\r\n", body(1, "one"))).await;
        peer.on("T4 UID FETCH 2 (UID BODY.PEEK[])", "T4 NO Internal error\r\n").await;
        peer.on("T5 UID FETCH 3 (UID BODY.PEEK[])", &format!("{}T5 OK\r\n", body(3, "three"))).await;
    })
    .await;
    let mut session = open(address).await;
    let mut kept = Kept::default();
    session.fetch(&[item("7:1", 3), item("7:2", 3), item("7:3", 5)], &mut kept).await.unwrap();
    assert_eq!(kept.texts(), ["one", "failed: message_unavailable", "three"]);
    watch.script_held().await;
}

#[tokio::test]
async fn a_server_that_can_read_nothing_loses_nothing() {
    for refusal in ["NO Internal error", "NO [UNAVAILABLE] later", "BAD what?"] {
        let address = serve(None, move |mut peer: Peer| async move {
            let_in(&mut peer, "").await;
            open_inbox(&mut peer, "T2 EXAMINE INBOX", 3, 7, 11).await;
            for tag in 3..10 {
                peer.hear().await;
                peer.say(format!("T{tag} {refusal}\r\n")).await;
            }
        })
        .await;
        let mut session = open(address).await;
        let mut kept = Kept::default();
        let failure = session.fetch(&[item("7:1", 3), item("7:2", 3)], &mut kept).await.unwrap_err();
        assert_eq!((failure.nature, failure.scope), (Nature::Transient, Scope::Mailbox), "{refusal}");
        assert_eq!(kept.texts(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn what_was_removed_meanwhile_is_gone() {
    let address = serve(None, async |mut peer| {
        let_in(&mut peer, "").await;
        open_inbox(&mut peer, "T2 EXAMINE INBOX", 3, 7, 11).await;
        peer.expect("T3 UID FETCH 1:2 (UID BODY.PEEK[])").await;
        peer.say(format!("* 1 EXPUNGE\r\n{}T3 NO [EXPUNGEISSUED] some are gone\r\n", body(2, "two"))).await;
        peer.hear().await;
        peer.say("T4 OK\r\n").await;
        peer.hear().await;
        peer.say("T5 OK\r\n").await;
    })
    .await;
    let mut session = open(address).await;
    let mut kept = Kept::default();
    let items = [item("7:1", 3), item("7:2", 3), item("6:2", 3), item("7:9", 2_000_000)];
    session.fetch(&items, &mut kept).await.unwrap();
    assert_eq!(kept.texts(), ["gone", "two", "gone", "gone"]);
}

#[tokio::test]
async fn a_good_bye_in_the_middle_is_told_in_the_servers_words() {
    let address = serve(None, async |mut peer| {
        let_in(&mut peer, "").await;
        open_inbox(&mut peer, "T2 EXAMINE INBOX", 3, 7, 11).await;
        peer.hear().await;
        peer.say(format!("{}* BYE [UNAVAILABLE] maintenance\r\n", listed(1, 1))).await;
    })
    .await;
    let failure = open(address).await.changes(None).await.unwrap_err();
    assert_eq!(failure.code, FailureCode::ServerUnavailable);
    assert!(failure.server_said.contains("maintenance"));
}

#[tokio::test]
async fn floods_and_nonsense_end_the_connection() {
    let endless = "* 1 FETCH (UID 1 ".to_owned() + &"x".repeat(500_000);
    let literal = "* LIST () \"/\" {300000000}\r\n".to_owned();
    let many_literals = "* 1 FETCH (ENVELOPE (".to_owned() + &"{1}\r\nx ".repeat(100_000);
    let status = "* 1 EXISTS\r\n".repeat(100_000);
    let answers = [
        endless,
        literal,
        many_literals,
        status,
        "nonsense\r\n".into(),
        "T99 OK\r\n".into(),
        "\0\0\r\n".into(),
    ];
    for answer in answers {
        let shown = answer.chars().take(30).collect::<String>();
        let answer: &'static str = answer.leak();
        let address = serve(None, move |mut peer: Peer| async move {
            let_in(&mut peer, "").await;
            open_inbox(&mut peer, "T2 EXAMINE INBOX", 3, 7, 11).await;
            peer.hear().await;
            peer.say(answer).await;
            peer.be_silent().await;
        })
        .await;
        let failure = open(address).await.changes(None).await.unwrap_err();
        assert_eq!(failure.code, FailureCode::ProtocolViolation, "{shown}: {failure}");
        assert_eq!(failure.nature, Nature::Transient);
    }
}

#[tokio::test]
async fn refusals_to_log_in_are_told_apart() {
    for (caps, answer, code, nature) in [
        (
            "AUTH=PLAIN SASL-IR",
            "NO [AUTHENTICATIONFAILED] x",
            FailureCode::AuthenticationFailed,
            Nature::Permanent,
        ),
        ("AUTH=PLAIN SASL-IR", "NO [UNAVAILABLE] x", FailureCode::ServerUnavailable, Nature::Transient),
        ("LOGINDISABLED", "", FailureCode::AuthenticationUnsupported, Nature::Permanent),
    ] {
        let address = serve(None, move |mut peer: Peer| async move {
            peer.say(format!("* OK [CAPABILITY IMAP4rev1 {caps}] ready\r\n")).await;
            peer.hear().await;
            peer.say(format!("T1 {answer}\r\n")).await;
        })
        .await;
        let failure = try_open(&access(address, Security::None)).await.err().unwrap();
        assert_eq!((failure.code, failure.nature), (code, nature), "{answer}");
    }
    let address = serve(None, async |mut peer| {
        peer.say("* BYE [UNAVAILABLE] too many connections\r\n").await;
    })
    .await;
    let rungs = Imap::new(crate::support::patient()).probe(&access(address, Security::None), &NoReport).await;
    let last = rungs.last().unwrap();
    assert_eq!(last.name, RungName::Login);
    assert!(matches!(&last.outcome, RungOutcome::Failed(f) if f.code == FailureCode::Throttled));
}

#[tokio::test]
async fn starttls_is_insisted_on() {
    // Stripped, refused, or pretended to be needless.
    for greeting in
        ["* OK [CAPABILITY IMAP4rev1] x\r\n", "* PREAUTH x\r\n", "* OK [CAPABILITY STARTTLS] x\r\n"]
    {
        let address = serve(None, move |mut peer: Peer| async move {
            peer.say(greeting).await;
            peer.hear().await;
            peer.say("T1 NO\r\n").await;
            assert_eq!(peer.hear().await, "", "nothing follows, and no password");
        })
        .await;
        let failure = try_open(&access(address, Security::StartTls)).await.err().unwrap();
        assert_eq!(failure.code, FailureCode::StartTlsMissing, "{greeting}");
    }
    // Injected behind the agreement.
    let address = serve(None, async |mut peer| {
        peer.say("* OK [CAPABILITY STARTTLS] x\r\n").await;
        peer.on("T1 STARTTLS", "T1 OK go\r\n* OK [CAPABILITY IMAP4rev1] injected\r\n").await;
        peer.be_silent().await;
    })
    .await;
    let failure = try_open(&access(address, Security::StartTls)).await.err().unwrap();
    assert_eq!(failure.code, FailureCode::ProtocolViolation);
    // As it should be; what was said before counts no more.
    let identity = std::sync::Arc::new(Identity::self_signed(&["localhost"]));
    let theirs = std::sync::Arc::clone(&identity);
    let (address, mut watch) = serve_watched(None, move |mut peer| {
        let identity = std::sync::Arc::clone(&theirs);
        async move {
            peer.say("* OK [CAPABILITY STARTTLS LOGINDISABLED] x\r\n").await;
            peer.on("T1 STARTTLS", "T1 OK go\r\n").await;
            let mut peer = peer.start_tls(&identity).await;
            peer.on("T2 CAPABILITY", "* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\nT2 OK\r\n").await;
            assert!(peer.hear().await.starts_with("T3 AUTHENTICATE PLAIN "));
            peer.say("T3 OK [CAPABILITY IMAP4rev1] in\r\n").await;
            open_inbox(&mut peer, "T4 EXAMINE INBOX", 0, 7, 1).await;
        }
    })
    .await;
    let access = trusting(access(address, Security::StartTls), &identity);
    try_open(&access).await.unwrap().changes(None).await.unwrap();
    watch.script_held().await;
}

#[tokio::test]
async fn another_kind_of_server_is_named() {
    for (greeting, kind) in [
        (&b"+OK POP3 ready\r\n"[..], "POP3"),
        (b"220 mail ESMTP\r\n", "SMTP"),
        (b"HTTP/1.1 400 Bad Request\r\n", "web"),
        (b"* HELLO\r\n", "no IMAP"),
    ] {
        let address = serve(None, move |mut peer: Peer| async move {
            peer.say(greeting).await;
            peer.be_silent().await;
        })
        .await;
        let failure = try_open(&access(address, Security::None)).await.err().unwrap();
        let known = kind != "no IMAP";
        let code = if known { FailureCode::WrongProtocol } else { FailureCode::ProtocolViolation };
        assert_eq!(failure.code, code);
        assert!(failure.server_said.contains(kind), "{failure}");
    }
}

#[tokio::test]
async fn an_inbox_without_lasting_numbers_is_refused() {
    let address = serve(None, async |mut peer| {
        let_in(&mut peer, "").await;
        peer.on("T2 EXAMINE INBOX", "* 3 EXISTS\r\nT2 OK\r\n").await;
    })
    .await;
    let failure = open(address).await.changes(None).await.err().unwrap();
    assert_eq!(failure.code, FailureCode::CapabilityMissing);
}
