//! The desktop shell.

/// Opens the window and runs until it is quit.
pub fn run() {
    let _ = tauri::Builder::default().run(tauri::generate_context!());
}
