//! Who holds the engine of a data folder: a file beside the lock, readable by its user only.
//!
//! The lock is the truth, and the file a note about it: after a crash the file may still be there, and then the lock is
//! free. It also carries the token that a caller must know, so that only those who may read the data folder can call.

use crate::wire::{ApiError, EngineView, Time};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};
use tandem_store::DataFolderLock;

/// Its name in the data folder.
const FILE: &str = "engine.json";
/// More than this is no note of ours.
const MOST_BYTES: u64 = 64 * 1024;

/// As what a process holds the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A window that synchronizes by itself.
    Window,
    /// `tandem run`, started by the operating system.
    Service,
    /// `tandem run`, started by a person.
    Terminal,
    /// `tandem sync`: for a moment.
    Sync,
}

impl Role {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Window => "window",
            Self::Service => "service",
            Self::Terminal => "terminal",
            Self::Sync => "sync",
        }
    }

    /// For people: "It runs ...".
    const fn words(self) -> &'static str {
        match self {
            Self::Window => "in a window",
            Self::Service => "as a service",
            Self::Terminal => "as `tandem run` in a terminal",
            Self::Sync => "for a `tandem sync`, which ends soon",
        }
    }

    /// Whether it holds the engine for long.
    pub(crate) const fn lasts(self) -> bool {
        !matches!(self, Self::Sync)
    }
}

/// Who holds the engine.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Holder {
    pub(crate) role: Role,
    pub(crate) pid: u32,
    pub(crate) since: Time,
    /// The program's version.
    pub(crate) version: String,
    /// `keychain`, `file` or `memory`.
    pub(crate) secrets: String,
    /// The socket's path or the pipe's name; absent where nobody can attach.
    pub(crate) endpoint: Option<PathBuf>,
    /// What a caller must know.
    pub(crate) token: String,
}

impl std::fmt::Debug for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Holder");
        shown.field("role", &self.role).field("pid", &self.pid).field("since", &self.since);
        shown.field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

impl Holder {
    /// This process, from now on.
    pub(crate) fn this_process(role: Role, secrets: &str, endpoint: Option<PathBuf>) -> Self {
        Self {
            role,
            pid: std::process::id(),
            since: chrono::Utc::now(),
            version: VERSION.to_owned(),
            secrets: secrets.to_owned(),
            endpoint,
            token: format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple()),
        }
    }

    /// Who holds the engine of a data folder now; `None` when nobody does, or left no note.
    pub(crate) fn now(folder: &Path) -> Option<Self> {
        DataFolderLock::is_held(folder).then(|| Self::last(folder)).flatten()
    }

    /// Who held it last, as far as a note is left.
    pub(crate) fn last(folder: &Path) -> Option<Self> {
        let path = folder.join(FILE);
        if fs::metadata(&path).ok()?.len() > MOST_BYTES {
            return None;
        }
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    }

    /// What shells show.
    pub(crate) fn view(&self) -> EngineView {
        EngineView {
            running: self.role.lasts(),
            place: self.role.as_str().to_owned(),
            since: Some(self.since),
            process: Some(self.pid),
        }
    }
}

/// This program's version: both sides of a socket have the same.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The file, for as long as the engine is held.
#[derive(Debug)]
pub(crate) struct HolderFile {
    path: PathBuf,
}

impl HolderFile {
    /// Writes it, replacing what a crash left.
    pub(crate) fn write(folder: &Path, holder: &Holder) -> io::Result<Self> {
        let path = folder.join(FILE);
        let new = folder.join(format!("{FILE}.new"));
        let _ = fs::remove_file(&new);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&new)?;
        file.write_all(&serde_json::to_vec(holder)?)?;
        drop(file);
        fs::rename(&new, &path)?;
        Ok(Self { path })
    }
}

impl Drop for HolderFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Why a second engine is refused.
pub(crate) fn locked_by(folder: &Path, holder: Option<&Holder>) -> ApiError {
    let shown = folder.display().to_string();
    let who = holder.map_or_else(
        || "in another process".to_owned(),
        |holder| {
            let since = holder.since.format("%Y-%m-%d %H:%M:%SZ");
            format!("{} (process {}, since {since})", holder.role.words(), holder.pid)
        },
    );
    let message = format!("The engine of this data folder runs already, {who}; one at a time may.");
    let stop = match holder.map(|holder| holder.role) {
        Some(Role::Window) => "To run it here instead, quit Tandem in its window or tray icon first.",
        Some(Role::Service) => {
            "To run it here instead, stop the service first; `tandem service status` names it and the command."
        }
        Some(Role::Terminal) => "To run it here instead, end the other `tandem run` with Ctrl-C first.",
        Some(Role::Sync) => "Run the command again in a minute.",
        None => "Close the other Tandem first.",
    };
    let remedy = format!(
        "All other commands, and the window, work together with it. {stop} Or choose another data folder (--data)."
    );
    ApiError::plain(crate::compose::LOCKED, &shown, &message, &remedy)
}
