//! The only surface for any shell: one function per user action, wire types, and the composition of the house.
//!
//! [`Tandem`] is the program; its async methods are the actions of [`router`], one file per area.

mod alerts;
mod attach;
mod bodies;
mod certificates;
mod compose;
mod configuration;
mod decide;
mod diagnostics;
mod discover;
mod emails;
mod forecast;
mod health;
mod judge;
mod keys;
mod ladders;
mod ledger;
mod mailboxes;
mod majority;
mod migration;
mod monitoring;
mod people;
mod practice;
mod profiles;
mod quarantine;
mod remap;
pub mod router;
mod send;
mod settings;
mod spreadsheet;
mod test_jobs;
mod verification;
mod views;
pub mod wire;

pub use attach::{Attached, Program, Role};
pub(crate) use compose::LOCKED;
pub use compose::{
    OpenOptions, RunFor, RunReport, SecretsChoice, Tandem, data_folder, engine_of, vault_exists,
};
pub use configuration::AskPassword;
pub use migration::ExampleServers;
pub use practice::{Practice, PracticeMailbox, PracticeReport};
