//! Which parts are the body and which are attachments, and the body's text.
//!
//! The choice is that of JMAP (RFC 8621 section 4.1.4), without its inline pictures: those are attachments with a
//! Content-ID.

use super::{
    decode::{Core, clamp, open_content},
    markup::{MAX_HTML_TO_TEXT, html_to_text},
    structure::Structure,
};
use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use std::{
    borrow::Cow,
    io::{self, Read},
};
use tandem_domain::message::{ContentRange, MAX_BODY_BYTES};
use tandem_engine::raw::RawMessage;

/// The parts by what they are for, as indexes.
#[derive(Debug, Default)]
pub(super) struct Roles {
    pub text: Vec<usize>,
    pub html: Vec<usize>,
    pub attachments: Vec<usize>,
}

impl Roles {
    pub(super) fn of(structure: &Structure) -> Self {
        let mut roles = Self::default();
        roles.visit(structure, &[0], "mixed", Lists::Both);
        roles
    }

    fn visit(&mut self, structure: &Structure, parts: &[usize], subtype: &str, lists: Lists) {
        let (text_before, html_before) = (self.text.len(), self.html.len());
        for (position, index) in parts.iter().enumerate() {
            let Some(part) = structure.parts.get(*index) else { continue };
            let info = &part.info;
            if part.is_multipart {
                let inner = info.mime_type.strip_prefix("multipart/").unwrap_or_default();
                let inner_lists = if inner == "alternative" { Lists::Alternative } else { lists };
                self.visit(structure, &part.children, inner, inner_lists);
                continue;
            }
            let is_html = info.mime_type == "text/html";
            let is_lone_text = *index == 0 && info.mime_type.starts_with("text/");
            let is_text = is_html || info.mime_type == "text/plain" || is_lone_text;
            let is_first = position == 0;
            let is_inline =
                !info.is_attachment && (is_first || (subtype != "related" && info.name.is_none()));
            if !is_text || !is_inline || (info.is_attachment && *index != 0) {
                self.attachments.push(*index);
                continue;
            }
            match (lists, is_html) {
                (Lists::Alternative, true) => self.html.push(*index),
                (Lists::Alternative, false) => self.text.push(*index),
                (Lists::Both, _) => {
                    self.text.push(*index);
                    self.html.push(*index);
                }
            }
        }
        // An alternative with one kind only is shown for both.
        if subtype == "alternative" {
            if self.text.len() == text_before {
                let html = self.html.get(html_before..).unwrap_or_default().to_vec();
                self.text.extend(html);
            } else if self.html.len() == html_before {
                let text = self.text.get(text_before..).unwrap_or_default().to_vec();
                self.html.extend(text);
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Lists {
    Both,
    Alternative,
}

/// The body in both shapes.
#[derive(Debug, Default)]
pub(super) struct Body {
    pub text: String,
    pub html: Option<String>,
    pub was_cut: bool,
}

/// Reads the body out of the raw message.
pub(super) fn read(raw: &RawMessage, structure: &Structure, roles: &Roles) -> io::Result<Body> {
    let mut body = Body::default();
    let mut html = String::new();
    let is_html =
        |index: &usize| structure.parts.get(*index).is_some_and(|part| part.info.mime_type == "text/html");
    // A plain message has no HTML body.
    if roles.html.iter().any(is_html) {
        for index in &roles.html {
            let piece = text_of(raw, structure, *index, MAX_BODY_BYTES - html.len(), &mut body.was_cut)?;
            if is_html(index) {
                html.push_str(&piece);
            } else {
                html.push_str("<pre>");
                html.push_str(&piece.replace('&', "&amp;").replace('<', "&lt;"));
                html.push_str("</pre>");
            }
            cut(&mut html, MAX_BODY_BYTES, &mut body.was_cut);
        }
    }
    // A body that is HTML alone is not turned into text while mail is synchronized: half of all mail is such, laying
    // it out costs more than everything else about a message, and its text is wanted only when somebody looks.
    let text = if roles.text.iter().all(is_html) { &[][..] } else { roles.text.as_slice() };
    for index in text {
        let room = MAX_BODY_BYTES - body.text.len();
        let piece = if !is_html(index) {
            text_of(raw, structure, *index, room, &mut body.was_cut)?
        } else if let [only] = roles.html.as_slice()
            && only == index
        {
            html_to_text(&html)
        } else {
            html_to_text(&text_of(raw, structure, *index, MAX_HTML_TO_TEXT, &mut body.was_cut)?)
        };
        let piece = plain(&piece);
        if !body.text.is_empty() && !piece.is_empty() {
            body.text.push('\n');
        }
        body.text.push_str(&piece);
        cut(&mut body.text, MAX_BODY_BYTES, &mut body.was_cut);
    }
    body.text.truncate(body.text.trim_end().len());
    body.html = (!html.is_empty()).then_some(html);
    Ok(body)
}

/// Decodes one text part, at most `room` bytes of it.
fn text_of(
    raw: &RawMessage,
    structure: &Structure,
    index: usize,
    room: usize,
    was_cut: &mut bool,
) -> io::Result<String> {
    let Some(part) = structure.parts.get(index) else { return Ok(String::new()) };
    let bytes = content(raw, part.range(), room)?;
    let mut kept = bytes.as_slice();
    let is_cut = bytes.len() > room;
    if is_cut {
        *was_cut = true;
        kept = bytes.get(..room).unwrap_or_default();
    }
    let mut text = decode_text(kept, part.info.charset.as_deref()).into_owned();
    if is_cut && text.ends_with('\u{FFFD}') {
        // The character that was cut through.
        text.pop();
    }
    Ok(text)
}

/// The decoded content, up to a byte more than `room` so that a cut shows.
fn content(raw: &RawMessage, range: ContentRange, room: usize) -> io::Result<Vec<u8>> {
    let mut decoded = Vec::new();
    if let RawMessage::Memory(bytes) = raw {
        let (start, end) = clamp(bytes.len(), range);
        let mut core = Core::new(range.encoding);
        for chunk in bytes.get(start..end).unwrap_or_default().chunks(256 * 1024) {
            core.feed(chunk, &mut decoded);
            if decoded.len() > room {
                decoded.truncate(room + 1);
                return Ok(decoded);
            }
        }
        core.finish(&mut decoded);
        decoded.truncate(room + 1);
        return Ok(decoded);
    }
    open_content(raw, range)?.take(room as u64 + 1).read_to_end(&mut decoded)?;
    Ok(decoded)
}

/// Bytes as text. A charset that is not known, or is not the one that it is written in, falls back to UTF-8 where it
/// is valid, else to windows-1252.
pub(super) fn decode_text<'x>(bytes: &'x [u8], charset: Option<&str>) -> Cow<'x, str> {
    let label = charset.map(str::trim).unwrap_or_default();
    let is_plain_label = label.is_empty() || label.eq_ignore_ascii_case("us-ascii");
    if is_plain_label && let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text.strip_prefix('\u{FEFF}').unwrap_or(text));
    }
    if !is_plain_label {
        if let Some(encoding) = Encoding::for_label_no_replacement(label.as_bytes()) {
            return encoding.decode(bytes).0;
        }
        if let Some(decoder) = mail_parser::decoders::charsets::map::charset_decoder(label.as_bytes()) {
            return Cow::Owned(decoder(bytes));
        }
    }
    let guess = if std::str::from_utf8(bytes).is_ok() { UTF_8 } else { WINDOWS_1252 };
    guess.decode(bytes).0
}

/// LF line ends, no NUL.
fn plain(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| matches!(byte, b'\r' | 0)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' => {
                let _ = chars.next_if_eq(&'\n');
                out.push('\n');
            }
            '\0' => {}
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

fn cut(text: &mut String, max: usize, was_cut: &mut bool) {
    if text.len() > max {
        *was_cut = true;
        text.truncate(text.floor_char_boundary(max));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_in_the_charset_it_is_written_in() {
        assert_eq!(decode_text("café".as_bytes(), None), "café");
        assert_eq!(decode_text(b"caf\xe9 \x80", None), "café €");
        assert_eq!(decode_text(b"caf\xe9", Some("iso-8859-1")), "café");
        assert_eq!(decode_text(b"\x82\xa0", Some("Shift_JIS")), "あ");
        assert_eq!(decode_text(b"+AOk-", Some("utf-7")), "é");
        assert_eq!(decode_text(b"caf\xe9", Some("x-no-such")), "café");
        assert_eq!(decode_text(b"\xff\xfea\0", Some("utf-16")), "a");
    }
}
