//! Reads a message line by line with bounded memory, knowing at each moment where it stands in the raw bytes.

use memchr::{memchr, memmem, memrchr};
use std::io::{self, BufRead};

/// Where a line stands in the raw message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    /// Its first byte.
    pub start: u64,
    /// The length of the line end before it: 0, 1 or 2 bytes.
    pub end_before: u64,
    /// Its length without its line end; may be more than was kept of it.
    pub len: u64,
}

/// The lines of a message. Line ends are CRLF or LF; CR where a message has nothing else.
pub(super) struct Lines<R> {
    reader: R,
    finder: memmem::Finder<'static>,
    offset: u64,
    end_before: u64,
    last_byte: u8,
    cr_only: bool,
    kept: Vec<u8>,
    given_back: Option<Line>,
}

/// How much of the start of a message decides about its line ends.
const LINE_END_SAMPLE: usize = 4096;

impl<R: BufRead> Lines<R> {
    /// Lines of the whole reader.
    pub(super) fn new(mut reader: R) -> io::Result<Self> {
        let start = reader.fill_buf()?;
        let sample = start.get(..LINE_END_SAMPLE).unwrap_or(start);
        let cr_only = memchr(b'\r', sample).is_some() && memchr(b'\n', sample).is_none();
        Ok(Self {
            reader,
            finder: memmem::Finder::new(b"\n--"),
            offset: 0,
            end_before: 0,
            last_byte: 0,
            cr_only,
            kept: Vec::with_capacity(128),
            given_back: None,
        })
    }

    /// Whether lines end with a lone CR.
    pub(super) const fn is_cr_only(&self) -> bool {
        self.cr_only
    }

    /// Where the next line starts.
    pub(super) fn position(&self) -> u64 {
        self.given_back.map_or(self.offset, |line| line.start)
    }

    /// The start of the line that was read last, at most as much as was asked for.
    pub(super) fn text(&self) -> &[u8] {
        &self.kept
    }

    /// The line that was read last is read again by the next call.
    pub(super) fn give_back(&mut self, line: Line) {
        self.given_back = Some(line);
    }

    /// Reads one line, keeping at most `keep` bytes of it for [`Lines::text`].
    pub(super) fn next(&mut self, keep: usize) -> io::Result<Option<Line>> {
        if let Some(line) = self.given_back.take() {
            return Ok(Some(line));
        }
        self.kept.clear();
        let start = self.offset;
        let end_before = self.end_before;
        let end_byte = if self.cr_only { b'\r' } else { b'\n' };
        loop {
            let buffer = self.reader.fill_buf()?;
            if buffer.is_empty() {
                self.end_before = 0;
                let len = self.offset - start;
                return Ok((len > 0).then_some(Line { start, end_before, len }));
            }
            let found = memchr(end_byte, buffer);
            let piece = buffer.get(..found.unwrap_or(buffer.len())).unwrap_or_default();
            let room = keep.saturating_sub(self.kept.len()).min(piece.len());
            self.kept.extend_from_slice(piece.get(..room).unwrap_or_default());
            let before_end = piece.last().copied().unwrap_or(self.last_byte);
            let used = piece.len() + usize::from(found.is_some());
            let has_text = self.offset + piece.len() as u64 > start;
            self.last_byte = if found.is_some() { end_byte } else { before_end };
            self.reader.consume(used);
            self.offset += used as u64;
            if found.is_none() {
                continue;
            }
            let mut len = self.offset - start - 1;
            self.end_before = 1;
            if !self.cr_only && has_text && before_end == b'\r' {
                len -= 1;
                self.end_before = 2;
                self.kept.truncate(usize::try_from(len).unwrap_or(usize::MAX));
            }
            return Ok(Some(Line { start, end_before, len }));
        }
    }

    /// Reads on to the next line that starts with `--`; the text of the others is not looked at.
    pub(super) fn next_dashes(&mut self, keep: usize) -> io::Result<Option<Line>> {
        loop {
            if !self.cr_only && self.given_back.is_none() {
                self.skip_whole_lines()?;
            }
            let Some(line) = self.next(keep)? else { return Ok(None) };
            if self.kept.starts_with(b"--") {
                return Ok(Some(line));
            }
        }
    }

    /// From the start of a line, skips lines that are whole in the buffer and do not start with `--`.
    fn skip_whole_lines(&mut self) -> io::Result<()> {
        let buffer = self.reader.fill_buf()?;
        if buffer.starts_with(b"--") {
            return Ok(());
        }
        let Some(line_end) = self.finder.find(buffer).or_else(|| memrchr(b'\n', buffer)) else {
            return Ok(());
        };
        let before = line_end.checked_sub(1).and_then(|at| buffer.get(at)).copied();
        // At the very start of a buffer the line is empty: it started here.
        self.end_before = if before == Some(b'\r') { 2 } else { 1 };
        self.last_byte = b'\n';
        self.reader.consume(line_end + 1);
        self.offset += line_end as u64 + 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    fn all(text: &[u8], buffer: usize) -> Vec<(u64, u64, u64, Vec<u8>)> {
        let mut lines = Lines::new(BufReader::with_capacity(buffer, text)).unwrap();
        let mut found = Vec::new();
        while let Some(line) = lines.next(10).unwrap() {
            found.push((line.start, line.end_before, line.len, lines.text().to_vec()));
        }
        found
    }

    #[test]
    fn a_line_is_the_same_wherever_the_buffer_ends() {
        let text = b"a\r\nbc\n\r\n\r\r\nlonger than ten\r\nend\r";
        let whole = all(text, 4096);
        assert_eq!(whole.len(), 6);
        assert_eq!(whole[0], (0, 0, 1, b"a".to_vec()));
        assert_eq!(whole[1], (3, 2, 2, b"bc".to_vec()));
        assert_eq!(whole[2], (6, 1, 0, b"".to_vec()));
        assert_eq!(whole[3], (8, 2, 1, b"\r".to_vec()));
        assert_eq!(whole[4], (11, 2, 15, b"longer tha".to_vec()));
        for buffer in 1..20 {
            // The very first buffer decides about line ends; it holds an LF from five bytes on.
            if buffer >= 5 {
                assert_eq!(all(text, buffer), whole, "{buffer}");
            }
        }
    }

    #[test]
    fn a_message_with_nothing_but_cr_has_lines_too() {
        assert_eq!(all(b"a\rb\r\rc", 64).len(), 4);
    }

    #[test]
    fn lines_with_dashes_are_found_wherever_the_buffer_ends() {
        let text = b"--first\r\nx\r\n\r\n--second\n--third\nno --\r\n-\r\n--\r\nlast--";
        let starts = |buffer: usize| {
            let mut lines = Lines::new(BufReader::with_capacity(buffer, &text[..])).unwrap();
            let mut found = Vec::new();
            while let Some(line) = lines.next_dashes(100).unwrap() {
                found.push((line.start, line.end_before, lines.text().to_vec()));
            }
            found
        };
        let whole = starts(4096);
        assert_eq!(whole.len(), 4);
        assert_eq!(whole[1], (14, 2, b"--second".to_vec()));
        assert_eq!(whole[2], (23, 1, b"--third".to_vec()));
        for buffer in 10..40 {
            assert_eq!(starts(buffer), whole, "{buffer}");
        }
    }
}
