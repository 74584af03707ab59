//! The vault file's bytes: header, key derivation, encryption.
//!
//! ```text
//!   0  8  "TANDEMVT"                      78  32  SHA-256 of bytes 0..78
//!   8  2  version, 1 (all little endian) 110  24  nonce of the entries, new at every write
//!  10 12  Argon2id: KiB, passes, lanes   134   -  entries, encrypted, and their 16-byte tag
//!  22 16  salt, new with every passphrase
//!  38 24  nonce of the passphrase check
//!  62 16  tag of the passphrase check (over bytes 0..38, no content)
//! ```
//!
//! The checksum tells a damaged header from a wrong passphrase. It is no protection: that is the two tags, which cover
//! every byte before them.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::Secret;

const MAGIC: &[u8; 8] = b"TANDEMVT";
const VERSION: u16 = 1;
const SALTED: usize = 38;
const CHECKED: usize = 78;
const HEADER: usize = 110;
const NONCE: usize = 24;
const TAG: usize = 16;

/// OWASP Password Storage Cheat Sheet, Argon2id: 19 MiB, 2 passes, 1 lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// What a file may ask for at most, so that a forged header cannot exhaust the computer.
const MOST_MEMORY_KIB: u32 = 1024 * 1024;
const MOST_PASSES: u32 = 64;
const MOST_LANES: u32 = 16;

/// The header's bytes, checked to be whole.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Header([u8; HEADER]);

/// The key that a passphrase and a header give together.
#[derive(Clone)]
pub(super) struct Key(Zeroizing<[u8; 32]>);

impl Header {
    /// A header for a new passphrase, with its key.
    pub(super) fn new(passphrase: &Secret) -> Result<(Self, Key), String> {
        let mut bytes = Vec::with_capacity(HEADER);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        for parameter in [MEMORY_KIB, PASSES, LANES] {
            bytes.extend_from_slice(&parameter.to_le_bytes());
        }
        bytes.extend_from_slice(&random::<16>()?);
        let key = derive(&bytes, passphrase)?;

        let nonce = random::<NONCE>()?;
        let check = Payload { msg: &[], aad: &bytes };
        let tag =
            key.cipher().encrypt(XNonce::from_slice(&nonce), check).map_err(|error| error.to_string())?;
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&tag);
        bytes.extend_from_slice(&Sha256::digest(&bytes));
        let bytes = bytes.try_into().map_err(|_| "the header has the wrong length")?;
        Ok((Self(bytes), key))
    }

    /// Reads the header at the start of a file.
    pub(super) fn read(file: &[u8]) -> Result<Self, String> {
        if file.get(..MAGIC.len()) != Some(MAGIC) {
            return Err("it does not begin like a vault file".into());
        }
        let version = u16::from_le_bytes(piece(file, 8)?);
        if version != VERSION {
            return Err(format!("it has format {version} and this version of Tandem reads format {VERSION}"));
        }
        if file.len() < HEADER + NONCE + TAG {
            return Err("it was cut short".into());
        }
        let bytes: [u8; HEADER] = piece(file, 0)?;
        let header = Self(bytes);
        if Sha256::digest(header.part(0, CHECKED)).as_slice() != header.part(CHECKED, HEADER) {
            return Err("its header was altered".into());
        }
        let [memory, passes, lanes] = parameters(&bytes)?;
        if memory > MOST_MEMORY_KIB || passes > MOST_PASSES || lanes > MOST_LANES {
            return Err("its header asks for more work than any vault needs".into());
        }
        Ok(header)
    }

    /// The key for this passphrase, or nothing when it is the wrong one.
    pub(super) fn derive(&self, passphrase: &Secret) -> Result<Option<Key>, String> {
        let key = derive(self.part(0, SALTED), passphrase)?;
        let nonce: [u8; NONCE] = piece(&self.0, SALTED)?;
        let tag = self.part(SALTED + NONCE, CHECKED);
        let check = Payload { msg: tag, aad: self.part(0, SALTED) };
        let right = key.cipher().decrypt(XNonce::from_slice(&nonce), check).is_ok();
        Ok(right.then_some(key))
    }

    fn part(&self, from: usize, to: usize) -> &[u8] {
        self.0.get(from..to).unwrap_or_default()
    }
}

/// A whole file: the header, and `plain` encrypted under a new nonce.
pub(super) fn seal(header: &Header, key: &Key, plain: &[u8]) -> Result<Vec<u8>, String> {
    let nonce = random::<NONCE>()?;
    let body = Payload { msg: plain, aad: &header.0 };
    let body = key.cipher().encrypt(XNonce::from_slice(&nonce), body).map_err(|error| error.to_string())?;
    Ok([&header.0[..], &nonce, &body].concat())
}

/// The entries of a whole file whose header is `header`.
pub(super) fn open_body(header: &Header, key: &Key, file: &[u8]) -> Result<Zeroizing<Vec<u8>>, String> {
    let nonce: [u8; NONCE] = piece(file, HEADER)?;
    let body = Payload { msg: file.get(HEADER + NONCE..).unwrap_or_default(), aad: &header.0 };
    let plain = key.cipher().decrypt(XNonce::from_slice(&nonce), body);
    plain.map(Zeroizing::new).map_err(|_| "its entries were altered or cut short".into())
}

impl Key {
    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(self.0.as_slice().into())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Key(***)")
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Header")
    }
}

fn derive(salted: &[u8], passphrase: &Secret) -> Result<Key, String> {
    let [memory, passes, lanes] = parameters(salted)?;
    let salt: [u8; 16] = piece(salted, 22)?;
    let params = Params::new(memory, passes, lanes, Some(32)).map_err(|error| error.to_string())?;
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.expose().as_bytes(), &salt, key.as_mut_slice())
        .map_err(|error| error.to_string())?;
    Ok(Key(key))
}

/// Argon2id's memory in KiB, passes and lanes.
fn parameters(bytes: &[u8]) -> Result<[u32; 3], String> {
    Ok([
        u32::from_le_bytes(piece(bytes, 10)?),
        u32::from_le_bytes(piece(bytes, 14)?),
        u32::from_le_bytes(piece(bytes, 18)?),
    ])
}

fn piece<const N: usize>(bytes: &[u8], from: usize) -> Result<[u8; N], String> {
    let found = bytes.get(from..).and_then(|rest| rest.first_chunk::<N>());
    found.copied().ok_or_else(|| "it was cut short".into())
}

fn random<const N: usize>() -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| format!("the system gave no random numbers ({error})"))?;
    Ok(bytes)
}
