//! The names that settings have in the agent file, their aliases, and what each is.
//!
//! Only `ProviderConfiguration`, `EmailAuthMode`, `UserId`, `QueueId` and `EmailUser` are confirmed as elements of a provider
//! (C \[BLOG08, TNWIKI7527, KB947094\]), and everything in `SystemConfiguration` (C \[TRACE\]). `CrmServerUrl` and `EmailAddress`
//! are accepted when present (ours). All other names are R or \[U\]: accepted, never required.

/// What one setting means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Leaf {
    Class,
    Assembly,
    Server,
    Port,
    UseSsl,
    AuthMode,
    User,
    Password,
    Address,
    CrmUrl,
    Direction,
    AccessCredentials,
    UserType,
    DeleteEmails,
    ForwardMailbox,
    AutoDiscover,
    AccessType,
    ExchangeVersion,
    Protocol,
    // From here on nothing is read back: it is only accounted for.
    UserId,
    QueueId,
    CrmSignIn,
    CrmPassword,
    MoveEmails,
    Timeout,
    Polling,
    Expiry,
    Tuning,
    Attempts,
    Service,
    StateAddress,
    Threshold,
    LastError,
    Key,
    Scheme,
    Unknown,
}

/// How many of them a provider keeps a value of.
pub(crate) const KEPT: usize = Leaf::UserId as usize;

impl Leaf {
    /// Whether its value must not be shown or kept with the others.
    pub(crate) const fn is_secret(self) -> bool {
        matches!(self, Self::Password | Self::CrmPassword | Self::Key)
    }
}

const PROVIDER: &[(&str, Leaf)] = &[
    ("ProviderClass", Leaf::Class),
    ("ProviderClassName", Leaf::Class),
    ("ProviderType", Leaf::Class),
    ("Class", Leaf::Class),
    ("ClassName", Leaf::Class),
    ("ProviderAssembly", Leaf::Assembly),
    ("Assembly", Leaf::Assembly),
    ("EmailServer", Leaf::Server),
    ("Server", Leaf::Server),
    ("ServerLocation", Leaf::Server),
    ("EwsUrl", Leaf::Server),
    ("Location", Leaf::Server),
    ("Target", Leaf::Server),
    ("EmailPort", Leaf::Port),
    ("Port", Leaf::Port),
    ("EmailUseSsl", Leaf::UseSsl),
    ("UseSsl", Leaf::UseSsl),
    ("Ssl", Leaf::UseSsl),
    ("EmailAuthMode", Leaf::AuthMode),
    ("AuthMode", Leaf::AuthMode),
    ("AuthenticationType", Leaf::AuthMode),
    ("EmailUser", Leaf::User),
    ("UserName", Leaf::User),
    ("EmailPassword", Leaf::Password),
    ("Password", Leaf::Password),
    ("EmailAddress", Leaf::Address),
    ("CrmServerUrl", Leaf::CrmUrl),
    ("CrmUrl", Leaf::CrmUrl),
    ("OrganizationUrl", Leaf::CrmUrl),
    ("Direction", Leaf::Direction),
    ("AccessCredentials", Leaf::AccessCredentials),
    ("UserType", Leaf::UserType),
    ("DeleteEmails", Leaf::DeleteEmails),
    ("DeleteEmail", Leaf::DeleteEmails),
    ("IsForwardMailbox", Leaf::ForwardMailbox),
    ("ForwardMailbox", Leaf::ForwardMailbox),
    ("UseAutoDiscover", Leaf::AutoDiscover),
    ("AutoDiscover", Leaf::AutoDiscover),
    ("AccessType", Leaf::AccessType),
    ("DelegateAccess", Leaf::AccessType),
    ("ExchangeVersion", Leaf::ExchangeVersion),
    ("Protocol", Leaf::Protocol),
    ("UserId", Leaf::UserId),
    ("QueueId", Leaf::QueueId),
    ("CrmAuthMode", Leaf::CrmSignIn),
    ("CrmUser", Leaf::CrmSignIn),
    ("CrmPassword", Leaf::CrmPassword),
    ("MoveEmails", Leaf::MoveEmails),
    ("ConnectionTimeout", Leaf::Timeout),
    ("PollingPeriod", Leaf::Polling),
    ("MessageExpiry", Leaf::Expiry),
    ("MessageExpiration", Leaf::Expiry),
    ("MessageExpiryPeriod", Leaf::Expiry),
    ("CacheCapacity", Leaf::Tuning),
    ("BatchSize", Leaf::Tuning),
    ("MaxMessageCount", Leaf::Tuning),
    ("RequestBatchSize", Leaf::Tuning),
    ("PendingStatusDelay", Leaf::Tuning),
    ("SendingStatusDelay", Leaf::Tuning),
    ("EWSRetrieveMessageCount", Leaf::Tuning),
    ("MaximumDeliveryAttempts", Leaf::Attempts),
];

const SERVICE: &[&str] = &[
    "MaxThreads",
    "MaxThreadExecution",
    "SchedulingPeriod",
    "ConfigRefreshPeriod",
    "ConfigUpdatePeriod",
    "LogLevel",
    "LogFile",
];

/// A leaf of a provider, or an override for all providers.
pub(crate) fn of_provider(name: &str) -> Leaf {
    PROVIDER
        .iter()
        .find(|(alias, _)| alias.eq_ignore_ascii_case(name))
        .map_or(Leaf::Unknown, |(_, leaf)| *leaf)
}

/// A leaf of the service's own settings.
pub(crate) fn of_service(name: &str) -> Leaf {
    if SERVICE.iter().any(|known| known.eq_ignore_ascii_case(name)) { Leaf::Service } else { Leaf::Unknown }
}
