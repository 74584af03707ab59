//! What is quiet, in memory.

use super::Store;
use crate::ports::{
    circuits::Circuits,
    quiet::{Briefing, INBOX, Quiet, QuietWork, StartingPoint},
    storage::*,
};
use async_trait::async_trait;
use tandem_domain::{Instant, breaker::Circuit, email::EmailStatus, ids::MailboxId, workload::Workload};

impl Store {
    async fn briefing(&self, id: MailboxId, workload: Workload) -> Result<Briefing, StorageError> {
        let (settings, mailbox) = (self.settings().await?, self.mailbox(id).await?);
        let (profile, circuit) = match mailbox.profile {
            Some(id) => (Some(self.profile(id).await?), self.circuit(id, workload).await?),
            None => (None, Circuit::default()),
        };
        let start = match workload {
            Workload::Incoming => {
                StartingPoint { cursor: self.cursor(id, INBOX).await?, owed: self.owed(id, INBOX).await? }
            }
            Workload::Outgoing | Workload::Act => StartingPoint::default(),
        };
        Ok(Briefing { settings, mailbox, profile, circuit, start })
    }
}

#[async_trait]
impl Quiet for Store {
    async fn briefings(
        &self,
        asked: Vec<(MailboxId, Workload)>,
    ) -> Result<Vec<Result<Briefing, StorageError>>, StorageError> {
        self.state().briefed.push(asked.len());
        let mut briefings = Vec::new();
        for (mailbox, workload) in asked {
            briefings.push(self.briefing(mailbox, workload).await);
        }
        Ok(briefings)
    }
    async fn quiet_outgoing(&self, now: Instant, limit: u32) -> Result<QuietWork, StorageError> {
        let state = self.state();
        let sends = |id: &MailboxId| {
            let busy = [EmailStatus::PendingSend, EmailStatus::Sending];
            state.emails.values().any(|kept| kept.mailbox == *id && busy.contains(&kept.status))
        };
        let due = state.schedule.iter().filter(|((id, workload), row)| {
            *workload == Workload::Outgoing
                && row.due_at.is_some_and(|due| due <= now)
                && !row.leased
                && row.attempts == 0
                && row.failure.is_none()
                && !sends(id)
                && state.mailboxes[id].is_processed(*workload)
                && state.circuit(*id, *workload).outage.is_none()
        });
        let quiet = due.take(limit as usize).map(|((id, workload), row)| {
            let mailbox = state.mailboxes[id].clone();
            let work = DueWork {
                mailbox: *id,
                workload: *workload,
                profile: mailbox.profile.unwrap(),
                due_at: row.due_at.unwrap(),
                attempts: row.attempts,
                activity: row.activity,
                had_failed: false,
                is_probe: false,
            };
            (work, mailbox)
        });
        let (due, profiles) = (quiet.collect(), state.profiles.clone());
        Ok(QuietWork { settings: state.settings.clone(), due, profiles })
    }
    async fn finish_all(&self, reports: Vec<CycleReport>) -> Result<Option<Instant>, StorageError> {
        let mut next = None;
        for report in reports {
            let (mailbox, workload) = (report.mailbox, report.workload);
            self.finish(report).await?;
            next = [next, self.due_at(mailbox, workload).await?].into_iter().flatten().min();
        }
        Ok(next)
    }
}
