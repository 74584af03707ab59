//! SMTP submission as a strict client sees it.

use tandem_practice::{MailHub, RecipientResult, Security, ServerOptions, SmtpServer};

use crate::client::{AMY, BEN, Client, PASSWORD, hub, plain};

async fn server(hub: &MailHub, size_limit: Option<usize>) -> SmtpServer {
    let options = ServerOptions { size_limit, ..ServerOptions::with(Security::Plain) };
    SmtpServer::start(hub.clone(), options).await.expect("started")
}

async fn logged_in(server: &SmtpServer) -> Client {
    let mut client = Client::connect(server.address()).await;
    assert!(client.reply().await.starts_with("220 "));
    assert!(client.say("EHLO client.practice").await.contains("AUTH PLAIN LOGIN"));
    assert!(client.say(&format!("AUTH PLAIN {}", plain(AMY, PASSWORD))).await.starts_with("235 2.7.0"));
    client
}

#[tokio::test]
async fn a_message_is_delivered_with_a_received_header_and_its_envelope_recorded() {
    let hub = hub();
    let server = server(&hub, None).await;
    let mut client = logged_in(&server).await;
    assert!(
        client
            .say(&format!("MAIL FROM:<{AMY}> BODY=8BITMIME RET=HDRS SIZE=60"))
            .await
            .starts_with("250 2.1.0")
    );
    assert!(client.say(&format!("RCPT TO:<{BEN}> NOTIFY=FAILURE")).await.starts_with("250 2.1.5"));
    assert!(client.say("RCPT TO:<nobody@fabrikam.practice>").await.starts_with("550 5.1.1"));
    assert!(client.say("DATA").await.starts_with("354"));
    let reply = client.say("Subject: Gr\u{fc}\u{df}e\r\n\r\n..dot\r\n.\r\n.").await;
    assert!(reply.starts_with("250 2.0.0"), "{reply}");

    let delivered = hub.messages(BEN);
    let text = String::from_utf8_lossy(&delivered[0].raw).into_owned();
    let (received, rest) = text.split_once("Subject").expect("a subject");
    assert!(
        received.starts_with("Received: from client.practice") && received.ends_with("\r\n"),
        "{received}"
    );
    assert_eq!(rest, ": Gr\u{fc}\u{df}e\r\n\r\n.dot\r\n", "the first lone dot ended it");
    let submission = &server.submissions()[0];
    assert_eq!((submission.from.as_str(), submission.authenticated_as.as_str()), (AMY, AMY));
    assert_eq!(submission.parameters, ["BODY=8BITMIME", "RET=HDRS", "SIZE=60"]);
    let accepted: Vec<bool> = submission.recipients.iter().map(RecipientResult::is_accepted).collect();
    assert_eq!(accepted, [true, false]);
    assert!(client.reply().await.starts_with("500"), "the second dot was a command");
    assert!(client.say("QUIT").await.starts_with("221"));
}

#[tokio::test]
async fn commands_out_of_order_and_unauthenticated_senders_are_refused() {
    let server = server(&hub(), None).await;
    let mut client = Client::connect(server.address()).await;
    client.reply().await;
    assert!(client.say(&format!("MAIL FROM:<{AMY}>")).await.starts_with("503"));
    client.say("EHLO client.practice").await;
    assert!(client.say(&format!("MAIL FROM:<{AMY}>")).await.starts_with("530 5.7.0"));
    assert!(client.say(&format!("AUTH PLAIN {}", plain(AMY, "wrong"))).await.starts_with("535 5.7.8"));
    assert!(client.say(&format!("AUTH PLAIN {}", plain(AMY, PASSWORD))).await.starts_with("235"));
    assert!(client.say(&format!("RCPT TO:<{BEN}>")).await.starts_with("503"));
    assert!(client.say("DATA").await.starts_with("503"));
    assert!(client.say(&format!("MAIL FROM:<{AMY}> NONSENSE=1")).await.starts_with("555"));
    assert!(client.say("MAIL FROM:<m\u{fc}ller@contoso.practice>").await.starts_with("553 5.6.7"));
    assert!(client.say("MAIL FROM:<m\u{fc}ller@contoso.practice> SMTPUTF8").await.starts_with("250"));
    assert!(client.say("DATA").await.starts_with("554 5.5.1"));
    assert!(client.say("RSET").await.starts_with("250"));
    assert!(client.say("MAIL FROM:<>").await.starts_with("250"));
    assert!(client.say("NOOP").await.starts_with("250"));
}

#[tokio::test]
async fn auth_login_asks_for_name_and_password() {
    let server = server(&hub(), None).await;
    let mut client = Client::connect(server.address()).await;
    client.reply().await;
    client.say("EHLO client.practice").await;
    assert_eq!(client.say("AUTH LOGIN").await, "334 VXNlcm5hbWU6");
    assert_eq!(client.say("YW15QGNvbnRvc28ucHJhY3RpY2U=").await, "334 UGFzc3dvcmQ6");
    assert!(client.say("Y29ycmVjdCBob3JzZQ==").await.starts_with("235"));
    assert_eq!(server.commands(), ["EHLO client.practice", "AUTH LOGIN"]);
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_when_announced_and_when_sent() {
    let hub = hub();
    let server = server(&hub, Some(100)).await;
    let mut client = logged_in(&server).await;
    assert!(client.say(&format!("MAIL FROM:<{AMY}> SIZE=101")).await.starts_with("552 5.3.4"));
    assert!(client.say(&format!("MAIL FROM:<{AMY}>")).await.starts_with("250"));
    client.say(&format!("RCPT TO:<{BEN}>")).await;
    client.say("DATA").await;
    assert!(
        client.say(&format!("Subject: big\r\n\r\n{}\r\n.", "x".repeat(200))).await.starts_with("552 5.3.4")
    );
    assert!(hub.messages(BEN).is_empty() && server.submissions().is_empty());
    assert!(client.say("NOOP").await.starts_with("250"), "the session goes on");
}

#[tokio::test]
async fn pipelined_envelopes_are_answered_in_order() {
    let hub = hub();
    let server = server(&hub, None).await;
    let mut client = logged_in(&server).await;
    client.send(format!("MAIL FROM:<{AMY}>\r\nRCPT TO:<x@y.practice>\r\nRCPT TO:<{BEN}>\r\nDATA\r\n")).await;
    let mut codes = Vec::new();
    for _ in 0..4 {
        codes.push(client.reply().await[..3].to_owned());
    }
    assert_eq!(codes, ["250", "550", "250", "354"]);
    client.send("Subject: one\r\n\r\none\r\n.\r\nRSET\r\nQUIT\r\n").await;
    let rest = String::from_utf8(client.rest().await).expect("text");
    let codes: Vec<&str> = rest.lines().map(|line| &line[..3]).collect();
    assert_eq!(codes, ["250", "250", "221"]);
    assert_eq!(hub.messages(BEN).len(), 1);
}
