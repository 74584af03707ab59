//! What a service runs: the same on every system.

use crate::arguments::{Arguments, Scope, Secrets};
use std::path::{Path, PathBuf};
use tandem_api::wire::ApiError;

/// What is to be installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The service's name.
    pub name: String,
    /// Whose it is.
    pub scope: Scope,
    /// This program.
    pub program: PathBuf,
    /// The data folder.
    pub data: PathBuf,
    /// Where passwords live.
    pub secrets: Secrets,
    /// The vault's passphrase.
    pub passphrase_file: Option<PathBuf>,
    /// The account, when not the one that installs.
    pub account: Option<String>,
}

impl Plan {
    /// The plan that the arguments describe.
    ///
    /// # Errors
    /// Passwords that a service cannot reach.
    pub fn new(
        arguments: &Arguments,
        name: String,
        scope: Scope,
        account: Option<String>,
    ) -> Result<Self, ApiError> {
        let refused =
            |code: &str, message: &str, remedy: &str| Err(ApiError::plain(code, &name, message, remedy));
        let passphrase_file = arguments.passphrase_file.as_deref().map(absolute);
        match arguments.secrets {
            Secrets::Memory => {
                return refused(
                    "no_secrets",
                    "A service with passwords in memory would forget them at every start.",
                    "Use --secrets keychain, or --secrets file with --passphrase-file.",
                );
            }
            Secrets::File if passphrase_file.is_none() => {
                return refused(
                    "no_passphrase_file",
                    "Nobody can type the vault's passphrase when the service starts.",
                    "Write it into the first line of a file that only the service's account can read (mode 0600), and name it: --passphrase-file FILE. It is never copied into the service's settings.",
                );
            }
            Secrets::File | Secrets::Keychain => {}
        }
        if account.is_some() && scope == Scope::User {
            return refused(
                "no_account",
                "A user's own service runs as that user.",
                "Leave out --account, or install it for the whole computer as root with --scope system.",
            );
        }
        let program = std::env::current_exe().map_err(|error| {
            let remedy = "Start Tandem by its full path.";
            ApiError::plain("no_program", &name, "This program's own path cannot be found.", remedy)
                .said(&error)
        })?;
        let data = match &arguments.data {
            Some(data) => data.clone(),
            None => tandem_api::data_folder()?,
        };
        let data = absolute(&data);
        Ok(Self { name, scope, program, data, secrets: arguments.secrets, passphrase_file, account })
    }

    /// The program's arguments. `passphrase_file` is where the service finds it.
    pub fn arguments(&self, passphrase_file: Option<&Path>) -> Vec<String> {
        let secrets = match self.secrets {
            Secrets::File => "file",
            Secrets::Keychain | Secrets::Memory => "keychain",
        };
        let mut all =
            vec!["--data".to_owned(), shown(&self.data), "--secrets".to_owned(), secrets.to_owned()];
        if let Some(file) = passphrase_file {
            all.extend(["--passphrase-file".to_owned(), shown(file)]);
        }
        all.extend(["run".to_owned(), "--as-service".to_owned()]);
        all
    }

    /// What a person should know about passwords, for people.
    pub fn hint(&self) -> &'static str {
        match self.secrets {
            Secrets::File | Secrets::Memory => {
                "Passwords come from the encrypted file in the data folder; its passphrase from the file that you named."
            }
            Secrets::Keychain => {
                "Passwords come from the keychain of the service's account, which is open only while that person is logged in. \
                 For a computer where nobody logs in, use --secrets file with --passphrase-file."
            }
        }
    }
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

#[cfg(test)]
pub(super) fn sample() -> Plan {
    Plan {
        name: "tandem".to_owned(),
        scope: Scope::User,
        program: "/opt/Tandem 1/tandem".into(),
        data: "/home/amy/100% \"mail\"".into(),
        secrets: Secrets::File,
        passphrase_file: Some("/home/amy/.tandem-passphrase".into()),
        account: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn planned(line: &str) -> Result<Plan, ApiError> {
        let arguments = Arguments::try_parse_from(line.split(' ')).unwrap();
        Plan::new(&arguments, "tandem".to_owned(), Scope::User, None)
    }

    #[test]
    fn a_service_without_reachable_passwords_is_refused() {
        let code = |line: &str| planned(line).unwrap_err().code;
        assert_eq!(code("tandem --secrets memory --data /d service install"), "no_secrets");
        assert_eq!(code("tandem --secrets file --data /d service install"), "no_passphrase_file");
    }

    #[test]
    fn the_service_runs_this_program_on_the_absolute_data_folder() {
        let plan = planned("tandem --secrets keychain --data d service install").unwrap();
        assert!(plan.data.is_absolute() && plan.program.is_absolute());
        let arguments = plan.arguments(None);
        assert_eq!(arguments[2..], ["--secrets", "keychain", "run", "--as-service"]);
        // What is written must be understood again.
        let again = Arguments::try_parse_from(std::iter::once("tandem".to_owned()).chain(arguments)).unwrap();
        assert_eq!(again.data.unwrap(), plan.data);
    }
}
