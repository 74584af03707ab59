//! The house, put together: store, secrets, adapters, engine and events behind one value.

mod calls;
mod credentials;
mod environment;
mod events;
mod folder;
mod holding;
mod limits;
mod running;

pub(crate) use credentials::read_secret;
pub use folder::{data_folder, vault_exists};
pub use holding::engine_of;
pub(crate) use running::LOCKED;
pub use running::{RunFor, RunReport};

use crate::{
    people::{of_open, of_secret, of_storage},
    practice::Practice,
    wire::{ApiError, EngineView, EventView, SecretText},
};
use credentials::StoredCredentials;
pub(crate) use events::Hub;
use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};
use tandem_domain::Instant;
use tandem_engine::{
    ports::{Ports, storage::Configuration},
    runner::Engine,
};
use tandem_mail::{
    adapters::Adapters,
    mime::{compose::MimeComposer, parse::MimeParser},
};
use tandem_secrets::{Keychain, MemoryStore, Secret, SecretError, SecretRef, SecretStore, VaultFile};
use tandem_store::{DATABASE_FILE, Store};
use tokio::{sync::broadcast, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// Where the data and the secrets are.
#[derive(Debug, Default)]
pub struct OpenOptions {
    /// The data folder; by default `TANDEM_DATA`, else the operating system's folder for application data.
    pub data: Option<PathBuf>,
    /// Where passwords live.
    pub secrets: SecretsChoice,
}

/// Where passwords live.
#[derive(Debug, Default)]
pub enum SecretsChoice {
    /// The OS keychain.
    #[default]
    Keychain,
    /// An encrypted file in the data folder.
    File {
        /// Opens the file, or becomes the passphrase of a new one. Without, the file stays locked.
        passphrase: Option<SecretText>,
    },
    /// Memory: gone with the process. For tests and practice.
    Memory,
}

impl SecretsChoice {
    const fn as_str(&self) -> &'static str {
        match self {
            Self::Keychain => "keychain",
            Self::File { .. } => "file",
            Self::Memory => "memory",
        }
    }
}

/// The program, composed: a shell holds one and calls actions on it.
pub struct Tandem {
    pub(crate) store: Store,
    pub(crate) secrets: Arc<dyn SecretStore>,
    pub(crate) ports: Ports,
    pub(crate) engine: Arc<Engine>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) folder: PathBuf,
    pub(crate) is_practice: bool,
    pub(crate) practice: tokio::sync::Mutex<Option<Arc<Practice>>>,
    /// Cancelled when the program closes.
    pub(crate) closing: CancellationToken,
    /// What a migration keeps between two actions.
    pub(crate) migration: crate::migration::MigrationState,
    running: tokio::sync::Mutex<Option<running::Running>>,
    /// What shells are told while the engine is held here.
    holding: Mutex<Option<EngineView>>,
    /// `keychain`, `file` or `memory`.
    secrets_word: &'static str,
    /// Keys that are known to have a secret, so that lists need not ask a slow keychain again.
    known_secrets: Mutex<HashSet<SecretRef>>,
    forwarding: [JoinHandle<()>; 3],
}

impl std::fmt::Debug for Tandem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tandem").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Tandem {
    /// Opens a data folder, creating it when it is new. Runs nothing yet.
    ///
    /// # Errors
    /// A folder, database or vault that cannot be used: nothing was changed then.
    pub async fn open(options: OpenOptions) -> Result<Arc<Self>, ApiError> {
        let folder = match options.data {
            Some(folder) => folder,
            None => data_folder()?,
        };
        let folder = std::path::absolute(&folder).unwrap_or(folder);
        Self::open_in(folder, options.secrets, false).await
    }

    pub(crate) async fn open_in(
        folder: PathBuf,
        choice: SecretsChoice,
        is_practice: bool,
    ) -> Result<Arc<Self>, ApiError> {
        let clock = environment::clock();
        let now = clock.now();
        let opening = folder.clone();
        let secrets_word = choice.as_str();
        let opened = tokio::task::spawn_blocking(move || -> Result<_, ApiError> {
            let store =
                Store::open(&opening.join(DATABASE_FILE), now).map_err(|error| of_open(&opening, &error))?;
            let secrets = secrets(&opening, choice)?;
            Ok((store, secrets))
        });
        let (store, secrets) = opened.await.map_err(|error| ApiError::internal("data folder", &error))??;
        let settings = store.settings().await.map_err(|error| of_storage("settings", &error))?;
        let hub = Arc::new(Hub::default());
        hub.learn_names(&store).await;
        let ports = Ports {
            storage: Arc::new(store.clone()),
            mail: Arc::new(Adapters::new(environment::timeouts(limits::timeouts(&settings.capacity)))),
            parser: Arc::new(MimeParser),
            composer: Arc::new(MimeComposer),
            credentials: Arc::new(StoredCredentials { secrets: Arc::clone(&secrets) }),
            clock,
            events: Arc::clone(&hub) as Arc<_>,
        };
        let forwarding = [
            tokio::spawn(events::forward_changes(Arc::clone(&hub), store.clone())),
            tokio::spawn(events::forward_others_changes(Arc::clone(&hub), store.clone())),
            tokio::spawn(calls::call_people(Arc::clone(&hub), store.clone())),
        ];
        Ok(Arc::new(Self {
            engine: Engine::new(ports.clone(), limits::engine_limits(&settings.capacity)),
            store,
            secrets,
            ports,
            hub,
            folder,
            is_practice,
            practice: tokio::sync::Mutex::default(),
            closing: CancellationToken::new(),
            migration: crate::migration::MigrationState::default(),
            running: tokio::sync::Mutex::default(),
            holding: Mutex::default(),
            secrets_word,
            known_secrets: Mutex::default(),
            forwarding,
        }))
    }

    /// Hears of what happens from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<EventView> {
        self.hub.subscribe()
    }

    /// Where passwords live: `keychain`, `file` or `memory`.
    pub(crate) const fn secrets_word(&self) -> &'static str {
        self.secrets_word
    }

    pub(crate) fn event_sender(&self) -> broadcast::Sender<EventView> {
        self.hub.sender()
    }

    /// The data folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Stops whatever runs, the practice organization too, and waits for it.
    pub async fn close(&self) {
        self.closing.cancel();
        let practice = self.practice.lock().await.take();
        if let Some(practice) = practice {
            practice.remove().await;
        }
        self.stop_engine().await;
        self.stop_forwarding();
    }

    fn stop_forwarding(&self) {
        for task in &self.forwarding {
            task.abort();
        }
    }

    pub(crate) fn now(&self) -> Instant {
        self.ports.clock.now()
    }

    /// Reads a secret where blocking is allowed.
    pub(crate) async fn secret(&self, key: SecretRef) -> Result<Secret, SecretError> {
        read_secret(&self.secrets, key).await
    }

    /// Whether secrets are there, in the order of the keys. A store that cannot be looked into counts as having
    /// them: nobody shall type a password again because a keychain is locked.
    pub(crate) async fn have_secrets(&self, keys: Vec<SecretRef>) -> Vec<bool> {
        let known = self.known_secrets.lock().map(|known| known.clone()).unwrap_or_default();
        if keys.iter().all(|key| known.contains(key)) {
            return vec![true; keys.len()];
        }
        let secrets = Arc::clone(&self.secrets);
        let asked = keys.clone();
        let found = tokio::task::spawn_blocking(move || {
            let mut reachable = true;
            asked
                .iter()
                .map(|key| {
                    if known.contains(key) || !reachable {
                        return (true, known.contains(key));
                    }
                    match secrets.get(key) {
                        Ok(_) => (true, true),
                        Err(error) => {
                            reachable = !error.entry_may_exist();
                            (!reachable, false)
                        }
                    }
                })
                .collect::<Vec<_>>()
        });
        let found = found.await.unwrap_or_default();
        if let Ok(mut known) = self.known_secrets.lock() {
            known.extend(keys.into_iter().zip(&found).filter(|(_, found)| found.1).map(|(key, _)| key));
        }
        found.into_iter().map(|(there, _)| there).collect()
    }
}

impl Tandem {
    /// Forgets that these keys have a secret.
    pub(crate) fn forget_known(&self, keys: &[SecretRef]) {
        if let Ok(mut known) = self.known_secrets.lock() {
            known.retain(|key| !keys.contains(key));
        }
    }
}

impl Drop for Tandem {
    fn drop(&mut self) {
        self.closing.cancel();
        self.stop_forwarding();
    }
}

fn secrets(folder: &Path, choice: SecretsChoice) -> Result<Arc<dyn SecretStore>, ApiError> {
    Ok(match choice {
        SecretsChoice::Memory => Arc::new(MemoryStore::default()),
        SecretsChoice::Keychain => {
            Arc::new(Keychain::for_folder(folder).map_err(|error| of_secret("keychain", &error))?)
        }
        SecretsChoice::File { passphrase } => Arc::new(vault(folder, passphrase.as_ref())?),
    })
}

fn vault(folder: &Path, passphrase: Option<&SecretText>) -> Result<VaultFile, ApiError> {
    let path = folder::vault_path(folder);
    let vault = VaultFile::at(&path);
    if let Some(passphrase) = passphrase {
        let passphrase = Secret::new(passphrase.0.clone());
        let opened = match vault.unlock(&passphrase) {
            Err(SecretError::Absent { .. }) => vault.create(&passphrase),
            other => other,
        };
        opened.map_err(|error| of_secret(&path.display().to_string(), &error))?;
    }
    Ok(vault)
}
