//! Credentials for the engine, out of the secret store.

use crate::keys;
use async_trait::async_trait;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use tandem_domain::{
    failure::{Failure, FailureCode},
    mailbox::Mailbox,
    profile::{AuthenticateUsing, EmailServerProfile},
};
use tandem_engine::ports::{mail::Credentials, storage::CredentialSource};
use tandem_secrets::{Secret, SecretError, SecretRef, SecretStore};
use zeroize::Zeroizing;

/// The secret store as the engine asks it.
pub(super) struct StoredCredentials {
    pub(super) secrets: Arc<dyn SecretStore>,
}

#[async_trait]
impl CredentialSource for StoredCredentials {
    async fn credentials(
        &self,
        mailbox: &Mailbox,
        profile: &EmailServerProfile,
    ) -> Result<Credentials, Failure> {
        let Some((user_name, key)) = kept_as(mailbox, profile)? else { return Ok(Credentials::None) };
        let secret = read_secret(&self.secrets, key).await.map_err(|error| failure(&error))?;
        Ok(password(user_name, &secret))
    }

    async fn credentials_of(
        &self,
        asked: &[(&Mailbox, &EmailServerProfile)],
    ) -> Vec<Result<Credentials, Failure>> {
        let kept: Vec<_> = asked.iter().map(|(mailbox, profile)| kept_as(mailbox, profile)).collect();
        let keys: BTreeSet<SecretRef> = kept.iter().flatten().flatten().map(|(_, key)| key.clone()).collect();
        let keys: Vec<SecretRef> = keys.into_iter().collect();
        let read = match keys.is_empty() {
            true => Vec::new(),
            false => {
                let (secrets, keys) = (Arc::clone(&self.secrets), keys.clone());
                let read = tokio::task::spawn_blocking(move || secrets.get_all(&keys)).await;
                read.unwrap_or_default()
            }
        };
        let read: BTreeMap<SecretRef, Result<Secret, SecretError>> = keys.into_iter().zip(read).collect();
        let found = |kept: Result<Option<(String, SecretRef)>, Failure>| {
            let Some((user_name, key)) = kept? else { return Ok(Credentials::None) };
            match read.get(&key) {
                Some(Ok(secret)) => Ok(password(user_name, secret)),
                Some(Err(error)) => Err(failure(error)),
                None => Err(failure(&SecretError::Io {
                    store: self.secrets.name(),
                    why: "the look into it broke off".into(),
                })),
            }
        };
        kept.into_iter().map(found).collect()
    }
}

/// The user name, and where the password is kept; nothing where nobody logs in.
fn kept_as(mailbox: &Mailbox, profile: &EmailServerProfile) -> Result<Option<(String, SecretRef)>, Failure> {
    let missing = |said: String| Failure::permanent_mailbox(FailureCode::PasswordMissing, said);
    match profile.authenticate_using {
        AuthenticateUsing::Anonymous => Ok(None),
        AuthenticateUsing::Profile => {
            let Some(user_name) = profile.user_name.clone() else {
                return Err(missing(format!("the profile {} has no user name", profile.name)));
            };
            Ok(Some((user_name, keys::profile_password(profile.id))))
        }
        AuthenticateUsing::UserOrQueue => {
            if !mailbox.allow_credentials {
                return Err(missing(format!("{} does not allow its credentials to be used", mailbox.email)));
            }
            let user_name = mailbox.user_name.clone().unwrap_or_else(|| mailbox.email.to_string());
            Ok(Some((user_name, keys::mailbox_password(mailbox.id))))
        }
        AuthenticateUsing::WindowsIntegrated | AuthenticateUsing::OAuth => {
            let said = format!("authenticate_using {}", profile.authenticate_using.as_str());
            Err(Failure::permanent_mailbox(FailureCode::NotSupported, said))
        }
    }
}

fn password(user_name: String, secret: &Secret) -> Credentials {
    Credentials::Password { user_name, password: Zeroizing::new(secret.expose().to_owned()) }
}

/// Reads a secret on a thread that may block.
pub(crate) async fn read_secret(
    secrets: &Arc<dyn SecretStore>,
    key: SecretRef,
) -> Result<Secret, SecretError> {
    let secrets = Arc::clone(secrets);
    let read = tokio::task::spawn_blocking(move || secrets.get(&key));
    read.await
        .unwrap_or_else(|error| Err(SecretError::Io { store: "secret store".into(), why: error.to_string() }))
}

/// What a secret store's answer means to a cycle. "I cannot look" is never "there is no password".
fn failure(error: &SecretError) -> Failure {
    let said = error.to_string();
    match error {
        SecretError::NotFound { .. } => Failure::permanent_mailbox(FailureCode::PasswordMissing, said),
        SecretError::Locked { .. } => Failure::transient_profile(FailureCode::KeychainLocked, said),
        SecretError::WrongPassphrase { .. } => {
            Failure::transient_profile(FailureCode::VaultWrongPassphrase, said)
        }
        SecretError::Absent { .. } => Failure::transient_profile(FailureCode::KeychainAbsent, said),
        SecretError::Damaged { .. } => Failure::transient_profile(FailureCode::SecretsDamaged, said),
        _ => Failure::transient_profile(FailureCode::SecretStoreFailed, said),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locked_store_is_never_a_missing_password() {
        let locked = failure(&SecretError::Locked { store: "vault".into() });
        assert_eq!(locked.code, FailureCode::KeychainLocked);
        let absent = failure(&SecretError::Absent { store: "keychain".into(), why: "gone".into() });
        assert_eq!(absent.code, FailureCode::KeychainAbsent);
        let key = SecretRef::mailbox_password(uuid::Uuid::nil());
        let none = failure(&SecretError::NotFound { store: "vault".into(), key });
        assert_eq!(none.code, FailureCode::PasswordMissing);
    }

    #[test]
    fn every_answer_of_a_vault_in_the_corpus_has_its_code() {
        const CORPUS: &str = include_str!("../../../../../tests/corpus/errors/keychain.tsv");
        use tandem_secrets::VaultFile;
        let key = || SecretRef::mailbox_password(uuid::Uuid::nil());
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("vault");
        let right = Secret::new("the right one");
        VaultFile::at(&path).create(&right).unwrap();
        let opened = VaultFile::at(&path);
        opened.unlock(&right).unwrap();
        let cut = home.path().join("cut");
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&cut, bytes.get(..bytes.len() / 2).unwrap()).unwrap();
        let mut seen = 0;
        for line in CORPUS.lines().filter(|line| line.starts_with("vault\t")) {
            let fields: Vec<&str> = line.split('\t').collect();
            let error = match fields[1] {
                "locked" => VaultFile::at(&path).get(&key()).map(drop),
                "no file" => VaultFile::at(home.path().join("none")).get(&key()).map(drop),
                "wrong passphrase" => VaultFile::at(&path).unlock(&Secret::new("another")),
                "cut short" => VaultFile::at(&cut).unlock(&right),
                "no entry" => opened.get(&key()).map(drop),
                other => panic!("{other}"),
            };
            let failure = failure(&error.unwrap_err());
            assert_eq!(failure.code.as_str(), fields[4], "{line}: {failure}");
            seen += 1;
        }
        assert_eq!(seen, 5);
    }

    /// The shapes of a keychain's answers, which `secrets` tests against the same corpus.
    #[test]
    fn every_shape_of_a_keychains_answer_has_its_code() {
        let why = String::new;
        let store = || "keychain".to_owned();
        for (error, code) in [
            (SecretError::Locked { store: store() }, FailureCode::KeychainLocked),
            (SecretError::Absent { store: store(), why: why() }, FailureCode::KeychainAbsent),
            (SecretError::WrongPassphrase { path: "v".into() }, FailureCode::VaultWrongPassphrase),
            (SecretError::Damaged { path: "v".into(), why: why() }, FailureCode::SecretsDamaged),
            (SecretError::Io { store: store(), why: why() }, FailureCode::SecretStoreFailed),
        ] {
            let failure = failure(&error);
            assert_eq!(failure.code, code);
            assert_eq!(failure.nature, tandem_domain::failure::Nature::Transient, "it disables nobody");
        }
    }
}
