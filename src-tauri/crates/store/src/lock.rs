//! One engine per data folder: a file lock that the operating system frees when its holder ends, however it ends.

use crate::error::OpenError;
use std::{
    fs::{File, OpenOptions, TryLockError},
    path::Path,
    time::Duration,
};

/// The file that is locked; its presence alone means nothing.
const LOCK_FILE: &str = "engine.lock";

/// Somebody may only be looking whether it is held, for an instant: so often, and so long apart, it is tried again.
const LOOKS: u32 = 5;
const LOOK: Duration = Duration::from_millis(20);

/// Held by the engine for as long as it runs. Reading and configuring need no lock.
#[derive(Debug)]
pub struct DataFolderLock {
    file: File,
}

impl DataFolderLock {
    /// Takes the lock of a data folder, which is created when it is not there.
    ///
    /// # Errors
    /// [`OpenError::Locked`] when another process, or another engine in this one, holds it; [`OpenError::Folder`].
    pub fn acquire(folder: &Path) -> Result<Self, OpenError> {
        let unusable = |error: std::io::Error| OpenError::Folder {
            folder: folder.to_path_buf(),
            why: error.to_string(),
        };
        crate::open::create_folder(folder).map_err(unusable)?;
        let path = folder.join(LOCK_FILE);
        let file =
            OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(unusable)?;
        let mut locked = file.try_lock();
        for _ in 0..LOOKS {
            if !matches!(locked, Err(TryLockError::WouldBlock)) {
                break;
            }
            std::thread::sleep(LOOK);
            locked = file.try_lock();
        }
        match locked {
            Ok(()) => Ok(Self { file }),
            Err(TryLockError::WouldBlock) => Err(OpenError::Locked { folder: folder.to_path_buf() }),
            Err(TryLockError::Error(error)) => Err(unusable(error)),
        }
    }

    /// Whether somebody holds the lock of a data folder now. It may change before this returns; a folder that cannot be
    /// looked into counts as free.
    #[must_use]
    pub fn is_held(folder: &Path) -> bool {
        let Ok(file) = OpenOptions::new().read(true).write(true).open(folder.join(LOCK_FILE)) else {
            return false;
        };
        // Shared, so that two who look do not take each other for an engine.
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => true,
            Ok(()) => {
                let _ = file.unlock();
                false
            }
            Err(TryLockError::Error(_)) => false,
        }
    }
}

impl Drop for DataFolderLock {
    fn drop(&mut self) {
        // Closing the file frees it too; this only does so before a forked child closes its copy.
        let _ = self.file.unlock();
    }
}
