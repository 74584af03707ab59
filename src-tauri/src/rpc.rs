//! The one door between the page and the engine.

use crate::{events, state::Shell};
use serde_json::Value;
use std::time::{SystemTime, UNIX_EPOCH};
use tandem_api::wire::ApiError;
use tauri::{AppHandle, Manager, State};

/// Calls an action by its name.
#[tauri::command]
pub async fn rpc(shell: State<'_, Shell>, action: String, request: Value) -> Result<Value, ApiError> {
    shell.program().await?.call(&action, request).await
}

/// Waits until the program is open, or says why it could not be opened. Answers why no engine runs, if so. `again` tries
/// once more what failed.
#[tauri::command]
pub async fn startup(app: AppHandle, again: bool) -> Result<Option<ApiError>, ApiError> {
    let shell = app.state::<Shell>();
    match shell.program().await {
        Err(_) if again => events::open(&app).await?,
        Err(error) => return Err(error),
        Ok(program) if again => return Ok(program.try_again().await),
        Ok(_) => {}
    }
    Ok(shell.program().await?.engine_problem())
}

/// The page was painted. Prints how long that took when asked for, to measure the cold start.
#[tauri::command]
pub fn painted() {
    let Some(started) = std::env::var("TANDEM_START_NS").ok().and_then(|text| text.parse::<u128>().ok())
    else {
        return;
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    eprintln!("PAINTED_MS {}", now.saturating_sub(started) / 1_000_000);
}
