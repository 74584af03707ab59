//! Opens the program beside the window, and hands what it says to the page as one Tauri event.

use crate::{composition, state::Shell, tray};
use std::sync::Arc;
use tandem_api::{
    Tandem,
    wire::{ApiError, EventView},
};
use tauri::{AppHandle, Emitter, Manager, async_runtime};
use tokio::sync::broadcast::error::RecvError;

/// The event by which the page hears of everything.
pub const EVENT: &str = "tandem://event";

/// Opens the program in the background, so that the window appears at once.
pub fn open_and_forward(app: AppHandle) {
    async_runtime::spawn(async move {
        if let Err(error) = open(&app).await {
            tracing::error!("The program could not be opened: {error}");
            tray::say(&app, &error.message);
        }
    });
}

/// Opens the program, listens to it and starts the engine.
pub async fn open(app: &AppHandle) -> Result<Arc<Tandem>, ApiError> {
    let tandem = app.state::<Shell>().open().await?;
    async_runtime::spawn(forward(app.clone(), Arc::clone(&tandem)));
    composition::start_engine(&tandem);
    tray::refresh(app);
    Ok(tandem)
}

async fn forward(app: AppHandle, tandem: Arc<Tandem>) {
    let mut heard = composition::subscribe(&tandem);
    loop {
        match heard.recv().await {
            Ok(event) => tell(&app, &event),
            // Too slow for a burst: what was missed can only be asked again, all of it.
            Err(RecvError::Lagged(_)) => {
                for kind in ["configuration", "email", "ledger", "alert", "schedule"] {
                    tell(&app, &EventView::Changed { kind: kind.to_owned() });
                }
            }
            Err(RecvError::Closed) => return,
        }
    }
}

fn tell(app: &AppHandle, event: &EventView) {
    if let Err(error) = app.emit(EVENT, event) {
        tracing::warn!("An event did not reach the window: {error}");
    }
    if matches!(event, EventView::Engine { .. } | EventView::Changed { .. }) {
        tray::refresh(app);
    }
}
