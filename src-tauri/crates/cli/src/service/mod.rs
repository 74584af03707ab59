//! The engine as a service of the operating system: what is installed, and what is told while it runs.
//!
//! The files are our own few lines for each system and no library's: they say `Type=notify`, the time to stop and how a
//! passphrase comes in, and `remove` must know its own work.

#[cfg(any(unix, test))]
pub mod launchd;
pub mod plan;
#[cfg(any(unix, test))]
pub mod systemd;
#[cfg(windows)]
pub mod windows;

use std::sync::Arc;
use tandem_api::{Tandem, wire::EventView};
use tokio::{sync::broadcast::error::RecvError, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// A name that every system accepts as part of a file's and a service's name.
pub fn name(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if text.is_empty() || text.len() > 64 || !text.chars().all(allowed) {
        return Err("use up to 64 letters, digits, - and _".to_owned());
    }
    Ok(text.to_owned())
}

/// Tells the operating system when the engine runs and when it stops; without a service it tells nobody.
pub fn tell_the_system(tandem: &Arc<Tandem>, stop: &CancellationToken) -> JoinHandle<()> {
    let (mut events, stop) = (tandem.subscribe(), stop.clone());
    tokio::spawn(async move {
        loop {
            let event = tokio::select! {
                () = stop.cancelled() => return tell(State::Stopping),
                event = events.recv() => event,
            };
            match event {
                Ok(EventView::Engine { running: true }) => tell(State::Running),
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    })
}

#[derive(Debug, Clone, Copy)]
enum State {
    Running,
    Stopping,
}

#[cfg(target_os = "linux")]
fn tell(state: State) {
    use sd_notify::NotifyState;
    let said = match state {
        State::Running => sd_notify::notify(&[NotifyState::Ready, NotifyState::Status("Synchronizing")]),
        State::Stopping => {
            sd_notify::notify(&[NotifyState::Stopping, NotifyState::Status("Finishing what runs")])
        }
    };
    if let Err(error) = said {
        tracing::warn!("systemd was not told: {error}");
    }
}

#[cfg(windows)]
fn tell(state: State) {
    match state {
        State::Running => windows::running(),
        State::Stopping => windows::stopping(),
    }
}

/// launchd asks nothing.
#[cfg(not(any(target_os = "linux", windows)))]
fn tell(_state: State) {}
