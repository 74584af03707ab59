//! The adapters by kind of server, as the engine asks for them.

use crate::{
    imap::Imap,
    net::{Connector, Timeouts},
    pop3::Pop3,
    smtp::Smtp,
};
use std::sync::Arc;
use tandem_domain::profile::ServerType;
use tandem_engine::ports::mail::{IncomingMail, MailAdapters, OutgoingMail};

/// All adapters, over one connector.
pub struct Adapters {
    pop3: Pop3,
    imap: Imap,
    smtp: Smtp,
}

impl Adapters {
    /// Adapters with these time-outs.
    #[must_use]
    pub fn new(timeouts: Timeouts) -> Self {
        gather_randomness();
        let connector = Arc::new(Connector::new(timeouts));
        Self {
            pop3: Pop3::new(Arc::clone(&connector)),
            imap: Imap::new(Arc::clone(&connector)),
            smtp: Smtp::new(connector),
        }
    }
}

/// The first random numbers of a process take some 30 ms to gather. Begun here, they are there when the first
/// connection needs them; without the thread, that one gathers them itself.
fn gather_randomness() {
    let gather = || {
        let _ = rustls::crypto::aws_lc_rs::default_provider().secure_random.fill(&mut [0; 1]);
    };
    let _ = std::thread::Builder::new().name("randomness".to_owned()).spawn(gather);
}

impl Default for Adapters {
    fn default() -> Self {
        Self::new(Timeouts::default())
    }
}

impl MailAdapters for Adapters {
    fn incoming(&self, server_type: ServerType) -> Option<&dyn IncomingMail> {
        match server_type {
            ServerType::Pop3Smtp => Some(&self.pop3),
            ServerType::ImapSmtp => Some(&self.imap),
            ServerType::ExchangeServer | ServerType::ExchangeOnline | ServerType::Gmail => None,
        }
    }

    fn outgoing(&self, server_type: ServerType) -> Option<&dyn OutgoingMail> {
        match server_type {
            ServerType::Pop3Smtp | ServerType::ImapSmtp => Some(&self.smtp),
            ServerType::ExchangeServer | ServerType::ExchangeOnline | ServerType::Gmail => None,
        }
    }
}
