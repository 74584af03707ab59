//! Configuration as a text file: read, checked, compared with what is there, applied all or nothing, and written back.

mod apply;
mod check;
mod diff;
mod export;
mod file;
mod passwords;
mod problem;

use std::collections::BTreeMap;
use tandem_domain::{
    alert_rules::{AlertSettings, ProfileAlerts},
    directory::DirectoryEntry,
    ids::{OrganizationId, ProfileId},
    mailbox::Mailbox,
    profile::EmailServerProfile,
    settings::OrganizationSettings,
};

pub use passwords::AskPassword;

use crate::wire::ApiError;

/// Everything that a configuration file can describe, as it is or as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Configured {
    /// The organization.
    pub(crate) organization: OrganizationId,
    /// Its settings.
    pub(crate) settings: OrganizationSettings,
    /// Which alerts are raised, and what profiles have of their own about them.
    pub(crate) alerts: Alerting,
    /// Its profiles.
    pub(crate) profiles: Vec<EmailServerProfile>,
    /// Users, queues, contacts, accounts and leads.
    pub(crate) entries: Vec<DirectoryEntry>,
    /// Its mailboxes.
    pub(crate) mailboxes: Vec<Mailbox>,
}

/// What a configuration says about alerts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Alerting {
    /// Which are raised, for whom, and how long cleared ones are kept.
    pub(crate) settings: AlertSettings,
    /// Owners of profiles, where there are any.
    pub(crate) profiles: BTreeMap<ProfileId, ProfileAlerts>,
}

/// The configuration file of a migration's snapshot: without contacts, accounts and leads, as `export` writes it.
pub(crate) fn export_text(here: &tandem_router_migration::snapshot::Snapshot) -> Result<String, ApiError> {
    let configured = Configured {
        organization: here.organization,
        settings: here.settings.clone(),
        alerts: Alerting::default(),
        profiles: here.profiles.clone(),
        entries: here.owners.clone(),
        mailboxes: here.mailboxes.clone(),
    };
    export::write(&configured).map_err(|error| ApiError::internal("export", &error))
}

#[cfg(test)]
mod tests {
    use super::{check::check, diff, export, file, problem::Problems, *};
    use std::path::Path;
    use uuid::Uuid;

    const FILE: &str = r#"
[[profile]]
name = "Contoso POP3"
server_type = "pop3_smtp"
authenticate_using = "user_or_queue"
process_emails_from = 2026-01-01T00:00:00Z
max_concurrent_connections = 7
  [profile.incoming]
  server = "mail.contoso.test"
  port = 995
  security = "tls"
  trusted_certificate_sha256 = ["AB:ababababababababababababababababababababababababababababababab"]
  [profile.outgoing]
  server = "mail.contoso.test"
  port = 587
  security = "starttls"

[[user]]
name = "Amy Alberts"
email = "Amy@contoso.test"
other_emails = ["a.alberts@contoso.test"]
incoming_filter = "all"

[[queue]]
name = "Support"
email = "support@contoso.test"

[[contact]]
name = "Ben Burton"
email = "ben@fabrikam.test"

[[mailbox]]
email = "amy@contoso.test"
profile = "Contoso POP3"
incoming = "server_side_sync"
outgoing = "server_side_sync"
user_name = "amy@contoso.test"
allow_credentials = true
approved = true

[[mailbox]]
email = "support@contoso.test"
profile = "contoso pop3"
incoming = "server_side_sync"
delete_after_processing = true
"#;

    fn empty() -> Configured {
        Configured {
            organization: OrganizationId(Uuid::from_u128(1)),
            settings: OrganizationSettings::default(),
            alerts: Alerting::default(),
            profiles: Vec::new(),
            entries: Vec::new(),
            mailboxes: Vec::new(),
        }
    }

    fn read(text: &str, current: &Configured) -> Result<Configured, String> {
        let mut problems = Problems::new("x.toml", text);
        let file = file::read(text, &mut problems);
        let checked = check(&file, current, Path::new("/nowhere"), &mut problems);
        problems.into_result().map_err(|error| error.to_string())?;
        Ok(checked.desired)
    }

    #[test]
    fn alerts_and_owners_of_profiles_are_read_shown_and_written_back() {
        let text = FILE.replacen(
            "name = \"Contoso POP3\"",
            "name = \"Contoso POP3\"\nowner = \"amy alberts\"\nsend_alert_email = true",
            1,
        );
        let text = format!("[alerts]\nwarnings = false\nkeep_cleared_days = 7\n{text}");
        let made = read(&text, &empty()).unwrap();
        assert!(!made.alerts.settings.warnings && made.alerts.settings.errors);
        assert_eq!(made.alerts.settings.keep_cleared_days, 7);
        let own = made.alerts.profiles[&made.profiles[0].id];
        assert!(own.owner.is_some() && own.send_alert_email);
        let shown = format!("{:?}", diff::diff(&empty(), &made));
        assert!(shown.contains("warnings") && shown.contains("send_alert_email"), "{shown}");
        let written = export::write(&made).unwrap();
        assert!(written.contains("owner = \"Amy Alberts\"") && written.contains("[alerts]"), "{written}");
        assert_eq!(read(&written, &made).unwrap().alerts, made.alerts);
        let nobody = text.replace("owner = \"amy alberts\"", "owner = \"Nobody\"");
        assert!(read(&nobody, &empty()).unwrap_err().contains("Nobody"));
        let alone =
            FILE.replacen("name = \"Contoso POP3\"", "name = \"Contoso POP3\"\nsend_alert_email = true", 1);
        assert!(read(&alone, &empty()).unwrap_err().contains("owner"));
    }

    #[test]
    fn the_documented_file_is_read_with_its_defaults() {
        let made = read(FILE, &empty()).unwrap();
        let [amy, support] = made.mailboxes.as_slice() else { panic!("{made:?}") };
        assert_eq!(amy.approval, tandem_domain::mailbox::Approval::Approved);
        assert_eq!(support.approval, tandem_domain::mailbox::Approval::Pending);
        assert_eq!(support.profile, Some(made.profiles[0].id));
        assert_eq!(made.alerts, Alerting::default());
        assert_eq!(made.profiles[0].incoming.as_ref().unwrap().trust.pinned_sha256, ["ab".repeat(32)]);
        assert_eq!(made.entries[1].incoming_filter, Some(tandem_domain::settings::IncomingFilter::All));
        assert_eq!(read(FILE, &empty()), Ok(made), "ids are deterministic");
    }

    #[test]
    fn applying_the_same_again_changes_nothing_and_one_field_is_told() {
        let made = read(FILE, &empty()).unwrap();
        let first = diff::diff(&empty(), &made);
        assert!(first.iter().all(|change| change.action == "create"), "{first:?}");
        assert_eq!(first.len(), 6);

        let again = diff::diff(&made, &read(FILE, &made).unwrap());
        assert!(again.iter().all(|change| change.action == "unchanged"), "{again:?}");

        let other = read(&FILE.replace("port = 995", "port = 1995"), &made).unwrap();
        let changes = diff::diff(&made, &other);
        let changed: Vec<_> = changes.iter().filter(|change| change.action == "update").collect();
        assert_eq!(changed.len(), 1);
        assert_eq!(changed[0].fields, ["incoming.port: 995 -> 1995"]);
    }

    #[test]
    fn what_a_file_does_not_name_stays() {
        let made = read(FILE, &empty()).unwrap();
        let short = "[[profile]]\nname = \"CONTOSO pop3\"\nmax_concurrent_connections = 3\n";
        let changes = diff::diff(&made, &read(short, &made).unwrap());
        assert_eq!(
            changes[0].fields,
            ["name: Contoso POP3 -> CONTOSO pop3", "max_concurrent_connections: 7 -> 3"]
        );
    }

    #[test]
    fn an_export_applied_changes_nothing() {
        let made = read(FILE, &empty()).unwrap();
        let text = export::write(&made).unwrap();
        assert!(text.contains("[[mailbox]]") && text.contains("[profile.incoming]"), "{text}");
        let again = diff::diff(&made, &read(&text, &made).unwrap());
        assert_eq!(again.len(), 6);
        assert!(again.iter().all(|change| change.action == "unchanged"), "{again:?}\n{text}");
        assert_eq!(read(&text, &empty()), Ok(made), "an empty data folder becomes the same");
    }

    #[test]
    fn all_problems_are_told_at_once_each_with_its_line() {
        let text = r#"
[[profile]]
name = "P"
server_type = "exchange_online"
  [profile.incoming]
  server = "http://mail"
  port = 99500
  security = "none"
  ca_file = "missing.pem"
[[user]]
name = "Amy"
email = "amy"
[[user]]
name = "Bob"
email = "bob@contoso.test"
[[mailbox]]
email = "carl@contoso.test"
[[mailbox]]
email = "bob@contoso.test"
profile = "Q"
incoming = "sometimes"
delete_after_processing = true
password = "hunter2"
"#;
        let error = read(text, &empty()).unwrap_err();
        for expected in [
            "x.toml:4: profile P: server_type",
            "x.toml:6: profile P: The incoming server",
            "x.toml:7: profile P: port = 99500",
            "x.toml:8: profile P: Its incoming connection",
            "x.toml:9: profile P: The CA file",
            "x.toml:12: user Amy: \"amy\" is not an email address",
            "x.toml:17: mailbox carl@contoso.test: No user or queue",
            "x.toml:20: mailbox bob@contoso.test: There is no profile \"Q\"",
            "x.toml:21: mailbox bob@contoso.test: \"sometimes\"",
            "x.toml:22: mailbox bob@contoso.test: Only a queue",
            "x.toml:23: mailbox bob@contoso.test: A password does not stand",
        ] {
            assert!(error.contains(expected), "{expected}\nnot in\n{error}");
        }
        assert!(!error.contains("hunter2"));
    }

    #[test]
    fn one_owner_has_one_mailbox_and_pop3_carries_email_only() {
        let made = read(FILE, &empty()).unwrap();
        let text = "[[mailbox]]\nemail = \"second@contoso.test\"\nowner = \"user:Amy Alberts\"\n[[mailbox]]\nemail = \"support@contoso.test\"\nact = \"server_side_sync\"\n";
        let error = read(text, &made).unwrap_err();
        assert!(error.contains("already has the mailbox amy@contoso.test"), "{error}");
        assert!(error.contains("POP3 and IMAP carry email only"), "{error}");
    }

    #[test]
    fn an_unencrypted_connection_needs_the_settings_of_the_same_file_or_earlier() {
        let plain = FILE.replace("security = \"tls\"", "security = \"none\"");
        assert!(read(&plain, &empty()).unwrap_err().contains("not encrypted"));
        let allowed = format!("[settings]\nallow_plain_connections = true\n{plain}");
        assert!(read(&allowed, &empty()).is_ok());
    }
}
