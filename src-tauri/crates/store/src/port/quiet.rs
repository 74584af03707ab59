//! The port `Quiet`: many mailboxes at once, and what a cycle has to know in one read.

use super::{not_found, schedule::end_cycle};
use crate::{
    Store,
    table::{circuit, folder, history, item_retry, mailbox, organization, profile, schedule},
};
use async_trait::async_trait;
use tandem_domain::{Instant, breaker::Circuit, ids::MailboxId, workload::Workload};
use tandem_engine::ports::{
    quiet::{Briefing, Quiet, QuietWork, StartingPoint},
    storage::{CycleReport, StorageError},
};

#[async_trait]
impl Quiet for Store {
    async fn briefing(&self, id: MailboxId, workload: Workload) -> Result<Briefing, StorageError> {
        self.read(move |connection| {
            let settings = organization::settings(connection)?;
            let mailbox = mailbox::get(connection, id)?.ok_or_else(|| not_found("mailbox", id))?;
            let (profile, circuit) = match mailbox.profile {
                Some(id) => {
                    let profile = profile::get(connection, id)?.ok_or_else(|| not_found("profile", id))?;
                    (Some(profile), circuit::get(connection, id, workload)?)
                }
                None => (None, Circuit::default()),
            };
            Ok(Briefing { settings, mailbox, profile, circuit })
        })
        .await
    }

    async fn starting_point(&self, mailbox: MailboxId, folder: &str) -> Result<StartingPoint, StorageError> {
        let name = folder.to_owned();
        self.read(move |connection| {
            let Some(folder) = folder::find(connection, mailbox, &name)? else {
                return Ok(StartingPoint::default());
            };
            let cursor = folder::cursor(connection, mailbox, &name)?;
            Ok(StartingPoint { cursor, owed: item_retry::of_folder(connection, folder)? })
        })
        .await
    }

    async fn quiet_outgoing(&self, now: Instant, limit: u32) -> Result<QuietWork, StorageError> {
        self.read(move |connection| {
            let mut found = QuietWork::default();
            for work in schedule::quiet_outgoing(connection, now, limit)? {
                let profile = match found.profiles.contains_key(&work.profile) {
                    true => None,
                    false => profile::get(connection, work.profile)?,
                };
                found.profiles.extend(profile.map(|profile| (profile.id, profile)));
                if let Some(mailbox) = mailbox::get(connection, work.mailbox)? {
                    found.due.push((work, mailbox));
                }
            }
            if !found.due.is_empty() {
                found.settings = organization::settings(connection)?;
            }
            Ok(found)
        })
        .await
    }

    async fn finish_all(&self, reports: Vec<CycleReport>) -> Result<Option<Instant>, StorageError> {
        self.write(move |connection, changes| {
            let (mut recorded, mut next) = (Vec::with_capacity(reports.len()), None);
            for report in reports {
                if let Some(due_at) = end_cycle(connection, &report, changes)? {
                    next = [next, due_at].into_iter().flatten().min();
                    recorded.push(report);
                }
            }
            changes.sort_unstable();
            changes.dedup();
            history::add(connection, &recorded)?;
            Ok(next)
        })
        .await
    }
}
