//! Test & Enable jobs in memory.

use super::{State, Store, missing};
use crate::ports::{storage::StorageError, test_jobs::*};
use async_trait::async_trait;
use std::collections::HashSet;
use tandem_domain::{
    Instant,
    failure::Failure,
    ids::{MailboxId, TestJobId},
    mailbox::Mailbox,
    probe::Rung,
    test_job::{JobState, TestCounts, TestProgress, TestState},
    test_plan::{BatchRules, moved, plan},
    workload::Workload,
};
use uuid::Uuid;

/// One workload of a job.
#[derive(Debug, Clone)]
pub struct Item {
    pub batch: u32,
    pub mailbox: MailboxId,
    pub workload: Workload,
    pub state: TestState,
    pub end: Option<TestEnd>,
    pub sent: Option<SentTest>,
}

/// A job.
#[derive(Debug, Clone)]
pub struct Job {
    pub state: JobState,
    pub rules: BatchRules,
    pub batches: Vec<(u32, Instant, Option<Instant>)>,
    pub items: Vec<Item>,
}

impl Job {
    pub fn count(&self, state: TestState) -> usize {
        self.items.iter().filter(|item| item.state == state).count()
    }

    fn is_open(item: &Item) -> bool {
        matches!(item.state, TestState::Waiting | TestState::Running)
    }

    fn progress(&self, job: TestJobId) -> TestProgress {
        let all: HashSet<_> = self.items.iter().map(|item| item.mailbox).collect();
        let open: HashSet<_> =
            self.items.iter().filter(|item| Self::is_open(item)).map(|item| item.mailbox).collect();
        let mut workloads = TestCounts::default();
        self.items.iter().for_each(|item| *workloads.of(item.state) += 1);
        TestProgress {
            job,
            state: self.state,
            mailboxes: all.len() as u32,
            done: (all.len() - open.len()) as u32,
            workloads,
            moving_since: None,
            tested_since: 0,
            left_started: 0,
            next_batch_at: None,
            last_batch: None,
        }
    }
}

impl Store {
    /// A job for these mailboxes, planned as the real ones are.
    pub fn start_job(&self, mailboxes: &[MailboxId], rules: BatchRules, from: Instant) -> TestJobId {
        let mut state = self.state();
        let known: Vec<Mailbox> =
            mailboxes.iter().filter_map(|id| state.mailboxes.get(id).cloned()).collect();
        let planned = plan(&known, rules, from);
        let batches = planned.batches.iter().map(|one| (one.number, one.due_at, None)).collect();
        let mut items = Vec::new();
        for batch in &planned.batches {
            for one in &batch.mailboxes {
                items.extend(one.tested.iter().map(|workload| Item {
                    batch: batch.number,
                    mailbox: one.id,
                    workload: *workload,
                    state: TestState::Waiting,
                    end: None,
                    sent: None,
                }));
            }
        }
        let id = TestJobId(Uuid::from_u128(state.jobs.len() as u128 + 1));
        state.jobs.insert(id, Job { state: JobState::Running, rules, batches, items });
        id
    }

    pub fn job(&self, id: TestJobId) -> Job {
        self.state().jobs[&id].clone()
    }

    pub fn set_job(&self, id: TestJobId, to: JobState) {
        let mut state = self.state();
        let job = state.jobs.get_mut(&id).unwrap();
        job.state = to;
        if to == JobState::Cancelled {
            job.items.iter_mut().filter(|item| Job::is_open(item)).for_each(|item| {
                item.state = TestState::Cancelled;
            });
        }
    }
}

#[async_trait]
impl TestResults for Store {
    async fn record_test(
        &self,
        mailbox: MailboxId,
        workload: Workload,
        rungs: Vec<Rung>,
        failure: Option<Failure>,
        at: Instant,
    ) -> Result<(), StorageError> {
        self.log.add(format!("record {mailbox} {workload}"));
        self.write(|state| {
            let held = failure.is_none();
            let Some(known) = state.mailboxes.get_mut(&mailbox) else { return missing() };
            match workload {
                Workload::Incoming => known.incoming_state.enabled = held,
                Workload::Outgoing => known.outgoing_state.enabled = held,
                Workload::Act => known.act_state.enabled = held,
            }
            state.schedule.get_mut(&(mailbox, workload)).unwrap().due_at = held.then_some(at);
            state.tests.push((mailbox, workload, rungs, failure));
            Ok(())
        })
        .await
    }
}

fn items_of(state: &mut State, job: TestJobId, mailbox: MailboxId) -> impl Iterator<Item = &mut Item> {
    let items = state.jobs.get_mut(&job).map(|job| job.items.iter_mut());
    items.into_iter().flatten().filter(move |item| item.mailbox == mailbox)
}

fn start_batches(job: &mut Job, now: Instant) {
    for place in 0..job.batches.len() {
        let (number, due_at, started_at) = job.batches[place];
        if due_at > now || started_at.is_some() {
            continue;
        }
        job.batches[place].2 = Some(now);
        for later in &mut job.batches[place + 1..] {
            later.1 = moved(later.1, now, later.0 - number, job.rules);
        }
    }
}

fn work(job: &mut Job, id: TestJobId, mailbox: MailboxId) -> TestWork {
    let mut work = TestWork { job: id, mailbox, workloads: Vec::new(), incoming: None, sent: None };
    for item in job.items.iter_mut().filter(|item| item.mailbox == mailbox) {
        if item.state == TestState::Waiting {
            item.state = TestState::Running;
            work.workloads.push(item.workload);
        } else if item.workload == Workload::Incoming {
            work.incoming = match &item.end {
                Some(TestEnd::Succeeded) => Some(Ok(())),
                Some(TestEnd::Failed { failure, .. }) => Some(Err(failure.code)),
                _ => None,
            };
        }
        work.sent = item.sent.clone().or(work.sent);
    }
    work
}

#[async_trait]
impl TestJobs for Store {
    async fn free_tests(&self, _now: Instant) -> Result<(), StorageError> {
        self.write(|state| {
            let items = state.jobs.values_mut().flat_map(|job| &mut job.items);
            items.filter(|item| item.state == TestState::Running).for_each(|item| {
                item.state = TestState::Waiting;
            });
            Ok(())
        })
        .await
    }

    async fn claim_tests(
        &self,
        only: Option<TestJobId>,
        now: Instant,
        limit: u32,
    ) -> Result<Vec<TestWork>, StorageError> {
        self.write(|state| {
            let mut claimed = Vec::new();
            for (id, job) in &mut state.jobs {
                if job.state != JobState::Running || only.is_some_and(|only| only != *id) {
                    continue;
                }
                start_batches(job, now);
                let started: HashSet<u32> =
                    job.batches.iter().filter(|batch| batch.2.is_some()).map(|batch| batch.0).collect();
                while claimed.len() < limit as usize {
                    let next = job
                        .items
                        .iter()
                        .find(|item| item.state == TestState::Waiting && started.contains(&item.batch));
                    let Some(mailbox) = next.map(|item| item.mailbox) else { break };
                    claimed.push(work(job, *id, mailbox));
                }
            }
            Ok(claimed)
        })
        .await
    }

    async fn next_tests_at(&self) -> Result<Option<Instant>, StorageError> {
        let state = self.state();
        let jobs = state.jobs.values().filter(|job| job.state == JobState::Running);
        let dates = jobs.flat_map(|job| {
            let waits =
                |batch| job.items.iter().any(|item| item.batch == batch && item.state == TestState::Waiting);
            job.batches.iter().filter(move |batch| waits(batch.0)).map(|batch| batch.1)
        });
        Ok(dates.min())
    }

    async fn note_test_message(
        &self,
        job: TestJobId,
        mailbox: MailboxId,
        sent: SentTest,
    ) -> Result<(), StorageError> {
        self.write(|state| {
            items_of(state, job, mailbox).for_each(|item| item.sent = Some(sent.clone()));
            Ok(())
        })
        .await
    }

    async fn finish_test(&self, done: TestDone) -> Result<TestProgress, StorageError> {
        self.write(|state| {
            for item in items_of(state, done.job, done.mailbox) {
                if item.workload == done.workload && item.state == TestState::Running {
                    item.state = match &done.end {
                        TestEnd::Succeeded => TestState::Succeeded,
                        TestEnd::Failed { .. } => TestState::Failed,
                        TestEnd::Skipped(_) => TestState::Skipped,
                    };
                    item.end = Some(done.end.clone());
                }
            }
            let Some(job) = state.jobs.get_mut(&done.job) else { return missing() };
            if job.state == JobState::Running && !job.items.iter().any(Job::is_open) {
                job.state = JobState::Done;
            }
            Ok(job.progress(done.job))
        })
        .await
    }

    async fn release_test(&self, job: TestJobId, mailbox: MailboxId) -> Result<(), StorageError> {
        self.write(|state| {
            items_of(state, job, mailbox).filter(|item| item.state == TestState::Running).for_each(|item| {
                item.state = TestState::Waiting;
            });
            Ok(())
        })
        .await
    }

    async fn cancelled_tests(&self, jobs: Vec<TestJobId>) -> Result<Vec<TestJobId>, StorageError> {
        let state = self.state();
        let is_cancelled =
            |id: &TestJobId| state.jobs.get(id).is_some_and(|job| job.state == JobState::Cancelled);
        Ok(jobs.into_iter().filter(is_cancelled).collect())
    }
}
