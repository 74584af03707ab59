//! The window: shown, hidden while the engine keeps running, and quit.

use crate::{
    preferences,
    preferences::{OnClose, Preferences},
    state::Shell,
};
use std::time::Duration;
use tauri::{
    AppHandle, Emitter, Manager, State, Url, WebviewWindowBuilder, Window, WindowEvent, async_runtime,
};
use tauri_plugin_notification::NotificationExt;

/// The window's label in the configuration.
pub const MAIN: &str = "main";
/// Asks the page to explain, once, what closing the window means.
const CLOSING: &str = "tandem://closing";
/// A cycle gets this long to end before the process does.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// Makes the window from the configuration; it can't go anywhere but to its own pages.
pub fn create(app: &AppHandle) -> tauri::Result<()> {
    app.state::<Shell>().preferences(|preferences| *preferences = preferences::load(app));
    let Some(config) = app.config().app.windows.iter().find(|window| window.label == MAIN).cloned() else {
        return Err(tauri::Error::WebviewNotFound);
    };
    let dev = app.config().build.dev_url.clone().filter(|_| tauri::is_dev());
    let window = WebviewWindowBuilder::from_config(app, &config)?
        .on_navigation(move |url| is_own(url, dev.as_ref()))
        .build()?;
    #[cfg(target_os = "linux")]
    crate::drawing::fit_to_this_computer(&window)?;
    let handle = window.as_ref().window();
    window.on_window_event(move |event| {
        if let WindowEvent::CloseRequested { api, .. } = event {
            api.prevent_close();
            close_requested(&handle);
        }
    });
    Ok(())
}

/// Brings the window to the front.
pub fn show(app: &AppHandle) {
    let Some(window) = app.get_webview_window(MAIN) else { return };
    // Each of these fails only where the window system has no such thing.
    let _ = window.show();
    let _ = window.unminimize();
    let _ = window.set_focus();
}

/// Stops the engine of this process cleanly, then ends the process. One that runs as a service goes on.
pub fn quit(app: &AppHandle) {
    if !app.state::<Shell>().begin_quitting() {
        return;
    }
    let app = app.clone();
    async_runtime::spawn(async move {
        if let Some(program) = app.state::<Shell>().program_now()
            && tokio::time::timeout(STOP_WITHIN, program.close()).await.is_err()
        {
            tracing::warn!("The engine did not stop in {} s; what it did is durable", STOP_WITHIN.as_secs());
        }
        app.exit(0);
    });
}

/// The window's own preferences.
#[tauri::command]
#[expect(clippy::needless_pass_by_value, reason = "commands take what Tauri hands them")]
pub fn desktop_settings(shell: State<'_, Shell>) -> Preferences {
    shell.preferences(|preferences| preferences.clone())
}

/// Changes the window's own preferences.
#[tauri::command]
#[expect(clippy::needless_pass_by_value, reason = "commands take what Tauri hands them")]
pub fn save_desktop_settings(
    app: AppHandle,
    shell: State<'_, Shell>,
    settings: Preferences,
) -> Result<(), String> {
    preferences::save(&app, &settings)?;
    shell.preferences(|preferences| *preferences = settings);
    Ok(())
}

/// What the person chose when the page explained what closing means.
#[tauri::command]
#[expect(clippy::needless_pass_by_value, reason = "commands take what Tauri hands them")]
pub fn close_window(app: AppHandle, window: Window, shell: State<'_, Shell>, choice: Option<OnClose>) {
    shell.answered();
    let Some(choice) = choice else { return };
    let preferences = Preferences { on_close: Some(choice) };
    if let Err(error) = preferences::save(&app, &preferences) {
        tracing::warn!("What closing the window means is asked again next time: {error}");
    }
    shell.preferences(|kept| *kept = preferences);
    match choice {
        OnClose::Hide => hide_and_say_so(&window),
        OnClose::Quit => quit(&app),
    }
}

fn close_requested(window: &Window) {
    let app = window.app_handle();
    let shell = app.state::<Shell>();
    match shell.preferences(|preferences| preferences.on_close) {
        Some(OnClose::Quit) => quit(app),
        Some(OnClose::Hide) => hide(window),
        // Asked for the second time means that the page does not answer: then it is hidden all the same.
        None if shell.begin_asking() && window.emit(CLOSING, ()).is_ok() => {}
        None => hide_and_say_so(window),
    }
}

fn hide(window: &Window) {
    if let Err(error) = window.hide() {
        tracing::warn!("The window could not be hidden: {error}");
    }
}

fn hide_and_say_so(window: &Window) {
    hide(window);
    notify(
        window.app_handle(),
        "Tandem keeps synchronizing",
        "The window is closed, the engine runs on. Open or quit Tandem from its tray icon, or start it again to see the window.",
    );
}

/// Shows a notification of the operating system; without a notification service there is none.
pub fn notify(app: &AppHandle, title: &str, body: &str) {
    if let Err(error) = app.notification().builder().title(title).body(body).show() {
        tracing::debug!("The notification was not shown: {error}");
    }
}

/// The page's own address, and frames with mail bodies.
fn is_own(url: &Url, dev: Option<&Url>) -> bool {
    matches!(url.scheme(), "tauri" | "mailbody" | "about")
        || matches!(url.host_str(), Some("tauri.localhost" | "mailbody.localhost"))
        || dev.is_some_and(|dev| dev.origin() == url.origin())
}
