//! The port `Schedule`: the durable truth about who runs when.

use super::not_found;
use crate::{
    ChangeKind, Store,
    table::{cycle, mailbox_workload, schedule},
};
use async_trait::async_trait;
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
        let waiting = self.read(move |connection| Ok(schedule::due(connection, workload, now, 1)?)).await?;
        if waiting.is_empty() {
            return Ok(waiting);
        }
        let lease_owner = lease_owner.to_owned();
        self.write(move |connection, changes| {
            let due = schedule::due(connection, workload, now, limit)?;
            for work in &due {
                schedule::lease(connection, work, &lease_owner, lease_until)?;
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
                schedule::lease(connection, work, &lease_owner, lease_until)?;
                changes.push(ChangeKind::Schedule);
            }
            Ok(found)
        })
        .await
    }

    async fn finish(&self, report: CycleReport) -> Result<(), StorageError> {
        self.write(move |connection, changes| {
            let CycleReport { mailbox, workload, ended_at, .. } = report;
            // A cycle that wants to go on at once has not completed.
            let completed = report.failure.is_none() && report.next_due_at.is_none_or(|due| due > ended_at);
            let start = completed.then_some(report.started_at);
            let next = report.next_due_at;
            let known = schedule::finish(connection, mailbox, workload, next, report.attempts, start)?;
            if known == 0 {
                return Err(not_found("mailbox", mailbox));
            }
            match &report.failure {
                Some(failure) => {
                    mailbox_workload::failed(connection, mailbox, workload, failure, ended_at)?;
                }
                None if completed => {
                    mailbox_workload::completed(connection, mailbox, workload, ended_at)?;
                }
                None => {}
            }
            if next.is_none() {
                mailbox_workload::set_enabled(connection, mailbox, workload, false)?;
            }
            cycle::insert(connection, &report)?;
            changes.extend([ChangeKind::Configuration, ChangeKind::Schedule]);
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
            changes.push(ChangeKind::Schedule);
            Ok(())
        })
        .await
    }

    async fn release_all(&self) -> Result<(), StorageError> {
        self.write(move |connection, changes| {
            schedule::release_all(connection)?;
            changes.push(ChangeKind::Schedule);
            Ok(())
        })
        .await
    }

    async fn next_due(&self) -> Result<Option<Instant>, StorageError> {
        self.read(|connection| Ok(schedule::next_due(connection)?)).await
    }

    async fn due_at(&self, mailbox: MailboxId, workload: Workload) -> Result<Option<Instant>, StorageError> {
        self.read(move |connection| Ok(schedule::due_at(connection, mailbox, workload)?)).await
    }

    async fn pull_in(&self, now: Instant, by: chrono::Duration) -> Result<(), StorageError> {
        self.write(move |connection, changes| {
            schedule::pull_in(connection, now, by.num_milliseconds())?;
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
