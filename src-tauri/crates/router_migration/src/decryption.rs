//! Passwords in the agent file: decrypted, absent, or to be entered again.
//!
//! The router's cipher and key format are not public (\[U\]), so the rule is [`EnterAgain`]. The stand-in scheme is ours, for tests
//! and for practice; it is used only where the key file names it, so that it can never be mistaken for the original's.

use crate::key::KeyMaterial;
use aes_gcm::{
    Aes256Gcm, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use std::fmt;
use zeroize::Zeroizing;

/// The `scheme` attribute of our own stand-in: AES-256-GCM, the key as base64 in the key file, a password as base64 of a
/// 12-byte nonce, the ciphertext and a 16-byte tag.
pub const STAND_IN: &str = "x-standin-aes256gcm-1";

/// What came of decrypting one password.
pub enum Outcome {
    /// The password. Wiped when dropped.
    Decrypted(Zeroizing<String>),
    /// There is none.
    NoPassword,
    /// It must be entered again.
    Undecryptable(Reason),
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decrypted(_) => f.write_str("Decrypted(***)"),
            Self::NoPassword => f.write_str("NoPassword"),
            Self::Undecryptable(reason) => write!(f, "Undecryptable({reason:?})"),
        }
    }
}

/// Why a password must be entered again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The router's own cipher, which is not public.
    NotPublic,
    /// The key file names a scheme that Tandem does not know.
    UnknownScheme,
    /// The key does not have the form that its scheme asks for.
    BadKey,
    /// The password's text was damaged, or made with another key.
    BadText,
    /// Several providers of the same account have different passwords.
    Disagree,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotPublic => "the router's encryption is not public, so its passwords cannot be read",
            Self::UnknownScheme => "the key file names an encryption that is not known here",
            Self::BadKey => "the key file's key does not have the form that its encryption asks for",
            Self::BadText => "the encrypted password is damaged or was made with another key",
            Self::Disagree => "the files have different passwords for this account",
        })
    }
}

/// A way to decrypt passwords.
pub trait Decryption {
    /// Decrypts the text of one `EmailPassword`; an empty text is no password.
    fn decrypt(&self, key: &KeyMaterial, text: &str) -> Outcome;
}

/// Decrypts nothing: every password must be entered again.
#[derive(Debug, Clone, Copy)]
pub struct EnterAgain(
    /// The reason that it gives.
    pub Reason,
);

impl Decryption for EnterAgain {
    fn decrypt(&self, _: &KeyMaterial, text: &str) -> Outcome {
        if text.is_empty() { Outcome::NoPassword } else { Outcome::Undecryptable(self.0) }
    }
}

/// Our own scheme for tests and practice ([`STAND_IN`]).
#[derive(Debug, Clone, Copy)]
pub struct StandIn;

impl Decryption for StandIn {
    fn decrypt(&self, key: &KeyMaterial, text: &str) -> Outcome {
        if text.is_empty() {
            return Outcome::NoPassword;
        }
        if key.scheme.as_deref() != Some(STAND_IN) {
            return Outcome::Undecryptable(Reason::UnknownScheme);
        }
        let Some(cipher) = key.longest().and_then(cipher) else {
            return Outcome::Undecryptable(Reason::BadKey);
        };
        decrypt(&cipher, text).map_or(Outcome::Undecryptable(Reason::BadText), Outcome::Decrypted)
    }
}

/// The way that a key file asks for: the stand-in when it names it, else [`EnterAgain`].
#[must_use]
pub fn for_key(key: &KeyMaterial) -> &'static dyn Decryption {
    match key.scheme.as_deref() {
        Some(STAND_IN) => &StandIn,
        Some(_) => &EnterAgain(Reason::UnknownScheme),
        None => &EnterAgain(Reason::NotPublic),
    }
}

fn cipher(key: &str) -> Option<Aes256Gcm> {
    let bytes = Zeroizing::new(STANDARD.decode(key).ok()?);
    Aes256Gcm::new_from_slice(&bytes).ok()
}

fn decrypt(cipher: &Aes256Gcm, text: &str) -> Option<Zeroizing<String>> {
    let bytes = STANDARD.decode(text).ok()?;
    let (nonce, sealed) = bytes.split_at_checked(12)?;
    let plain = Zeroizing::new(cipher.decrypt(Nonce::from_slice(nonce), Payload::from(sealed)).ok()?);
    Some(Zeroizing::new(std::str::from_utf8(&plain).ok()?.to_owned()))
}

/// Encrypts a password under the stand-in scheme, for sample files. The nonce must not repeat under one key.
///
/// # Errors
/// `None` when the key is not the base64 of 32 bytes.
#[must_use]
pub fn stand_in_encrypt(key: &str, nonce: [u8; 12], password: &str) -> Option<String> {
    let mut sealed = nonce.to_vec();
    sealed.extend(cipher(key)?.encrypt(Nonce::from_slice(&nonce), password.as_bytes()).ok()?);
    Some(STANDARD.encode(sealed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{key, names::Names, xml::Budget};

    const KEY: &str = "q0m3Zr9Yc1u7H2b8Kx5Wf4Tn6Vd0Sg2Jp8La7Re3MoA=";

    fn material(text: &str) -> KeyMaterial {
        key::parse(text, &mut Budget::default(), &mut Names::default()).unwrap().0
    }

    fn outcome(key: &KeyMaterial, text: &str) -> String {
        match for_key(key).decrypt(key, text) {
            Outcome::Decrypted(password) => format!("decrypted {}", password.as_str()),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn the_stand_in_decrypts_only_where_the_key_file_names_it() {
        let sealed = stand_in_encrypt(KEY, [7; 12], "hunter2").unwrap();
        let named = material(&format!("<EncryptionKey scheme='{STAND_IN}'>{KEY}</EncryptionKey>"));
        assert_eq!(outcome(&named, &sealed), "decrypted hunter2");
        assert_eq!(outcome(&named, ""), "NoPassword");
        assert_eq!(outcome(&named, "AAAA"), "Undecryptable(BadText)");
        assert_eq!(
            outcome(&named, &stand_in_encrypt(&STANDARD.encode([1; 32]), [7; 12], "x").unwrap()),
            "Undecryptable(BadText)"
        );
        let real = material(&format!("<EncryptionKey>{KEY}</EncryptionKey>"));
        assert_eq!(outcome(&real, &sealed), "Undecryptable(NotPublic)");
        let other = material(&format!("<EncryptionKey scheme='des'>{KEY}</EncryptionKey>"));
        assert_eq!(outcome(&other, &sealed), "Undecryptable(UnknownScheme)");
        let short = material(&format!("<EncryptionKey scheme='{STAND_IN}'>c2hvcnQ=</EncryptionKey>"));
        assert_eq!(outcome(&short, &sealed), "Undecryptable(BadKey)");
    }

    #[test]
    fn a_decrypted_password_is_never_shown() {
        let outcome = Outcome::Decrypted(Zeroizing::new("hunter2".to_owned()));
        assert!(!format!("{outcome:?}").contains("hunter2"));
    }
}
