//! FETCH: which data of a message the client wants, and how it is sent (RFC 3501 section 6.4.5, RFC 7162 section 3.1.4).

use std::io::Write as _;

use memchr::memmem;

use super::syntax::{Arg, quote};
use crate::hub::StoredMessage;

/// One thing that a FETCH asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    Uid,
    Flags,
    InternalDate,
    Size,
    ModSeq,
    Body(Body),
}

/// Bytes of the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Body {
    /// As the answer names it: `BODY[HEADER]`.
    label: String,
    section: Section,
    partial: Option<(usize, usize)>,
    sets_seen: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Section {
    Whole,
    Header,
    Text,
    /// Named fields, or all but these.
    Fields {
        names: Vec<String>,
        is_inverted: bool,
    },
}

impl Item {
    /// The items of a FETCH; nothing if one is unknown.
    pub(super) fn parse_all(arg: &Arg) -> Option<Vec<Self>> {
        let mut items = Vec::new();
        for item in arg.items() {
            let Arg::Word(word) = item else { return None };
            match word.to_ascii_uppercase().as_str() {
                "UID" => items.push(Self::Uid),
                "FLAGS" => items.push(Self::Flags),
                "INTERNALDATE" => items.push(Self::InternalDate),
                "RFC822.SIZE" => items.push(Self::Size),
                "MODSEQ" => items.push(Self::ModSeq),
                "FAST" => items.extend([Self::Flags, Self::InternalDate, Self::Size]),
                "RFC822" => items.push(Self::Body(Body::simple("RFC822", Section::Whole, true))),
                "RFC822.HEADER" => {
                    items.push(Self::Body(Body::simple("RFC822.HEADER", Section::Header, false)));
                }
                "RFC822.TEXT" => items.push(Self::Body(Body::simple("RFC822.TEXT", Section::Text, true))),
                _ => items.push(Self::Body(Body::parse(word)?)),
            }
        }
        Some(items)
    }

    pub(super) fn sets_seen(&self) -> bool {
        matches!(self, Self::Body(body) if body.sets_seen)
    }

    /// Appends this item of the message to a FETCH response.
    pub(super) fn write(&self, message: &StoredMessage, out: &mut Vec<u8>) {
        // Writing to a Vec cannot fail.
        let _ = match self {
            Self::Uid => write!(out, "UID {}", message.uid),
            Self::Flags => write!(out, "FLAGS ({})", message.flags.join(" ")),
            Self::InternalDate => {
                write!(out, "INTERNALDATE \"{}\"", message.received_at.format("%e-%b-%Y %H:%M:%S +0000"))
            }
            Self::Size => write!(out, "RFC822.SIZE {}", message.raw.len()),
            Self::ModSeq => write!(out, "MODSEQ ({})", message.mod_seq),
            Self::Body(body) => {
                body.write(&message.raw, out);
                Ok(())
            }
        };
    }
}

impl Body {
    fn simple(label: &str, section: Section, sets_seen: bool) -> Self {
        Self { label: label.to_owned(), section, partial: None, sets_seen }
    }

    fn parse(word: &str) -> Option<Self> {
        let (name, rest) = word.split_once('[')?;
        let sets_seen = match name.to_ascii_uppercase().as_str() {
            "BODY" => true,
            "BODY.PEEK" => false,
            _ => return None,
        };
        let (section, tail) = rest.rsplit_once(']')?;
        let (label, section) = Section::parse(section)?;
        let partial = match tail {
            "" => None,
            _ => {
                let (from, length) = tail.strip_prefix('<')?.strip_suffix('>')?.split_once('.')?;
                Some((from.parse().ok()?, length.parse().ok()?))
            }
        };
        let origin = partial.map(|(from, _)| format!("<{from}>")).unwrap_or_default();
        Some(Self { label: format!("BODY[{label}]{origin}"), section, partial, sets_seen })
    }

    fn write(&self, raw: &[u8], out: &mut Vec<u8>) {
        let fields;
        let (header, text) = raw.split_at(header_length(raw));
        let bytes = match &self.section {
            Section::Whole => raw,
            Section::Header => header,
            Section::Text => text,
            Section::Fields { names, is_inverted } => {
                fields = chosen_fields(header, names, *is_inverted);
                &fields
            }
        };
        let bytes = match self.partial {
            None => bytes,
            Some((from, length)) => {
                let from = from.min(bytes.len());
                bytes.get(from..from.saturating_add(length).min(bytes.len())).unwrap_or_default()
            }
        };
        let _ = write!(out, "{} {{{}}}\r\n", self.label, bytes.len());
        out.extend_from_slice(bytes);
    }
}

impl Section {
    /// The section and how the answer names it.
    fn parse(text: &str) -> Option<(String, Self)> {
        let upper = text.to_ascii_uppercase();
        let simple = match upper.as_str() {
            "" => Some(Self::Whole),
            "HEADER" => Some(Self::Header),
            "TEXT" => Some(Self::Text),
            _ => None,
        };
        if let Some(section) = simple {
            return Some((upper, section));
        }
        let (keyword, list) = text.split_once(' ')?;
        let keyword = keyword.to_ascii_uppercase();
        let is_inverted = match keyword.as_str() {
            "HEADER.FIELDS" => false,
            "HEADER.FIELDS.NOT" => true,
            _ => return None,
        };
        let list = list.trim().strip_prefix('(')?.strip_suffix(')')?;
        let names: Vec<String> =
            list.split_ascii_whitespace().map(|name| name.trim_matches('"').to_owned()).collect();
        let quoted: Vec<String> = names.iter().map(|name| plain_or_quoted(name)).collect();
        Some((format!("{keyword} ({})", quoted.join(" ")), Self::Fields { names, is_inverted }))
    }
}

fn plain_or_quoted(name: &str) -> String {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if is_plain { name.to_ascii_uppercase() } else { quote(name) }
}

/// How long the header is, with the blank line that ends it.
pub(super) fn header_length(raw: &[u8]) -> usize {
    if raw.starts_with(b"\r\n") {
        return 2;
    }
    let with_cr = memmem::find(raw, b"\r\n\r\n").map(|at| at + 4);
    // Mail that was stored with bare line feeds.
    with_cr.or_else(|| memmem::find(raw, b"\n\n").map(|at| at + 2)).unwrap_or(raw.len())
}

/// The header's fields, each with its continuation lines.
pub(super) fn fields(header: &[u8]) -> Vec<&[u8]> {
    let mut fields = Vec::new();
    let mut start = 0;
    for at in memchr::memchr_iter(b'\n', header) {
        let continues = matches!(header.get(at + 1), Some(b' ' | b'\t'));
        if !continues {
            fields.push(header.get(start..=at).unwrap_or_default());
            start = at + 1;
        }
    }
    if start < header.len() {
        fields.push(header.get(start..).unwrap_or_default());
    }
    fields
}

/// Whether the field has this name.
pub(super) fn is_named(field: &[u8], name: &str) -> bool {
    let end = memchr::memchr(b':', field).unwrap_or(0);
    field.get(..end).unwrap_or_default().trim_ascii().eq_ignore_ascii_case(name.as_bytes())
}

fn chosen_fields(header: &[u8], names: &[String], is_inverted: bool) -> Vec<u8> {
    let is_blank = |field: &&[u8]| field.trim_ascii().is_empty();
    let is_chosen = |field: &&[u8]| names.iter().any(|name| is_named(field, name)) != is_inverted;
    let mut chosen = fields(header);
    chosen.retain(|field| !is_blank(field) && is_chosen(field));
    let mut bytes = chosen.concat();
    bytes.extend_from_slice(b"\r\n");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{TimeZone as _, Utc};

    fn written(item: &str) -> String {
        let raw = b"Subject: Hello\r\n there\r\nMessage-ID: <1@a>\r\nDate: x\r\n\r\nbody\r\n";
        let message = StoredMessage {
            uid: 7,
            raw: raw.as_slice().into(),
            received_at: Utc.with_ymd_and_hms(2026, 3, 4, 5, 6, 7).single().expect("valid"),
            flags: vec!["\\Seen".into()],
            mod_seq: 12,
        };
        let items = Item::parse_all(&Arg::Word(item.to_owned())).expect("known");
        let mut out = Vec::new();
        items[0].write(&message, &mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn sections_and_partials_are_cut_from_the_message() {
        assert_eq!(written("BODY[TEXT]"), "BODY[TEXT] {6}\r\nbody\r\n");
        assert_eq!(written("body.peek[]<9.5>"), "BODY[]<9> {5}\r\nHello");
        assert_eq!(written("BODY[]<100000.5>"), "BODY[]<100000> {0}\r\n");
        let expected = "BODY[HEADER.FIELDS (SUBJECT MESSAGE-ID)] {45}\r\nSubject: Hello\r\n there\r\nMessage-ID: <1@a>\r\n\r\n";
        assert_eq!(written("BODY.PEEK[HEADER.FIELDS (Subject Message-ID)]"), expected);
        assert_eq!(
            written("BODY[HEADER.FIELDS.NOT (SUBJECT MESSAGE-ID)]").split_once("\r\n").map(|it| it.1),
            Some("Date: x\r\n\r\n")
        );
        assert_eq!(written("INTERNALDATE"), "INTERNALDATE \" 4-Mar-2026 05:06:07 +0000\"");
    }

    #[test]
    fn an_unknown_item_is_refused() {
        for item in ["NONSENSE", "BODY[9999.MIME]", "BODY[]<x>", "BODY[", "BODYSTRUCTURE"] {
            assert_eq!(Item::parse_all(&Arg::Word(item.to_owned())), None, "{item}");
        }
    }
}
