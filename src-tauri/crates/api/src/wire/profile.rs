//! Email server profiles.

use super::Time;
use serde::{Deserialize, Serialize};
use specta::Type;

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct EndpointView {
    /// Host name or address.
    pub server: String,
    /// Port.
    pub port: u16,
    /// `tls`, `starttls` or `none`.
    pub security: String,
    /// A PEM file with the profile's own certificate authorities.
    #[serde(default)]
    pub ca_file: Option<String>,
    /// Fingerprints of certificates that are believed as they are.
    #[serde(default)]
    pub trusted_certificate_sha256: Vec<String>,
}

/// An email server profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ProfileView {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// For people.
    pub description: String,
    /// `pop3_smtp`, `imap_smtp`, ...
    pub server_type: String,
    /// Whether its mailboxes are processed.
    pub active: bool,
    /// Incoming server.
    pub incoming: Option<EndpointView>,
    /// Outgoing server.
    pub outgoing: Option<EndpointView>,
    /// `profile`, `user_or_queue`, ...
    pub authenticate_using: String,
    /// The profile's user name.
    pub user_name: Option<String>,
    /// Whether the profile's password is stored.
    pub password_set: bool,
    /// Mail before this is not looked at.
    pub process_emails_from: Option<Time>,
    /// 1 to 300.
    pub max_concurrent_connections: u16,
    /// 0 to 1,440.
    pub min_polling_interval_minutes: u16,
    /// Recipients within 24 hours that its provider allows one account; absent is no limit.
    pub send_limit_recipients_per_day: Option<u32>,
    /// Messages within a minute that its provider allows one account; absent is no limit.
    pub send_limit_messages_per_minute: Option<u32>,
    /// How many mailboxes use it.
    pub mailboxes: u32,
    /// `ok`, `late`, `stopped` or `unproven`: that of its server, else the worst of its mailboxes.
    pub status: String,
    /// Since when.
    pub since: Option<Time>,
    /// Why, in words.
    pub why: String,
}

/// The published sending limits of a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct SendLimitPreset {
    /// Its stable word.
    pub word: String,
    /// Its name.
    pub name: String,
    /// Recipients within 24 hours.
    pub recipients_per_day: Option<u32>,
    /// Messages within a minute.
    pub messages_per_minute: Option<u32>,
}

/// A profile as a person edits it. An absent id makes a new one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct SaveProfileRequest {
    /// The profile to change.
    pub id: Option<String>,
    /// Its name, 1 to 100 characters.
    pub name: String,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// `pop3_smtp` or `imap_smtp`.
    pub server_type: String,
    /// Incoming server.
    pub incoming: EndpointView,
    /// Outgoing server.
    pub outgoing: EndpointView,
    /// `profile`, `user_or_queue` or `anonymous`.
    pub authenticate_using: String,
    /// The profile's user name.
    #[serde(default)]
    pub user_name: Option<String>,
    /// A new password; absent leaves the stored one. Goes to the secret store and nowhere else.
    #[serde(default)]
    pub password: Option<SecretText>,
    /// Mail before this is not looked at.
    #[serde(default)]
    pub process_emails_from: Option<Time>,
    /// 1 to 300.
    pub max_concurrent_connections: u16,
    /// Recipients within 24 hours, 1 to 1,000,000; absent is no limit.
    #[serde(default)]
    pub send_limit_recipients_per_day: Option<u32>,
    /// Messages within a minute, 1 to 10,000; absent is no limit.
    #[serde(default)]
    pub send_limit_messages_per_minute: Option<u32>,
}

/// A secret on its way in. Prints as `***`, is wiped when dropped, and never travels out.
#[derive(Clone, PartialEq, Eq, Deserialize, Type)]
#[serde(transparent)]
pub struct SecretText(pub String);

impl std::fmt::Debug for SecretText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl Drop for SecretText {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}

impl Serialize for SecretText {
    /// Only the window's and the command line's own requests are ever serialized; a secret is not.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

/// Which profile to climb the ladder for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ProbeProfileRequest {
    /// Its name.
    pub name: String,
}

/// Servers to try before a profile is saved (the wizard). Nothing is stored, nothing is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct TryServersRequest {
    /// The profile as typed.
    pub profile: SaveProfileRequest,
    /// The mailbox's address to log in for, when one is known.
    #[serde(default)]
    pub address: Option<String>,
    /// The user name to log in with; without one the ladder ends below login.
    #[serde(default)]
    pub user_name: Option<String>,
    /// The password to log in with.
    #[serde(default)]
    pub password: Option<SecretText>,
}
