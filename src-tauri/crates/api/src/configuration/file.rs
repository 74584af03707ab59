//! The shape of a configuration file. Reading goes on after a problem, so that all of them are told at once.

use super::problem::Problems;
use serde::Deserialize;
use toml::{
    Spanned,
    de::{DeTable, DeValue, ValueDeserializer},
    value::Datetime,
};

/// A text with its place in the file.
pub(crate) type Text = Spanned<String>;

/// A file, read but not checked.
#[derive(Debug, Default)]
pub(crate) struct File {
    pub(crate) settings: Option<RawSettings>,
    pub(crate) alerts: Option<RawAlerts>,
    pub(crate) profiles: Vec<Spanned<RawProfile>>,
    pub(crate) users: Vec<Spanned<RawEntry>>,
    pub(crate) queues: Vec<Spanned<RawEntry>>,
    pub(crate) contacts: Vec<Spanned<RawEntry>>,
    pub(crate) accounts: Vec<Spanned<RawEntry>>,
    pub(crate) leads: Vec<Spanned<RawEntry>>,
    pub(crate) mailboxes: Vec<Spanned<RawMailbox>>,
}

/// `[settings]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawSettings {
    pub(crate) allow_plain_connections: Option<bool>,
    pub(crate) require_approval: Option<bool>,
    pub(crate) frequency: Option<Text>,
    pub(crate) cycle_interval_minutes: Option<Spanned<i64>>,
    pub(crate) max_delivery_attempts: Option<Spanned<i64>>,
    pub(crate) max_message_mib: Option<Spanned<i64>>,
    pub(crate) process_email_using: Option<Text>,
    pub(crate) test_batch_mailboxes: Option<Spanned<i64>>,
    pub(crate) test_batch_hours: Option<Spanned<i64>>,
    pub(crate) history_days: Option<Spanned<i64>>,
    pub(crate) max_incoming_cycles: Option<Spanned<i64>>,
    pub(crate) max_outgoing_cycles: Option<Spanned<i64>>,
    pub(crate) max_operations: Option<Spanned<i64>>,
    pub(crate) cycle_seconds: Option<Spanned<i64>>,
    pub(crate) cycle_mib: Option<Spanned<i64>>,
    pub(crate) cycle_timeout_minutes: Option<Spanned<i64>>,
    pub(crate) connect_timeout_seconds: Option<Spanned<i64>>,
    pub(crate) read_timeout_seconds: Option<Spanned<i64>>,
    pub(crate) push: Option<bool>,
}

/// `[alerts]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawAlerts {
    pub(crate) errors: Option<bool>,
    pub(crate) warnings: Option<bool>,
    pub(crate) information: Option<bool>,
    pub(crate) notify_mailbox_owner: Option<bool>,
    pub(crate) keep_cleared_days: Option<Spanned<i64>>,
}

/// `[[profile]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawProfile {
    pub(crate) name: Text,
    pub(crate) description: Option<Text>,
    pub(crate) server_type: Option<Text>,
    pub(crate) active: Option<bool>,
    pub(crate) authenticate_using: Option<Text>,
    pub(crate) user_name: Option<Text>,
    pub(crate) password: Option<Spanned<toml::Value>>,
    pub(crate) process_emails_from: Option<Spanned<Datetime>>,
    pub(crate) max_concurrent_connections: Option<Spanned<i64>>,
    pub(crate) min_polling_interval_minutes: Option<Spanned<i64>>,
    pub(crate) send_limit_recipients_per_day: Option<Spanned<i64>>,
    pub(crate) send_limit_messages_per_minute: Option<Spanned<i64>>,
    pub(crate) owner: Option<Text>,
    pub(crate) send_alert_email: Option<bool>,
    pub(crate) incoming: Option<RawEndpoint>,
    pub(crate) outgoing: Option<RawEndpoint>,
}

/// `[profile.incoming]` and `[profile.outgoing]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawEndpoint {
    pub(crate) server: Text,
    pub(crate) port: Spanned<i64>,
    pub(crate) security: Text,
    pub(crate) ca_file: Option<Text>,
    #[serde(default)]
    pub(crate) trusted_certificate_sha256: Vec<Text>,
}

/// `[[user]]`, `[[queue]]`, `[[contact]]`, `[[account]]` and `[[lead]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawEntry {
    pub(crate) name: Text,
    pub(crate) email: Option<Text>,
    pub(crate) other_emails: Option<Vec<Text>>,
    pub(crate) incoming_filter: Option<Text>,
}

/// `[[mailbox]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawMailbox {
    pub(crate) email: Text,
    pub(crate) owner: Option<Text>,
    pub(crate) profile: Option<Text>,
    pub(crate) incoming: Option<Text>,
    pub(crate) outgoing: Option<Text>,
    pub(crate) act: Option<Text>,
    pub(crate) user_name: Option<Text>,
    pub(crate) password: Option<Spanned<toml::Value>>,
    pub(crate) allow_credentials: Option<bool>,
    pub(crate) approved: Option<bool>,
    pub(crate) approval: Option<Text>,
    pub(crate) delete_after_processing: Option<Spanned<bool>>,
    pub(crate) process_emails_from: Option<Spanned<Datetime>>,
}

const TABLES: &str = "settings, alerts, profile, user, queue, contact, account, lead, mailbox";

/// Reads a file as far as it can be read; what cannot is a problem.
pub(crate) fn read(text: &str, problems: &mut Problems<'_>) -> File {
    let mut file = File::default();
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let remedy = "Correct the line; texts stand in quotes, and each object starts with [[its kind]].";
        problems.add(error.span().unwrap_or_default(), "the file", syntax(error), remedy);
    }
    if !errors.is_empty() {
        // What was read around a broken line would only give problems that are none.
        return file;
    }
    for (key, value) in table.into_inner() {
        let span = key.span();
        match key.into_inner().as_ref() {
            "settings" => file.settings = one("settings", value, problems),
            "alerts" => file.alerts = one("alerts", value, problems),
            "profile" => file.profiles = many("profile", "name", value, problems),
            "user" => file.users = many("user", "name", value, problems),
            "queue" => file.queues = many("queue", "name", value, problems),
            "contact" => file.contacts = many("contact", "name", value, problems),
            "account" => file.accounts = many("account", "name", value, problems),
            "lead" => file.leads = many("lead", "name", value, problems),
            "mailbox" => file.mailboxes = many("mailbox", "email", value, problems),
            other => problems.add(
                span,
                &format!("[{other}]"),
                "There is no such object.",
                format!("Use one of: {TABLES}. Check the spelling."),
            ),
        }
    }
    file
}

fn many<T: serde::de::DeserializeOwned>(
    kind: &str,
    key: &str,
    value: Spanned<DeValue<'_>>,
    problems: &mut Problems<'_>,
) -> Vec<Spanned<T>> {
    let span = value.span();
    let DeValue::Array(items) = value.into_inner() else {
        let remedy = format!("Write [[{kind}]] with two brackets: there may be several.");
        problems.add(span, kind, "It stands in single brackets or as a value.", remedy);
        return Vec::new();
    };
    items
        .into_iter()
        .filter_map(|item| {
            let span = item.span();
            let name = name_of(item.get_ref(), key);
            let object = if name.is_empty() { kind.to_owned() } else { format!("{kind} {name}") };
            one(&object, item, problems).map(|value| Spanned::new(span, value))
        })
        .collect()
}

fn one<T: serde::de::DeserializeOwned>(
    object: &str,
    value: Spanned<DeValue<'_>>,
    problems: &mut Problems<'_>,
) -> Option<T> {
    let whole = value.span();
    match T::deserialize(ValueDeserializer::from(value)) {
        Ok(value) => Some(value),
        Err(error) => {
            let (message, remedy) = shape(error.message());
            problems.add(error.span().unwrap_or(whole), object, message, remedy);
            None
        }
    }
}

fn name_of(item: &DeValue<'_>, key: &str) -> String {
    let DeValue::Table(table) = item else { return String::new() };
    table
        .iter()
        .find(|(name, _)| name.get_ref().as_ref() == key)
        .and_then(|(_, value)| value.get_ref().as_str())
        .unwrap_or_default()
        .to_owned()
}

fn syntax(error: &toml::de::Error) -> String {
    format!("This is not TOML: {}.", error.message().trim_end_matches('.'))
}

/// The deserializer's words as ours.
fn shape(said: &str) -> (String, String) {
    let quoted = said.split('`').nth(1).unwrap_or_default();
    if said.starts_with("missing field") {
        return (format!("\"{quoted}\" is missing."), format!("Add a line {quoted} = ..."));
    }
    if said.starts_with("unknown field") {
        let known: Vec<_> = said.split('`').skip(3).step_by(2).collect();
        let remedy = format!("Remove or correct it; there are: {}.", known.join(", "));
        return (format!("\"{quoted}\" is not known here."), remedy);
    }
    (
        format!("A value has the wrong form: {said}."),
        "Compare it with the documentation of that line.".to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        let mut problems = Problems::new("x.toml", text);
        read(text, &mut problems);
        problems.into_result().unwrap_err().to_string()
    }

    #[test]
    fn broken_toml_is_told_with_its_line() {
        let error = told("[[user]]\nname = \"Amy\nemail = 1\n");
        assert!(error.contains("x.toml:2"), "{error}");
    }

    #[test]
    fn each_object_tells_its_own_problem() {
        let error = told(
            "[[user]]\nname = \"Amy\"\nmail = \"a@b\"\n\n[[mailbox]]\nprofile = \"P\"\n\n[[profiles]]\nname = \"P\"\n",
        );
        for expected in ["x.toml:3: user Amy: \"mail\"", "mailbox: \"email\" is missing", "[profiles]"] {
            assert!(error.contains(expected), "{expected} not in {error}");
        }
    }

    #[test]
    fn a_wrong_kind_of_value_is_told_at_its_line() {
        let error = told(
            "[[profile]]\nname = \"P\"\n[profile.incoming]\nserver = \"s\"\nport = \"995\"\nsecurity = \"tls\"\n",
        );
        assert!(error.contains("x.toml:5") && error.contains("profile P"), "{error}");
    }
}
