//! IDLE: news is told, nothing else is, and a connection that nobody speaks on is known to be alive.

use crate::{
    imap_resync::{deliver, practice},
    imap_session::{identities, let_in, listed, open, open_inbox},
    support::{Peer, serve_watched},
};
use std::time::Duration;
use tandem_domain::failure::{FailureCode, Nature};
use tandem_engine::ports::mail::{Cursor, IncomingMail, IncomingSession, MailboxAccess, Watched};
use tandem_mail::imap::Imap;
use tandem_practice::{Fault, Feature, Stage};
use tokio::time::Instant;

const AMY: &str = "amy@contoso.test";
const MOMENT: Duration = Duration::from_millis(150);
const LONG: Duration = Duration::from_secs(20);
const MINUTE: Duration = Duration::from_secs(60);

async fn open_practice(access: &MailboxAccess) -> Box<dyn IncomingSession> {
    Imap::new(crate::support::patient()).open(access).await.unwrap()
}

#[tokio::test]
async fn news_is_told_at_once_and_listed_on_the_same_connection() {
    let (hub, server, access) = practice().await;
    deliver(&hub, 3);
    let validity = hub.uid_validity(AMY).unwrap();
    let mut session = open_practice(&access).await;
    assert!(session.can_watch());
    let mut cursor = session.changes(None).await.unwrap().cursor;
    for uid in 4..7 {
        let watching = tokio::spawn(async move {
            let watched = session.watch(LONG).await;
            (session, watched)
        });
        tokio::time::sleep(MOMENT).await;
        deliver(&hub, 1);
        let (back, watched) = watching.await.unwrap();
        session = back;
        assert_eq!(watched.unwrap(), Watched::News);
        let changes = session.changes(cursor.as_ref()).await.unwrap();
        assert_eq!(identities(&changes.items), [format!("{validity}:{uid}")]);
        cursor = changes.cursor;
    }
    session.close().await.unwrap();
    assert_eq!(server.connections_accepted(), 1);
    let commands = server.commands();
    let count = |verb: &str| commands.iter().filter(|line| line.starts_with(verb)).count();
    assert_eq!((count("AUTHENTICATE"), count("EXAMINE"), count("IDLE")), (1, 1, 3), "{commands:?}");
    // The bookmark holds for the next session as well.
    let mut session = open_practice(&access).await;
    assert!(session.changes(cursor.as_ref()).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn flags_and_disappearances_are_no_news() {
    for with_qresync in [true, false] {
        let (hub, server, access) = practice().await;
        if !with_qresync {
            server.faults().without(Feature::Qresync);
        }
        deliver(&hub, 5);
        let mut first = open_practice(&access).await;
        let cursor = first.changes(None).await.unwrap().cursor;
        let mut session = open_practice(&access).await;
        session.changes(cursor.as_ref()).await.unwrap();
        let watching = session.watch(MOMENT * 2);
        let (watched, ()) = tokio::join!(watching, async {
            tokio::time::sleep(MOMENT).await;
            hub.remove(AMY, &[1, 4, 5]).unwrap();
        });
        assert_eq!(watched.unwrap(), Watched::Quiet);
        // As many as went away come anew: that is news, although there are no more than before.
        let (watched, ()) = tokio::join!(session.watch(LONG), async {
            tokio::time::sleep(MOMENT).await;
            deliver(&hub, 3);
        });
        assert_eq!(watched.unwrap(), Watched::News);
        assert_eq!(session.changes(cursor.as_ref()).await.unwrap().items.len(), 3);
    }
}

#[tokio::test]
async fn nothing_falls_between_looking_and_watching() {
    let (hub, _server, access) = practice().await;
    let mut session = open_practice(&access).await;
    // The inbox was never looked at: that is the news.
    assert_eq!(session.watch(LONG).await.unwrap(), Watched::News);
    let changes = session.changes(None).await.unwrap();
    deliver(&hub, 1);
    assert_eq!(session.watch(LONG).await.unwrap(), Watched::News);
    // News that was not looked at stays news.
    assert_eq!(session.watch(LONG).await.unwrap(), Watched::News);
    let changes = session.changes(changes.cursor.as_ref()).await.unwrap();
    assert_eq!(changes.items.len(), 1);
    assert_eq!(session.watch(MOMENT).await.unwrap(), Watched::Quiet);
    assert_eq!(session.watch(Duration::ZERO).await.unwrap(), Watched::Quiet);
}

#[tokio::test]
async fn a_watch_that_was_dropped_leaves_a_session_that_works() {
    let (hub, server, access) = practice().await;
    deliver(&hub, 2);
    let mut session = open_practice(&access).await;
    let changes = session.changes(None).await.unwrap();
    for round in 0..3 {
        assert!(tokio::time::timeout(MOMENT, session.watch(LONG)).await.is_err());
        deliver(&hub, 1);
        match round {
            0 => assert_eq!(session.watch(LONG).await.unwrap(), Watched::News),
            1 => {
                let mut kept = crate::support::Kept::default();
                session.fetch(&changes.items, &mut kept).await.unwrap();
                assert_eq!(kept.0.len(), 2);
            }
            _ => {}
        }
        assert_eq!(session.changes(changes.cursor.as_ref()).await.unwrap().items.len(), round + 1);
    }
    assert!(tokio::time::timeout(MOMENT, session.watch(LONG)).await.is_err());
    session.close().await.unwrap();
    tokio::time::sleep(MOMENT).await;
    let commands = server.commands();
    assert_eq!(commands.last().unwrap(), "LOGOUT", "{commands:?}");
}

#[tokio::test]
async fn a_server_that_cannot_or_will_not_is_told_apart() {
    let (_hub, server, access) = practice().await;
    server.faults().without(Feature::Idle);
    let mut session = open_practice(&access).await;
    session.changes(None).await.unwrap();
    assert!(!session.can_watch());
    assert_eq!(session.watch(LONG).await.unwrap_err().code, FailureCode::NotSupported);
    // The session goes on.
    session.changes(None).await.unwrap();
    server.faults().clear();
    let mut session = open_practice(&access).await;
    session.changes(None).await.unwrap();
    server.faults().once(Stage::command("IDLE"), Fault::Reply("NO not now".into()));
    assert_eq!(session.watch(LONG).await.unwrap_err().nature, Nature::Transient);
    assert!(!session.can_watch());
}

/// Lets Amy in, opens the inbox and hears IDLE with this tag.
async fn idle(peer: &mut Peer) {
    let_in(peer, "IDLE").await;
    open_inbox(peer, "T2 EXAMINE INBOX", 3, 7, 11).await;
    peer.on("T3 IDLE", "+ idling\r\n").await;
}

async fn watched(address: std::net::SocketAddr) -> Box<dyn IncomingSession> {
    let mut session = open(address).await;
    session.changes(Some(&Cursor("7:10".into()))).await.unwrap();
    session
}

#[tokio::test]
async fn the_end_of_a_connection_is_noticed_and_told() {
    for (last_words, code) in [
        ("* BYE [UNAVAILABLE] going down\r\n", FailureCode::ServerUnavailable),
        ("* BYE Autologout; idle for too long\r\n", FailureCode::ServerUnavailable),
        ("", FailureCode::ConnectionLost),
        ("* 4 EXI", FailureCode::ConnectionLost),
        ("nonsense\r\n", FailureCode::ProtocolViolation),
        ("T3 OK that was all\r\n", FailureCode::ProtocolViolation),
    ] {
        let (address, mut watch) = serve_watched(None, move |mut peer: Peer| async move {
            idle(&mut peer).await;
            peer.say("* OK Still here\r\n").await;
            peer.say(last_words).await;
        })
        .await;
        let mut session = watched(address).await;
        let failure = session.watch(LONG).await.unwrap_err();
        assert_eq!((failure.code, failure.nature), (code, Nature::Transient), "{last_words}: {failure}");
        assert!(session.changes(None).await.is_err(), "nothing more can be said on it");
        watch.script_held().await;
    }
}

#[tokio::test]
async fn what_is_told_beside_news_is_read_whole() {
    let (address, mut watch) = serve_watched(None, async |mut peer: Peer| {
        idle(&mut peer).await;
        peer.say("* OK Still here\r\n* 3 FETCH (FLAGS (\\Seen))\r\n* VANISHED 5\r\n* 2 EXISTS\r\n").await;
        peer.say(format!(
            "* LIST () \"/\" {{3000}}\r\n{}\r\n* 1 EXPUNGE\r\n* 1 RECENT\r\n",
            "x".repeat(3000)
        ))
        .await;
        peer.on("DONE", "* 2 EXISTS\r\nT3 OK\r\n").await;
        peer.on("T4 UID FETCH 11:* (UID INTERNALDATE RFC822.SIZE)", &format!("{}T4 OK\r\n", listed(11, 4)))
            .await;
    })
    .await;
    let mut session = watched(address).await;
    assert_eq!(session.watch(LONG).await.unwrap(), Watched::News);
    let changes = session.changes(Some(&Cursor("7:10".into()))).await.unwrap();
    assert_eq!(identities(&changes.items), ["7:11"]);
    watch.script_held().await;
}

#[tokio::test]
async fn a_silent_server_is_made_to_answer_and_a_talking_one_is_asked_anew_before_the_half_hour() {
    let (address, mut watch) = serve_watched(None, async |mut peer: Peer| {
        idle(&mut peer).await;
        tokio::time::pause();
        // Silent: asked every ten minutes. Then it says something every two minutes, until after 28 it is asked anew.
        peer.on("DONE", "T3 OK\r\n").await;
        peer.on("T4 IDLE", "+ idling\r\n").await;
        for _ in 0..13 {
            tokio::time::sleep(2 * MINUTE).await;
            peer.say("* OK Still here\r\n").await;
        }
        peer.on("DONE", "T4 OK\r\n").await;
        peer.on("T5 IDLE", "+ idling\r\n").await;
        // The watch is over.
        peer.on("DONE", "T5 OK\r\n").await;
        // Half-open: nobody answers any more.
        peer.on("T6 IDLE", "+ idling\r\n").await;
        peer.expect("DONE").await;
        peer.be_silent().await;
    })
    .await;
    let mut session = watched(address).await;
    let started = Instant::now();
    assert_eq!(session.watch(45 * MINUTE).await.unwrap(), Watched::Quiet);
    let took = started.elapsed();
    assert!((45 * MINUTE..46 * MINUTE).contains(&took), "{took:?}");
    let failure = session.watch(45 * MINUTE).await.unwrap_err();
    let took = started.elapsed() - took;
    assert_eq!(failure.code, FailureCode::TimedOut, "{failure}");
    assert!((10 * MINUTE..12 * MINUTE).contains(&took), "{took:?}");
    drop(session);
    tokio::time::resume();
    watch.script_held().await;
}
