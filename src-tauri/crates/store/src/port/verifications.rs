//! The port `Verifications`: the ledger against what a server lists, and the results.

use crate::{
    ChangeKind, Store,
    table::{coverage, folder, ledger, verification},
};
use async_trait::async_trait;
use std::collections::HashSet;
use tandem_domain::{
    Instant,
    ids::MailboxId,
    ledger::ServerIdentity,
    verification::{Stretch, Verification},
};
use tandem_engine::ports::storage::{Comparison, StorageError, Verifications};

#[async_trait]
impl Verifications for Store {
    async fn compare(
        &self,
        mailbox: MailboxId,
        folder: &str,
        on_server: Vec<ServerIdentity>,
    ) -> Result<Comparison, StorageError> {
        let folder = folder.to_owned();
        self.read(move |connection| {
            let Some(folder) = folder::find(connection, mailbox, &folder)? else {
                return Ok(Comparison { undecided: on_server, gone: 0 });
            };
            let mut listed: HashSet<String> = HashSet::with_capacity(on_server.len());
            listed.extend(on_server.iter().map(|one| one.0.clone()));
            let mut decided: HashSet<String> = HashSet::new();
            let mut gone = 0;
            ledger::each_kept(connection, folder, |identity| match listed.take(identity) {
                Some(known) => {
                    decided.insert(known);
                }
                None => gone += 1,
            })?;
            let undecided = on_server.into_iter().filter(|one| !decided.contains(&one.0)).collect();
            Ok(Comparison { undecided, gone })
        })
        .await
    }

    async fn verification_due(&self, now: Instant, limit: u32) -> Result<Vec<MailboxId>, StorageError> {
        self.read(move |connection| Ok(verification::due(connection, now, limit)?)).await
    }

    async fn record_verification(&self, found: Verification) -> Result<(), StorageError> {
        self.write(move |connection, changes| {
            verification::replace(connection, &found)?;
            changes.push(ChangeKind::Schedule);
            Ok(())
        })
        .await
    }
}

impl Store {
    /// The latest verification of a mailbox, with how many messages were missing; at most a hundred are named.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn latest_verification(
        &self,
        mailbox: MailboxId,
    ) -> Result<Option<(Verification, u64)>, StorageError> {
        self.read(move |connection| Ok(verification::latest(connection, mailbox)?)).await
    }

    /// Of which times everything in a mailbox was seen, oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn coverage(&self, mailbox: MailboxId) -> Result<Vec<Stretch>, StorageError> {
        self.read(move |connection| Ok(coverage::of(connection, mailbox)?)).await
    }
}
