//! Incoming mail over POP3 (RFC 1939), with what RFC 2449 (CAPA), 2595 (STLS), 3206 (codes) and 5034 (AUTH) add.
//!
//! Own client: the protocol is small, and no kept crate streams large messages or pipelines.

mod capabilities;
mod connection;
mod failure;
mod headers;
mod listing;
mod probe;
mod retrieve;
mod session;
mod unstuff;

use crate::net::{self, Connector, Ladder};
use async_trait::async_trait;
use session::Pop3Session;
use std::sync::Arc;
use tandem_domain::{failure::Failure, probe::Rung};
use tandem_engine::ports::mail::{IncomingMail, IncomingSession, MailboxAccess, RungSink};

/// Incoming mail over POP3.
pub struct Pop3 {
    connector: Arc<Connector>,
}

impl Pop3 {
    /// POP3 over connections of this connector.
    #[must_use]
    pub fn new(connector: Arc<Connector>) -> Self {
        Self { connector }
    }
}

#[async_trait]
impl IncomingMail for Pop3 {
    async fn open(&self, access: &MailboxAccess) -> Result<Box<dyn IncomingSession>, Failure> {
        let connection = net::open(&self.connector, access, &mut Ladder::unwatched()).await?;
        Ok(Box::new(Pop3Session::new(connection, access)))
    }

    async fn probe(&self, access: &MailboxAccess, report: &dyn RungSink) -> Vec<Rung> {
        probe::climb(&self.connector, access, report).await
    }
}
