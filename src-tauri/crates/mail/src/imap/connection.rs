//! A connection that speaks IMAP: tagged commands out, bounded responses in.

use super::{
    failure::{self, Doing},
    response::{self, Condition, Literal, Response, Status},
};
use crate::{
    net::{Wire, failure as net},
    spool::Spool,
};
use tandem_domain::failure::Failure;

/// One response without its message content is no longer than this.
const MAX_RESPONSE_BYTES: usize = 256 * 1024;
/// Literals that are no message content (odd names, mostly) are no longer than this.
const MAX_SMALL_LITERAL: u64 = 64 * 1024;
/// How many responses may come unasked while a command runs.
pub(super) const UNASKED_RESPONSES: u64 = 20_000;

/// Where message content goes.
pub(super) enum Content<'x> {
    /// Nowhere: none was asked for.
    Unasked,
    /// Each into a message of its own, up to that many bytes.
    Whole { limit: u64 },
    /// Each appended to the same message, at this offset and no further than the limit.
    Append { spool: &'x mut Spool, limit: u64 },
}

/// What the server told unasked about the open folder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Told {
    exists: u64,
    recent: u64,
    /// More messages are there than before. Flags and disappearances are no news.
    pub(super) is_news: bool,
}

impl Told {
    fn note(&mut self, response: &Response) {
        match response {
            Response::Exists(count) => {
                self.is_news |= *count > self.exists;
                self.exists = *count;
            }
            Response::Recent(count) => {
                self.is_news |= *count > self.recent;
                self.recent = *count;
            }
            Response::Expunge => self.exists = self.exists.saturating_sub(1),
            Response::Vanished(count) => self.exists = self.exists.saturating_sub(*count),
            _ => {}
        }
    }
}

/// A connection that speaks IMAP.
pub(super) struct Connection {
    pub(super) wire: Wire,
    /// Upper case; empty while not known.
    pub(super) capabilities: Vec<String>,
    pub(super) told: Told,
    /// ENABLE QRESYNC was sent: it is allowed once, before a folder is opened (RFC 5161 section 3.1).
    pub(super) is_qresync_enabled: bool,
    last_tag: u64,
    responses_left: u64,
}

impl Connection {
    pub(super) fn new(wire: Wire) -> Self {
        Self::restarted(wire, 0)
    }

    /// The same session after the connection was put under TLS: nothing said before counts (RFC 9051 section 6.2.1).
    pub(super) fn restarted(wire: Wire, last_tag: u64) -> Self {
        Self {
            wire,
            capabilities: Vec::new(),
            told: Told::default(),
            is_qresync_enabled: false,
            last_tag,
            responses_left: UNASKED_RESPONSES,
        }
    }

    pub(super) fn last_tag(&self) -> u64 {
        self.last_tag
    }

    pub(super) fn host(&self) -> &str {
        self.wire.host()
    }

    pub(super) fn can(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|known| known == capability)
    }

    pub(super) fn set_capabilities(&mut self, words: &str) {
        self.capabilities = words.split_ascii_whitespace().take(500).map(str::to_ascii_uppercase).collect();
    }

    /// Queues a command; gives its tag.
    pub(super) fn queue(&mut self, command: &[u8]) -> u64 {
        self.last_tag += 1;
        self.responses_left = UNASKED_RESPONSES;
        let tag = format!("T{} ", self.last_tag);
        self.wire.queue(tag.as_bytes());
        self.wire.queue(command);
        self.wire.queue(b"\r\n");
        self.last_tag
    }

    /// The running command may bring this many responses on top of the usual.
    pub(super) fn expect_responses(&mut self, count: u64) {
        self.responses_left = self.responses_left.saturating_add(count);
    }

    /// Sends one command and reads to its end, giving each response to `on` that is not a matter of course.
    pub(super) async fn run(
        &mut self,
        command: &[u8],
        mut on: impl FnMut(Response) + Send,
    ) -> Result<Status, Failure> {
        let tag = self.queue(command);
        self.wire.flush().await?;
        self.finish(tag, &mut on).await
    }

    /// Reads to the end of a command that was sent.
    pub(super) async fn finish(
        &mut self,
        tag: u64,
        on: &mut (dyn FnMut(Response) + Send),
    ) -> Result<Status, Failure> {
        loop {
            match self.next(&mut Content::Unasked).await? {
                Response::Done { tag: done, status } if done == tag => {
                    self.note_code(&status);
                    return Ok(status);
                }
                // The end of an earlier command whose outcome does not matter, such as ID.
                Response::Done { tag: done, .. } if done < tag => {}
                Response::Done { .. } => {
                    return Err(self.violation("it answered a command that was not sent"));
                }
                Response::Status(status) if status.condition != Condition::PreAuth => {
                    self.note_code(&status);
                    on(Response::Status(status));
                }
                Response::Capability(words) => self.set_capabilities(&words),
                other => on(other),
            }
        }
    }

    fn note_code(&mut self, status: &Status) {
        if status.code_name().as_deref() == Some("CAPABILITY") {
            let words = status.code_arguments().to_owned();
            self.set_capabilities(&words);
        }
    }

    /// Reads one response. A BYE is a failure.
    pub(super) async fn next(&mut self, content: &mut Content<'_>) -> Result<Response, Failure> {
        let Some(left) = self.responses_left.checked_sub(1) else {
            return Err(self.violation("it keeps sending what nobody asked for"));
        };
        self.responses_left = left;
        let mut text: Vec<u8> = Vec::new();
        let mut literals = Vec::new();
        loop {
            let before = text.len();
            text.extend_from_slice(self.wire.line().await?);
            if text.len() > MAX_RESPONSE_BYTES {
                return Err(self.violation("a response does not end"));
            }
            if text.is_empty() {
                // An empty line between responses means nothing.
                continue;
            }
            if !response::may_hold_literal(&text) {
                break;
            }
            // Of this line alone: behind a literal that ends a response stands an empty one.
            let announced = text.get(before..).and_then(response::announced_literal);
            let Some(length) = announced else { break };
            let literal = self.literal(&text, length, content).await?;
            let is_refused = matches!(literal, Literal::Refused(_));
            literals.push(literal);
            if is_refused {
                // What follows are its bytes, which nobody reads: whoever asked for it ends the connection.
                break;
            }
        }
        let shown = String::from_utf8_lossy(text.get(..text.len().min(200)).unwrap_or_default()).into_owned();
        match response::parse(&text, literals) {
            Some(Response::Status(status)) if status.condition == Condition::Bye => {
                Err(failure::refused(self.host(), Doing::Working, &status))
            }
            Some(parsed) => {
                self.told.note(&parsed);
                Ok(parsed)
            }
            None => Err(self.violation(&format!("what it said is not IMAP: {shown}"))),
        }
    }

    async fn literal(
        &mut self,
        text: &[u8],
        length: u64,
        content: &mut Content<'_>,
    ) -> Result<Literal, Failure> {
        match (response::body_literal(text), content) {
            (Some(None), Content::Whole { limit }) => {
                if length > *limit {
                    return Ok(Literal::Refused(length));
                }
                let mut spool = Spool::expecting(length);
                self.copy(length, &mut spool).await?;
                Ok(Literal::Message(spool.finish().await?))
            }
            (Some(Some(offset)), Content::Append { spool, limit }) => {
                if length.saturating_add(spool.len()) > *limit {
                    return Ok(Literal::Refused(length));
                }
                if offset != spool.len() {
                    return Err(self.violation("it sent another piece of a message than the one asked for"));
                }
                self.copy(length, spool).await?;
                Ok(Literal::Appended(length))
            }
            _ if length > MAX_SMALL_LITERAL => {
                Err(self.violation(&format!("it announced {length} bytes that nobody asked for")))
            }
            _ => {
                let mut bytes = Spool::expecting(length);
                self.copy(length, &mut bytes).await?;
                Ok(Literal::Bytes(std::mem::take(bytes.buffer())))
            }
        }
    }

    /// Copies that many bytes.
    async fn copy(&mut self, length: u64, spool: &mut Spool) -> Result<(), Failure> {
        let mut left = length;
        while left > 0 {
            let received = self.wire.received();
            if received.is_empty() {
                self.wire.receive().await?;
                continue;
            }
            let count = usize::try_from(left).unwrap_or(usize::MAX).min(received.len());
            spool.buffer().extend_from_slice(received.get(..count).unwrap_or_default());
            self.wire.consume(count);
            left -= count as u64;
            spool.settle().await?;
        }
        Ok(())
    }

    pub(super) fn violation(&self, what: &str) -> Failure {
        net::violation(self.host(), what)
    }
}
