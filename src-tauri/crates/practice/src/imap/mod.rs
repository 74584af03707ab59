//! An IMAP4rev1 server (RFC 3501) with the extensions that mail clients use: LITERAL+, SASL-IR, IDLE, ID, ENABLE, UIDPLUS,
//! CONDSTORE, QRESYNC, MOVE, SPECIAL-USE, UNSELECT.

mod fetch;
mod folders;
mod search;
mod selected;
mod session;
mod set;
mod store;
mod syntax;

use std::io;

use tokio_rustls::TlsAcceptor;

use crate::hub::MailHub;
use crate::listener::{Listening, Protocol, Security, ServerOptions, StartError, server_surface};
use crate::wire::Wire;
use session::Session;

/// An IMAP server on loopback.
pub struct ImapServer {
    listening: Listening,
}

server_surface!(ImapServer);

impl ImapServer {
    /// Starts it. It serves the accounts of `hub`; users log in with their whole address.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn start(hub: MailHub, options: ServerOptions) -> Result<Self, StartError> {
        let imap = Imap {
            hub,
            acceptor: options.start_tls().map(|certificate| certificate.acceptor().clone()),
            is_secure: matches!(options.security, Security::Tls(_)),
        };
        Ok(Self { listening: Listening::start(&options, imap).await? })
    }
}

struct Imap {
    hub: MailHub,
    acceptor: Option<TlsAcceptor>,
    is_secure: bool,
}

impl Protocol for Imap {
    async fn serve(&self, wire: Wire) -> io::Result<()> {
        Session::new(self, wire).run().await
    }
}
