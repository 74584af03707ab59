//! POP3 as a strict client sees it.

use tandem_practice::{Feature, MailHub, Pop3Server, ServerOptions};

use crate::client::{AMY, Client, PASSWORD, hub, message, plain};

async fn server(hub: &MailHub) -> Pop3Server {
    Pop3Server::start(hub.clone(), ServerOptions::default()).await.expect("started")
}

async fn logged_in(server: &Pop3Server) -> Client {
    let mut client = Client::connect(server.address()).await;
    assert!(client.line().await.starts_with("+OK"));
    assert_eq!(client.ask(&format!("USER {AMY}")).await, "+OK");
    assert!(client.ask(&format!("PASS {PASSWORD}")).await.starts_with("+OK"));
    client
}

fn three() -> MailHub {
    let hub = hub();
    for number in 1..=3 {
        hub.deliver(AMY, message(number)).expect("known");
    }
    hub
}

#[tokio::test]
async fn mail_is_listed_identified_and_retrieved_byte_for_byte() {
    let hub = three();
    let dotted = b".starts with a dot\r\n\r\n.\r\n..two\r\nno end of line";
    hub.deliver(AMY, *dotted).expect("known");
    let server = server(&hub).await;
    let mut client = logged_in(&server).await;
    let sizes: Vec<usize> = hub.messages(AMY).iter().map(|message| message.raw.len()).collect();
    assert_eq!(client.ask("STAT").await, format!("+OK 4 {}", sizes.iter().sum::<usize>()));
    assert!(client.ask("LIST").await.starts_with("+OK"));
    let expected: Vec<String> =
        sizes.iter().enumerate().map(|(at, size)| format!("{} {size}", at + 1)).collect();
    assert_eq!(client.until_dot().await, expected);
    assert_eq!(client.ask("LIST 2").await, format!("+OK 2 {}", sizes[1]));
    assert!(client.ask("UIDL").await.starts_with("+OK"));
    let ids = client.until_dot().await;
    assert_eq!(ids.len(), 4);
    assert_eq!(client.ask("UIDL 3").await, format!("+OK {}", ids[2]));
    assert!(client.ask("LIST 5").await.starts_with("-ERR"));
    assert!(client.ask("RETR 0").await.starts_with("-ERR"));

    assert_eq!(client.ask("RETR 4").await, format!("+OK {} octets", dotted.len()));
    assert_eq!(client.until_dot().await, ["..starts with a dot", "", "..", "...two", "no end of line"]);
    assert_eq!(client.ask("TOP 1 0").await, "+OK");
    assert_eq!(client.until_dot().await.len(), 4, "three fields and the blank line");
    assert_eq!(client.ask("TOP 1 1").await, "+OK");
    assert_eq!(client.until_dot().await.last().map(String::as_str), Some("Text 1"));
}

#[tokio::test]
async fn deletions_happen_only_at_quit() {
    let hub = three();
    let server = server(&hub).await;
    let mut client = logged_in(&server).await;
    assert!(client.ask("DELE 1").await.starts_with("+OK"));
    assert!(client.ask("DELE 1").await.starts_with("-ERR"));
    assert!(client.ask("RETR 1").await.starts_with("-ERR"));
    assert!(client.ask("STAT").await.starts_with("+OK 2 "));
    drop(client);
    assert_eq!(hub.messages(AMY).len(), 3, "a cut connection deletes nothing");

    let mut client = logged_in(&server).await;
    client.ask("DELE 1").await;
    client.ask("RSET").await;
    client.ask("DELE 2").await;
    assert_eq!(hub.messages(AMY).len(), 3);
    assert!(client.ask("QUIT").await.starts_with("+OK"));
    assert!(client.rest().await.is_empty());
    let uids: Vec<u32> = hub.messages(AMY).iter().map(|message| message.uid).collect();
    assert_eq!(uids, [1, 3]);
}

#[tokio::test]
async fn unique_ids_survive_sessions_and_change_with_uidvalidity() {
    let hub = three();
    let server = server(&hub).await;
    let mut first = logged_in(&server).await;
    let before = first.ask("UIDL 3").await;
    hub.remove(AMY, &[1]).expect("known");
    let mut second = logged_in(&server).await;
    assert_eq!(second.ask("UIDL 2").await.split(' ').nth(2), before.split(' ').nth(2));
    hub.renew_uid_validity(AMY).expect("known");
    let mut third = logged_in(&server).await;
    assert_ne!(third.ask("UIDL 2").await.split(' ').nth(2), before.split(' ').nth(2));
}

#[tokio::test]
async fn pipelined_commands_are_answered_in_order() {
    let server = server(&three()).await;
    let mut client = Client::connect(server.address()).await;
    client
        .send(format!(
            "CAPA\r\nUSER {AMY}\r\nPASS {PASSWORD}\r\nSTAT\r\nRETR 1\r\nRETR 2\r\nNOOP\r\nQUIT\r\n"
        ))
        .await;
    let all = String::from_utf8(client.rest().await).expect("text");
    let first = all.find("Text 1").expect("first");
    assert!(
        first < all.find("Text 2").expect("second")
            && all.contains("+OK 3 ")
            && all.contains("PIPELINING\r\n")
    );
    assert!(all.ends_with("+OK\r\n+OK goodbye\r\n"));
}

#[tokio::test]
async fn plain_authentication_works_with_and_without_initial_response() {
    let server = server(&three()).await;
    let right = plain(AMY, PASSWORD);
    let mut client = Client::connect(server.address()).await;
    client.line().await;
    assert!(client.ask(&format!("AUTH PLAIN {}", plain(AMY, "wrong"))).await.starts_with("-ERR [AUTH]"));
    assert!(client.ask("AUTH CRAM-MD5").await.starts_with("-ERR"));
    assert!(client.ask("STAT").await.starts_with("-ERR"));
    assert_eq!(client.ask("AUTH PLAIN").await, "+ ");
    assert!(client.ask("*").await.starts_with("-ERR"));
    assert!(client.ask(&format!("AUTH PLAIN {right}")).await.starts_with("+OK"));

    let mut client = Client::connect(server.address()).await;
    client.line().await;
    assert_eq!(client.ask("auth plain").await, "+ ");
    assert!(client.ask(&right).await.starts_with("+OK"));
    assert!(!server.commands().iter().any(|command| command.contains(&right)), "secrets are not journalled");
}

#[tokio::test]
async fn abilities_can_be_taken_away() {
    let server = server(&three()).await;
    for feature in [Feature::Capa, Feature::Uidl, Feature::Top] {
        server.faults().without(feature);
    }
    let mut client = logged_in(&server).await;
    for command in ["CAPA", "UIDL", "TOP 1 0", "NONSENSE"] {
        assert!(client.ask(command).await.starts_with("-ERR"), "{command}");
    }
    server.faults().clear();
    assert!(client.ask("UIDL 1").await.starts_with("+OK 1 "));
}
