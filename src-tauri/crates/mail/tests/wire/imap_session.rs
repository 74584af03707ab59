//! IMAP as it should go: log in, list, fetch, delete, good-bye.

use crate::support::{
    Identity, Kept, PASSWORD, Peer, access, bytes, patient, serve, serve_watched, trusting,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::net::SocketAddr;
use tandem_domain::{
    failure::{Failure, FailureCode},
    ledger::ServerIdentity,
    probe::{RungName, RungOutcome},
    profile::Security,
};
use tandem_engine::{
    ports::mail::{
        Credentials, Cursor, Fetched, IncomingMail, IncomingSession, MailboxAccess, NoReport, RemoteItem,
    },
    raw::RawMessage,
};
use tandem_mail::imap::Imap;
use zeroize::Zeroizing;

pub fn plain() -> String {
    STANDARD.encode(format!("\0amy\0{PASSWORD}"))
}

/// Greets, and lets Amy in; the next tag is T2.
pub async fn let_in(peer: &mut Peer, more: &str) {
    peer.say(format!("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN {more}] ready\r\n")).await;
    let done = format!("T1 OK [CAPABILITY IMAP4rev1 {more}] in\r\n");
    peer.on(&format!("T1 AUTHENTICATE PLAIN {}", plain()), &done).await;
}

/// Answers the EXAMINE or SELECT with this tag.
pub async fn open_inbox(peer: &mut Peer, command: &str, exists: u32, validity: u32, next: u32) {
    let (tag, _) = command.split_once(' ').unwrap();
    let answer = format!(
        "* {exists} EXISTS\r\n* 0 RECENT\r\n* FLAGS (\\Seen)\r\n* OK [UIDVALIDITY {validity}] x\r\n* OK [UIDNEXT \
         {next}] x\r\n{tag} OK [READ-ONLY] done\r\n"
    );
    peer.on(command, &answer).await;
}

pub fn listed(uid: u32, size: usize) -> String {
    format!("* 9 FETCH (UID {uid} RFC822.SIZE {size} INTERNALDATE \"20-Nov-2026 10:00:00 +0000\")\r\n")
}

pub fn body(uid: u32, text: &str) -> String {
    format!("* 9 FETCH (UID {uid} BODY[] {{{}}}\r\n{text})\r\n", text.len())
}

pub fn item(identity: &str, size: u64) -> RemoteItem {
    RemoteItem { identity: ServerIdentity(identity.into()), size, received_at: None, cursor: None }
}

pub fn identities(items: &[RemoteItem]) -> Vec<&str> {
    items.iter().map(|item| item.identity.0.as_str()).collect()
}

pub async fn try_open(access: &MailboxAccess) -> Result<Box<dyn IncomingSession>, Failure> {
    Imap::new(patient()).open(access).await
}

pub async fn open(address: SocketAddr) -> Box<dyn IncomingSession> {
    try_open(&access(address, Security::None)).await.unwrap()
}

#[tokio::test]
async fn the_next_command_is_sent_before_the_last_is_answered() {
    let identity = Identity::self_signed(&["localhost"]);
    let (address, mut watch) = serve_watched(Some(&identity), async |mut peer| {
        let_in(&mut peer, "ID UIDPLUS").await;
        assert!(peer.hear().await.starts_with("T2 ID (\"name\" \"Tandem\""));
        open_inbox(&mut peer, "T3 EXAMINE INBOX", 3, 7, 900).await;
        peer.say("T2 OK\r\n").await;
        peer.expect("T4 UID FETCH 1:* (UID INTERNALDATE RFC822.SIZE)").await;
        let list = [listed(5, 10), listed(4, 3_000_000 / 3), listed(600, 4_000_000)].concat();
        peer.say(format!("{list}T4 OK\r\n")).await;
        // A batch is at most 4 MB: two commands, both there before an answer. The third message is large.
        peer.expect("T5 UID FETCH 4:5 (UID BODY.PEEK[])").await;
        peer.say(format!("{}* 3 FETCH (FLAGS (\\Seen))\r\n{}T5 OK\r\n", body(5, "five"), body(4, "four"))).await;
        let piece = "x".repeat(1024 * 1024);
        peer.expect("T6 UID FETCH 600 (UID BODY.PEEK[]<0.1048576>)").await;
        peer.expect("T7 UID FETCH 600 (UID BODY.PEEK[]<1048576.1048576>)").await;
        peer.say(format!("* 3 FETCH (UID 600 BODY[]<0> {{{}}}\r\n{piece})\r\nT6 OK\r\n", piece.len())).await;
        peer.expect("T8 UID FETCH 600 (UID BODY.PEEK[]<2097152.1048576>)").await;
        peer.say("* 3 FETCH (UID 600 BODY[]<1048576> \"end\")\r\nT7 OK\r\n* 3 FETCH (UID 600 BODY[]<2097152> NIL)\r\nT8 OK\r\n").await;
        peer.on("T9 LOGOUT", "* BYE\r\nT9 OK\r\n").await;
    })
    .await;
    let mut session = try_open(&trusting(access(address, Security::Tls), &identity)).await.unwrap();
    let changes = session.changes(None).await.unwrap();
    assert_eq!(identities(&changes.items), ["7:4", "7:5", "7:600"]);
    assert_eq!(changes.cursor, Some(Cursor("7:600".into())));
    assert_eq!(changes.items[0].received_at.unwrap().to_rfc3339(), "2026-11-20T10:00:00+00:00");
    let mut kept = Kept::default();
    session.fetch(&changes.items, &mut kept).await.unwrap();
    assert_eq!(kept.0.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(kept.texts()[..2], ["four", "five"]);
    let Fetched::Message { raw, .. } = &kept.0[2].1 else { panic!() };
    assert!(matches!(raw, RawMessage::Spooled { .. }));
    assert_eq!(bytes(raw), [&vec![b'x'; 1024 * 1024][..], b"end"].concat());
    session.close().await.unwrap();
    watch.script_held().await;
}

#[tokio::test]
async fn many_messages_take_few_commands_two_of_them_under_way() {
    let (address, mut watch) = serve_watched(None, async |mut peer| {
        let_in(&mut peer, "").await;
        open_inbox(&mut peer, "T2 EXAMINE INBOX", 500, 7, 501).await;
        peer.expect("T3 UID FETCH 1:200 (UID BODY.PEEK[])").await;
        peer.expect("T4 UID FETCH 201:400 (UID BODY.PEEK[])").await;
        let all = |from: u32, to: u32| (from..=to).map(|uid| body(uid, "x")).collect::<String>();
        peer.say(format!("{}T3 OK\r\n", all(1, 200))).await;
        peer.expect("T5 UID FETCH 401:500 (UID BODY.PEEK[])").await;
        peer.say(format!("{}T4 OK\r\n{}T5 OK\r\n", all(201, 400), all(401, 500))).await;
    })
    .await;
    let mut session = open(address).await;
    let items: Vec<_> = (1..=500).map(|uid| item(&format!("7:{uid}"), 1)).collect();
    let mut kept = Kept::default();
    session.fetch(&items, &mut kept).await.unwrap();
    assert_eq!(kept.texts(), vec!["x"; 500]);
    watch.script_held().await;
}

#[tokio::test]
async fn nothing_new_needs_no_listing_and_a_renumbered_inbox_a_whole_one() {
    let (address, mut watch) = serve_watched(None, async |mut peer| {
        let_in(&mut peer, "").await;
        open_inbox(&mut peer, "T2 EXAMINE INBOX", 3, 7, 11).await;
        // The cursor says 10, the next is 11: no listing. Then 12 is next: 11 and on, and the server names the last.
        open_inbox(&mut peer, "T3 EXAMINE INBOX", 3, 7, 12).await;
        peer.on("T4 UID FETCH 11:* (UID INTERNALDATE RFC822.SIZE)", &format!("{}T4 OK\r\n", listed(10, 5)))
            .await;
        open_inbox(&mut peer, "T5 EXAMINE INBOX", 2, 8, 3).await;
        peer.expect("T6 UID FETCH 1:* (UID INTERNALDATE RFC822.SIZE)").await;
        peer.say(format!("{}{}T6 OK\r\n", listed(1, 5), listed(2, 5))).await;
        open_inbox(&mut peer, "T7 EXAMINE INBOX", 0, 8, 3).await;
    })
    .await;
    let mut session = open(address).await;
    let ten = Cursor("7:10:99".into());
    for _ in 0..2 {
        let changes = session.changes(Some(&ten)).await.unwrap();
        assert_eq!((changes.items.len(), changes.cursor), (0, Some(Cursor("7:10".into()))));
    }
    let changes = session.changes(Some(&ten)).await.unwrap();
    assert_eq!(identities(&changes.items), ["8:1", "8:2"]);
    assert_eq!(changes.items[0].cursor, Some(Cursor("8:1".into())));
    let changes = session.changes(Some(&Cursor("8:2".into()))).await.unwrap();
    assert_eq!(changes.cursor, Some(Cursor("8:2".into())));
    watch.script_held().await;
}

#[tokio::test]
async fn deleting_names_exactly_the_messages() {
    let (address, mut watch) = serve_watched(None, async |mut peer| {
        let_in(&mut peer, "UIDPLUS").await;
        open_inbox(&mut peer, "T2 EXAMINE INBOX", 9, 7, 11).await;
        open_inbox(&mut peer, "T3 SELECT INBOX", 9, 7, 11).await;
        peer.on("T4 UID STORE 3:4,8 +FLAGS.SILENT (\\Deleted)", "T4 OK\r\n").await;
        peer.on("T5 UID EXPUNGE 3:4,8", "* 3 EXPUNGE\r\nT5 OK\r\n").await;
    })
    .await;
    let mut session = open(address).await;
    let which = ["7:4", "7:3", "7:8", "6:1", "nonsense"].map(|id| ServerIdentity(id.into()));
    session.delete(&which).await.unwrap();
    watch.script_held().await;
}

#[tokio::test]
async fn without_uidplus_nothing_of_others_is_removed() {
    for (found, removes) in
        [("* SEARCH 3\r\n", true), ("* SEARCH 5\r\n", false), ("* SEARCH\r\n", true), ("", true)]
    {
        let (address, mut watch) = serve_watched(None, move |mut peer: Peer| async move {
            let_in(&mut peer, "").await;
            open_inbox(&mut peer, "T2 EXAMINE INBOX", 9, 7, 11).await;
            open_inbox(&mut peer, "T3 SELECT INBOX", 9, 7, 11).await;
            peer.on("T4 UID SEARCH DELETED NOT UID 3", &format!("{found}T4 OK\r\n")).await;
            peer.on("T5 UID STORE 3 +FLAGS.SILENT (\\Deleted)", "T5 OK\r\n").await;
            let (line, answer) =
                if removes { ("T6 EXPUNGE", "T6 OK\r\n") } else { ("T6 LOGOUT", "* BYE\r\n") };
            peer.on(line, answer).await;
        })
        .await;
        let mut session = open(address).await;
        let deleted = session.delete(&[ServerIdentity("7:3".into())]).await;
        assert_eq!(deleted.is_ok(), removes);
        if let Err(failure) = deleted {
            assert_eq!(failure.code, FailureCode::CapabilityMissing);
            session.close().await.unwrap();
        }
        watch.script_held().await;
    }
}

#[tokio::test]
async fn the_login_is_what_the_server_offers() {
    // No SASL-IR; no AUTH=PLAIN; a password that is not ASCII goes as a literal.
    let (address, mut watch) = serve_watched(None, async |mut peer| {
        peer.say("* OK ready\r\n").await;
        peer.on("T1 CAPABILITY", "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\nT1 OK\r\n").await;
        peer.on("T2 AUTHENTICATE PLAIN", "+ \r\n").await;
        peer.on(&plain(), "T2 OK in\r\n").await;
        // It did not say what it can do now.
        peer.on("T3 CAPABILITY", "* CAPABILITY IMAP4rev1\r\nT3 OK\r\n").await;
        open_inbox(&mut peer, "T4 EXAMINE INBOX", 0, 7, 1).await;
    })
    .await;
    open(address).await.changes(None).await.unwrap();
    watch.script_held().await;

    let (address, mut watch) = serve_watched(None, async |mut peer| {
        peer.say("* OK [CAPABILITY IMAP4rev1] ready\r\n").await;
        peer.on("T1 LOGIN {3}", "+ go\r\n").await;
        peer.on(&format!("amy {{{}}}", PASSWORD.len()), "+ go\r\n").await;
        peer.on(PASSWORD, "T1 OK [CAPABILITY IMAP4rev1] in\r\n").await;
        open_inbox(&mut peer, "T2 EXAMINE INBOX", 0, 7, 1).await;
    })
    .await;
    open(address).await.changes(None).await.unwrap();
    watch.script_held().await;

    let (address, mut watch) = serve_watched(None, async |mut peer| {
        peer.say("* OK [CAPABILITY IMAP4rev1] ready\r\n").await;
        peer.on("T1 LOGIN \"amy\" \"a\\\"b\\\\c\"", "T1 OK [CAPABILITY IMAP4rev1] in\r\n").await;
        open_inbox(&mut peer, "T2 EXAMINE INBOX", 0, 7, 1).await;
    })
    .await;
    let mut access = access(address, Security::None);
    access.credentials =
        Credentials::Password { user_name: "amy".into(), password: Zeroizing::new("a\"b\\c".into()) };
    try_open(&access).await.unwrap().changes(None).await.unwrap();
    watch.script_held().await;
}

#[tokio::test]
async fn the_ladder_names_what_was_found_and_reads_without_marking() {
    let address = serve(None, async |mut peer| {
        let_in(&mut peer, "").await;
        open_inbox(&mut peer, "T2 EXAMINE INBOX", 3, 7, 11).await;
        peer.expect("T3 FETCH 3 (UID RFC822.SIZE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])").await;
        peer.say(
            "* 3 FETCH (UID 9 RFC822.SIZE 77 BODY[HEADER.FIELDS (MESSAGE-ID)] {2}\r\n\r\n)\r\nT3 OK\r\n",
        )
        .await;
        peer.on("T4 LOGOUT", "* BYE\r\nT4 OK\r\n").await;
    })
    .await;
    let rungs = Imap::new(patient()).probe(&access(address, Security::None), &NoReport).await;
    let last = rungs.last().unwrap();
    assert_eq!((last.name, &last.outcome), (RungName::Read, &RungOutcome::Passed), "{rungs:?}");
    assert!(last.server_said.contains("77 bytes"));
}

#[tokio::test]
async fn a_server_that_counts_changes_and_counted_none_is_asked_for_nothing() {
    // Without UIDNEXT only the change number can tell (RFC 7162 section 3.1).
    let opened =
        "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [HIGHESTMODSEQ 90] x\r\nT2 OK [READ-ONLY] done\r\n";
    for (cursor, new) in [("7:10:90", 0), ("7:10:89", 1), ("6:10:90", 1), ("7:10", 1)] {
        let address = serve(None, move |mut peer| async move {
            let_in(&mut peer, "CONDSTORE").await;
            peer.on("T2 EXAMINE INBOX (CONDSTORE)", opened).await;
            peer.hear().await;
            peer.say(format!("{}T3 OK\r\n", listed(11, 4))).await;
        })
        .await;
        let mut session = open(address).await;
        let changes = session.changes(Some(&Cursor(cursor.into()))).await.unwrap();
        assert_eq!(changes.items.len(), new, "{cursor}");
        let last = if new == 0 { "7:10:90" } else { "7:11:90" };
        assert_eq!(changes.cursor, Some(Cursor(last.into())), "{cursor}");
    }
}
