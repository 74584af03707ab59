//! What the window remembers about itself: what closing it means. Nothing of the engine's.

use serde::{Deserialize, Serialize};
use std::{fs, path::PathBuf};
use tauri::{AppHandle, Manager};

/// What closing the window means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnClose {
    /// The window goes away, the engine runs on.
    Hide,
    /// Tandem ends.
    Quit,
}

/// The window's preferences.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preferences {
    /// Absent until the person was told and chose.
    pub on_close: Option<OnClose>,
}

/// Reads them; a missing or unreadable file is a first start.
pub fn load(app: &AppHandle) -> Preferences {
    file(app)
        .and_then(|file| fs::read_to_string(file).ok())
        .map_or_else(Preferences::default, |text| parse(&text))
}

/// Writes them.
pub fn save(app: &AppHandle, preferences: &Preferences) -> Result<(), String> {
    let file = file(app).ok_or("The system names no folder for settings.")?;
    let text = serde_json::to_string_pretty(preferences).map_err(|error| error.to_string())?;
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))
}

fn file(app: &AppHandle) -> Option<PathBuf> {
    let folder = crate::composition::data_folder().or_else(|| app.path().app_config_dir().ok())?;
    Some(folder.join("window.json"))
}

fn parse(text: &str) -> Preferences {
    serde_json::from_str(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_file_is_a_first_start() {
        assert_eq!(parse("{\"on_close\": 7"), Preferences { on_close: None });
    }

    #[test]
    fn the_choice_survives_a_restart() {
        let chosen = Preferences { on_close: Some(OnClose::Hide) };
        assert_eq!(parse(&serde_json::to_string(&chosen).unwrap()), chosen);
    }
}
