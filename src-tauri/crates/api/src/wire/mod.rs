//! Wire types: what crosses to a shell, the command line's JSON and the window alike.
//!
//! Field names and shapes are the contract of the command line; instants are RFC 3339 in UTC; enumerations are
//! the same words as in configuration files. Adding is free, changing needs a CHANGELOG entry.

mod alert;
mod configuration;
mod diagnostics;
mod discover;
mod email;
mod error;
mod event;
mod forecast;
mod health;
mod ledger;
mod mailbox;
mod migration;
mod monitoring;
mod profile;
mod test;
mod test_job;
mod verification;

pub use alert::*;
pub use configuration::*;
pub use diagnostics::*;
pub use discover::*;
pub use email::*;
pub use error::*;
pub use event::*;
pub use forecast::*;
pub use health::*;
pub use ledger::*;
pub use mailbox::*;
pub use migration::*;
pub use monitoring::*;
pub use profile::*;
pub use test::*;
pub use test_job::*;
pub use verification::*;

/// An instant on the wire.
pub type Time = chrono::DateTime<chrono::Utc>;

/// A request or response that carries nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, specta::Type)]
pub struct Nothing {}
