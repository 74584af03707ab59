//! The practice organization starts, works over TLS, and ends without a trace.

use std::time::Duration;

use chrono::Utc;
use mail_parser::{MessageParser, MimeHeaders as _};
use tandem_practice::sample::{PersonKind, Sample};
use tandem_practice::{Fault, PracticeServers, Stage};
use tokio::net::TcpStream;

use crate::client::{Client, in_time, plain};

async fn start() -> PracticeServers {
    PracticeServers::start(Sample::organization(Utc::now())).await.expect("started")
}

#[tokio::test]
async fn each_account_reads_its_sample_mail_over_tls_and_can_send() {
    let practice = start().await;
    for account in practice.accounts() {
        let mut client =
            Client::connect_tls(practice.pop3().address(), practice.ca_pem()).await.expect("secure");
        client.line().await;
        let login = plain(&account.address, account.password.reveal());
        assert!(client.ask(&format!("AUTH PLAIN {login}")).await.starts_with("+OK"));
        let count = practice.hub().messages(&account.address).len();
        assert!(client.ask("STAT").await.starts_with(&format!("+OK {count} ")));
        assert!(count > 0 || account.kind == PersonKind::Stranger || account.kind == PersonKind::Contact);
    }
    let [amy, .., _] = practice.accounts() else { panic!("nobody there") };
    let mut client = Client::connect_tls(practice.smtp().address(), practice.ca_pem()).await.expect("secure");
    client.reply().await;
    client.say("EHLO client.practice").await;
    client.say(&format!("AUTH PLAIN {}", plain(&amy.address, amy.password.reveal()))).await;
    client.say(&format!("MAIL FROM:<{}>", amy.address)).await;
    client.say("RCPT TO:<ben@fabrikam.practice>").await;
    client.say("DATA").await;
    let before = practice.hub().messages("ben@fabrikam.practice").len();
    assert!(client.say("Subject: Hello\r\n\r\nHello\r\n.").await.starts_with("250"));
    assert_eq!(practice.hub().messages("ben@fabrikam.practice").len(), before + 1);
    in_time(practice.stop()).await;
}

#[tokio::test]
async fn passwords_differ_at_every_start() {
    let (one, other) = (start().await, start().await);
    assert_ne!(one.accounts()[0].password, other.accounts()[0].password);
    assert_ne!(one.accounts()[0].password, one.accounts()[1].password);
    assert!(!format!("{:?}", one.accounts()).contains(one.accounts()[0].password.reveal()));
}

#[tokio::test]
async fn sample_mail_parses_to_what_it_is_meant_to_show() {
    let sample = Sample::organization(Utc::now());
    let find = |shows: &str| {
        let mail = sample.mail.iter().find(|mail| mail.shows == shows).expect(shows);
        MessageParser::default().parse(&mail.raw).expect("parsed")
    };
    let japanese = find("Japanese in ISO-2022-JP");
    assert_eq!(japanese.subject(), Some("見積もりのお願い"));
    assert!(japanese.body_text(0).is_some_and(|text| text.contains("ファブリカムの田中です。")));
    assert_eq!(find("emoji").subject(), Some("🎉 Le contrat est signé 🎉"));
    assert_eq!(find("windows-1252 in quoted-printable").subject(), Some("Devis – 200 €"));
    assert!(
        find("very long subject")
            .subject()
            .is_some_and(|subject| subject.len() > 500 && !subject.contains('\n'))
    );
    let names: Vec<_> = find("attachments, one with an umlaut in its name")
        .attachments()
        .filter_map(|part| part.attachment_name().map(str::to_owned))
        .collect();
    assert_eq!(names, ["order.csv", "Auftragsbestätigung.pdf"]);
    assert!(find("text in base64").body_text(0).is_some_and(|text| text.contains("会議は三時です。")));
    assert!(find("invitation").parts.iter().any(|part| {
        part.content_type().is_some_and(|it| it.ctype() == "text" && it.subtype() == Some("calendar"))
    }));
    assert!(find("undeliverable").parts.len() >= 4);
}

#[tokio::test]
async fn stopping_ends_open_and_hanging_sessions_and_frees_the_ports() {
    let practice = start().await;
    practice.imap().faults().always(Stage::Greeting, Fault::Hang);
    let mut hanging =
        Client::connect_tls(practice.imap().address(), practice.ca_pem()).await.expect("secure");
    let mut open = Client::connect_tls(practice.pop3().address(), practice.ca_pem()).await.expect("secure");
    open.line().await;
    // A client that never finishes its handshake holds nothing up either.
    let half_open = TcpStream::connect(practice.smtp().address()).await.expect("connected");
    assert_eq!(practice.pop3().connections_open(), 1);
    in_time(practice.stop()).await;
    assert!(open.rest().await.is_empty() && hanging.rest().await.is_empty());
    assert_eq!((practice.pop3().connections_open(), practice.imap().connections_open()), (0, 0));
    assert!(TcpStream::connect(practice.pop3().address()).await.is_err());
    drop(half_open);
}

#[tokio::test]
async fn dropping_the_servers_ends_everything() {
    let practice = start().await;
    let (pop3, imap) = (practice.pop3().address(), practice.imap().address());
    let mut client = Client::connect_tls(pop3, practice.ca_pem()).await.expect("secure");
    client.line().await;
    drop(practice);
    assert!(client.rest().await.is_empty());
    let tasks = tokio::runtime::Handle::current().metrics();
    let is_gone = async {
        while TcpStream::connect(imap).await.is_ok() || tasks.num_alive_tasks() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    in_time(is_gone).await;
}
