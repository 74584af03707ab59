//! Files of Email Routers whose mailboxes are on a test's servers, and what came of the mail that waited for them.
use crate::{
    scene::{Mail, Scene},
    servers::MailServers,
};
use chrono::{DateTime, Duration, Utc};
use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

/// One mailbox in a router's files.
#[derive(Debug, Clone, Copy)]
pub struct Routed<'a> {
    /// Its address.
    pub address: &'a str,
    /// `UserId` or `QueueId`.
    pub owner: &'a str,
    /// The owner's number; its id is made of it.
    pub id: u128,
    /// When the router processed it last; never, or reset, when absent.
    pub last_processed: Option<DateTime<Utc>>,
}

/// Writes `router{number}` below `parent`: POP3 over TLS and SMTP with STARTTLS at `host`. Its passwords are under a
/// cipher that nobody knows.
pub fn router_files(
    parent: &Path,
    number: u8,
    host: &str,
    servers: (u16, u16),
    mailboxes: &[Routed<'_>],
) -> PathBuf {
    const CLASS: &str = "Microsoft.Crm.Tools.Email.Providers.";
    let folder = parent.join(format!("router{number}"));
    fs::create_dir_all(&folder).expect("make a folder");
    let (mut state, mut agent, mut ids) = (String::new(), String::new(), String::new());
    for (token, one) in mailboxes.iter().enumerate() {
        let Routed { address, owner, id, last_processed } = one;
        let id = format!("00000000-0000-0000-0000-{id:012x}");
        let date = last_processed.map_or_else(
            || "0001-01-01T00:00:00.0000000".to_owned(),
            |date| date.format("%Y-%m-%dT%H:%M:%S.0000000Z").to_string(),
        );
        write!(
            state,
            "<H{token}><EmailAddress>{address}</EmailAddress><LastError></LastError>\
             <ThresholdDate>{date}</ThresholdDate></H{token}>\r\n"
        )
        .expect("a text");
        write!(
            agent,
            "<ProviderConfiguration><ProviderClass>{CLASS}Pop3PollingMailboxProvider</ProviderClass>\
             <EmailAddress>{address}</EmailAddress><{owner}>{id}</{owner}><EmailServer>{host}</EmailServer>\
             <EmailPort>{}</EmailPort><EmailUseSsl>true</EmailUseSsl><EmailAuthMode>Basic</EmailAuthMode>\
             <EmailUser>{address}</EmailUser><EmailPassword>c2VhbGVkIGJ5IHRoZSByb3V0ZXI=</EmailPassword>\
             </ProviderConfiguration>\r\n",
            servers.0
        )
        .expect("a text");
        write!(ids, "<{owner}>{id}</{owner}>").expect("a text");
    }
    write!(
        agent,
        "<ProviderConfiguration><ProviderClass>{CLASS}SmtpPollingSendEmailProvider</ProviderClass>\
         <EmailServer>{host}</EmailServer><EmailPort>{}</EmailPort><EmailUseSsl>true</EmailUseSsl>\
         <EmailAuthMode>Basic</EmailAuthMode>{ids}</ProviderConfiguration>\r\n",
        servers.1
    )
    .expect("a text");
    let files = [
        ("EncryptionKey.xml", "<EncryptionKey>Zm9vYmFyYmF6</EncryptionKey>".to_owned()),
        ("Microsoft.Crm.Tools.EmailAgent.SystemState.xml", format!("<SystemState>{state}</SystemState>")),
        ("Microsoft.Crm.Tools.EmailAgent.xml", format!("<Configuration>{agent}</Configuration>")),
    ];
    for (name, text) in files {
        fs::write(folder.join(name), text).expect("write a router's file");
    }
    folder
}

/// Puts a message into a mailbox as received at a time. Its Message-ID is `NAME.ADDRESS`.
pub fn deliver_named(servers: &MailServers, to: &str, name: &str, received: DateTime<Utc>) {
    let id = format!("{name}.{to}");
    let date = received.format("%a, %d %b %Y %H:%M:%S +0000").to_string();
    let mail = Mail::new("eve@fabrikam.test", to, name, &id).header("Date", &date);
    servers.deliver_received_at(to, &mail.raw(), received.into());
}

/// Mail around the moment up to which a router processed a mailbox: `long-before` and `before` it, `after` it, and `late`.
pub fn deliver_around(servers: &MailServers, to: &str, start: DateTime<Utc>) {
    deliver_named(servers, to, "long-before", start - Duration::days(9));
    deliver_named(servers, to, "before", start - Duration::minutes(1));
    deliver_named(servers, to, "after", start + Duration::minutes(1));
    deliver_named(servers, to, "late", Utc::now() - Duration::minutes(1));
}

/// What must become of [`deliver_around`]'s mail: nothing missed, nothing twice, nothing from before.
pub fn around_decided() -> Vec<(String, String)> {
    [("after", "promoted"), ("before", "before_start"), ("late", "promoted"), ("long-before", "before_start")]
        .map(|(name, decision)| (name.to_owned(), decision.to_owned()))
        .into()
}

/// The decisions about the named messages of a mailbox, by name.
pub fn named_decisions(scene: &Scene, address: &str) -> Vec<(String, String)> {
    let mut found: Vec<_> = scene
        .ledger(address)
        .iter()
        .map(|row| {
            let id = row["message_id"].as_str().unwrap_or_default().trim_matches(['<', '>']);
            let name = id.split('.').next().unwrap_or_default();
            (name.to_owned(), row["decision"].as_str().unwrap_or_default().to_owned())
        })
        .collect();
    found.sort();
    found
}
