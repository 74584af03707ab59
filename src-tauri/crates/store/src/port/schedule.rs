//! The port `Schedule`: the durable truth about who runs when.

use super::not_found;
use crate::{
    ChangeKind, Store,
    table::{
        circuit, coverage, history,
        mailbox_workload::{self, Completion},
        schedule,
    },
    writer::Changes,
};
use async_trait::async_trait;
use rusqlite::Connection;
use tandem_domain::{Instant, ids::MailboxId, workload::Workload};
use tandem_engine::ports::storage::{CycleReport, DueWork, Schedule, StorageError};

#[async_trait]
impl Schedule for Store {
    async fn claim_due(
        &self,
        workload: Workload,
        now: Instant,
        lease_owner: &str,
        lease_until: Instant,
        limit: u32,
    ) -> Result<Vec<DueWork>, StorageError> {
        // Asked often and mostly for nothing: only look first, and write when there is something.
        let waiting = self.read_in_turn(move |connection| {
            let mut waiting = schedule::due(connection, workload, now, 1)?;
            waiting.extend(schedule::due_probes(connection, workload, now)?);
            Ok(waiting)
        });
        if waiting.await?.is_empty() {
            return Ok(Vec::new());
        }
        let lease_owner = lease_owner.to_owned();
        self.write(move |connection, changes| {
            let mut due = schedule::due_probes(connection, workload, now)?;
            due.extend(schedule::due(connection, workload, now, limit)?);
            for work in &due {
                take(connection, work, &lease_owner, lease_until)?;
            }
            changes.push(ChangeKind::Schedule);
            Ok(due)
        })
        .await
    }

    async fn claim(
        &self,
        mailbox: MailboxId,
        workload: Workload,
        now: Instant,
        lease_owner: &str,
        lease_until: Instant,
    ) -> Result<Option<DueWork>, StorageError> {
        let lease_owner = lease_owner.to_owned();
        self.write(move |connection, changes| {
            let found = schedule::claimable(connection, mailbox, workload, now)?;
            if let Some(work) = &found {
                take(connection, work, &lease_owner, lease_until)?;
                changes.push(ChangeKind::Schedule);
            }
            Ok(found)
        })
        .await
    }

    async fn finish(&self, report: CycleReport) -> Result<(), StorageError> {
        self.write(move |connection, changes| {
            if end_cycle(connection, &report, changes)?.is_none() {
                return Err(not_found("mailbox", report.mailbox));
            }
            history::add(connection, std::slice::from_ref(&report))?;
            Ok(())
        })
        .await
    }

    async fn release(
        &self,
        mailbox: MailboxId,
        workload: Workload,
        lease_owner: &str,
    ) -> Result<(), StorageError> {
        let lease_owner = lease_owner.to_owned();
        self.write(move |connection, changes| {
            schedule::release(connection, mailbox, workload, &lease_owner)?;
            circuit::free_probe(connection, mailbox, workload)?;
            changes.push(ChangeKind::Schedule);
            Ok(())
        })
        .await
    }

    async fn release_all(&self) -> Result<(), StorageError> {
        self.write(move |connection, changes| {
            schedule::release_all(connection)?;
            circuit::free_probes(connection)?;
            changes.push(ChangeKind::Schedule);
            Ok(())
        })
        .await
    }

    async fn next_due(&self) -> Result<Option<Instant>, StorageError> {
        self.read_in_turn(|connection| Ok(schedule::next_due(connection, Instant::MIN_UTC)?)).await
    }

    async fn next_due_after(&self, now: Instant) -> Result<Option<Instant>, StorageError> {
        self.read_in_turn(move |connection| Ok(schedule::next_due(connection, now)?)).await
    }

    async fn due_at(&self, mailbox: MailboxId, workload: Workload) -> Result<Option<Instant>, StorageError> {
        self.read(move |connection| Ok(schedule::due_at(connection, mailbox, workload)?)).await
    }

    async fn latest_end(&self) -> Result<Option<Instant>, StorageError> {
        self.read(|connection| Ok(mailbox_workload::latest_end(connection)?)).await
    }

    async fn pull_in(&self, now: Instant, by: chrono::Duration) -> Result<(), StorageError> {
        self.write(move |connection, changes| {
            schedule::pull_in(connection, now, by.num_milliseconds())?;
            changes.push(ChangeKind::Schedule);
            Ok(())
        })
        .await
    }

    async fn prove_anew(&self, now: Instant, expected: Instant) -> Result<(), StorageError> {
        self.write(move |connection, changes| {
            schedule::prove_anew(connection, now, expected)?;
            changes.push(ChangeKind::Schedule);
            Ok(())
        })
        .await
    }

    async fn make_due(
        &self,
        mailbox: MailboxId,
        workload: Workload,
        at: Instant,
    ) -> Result<(), StorageError> {
        self.write(move |connection, changes| {
            if schedule::make_due(connection, mailbox, workload, at)? == 0 {
                return Err(not_found("mailbox", mailbox));
            }
            changes.push(ChangeKind::Schedule);
            Ok(())
        })
        .await
    }

    async fn last_completed_start(
        &self,
        mailbox: MailboxId,
        workload: Workload,
    ) -> Result<Option<Instant>, StorageError> {
        self.read(move |connection| {
            let found = schedule::get(connection, mailbox, workload)?;
            Ok(found.and_then(|row| row.last_completed_start))
        })
        .await
    }
}

/// Records a cycle's end, but for [`history::add`]. The instant at which the workload is due next; `None` when
/// there is no such workload (any more).
pub(super) fn end_cycle(
    connection: &Connection,
    report: &CycleReport,
    changes: &mut Changes,
) -> rusqlite::Result<Option<Option<Instant>>> {
    let CycleReport { mailbox, workload, ended_at, .. } = *report;
    // Whether it is well for the first time is known before its end is recorded.
    let completion = match (&report.failure, report.expected_at) {
        (None, Some(_)) => Some(mailbox_workload::completed(connection, mailbox, workload)?),
        _ => None,
    };
    let Some(due_at) = schedule::finish(connection, report)? else { return Ok(None) };
    circuit::free_probe(connection, mailbox, workload)?;
    if let Some(failure) = &report.failure {
        mailbox_workload::failed(connection, mailbox, workload, failure, ended_at)?;
        if report.next_due_at.is_none() {
            mailbox_workload::stop(connection, mailbox, workload, failure.code)?;
        }
        changes.push(ChangeKind::Configuration);
    }
    // Thousands of mailboxes that go on being well are no news to whoever shows their configuration.
    if completion == Some(Completion::First) {
        changes.push(ChangeKind::Configuration);
    }
    if completion.is_some() && workload == Workload::Incoming {
        coverage::extend(connection, mailbox, report.started_at, ended_at)?;
    }
    changes.push(ChangeKind::Schedule);
    Ok(Some(due_at))
}

/// Takes a lease, and the probe with it.
fn take(
    connection: &Connection,
    work: &DueWork,
    lease_owner: &str,
    lease_until: Instant,
) -> rusqlite::Result<()> {
    if work.is_probe {
        circuit::take_probe(connection, work.profile, work.workload, work.mailbox)?;
    }
    schedule::lease(connection, work, lease_owner, lease_until)
}
