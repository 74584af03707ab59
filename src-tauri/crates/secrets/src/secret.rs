//! A secret and the name under which it is kept.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

/// A password, token or passphrase. Wiped from memory when dropped, hidden from `Debug`, and not serializable:
///
/// ```compile_fail
/// fn export<T: serde::Serialize>(_: T) {}
/// export(tandem_secrets::Secret::new("hunter2"));
/// ```
///
/// There is no `Display` either:
///
/// ```compile_fail
/// println!("{}", tandem_secrets::Secret::new("hunter2"));
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes ownership of the text, so that the only copy is the one that gets wiped.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The secret itself. Call it as close to the wire as possible, and keep no copy.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(***)")
    }
}

/// The stable key of a secret, such as `mailbox/6f…/password`. Says nothing about the secret: safe in the database,
/// in logs and in exports.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretRef(String);

impl SecretRef {
    /// The longest key, in bytes. With the namespace in front it stays under Windows' limit for a credential's user
    /// name (`CRED_MAX_USERNAME_LENGTH`, 513).
    pub const MAX_LEN: usize = 200;

    /// Reads a key.
    ///
    /// # Errors
    /// [`InvalidRef`] unless the key has 1 to [`Self::MAX_LEN`] characters out of `A-Z a-z 0-9 / _ . -`: the set that
    /// every store keeps unchanged.
    pub fn parse(key: impl Into<String>) -> Result<Self, InvalidRef> {
        let key = key.into();
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"/_.-".contains(&byte);
        if key.is_empty() || key.len() > Self::MAX_LEN || !key.bytes().all(allowed) {
            return Err(InvalidRef { length: key.len() });
        }
        Ok(Self(key))
    }

    /// The key of a mailbox's password: `mailbox/<uuid>/password`.
    #[must_use]
    pub fn mailbox_password(mailbox: Uuid) -> Self {
        Self(format!("mailbox/{mailbox}/password"))
    }

    /// The key as text, for the database.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl From<SecretRef> for String {
    fn from(key: SecretRef) -> Self {
        key.0
    }
}

impl TryFrom<String> for SecretRef {
    type Error = InvalidRef;

    fn try_from(key: String) -> Result<Self, InvalidRef> {
        Self::parse(key)
    }
}

/// A text that cannot be a [`SecretRef`]. Carries only its length, in case somebody passed the secret by mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret's key has 1 to 200 characters out of A-Z a-z 0-9 / _ . - (got {length} bytes)")]
pub struct InvalidRef {
    /// Length of the refused text, in bytes.
    pub length: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_hides_the_secret_even_inside_other_types() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret:?}"), "Secret(***)");
        assert!(!format!("{:#?}", Some(Ok::<_, ()>(vec![secret]))).contains("hunter2"));
    }

    #[test]
    fn a_key_survives_the_database_and_refuses_what_stores_would_mangle() {
        let key = SecretRef::mailbox_password(Uuid::nil());
        let json = serde_json::to_string(&key).unwrap();
        assert_eq!(json, "\"mailbox/00000000-0000-0000-0000-000000000000/password\"");
        assert_eq!(serde_json::from_str::<SecretRef>(&json).unwrap(), key);

        for bad in ["", "päss", "a b", "a\0b", &"x".repeat(201)] {
            assert_eq!(SecretRef::parse(bad), Err(InvalidRef { length: bad.len() }));
            assert!(serde_json::from_str::<SecretRef>(&serde_json::to_string(bad).unwrap()).is_err());
        }
    }
}
