//! The engine's storage ports, one file each, and what shells read and do besides.

mod activities;
mod alert_log;
mod alert_rules;
mod circuits;
mod configuration;
mod directory;
mod ledger;
mod monitoring;
mod quiet;
mod reads;
mod schedule;
mod test_job_desk;
mod test_jobs;
mod test_results;
mod verifications;

pub use activities::PersonsVerdict;
pub use alert_rules::FailedCycle;
pub use circuits::CredentialsOf;
pub(crate) use circuits::probe_now;

use crate::writer::JobError;
use std::fmt::Display;
use tandem_engine::ports::storage::StorageError;

/// Refuses because a record is not there (any more).
fn not_found<E: From<StorageError>>(kind: &str, id: impl Display) -> JobError<E> {
    JobError::Refused(StorageError::NotFound(format!("{kind} {id}")).into())
}
