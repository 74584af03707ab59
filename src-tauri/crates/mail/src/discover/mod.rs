//! Finds the mail servers of a domain, so that nobody has to type them.
//!
//! Only the domain's own servers and its name service are asked, and nothing but the address travels, over TLS: no
//! password, no third party. What comes back is a proposal that a person looks at before anything is saved.
//! Sources, in the order in which they are believed: the domain's autoconfig file (the format of
//! <https://wiki.mozilla.org/Thunderbird:Autoconfiguration:ConfigFileFormat>), its SRV records (RFC 6186, RFC 8314
//! section 5.1), and, as a hint about who hosts it, its MX records.

mod autoconfig;
mod records;

use futures::join;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::{TokioResolver, net::runtime::TokioRuntimeProvider};
use reqwest::{Certificate, Client, redirect};
use std::{net::SocketAddr, time::Duration};
use tandem_domain::{
    address::EmailAddress,
    profile::{CertificateTrust, Endpoint, Security, ServerType},
};

/// Asking may take so long in all; a person waits for it.
const PATIENCE: Duration = Duration::from_secs(8);
/// A domain may send us on this often, and only to https.
const MAX_REDIRECTS: usize = 3;

/// Where a proposal comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The domain's autoconfig file.
    Autoconfig,
    /// The domain's SRV records.
    ServiceRecords,
    /// The domain's mail is hosted by a provider whose servers are known.
    KnownProvider,
}

impl Source {
    /// The word in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Autoconfig => "autoconfig",
            Self::ServiceRecords => "service_records",
            Self::KnownProvider => "known_provider",
        }
    }
}

/// Servers that the domain names for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The kind of profile.
    pub server_type: ServerType,
    /// Where mail is read.
    pub incoming: Endpoint,
    /// Where mail is submitted.
    pub outgoing: Endpoint,
    /// The user name to log in with, as far as it is told; else the whole address is the best guess.
    pub user_name: Option<String>,
    /// Whether logging in with a password is offered at all.
    pub takes_password: bool,
    /// Who says so.
    pub source: Source,
}

/// One source, and what came of asking it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// What was asked: a web address or a name of the name service.
    pub source: String,
    /// What came of it, in words.
    pub outcome: String,
}

/// Who hosts the domain's mail, by its MX records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// Exchange Online.
    ExchangeOnline,
    /// Gmail or Google Workspace.
    Google,
}

impl Host {
    /// The word in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ExchangeOnline => "exchange_online",
            Self::Google => "google",
        }
    }
}

/// What was found out about a domain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Proposals, the most believable first; at most one of each source and kind.
    pub proposals: Vec<Proposal>,
    /// Who hosts the domain's mail, when it is one of those who want something special.
    pub hosted_by: Option<Host>,
    /// Everything that was asked.
    pub asked: Vec<Asked>,
}

/// How to ask. The default asks as any program on this machine does.
#[derive(Debug, Clone, Default)]
pub struct DiscoveryOptions {
    /// Name servers instead of the system's.
    pub name_servers: Vec<SocketAddr>,
    /// Certificate authorities (DER) to believe besides the system's.
    pub authorities: Vec<Vec<u8>>,
    /// Web servers' names that stand for these addresses.
    pub web_servers: Vec<(String, SocketAddr)>,
}

/// Discovery cannot work on this machine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("servers can't be looked for on this machine: {0}")]
pub struct NoDiscovery(String);

/// Asks a domain for its servers.
#[derive(Debug, Clone)]
pub struct Discovery {
    web: Client,
    names: TokioResolver,
}

impl Discovery {
    /// Prepares to ask; nothing is asked yet.
    ///
    /// # Errors
    /// [`NoDiscovery`] when neither the system's name servers nor its certificate authorities can be read.
    pub fn new(options: &DiscoveryOptions) -> Result<Self, NoDiscovery> {
        let told = |error: &dyn std::fmt::Display| NoDiscovery(error.to_string());
        let mut web = Client::builder()
            .https_only(true)
            .redirect(redirect::Policy::limited(MAX_REDIRECTS))
            .timeout(PATIENCE)
            .user_agent(concat!("Tandem/", env!("CARGO_PKG_VERSION")));
        for authority in &options.authorities {
            web = web.add_root_certificate(Certificate::from_der(authority).map_err(|e| told(&e))?);
        }
        for (name, at) in &options.web_servers {
            web = web.resolve(name, *at);
        }
        let names = if options.name_servers.is_empty() {
            TokioResolver::builder_tokio().map_err(|e| told(&e))?
        } else {
            let servers = options.name_servers.iter().map(name_server).collect();
            let config = ResolverConfig::from_parts(None, Vec::new(), servers);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        let names = names.build().map_err(|e| told(&e))?;
        Ok(Self { web: web.build().map_err(|e| told(&e))?, names })
    }

    /// Asks the address's domain. Never fails: what could not be asked stands in [`Found::asked`].
    pub async fn find(&self, address: &EmailAddress) -> Found {
        let domain = match idna::domain_to_ascii(address.domain()) {
            Ok(domain) if !domain.is_empty() => domain,
            _ => return Found::default(),
        };
        let (web, services, host) = join!(
            autoconfig::ask(&self.web, &domain, address),
            records::services(&self.names, &domain),
            records::host(&self.names, &domain),
        );
        let mut found = Found { hosted_by: host.0, ..Found::default() };
        found.asked.extend(web.1);
        found.asked.extend(services.1);
        found.asked.push(host.1);
        found.proposals.extend(web.0);
        found.proposals.extend(services.0);
        if found.hosted_by == Some(Host::Google) {
            found.proposals.extend(google());
        }
        found
    }
}

fn name_server(at: &SocketAddr) -> NameServerConfig {
    let on_port = |mut connection: ConnectionConfig| {
        connection.port = at.port();
        connection
    };
    let connections = vec![on_port(ConnectionConfig::udp()), on_port(ConnectionConfig::tcp())];
    NameServerConfig::new(at.ip(), true, connections)
}

/// Gmail's servers (<https://developers.google.com/workspace/gmail/imap/imap-smtp>); passwords must be app passwords.
fn google() -> [Proposal; 2] {
    let proposal = |server_type, server: &str, port| Proposal {
        server_type,
        incoming: endpoint(server, port, Security::Tls),
        outgoing: endpoint("smtp.gmail.com", 587, Security::StartTls),
        user_name: None,
        takes_password: true,
        source: Source::KnownProvider,
    };
    [
        proposal(ServerType::ImapSmtp, "imap.gmail.com", 993),
        proposal(ServerType::Pop3Smtp, "pop.gmail.com", 995),
    ]
}

fn endpoint(server: &str, port: u16, security: Security) -> Endpoint {
    Endpoint { server: server.to_owned(), port, security, trust: CertificateTrust::default() }
}

/// A host name that a file or record may name: letters, digits, dots and hyphens, with a dot inside.
fn is_host(name: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    name.len() <= 253 && name.contains('.') && name.split('.').all(label)
}
