//! What a look at an inbox costs when nothing happened, and what QRESYNC and CONDSTORE tell when something did.

use super::{
    access,
    counting::{Counting, bytes, waits, words},
    imap, message, servers,
};
use std::time::Duration;
use tandem_domain::profile::Security;
use tandem_engine::ports::mail::{Changes, Cursor, IncomingMail, MailboxAccess};
use tandem_tests::MailServers;

/// Through a proxy that counts above TLS.
async fn counted(servers: &MailServers) -> (Counting, MailboxAccess) {
    let counting = Counting::start(servers.ports.imaps, &servers.certificates.ca_pem).await;
    let mut access = access(servers, Security::None);
    access.endpoint.server = "127.0.0.1".into();
    access.endpoint.port = counting.address.port();
    access.allow_plain = true;
    (counting, access)
}

async fn look(access: &MailboxAccess, cursor: Option<&Cursor>) -> Changes {
    let mut session = imap().open(access).await.unwrap();
    let changes = session.changes(cursor).await.unwrap();
    session.close().await.unwrap();
    // LOGOUT is not waited for; the count is to hold its answer too.
    tokio::time::sleep(Duration::from_millis(100)).await;
    changes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_that_finds_nothing_takes_three_round_trips_and_less_than_two_kilobytes() {
    let servers = servers();
    for number in 0..50 {
        servers.deliver("amy", &message(number, 500));
    }
    let (counting, access) = counted(&servers).await;
    let first = look(&access, None).await;
    assert_eq!(first.items.len(), 50);
    counting.take();
    for _ in 0..2 {
        let again = look(&access, first.cursor.as_ref()).await;
        let talk = counting.take();
        assert_eq!((again.items.len(), &again.cursor), (0, &first.cursor));
        println!("{} round trips, {} bytes", waits(&talk), bytes(&talk, None));
        // The greeting, the login, and the inbox.
        assert_eq!(waits(&talk), 3, "{}", words(&talk));
        assert!(bytes(&talk, None) <= 2048, "{}: {}", bytes(&talk, None), words(&talk));
        assert!(words(&talk).contains("(QRESYNC ("), "{}", words(&talk));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_and_disappearances_are_no_news_and_a_new_message_is_one() {
    let servers = servers();
    for number in 0..200 {
        servers.deliver("amy", &message(number, 300));
    }
    let (counting, access) = counted(&servers).await;
    let first = look(&access, None).await;
    let cursor = first.cursor.clone().unwrap();
    assert_eq!(cursor.0.split(':').count(), 3, "Dovecot counts changes: {cursor:?}");

    // Another client reads everything and deletes some of it.
    let mut other = imap().open(&access).await.unwrap();
    let some: Vec<_> = first.items[20..40].iter().map(|item| item.identity.clone()).collect();
    other.delete(&some).await.unwrap();
    other.close().await.unwrap();
    let mut reader = tandem_tests::Wire::tls(servers.ports.imaps, &servers.certificates).unwrap();
    let amy = servers.account("amy");
    reader.line().unwrap();
    for command in [
        format!("a LOGIN {} \"{}\"", amy.address, amy.password),
        "b SELECT INBOX".to_owned(),
        "c STORE 1:* +FLAGS.SILENT (\\Seen)".to_owned(),
        "d LOGOUT".to_owned(),
    ] {
        reader.send(&command).unwrap();
        let tag = command[..2].to_owned();
        reader.lines_until(|line| line.starts_with(&tag)).unwrap();
    }
    counting.take();
    let quiet = look(&access, Some(&cursor)).await;
    let talk = counting.take();
    assert_eq!(quiet.items, vec![]);
    assert!(waits(&talk) == 3 && bytes(&talk, None) <= 2048, "{}", words(&talk));
    assert_ne!(quiet.cursor, Some(cursor.clone()), "something changed");

    servers.deliver("amy", &message(777, 300));
    for from in [Some(&cursor), quiet.cursor.as_ref()] {
        counting.take();
        let more = look(&access, from).await;
        let talk = words(&counting.take());
        assert_eq!(more.items.len(), 1, "{talk}");
        assert!(talk.contains("FETCH (UID 201 FLAGS"), "QRESYNC has named it: {talk}");
        assert!(more.cursor.as_ref().unwrap().0.contains(":201:"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bookmark_of_another_uidvalidity_or_from_the_future_lists_everything_there_is() {
    let servers = servers();
    for number in 0..5 {
        servers.deliver("amy", &message(number, 300));
    }
    let access = access(&servers, Security::Tls);
    let cursor = look(&access, None).await.cursor.unwrap();
    let [validity, last, modseq] = cursor.0.split(':').collect::<Vec<_>>()[..] else { panic!("{cursor:?}") };
    let validity: u32 = validity.parse().unwrap();
    let other = |text: String| Cursor(text);
    for (from, found) in [
        (other(format!("{}:{last}:{modseq}", validity - 1)), 5),
        (other(format!("{validity}:3:999999999")), 2),
        (other(format!("{validity}:3:1")), 2),
        (other(format!("{validity}:{last}:1")), 0),
        (other(format!("{validity}:{last}")), 0),
        (other(format!("{validity}:0:1")), 5),
        (other(format!("{validity}:{}:1", u32::MAX)), 0),
        (other("nonsense".into()), 5),
    ] {
        let changes = look(&access, Some(&from)).await;
        assert_eq!(changes.items.len(), found, "{from:?}");
        assert!(changes.cursor.unwrap().0.starts_with(&format!("{validity}:")));
    }
}
