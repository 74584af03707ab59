//! The store over real files: each port's contract, and what happens when things go wrong.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

mod activities;
mod alerts;
mod clockwork;
mod configuration;
#[cfg(unix)]
mod crash;
mod full_disk;
mod history;
mod large;
mod ledger;
mod migration;
mod opening;
mod packs;
mod quiet;
mod schedule;
mod schema;
mod support;
#[cfg(unix)]
mod test_job_crash;
mod test_jobs;
