//! IDLE with a real Dovecot: how fast news arrives here, on the connection that is open already.

use super::{access, imap, message, servers};
use std::time::{Duration, Instant};
use tandem_domain::profile::Security;
use tandem_engine::ports::mail::{IncomingMail, IncomingSession, Watched};
use tandem_tests::{MailServers, Wire};

/// Puts a message into Amy's inbox over IMAP: Dovecot tells its own sessions of that without waiting for the file system.
fn append(wire: &mut Wire, number: usize) {
    let raw = message(number, 300);
    wire.send(&format!("p APPEND INBOX {{{}+}}", raw.len())).unwrap();
    wire.send_bytes(&raw).unwrap();
    wire.send("").unwrap();
    wire.lines_until(|line| line.starts_with("p ")).unwrap();
}

fn logged_in(servers: &MailServers) -> Wire {
    let mut wire = Wire::tls(servers.ports.imaps, &servers.certificates).unwrap();
    let amy = servers.account("amy");
    wire.line().unwrap();
    wire.send(&format!("a LOGIN {} \"{}\"", amy.address, amy.password)).unwrap();
    wire.lines_until(|line| line.starts_with("a ")).unwrap();
    wire
}

#[tokio::test(flavor = "multi_thread")]
async fn an_appended_message_is_news_and_is_listed_without_a_new_login() {
    let servers = servers();
    for number in 0..3 {
        servers.deliver("amy", &message(number, 300));
    }
    let access = access(&servers, Security::Tls);
    let mut session: Box<dyn IncomingSession> = imap().open(&access).await.unwrap();
    assert!(session.can_watch());
    let mut cursor = session.changes(None).await.unwrap().cursor;
    let mut other = logged_in(&servers);
    let mut waits = Vec::new();
    for number in 10..30 {
        let watching = tokio::spawn(async move {
            let watched = session.watch(Duration::from_secs(60)).await;
            (session, watched, Instant::now())
        });
        tokio::time::sleep(Duration::from_millis(30)).await;
        append(&mut other, number);
        let appended = Instant::now();
        let (back, watched, at) = watching.await.unwrap();
        session = back;
        assert_eq!(watched.unwrap(), Watched::News);
        let changes = session.changes(cursor.as_ref()).await.unwrap();
        assert_eq!(changes.items.len(), 1);
        cursor = changes.cursor;
        waits.push((at.saturating_duration_since(appended), appended.elapsed()));
    }
    waits.sort();
    println!(
        "told after {:?} (median), {:?} (worst); listed after {:?}",
        waits[10].0, waits[19].0, waits[19].1
    );
    // Deliveries by others come with Dovecot's own delay (inotify, at most half a minute).
    servers.deliver("amy", &message(99, 300));
    assert_eq!(session.watch(Duration::from_secs(60)).await.unwrap(), Watched::News);
    assert_eq!(session.changes(cursor.as_ref()).await.unwrap().items.len(), 1);
    // Flags are no news.
    other.send("b SELECT INBOX").unwrap();
    other.lines_until(|line| line.starts_with("b ")).unwrap();
    other.send("c STORE 1:* +FLAGS.SILENT (\\Seen)").unwrap();
    other.lines_until(|line| line.starts_with("c ")).unwrap();
    assert_eq!(session.watch(Duration::from_secs(1)).await.unwrap(), Watched::Quiet);
    session.close().await.unwrap();
}
