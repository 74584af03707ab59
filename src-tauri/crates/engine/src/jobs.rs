//! Test & Enable jobs in the pool of operations: claims what is due of their batches, and tests side by side.
//!
//! The rows of a job are the truth; what is held here is only what is being tested now.

use crate::{
    permits::Permits,
    ports::{
        Ports,
        storage::StorageError,
        test_jobs::{TestEnd, TestWork},
    },
    test_enable,
};
use futures::FutureExt;
use std::{
    collections::{HashMap, HashSet},
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};
use tandem_domain::{
    Instant,
    failure::{Failure, FailureCode},
    ids::{MailboxId, TestJobId},
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// So many mailboxes are tested at once for every place in the pool of operations: a test holds its place only while
/// it is connected, and mostly waits for its message.
const FOR_EVERY_PLACE: usize = 4;

type Key = (TestJobId, MailboxId);

/// See the module.
pub(crate) struct Jobs {
    ports: Ports,
    permits: Arc<Permits>,
    most: usize,
    in_flight: Mutex<HashMap<Key, CancellationToken>>,
    /// Storage could not take back what was not tested to its end.
    unreleased: Mutex<Vec<Key>>,
    /// How often somebody said that there may be something new, and what was found at which of these.
    asked: AtomicU64,
    found: Mutex<Option<(u64, Option<Instant>)>>,
}

impl Jobs {
    /// Jobs over these ports; `places` is the size of the pool of operations.
    pub(crate) fn new(ports: Ports, permits: Arc<Permits>, places: usize) -> Arc<Self> {
        Arc::new(Self {
            ports,
            permits,
            most: places.max(1) * FOR_EVERY_PLACE,
            in_flight: Mutex::default(),
            unreleased: Mutex::default(),
            asked: AtomicU64::default(),
            found: Mutex::default(),
        })
    }

    /// There may be something new: a job was started, resumed or cancelled.
    pub(crate) fn look(&self) {
        self.asked.fetch_add(1, Ordering::Relaxed);
    }

    /// When more is due, as far as known without looking: the runner asks after every cycle.
    fn known(&self, now: Instant) -> Option<Option<Instant>> {
        let (at, next) = (*locked(&self.found))?;
        let is_so = at == self.asked.load(Ordering::Relaxed) && next.is_none_or(|next| next > now);
        (is_so && !self.are_running() && locked(&self.unreleased).is_empty()).then_some(next)
    }

    /// Whether anything is being tested.
    pub(crate) fn are_running(&self) -> bool {
        !locked(&self.in_flight).is_empty()
    }

    /// What an engine that was killed was testing waits again.
    pub(crate) async fn free(&self) -> Result<(), StorageError> {
        self.ports.storage.free_tests(self.ports.clock.now()).await
    }

    /// Breaks off tests of cancelled jobs, starts what is due as far as there is room, and says when more will be.
    /// `only` looks at one job.
    pub(crate) async fn start_due(
        self: &Arc<Self>,
        only: Option<TestJobId>,
        stop: &CancellationToken,
        tasks: &mut JoinSet<()>,
    ) -> Result<Option<Instant>, StorageError> {
        let now = self.ports.clock.now();
        if only.is_none()
            && let Some(next) = self.known(now)
        {
            return Ok(next);
        }
        let asked = self.asked.load(Ordering::Relaxed);
        self.break_off_cancelled().await?;
        let unreleased = std::mem::take(&mut *locked(&self.unreleased));
        for key in unreleased {
            self.release(key).await;
        }
        let free = self.most.saturating_sub(locked(&self.in_flight).len());
        if free == 0 {
            // The end of a test wakes the runner.
            return Ok(None);
        }
        let limit = u32::try_from(free).unwrap_or(u32::MAX);
        let claimed = self.ports.storage.claim_tests(only, now, limit).await?;
        let is_full = claimed.len() >= free;
        for work in claimed {
            let cancel = stop.child_token();
            locked(&self.in_flight).insert((work.job, work.mailbox), cancel.clone());
            let jobs = Arc::clone(self);
            tasks.spawn(async move { jobs.test(work, cancel).await });
        }
        if is_full {
            return Ok(None);
        }
        let next = self.ports.storage.next_tests_at().await?;
        *locked(&self.found) = Some((asked, next));
        Ok(next)
    }

    async fn break_off_cancelled(&self) -> Result<(), StorageError> {
        let jobs: HashSet<_> = locked(&self.in_flight).keys().map(|key| key.0).collect();
        if jobs.is_empty() {
            return Ok(());
        }
        let cancelled = self.ports.storage.cancelled_tests(jobs.into_iter().collect()).await?;
        for (key, token) in locked(&self.in_flight).iter() {
            if cancelled.contains(&key.0) {
                token.cancel();
            }
        }
        Ok(())
    }

    async fn test(&self, work: TestWork, cancel: CancellationToken) {
        let key = (work.job, work.mailbox);
        let _in_flight = InFlight { jobs: self, key };
        let testing = test_enable::run(&self.ports, &self.permits, &work, &cancel);
        match AssertUnwindSafe(testing).catch_unwind().await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!("The test of {} is done again: {error}", work.mailbox),
            // Done again it would most likely end the same way.
            Err(_) => self.fail(&work).await,
        }
        self.release(key).await;
        // What was released is due again.
        self.look();
    }

    async fn fail(&self, work: &TestWork) {
        for workload in &work.workloads {
            let said = "a fault in Tandem ended the test";
            let failure = Failure::transient_mailbox(FailureCode::Internal, said);
            let end = TestEnd::Failed { failure, broke_at: None };
            if let Err(error) = test_enable::finish(&self.ports, work, *workload, end).await {
                tracing::warn!("The test of {} is done again: {error}", work.mailbox);
            }
        }
    }

    /// What has no result yet waits again; now, or as soon as storage takes it.
    async fn release(&self, key: Key) {
        match self.ports.storage.release_test(key.0, key.1).await {
            Ok(()) | Err(StorageError::NotFound(_)) => {}
            Err(error) => {
                tracing::warn!("The test of {} is not freed yet: {error}", key.1);
                locked(&self.unreleased).push(key);
            }
        }
    }
}

/// Counts a mailbox as being tested until dropped, also when its task is broken off.
struct InFlight<'a> {
    jobs: &'a Jobs,
    key: Key,
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        locked(&self.jobs.in_flight).remove(&self.key);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
