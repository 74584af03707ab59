//! Coming back to an inbox: QRESYNC where it is offered, CONDSTORE alone, neither, and servers that offer and refuse.

use crate::{
    imap_session::{identities, let_in, listed, open, open_inbox},
    support::{PASSWORD, Peer, access, serve_watched},
};
use tandem_domain::{failure::FailureCode, profile::Security};
use tandem_engine::ports::mail::{Changes, Credentials, Cursor, IncomingMail, MailboxAccess};
use tandem_mail::imap::Imap;
use tandem_practice::{Fault, Feature, ImapServer, MailHub, Password, ServerOptions, Stage};

const AMY: &str = "amy@contoso.test";

pub async fn practice() -> (MailHub, ImapServer, MailboxAccess) {
    let hub = MailHub::new();
    hub.add_account(AMY, Password::new(PASSWORD), "Amy");
    let server = ImapServer::start(hub.clone(), ServerOptions::default()).await.unwrap();
    let mut access = access(server.address(), Security::None);
    access.credentials =
        Credentials::Password { user_name: AMY.into(), password: zeroize::Zeroizing::new(PASSWORD.into()) };
    (hub, server, access)
}

pub fn deliver(hub: &MailHub, count: usize) {
    for number in 0..count {
        hub.deliver(AMY, format!("Subject: {number}\r\n\r\ntext\r\n").into_bytes()).unwrap();
    }
}

async fn look(access: &MailboxAccess, cursor: Option<&Cursor>) -> Changes {
    let mut session = Imap::new(crate::support::patient()).open(access).await.unwrap();
    let changes = session.changes(cursor).await.unwrap();
    session.close().await.unwrap();
    changes
}

/// The commands that opened the inbox since the last time, without their validity.
fn openings(server: &ImapServer, from: &mut usize, validity: u32) -> Vec<String> {
    let commands = server.commands();
    let new =
        commands[*from..].iter().filter(|line| line.starts_with("EXAMINE") || line.starts_with("ENABLE"));
    let openings = new.map(|line| line.replace(&validity.to_string(), "V")).collect();
    *from = commands.len();
    openings
}

#[tokio::test]
async fn each_server_is_asked_for_what_it_offers() {
    let (hub, server, access) = practice().await;
    deliver(&hub, 3);
    let validity = hub.uid_validity(AMY).unwrap();
    let mut seen = 0;
    let first = look(&access, None).await.cursor.unwrap();
    assert_eq!(first.0, format!("{validity}:3:4"));
    assert_eq!(
        openings(&server, &mut seen, validity),
        ["EXAMINE INBOX (CONDSTORE)"],
        "there is nothing to compare"
    );

    assert_eq!(look(&access, Some(&first)).await.cursor.as_ref(), Some(&first));
    let qresync = ["ENABLE QRESYNC", "EXAMINE INBOX (QRESYNC (V 4 4:4294967295))"];
    assert_eq!(openings(&server, &mut seen, validity), qresync);

    hub.remove(AMY, &[1, 3]).unwrap();
    deliver(&hub, 1);
    let more = look(&access, Some(&first)).await;
    assert_eq!(identities(&more.items), [format!("{validity}:4")]);
    assert_eq!(more.cursor.as_ref().unwrap().0, format!("{validity}:4:6"));
    seen = server.commands().len();

    // The same for a server with CONDSTORE alone, and for one without either (NOMODSEQ).
    server.faults().without(Feature::Qresync);
    for cursor in [&first, more.cursor.as_ref().unwrap()] {
        let changes = look(&access, Some(cursor)).await;
        assert_eq!(changes.items.len(), usize::from(cursor == &first));
        assert_eq!(changes.cursor, more.cursor);
        assert_eq!(openings(&server, &mut seen, validity), ["EXAMINE INBOX (CONDSTORE)"]);
    }
    server.faults().without(Feature::Condstore);
    for cursor in [&first, more.cursor.as_ref().unwrap()] {
        let changes = look(&access, Some(cursor)).await;
        assert_eq!(changes.items.len(), usize::from(cursor == &first));
        assert_eq!(changes.cursor.unwrap().0, format!("{validity}:4"));
        assert_eq!(openings(&server, &mut seen, validity), ["EXAMINE INBOX"]);
    }
}

#[tokio::test]
async fn an_inbox_with_another_uidvalidity_is_listed_whole_whatever_its_change_number() {
    let (hub, _server, access) = practice().await;
    deliver(&hub, 3);
    let cursor = look(&access, None).await.cursor.unwrap();
    let renewed = hub.renew_uid_validity(AMY).unwrap();
    let changes = look(&access, Some(&cursor)).await;
    assert_eq!(identities(&changes.items), [1, 2, 3].map(|uid| format!("{renewed}:{uid}")));
    assert!(look(&access, changes.cursor.as_ref()).await.items.is_empty());
}

#[tokio::test]
async fn a_server_that_offers_and_then_refuses_is_asked_for_less() {
    let (hub, server, access) = practice().await;
    deliver(&hub, 2);
    let cursor = look(&access, None).await.cursor.unwrap();
    deliver(&hub, 1);
    for (refusals, refusal, tries) in [
        (1, "BAD what?", 2),
        (2, "BAD what?", 3),
        (2, "NO not here", 3),
        (1, "NO [CLIENTBUG] not so", 2),
        (1, "NO [CANNOT] never", 2),
    ] {
        server.faults().times(refusals, Stage::command("EXAMINE"), Fault::Reply(refusal.into()));
        let before = server.commands().iter().filter(|line| line.starts_with("EXAMINE")).count();
        let changes = look(&access, Some(&cursor)).await;
        assert_eq!(changes.items.len(), 1, "{refusal}");
        let after = server.commands().iter().filter(|line| line.starts_with("EXAMINE")).count();
        assert_eq!(after - before, tries, "{refusal} {refusals} times");
    }
    // What is refused for a reason of its own is not asked for again.
    for (refusal, code) in [
        ("NO [NONEXISTENT] no inbox", FailureCode::MailboxNotFound),
        ("NO [INUSE] locked", FailureCode::MailboxInUse),
        ("NO [UNAVAILABLE] later", FailureCode::ServerUnavailable),
    ] {
        server.faults().once(Stage::command("EXAMINE"), Fault::Reply(refusal.into()));
        let mut session = Imap::new(crate::support::patient()).open(&access).await.unwrap();
        assert_eq!(session.changes(Some(&cursor)).await.unwrap_err().code, code);
    }
    server.faults().always(Stage::command("EXAMINE"), Fault::Reply("NO Internal error".into()));
    let mut session = Imap::new(crate::support::patient()).open(&access).await.unwrap();
    assert_eq!(session.changes(Some(&cursor)).await.unwrap_err().code, FailureCode::ServerRefused);
    // ENABLE alone refused: what relies on it is refused too.
    server.faults().clear();
    server.faults().always(Stage::command("ENABLE"), Fault::Reply("BAD what?".into()));
    assert_eq!(look(&access, Some(&cursor)).await.items.len(), 1);
}

#[tokio::test]
async fn what_vanished_is_understood_wherever_it_is_told_and_decides_nothing() {
    let (address, mut watch) = serve_watched(None, async |mut peer: Peer| {
        let_in(&mut peer, "ENABLE QRESYNC").await;
        peer.on("T2 ENABLE QRESYNC", "* ENABLED QRESYNC\r\nT2 OK\r\n").await;
        peer.expect("T3 EXAMINE INBOX (QRESYNC (7 90 11:4294967295))").await;
        // It looks at no UIDs and names everything, in odd forms too.
        let vanished =
            "* VANISHED (EARLIER) 1:4294967295,x,\r\n* VANISHED (EARLIER)\r\n* vanished (earlier) 3\r\n";
        let changed =
            "* 1 FETCH (UID 4 FLAGS (\\Seen) MODSEQ (91))\r\n* 2 FETCH (UID 11 MODSEQ (92) FLAGS ())\r\n";
        let opened = "* 2 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [HIGHESTMODSEQ 92] x\r\n";
        peer.say(format!("{opened}{vanished}{changed}T3 OK [READ-ONLY] done\r\n")).await;
        peer.expect("T4 UID FETCH 11:* (UID INTERNALDATE RFC822.SIZE)").await;
        peer.say(format!("* VANISHED 4\r\n{}* 1 EXISTS\r\nT4 OK\r\n", listed(11, 5))).await;
        peer.hear().await;
    })
    .await;
    let mut session = open(address).await;
    let changes = session.changes(Some(&Cursor("7:10:90".into()))).await.unwrap();
    assert_eq!(identities(&changes.items), ["7:11"]);
    assert_eq!(changes.cursor, Some(Cursor("7:11:92".into())));
    session.close().await.unwrap();
    watch.script_held().await;
}

#[tokio::test]
async fn an_inbox_without_change_numbers_is_known_by_its_next_uid() {
    // NOMODSEQ beside a number that means nothing, and 0, which means the same.
    for line in ["* OK [HIGHESTMODSEQ 90] x\r\n* OK [NOMODSEQ] none\r\n", "* OK [HIGHESTMODSEQ 0] x\r\n"] {
        let (address, mut watch) = serve_watched(None, move |mut peer: Peer| async move {
            let_in(&mut peer, "CONDSTORE").await;
            peer.say(line).await;
            open_inbox(&mut peer, "T2 EXAMINE INBOX (CONDSTORE)", 3, 7, 12).await;
            peer.on(
                "T3 UID FETCH 11:* (UID INTERNALDATE RFC822.SIZE)",
                &format!("{}T3 OK\r\n", listed(11, 4)),
            )
            .await;
        })
        .await;
        let changes = open(address).await.changes(Some(&Cursor("7:10:90".into()))).await.unwrap();
        assert_eq!((changes.items.len(), changes.cursor), (1, Some(Cursor("7:11".into()))));
        watch.script_held().await;
    }
}
