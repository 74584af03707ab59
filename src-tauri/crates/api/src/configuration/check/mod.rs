//! From a file as written to the objects as they are to be. What the file does not name stays as it is; what is new
//! gets the defaults.

mod directory;
mod mailboxes;
mod profiles;
mod values;

use super::{Configured, file::File, passwords::Wanted, problem::Problems};
use std::path::Path;
use tandem_domain::settings::{OrganizationSettings, ProcessEmailUsing};

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
    let organization = current.organization;
    Checked { desired: Configured { organization, settings, profiles, entries, mailboxes }, wanted }
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
    if let Some(value) = number(&raw.cycle_interval_minutes, "cycle_interval_minutes", 1, 1_440) {
        settings.cycle_interval_minutes = value;
    }
    if let Some(value) = number(&raw.max_delivery_attempts, "max_delivery_attempts", 1, 1_000) {
        settings.max_delivery_attempts = value;
    }
    if let Some(value) = number(&raw.max_message_mib, "max_message_mib", 1, 4_096) {
        settings.max_message_bytes = u64::from(value) << 20;
    }
    settings
}
