//! One client connection: lines in, buffered bytes out, and the faults that belong to the bytes rather than to a protocol.

use std::io;
use std::mem;
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;

use crate::faults::{Fault, Faults, Feature, Stage};
use crate::listener::Journal;

const FLUSH_AT: usize = 64 * 1024;
const NONSENSE: &[u8] = b"\x00\xff\xfe%%% \x1b[2J no protocol speaks like this (((\r\n";

pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// What the session does after a stage.
pub(crate) enum Step {
    /// Answer truthfully.
    Go,
    /// An answer was already sent.
    Answered,
    /// Send this text instead.
    Reply(String),
    /// Send the protocol's own refusal.
    Refuse,
    /// Claim a false size.
    Announce { octets: u64, sent: u64 },
}

/// A buffered connection. Output is sent when the session waits for input, so pipelined commands share packets.
pub(crate) struct Wire {
    stream: Box<dyn Stream>,
    input: BytesMut,
    output: Vec<u8>,
    until_cut: Option<usize>,
    faults: Faults,
    journal: Journal,
}

impl Wire {
    pub(crate) fn new(stream: Box<dyn Stream>, faults: Faults, journal: Journal) -> Self {
        let input = BytesMut::with_capacity(8 * 1024);
        Self { stream, input, output: Vec::new(), until_cut: None, faults, journal }
    }

    pub(crate) fn has(&self, feature: Feature) -> bool {
        self.faults.has(feature)
    }

    /// Notes a command for the server's journal. The caller leaves secrets out.
    pub(crate) fn note(&self, command: &str) {
        self.journal.note(command);
    }

    /// Reads one line without its end. Safe to cancel: nothing is lost.
    pub(crate) async fn read_line(&mut self, longest: usize) -> io::Result<Vec<u8>> {
        let mut searched = 0;
        loop {
            let unseen = self.input.get(searched..).unwrap_or_default();
            if let Some(at) = memchr::memchr(b'\n', unseen) {
                let mut line = self.input.split_to(searched + at + 1).to_vec();
                line.truncate(line.len().saturating_sub(1));
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(line);
            }
            if self.input.len() > longest {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the client's line is too long"));
            }
            searched = self.input.len();
            self.fill().await?;
        }
    }

    /// Reads exactly this many bytes.
    pub(crate) async fn read_octets(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.input.len() < count {
            self.fill().await?;
        }
        Ok(self.input.split_to(count).to_vec())
    }

    /// Hands what has arrived (waiting if nothing has) to `take`, which says how much of it was used.
    pub(crate) async fn take_some(&mut self, take: impl FnOnce(&[u8]) -> usize) -> io::Result<()> {
        if self.input.is_empty() {
            self.fill().await?;
        }
        let used = take(&self.input);
        self.input.advance(used.min(self.input.len()));
        Ok(())
    }

    /// Adds to the answer; sent now when there is much of it.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.output.extend_from_slice(bytes);
        if self.output.len() >= FLUSH_AT {
            self.flush().await?;
        }
        Ok(())
    }

    /// Adds one line to the answer.
    pub(crate) async fn line(&mut self, text: &str) -> io::Result<()> {
        self.output.extend_from_slice(text.as_bytes());
        self.send(b"\r\n").await
    }

    /// Sends everything that was added.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        if self.output.is_empty() {
            return Ok(());
        }
        let mut output = mem::take(&mut self.output);
        let is_cut = self.until_cut.is_some_and(|left| left <= output.len());
        match self.until_cut.as_mut() {
            Some(left) if is_cut => output.truncate(*left),
            Some(left) => *left -= output.len(),
            None => {}
        }
        match self.faults.pace().bytes_per_second {
            Some(rate) => self.trickle(&output, rate).await?,
            None => self.stream.write_all(&output).await?,
        }
        self.stream.flush().await?;
        output.clear();
        self.output = output;
        if is_cut { Err(ended_on_purpose()) } else { Ok(()) }
    }

    /// Turns TLS on. What the client sent before the handshake is discarded, as RFC 3207 section 4.2 demands.
    pub(crate) async fn secure(&mut self, acceptor: &TlsAcceptor) -> io::Result<()> {
        self.flush().await?;
        self.input.clear();
        let plain = mem::replace(&mut self.stream, Box::new(tokio::io::empty()));
        self.stream = Box::new(acceptor.accept(plain).await?);
        Ok(())
    }

    /// Ends the session properly: everything sent, TLS and TCP closed in order.
    pub(crate) async fn close(&mut self) -> io::Result<()> {
        self.flush().await?;
        self.stream.shutdown().await
    }

    /// Waits as long as the server is slow.
    pub(crate) async fn pace(&mut self) {
        let wait = self.faults.pace().per_command;
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    /// Lets the fault that is due at this stage happen.
    pub(crate) async fn meet(&mut self, stage: &Stage) -> io::Result<Step> {
        let Some(fault) = self.faults.due(stage) else { return Ok(Step::Go) };
        // What was answered before is not part of the fault.
        self.flush().await?;
        match fault {
            Fault::Close => Err(ended_on_purpose()),
            Fault::Hang => self.hang().await,
            Fault::Delay(wait) => {
                tokio::time::sleep(wait).await;
                Ok(Step::Go)
            }
            Fault::CutAfter(0) => Err(ended_on_purpose()),
            Fault::CutAfter(bytes) => {
                self.until_cut = Some(bytes);
                Ok(Step::Go)
            }
            Fault::Garbage => {
                self.send(NONSENSE).await?;
                Ok(Step::Answered)
            }
            Fault::EndlessLine(bytes) => {
                self.send_filler(bytes, &[b'x'; 4096]).await?;
                Err(ended_on_purpose())
            }
            Fault::Reply(text) => Ok(Step::Reply(text)),
            Fault::Refuse => Ok(Step::Refuse),
            Fault::Announce { octets, sent } => Ok(Step::Announce { octets, sent }),
        }
    }

    /// Sends `bytes` of content as the pattern repeats, and ends the connection.
    pub(crate) async fn drip_and_end(&mut self, bytes: u64) -> io::Result<()> {
        let line =
            b"This content was announced to be much longer than it is going to be, alas.\r\n".repeat(50);
        self.send_filler(bytes, &line).await?;
        Err(ended_on_purpose())
    }

    async fn send_filler(&mut self, bytes: u64, pattern: &[u8]) -> io::Result<()> {
        let mut left = bytes;
        while left > 0 {
            let count = usize::try_from(left).unwrap_or(usize::MAX).min(pattern.len());
            self.send(pattern.get(..count).unwrap_or_default()).await?;
            left -= u64::try_from(count).unwrap_or(left);
        }
        self.flush().await
    }

    async fn fill(&mut self) -> io::Result<()> {
        self.flush().await?;
        if self.stream.read_buf(&mut self.input).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    async fn hang(&mut self) -> io::Result<Step> {
        let mut ignored = [0; 4096];
        while self.stream.read(&mut ignored).await? > 0 {}
        Err(io::ErrorKind::UnexpectedEof.into())
    }

    async fn trickle(&mut self, output: &[u8], rate: u32) -> io::Result<()> {
        let rate = usize::try_from(rate.max(1)).unwrap_or(usize::MAX);
        let portion = (rate / 20).max(1);
        for chunk in output.chunks(portion) {
            self.stream.write_all(chunk).await?;
            self.stream.flush().await?;
            tokio::time::sleep(Duration::from_secs_f64(chunk.len() as f64 / rate as f64)).await;
        }
        Ok(())
    }
}

fn ended_on_purpose() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the server was told to end the connection here")
}
