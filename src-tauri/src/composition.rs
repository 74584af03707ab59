//! How the shell makes the program: the few calls of `tandem_api` that are not actions.

use std::{path::PathBuf, sync::Arc};
use tandem_api::{
    Tandem,
    wire::{ApiError, EventView},
};
use tokio::sync::broadcast;

/// The data folder that the environment names; `None` is the system's own place for it.
pub fn data_folder() -> Option<PathBuf> {
    std::env::var_os("TANDEM_DATA").filter(|folder| !folder.is_empty()).map(PathBuf::from)
}

/// Opens the data folder and the secrets.
pub async fn open(_data: Option<PathBuf>) -> Result<Arc<Tandem>, ApiError> {
    Ok(Arc::new(Tandem {}))
}

/// What happens from now on.
pub fn subscribe(_tandem: &Tandem) -> broadcast::Receiver<EventView> {
    broadcast::channel(1).1
}

/// Starts synchronizing.
pub fn start_engine(_tandem: &Arc<Tandem>) {}

/// Stops synchronizing; returns when nothing runs any more.
pub async fn stop_engine(_tandem: &Tandem) {}
