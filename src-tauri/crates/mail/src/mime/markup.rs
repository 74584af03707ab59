//! HTML as text, and whether HTML is too intricate to be worked on as HTML.
//!
//! Parsers of HTML repair whatever they are given, some of it in quadratic time: absurd nesting, thousands of
//! attributes in one tag, tens of thousands of character references. Such HTML is stripped of its tags instead.

use html2text::render::TrivialDecorator;

/// At most this much HTML is turned into text, in bytes.
pub(super) const MAX_HTML_TO_TEXT: usize = 256 * 1024;
/// Lines of text made of HTML are this long at most: nobody wants them broken.
const TEXT_WIDTH: usize = 1_000;
/// Elements nested deeper than this are not laid out as text.
const MAX_TEXT_DEPTH: usize = 100;
/// One tag has no more attributes than this.
const MAX_ATTRIBUTES: usize = 300;
/// There are no more character references than this.
const MAX_REFERENCES: usize = 6_000;

/// HTML as text for reading and for matching; links and pictures leave no marks. At most 256 KiB of it are read.
#[must_use]
pub fn html_to_text(html: &str) -> String {
    let html = html.get(..html.floor_char_boundary(MAX_HTML_TO_TEXT)).unwrap_or(html);
    if is_intricate(html, MAX_TEXT_DEPTH) {
        return mail_parser::decoders::html::html_to_text(html);
    }
    html2text::config::with_decorator(TrivialDecorator::new())
        .raw_mode(true)
        .no_table_borders()
        .allow_width_overflow()
        .string_from_read(html.as_bytes(), TEXT_WIDTH)
        .unwrap_or_else(|_| mail_parser::decoders::html::html_to_text(html))
}

/// Whether elements are nested deeper than `max_depth`, roughly (tags that need no end tag may count too often), or
/// tags have too many attributes, or text too many character references.
pub(super) fn is_intricate(html: &str, max_depth: usize) -> bool {
    let bytes = html.as_bytes();
    if memchr::memchr_iter(b'&', bytes).count() > MAX_REFERENCES {
        return true;
    }
    let mut depth = 0_usize;
    let mut tag: Option<Tag> = None;
    for (at, byte) in bytes.iter().enumerate() {
        let Some(open) = &mut tag else {
            if *byte == b'<' {
                let after = bytes.get(at + 1..).unwrap_or_default();
                match after.first() {
                    Some(b'/') => depth = depth.saturating_sub(1),
                    Some(first) if first.is_ascii_alphabetic() => {
                        tag = Some(Tag::default());
                        depth += usize::from(!is_void(after));
                    }
                    _ => {}
                }
                if depth > max_depth {
                    return true;
                }
            }
            continue;
        };
        match (open.quote, byte) {
            (Some(quote), byte) if quote == *byte => open.quote = None,
            (Some(_), _) => {}
            // A quote is one only where a value starts.
            (None, b'"' | b'\'') if open.before == b'=' => open.quote = Some(*byte),
            (None, b'>') => {
                tag = None;
                continue;
            }
            (None, b' ' | b'\t' | b'\r' | b'\n' | b'\x0c' | b'/') => {
                open.attributes += usize::from(!matches!(open.before, b' ' | b'\n' | b'\r'));
                if open.attributes > MAX_ATTRIBUTES {
                    return true;
                }
            }
            (None, _) => {}
        }
        if !matches!(byte, b' ' | b'\t' | b'\r' | b'\n') || open.before != b'=' {
            open.before = *byte;
        }
    }
    false
}

#[derive(Default)]
struct Tag {
    quote: Option<u8>,
    before: u8,
    attributes: usize,
}

/// Tags that stand without an end, always or as most people write them.
fn is_void(tag: &[u8]) -> bool {
    const NAMES: [&[u8]; 9] = [b"br", b"hr", b"img", b"meta", b"link", b"p", b"li", b"col", b"input"];
    let end = tag.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(tag.len());
    let name = tag.get(..end).unwrap_or_default();
    NAMES.iter().any(|void| name.eq_ignore_ascii_case(void))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intricate_html_is_told_from_rich_html() {
        let rich = "<div style=\"a:b; c:d\" class='x > y'><p>a<p>b<br></div>".repeat(2_000);
        assert!(!is_intricate(&rich, 20));
        let attributes: String = (0..1_000).map(|n| format!(" a{n}=\">\"")).collect();
        assert!(is_intricate(&format!("<p{attributes}>"), 20));
        assert!(is_intricate(&"&amp;".repeat(10_000), 20));
        assert!(is_intricate(&"<b>".repeat(21), 20) && !is_intricate(&"<b>".repeat(20), 20));
        assert!(!is_intricate(&"a < b and c > d ".repeat(1_000), 20));
    }

    #[test]
    fn html_becomes_readable_text() {
        let text = html_to_text(
            "<html><head><style>p{color:red}</style><title>no</title></head><body><p>Hello <b>Amy</b>,</p><p>see <a \
             href=\"https://x\">this</a><br>and &amp; that</p><script>no()</script></body></html>",
        );
        assert_eq!(text.trim(), "Hello Amy,\n\nsee this\nand & that");
    }

    #[test]
    fn deeply_nested_html_is_read_in_bounded_time_and_stack() {
        for (open, close) in [("<div>", "</div>"), ("<table><tr><td>", "</td></tr></table>"), ("<b>", "")] {
            for depth in [90, 100_000] {
                let html = format!("{}text{}", open.repeat(depth), close.repeat(depth));
                let text = std::thread::Builder::new()
                    .stack_size(2 * 1024 * 1024)
                    .spawn(move || html_to_text(&html))
                    .unwrap()
                    .join()
                    .unwrap();
                assert!(text.len() < 10_000, "{}", text.len());
            }
        }
    }
}
