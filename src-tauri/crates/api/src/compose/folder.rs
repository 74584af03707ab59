//! Where the data folder is by default, and what stands in it.

use crate::wire::ApiError;
use std::path::{Path, PathBuf};

/// The vault's name in the data folder.
const VAULT_FILE: &str = "secrets.vault";

/// The data folder when nobody names one: `TANDEM_DATA`, else the operating system's place for this application.
///
/// # Errors
/// When the operating system knows no home folder.
pub fn data_folder() -> Result<PathBuf, ApiError> {
    if let Some(folder) = std::env::var_os("TANDEM_DATA").filter(|folder| !folder.is_empty()) {
        return Ok(folder.into());
    }
    directories::ProjectDirs::from("app", "tandem", "desktop")
        .map(|folders| folders.data_local_dir().to_path_buf())
        .ok_or_else(|| {
            let remedy =
                "Name a folder for Tandem's data: --data DIR, or the environment variable TANDEM_DATA.";
            ApiError::plain("data_folder_unusable", "data folder", "This user has no home folder.", remedy)
        })
}

/// Whether a data folder (the default one when none is named) has a vault file.
///
/// # Errors
/// As [`data_folder`].
pub fn vault_exists(folder: Option<&Path>) -> Result<bool, ApiError> {
    Ok(match folder {
        Some(folder) => vault_path(folder),
        None => vault_path(&data_folder()?),
    }
    .exists())
}

pub(super) fn vault_path(folder: &Path) -> PathBuf {
    folder.join(VAULT_FILE)
}
