//! Email Router files to a plan, and the plan to configuration. Pure: the caller opens files, asks people and writes.
//!
//! 1. [`intake::check_sizes`], then [`intake::read`]: files to [`RouterData`], or every error with router, file and line.
//! 2. [`plan::make`]: data and a [`snapshot::Snapshot`] of the configuration to a [`plan::Plan`], its
//!    [`provenance::Provenance`] and the passwords that could be decrypted.
//! 3. The admin decides: [`plan::Plan::rename`], [`plan::Plan::set_migrate`], [`plan::Plan::decide`].
//! 4. [`diff::diff`] says what differs since; [`changes::changes`] gives what is to be written, nothing the second time.
//! 5. [`summary::summary`] and [`report`] say it to people.
//!
//! What is known about the original's files, and how surely, is marked where a rule rests on it: C confirmed, I inferred, R
//! recollected, \[U\] unknown, "ours" a decision of Tandem. The keys of the sources stand in docs/standards.md.

mod agent;
pub mod changes;
mod decode;
pub mod decryption;
pub mod diff;
pub mod error;
pub mod intake;
mod key;
mod leaf;
mod model;
mod names;
pub mod plan;
pub mod provenance;
pub mod report;
pub mod sample;
pub mod snapshot;
mod state;
pub mod summary;
mod values;
mod words;
mod xml;

pub use key::KeyMaterial;
pub use model::{MovedFile, RouterData};
pub use values::Threshold;
