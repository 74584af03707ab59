//! Email server profiles: which servers, how to reach them, whom to trust, whose credentials.

use crate::{Instant, ids::ProfileId, send_limits::SendLimits};

/// The kind of server, which decides the protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ServerType {
    /// Exchange Server through EWS.
    ExchangeServer,
    /// Exchange Online through Microsoft Graph.
    ExchangeOnline,
    /// POP3 for incoming, SMTP for outgoing mail.
    Pop3Smtp,
    /// IMAP for incoming, SMTP for outgoing mail.
    ImapSmtp,
    /// Gmail through IMAP and SMTP with OAuth.
    Gmail,
}

impl ServerType {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::ExchangeServer, Self::ExchangeOnline, Self::Pop3Smtp, Self::ImapSmtp, Self::Gmail];

    /// The word in configuration files and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ExchangeServer => "exchange_server",
            Self::ExchangeOnline => "exchange_online",
            Self::Pop3Smtp => "pop3_smtp",
            Self::ImapSmtp => "imap_smtp",
            Self::Gmail => "gmail",
        }
    }

    /// The reverse of [`ServerType::as_str`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Whether appointments, contacts and tasks can be synchronized at all.
    #[must_use]
    pub const fn carries_act(self) -> bool {
        matches!(self, Self::ExchangeServer | Self::ExchangeOnline)
    }
}

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Security {
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// A plain start, then an upgrade that is insisted on.
    StartTls,
    /// No protection; only where the organization's settings allow it.
    None,
}

impl Security {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Tls, Self::StartTls, Self::None];

    /// The word in configuration files and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::StartTls => "starttls",
            Self::None => "none",
        }
    }

    /// The reverse of [`Security::as_str`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|security| security.as_str() == word)
    }
}

/// Whose certificates are believed for one endpoint. A pin or a CA file is believed instead of the OS roots.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct CertificateTrust {
    /// A PEM file with the profile's own certificate authorities; an absolute path.
    pub ca_file: Option<String>,
    /// SHA-256 of certificates that are believed as they are; lower-case hex without separators.
    pub pinned_sha256: Vec<String>,
}

/// Where a server listens and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Host name or address.
    pub server: String,
    /// TCP port, 1 to 65,535.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// Whose certificates are believed.
    pub trust: CertificateTrust,
}

/// Where credentials come from (`incomingcredentialretrieval`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuthenticateUsing {
    /// One account of the profile for every mailbox.
    Profile,
    /// Each mailbox has its own.
    UserOrQueue,
    /// The account that Tandem runs as (Exchange and SMTP only).
    WindowsIntegrated,
    /// None at all: an SMTP relay that asks for none.
    Anonymous,
    /// OAuth 2.0.
    OAuth,
}

impl AuthenticateUsing {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Profile, Self::UserOrQueue, Self::WindowsIntegrated, Self::Anonymous, Self::OAuth];

    /// The word in configuration files and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::UserOrQueue => "user_or_queue",
            Self::WindowsIntegrated => "windows_integrated",
            Self::Anonymous => "anonymous",
            Self::OAuth => "oauth",
        }
    }

    /// The reverse of [`AuthenticateUsing::as_str`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|using| using.as_str() == word)
    }
}

/// An email server profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailServerProfile {
    /// Its id.
    pub id: ProfileId,
    /// Its name, 1 to 100 characters, unique without case.
    pub name: String,
    /// For people, up to 2,000 characters.
    pub description: String,
    /// The kind of server.
    pub server_type: ServerType,
    /// Whether its mailboxes are processed at all.
    pub active: bool,
    /// Where mail comes from; `None` while the profile is not complete.
    pub incoming: Option<Endpoint>,
    /// Where mail goes to.
    pub outgoing: Option<Endpoint>,
    /// Where credentials come from.
    pub authenticate_using: AuthenticateUsing,
    /// The user name, when credentials are the profile's.
    pub user_name: Option<String>,
    /// Mail received before this is not looked at; the later of this and the mailbox's date decides.
    pub process_emails_from: Option<Instant>,
    /// 1 to 300, default 10; for all connections of the profile together, and for those of each authenticated identity.
    pub max_concurrent_connections: u16,
    /// 0 to 1,440 minutes; 0 is the policy's own interval.
    pub min_polling_interval_minutes: u16,
    /// What its provider allows one sending account; mail beyond it is held back.
    pub send_limits: SendLimits,
}

/// The default of `max_concurrent_connections`.
pub const DEFAULT_MAX_CONCURRENT_CONNECTIONS: u16 = 10;
