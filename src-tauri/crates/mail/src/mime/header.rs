//! Reads one header block: keeps the fields that matter, bounded, in a spelling that field parsers can rely on.
//!
//! Kept values have CRLF line ends, no NUL and no lone CR, and are UTF-8: a value with other 8-bit bytes is taken
//! for windows-1252, which is what such bytes nearly always are.

use super::lines::Lines;
use std::io::{self, BufRead};

/// At most this much of one field is kept, in bytes.
const MAX_FIELD_BYTES: usize = 256 * 1024;
/// At most this much of one header block is kept, in bytes.
const MAX_BLOCK_BYTES: usize = 1024 * 1024;
/// More fields than this in one block are worth a word.
const MANY_FIELDS: usize = 2_000;
/// A field name is no longer than this.
const MAX_NAME_BYTES: usize = 78;
/// How many lines in front of the first field are looked over for one.
const MAX_GARBAGE_LINES: usize = 50;

/// The fields that are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    MessageId,
    InReplyTo,
    References,
    Subject,
    From,
    Sender,
    ReplyTo,
    To,
    Cc,
    Bcc,
    Date,
    Received,
    AutoSubmitted,
    ThreadIndex,
    TestMark,
    ContentType,
    ContentTransferEncoding,
    ContentDisposition,
    ContentId,
}

impl Name {
    fn of(name: &[u8]) -> Option<Self> {
        const NAMES: [(&str, Name); 19] = [
            ("message-id", Name::MessageId),
            ("in-reply-to", Name::InReplyTo),
            ("references", Name::References),
            ("subject", Name::Subject),
            ("from", Name::From),
            ("sender", Name::Sender),
            ("reply-to", Name::ReplyTo),
            ("to", Name::To),
            ("cc", Name::Cc),
            ("bcc", Name::Bcc),
            ("date", Name::Date),
            ("received", Name::Received),
            ("auto-submitted", Name::AutoSubmitted),
            ("thread-index", Name::ThreadIndex),
            ("x-tandem-test", Name::TestMark),
            ("content-type", Name::ContentType),
            ("content-transfer-encoding", Name::ContentTransferEncoding),
            ("content-disposition", Name::ContentDisposition),
            ("content-id", Name::ContentId),
        ];
        NAMES
            .iter()
            .find(|(known, _)| known.len() == name.len() && name.eq_ignore_ascii_case(known.as_bytes()))
            .map(|(_, name)| *name)
    }

    /// How many fields of this name are kept: people are named in several To fields by broken senders.
    const fn kept(self) -> usize {
        match self {
            Self::To | Self::Cc | Self::Bcc => 100,
            Self::Received => 1,
            _ => 2,
        }
    }
}

/// One kept field.
#[derive(Debug)]
struct Field {
    name: Name,
    start: usize,
    end: usize,
    /// Addresses (commas, strictly) in what was cut off.
    cut_addresses: usize,
    cut: bool,
}

/// One kept value: what follows the colon, with CRLF at its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value<'x> {
    /// The bytes, UTF-8.
    pub bytes: &'x [u8],
    /// How many addresses stood in what was cut off.
    pub cut_addresses: usize,
}

/// A header block.
#[derive(Debug, Default)]
pub(super) struct HeaderBlock {
    text: Vec<u8>,
    fields: Vec<Field>,
    count: usize,
    /// What was wrong, in words.
    pub defects: Vec<String>,
}

/// How a header block ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct BlockEnd {
    /// Where the body starts in the raw bytes.
    pub body_start: u64,
    /// Whether anything like a header field was there.
    pub has_fields: bool,
}

impl HeaderBlock {
    /// The values of a field, in their order.
    pub(super) fn all(&self, name: Name) -> impl Iterator<Item = Value<'_>> {
        self.fields.iter().filter(move |field| field.name == name).map(|field| Value {
            bytes: self.text.get(field.start..field.end).unwrap_or_default(),
            cut_addresses: field.cut_addresses,
        })
    }

    /// The first value of a field.
    pub(super) fn first(&self, name: Name) -> Option<Value<'_>> {
        self.all(name).next()
    }

    /// Reads a block up to its blank line, to a line for which `stops` holds (which is given back), or to the end.
    pub(super) fn read<R: BufRead>(
        lines: &mut Lines<R>,
        mut stops: impl FnMut(&[u8]) -> bool,
    ) -> io::Result<(Self, BlockEnd)> {
        let mut reading = Reading::default();
        let mut body_start = None;
        while let Some(line) = lines.next(MAX_FIELD_BYTES)? {
            let text = lines.text();
            if text.starts_with(b"--") && stops(text) {
                lines.give_back(line);
                break;
            }
            let text = trim_line_end(text);
            if text.is_empty() && line.len <= 8 {
                if reading.block.count == 0 && line.start == 0 {
                    continue;
                }
                body_start = Some(lines.position());
                break;
            }
            let whole = line.len <= MAX_FIELD_BYTES as u64;
            if reading.take(text, line.start, whole) == Go::Stop {
                body_start = Some(line.start);
                lines.give_back(line);
                break;
            }
        }
        Ok(reading.finish(body_start, lines.position()))
    }
}

#[derive(PartialEq, Eq)]
enum Go {
    On,
    Stop,
}

/// A block while it is read.
#[derive(Default)]
struct Reading {
    block: HeaderBlock,
    /// The last kept field can be continued.
    is_open: bool,
    in_quotes: bool,
    garbage: usize,
    /// A line that is no field stood here: the body may have started without a blank line.
    doubt: Option<Doubt>,
}

struct Doubt {
    offset: u64,
    text_len: usize,
    fields: usize,
    count: usize,
    known_after: bool,
}

impl Reading {
    fn take(&mut self, text: &[u8], offset: u64, whole: bool) -> Go {
        if matches!(text.first(), Some(b' ' | b'\t')) {
            if self.block.count == 0 {
                return self.garbage();
            }
            if self.is_open {
                self.append(text, whole);
            }
            return Go::On;
        }
        let Some((name, value)) = split_field(text) else {
            self.close();
            if self.block.count == 0 || text.starts_with(b"From ") || text.starts_with(b">From ") {
                return self.garbage();
            }
            if self.doubt.is_none() {
                self.doubt = Some(Doubt {
                    offset,
                    text_len: self.block.text.len(),
                    fields: self.block.fields.len(),
                    count: self.block.count,
                    known_after: false,
                });
            }
            return Go::On;
        };
        self.close();
        self.block.count += 1;
        let known = Name::of(name);
        if let (Some(doubt), true) = (&mut self.doubt, known.is_some()) {
            doubt.known_after = true;
        }
        if let Some(name) = known
            && self.block.fields.iter().filter(|field| field.name == name).count() < name.kept()
        {
            let start = self.block.text.len();
            self.block.fields.push(Field { name, start, end: start, cut_addresses: 0, cut: false });
            (self.is_open, self.in_quotes) = (true, false);
            self.append(value, whole);
        }
        Go::On
    }

    fn garbage(&mut self) -> Go {
        self.garbage += 1;
        if self.block.count == 0 && self.garbage > MAX_GARBAGE_LINES { Go::Stop } else { Go::On }
    }

    /// Adds a line to the field that is open, as far as there is room for it.
    fn append(&mut self, text: &[u8], whole: bool) {
        let all_text = &mut self.block.text;
        let Some(field) = self.block.fields.last_mut() else { return };
        let room = MAX_FIELD_BYTES
            .saturating_sub(all_text.len() - field.start)
            .min(MAX_BLOCK_BYTES.saturating_sub(all_text.len()));
        let was_cut = field.cut;
        let mut kept = text.len().min(if was_cut { 0 } else { room });
        if kept < text.len() || !whole {
            field.cut = true;
            // Not in the middle of an address, and not in the middle of a character.
            let is_list = matches!(
                field.name,
                Name::To | Name::Cc | Name::Bcc | Name::ReplyTo | Name::From | Name::References
            );
            if is_list {
                let separator = if field.name == Name::References { b' ' } else { b',' };
                kept = memchr::memrchr(separator, text.get(..kept).unwrap_or_default()).unwrap_or(0);
                // The comma that is kept before the cut belongs to an address after it.
                if kept == 0 && !was_cut && all_text.trim_ascii_end().ends_with(b",") {
                    field.cut_addresses = 1;
                }
            }
        }
        let (kept, cut) = text.split_at(kept);
        all_text.extend(kept.iter().map(|byte| if matches!(byte, 0 | b'\r' | b'\n') { b' ' } else { *byte }));
        if field.cut && !cut.is_empty() {
            for byte in cut {
                match byte {
                    b'"' => self.in_quotes = !self.in_quotes,
                    b',' if !self.in_quotes => field.cut_addresses += 1,
                    _ => {}
                }
            }
        }
        if !kept.is_empty() {
            all_text.extend_from_slice(b"\r\n");
        }
    }

    /// The open field has ended: puts it into UTF-8.
    fn close(&mut self) {
        if !std::mem::take(&mut self.is_open) {
            return;
        }
        let text = &mut self.block.text;
        let Some(field) = self.block.fields.last_mut() else { return };
        if text.len() == field.start || !text.ends_with(b"\r\n") {
            text.extend_from_slice(b"\r\n");
        }
        let value = text.get(field.start..).unwrap_or_default();
        if !value.is_ascii()
            && let Err(error) = std::str::from_utf8(value)
        {
            // A cut in the middle of a character is no sign of another charset.
            let is_cut = field.cut && error.error_len().is_none();
            let decoded = if is_cut {
                String::from_utf8_lossy(value)
            } else {
                encoding_rs::WINDOWS_1252.decode_without_bom_handling(value).0
            };
            let decoded = decoded.into_owned();
            text.truncate(field.start);
            text.extend_from_slice(decoded.as_bytes());
        }
        field.end = text.len();
    }

    fn finish(mut self, body_start: Option<u64>, end: u64) -> (HeaderBlock, BlockEnd) {
        self.close();
        let mut at = body_start.unwrap_or(end);
        let has_fields = self.block.count > 0;
        if let Some(doubt) = self.doubt.take() {
            if doubt.known_after {
                self.block.defects.push("a line of the header that is no header field was left out".into());
            } else {
                at = doubt.offset;
                self.block.text.truncate(doubt.text_len);
                self.block.fields.truncate(doubt.fields);
                self.block.count = doubt.count;
                self.block.defects.push("the blank line between header and text is missing".into());
            }
        }
        if self.garbage > 0 && has_fields {
            self.block.defects.push("lines in front of the header were left out".into());
        }
        if self.block.count > MANY_FIELDS {
            self.block.defects.push(format!("the header has {} fields", self.block.count));
        }
        if self.block.fields.iter().any(|field| field.cut) {
            self.block.defects.push("a very long header field was cut".into());
        }
        (self.block, BlockEnd { body_start: at, has_fields })
    }
}

/// Without the CRs that some senders put in front of the line end.
fn trim_line_end(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| *byte != b'\r').map_or(0, |at| at + 1);
    text.get(..end).unwrap_or_default()
}

/// Splits "Name: value"; `None` when it is no field.
fn split_field(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr::memchr(b':', text.get(..MAX_NAME_BYTES + 8).unwrap_or(text))?;
    let (name, value) = text.split_at(colon);
    let name = name.trim_ascii_end();
    let is_name =
        !name.is_empty() && name.len() <= MAX_NAME_BYTES && name.iter().all(|byte| (33..=126).contains(byte));
    is_name.then(|| (name, value.get(1..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> (HeaderBlock, BlockEnd) {
        let mut lines = Lines::new(text).unwrap();
        HeaderBlock::read(&mut lines, |_| false).unwrap()
    }

    fn value(block: &HeaderBlock, name: Name) -> String {
        String::from_utf8(block.first(name).unwrap().bytes.to_vec()).unwrap()
    }

    #[test]
    fn folded_fields_keep_their_lines() {
        let (block, end) = read(b"To: a@b,\n\tc@d\nX-Other: y\nSubject:x\n\nbody");
        assert_eq!(value(&block, Name::To), " a@b,\r\n\tc@d\r\n");
        assert_eq!(value(&block, Name::Subject), "x\r\n");
        assert_eq!(end.body_start, 36);
    }

    #[test]
    fn old_charsets_become_utf_8() {
        let (block, _) = read(b"Subject: caf\xe9 \x80\r\nFrom: caf\xc3\xa9 <a@b>\r\n\r\n");
        assert_eq!(value(&block, Name::Subject), " café €\r\n");
        assert_eq!(value(&block, Name::From), " café <a@b>\r\n");
    }

    #[test]
    fn a_missing_blank_line_starts_the_text_where_it_starts() {
        let (block, end) = read(b"Subject: x\r\nHello Amy\r\nNote: this is text\r\n\r\nMore\r\n");
        assert_eq!(end.body_start, 12);
        assert!(block.defects[0].contains("blank line"));
    }

    #[test]
    fn garbage_between_fields_is_left_out() {
        let (block, end) = read(b"From me\r\nSubject: x\r\n?garbage\r\nTo: a@b\r\n\r\nMore\r\n");
        assert_eq!(value(&block, Name::To), " a@b\r\n");
        assert_eq!(end.body_start, 42);
        assert_eq!(block.defects.len(), 2);
    }

    #[test]
    fn what_has_no_field_has_no_fields() {
        for text in ["", "\r\n\r\n", "hello\r\nworld\r\n", " : x\r\n"] {
            assert!(!read(text.as_bytes()).1.has_fields, "{text:?}");
        }
    }

    #[test]
    fn a_cut_field_ends_with_a_whole_address_and_counts_the_rest() {
        let mut text = b"To: ".to_vec();
        for n in 0..100_000 {
            text.extend_from_slice(format!("user{n:06}@contoso.test,\r\n ").as_bytes());
        }
        text.extend_from_slice(b"last@contoso.test\r\nSubject: x\r\n\r\n");
        let (block, _) = read(&text);
        let to = block.first(Name::To).unwrap();
        assert!(to.bytes.len() <= MAX_FIELD_BYTES + 2);
        let kept = to.bytes.iter().filter(|byte| **byte == b'@').count();
        assert_eq!(kept + to.cut_addresses, 100_001);
        assert_eq!(value(&block, Name::Subject), " x\r\n");
    }
}
