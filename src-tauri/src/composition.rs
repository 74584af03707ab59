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

/// Actions on the practice organization itself; all others are about the organization that is shown.
const ON_PRACTICE: [&str; 3] = ["practice", "start_practice", "stop_practice"];

/// Whom an action is for.
pub async fn addressee(tandem: &Arc<Tandem>, action: &str) -> Arc<Tandem> {
    if ON_PRACTICE.contains(&action) { Arc::clone(tandem) } else { shown(tandem).await }
}

/// The organization that the window shows: the practice organization while it runs.
pub async fn shown(tandem: &Arc<Tandem>) -> Arc<Tandem> {
    tandem.practice_tandem().await.unwrap_or_else(|| Arc::clone(tandem))
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
