//! Failures as the engine sees them: what kind, how far they reach, and what the server said.
//!
//! Adapters map their server's answers to these in one file per protocol; the engine matches on them; `api`
//! turns them into sentences. Codes are matched, never texts.

use chrono::Duration;
use std::fmt;

/// Whether trying again later can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// It may pass by itself: network, time-out, throttling.
    Transient,
    /// A person must change something first: password, approval, address.
    Permanent,
}

/// How far a failure reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// One message; the rest of the mailbox goes on.
    Item,
    /// One mailbox; other mailboxes of the profile go on.
    Mailbox,
    /// The server: every mailbox of the profile meets it.
    Profile,
}

macro_rules! failure_codes {
    ($($(#[$meta:meta])* $variant:ident = $word:literal),+ $(,)?) => {
        /// What went wrong. Each code has exactly one explanation and one next step in `api`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum FailureCode { $($(#[$meta])* $variant),+ }

        impl FailureCode {
            /// All codes, for tables and tests.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable word of this code, as in JSON and in the database.
            #[must_use]
            pub const fn as_str(self) -> &'static str { match self { $(Self::$variant => $word),+ } }

            /// The reverse of [`FailureCode::as_str`].
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| code.as_str() == word)
            }
        }
    };
}

failure_codes! {
    /// The host name does not resolve.
    DnsNotFound = "dns_not_found",
    /// The name server did not answer.
    DnsUnavailable = "dns_unavailable",
    /// Nothing listens on that port.
    ConnectionRefused = "connection_refused",
    /// No route, network down.
    NetworkUnreachable = "network_unreachable",
    /// A firewall or security program of this computer forbids the connection.
    ConnectionBlocked = "connection_blocked",
    /// This computer has no more handles, ports or memory for connections.
    ResourcesExhausted = "resources_exhausted",
    /// The server did not answer in time.
    TimedOut = "timed_out",
    /// The connection broke off.
    ConnectionLost = "connection_lost",
    /// The certificate is not trusted.
    CertificateRefused = "certificate_refused",
    /// The certificate has expired, or is not valid yet.
    CertificateExpired = "certificate_expired",
    /// The certificate is for another name.
    CertificateWrongName = "certificate_wrong_name",
    /// TLS was expected where the port speaks plainly, or the other way round.
    TlsPortMismatch = "tls_port_mismatch",
    /// No common TLS version or cipher: the server is too old.
    TlsTooOld = "tls_too_old",
    /// The server asks for a certificate of the client.
    ClientCertificateRequired = "client_certificate_required",
    /// The server does not answer to the name in the profile (TLS `unrecognized_name`).
    ServerNameRefused = "server_name_refused",
    /// The TLS handshake failed for another reason.
    TlsFailed = "tls_failed",
    /// The server does not offer STARTTLS, and plain connections are not allowed.
    StartTlsMissing = "starttls_missing",
    /// The settings ask for an unencrypted connection, which the organization does not allow.
    PlainNotAllowed = "plain_not_allowed",
    /// The profile's CA file cannot be used.
    CaFileUnusable = "ca_file_unusable",
    /// The server demands encryption that the profile's settings do not ask for.
    EncryptionRequired = "encryption_required",
    /// The server demands a login that the profile's settings do not ask for.
    LoginRequired = "login_required",
    /// The server refused the user name or password.
    AuthenticationFailed = "authentication_failed",
    /// The server wants an app password instead of the account's own.
    AppPasswordRequired = "app_password_required",
    /// The provider wants the person to sign in with a browser first.
    WebLoginRequired = "web_login_required",
    /// The password has expired or must be changed first.
    PasswordExpired = "password_expired",
    /// The account is locked, suspended or disabled at the server.
    AccountDisabled = "account_disabled",
    /// IMAP, POP3 or SMTP is switched off for this account.
    ProtocolDisabled = "protocol_disabled",
    /// Too many logins failed or were made; the server refuses more for a while.
    TooManyLogins = "too_many_logins",
    /// The server offers no way to log in that Tandem knows.
    AuthenticationUnsupported = "authentication_unsupported",
    /// No password is stored for this mailbox or profile.
    PasswordMissing = "password_missing",
    /// The OS keychain or the vault is locked.
    KeychainLocked = "keychain_locked",
    /// There is no OS keychain here.
    KeychainAbsent = "keychain_absent",
    /// The passphrase that was given does not open the vault.
    VaultWrongPassphrase = "vault_wrong_passphrase",
    /// The vault or the keychain's id file is damaged.
    SecretsDamaged = "secrets_damaged",
    /// The keychain or vault failed in another way.
    SecretStoreFailed = "secret_store_failed",
    /// Another session holds the mailbox (POP3 [IN-USE]).
    MailboxInUse = "mailbox_in_use",
    /// The mailbox or its inbox does not exist.
    MailboxNotFound = "mailbox_not_found",
    /// The account may not open this mailbox.
    MailboxAccessDenied = "mailbox_access_denied",
    /// The mailbox is full.
    MailboxFull = "mailbox_full",
    /// The server's copy of the mailbox is damaged.
    MailboxDamaged = "mailbox_damaged",
    /// The server asks for patience: too many connections or commands.
    Throttled = "throttled",
    /// The server says that it is not available now.
    ServerUnavailable = "server_unavailable",
    /// The server refused without a reason that Tandem knows.
    ServerRefused = "server_refused",
    /// Another kind of server answers on that port.
    WrongProtocol = "wrong_protocol",
    /// What the server said is not its protocol.
    ProtocolViolation = "protocol_violation",
    /// The server lacks a capability that is needed, such as UIDL.
    CapabilityMissing = "capability_missing",
    /// The message went away before it was fetched.
    MessageGone = "message_gone",
    /// The server lists the message, and does not give it.
    MessageUnavailable = "message_unavailable",
    /// The message is larger than the limit.
    MessageTooLarge = "message_too_large",
    /// The message is larger than the outgoing server or the recipient takes.
    MessageTooLargeForServer = "message_too_large_for_server",
    /// The message cannot be parsed.
    MessageUnreadable = "message_unreadable",
    /// The sender address is refused.
    SenderRefused = "sender_refused",
    /// The account may not send as this address.
    SendAsDenied = "send_as_denied",
    /// SPF, DKIM or DMARC of the sender's domain does not hold.
    SenderUnauthenticated = "sender_unauthenticated",
    /// The sending server's or this computer's address is on a block list.
    SenderBlocked = "sender_blocked",
    /// The server does not pass mail on to other domains for us.
    RelayDenied = "relay_denied",
    /// Every recipient is refused.
    RecipientsRefused = "recipients_refused",
    /// A recipient's mailbox is full.
    RecipientMailboxFull = "recipient_mailbox_full",
    /// A recipient takes mail only from certain senders.
    RecipientRestricted = "recipient_restricted",
    /// Too many recipients in one message.
    TooManyRecipients = "too_many_recipients",
    /// The way to a recipient's domain is missing, loops or is closed.
    RoutingFailed = "routing_failed",
    /// The server asks an unknown sender to come back in a few minutes.
    Greylisted = "greylisted",
    /// The message is refused for another reason.
    MessageRefused = "message_refused",
    /// The message looks like spam to the server.
    SpamSuspected = "spam_suspected",
    /// An attachment or link is forbidden or infected.
    ContentBlocked = "content_blocked",
    /// The message's form is not accepted.
    MessageMalformed = "message_malformed",
    /// The sending quota is used up.
    QuotaExceeded = "quota_exceeded",
    /// The server may or may not have accepted the message: its answer was lost.
    DeliveryUnconfirmed = "delivery_unconfirmed",
    /// The test message to self did not arrive in time.
    RoundTripMissing = "round_trip_missing",
    /// The mailbox is not approved.
    NotApproved = "not_approved",
    /// The mailbox has no profile, or the profile is not active.
    ProfileMissing = "profile_missing",
    /// This server type or workload is not available in this version.
    NotSupported = "not_supported",
    /// The disk is full.
    DiskFull = "disk_full",
    /// The disk can only be read.
    DiskReadOnly = "disk_read_only",
    /// Tandem may not read or write its data.
    DiskAccessDenied = "disk_access_denied",
    /// The disk failed to read or write.
    DiskFailed = "disk_failed",
    /// The local database is damaged.
    DatabaseDamaged = "database_damaged",
    /// Another program holds the local database.
    DatabaseBusy = "database_busy",
    /// The local database failed.
    StoreFailed = "store_failed",
    /// The work was stopped before it was done.
    Stopped = "stopped",
    /// A fault in Tandem itself.
    Internal = "internal",
}

impl FailureCode {
    /// Whether this is what an error becomes of which nobody has said yet what it means.
    #[must_use]
    pub const fn is_catch_all(self) -> bool {
        matches!(
            self,
            Self::TlsFailed
                | Self::ServerRefused
                | Self::MessageRefused
                | Self::SecretStoreFailed
                | Self::StoreFailed
                | Self::Internal
        )
    }
}

impl fmt::Display for FailureCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A server certificate that was refused, for the error that shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedCertificate {
    /// The host that was asked for.
    pub host: String,
    /// The subject, as a distinguished name.
    pub subject: String,
    /// The names it is valid for.
    pub names: Vec<String>,
    /// The issuer, as a distinguished name.
    pub issuer: String,
    /// Valid from.
    pub not_before: String,
    /// Valid until.
    pub not_after: String,
    /// SHA-256 of the DER, lower-case hex with no separators.
    pub sha256: String,
    /// Why it was refused, in words.
    pub why: String,
}

/// Something that went wrong with a server, a mailbox or a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {server_said}")]
pub struct Failure {
    /// Whether trying again can help.
    pub nature: Nature,
    /// How far it reaches.
    pub scope: Scope,
    /// What went wrong.
    pub code: FailureCode,
    /// The server's words or the system's, cut to 500 characters; never a secret.
    pub server_said: String,
    /// The server asked to wait this long.
    pub retry_after: Option<Duration>,
    /// The certificate, when one was refused.
    pub certificate: Option<Box<RefusedCertificate>>,
}

impl Failure {
    /// A failure with the server's words, which are cut to 500 characters and stripped of control characters.
    #[must_use]
    pub fn new(nature: Nature, scope: Scope, code: FailureCode, server_said: impl Into<String>) -> Self {
        let said: String =
            server_said.into().chars().map(|c| if c.is_control() { ' ' } else { c }).take(500).collect();
        Self {
            nature,
            scope,
            code,
            server_said: said.trim().to_owned(),
            retry_after: None,
            certificate: None,
        }
    }

    /// A transient failure of the whole server.
    #[must_use]
    pub fn transient_profile(code: FailureCode, server_said: impl Into<String>) -> Self {
        Self::new(Nature::Transient, Scope::Profile, code, server_said)
    }

    /// A permanent failure of the whole server.
    #[must_use]
    pub fn permanent_profile(code: FailureCode, server_said: impl Into<String>) -> Self {
        Self::new(Nature::Permanent, Scope::Profile, code, server_said)
    }

    /// A transient failure of one mailbox.
    #[must_use]
    pub fn transient_mailbox(code: FailureCode, server_said: impl Into<String>) -> Self {
        Self::new(Nature::Transient, Scope::Mailbox, code, server_said)
    }

    /// A permanent failure of one mailbox.
    #[must_use]
    pub fn permanent_mailbox(code: FailureCode, server_said: impl Into<String>) -> Self {
        Self::new(Nature::Permanent, Scope::Mailbox, code, server_said)
    }

    /// A transient failure of one item.
    #[must_use]
    pub fn transient_item(code: FailureCode, server_said: impl Into<String>) -> Self {
        Self::new(Nature::Transient, Scope::Item, code, server_said)
    }

    /// A permanent failure of one item.
    #[must_use]
    pub fn permanent_item(code: FailureCode, server_said: impl Into<String>) -> Self {
        Self::new(Nature::Permanent, Scope::Item, code, server_said)
    }

    /// The same, with how long the server asked to wait.
    #[must_use]
    pub fn after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The same, with the refused certificate.
    #[must_use]
    pub fn with_certificate(mut self, certificate: RefusedCertificate) -> Self {
        self.certificate = Some(Box::new(certificate));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_own_word() {
        let words: std::collections::BTreeSet<_> =
            FailureCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(words.len(), FailureCode::ALL.len());
        for code in FailureCode::ALL {
            assert_eq!(FailureCode::from_word(code.as_str()), Some(*code));
        }
    }

    #[test]
    fn what_a_server_said_is_one_short_line() {
        let failure = Failure::transient_item(FailureCode::Internal, format!("a\r\nb{}", "x".repeat(900)));
        assert_eq!(failure.server_said.chars().count(), 500);
        assert!(failure.server_said.starts_with("a  b"));
    }
}
