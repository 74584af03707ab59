//! Messages from before Process Emails From are left alone by their header, not fetched.

use crate::{
    pop3_session::{let_in, list},
    support::{Kept, PASSWORD, Peer, access, serve_watched},
};
use chrono::{DateTime, Utc};
use tandem_domain::{
    failure::FailureCode,
    profile::{Security, ServerType},
};
use tandem_engine::ports::mail::{Credentials, Fetched, IncomingMail, MailboxAccess};
use tandem_mail::pop3::Pop3;
use tandem_practice::{Fault, Feature, MailHub, Password, Pop3Server, ServerOptions, Stage};

const AMY: &str = "amy@contoso.test";

fn limit() -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2026-01-01T00:00:00Z").unwrap().to_utc()
}

/// Old and new in no order; some say when they were received, some only when they were sent, some nothing at all.
fn message(number: usize) -> (Vec<u8>, bool) {
    let received = |year: u32| format!("Received: by x; Mon, 15 Jun {year} 10:00:00 +0000\r\n");
    let date = |year: u32| format!("Date: Mon, 15 Jun {year} 10:00:00 +0000\r\n");
    let (header, is_old) = match number % 5 {
        0 => (received(2025) + &date(2026), true),
        1 => (received(2026) + &received(2025) + &date(2025), false),
        2 => (date(2025), true),
        3 => (date(2026), false),
        _ => (String::new(), false),
    };
    let body = "a line of a long text\r\n".repeat(2_000);
    (format!("{header}Message-ID: <{number}@x.test>\r\nSubject: {number}\r\n\r\n{body}").into_bytes(), is_old)
}

async fn practice(count: usize) -> (Pop3Server, MailboxAccess) {
    let hub = MailHub::new();
    hub.add_account(AMY, Password::new(PASSWORD), "Amy");
    for number in 0..count {
        hub.deliver(AMY, message(number).0).unwrap();
    }
    let server = Pop3Server::start(hub, ServerOptions::default()).await.unwrap();
    let mut access = access(server.address(), Security::None);
    access.server_type = ServerType::Pop3Smtp;
    access.credentials =
        Credentials::Password { user_name: AMY.into(), password: zeroize::Zeroizing::new(PASSWORD.into()) };
    access.process_emails_from = Some(limit());
    (server, access)
}

async fn fetch(access: &MailboxAccess) -> Kept {
    let mut session = Pop3::new(crate::support::patient()).open(access).await.unwrap();
    let items = session.changes(None).await.unwrap().items;
    let mut kept = Kept::default();
    session.fetch(&items, &mut kept).await.unwrap();
    session.close().await.unwrap();
    kept
}

fn given(server: &Pop3Server, verb: &str) -> usize {
    server.commands().iter().filter(|line| line.starts_with(verb)).count()
}

#[tokio::test]
async fn what_is_too_old_is_not_fetched_and_everything_else_is() {
    for (without, asks) in [
        (None, true),
        (Some(Feature::Pipelining), true),
        (Some(Feature::Capa), true),
        (Some(Feature::Top), false),
    ] {
        let (server, access) = practice(400).await;
        if let Some(feature) = without {
            server.faults().without(feature);
        }
        let kept = fetch(&access).await;
        assert_eq!(kept.0.len(), 400);
        let mut fetched = 0;
        for (at, (index, got)) in kept.0.iter().enumerate() {
            let (raw, is_old) = message(at);
            assert_eq!(*index, at, "in the order of the list");
            match got {
                Fetched::TooOld { received_at, message_id } => {
                    assert!(is_old && *received_at < limit(), "{at}");
                    assert_eq!(message_id.as_ref().unwrap().as_str(), format!("{at}@x.test"));
                }
                Fetched::Message { raw: got, .. } => {
                    assert!(!is_old || !asks, "{at} {without:?}");
                    assert!(crate::support::bytes(got) == raw, "{at}");
                    fetched += 1;
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(given(&server, "RETR"), fetched, "{without:?}");
        assert_eq!(fetched, if asks { 240 } else { 400 });
        assert_eq!(given(&server, "TOP"), if asks { 400 } else { 0 });
    }
}

#[tokio::test]
async fn where_hardly_anything_is_too_old_only_some_are_asked_about() {
    let hub = MailHub::new();
    hub.add_account(AMY, Password::new(PASSWORD), "Amy");
    let old = [500, 501, 502, 503];
    for number in 0..1_000 {
        hub.deliver(AMY, message(if old.contains(&number) { 0 } else { 3 }).0).unwrap();
    }
    let server = Pop3Server::start(hub, ServerOptions::default()).await.unwrap();
    let mut access = practice(0).await.1;
    access.endpoint.port = server.port();
    let mut session = Pop3::new(crate::support::patient()).open(&access).await.unwrap();
    let items = session.changes(None).await.unwrap().items;
    let mut asked = Vec::new();
    for page in items.chunks(250) {
        let (mut kept, before) = (Kept::default(), given(&server, "TOP"));
        session.fetch(page, &mut kept).await.unwrap();
        assert_eq!(kept.0.len(), 250, "all of them, fetched or not");
        asked.push(given(&server, "TOP") - before);
    }
    // 64 in vain, then every 16th; the third page begins with an old one, so everything on the fourth is asked about.
    assert_eq!(asked, [64 + 12, 16, 16, 250]);
    assert_eq!(given(&server, "RETR"), 999, "one of the old ones was asked about");
}

#[tokio::test]
async fn without_a_date_nothing_is_asked_first() {
    let (server, mut access) = practice(20).await;
    access.process_emails_from = None;
    assert_eq!(fetch(&access).await.0.len(), 20);
    assert_eq!((given(&server, "TOP"), given(&server, "RETR")), (0, 20));
}

#[tokio::test]
async fn a_message_that_is_little_more_than_its_header_is_fetched_without_asking() {
    let hub = MailHub::new();
    hub.add_account(AMY, Password::new(PASSWORD), "Amy");
    let header = "Date: Mon, 15 Jun 2020 10:00:00 +0000\r\n\r\n";
    for size in [4_096, 4_097] {
        hub.deliver(AMY, format!("{header}{}", "x".repeat(size - header.len())).into_bytes()).unwrap();
    }
    let server = Pop3Server::start(hub, ServerOptions::default()).await.unwrap();
    let mut access = practice(0).await.1;
    access.endpoint.port = server.port();
    let kept = fetch(&access).await;
    assert!(matches!(kept.0[0].1, Fetched::Message { .. }) && matches!(kept.0[1].1, Fetched::TooOld { .. }));
    let commands = server.commands();
    assert!(
        commands.contains(&"TOP 2 0".to_owned()) && commands.contains(&"RETR 1".to_owned()),
        "{commands:?}"
    );
    assert_eq!((given(&server, "TOP"), given(&server, "RETR")), (1, 1));
}

#[tokio::test]
async fn a_header_that_the_server_cannot_show_leaves_the_message_to_be_fetched() {
    let (server, access) = practice(20).await;
    server.faults().after(5, Stage::command("TOP"), Fault::Refuse);
    // Message 5 is old; its header was refused.
    let kept = fetch(&access).await;
    assert!(matches!(kept.0[5].1, Fetched::Message { .. }) && matches!(kept.0[7].1, Fetched::TooOld { .. }));
    // A server that has not announced TOP and refuses it once is not asked again.
    server.faults().without(Feature::Capa);
    server.faults().without(Feature::Top);
    let before = given(&server, "TOP");
    assert_eq!(fetch(&access).await.0.len(), 20);
    assert_eq!(given(&server, "TOP") - before, 1);
    // A passing reason is none to fetch everything.
    server.faults().clear();
    server.faults().once(Stage::command("TOP"), Fault::Reply("-ERR [SYS/TEMP] later".into()));
    let mut session = Pop3::new(crate::support::patient()).open(&access).await.unwrap();
    let items = session.changes(None).await.unwrap().items;
    let mut kept = Kept::default();
    let failure = session.fetch(&items, &mut kept).await.unwrap_err();
    assert_eq!((failure.code, kept.0.len()), (FailureCode::ServerUnavailable, 0));
}

#[tokio::test]
async fn a_header_that_is_too_long_to_be_read_is_passed_over_and_one_without_end_is_not_waited_for() {
    let bomb = format!("X: {}\r\n", "y".repeat(990)).repeat(1_000);
    let old = "Date: Mon, 15 Jun 2020 10:00:00 +0000\r\n";
    let (address, mut watch) = serve_watched(None, move |mut peer: Peer| {
        let bomb = bomb.clone();
        async move {
            let_in(&mut peer).await;
            list(&mut peer, "1 a\r\n2 b\r\n", "1 0\r\n2 5000\r\n").await;
            peer.expect("TOP 1 0").await;
            peer.on("TOP 2 0", &format!("+OK\r\n{old}{bomb}\r\n.\r\n+OK\r\n{old}\r\n.\r\n")).await;
            peer.on("RETR 1", &format!("+OK\r\n{old}\r\nshort\r\n.\r\n")).await;
            // The next session: an endless header.
            peer.on("TOP 1 0", "+OK\r\n").await;
            for _ in 0..20 {
                peer.say(&bomb).await;
            }
        }
    })
    .await;
    let mut access = access(address, Security::None);
    access.process_emails_from = Some(limit());
    let mut session = Pop3::new(crate::support::patient()).open(&access).await.unwrap();
    let items = session.changes(None).await.unwrap().items;
    let mut kept = Kept::default();
    session.fetch(&items, &mut kept).await.unwrap();
    assert_eq!(kept.texts()[1], "too old");
    assert!(kept.texts()[0].ends_with("short\r\n"));
    let failure = session.fetch(&items, &mut kept).await.unwrap_err();
    assert_eq!(failure.code, FailureCode::ProtocolViolation);
    drop(session);
    watch.script_held().await;
}
