//! Commands, one file per group: each calls actions of the `api` crate and prints what comes back.

mod configuration;
mod email;
mod health;
mod ledger;
mod mailbox;
mod migrate;
mod practice;
mod profile;
mod run;
mod send;
mod test_enable;

use crate::{
    arguments::{Arguments, Command, EmailCommand, MailboxCommand, MigrateCommand, ProfileCommand, Secrets},
    output::{Done, Output},
    passphrase,
};
use std::sync::Arc;
use tandem_api::{OpenOptions, SecretsChoice, Tandem, wire::ApiError};

/// What every command returns.
pub type Outcome = Result<Done, ApiError>;

/// Runs the command.
pub async fn run(arguments: Arguments, output: &Output) -> Outcome {
    if let Command::Practice { r#for, router_files } = arguments.command {
        return practice::run(r#for, router_files, output).await;
    }

    let tandem = open(&arguments).await?;
    let done = dispatch(&tandem, arguments.command, output).await;
    tandem.close().await;
    done
}

async fn dispatch(tandem: &Arc<Tandem>, command: Command, output: &Output) -> Outcome {
    match command {
        Command::Apply { file, dry_run } => configuration::apply(tandem, &file, dry_run, output).await,
        Command::Export { records } => configuration::export(tandem, records, output).await,
        Command::Profile(command) => profile::run(tandem, command, output).await,
        Command::Mailbox(command) => mailbox::run(tandem, command, output).await,
        Command::Run { until_idle, r#for } => run::run(tandem, until_idle, r#for, output).await,
        Command::Sync { address, workload } => run::sync(tandem, &address, workload.as_deref(), output).await,
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
        Command::Migrate(command) => migrate::run(tandem, command, output).await,
        Command::Practice { r#for, router_files } => practice::run(r#for, router_files, output).await,
    }
}

async fn open(arguments: &Arguments) -> Result<Arc<Tandem>, ApiError> {
    let secrets = match arguments.secrets {
        Secrets::Keychain => SecretsChoice::Keychain,
        Secrets::Memory => SecretsChoice::Memory,
        Secrets::File => {
            let passphrase = if needs_passwords(&arguments.command) {
                passphrase::vault(!tandem_api::vault_exists(arguments.data.as_deref())?)?
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
        Command::Apply { .. } | Command::Run { .. } | Command::Sync { .. } => true,
        Command::Profile(command) => matches!(command, ProfileCommand::Probe { .. }),
        Command::Mailbox(command) => matches!(command, MailboxCommand::TestEnable { .. }),
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
        | Command::Explain { .. }
        | Command::Ledger { .. }
        | Command::Quarantine(_)
        | Command::Alerts { .. }
        | Command::Health
        | Command::Practice { .. } => false,
    }
}
