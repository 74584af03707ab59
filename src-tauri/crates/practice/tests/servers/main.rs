//! The servers over real sockets: with scripted raw clients, with real clients, and with every fault.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "these are tests")]

mod client;
// curl on Windows checks revocation, which a CA of one run cannot answer.
#[cfg(unix)]
mod curl;
mod faults;
mod imap;
mod large;
mod lifetime;
mod pop3;
mod proxy;
mod smtp;
mod tls;
