//! Bytes of a router's file to text: UTF-8 with or without BOM, UTF-16 by BOM, and what the declaration names.

use crate::error::{Damage, Fault};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use zeroize::Zeroizing;

/// A file's text; wiped when it had to be copied.
pub(crate) enum Decoded<'a> {
    Borrowed(&'a str),
    Owned(Zeroizing<String>),
}

impl Decoded<'_> {
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Owned(text) => text,
        }
    }
}

/// The text of a file.
pub(crate) fn decode(bytes: &[u8]) -> Result<Decoded<'_>, Fault> {
    let decoded = match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => Decoded::Borrowed(utf8(rest)?),
        [0xFF, 0xFE, rest @ ..] => foreign(rest, UTF_16LE)?,
        [0xFE, 0xFF, rest @ ..] => foreign(rest, UTF_16BE)?,
        _ => match declared(bytes) {
            Some(encoding) => foreign(bytes, encoding)?,
            None => Decoded::Borrowed(utf8(bytes)?),
        },
    };
    let text = decoded.text();
    if let Some(at) = text.bytes().position(|byte| byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r')) {
        return Err(Fault::at(line_of(text.as_bytes(), at), Damage::NotText));
    }
    if text.trim().is_empty() {
        return Err(Fault::whole(Damage::Empty));
    }
    Ok(decoded)
}

fn utf8(bytes: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(bytes).map_err(|error| {
        let damage = if error.error_len().is_none() { Damage::CutShort } else { Damage::NotText };
        Fault::at(line_of(bytes, error.valid_up_to()), damage)
    })
}

fn foreign(bytes: &[u8], encoding: &'static Encoding) -> Result<Decoded<'static>, Fault> {
    if (encoding == UTF_16LE || encoding == UTF_16BE) && !bytes.len().is_multiple_of(2) {
        return Err(Fault::whole(Damage::CutShort));
    }
    encoding
        .decode_without_bom_handling_and_without_replacement(bytes)
        .map(|text| Decoded::Owned(Zeroizing::new(text.into_owned())))
        .ok_or(Fault::whole(Damage::NotText))
}

/// The encoding that the XML declaration names, when it is a single-byte or other one that is not Unicode's: .NET writes
/// `utf-16` into declarations of texts that were saved as UTF-8, so those words decide nothing.
fn declared(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = bytes.get(..bytes.len().min(200))?;
    let end = memchr::memchr(b'>', head)?;
    let declaration = std::str::from_utf8(head.get(..end)?).ok()?.strip_prefix("<?xml")?;
    let (_, after) = declaration.split_once("encoding")?;
    let label = after.trim_start().strip_prefix('=')?.trim_start();
    let quote = label.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let label = label.get(1..)?.split(quote).next()?;
    Encoding::for_label(label.as_bytes())
        .filter(|found| *found != UTF_8 && *found != UTF_16LE && *found != UTF_16BE)
}

/// The 1-based line of an offset.
pub(crate) fn line_of(bytes: &[u8], offset: usize) -> u32 {
    let before = bytes.get(..offset).unwrap_or(bytes);
    u32::try_from(memchr::memchr_iter(b'\n', before).count()).unwrap_or(u32::MAX).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> String {
        decode(bytes).map(|decoded| decoded.text().to_owned()).unwrap()
    }

    fn damage(bytes: &[u8]) -> Damage {
        decode(bytes).err().unwrap().damage
    }

    #[test]
    fn boms_and_declared_encodings_are_honoured() {
        assert_eq!(text(b"\xEF\xBB\xBF<a/>"), "<a/>");
        assert_eq!(text(b"\xFF\xFE<\0a\0/\0>\0"), "<a/>");
        assert_eq!(text(b"\xFE\xFF\0<\0a\0/\0>"), "<a/>");
        let latin = b"<?xml version=\"1.0\" encoding=\"windows-1252\"?><a>\xE4</a>";
        assert!(text(latin).ends_with("<a>\u{e4}</a>"));
        assert!(text(b"<?xml version='1.0' encoding='utf-16'?><a>\xC3\xA4</a>").ends_with("<a>\u{e4}</a>"));
    }

    #[test]
    fn what_is_no_text_says_so() {
        assert_eq!(damage(b"<a>\0</a>"), Damage::NotText);
        assert_eq!(damage(b"<a>\xE4\xE4</a>"), Damage::NotText);
        assert_eq!(damage(b"<a>\xC3"), Damage::CutShort);
        assert_eq!(damage(b"\xFF\xFE<\0a"), Damage::CutShort);
        assert_eq!(damage(b"\xFF\xFE\x00\xD8<\0"), Damage::NotText);
        assert_eq!(damage(b""), Damage::Empty);
        assert_eq!(damage(b"\xEF\xBB\xBF \r\n"), Damage::Empty);
        assert_eq!(decode(b"<a>\n\n\x01</a>").err().unwrap().line, Some(3));
    }
}
