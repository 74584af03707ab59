//! Opens the program beside the window, and hands what it says to the page as one Tauri event.

use crate::{state::Shell, tray, window};
use tandem_api::wire::{ApiError, EventView};
use tauri::{AppHandle, Emitter, Manager, async_runtime};
use tokio::sync::broadcast::{Receiver, error::RecvError};

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

/// Opens the program and listens to it. A program whose engine can't run is shown all the same.
pub async fn open(app: &AppHandle) -> Result<(), ApiError> {
    let shell = app.state::<Shell>();
    let program = shell.open().await?;
    async_runtime::spawn(forward(app.clone(), program.subscribe()));
    shell.opened(&program);
    tray::refresh(app);
    Ok(())
}

async fn forward(app: AppHandle, mut heard: Receiver<EventView>) {
    loop {
        match heard.recv().await {
            Ok(event) => tell(&app, &event),
            // Too slow for a burst: what was missed can only be asked again, all of it.
            Err(RecvError::Lagged(_)) => {
                EventView::everything_changed().iter().for_each(|event| tell(&app, event));
            }
            Err(RecvError::Closed) => return,
        }
    }
}

fn tell(app: &AppHandle, event: &EventView) {
    if let Err(error) = app.emit(EVENT, event) {
        tracing::warn!("An event did not reach the window: {error}");
    }
    match event {
        EventView::Engine { .. } | EventView::Changed { .. } => tray::refresh(app),
        EventView::NeedsPerson { title, body, .. } => window::notify(app, title, body),
        _ => {}
    }
}
