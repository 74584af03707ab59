//! Windows services.

use super::Status;
use crate::{
    arguments::Scope,
    service::{plan::Plan, windows},
};
use std::ffi::OsString;
use tandem_api::wire::{ApiError, EngineView};

/// Windows has services of the computer only.
pub(super) fn default_scope() -> Scope {
    Scope::System
}

pub(super) fn text(plan: &Plan) -> String {
    let settings = windows::settings(plan, None);
    let mut line = format!("\"{}\"", plan.program.display());
    for argument in &settings.launch_arguments {
        line += &format!(" \"{}\"", argument.to_string_lossy());
    }
    let account = plan.account.as_deref().unwrap_or("LocalSystem");
    format!("Name     {}\nStart    automatic\nAccount  {account}\nRuns     {line}\n", plan.name)
}

pub(super) fn install(plan: &Plan) -> Result<(), ApiError> {
    if windows::find(&plan.name).map_err(|error| failed(&plan.name, &error))?.is_some_and(|found| !found.ours)
    {
        return Err(ApiError::plain(
            "not_ours",
            &plan.name,
            "A service of this name exists that `tandem service install` did not make. Nothing was changed.",
            "Choose another name with --name, or remove that service yourself.",
        ));
    }
    let password = plan.account.as_ref().and_then(|account| {
        rpassword::prompt_password(format!("Windows password of {account}: ")).ok().map(OsString::from)
    });
    windows::install(plan, password).map_err(|error| failed(&plan.name, &error))
}

pub(super) fn remove(name: &str, _scope: Scope) -> Result<(), ApiError> {
    match windows::find(name).map_err(|error| failed(name, &error))? {
        Some(found) if found.ours => windows::remove(name).map_err(|error| failed(name, &error)),
        Some(_) => Err(ApiError::plain(
            "not_ours",
            name,
            "`tandem service install` did not make this service. Nothing was changed.",
            "Remove it with the tool that made it.",
        )),
        None => Ok(()),
    }
}

pub(super) fn status(name: &str, _scope: Scope, engine: EngineView) -> Result<Status, ApiError> {
    let found = windows::find(name).map_err(|error| failed(name, &error))?.filter(|found| found.ours);
    let running = found.is_some_and(|found| found.running);
    let process = found.and_then(|found| found.process);
    let since = engine.since.filter(|_| running && process == engine.process);
    Ok(Status {
        name: name.to_owned(),
        manager: "Windows services".to_owned(),
        installed: found.is_some(),
        file: None,
        running,
        state: if running { "running" } else { "stopped" }.to_owned(),
        since,
        process,
        engine,
        stop_command: format!("sc.exe stop {name}"),
        start_command: format!("sc.exe start {name}"),
    })
}

pub(super) fn hint(plan: &Plan) -> Option<&'static str> {
    plan.account.is_none().then_some(
        "It runs as LocalSystem. For windows of yours to attach to it, and to use your keychain, give it your account: --account .\\NAME.",
    )
}

fn failed(name: &str, error: &windows_service::Error) -> ApiError {
    let words = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    ApiError::plain(
        "service_failed",
        name,
        "The Windows service control refused.",
        "Run the command in a terminal that was started as administrator.",
    )
    .said(&words)
}
