//! The desktop shell: a window, a tray icon and one door to the engine. Tauri and nothing else; no decision is made here.

mod body_frame;
mod composition;
#[cfg(target_os = "linux")]
mod drawing;
mod events;
mod preferences;
mod rpc;
mod state;
mod tray;
mod window;

use state::Shell;
use tauri::{Manager, RunEvent};
use tauri_plugin_window_state::StateFlags;

/// Opens the window and runs until it is quit.
///
/// # Errors
/// When the window system cannot be reached; there is no window then to say so in.
pub fn run() -> tauri::Result<()> {
    let app = tauri::Builder::default()
        .plugin(tauri_plugin_single_instance::init(|app, _arguments, _folder| window::show(app)))
        .plugin(
            tauri_plugin_window_state::Builder::default()
                // A window that was hidden when Tandem was quit must not start hidden.
                .with_state_flags(StateFlags::all() & !StateFlags::VISIBLE)
                .build(),
        )
        .plugin(tauri_plugin_dialog::init())
        .plugin(tauri_plugin_notification::init())
        .register_asynchronous_uri_scheme_protocol(body_frame::SCHEME, body_frame::serve)
        .invoke_handler(tauri::generate_handler![
            rpc::rpc,
            rpc::startup,
            rpc::painted,
            window::desktop_settings,
            window::save_desktop_settings,
            window::close_window,
        ])
        .setup(|app| {
            app.manage(Shell::new(composition::data_folder()));
            window::create(app.handle())?;
            tray::create(app.handle());
            events::open_and_forward(app.handle().clone());
            Ok(())
        })
        .build(tauri::generate_context!())?;
    app.run(|app, event| match event {
        // Without a code it is the system that asks (the last window, Cmd+Q): stop the engine first.
        RunEvent::ExitRequested { api, code: None, .. } => {
            api.prevent_exit();
            window::quit(app);
        }
        #[cfg(target_os = "macos")]
        RunEvent::Reopen { .. } => window::show(app),
        _ => {}
    });
    Ok(())
}
