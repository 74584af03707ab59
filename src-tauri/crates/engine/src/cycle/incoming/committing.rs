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
use std::{slice, time::Duration};
use tandem_domain::{
    alert::{AlertCode, AlertLevel, AlertObject, NewAlert},
    failure::{Failure, FailureCode},
    item_retry::OwedItem,
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
    owes: bool,
}

impl<'a> Committer<'a> {
    /// Prepares for `total` messages.
    pub async fn new(
        context: &'a CycleContext,
        folder: &str,
        owed: &[OwedItem],
        total: usize,
    ) -> Result<Self, Failure> {
        let planner = Planner::load(context, folder, owed).await?;
        Ok(Self { context, planner, folder: folder.to_owned(), total, decided: 0, owes: false })
    }

    /// Whether a message failed on its own, and is owed.
    pub fn owes(&self) -> bool {
        self.owes
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
            self.commit(&batch).await?;
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

    /// Commits a batch. Where storage does not take it, each of its messages stands for itself: one that it does not
    /// take alone is owed, and the others go on.
    async fn commit(&mut self, batch: &[Ready]) -> Result<(), Failure> {
        match self.try_commit(batch).await? {
            Ok(()) => return Ok(()),
            Err(error) => tracing::warn!("A batch of {} messages is not taken: {error}", batch.len()),
        }
        for ready in batch {
            let Err(error) = self.try_commit(slice::from_ref(ready)).await? else { continue };
            let why = Failure::transient_item(FailureCode::StoreFailed, error.to_string());
            let owed = [Ready { item: ready.item.clone(), content: Content::Failed(why), _held: None }];
            // Storage that does not even take this is what failed, and not the message.
            self.try_commit(&owed).await?.map_err(storage_failure)?;
        }
        Ok(())
    }

    /// Commits messages as one; the inner error is one that may be a single message's fault.
    async fn try_commit(&mut self, batch: &[Ready]) -> Result<Result<(), StorageError>, Failure> {
        let cursor = batch.last().and_then(|last| last.item.cursor.clone());
        for _ in 0..MAX_CONFLICTS {
            let items = self.planner.plan(self.context, batch).await?;
            let told = [
                (AlertCode::MessageQuarantined, told(&items, Decision::Quarantined)),
                (AlertCode::MessageUndeliverable, told(&items, Decision::Undeliverable)),
            ];
            let owes = items.iter().any(|item| item.row.decision == Decision::Retrying);
            match self.context.ports.storage.commit(self.batch(items, cursor.clone())).await {
                Ok(()) => {
                    self.decided =
                        self.decided.saturating_add(u32::try_from(batch.len()).unwrap_or(u32::MAX));
                    self.owes |= owes;
                    self.context.progress(Workload::Incoming, u64::from(self.decided), self.total as u64);
                    for (code, detail) in told {
                        self.alert(code, detail).await?;
                    }
                    return Ok(Ok(()));
                }
                Err(StorageError::Conflict) => {}
                Err(error @ StorageError::Failed(_)) => return Ok(Err(error)),
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

    async fn alert(&self, code: AlertCode, detail: Option<String>) -> Result<(), Failure> {
        let Some(detail) = detail else { return Ok(()) };
        let object = AlertObject::Mailbox(self.context.prepared.mailbox.id, Workload::Incoming);
        let alert = NewAlert { level: AlertLevel::Warning, object, code, detail, retry_at: None };
        self.context.ports.storage.raise(alert, self.context.now()).await.map_err(storage_failure)
    }
}

fn weight(ready: &Ready) -> usize {
    match ready.content {
        Content::Message { .. } | Content::Unreadable { .. } => ROWS_PER_MESSAGE,
        Content::TooOld { .. } | Content::Decided(..) | Content::Failed(_) => 1,
    }
}

/// What an alert says about the messages of a batch with this decision.
fn told(items: &[DecidedItem], decision: Decision) -> Option<String> {
    let mut rows = items.iter().map(|item| &item.row).filter(|row| row.decision == decision);
    let first = rows.next()?;
    let why = first.trace.last().map_or("", |step| step.detail.as_str());
    Some(match rows.count() {
        0 => format!("message {}: {why}", first.identity.0),
        more => format!("message {} and {more} more: {why}", first.identity.0),
    })
}
