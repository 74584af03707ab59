//! The ladder that Test & Enable climbs: named rungs, each with its time and the server's words.

use crate::failure::Failure;

/// One rung of the ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RungName {
    /// The host name resolves.
    Dns,
    /// The port answers.
    Tcp,
    /// The connection is protected and the certificate believed.
    Tls,
    /// The server accepts the credentials.
    Login,
    /// The inbox can be listed.
    List,
    /// A message can be read; the server's copy stays as it is.
    Read,
    /// A test message to oneself is accepted.
    Send,
    /// That message arrives.
    RoundTrip,
}

impl RungName {
    /// The word in JSON, in the command line and in the window.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Login => "login",
            Self::List => "list",
            Self::Read => "read",
            Self::Send => "send",
            Self::RoundTrip => "round_trip",
        }
    }
}

/// How a rung came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RungOutcome {
    /// It held.
    Passed,
    /// It broke; the rungs above were not tried.
    Failed(Failure),
    /// It does not apply, and why.
    Skipped(String),
}

/// One rung, climbed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rung {
    /// Which one.
    pub name: RungName,
    /// How it came out.
    pub outcome: RungOutcome,
    /// How long it took, in milliseconds.
    pub took_ms: u32,
    /// What the server said, or what was found; one line, no secret.
    pub server_said: String,
}
