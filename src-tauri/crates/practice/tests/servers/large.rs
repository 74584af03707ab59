//! A mailbox of 10,000 messages is served quickly, also by an unoptimised build.

use std::time::{Duration, Instant};

use tandem_practice::{ImapServer, Pop3Server, ServerOptions};

use crate::client::{AMY, Client, PASSWORD, hub, message, plain};

#[tokio::test]
async fn ten_thousand_messages_are_listed_within_a_second() {
    let hub = hub();
    let start = Instant::now();
    for number in 0..10_000 {
        hub.deliver(AMY, message(number)).expect("known");
    }
    println!("deliver: {:?}", start.elapsed());

    let pop3 = Pop3Server::start(hub.clone(), ServerOptions::default()).await.expect("started");
    let mut client = Client::connect(pop3.address()).await;
    client.line().await;
    client.ask(&format!("AUTH PLAIN {}", plain(AMY, PASSWORD))).await;
    let start = Instant::now();
    client.ask("UIDL").await;
    assert_eq!(client.until_dot().await.len(), 10_000);
    let uidl = start.elapsed();
    let start = Instant::now();
    let commands: String = (1..=10_000).map(|number| format!("RETR {number}\r\n")).collect();
    client.send(commands + "QUIT\r\n").await;
    let all = client.rest().await;
    let retr = start.elapsed();
    assert_eq!(memchr::memmem::find_iter(&all, b"Subject: Message ").count(), 10_000);

    let imap = ImapServer::start(hub, ServerOptions::default()).await.expect("started");
    let mut client = Client::connect(imap.address()).await;
    client.line().await;
    client.command(&format!("LOGIN {AMY} \"{PASSWORD}\"")).await;
    client.command("SELECT INBOX").await;
    let start = Instant::now();
    assert_eq!(client.command("UID FETCH 1:* (UID FLAGS RFC822.SIZE)").await.len(), 10_001);
    let fetch = start.elapsed();
    println!("UIDL {uidl:?}, pipelined RETR {retr:?}, FETCH {fetch:?}");
    assert!(
        uidl < Duration::from_secs(1) && fetch < Duration::from_secs(1),
        "UIDL {uidl:?}, FETCH {fetch:?}"
    );
}
