//! The port `Ledger`: decisions, and what is kept with them, in one transaction.

use crate::{
    ChangeKind, Store,
    packs::Append,
    table::{
        email, folder, item_retry, ledger, mailbox, quarantine,
        raw_message::{self, WriteError},
        schedule,
    },
    writer::{JobError, JobResult},
};
use async_trait::async_trait;
use rusqlite::Connection;
use std::io::ErrorKind;
use tandem_domain::{
    Instant,
    address::MessageId,
    ids::MailboxId,
    item_retry::OwedItem,
    ledger::{LedgerRow, ServerIdentity},
    workload::Workload,
};
use tandem_engine::{
    ports::{
        mail::Cursor,
        storage::{DecidedItem, IncomingBatch, Keep, Ledger, StorageError},
    },
    raw::RawMessage,
};

/// From so many bytes on the messages of a batch go into a file beside the database: written once instead of twice, for
/// one more fsync.
const PACKED_BYTES: u64 = 256 * 1024;

#[async_trait]
impl Ledger for Store {
    async fn cursor(&self, mailbox: MailboxId, folder: &str) -> Result<Option<Cursor>, StorageError> {
        let folder = folder.to_owned();
        self.read(move |connection| Ok(folder::cursor(connection, mailbox, &folder)?)).await
    }

    async fn unseen(
        &self,
        mailbox: MailboxId,
        folder: &str,
        identities: Vec<ServerIdentity>,
    ) -> Result<Vec<ServerIdentity>, StorageError> {
        let folder = folder.to_owned();
        self.read(move |connection| {
            let Some(folder) = folder::find(connection, mailbox, &folder)? else { return Ok(identities) };
            let mut unseen = Vec::new();
            for identity in identities {
                if !ledger::is_seen(connection, folder, &identity)? {
                    unseen.push(identity);
                }
            }
            Ok(unseen)
        })
        .await
    }

    async fn commit(&self, batch: IncomingBatch) -> Result<(), StorageError> {
        let packs = self.packs();
        self.write(move |connection, changes| {
            let folder = folder::find_or_create(connection, batch.mailbox, &batch.folder)?;
            let deletes = mailbox::deletes_after_processing(connection, batch.mailbox)?;
            let mut append = match batch.items.iter().map(recorded_bytes).sum::<u64>() {
                0..PACKED_BYTES => None,
                _ => Some(packs.append(connection).map_err(not_written)?),
            };
            for item in &batch.items {
                write_item(connection, folder, item, deletes, append.as_mut())?;
            }
            if let Some(append) = append {
                append.finish(connection).map_err(not_written)?;
            }
            if let Some(cursor) = &batch.cursor {
                folder::set_cursor(connection, folder, cursor)?;
            }
            if !batch.items.is_empty() {
                changes.push(ChangeKind::Ledger);
            }
            if batch.items.iter().any(|item| matches!(item.keep, Keep::Email { .. })) {
                changes.push(ChangeKind::Email);
            }
            Ok(())
        })
        .await
    }

    async fn awaiting_delete(
        &self,
        mailbox: MailboxId,
        folder: &str,
    ) -> Result<Vec<ServerIdentity>, StorageError> {
        let folder = folder.to_owned();
        self.read(move |connection| {
            let wanted = mailbox::deletes_after_processing(connection, mailbox)?;
            match folder::find(connection, mailbox, &folder)? {
                Some(folder) if wanted => Ok(ledger::to_delete(connection, folder)?),
                _ => Ok(Vec::new()),
            }
        })
        .await
    }

    async fn deleted_on_server(
        &self,
        mailbox: MailboxId,
        folder: &str,
        identities: Vec<ServerIdentity>,
        at: Instant,
    ) -> Result<(), StorageError> {
        let folder = folder.to_owned();
        self.write(move |connection, changes| {
            let Some(folder) = folder::find(connection, mailbox, &folder)? else { return Ok(()) };
            for identity in &identities {
                ledger::deleted(connection, folder, identity, at)?;
            }
            changes.push(ChangeKind::Ledger);
            Ok(())
        })
        .await
    }

    async fn owed(&self, mailbox: MailboxId, folder: &str) -> Result<Vec<OwedItem>, StorageError> {
        let folder = folder.to_owned();
        self.read(move |connection| match folder::find(connection, mailbox, &folder)? {
            Some(folder) => Ok(item_retry::of_folder(connection, folder)?),
            None => Ok(Vec::new()),
        })
        .await
    }

    async fn mailboxes_that_saw(&self, message_id: &MessageId) -> Result<Vec<MailboxId>, StorageError> {
        let message_id = message_id.clone();
        self.read(move |connection| Ok(ledger::mailboxes_that_saw(connection, &message_id)?)).await
    }
}

/// The bytes that are kept with a record. Those in quarantine leave it again, and stay in the database.
fn recorded_bytes(item: &DecidedItem) -> u64 {
    match &item.keep {
        Keep::Email { raw, .. } => raw.len(),
        Keep::Nothing | Keep::Quarantine { .. } | Keep::Owed(_) => 0,
    }
}

impl Store {
    /// Owes a message again that was given up: the mailbox's next cycle, which is due now, tries to fetch it.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] when no such message was given up.
    pub async fn retry_undeliverable(
        &self,
        mailbox: MailboxId,
        folder: &str,
        identity: &ServerIdentity,
        at: Instant,
    ) -> Result<(), StorageError> {
        let (folder, identity) = (folder.to_owned(), identity.clone());
        self.write(move |connection, changes| {
            let row = folder::find(connection, mailbox, &folder)?;
            let owed = match row {
                Some(row) => ledger::owe_again(connection, row, &identity, at)?,
                None => None,
            };
            let (Some(row), Some(owed)) = (row, owed) else {
                return Err(super::not_found("undeliverable message", identity.0));
            };
            item_retry::put(connection, row, &owed)?;
            schedule::make_due(connection, mailbox, Workload::Incoming, at)?;
            changes.extend([ChangeKind::Ledger, ChangeKind::Schedule]);
            Ok(())
        })
        .await
    }
}

fn write_item(
    connection: &Connection,
    folder: i64,
    item: &DecidedItem,
    deletes: bool,
    append: Option<&mut Append>,
) -> JobResult<()> {
    let row = &item.row;
    // A message from quarantine that is decided anew leaves it; one that fails again gets a new reason.
    quarantine::remove(connection, folder, &row.identity)?;
    item_retry::remove(connection, folder, &row.identity)?;
    match &item.keep {
        Keep::Nothing => {}
        Keep::Owed(owed) => item_retry::put(connection, folder, owed)?,
        Keep::Email { email, message, raw } => {
            if email::find(connection, email.id)?.is_some() {
                // The same batch again: the record is there, perhaps with a person's later changes, and stays. A
                // record that another copy of the message made is a conflict: this copy is a duplicate of it.
                if ledger::email_of(connection, folder, &row.identity)? != Some(email.id) {
                    return Err(JobError::Refused(StorageError::Conflict));
                }
            } else {
                let recording = email::Recording {
                    raw_message: match append {
                        Some(append) => raw_message::append(connection, raw, append).map_err(not_written)?,
                        None => insert_raw(connection, raw)?,
                    },
                    happened_at: email.received_at.unwrap_or(row.decided_at),
                    cycle: Some(row.cycle),
                    mail_from: None,
                };
                if email::insert(connection, email, message, recording)?.is_none() {
                    return Err(JobError::Refused(StorageError::Conflict));
                }
            }
        }
        Keep::Quarantine { raw, reason, parser_version } => {
            keep_in_quarantine(connection, folder, row, raw, (reason.clone(), parser_version.clone()))?;
        }
    }
    ledger::upsert(connection, folder, row, deletes)?;
    Ok(())
}

fn keep_in_quarantine(
    connection: &Connection,
    folder: i64,
    row: &LedgerRow,
    raw: &RawMessage,
    why: (String, String),
) -> JobResult<()> {
    let entry = quarantine::entry(row.mailbox, &row.folder, &row.identity, why, row.decided_at);
    let raw = insert_raw(connection, raw)?;
    quarantine::insert(connection, folder, &entry, raw)?;
    Ok(())
}

/// Writes the bytes of a message into the database.
pub(super) fn insert_raw<E: From<StorageError>>(
    connection: &Connection,
    raw: &RawMessage,
) -> JobResult<i64, E> {
    raw_message::insert(connection, raw).map_err(not_written)
}

/// A temporary file that cannot be read is no fault of the database, nor is a full disk beside it.
fn not_written<E: From<StorageError>>(error: WriteError) -> JobError<E> {
    let refused = |words: String| JobError::Refused(StorageError::Failed(words).into());
    match error {
        WriteError::Database(error) => JobError::Database(error),
        WriteError::Read(error) => refused(format!("the message's temporary file cannot be read: {error}")),
        WriteError::Pack(path, error) => match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                JobError::Refused(StorageError::DiskFull { path: path.display().to_string() }.into())
            }
            _ => refused(format!("the messages' file {} cannot be written: {error}", path.display())),
        },
    }
}
