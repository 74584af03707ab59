//! Secrets kept only while the process runs: for tests, and for trying Tandem out without leaving a trace.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::store::{LONGEST_SECRET, check_length};
use crate::{Secret, SecretError, SecretRef, SecretStore, StoreState};

/// Secrets in memory, wiped when dropped.
#[derive(Debug, Default)]
pub struct MemoryStore {
    entries: Mutex<HashMap<SecretRef, Secret>>,
}

impl MemoryStore {
    fn entries(&self) -> MutexGuard<'_, HashMap<SecretRef, Secret>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SecretStore for MemoryStore {
    fn put(&self, key: &SecretRef, secret: Secret) -> Result<(), SecretError> {
        check_length(&self.name(), &secret, LONGEST_SECRET)?;
        self.entries().insert(key.clone(), secret);
        Ok(())
    }

    fn get(&self, key: &SecretRef) -> Result<Secret, SecretError> {
        let found = self.entries().get(key).cloned();
        found.ok_or_else(|| SecretError::NotFound { store: self.name(), key: key.clone() })
    }

    fn delete(&self, key: &SecretRef) -> Result<(), SecretError> {
        self.entries().remove(key);
        Ok(())
    }

    fn state(&self) -> StoreState {
        StoreState::Ready
    }

    fn name(&self) -> String {
        "memory".into()
    }
}
