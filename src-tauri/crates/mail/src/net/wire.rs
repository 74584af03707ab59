//! A buffered connection for line-based protocols: bounded lines, bounded replies, queued commands.

use super::{Stream, failure};
use futures::FutureExt;
use std::time::Duration;
use tandem_domain::failure::{Failure, FailureCode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::Instant,
};
use zeroize::Zeroize;

/// The longest line that is taken from a server. The protocols allow 512 to 8,192 bytes; some servers are generous.
pub const MAX_LINE_BYTES: usize = 16 * 1024;

/// A server that sends a byte now and then is never silent for a whole time-out. It may use this many time-outs for
/// its answers to what was sent last; each byte that it sends earns it [`EARNED_PER_BYTE`] more, about 1 KB/s.
const PATIENCE_IN_TIMEOUTS: u32 = 5;
const EARNED_PER_BYTE: Duration = Duration::from_millis(1);

/// Room for a password, so that growing the queue leaves no copy of it behind.
const QUEUE_BYTES: usize = 4 * 1024;
const READ_BUFFER_BYTES: usize = 64 * 1024;
/// What a connection that only waits keeps of them.
const RESTING_BYTES: usize = 512;

/// A connection with a read buffer and a write queue.
#[derive(Debug)]
pub struct Wire {
    stream: Stream,
    host: String,
    input: Box<[u8]>,
    start: usize,
    end: usize,
    output: Vec<u8>,
    usual_read_timeout: Duration,
    read_timeout: Duration,
    /// How long we waited for the answers to the last flush, less what the received bytes earned.
    waited: Duration,
}

impl Wire {
    pub(super) fn new(stream: Stream, host: String, read_timeout: Duration) -> Self {
        let input = vec![0; READ_BUFFER_BYTES].into_boxed_slice();
        let waited = Duration::ZERO;
        Self {
            stream,
            host,
            input,
            start: 0,
            end: 0,
            output: Vec::with_capacity(QUEUE_BYTES),
            usual_read_timeout: read_timeout,
            read_timeout,
            waited,
        }
    }

    /// `server:port`, as failures name it.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The connection underneath, for its addresses and encryption.
    #[must_use]
    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    /// How long reads may go without a byte from now on.
    pub fn set_read_timeout(&mut self, timeout: Duration) {
        self.read_timeout = timeout;
        self.stream.set_read_timeout(timeout);
    }

    /// Reads go without a byte as long as they could at first.
    pub fn usual_read_timeout(&mut self) {
        self.set_read_timeout(self.usual_read_timeout);
    }

    /// The connection is about to wait for a long time, up to `timeout` without a byte: its buffers are given back. They
    /// grow again with what arrives. [`Wire::usual_read_timeout`] ends the rest.
    pub fn rest(&mut self, timeout: Duration) {
        self.set_read_timeout(timeout);
        self.waited = Duration::ZERO;
        let received = self.received();
        if received.len() <= RESTING_BYTES && self.input.len() > RESTING_BYTES {
            let mut small = vec![0; RESTING_BYTES].into_boxed_slice();
            for (to, from) in small.iter_mut().zip(received) {
                *to = *from;
            }
            (self.start, self.end, self.input) = (0, received.len(), small);
        }
        if self.output.is_empty() {
            self.output = Vec::new();
        }
    }

    /// Whether a whole line is there, so that [`Wire::line`] need not wait.
    #[must_use]
    pub fn has_line(&self) -> bool {
        memchr::memchr(b'\n', self.received()).is_some()
    }

    /// What was received and not taken yet.
    #[must_use]
    pub fn received(&self) -> &[u8] {
        self.input.get(self.start..self.end).unwrap_or_default()
    }

    /// Takes that many of the received bytes.
    pub fn consume(&mut self, count: usize) {
        self.start = self.end.min(self.start.saturating_add(count));
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
    }

    /// Receives more bytes behind those already received.
    ///
    /// # Errors
    /// A lost connection or a time-out; a violation when the buffer is full of bytes that nobody takes.
    pub async fn receive(&mut self) -> Result<(), Failure> {
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        } else if self.start > 0 && self.end == self.input.len() {
            self.input.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        let room = self.input.get_mut(self.end..).unwrap_or_default();
        if room.is_empty() {
            return Err(failure::violation(&self.host, "a line does not end"));
        }
        let started = Instant::now();
        let received = self.stream.read(room).await;
        let earned = received.as_ref().map_or(0, |count| u32::try_from(*count).unwrap_or(u32::MAX));
        self.waited = (self.waited + started.elapsed()).saturating_sub(EARNED_PER_BYTE * earned);
        if self.waited > self.read_timeout * PATIENCE_IN_TIMEOUTS {
            return Err(failure::timed_out(&self.host, "receiving its answer, which comes too slowly"));
        }
        match received {
            Ok(0) => Err(failure::lost(&self.host, "the server closed the connection")),
            Ok(count) => {
                self.end += count;
                if self.end == self.input.len() && self.input.len() < READ_BUFFER_BYTES {
                    // It was resting, and more is to come.
                    let mut input = std::mem::take(&mut self.input).into_vec();
                    input.resize(READ_BUFFER_BYTES, 0);
                    self.input = input.into_boxed_slice();
                }
                Ok(())
            }
            Err(error) => Err(failure::io(&self.host, &error)),
        }
    }

    /// Takes one line without its line end. A bare LF ends a line too: some servers send it in replies.
    ///
    /// # Errors
    /// As [`Wire::receive`]; a violation when the line is longer than [`MAX_LINE_BYTES`].
    pub async fn line(&mut self) -> Result<&[u8], Failure> {
        let mut searched = 0;
        let length = loop {
            let received = self.received();
            if let Some(at) = memchr::memchr(b'\n', received.get(searched..).unwrap_or_default()) {
                break searched + at;
            }
            searched = received.len();
            if searched > MAX_LINE_BYTES {
                let said = format!("a line is longer than {MAX_LINE_BYTES} bytes");
                return Err(failure::violation(&self.host, &said));
            }
            self.receive().await?;
        };
        if length > MAX_LINE_BYTES {
            let said = format!("a line is longer than {MAX_LINE_BYTES} bytes");
            return Err(failure::violation(&self.host, &said));
        }
        let from = self.start;
        // Not `consume`: the line is borrowed from the buffer, whose positions must stay.
        self.start += length + 1;
        let line = self.input.get(from..from + length).unwrap_or_default();
        Ok(line.strip_suffix(b"\r").unwrap_or(line))
    }

    /// Waits for the server's first bytes and looks at the first of them: the greeting of another protocol, or of
    /// a port that expects TLS, may not even have a line end. `wanted` names the protocol, such as `POP3`.
    ///
    /// # Errors
    /// As [`Wire::receive`]; when the greeting is another protocol's.
    pub async fn expect_greeting(&mut self, wanted: &str, fits: impl Fn(u8) -> bool) -> Result<(), Failure> {
        while self.received().is_empty() {
            self.receive().await.map_err(|failed| match failed.code {
                FailureCode::TimedOut => failure::timed_out(
                    &self.host,
                    "waiting for its greeting; a port that expects TLS stays silent like this",
                ),
                _ => failed,
            })?;
        }
        let received = self.received();
        if received.first().copied().is_some_and(fits) {
            return Ok(());
        }
        let line = received.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let shown = line.get(..line.len().min(200)).unwrap_or_default();
        Err(failure::wrong_protocol(&self.host, wanted, shown))
    }

    /// Queues bytes to be sent by the next [`Wire::flush`].
    pub fn queue(&mut self, bytes: &[u8]) {
        if self.output.capacity() == 0 {
            self.output.reserve(QUEUE_BYTES);
        }
        self.output.extend_from_slice(bytes);
    }

    /// How many bytes are queued.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.output.len()
    }

    /// Sends what is queued.
    ///
    /// # Errors
    /// A lost connection or a time-out.
    pub async fn flush(&mut self) -> Result<(), Failure> {
        self.waited = Duration::ZERO;
        let sent = async {
            self.stream.write_all(&self.output).await?;
            self.stream.flush().await
        };
        let sent = sent.await;
        // A queue may have held a password.
        self.output.zeroize();
        sent.map_err(|error| failure::io(&self.host, &error))
    }

    /// Sends bytes behind what is queued.
    ///
    /// # Errors
    /// As [`Wire::flush`].
    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if !self.output.is_empty() {
            self.queue(bytes);
            return self.flush().await;
        }
        self.waited = Duration::ZERO;
        let sent = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        sent.await.map_err(|error| failure::io(&self.host, &error))
    }

    /// Whether the server has said something, or gone away, without our waiting for it.
    ///
    /// # Errors
    /// As [`Wire::receive`].
    pub fn has_spoken(&mut self) -> Result<bool, Failure> {
        if self.received().is_empty() {
            self.receive().now_or_never().transpose()?;
        }
        Ok(!self.received().is_empty())
    }

    /// Takes the connection out, for another protocol layer.
    ///
    /// # Errors
    /// A violation when bytes were received that nobody took: after STARTTLS they were injected by someone on
    /// the way (CVE-2011-0411), and elsewhere they would be lost.
    pub fn into_stream(self) -> Result<Stream, Failure> {
        if self.start < self.end {
            let said =
                "it sent more before the encryption started; somebody may be tampering with the connection";
            return Err(failure::violation(&self.host, said));
        }
        Ok(self.stream)
    }
}
