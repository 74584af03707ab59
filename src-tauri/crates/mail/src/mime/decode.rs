//! Reads a part's decoded content straight out of the raw message, a buffer at a time.
//!
//! Base64 (RFC 2045 section 6.8) skips what is not of its alphabet, and quoted-printable (section 6.7) keeps what
//! it cannot read: garbage makes content look odd, it never makes a message unreadable.

use base64_simd::{AsOut, STANDARD_NO_PAD};
use memchr::memchr2;
use std::io::{self, Read, Seek, SeekFrom};
use tandem_domain::message::{ContentRange, TransferEncoding};
use tandem_engine::raw::RawMessage;

/// How much of the raw message is read at once.
const CHUNK_BYTES: usize = 32 * 1024;

/// Opens a part of a raw message for reading; what comes out is decoded.
///
/// # Errors
/// Those of opening and positioning in the temporary file.
pub fn open_content(raw: &RawMessage, range: ContentRange) -> io::Result<Box<dyn Read + Send>> {
    if let RawMessage::Memory(bytes) = raw
        && range.encoding == TransferEncoding::Identity
    {
        let (start, end) = clamp(bytes.len(), range);
        let mut cursor = io::Cursor::new(std::sync::Arc::clone(bytes));
        cursor.set_position(start as u64);
        return Ok(Box::new(cursor.take((end - start) as u64)));
    }
    let mut reader = raw.open()?;
    reader.seek(SeekFrom::Start(range.offset))?;
    Ok(match range.encoding {
        TransferEncoding::Identity => Box::new(reader.take(range.length)),
        encoding => Box::new(Decoder::new(reader.take(range.length), encoding)),
    })
}

/// Where a range lies in a message of `len` bytes.
pub(super) fn clamp(len: usize, range: ContentRange) -> (usize, usize) {
    let start = usize::try_from(range.offset).unwrap_or(usize::MAX).min(len);
    let end = usize::try_from(range.offset.saturating_add(range.length)).unwrap_or(usize::MAX).min(len);
    (start, end.max(start))
}

/// Decodes what another reader gives.
pub struct Decoder<R> {
    inner: R,
    core: Core,
    decoded: Vec<u8>,
    given: usize,
    at_end: bool,
    input: Box<[u8]>,
}

impl<R: Read> Decoder<R> {
    /// Decodes the whole of `inner`.
    pub fn new(inner: R, encoding: TransferEncoding) -> Self {
        Self {
            inner,
            core: Core::new(encoding),
            decoded: Vec::with_capacity(CHUNK_BYTES + 8),
            given: 0,
            at_end: false,
            input: vec![0; CHUNK_BYTES].into_boxed_slice(),
        }
    }
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.given == self.decoded.len() && !self.at_end {
            self.decoded.clear();
            self.given = 0;
            let count = self.inner.read(&mut self.input)?;
            if count == 0 {
                self.at_end = true;
                self.core.finish(&mut self.decoded);
            } else {
                self.core.feed(self.input.get(..count).unwrap_or_default(), &mut self.decoded);
            }
        }
        let ready = self.decoded.get(self.given..).unwrap_or_default();
        let count = ready.len().min(out.len());
        if let (Some(to), Some(from)) = (out.get_mut(..count), ready.get(..count)) {
            to.copy_from_slice(from);
        }
        self.given += count;
        Ok(count)
    }
}

/// The decoding itself, fed with slices as they come.
#[derive(Debug)]
pub(super) enum Core {
    Identity,
    Base64 { bits: u32, count: u8 },
    QuotedPrintable(Quoted),
}

impl Core {
    pub(super) fn new(encoding: TransferEncoding) -> Self {
        match encoding {
            TransferEncoding::Identity => Self::Identity,
            TransferEncoding::Base64 => Self::Base64 { bits: 0, count: 0 },
            TransferEncoding::QuotedPrintable => Self::QuotedPrintable(Quoted::default()),
        }
    }

    /// Decodes more input; never writes more bytes than it gets, but for what an earlier call held back.
    pub(super) fn feed(&mut self, input: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Identity => out.extend_from_slice(input),
            Self::Base64 { bits, count } => feed_base64(bits, count, input, out),
            Self::QuotedPrintable(quoted) => quoted.feed(input, out),
        }
    }

    /// Writes what was held back when the input has ended.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        match self {
            Self::Identity => {}
            Self::Base64 { bits, count } => flush_base64(bits, count, out),
            Self::QuotedPrintable(quoted) => quoted.finish(out),
        }
    }
}

/// Nearly every line of base64 has as many characters as are allowed.
const USUAL_LINE_CHARS: usize = 76;
/// Longer lines are taken in pieces of this size.
const LINE_CHARS: usize = 128;
const SKIP: u8 = 0xFF;
const PAD: u8 = 0xFE;

const BASE64: [u8; 256] = {
    let mut table = [SKIP; 256];
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut at = 0;
    while at < alphabet.len() {
        #[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
        {
            table[alphabet[at] as usize] = at as u8;
        }
        at += 1;
    }
    #[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
    {
        table[b'=' as usize] = PAD;
    }
    table
};

#[allow(clippy::indexing_slicing, reason = "a byte cannot be out of a table of 256")]
fn value_of(byte: u8) -> u8 {
    BASE64[byte as usize]
}

fn feed_base64(bits: &mut u32, count: &mut u8, mut input: &[u8], out: &mut Vec<u8>) {
    out.reserve(input.len() / 4 * 3 + 3);
    loop {
        if *count == 0 {
            input = decode_clean(input, out);
        }
        let Some((&first, rest)) = input.split_first() else { return };
        input = rest;
        match value_of(first) {
            SKIP => {}
            PAD => flush_base64(bits, count, out),
            value => {
                *bits = (*bits << 6) | u32::from(value);
                *count += 1;
                if *count == 4 {
                    let [_, x, y, z] = bits.to_be_bytes();
                    out.extend_from_slice(&[x, y, z]);
                    (*bits, *count) = (0, 0);
                }
            }
        }
    }
}

/// Decodes groups of four clean characters, which is nearly everything; gives what follows them.
fn decode_clean<'x>(input: &'x [u8], out: &mut Vec<u8>) -> &'x [u8] {
    // A line at a time, so that little is filled with zeros for nothing.
    let line = match input.get(USUAL_LINE_CHARS) {
        Some(b'\r' | b'\n') => input.get(..USUAL_LINE_CHARS).unwrap_or(input),
        _ => {
            let line = input.get(..LINE_CHARS).unwrap_or(input);
            line.get(..memchr2(b'\r', b'\n', line).unwrap_or(line.len())).unwrap_or(line)
        }
    };
    let (quads, _) = line.as_chunks::<4>();
    let start = out.len();
    out.resize(start + quads.len() * 3, 0);
    let whole = out.get_mut(start..).unwrap_or_default();
    if STANDARD_NO_PAD.decode(quads.as_flattened(), whole.as_out()).is_ok() {
        return input.get(quads.len() * 4..).unwrap_or_default();
    }
    let (triples, _) = out.get_mut(start..).unwrap_or_default().as_chunks_mut::<3>();
    let mut done = 0;
    for (quad, triple) in quads.iter().zip(triples) {
        let [a, b, c, d] = quad.map(value_of);
        if (a | b | c | d) >= 64 {
            break;
        }
        let word = (u32::from(a) << 18) | (u32::from(b) << 12) | (u32::from(c) << 6) | u32::from(d);
        let [_, x, y, z] = word.to_be_bytes();
        *triple = [x, y, z];
        done += 1;
    }
    out.truncate(start + done * 3);
    input.get(done * 4..).unwrap_or_default()
}

fn flush_base64(bits: &mut u32, count: &mut u8, out: &mut Vec<u8>) {
    match *count {
        2 => out.push((*bits >> 4) as u8),
        3 => out.extend_from_slice(&[(*bits >> 10) as u8, (*bits >> 2) as u8]),
        _ => {}
    }
    (*bits, *count) = (0, 0);
}

/// How many blanks at a line's end are held back before they are taken for content.
const MAX_HELD_BLANKS: usize = 1024;

/// Quoted-printable between two slices.
#[derive(Debug, Default)]
pub(super) struct Quoted {
    /// What follows a `=` and is not decided yet, the `=` included.
    escape: Vec<u8>,
    /// Blanks that are padding if the line ends here.
    blanks: Vec<u8>,
}

impl Quoted {
    fn feed(&mut self, mut input: &[u8], out: &mut Vec<u8>) {
        out.reserve(input.len());
        while let Some((&byte, rest)) = input.split_first() {
            if !self.escape.is_empty() {
                input = rest;
                self.escaped(byte, out);
                continue;
            }
            if matches!(byte, b'=' | b' ' | b'\t' | b'\r' | b'\n') {
                input = rest;
                self.plain(byte, out);
                continue;
            }
            let run = input
                .iter()
                .position(|b| matches!(b, b'=' | b' ' | b'\t' | b'\r' | b'\n'))
                .unwrap_or(input.len());
            let (run, rest) = input.split_at(run);
            out.append(&mut self.blanks);
            out.extend_from_slice(run);
            input = rest;
        }
    }

    fn plain(&mut self, byte: u8, out: &mut Vec<u8>) {
        match byte {
            b'=' => {
                out.append(&mut self.blanks);
                self.escape.push(byte);
            }
            b' ' | b'\t' => {
                self.blanks.push(byte);
                if self.blanks.len() > MAX_HELD_BLANKS {
                    out.append(&mut self.blanks);
                }
            }
            b'\r' | b'\n' => {
                self.blanks.clear();
                out.push(byte);
            }
            _ => {
                out.append(&mut self.blanks);
                out.push(byte);
            }
        }
    }

    /// Decides on what follows a `=`.
    fn escaped(&mut self, byte: u8, out: &mut Vec<u8>) {
        let second = self.escape.get(1).copied();
        match (second, byte) {
            // A soft line break, whichever line end it is written with, and padding before it.
            (None | Some(b' ' | b'\t'), b'\n') | (Some(b'\r'), b'\n') => self.escape.clear(),
            (None, b'\r') => self.escape.push(byte),
            (Some(b' ' | b'\t'), b'\r') => {
                self.escape.truncate(1);
                self.escape.push(byte);
            }
            (Some(b'\r'), _) => {
                self.escape.clear();
                self.plain(byte, out);
            }
            (None | Some(b' ' | b'\t'), b' ' | b'\t') if self.escape.len() < MAX_HELD_BLANKS => {
                self.escape.push(byte);
            }
            (None, _) if byte.is_ascii_hexdigit() => self.escape.push(byte),
            (Some(first), _) if first.is_ascii_hexdigit() && byte.is_ascii_hexdigit() => {
                out.push((hex(first) << 4) | hex(byte));
                self.escape.clear();
            }
            // No escape after all: it stands for itself.
            _ => {
                out.append(&mut self.escape);
                self.plain(byte, out);
            }
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        self.blanks.clear();
        // A message cut in the middle of an escape; a lone `=` at the end is a soft break.
        if self.escape.get(1).is_some_and(u8::is_ascii_hexdigit) {
            out.append(&mut self.escape);
        }
        self.escape.clear();
    }
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        b'A'..=b'F' => digit - b'A' + 10,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(encoding: TransferEncoding, input: &[u8]) -> Vec<u8> {
        let mut whole = Vec::new();
        Decoder::new(input, encoding).read_to_end(&mut whole).unwrap();
        // However it is cut, the same comes out.
        for size in [1, 2, 3, 5, 7] {
            let mut core = Core::new(encoding);
            let mut out = Vec::new();
            input.chunks(size).for_each(|piece| core.feed(piece, &mut out));
            core.finish(&mut out);
            assert_eq!(out, whole, "in pieces of {size}");
        }
        whole
    }

    #[test]
    fn base64_is_read_over_line_ends_and_garbage() {
        let base64 = |text: &str| decode(TransferEncoding::Base64, text.as_bytes());
        assert_eq!(base64("SGVs\r\nbG8h\r\n"), b"Hello!");
        assert_eq!(base64("SG\0Vs*bG 8h"), b"Hello!");
        assert_eq!(base64("SGVsbG8="), b"Hello");
        assert_eq!(base64("SGVsbG8"), b"Hello", "padding is missing");
        assert_eq!(base64("SGk=SGk="), b"HiHi", "two pieces, each padded");
        assert_eq!(base64("===="), b"");
    }

    #[test]
    fn quoted_printable_is_read_as_written() {
        let quoted = |text: &str| decode(TransferEncoding::QuotedPrintable, text.as_bytes());
        assert_eq!(quoted("caf=C3=A9 =3D\r\n"), "café =\r\n".as_bytes());
        assert_eq!(quoted("long =\r\nline=\nend"), b"long lineend");
        assert_eq!(quoted("padded  \r\nsoft= \t\r\nbreak"), b"padded\r\nsoftbreak");
        assert_eq!(quoted("a =zz b= c =4"), b"a =zz b= c =4");
        assert_eq!(quoted("cut="), b"cut");
    }

    #[test]
    fn a_range_outside_of_the_message_reads_nothing() {
        let raw = RawMessage::from(b"abc".to_vec());
        for encoding in [TransferEncoding::Identity, TransferEncoding::Base64] {
            let mut out = Vec::new();
            let range = ContentRange { offset: 90, length: u64::MAX, encoding };
            open_content(&raw, range).unwrap().read_to_end(&mut out).unwrap();
            assert_eq!(out, b"");
        }
    }
}
