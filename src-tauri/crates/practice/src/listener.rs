//! A listening socket on loopback with its sessions: counted, journalled, and all ended when the server is.

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::certificates::ServerCertificate;
use crate::faults::Faults;
use crate::wire::{Stream, Wire};

const JOURNAL_LENGTH: usize = 50_000;

/// Why a server could not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The port is taken, or loopback is not available.
    #[error("cannot listen on port {port} of 127.0.0.1: {source}")]
    Listen {
        /// The port asked for; 0 stands for any.
        port: u16,
        /// The operating system's words.
        source: io::Error,
    },
    /// No certificate could be made.
    #[error("cannot make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// TLS could not be set up.
    #[error("cannot set up TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The operating system gave no random numbers for passwords.
    #[error("the operating system gave no random numbers")]
    Random,
}

/// How a server's connections are protected.
#[derive(Clone, Default)]
pub enum Security {
    /// Not at all.
    #[default]
    Plain,
    /// TLS from the first byte (POP3S 995, IMAPS 993, submissions 465).
    Tls(ServerCertificate),
    /// Plain until the client asks for TLS by STLS or STARTTLS; logging in before that is refused.
    StartTls(ServerCertificate),
}

/// How a server is started. `Default` is plain, on any free port, well-behaved.
#[derive(Clone, Default)]
pub struct ServerOptions {
    /// Port on 127.0.0.1; 0 for any that is free.
    pub port: u16,
    /// Protection of connections.
    pub security: Security,
    /// What goes wrong; keep a clone to change it later.
    pub faults: Faults,
    /// SMTP: the largest message accepted, in bytes (RFC 1870). `None` is 50 MiB.
    pub size_limit: Option<usize>,
}

impl ServerOptions {
    /// Options with this protection, and defaults otherwise.
    #[must_use]
    pub fn with(security: Security) -> Self {
        Self { security, ..Self::default() }
    }

    pub(crate) fn start_tls(&self) -> Option<&ServerCertificate> {
        match &self.security {
            Security::StartTls(certificate) => Some(certificate),
            Security::Plain | Security::Tls(_) => None,
        }
    }
}

/// The last commands that clients sent, oldest first, without secrets.
#[derive(Clone, Default)]
pub(crate) struct Journal {
    commands: Arc<Mutex<VecDeque<String>>>,
}

impl Journal {
    pub(crate) fn note(&self, command: &str) {
        let mut commands = self.lock();
        if commands.len() == JOURNAL_LENGTH {
            commands.pop_front();
        }
        commands.push_back(command.to_owned());
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A protocol: serves one connection from greeting to end.
pub(crate) trait Protocol: Send + Sync + 'static {
    fn serve(&self, wire: Wire) -> impl Future<Output = io::Result<()>> + Send;
}

/// A running server. Dropping it ends the listener and every session.
pub(crate) struct Listening {
    address: SocketAddr,
    faults: Faults,
    journal: Journal,
    connections: Arc<Connections>,
    stopping: CancellationToken,
    tasks: TaskTracker,
}

#[derive(Default)]
struct Connections {
    accepted: AtomicUsize,
    open: AtomicUsize,
    peak: AtomicUsize,
}

/// Counts a connection for as long as it lives, however it ends.
struct Counted(Arc<Connections>);

impl Listening {
    pub(crate) async fn start<P: Protocol>(options: &ServerOptions, protocol: P) -> Result<Self, StartError> {
        let port = options.port;
        let failed = |source| StartError::Listen { port, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
        let listening = Self {
            address: listener.local_addr().map_err(failed)?,
            faults: options.faults.clone(),
            journal: Journal::default(),
            connections: Arc::default(),
            stopping: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let accepting = Accepting {
            protocol: Arc::new(protocol),
            security: options.security.clone(),
            faults: options.faults.clone(),
            journal: listening.journal.clone(),
            connections: Arc::clone(&listening.connections),
            stopping: listening.stopping.clone(),
            tasks: listening.tasks.clone(),
        };
        let stopping = listening.stopping.clone();
        listening.tasks.spawn(async move { stopping.run_until_cancelled(accepting.run(listener)).await });
        Ok(listening)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn faults(&self) -> &Faults {
        &self.faults
    }

    pub(crate) fn commands(&self) -> Vec<String> {
        self.journal.lock().iter().cloned().collect()
    }

    pub(crate) fn accepted(&self) -> usize {
        self.connections.accepted.load(Ordering::SeqCst)
    }

    pub(crate) fn open(&self) -> usize {
        self.connections.open.load(Ordering::SeqCst)
    }

    pub(crate) fn peak(&self) -> usize {
        self.connections.peak.load(Ordering::SeqCst)
    }

    /// Ends the listener and every session, and waits until their tasks are gone.
    pub(crate) async fn stop(&self) {
        self.stopping.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

struct Accepting<P> {
    protocol: Arc<P>,
    security: Security,
    faults: Faults,
    journal: Journal,
    connections: Arc<Connections>,
    stopping: CancellationToken,
    tasks: TaskTracker,
}

impl<P: Protocol> Accepting<P> {
    async fn run(self, listener: TcpListener) {
        loop {
            let Ok((socket, _)) = listener.accept().await else {
                // Out of file handles, usually: give sessions time to end instead of spinning.
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                continue;
            };
            let counted = Counted::new(&self.connections);
            let session = session(
                socket,
                self.security.clone(),
                self.faults.clone(),
                self.journal.clone(),
                Arc::clone(&self.protocol),
            );
            let stopping = self.stopping.clone();
            self.tasks.spawn(async move {
                let _counted = counted;
                if let Some(Err(error)) = stopping.run_until_cancelled(session).await {
                    tracing::debug!("A practice session ended early: {error}.");
                }
            });
        }
    }
}

async fn session<P: Protocol>(
    socket: TcpStream,
    security: Security,
    faults: Faults,
    journal: Journal,
    protocol: Arc<P>,
) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let stream: Box<dyn Stream> = match &security {
        Security::Tls(certificate) => Box::new(certificate.acceptor().accept(socket).await?),
        Security::Plain | Security::StartTls(_) => Box::new(socket),
    };
    protocol.serve(Wire::new(stream, faults, journal)).await
}

impl Counted {
    fn new(connections: &Arc<Connections>) -> Self {
        connections.accepted.fetch_add(1, Ordering::SeqCst);
        let open = connections.open.fetch_add(1, Ordering::SeqCst) + 1;
        connections.peak.fetch_max(open, Ordering::SeqCst);
        Self(Arc::clone(connections))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What every server offers to its owner, the same for each protocol.
macro_rules! server_surface {
    ($server:ident) => {
        impl $server {
            /// Where it listens.
            #[must_use]
            pub fn address(&self) -> std::net::SocketAddr {
                self.listening.address()
            }

            /// The port it listens on.
            #[must_use]
            pub fn port(&self) -> u16 {
                self.listening.address().port()
            }

            /// Its misbehaviour, changeable at any time.
            #[must_use]
            pub fn faults(&self) -> &crate::Faults {
                self.listening.faults()
            }

            /// The last 50,000 commands from clients, oldest first, without secrets and literals.
            #[must_use]
            pub fn commands(&self) -> Vec<String> {
                self.listening.commands()
            }

            /// How many connections were accepted since the start.
            #[must_use]
            pub fn connections_accepted(&self) -> usize {
                self.listening.accepted()
            }

            /// How many connections are open now.
            #[must_use]
            pub fn connections_open(&self) -> usize {
                self.listening.open()
            }

            /// The most connections that were ever open at once.
            #[must_use]
            pub fn connections_peak(&self) -> usize {
                self.listening.peak()
            }

            /// Ends the listener and every session, and waits until they are gone. Dropping the server ends them without waiting.
            pub async fn stop(&self) {
                self.listening.stop().await;
            }
        }
    };
}
pub(crate) use server_surface;
