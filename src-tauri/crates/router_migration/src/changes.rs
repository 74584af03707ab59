//! What is to be written: the plan against the configuration of now. Nothing, when it was applied already.

use crate::{
    plan::{
        Candidate, Decision, MailboxKind, NewEndpoint, NewProfile, Plan, PlannedMailbox, sameness,
        wanted_sameness,
    },
    snapshot::Snapshot,
};
use std::collections::{HashMap, HashSet};
use tandem_domain::{
    address::EmailAddress,
    directory::{DirectoryEntry, DirectoryId},
    ids::{MailboxId, OrganizationId, ProfileId, QueueId, UserId, record_id},
    mailbox::{Approval, DeliveryMethod, Mailbox, MailboxOwner},
    profile::{
        AuthenticateUsing, CertificateTrust, DEFAULT_MAX_CONCURRENT_CONNECTIONS, EmailServerProfile, Endpoint,
    },
    send_limits::SendLimits,
    settings::{DEFAULT_QUEUE_FILTER, DEFAULT_USER_FILTER},
    workload::WorkloadState,
};
use uuid::Uuid;

/// What is to be written, in this order and in one transaction.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Changes {
    /// Profiles to create.
    pub profiles: Vec<EmailServerProfile>,
    /// Users and queues to create.
    pub owners: Vec<DirectoryEntry>,
    /// Forward mailboxes to create.
    pub forward_mailboxes: Vec<Mailbox>,
    /// User and queue mailboxes to create or update.
    pub mailboxes: Vec<MailboxChange>,
    /// Where passwords belong: to be put there when they were recovered, else to be asked for.
    pub passwords: Vec<PasswordPlace>,
    /// Mailboxes that are left as they are, with the reason.
    pub skipped: Vec<Skipped>,
    /// Mailboxes that already are as the plan wants them; by [`PlannedMailbox::id`].
    pub unchanged: Vec<u32>,
}

impl Changes {
    /// Whether nothing is to be written.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.profiles.is_empty()
            && self.owners.is_empty()
            && self.forward_mailboxes.is_empty()
            && self.mailboxes.is_empty()
    }
}

/// A mailbox as it should be.
#[derive(Debug, Clone, PartialEq)]
pub struct MailboxChange {
    /// In [`Plan::mailboxes`].
    pub planned: u32,
    /// Whether it is new.
    pub is_new: bool,
    /// The whole mailbox.
    pub mailbox: Mailbox,
}

/// A place for one password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PasswordPlace {
    /// In [`Plan::credentials`].
    pub credential: u32,
    /// Whose it is.
    pub of: PasswordOf,
}

/// Whose a password is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PasswordOf {
    /// The profile's account.
    Profile(ProfileId),
    /// The mailbox's account.
    Mailbox(MailboxId),
}

/// A mailbox that is not migrated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// In [`Plan::mailboxes`].
    pub planned: u32,
    /// Why, as a sentence.
    pub why: String,
}

/// Why a plan cannot be applied at all. Nothing is written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotApply {
    /// The plan was made for another organization's data.
    #[error("the plan was made for another organization; make it again here")]
    OtherOrganization,
    /// A profile with that name and other settings is here by now.
    #[error("a profile named \"{name}\" with other settings is here already; give the row another name")]
    NameTaken {
        /// The row, in [`Plan::rows`].
        row: u32,
        /// The name.
        name: String,
    },
    /// The profile that a row was to use is gone.
    #[error("the profile \"{name}\" that the plan was to use is gone; make the plan again")]
    ProfileGone {
        /// The row, in [`Plan::rows`].
        row: u32,
        /// Its name.
        name: String,
    },
}

/// What is to be written so that the configuration is as the plan wants it.
///
/// # Errors
/// [`CannotApply`].
pub fn changes(plan: &Plan, snapshot: &Snapshot) -> Result<Changes, CannotApply> {
    if plan.organization != snapshot.organization.0 {
        return Err(CannotApply::OtherOrganization);
    }
    let mut made = Changes::default();
    let profiles = profiles(plan, snapshot, &mut made)?;
    let mut writing = Writing::new(snapshot);
    for planned in &plan.mailboxes {
        let skip = |why: &str| Skipped { planned: planned.id, why: why.to_owned() };
        if let Decision::Skip(why) = &planned.decision {
            made.skipped.push(skip(why));
            continue;
        }
        let candidate = planned.candidates.get(planned.chosen as usize);
        let profile = candidate.and_then(|one| profiles.get(&one.row).map(|profile| (one, profile)));
        let Some((candidate, profile)) = profile else {
            made.skipped.push(skip("Its server profile is not migrated."));
            continue;
        };
        if let Err(why) = writing.mailbox(plan, planned, candidate, profile, &mut made) {
            made.skipped.push(skip(&why));
        }
    }
    Ok(made)
}

/// The profiles of the rows that are migrated; new ones are put into `made`.
fn profiles(
    plan: &Plan,
    snapshot: &Snapshot,
    made: &mut Changes,
) -> Result<HashMap<u32, EmailServerProfile>, CannotApply> {
    let mut found = HashMap::new();
    let by_id: HashMap<Uuid, &EmailServerProfile> =
        snapshot.profiles.iter().map(|one| (one.id.0, one)).collect();
    let by_name: HashMap<String, &EmailServerProfile> =
        snapshot.profiles.iter().map(|one| (one.name.to_lowercase(), one)).collect();
    let mut rows: Vec<u32> = plan.migrated_rows().into_iter().collect();
    rows.sort_unstable();
    for row in rows {
        let Some(new) = plan.rows.get(row as usize).and_then(|row| row.profile()) else { continue };
        let name = || new.name.clone();
        if let Some(id) = new.existing {
            let here = by_id.get(&id).ok_or_else(|| CannotApply::ProfileGone { row, name: name() })?;
            found.insert(row, (*here).clone());
            continue;
        }
        let wanted = profile(new, snapshot.organization);
        let same = |one: &&EmailServerProfile| sameness(one) == wanted_sameness(new);
        let named = by_name.get(&wanted.name.to_lowercase()).copied();
        // Made by an earlier run of the same plan, even when it was renamed or filled in since.
        let here = by_id.get(&wanted.id.0).copied();
        let ours = here.filter(|here| here.description == wanted.description || same(here));
        match (ours.or(named.filter(same)), named) {
            (Some(here), _) => {
                found.insert(row, here.clone());
            }
            (None, None) if here.is_none() => {
                made.profiles.push(wanted.clone());
                if let Some(credential) = new.credential {
                    made.passwords.push(PasswordPlace { credential, of: PasswordOf::Profile(wanted.id) });
                }
                found.insert(row, wanted);
            }
            _ => return Err(CannotApply::NameTaken { row, name: name() }),
        }
    }
    Ok(found)
}

/// The description of migrated profiles, by which a second run recognises them.
const MIGRATED: &str = "Migrated from the Email Router.";

fn profile(new: &NewProfile, organization: OrganizationId) -> EmailServerProfile {
    let end = |end: &NewEndpoint| Endpoint {
        server: end.server.clone(),
        port: end.port,
        security: end.security,
        trust: CertificateTrust::default(),
    };
    EmailServerProfile {
        id: ProfileId(record_id(organization, "profile", &new.name)),
        name: new.name.clone(),
        description: MIGRATED.to_owned(),
        server_type: new.server_type,
        active: true,
        incoming: new.incoming.as_ref().map(end),
        outgoing: new.outgoing.as_ref().map(end),
        authenticate_using: new.authenticate_using,
        user_name: new.user_name.clone(),
        process_emails_from: Some(new.process_emails_from),
        max_concurrent_connections: DEFAULT_MAX_CONCURRENT_CONNECTIONS,
        min_polling_interval_minutes: 0,
        send_limits: SendLimits::default(),
    }
}

struct Writing<'a> {
    organization: OrganizationId,
    owners: HashMap<Uuid, &'a DirectoryEntry>,
    owner_at: HashMap<&'a EmailAddress, &'a DirectoryEntry>,
    mailbox_at: HashMap<&'a EmailAddress, &'a Mailbox>,
    mailbox_of: HashMap<MailboxOwner, &'a Mailbox>,
    taken: HashSet<MailboxOwner>,
}

impl<'a> Writing<'a> {
    fn new(snapshot: &'a Snapshot) -> Self {
        let owners = || snapshot.owners.iter().filter(|one| owner_of(one.id).is_some());
        Self {
            organization: snapshot.organization,
            owners: owners().map(|one| (one.id.uuid(), one)).collect(),
            owner_at: owners().filter_map(|one| one.email.as_ref().map(|email| (email, one))).collect(),
            mailbox_at: snapshot.mailboxes.iter().map(|one| (&one.email, one)).collect(),
            mailbox_of: snapshot.mailboxes.iter().map(|one| (one.owner, one)).collect(),
            taken: HashSet::new(),
        }
    }

    fn mailbox(
        &mut self,
        plan: &Plan,
        planned: &PlannedMailbox,
        candidate: &Candidate,
        profile: &EmailServerProfile,
        made: &mut Changes,
    ) -> Result<(), String> {
        let address = planned.address.as_deref().ok_or("It has no address.")?;
        let email = EmailAddress::parse(address).map_err(|error| format!("{error}."))?;
        let (owner, new_owner) = self.owner(planned, &email)?;
        if !self.taken.insert(owner) {
            return Err("Another mailbox of the plan has the same owner.".to_owned());
        }
        let at = self.mailbox_at.get(&email).copied();
        if let Some(other) = at.filter(|other| other.owner != owner) {
            return Err(format!("{email} belongs to somebody else here by now ({}).", other.id));
        }
        let of_owner = self.mailbox_of.get(&owner).copied();
        // Deciding to migrate an owner that has another mailbox is no decision to rename that one.
        if let Some(other) = of_owner.filter(|other| other.email != email) {
            return Err(format!(
                "Its owner has the mailbox {} here; remap or delete that one first.",
                other.email
            ));
        }
        let wanted = self.wanted(planned, candidate, profile, owner, &email, at);
        if let Some(here) = at {
            if same(here, &wanted) {
                made.unchanged.push(planned.id);
                return Ok(());
            }
            let known = planned.existing.as_ref().filter(|known| known.id == here.id.0);
            let as_planned = known.is_some_and(|known| known.profile == here.profile.map(|id| id.0));
            if !as_planned && here.profile.is_some() {
                return Err(format!("{email} was given another profile since the plan was made."));
            }
        }
        made.owners.extend(new_owner);
        self.password(plan, candidate, profile, &wanted, made);
        if planned.kind == MailboxKind::Forward && at.is_none() {
            made.forward_mailboxes.push(wanted);
        } else {
            made.mailboxes.push(MailboxChange { planned: planned.id, is_new: at.is_none(), mailbox: wanted });
        }
        Ok(())
    }

    fn password(
        &self,
        plan: &Plan,
        candidate: &Candidate,
        profile: &EmailServerProfile,
        wanted: &Mailbox,
        made: &mut Changes,
    ) {
        let known = candidate.credential.filter(|id| (*id as usize) < plan.credentials.len());
        if let Some(credential) =
            known.filter(|_| profile.authenticate_using == AuthenticateUsing::UserOrQueue)
        {
            made.passwords.push(PasswordPlace { credential, of: PasswordOf::Mailbox(wanted.id) });
        }
    }

    /// The owner, and the entry to create when there is none.
    fn owner(
        &self,
        planned: &PlannedMailbox,
        email: &EmailAddress,
    ) -> Result<(MailboxOwner, Option<DirectoryEntry>), String> {
        if let Decision::MatchOwner(wanted) = &planned.decision {
            let here = self.owners.get(&wanted.id).and_then(|entry| owner_of(entry.id));
            return here
                .map(|owner| (owner, None))
                .ok_or_else(|| format!("{} is gone since the plan was made.", wanted.name));
        }
        if let Some(mailbox) = self.mailbox_at.get(email) {
            return Ok((mailbox.owner, None));
        }
        if let Some(owner) = self.owner_at.get(email).and_then(|entry| owner_of(entry.id)) {
            return Ok((owner, None));
        }
        let is_queue = planned.kind != MailboxKind::User;
        let kind = if is_queue { "queue" } else { "user" };
        let id = record_id(self.organization, kind, email.as_str());
        if self.owners.contains_key(&id) {
            return Err(format!("A {kind} made from {email} is here already, with another address by now."));
        }
        let (entry_id, owner) = if is_queue {
            (DirectoryId::Queue(QueueId(id)), MailboxOwner::Queue(QueueId(id)))
        } else {
            (DirectoryId::User(UserId(id)), MailboxOwner::User(UserId(id)))
        };
        let filter = if is_queue { DEFAULT_QUEUE_FILTER } else { DEFAULT_USER_FILTER };
        let entry = DirectoryEntry {
            id: entry_id,
            name: email.as_str().chars().take(160).collect(),
            email: Some(email.clone()),
            other_emails: Vec::new(),
            incoming_filter: Some(filter),
        };
        Ok((owner, Some(entry)))
    }

    fn wanted(
        &self,
        planned: &PlannedMailbox,
        candidate: &Candidate,
        profile: &EmailServerProfile,
        owner: MailboxOwner,
        email: &EmailAddress,
        here: Option<&Mailbox>,
    ) -> Mailbox {
        let used = |side: bool, end: &Option<Endpoint>| {
            // A server that Autodiscover finds is named nowhere.
            let reachable = end.is_some() || profile.server_type.carries_act();
            let ours = side && reachable && planned.kind != MailboxKind::Forward;
            if ours { DeliveryMethod::ServerSideSync } else { DeliveryMethod::None }
        };
        let own_account = profile.authenticate_using == AuthenticateUsing::UserOrQueue;
        let incoming = used(candidate.incoming.is_some(), &profile.incoming);
        let outgoing = used(candidate.outgoing.is_some(), &profile.outgoing);
        // What the router did not do stays as it is here.
        let keep = |method: DeliveryMethod, here: Option<DeliveryMethod>| match (method, here) {
            (DeliveryMethod::None, Some(here)) => here,
            (method, _) => method,
        };
        let state = |of: fn(&Mailbox) -> &WorkloadState| {
            here.map_or_else(WorkloadState::default, |one| of(one).clone())
        };
        Mailbox {
            id: here.map_or_else(
                || MailboxId(record_id(self.organization, "mailbox", email.as_str())),
                |one| one.id,
            ),
            email: email.clone(),
            owner,
            profile: Some(profile.id),
            incoming: keep(incoming, here.map(|one| one.incoming)),
            outgoing: keep(outgoing, here.map(|one| one.outgoing)),
            act: here.map_or(DeliveryMethod::None, |one| one.act),
            approval: here.map_or(Approval::Pending, |one| one.approval),
            approval_rule: here.map(|one| one.approval_rule).unwrap_or_default(),
            user_name: if own_account {
                candidate.user_name.clone()
            } else {
                here.and_then(|one| one.user_name.clone())
            },
            allow_credentials: own_account || here.is_some_and(|one| one.allow_credentials),
            delete_after_processing: planned.delete_after_processing
                && matches!(owner, MailboxOwner::Queue(_)),
            process_emails_from: candidate.incoming.map(|_| planned.process_emails_from),
            incoming_state: state(|one| &one.incoming_state),
            outgoing_state: state(|one| &one.outgoing_state),
            act_state: state(|one| &one.act_state),
        }
    }
}

/// Whether a mailbox is as wanted. Its dates, its approval and its user name may have been changed since; that is kept.
fn same(here: &Mailbox, wanted: &Mailbox) -> bool {
    here.profile == wanted.profile
        && here.owner == wanted.owner
        && here.incoming == wanted.incoming
        && here.outgoing == wanted.outgoing
}

const fn owner_of(id: DirectoryId) -> Option<MailboxOwner> {
    match id {
        DirectoryId::User(id) => Some(MailboxOwner::User(id)),
        DirectoryId::Queue(id) => Some(MailboxOwner::Queue(id)),
        DirectoryId::Contact(_) | DirectoryId::Account(_) | DirectoryId::Lead(_) => None,
    }
}
