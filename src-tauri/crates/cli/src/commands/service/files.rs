//! Services that are files: systemd's units and launchd's property lists.

use super::Status;
use crate::{
    arguments::Scope,
    service::{launchd, plan::Plan, systemd},
};
use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};
use tandem_api::wire::{ApiError, EngineView};

/// macOS has launchd; every other Unix that we run on has systemd, or no service of ours.
const LAUNCHD: bool = cfg!(target_os = "macos");

pub(super) fn default_scope() -> Scope {
    if rustix::process::geteuid().is_root() { Scope::System } else { Scope::User }
}

/// What would be installed.
pub(super) fn text(plan: &Plan) -> String {
    if LAUNCHD { launchd::property_list(plan) } else { systemd::unit(plan) }
}

/// Writes the file and starts the service. Done twice it changes nothing more.
pub(super) fn install(plan: &Plan) -> Result<(), ApiError> {
    let file = file(&plan.name, plan.scope)?;
    let text = text(plan);
    let before = read(&file)?;
    if before.as_deref().is_some_and(|before| !is_ours(before)) {
        return Err(not_ours(&file));
    }
    let changed = before.as_deref() != Some(&text);
    if changed {
        write(&file, &text).map_err(|error| in_file(&file, &error))?;
    }
    let started = if LAUNCHD { start_launchd(plan, &file, changed) } else { start_systemd(plan, changed) };
    if let (Err(_), None) = (&started, &before) {
        // Nothing was there before, and nothing shall be left of what does not work.
        let _ = fs::remove_file(&file);
    }
    started
}

fn start_systemd(plan: &Plan, changed: bool) -> Result<(), ApiError> {
    systemctl(plan.scope, &["daemon-reload"])?;
    let unit = unit_name(&plan.name);
    systemctl(plan.scope, &["enable", &unit])?;
    // Without waiting: while a window holds the engine, it starts when that is quit.
    let verb = if changed { "restart" } else { "start" };
    systemctl(plan.scope, &["--no-block", verb, &unit]).map(drop)
}

fn start_launchd(plan: &Plan, file: &Path, changed: bool) -> Result<(), ApiError> {
    let domain = launchd::domain(plan.scope, user());
    let target = format!("{domain}/{}", launchd::label(&plan.name));
    let loaded = command("launchctl", &["print", &target]).is_ok();
    if loaded && !changed {
        return Ok(());
    }
    if loaded {
        command("launchctl", &["bootout", &target])?;
    }
    command("launchctl", &["bootstrap", &domain, &file.to_string_lossy()]).map(drop)
}

/// Stops the service and removes the file, if it is ours.
pub(super) fn remove(name: &str, scope: Scope) -> Result<(), ApiError> {
    let file = file(name, scope)?;
    let Some(text) = read(&file)? else { return Ok(()) };
    if !is_ours(&text) {
        return Err(not_ours(&file));
    }
    if LAUNCHD {
        let target = format!("{}/{}", launchd::domain(scope, user()), launchd::label(name));
        if command("launchctl", &["print", &target]).is_ok() {
            command("launchctl", &["bootout", &target])?;
        }
    } else {
        systemctl(scope, &["disable", "--now", &unit_name(name)])?;
    }
    fs::remove_file(&file).map_err(|error| in_file(&file, &error))?;
    if !LAUNCHD {
        systemctl(scope, &["daemon-reload"])?;
    }
    Ok(())
}

pub(super) fn status(name: &str, scope: Scope, engine: EngineView) -> Result<Status, ApiError> {
    let file = file(name, scope)?;
    let installed = read(&file)?.as_deref().is_some_and(is_ours);
    let whose = if scope == Scope::User { "user" } else { "system" };
    let mut status = Status {
        name: name.to_owned(),
        manager: format!("{} ({whose})", if LAUNCHD { "launchd" } else { "systemd" }),
        installed,
        file: installed.then(|| file.display().to_string()),
        running: false,
        state: "not installed".to_owned(),
        since: None,
        process: None,
        engine,
        stop_command: String::new(),
        start_command: String::new(),
    };
    if !installed {
        return Ok(status);
    }
    if LAUNCHD {
        let domain = launchd::domain(scope, user());
        let target = format!("{domain}/{}", launchd::label(name));
        status.process = command("launchctl", &["print", &target]).ok().as_deref().and_then(launchd::process);
        status.running = status.process.is_some();
        status.state = if status.running { "running" } else { "not running" }.to_owned();
        status.stop_command = format!("launchctl bootout {target}");
        status.start_command = format!("launchctl bootstrap {domain} {}", file.display());
    } else {
        let unit = unit_name(name);
        let wanted = "ActiveState,SubState,ActiveEnterTimestamp,MainPID";
        let told = systemctl(scope, &["show", &unit, "--timestamp=unix", "--property", wanted])?;
        let told = systemd::shown(&told);
        status.running = told.running;
        status.state = told.state;
        status.since = told.since.and_then(from_seconds).filter(|_| told.running);
        status.process = told.process;
        let user = if scope == Scope::User { " --user" } else { "" };
        status.stop_command = format!("systemctl{user} stop {unit}");
        status.start_command = format!("systemctl{user} start {unit}");
    }
    if status.since.is_none() && status.running && status.process == status.engine.process {
        status.since = status.engine.since;
    }
    Ok(status)
}

/// What a person should know besides, after installing.
pub(super) fn hint(plan: &Plan) -> Option<&'static str> {
    (!LAUNCHD && plan.scope == Scope::User).then_some(
        "It runs while you are logged in. To have it run from the start of the computer: `loginctl enable-linger`.",
    )
}

fn from_seconds(seconds: i64) -> Option<tandem_api::wire::Time> {
    let at = std::time::UNIX_EPOCH.checked_add(std::time::Duration::from_secs(seconds.try_into().ok()?))?;
    Some(at.into())
}

fn unit_name(name: &str) -> String {
    format!("{name}.service")
}

fn file(name: &str, scope: Scope) -> Result<PathBuf, ApiError> {
    let from_env = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let no_home = || {
        let remedy = "Set HOME, or install it for the whole computer as root with --scope system.";
        ApiError::plain("no_home", name, "This user has no home folder.", remedy)
    };
    let home = from_env("HOME");
    if LAUNCHD {
        let folder = launchd::folder(scope, &home.ok_or_else(no_home)?);
        return Ok(folder.join(format!("{}.plist", launchd::label(name))));
    }
    let settings = from_env("XDG_CONFIG_HOME").or_else(|| Some(home?.join(".config")));
    let folder = match scope {
        Scope::User => systemd::folder(scope, &settings.ok_or_else(no_home)?),
        Scope::System => systemd::folder(scope, Path::new("")),
    };
    Ok(folder.join(unit_name(name)))
}

fn user() -> u32 {
    rustix::process::getuid().as_raw()
}

fn is_ours(text: &str) -> bool {
    text.contains(if LAUNCHD { launchd::MARK } else { systemd::MARK })
}

fn read(file: &Path) -> Result<Option<String>, ApiError> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(in_file(file, &error)),
    }
}

fn write(file: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let new = file.with_extension("new");
    fs::write(&new, text)?;
    fs::rename(new, file)
}

fn systemctl(scope: Scope, arguments: &[&str]) -> Result<String, ApiError> {
    let user: &[&str] = if scope == Scope::User { &["--user"] } else { &[] };
    command("systemctl", &[user, arguments].concat())
}

/// Runs a command of the system and returns what it said.
fn command(program: &str, arguments: &[&str]) -> Result<String, ApiError> {
    let line = format!("{program} {}", arguments.join(" "));
    let failed = |words: &dyn std::fmt::Display| {
        ApiError::plain(
            "service_failed",
            &line,
            "The system's own command for services failed.",
            "Check that this system uses it and that you may. Without it, have your own supervisor run the line that `tandem service install --print` shows.",
        )
        .said(words)
    };
    let done = Command::new(program).args(arguments).output().map_err(|error| failed(&error))?;
    if done.status.success() {
        return Ok(String::from_utf8_lossy(&done.stdout).into_owned());
    }
    let said = [&done.stderr, &done.stdout].map(|bytes| String::from_utf8_lossy(bytes).trim().to_owned());
    Err(failed(&said.join(" ").trim()))
}

fn not_ours(file: &Path) -> ApiError {
    ApiError::plain(
        "not_ours",
        &file.display().to_string(),
        "A service of this name exists that `tandem service install` did not write. Nothing was changed.",
        "Choose another name with --name, or remove that service yourself.",
    )
}

fn in_file(file: &Path, error: &io::Error) -> ApiError {
    ApiError::plain(
        "file_failed",
        &file.display().to_string(),
        "The service's file cannot be read or written.",
        "Check its folder's permissions; a service for the whole computer needs root, --scope user does not.",
    )
    .said(error)
}
