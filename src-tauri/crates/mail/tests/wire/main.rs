//! The protocols on the wire, against scripted servers that say the right and the wrong things.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::redundant_closure_for_method_calls,
    reason = "a test stops at what it does not expect; Clippy's leave for tests does not reach their helpers"
)]

mod errors;
mod faults;
#[cfg(target_os = "linux")]
mod imap_idle_memory;
mod imap_quirks;
mod imap_resync;
mod imap_session;
mod imap_watch;
mod net_certificates;
mod net_connect;
mod pop3_headers;
mod pop3_quirks;
mod pop3_session;
#[cfg(target_os = "linux")]
mod real_servers;
mod smtp_submit;
mod support;
