//! Email Router Data Migration: files in, a draft that people decide on, applied in one transaction, undone until the first cycle.

mod applying;
mod deciding;
mod files;
mod mailboxes;
mod outcome;
mod passwords;
mod places;
mod planning;
mod provenance;
mod report;
mod sample;
mod summary;
mod undo;
mod views;

pub use sample::ExampleServers;
pub(crate) use sample::practice_routers;

use crate::wire::ApiError;
use serde::Serialize;
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};
use tandem_domain::ids::OrganizationId;
use tandem_router_migration::{
    plan::{Plan, RecoveredPasswords},
    provenance::Provenance,
    sample::SampleRouter,
    snapshot::Snapshot,
};
use tandem_store::migration::ConfigurationSnapshot;
use tokio_util::sync::CancellationToken;

/// What a program keeps of a migration between two actions.
#[derive(Debug, Default)]
pub(crate) struct MigrationState {
    draft: tokio::sync::Mutex<Option<Draft>>,
    /// Cancelled to stop what is being applied.
    applying: Mutex<Option<CancellationToken>>,
    /// The routers that the practice organization plays, and its own folder for their files.
    samples: OnceLock<(Vec<SampleRouter>, PathBuf)>,
}

/// The plan that people look at.
#[derive(Debug)]
struct Draft {
    plan: Arc<Plan>,
    /// Absent for a plan that came from a file.
    sources: Option<Arc<Sources>>,
    /// Where it was read from or saved to.
    file: Option<String>,
}

/// What only the process that read the routers' files has. Wiped when dropped.
#[derive(Debug)]
struct Sources {
    provenance: Provenance,
    passwords: RecoveredPasswords,
}

impl MigrationState {
    /// Tells which routers the practice organization plays, and where it keeps their files.
    pub(crate) fn play(&self, routers: Vec<SampleRouter>, folder: PathBuf) {
        let _ = self.samples.set((routers, folder));
    }

    fn start_applying(&self) -> CancellationToken {
        let token = CancellationToken::new();
        *self.applying.lock().unwrap_or_else(PoisonError::into_inner) = Some(token.clone());
        token
    }

    fn stop_applying(&self) {
        if let Some(token) = &*self.applying.lock().unwrap_or_else(PoisonError::into_inner) {
            token.cancel();
        }
    }
}

/// The configuration as the planning crate looks at it.
fn snapshot(organization: OrganizationId, found: ConfigurationSnapshot) -> Snapshot {
    Snapshot {
        organization,
        settings: found.settings,
        profiles: found.profiles,
        owners: found.owners,
        mailboxes: found.mailboxes,
    }
}

/// The word of one of the planning crate's enumerations, as it stands in plan files.
fn word(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).ok();
    value.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn no_draft() -> ApiError {
    ApiError::plain(
        "no_migration_plan",
        "migration",
        "There is no migration plan.",
        "Choose the routers' files and make one, or open a plan's file.",
    )
}

fn no_migration() -> ApiError {
    ApiError::plain(
        "nothing_migrated",
        "migration",
        "There is no migration that is in force: none was applied, or the latest one was undone.",
        "Apply a migration plan first.",
    )
}
