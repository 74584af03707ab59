//! Starts the desktop shell.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

fn main() {
    if let Err(error) = tandem_desktop::run() {
        eprintln!(
            "Tandem could not open its window: {error}. On a machine without a display use `tandem run`."
        );
        std::process::exit(1);
    }
}
