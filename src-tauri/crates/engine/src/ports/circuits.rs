//! What the engine asks of storage about the circuits of profiles.

use super::storage::StorageError;
use async_trait::async_trait;
use tandem_domain::{
    Instant,
    breaker::{Asked, Circuit, Signal, Turn},
    ids::{MailboxId, ProfileId},
    workload::Workload,
};

/// The circuits of profiles, one per direction, as durable as the schedule.
#[async_trait]
pub trait Circuits: Send + Sync {
    /// One circuit; a closed one where nothing is known.
    async fn circuit(&self, profile: ProfileId, workload: Workload) -> Result<Circuit, StorageError>;
    /// Takes in what a cycle of `from` told about the server, by `Circuit::after`, as one step. The circuit after it,
    /// and what that changed.
    async fn signal(
        &self,
        profile: ProfileId,
        workload: Workload,
        from: MailboxId,
        signal: Signal,
        at: Instant,
    ) -> Result<(Circuit, Turn), StorageError>;
    /// Brings the next probe of a profile's open circuits forward to now, or of all profiles'.
    async fn probe_now(
        &self,
        profile: Option<ProfileId>,
        asked: Asked,
        at: Instant,
    ) -> Result<(), StorageError>;
}
