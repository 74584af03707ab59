//! Generates Tauri's context; capabilities live beside the shell, not at the root.

/// Every command of the shell: without a capability that allows it, each is refused.
const COMMANDS: &[&str] =
    &["rpc", "startup", "painted", "desktop_settings", "save_desktop_settings", "close_window"];

fn main() {
    println!("cargo:rerun-if-changed=src-tauri/capabilities");
    let attributes = tauri_build::Attributes::new()
        .capabilities_path_pattern("./src-tauri/capabilities/**/*")
        .app_manifest(tauri_build::AppManifest::new().commands(COMMANDS));
    if let Err(error) = tauri_build::try_build(attributes) {
        println!("{error:#}");
        std::process::exit(1);
    }
}
