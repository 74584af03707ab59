//! `service install|remove|status`.

use super::Outcome;
use crate::{
    arguments::{Arguments, Command, Scope, ServiceCommand, Which},
    output::{Done, Output},
    passphrase,
    service::plan::Plan,
    times::shown,
};
use serde::Serialize;
use tandem_api::wire::{ApiError, EngineView, Time};

#[cfg(not(windows))]
#[path = "service/files.rs"]
mod system;
#[cfg(windows)]
#[path = "service/registry.rs"]
mod system;

/// What `status` prints; `install` and `remove` end with it too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Status {
    /// The service's name.
    name: String,
    /// `systemd (user)`, `systemd (system)`, `launchd (user)`, `launchd (system)` or `Windows services`.
    manager: String,
    /// Whether it is installed.
    installed: bool,
    /// The file that was written, where there is one.
    file: Option<String>,
    /// Whether it runs.
    running: bool,
    /// The state in the system's own words.
    state: String,
    /// Since when it runs.
    since: Option<Time>,
    /// Its process.
    process: Option<u32>,
    /// Who runs the engine of the data folder: this service, a window, a terminal, or nobody.
    engine: EngineView,
    /// How a person stops and starts it.
    stop_command: String,
    start_command: String,
}

pub(super) async fn run(arguments: Arguments, output: &Output) -> Outcome {
    let Command::Service(command) = &arguments.command else { return Ok(Done::All) };
    let (which, name) = match command {
        ServiceCommand::Install { which, .. }
        | ServiceCommand::Remove { which }
        | ServiceCommand::Status { which } => (which, which.name.clone()),
    };
    let scope = scope(which);
    match command {
        ServiceCommand::Install { print, account, .. } => {
            let plan = Plan::new(&arguments, name.clone(), scope, account.clone())?;
            if *print {
                output.text(&system::text(&plan));
                return Ok(Done::All);
            }
            if let Some(file) = &plan.passphrase_file {
                // Better now than in a log that nobody reads.
                passphrase::from_file(file)?;
            }
            blocking(move || system::install(&plan).map(|()| plan)).await.map(|plan| {
                eprintln!("{}", plan.hint());
                if let Some(more) = system::hint(&plan) {
                    eprintln!("{more}");
                }
            })?;
        }
        ServiceCommand::Remove { .. } => {
            let name = name.clone();
            blocking(move || system::remove(&name, scope)).await?;
        }
        ServiceCommand::Status { .. } => {}
    }
    let engine = tandem_api::engine_of(arguments.data.as_deref())?;
    let status = blocking(move || system::status(&name, scope, engine)).await?;
    output.print(&status, text);
    Ok(Done::All)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        let remedy = "Do it again; if it stays, send the words below to Tandem's support.";
        Err(ApiError::plain("internal", "service", "A fault in Tandem itself stopped it.", remedy)
            .said(&error))
    })
}

fn scope(which: &Which) -> Scope {
    which.scope.unwrap_or_else(system::default_scope)
}

fn text(status: &Status) -> String {
    let mut text = format!("Service     {} ({})\n", status.name, status.manager);
    text += &match (&status.file, status.installed) {
        (Some(file), true) => format!("Installed   yes, {file}\n"),
        (_, true) => "Installed   yes\n".to_owned(),
        (_, false) => "Installed   no: `tandem service install` does it\n".to_owned(),
    };
    if status.installed {
        text += &match (status.running, status.process) {
            (true, Some(process)) => {
                format!("Runs        yes, since {}, process {process}\n", shown(status.since))
            }
            (true, None) => format!("Runs        yes, since {}\n", shown(status.since)),
            (false, _) => format!("Runs        no: {}\n", status.state),
        };
        text += &format!("To stop     {}\nTo start    {}\n", status.stop_command, status.start_command);
    }
    let engine = &status.engine;
    let process = engine.process.map_or_else(String::new, |process| format!(", process {process}"));
    text += &match engine.place.as_str() {
        "none" => "Engine      runs nowhere: nothing is synchronized\n".to_owned(),
        "window" => format!("Engine      in a window, since {}{process}\n", shown(engine.since)),
        "service" => format!("Engine      as a service, since {}{process}\n", shown(engine.since)),
        _ => format!("Engine      as `tandem run`, since {}{process}\n", shown(engine.since)),
    };
    if status.installed && !status.running && engine.running && engine.place == "window" {
        text += "The service starts within seconds after the window that runs the engine is quit.\n";
    }
    text
}
