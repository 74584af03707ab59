//! Mail servers inside this process, on loopback: for the practice organization, and for testing protocol adapters
//! against servers that misbehave on demand.
//!
//! A [`MailHub`] holds the accounts and their mail. [`Pop3Server`], [`ImapServer`] and [`SmtpServer`] speak for it over real
//! sockets; each has [`Faults`] that a test changes while the server runs. [`PracticeServers`] is the three of them with
//! the [`sample`] organization's content. Nothing here knows the engine, the store or our own adapters.

mod auth;
mod certificates;
mod clock;
mod faults;
mod hub;
mod imap;
mod listener;
mod pop3;
mod practice_servers;
mod proxy;
pub mod sample;
mod smtp;
mod wire;

pub use certificates::{Authority, CertificateFlaw, ServerCertificate};
pub use faults::{Fault, Faults, Feature, Pace, Stage};
pub use hub::{INBOX, MailHub, Password, SENT, StoredMessage, UnknownAddress};
pub use imap::ImapServer;
pub use listener::{Security, ServerOptions, StartError};
pub use pop3::Pop3Server;
pub use practice_servers::{PracticeAccount, PracticeServers};
pub use proxy::LatencyProxy;
pub use smtp::{RecipientResult, SmtpServer, Submission};
