//! Adapters to mail servers: POP3, IMAP and SMTP, over connections whose certificates are checked.
//!
//! Nothing here knows the database or decides about a message; it speaks the protocols behind the engine's
//! ports and maps each server's answers to failures, in one file per protocol.

pub mod adapters;
pub mod auth;
pub mod discover;
pub mod imap;
pub mod mime;
pub mod net;
pub mod patience;
pub mod pop3;
pub mod smtp;
pub mod spool;
mod wording;
