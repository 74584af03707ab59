//! Opens the program beside the window, and hands what it says to the page as one Tauri event.

use crate::{composition, state::Shell, tray, window};
use std::sync::Arc;
use tandem_api::{
    Tandem,
    wire::{ApiError, EventView},
};
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

/// Opens the program, listens to it and starts the engine. A program whose engine can't run is shown all the same.
pub async fn open(app: &AppHandle) -> Result<(), ApiError> {
    let shell = app.state::<Shell>();
    let tandem = shell.open().await?;
    follow(app, &tandem);
    start_engine(app, &tandem).await;
    shell.opened(&tandem);
    tray::refresh(app);
    Ok(())
}

/// Starts the engine; why it can't is kept for the page.
pub async fn start_engine(app: &AppHandle, tandem: &Arc<Tandem>) {
    let problem = composition::start_engine(tandem).await.err();
    if let Some(error) = &problem {
        tracing::error!("The engine does not run: {error}");
    }
    app.state::<Shell>().set_engine_problem(problem);
}

/// Hands on what an organization says, as long as it lives.
pub fn follow(app: &AppHandle, tandem: &Tandem) {
    async_runtime::spawn(forward(app.clone(), composition::subscribe(tandem)));
    tray::refresh(app);
}

async fn forward(app: AppHandle, mut heard: Receiver<EventView>) {
    loop {
        match heard.recv().await {
            Ok(event) => tell(&app, &event),
            // Too slow for a burst: what was missed can only be asked again, all of it.
            Err(RecvError::Lagged(_)) => {
                for kind in ["configuration", "email", "ledger", "alert", "schedule", "test_job"] {
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
    match event {
        EventView::Engine { .. } | EventView::Changed { .. } => tray::refresh(app),
        EventView::NeedsPerson { title, body, .. } => window::notify(app, title, body),
        _ => {}
    }
}
