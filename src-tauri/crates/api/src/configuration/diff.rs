//! What a configuration would change: object by object, field by field, never a secret.

use super::Configured;
use crate::wire::ChangeView;
use std::collections::HashMap;
use tandem_domain::{
    Instant,
    alert_rules::AlertSettings,
    directory::{DirectoryEntry, DirectoryId},
    ids::ProfileId,
    mailbox::{Mailbox, MailboxOwner},
    profile::{EmailServerProfile, Endpoint},
    settings::OrganizationSettings,
};
use uuid::Uuid;

/// What becomes of an object.
pub(crate) const CREATE: &str = "create";
/// Some of its fields change.
pub(crate) const UPDATE: &str = "update";
/// Nothing changes.
pub(crate) const UNCHANGED: &str = "unchanged";

/// The differences between what is there and what a file asks for, in the order of the file's kinds.
pub(crate) fn diff(current: &Configured, desired: &Configured) -> Vec<ChangeView> {
    let names = Names::of(current, desired);
    let mut changes = Vec::new();
    let settings = (fields_of_settings(&current.settings), fields_of_settings(&desired.settings));
    if settings.0 != settings.1 {
        changes.push(change("setting", "organization", Some(&settings.0), &settings.1));
    }
    let alerts = (fields_of_alerts(&current.alerts.settings), fields_of_alerts(&desired.alerts.settings));
    if alerts.0 != alerts.1 {
        changes.push(change("setting", "alerts", Some(&alerts.0), &alerts.1));
    }
    for profile in &desired.profiles {
        let of = |profile: &EmailServerProfile, configured: &Configured| {
            let mut fields = fields_of_profile(profile);
            fields.extend(names.fields_of_owner(profile, configured));
            fields
        };
        let before = current.profiles.iter().find(|one| one.id == profile.id).map(|one| of(one, current));
        changes.push(change("profile", &profile.name, before.as_ref(), &of(profile, desired)));
    }
    let entries: HashMap<_, _> = current.entries.iter().map(|entry| (entry.id, entry)).collect();
    for entry in &desired.entries {
        let before = entries.get(&entry.id).map(|one| fields_of_entry(one));
        let name = entry.email.as_ref().map_or_else(|| entry.name.clone(), ToString::to_string);
        changes.push(change(entry.id.kind(), &name, before.as_ref(), &fields_of_entry(entry)));
    }
    for mailbox in &desired.mailboxes {
        let before = current
            .mailboxes
            .iter()
            .find(|one| one.id == mailbox.id)
            .map(|one| fields_of_mailbox(one, &names));
        let after = fields_of_mailbox(mailbox, &names);
        changes.push(change("mailbox", mailbox.email.as_str(), before.as_ref(), &after));
    }
    changes
}

type Fields = Vec<(&'static str, String)>;

fn change(kind: &str, name: &str, before: Option<&Fields>, after: &Fields) -> ChangeView {
    let fields: Vec<String> = match before {
        None => after
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(field, value)| format!("{field}: {value}"))
            .collect(),
        Some(before) => before
            .iter()
            .zip(after)
            .filter(|(old, new)| old.1 != new.1)
            .map(|(old, new)| format!("{}: {} -> {}", old.0, shown(&old.1), shown(&new.1)))
            .collect(),
    };
    let action = match before {
        None => CREATE,
        Some(_) if fields.is_empty() => UNCHANGED,
        Some(_) => UPDATE,
    };
    ChangeView { action: action.to_owned(), kind: kind.to_owned(), name: name.to_owned(), fields }
}

fn shown(value: &str) -> &str {
    if value.is_empty() { "(none)" } else { value }
}

/// Names of what mailboxes refer to.
struct Names {
    profiles: HashMap<ProfileId, String>,
    owners: HashMap<Uuid, String>,
}

impl Names {
    fn of(current: &Configured, desired: &Configured) -> Self {
        let profiles = current.profiles.iter().chain(&desired.profiles);
        let entries = current.entries.iter().chain(&desired.entries);
        Self {
            profiles: profiles.map(|one| (one.id, one.name.clone())).collect(),
            owners: entries
                .filter(|one| matches!(one.id, DirectoryId::User(_) | DirectoryId::Queue(_)))
                .map(|one| (one.id.uuid(), format!("{}:{}", one.id.kind(), one.name)))
                .collect(),
        }
    }
}

impl Names {
    /// Who answers for a profile.
    fn fields_of_owner(&self, profile: &EmailServerProfile, configured: &Configured) -> Fields {
        let own = configured.alerts.profiles.get(&profile.id).copied().unwrap_or_default();
        let owner = own.owner.and_then(|owner| self.owners.get(&owner.0)).cloned().unwrap_or_default();
        vec![("owner", owner), ("send_alert_email", own.send_alert_email.to_string())]
    }
}

fn fields_of_settings(settings: &OrganizationSettings) -> Fields {
    let mut fields = vec![
        ("allow_plain_connections", settings.allow_plain_connections.to_string()),
        ("require_approval", settings.require_approval.to_string()),
        ("frequency", settings.frequency.as_str().to_owned()),
        ("cycle_interval_minutes", settings.cycle_interval_minutes.unwrap_or(0).to_string()),
        ("max_delivery_attempts", settings.max_delivery_attempts.to_string()),
        ("max_message_mib", (settings.max_message_bytes >> 20).to_string()),
        ("process_email_using", settings.process_email_using.as_str().to_owned()),
        ("test_batch_mailboxes", settings.test_batch_mailboxes.to_string()),
        ("test_batch_hours", settings.test_batch_hours.to_string()),
        ("history_days", settings.history_days.to_string()),
        ("push", settings.capacity.push.to_string()),
    ];
    fields.extend(settings.capacity.numbers().map(|(field, value, ..)| (field, value.to_string())));
    fields
}

fn fields_of_alerts(settings: &AlertSettings) -> Fields {
    vec![
        ("errors", settings.errors.to_string()),
        ("warnings", settings.warnings.to_string()),
        ("information", settings.information.to_string()),
        ("notify_mailbox_owner", settings.notify_mailbox_owner.to_string()),
        ("keep_cleared_days", settings.keep_cleared_days.to_string()),
    ]
}

fn fields_of_profile(profile: &EmailServerProfile) -> Fields {
    let mut fields = vec![
        ("name", profile.name.clone()),
        ("description", profile.description.clone()),
        ("server_type", profile.server_type.as_str().to_owned()),
        ("active", profile.active.to_string()),
        ("authenticate_using", profile.authenticate_using.as_str().to_owned()),
        ("user_name", profile.user_name.clone().unwrap_or_default()),
        ("process_emails_from", instant(profile.process_emails_from)),
        ("max_concurrent_connections", profile.max_concurrent_connections.to_string()),
        ("min_polling_interval_minutes", profile.min_polling_interval_minutes.to_string()),
        ("send_limit_recipients_per_day", limit(profile.send_limits.recipients_per_day)),
        ("send_limit_messages_per_minute", limit(profile.send_limits.messages_per_minute)),
    ];
    fields.extend(fields_of_endpoint(profile.incoming.as_ref(), &INCOMING));
    fields.extend(fields_of_endpoint(profile.outgoing.as_ref(), &OUTGOING));
    fields
}

const INCOMING: [&str; 5] = [
    "incoming.server",
    "incoming.port",
    "incoming.security",
    "incoming.ca_file",
    "incoming.trusted_certificate_sha256",
];
const OUTGOING: [&str; 5] = [
    "outgoing.server",
    "outgoing.port",
    "outgoing.security",
    "outgoing.ca_file",
    "outgoing.trusted_certificate_sha256",
];

fn fields_of_endpoint(endpoint: Option<&Endpoint>, names: &[&'static str; 5]) -> Fields {
    let values = endpoint.map_or_else(Default::default, |one| {
        [
            one.server.clone(),
            one.port.to_string(),
            one.security.as_str().to_owned(),
            one.trust.ca_file.clone().unwrap_or_default(),
            one.trust.pinned_sha256.join(", "),
        ]
    });
    names.iter().copied().zip(values).collect()
}

fn fields_of_entry(entry: &DirectoryEntry) -> Fields {
    let others: Vec<_> = entry.other_emails.iter().map(ToString::to_string).collect();
    vec![
        ("name", entry.name.clone()),
        ("email", entry.email.as_ref().map(ToString::to_string).unwrap_or_default()),
        ("other_emails", others.join(", ")),
        ("incoming_filter", entry.incoming_filter.map_or_else(String::new, |one| one.as_str().to_owned())),
    ]
}

fn fields_of_mailbox(mailbox: &Mailbox, names: &Names) -> Fields {
    let owner = match mailbox.owner {
        MailboxOwner::User(id) => id.0,
        MailboxOwner::Queue(id) => id.0,
    };
    let profile = mailbox.profile.and_then(|id| names.profiles.get(&id).cloned());
    vec![
        ("owner", names.owners.get(&owner).cloned().unwrap_or_else(|| owner.to_string())),
        ("profile", profile.unwrap_or_default()),
        ("incoming", mailbox.incoming.as_str().to_owned()),
        ("outgoing", mailbox.outgoing.as_str().to_owned()),
        ("act", mailbox.act.as_str().to_owned()),
        ("user_name", mailbox.user_name.clone().unwrap_or_default()),
        ("allow_credentials", mailbox.allow_credentials.to_string()),
        ("approval", mailbox.approval.as_str().to_owned()),
        ("delete_after_processing", mailbox.delete_after_processing.to_string()),
        ("process_emails_from", instant(mailbox.process_emails_from)),
    ]
}

fn limit(most: Option<u32>) -> String {
    most.map_or_else(String::new, |most| most.to_string())
}

fn instant(at: Option<Instant>) -> String {
    at.map_or_else(String::new, |at| at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
}
