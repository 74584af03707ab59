//! The port `Activities`, and what people do with emails.

use super::{ledger::insert_raw, not_found};
use crate::{
    ChangeKind, Store,
    packs::Packs,
    table::{
        email, mailbox,
        raw_message::{self, Stored, WriteError},
        recipient, schedule, send_attempt, submission,
    },
    writer::{JobError, JobResult},
};
use async_trait::async_trait;
use rusqlite::Connection;
use std::{
    collections::HashMap,
    io::{self, Write},
    path::Path,
    sync::Arc,
};
use tandem_domain::{
    Instant,
    address::MessageId,
    directory::DirectoryId,
    email::{EmailStatus, KnownEmail, NewEmail},
    failure::Failure,
    ids::{CycleId, EmailId, MailboxId},
    message::ParsedMessage,
    send_limits::{Counted, HeldBy},
    workload::Workload,
};
use tandem_engine::{
    ports::storage::{
        Activities, AttemptResult, HeldEmail, PendingEmail, SendingAccount, StorageError, StorageTrouble,
        UnfinishedAttempt,
    },
    raw::{RawMessage, SPOOL_THRESHOLD_BYTES},
};

/// What a person found out about an unconfirmed email.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonsVerdict {
    /// It arrived.
    Sent,
    /// It did not: send it again.
    Resend,
}

#[async_trait]
impl Activities for Store {
    async fn known(&self, ids: Vec<MessageId>) -> Result<HashMap<MessageId, KnownEmail>, StorageError> {
        self.read(move |connection| {
            let mut found = HashMap::new();
            for id in ids {
                if let Some(known) = email::known(connection, &id)? {
                    found.insert(id, known);
                }
            }
            Ok(found)
        })
        .await
    }

    async fn pending_send(
        &self,
        mailbox: MailboxId,
        now: Instant,
        limit: u32,
    ) -> Result<Vec<PendingEmail>, StorageError> {
        self.read(move |connection| Ok(email::pending_send(connection, mailbox, now, limit)?)).await
    }

    async fn raw(&self, email: EmailId) -> Result<RawMessage, StorageError> {
        let packs = self.packs();
        self.read(move |connection| {
            let row = email::raw_message(connection, email)?.ok_or_else(|| not_found("email", email))?;
            load(connection, &packs, row)
        })
        .await
    }

    async fn begin_attempt(&self, email: EmailId, cycle: CycleId, at: Instant) -> Result<(), StorageError> {
        self.write(move |connection, changes| {
            let (row, status, attempts) = find(connection, email)?;
            if status != EmailStatus::PendingSend {
                return Err(JobError::Refused(StorageError::Conflict));
            }
            let attempts = attempts.saturating_add(1);
            email::set_attempts(connection, row, attempts)?;
            send_attempt::begin(connection, row, attempts, cycle, at)?;
            let recipients = u32::try_from(recipient::pending(connection, row)?.len()).unwrap_or(u32::MAX);
            submission::begin(connection, email::mailbox_of(connection, row)?, row, recipients, at)?;
            email::set_status(connection, row, EmailStatus::Sending, None, None)?;
            changes.push(ChangeKind::Email);
            Ok(())
        })
        .await
    }

    async fn reach_commit_point(&self, email: EmailId, at: Instant) -> Result<(), StorageError> {
        self.write(move |connection, _| {
            let (row, ..) = find(connection, email)?;
            match send_attempt::reach_commit_point(connection, row, at)? {
                0 => Err(JobError::Refused(StorageError::Conflict)),
                _ => Ok(()),
            }
        })
        .await
    }

    async fn end_attempt(
        &self,
        email: EmailId,
        result: AttemptResult,
        at: Instant,
    ) -> Result<(), StorageError> {
        self.write(move |connection, changes| {
            let (row, ..) = find(connection, email)?;
            end_attempt(connection, row, &result, at)?;
            changes.push(ChangeKind::Email);
            Ok(())
        })
        .await
    }

    async fn sent_since(
        &self,
        account: SendingAccount,
        since: Instant,
    ) -> Result<Vec<Counted>, StorageError> {
        self.read(move |connection| {
            Ok(match account {
                SendingAccount::Mailbox(id) => submission::of_mailbox(connection, id, since)?,
                SendingAccount::Profile(id) => submission::of_profile(connection, id, since)?,
            })
        })
        .await
    }

    async fn hold(&self, emails: Vec<HeldEmail>) -> Result<(), StorageError> {
        self.write(move |connection, changes| {
            for HeldEmail { email, until, by } in emails {
                let (row, status, _) = find(connection, email)?;
                if status == EmailStatus::PendingSend {
                    email::hold(connection, row, until, by)?;
                }
            }
            changes.push(ChangeKind::Email);
            Ok(())
        })
        .await
    }

    async fn holds(&self, mailbox: MailboxId, by: HeldBy) -> Result<bool, StorageError> {
        self.read(move |connection| Ok(email::holds(connection, mailbox, by)?)).await
    }

    async fn give_up(&self, email: EmailId, why: Failure) -> Result<(), StorageError> {
        self.write(move |connection, changes| {
            let row = find_pending(connection, email)?;
            email::set_status(connection, row, EmailStatus::Failed, Some(&why), None)?;
            changes.push(ChangeKind::Email);
            Ok(())
        })
        .await
    }

    async fn unfinished(&self, mailbox: MailboxId) -> Result<Vec<UnfinishedAttempt>, StorageError> {
        self.read(move |connection| {
            let mut found = Vec::new();
            for (row, email) in email::sending(connection, mailbox)? {
                if let Some((phase, at)) = send_attempt::latest_phase(connection, row)? {
                    found.push(UnfinishedAttempt { email, phase, at });
                }
            }
            Ok(found)
        })
        .await
    }

    async fn send_again(&self, email: EmailId, at: Instant) -> Result<(), StorageError> {
        self.write(move |connection, changes| {
            let (row, status, _) = find(connection, email)?;
            if status != EmailStatus::Sending {
                return Err(JobError::Refused(StorageError::Conflict));
            }
            send_again(connection, row, at)?;
            changes.push(ChangeKind::Email);
            Ok(())
        })
        .await
    }
}

impl Store {
    /// Records an email to be sent and makes its mailbox's outgoing workload due. `recipients` are those of the
    /// envelope, each once.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] when its id or Message-ID is taken; [`StorageError::NotFound`] for its mailbox.
    pub async fn insert_outgoing(
        &self,
        email: NewEmail,
        message: ParsedMessage,
        raw: RawMessage,
        recipients: Vec<String>,
        now: Instant,
    ) -> Result<(), StorageError> {
        self.write(move |connection, changes| {
            let Some(from) = mailbox::get(connection, email.mailbox)? else {
                return Err(not_found("mailbox", email.mailbox));
            };
            let recording = email::Recording {
                raw_message: insert_raw(connection, &raw)?,
                happened_at: now,
                cycle: None,
                mail_from: Some(&from.email),
            };
            let Some(row) = email::insert(connection, &email, &message, recording)? else {
                return Err(JobError::Refused(StorageError::Conflict));
            };
            recipient::insert(connection, row, &recipients)?;
            if email.status == EmailStatus::PendingSend {
                let due = email.send_after.map_or(now, |after| after.max(now));
                schedule::make_due(connection, email.mailbox, Workload::Outgoing, due)?;
            }
            changes.extend([ChangeKind::Email, ChangeKind::Schedule]);
            Ok(())
        })
        .await
    }

    /// Withdraws an email that was not sent yet, or gives up one that failed.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] when it is sent, being sent, or no email to be sent.
    pub async fn cancel(&self, email: EmailId) -> Result<(), StorageError> {
        self.write(move |connection, changes| {
            let (row, status, _) = find(connection, email)?;
            match status {
                EmailStatus::Canceled => return Ok(()),
                EmailStatus::Draft | EmailStatus::PendingSend | EmailStatus::Failed => {}
                EmailStatus::Received | EmailStatus::Sending | EmailStatus::Sent => {
                    return Err(JobError::Refused(StorageError::Conflict));
                }
            }
            email::set_status(connection, row, EmailStatus::Canceled, None, None)?;
            changes.push(ChangeKind::Email);
            Ok(())
        })
        .await
    }

    /// Ends the doubt about an unconfirmed email with what a person found out.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] when it is not unconfirmed.
    pub async fn resolve_unconfirmed_by_person(
        &self,
        email: EmailId,
        verdict: PersonsVerdict,
        at: Instant,
    ) -> Result<(), StorageError> {
        self.write(move |connection, changes| {
            let (row, status, _) = find(connection, email)?;
            if status != EmailStatus::Sending {
                return Err(JobError::Refused(StorageError::Conflict));
            }
            match verdict {
                PersonsVerdict::Sent => {
                    let server_said = "a person confirmed that it arrived".to_owned();
                    let result = AttemptResult::Sent { server_said, refused: Vec::new() };
                    end_attempt(connection, row, &result, at)?;
                }
                PersonsVerdict::Resend => {
                    send_again(connection, row, at)?;
                    let mailbox = email::mailbox_of(connection, row)?;
                    schedule::make_due(connection, mailbox, Workload::Outgoing, at)?;
                    changes.push(ChangeKind::Schedule);
                }
            }
            changes.push(ChangeKind::Email);
            Ok(())
        })
        .await
    }

    /// Sets what an email is about, or that it is about nothing.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn set_regarding(
        &self,
        email: EmailId,
        regarding: Option<DirectoryId>,
    ) -> Result<(), StorageError> {
        self.write(move |connection, changes| {
            let (row, ..) = find(connection, email)?;
            email::set_regarding(connection, row, regarding)?;
            changes.push(ChangeKind::Email);
            Ok(())
        })
        .await
    }
}

fn find(connection: &Connection, id: EmailId) -> JobResult<(i64, EmailStatus, u32)> {
    let row = email::find(connection, id)?.ok_or_else(|| not_found("email", id))?;
    let (status, attempts) = email::status(connection, row)?;
    Ok((row, status, attempts))
}

fn find_pending(connection: &Connection, id: EmailId) -> JobResult<i64> {
    match find(connection, id)? {
        (row, EmailStatus::PendingSend, _) => Ok(row),
        _ => Err(JobError::Refused(StorageError::Conflict)),
    }
}

fn end_attempt(
    connection: &Connection,
    row: i64,
    result: &AttemptResult,
    at: Instant,
) -> rusqlite::Result<()> {
    let end = |outcome: &str, said: Option<&str>, why: Option<&Failure>| {
        send_attempt::end(connection, row, outcome, said, why, at)
    };
    match result {
        AttemptResult::Sent { server_said, refused } => {
            end("sent", Some(server_said), None)?;
            recipient::refuse(connection, row, refused)?;
            count(connection, row, recipient::pending(connection, row)?.len())?;
            recipient::accept_pending(connection, row)?;
            email::set_submitted(connection, row, at)?;
            email::set_status(connection, row, EmailStatus::Sent, None, None)
        }
        AttemptResult::Postponed { until, why, accepted, refused } => {
            end("postponed", None, Some(why))?;
            count(connection, row, accepted.len())?;
            recipient::accept(connection, row, accepted)?;
            recipient::refuse(connection, row, refused)?;
            email::set_status(connection, row, EmailStatus::PendingSend, Some(why), Some(*until))
        }
        AttemptResult::Failed { why, refused } => {
            end("failed", None, Some(why))?;
            count(connection, row, 0)?;
            recipient::refuse(connection, row, refused)?;
            email::set_status(connection, row, EmailStatus::Failed, Some(why), None)
        }
        AttemptResult::Unconfirmed { why } => {
            end("unconfirmed", None, Some(why))?;
            email::set_status(connection, row, EmailStatus::Sending, Some(why), None)
        }
    }
}

/// So many recipients of the latest attempt count for sending limits.
fn count(connection: &Connection, row: i64, recipients: usize) -> rusqlite::Result<()> {
    submission::end(connection, row, u32::try_from(recipients).unwrap_or(u32::MAX))
}

fn send_again(connection: &Connection, row: i64, at: Instant) -> rusqlite::Result<()> {
    count(connection, row, 0)?;
    send_attempt::end(connection, row, "not_accepted", None, None, at)?;
    email::set_status(connection, row, EmailStatus::PendingSend, None, Some(at))
}

/// Loads a raw message into memory, or into a temporary file when it is large.
pub(super) fn load(connection: &Connection, packs: &Packs, row: i64) -> JobResult<RawMessage> {
    let (size, stored) = raw_message::find(connection, row)?;
    let place = match stored {
        Stored::Row(bytes) => return Ok(RawMessage::from(bytes)),
        Stored::Chunks => None,
        Stored::Pack(number, offset) => Some((number, offset)),
    };
    let copy = |to: &mut dyn Write| -> JobResult<()> {
        let copied = match place {
            None => raw_message::copy_chunks(connection, row, to),
            Some(place) => packs.copy(place, size, to),
        };
        copied.map_err(|error| match error {
            WriteError::Database(error) => JobError::Database(error),
            WriteError::Read(error) => spool_failed(&error),
            WriteError::Pack(path, error) => JobError::Refused(not_there(&path, &error)),
        })
    };
    if size <= SPOOL_THRESHOLD_BYTES {
        let mut bytes = Vec::new();
        copy(&mut bytes)?;
        return Ok(RawMessage::from(bytes));
    }
    let mut file = tempfile::NamedTempFile::new().map_err(|error| spool_failed(&error))?;
    copy(file.as_file_mut())?;
    Ok(RawMessage::Spooled { path: Arc::new(file.into_temp_path()), len: size })
}

/// A file of messages beside the database is gone, or a part of it.
pub(super) fn not_there(path: &Path, error: &io::Error) -> StorageError {
    let words = "put it back from a backup of the data folder";
    StorageError::Failed(format!("the messages in {} cannot be read: {error}; {words}", path.display()))
}

fn spool_failed(error: &io::Error) -> JobError<StorageError> {
    let folder = std::env::temp_dir().display().to_string();
    JobError::Refused(match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StorageError::DiskFull { path: folder },
        kind => {
            let trouble = match kind {
                io::ErrorKind::ReadOnlyFilesystem => StorageTrouble::ReadOnly,
                io::ErrorKind::PermissionDenied => StorageTrouble::Denied,
                _ => StorageTrouble::Broken,
            };
            let why = format!("the temporary folder {folder} cannot be written: {error}");
            StorageError::Unusable { trouble, why }
        }
    })
}
