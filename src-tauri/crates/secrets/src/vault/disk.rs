//! The vault file on disk: one writer at a time, and never half a file.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::SecretError;

/// A vault of a thousand of the longest secrets; a larger file is no vault.
const LARGEST_FILE: u64 = 64 * 1024 * 1024;
const LONGEST_TURN: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);

/// The turn to change the vault: until it is dropped (or its process ends) every other process and thread waits.
pub(super) struct Turn(#[expect(dead_code, reason = "the open file is the lock")] File);

/// Waits for the turn to change the vault at `path`.
///
/// # Errors
/// [`SecretError::Io`] if another process keeps it for more than ten seconds, or the lock file cannot be made.
pub(super) fn take_turn(path: &Path, store: &str) -> Result<Turn, SecretError> {
    let failed = |why: String| SecretError::Io { store: store.to_owned(), why };
    let lock = beside(path, ".lock");
    let file = owner_only(OpenOptions::new().create(true).truncate(false).write(true))
        .open(&lock)
        .map_err(|error| failed(format!("{} could not be opened: {error}", lock.display())))?;
    let started = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Turn(file)),
            Err(TryLockError::WouldBlock) if started.elapsed() < LONGEST_TURN => std::thread::sleep(PAUSE),
            Err(TryLockError::WouldBlock) => return Err(failed("another process keeps it busy".into())),
            Err(TryLockError::Error(error)) => {
                return Err(failed(format!("{} could not be locked: {error}", lock.display())));
            }
        }
    }
}

/// The file's bytes, or nothing if there is no file.
pub(super) fn read(path: &Path, store: &str) -> Result<Option<Vec<u8>>, SecretError> {
    let mut bytes = Vec::new();
    let size = match File::open(path).and_then(|file| file.take(LARGEST_FILE + 1).read_to_end(&mut bytes)) {
        Ok(size) => size,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(SecretError::Io {
                store: store.to_owned(),
                why: format!("it could not be read: {error}"),
            });
        }
    };
    if u64::try_from(size).is_ok_and(|size| size > LARGEST_FILE) {
        return Err(SecretError::Damaged {
            path: path.to_owned(),
            why: "it is too large for a vault".into(),
        });
    }
    Ok(Some(bytes))
}

/// Puts `bytes` in place of the file. Whatever happens in between, the file is the old one or the new one, whole.
/// Call it with the turn taken: the new bytes wait in a file of fixed name, which a killed process may leave behind.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if u64::try_from(bytes.len()).is_ok_and(|size| size > LARGEST_FILE) {
        return Err(ErrorKind::FileTooLarge.into());
    }
    let new = beside(path, ".new");
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = owner_only(OpenOptions::new().create_new(true).write(true)).open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    rename(&new, path)?;
    sync_folder(path)
}

/// Renames, and on Windows tries again while a virus scanner or a backup holds the old file.
fn rename(new: &Path, path: &Path) -> io::Result<()> {
    let started = Instant::now();
    loop {
        match std::fs::rename(new, path) {
            Err(error)
                if cfg!(windows)
                    && error.kind() == ErrorKind::PermissionDenied
                    && started.elapsed() < Duration::from_secs(1) =>
            {
                std::thread::sleep(PAUSE);
            }
            result => return result,
        }
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

#[cfg(unix)]
fn owner_only(options: &mut OpenOptions) -> &mut OpenOptions {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600)
}

/// On Windows the file takes the folder's access list: Tandem's data folder is in the person's own profile.
#[cfg(not(unix))]
fn owner_only(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// Makes the rename itself survive a power cut.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => File::open(folder)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}

/// Windows has no such call; NTFS journals the rename.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
