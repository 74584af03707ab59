//! Provenance: what became of every field of every file, with router, file and line.

use crate::{
    agent::OVERRIDABLE,
    error::FileKind,
    leaf::Leaf,
    model::{Field, ProviderRef, Reading, Router, RouterData},
    names::Name,
    plan::{CredentialState, Obstacle},
    values::Threshold,
};
use serde::{Deserialize, Serialize};
use std::{collections::HashMap, sync::Arc};
use tandem_domain::Instant;

/// What became of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Its value is in the plan.
    Taken,
    /// Its value is in the plan in another form, or another value is there because of it.
    Changed,
    /// It is not migrated.
    Dropped,
    /// Its value could not be read.
    Unreadable,
}

impl Fate {
    /// The word for tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Changed => "changed",
            Self::Dropped => "dropped",
            Self::Unreadable => "unreadable",
        }
    }
}

/// How many fields had which fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProvenanceCounts {
    /// Of all files.
    pub fields: u32,
    /// [`Fate::Taken`].
    pub taken: u32,
    /// [`Fate::Changed`].
    pub changed: u32,
    /// [`Fate::Dropped`].
    pub dropped: u32,
    /// [`Fate::Unreadable`].
    pub unreadable: u32,
}

/// One field and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The router's number.
    pub router: u8,
    /// The file.
    pub file: FileKind,
    /// The line, 1-based.
    pub line: u32,
    /// The element or attribute (`@name`).
    pub field: String,
    /// Its value as compared; `None` for secrets and for what is not known.
    pub value: Option<String>,
    /// What became of it.
    pub fate: Fate,
    /// Where it went, or why not.
    pub target: String,
}

/// What the plan made of one provider.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProviderFate {
    /// The rows that it is part of.
    pub(crate) rows: Vec<u32>,
    /// Its settings are in the profile of at least one of them.
    pub(crate) kept: bool,
    /// Why it is left out.
    pub(crate) obstacle: Option<Obstacle>,
    /// Deleting after processing is taken over.
    pub(crate) delete_kept: bool,
    /// What became of its password.
    pub(crate) password: Option<CredentialState>,
}

/// The provenance of a plan, as it was made. Asks the files' content on demand, so that it costs no memory.
#[derive(Debug)]
pub struct Provenance {
    data: Arc<RouterData>,
    /// By router and provider.
    fates: Vec<Vec<ProviderFate>>,
    /// The date that counts, by address, for addresses that a provider has.
    dates: HashMap<Name, Threshold>,
    now: Instant,
}

enum Target<'a> {
    Static(&'static str),
    Obstacle(&'a Obstacle),
}

type Judged<'a> = (Fate, Target<'a>);

const fn judged<'a>(fate: Fate, text: &'static str) -> Judged<'a> {
    (fate, Target::Static(text))
}

impl Provenance {
    pub(crate) const fn new(
        data: Arc<RouterData>,
        fates: Vec<Vec<ProviderFate>>,
        dates: HashMap<Name, Threshold>,
        now: Instant,
    ) -> Self {
        Self { data, fates, dates, now }
    }

    /// Every field of every file, by router, then key, state and agent file, then line.
    pub fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        self.judge_all().map(|(router, file, field, judged)| self.entry(router, file, field, judged))
    }

    /// The fields of the providers of one row.
    pub fn of_row(&self, row: u32) -> impl Iterator<Item = Entry> + '_ {
        let routers = (0_u8..).zip(&self.data.routers);
        routers.flat_map(move |(index, router)| {
            (0_u32..).zip(&router.agent.providers).flat_map(move |(provider, found)| {
                let at = ProviderRef { router: index, provider };
                let fate = self.fate(at).filter(|fate| fate.rows.contains(&row));
                let range = found.fields.start as usize..found.fields.end as usize;
                let fields = router.agent.fields.get(range).unwrap_or_default();
                fate.into_iter().flat_map(move |fate| {
                    fields.iter().map(move |field| {
                        self.entry(router.number, FileKind::Agent, field, self.judge_provider(field, fate))
                    })
                })
            })
        })
    }

    /// How many fields had which fate.
    #[must_use]
    pub fn counts(&self) -> ProvenanceCounts {
        let mut counts = ProvenanceCounts::default();
        for (_, _, _, (fate, _)) in self.judge_all() {
            counts.fields += 1;
            match fate {
                Fate::Taken => counts.taken += 1,
                Fate::Changed => counts.changed += 1,
                Fate::Dropped => counts.dropped += 1,
                Fate::Unreadable => counts.unreadable += 1,
            }
        }
        counts
    }

    fn fate(&self, at: ProviderRef) -> Option<&ProviderFate> {
        self.fates.get(usize::from(at.router))?.get(at.provider as usize)
    }

    fn entry(&self, router: u8, file: FileKind, field: &Field, (fate, target): Judged<'_>) -> Entry {
        let value = self.data.text(field.value).map(str::to_owned);
        let target = match target {
            Target::Static(text) => text.to_owned(),
            Target::Obstacle(obstacle) => format!("the provider is left out: {obstacle}"),
        };
        let field_name = self.data.names.get(field.name).to_owned();
        Entry { router, file, line: field.line, field: field_name, value, fate, target }
    }

    fn judge_all(&self) -> impl Iterator<Item = (u8, FileKind, &Field, Judged<'_>)> + '_ {
        (0_u8..).zip(&self.data.routers).flat_map(move |(index, router)| {
            let number = router.number;
            let key =
                router.key_fields.iter().map(move |field| (number, FileKind::Key, field, judge_key(field)));
            key.chain(self.judge_state(router)).chain(self.judge_agent(index, router))
        })
    }

    fn judge_state<'a>(
        &'a self,
        router: &'a Router,
    ) -> impl Iterator<Item = (u8, FileKind, &'a Field, Judged<'a>)> + 'a {
        let mut entries = router.state.entries.iter().peekable();
        (0_u32..).zip(&router.state.fields).map(move |(index, field)| {
            while entries.next_if(|entry| entry.fields.end <= index).is_some() {}
            let entry = entries.peek().filter(|entry| entry.fields.contains(&index));
            let judged = match (field.leaf, entry) {
                _ if field.reading == Reading::Unreadable => judge_unreadable(field.leaf),
                (Leaf::LastError, _) => judged(Fate::Dropped, "shown as information only"),
                (Leaf::StateAddress | Leaf::Threshold, Some(entry)) => self.judge_date(field.leaf, entry),
                (Leaf::Threshold, None) => judged(Fate::Dropped, "no address says whose date it is"),
                _ => judged(Fate::Dropped, "not known; only kept by the router itself"),
            };
            (router.number, FileKind::State, field, judged)
        })
    }

    fn judge_date(&self, leaf: Leaf, entry: &crate::model::StateEntry) -> Judged<'_> {
        let Some(counts) = entry.address.and_then(|address| self.dates.get(&address)) else {
            return judged(Fate::Dropped, "no provider that is migrated has this address");
        };
        if leaf == Leaf::StateAddress {
            return judged(Fate::Taken, "mailbox: whose last processed date it is");
        }
        match entry.threshold {
            own if own != *counts => {
                judged(Fate::Dropped, "another entry of the same address has a later date")
            }
            Threshold::At(date) if date > self.now => {
                judged(Fate::Changed, "mailbox: 24 hours back, because the date is in the future")
            }
            Threshold::At(_) => judged(Fate::Taken, "mailbox: process emails from"),
            Threshold::Never => {
                judged(Fate::Changed, "mailbox: 24 hours back, because it was never processed or was reset")
            }
            Threshold::Missing => judged(Fate::Changed, "mailbox: 24 hours back, because there is no date"),
            Threshold::Unreadable => judge_unreadable(leaf),
        }
    }

    fn judge_agent<'a>(
        &'a self,
        index: u8,
        router: &'a Router,
    ) -> impl Iterator<Item = (u8, FileKind, &'a Field, Judged<'a>)> + 'a {
        let mut providers = (0_u32..).zip(&router.agent.providers).peekable();
        (0_u32..).zip(&router.agent.fields).map(move |(number, field)| {
            while providers.next_if(|(_, provider)| provider.fields.end <= number).is_some() {}
            let provider = providers.peek().filter(|(_, provider)| provider.fields.contains(&number));
            let judged = match provider {
                Some((provider, _)) => match self.fate(ProviderRef { router: index, provider: *provider }) {
                    Some(fate) => self.judge_provider(field, fate),
                    None => judged(Fate::Dropped, "no user or queue uses the provider"),
                },
                None => judge_service(field),
            };
            (router.number, FileKind::Agent, field, judged)
        })
    }

    fn judge_provider<'a>(&'a self, field: &Field, fate: &'a ProviderFate) -> Judged<'a> {
        match field.reading {
            Reading::Unreadable => return judge_unreadable(field.leaf),
            Reading::Repeated => {
                return judged(Fate::Dropped, "given again later in the same provider; the last one counts");
            }
            Reading::Fine => {}
        }
        if let Some(obstacle) = &fate.obstacle {
            return (Fate::Dropped, Target::Obstacle(obstacle));
        }
        match field.leaf {
            Leaf::Unknown => return judged(Fate::Dropped, "not known"),
            Leaf::CrmSignIn | Leaf::CrmPassword => {
                return judged(Fate::Dropped, "how the router signed in to the CRM is never migrated");
            }
            _ if fate.rows.is_empty() => return judged(Fate::Dropped, "no user or queue uses the provider"),
            _ => {}
        }
        let empty = field.value.is_some() && self.data.text(field.value).is_none();
        if empty {
            return judged(Fate::Dropped, "it is empty");
        }
        judge_used(field.leaf, fate, self.data.text(field.value).unwrap_or_default())
    }
}

/// A field of a provider that a row has.
fn judge_used<'a>(leaf: Leaf, fate: &ProviderFate, value: &str) -> Judged<'a> {
    let is_true = || crate::values::boolean(value) == Some(true);
    match leaf {
        Leaf::Class | Leaf::Protocol | Leaf::ExchangeVersion => judged(Fate::Taken, "profile: server type"),
        Leaf::Direction => judged(Fate::Taken, "profile: incoming or outgoing side"),
        Leaf::CrmUrl => judged(Fate::Taken, "compared: the provider is this organization's"),
        Leaf::Address => judged(Fate::Taken, "mailbox: address"),
        Leaf::UserId => judged(Fate::Taken, "mailbox: the user that it belongs to"),
        Leaf::QueueId => judged(Fate::Taken, "mailbox: the queue that it belongs to"),
        Leaf::ForwardMailbox => judged(Fate::Taken, "mailbox: whether it is a forward mailbox"),
        Leaf::Assembly => judged(Fate::Dropped, "Tandem has its own connections"),
        Leaf::AccessType => judged(Fate::Dropped, "Tandem does not send on behalf of others"),
        Leaf::DeleteEmails if is_true() && !fate.delete_kept => {
            judged(Fate::Dropped, "mail of a user's mailbox is never deleted after processing (0x8005E233)")
        }
        Leaf::DeleteEmails => judged(Fate::Taken, "mailbox: delete emails after processing"),
        Leaf::MoveEmails => {
            judged(Fate::Dropped, "undeliverable mail stays where it is; Tandem has no such setting")
        }
        Leaf::Timeout => judged(Fate::Dropped, "Tandem has its own time limits"),
        Leaf::Polling => judged(Fate::Dropped, "the organization's cycle interval decides"),
        Leaf::Expiry => judged(Fate::Dropped, "Process Emails From decides which mail is looked at"),
        Leaf::Attempts => judged(Fate::Dropped, "the organization's settings have the number of attempts"),
        Leaf::Tuning => judged(Fate::Dropped, "Tandem paces its work itself"),
        Leaf::Password => match &fate.password {
            Some(CredentialState::Recovered) => judged(Fate::Taken, "password, to the keychain"),
            Some(CredentialState::EnterAgain(_)) => {
                judged(Fate::Unreadable, "password: must be entered again")
            }
            _ => judged(Fate::Dropped, "the new profile signs in without it"),
        },
        Leaf::User
        | Leaf::AuthMode
        | Leaf::Server
        | Leaf::Port
        | Leaf::UseSsl
        | Leaf::AutoDiscover
        | Leaf::AccessCredentials
        | Leaf::UserType
            if !fate.kept =>
        {
            judged(Fate::Dropped, "the new profile uses the other side's server for both directions")
        }
        Leaf::User => judged(Fate::Taken, "mailbox or profile: user name"),
        Leaf::AuthMode | Leaf::AccessCredentials | Leaf::UserType => {
            judged(Fate::Changed, "profile: authenticate using; the mechanism is agreed with the server")
        }
        Leaf::Server if crate::plan::is_bare_host(value) => judged(Fate::Taken, "profile: server"),
        Leaf::Server => judged(Fate::Changed, "profile: server, as a host name"),
        Leaf::Port => judged(Fate::Taken, "profile: port"),
        Leaf::UseSsl => judged(Fate::Changed, "profile: security"),
        Leaf::AutoDiscover => judged(Fate::Changed, "profile: no server is named"),
        _ => judged(Fate::Dropped, "not known"),
    }
}

fn judge_service<'a>(field: &Field) -> Judged<'a> {
    match field.leaf {
        Leaf::Service => judged(Fate::Dropped, "a setting of the router's service; Tandem has its own"),
        leaf if OVERRIDABLE.contains(&leaf) => {
            judged(Fate::Changed, "used for every provider without a value of its own")
        }
        Leaf::Attempts => judged(Fate::Dropped, "the organization's settings have the number of attempts"),
        Leaf::Tuning | Leaf::Timeout | Leaf::Polling => judged(Fate::Dropped, "Tandem paces its work itself"),
        Leaf::CrmSignIn | Leaf::CrmPassword => {
            judged(Fate::Dropped, "how the router signed in to the CRM is never migrated")
        }
        Leaf::Unknown => judged(Fate::Dropped, "not known"),
        _ => judged(Fate::Dropped, "it says nothing outside a provider"),
    }
}

const fn judge_key<'a>(field: &Field) -> Judged<'a> {
    match (field.leaf, field.reading) {
        (Leaf::Scheme, _) => judged(Fate::Taken, "how passwords are decrypted"),
        (_, Reading::Unreadable) => judged(Fate::Unreadable, "too long for a key"),
        (Leaf::Unknown, _) => judged(Fate::Dropped, "it is empty"),
        _ => judged(Fate::Dropped, "only used to decrypt passwords; never kept"),
    }
}

const fn judge_unreadable<'a>(leaf: Leaf) -> Judged<'a> {
    let text = match leaf {
        Leaf::Port => "not a port from 1 to 65535; the protocol's own is used",
        Leaf::UserId | Leaf::QueueId => "not an id; nobody is added",
        Leaf::UseSsl | Leaf::DeleteEmails | Leaf::ForwardMailbox | Leaf::AutoDiscover => {
            "neither yes nor no; taken as absent"
        }
        Leaf::Threshold => "not a date; 24 hours back is used",
        Leaf::StateAddress => "not an address",
        _ => "too long; taken as absent",
    };
    judged(Fate::Unreadable, text)
}
