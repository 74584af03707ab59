//! The vault file: secrets in one encrypted file, for computers without a keychain.
//!
//! Argon2id turns the passphrase into a key once per [`VaultFile::unlock`]; XChaCha20-Poly1305 encrypts all entries
//! together, with a new random nonce at every write. The file is read again for every call, so the window and the
//! command line see each other's changes. It shows to anyone who can read it how much it holds, and cannot tell that
//! it was replaced by an older copy of itself.

mod disk;
mod entries;
mod format;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use self::entries::Entries;
use self::format::{Header, Key};
use crate::store::{LONGEST_SECRET, check_length};
use crate::{Secret, SecretError, SecretRef, SecretStore, StoreState};

/// An encrypted file of secrets. Starts locked; [`Self::unlock`] or [`Self::create`] opens it, at any time, for every
/// holder of this value.
#[derive(Debug)]
pub struct VaultFile {
    path: PathBuf,
    open: Mutex<Option<Opened>>,
}

/// The key, and the header it belongs to: another header means that the passphrase was changed elsewhere.
#[derive(Debug, Clone)]
struct Opened {
    header: Header,
    key: Key,
}

impl VaultFile {
    /// The vault at `path`, locked. Nothing is read yet, and the file need not exist.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), open: Mutex::new(None) }
    }

    /// Where the vault is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the file, empty, and opens it.
    ///
    /// # Errors
    /// [`SecretError::AlreadyThere`], [`SecretError::EmptyPassphrase`] or [`SecretError::Io`].
    pub fn create(&self, passphrase: &Secret) -> Result<(), SecretError> {
        let _turn = disk::take_turn(&self.path, &self.name())?;
        if disk::read(&self.path, &self.name())?.is_some() {
            return Err(SecretError::AlreadyThere { path: self.path.clone() });
        }
        let opened = self.new_key(passphrase)?;
        self.write(&opened, &Entries::default())?;
        *self.slot() = Some(opened);
        Ok(())
    }

    /// Opens the vault: from now on [`SecretStore`] calls work.
    ///
    /// # Errors
    /// [`SecretError::WrongPassphrase`], [`SecretError::Damaged`], or [`SecretError::Absent`] with no file there.
    pub fn unlock(&self, passphrase: &Secret) -> Result<(), SecretError> {
        let opened = self.open_with(passphrase)?.0;
        *self.slot() = Some(opened);
        Ok(())
    }

    /// Forgets the key. The vault can be unlocked again.
    pub fn lock(&self) {
        *self.slot() = None;
    }

    /// Encrypts the same entries under a new passphrase. Other processes that have the vault open are locked out
    /// until they are given the new one.
    ///
    /// # Errors
    /// [`SecretError::WrongPassphrase`] if `old` does not open the vault, [`SecretError::EmptyPassphrase`], or that
    /// the file could not be read or written. In each case the old passphrase stays valid.
    pub fn change_passphrase(&self, old: &Secret, new: &Secret) -> Result<(), SecretError> {
        let _turn = disk::take_turn(&self.path, &self.name())?;
        let (_, entries) = self.open_with(old)?;
        let opened = self.new_key(new)?;
        self.write(&opened, &entries)?;
        *self.slot() = Some(opened);
        Ok(())
    }

    fn new_key(&self, passphrase: &Secret) -> Result<Opened, SecretError> {
        if passphrase.expose().is_empty() {
            return Err(SecretError::EmptyPassphrase { path: self.path.clone() });
        }
        let (header, key) = Header::new(passphrase).map_err(|why| self.failed(why))?;
        Ok(Opened { header, key })
    }

    fn open_with(&self, passphrase: &Secret) -> Result<(Opened, Entries), SecretError> {
        let bytes = self.bytes()?;
        let header = Header::read(&bytes).map_err(|why| self.damaged(why))?;
        let Some(key) = header.derive(passphrase).map_err(|why| self.failed(why))? else {
            return Err(SecretError::WrongPassphrase { path: self.path.clone() });
        };
        let opened = Opened { header, key };
        let entries = self.decrypt(&opened, &bytes)?;
        Ok((opened, entries))
    }

    /// The entries as they are on disk now.
    fn entries(&self) -> Result<(Opened, Entries), SecretError> {
        let bytes = self.bytes()?;
        let header = Header::read(&bytes).map_err(|why| self.damaged(why))?;
        let opened = self.slot().clone().filter(|opened| opened.header == header);
        let opened = opened.ok_or_else(|| SecretError::Locked { store: self.name() })?;
        let entries = self.decrypt(&opened, &bytes)?;
        Ok((opened, entries))
    }

    fn decrypt(&self, opened: &Opened, bytes: &[u8]) -> Result<Entries, SecretError> {
        let plain = format::open_body(&opened.header, &opened.key, bytes).map_err(|why| self.damaged(why))?;
        Entries::decode(&plain).ok_or_else(|| self.damaged("its entries cannot be told apart"))
    }

    fn write(&self, opened: &Opened, entries: &Entries) -> Result<(), SecretError> {
        let plain = entries.encode();
        let bytes = format::seal(&opened.header, &opened.key, &plain).map_err(|why| self.failed(why))?;
        disk::replace(&self.path, &bytes)
            .map_err(|error| self.failed(format!("it could not be written: {error}")))
    }

    fn bytes(&self) -> Result<Vec<u8>, SecretError> {
        let bytes = disk::read(&self.path, &self.name())?;
        bytes.ok_or_else(|| SecretError::Absent { store: self.name(), why: "there is no such file".into() })
    }

    fn slot(&self) -> MutexGuard<'_, Option<Opened>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn damaged(&self, why: impl Into<String>) -> SecretError {
        SecretError::Damaged { path: self.path.clone(), why: why.into() }
    }

    fn failed(&self, why: impl Into<String>) -> SecretError {
        SecretError::Io { store: self.name(), why: why.into() }
    }
}

impl SecretStore for VaultFile {
    fn put(&self, key: &SecretRef, secret: Secret) -> Result<(), SecretError> {
        check_length(&self.name(), &secret, LONGEST_SECRET)?;
        let _turn = disk::take_turn(&self.path, &self.name())?;
        let (opened, mut entries) = self.entries()?;
        entries.0.insert(key.clone(), secret);
        self.write(&opened, &entries)
    }

    fn get(&self, key: &SecretRef) -> Result<Secret, SecretError> {
        let found = self.entries()?.1.0.remove(key);
        found.ok_or_else(|| SecretError::NotFound { store: self.name(), key: key.clone() })
    }

    fn get_all(&self, keys: &[SecretRef]) -> Vec<Result<Secret, SecretError>> {
        let found = self.entries().map(|(_, entries)| entries.0);
        let one = |key: &SecretRef| {
            let entries = found.as_ref().map_err(Clone::clone)?;
            let missing = || SecretError::NotFound { store: self.name(), key: key.clone() };
            entries.get(key).cloned().ok_or_else(missing)
        };
        keys.iter().map(one).collect()
    }

    fn delete(&self, key: &SecretRef) -> Result<(), SecretError> {
        let _turn = disk::take_turn(&self.path, &self.name())?;
        let (opened, mut entries) = self.entries()?;
        if entries.0.remove(key).is_none() {
            return Ok(());
        }
        self.write(&opened, &entries)
    }

    fn state(&self) -> StoreState {
        match self.entries() {
            Ok(_) => StoreState::Ready,
            Err(SecretError::Locked { .. }) => StoreState::Locked,
            Err(SecretError::Absent { why, .. } | SecretError::Io { why, .. }) => StoreState::Absent { why },
            Err(SecretError::Damaged { why, .. }) => {
                StoreState::Absent { why: format!("it is damaged: {why}") }
            }
            Err(other) => StoreState::Absent { why: other.to_string() },
        }
    }

    fn name(&self) -> String {
        format!("vault file {}", self.path.display())
    }
}
