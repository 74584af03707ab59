//! Streams a message as DATA wants it: CRLF line ends, doubled dots (RFC 5321 section 4.5.2), never whole in memory.

use memchr::{memchr2, memmem};
use std::{io, sync::Arc};
use tandem_engine::raw::RawMessage;
use tokio::io::AsyncReadExt;

const CHUNK_BYTES: usize = 64 * 1024;

/// Reads a message chunk by chunk.
pub(super) struct Chunks {
    source: Source,
    chunk: Vec<u8>,
}

enum Source {
    Memory { bytes: Arc<[u8]>, at: usize },
    File(tokio::fs::File),
}

impl Chunks {
    pub(super) async fn of(raw: &RawMessage) -> io::Result<Self> {
        let source = match raw {
            RawMessage::Memory(bytes) => Source::Memory { bytes: Arc::clone(bytes), at: 0 },
            RawMessage::Spooled { path, .. } => Source::File(tokio::fs::File::open(path.as_ref()).await?),
        };
        Ok(Self { source, chunk: Vec::new() })
    }

    /// The next chunk; empty at the end.
    pub(super) async fn next(&mut self) -> io::Result<&[u8]> {
        match &mut self.source {
            Source::Memory { bytes, at } => {
                let from = *at;
                *at = bytes.len().min(from + CHUNK_BYTES);
                Ok(bytes.get(from..*at).unwrap_or_default())
            }
            Source::File(file) => {
                self.chunk.resize(CHUNK_BYTES, 0);
                let count = file.read(&mut self.chunk).await?;
                Ok(self.chunk.get(..count).unwrap_or_default())
            }
        }
    }
}

/// What of a message needs an extension.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct EightBit {
    /// The headers hold UTF-8 (RFC 6532): SMTPUTF8 is needed.
    pub(super) headers: bool,
    /// Anything holds 8-bit bytes: 8BITMIME is wanted.
    pub(super) anything: bool,
}

/// Looks through a message. Its headers are taken to end within the first 64 KiB.
pub(super) async fn inspect(raw: &RawMessage) -> io::Result<EightBit> {
    let mut chunks = Chunks::of(raw).await?;
    let first = chunks.next().await?;
    let headers = [&b"\r\n\r\n"[..], b"\n\n"].iter().filter_map(|end| memmem::find(first, end)).min();
    let headers = first.get(..headers.unwrap_or(first.len())).unwrap_or_default();
    let mut found = EightBit { headers: !headers.is_ascii(), anything: !first.is_ascii() };
    while !found.anything {
        let chunk = chunks.next().await?;
        if chunk.is_empty() {
            break;
        }
        found.anything = !chunk.is_ascii();
    }
    Ok(found)
}

/// Doubles leading dots and makes every line end CRLF. A lone CR or LF becomes CRLF too: servers differ in what
/// they take a lone one for, which is how messages are smuggled in (CVE-2023-51764 and its kin).
#[derive(Debug)]
pub(super) struct Stuff {
    line_start: bool,
    cr_pending: bool,
}

impl Default for Stuff {
    fn default() -> Self {
        Self { line_start: true, cr_pending: false }
    }
}

impl Stuff {
    /// Appends a chunk as it is to be sent.
    pub(super) fn feed(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        let mut rest = chunk;
        while let Some(first) = rest.first() {
            if self.cr_pending {
                self.end_line(out);
                if *first == b'\n' {
                    rest = rest.get(1..).unwrap_or_default();
                }
                continue;
            }
            if self.line_start && *first == b'.' {
                out.push(b'.');
            }
            let length = memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
            out.extend_from_slice(rest.get(..length).unwrap_or_default());
            if length > 0 {
                self.line_start = false;
            }
            match rest.get(length) {
                Some(b'\r') => self.cr_pending = true,
                Some(_) => self.end_line(out),
                None => {}
            }
            rest = rest.get(length + 1..).unwrap_or_default();
        }
    }

    /// Ends the last line, so that the final dot stands alone in its own.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        if self.cr_pending || !self.line_start {
            self.end_line(out);
        }
    }

    fn end_line(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\r\n");
        self.line_start = true;
        self.cr_pending = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_stuffed_alike_wherever_its_chunks_are_cut() {
        for (message, sent) in [
            ("", ""),
            (".", "..\r\n"),
            ("a\n.b\r\n..c", "a\r\n..b\r\n...c\r\n"),
            ("a\r.\r\nb\r", "a\r\n..\r\nb\r\n"),
            ("a\n.\r\nMAIL FROM:<x>\r\n", "a\r\n..\r\nMAIL FROM:<x>\r\n"),
            ("\r\r\n\n\n", "\r\n\r\n\r\n\r\n"),
        ] {
            for first in 0..=message.len() {
                for second in first..=message.len() {
                    let (mut stuff, mut out) = (Stuff::default(), Vec::new());
                    for chunk in [&message[..first], &message[first..second], &message[second..]] {
                        stuff.feed(chunk.as_bytes(), &mut out);
                    }
                    stuff.finish(&mut out);
                    assert_eq!(String::from_utf8_lossy(&out), sent, "{message:?} cut at {first}, {second}");
                }
            }
        }
    }

    #[tokio::test]
    async fn eight_bit_bytes_are_found_where_they_are() {
        let far = format!("S: x\r\n\r\n{}\u{e4}", "x".repeat(3 * CHUNK_BYTES));
        for (message, headers, anything) in [
            ("S: x\r\n\r\nhello", false, false),
            ("S: x\r\n\r\n\u{e4}", false, true),
            ("S: \u{e4}\n\nhello", true, true),
            (far.as_str(), false, true),
        ] {
            let raw = RawMessage::from(message.as_bytes().to_vec());
            assert_eq!(inspect(&raw).await.unwrap(), EightBit { headers, anything });
        }
    }
}
