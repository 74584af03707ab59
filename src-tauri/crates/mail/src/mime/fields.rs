//! Header values as the domain's words: who, which ids, when, about what.

use super::header::{HeaderBlock, Name, Value};
use chrono::DateTime;
use mail_parser::{Addr, Address, HeaderValue, parsers::MessageStream};
use tandem_domain::{
    Instant,
    address::{EmailAddress, Mention, MessageId},
    message::{MAX_MENTIONS, MAX_REFERENCES, MAX_SUBJECT_CHARS},
};

/// At most this much of an address is kept as written, in bytes.
const MAX_WRITTEN_BYTES: usize = 1_000;
/// At most this much of a display name is kept, in characters.
const MAX_NAME_CHARS: usize = 320;
/// A test mark is an id; nothing longer is one.
const MAX_MARK_CHARS: usize = 200;
/// At most this much of Thread-Index is kept: 22 bytes and 5 for each answer, in base64.
const MAX_INDEX_CHARS: usize = 4_000;

/// Reads who is mentioned, as long as there is room in the message's budget.
pub(super) struct Mentions<'x> {
    header: &'x HeaderBlock,
    room: usize,
    named: usize,
}

impl<'x> Mentions<'x> {
    pub(super) const fn new(header: &'x HeaderBlock) -> Self {
        Self { header, room: MAX_MENTIONS, named: 0 }
    }

    /// The mentions in all fields of that name.
    pub(super) fn of(&mut self, name: Name) -> Vec<Mention> {
        let mut found = Vec::new();
        for value in self.header.all(name) {
            self.named += value.cut_addresses;
            let HeaderValue::Address(address) = MessageStream::new(value.bytes).parse_address() else {
                continue;
            };
            let all: Box<dyn Iterator<Item = Addr<'_>>> = match address {
                Address::List(list) => Box::new(list.into_iter()),
                Address::Group(groups) => Box::new(groups.into_iter().flat_map(|group| group.addresses)),
            };
            for mention in all.filter_map(mention) {
                self.named += 1;
                if self.room > 0 {
                    self.room -= 1;
                    found.push(mention);
                }
            }
        }
        found
    }

    /// What was left out, in words.
    pub(super) fn defect(&self) -> Option<String> {
        let named = self.named;
        (named > MAX_MENTIONS)
            .then(|| format!("the message names {named} addresses, of which {MAX_MENTIONS} were kept"))
    }
}

fn mention(addr: Addr<'_>) -> Option<Mention> {
    let mut written = addr.address.map(|text| clean(&text, MAX_WRITTEN_BYTES)).unwrap_or_default();
    let mut name = addr.name.map(|text| clean(&text, MAX_NAME_CHARS)).unwrap_or_default();
    if written.is_empty() {
        if name.is_empty() {
            return None;
        }
        // Something that is no address, such as "undisclosed recipients" without a group's colon.
        written = std::mem::take(&mut name);
    }
    while written.len() > MAX_WRITTEN_BYTES {
        written.pop();
    }
    let address = EmailAddress::parse(written.trim_matches('\'')).ok();
    Some(Mention { written, address, name })
}

/// One line without control characters, at most `max` characters.
pub(super) fn clean(text: &str, max: usize) -> String {
    let mut one_line = String::with_capacity(text.len().min(max));
    let mut count = 0;
    for c in text.chars() {
        if count == max {
            break;
        }
        // Formatting characters that turn text around can make a name look like another one.
        let is_direction = matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
        if is_direction {
            continue;
        }
        let breaks = c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
        let c = if breaks { ' ' } else { c };
        if c == ' ' && (one_line.is_empty() || (breaks && one_line.ends_with(' '))) {
            continue;
        }
        one_line.push(c);
        count += 1;
    }
    one_line.truncate(one_line.trim_end().len());
    one_line
}

/// An unstructured value (RFC 5322 section 2.2.1), encoded words decoded.
pub(super) fn text(value: Value<'_>, max: usize) -> String {
    match MessageStream::new(value.bytes).parse_unstructured() {
        HeaderValue::Text(text) => clean(&text, max),
        _ => String::new(),
    }
}

/// The subject.
pub(super) fn subject(header: &HeaderBlock) -> String {
    header.first(Name::Subject).map(|value| text(value, MAX_SUBJECT_CHARS)).unwrap_or_default()
}

/// The message ids in a value: what stands in angle brackets; without any, words with an @ in them. Phrases of
/// other software ("message of Friday") are left out.
pub(super) fn message_ids(value: Value<'_>) -> Vec<MessageId> {
    let all = String::from_utf8_lossy(value.bytes);
    let mut found = Vec::new();
    let mut rest: &str = &all;
    while let Some((_, after)) = rest.split_once('<') {
        let Some((inside, after)) = after.split_once('>') else {
            push_id(&mut found, after);
            return found;
        };
        // An id that was never closed before the next one began.
        push_id(&mut found, inside.rsplit_once('<').map_or(inside, |(_, last)| last));
        rest = after;
    }
    if found.is_empty() {
        for word in all.split(|c: char| c.is_whitespace() || c == ',').filter(|word| word.contains('@')) {
            push_id(&mut found, word);
        }
    }
    found
}

fn push_id(found: &mut Vec<MessageId>, text: &str) {
    // Long ids are folded in the middle by some senders.
    let joined: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    if let Some(id) = MessageId::parse(&joined)
        && !found.contains(&id)
    {
        found.push(id);
    }
    // A hostile list must not make this quadratic; what matters stands first and last.
    if found.len() > 2 * MAX_REFERENCES {
        found.drain(1..=MAX_REFERENCES);
    }
}

/// The Message-ID. One without brackets or with no @ is taken as it stands: other programs quote it that way.
pub(super) fn message_id(header: &HeaderBlock) -> Option<MessageId> {
    let value = header.first(Name::MessageId)?;
    message_ids(value).into_iter().next().or_else(|| MessageId::parse(&text(value, 998)))
}

/// The ids of all fields of that name, at most [`MAX_REFERENCES`]: the first and the latest.
pub(super) fn all_ids(header: &HeaderBlock, name: Name) -> Vec<MessageId> {
    let mut ids: Vec<MessageId> = header.all(name).flat_map(message_ids).collect();
    let over = ids.len().saturating_sub(MAX_REFERENCES);
    if over > 0 {
        ids.drain(1..=over);
    }
    ids
}

/// A Date value.
pub(super) fn date(value: Value<'_>) -> Option<Instant> {
    match MessageStream::new(value.bytes).parse_date() {
        HeaderValue::DateTime(date) if date.is_valid() && date.year > 0 => {
            DateTime::from_timestamp(date.to_timestamp(), 0)
        }
        _ => None,
    }
}

/// The date of the topmost Received field: what follows its last semicolon.
pub(super) fn received_at(header: &HeaderBlock) -> Option<Instant> {
    let value = header.first(Name::Received)?;
    let semicolon = memchr::memrchr(b';', value.bytes)?;
    let bytes = value.bytes.get(semicolon + 1..)?;
    date(Value { bytes, cut_addresses: 0 })
}

/// Auto-Submitted, when it is not "no" (RFC 3834 section 5).
pub(super) fn auto_submitted(header: &HeaderBlock) -> Option<String> {
    let word = text(header.first(Name::AutoSubmitted)?, 200).to_ascii_lowercase();
    let keyword = word.split([';', ' ', '(']).next().unwrap_or_default();
    (!keyword.is_empty() && keyword != "no").then(|| keyword.to_owned())
}

/// Thread-Index, base64 without blanks.
pub(super) fn conversation_index(header: &HeaderBlock) -> Option<String> {
    let index = text(header.first(Name::ThreadIndex)?, MAX_INDEX_CHARS).replace(' ', "");
    (!index.is_empty()).then_some(index)
}

/// Tandem's own mark.
pub(super) fn test_mark(header: &HeaderBlock) -> Option<String> {
    let mark = text(header.first(Name::TestMark)?, MAX_MARK_CHARS);
    (!mark.is_empty()).then_some(mark)
}

/// A file name without any path and without what file systems cannot hold; at most 255 characters.
pub(super) fn file_name(given: &str) -> String {
    let decoded = if given.contains("=?") { decode_words(given) } else { given.to_owned() };
    let last = decoded.rsplit(['/', '\\']).find(|piece| !piece.trim().is_empty()).unwrap_or_default();
    let name = clean(last, 255);
    if matches!(name.as_str(), "." | "..") { String::new() } else { name }
}

/// Encoded words inside of a parameter, which RFC 2047 section 5 forbids and many senders write.
fn decode_words(text: &str) -> String {
    let line = format!("{text}\r\n");
    match MessageStream::new(line.as_bytes()).parse_unstructured() {
        HeaderValue::Text(text) => text.into_owned(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Vec<String> {
        message_ids(Value { bytes: text.as_bytes(), cut_addresses: 0 })
            .into_iter()
            .map(|id| id.as_str().to_owned())
            .collect()
    }

    #[test]
    fn ids_are_found_among_garbage() {
        assert_eq!(ids(" <a@b>\r\n <c@d>"), ["a@b", "c@d"]);
        assert_eq!(ids("Your message of Friday <a@b> (really)"), ["a@b"]);
        assert_eq!(ids("a@b, c@d"), ["a@b", "c@d"]);
        assert_eq!(ids("<a@b <c@d>"), ["c@d"]);
        assert_eq!(ids("<long-\r\n id@b>"), ["long-id@b"]);
        assert_eq!(ids("<> nothing"), Vec::<String>::new());
    }

    #[test]
    fn of_a_long_list_the_first_and_the_latest_stay() {
        let many: String = (0..5_000).map(|n| format!("<{n}@x> ")).collect();
        let found = ids(&many);
        assert!(found.len() <= 2 * MAX_REFERENCES);
        assert_eq!((found[0].as_str(), found[found.len() - 1].as_str()), ("0@x", "4999@x"));
    }

    #[test]
    fn a_file_name_has_no_path() {
        assert_eq!(file_name("..\\..\\windows\\a.txt"), "a.txt");
        assert_eq!(file_name("/etc/passwd"), "passwd");
        assert_eq!(file_name(".."), "");
        assert_eq!(file_name("a\0\r\nb.txt"), "a b.txt");
        assert_eq!(file_name("=?utf-8?q?caf=C3=A9.txt?="), "café.txt");
        assert_eq!(file_name("evil\u{202E}txt.exe"), "eviltxt.exe");
    }
}
