//! The content of DATA as it streams in: dots undone, the end found, too much of it counted but not kept.

/// Collects DATA's content. Only CR LF `.` CR LF ends it (RFC 5321 section 4.1.1.4), a bare LF is content.
pub(super) struct Dotted {
    content: Vec<u8>,
    limit: usize,
    is_too_big: bool,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    LineStart,
    Text,
    Cr,
    Dot,
    DotCr,
    Ended,
}

impl Dotted {
    pub(super) fn new(limit: usize) -> Self {
        Self { content: Vec::new(), limit, is_too_big: false, state: State::LineStart }
    }

    pub(super) fn is_ended(&self) -> bool {
        self.state == State::Ended
    }

    /// The content, or nothing if it was larger than the limit.
    pub(super) fn finish(self) -> Option<Vec<u8>> {
        (!self.is_too_big).then_some(self.content)
    }

    /// Takes bytes up to the end of the content, and returns how many it took.
    pub(super) fn take(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while self.state != State::Ended {
            let rest = bytes.get(at..).unwrap_or_default();
            let Some(byte) = rest.first() else { break };
            if self.state == State::Text {
                // Most bytes are in the middle of a line: take them at once.
                let length = memchr::memchr(b'\r', rest).unwrap_or(rest.len());
                self.keep(rest.get(..length).unwrap_or_default());
                at += length;
                if length < rest.len() {
                    self.keep(b"\r");
                    self.state = State::Cr;
                    at += 1;
                }
                continue;
            }
            self.step(*byte);
            at += 1;
        }
        at
    }

    fn step(&mut self, byte: u8) {
        self.state = match (self.state, byte) {
            (State::LineStart, b'.') => State::Dot,
            (State::Dot, b'\r') => State::DotCr,
            (State::DotCr, b'\n') => State::Ended,
            (State::DotCr, _) => {
                // The dot was stuffed before a bare CR.
                self.keep(b"\r");
                self.state = State::Cr;
                return self.step(byte);
            }
            (State::Cr, b'\n') => {
                self.keep(b"\n");
                State::LineStart
            }
            (_, b'\r') => {
                self.keep(b"\r");
                State::Cr
            }
            _ => {
                self.keep(&[byte]);
                State::Text
            }
        };
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.content.len() + bytes.len() > self.limit {
            self.is_too_big = true;
            self.content = Vec::new();
        }
        if !self.is_too_big {
            self.content.extend_from_slice(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], chunk: usize) -> (Vec<u8>, usize) {
        let mut dotted = Dotted::new(1000);
        let mut taken = 0;
        for part in bytes.chunks(chunk) {
            taken += dotted.take(part);
            if dotted.is_ended() {
                break;
            }
        }
        assert!(dotted.is_ended());
        (dotted.finish().expect("within the limit"), taken)
    }

    #[test]
    fn dots_are_undone_and_the_end_found_however_the_bytes_arrive() {
        let wire = b"..a\r\n.b\r\n\n.\n...\r\nc\r.\r\n.\r\nQUIT\r\n";
        for chunk in 1..=wire.len() {
            let (content, taken) = read(wire, chunk);
            assert_eq!(content, b".a\r\nb\r\n\n.\n...\r\nc\r.\r\n", "in chunks of {chunk}");
            assert_eq!(&wire[taken..], b"QUIT\r\n");
        }
    }

    #[test]
    fn content_over_the_limit_is_read_to_its_end_and_not_kept() {
        let mut dotted = Dotted::new(4);
        dotted.take(b"12345\r\nmore\r\n.\r\n");
        assert!(dotted.is_ended());
        assert_eq!(dotted.finish(), None);
    }
}
