//! The port `Circuits`, and what a new password sets in motion.

use crate::{
    ChangeKind, Store,
    table::{circuit, mailbox_workload, schedule},
};
use async_trait::async_trait;
use rusqlite::Connection;
use tandem_domain::{
    Instant,
    breaker::{Asked, Circuit, Signal, Turn, is_about_credentials},
    ids::{MailboxId, ProfileId},
    workload::Workload,
};
use tandem_engine::ports::{circuits::Circuits, storage::StorageError};

/// Whose credentials changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialsOf {
    /// A mailbox's own.
    Mailbox(MailboxId),
    /// Those of a profile's account.
    Profile(ProfileId),
}

#[async_trait]
impl Circuits for Store {
    async fn circuit(&self, profile: ProfileId, workload: Workload) -> Result<Circuit, StorageError> {
        self.read(move |connection| Ok(circuit::get(connection, profile, workload)?)).await
    }

    async fn signal(
        &self,
        profile: ProfileId,
        workload: Workload,
        from: MailboxId,
        signal: Signal,
        at: Instant,
    ) -> Result<(Circuit, Turn), StorageError> {
        // Most cycles say of a server that is well that it is well.
        let known = self.read(move |connection| Ok(circuit::get(connection, profile, workload)?)).await?;
        if known == Circuit::default() && !matches!(signal, Signal::Failed(_)) {
            return Ok((known, Turn::Same));
        }
        self.write(move |connection, changes| {
            let before = circuit::get(connection, profile, workload)?;
            let mailboxes = schedule::processed(connection, profile, workload)?;
            let (after, turn) = before.after(signal, from, mailboxes, at);
            circuit::put(connection, profile, workload, &after)?;
            changes.push(ChangeKind::Schedule);
            Ok((after, turn))
        })
        .await
    }

    async fn probe_now(
        &self,
        profile: Option<ProfileId>,
        asked: Asked,
        at: Instant,
    ) -> Result<(), StorageError> {
        self.write(move |connection, changes| {
            probe_now(connection, profile, asked, at)?;
            changes.push(ChangeKind::Schedule);
            Ok(())
        })
        .await
    }
}

impl Store {
    /// The circuits of all profiles of which anything is known.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn list_circuits(&self) -> Result<Vec<((ProfileId, Workload), Circuit)>, StorageError> {
        self.read(|connection| Ok(circuit::all(connection, None)?)).await
    }

    /// New credentials are worth one try: workloads that the engine disabled because of them are enabled again and are
    /// due now, and so is the probe of a profile that waits for a person. A second refusal disables them again at once,
    /// so that no account is locked. Cursors and ledger stay, so that nothing is missed. How many workloads are tried.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn credentials_changed(&self, of: CredentialsOf, at: Instant) -> Result<u32, StorageError> {
        self.write(move |connection, changes| {
            let (mailbox, profile) = match of {
                CredentialsOf::Mailbox(id) => (Some(id), None),
                CredentialsOf::Profile(id) => (None, Some(id)),
            };
            let mut tried = 0;
            for (mailbox, workload, code) in mailbox_workload::stopped(connection, mailbox, profile)? {
                if is_about_credentials(code) {
                    mailbox_workload::enable_unproven(connection, mailbox, workload)?;
                    schedule::start_anew(connection, mailbox, workload, at)?;
                    tried += 1;
                }
            }
            if profile.is_some() {
                probe_now(connection, profile, Asked::ByPerson, at)?;
            }
            changes.extend([ChangeKind::Configuration, ChangeKind::Schedule]);
            Ok(tried)
        })
        .await
    }
}

/// Brings the probes of open circuits forward.
pub(crate) fn probe_now(
    connection: &Connection,
    profile: Option<ProfileId>,
    asked: Asked,
    at: Instant,
) -> rusqlite::Result<()> {
    for ((profile, workload), known) in circuit::all(connection, profile)? {
        circuit::put(connection, profile, workload, &known.probe_now(asked, at))?;
    }
    Ok(())
}
