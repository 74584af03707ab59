//! The configuration that a plan is made against, and its fingerprint.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use tandem_domain::{
    address::EmailAddress,
    directory::DirectoryEntry,
    ids::OrganizationId,
    mailbox::{Mailbox, MailboxOwner},
    profile::{EmailServerProfile, Endpoint},
    settings::OrganizationSettings,
};
use uuid::Uuid;

/// The configuration as it is. The caller reads it in one transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The organization, from which the ids of what is created follow.
    pub organization: OrganizationId,
    /// Its settings.
    pub settings: OrganizationSettings,
    /// All profiles.
    pub profiles: Vec<EmailServerProfile>,
    /// All users and queues; other entries are ignored.
    pub owners: Vec<DirectoryEntry>,
    /// All mailboxes.
    pub mailboxes: Vec<Mailbox>,
}

/// One record of the configuration, in words that can be compared and shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BasisRecord {
    /// `profile`, `user`, `queue`, `mailbox` or `settings`.
    pub kind: String,
    /// Its id.
    pub id: Uuid,
    /// Its name or address.
    pub name: String,
    /// What matters to a migration, as field and value; empty values are left out.
    pub facts: Vec<(String, String)>,
}

/// What a plan keeps of the configuration it was made against, so that it can say later what differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    /// SHA-256 over all records, lower-case hex.
    pub fingerprint: String,
    /// All records, ordered by kind and id.
    pub records: Vec<BasisRecord>,
}

impl Snapshot {
    /// The configuration in comparable words.
    #[must_use]
    pub fn basis(&self) -> Basis {
        let profiles = self.profiles.iter().map(profile);
        let owners = self.owners.iter().filter(|one| matches!(one.id.kind(), "user" | "queue")).map(owner);
        let mailboxes = self.mailboxes.iter().map(mailbox);
        let mut records: Vec<_> =
            profiles.chain(owners).chain(mailboxes).chain([self.settings_record()]).collect();
        records.sort_by(|a, b| (&a.kind, a.id).cmp(&(&b.kind, b.id)));
        Basis { fingerprint: fingerprint(&records), records }
    }

    fn settings_record(&self) -> BasisRecord {
        let facts = vec![fact("plain connections", yes_no(self.settings.allow_plain_connections))];
        BasisRecord { kind: "settings".into(), id: self.organization.0, name: "settings".into(), facts }
    }
}

fn fact(name: &str, value: impl Into<String>) -> (String, String) {
    (name.to_owned(), value.into())
}

fn yes_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

fn record(kind: &str, id: Uuid, name: &str, facts: Vec<(String, String)>) -> BasisRecord {
    let facts = facts.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    BasisRecord { kind: kind.to_owned(), id, name: name.to_owned(), facts }
}

fn profile(one: &EmailServerProfile) -> BasisRecord {
    let place = |end: &Option<Endpoint>| {
        end.as_ref()
            .map_or(String::new(), |end| format!("{}:{} {}", end.server, end.port, end.security.as_str()))
    };
    let facts = vec![
        fact("server type", one.server_type.as_str()),
        fact("incoming", place(&one.incoming)),
        fact("outgoing", place(&one.outgoing)),
        fact("authenticate using", one.authenticate_using.as_str()),
        fact("user name", one.user_name.clone().unwrap_or_default()),
        fact("process emails from", one.process_emails_from.map_or(String::new(), |date| date.to_rfc3339())),
        fact("active", yes_no(one.active)),
    ];
    record("profile", one.id.0, &one.name, facts)
}

fn owner(one: &DirectoryEntry) -> BasisRecord {
    let mut others: Vec<_> = one.other_emails.iter().map(EmailAddress::as_str).collect();
    others.sort_unstable();
    let facts = vec![
        fact("email", one.email.as_ref().map_or("", |address| address.as_str())),
        fact("other addresses", others.join(" ")),
    ];
    record(one.id.kind(), one.id.uuid(), &one.name, facts)
}

fn mailbox(one: &Mailbox) -> BasisRecord {
    let owner = match one.owner {
        MailboxOwner::User(id) => format!("user {id}"),
        MailboxOwner::Queue(id) => format!("queue {id}"),
    };
    let facts = vec![
        fact("owner", owner),
        fact("profile", one.profile.map_or(String::new(), |id| id.to_string())),
        fact("incoming", one.incoming.as_str()),
        fact("outgoing", one.outgoing.as_str()),
        fact("user name", one.user_name.clone().unwrap_or_default()),
        fact("process emails from", one.process_emails_from.map_or(String::new(), |date| date.to_rfc3339())),
    ];
    record("mailbox", one.id.0, one.email.as_str(), facts)
}

fn fingerprint(records: &[BasisRecord]) -> String {
    let mut hash = Sha256::new();
    let mut part = |text: &str| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    };
    for record in records {
        part(&record.kind);
        part(&record.id.to_string());
        part(&record.name);
        for (name, value) in &record.facts {
            part(name);
            part(value);
        }
        part("");
    }
    hash.finalize().iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
