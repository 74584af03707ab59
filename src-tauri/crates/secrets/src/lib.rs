//! Where passwords live: the OS keychain, an encrypted vault file, or memory.
//!
//! Everything else in Tandem holds a [`SecretRef`] (which may be written to the database) and asks a [`SecretStore`]
//! for the [`Secret`] at the moment of use. Stores block: call them from `spawn_blocking`.
//!
//! One rule runs through all of it: "I cannot look" ([`SecretError::Locked`], [`SecretError::Absent`]) is never
//! reported as "it is not there" ([`SecretError::NotFound`]), because the first heals by itself and the second makes
//! people type passwords again.

mod error;
mod keychain;
mod memory;
mod secret;
mod store;
mod vault;

pub use error::SecretError;
pub use keychain::Keychain;
pub use memory::MemoryStore;
pub use secret::{InvalidRef, Secret, SecretRef};
pub use store::{SecretStore, StoreState};
pub use vault::VaultFile;
