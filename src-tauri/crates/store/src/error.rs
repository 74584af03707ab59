//! From SQLite's errors to those that the engine and people act on.

use rusqlite::ErrorCode;
use std::path::{Path, PathBuf};
use tandem_engine::ports::storage::{StorageError, StorageTrouble};

/// Why a data folder cannot be opened. Nothing was changed in any of these cases.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The database was written by a newer Tandem.
    #[error(
        "the database {path} has version {found}, this Tandem knows versions up to {known}: install the newer Tandem \
         again, or choose another data folder; nothing was changed", path = path.display()
    )]
    Newer {
        /// The database file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The latest version that this program knows.
        known: u32,
    },
    /// The file is no SQLite database, or not one of Tandem's.
    #[error(
        "{path} is not a Tandem database: {why}; move the file away, or choose another data folder; nothing was changed",
        path = path.display()
    )]
    NotADatabase {
        /// The file.
        path: PathBuf,
        /// What it is instead, in words.
        why: String,
    },
    /// The folder or the file cannot be read or written.
    #[error(
        "the data folder {folder} cannot be used: {why}; give this user the right to read and write it, or choose \
         another data folder", folder = folder.display()
    )]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The operating system's words.
        why: String,
    },
    /// Another engine runs on this data folder.
    #[error(
        "another Tandem already runs on the data folder {folder}: close it, or choose another data folder",
        folder = folder.display()
    )]
    Locked {
        /// The folder.
        folder: PathBuf,
    },
    /// The disk is full.
    #[error("the disk that holds {path} is full: free some space and start again", path = path.display())]
    DiskFull {
        /// The database file.
        path: PathBuf,
    },
    /// Anything else, in the database's words.
    #[error("the database {path} cannot be opened: {why}", path = path.display())]
    Failed {
        /// The database file.
        path: PathBuf,
        /// The database's words.
        why: String,
    },
}

/// What a failed statement means to the engine.
pub(crate) fn storage_error(path: &Path, error: &rusqlite::Error) -> StorageError {
    let full = || StorageError::DiskFull { path: path.display().to_string() };
    match error {
        rusqlite::Error::QueryReturnedNoRows => StorageError::NotFound("the record".to_owned()),
        rusqlite::Error::SqliteFailure(cause, words) => match cause.code {
            ErrorCode::DiskFull => full(),
            // A write that the file system refused for want of space can also arrive as an I/O error.
            ErrorCode::SystemIoFailure if is_full(path) => full(),
            code => {
                let words = words.clone().unwrap_or_else(|| cause.to_string());
                let why = format!("{words} ({})", path.display());
                match trouble(code) {
                    Some(trouble) => StorageError::Unusable { trouble, why },
                    None => StorageError::Failed(why),
                }
            }
        },
        other => StorageError::Failed(format!("{other} ({})", path.display())),
    }
}

/// Which of SQLite's results are about this computer, and not about the statement.
fn trouble(code: ErrorCode) -> Option<StorageTrouble> {
    Some(match code {
        ErrorCode::ReadOnly => StorageTrouble::ReadOnly,
        ErrorCode::PermissionDenied | ErrorCode::CannotOpen => StorageTrouble::Denied,
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StorageTrouble::Busy,
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => StorageTrouble::Damaged,
        ErrorCode::SystemIoFailure => StorageTrouble::Broken,
        ErrorCode::OutOfMemory => StorageTrouble::OutOfMemory,
        _ => return None,
    })
}

/// What a failure while opening means to people.
pub(crate) fn open_error(path: &Path, error: &rusqlite::Error) -> OpenError {
    let path = path.to_path_buf();
    let rusqlite::Error::SqliteFailure(cause, words) = error else {
        return OpenError::Failed { path, why: error.to_string() };
    };
    let why = words.clone().unwrap_or_else(|| cause.to_string());
    match cause.code {
        ErrorCode::NotADatabase => {
            OpenError::NotADatabase { path, why: "it is no SQLite database".to_owned() }
        }
        ErrorCode::DatabaseCorrupt => OpenError::NotADatabase { path, why: format!("it is damaged ({why})") },
        ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied => {
            let folder = path.parent().unwrap_or(&path).to_path_buf();
            OpenError::Folder { folder, why }
        }
        ErrorCode::DiskFull => OpenError::DiskFull { path },
        // The index of the WAL, which even reading needs, finds no room.
        ErrorCode::SystemIoFailure if is_full(&path) => OpenError::DiskFull { path },
        _ => OpenError::Failed { path, why },
    }
}

/// Whether even a few bytes beside the database cannot be written.
fn is_full(path: &Path) -> bool {
    let Some(folder) = path.parent() else { return false };
    let probe = tempfile::NamedTempFile::new_in(folder)
        .and_then(|mut file| std::io::Write::write_all(&mut file, &[0; 64 * 1024]));
    probe.is_err_and(|error| {
        matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tandem_domain::failure::{Nature, Scope};

    const CORPUS: &str = include_str!("../../../../tests/corpus/errors/disk.tsv");

    #[test]
    fn every_result_of_sqlite_in_the_corpus_has_its_code() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("tandem.db");
        let mut seen = 0;
        for line in CORPUS.lines().filter(|line| line.starts_with("sqlite\t")) {
            let fields: Vec<&str> = line.split('\t').collect();
            let number = fields[1].parse().unwrap();
            let raw = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(number), None);
            let failure = storage_error(&path, &raw).failure();
            assert_eq!(failure.code.as_str(), fields[4], "{line}");
            assert!(!failure.code.is_catch_all(), "{line}");
            assert_eq!((failure.nature, failure.scope), (Nature::Transient, Scope::Profile), "{line}");
            assert_eq!((fields[2], fields[3]), ("transient", "profile"), "{line}");
            seen += 1;
        }
        assert!(seen >= 18, "{seen}");
    }
}
