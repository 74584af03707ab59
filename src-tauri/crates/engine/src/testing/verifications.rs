//! The port `Verifications` over storage in memory.

use super::Store;
use crate::ports::storage::{Comparison, StorageError, Verifications};
use async_trait::async_trait;
use std::collections::HashSet;
use tandem_domain::{
    Instant,
    ids::MailboxId,
    ledger::ServerIdentity,
    verification::{VERIFY_AGAIN_HOURS, Verification},
    workload::Workload,
};

#[async_trait]
impl Verifications for Store {
    async fn compare(
        &self,
        mailbox: MailboxId,
        _folder: &str,
        on_server: Vec<ServerIdentity>,
    ) -> Result<Comparison, StorageError> {
        let state = self.state();
        let listed: HashSet<_> = on_server.iter().cloned().collect();
        let mine = state.rows.keys().filter(|(of, _)| *of == mailbox);
        let gone = mine.filter(|(_, identity)| !listed.contains(identity)).count() as u64;
        let undecided =
            on_server.into_iter().filter(|one| !state.rows.contains_key(&(mailbox, one.clone()))).collect();
        Ok(Comparison { undecided, gone })
    }

    async fn verification_due(&self, now: Instant, limit: u32) -> Result<Vec<MailboxId>, StorageError> {
        let state = self.state();
        let is_due = |id: &MailboxId| {
            let row = state.schedule.get(&(*id, Workload::Incoming));
            let settled = now - chrono::Duration::hours(VERIFY_AGAIN_HOURS);
            match (row.and_then(|row| row.completed_start), state.verifications.get(id)) {
                (Some(_), Some(last)) => last.next_due() <= now,
                (Some(start), None) => start <= settled,
                (None, _) => false,
            }
        };
        Ok(state.mailboxes.keys().copied().filter(is_due).take(limit as usize).collect())
    }

    async fn record_verification(&self, found: Verification) -> Result<(), StorageError> {
        self.state().verifications.insert(found.mailbox, found);
        Ok(())
    }
}
