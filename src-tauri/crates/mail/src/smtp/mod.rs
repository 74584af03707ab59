//! Outgoing mail over SMTP submission (RFC 6409, RFC 5321).
//!
//! Own client, and not `mail-send` 0.7, whose source was read for it: its `data` takes the whole message in memory
//! and sends its end in the same call, so that nothing can be recorded between the last byte and the end (our
//! commit point); a reply that comes in two reads together with the next one is lost; and its connections bring
//! their own TLS, without own authorities and pins.

mod body;
mod connection;
mod envelope;
mod extensions;
mod failure;
mod probe;
mod reply;
mod transaction;

use crate::net::{self, Connector, Ladder};
use async_trait::async_trait;
use std::sync::Arc;
use tandem_domain::{failure::Failure, probe::Rung};
use tandem_engine::ports::mail::{MailboxAccess, OutgoingMail, OutgoingSession, RungSink, Submission};
use transaction::SmtpSession;

/// Outgoing mail over SMTP.
pub struct Smtp {
    connector: Arc<Connector>,
}

impl Smtp {
    /// SMTP over connections of this connector.
    #[must_use]
    pub fn new(connector: Arc<Connector>) -> Self {
        Self { connector }
    }
}

#[async_trait]
impl OutgoingMail for Smtp {
    async fn open(&self, access: &MailboxAccess) -> Result<Box<dyn OutgoingSession>, Failure> {
        let connection = net::open(&self.connector, access, &mut Ladder::unwatched()).await?;
        Ok(Box::new(SmtpSession::new(connection, self.connector.timeouts())))
    }

    async fn probe(
        &self,
        access: &MailboxAccess,
        test: Option<&Submission>,
        report: &dyn RungSink,
    ) -> Vec<Rung> {
        probe::climb(&self.connector, access, test, report).await
    }
}
