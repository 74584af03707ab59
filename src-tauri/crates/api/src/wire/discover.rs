//! Servers that a domain names for itself.

use super::EndpointView;
use serde::{Deserialize, Serialize};
use specta::Type;

/// Whose domain to ask. Only its own servers and its name service are asked, and nothing but the address travels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct DiscoverRequest {
    /// An email address.
    pub address: String,
}

/// What a domain says about its mail servers. Nothing is saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct Discovered {
    /// The domain.
    pub domain: String,
    /// The most believable first.
    pub proposals: Vec<ProposalView>,
    /// `exchange_online` or `google`, when the domain's mail is hosted there.
    pub hosted_by: Option<String>,
    /// What that means for a profile, in words.
    pub advice: Option<String>,
    /// Everything that was asked, and what came of it.
    pub asked: Vec<AskedView>,
}

/// Servers for a profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ProposalView {
    /// `imap_smtp` or `pop3_smtp`.
    pub server_type: String,
    /// Incoming server.
    pub incoming: EndpointView,
    /// Outgoing server.
    pub outgoing: EndpointView,
    /// The user name to log in with, where the domain tells.
    pub user_name: Option<String>,
    /// Whether a password is accepted at all.
    pub takes_password: bool,
    /// `autoconfig`, `service_records` or `known_provider`.
    pub source: String,
}

/// One source that was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct AskedView {
    /// A web address, or a name of the name service.
    pub source: String,
    /// What came of it.
    pub outcome: String,
}
