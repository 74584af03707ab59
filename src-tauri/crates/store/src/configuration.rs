//! Changes of the configuration: many at once, all or none.

use crate::{
    ChangeKind, Store,
    codec::{owner_id, owner_kind},
    port::probe_now,
    table::{
        alert_settings, directory, email, mailbox, mailbox_workload, organization, profile, profile_alert,
        schedule,
    },
    writer::{Changes, JobError, JobResult},
};
use chrono::Duration;
use rusqlite::Connection;
use tandem_domain::{
    Instant,
    alert::AlertObject,
    alert_rules::{AlertSettings, ProfileAlerts},
    breaker::Asked,
    directory::{DirectoryEntry, DirectoryId},
    ids::{MailboxId, ProfileId},
    mailbox::{Approval, Mailbox, MailboxOwner},
    profile::EmailServerProfile,
    settings::OrganizationSettings,
    workload::Workload,
};
use tandem_engine::ports::storage::StorageError;

/// One change.
#[derive(Debug, Clone, PartialEq)]
pub enum ConfigurationChange {
    /// The organization's settings.
    Settings(OrganizationSettings),
    /// Which alerts are raised, for whom, and how long cleared ones are kept.
    Alerts(AlertSettings),
    /// A profile's owner, and whether they get an email about its trouble.
    ProfileAlerts(ProfileId, ProfileAlerts),
    /// Creates or updates a profile.
    Profile(EmailServerProfile),
    /// Creates or updates a user, queue, contact, account or lead.
    Entry(DirectoryEntry),
    /// Creates or updates a mailbox. The states of its workloads stay as they are in the store; another address or
    /// another owner puts its approval back to pending and needs a new test.
    Mailbox(Box<Mailbox>),
    /// Approves, rejects, or takes an approval back.
    Approve(MailboxId, Approval),
    /// Disables one workload of a mailbox, or all.
    Disable(MailboxId, Option<Workload>),
    /// Gives a mailbox to another owner.
    Remap {
        /// The mailbox.
        mailbox: MailboxId,
        /// Its new owner.
        to: MailboxOwner,
    },
    /// Deletes a profile that no mailbox uses.
    DeleteProfile(ProfileId),
    /// Deletes a record that owns no mailbox. Emails keep its name.
    DeleteEntry(DirectoryId),
    /// Deletes a mailbox without unsent emails. Its emails and its ledger stay.
    DeleteMailbox(MailboxId),
}

/// After another policy was chosen, a mailbox runs within so many minutes, whatever the earlier policy planned.
const RHYTHM_CHANGE_MINUTES: u16 = 5;

/// Why a set of changes was not applied. None of them was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigurationError {
    /// The owner has another mailbox: one owner, one mailbox.
    #[error(
        "{owner} already has the mailbox {mailbox}; one owner has one mailbox: remap or delete that one first"
    )]
    OwnerHasMailbox {
        /// The owner's name.
        owner: String,
        /// The address of its mailbox.
        mailbox: String,
    },
    /// The address belongs to another mailbox.
    #[error(
        "the address {address} already is the mailbox of {owner}; one address is one mailbox: remap it instead"
    )]
    AddressTaken {
        /// The address.
        address: String,
        /// The name of the other mailbox's owner.
        owner: String,
    },
    /// Another profile has the name.
    #[error("another profile is already named \"{name}\"; choose another name")]
    NameTaken {
        /// The name, as the other profile spells it.
        name: String,
    },
    /// Something still uses it.
    #[error("{what} is still used by {by}")]
    InUse {
        /// What was to be deleted.
        what: String,
        /// Who uses it.
        by: String,
    },
    /// It refers to a record that does not exist.
    #[error("{what} does not exist")]
    Missing {
        /// The record.
        what: String,
    },
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// What one change gives.
pub(crate) type Applied = JobResult<(), ConfigurationError>;

impl Store {
    /// Applies changes in their order and in one transaction: all, or none and the first error.
    ///
    /// # Errors
    /// [`ConfigurationError`].
    pub async fn apply(
        &self,
        changes: Vec<ConfigurationChange>,
        at: Instant,
    ) -> Result<(), ConfigurationError> {
        self.write(move |connection, told| {
            for change in &changes {
                apply(connection, change, at, told)?;
            }
            told.extend([ChangeKind::Configuration, ChangeKind::Schedule]);
            Ok(())
        })
        .await
    }
}

/// Applies one change inside the caller's transaction.
pub(crate) fn apply(
    connection: &Connection,
    change: &ConfigurationChange,
    at: Instant,
    told: &mut Changes,
) -> Applied {
    match change {
        ConfigurationChange::Settings(settings) => update_settings(connection, settings, at)?,
        ConfigurationChange::Alerts(settings) => alert_settings::update(connection, settings)?,
        ConfigurationChange::ProfileAlerts(id, alerts) => profile_alert::upsert(connection, *id, alerts)?,
        ConfigurationChange::Profile(profile) => upsert_profile(connection, profile, at)?,
        ConfigurationChange::Entry(entry) => directory::upsert(connection, entry)?,
        ConfigurationChange::Mailbox(mailbox) => upsert_mailbox(connection, mailbox)?,
        ConfigurationChange::Approve(id, approval) => {
            find(connection, *id)?;
            mailbox::set_approval(connection, *id, *approval)?;
        }
        ConfigurationChange::Disable(id, workload) => {
            find(connection, *id)?;
            for one in Workload::ALL.into_iter().filter(|one| workload.is_none_or(|only| only == *one)) {
                mailbox_workload::set_enabled(connection, *id, one, false)?;
            }
        }
        ConfigurationChange::Remap { mailbox, to } => {
            let remapped = Mailbox { owner: *to, ..find(connection, *mailbox)? };
            upsert_mailbox(connection, &remapped)?;
        }
        ConfigurationChange::DeleteProfile(id) => delete_profile(connection, *id, at, told)?,
        ConfigurationChange::DeleteEntry(id) => delete_entry(connection, *id)?,
        ConfigurationChange::DeleteMailbox(id) => delete_mailbox(connection, *id, at, told)?,
    }
    Ok(())
}

/// What is due later than another rhythm would have it is brought forward: nobody waits for hours for a faster policy.
fn update_settings(connection: &Connection, settings: &OrganizationSettings, at: Instant) -> Applied {
    let before = organization::settings(connection)?;
    organization::update(connection, settings)?;
    let rhythm = |settings: &OrganizationSettings| (settings.frequency, settings.cycle_interval_minutes);
    if rhythm(&before) != rhythm(settings) {
        let minutes = settings.cycle_interval_minutes.unwrap_or(RHYTHM_CHANGE_MINUTES);
        let soon = at + Duration::minutes(minutes.min(RHYTHM_CHANGE_MINUTES).into());
        schedule::bring_forward(connection, at, soon)?;
    }
    Ok(())
}

fn upsert_profile(connection: &Connection, wanted: &EmailServerProfile, at: Instant) -> Applied {
    if let Some(other) = profile::id_by_name(connection, &wanted.name)?
        && other != wanted.id
    {
        let name = profile::get(connection, other)?.map_or_else(|| wanted.name.clone(), |found| found.name);
        return refuse(ConfigurationError::NameTaken { name });
    }
    let before = profile::get(connection, wanted.id)?;
    profile::upsert(connection, wanted)?;
    if before.is_some_and(|before| before != *wanted) {
        // Perhaps it was mended: whoever waits for its server need not wait for the next probe.
        probe_now(connection, Some(wanted.id), Asked::ByPerson, at)?;
    }
    Ok(())
}

fn upsert_mailbox(connection: &Connection, wanted: &Mailbox) -> Applied {
    let Some(owner) = directory::get(connection, owner_id(wanted.owner))?
        .filter(|entry| entry.id.kind() == owner_kind(wanted.owner))
    else {
        let what = format!("the owner of the mailbox {} ({})", wanted.email, owner_kind(wanted.owner));
        return refuse(ConfigurationError::Missing { what });
    };
    if let Some(profile) = wanted.profile
        && profile::get(connection, profile)?.is_none()
    {
        let what = format!("the profile of the mailbox {}", wanted.email);
        return refuse(ConfigurationError::Missing { what });
    }
    if let Some(other) = mailbox::by_address(connection, &wanted.email)?
        && other.id != wanted.id
    {
        let owner = directory::name(connection, owner_id(other.owner))?.unwrap_or_default();
        let address = wanted.email.to_string();
        return refuse(ConfigurationError::AddressTaken { address, owner });
    }
    if let Some(other) = mailbox::by_owner(connection, wanted.owner)?
        && other.id != wanted.id
    {
        let mailbox = other.email.to_string();
        return refuse(ConfigurationError::OwnerHasMailbox { owner: owner.name, mailbox });
    }
    let before = mailbox::get(connection, wanted.id)?;
    mailbox::upsert(connection, wanted)?;
    schedule::create(connection, wanted.id)?;
    // What was approved and proved was another address, or for another owner.
    if before.is_some_and(|before| before.email != wanted.email || before.owner != wanted.owner) {
        mailbox::set_approval(connection, wanted.id, Approval::Pending)?;
        mailbox_workload::reset(connection, wanted.id)?;
    }
    Ok(())
}

fn delete_profile(connection: &Connection, id: ProfileId, at: Instant, told: &mut Changes) -> Applied {
    let Some(found) = profile::get(connection, id)? else {
        return refuse(ConfigurationError::Missing { what: format!("profile {id}") });
    };
    if let Some(user) = mailbox::by_profile(connection, id)? {
        let (what, by) = (format!("profile \"{}\"", found.name), format!("the mailbox {}", user.email));
        return refuse(ConfigurationError::InUse { what, by });
    }
    profile::delete(connection, id)?;
    clear_alerts(connection, AlertObject::Profile(id), at, told)
}

fn delete_entry(connection: &Connection, id: DirectoryId) -> Applied {
    let Some(found) = directory::get(connection, id.uuid())?.filter(|found| found.id == id) else {
        return refuse(ConfigurationError::Missing { what: format!("{} {}", id.kind(), id.uuid()) });
    };
    let owner = match id {
        DirectoryId::User(id) => Some(MailboxOwner::User(id)),
        DirectoryId::Queue(id) => Some(MailboxOwner::Queue(id)),
        DirectoryId::Contact(_) | DirectoryId::Account(_) | DirectoryId::Lead(_) => None,
    };
    if let Some(owner) = owner
        && let Some(user) = mailbox::by_owner(connection, owner)?
    {
        let (what, by) = (format!("{} \"{}\"", id.kind(), found.name), format!("the mailbox {}", user.email));
        return refuse(ConfigurationError::InUse { what, by });
    }
    directory::delete(connection, id)?;
    Ok(())
}

fn delete_mailbox(connection: &Connection, id: MailboxId, at: Instant, told: &mut Changes) -> Applied {
    let found = find(connection, id)?;
    let unsent = email::unsent(connection, id)?;
    if unsent > 0 {
        let (what, by) =
            (format!("the mailbox {}", found.email), format!("{unsent} emails that are not sent yet"));
        return refuse(ConfigurationError::InUse { what, by });
    }
    mailbox::delete(connection, id)?;
    for workload in Workload::ALL {
        clear_alerts(connection, AlertObject::Mailbox(id, workload), at, told)?;
    }
    Ok(())
}

fn clear_alerts(connection: &Connection, object: AlertObject, at: Instant, told: &mut Changes) -> Applied {
    if crate::table::alert::clear_deleted(connection, object, at)? > 0 {
        told.push(ChangeKind::Alert);
    }
    Ok(())
}

fn find(connection: &Connection, id: MailboxId) -> JobResult<Mailbox, ConfigurationError> {
    match mailbox::get(connection, id)? {
        Some(found) => Ok(found),
        None => refuse(ConfigurationError::Missing { what: format!("mailbox {id}") }),
    }
}

fn refuse<T>(error: ConfigurationError) -> JobResult<T, ConfigurationError> {
    Err(JobError::Refused(error))
}
