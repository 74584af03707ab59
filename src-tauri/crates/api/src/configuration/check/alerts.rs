//! Which alerts are raised, and who answers for a profile.

use super::{Context, values};
use crate::configuration::{
    Alerting,
    file::{File, RawProfile},
    problem::Problems,
};
use tandem_domain::{
    alert_rules::AlertSettings,
    directory::{DirectoryEntry, DirectoryId},
    profile::EmailServerProfile,
};
use toml::Spanned;

/// Reads `[alerts]`, and the owners of the profiles that the file names.
pub(super) fn check(
    file: &File,
    context: &Context<'_>,
    profiles: &[EmailServerProfile],
    entries: &[DirectoryEntry],
    problems: &mut Problems<'_>,
) -> Alerting {
    let mut alerts = context.current.alerts.clone();
    settings(file, &mut alerts.settings, problems);
    for spanned in &file.profiles {
        let raw = spanned.get_ref();
        let name = raw.name.get_ref().trim().to_lowercase();
        if let Some(profile) = profiles.iter().find(|one| one.name.to_lowercase() == name) {
            own(spanned, profile, context, entries, &mut alerts, problems);
        }
    }
    alerts
}

fn settings(file: &File, settings: &mut AlertSettings, problems: &mut Problems<'_>) {
    let Some(raw) = &file.alerts else { return };
    settings.errors = raw.errors.unwrap_or(settings.errors);
    settings.warnings = raw.warnings.unwrap_or(settings.warnings);
    settings.information = raw.information.unwrap_or(settings.information);
    settings.notify_mailbox_owner = raw.notify_mailbox_owner.unwrap_or(settings.notify_mailbox_owner);
    let days = raw.keep_cleared_days.as_ref();
    if let Some(days) = values::number(days, "alerts", "keep_cleared_days", 1, 3_650, problems) {
        settings.keep_cleared_days = days;
    }
}

fn own(
    spanned: &Spanned<RawProfile>,
    profile: &EmailServerProfile,
    context: &Context<'_>,
    entries: &[DirectoryEntry],
    alerts: &mut Alerting,
    problems: &mut Problems<'_>,
) {
    let raw = spanned.get_ref();
    if raw.owner.is_none() && raw.send_alert_email.is_none() {
        return;
    }
    let object = format!("profile {}", profile.name);
    let mut own = alerts.profiles.get(&profile.id).copied().unwrap_or_default();
    let users = || entries.iter().chain(&context.current.entries);
    if let Some(owner) = &raw.owner {
        let wanted = owner.get_ref().trim().to_lowercase();
        let found = users().find_map(|entry| match entry.id {
            DirectoryId::User(id) if is_named(entry, &wanted) => Some(id),
            _ => None,
        });
        if found.is_none() && !wanted.is_empty() {
            let message = format!("There is no user {}.", owner.get_ref());
            let remedy = "Name a [[user]] of this file or of the directory, by name or address.";
            problems.add(owner.span(), &object, message, remedy);
        }
        own.owner = found;
    }
    own.send_alert_email = raw.send_alert_email.unwrap_or(own.send_alert_email);
    if own.send_alert_email {
        let has_address = users().any(|entry| {
            own.owner.is_some_and(|owner| entry.id == DirectoryId::User(owner)) && entry.email.is_some()
        });
        if !has_address {
            let message = "send_alert_email needs an owner with an email address.";
            let remedy = "Add owner = \"...\", the name of a [[user]] that has an email address.";
            problems.add(spanned.span(), &object, message, remedy);
        }
    }
    alerts.profiles.insert(profile.id, own);
}

fn is_named(entry: &DirectoryEntry, wanted: &str) -> bool {
    entry.name.to_lowercase() == wanted
        || entry.email.as_ref().is_some_and(|email| email.as_str().to_lowercase() == wanted)
}
