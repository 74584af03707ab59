//! Commands, one file per group: each calls actions of the `api` crate and prints what comes back.

mod configuration;
mod diagnostics;
mod email;
mod forecast;
mod health;
mod ledger;
mod mailbox;
mod migrate;
mod monitoring;
mod practice;
mod profile;
mod run;
mod send;
mod service;
mod test_enable;
mod test_jobs;
mod verify;

use crate::{
    arguments::{
        Arguments, Command, EmailCommand, MailboxCommand, MigrateCommand, ProfileCommand, Secrets,
        TestJobCommand,
    },
    output::{Done, Output},
    passphrase,
};
use std::sync::Arc;
use tandem_api::{
    OpenOptions, SecretsChoice, Tandem,
    wire::{ApiError, ForecastRequest, MonitoringRequest},
};

/// What every command returns.
pub type Outcome = Result<Done, ApiError>;

/// Runs the command.
pub async fn run(arguments: Arguments, output: &Output) -> Outcome {
    if let Command::Practice { r#for, router_files } = arguments.command {
        return practice::run(r#for, router_files, output).await;
    }
    if let Command::Service(_) = arguments.command {
        return service::run(arguments, output).await;
    }
    let tandem = open(&arguments).await?;
    let wakes = makes_work(&arguments.command);
    let done = dispatch(&tandem, arguments.command, output).await;
    if wakes && done.is_ok() {
        tandem.wake_engine_elsewhere().await;
    }
    tandem.close().await;
    done
}

async fn dispatch(tandem: &Arc<Tandem>, command: Command, output: &Output) -> Outcome {
    match command {
        Command::Apply { file, dry_run } => configuration::apply(tandem, &file, dry_run, output).await,
        Command::Export { records } => configuration::export(tandem, records, output).await,
        Command::Profile(command) => profile::run(tandem, command, output).await,
        Command::Mailbox(command) => mailbox::run(tandem, command, output).await,
        Command::Run { until_idle, r#for, as_service } => {
            run::run(tandem, run::Mode::of(until_idle, r#for, as_service), output).await
        }
        Command::Sync { address, workload } => run::sync(tandem, &address, workload.as_deref(), output).await,
        Command::Diagnostics { file } => diagnostics::run(tandem, &file, output).await,
        Command::Verify { addresses, repair } => verify::run(tandem, addresses, repair, output).await,
        Command::Email(command) => email::run(tandem, command, output).await,
        Command::Explain { subject, mailbox } => ledger::explain(tandem, subject, mailbox, output).await,
        Command::Ledger { mailbox, decision, limit } => {
            ledger::list(tandem, mailbox, decision, limit, output).await
        }
        Command::Quarantine(command) => ledger::quarantine(tandem, command, output).await,
        Command::Alerts { level, mailbox, cleared } => {
            health::alerts(tandem, level, mailbox, cleared, output).await
        }
        Command::Health => health::health(tandem, output).await,
        Command::Monitor { mailbox, search, filter, sort, descending, csv } => {
            let request =
                MonitoringRequest { mailbox, search, filter, sort, descending, ..Default::default() };
            monitoring::monitor(tandem, request, csv, output).await
        }
        Command::History { mailbox, days, csv } => {
            monitoring::history(tandem, mailbox, days, csv, output).await
        }
        Command::Forecast { mailboxes, profile, queues, messages, batch_mailboxes, batch_hours } => {
            let request =
                ForecastRequest { profile, mailboxes, queues, messages, batch_mailboxes, batch_hours };
            forecast::forecast(tandem, request, output).await
        }
        Command::Migrate(command) => migrate::run(tandem, command, output).await,
        Command::Practice { r#for, router_files } => practice::run(r#for, router_files, output).await,
        Command::Service(_) => Ok(Done::All),
    }
}

/// Whether a command may make something due that an engine of another process should see at once.
fn makes_work(command: &Command) -> bool {
    match command {
        Command::Apply { dry_run, .. } => !dry_run,
        Command::Migrate(command) => matches!(command, MigrateCommand::Passwords),
        Command::Mailbox(command) => !matches!(command, MailboxCommand::List | MailboxCommand::Show { .. }),
        Command::Email(command) => matches!(command, EmailCommand::Send(_) | EmailCommand::Resolve { .. }),
        _ => false,
    }
}

async fn open(arguments: &Arguments) -> Result<Arc<Tandem>, ApiError> {
    let secrets = match arguments.secrets {
        Secrets::Keychain => SecretsChoice::Keychain,
        Secrets::Memory => SecretsChoice::Memory,
        Secrets::File => {
            let passphrase = if needs_passwords(&arguments.command) {
                passphrase::vault(
                    arguments.passphrase_file.as_deref(),
                    !tandem_api::vault_exists(arguments.data.as_deref())?,
                )?
            } else {
                None
            };
            SecretsChoice::File { passphrase }
        }
    };
    Tandem::open(OpenOptions { data: arguments.data.clone(), secrets }).await
}

/// Whether a command may read or keep a password; the others do not ask for the vault's passphrase.
fn needs_passwords(command: &Command) -> bool {
    match command {
        Command::Apply { .. } | Command::Run { .. } | Command::Sync { .. } | Command::Verify { .. } => true,
        Command::Profile(command) => matches!(command, ProfileCommand::Probe { .. }),
        Command::Mailbox(command) => match command {
            MailboxCommand::TestEnable { plan, .. } => !plan,
            MailboxCommand::TestJobs { command } => {
                matches!(command, Some(TestJobCommand::Resume(_) | TestJobCommand::Retry(_)))
            }
            _ => false,
        },
        // The summary says which passwords are there.
        Command::Migrate(command) => {
            !matches!(command, MigrateCommand::Plan { .. } | MigrateCommand::Sample { .. })
        }
        Command::Email(command) => match command {
            EmailCommand::List { .. }
            | EmailCommand::Show { .. }
            | EmailCommand::Send(_)
            | EmailCommand::Resolve { .. } => false,
        },
        Command::Export { .. }
        | Command::Diagnostics { .. }
        | Command::Explain { .. }
        | Command::Ledger { .. }
        | Command::Quarantine(_)
        | Command::Alerts { .. }
        | Command::Health
        | Command::Service(_)
        | Command::Forecast { .. }
        | Command::Monitor { .. }
        | Command::History { .. }
        | Command::Practice { .. } => false,
    }
}
