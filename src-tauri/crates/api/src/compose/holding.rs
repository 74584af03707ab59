//! Holding the engine of a data folder: its lock, the note that says who has it, and the socket for other shells.

use super::Tandem;
use crate::{
    attach::{Holder, HolderFile, Listening, Role, listen, locked_by},
    people::of_open,
    wire::{ApiError, EngineView},
};
use std::{
    path::Path,
    sync::{Arc, PoisonError},
    time::Duration,
};
use tandem_store::{DataFolderLock, OpenError};
use tokio::time::{Instant, sleep};

/// How often the lock is tried while it is waited for.
const TRY_EVERY: Duration = Duration::from_millis(50);
/// Somebody may only have looked at the lock, or be about to leave: no refusal before this time.
const AT_LEAST: Duration = Duration::from_millis(400);

/// The engine of the data folder is this process's. Dropping it frees the lock, last of all.
#[derive(Debug)]
pub(crate) struct Held {
    listening: Option<Listening>,
    file: Option<HolderFile>,
    lock: DataFolderLock,
}

impl Tandem {
    /// Takes the lock of the data folder: one engine at a time. Waits `patience` for somebody who has it for a moment.
    ///
    /// # Errors
    /// When another process has it, with who that is; a folder that cannot be used.
    pub(crate) async fn hold(self: &Arc<Self>, role: Role, patience: Duration) -> Result<Held, ApiError> {
        let lock = self.wait_for_lock(patience).await?;
        let mut holder = Holder::this_process(role, self.secrets_word(), None);
        let view = holder.view();
        let mut listening = None;
        if role.lasts() && !self.is_practice {
            match listen(self, &self.folder, holder.clone()) {
                Ok(listens) => {
                    holder = listens.holder.clone();
                    listening = Some(listens);
                }
                // Synchronizing is worth more than being seen.
                Err(error) => {
                    tracing::warn!("Other windows and commands cannot attach to this engine: {error}");
                }
            }
        }
        let file = match HolderFile::write(&self.folder, &holder) {
            Ok(file) => Some(file),
            Err(error) => {
                tracing::warn!("Other windows and commands cannot see who runs this engine: {error}");
                None
            }
        };
        *self.holding.lock().unwrap_or_else(PoisonError::into_inner) = Some(view);
        Ok(Held { listening, file, lock })
    }

    /// Tells the shells that are attached, and frees the lock.
    pub(crate) async fn let_go(&self, held: Held) {
        let Held { listening, file, lock } = held;
        if let Some(listening) = listening {
            listening.end().await;
        }
        *self.holding.lock().unwrap_or_else(PoisonError::into_inner) = None;
        drop(file);
        drop(lock);
    }

    /// Whether this process holds the engine of its data folder.
    pub(super) fn is_holding(&self) -> bool {
        self.holding.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Where the engine runs, here or elsewhere.
    pub(crate) async fn engine_view(&self) -> EngineView {
        let here = self.holding.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(here) = here {
            return here;
        }
        let folder = self.folder.clone();
        let looked = tokio::task::spawn_blocking(move || look(&folder)).await;
        looked.unwrap_or_else(|error| {
            tracing::warn!("Where the engine runs is not known: {error}");
            EngineView { running: false, place: "unknown".to_owned(), since: None, process: None }
        })
    }

    async fn wait_for_lock(&self, patience: Duration) -> Result<DataFolderLock, ApiError> {
        let started = Instant::now();
        loop {
            match DataFolderLock::acquire(&self.folder) {
                Ok(lock) => return Ok(lock),
                Err(OpenError::Locked { .. }) => {}
                Err(error) => return Err(of_open(&self.folder, &error)),
            }
            let waited = started.elapsed();
            let holder = Holder::last(&self.folder);
            let lasts = holder.as_ref().is_some_and(|holder| holder.role.lasts());
            if waited >= patience || (lasts && waited >= AT_LEAST) {
                return Err(locked_by(&self.folder, holder.as_ref()));
            }
            sleep(TRY_EVERY).await;
        }
    }
}

/// Where the engine of a data folder (the default one when none is named) runs, without opening it.
///
/// # Errors
/// As [`crate::data_folder`].
pub fn engine_of(folder: Option<&Path>) -> Result<EngineView, ApiError> {
    let folder = match folder {
        Some(folder) => folder.to_path_buf(),
        None => crate::data_folder()?,
    };
    Ok(look(&folder))
}

/// Blocks briefly.
fn look(folder: &Path) -> EngineView {
    let unnamed =
        |place: &str, running| EngineView { running, place: place.to_owned(), since: None, process: None };
    match (DataFolderLock::is_held(folder), Holder::last(folder)) {
        (true, Some(holder)) => holder.view(),
        (true, None) => unnamed("unknown", true),
        (false, _) => unnamed("none", false),
    }
}
