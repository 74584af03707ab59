//! Alerts.

use super::{Certificate, Time};
use serde::{Deserialize, Serialize};
use specta::Type;

/// Something that a person should know or do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct AlertView {
    /// Its id.
    pub id: String,
    /// `information`, `warning` or `error`.
    pub level: String,
    /// `email`, `mailbox` or `profile`.
    pub scope: String,
    /// What it is about, by name.
    pub object: String,
    /// The id of what it is about.
    pub object_id: String,
    /// The workload, for mailbox alerts.
    pub workload: Option<String>,
    /// A stable word.
    pub code: String,
    /// What happened and why.
    pub message: String,
    /// The next step and who can do it.
    pub remedy: String,
    /// The server's own words.
    pub server_said: Option<String>,
    /// A refused certificate.
    pub certificate: Option<Certificate>,
    /// When it was first raised.
    pub first_seen: Time,
    /// When it was last raised.
    pub last_seen: Time,
    /// How often.
    pub count: u32,
    /// When the engine tries again by itself.
    pub retry_at: Option<Time>,
    /// When its cause went away.
    pub cleared_at: Option<Time>,
}

/// Which alerts to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(default)]
pub struct AlertsRequest {
    /// Only this level.
    pub level: Option<String>,
    /// Cleared ones too.
    pub include_cleared: bool,
    /// Only those of this mailbox, by address.
    pub mailbox: Option<String>,
}
