//! Users, queues, contacts, accounts and leads of a configuration file.

use super::{Context, values};
use crate::configuration::{
    file::{File, RawEntry},
    problem::Problems,
};
use std::collections::{BTreeSet, HashMap};
use tandem_domain::{
    address::EmailAddress,
    directory::{DirectoryEntry, DirectoryId},
    ids::record_id,
    settings::{DEFAULT_QUEUE_FILTER, DEFAULT_USER_FILTER, IncomingFilter},
};
use toml::Spanned;
use uuid::Uuid;

pub(super) fn check(file: &File, context: &Context<'_>, problems: &mut Problems<'_>) -> Vec<DirectoryEntry> {
    let current = Index::of(&context.current.entries);
    let mut entries = Vec::new();
    let mut seen = BTreeSet::new();
    for (kind, raws) in [
        ("user", &file.users),
        ("queue", &file.queues),
        ("contact", &file.contacts),
        ("account", &file.accounts),
        ("lead", &file.leads),
    ] {
        for raw in raws {
            let Some(entry) = entry(kind, raw, context, &current, problems) else {
                continue;
            };
            if !seen.insert(entry.id) {
                let object = format!("{kind} {}", entry.name);
                let remedy = "Remove one of them, or give it another address.";
                problems.add(raw.span(), &object, "It stands twice in the file.", remedy);
            }
            entries.push(entry);
        }
    }
    entries
}

/// Current entries by what a file names them by.
struct Index<'a> {
    by_email: HashMap<(&'static str, &'a str), &'a DirectoryEntry>,
    by_name: HashMap<(&'static str, String), &'a DirectoryEntry>,
    ids: BTreeSet<Uuid>,
}

impl<'a> Index<'a> {
    fn of(entries: &'a [DirectoryEntry]) -> Self {
        let by_email = entries
            .iter()
            .filter_map(|entry| Some(((entry.id.kind(), entry.email.as_ref()?.as_str()), entry)))
            .collect();
        let by_name =
            entries.iter().map(|entry| ((entry.id.kind(), entry.name.to_lowercase()), entry)).collect();
        Self { by_email, by_name, ids: entries.iter().map(|entry| entry.id.uuid()).collect() }
    }

    /// The entry with that address; without one in the file, or when the entry had none yet, the one with that name.
    fn find(
        &self,
        kind: &'static str,
        name: &str,
        email: Option<&EmailAddress>,
    ) -> Option<&'a DirectoryEntry> {
        let by_email = email.and_then(|email| self.by_email.get(&(kind, email.as_str())));
        by_email.copied().or_else(|| {
            let named = self.by_name.get(&(kind, name.to_lowercase())).copied()?;
            (email.is_none() || named.email.is_none()).then_some(named)
        })
    }
}

fn entry(
    kind: &'static str,
    spanned: &Spanned<RawEntry>,
    context: &Context<'_>,
    current: &Index<'_>,
    problems: &mut Problems<'_>,
) -> Option<DirectoryEntry> {
    let raw = spanned.get_ref();
    let object = format!("{kind} {}", raw.name.get_ref().trim());
    let name = values::name(&raw.name, &object, 160, problems)?;
    let email = match &raw.email {
        Some(text) => Some(values::address(text, &object, problems)?),
        None => None,
    };
    let found = current.find(kind, &name, email.as_ref());
    let key = email.as_ref().map_or_else(|| name.clone(), ToString::to_string);
    let id = found.map_or_else(
        || {
            let id = record_id(context.current.organization, kind, &key);
            if current.ids.contains(&id) { Uuid::new_v4() } else { id }
        },
        |found| found.id.uuid(),
    );
    let other_emails = match &raw.other_emails {
        Some(texts) => {
            let mut others: Vec<_> =
                texts.iter().filter_map(|text| values::address(text, &object, problems)).collect();
            others.retain(|other| Some(other) != email.as_ref());
            let mut seen = BTreeSet::new();
            others.retain(|other| seen.insert(other.clone()));
            others
        }
        None => found.map_or_else(Vec::new, |found| found.other_emails.clone()),
    };
    Some(DirectoryEntry {
        id: DirectoryId::from_parts(kind, id)?,
        name,
        email: email.or_else(|| found.and_then(|found| found.email.clone())),
        other_emails,
        incoming_filter: filter(kind, raw, &object, found, problems),
    })
}

fn filter(
    kind: &str,
    raw: &RawEntry,
    object: &str,
    found: Option<&DirectoryEntry>,
    problems: &mut Problems<'_>,
) -> Option<IncomingFilter> {
    let default = match kind {
        "user" => DEFAULT_USER_FILTER,
        "queue" => DEFAULT_QUEUE_FILTER,
        _ => {
            if let Some(text) = &raw.incoming_filter {
                let remedy = "Remove the line; only users and queues own mailboxes.";
                problems.add(text.span(), object, "It has an incoming_filter.", remedy);
            }
            return None;
        }
    };
    values::word(
        raw.incoming_filter.as_ref(),
        object,
        "incoming_filter",
        &IncomingFilter::ALL,
        IncomingFilter::as_str,
        problems,
    )
    .or_else(|| found.and_then(|found| found.incoming_filter))
    .or(Some(default))
}
