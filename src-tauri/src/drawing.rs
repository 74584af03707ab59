//! How the page is drawn on Linux: by the processor where no graphics processor is.

use std::{fs, path::Path};
use tauri::WebviewWindow;
use webkit2gtk::{HardwareAccelerationPolicy, SettingsExt, WebViewExt};

/// Without a graphics processor, accelerated drawing means that the processor compiles programs for one that it then
/// plays: the first start in a fresh home folder takes a second longer, every later frame some milliseconds.
pub fn fit_to_this_computer(window: &WebviewWindow) -> tauri::Result<()> {
    if has_graphics_processor(Path::new("/dev/dri")) {
        return Ok(());
    }
    window.with_webview(|view| {
        if let Some(settings) = WebViewExt::settings(&view.inner()) {
            settings.set_hardware_acceleration_policy(HardwareAccelerationPolicy::Never);
        }
    })
}

/// Whether the kernel offers a device that draws (`renderD128` and following, see drm(7)).
fn has_graphics_processor(devices: &Path) -> bool {
    fs::read_dir(devices).is_ok_and(|found| {
        found.flatten().any(|device| device.file_name().to_string_lossy().starts_with("renderD"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_display_alone_is_no_graphics_processor() {
        let devices = tempfile::tempdir().unwrap();
        assert!(!has_graphics_processor(&devices.path().join("none")));
        fs::write(devices.path().join("card0"), "").unwrap();
        assert!(!has_graphics_processor(devices.path()));
        fs::write(devices.path().join("renderD128"), "").unwrap();
        assert!(has_graphics_processor(devices.path()));
    }
}
