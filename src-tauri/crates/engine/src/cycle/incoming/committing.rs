//! The last stage: gathers read messages into batches, decides them, and commits each batch as one.

use super::{
    planning::Planner,
    reading::{Content, Ready},
};
use crate::{
    access::storage_failure,
    cycle::{CycleContext, stopped},
    ports::{
        mail::Cursor,
        storage::{DecidedItem, IncomingBatch, StorageError},
    },
};
use std::time::Duration;
use tandem_domain::{
    alert::{AlertCode, AlertLevel, AlertObject, NewAlert},
    failure::{Failure, FailureCode},
    ledger::Decision,
    workload::Workload,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// So often a batch is planned again because another cycle took a Message-ID of it.
const MAX_CONFLICTS: u32 = 8;
/// A batch that is not full waits this long for more. Nobody holds memory longer than this without committing.
const GATHER: Duration = Duration::from_millis(20);
/// Rows without a message cost little: so many of them count as one message of a batch.
const ROWS_PER_MESSAGE: usize = 8;

/// Commits one cycle's messages.
pub struct Committer<'a> {
    context: &'a CycleContext,
    planner: Planner,
    folder: String,
    total: usize,
    decided: u32,
}

impl<'a> Committer<'a> {
    /// Prepares for `total` messages.
    pub async fn new(context: &'a CycleContext, folder: &str, total: usize) -> Result<Self, Failure> {
        let planner = Planner::load(context, folder).await?;
        Ok(Self { context, planner, folder: folder.to_owned(), total, decided: 0 })
    }

    /// How many messages are committed.
    pub fn decided(&self) -> u32 {
        self.decided
    }

    /// Commits what comes until nothing more does; stops between two batches. Halts the fetch when it ends early.
    pub async fn run(
        &mut self,
        mut ready: mpsc::Receiver<Ready>,
        halt: CancellationToken,
    ) -> Result<(), Failure> {
        let _halts = halt.drop_guard();
        let mut next = None;
        while let Some(batch) = self.gather(&mut ready, &mut next).await {
            if self.context.cancel.is_cancelled() {
                return Err(stopped());
            }
            self.commit(batch).await?;
        }
        Ok(())
    }

    /// Records the cursor that holds now that all is decided.
    pub async fn advance(&self, cursor: Option<Cursor>) -> Result<(), Failure> {
        if cursor.is_none() {
            return Ok(());
        }
        let batch = self.batch(Vec::new(), cursor);
        self.context.ports.storage.commit(batch).await.map_err(storage_failure)
    }

    /// Takes a batch: as much as fits, as long as more comes soon.
    async fn gather(
        &self,
        queue: &mut mpsc::Receiver<Ready>,
        next: &mut Option<Ready>,
    ) -> Option<Vec<Ready>> {
        let first = match next.take() {
            Some(first) => first,
            None => queue.recv().await?,
        };
        let limits = self.context.limits;
        let full = limits.batch_messages.max(1) * ROWS_PER_MESSAGE;
        let (mut bytes, mut weight) = (first.bytes(), weight(&first));
        let mut batch = vec![first];
        let waited = tokio::time::sleep(GATHER);
        let mut waited = std::pin::pin!(waited);
        while weight < full && bytes < limits.batch_bytes {
            let more = tokio::select! {
                biased;
                more = queue.recv() => more,
                () = &mut waited => break,
            };
            let Some(more) = more else { break };
            if bytes + more.bytes() > limits.batch_bytes {
                *next = Some(more);
                break;
            }
            bytes += more.bytes();
            weight += self::weight(&more);
            batch.push(more);
        }
        Some(batch)
    }

    async fn commit(&mut self, batch: Vec<Ready>) -> Result<(), Failure> {
        let cursor = batch.last().and_then(|last| last.item.cursor.clone());
        for _ in 0..MAX_CONFLICTS {
            let items = self.planner.plan(self.context, &batch).await?;
            let quarantined = quarantined(&items);
            match self.context.ports.storage.commit(self.batch(items, cursor.clone())).await {
                Ok(()) => {
                    self.decided =
                        self.decided.saturating_add(u32::try_from(batch.len()).unwrap_or(u32::MAX));
                    self.context.progress(Workload::Incoming, u64::from(self.decided), self.total as u64);
                    return self.alert(quarantined).await;
                }
                Err(StorageError::Conflict) => {}
                Err(error) => return Err(storage_failure(error)),
            }
        }
        let said = "other mailboxes kept taking the same messages while they were decided";
        Err(Failure::transient_mailbox(FailureCode::StoreFailed, said))
    }

    fn batch(&self, items: Vec<DecidedItem>, cursor: Option<Cursor>) -> IncomingBatch {
        let mailbox = self.context.prepared.mailbox.id;
        IncomingBatch { mailbox, folder: self.folder.clone(), cycle: self.context.cycle, items, cursor }
    }

    async fn alert(&self, quarantined: Option<String>) -> Result<(), Failure> {
        let Some(detail) = quarantined else { return Ok(()) };
        let alert = NewAlert {
            level: AlertLevel::Warning,
            object: AlertObject::Mailbox(self.context.prepared.mailbox.id, Workload::Incoming),
            code: AlertCode::MessageQuarantined,
            detail,
            retry_at: None,
        };
        self.context.ports.storage.raise(alert, self.context.now()).await.map_err(storage_failure)
    }
}

fn weight(ready: &Ready) -> usize {
    match ready.content {
        Content::Message { .. } | Content::Unreadable { .. } => ROWS_PER_MESSAGE,
        Content::TooOld { .. } | Content::Decided(..) => 1,
    }
}

/// What an alert says about the quarantined messages of a batch.
fn quarantined(items: &[DecidedItem]) -> Option<String> {
    let mut rows = items.iter().map(|item| &item.row).filter(|row| row.decision == Decision::Quarantined);
    let first = rows.next()?;
    let why = first.trace.last().map_or("", |step| step.detail.as_str());
    Some(match rows.count() {
        0 => format!("message {}: {why}", first.identity.0),
        more => format!("message {} and {more} more: {why}", first.identity.0),
    })
}
