//! POP3 from Dovecot and SMTP to Postfix, with their own ideas of the protocols.

use crate::support::{Kept, bytes, patient};
use async_trait::async_trait;
use std::{path::PathBuf, time::Duration};
use tandem_domain::{
    address::EmailAddress,
    failure::{Failure, FailureCode},
    outgoing::SubmitOutcome,
    probe::RungOutcome,
    profile::{Security, ServerType},
};
use tandem_engine::{
    ports::mail::{
        CommitPoint, Credentials, Fetched, IncomingMail, MailboxAccess, NoReport, OutgoingMail, Submission,
    },
    raw::RawMessage,
};
use tandem_mail::{pop3::Pop3, smtp::Smtp};
use tandem_tests::{FsyncMode, MailOptions, MailServers};

struct Unrecorded;

#[async_trait]
impl CommitPoint for Unrecorded {
    async fn about_to_commit(&self) -> Result<(), Failure> {
        Ok(())
    }
}

fn access(servers: &MailServers, account: &str, port: u16, security: Security) -> MailboxAccess {
    let account = servers.account(account);
    let mut access = crate::support::access(([127, 0, 0, 1], port).into(), security);
    access.server_type = ServerType::Pop3Smtp;
    access.endpoint.server = "localhost".into();
    access.endpoint.trust.ca_file = Some(PathBuf::from(&servers.certificates.ca_pem).display().to_string());
    access.credentials = Credentials::Password {
        user_name: account.address.clone(),
        password: zeroize::Zeroizing::new(account.password.clone()),
    };
    access.allow_plain = false;
    access
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_goes_out_through_postfix_and_comes_in_from_dovecot() {
    let servers =
        MailServers::start_with(&MailOptions::with_accounts(["amy", "bob"]).fsync(FsyncMode::Never));
    let (amy, bob) = (servers.account("amy").address.clone(), servers.account("bob").address.clone());
    let ports = &servers.ports;
    let smtp = Smtp::new(patient());
    for (number, (port, security)) in
        [(ports.submissions, Security::Tls), (ports.submission, Security::StartTls)].into_iter().enumerate()
    {
        let access = access(&servers, "amy", port, security);
        let mut session = smtp.open(&access).await.unwrap();
        for size in [1, 20_000] {
            let text = format!(
                "From: {amy}\r\nTo: {bob}\r\nSubject: {number}\r\nMessage-ID: <{number}.{size}@test>\r\n\r\n{}",
                ".a dot and \u{e4}\r\n".repeat(size)
            );
            let submission = Submission {
                mail_from: EmailAddress::parse(&amy).unwrap(),
                recipients: vec![bob.clone(), format!("nobody.{amy}")],
                raw: RawMessage::from(text.into_bytes()),
            };
            let outcome = session.submit(&submission, &Unrecorded).await;
            let SubmitOutcome::Accepted { server_said, refused } = outcome else { panic!("{outcome:?}") };
            assert!(server_said.contains("queued as"), "{server_said}");
            assert_eq!(refused.len(), 1, "{refused:?}");
            assert_eq!(refused[0].failure.code, FailureCode::RecipientsRefused);
        }
        session.close().await;
    }
    servers.wait_for_inbox("bob", 4, Duration::from_secs(20));
    let pop3 = Pop3::new(patient());
    for (port, security) in [(ports.pop3s, Security::Tls), (ports.pop3, Security::StartTls)] {
        let access = access(&servers, "bob", port, security);
        let mut session = pop3.open(&access).await.unwrap();
        let items = session.changes(None).await.unwrap().items;
        let mut kept = Kept::default();
        session.fetch(&items, &mut kept).await.unwrap();
        session.close().await.unwrap();
        assert_eq!(kept.0.len(), 4);
        for (_, fetched) in &kept.0 {
            let Fetched::Message { raw, .. } = fetched else { panic!("{fetched:?}") };
            assert!(String::from_utf8(bytes(raw)).unwrap().ends_with("\r\n.a dot and \u{e4}\r\n"));
        }
        let rungs = pop3.probe(&access, &NoReport).await;
        assert_eq!(rungs.len(), 6, "{rungs:?}");
        assert!(rungs.iter().all(|rung| rung.outcome == RungOutcome::Passed), "{rungs:?}");
    }
    let mut access = access(&servers, "bob", ports.pop3s, Security::Tls);
    let mut session = pop3.open(&access).await.unwrap();
    let items = session.changes(None).await.unwrap().items;
    session.delete(&[items[0].identity.clone(), items[2].identity.clone()]).await.unwrap();
    session.close().await.unwrap();
    assert_eq!(servers.inbox("bob").len(), 2);
    access.credentials =
        Credentials::Password { user_name: bob.clone(), password: zeroize::Zeroizing::new("wrong".into()) };
    assert_eq!(pop3.open(&access).await.err().unwrap().code, FailureCode::AuthenticationFailed);
    access.endpoint.port = ports.submissions;
    assert_eq!(smtp.open(&access).await.err().unwrap().code, FailureCode::AuthenticationFailed);
}
