//! Every fault, as a client meets it.

use std::time::{Duration, Instant};

use tandem_practice::{Fault, ImapServer, MailHub, Pace, Pop3Server, ServerOptions, SmtpServer, Stage};

use crate::client::{AMY, BEN, Client, PASSWORD, hub, message, plain};

struct Rig {
    hub: MailHub,
    pop3: Pop3Server,
    imap: ImapServer,
    smtp: SmtpServer,
}

async fn rig() -> Rig {
    let hub = hub();
    for number in 1..=3 {
        hub.deliver(AMY, message(number)).expect("known");
    }
    Rig {
        pop3: Pop3Server::start(hub.clone(), ServerOptions::default()).await.expect("started"),
        imap: ImapServer::start(hub.clone(), ServerOptions::default()).await.expect("started"),
        smtp: SmtpServer::start(hub.clone(), ServerOptions::default()).await.expect("started"),
        hub,
    }
}

impl Rig {
    async fn pop3(&self) -> Client {
        let mut client = Client::connect(self.pop3.address()).await;
        client.line().await;
        assert!(client.ask(&format!("AUTH PLAIN {}", plain(AMY, PASSWORD))).await.starts_with("+OK"));
        client
    }

    async fn imap(&self) -> Client {
        let mut client = Client::connect(self.imap.address()).await;
        client.line().await;
        client.command(&format!("LOGIN {AMY} \"{PASSWORD}\"")).await;
        client.command("SELECT INBOX").await;
        client
    }

    async fn smtp(&self) -> Client {
        let mut client = Client::connect(self.smtp.address()).await;
        client.reply().await;
        client.say("EHLO client.practice").await;
        assert!(client.say(&format!("AUTH PLAIN {}", plain(AMY, PASSWORD))).await.starts_with("235"));
        client
    }

    /// Up to and with the final dot; the reply is still to be read.
    async fn submitted(&self) -> Client {
        let mut client = self.smtp().await;
        client.say(&format!("MAIL FROM:<{AMY}>")).await;
        client.say(&format!("RCPT TO:<{BEN}>")).await;
        assert!(client.say("DATA").await.starts_with("354"));
        client.send("Subject: once\r\n\r\nonce\r\n.\r\n").await;
        client
    }
}

/// Whether nothing comes for a while, with the connection still open.
async fn is_silent(client: &mut Client) -> bool {
    tokio::time::timeout(Duration::from_millis(150), client.try_line()).await.is_err()
}

#[tokio::test]
async fn a_greeting_can_be_missing_garbage_or_late() {
    let rig = rig().await;
    for (address, faults) in [
        (rig.pop3.address(), rig.pop3.faults()),
        (rig.imap.address(), rig.imap.faults()),
        (rig.smtp.address(), rig.smtp.faults()),
    ] {
        faults.once(Stage::Greeting, Fault::Close);
        assert!(Client::connect(address).await.rest().await.is_empty());
        faults.once(Stage::Greeting, Fault::Garbage);
        assert!(Client::connect(address).await.line().await.contains("no protocol speaks like this"));
        faults.once(Stage::Greeting, Fault::Hang);
        assert!(is_silent(&mut Client::connect(address).await).await);
        faults.once(Stage::Greeting, Fault::Delay(Duration::from_millis(60)));
        let start = Instant::now();
        let late = Client::connect(address).await.line().await;
        assert!(start.elapsed() >= Duration::from_millis(60) && !late.is_empty());
        faults.once(Stage::Greeting, Fault::EndlessLine(100_000));
        let endless = Client::connect(address).await.rest().await;
        assert!(endless.len() == 100_000 && !endless.contains(&b'\n'));
        assert_eq!(faults.fired(), 5);
    }
}

#[tokio::test]
async fn a_command_can_go_unanswered_or_get_nonsense() {
    let rig = rig().await;
    rig.pop3.faults().once(Stage::command("UIDL"), Fault::Hang);
    let mut client = rig.pop3().await;
    client.send("UIDL\r\n").await;
    assert!(is_silent(&mut client).await);
    rig.pop3.faults().once(Stage::command("STAT"), Fault::Garbage);
    let mut client = rig.pop3().await;
    assert!(client.ask("STAT").await.contains("no protocol"));
    assert!(client.ask("STAT").await.starts_with("+OK 3 "), "once means once");

    rig.imap.faults().once(Stage::command("FETCH"), Fault::Hang);
    let mut client = rig.imap().await;
    client.send("t UID FETCH 1 UID\r\n").await;
    assert!(is_silent(&mut client).await);
    rig.smtp.faults().once(Stage::command("MAIL"), Fault::Close);
    let mut client = rig.smtp().await;
    client.send(format!("MAIL FROM:<{AMY}>\r\n")).await;
    assert!(client.rest().await.is_empty());
}

#[tokio::test]
async fn an_answer_can_be_cut_after_any_number_of_bytes() {
    let rig = rig().await;
    for bytes in [0, 1, 5, 40] {
        rig.pop3.faults().after(1, Stage::command("RETR"), Fault::CutAfter(bytes));
        let mut client = rig.pop3().await;
        client.send("RETR 1\r\n").await;
        client.line().await;
        assert!(!client.until_dot().await.is_empty(), "the first passes");
        client.send("RETR 2\r\n").await;
        assert_eq!(client.rest().await.len(), bytes);
    }
    rig.imap.faults().once(Stage::command("FETCH"), Fault::CutAfter(60));
    let mut client = rig.imap().await;
    client.send("t UID FETCH 1:* BODY.PEEK[]\r\n").await;
    let cut = client.rest().await;
    assert_eq!(cut.len(), 60);
    assert!(cut.starts_with(b"* 1 FETCH (UID 1 BODY[] {"));
}

#[tokio::test]
async fn a_size_can_be_announced_that_never_comes() {
    let rig = rig().await;
    let four_gb = Fault::Announce { octets: 4_294_967_296, sent: 50_000 };
    rig.imap.faults().once(Stage::command("FETCH"), four_gb.clone());
    let mut client = rig.imap().await;
    client.send("t UID FETCH 1 BODY.PEEK[]\r\n").await;
    assert_eq!(client.line().await, "* 1 FETCH (UID 1 BODY[] {4294967296}");
    assert_eq!(client.rest().await.len(), 50_000);

    rig.pop3.faults().once(Stage::command("LIST"), four_gb.clone());
    rig.pop3.faults().once(Stage::command("RETR"), four_gb);
    let mut client = rig.pop3().await;
    client.ask("LIST").await;
    assert_eq!(client.until_dot().await, ["1 4294967296"]);
    assert_eq!(client.ask("RETR 1").await, "+OK 4294967296 octets");
    assert_eq!(client.rest().await.len(), 50_000);
}

#[tokio::test]
async fn a_right_password_can_be_refused() {
    let rig = rig().await;
    for faults in [rig.pop3.faults(), rig.imap.faults(), rig.smtp.faults()] {
        faults.once(Stage::Login, Fault::Refuse);
    }
    let mut client = Client::connect(rig.pop3.address()).await;
    client.line().await;
    assert!(client.ask(&format!("AUTH PLAIN {}", plain(AMY, PASSWORD))).await.starts_with("-ERR [AUTH]"));
    let mut client = Client::connect(rig.imap.address()).await;
    client.line().await;
    assert!(
        client.command(&format!("LOGIN {AMY} \"{PASSWORD}\"")).await[0].contains("NO [AUTHENTICATIONFAILED]")
    );
    let mut client = Client::connect(rig.smtp.address()).await;
    client.reply().await;
    client.say("EHLO client.practice").await;
    assert!(client.say(&format!("AUTH PLAIN {}", plain(AMY, PASSWORD))).await.starts_with("535 5.7.8"));
    rig.pop3().await;
    rig.smtp().await;
}

#[tokio::test]
async fn a_busy_server_says_so_in_its_protocols_words() {
    let rig = rig().await;
    rig.pop3.faults().always(Stage::Login, Fault::Reply("-ERR [IN-USE] locked by another session".into()));
    for _ in 0..2 {
        let mut client = Client::connect(rig.pop3.address()).await;
        client.line().await;
        assert!(
            client.ask(&format!("AUTH PLAIN {}", plain(AMY, PASSWORD))).await.starts_with("-ERR [IN-USE]")
        );
    }
    rig.imap.faults().once(Stage::Login, Fault::Reply("NO [UNAVAILABLE] try later".into()));
    rig.imap.faults().once(Stage::command("SELECT"), Fault::Reply("NO [LIMIT] too many sessions".into()));
    rig.imap.faults().once(Stage::command("NOOP"), Fault::Reply("* BYE shutting down".into()));
    let mut client = Client::connect(rig.imap.address()).await;
    client.line().await;
    let login = format!("LOGIN {AMY} \"{PASSWORD}\"");
    assert_eq!(client.command(&login).await, ["t NO [UNAVAILABLE] try later"]);
    assert!(client.command(&login).await[0].starts_with("t OK"));
    assert_eq!(client.command("SELECT INBOX").await, ["t NO [LIMIT] too many sessions"]);
    client.send("t NOOP\r\n").await;
    assert_eq!(client.rest().await, b"* BYE shutting down\r\n");
}

#[tokio::test]
async fn each_smtp_stage_can_fail_for_now_or_for_good() {
    let rig = rig().await;
    for (stage, reply) in [
        (Stage::command("MAIL"), "451 4.3.0 local error"),
        (Stage::recipient(BEN), "450 4.2.1 greylisted"),
        (Stage::recipient(BEN), "550 5.7.1 not for you"),
        (Stage::command("DATA"), "452 4.3.1 disk full"),
    ] {
        rig.smtp.faults().once(stage, Fault::Reply(reply.to_owned()));
        let mut client = rig.smtp().await;
        let mut replies = Vec::new();
        for command in
            [format!("MAIL FROM:<{AMY}>"), format!("RCPT TO:<{}>", BEN.to_uppercase()), "DATA".into()]
        {
            replies.push(client.say(&command).await);
        }
        assert!(replies.iter().any(|it| it == reply), "{reply}: {replies:?}");
    }
    rig.smtp.faults().once(Stage::command("EHLO"), Fault::Reply("421 4.3.2 going down".into()));
    let mut client = Client::connect(rig.smtp.address()).await;
    client.reply().await;
    assert_eq!(client.say("EHLO client.practice").await, "421 4.3.2 going down");
    assert!(client.rest().await.is_empty());
    assert!(rig.hub.messages(BEN).is_empty());
}

#[tokio::test]
async fn one_recipient_can_be_refused_while_another_gets_the_mail() {
    let rig = rig().await;
    rig.smtp.faults().once(Stage::recipient(AMY), Fault::Reply("452 4.2.2 mailbox full".into()));
    let mut client = rig.smtp().await;
    client.say(&format!("MAIL FROM:<{AMY}>")).await;
    assert!(client.say(&format!("RCPT TO:<{AMY}>")).await.starts_with("452 4.2.2"));
    assert!(client.say(&format!("RCPT TO:<{BEN}>")).await.starts_with("250"));
    client.say("DATA").await;
    assert!(client.say("Subject: x\r\n\r\nx\r\n.").await.starts_with("250"));
    assert_eq!((rig.hub.messages(AMY).len(), rig.hub.messages(BEN).len()), (3, 1));
}

#[tokio::test]
async fn the_connection_can_end_after_the_final_dot_before_or_after_delivery() {
    let rig = rig().await;
    rig.smtp.faults().once(Stage::BeforeDelivery, Fault::Close);
    assert!(rig.submitted().await.rest().await.is_empty());
    assert_eq!((rig.hub.messages(BEN).len(), rig.smtp.submissions().len()), (0, 0));

    rig.smtp.faults().once(Stage::AfterDelivery, Fault::Close);
    assert!(rig.submitted().await.rest().await.is_empty());
    assert_eq!(
        (rig.hub.messages(BEN).len(), rig.smtp.submissions().len()),
        (1, 1),
        "the reply was lost, not the mail"
    );

    rig.smtp.faults().once(Stage::BeforeDelivery, Fault::Reply("451 4.3.0 queue is full".into()));
    assert_eq!(rig.submitted().await.reply().await, "451 4.3.0 queue is full");
    rig.smtp.faults().once(Stage::AfterDelivery, Fault::CutAfter(4));
    assert_eq!(rig.submitted().await.rest().await, b"250 ");
    assert_eq!(rig.hub.messages(BEN).len(), 2);
}

#[tokio::test]
async fn a_slow_server_waits_before_answers_and_trickles_them() {
    let rig = rig().await;
    let mut client = rig.pop3().await;
    rig.pop3.faults().set_pace(Pace { per_command: Duration::from_millis(40), bytes_per_second: None });
    let start = Instant::now();
    for _ in 0..3 {
        client.ask("NOOP").await;
    }
    assert!(start.elapsed() >= Duration::from_millis(120));
    rig.hub.deliver(AMY, vec![b'x'; 1000]).expect("known");
    let mut client = rig.pop3().await;
    rig.pop3.faults().set_pace(Pace { per_command: Duration::ZERO, bytes_per_second: Some(5000) });
    let start = Instant::now();
    client.ask("RETR 4").await;
    client.until_dot().await;
    let slow = start.elapsed();
    assert!(slow >= Duration::from_millis(190), "{slow:?}");
    rig.pop3.faults().clear();
    let start = Instant::now();
    client.ask("RETR 4").await;
    client.until_dot().await;
    assert!(start.elapsed() < slow);
}

#[tokio::test]
async fn connections_are_counted_for_tests_of_limits() {
    let rig = rig().await;
    let (one, two) = (rig.pop3().await, rig.pop3().await);
    assert_eq!((rig.pop3.connections_open(), rig.pop3.connections_peak()), (2, 2));
    drop((one, two));
    while rig.pop3.connections_open() > 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    rig.pop3().await;
    assert_eq!((rig.pop3.connections_accepted(), rig.pop3.connections_peak()), (3, 2));
}
