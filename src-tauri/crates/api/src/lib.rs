//! The only surface for any shell: one function per user action, wire types, and the composition of the house.
//!
//! [`Tandem`] is the program; its async methods are the actions of [`router`], one file per area.

mod bodies;
mod certificates;
mod compose;
mod configuration;
mod decide;
mod emails;
mod health;
mod keys;
mod ladders;
mod ledger;
mod mailboxes;
mod migration;
mod people;
mod practice;
mod profiles;
mod quarantine;
mod remap;
pub mod router;
mod send;
mod settings;
mod views;
pub mod wire;

pub use compose::{OpenOptions, RunFor, RunReport, SecretsChoice, Tandem, data_folder, vault_exists};
pub use configuration::AskPassword;
pub use migration::ExampleServers;
pub use practice::{Practice, PracticeMailbox, PracticeReport};
