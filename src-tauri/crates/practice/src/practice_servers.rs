//! The practice organization's servers: POP3, IMAP and SMTP over TLS, and SMTP with STARTTLS, on free loopback ports, filled
//! with the sample.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::certificates::{Authority, CertificateFlaw};
use crate::hub::{MailHub, Password};
use crate::imap::ImapServer;
use crate::listener::{Security, ServerOptions, StartError};
use crate::pop3::Pop3Server;
use crate::sample::{PersonKind, Sample};
use crate::smtp::SmtpServer;

/// The running practice organization. Dropping it ends every server and session; [`PracticeServers::stop`] also waits for that.
pub struct PracticeServers {
    hub: MailHub,
    pop3: Pop3Server,
    imap: ImapServer,
    smtp: SmtpServer,
    submission: SmtpServer,
    ca_pem: String,
    certificate_sha256: String,
    accounts: Vec<PracticeAccount>,
}

/// A mailbox on the practice servers, with what is needed to log in.
#[derive(Debug, Clone)]
pub struct PracticeAccount {
    /// What kind of owner it has.
    pub kind: PersonKind,
    /// Name for people.
    pub name: String,
    /// Email address, which is also the user name for all servers.
    pub address: String,
    /// A random password, new at every start.
    pub password: Password,
}

impl PracticeServers {
    /// Starts the servers and fills the mailboxes.
    ///
    /// # Errors
    /// When loopback has no free port, or keys cannot be made.
    pub async fn start(sample: Sample) -> Result<Self, StartError> {
        let hub = MailHub::new();
        let mut accounts = Vec::new();
        for person in &sample.people {
            let password = random_password()?;
            hub.add_account(person.address, password.clone(), person.name);
            let (name, address) = (person.name.to_owned(), person.address.to_owned());
            accounts.push(PracticeAccount { kind: person.kind, name, address, password });
        }
        for mail in sample.mail {
            let raw: std::sync::Arc<[u8]> = mail.raw.into();
            for address in mail.mailboxes {
                if let Err(error) = hub.deliver_at(address, raw.clone(), mail.received_at) {
                    tracing::warn!("The sample message \"{}\" was left out: {error}.", mail.shows);
                }
            }
        }
        let authority = Authority::generate()?;
        let certificate = authority.server_certificate(CertificateFlaw::None)?;
        let options = || ServerOptions::with(Security::Tls(certificate.clone()));
        Ok(Self {
            pop3: Pop3Server::start(hub.clone(), options()).await?,
            imap: ImapServer::start(hub.clone(), options()).await?,
            smtp: SmtpServer::start(hub.clone(), options()).await?,
            submission: SmtpServer::start(
                hub.clone(),
                ServerOptions::with(Security::StartTls(certificate.clone())),
            )
            .await?,
            hub,
            ca_pem: authority.pem().to_owned(),
            certificate_sha256: certificate.sha256().to_owned(),
            accounts,
        })
    }

    /// The host name to enter in a profile; the certificate names it.
    #[must_use]
    pub fn host(&self) -> &'static str {
        "localhost"
    }

    /// The POP3 server (implicit TLS).
    #[must_use]
    pub fn pop3(&self) -> &Pop3Server {
        &self.pop3
    }

    /// The IMAP server (implicit TLS).
    #[must_use]
    pub fn imap(&self) -> &ImapServer {
        &self.imap
    }

    /// The SMTP submission server (implicit TLS).
    #[must_use]
    pub fn smtp(&self) -> &SmtpServer {
        &self.smtp
    }

    /// The same with STARTTLS: what an Email Router's *use SSL* means for SMTP on any port but 465.
    #[must_use]
    pub fn submission(&self) -> &SmtpServer {
        &self.submission
    }

    /// The CA certificate in PEM, for the profile's CA file.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// SHA-256 of the servers' certificate in lower-case hex, for pinning.
    #[must_use]
    pub fn certificate_sha256(&self) -> &str {
        &self.certificate_sha256
    }

    /// Everybody who has a mailbox.
    #[must_use]
    pub fn accounts(&self) -> &[PracticeAccount] {
        &self.accounts
    }

    /// The mail behind the servers, to look into mailboxes and to deliver more.
    #[must_use]
    pub fn hub(&self) -> &MailHub {
        &self.hub
    }

    /// Ends the servers and every session, and waits until they are gone.
    pub async fn stop(&self) {
        tokio::join!(self.pop3.stop(), self.imap.stop(), self.smtp.stop(), self.submission.stop());
    }
}

fn random_password() -> Result<Password, StartError> {
    let mut bytes = [0; 18];
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    provider.secure_random.fill(&mut bytes).map_err(|_| StartError::Random)?;
    Ok(Password::new(URL_SAFE_NO_PAD.encode(bytes)))
}
