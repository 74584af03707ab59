//! What the Monitoring page reads: pulses, hours, and what waits.

use crate::{
    Store,
    table::{email, history, history_hour, item_retry, test_job_item},
    view::{HistoryFilter, HistoryHour, HourSum, WaitingMail, WorkloadPulse},
};
use std::collections::HashMap;
use tandem_domain::{Instant, ids::MailboxId, workload::Workload};
use tandem_engine::ports::storage::StorageError;

/// All of these fail only when the database does.
impl Store {
    /// What every workload of every mailbox did last, in the order of their mailboxes' ids.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn workload_pulses(&self) -> Result<Vec<WorkloadPulse>, StorageError> {
        self.read(|connection| Ok(history::pulses(connection)?)).await
    }

    /// What each workload did since the hour of an instant; without a mailbox, all of them together.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn history_sums(
        &self,
        since: Instant,
    ) -> Result<Vec<(Option<MailboxId>, Workload, HourSum)>, StorageError> {
        self.read(move |connection| Ok(history_hour::sums(connection, since)?)).await
    }

    /// Hours of the history, the oldest first.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn list_history(&self, filter: HistoryFilter) -> Result<Vec<HistoryHour>, StorageError> {
        self.read(move |connection| {
            let mut found = Vec::new();
            history_hour::each(connection, filter, |hour| found.push(hour))?;
            Ok(found)
        })
        .await
    }

    /// Tells hours of the history one by one, however many there are. Blocks: call it where that is allowed.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn each_history_hour(
        &self,
        filter: HistoryFilter,
        tell: impl FnMut(HistoryHour),
    ) -> Result<(), StorageError> {
        let each = || history_hour::each(&self.own_reader()?, filter, tell);
        each().map_err(|error| self.error(&error))
    }

    /// How much mail of each mailbox waits; mailboxes of which none does are absent.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn waiting_mail(&self) -> Result<HashMap<MailboxId, WaitingMail>, StorageError> {
        self.read(|connection| {
            let mut found: HashMap<MailboxId, WaitingMail> = HashMap::new();
            for (mailbox, owed) in item_retry::count_by_mailbox(connection)? {
                found.entry(mailbox).or_default().owed = owed;
            }
            for (mailbox, waiting) in email::waiting_by_mailbox(connection)? {
                let owed = found.get(&mailbox).map_or(0, |one| one.owed);
                found.insert(mailbox, WaitingMail { owed, ..waiting });
            }
            Ok(found)
        })
        .await
    }

    /// Workloads of running jobs that wait for their test, those of later batches included.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn waiting_tests(&self) -> Result<u32, StorageError> {
        self.read(|connection| Ok(test_job_item::count_waiting(connection)?)).await
    }
}
