//! A connection, plain or under TLS, whose every read and write ends in time.

use std::{
    fmt,
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, BufReader, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep},
};
use tokio_rustls::client::TlsStream;

/// What TLS reads from. It asks for 4 KiB at a time, which alone would be one system call each.
pub(super) type Buffered = BufReader<TcpStream>;

const BUFFER_BYTES: usize = 32 * 1024;

/// A connection for TLS to run over.
pub(super) fn buffered(tcp: TcpStream) -> Buffered {
    BufReader::with_capacity(BUFFER_BYTES, tcp)
}

/// A connection. A read or write that makes no progress for the time-out ends with [`io::ErrorKind::TimedOut`].
pub struct Stream {
    transport: Transport,
    read: Patience,
    write: Patience,
}

enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<Buffered>>),
}

impl Stream {
    pub(super) fn plain(tcp: TcpStream, timeout: Duration) -> Self {
        Self::over(Transport::Plain(tcp), timeout)
    }

    pub(super) fn tls(tls: TlsStream<Buffered>, timeout: Duration) -> Self {
        Self::over(Transport::Tls(Box::new(tls)), timeout)
    }

    fn over(transport: Transport, timeout: Duration) -> Self {
        Self { transport, read: Patience::of(timeout), write: Patience::of(timeout) }
    }

    /// The plain connection underneath; `None` when it is under TLS already.
    pub(super) fn into_plain(self) -> Option<TcpStream> {
        match self.transport {
            Transport::Plain(tcp) => Some(tcp),
            Transport::Tls(_) => None,
        }
    }

    /// Whether what is sent is encrypted.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        matches!(self.transport, Transport::Tls(_))
    }

    /// Our own end of it.
    ///
    /// # Errors
    /// The system's, when the connection is gone.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match &self.transport {
            Transport::Plain(tcp) => tcp.local_addr(),
            Transport::Tls(tls) => tls.get_ref().0.get_ref().local_addr(),
        }
    }

    /// How long reads may go without a byte from now on.
    pub fn set_read_timeout(&mut self, timeout: Duration) {
        self.read = Patience::of(timeout);
    }

    fn io(&mut self) -> (&mut (dyn Duplex + '_), &mut Patience, &mut Patience) {
        let io: &mut dyn Duplex = match &mut self.transport {
            Transport::Plain(tcp) => tcp,
            Transport::Tls(tls) => tls.as_mut(),
        };
        (io, &mut self.read, &mut self.write)
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_encrypted() { "Stream(tls)" } else { "Stream(plain)" })
    }
}

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let (io, patience, _) = self.get_mut().io();
        patience.with(cx, |cx| Pin::new(io).poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let (io, _, patience) = self.get_mut().io();
        patience.with(cx, |cx| Pin::new(io).poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (io, _, patience) = self.get_mut().io();
        patience.with(cx, |cx| Pin::new(io).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (io, _, patience) = self.get_mut().io();
        patience.with(cx, |cx| Pin::new(io).poll_shutdown(cx))
    }
}

/// A clock that runs only while we wait.
struct Patience {
    limit: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
    waiting: bool,
}

impl Patience {
    fn of(limit: Duration) -> Self {
        Self { limit, sleep: None, waiting: false }
    }

    fn with<T>(
        &mut self,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if let Poll::Ready(done) = poll(cx) {
            self.waiting = false;
            return Poll::Ready(done);
        }
        let limit = self.limit;
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep(limit)));
        if !self.waiting {
            sleep.as_mut().reset(Instant::now() + limit);
            self.waiting = true;
        }
        ready!(sleep.as_mut().poll(cx));
        self.waiting = false;
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}
