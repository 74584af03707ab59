//! The engine's storage ports, one file each, and what shells read and do besides.

mod activities;
mod alert_log;
mod configuration;
mod directory;
mod ledger;
mod reads;
mod schedule;
mod test_job_desk;
mod test_jobs;
mod test_results;

pub use activities::PersonsVerdict;

use crate::writer::JobError;
use std::fmt::Display;
use tandem_engine::ports::storage::StorageError;

/// Refuses because a record is not there (any more).
fn not_found<E: From<StorageError>>(kind: &str, id: impl Display) -> JobError<E> {
    JobError::Refused(StorageError::NotFound(format!("{kind} {id}")).into())
}
