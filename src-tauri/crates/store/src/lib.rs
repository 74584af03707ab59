//! SQLite: configuration, schedule, ledger, alerts and the built-in CRM.
//!
//! [`Store`] fills the engine's storage ports. One thread writes, a few connections read; a write is durable when its
//! future is ready (WAL, `synchronous=FULL`). One table, one file in `table`; one port, one file in `port`.

mod change;
mod codec;
pub mod configuration;
mod error;
mod failure_json;
mod lock;
pub mod migration;
mod open;
mod packs;
mod port;
mod query;
mod readers;
mod store;
mod table;
pub mod view;
mod writer;

pub use change::ChangeKind;
pub use error::OpenError;
pub use lock::DataFolderLock;
pub use port::{CredentialsOf, FailedCycle, PersonsVerdict};
pub use store::{DATABASE_FILE, Store, Tuning};
pub use table::{quarantine::id as quarantine_id, raw_message::RawReader};
