//! Takes a multi-line answer apart: removes the doubled dots and finds its end (RFC 1939 section 3).

use memchr::memmem::Finder;

/// The state between two chunks of a multi-line answer, which may be cut anywhere.
#[derive(Debug)]
pub(super) struct Unstuff {
    place: Place,
    line_that_starts_with_a_dot: Finder<'static>,
}

/// Where in a line the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    LineStart,
    AfterCr,
    Within,
}

/// What became of a chunk.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// So many of its bytes were used; the rest must be offered again, with more behind it.
    pub(super) consumed: usize,
    /// The answer ended.
    pub(super) ended: bool,
}

impl Default for Unstuff {
    fn default() -> Self {
        Self { place: Place::LineStart, line_that_starts_with_a_dot: Finder::new(b"\r\n.") }
    }
}

impl Unstuff {
    /// Takes a chunk and appends what it holds of the message. Only CRLF ends a line: a bare LF is a byte of the
    /// message, so that `LF . LF` inside one does not end it early.
    pub(super) fn feed(&mut self, chunk: &[u8], message: &mut Vec<u8>) -> Step {
        let mut at = 0;
        loop {
            let rest = chunk.get(at..).unwrap_or_default();
            match (self.place, rest) {
                (_, []) | (Place::LineStart, [b'.'] | [b'.', b'\r']) => {
                    return Step { consumed: at, ended: false };
                }
                (Place::LineStart, [b'.', b'\r', b'\n', ..]) => {
                    return Step { consumed: at + 3, ended: true };
                }
                (Place::LineStart, [b'.', ..]) => {
                    at += 1;
                    self.place = Place::Within;
                }
                (Place::AfterCr, [b'\n', ..]) => {
                    message.push(b'\n');
                    at += 1;
                    self.place = Place::LineStart;
                }
                _ => {
                    let (taken, place) = match self.line_that_starts_with_a_dot.find(rest) {
                        Some(found) => (found + 2, Place::LineStart),
                        None if rest.ends_with(b"\r\n") => (rest.len(), Place::LineStart),
                        None if rest.ends_with(b"\r") => (rest.len(), Place::AfterCr),
                        None => (rest.len(), Place::Within),
                    };
                    message.extend_from_slice(rest.get(..taken).unwrap_or_default());
                    at += taken;
                    self.place = place;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWERS: [(&[u8], &[u8]); 8] = [
        (b".\r\n", b""),
        (b"a\r\n.\r\n", b"a\r\n"),
        (b"..\r\n.\r\n", b".\r\n"),
        (b"a\r\n..b\r\n...\r\n.\r\n", b"a\r\n.b\r\n..\r\n"),
        (b"a\n.\nb\r\n.\r\n", b"a\n.\nb\r\n"),
        (b"a\r\r\n.\r\n", b"a\r\r\n"),
        (b"\r\n\r\n.x\r\n.\r\n", b"\r\n\r\nx\r\n"),
        (b"\r.\r\n..\rx\r\n.\r\n", b"\r.\r\n.\rx\r\n"),
    ];

    /// Feeds chunks as a connection does: what was not consumed stays in front of the next chunk.
    fn feed(chunks: &[&[u8]]) -> (Vec<u8>, Vec<u8>, bool) {
        let (mut unstuff, mut message, mut buffer) = (Unstuff::default(), Vec::new(), Vec::new());
        let mut ended = false;
        for chunk in chunks {
            buffer.extend_from_slice(chunk);
            if !ended {
                let step = unstuff.feed(&buffer, &mut message);
                buffer.drain(..step.consumed);
                ended = step.ended;
            }
        }
        (message, buffer, ended)
    }

    #[test]
    fn a_message_is_the_same_wherever_the_network_cuts_it() {
        for (answer, message) in ANSWERS {
            let mut with_next = answer.to_vec();
            with_next.extend_from_slice(b"+OK next\r\n");
            for first in 0..=with_next.len() {
                for second in first..=with_next.len() {
                    let chunks = [&with_next[..first], &with_next[first..second], &with_next[second..]];
                    let (got, rest, ended) = feed(&chunks);
                    assert!(ended, "{answer:?} cut at {first} and {second}");
                    assert_eq!((got.as_slice(), rest.as_slice()), (message, &b"+OK next\r\n"[..]));
                }
            }
            let bytes: Vec<&[u8]> = with_next.chunks(1).collect();
            assert_eq!(feed(&bytes), (message.to_vec(), b"+OK next\r\n".to_vec(), true));
        }
    }

    #[test]
    fn an_answer_without_an_end_does_not_end() {
        for answer in [&b""[..], b".", b".\r", b"a", b"a\r\n", b"a\r\n.", b"a\n.\n", b"a\r\n.\n", b".\n\r\n"]
        {
            assert!(!feed(&[answer]).2, "{answer:?}");
        }
    }
}
