//! The configuration as a file again: without secrets, and such that applying it changes nothing.

use super::Configured;
use crate::wire::Time;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use tandem_domain::{
    alert_rules::AlertSettings,
    directory::DirectoryEntry,
    mailbox::{Approval, Mailbox, MailboxOwner},
    profile::{EmailServerProfile, Endpoint},
    settings::{IncomingFilter, OrganizationSettings},
};
use toml::value::Datetime;
use uuid::Uuid;

#[derive(Serialize)]
struct File {
    settings: Settings,
    alerts: Alerts,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    profile: Vec<Profile>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    user: Vec<Entry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    queue: Vec<Entry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    contact: Vec<Entry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    account: Vec<Entry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lead: Vec<Entry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mailbox: Vec<MailboxTable>,
}

#[derive(Serialize)]
struct Settings {
    allow_plain_connections: bool,
    require_approval: bool,
    frequency: &'static str,
    cycle_interval_minutes: u16,
    max_delivery_attempts: u16,
    max_message_mib: u64,
    process_email_using: &'static str,
    test_batch_mailboxes: u16,
    test_batch_hours: u16,
    history_days: u16,
    #[serde(flatten)]
    capacity: BTreeMap<&'static str, u16>,
    push: bool,
}

#[derive(Serialize)]
struct Alerts {
    errors: bool,
    warnings: bool,
    information: bool,
    notify_mailbox_owner: bool,
    keep_cleared_days: u16,
}

#[derive(Serialize)]
struct Profile {
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    server_type: &'static str,
    active: bool,
    authenticate_using: &'static str,
    user_name: Option<String>,
    process_emails_from: Option<Datetime>,
    max_concurrent_connections: u16,
    min_polling_interval_minutes: u16,
    send_limit_recipients_per_day: Option<u32>,
    send_limit_messages_per_minute: Option<u32>,
    owner: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    send_alert_email: bool,
    incoming: Option<EndpointTable>,
    outgoing: Option<EndpointTable>,
}

#[derive(Serialize)]
struct EndpointTable {
    server: String,
    port: u16,
    security: &'static str,
    ca_file: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    trusted_certificate_sha256: Vec<String>,
}

#[derive(Serialize)]
struct Entry {
    name: String,
    email: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    other_emails: Vec<String>,
    incoming_filter: Option<&'static str>,
}

#[derive(Serialize)]
struct MailboxTable {
    email: String,
    owner: Option<String>,
    profile: Option<String>,
    incoming: &'static str,
    outgoing: &'static str,
    act: &'static str,
    user_name: Option<String>,
    allow_credentials: bool,
    approved: bool,
    approval: Option<&'static str>,
    delete_after_processing: bool,
    process_emails_from: Option<Datetime>,
}

/// Writes a file. The order is that of names and addresses, so that two exports can be compared.
///
/// # Errors
/// When a value cannot be written as TOML, in words.
pub(crate) fn write(configured: &Configured) -> Result<String, String> {
    let entries = |kind: &str| {
        let mut entries: Vec<_> = configured.entries.iter().filter(|entry| entry.id.kind() == kind).collect();
        entries.sort_by_key(|entry| (entry.name.to_lowercase(), entry.id));
        entries.into_iter().map(entry_table).collect()
    };
    let mut profiles: Vec<_> = configured.profiles.iter().collect();
    profiles.sort_by_key(|profile| profile.name.to_lowercase());
    let mut mailboxes: Vec<_> = configured.mailboxes.iter().collect();
    mailboxes.sort_by_key(|mailbox| &mailbox.email);
    let owners: HashMap<_, _> = configured.entries.iter().map(|entry| (entry.id.uuid(), entry)).collect();
    let file = File {
        settings: settings_table(&configured.settings),
        alerts: alerts_table(&configured.alerts.settings),
        profile: profiles.into_iter().map(|one| profile_table(one, configured, &owners)).collect(),
        user: entries("user"),
        queue: entries("queue"),
        contact: entries("contact"),
        account: entries("account"),
        lead: entries("lead"),
        mailbox: mailboxes.into_iter().map(|one| mailbox_table(one, configured, &owners)).collect(),
    };
    let text = toml::to_string(&file).map_err(|error| error.to_string())?;
    let head =
        "# Tandem's configuration, without passwords. `tandem apply` of this file changes nothing.\n\n";
    Ok(format!("{head}{text}"))
}

fn settings_table(settings: &OrganizationSettings) -> Settings {
    Settings {
        allow_plain_connections: settings.allow_plain_connections,
        require_approval: settings.require_approval,
        frequency: settings.frequency.as_str(),
        cycle_interval_minutes: settings.cycle_interval_minutes.unwrap_or(0),
        max_delivery_attempts: settings.max_delivery_attempts,
        max_message_mib: settings.max_message_bytes >> 20,
        capacity: settings.capacity.numbers().map(|(field, value, ..)| (field, value)).into(),
        push: settings.capacity.push,
        test_batch_mailboxes: settings.test_batch_mailboxes,
        test_batch_hours: settings.test_batch_hours,
        process_email_using: settings.process_email_using.as_str(),
        history_days: settings.history_days,
    }
}

fn alerts_table(settings: &AlertSettings) -> Alerts {
    Alerts {
        errors: settings.errors,
        warnings: settings.warnings,
        information: settings.information,
        notify_mailbox_owner: settings.notify_mailbox_owner,
        keep_cleared_days: settings.keep_cleared_days,
    }
}

fn profile_table(
    profile: &EmailServerProfile,
    configured: &Configured,
    owners: &HashMap<Uuid, &DirectoryEntry>,
) -> Profile {
    let own = configured.alerts.profiles.get(&profile.id).copied().unwrap_or_default();
    Profile {
        owner: own.owner.and_then(|owner| owners.get(&owner.0)).map(|entry| entry.name.clone()),
        send_alert_email: own.send_alert_email,
        name: profile.name.clone(),
        description: profile.description.clone(),
        server_type: profile.server_type.as_str(),
        active: profile.active,
        authenticate_using: profile.authenticate_using.as_str(),
        user_name: profile.user_name.clone(),
        process_emails_from: profile.process_emails_from.and_then(datetime),
        max_concurrent_connections: profile.max_concurrent_connections,
        min_polling_interval_minutes: profile.min_polling_interval_minutes,
        send_limit_recipients_per_day: profile.send_limits.recipients_per_day,
        send_limit_messages_per_minute: profile.send_limits.messages_per_minute,
        incoming: profile.incoming.as_ref().map(endpoint_table),
        outgoing: profile.outgoing.as_ref().map(endpoint_table),
    }
}

fn endpoint_table(endpoint: &Endpoint) -> EndpointTable {
    EndpointTable {
        server: endpoint.server.clone(),
        port: endpoint.port,
        security: endpoint.security.as_str(),
        ca_file: endpoint.trust.ca_file.clone(),
        trusted_certificate_sha256: endpoint.trust.pinned_sha256.clone(),
    }
}

fn entry_table(entry: &DirectoryEntry) -> Entry {
    Entry {
        name: entry.name.clone(),
        email: entry.email.as_ref().map(ToString::to_string),
        other_emails: entry.other_emails.iter().map(ToString::to_string).collect(),
        incoming_filter: entry.incoming_filter.map(IncomingFilter::as_str),
    }
}

fn mailbox_table(
    mailbox: &Mailbox,
    configured: &Configured,
    owners: &HashMap<Uuid, &DirectoryEntry>,
) -> MailboxTable {
    let id = match mailbox.owner {
        MailboxOwner::User(id) => id.0,
        MailboxOwner::Queue(id) => id.0,
    };
    let owner = owners.get(&id).map(|owner| {
        format!("{}:{}", owner.id.kind(), owner.email.as_ref().map_or(&*owner.name, |email| email.as_str()))
    });
    let profile = mailbox.profile.and_then(|id| configured.profiles.iter().find(|one| one.id == id));
    MailboxTable {
        email: mailbox.email.to_string(),
        owner,
        profile: profile.map(|profile| profile.name.clone()),
        incoming: mailbox.incoming.as_str(),
        outgoing: mailbox.outgoing.as_str(),
        act: mailbox.act.as_str(),
        user_name: mailbox.user_name.clone(),
        allow_credentials: mailbox.allow_credentials,
        approved: mailbox.approval == Approval::Approved,
        approval: (mailbox.approval == Approval::Rejected).then_some(Approval::Rejected.as_str()),
        delete_after_processing: mailbox.delete_after_processing,
        process_emails_from: mailbox.process_emails_from.and_then(datetime),
    }
}

fn datetime(at: Time) -> Option<Datetime> {
    at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true).parse().ok()
}
