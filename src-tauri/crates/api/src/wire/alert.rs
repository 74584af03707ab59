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
    /// What a press of its button does: `test_enable`, `enter_password`, `open_profile`, `trust_certificate`,
    /// `approve`, `retry_item`, `open_email`, `open_mailbox`, `open_quarantine`, `open_settings`, `unlock_secrets`,
    /// `free_disk_space`, `check_computer`, `ask_server`, `report`, or `nothing`.
    pub action: String,
    /// Who can do it: `nobody` (it passes), `mailbox_owner`, `administrator`, `computer_user`, `server_operator` or
    /// `support`.
    pub who: String,
    /// Whether it ends only when a person acts.
    pub needs_person: bool,
    /// Who sees it: `administrator`, `profile_owner`, `mailbox_owner`.
    pub audience: Vec<String>,
    /// The profile that it is about or that its mailbox uses, by name.
    pub profile: Option<String>,
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
    /// Only this scope: `email`, `mailbox` or `profile`.
    pub scope: Option<String>,
    /// Only those that these people see: `administrator`, `profile_owner` or `mailbox_owner`.
    pub audience: Option<String>,
    /// Cleared ones too.
    pub include_cleared: bool,
    /// Only those of this mailbox, by address.
    pub mailbox: Option<String>,
}

/// Alerts that a person has dealt with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct DismissAlertsRequest {
    /// Their ids.
    pub ids: Vec<String>,
}

/// How many alerts changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct DismissAlertsResult {
    /// Those that were open and are cleared now.
    pub cleared: u32,
}

/// Which alerts are raised, for whom, and how long cleared ones are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct AlertSettingsView {
    /// Errors.
    pub errors: bool,
    /// Warnings.
    pub warnings: bool,
    /// Information.
    pub information: bool,
    /// Whether mailbox owners see the alerts of their mailboxes.
    pub notify_mailbox_owner: bool,
    /// Days that a cleared alert is kept, 1 to 3,650.
    pub keep_cleared_days: u16,
}

/// What a profile has of its own about alerts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ProfileAlertsView {
    /// The profile, by name.
    pub profile: String,
    /// The user who answers for it, by name; nobody when absent.
    pub owner: Option<String>,
    /// The owner's address, as found in the directory; ignored when saved.
    #[serde(default)]
    pub owner_email: Option<String>,
    /// Whether the owner gets an email when more than half of its mailboxes failed within an hour.
    pub send_alert_email: bool,
}

/// Whose alerts' settings to show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ProfileAlertsRequest {
    /// The profile, by name.
    pub profile: String,
}

/// A certificate that a person has compared and trusts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct TrustCertificateRequest {
    /// The profile, by name.
    pub profile: String,
    /// The server that showed it.
    pub host: String,
    /// Its SHA-256 fingerprint.
    pub sha256: String,
}
