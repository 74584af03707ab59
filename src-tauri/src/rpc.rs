//! The one door between the page and the engine.

use crate::{composition, events, state::Shell};
use serde_json::Value;
use std::time::{SystemTime, UNIX_EPOCH};
use tandem_api::{router, wire::ApiError};
use tauri::{AppHandle, Manager, State};

/// Calls an action by its name.
#[tauri::command]
pub async fn rpc(
    app: AppHandle,
    shell: State<'_, Shell>,
    action: String,
    request: Value,
) -> Result<Value, ApiError> {
    let tandem = shell.tandem().await?;
    let addressee = composition::addressee(&tandem, &action).await;
    let answer = router::call(&addressee, &action, request).await?;
    if action == "start_practice" {
        let practice = composition::shown(&tandem).await;
        events::follow(&app, &practice);
    }
    Ok(answer)
}

/// Waits until the program is open, or says why it could not be opened. Answers why its engine does not run, if so.
/// `again` tries once more what failed.
#[tauri::command]
pub async fn startup(app: AppHandle, again: bool) -> Result<Option<ApiError>, ApiError> {
    let shell = app.state::<Shell>();
    match shell.tandem().await {
        Err(_) if again => events::open(&app).await?,
        Err(error) => return Err(error),
        Ok(tandem) if again && shell.engine_problem().is_some() => events::start_engine(&app, &tandem).await,
        Ok(_) => {}
    }
    Ok(shell.engine_problem())
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
