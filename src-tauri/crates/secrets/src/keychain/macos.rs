//! macOS Keychain: generic passwords in the person's login keychain.

use std::sync::Arc;
use std::time::Duration;

use apple_native_keyring_store::keychain::Store;
use keyring_core::{CredentialStore, Error};
use security_framework::os::macos::keychain::SecKeychain;

use crate::StoreState;
use crate::store::LONGEST_SECRET;

pub(super) const NAME: &str = "macOS Keychain";
pub(super) const LIMIT: usize = LONGEST_SECRET;
/// The Keychain may be waiting for the person's permission.
pub(super) const PATIENCE: Option<Duration> = None;
pub(super) const ASK_BEFORE_USE: bool = false;

pub(super) fn open() -> keyring_core::Result<Arc<CredentialStore>> {
    Ok(Store::new()?)
}

/// Asks for an entry that never exists. Names can be searched in a locked keychain, so "no such entry" is always true
/// here, and "locked" only shows when an entry that exists is read: see [`refusal`].
pub(super) fn state() -> StoreState {
    match open().and_then(|store| store.build(super::SERVICE, "probe", None)?.get_secret()) {
        Err(error) => refusal(&error).unwrap_or(StoreState::Ready),
        Ok(_) => StoreState::Ready,
    }
}

/// Whether the keychain, not the entry, is the trouble.
pub(super) fn refusal(error: &Error) -> Option<StoreState> {
    let (Error::PlatformFailure(cause) | Error::NoStorageAccess(cause)) = error else { return None };
    super::answers::of_os_status(cause.downcast_ref::<security_framework::base::Error>()?.code(), cause)
}

/// Lets the system show its prompt. The outcome is read from [`state`] afterwards.
pub(super) fn unlock() {
    let _ = SecKeychain::default().and_then(|mut keychain| keychain.unlock(None));
}
