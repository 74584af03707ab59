//! Applying and undoing an Email Router migration: what is there, what is decided from it and what is written, all in one
//! transaction, so that nothing can change in between and a crash leaves all or nothing.

use crate::{
    ChangeKind, Store,
    configuration::{self, ConfigurationChange, ConfigurationError},
    error::storage_error,
    table::{cycle, directory, mailbox, mailbox_workload, organization, profile, router_migration},
    writer::{Changes, JobError, JobResult},
};
use rusqlite::Connection;
use std::path::PathBuf;
use tandem_domain::{
    Instant, directory::DirectoryEntry, ids::MailboxId, mailbox::Mailbox, profile::EmailServerProfile,
    settings::OrganizationSettings, workload::Workload,
};
use tandem_engine::ports::storage::StorageError;

/// How many users or queues are read at once.
const PAGE: u32 = 2_000;

/// The configuration that a migration looks at, as it was at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfigurationSnapshot {
    /// The organization's settings.
    pub settings: OrganizationSettings,
    /// All profiles, by name.
    pub profiles: Vec<EmailServerProfile>,
    /// All users, then all queues, by name.
    pub owners: Vec<DirectoryEntry>,
    /// All mailboxes, by address.
    pub mailboxes: Vec<Mailbox>,
}

/// What is kept of a migration. Never a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMigration {
    /// SHA-256 of the plan.
    pub plan: String,
    /// The configuration before it, as a file.
    pub export_before: String,
    /// What undoing it takes, in the caller's words.
    pub undo: String,
    /// What came of it, in the caller's words.
    pub result: String,
}

/// A migration that was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedMigration {
    /// When.
    pub applied_at: Instant,
    /// When it was undone.
    pub undone_at: Option<Instant>,
    /// What was kept.
    pub recorded: NewMigration,
}

/// The transaction of a migration. What it wrote is kept when its closure succeeds, else nothing is.
pub struct MigrationWork<'a> {
    connection: &'a Connection,
    told: &'a mut Changes,
    path: PathBuf,
    at: Instant,
}

impl std::fmt::Debug for MigrationWork<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MigrationWork").field("at", &self.at).finish_non_exhaustive()
    }
}

/// Everything here fails with [`StorageError`] when the database does.
impl MigrationWork<'_> {
    /// The configuration as it is now.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn snapshot(&self) -> Result<ConfigurationSnapshot, StorageError> {
        snapshot(self.connection).map_err(|error| self.failed(&error))
    }

    /// The latest migration.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn latest(&self) -> Result<Option<AppliedMigration>, StorageError> {
        router_migration::latest(self.connection).map_err(|error| self.failed(&error))
    }

    /// The first of these mailboxes that a cycle ran for since then.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn cycle_since(
        &self,
        mailboxes: &[MailboxId],
        since: Instant,
    ) -> Result<Option<(MailboxId, Instant)>, StorageError> {
        cycle_since(self.connection, mailboxes, since).map_err(|error| self.failed(&error))
    }

    /// Writes one change.
    ///
    /// # Errors
    /// [`ConfigurationError`].
    pub fn change(&mut self, change: &ConfigurationChange) -> Result<(), ConfigurationError> {
        configuration::apply(self.connection, change, self.at, self.told).map_err(|error| match error {
            JobError::Refused(error) => error,
            JobError::Database(error) => self.failed(&error).into(),
        })
    }

    /// Enables one workload again that was enabled before the migration.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn enable(&mut self, id: MailboxId, workload: Workload) -> Result<(), StorageError> {
        mailbox_workload::set_enabled(self.connection, id, workload, true)
            .map_err(|error| self.failed(&error))
    }

    /// Keeps what was done.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn record(&mut self, new: &NewMigration) -> Result<(), StorageError> {
        router_migration::insert(self.connection, new, self.at).map_err(|error| self.failed(&error))
    }

    /// Marks the latest migration as undone.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn undone(&mut self) -> Result<(), StorageError> {
        router_migration::undone(self.connection, self.at).map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &rusqlite::Error) -> StorageError {
        storage_error(&self.path, error)
    }
}

impl Store {
    /// Runs `work` in one transaction on the writing thread. It is durable when this returns a value; nothing was written
    /// when it returns an error.
    ///
    /// # Errors
    /// Those of `work`, and those of the database.
    pub async fn migrate<T, E>(
        &self,
        at: Instant,
        work: impl FnOnce(&mut MigrationWork<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StorageError> + Send + 'static,
    {
        let path = self.path().to_path_buf();
        self.write(move |connection, told| {
            told.extend([ChangeKind::Configuration, ChangeKind::Schedule]);
            work(&mut MigrationWork { connection, told, path, at }).map_err(JobError::Refused)
        })
        .await
    }

    /// The configuration at one moment.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn configuration_snapshot(&self) -> Result<ConfigurationSnapshot, StorageError> {
        // A read is one transaction, so all of it is of the same moment.
        self.read(|connection| JobResult::Ok(snapshot(connection)?)).await
    }

    /// The latest migration that was applied, undone or not.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn latest_migration(&self) -> Result<Option<AppliedMigration>, StorageError> {
        self.read(|connection| Ok(router_migration::latest(connection)?)).await
    }

    /// The first of these mailboxes that a cycle ran for since then.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn cycle_since(
        &self,
        mailboxes: Vec<MailboxId>,
        since: Instant,
    ) -> Result<Option<(MailboxId, Instant)>, StorageError> {
        self.read(move |connection| Ok(cycle_since(connection, &mailboxes, since)?)).await
    }
}

fn cycle_since(
    connection: &Connection,
    mailboxes: &[MailboxId],
    since: Instant,
) -> rusqlite::Result<Option<(MailboxId, Instant)>> {
    for id in mailboxes {
        if let Some(at) = cycle::first_since(connection, *id, since)? {
            return Ok(Some((*id, at)));
        }
    }
    Ok(None)
}

fn snapshot(connection: &Connection) -> rusqlite::Result<ConfigurationSnapshot> {
    let mut owners: Vec<DirectoryEntry> = Vec::new();
    for kind in ["user", "queue"] {
        let mut after: Option<DirectoryEntry> = None;
        loop {
            let page = directory::page(connection, kind, "", after.as_ref(), PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some(last.clone());
            owners.extend(page);
        }
    }
    Ok(ConfigurationSnapshot {
        settings: organization::settings(connection)?,
        profiles: profile::all(connection)?,
        owners,
        mailboxes: mailbox::all(connection)?,
    })
}
