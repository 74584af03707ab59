//! SIGTERM, Ctrl-C and their Windows kin ask to stop; a second one ends at once.

use tokio_util::sync::CancellationToken;

/// A token that is cancelled when the person or the system asks to stop.
pub fn on_signal() -> CancellationToken {
    let token = CancellationToken::new();
    let cancelled = token.clone();
    tokio::spawn(async move {
        asked().await;
        eprintln!("Stopping; what runs is finished cleanly. Ask again to end at once.");
        cancelled.cancel();
        asked().await;
        std::process::exit(130);
    });
    token
}

#[cfg(unix)]
async fn asked() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

#[cfg(not(unix))]
async fn asked() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
