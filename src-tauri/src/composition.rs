//! How the shell makes the program: the few calls of `tandem_api` that are not actions.

use std::{path::PathBuf, sync::Arc};
use tandem_api::{
    OpenOptions, Program, SecretsChoice,
    wire::{ApiError, SecretText},
};

/// The data folder that the environment names; `None` is the system's own place for it.
pub fn data_folder() -> Option<PathBuf> {
    std::env::var_os("TANDEM_DATA").filter(|folder| !folder.is_empty()).map(PathBuf::from)
}

/// Opens the data folder and the secrets, and attaches to the engine that runs there or starts one.
pub async fn open(data: Option<PathBuf>) -> Result<Arc<Program>, ApiError> {
    Program::open_or_attach(OpenOptions { data, secrets: secrets()? }).await
}

/// Where passwords live, as `TANDEM_SECRETS` says: the same words as the command line's.
#[allow(clippy::result_large_err, reason = "errors for people are rare and rich")]
fn secrets() -> Result<SecretsChoice, ApiError> {
    match std::env::var("TANDEM_SECRETS").as_deref().unwrap_or_default() {
        "" | "keychain" => Ok(SecretsChoice::Keychain),
        "memory" => Ok(SecretsChoice::Memory),
        "file" => Ok(SecretsChoice::File {
            passphrase: std::env::var("TANDEM_VAULT_PASSPHRASE").ok().map(SecretText),
        }),
        other => Err(ApiError {
            code: "bad_environment".to_owned(),
            message: format!("There is no kind of secret store named {other}."),
            remedy: "Set TANDEM_SECRETS to keychain, file or memory, or unset it.".to_owned(),
            object: "TANDEM_SECRETS".to_owned(),
            server_said: None,
            retry_at: None,
            certificate: None,
        }),
    }
}
