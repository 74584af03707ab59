//! What the systems' keychains answer, as states: apart from their libraries, so that every system's answers are tested on
//! each.

#[cfg(any(test, windows))]
use keyring::Error as KeyringError;

#[cfg(any(test, windows, target_os = "macos"))]
use crate::StoreState;

/// Security framework results (SecBase.h) which say that the keychain, not the entry, is the trouble.
#[cfg(any(test, target_os = "macos"))]
pub(super) fn of_os_status(status: i32, why: &dyn std::fmt::Display) -> Option<StoreState> {
    const USER_CANCELED: i32 = -128;
    const AUTH_FAILED: i32 = -25293;
    const INTERACTION_NOT_ALLOWED: i32 = -25308;
    const INTERACTION_REQUIRED: i32 = -25315;
    const NOT_AVAILABLE: i32 = -25291;
    const NO_SUCH_KEYCHAIN: i32 = -25294;
    const INVALID_KEYCHAIN: i32 = -25295;
    const NO_DEFAULT_KEYCHAIN: i32 = -25307;
    match status {
        USER_CANCELED | AUTH_FAILED | INTERACTION_NOT_ALLOWED | INTERACTION_REQUIRED => {
            Some(StoreState::Locked)
        }
        NOT_AVAILABLE | NO_SUCH_KEYCHAIN | INVALID_KEYCHAIN | NO_DEFAULT_KEYCHAIN => {
            Some(StoreState::Absent { why: why.to_string() })
        }
        _ => None,
    }
}

/// Windows: open as long as the person is signed in; a task that runs without a sign-in session has no credentials at
/// all (`ERROR_NO_SUCH_LOGON_SESSION`, 1312).
#[cfg(any(test, windows))]
pub(super) fn of_credential_manager(error: &KeyringError) -> Option<StoreState> {
    let KeyringError::NoStorageAccess(_) = error else { return None };
    let why = "this process runs outside a Windows sign-in session, which alone has saved credentials".into();
    Some(StoreState::Absent { why })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SecretError, SecretRef, keychain::explain};

    const CORPUS: &str = include_str!("../../../../../tests/corpus/errors/keychain.tsv");

    /// The code of a secret store's error -> that of the failure which a cycle makes of it; `api` tests the same.
    const AS_FAILURES: [(&str, &str); 5] = [
        ("secret_not_found", "password_missing"),
        ("secret_store_locked", "keychain_locked"),
        ("secret_store_absent", "keychain_absent"),
        ("vault_wrong_passphrase", "vault_wrong_passphrase"),
        ("secret_file_damaged", "secrets_damaged"),
    ];

    fn refused(state: Option<StoreState>, otherwise: &KeyringError) -> SecretError {
        explain(otherwise, &SecretRef::mailbox_password(uuid::Uuid::nil()), state)
    }

    #[test]
    fn every_answer_of_windows_and_macos_in_the_corpus_has_its_code() {
        let mut seen = 0;
        for line in CORPUS.lines() {
            let fields: Vec<&str> = line.split('\t').collect();
            let error = match fields[..] {
                ["macos", "-25300", ..] => refused(of_os_status(-25300, &""), &KeyringError::NoEntry),
                ["macos", number, ..] => {
                    let state = of_os_status(number.parse().unwrap(), &"its own words");
                    refused(state, &KeyringError::NoEntry)
                }
                ["windows", "1312", ..] => {
                    let answer = KeyringError::NoStorageAccess("1312".into());
                    refused(of_credential_manager(&answer), &answer)
                }
                ["windows", "1168", ..] => {
                    refused(of_credential_manager(&KeyringError::NoEntry), &KeyringError::NoEntry)
                }
                _ => continue,
            };
            let expected = AS_FAILURES.iter().find(|(_, failure)| *failure == fields[4]).unwrap().0;
            assert_eq!(error.code(), expected, "{line}");
            seen += 1;
        }
        assert_eq!(seen, 11);
    }
}
