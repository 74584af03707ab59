//! The OS keychain: Secret Service, Windows Credential Manager or macOS Keychain.
//!
//! The OS's store is opened anew for every call. That costs a few milliseconds and means that a keychain which was
//! missing or locked at the first call is used as soon as it is there. Before "no such entry" is believed, the store
//! is asked whether it could look at all: a Secret Service without an unlocked collection answers "no such entry" too.

mod answers;
mod namespace;
#[cfg_attr(target_os = "macos", path = "keychain/macos.rs")]
#[cfg_attr(windows, path = "keychain/windows.rs")]
#[cfg_attr(not(any(target_os = "macos", windows)), path = "keychain/secret_service.rs")]
mod platform;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use keyring::{Entry, Error as KeyringError};
use zeroize::Zeroizing;

use crate::store::check_length;
use crate::{Secret, SecretError, SecretRef, SecretStore, StoreState};

/// The service under which all of Tandem's entries are filed.
const SERVICE: &str = "app.tandem.desktop";

/// The OS keychain, seen from one data folder: two data folders never see each other's entries.
#[derive(Debug, Clone)]
pub struct Keychain {
    namespace: String,
    patience: Option<Duration>,
}

impl Keychain {
    /// The keychain for the entries of one namespace (a data folder's random id; see [`Self::for_folder`]).
    #[must_use]
    pub fn new(namespace: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), patience: platform::PATIENCE }
    }

    /// The keychain for the entries of a data folder. The folder's namespace is a random id in its file
    /// `keychain-id`, made at the first call, so the entries are found again after the folder has been moved.
    ///
    /// # Errors
    /// [`SecretError::Io`] if the file can be neither read nor made, [`SecretError::Damaged`] if it holds no id.
    pub fn for_folder(folder: &Path) -> Result<Self, SecretError> {
        Ok(Self::new(namespace::of_folder(folder)?))
    }

    /// The same keychain with another limit to how long one call may wait for the OS's answer. A change that was
    /// already on its way to the OS when the wait ended may still be made: repeat it, rather than assume either.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience: Some(patience), ..self }
    }

    /// Asks the OS to unlock the keychain, which may show its prompt and wait for the person: call it only when
    /// somebody has just asked for it.
    ///
    /// # Errors
    /// [`SecretError::Locked`] if the prompt was dismissed or cannot be shown, [`SecretError::Absent`] if there is
    /// nothing to unlock.
    pub fn unlock(&self) -> Result<(), SecretError> {
        platform::unlock();
        self.state().require_ready(platform::NAME)
    }

    fn with_entry<T: Send + 'static>(
        &self,
        key: &SecretRef,
        act: impl FnOnce(&Entry) -> Result<T, KeyringError> + Send + 'static,
    ) -> Result<T, SecretError> {
        let key = key.clone();
        let user = format!("{}/{key}", self.namespace);
        self.ask(move |given_up| {
            if platform::ASK_BEFORE_USE {
                platform::state().require_ready(platform::NAME)?;
            }
            // Not `Entry::new`: that opens the OS's store once per process, and stays broken when it was missing then.
            let entry = platform::open()
                .and_then(|store| store.build(SERVICE, &user, None))
                .map(|inner| Entry { inner });
            // A change that was reported as failed must not be made after all when a frozen keychain thaws.
            if given_up.load(Ordering::Acquire) {
                return Err(failed("the caller stopped waiting".into()));
            }
            entry
                .and_then(|entry| act(&entry))
                .map_err(|error| explain(&error, &key, platform::refusal(&error)))
        })
    }

    /// Runs `question`, on a thread of its own where the OS might not answer: a frozen keychain must not freeze
    /// every mailbox. The question is told when nobody waits for its answer any more.
    fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&AtomicBool) -> Result<T, SecretError> + Send + 'static,
    ) -> Result<T, SecretError> {
        let given_up = Arc::new(AtomicBool::new(false));
        let Some(patience) = self.patience else { return question(&given_up) };
        let (answer, waiting) = sync_channel(1);
        let told = Arc::clone(&given_up);
        std::thread::Builder::new()
            .name("keychain".into())
            .spawn(move || {
                // A late answer finds no listener; it is dropped, and wiped.
                let _ = answer.send(question(&told));
            })
            .map_err(|error| failed(format!("no thread to ask it from ({error})")))?;
        match waiting.recv_timeout(patience) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Timeout) => {
                given_up.store(true, Ordering::Release);
                let why = format!("it did not answer within {} ms", patience.as_millis());
                Err(SecretError::Absent { store: platform::NAME.into(), why })
            }
            Err(RecvTimeoutError::Disconnected) => Err(failed("the call ended without an answer".into())),
        }
    }
}

impl SecretStore for Keychain {
    fn put(&self, key: &SecretRef, secret: Secret) -> Result<(), SecretError> {
        check_length(platform::NAME, &secret, platform::LIMIT)?;
        // Bytes, not `set_password`: Windows would store that as UTF-16 and halve its limit.
        self.with_entry(key, move |entry| entry.set_secret(secret.expose().as_bytes()))
    }

    fn get(&self, key: &SecretRef) -> Result<Secret, SecretError> {
        let bytes = self.with_entry(key, |entry| entry.get_secret().map(Zeroizing::new))?;
        let text = std::str::from_utf8(&bytes);
        text.map(Secret::new)
            .map_err(|_| failed(format!("the entry {key} is not text; something else wrote it")))
    }

    fn delete(&self, key: &SecretRef) -> Result<(), SecretError> {
        match self.with_entry(key, Entry::delete_credential) {
            Err(SecretError::NotFound { .. }) => Ok(()),
            other => other,
        }
    }

    fn state(&self) -> StoreState {
        match self.ask(|_| Ok(platform::state())) {
            Ok(state) => state,
            Err(SecretError::Absent { why, .. } | SecretError::Io { why, .. }) => StoreState::Absent { why },
            Err(other) => StoreState::Absent { why: other.to_string() },
        }
    }

    fn name(&self) -> String {
        platform::NAME.into()
    }
}

/// Turns the OS's answer into ours. Any failure, "no such entry" included, may be the store's and not the entry's.
fn explain(error: &KeyringError, key: &SecretRef, refusal: Option<StoreState>) -> SecretError {
    let refusal = refusal.map(|state| state.require_ready(platform::NAME));
    if let Some(Err(closed)) = refusal {
        return closed;
    }
    let store = platform::NAME.to_owned();
    match error {
        KeyringError::NoEntry => SecretError::NotFound { store, key: key.clone() },
        KeyringError::NoStorageAccess(_) => SecretError::Locked { store },
        KeyringError::NoDefaultStore => SecretError::Absent { store, why: "it could not be opened".into() },
        // These two carry the secret's own bytes; nothing of them may be repeated.
        KeyringError::BadEncoding(_) | KeyringError::BadDataFormat(..) => {
            failed(format!("the entry {key} is not in the form Tandem writes"))
        }
        KeyringError::Ambiguous(entries) => failed(format!("it holds {} entries for {key}", entries.len())),
        other => failed(other.to_string()),
    }
}

fn failed(why: String) -> SecretError {
    SecretError::Io { store: platform::NAME.into(), why }
}
