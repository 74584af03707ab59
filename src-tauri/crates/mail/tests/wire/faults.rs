//! POP3 and SMTP against the practice servers: the whole way with every protection, and every fault at every stage.

use crate::support::{Kept, access, bytes};
use async_trait::async_trait;
use std::{net::SocketAddr, time::Duration};
use tandem_domain::{
    address::EmailAddress,
    failure::{Failure, FailureCode},
    outgoing::SubmitOutcome,
    profile::{Security, ServerType},
};
use tandem_engine::{
    ports::mail::{CommitPoint, Credentials, Fetched, MailAdapters, MailboxAccess, Submission},
    raw::RawMessage,
};
use tandem_mail::{adapters::Adapters, net::Timeouts};
use tandem_practice::{
    Authority, CertificateFlaw, Fault, Feature, MailHub, Password, Pop3Server, Security as Served,
    ServerOptions, SmtpServer, Stage,
};

const AMY: &str = "amy@contoso.test";
const BO: &str = "bo@contoso.test";
const PASSWORD: &str = "practice makes perfect";
const MESSAGES: usize = 40;

struct Unrecorded;

#[async_trait]
impl CommitPoint for Unrecorded {
    async fn about_to_commit(&self) -> Result<(), Failure> {
        Ok(())
    }
}

fn adapters(soon: Duration) -> Adapters {
    Adapters::new(Timeouts { connect: soon, answer: soon, commit: soon })
}

fn hub() -> MailHub {
    let hub = MailHub::new();
    hub.add_account(AMY, Password::new(PASSWORD), "Amy");
    hub.add_account(BO, Password::new(PASSWORD), "Bo");
    hub
}

fn as_amy(address: SocketAddr, security: Security) -> MailboxAccess {
    let mut access = access(address, security);
    access.credentials =
        Credentials::Password { user_name: AMY.into(), password: zeroize::Zeroizing::new(PASSWORD.into()) };
    access
}

fn message(number: usize) -> Vec<u8> {
    let line = format!(".{number} {}\r\n", "x".repeat(number % 70));
    format!("Subject: {number}\r\n\r\n{}", line.repeat(number * 7 % 200)).into_bytes()
}

fn submission() -> Submission {
    Submission {
        mail_from: EmailAddress::parse(AMY).unwrap(),
        recipients: vec![BO.to_owned()],
        raw: RawMessage::from(message(150)),
    }
}

#[tokio::test]
async fn mail_goes_out_and_comes_in_with_every_protection() {
    let authority = Authority::generate().unwrap();
    let certificate = authority.server_certificate(CertificateFlaw::None).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, authority.pem()).unwrap();
    let adapters = adapters(Duration::from_secs(10));
    for (security, served) in [
        (Security::Tls, Served::Tls(certificate.clone())),
        (Security::StartTls, Served::StartTls(certificate.clone())),
        (Security::None, Served::Plain),
    ] {
        let hub = hub();
        let smtp = SmtpServer::start(hub.clone(), ServerOptions::with(served.clone())).await.unwrap();
        let pop3 = Pop3Server::start(hub.clone(), ServerOptions::with(served)).await.unwrap();
        let mut out = as_amy(smtp.address(), security);
        out.endpoint.trust.ca_file = Some(ca_file.display().to_string());
        let mut session = adapters.outgoing(ServerType::Pop3Smtp).unwrap().open(&out).await.unwrap();
        let outcome = session.submit(&submission(), &Unrecorded).await;
        assert!(matches!(outcome, SubmitOutcome::Accepted { .. }), "{outcome:?}");
        session.close().await;
        let mut inbox = as_amy(pop3.address(), security);
        inbox.endpoint.trust.ca_file = Some(ca_file.display().to_string());
        if let Credentials::Password { user_name, .. } = &mut inbox.credentials {
            *user_name = BO.into();
        }
        let mut session = adapters.incoming(ServerType::Pop3Smtp).unwrap().open(&inbox).await.unwrap();
        let items = session.changes(None).await.unwrap().items;
        let mut kept = Kept::default();
        session.fetch(&items, &mut kept).await.unwrap();
        let [(0, Fetched::Message { raw, .. })] = kept.0.as_slice() else { panic!("{:?}", kept.0) };
        let sent = bytes(&submission().raw);
        assert!(bytes(raw).ends_with(&sent), "what was sent is what is fetched");
        let identities: Vec<_> = items.iter().map(|item| item.identity.clone()).collect();
        session.delete(&identities).await.unwrap();
        assert_eq!(hub.messages(BO).len(), 1, "nothing is deleted before the good-bye");
        session.close().await.unwrap();
        assert_eq!(hub.messages(BO).len(), 0);
    }
}

fn faults() -> Vec<Fault> {
    let mut faults = vec![
        Fault::Close,
        Fault::Hang,
        Fault::Garbage,
        Fault::EndlessLine(1_000_000),
        Fault::Refuse,
        Fault::Delay(Duration::from_millis(30)),
        Fault::Announce { octets: 4_294_967_296, sent: 100 },
        Fault::Reply("-ERR [SYS/TEMP] storage is away".into()),
        Fault::Reply("421 4.3.2 closing".into()),
        Fault::Reply("+OK".into()),
        Fault::Reply("250-".into()),
    ];
    faults.extend((0..12).map(|bytes| Fault::CutAfter(bytes * bytes)));
    faults
}

#[tokio::test]
async fn no_fault_of_a_pop3_server_gives_a_wrong_message_or_hangs() {
    let hub = hub();
    for number in 0..MESSAGES {
        hub.deliver(AMY, message(number)).unwrap();
    }
    let server = Pop3Server::start(hub, ServerOptions::default()).await.unwrap();
    let adapters = adapters(Duration::from_millis(100));
    let incoming = adapters.incoming(ServerType::Pop3Smtp).unwrap();
    let access = as_amy(server.address(), Security::None);
    let stages = ["CAPA", "AUTH", "UIDL", "LIST", "RETR", "QUIT"].map(Stage::command);
    let mut failures = std::collections::BTreeSet::new();
    for stage in [Stage::Greeting, Stage::Login].into_iter().chain(stages) {
        for fault in faults() {
            server.faults().clear();
            let passes = if stage == Stage::command("RETR") { 17 } else { 0 };
            server.faults().after(passes, stage.clone(), fault.clone());
            let mut kept = Kept::default();
            let all = async {
                let mut session = incoming.open(&access).await?;
                let items = session.changes(None).await?.items;
                session.fetch(&items, &mut kept).await?;
                session.close().await
            };
            let ended = tokio::time::timeout(Duration::from_secs(10), all).await;
            if let Err(failure) = ended.unwrap_or_else(|_| panic!("{fault:?} at {stage:?} hangs")) {
                failures.insert(failure.code);
            }
            for (index, fetched) in &kept.0 {
                if let Fetched::Message { raw, .. } = fetched {
                    // A server that says +OK and nothing else at RETR passes the next answer off as this message.
                    let passed_off = matches!(&fault, Fault::Reply(said) if said == "+OK");
                    assert!(passed_off || bytes(raw) == message(*index), "{fault:?} at {stage:?}: {index}");
                }
            }
        }
    }
    for code in [
        FailureCode::TimedOut,
        FailureCode::ConnectionLost,
        FailureCode::ProtocolViolation,
        FailureCode::AuthenticationFailed,
        FailureCode::ServerUnavailable,
    ] {
        assert!(failures.contains(&code), "{code} never came up in {failures:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn what_is_said_of_a_submission_is_true_whatever_the_server_does() {
    let hub = hub();
    let server = SmtpServer::start(hub.clone(), ServerOptions::default()).await.unwrap();
    let adapters = adapters(Duration::from_millis(100));
    let outgoing = adapters.outgoing(ServerType::Pop3Smtp).unwrap();
    let access = as_amy(server.address(), Security::None);
    let stages = ["EHLO", "AUTH", "MAIL", "RCPT", "DATA"].map(Stage::command);
    let ends = [Stage::Greeting, Stage::Login, Stage::BeforeDelivery, Stage::AfterDelivery];
    let mut unconfirmed = 0;
    for stage in ends.into_iter().chain(stages) {
        for fault in faults() {
            server.faults().clear();
            server.faults().once(stage.clone(), fault.clone());
            let before = hub.messages(BO).len();
            let all = async {
                let mut session = outgoing.open(&access).await.ok()?;
                let outcome = session.submit(&submission(), &Unrecorded).await;
                session.close().await;
                Some(outcome)
            };
            let ended = tokio::time::timeout(Duration::from_secs(10), all).await;
            let outcome = ended.unwrap_or_else(|_| panic!("{fault:?} at {stage:?} hangs"));
            // A server may go on delivering for a moment after a cut.
            tokio::time::sleep(Duration::from_millis(5)).await;
            let arrived = hub.messages(BO).len() - before;
            let lies = matches!(&fault, Fault::Reply(_) | Fault::Refuse);
            match outcome {
                Some(SubmitOutcome::Accepted { .. }) => assert_eq!(arrived, 1, "{fault:?} at {stage:?}"),
                Some(SubmitOutcome::Unconfirmed(_)) => unconfirmed += 1,
                // After a delivery, a refusal is a lie that nobody can see through.
                Some(SubmitOutcome::Retry { .. } | SubmitOutcome::Rejected { .. }) | None => {
                    assert!(
                        arrived == 0 || (lies && stage == Stage::AfterDelivery),
                        "{fault:?} at {stage:?}"
                    );
                }
            }
        }
    }
    assert!(unconfirmed > 10, "{unconfirmed}");
    server.stop().await;
}

#[tokio::test]
async fn what_a_server_lacks_is_done_without() {
    let hub = hub();
    let pop3 = Pop3Server::start(hub.clone(), ServerOptions::default()).await.unwrap();
    let smtp = SmtpServer::start(hub.clone(), ServerOptions::default()).await.unwrap();
    let adapters = adapters(Duration::from_secs(5));
    let inbox = as_amy(pop3.address(), Security::None);
    let out = as_amy(smtp.address(), Security::None);
    hub.deliver(AMY, message(3)).unwrap();
    for feature in [Feature::Capa, Feature::Top, Feature::Pipelining, Feature::AuthPlain] {
        pop3.faults().clear();
        pop3.faults().without(feature);
        let mut session = adapters.incoming(ServerType::Pop3Smtp).unwrap().open(&inbox).await.unwrap();
        let items = session.changes(None).await.unwrap().items;
        let mut kept = Kept::default();
        session.fetch(&items, &mut kept).await.unwrap();
        assert_eq!(kept.texts(), [String::from_utf8(message(3)).unwrap()], "{feature:?}");
    }
    let lacking =
        [Feature::Pipelining, Feature::AuthPlain, Feature::AuthLogin, Feature::Size, Feature::EightBitMime];
    for feature in lacking {
        smtp.faults().clear();
        smtp.faults().without(feature);
        let mut session = adapters.outgoing(ServerType::ImapSmtp).unwrap().open(&out).await.unwrap();
        let outcome = session.submit(&submission(), &Unrecorded).await;
        assert!(matches!(outcome, SubmitOutcome::Accepted { .. }), "{feature:?}: {outcome:?}");
    }
    // The last of them takes no 8-bit bytes: they are not sent, and the reason is told.
    let mut session = adapters.outgoing(ServerType::ImapSmtp).unwrap().open(&out).await.unwrap();
    let raw = RawMessage::from("Subject: x\r\n\r\n\u{e4}\r\n".as_bytes().to_vec());
    let before = hub.messages(BO).len();
    let outcome = session.submit(&Submission { raw, ..submission() }, &Unrecorded).await;
    let SubmitOutcome::Rejected { why, .. } = outcome else { panic!("{outcome:?}") };
    assert!(why.code == FailureCode::MessageRefused && why.server_said.contains("8BITMIME"), "{why}");
    assert!(session.is_open() && hub.messages(BO).len() == before);
}
