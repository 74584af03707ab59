//! SIGTERM, Ctrl-C and their Windows kin ask to stop; a second one ends at once.

use tokio_util::sync::CancellationToken;

/// Cancelled when the operating system's service control asks to stop, where that is no signal.
pub static BY_SERVICE_CONTROL: std::sync::LazyLock<CancellationToken> =
    std::sync::LazyLock::new(CancellationToken::new);

/// A token that is cancelled when the person or the system asks to stop.
pub fn on_signal() -> CancellationToken {
    let token = BY_SERVICE_CONTROL.child_token();
    let cancelled = token.clone();
    let mut asked = Asked::new();
    tokio::spawn(async move {
        asked.wait().await;
        eprintln!("Stopping; what runs is finished cleanly. Ask again to end at once.");
        cancelled.cancel();
        asked.wait().await;
        std::process::exit(130);
    });
    token
}

/// Hears the signals from when it is made, so that none ends the program the hard way.
#[cfg(unix)]
struct Asked {
    terminate: Option<tokio::signal::unix::Signal>,
    interrupt: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Asked {
    fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        Self {
            terminate: signal(SignalKind::terminate()).ok(),
            interrupt: signal(SignalKind::interrupt()).ok(),
        }
    }

    async fn wait(&mut self) {
        tokio::select! {
            () = next(&mut self.terminate) => {}
            () = next(&mut self.interrupt) => {}
        }
    }
}

#[cfg(unix)]
async fn next(signal: &mut Option<tokio::signal::unix::Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

#[cfg(not(unix))]
struct Asked;

#[cfg(not(unix))]
impl Asked {
    fn new() -> Self {
        Self
    }

    async fn wait(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
