//! What shells read besides the ports: lists, pages and details.

use super::{
    activities::{load, not_there},
    not_found,
};
use crate::{
    Store,
    codec::owner_id,
    table::{
        alert, cycle, directory, email, folder, ledger, mailbox, mailbox_workload, profile, quarantine,
        raw_message::{RawReader, WriteError},
        schedule, test_rung,
    },
    view::{
        AlertState, CycleEntry, EmailDetail, EmailFilter, EmailSummary, HomeCounts, LedgerEntry,
        LedgerFilter, MailboxView, QuarantineEntry, TestLadder, WorkloadView,
    },
};
use rusqlite::Connection;
use std::io::{self, Write};
use tandem_domain::{
    Instant,
    address::EmailAddress,
    alert::{Alert, AlertLevel},
    directory::{DirectoryEntry, DirectoryId},
    ids::{AlertId, EmailId, MailboxId, ProfileId, QuarantineId},
    ledger::{Decision, ServerIdentity},
    mailbox::Mailbox,
    profile::EmailServerProfile,
    workload::Workload,
};
use tandem_engine::{ports::storage::StorageError, raw::RawMessage};

/// All of these fail only when the database does, or, where one record is asked for, with `NotFound`.
impl Store {
    /// All profiles by name.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn list_profiles(&self) -> Result<Vec<EmailServerProfile>, StorageError> {
        self.read(|connection| Ok(profile::all(connection)?)).await
    }

    /// The profile with this name, without case.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn profile_by_name(&self, name: &str) -> Result<Option<EmailServerProfile>, StorageError> {
        let name = name.to_owned();
        self.read(move |connection| match profile::id_by_name(connection, &name)? {
            Some(id) => Ok(profile::get(connection, id)?),
            None => Ok(None),
        })
        .await
    }

    /// Users, queues, contacts, accounts or leads (`kind` as in [`DirectoryId::kind`]) by name, those that contain
    /// `search` in their name or an address, after the last one of the page before.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn list_directory(
        &self,
        kind: &str,
        search: &str,
        after: Option<DirectoryEntry>,
        limit: u32,
    ) -> Result<Vec<DirectoryEntry>, StorageError> {
        let (kind, search) = (kind.to_owned(), search.to_owned());
        self.read(move |connection| Ok(directory::page(connection, &kind, &search, after.as_ref(), limit)?))
            .await
    }

    /// One record of the directory.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn directory_entry(&self, id: DirectoryId) -> Result<Option<DirectoryEntry>, StorageError> {
        self.read(move |connection| Ok(directory::get(connection, id.uuid())?)).await
    }

    /// All mailboxes by address.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn list_mailboxes(&self) -> Result<Vec<MailboxView>, StorageError> {
        self.read(|connection| {
            let all = mailbox::all(connection)?;
            Ok(all.into_iter().map(|one| mailbox_view(connection, one)).collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The addresses of all mailboxes.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn mailbox_addresses(&self) -> Result<Vec<(MailboxId, EmailAddress)>, StorageError> {
        self.read(|connection| Ok(mailbox::addresses(connection)?)).await
    }

    /// One mailbox.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn show_mailbox(&self, id: MailboxId) -> Result<MailboxView, StorageError> {
        self.read(move |connection| {
            let found = mailbox::get(connection, id)?.ok_or_else(|| not_found("mailbox", id))?;
            Ok(mailbox_view(connection, found)?)
        })
        .await
    }

    /// The ladders of a mailbox's last tests.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn test_ladders(&self, mailbox: MailboxId) -> Result<Vec<TestLadder>, StorageError> {
        self.read(move |connection| Ok(test_rung::ladders(connection, mailbox)?)).await
    }

    /// The latest cycles of a mailbox, newest first; at most 200 of each workload are kept.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn list_cycles(&self, mailbox: MailboxId, limit: u32) -> Result<Vec<CycleEntry>, StorageError> {
        self.read(move |connection| Ok(cycle::latest(connection, mailbox, limit)?)).await
    }

    /// One page of emails, the latest first.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn list_emails(
        &self,
        filter: EmailFilter,
        limit: u32,
    ) -> Result<Vec<EmailSummary>, StorageError> {
        self.read(move |connection| Ok(email::page(connection, &filter, limit)?)).await
    }

    /// How many emails a list has in all.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn count_emails(&self, filter: EmailFilter) -> Result<u64, StorageError> {
        self.read(move |connection| {
            Ok(email::count_page(connection, &EmailFilter { after: None, ..filter })?)
        })
        .await
    }

    /// The other emails of a conversation, oldest first.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn conversation(&self, id: EmailId, limit: u32) -> Result<Vec<EmailSummary>, StorageError> {
        self.read(move |connection| Ok(email::conversation(connection, id, limit)?)).await
    }

    /// One email.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn show_email(&self, id: EmailId) -> Result<EmailDetail, StorageError> {
        self.read(move |connection| email::detail(connection, id)?.ok_or_else(|| not_found("email", id)))
            .await
    }

    /// Opens the raw message of an email for reading in pieces; with [`RawReader::range`], an attachment's encoded
    /// content. Blocks: call it, and read, where blocking is allowed.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn open_raw(&self, id: EmailId) -> Result<RawReader, StorageError> {
        let open = || -> Result<Option<RawReader>, WriteError> {
            let connection = self.own_reader()?;
            let Some(row) = email::raw_message(&connection, id)? else { return Ok(None) };
            RawReader::new(connection, &self.packs(), row).map(Some)
        };
        let found = open().map_err(|error| match error {
            WriteError::Database(error) => self.error(&error),
            WriteError::Read(error) => StorageError::Failed(error.to_string()),
            WriteError::Pack(path, error) => not_there(&path, &error),
        })?;
        found.ok_or_else(|| StorageError::NotFound(format!("email {id}")))
    }

    /// Copies the raw message of an email in pieces; how many bytes. Blocks.
    ///
    /// # Errors
    /// Those of the writer; a [`StorageError`] inside an [`io::Error`] of kind `Other`.
    pub fn copy_raw_to(&self, id: EmailId, to: &mut dyn Write) -> io::Result<u64> {
        let mut reader = self.open_raw(id).map_err(io::Error::other)?;
        io::copy(&mut reader, to)
    }

    /// One page of the ledger, the latest first.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn list_ledger(
        &self,
        filter: LedgerFilter,
        limit: u32,
    ) -> Result<Vec<LedgerEntry>, StorageError> {
        self.read(move |connection| Ok(ledger::page(connection, &filter, limit)?)).await
    }

    /// Every identity decided in a folder, with its decision, to compare with the server's.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn ledger_identities(
        &self,
        mailbox: MailboxId,
        folder: &str,
    ) -> Result<Vec<(ServerIdentity, Decision)>, StorageError> {
        let folder = folder.to_owned();
        self.read(move |connection| match folder::find(connection, mailbox, &folder)? {
            Some(folder) => Ok(ledger::identities(connection, folder)?),
            None => Ok(Vec::new()),
        })
        .await
    }

    /// The quarantine, the latest first.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn list_quarantine(&self, limit: u32) -> Result<Vec<QuarantineEntry>, StorageError> {
        self.read(move |connection| Ok(quarantine::all(connection, limit)?)).await
    }

    /// A message in quarantine with its bytes. It leaves when a later commit decides it anew.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn show_quarantine(
        &self,
        id: QuarantineId,
    ) -> Result<(QuarantineEntry, RawMessage), StorageError> {
        let packs = self.packs();
        self.read(move |connection| {
            let missing = || not_found("message in quarantine", id);
            let entry = quarantine::get(connection, id)?.ok_or_else(missing)?;
            let raw = quarantine::raw_message(connection, id)?.ok_or_else(missing)?;
            Ok((entry, load(connection, &packs, raw)?))
        })
        .await
    }

    /// Open or cleared alerts, the latest first.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn list_alerts(&self, state: AlertState, limit: u32) -> Result<Vec<Alert>, StorageError> {
        self.read(move |connection| Ok(alert::list(connection, state, limit)?)).await
    }

    /// Clears one alert that a person has dealt with. Whether it was open.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn clear_alert(&self, id: AlertId, at: Instant) -> Result<bool, StorageError> {
        self.write(move |connection, changes| {
            changes.push(crate::ChangeKind::Alert);
            Ok(alert::clear_one(connection, id, at)?)
        })
        .await
    }

    /// The numbers of the first page: since an instant (the start of today), and now.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn home_counts(&self, since: Instant) -> Result<HomeCounts, StorageError> {
        self.read(move |connection| {
            let mut counts = HomeCounts::default();
            email::count(connection, since, &mut counts)?;
            counts.quarantined = quarantine::count(connection)?;
            let open = |level| alert::count_open(connection, level);
            counts.open_alerts =
                [open(AlertLevel::Error)?, open(AlertLevel::Warning)?, open(AlertLevel::Information)?];
            Ok(counts)
        })
        .await
    }

    /// The name of a profile, when it exists.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn profile_name(&self, id: ProfileId) -> Result<Option<String>, StorageError> {
        self.read(move |connection| Ok(profile::get(connection, id)?.map(|found| found.name))).await
    }
}

fn mailbox_view(connection: &Connection, mailbox: Mailbox) -> rusqlite::Result<MailboxView> {
    let profile = match mailbox.profile {
        Some(id) => profile::get(connection, id)?,
        None => None,
    };
    let active = profile.as_ref().is_some_and(|found| found.active);
    let mut workloads = Vec::with_capacity(3);
    for workload in Workload::ALL {
        let row = schedule::get(connection, mailbox.id, workload)?;
        let is_processed = active && mailbox.is_processed(workload);
        workloads.push(WorkloadView {
            workload,
            method: mailbox.method(workload),
            state: mailbox.state(workload).clone(),
            last_failure: mailbox_workload::last_failure(connection, mailbox.id, workload)?,
            is_processed,
            next_due_at: row.as_ref().and_then(|row| row.due_at).filter(|_| is_processed),
            attempts: row.as_ref().map_or(0, |row| row.attempts),
            running_until: row
                .as_ref()
                .filter(|row| row.lease_owner.is_some())
                .and_then(|row| row.lease_until),
            last_completed_start: row.as_ref().and_then(|row| row.last_completed_start),
            expected_at: row.and_then(|row| row.expected_at),
        });
    }
    let (owner_name, owner_filter) =
        directory::name_and_filter(connection, owner_id(mailbox.owner))?.unwrap_or_default();
    Ok(MailboxView {
        owner_name,
        owner_filter,
        profile_name: profile.map(|found| found.name),
        workloads,
        mailbox,
    })
}
