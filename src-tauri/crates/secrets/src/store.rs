//! The port: what every place that keeps secrets can do.

use crate::{Secret, SecretError, SecretRef};

/// Somewhere secrets are kept. Every call blocks (disk, D-Bus, key derivation): use `spawn_blocking`.
///
/// Every call looks at the store as it is now: one that was locked or missing a moment ago is used as soon as it is
/// back, without a restart.
pub trait SecretStore: Send + Sync {
    /// Keeps `secret` under `key`, replacing what was there.
    ///
    /// # Errors
    /// [`SecretError::TooLong`], or that the store cannot be reached; then the old value is still there.
    fn put(&self, key: &SecretRef, secret: Secret) -> Result<(), SecretError>;

    /// The secret under `key`.
    ///
    /// # Errors
    /// [`SecretError::NotFound`] only if the store could look; else that it cannot be reached.
    fn get(&self, key: &SecretRef) -> Result<Secret, SecretError>;

    /// The secrets under `keys`, each in its place: as [`Self::get`], with as few looks as the store allows. Once it is
    /// locked or absent it is asked no more: each look may take a time-out.
    fn get_all(&self, keys: &[SecretRef]) -> Vec<Result<Secret, SecretError>> {
        let mut closed = None;
        let mut found = Vec::with_capacity(keys.len());
        for key in keys {
            let one = match &closed {
                Some(error) => Err(SecretError::clone(error)),
                None => self.get(key),
            };
            if let Err(error @ (SecretError::Locked { .. } | SecretError::Absent { .. })) = &one {
                closed = Some(error.clone());
            }
            found.push(one);
        }
        found
    }

    /// Removes what is under `key`. Removing what is not there succeeds, so that an interrupted removal can be
    /// repeated.
    ///
    /// # Errors
    /// That the store cannot be reached: then the entry may still be there.
    fn delete(&self, key: &SecretRef) -> Result<(), SecretError>;

    /// Whether the store can be used now. Never asks the person anything.
    fn state(&self) -> StoreState;

    /// The store's name for people, such as "Secret Service" or "vault file PATH".
    fn name(&self) -> String;
}

/// Whether a store can be used now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreState {
    /// Secrets can be read and kept.
    Ready,
    /// The store is there, and a person has to unlock it.
    Locked,
    /// There is no store to use.
    Absent {
        /// What is missing, for people.
        why: String,
    },
}

impl StoreState {
    /// The error that asking a store in this state gives, or nothing when it is ready.
    ///
    /// # Errors
    /// [`SecretError::Locked`] or [`SecretError::Absent`].
    pub fn require_ready(self, store: &str) -> Result<(), SecretError> {
        match self {
            Self::Ready => Ok(()),
            Self::Locked => Err(SecretError::Locked { store: store.to_owned() }),
            Self::Absent { why } => Err(SecretError::Absent { store: store.to_owned(), why }),
        }
    }
}

/// The longest secret, in bytes, where the platform sets no limit of its own: far above any password or token, low
/// enough that a mistake (a file instead of a password) is caught.
pub(crate) const LONGEST_SECRET: usize = 64 * 1024;

/// Refuses a secret that the store could not give back whole.
pub(crate) fn check_length(store: &str, secret: &Secret, limit: usize) -> Result<(), SecretError> {
    let length = secret.expose().len();
    if length > limit {
        return Err(SecretError::TooLong { store: store.to_owned(), length, limit });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts how often it is asked, and is locked from the second time on.
    #[derive(Default)]
    struct Closing(std::sync::atomic::AtomicU32);

    impl SecretStore for Closing {
        fn put(&self, _: &SecretRef, _: Secret) -> Result<(), SecretError> {
            Err(SecretError::Locked { store: self.name() })
        }
        fn get(&self, key: &SecretRef) -> Result<Secret, SecretError> {
            match self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
                0 => Err(SecretError::NotFound { store: self.name(), key: key.clone() }),
                _ => Err(SecretError::Locked { store: self.name() }),
            }
        }
        fn delete(&self, _: &SecretRef) -> Result<(), SecretError> {
            Err(SecretError::Locked { store: self.name() })
        }
        fn state(&self) -> StoreState {
            StoreState::Locked
        }
        fn name(&self) -> String {
            "keychain".into()
        }
    }

    #[test]
    fn a_store_that_is_locked_is_not_asked_again_and_again() {
        let store = Closing::default();
        let key = SecretRef::mailbox_password(uuid::Uuid::nil());
        let found = store.get_all(&vec![key; 40]);
        assert_eq!(found.len(), 40);
        assert!(matches!(found[0], Err(SecretError::NotFound { .. })));
        assert!(found[1..].iter().all(|one| matches!(one, Err(SecretError::Locked { .. }))));
        assert_eq!(store.0.into_inner(), 2);
    }

    #[test]
    fn a_limit_counts_bytes_of_utf8_and_lets_the_last_one_in() {
        let windows = |text: String| check_length("store", &Secret::new(text), 2560);
        assert_eq!(windows("x".repeat(2560)), Ok(()));
        assert_eq!(windows("✓".repeat(853)), Ok(()));
        let refused = SecretError::TooLong { store: "store".into(), length: 2562, limit: 2560 };
        assert_eq!(windows("✓".repeat(854)), Err(refused));
    }
}
