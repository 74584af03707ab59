//! Mailboxes of a configuration file.

use super::{Context, values};
use crate::configuration::{
    file::{File, RawMailbox, Text},
    passwords::{self, Wanted},
    problem::Problems,
};
use std::collections::BTreeSet;
use tandem_domain::{
    address::EmailAddress,
    directory::{DirectoryEntry, DirectoryId},
    ids::{MailboxId, record_id},
    mailbox::{Approval, DeliveryMethod, Mailbox, MailboxOwner},
    profile::EmailServerProfile,
    workload::WorkloadState,
};
use tandem_store::CredentialsOf;
use toml::Spanned;

pub(super) fn check(
    file: &File,
    context: &Context<'_>,
    profiles: &[EmailServerProfile],
    entries: &[DirectoryEntry],
    wanted: &mut Vec<Wanted>,
    problems: &mut Problems<'_>,
) -> Vec<Mailbox> {
    let mut mailboxes: Vec<Mailbox> = Vec::new();
    let mut emails = BTreeSet::new();
    for raw in &file.mailboxes {
        let sources = Sources { context, profiles, entries };
        let Some(mailbox) = sources.mailbox(raw, wanted, problems) else {
            continue;
        };
        let object = format!("mailbox {}", mailbox.email);
        if !emails.insert(mailbox.email.clone()) {
            problems.add(raw.span(), &object, "It stands twice in the file.", "Remove one of them.");
            continue;
        }
        let rival = mailboxes
            .iter()
            .chain(context.current.mailboxes.iter())
            .find(|other| other.owner == mailbox.owner && other.email != mailbox.email);
        if let Some(rival) = rival {
            let message =
                format!("Its owner already has the mailbox {}; one owner has one mailbox.", rival.email);
            let remedy = "Give the owner one mailbox, or make a queue for the second address. `tandem mailbox remap` moves an address to another owner.";
            problems.add(raw.span(), &object, message, remedy);
        }
        mailboxes.push(mailbox);
    }
    mailboxes
}

/// Where names in a mailbox are looked up: in the file first, then in what is there.
struct Sources<'a> {
    context: &'a Context<'a>,
    profiles: &'a [EmailServerProfile],
    entries: &'a [DirectoryEntry],
}

impl Sources<'_> {
    fn mailbox(
        &self,
        spanned: &Spanned<RawMailbox>,
        wanted: &mut Vec<Wanted>,
        problems: &mut Problems<'_>,
    ) -> Option<Mailbox> {
        let raw = spanned.get_ref();
        let object = format!("mailbox {}", raw.email.get_ref().trim());
        let email = values::address(&raw.email, &object, problems)?;
        let current = self.context.current.mailboxes.iter().find(|one| one.email == email);
        let owner = self.owner(raw, &email, current, &object, problems)?;
        let profile = self.profile(raw.profile.as_ref(), &object, problems);
        let id = current.map_or_else(|| self.new_id(&email), |now| now.id);
        let method = |text: Option<&Text>,
                      field: &str,
                      now: fn(&Mailbox) -> DeliveryMethod,
                      problems: &mut Problems<'_>| {
            values::word(text, &object, field, &DeliveryMethod::ALL, DeliveryMethod::as_str, problems)
                .or_else(|| current.map(now))
                .unwrap_or_default()
        };
        let mailbox = Mailbox {
            id,
            owner,
            incoming: method(raw.incoming.as_ref(), "incoming", |now| now.incoming, problems),
            outgoing: method(raw.outgoing.as_ref(), "outgoing", |now| now.outgoing, problems),
            act: method(raw.act.as_ref(), "act", |now| now.act, problems),
            approval: approval(raw, current, &object, problems),
            approval_rule: current.map(|now| now.approval_rule).unwrap_or_default(),
            profile: profile
                .map(|found| found.id)
                .or_else(|| current.filter(|_| raw.profile.is_none()).and_then(|now| now.profile)),
            user_name: raw
                .user_name
                .as_ref()
                .map(|text| text.get_ref().trim().to_owned())
                .or_else(|| current.and_then(|now| now.user_name.clone()))
                .filter(|name| !name.is_empty()),
            allow_credentials: raw
                .allow_credentials
                .unwrap_or_else(|| current.map_or(raw.password.is_some(), |now| now.allow_credentials)),
            delete_after_processing: raw
                .delete_after_processing
                .as_ref()
                .map_or_else(|| current.is_some_and(|now| now.delete_after_processing), |one| *one.get_ref()),
            process_emails_from: values::instant(raw.process_emails_from.as_ref(), &object, problems)
                .or_else(|| current.and_then(|now| now.process_emails_from)),
            incoming_state: current.map_or_else(WorkloadState::default, |now| now.incoming_state.clone()),
            outgoing_state: current.map_or_else(WorkloadState::default, |now| now.outgoing_state.clone()),
            act_state: current.map_or_else(WorkloadState::default, |now| now.act_state.clone()),
            email,
        };
        self.rules(spanned, &mailbox, profile, &object, problems);
        if let Some(value) = &raw.password
            && let Some(source) = passwords::source(value, &object, self.context.folder, problems)
        {
            let key = crate::keys::mailbox_password(id);
            let of = CredentialsOf::Mailbox(id);
            wanted.push(Wanted { key, of, object, source, span: value.span() });
        }
        Some(mailbox)
    }

    fn new_id(&self, email: &EmailAddress) -> MailboxId {
        let id = MailboxId(record_id(self.context.current.organization, "mailbox", email.as_str()));
        let taken = self.context.current.mailboxes.iter().any(|one| one.id == id);
        if taken { MailboxId(uuid::Uuid::new_v4()) } else { id }
    }

    /// All users and queues, those of the file first and instead of what is there.
    fn owners(&self) -> impl Iterator<Item = &DirectoryEntry> {
        let replaced = |entry: &&DirectoryEntry| !self.entries.iter().any(|new| new.id == entry.id);
        self.entries
            .iter()
            .chain(self.context.current.entries.iter().filter(replaced))
            .filter(|entry| owner_of(entry.id).is_some())
    }

    fn owner(
        &self,
        raw: &RawMailbox,
        email: &EmailAddress,
        current: Option<&Mailbox>,
        object: &str,
        problems: &mut Problems<'_>,
    ) -> Option<MailboxOwner> {
        if raw.owner.is_none()
            && let Some(current) = current
        {
            return Some(current.owner);
        }
        let (found, span): (Vec<_>, _) = match &raw.owner {
            Some(text) => (self.named(text.get_ref()), text.span()),
            None => {
                let primary: Vec<_> = self.owners().filter(|one| one.email.as_ref() == Some(email)).collect();
                let found = if primary.is_empty() {
                    self.owners().filter(|one| one.other_emails.contains(email)).collect()
                } else {
                    primary
                };
                (found, raw.email.span())
            }
        };
        match found.as_slice() {
            [one] => owner_of(one.id),
            [] => {
                let remedy = format!(
                    "Add a [[user]] or [[queue]] with email = \"{email}\", or name the owner: owner = \"user:Amy Alberts\"."
                );
                problems.add(span, object, "No user or queue has this address or name.", remedy);
                None
            }
            several => {
                let names: Vec<_> =
                    several.iter().map(|one| format!("{}:{}", one.id.kind(), one.name)).collect();
                let message = format!("It could belong to {}.", names.join(" or "));
                problems.add(span, object, message, "Name its owner: owner = \"queue:Support\".");
                None
            }
        }
    }

    fn named(&self, text: &str) -> Vec<&DirectoryEntry> {
        let (kind, name) = match text.split_once(':') {
            Some((kind @ ("user" | "queue"), name)) => (Some(kind), name),
            _ => (None, text),
        };
        let name = name.trim().to_lowercase();
        self.owners()
            .filter(|one| kind.is_none_or(|kind| one.id.kind() == kind))
            .filter(|one| {
                one.name.to_lowercase() == name
                    || one.email.as_ref().is_some_and(|email| email.as_str() == name)
            })
            .collect()
    }

    fn profile(
        &self,
        text: Option<&Text>,
        object: &str,
        problems: &mut Problems<'_>,
    ) -> Option<&EmailServerProfile> {
        let text = text?;
        let key = text.get_ref().trim().to_lowercase();
        let all = self.profiles.iter().chain(&self.context.current.profiles);
        let found = all.clone().find(|one| one.name.to_lowercase() == key);
        if found.is_none() {
            let mut names: Vec<_> = all.map(|one| one.name.as_str()).collect();
            names.dedup();
            let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            let message = format!("There is no profile \"{}\".", text.get_ref());
            let remedy = format!("Add a [[profile]] with that name, or use one that exists: {known}.");
            problems.add(text.span(), object, message, remedy);
        }
        found
    }

    fn rules(
        &self,
        spanned: &Spanned<RawMailbox>,
        mailbox: &Mailbox,
        profile: Option<&EmailServerProfile>,
        object: &str,
        problems: &mut Problems<'_>,
    ) {
        let raw = spanned.get_ref();
        let place = |text: Option<&Text>| text.map_or_else(|| spanned.span(), Spanned::span);
        let profile = profile.or_else(|| {
            let known = self.profiles.iter().chain(&self.context.current.profiles);
            known.into_iter().find(|one| Some(one.id) == mailbox.profile)
        });
        for (method, text, workload) in
            [(mailbox.outgoing, &raw.outgoing, "outgoing"), (mailbox.act, &raw.act, "act")]
        {
            if method == DeliveryMethod::ForwardMailbox {
                let message =
                    format!("{workload} = \"forward_mailbox\": only incoming mail can be forwarded.");
                problems.add(place(text.as_ref()), object, message, "Use \"none\" or \"server_side_sync\".");
            }
        }
        if mailbox.incoming == DeliveryMethod::ForwardMailbox {
            let remedy = "Use incoming = \"server_side_sync\", or \"none\".";
            let message = "Forward mailboxes are not available in this version.";
            problems.add(place(raw.incoming.as_ref()), object, message, remedy);
        }
        if mailbox.act == DeliveryMethod::ServerSideSync
            && profile.is_some_and(|one| !one.server_type.carries_act())
        {
            let remedy = "Set act = \"none\": POP3 and IMAP carry email only.";
            let message = "Appointments, contacts and tasks cannot be synchronized with this server type.";
            problems.add(place(raw.act.as_ref()), object, message, remedy);
        }
        if mailbox.delete_after_processing && matches!(mailbox.owner, MailboxOwner::User(_)) {
            let span = raw.delete_after_processing.as_ref().map_or_else(|| spanned.span(), Spanned::span);
            let remedy = "Remove the line, or make the address a queue's.";
            problems.add(span, object, "Only a queue's mailbox can delete emails after processing.", remedy);
        }
        let ours =
            [mailbox.incoming, mailbox.outgoing, mailbox.act].contains(&DeliveryMethod::ServerSideSync);
        if ours && mailbox.profile.is_none() && raw.profile.is_none() {
            let remedy = "Add a line profile = \"NAME\".";
            problems.add(spanned.span(), object, "It is synchronized, but has no profile.", remedy);
        }
    }
}

fn owner_of(id: DirectoryId) -> Option<MailboxOwner> {
    match id {
        DirectoryId::User(id) => Some(MailboxOwner::User(id)),
        DirectoryId::Queue(id) => Some(MailboxOwner::Queue(id)),
        _ => None,
    }
}

fn approval(
    raw: &RawMailbox,
    current: Option<&Mailbox>,
    object: &str,
    problems: &mut Problems<'_>,
) -> Approval {
    let now = current.map_or(Approval::Pending, |now| now.approval);
    let word =
        values::word(raw.approval.as_ref(), object, "approval", &Approval::ALL, Approval::as_str, problems);
    match (word, raw.approved) {
        (Some(word), None) => word,
        (Some(word), Some(approved)) => {
            if approved != (word == Approval::Approved)
                && let Some(text) = &raw.approval
            {
                let remedy = "Keep one of the two lines.";
                problems.add(
                    text.span(),
                    object,
                    "\"approved\" and \"approval\" contradict each other.",
                    remedy,
                );
            }
            word
        }
        (None, Some(true)) => Approval::Approved,
        (None, Some(false)) if now == Approval::Rejected => Approval::Rejected,
        (None, Some(false)) => Approval::Pending,
        (None, None) => now,
    }
}
