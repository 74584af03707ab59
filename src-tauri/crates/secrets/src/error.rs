//! What can go wrong with a secret store, each with a code for programs and a remedy for people.

use std::path::PathBuf;

use crate::SecretRef;

/// Why a secret could not be read, kept or removed. No variant carries a secret or a passphrase.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The store was open and looked, and has no such entry.
    #[error("{store} has no entry {key}")]
    NotFound {
        /// The store's name for people.
        store: String,
        /// The entry asked for.
        key: SecretRef,
    },
    /// The store is there but locked; whether the entry exists is unknown.
    #[error("{store} is locked")]
    Locked {
        /// The store's name for people.
        store: String,
    },
    /// There is no store to ask; whether the entry exists is unknown.
    #[error("{store} is not available: {why}")]
    Absent {
        /// The store's name for people.
        store: String,
        /// What was missing.
        why: String,
    },
    /// The passphrase does not open the vault file.
    #[error("the passphrase does not open the vault file {path}", path = path.display())]
    WrongPassphrase {
        /// The vault file.
        path: PathBuf,
    },
    /// A new vault file needs a passphrase that is not empty.
    #[error("the vault file {path} cannot have an empty passphrase", path = path.display())]
    EmptyPassphrase {
        /// The vault file.
        path: PathBuf,
    },
    /// A vault file is already there, so a new one was not made.
    #[error("a vault file is already at {path}", path = path.display())]
    AlreadyThere {
        /// The vault file.
        path: PathBuf,
    },
    /// The file was cut short, altered, or is not what its name says. It has not been changed.
    #[error("{path} is damaged: {why}", path = path.display())]
    Damaged {
        /// The damaged file.
        path: PathBuf,
        /// What does not fit.
        why: String,
    },
    /// The operating system refused an operation.
    #[error("{store} failed: {why}")]
    Io {
        /// The store's name for people.
        store: String,
        /// What was tried, and the operating system's words.
        why: String,
    },
    /// The secret is longer than the store can keep.
    #[error("the secret has {length} bytes and {store} keeps at most {limit}")]
    TooLong {
        /// The store's name for people.
        store: String,
        /// Length of the secret in bytes of UTF-8.
        length: usize,
        /// The store's limit in bytes.
        limit: usize,
    },
}

impl SecretError {
    /// A stable code for programs, logs and support.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "secret_not_found",
            Self::Locked { .. } => "secret_store_locked",
            Self::Absent { .. } => "secret_store_absent",
            Self::WrongPassphrase { .. } => "vault_wrong_passphrase",
            Self::EmptyPassphrase { .. } => "vault_empty_passphrase",
            Self::AlreadyThere { .. } => "vault_already_there",
            Self::Damaged { .. } => "secret_file_damaged",
            Self::Io { .. } => "secret_store_failed",
            Self::TooLong { .. } => "secret_too_long",
        }
    }

    /// The next step, in plain words, for the person at the workstation.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::NotFound { .. } => {
                "Type the password again in the mailbox's or connection's settings; it is then kept.".into()
            }
            Self::Locked { store } => format!(
                "Unlock {store}. The saved passwords are still in it; Tandem uses them again at the next attempt, \
                 without a restart."
            ),
            Self::Absent { store, .. } => format!(
                "Start {store} or create it, or ask whoever looks after this computer to. On a computer without a \
                 desktop, use a vault file instead (--secrets file). Saved passwords are not lost, and Tandem tries \
                 again at the next attempt."
            ),
            Self::WrongPassphrase { .. } => {
                "Type the vault's passphrase again; check the keyboard layout and Caps Lock. Nobody can recover a \
                 forgotten passphrase: then move the vault file away, make a new one and type the passwords again."
                    .into()
            }
            Self::EmptyPassphrase { .. } => "Choose a passphrase; several words are best.".into(),
            Self::AlreadyThere { .. } => {
                "Unlock the vault that is there, or move it away before making a new one.".into()
            }
            Self::Damaged { path, .. } => format!(
                "Put {} back from a backup. Without one, move it away and type the passwords again; Tandem has not \
                 changed it.",
                path.display()
            ),
            Self::Io { .. } => {
                "Check that the disk has room and that you may write to Tandem's data folder, then try again. Tandem \
                 also tries again by itself at the next synchronization."
                    .into()
            }
            Self::TooLong { limit, .. } => format!(
                "Use a secret of at most {limit} bytes, or keep secrets in a vault file (--secrets file), which takes \
                 longer ones."
            ),
        }
    }

    /// Whether the entry may well exist and a later attempt can succeed with nobody typing a password again: never
    /// drop a mailbox's credential because of such an error.
    #[must_use]
    pub fn entry_may_exist(&self) -> bool {
        matches!(self, Self::Locked { .. } | Self::Absent { .. } | Self::Io { .. } | Self::Damaged { .. })
    }
}
