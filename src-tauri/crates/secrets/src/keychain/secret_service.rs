//! The freedesktop.org Secret Service (GNOME Keyring, KWallet, KeePassXC) over the session bus.

use std::sync::Arc;
use std::time::Duration;

use keyring_core::CredentialStore;
use secret_service::blocking::SecretService;
use secret_service::{EncryptionType, Error};
use zbus_secret_service_keyring_store::Store;

use crate::StoreState;
use crate::store::LONGEST_SECRET;

pub(super) const NAME: &str = "Secret Service";
pub(super) const LIMIT: usize = LONGEST_SECRET;
/// D-Bus calls have no time limit of their own.
pub(super) const PATIENCE: Option<Duration> = Some(Duration::from_secs(15));
/// Reading from a locked collection would raise a prompt, from the background, at every synchronization.
pub(super) const ASK_BEFORE_USE: bool = true;

pub(super) fn open() -> keyring_core::Result<Arc<CredentialStore>> {
    Ok(Store::new()?)
}

/// Looks at the default collection, where new entries go, without unlocking anything.
pub(super) fn state() -> StoreState {
    // Nothing secret crosses the bus here, so the session needs no encryption.
    let locked = SecretService::connect(EncryptionType::Plain)
        .and_then(|service| service.get_default_collection().and_then(|keyring| keyring.is_locked()));
    state_of(locked)
}

/// What the service's answer to "is the default collection locked" says.
fn state_of(locked: Result<bool, Error>) -> StoreState {
    match locked {
        Ok(false) => StoreState::Ready,
        Ok(true) | Err(Error::Locked | Error::Prompt) => StoreState::Locked,
        Err(Error::NoResult) => absent("it has no default keyring yet"),
        Err(Error::Unavailable) => absent("no Secret Service is running in this session"),
        Err(other) => absent(&other.to_string()),
    }
}

/// Whether the service, not the entry, is the trouble. "No such entry" is also what it answers with no collection
/// unlocked, or with none at all, so every failure is held against the state.
pub(super) fn refusal(_: &keyring_core::Error) -> Option<StoreState> {
    Some(state()).filter(|state| *state != StoreState::Ready)
}

/// Lets the service show its prompt. The outcome is read from [`state`] afterwards.
pub(super) fn unlock() {
    let _ = SecretService::connect(EncryptionType::Plain)
        .and_then(|service| service.get_default_collection().and_then(|keyring| keyring.unlock()));
}

fn absent(why: &str) -> StoreState {
    StoreState::Absent { why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Keychain, SecretError, SecretRef, SecretStore};

    const CORPUS: &str = include_str!("../../../../../tests/corpus/errors/keychain.tsv");

    #[test]
    fn every_answer_of_a_secret_service_in_the_corpus_has_its_code() {
        let mut seen = 0;
        for line in CORPUS.lines() {
            let fields: Vec<&str> = line.split('\t').collect();
            let error = match fields[..] {
                ["secret-service", "locked", ..] => state_of(Err(Error::Locked)).require_ready(NAME),
                ["secret-service", "prompt", ..] => state_of(Err(Error::Prompt)).require_ready(NAME),
                ["secret-service", "unavailable", ..] => {
                    state_of(Err(Error::Unavailable)).require_ready(NAME)
                }
                ["secret-service", "no collection", ..] => state_of(Err(Error::NoResult)).require_ready(NAME),
                ["secret-service", "no answer", ..] => {
                    let impatient = Keychain::new("nobody").with_patience(Duration::ZERO);
                    impatient.get(&SecretRef::mailbox_password(uuid::Uuid::nil())).map(drop)
                }
                ["secret-service", "no entry", ..] => {
                    let key = SecretRef::mailbox_password(uuid::Uuid::nil());
                    Err(crate::keychain::explain(&keyring_core::Error::NoEntry, &key, None))
                }
                _ => continue,
            };
            let error: SecretError = error.unwrap_err();
            let expected = match fields[4] {
                "password_missing" => "secret_not_found",
                "keychain_locked" => "secret_store_locked",
                "keychain_absent" => "secret_store_absent",
                other => panic!("{other}"),
            };
            assert_eq!(error.code(), expected, "{line}: {error}");
            seen += 1;
        }
        assert_eq!(seen, 6);
        assert_eq!(state_of(Ok(false)), StoreState::Ready);
        assert_eq!(state_of(Ok(true)), StoreState::Locked);
    }
}
