//! An SMTP submission server (RFC 6409, 5321, 4954, 3207): authenticated senders, delivery into the hub.

mod address;
mod dotted;
mod session;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tokio_rustls::TlsAcceptor;

use crate::hub::MailHub;
use crate::listener::{Listening, Protocol, Security, ServerOptions, StartError, server_surface};
use crate::wire::Wire;
use session::Session;

const DEFAULT_SIZE_LIMIT: usize = 50 * 1024 * 1024;

/// An SMTP submission server on loopback. It requires authentication and delivers only to accounts of its hub.
pub struct SmtpServer {
    listening: Listening,
    submissions: Submissions,
}

server_surface!(SmtpServer);

/// A message that the server accepted, with its envelope.
#[derive(Debug, Clone)]
pub struct Submission {
    /// Who was logged in.
    pub authenticated_as: String,
    /// The reverse path of MAIL FROM; empty for `<>`.
    pub from: String,
    /// MAIL's parameters as sent, for example `SIZE=120`.
    pub parameters: Vec<String>,
    /// Every RCPT TO, in order, also those that were refused.
    pub recipients: Vec<RecipientResult>,
    /// The message as it was submitted, without the Received header that delivery adds.
    pub raw: Arc<[u8]>,
}

/// What became of one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipientResult {
    /// The forward path of RCPT TO.
    pub address: String,
    /// RCPT's parameters as sent, for example `NOTIFY=FAILURE`.
    pub parameters: Vec<String>,
    /// The reply: `250 2.1.5 ...` when accepted.
    pub reply: String,
}

type Submissions = Arc<Mutex<Vec<Submission>>>;

impl RecipientResult {
    /// Whether the server took responsibility for this recipient.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.reply.starts_with('2')
    }
}

impl SmtpServer {
    /// Starts it. Users log in with their whole address and password of `hub`.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn start(hub: MailHub, options: ServerOptions) -> Result<Self, StartError> {
        let submissions = Submissions::default();
        let smtp = Smtp {
            hub,
            acceptor: options.start_tls().map(|certificate| certificate.acceptor().clone()),
            is_secure: matches!(options.security, Security::Tls(_)),
            size_limit: options.size_limit.unwrap_or(DEFAULT_SIZE_LIMIT),
            submissions: Arc::clone(&submissions),
        };
        Ok(Self { listening: Listening::start(&options, smtp).await?, submissions })
    }

    /// Every message that was delivered, oldest first, also those whose reply was lost on purpose.
    #[must_use]
    pub fn submissions(&self) -> Vec<Submission> {
        self.submissions.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

struct Smtp {
    hub: MailHub,
    acceptor: Option<TlsAcceptor>,
    is_secure: bool,
    size_limit: usize,
    submissions: Submissions,
}

impl Smtp {
    fn record(&self, submission: Submission) {
        self.submissions.lock().unwrap_or_else(PoisonError::into_inner).push(submission);
    }
}

impl Protocol for Smtp {
    async fn serve(&self, wire: Wire) -> io::Result<()> {
        Session::new(self, wire).run().await
    }
}
