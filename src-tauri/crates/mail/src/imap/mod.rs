//! Incoming mail over IMAP (RFC 3501 and 9051), with what RFC 2177 (IDLE), 4315 (UIDPLUS), 4959 (SASL-IR), 5161 (ENABLE)
//! and 7162 (CONDSTORE, QRESYNC) add.
//!
//! Own client for the dozen commands that are needed: the kept crate buffers every literal whole, up to 512 MiB,
//! takes a server's announced length at its word, and cannot send a command before the answer to the last is read.
//! Only arrivals are looked for: flags do not matter to Tandem, and what vanishes keeps its row in the ledger. So a look
//! at an inbox in which nothing happened is two round trips after the greeting: AUTHENTICATE, then ID, ENABLE and EXAMINE
//! together; LOGOUT is not waited for.

mod connection;
mod cursor;
mod failure;
mod fetch;
mod inbox;
mod large;
mod login;
mod probe;
mod remove;
mod response;
mod session;
mod watch;

use crate::net::{Connector, Ladder};
use async_trait::async_trait;
use session::ImapSession;
use std::sync::Arc;
use tandem_domain::{failure::Failure, probe::Rung};
use tandem_engine::ports::mail::{IncomingMail, IncomingSession, MailboxAccess, RungSink};

/// Incoming mail over IMAP.
pub struct Imap {
    connector: Arc<Connector>,
}

impl Imap {
    /// IMAP over connections of this connector.
    #[must_use]
    pub fn new(connector: Arc<Connector>) -> Self {
        Self { connector }
    }
}

#[async_trait]
impl IncomingMail for Imap {
    async fn open(&self, access: &MailboxAccess) -> Result<Box<dyn IncomingSession>, Failure> {
        let connection = login::open(&self.connector, access, &mut Ladder::unwatched()).await?;
        Ok(Box::new(ImapSession::new(connection, access.max_message_bytes)))
    }

    async fn probe(&self, access: &MailboxAccess, report: &dyn RungSink) -> Vec<Rung> {
        probe::climb(&self.connector, access, report).await
    }
}
