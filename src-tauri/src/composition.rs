//! How the shell makes the program: the few calls of `tandem_api` that are not actions.

use std::{path::PathBuf, sync::Arc};
use tandem_api::{
    OpenOptions, SecretsChoice, Tandem,
    wire::{ApiError, EventView, SecretText},
};
use tokio::sync::broadcast;

/// The data folder that the environment names; `None` is the system's own place for it.
pub fn data_folder() -> Option<PathBuf> {
    std::env::var_os("TANDEM_DATA").filter(|folder| !folder.is_empty()).map(PathBuf::from)
}

/// Opens the data folder and the secrets.
pub async fn open(data: Option<PathBuf>) -> Result<Arc<Tandem>, ApiError> {
    Tandem::open(OpenOptions { data, secrets: secrets()? }).await
}

/// What happens from now on.
pub fn subscribe(tandem: &Tandem) -> broadcast::Receiver<EventView> {
    tandem.subscribe()
}

/// Starts synchronizing.
pub async fn start_engine(tandem: &Arc<Tandem>) -> Result<(), ApiError> {
    tandem.start_engine().await
}

/// Stops all that runs; returns when nothing runs any more.
pub async fn close(tandem: &Tandem) {
    tandem.close().await;
}

/// Where passwords live, as `TANDEM_SECRETS` says: the same words as the command line's.
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
