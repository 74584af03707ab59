//! What health is judged by: circuits of profiles, and whether anybody works.

use crate::{Tandem, people::of_storage, wire::ApiError};
use std::collections::HashMap;
use tandem_domain::{
    Instant,
    breaker::Circuit,
    health::{EngineLife, Health, Judged, health, profile_health},
    ids::ProfileId,
    mailbox::Mailbox,
    profile::EmailServerProfile,
    settings::ProcessEmailUsing,
    workload::Workload,
};
use tandem_engine::ports::storage::Schedule;
use tandem_store::{DataFolderLock, view};

/// Everything that the health of more than one mailbox depends on, as it is now.
pub(crate) struct Judge {
    circuits: HashMap<(ProfileId, Workload), Circuit>,
    /// Whether an engine works, here or in another process.
    pub(crate) engine: EngineLife,
    using: ProcessEmailUsing,
    latest_end: Option<Instant>,
}

impl Tandem {
    /// Looks up what health is judged by.
    pub(crate) async fn judge(&self) -> Result<Judge, ApiError> {
        let circuits = self.store.list_circuits().await.map_err(|error| of_storage("profiles", &error))?;
        let using = self.organization_settings().await?.process_email_using;
        let latest_end = self.store.latest_end().await.map_err(|error| of_storage("mailboxes", &error))?;
        Ok(Judge { circuits: circuits.into_iter().collect(), engine: self.engine_life(), using, latest_end })
    }

    fn engine_life(&self) -> EngineLife {
        match self.hub.engine_running_since() {
            Some(since) => EngineLife::Runs { since: Some(since) },
            None if DataFolderLock::is_held(&self.folder) => EngineLife::Runs { since: None },
            None => EngineLife::DoesNotRun,
        }
    }
}

impl Judge {
    /// Judges a workload; `mailbox` is the one that is shown, with its failures in words.
    pub(crate) fn workload(
        &self,
        shown: &view::MailboxView,
        mailbox: &Mailbox,
        profile: Option<&EmailServerProfile>,
        workload: Workload,
        now: Instant,
    ) -> Option<Health> {
        let row = shown.workloads.iter().find(|row| row.workload == workload);
        let judged = Judged {
            mailbox,
            workload,
            profile,
            circuit: profile.and_then(|profile| self.circuits.get(&(profile.id, workload))),
            expected_at: row.and_then(|row| row.expected_at),
            latest_end: self.latest_end,
            engine: self.engine,
            using: self.using,
        };
        health(&judged, now)
    }

    /// Judges a profile by the workloads of its mailboxes.
    pub(crate) fn profile(&self, profile: &EmailServerProfile, workloads: &[&Health]) -> Option<Health> {
        let circuits = Workload::ALL.into_iter().filter_map(|workload| {
            self.circuits.get(&(profile.id, workload)).map(|circuit| (workload, circuit))
        });
        profile_health(profile, circuits, workloads)
    }

    /// The circuit of one direction of a profile, when there is something to know about it.
    pub(crate) fn circuit(&self, profile: ProfileId, workload: Workload) -> Option<&Circuit> {
        self.circuits.get(&(profile, workload))
    }

    /// Whether an engine works.
    pub(crate) fn engine_runs(&self) -> bool {
        self.engine != EngineLife::DoesNotRun
    }
}
