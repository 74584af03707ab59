//! The port `Quiet`: many mailboxes at once, and what a cycle has to know in one read.

use super::{not_found, schedule::end_cycle};
use crate::{
    Store,
    table::{circuit, folder, history, item_retry, mailbox, organization, profile, schedule},
    writer::{JobError, JobResult, Size},
};
use async_trait::async_trait;
use rusqlite::Connection;
use tandem_domain::{
    Instant, breaker::Circuit, ids::MailboxId, settings::OrganizationSettings, workload::Workload,
};
use tandem_engine::ports::{
    quiet::{Briefing, INBOX, Quiet, QuietWork, StartingPoint},
    storage::{CycleReport, StorageError},
};

#[async_trait]
impl Quiet for Store {
    async fn briefings(
        &self,
        asked: Vec<(MailboxId, Workload)>,
    ) -> Result<Vec<Result<Briefing, StorageError>>, StorageError> {
        self.read_in_turn(move |connection| {
            let settings = organization::settings(connection)?;
            let brief = |(mailbox, workload)| match briefing(connection, &settings, mailbox, workload) {
                Ok(briefing) => Ok(Ok(briefing)),
                Err(JobError::Refused(error)) => Ok(Err(error)),
                Err(error) => Err(error),
            };
            asked.into_iter().map(brief).collect()
        })
        .await
    }

    async fn quiet_outgoing(&self, now: Instant, limit: u32) -> Result<QuietWork, StorageError> {
        self.read_in_turn(move |connection| {
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
        self.write_sized(Size::Large, move |connection, changes| {
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

fn briefing(
    connection: &Connection,
    settings: &OrganizationSettings,
    id: MailboxId,
    workload: Workload,
) -> JobResult<Briefing> {
    let mailbox = mailbox::get(connection, id)?.ok_or_else(|| not_found("mailbox", id))?;
    let (profile, circuit) = match mailbox.profile {
        Some(id) => {
            let profile = profile::get(connection, id)?.ok_or_else(|| not_found("profile", id))?;
            (Some(profile), circuit::get(connection, id, workload)?)
        }
        None => (None, Circuit::default()),
    };
    let inbox = match workload {
        Workload::Incoming => folder::find(connection, id, INBOX)?,
        Workload::Outgoing | Workload::Act => None,
    };
    let start = match inbox {
        Some(folder) => StartingPoint {
            cursor: folder::cursor(connection, id, INBOX)?,
            owed: item_retry::of_folder(connection, folder)?,
        },
        None => StartingPoint::default(),
    };
    Ok(Briefing { settings: settings.clone(), mailbox, profile, circuit, start })
}
