//! tandem, the headless shell: every action of the window as a command.

mod arguments;
mod commands;
mod output;
mod passphrase;
mod progress;
mod service;
mod stop;
mod table;
mod times;

use clap::Parser;
use output::Output;
use std::process::ExitCode;

/// What a program that panics ends with.
const PANICKED: u8 = 101;

fn main() -> ExitCode {
    let arguments = arguments::Arguments::parse();
    log_to_stderr();
    #[cfg(windows)]
    if let arguments::Command::Run { as_service: true, .. } = arguments.command {
        return service::windows::dispatch(arguments, work);
    }
    work(arguments)
}

/// Does what was asked for.
fn work(arguments: arguments::Arguments) -> ExitCode {
    let output = Output::new(arguments.json);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("tandem cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    // On a worker of the runtime, which also waits for the network: from here, each read would wake another thread.
    let (done, output) = match runtime.block_on(runtime.spawn(async move {
        let done = commands::run(arguments, &output).await;
        (done, output)
    })) {
        Ok(ended) => ended,
        // The panic has told its story.
        Err(_) => return ExitCode::from(PANICKED),
    };
    // Blocking reads of a keychain that never answers must not keep the program from ending.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    match done {
        Ok(done) => done.exit_code(),
        Err(error) => {
            output.error(&error);
            ExitCode::FAILURE
        }
    }
}

/// Logs go to stderr, warnings and worse unless `TANDEM_LOG` says otherwise.
fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("TANDEM_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(output::colour(&std::io::stderr()))
        .init();
}
