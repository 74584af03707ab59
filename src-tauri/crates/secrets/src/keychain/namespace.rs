//! The random id that keeps the keychain entries of two data folders apart.

use std::io::{ErrorKind, Write};
use std::path::Path;

use uuid::Uuid;

use crate::SecretError;

const FILE: &str = "keychain-id";

/// The folder's id, made at the first call. Two processes that start together agree on one.
pub(super) fn of_folder(folder: &Path) -> Result<String, SecretError> {
    let path = folder.join(FILE);
    if let Some(id) = read(&path)? {
        return Ok(id);
    }
    let id = Uuid::new_v4().to_string();
    let refused = |error: &std::io::Error| failed("made", &path, error);
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(|error| refused(&error))?;
    file.write_all(id.as_bytes())
        .and_then(|()| file.as_file().sync_all())
        .map_err(|error| refused(&error))?;
    match file.persist_noclobber(&path) {
        Ok(_) => Ok(id),
        Err(error) => read(&path)?.ok_or_else(|| refused(&error.error)),
    }
}

fn read(path: &Path) -> Result<Option<String>, SecretError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == ErrorKind::InvalidData => String::new(),
        Err(error) => return Err(failed("read", path, &error)),
    };
    match Uuid::parse_str(text.trim()) {
        Ok(id) => Ok(Some(id.to_string())),
        Err(_) => {
            let why =
                "it should hold the id under which this data folder's keychain entries are filed".into();
            Err(SecretError::Damaged { path: path.to_owned(), why })
        }
    }
}

fn failed(done: &str, path: &Path, error: &std::io::Error) -> SecretError {
    let why = format!("{} could not be {done}: {error}", path.display());
    SecretError::Io { store: super::platform::NAME.into(), why }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_keeps_its_id_and_another_folder_has_another() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let id = of_folder(one.path()).unwrap();
        assert_eq!(of_folder(one.path()).unwrap(), id);
        assert_ne!(of_folder(two.path()).unwrap(), id);
    }

    #[test]
    fn processes_that_start_together_agree_on_one_id() {
        let folder = tempfile::tempdir().unwrap();
        let ids: Vec<_> = std::thread::scope(|scope| {
            let asks: Vec<_> = (0..8).map(|_| scope.spawn(|| of_folder(folder.path()).unwrap())).collect();
            asks.into_iter().map(|ask| ask.join().unwrap()).collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "only keychain-id is left behind");
    }

    #[test]
    fn an_emptied_id_file_is_reported_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), "").unwrap();
        let error = of_folder(folder.path()).unwrap_err();
        assert!(matches!(error, SecretError::Damaged { .. }), "{error}");
        assert_eq!(std::fs::read(folder.path().join(FILE)).unwrap(), b"");
    }
}
