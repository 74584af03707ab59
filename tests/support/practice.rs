//! The practice servers as targets of a test: each protocol with its own faults, which change while they run.
use crate::{options::Account, scene::Scene};
use std::fmt::Write;
use tandem_practice::{
    Authority, CertificateFlaw, Faults, ImapServer, MailHub, Password, Pop3Server, Security, ServerOptions,
    SmtpServer,
};
use tokio::runtime::Runtime;

/// How their connections are protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// TLS from the first byte.
    Tls,
    /// STLS or STARTTLS before the login.
    StartTls,
}

/// What is special about them.
#[derive(Debug, Clone, Copy)]
pub struct PracticeOptions {
    /// What is wrong with the servers' certificate.
    pub flaw: CertificateFlaw,
    /// How connections are protected.
    pub protection: Protection,
}

impl Default for PracticeOptions {
    fn default() -> Self {
        Self { flaw: CertificateFlaw::None, protection: Protection::Tls }
    }
}

/// Running practice servers on loopback; gone when dropped.
pub struct Practice {
    /// The accounts and their mail.
    pub hub: MailHub,
    /// POP3.
    pub pop3: Pop3Server,
    /// IMAP.
    pub imap: ImapServer,
    /// SMTP.
    pub smtp: SmtpServer,
    /// The authority's certificate in PEM.
    pub ca_pem: String,
    /// SHA-256 of the servers' certificate, lower-case hexadecimal.
    pub fingerprint: String,
    accounts: Vec<Account>,
    protection: Protection,
    _runtime: Runtime,
}

impl Practice {
    /// Servers with these accounts (`NAME@contoso.test`), that behave until a test says otherwise.
    pub fn start(names: &[&str]) -> Self {
        Self::start_with(names, PracticeOptions::default())
    }

    /// The same with options.
    pub fn start_with(names: &[&str], options: PracticeOptions) -> Self {
        let accounts = crate::MailOptions::with_accounts(names.iter().copied()).accounts;
        let hub = MailHub::new();
        for account in &accounts {
            hub.add_account(&account.address, Password::new(account.password.clone()), &account.address);
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let authority = Authority::generate().expect("an authority");
        let certificate = authority.server_certificate(options.flaw).expect("a certificate");
        let with = || ServerOptions {
            security: match options.protection {
                Protection::Tls => Security::Tls(certificate.clone()),
                Protection::StartTls => Security::StartTls(certificate.clone()),
            },
            faults: Faults::none(),
            ..ServerOptions::default()
        };
        let (pop3, imap, smtp) = runtime.block_on(async {
            (
                Pop3Server::start(hub.clone(), with()).await.expect("POP3"),
                ImapServer::start(hub.clone(), with()).await.expect("IMAP"),
                SmtpServer::start(hub.clone(), with()).await.expect("SMTP"),
            )
        });
        let ca_pem = authority.pem().to_owned();
        let fingerprint = certificate.sha256().to_owned();
        Self {
            hub,
            pop3,
            imap,
            smtp,
            ca_pem,
            fingerprint,
            accounts,
            protection: options.protection,
            _runtime: runtime,
        }
    }

    /// The accounts with their passwords.
    pub fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    /// A configuration with one profile of this `kind` (`pop3_smtp`, `imap_smtp`) that trusts the servers' authority,
    /// and a user with an approved mailbox for each of `names`. Goes with [`Self::scene`], which puts the CA file there.
    pub fn setup(&self, profile: &str, kind: &str, names: &[&str]) -> String {
        self.setup_with(profile, kind, names, "ca_file = \"practice-ca.pem\"")
    }

    /// The same with another line of trust.
    pub fn setup_with(&self, profile: &str, kind: &str, names: &[&str], trust: &str) -> String {
        let incoming = if kind.starts_with("pop3") { self.pop3.port() } else { self.imap.port() };
        let security = if self.protection == Protection::Tls { "tls" } else { "starttls" };
        let mut text = format!(
            "[[profile]]\nname = \"{profile}\"\nserver_type = \"{kind}\"\nauthenticate_using = \"user_or_queue\"\n\
             process_emails_from = 2000-01-01T00:00:00Z\n"
        );
        for (direction, port) in [("incoming", incoming), ("outgoing", self.smtp.port())] {
            write!(
                text,
                "  [profile.{direction}]\n  server = \"localhost\"\n  port = {port}\n  security = \"{security}\"\n  {trust}\n"
            )
            .expect("text");
        }
        for account in
            self.accounts.iter().filter(|one| names.iter().any(|name| one.address.starts_with(name)))
        {
            text += &crate::setup::mailbox(account, profile);
        }
        text
    }

    /// An empty data folder whose configurations find the CA file and the passwords.
    pub fn scene(&self) -> Scene {
        let scene = Scene::new(&self.accounts);
        scene.data.file("practice-ca.pem", &self.ca_pem);
        scene
    }
}
