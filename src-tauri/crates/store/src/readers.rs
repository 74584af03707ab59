//! A few connections that only read, lent to blocking threads.

use crate::open::{Tuning, open_reader};
use rusqlite::Connection;
use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};
use tokio::sync::Semaphore;

/// How many reads run at the same time.
const READERS: usize = 4;

/// The connections that are free, and the permits to use one.
#[derive(Debug)]
pub(crate) struct Readers {
    path: PathBuf,
    tuning: Tuning,
    pub(crate) permits: Semaphore,
    free: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(crate) fn new(path: &Path, tuning: Tuning) -> Self {
        Self {
            path: path.to_path_buf(),
            tuning,
            permits: Semaphore::new(READERS),
            free: Mutex::new(Vec::new()),
        }
    }

    /// Runs a read on a free connection, or on a new one. Blocks.
    pub(crate) fn run<T>(&self, read: impl FnOnce(&Connection) -> T) -> rusqlite::Result<T> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match free {
            Some(connection) => connection,
            None => open_reader(&self.path, self.tuning)?,
        };
        // One transaction, so that all its statements see the same state.
        let result = {
            let _snapshot = connection.unchecked_transaction()?;
            read(&connection)
        };
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < READERS {
            free.push(connection);
        }
        Ok(result)
    }

    /// A connection of one's own, for a read that takes long.
    pub(crate) fn own(&self) -> rusqlite::Result<Connection> {
        open_reader(&self.path, self.tuning)
    }
}
