//! Router files made from parameters, for the practice organization and for tests. Composed here, not taken from a real router.
//!
//! Passwords are under the stand-in scheme ([`crate::decryption::STAND_IN`]), which the key file names: these files rehearse a
//! migration and can never be mistaken for a real router's.

use crate::decryption::{STAND_IN, stand_in_encrypt};
use base64::{Engine, engine::general_purpose::STANDARD};
use quick_xml::escape::escape;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use tandem_domain::{Instant, profile::Security};
use uuid::Uuid;

/// One server of a sample router.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleServer {
    /// Host name or URL.
    pub server: String,
    /// Its port.
    pub port: u16,
    /// Its protection; STARTTLS and TLS both are `EmailUseSsl` in the file.
    pub security: Security,
}

/// One mailbox of a sample router.
#[derive(Debug, Clone)]
pub struct SampleMailbox {
    /// Its address.
    pub address: String,
    /// The user's or queue's id in the CRM of the router.
    pub id: Uuid,
    /// Whether it is a queue's.
    pub is_queue: bool,
    /// The user name at the POP3 server.
    pub user_name: String,
    /// The password; `None` leaves it out of the file.
    pub password: Option<String>,
    /// When the router processed it last; `None` writes .NET's smallest date.
    pub last_processed: Option<Instant>,
    /// The last error; empty for none.
    pub last_error: String,
}

/// One sample router: POP3 in, SMTP out.
#[derive(Debug, Clone)]
pub struct SampleRouter {
    /// `CrmServerUrl`.
    pub organization_url: String,
    /// Where mail comes from.
    pub pop3: SampleServer,
    /// Where mail goes to; `None` for a router that only fetches.
    pub smtp: Option<SampleServer>,
    /// Whether SMTP takes mail without signing in.
    pub smtp_anonymous: bool,
    /// The mailboxes.
    pub mailboxes: Vec<SampleMailbox>,
}

/// The three files of one sample router.
#[derive(Clone)]
pub struct SampleFiles {
    /// `EncryptionKey.xml`.
    pub key: String,
    /// `Microsoft.Crm.Tools.EmailAgent.SystemState.xml`.
    pub state: String,
    /// `Microsoft.Crm.Tools.EmailAgent.xml`.
    pub agent: String,
}

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n";
const OWN: &str = "Microsoft.Crm.Tools.Email.Providers.";

/// The files of sample routers; `seed` makes their keys, so that the same parameters give the same files.
#[must_use]
pub fn files(routers: &[SampleRouter], seed: u64) -> Vec<SampleFiles> {
    (0_u64..).zip(routers).map(|(number, router)| router_files(router, seed, number)).collect()
}

fn router_files(router: &SampleRouter, seed: u64, number: u64) -> SampleFiles {
    let digest = |part: &str| Sha256::digest(format!("tandem sample router {seed} {number} {part}"));
    let key = STANDARD.encode(digest("key"));
    let key_file = format!("{HEAD}<EncryptionKey scheme=\"{STAND_IN}\">{key}</EncryptionKey>\r\n");
    let mut state = format!("{HEAD}<SystemState>\r\n");
    let mut agent = format!("{HEAD}<Configuration>\r\n{SERVICE}");
    for (index, mailbox) in router.mailboxes.iter().enumerate() {
        let token: String =
            digest(&format!("token {index}")).iter().take(14).fold("H".to_owned(), |mut token, byte| {
                // Writing to a String does not fail.
                let _ = write!(token, "{byte:02x}");
                token
            });
        let date = mailbox.last_processed.map_or_else(
            || "0001-01-01T00:00:00.0000000".to_owned(),
            |date| {
                date.format("%Y-%m-%dT%H:%M:%S.").to_string()
                    + &format!("{:07}Z", date.timestamp_subsec_nanos() / 100)
            },
        );
        let _ = write!(
            state,
            "  <{token}>\r\n    <EmailAddress>{}</EmailAddress>\r\n    <LastError>{}</LastError>\r\n    \
             <ThresholdDate>{date}</ThresholdDate>\r\n  </{token}>\r\n",
            escape(mailbox.address.as_str()),
            escape(mailbox.last_error.as_str()),
        );
        let nonce = digest(&format!("nonce {index}"));
        let nonce = <[u8; 12]>::try_from(nonce.get(..12).unwrap_or_default()).unwrap_or_default();
        let password = mailbox.password.as_ref().and_then(|password| stand_in_encrypt(&key, nonce, password));
        agent.push_str("  <ProviderConfiguration>\r\n");
        provider(&mut agent, "Pop3PollingMailboxProvider", router, &router.pop3);
        leaf(&mut agent, "EmailAddress", &mailbox.address);
        leaf(&mut agent, owner(mailbox), &mailbox.id.to_string());
        leaf(&mut agent, "EmailAuthMode", "Basic");
        leaf(&mut agent, "EmailUser", &mailbox.user_name);
        if let Some(password) = password {
            leaf(&mut agent, "EmailPassword", &password);
        }
        agent.push_str("  </ProviderConfiguration>\r\n");
    }
    if let Some(smtp) = &router.smtp {
        agent.push_str("  <ProviderConfiguration>\r\n");
        provider(&mut agent, "SmtpPollingSendEmailProvider", router, smtp);
        leaf(&mut agent, "EmailAuthMode", if router.smtp_anonymous { "Anonymous" } else { "Basic" });
        for mailbox in &router.mailboxes {
            leaf(&mut agent, owner(mailbox), &mailbox.id.to_string());
        }
        agent.push_str("  </ProviderConfiguration>\r\n");
    }
    state.push_str("</SystemState>\r\n");
    agent.push_str("</Configuration>\r\n");
    SampleFiles { key: key_file, state, agent }
}

const fn owner(mailbox: &SampleMailbox) -> &'static str {
    if mailbox.is_queue { "QueueId" } else { "UserId" }
}

fn provider(agent: &mut String, class: &str, router: &SampleRouter, server: &SampleServer) {
    leaf(agent, "ProviderAssembly", "Microsoft.Crm.Tools.EmailProviders.dll");
    leaf(agent, "ProviderClass", &format!("{OWN}{class}"));
    leaf(agent, "CrmServerUrl", &router.organization_url);
    leaf(agent, "EmailServer", &server.server);
    leaf(agent, "EmailPort", &server.port.to_string());
    leaf(agent, "EmailUseSsl", if server.security == Security::None { "false" } else { "true" });
}

fn leaf(agent: &mut String, name: &str, value: &str) {
    // Writing to a String does not fail.
    let _ = write!(agent, "    <{name}>{}</{name}>\r\n", escape(value));
}

/// The service's settings with their defaults (C \[TRACE\]).
const SERVICE: &str = "  <SystemConfiguration>\r\n    <MaxThreads>50</MaxThreads>\r\n    \
    <MaxThreadExecution>600000</MaxThreadExecution>\r\n    <SchedulingPeriod>1000</SchedulingPeriod>\r\n    \
    <ConfigRefreshPeriod>5000</ConfigRefreshPeriod>\r\n    <ConfigUpdatePeriod>3600000</ConfigUpdatePeriod>\r\n    \
    <LogLevel>2</LogLevel>\r\n    <ProviderOverrides>\r\n      <CacheCapacity>1024</CacheCapacity>\r\n      \
    <PendingStatusDelay>300000</PendingStatusDelay>\r\n      <SendingStatusDelay>1800000</SendingStatusDelay>\r\n      \
    <MaximumDeliveryAttempts>10</MaximumDeliveryAttempts>\r\n      <EWSRetrieveMessageCount>10</EWSRetrieveMessageCount>\r\n      \
    <BatchSize>5</BatchSize>\r\n      <RequestBatchSize>5</RequestBatchSize>\r\n    </ProviderOverrides>\r\n  \
    </SystemConfiguration>\r\n";
