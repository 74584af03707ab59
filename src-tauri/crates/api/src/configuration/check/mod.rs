//! From a file as written to the objects as they are to be. What the file does not name stays as it is; what is new
//! gets the defaults.

mod alerts;
mod directory;
mod mailboxes;
mod profiles;
mod values;

use super::{Configured, file::File, passwords::Wanted, problem::Problems};
use std::path::Path;
use tandem_domain::{
    frequency::FrequencyPolicy,
    settings::{Capacity, OrganizationSettings, ProcessEmailUsing},
};

/// What a file asks for.
#[derive(Debug)]
pub(crate) struct Checked {
    /// The objects that the file names, as they are to be.
    pub(crate) desired: Configured,
    /// The passwords to keep.
    pub(crate) wanted: Vec<Wanted>,
}

/// What checking looks at.
struct Context<'a> {
    current: &'a Configured,
    folder: &'a Path,
    settings: OrganizationSettings,
}

/// Checks a file against itself and against what is there.
pub(crate) fn check(
    file: &File,
    current: &Configured,
    folder: &Path,
    problems: &mut Problems<'_>,
) -> Checked {
    let settings = settings(file, &current.settings, problems);
    let context = Context { current, folder, settings: settings.clone() };
    let mut wanted = Vec::new();
    let profiles = profiles::check(file, &context, &mut wanted, problems);
    let entries = directory::check(file, &context, problems);
    let mailboxes = mailboxes::check(file, &context, &profiles, &entries, &mut wanted, problems);
    let alerts = alerts::check(file, &context, &profiles, &entries, problems);
    let organization = current.organization;
    Checked { desired: Configured { organization, settings, alerts, profiles, entries, mailboxes }, wanted }
}

fn settings(
    file: &File,
    current: &OrganizationSettings,
    problems: &mut Problems<'_>,
) -> OrganizationSettings {
    let mut settings = current.clone();
    let Some(raw) = &file.settings else {
        return settings;
    };
    settings.allow_plain_connections = raw.allow_plain_connections.unwrap_or(current.allow_plain_connections);
    settings.require_approval = raw.require_approval.unwrap_or(current.require_approval);
    if let Some(using) = values::word(
        raw.process_email_using.as_ref(),
        "settings",
        "process_email_using",
        &ProcessEmailUsing::ALL,
        ProcessEmailUsing::as_str,
        problems,
    ) {
        settings.process_email_using = using;
    }
    let mut number = |value: &Option<toml::Spanned<i64>>, field, least, most| {
        values::number(value.as_ref(), "settings", field, least, most, problems)
    };
    if let Some(value) = number(&raw.cycle_interval_minutes, "cycle_interval_minutes", 0, 1_440) {
        settings.cycle_interval_minutes = Some(value).filter(|minutes| *minutes > 0);
    }
    if let Some(value) = number(&raw.max_delivery_attempts, "max_delivery_attempts", 1, 1_000) {
        settings.max_delivery_attempts = value;
    }
    if let Some(value) = number(&raw.max_message_mib, "max_message_mib", 1, 4_096) {
        settings.max_message_bytes = u64::from(value) << 20;
    }
    if let Some(value) = number(&raw.test_batch_mailboxes, "test_batch_mailboxes", 1, 10_000) {
        settings.test_batch_mailboxes = value;
    }
    if let Some(value) = number(&raw.test_batch_hours, "test_batch_hours", 0, 168) {
        settings.test_batch_hours = value;
    }
    if let Some(value) = number(&raw.history_days, "history_days", 1, 366) {
        settings.history_days = value;
    }
    let capacity = &mut settings.capacity;
    let fields = [
        (&raw.max_incoming_cycles, &mut capacity.max_incoming_cycles),
        (&raw.max_outgoing_cycles, &mut capacity.max_outgoing_cycles),
        (&raw.max_operations, &mut capacity.max_operations),
        (&raw.cycle_seconds, &mut capacity.cycle_seconds),
        (&raw.cycle_mib, &mut capacity.cycle_mib),
        (&raw.cycle_timeout_minutes, &mut capacity.cycle_timeout_minutes),
        (&raw.connect_timeout_seconds, &mut capacity.connect_timeout_seconds),
        (&raw.read_timeout_seconds, &mut capacity.read_timeout_seconds),
    ];
    for ((field, _, least, most), (value, kept)) in Capacity::default().numbers().into_iter().zip(fields) {
        *kept = number(value, field, least, most).unwrap_or(*kept);
    }
    settings.capacity.push = raw.push.unwrap_or(current.capacity.push);
    let frequency = values::word(
        raw.frequency.as_ref(),
        "settings",
        "frequency",
        &FrequencyPolicy::ALL,
        FrequencyPolicy::as_str,
        problems,
    );
    settings.frequency = frequency.unwrap_or(current.frequency);
    settings
}
