//! The tray icon: open the window, see how things stand, quit.

use crate::{state::Shell, window};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use tauri::{
    AppHandle, Manager, Wry, async_runtime,
    menu::{Menu, MenuItem, PredefinedMenuItem},
    tray::{MouseButton, MouseButtonState, TrayIcon, TrayIconBuilder, TrayIconEvent},
};

/// The headline is read at most this often.
const PAUSE: Duration = Duration::from_secs(2);
/// Menus cut longer lines badly.
const LONGEST_LINE: usize = 70;

struct Tray {
    icon: TrayIcon,
    status: MenuItem<Wry>,
    refreshing: AtomicBool,
}

/// Puts the icon in the tray. A system without one (no panel, no indicator library) has a window all the same.
pub fn create(app: &AppHandle) {
    // The indicator library is loaded at run time on Linux, and its loader panics where it is missing.
    match catch_unwind(AssertUnwindSafe(|| build(app))) {
        Ok(Ok(tray)) => {
            app.manage(tray);
        }
        Ok(Err(error)) => tracing::warn!("There is no tray icon: {error}"),
        Err(_panic) => tracing::warn!("There is no tray icon: the indicator library is missing"),
    }
}

/// Shows a line of status in the menu and as the tooltip.
pub fn say(app: &AppHandle, line: &str) {
    let Some(tray) = app.try_state::<Tray>() else { return };
    let line: String = line.chars().take(LONGEST_LINE).collect();
    // Both fail only while the tray goes away.
    let _ = tray.status.set_text(&line);
    let _ = tray.icon.set_tooltip(Some(format!("Tandem: {line}")));
}

/// Asks for the headline soon, once for any number of calls.
pub fn refresh(app: &AppHandle) {
    let Some(tray) = app.try_state::<Tray>() else { return };
    if tray.refreshing.swap(true, Ordering::SeqCst) {
        return;
    }
    let app = app.clone();
    async_runtime::spawn(async move {
        tokio::time::sleep(PAUSE).await;
        if let Some(tray) = app.try_state::<Tray>() {
            tray.refreshing.store(false, Ordering::SeqCst);
        }
        let Some(program) = app.state::<Shell>().program_now() else { return };
        match program.headline().await {
            Ok(headline) => say(&app, &headline),
            Err(error) => say(&app, &error.message),
        }
    });
}

fn build(app: &AppHandle) -> tauri::Result<Tray> {
    let open = MenuItem::with_id(app, "open", "Open Tandem", true, None::<&str>)?;
    let status = MenuItem::with_id(app, "status", "Starting", false, None::<&str>)?;
    let quit = MenuItem::with_id(app, "quit", "Quit Tandem and stop synchronizing", true, None::<&str>)?;
    let menu = Menu::with_items(
        app,
        &[&open, &PredefinedMenuItem::separator(app)?, &status, &PredefinedMenuItem::separator(app)?, &quit],
    )?;
    let mut builder = TrayIconBuilder::with_id("tandem")
        .tooltip("Tandem")
        .menu(&menu)
        .show_menu_on_left_click(false)
        .on_menu_event(|app, event| match event.id().as_ref() {
            "open" => window::show(app),
            "quit" => window::quit(app),
            _ => {}
        })
        .on_tray_icon_event(|tray, event| {
            if let TrayIconEvent::Click {
                button: MouseButton::Left,
                button_state: MouseButtonState::Up,
                ..
            } = event
            {
                window::show(tray.app_handle());
            }
        });
    if let Some(icon) = app.default_window_icon() {
        builder = builder.icon(icon.clone());
    }
    Ok(Tray { icon: builder.build(app)?, status, refreshing: AtomicBool::new(false) })
}
