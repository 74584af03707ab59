//! Windows Credential Manager: the signed-in person's generic credentials.

use std::sync::Arc;
use std::time::Duration;

use keyring_core::{CredentialStore, Error};
use windows_native_keyring_store::Store;

use crate::StoreState;

pub(super) const NAME: &str = "Windows Credential Manager";
/// `CRED_MAX_CREDENTIAL_BLOB_SIZE`: 5 * 512 bytes.
pub(super) const LIMIT: usize = 2560;
pub(super) const PATIENCE: Option<Duration> = None;
pub(super) const ASK_BEFORE_USE: bool = false;

pub(super) fn open() -> keyring_core::Result<Arc<CredentialStore>> {
    Ok(Store::new()?)
}

/// Asks for an entry that never exists.
pub(super) fn state() -> StoreState {
    match open().and_then(|store| store.build(super::SERVICE, "probe", None)?.get_secret()) {
        Err(error) => refusal(&error).unwrap_or(StoreState::Ready),
        Ok(_) => StoreState::Ready,
    }
}

/// Whether the store, not the entry, is the trouble.
pub(super) fn refusal(error: &Error) -> Option<StoreState> {
    super::answers::of_credential_manager(error)
}

/// It opens with the sign-in; there is nothing to unlock.
pub(super) fn unlock() {}
