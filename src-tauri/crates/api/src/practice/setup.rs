//! The practice organization's configuration: as an administrator would have made it.

use crate::{
    Tandem, keys,
    people::in_file,
    wire::{ApiError, ApplyRequest},
};
use std::{
    fmt::Write,
    path::{Path, PathBuf},
};
use tandem_practice::{
    PracticeAccount, PracticeServers,
    sample::{Person, PersonKind},
};
use tandem_secrets::Secret;

/// What is sent at the start: from, to, subject, text.
pub(super) const EMAILS: &[(&str, &[&str], &str, &str)] = &[
    (
        "amy@contoso.practice",
        &["ben@fabrikam.practice"],
        "Our offer for the new printers",
        "Hello Ben,\n\nthe offer that we spoke about comes tomorrow.\n\nAmy\n",
    ),
    (
        "support@contoso.practice",
        &["rene@fabrikam.practice", "amy@contoso.practice"],
        "Your support case is taken care of",
        "Hello René,\n\nAmy looks after your case from now on.\n\nSupport\n",
    ),
];

/// The accounts whose mailboxes are synchronized: users and queues.
pub(super) fn synchronized(servers: &PracticeServers) -> impl Iterator<Item = &PracticeAccount> {
    servers.accounts().iter().filter(|one| matches!(one.kind, PersonKind::User | PersonKind::Queue))
}

/// Applies the configuration and keeps the passwords; the file of the servers' authority.
pub(super) async fn configure(
    tandem: &Tandem,
    servers: &PracticeServers,
    contacts: &[Person],
    folder: &Path,
) -> Result<PathBuf, ApiError> {
    let ca_file = folder.join("ca.pem");
    std::fs::write(&ca_file, servers.ca_pem())
        .map_err(|error| in_file("The practice certificate cannot be written", &ca_file, &error))?;
    let request = ApplyRequest { text: text(servers, contacts, &ca_file), file: None, dry_run: false };
    tandem.apply(request).await?;
    for account in synchronized(servers) {
        let mailbox = tandem.find_mailbox(&account.address).await?;
        let secret = Secret::new(account.password.reveal());
        tandem.put_secret(keys::mailbox_password(mailbox.id), secret, &account.address).await?;
    }
    Ok(ca_file)
}

fn text(servers: &PracticeServers, contacts: &[Person], ca_file: &Path) -> String {
    let mut text = String::new();
    let ca = toml::Value::String(ca_file.to_string_lossy().into_owned());
    let profiles = [
        ("Practice IMAP", "imap_smtp", servers.imap().port()),
        ("Practice POP3", "pop3_smtp", servers.pop3().port()),
    ];
    for (name, kind, port) in profiles {
        text += &format!(
            "[[profile]]\nname = \"{name}\"\nserver_type = \"{kind}\"\nauthenticate_using = \"user_or_queue\"\n"
        );
        for (direction, port) in [("incoming", port), ("outgoing", servers.smtp().port())] {
            let host = servers.host();
            text += &format!(
                "[profile.{direction}]\nserver = \"{host}\"\nport = {port}\nsecurity = \"tls\"\nca_file = {ca}\n"
            );
        }
    }
    for contact in contacts {
        // Writing to a text cannot fail.
        let _ =
            write!(text, "[[contact]]\nname = {}\nemail = \"{}\"\n", quoted(contact.name), contact.address);
    }
    for account in synchronized(servers) {
        let (kind, profile) = match account.kind {
            PersonKind::Queue => ("queue", "Practice POP3"),
            _ => ("user", "Practice IMAP"),
        };
        let filter = filter(&account.address);
        let (name, address) = (quoted(&account.name), &account.address);
        let _ = write!(
            text,
            "[[{kind}]]\nname = {name}\nemail = \"{address}\"\nincoming_filter = \"{filter}\"\n\
             [[mailbox]]\nemail = \"{address}\"\nprofile = \"{profile}\"\nincoming = \"server_side_sync\"\n\
             outgoing = \"server_side_sync\"\nact = \"none\"\nuser_name = \"{address}\"\n\
             allow_credentials = true\napproved = true\n"
        );
    }
    text
}

/// Different people want different mail: each filter shows its own decisions.
fn filter(address: &str) -> &'static str {
    match address.split('@').next() {
        Some("spencer") => "leads_contacts_accounts",
        Some("alicia") => "replies",
        _ => "all",
    }
}

fn quoted(text: &str) -> toml::Value {
    toml::Value::String(text.to_owned())
}
