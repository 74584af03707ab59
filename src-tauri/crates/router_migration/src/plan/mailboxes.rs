//! Mailboxes of the files against those that are here: who is who, which date counts, what people should decide.

use super::{
    Conflict, ConflictKind, DateSource, Decision, ExistingMailbox, Finding, MailboxKind, MatchedBy, OwnerRef,
    Plan,
    seats::{Seat, SeatKey},
};
use crate::{
    model::{OwnerId, RouterData},
    names::Name,
    snapshot::Snapshot,
    values::Threshold,
};
use chrono::Duration;
use std::collections::HashMap;
use tandem_domain::{
    Instant,
    address::EmailAddress,
    directory::{DirectoryEntry, DirectoryId},
    mailbox::{Mailbox, MailboxOwner},
};
use uuid::Uuid;

/// The configuration by id and by address.
pub(super) struct Here<'a> {
    by_id: HashMap<Uuid, &'a DirectoryEntry>,
    by_address: HashMap<&'a EmailAddress, &'a DirectoryEntry>,
    mailbox_of: HashMap<Uuid, &'a Mailbox>,
    mailbox_at: HashMap<&'a EmailAddress, &'a Mailbox>,
}

impl<'a> Here<'a> {
    pub(super) fn new(snapshot: &'a Snapshot) -> Self {
        let owners = || snapshot.owners.iter().filter(|one| is_owner(one.id));
        let mut by_address = HashMap::new();
        // A primary address counts before an alias.
        for owner in owners() {
            for other in &owner.other_emails {
                by_address.insert(other, owner);
            }
        }
        for owner in owners() {
            by_address.extend(owner.email.as_ref().map(|email| (email, owner)));
        }
        let id_of = |owner: MailboxOwner| match owner {
            MailboxOwner::User(id) => id.0,
            MailboxOwner::Queue(id) => id.0,
        };
        Self {
            by_id: owners().map(|owner| (owner.id.uuid(), owner)).collect(),
            by_address,
            mailbox_of: snapshot.mailboxes.iter().map(|one| (id_of(one.owner), one)).collect(),
            mailbox_at: snapshot.mailboxes.iter().map(|one| (&one.email, one)).collect(),
        }
    }

    /// Ids of owners by address, as the files would name them.
    pub(super) fn ids(&self) -> HashMap<&'a EmailAddress, OwnerId> {
        let mailboxes = self.mailbox_at.iter().map(|(address, mailbox)| {
            let (queue, id) = match mailbox.owner {
                MailboxOwner::User(id) => (false, id.0),
                MailboxOwner::Queue(id) => (true, id.0),
            };
            (*address, OwnerId { queue, id })
        });
        let owners = self.by_address.iter().map(|(address, owner)| (*address, owner_id(owner)));
        owners.chain(mailboxes).collect()
    }
}

const fn is_owner(id: DirectoryId) -> bool {
    matches!(id, DirectoryId::User(_) | DirectoryId::Queue(_))
}

fn owner_id(entry: &DirectoryEntry) -> OwnerId {
    OwnerId { queue: matches!(entry.id, DirectoryId::Queue(_)), id: entry.id.uuid() }
}

fn owner_ref(entry: &DirectoryEntry) -> OwnerRef {
    let OwnerId { queue, id } = owner_id(entry);
    OwnerRef { queue, id, name: entry.name.clone() }
}

/// What the state files say about one address, over all routers.
#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    pub(super) threshold: Threshold,
    pub(super) last_error: Option<Name>,
    /// A provider has its address.
    pub(super) seen: bool,
    /// And its mailbox can be migrated.
    pub(super) used: bool,
}

/// The later date wins, in one file and between routers (ours; \[U\] in the original).
pub(super) fn states(data: &RouterData) -> HashMap<Name, State> {
    let mut found: HashMap<Name, State> = HashMap::new();
    for entry in data.routers.iter().flat_map(|router| &router.state.entries) {
        let Some(address) = entry.address else { continue };
        let new =
            State { threshold: entry.threshold, last_error: entry.last_error, seen: false, used: false };
        found
            .entry(address)
            .and_modify(|known| {
                if rank(new.threshold) > rank(known.threshold) {
                    *known = new;
                }
            })
            .or_insert(new);
    }
    found
}

fn rank(threshold: Threshold) -> (u8, Instant) {
    match threshold {
        Threshold::Missing => (0, Instant::MIN_UTC),
        Threshold::Unreadable => (1, Instant::MIN_UTC),
        Threshold::Never => (2, Instant::MIN_UTC),
        Threshold::At(date) => (3, date),
    }
}

/// Mail received before this is not looked at, and why that date (the reference's section 6.3). The original also refuses dates
/// older than the organization allows (C 0x8005E244); Tandem's settings have no such age, so old dates are pointed out only.
pub(super) fn date(
    threshold: Threshold,
    receives: bool,
    now: Instant,
) -> (Instant, DateSource, Vec<Finding>) {
    let fallback = now - Duration::hours(24);
    if !receives {
        return (fallback, DateSource::NotNeeded, Vec::new());
    }
    let mut findings = Vec::new();
    let mut find =
        |code: &str, text: String| findings.push(Finding { code: code.to_owned(), text, error_code: None });
    let found = match threshold {
        Threshold::At(date) if date <= now => {
            if date < now - Duration::days(14) {
                // C [MIG16]: filters should not pick up data older than two weeks.
                let text = format!(
                    "Its last processed date, {}, is older than two weeks.",
                    date.format("%Y-%m-%d %H:%M UTC")
                );
                find("older_than_two_weeks", text);
            }
            (date, DateSource::LastProcessed)
        }
        Threshold::At(date) => {
            let text = format!(
                "Its last processed date, {}, is in the future; 24 hours back is used.",
                date.format("%Y-%m-%d %H:%M UTC")
            );
            find("date_in_future", text);
            (fallback, DateSource::Future)
        }
        Threshold::Never => {
            find("date_never", "It was never processed, or was reset; 24 hours back is used.".to_owned());
            (fallback, DateSource::Never)
        }
        Threshold::Unreadable => {
            find(
                "date_unreadable",
                "Its last processed date cannot be read; 24 hours back is used.".to_owned(),
            );
            (fallback, DateSource::Unreadable)
        }
        Threshold::Missing => {
            find("date_missing", "The state files have no date for it; 24 hours back is used.".to_owned());
            (fallback, DateSource::Missing)
        }
    };
    (found.0, found.1, findings)
}

/// Who a seat is, here.
pub(super) struct Identity {
    pub(super) kind: MailboxKind,
    pub(super) source_id: Option<Uuid>,
    pub(super) address: Option<EmailAddress>,
    pub(super) found: Option<(OwnerRef, MatchedBy)>,
    pub(super) existing: Option<ExistingMailbox>,
    pub(super) decision: Decision,
    pub(super) conflicts: Vec<(ConflictKind, String)>,
}

/// Matches a seat to what is here, and proposes what to do. `profile` is the existing profile that its row uses.
pub(super) fn identify(
    data: &RouterData,
    here: &Here<'_>,
    key: SeatKey,
    seat: &Seat,
    profile: Option<Uuid>,
) -> Identity {
    let (kind, owner, foreign) = match key {
        SeatKey::Owner { owner, foreign } if owner.queue => (MailboxKind::Queue, Some(owner), foreign),
        SeatKey::Owner { owner, foreign } => (MailboxKind::User, Some(owner), foreign),
        SeatKey::Address { foreign, .. } => (MailboxKind::User, None, foreign),
        SeatKey::Forward { foreign, .. } => (MailboxKind::Forward, None, foreign),
    };
    let written = data.text(seat.address).unwrap_or_default();
    let mut identity = Identity {
        kind,
        source_id: owner.map(|owner| owner.id),
        address: EmailAddress::parse(written).ok(),
        found: None,
        existing: None,
        decision: Decision::CreateOwner,
        conflicts: Vec::new(),
    };
    if foreign.is_some() {
        identity.decision = Decision::Skip("It belongs to another organization.".to_owned());
        return identity;
    }
    let by_id = owner.and_then(|owner| here.by_id.get(&owner.id)).map(|entry| (*entry, MatchedBy::Id));
    let by_address = || {
        let address = identity.address.as_ref()?;
        let through_mailbox = || {
            let owner = match here.mailbox_at.get(address)?.owner {
                MailboxOwner::User(id) => id.0,
                MailboxOwner::Queue(id) => id.0,
            };
            here.by_id.get(&owner)
        };
        here.by_address.get(address).or_else(through_mailbox).map(|entry| (*entry, MatchedBy::Address))
    };
    let found = by_id.or_else(by_address);
    if let Some((entry, by)) = found {
        identity.found = Some((owner_ref(entry), by));
        if identity.address.is_none() {
            let known = here.mailbox_of.get(&entry.id.uuid()).map(|mailbox| &mailbox.email);
            identity.address = known.or(entry.email.as_ref()).cloned();
        }
    }
    let Some(address) = identity.address.clone() else {
        let (text, why) = if written.is_empty() {
            (
                "The files name only its id, nobody here has it, and there is no address to create one from."
                    .to_owned(),
                "There is no address, and nobody here has its id.",
            )
        } else {
            let cut: String = written.chars().take(80).collect();
            (format!("\"{cut}\" is not an email address."), "Its address cannot be used.")
        };
        identity.conflicts.push((
            ConflictKind::NoAddress,
            format!("{text} It is skipped unless you match it to somebody."),
        ));
        identity.decision = Decision::Skip(why.to_owned());
        return identity;
    };
    let at_address = here.mailbox_at.get(&address);
    let of_owner = found.and_then(|(entry, _)| here.mailbox_of.get(&entry.id.uuid()));
    let existing = at_address.or(of_owner);
    identity.existing = existing.map(|mailbox| ExistingMailbox {
        id: mailbox.id.0,
        address: mailbox.email.to_string(),
        profile: mailbox.profile.map(|id| id.0),
    });
    let Some((entry, _)) = found else {
        if kind != MailboxKind::Forward {
            let word = if kind == MailboxKind::Queue { "queue" } else { "user" };
            let text = format!("Nobody here has the address {address}; a {word} is created from it.");
            identity.conflicts.push((ConflictKind::UnknownOwner, text));
        }
        return identity;
    };
    let is_queue = matches!(entry.id, DirectoryId::Queue(_));
    if (kind == MailboxKind::Queue) != is_queue && kind != MailboxKind::Forward {
        let (there, here) = if is_queue { ("user", "queue") } else { ("queue", "user") };
        let text = format!(
            "{address} is a {there} in the router and the {here} {} here; the mailbox stays the {here}'s.",
            entry.name
        );
        identity.conflicts.push((ConflictKind::KindDiffers, text));
    }
    identity.decision = Decision::MatchOwner(owner_ref(entry));
    let other_owner = at_address.is_some_and(|mailbox| of_owner.is_none_or(|own| own.id != mailbox.id));
    let other_address = of_owner.filter(|mailbox| mailbox.email != address);
    let other_profile = existing.filter(|mailbox| mailbox.profile.is_some_and(|id| Some(id.0) != profile));
    let text = if other_owner {
        Some(format!("{address} already is the mailbox of somebody else here, not of {}.", entry.name))
    } else if let Some(mailbox) = other_address {
        Some(format!(
            "{} already has the mailbox {} here; one owner has one mailbox.",
            entry.name, mailbox.email
        ))
    } else {
        other_profile.map(|_| format!("{address} already uses another profile here."))
    };
    if let Some(text) = text {
        identity.conflicts.push((
            ConflictKind::OwnerMapped,
            format!("{text} It is left as it is unless you decide otherwise."),
        ));
        identity.decision = Decision::Skip(text);
    }
    identity
}

/// An address is one mailbox and an owner has one: the first in the files keeps it.
pub(super) fn one_owner_one_mailbox(plan: &mut Plan) {
    let mut addresses: HashMap<String, u32> = HashMap::new();
    let mut owners: HashMap<Uuid, u32> = HashMap::new();
    let mut conflicts = Vec::new();
    for mailbox in &mut plan.mailboxes {
        if matches!(mailbox.decision, Decision::Skip(_)) {
            continue;
        }
        let Some(address) = mailbox.address.clone() else { continue };
        let owner = match &mailbox.decision {
            Decision::MatchOwner(owner) => Some(owner.id),
            _ => None,
        };
        let same_address = addresses.contains_key(&address);
        let same_owner = owner.is_some_and(|owner| owners.contains_key(&owner));
        if same_address || same_owner {
            let text = if same_address {
                format!("The files give {address} to two users or queues; the first one keeps it.")
            } else {
                format!(
                    "{address} and another mailbox of the files belong to the same owner here; the first one is migrated."
                )
            };
            mailbox.decision = Decision::Skip(text.clone());
            conflicts.push(Conflict { mailbox: mailbox.id, kind: ConflictKind::SameAddress, text });
            continue;
        }
        addresses.insert(address, mailbox.id);
        if let Some(owner) = owner {
            owners.insert(owner, mailbox.id);
        }
    }
    plan.conflicts.extend(conflicts);
    plan.conflicts.sort_by_key(|conflict| (conflict.mailbox, conflict.kind));
}
