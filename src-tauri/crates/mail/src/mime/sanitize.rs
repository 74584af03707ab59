//! Makes a received HTML body safe to show: no scripts, no forms, no foreign documents, nothing loaded from outside.
//!
//! What is allowed is listed here; everything else goes. The window shows the result under a policy that forbids
//! scripts and outside resources as well, so that a gap in one of the two does no harm.

use super::markup::{html_to_text, is_intricate};
use ammonia::{Builder, UrlRelative};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tandem_domain::message::MAX_BODY_BYTES;

/// HTML nested deeper than this is shown as text: layout engines take very long for it.
const MAX_DEPTH: usize = 400;

/// HTML that may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SafeHtml {
    /// A fragment, for the inside of a `body`.
    pub html: String,
    /// How many pictures and backgrounds would have been loaded from outside.
    pub blocked_remote: usize,
}

/// A picture of the message itself as a `data:` URL. `None` for types that are more than a picture (SVG is a
/// document with scripts).
#[must_use]
pub fn data_url(mime_type: &str, bytes: &[u8]) -> Option<String> {
    let mime_type = mime_type.to_ascii_lowercase();
    is_picture(&mime_type).then(|| format!("data:{mime_type};base64,{}", STANDARD.encode(bytes)))
}

/// Makes HTML safe. `inline_images` gives the `data:` URL of a Content-ID (without brackets); pictures that are not
/// in it are left out.
#[must_use]
pub fn safe_html(html: &str, inline_images: &HashMap<String, String>) -> SafeHtml {
    let html = html.get(..html.floor_char_boundary(MAX_BODY_BYTES)).unwrap_or(html);
    if is_intricate(html, MAX_DEPTH) {
        let text = ammonia::clean_text(&html_to_text(html)).replace("&#10;", "\n").replace("&#32;", " ");
        return SafeHtml { html: format!("<pre>{text}</pre>"), blocked_remote: 0 };
    }
    let blocked = Arc::new(AtomicUsize::new(0));
    let images = inline_images.clone();
    let counted = Arc::clone(&blocked);
    let cleaned = builder()
        .attribute_filter(move |element, attribute, value| {
            let verdict = judge(element, attribute, value, &images);
            if matches!(verdict, Verdict::Remote) {
                counted.fetch_add(1, Ordering::Relaxed);
            }
            match verdict {
                Verdict::Keep(value) => Some(value),
                Verdict::Remote | Verdict::Drop => None,
            }
        })
        .clean(html)
        .to_string();
    SafeHtml { html: cleaned, blocked_remote: blocked.load(Ordering::Relaxed) }
}

fn builder() -> Builder<'static> {
    const TAGS: [&str; 62] = [
        "a",
        "abbr",
        "article",
        "aside",
        "b",
        "bdi",
        "bdo",
        "big",
        "blockquote",
        "br",
        "caption",
        "center",
        "cite",
        "code",
        "col",
        "colgroup",
        "dd",
        "del",
        "div",
        "dl",
        "dt",
        "em",
        "figcaption",
        "figure",
        "font",
        "footer",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "i",
        "img",
        "ins",
        "kbd",
        "li",
        "mark",
        "ol",
        "p",
        "pre",
        "q",
        "s",
        "samp",
        "section",
        "small",
        "span",
        "strike",
        "strong",
        "sub",
        "sup",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "u",
        "ul",
    ];
    // Their content means nothing to a reader, or changes how what follows is read.
    const WITH_CONTENT: [&str; 17] = [
        "applet",
        "embed",
        "frameset",
        "iframe",
        "math",
        "noembed",
        "noframes",
        "noscript",
        "object",
        "plaintext",
        "script",
        "style",
        "svg",
        "template",
        "textarea",
        "title",
        "xmp",
    ];
    const CELL: [&str; 7] = ["align", "valign", "width", "height", "bgcolor", "colspan", "rowspan"];
    let set = |names: &[&'static str]| names.iter().copied().collect();
    let mut builder = Builder::empty();
    builder
        .tags(set(&TAGS))
        .clean_content_tags(set(&WITH_CONTENT))
        // `background` and `srcset` come as far as the filter so that they are counted.
        .generic_attributes(set(&["dir", "lang", "title", "style", "align", "background", "srcset"]))
        .tag_attributes(
            [
                ("a", set(&["href"])),
                ("img", set(&["src", "alt", "width", "height", "border", "hspace", "vspace"])),
                ("font", set(&["color", "face", "size"])),
                ("ol", set(&["start", "type"])),
                ("li", set(&["value"])),
                ("col", set(&["span", "width"])),
                ("table", set(&["width", "height", "bgcolor", "border", "cellpadding", "cellspacing"])),
                ("tr", set(&CELL)),
                ("td", set(&CELL)),
                ("th", set(&CELL)),
            ]
            .into_iter()
            .collect(),
        )
        .url_schemes(set(&["http", "https", "mailto", "cid", "data"]))
        .url_relative(UrlRelative::PassThrough)
        .link_rel(Some("noopener noreferrer"))
        .strip_comments(true);
    builder
}

enum Verdict<'x> {
    Keep(Cow<'x, str>),
    Remote,
    Drop,
}

fn judge<'x>(
    element: &str,
    attribute: &str,
    value: &'x str,
    images: &HashMap<String, String>,
) -> Verdict<'x> {
    let trimmed = value.trim();
    match (element, attribute) {
        ("a", "href") => match scheme(trimmed).as_str() {
            "http" | "https" | "mailto" => Verdict::Keep(Cow::Borrowed(trimmed)),
            _ => Verdict::Drop,
        },
        ("img", "src") => match scheme(trimmed).as_str() {
            "cid" => {
                let id = percent_decoded(trimmed.get(4..).unwrap_or_default());
                let url = images.get(id.as_str()).filter(|url| is_picture_url(url));
                url.map_or(Verdict::Drop, |url| Verdict::Keep(Cow::Owned(url.clone())))
            }
            "data" if is_picture_url(trimmed) => Verdict::Keep(Cow::Borrowed(trimmed)),
            "http" | "https" => Verdict::Remote,
            _ if trimmed.starts_with("//") => Verdict::Remote,
            _ => Verdict::Drop,
        },
        (_, "background" | "srcset") => Verdict::Remote,
        (_, "style") => {
            let (style, has_remote) = safe_style(value);
            if has_remote {
                // The harmless declarations would have to go with it; the count matters more to the reader.
                return Verdict::Remote;
            }
            if style.is_empty() { Verdict::Drop } else { Verdict::Keep(Cow::Owned(style)) }
        }
        _ => Verdict::Keep(Cow::Borrowed(value)),
    }
}

fn scheme(url: &str) -> String {
    let (scheme, _) = url.split_once(':').unwrap_or_default();
    scheme.to_ascii_lowercase()
}

fn is_picture(mime_type: &str) -> bool {
    matches!(mime_type, "image/png" | "image/jpeg" | "image/jpg" | "image/gif" | "image/webp" | "image/bmp")
}

fn is_picture_url(url: &str) -> bool {
    let Some(rest) = url.get(..5).filter(|start| start.eq_ignore_ascii_case("data:")).and(url.get(5..))
    else {
        return false;
    };
    let Some((mime_type, data)) = rest.split_once(";base64,") else { return false };
    let is_base64 = data.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/= \r\n".contains(&b));
    is_picture(&mime_type.to_ascii_lowercase()) && is_base64
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let hex = (*byte == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(decoded) => {
                out.push(decoded);
                at += 3;
            }
            None => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The declarations that only change how text looks where it stands, and whether one of the others names an outside
/// resource.
fn safe_style(style: &str) -> (String, bool) {
    const PROPERTIES: [&str; 47] = [
        "background-color",
        "border",
        "border-bottom",
        "border-bottom-color",
        "border-bottom-style",
        "border-bottom-width",
        "border-collapse",
        "border-color",
        "border-left",
        "border-radius",
        "border-right",
        "border-spacing",
        "border-style",
        "border-top",
        "border-width",
        "color",
        "direction",
        "font",
        "font-family",
        "font-size",
        "font-style",
        "font-variant",
        "font-weight",
        "height",
        "letter-spacing",
        "line-height",
        "list-style-type",
        "margin",
        "margin-bottom",
        "margin-left",
        "margin-right",
        "margin-top",
        "max-width",
        "min-width",
        "padding",
        "padding-bottom",
        "padding-left",
        "padding-right",
        "padding-top",
        "text-align",
        "text-decoration",
        "text-indent",
        "text-transform",
        "vertical-align",
        "white-space",
        "width",
        "word-break",
    ];
    let lower = style.to_ascii_lowercase();
    if lower.contains("url(") && (lower.contains("http") || lower.contains("//")) {
        return (String::new(), true);
    }
    // Escapes and comments hide words from a filter; nobody who writes mail needs them.
    if lower.contains(['\\', '<', '@', '{', '}']) || lower.contains("/*") {
        return (String::new(), false);
    }
    let mut kept = String::new();
    for declaration in lower.split(';') {
        let Some((property, value)) = declaration.split_once(':') else { continue };
        let (property, value) = (property.trim(), value.trim());
        if PROPERTIES.contains(&property) && is_plain_value(value) {
            if !kept.is_empty() {
                kept.push(';');
            }
            kept.push_str(property);
            kept.push(':');
            kept.push_str(value);
        }
    }
    (kept, false)
}

/// Words, numbers and colours; nothing negative, which would move text over other text.
fn is_plain_value(value: &str) -> bool {
    let without_colours = ["rgb(", "rgba(", "hsl(", "hsla("]
        .iter()
        .fold(value.to_owned(), |text, function| text.replace(function, ""));
    let is_plain = value.chars().all(|c| c.is_ascii_alphanumeric() || " #%.,()'\"!-".contains(c));
    is_plain && !without_colours.contains('(') && !value.starts_with('-') && !value.contains(" -")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn safe(html: &str) -> String {
        safe_html(html, &HashMap::new()).html
    }

    /// Reads the result as a browser would, and looks for anything that could run or load.
    fn assert_harmless(html: &str) {
        let cleaned = safe(html);
        // Cleaning again changes nothing: what a browser parses is what was judged (mutation XSS).
        assert_eq!(safe(&cleaned), cleaned, "not stable: {html}");
        let mut at = 0;
        let lower = cleaned.to_ascii_lowercase();
        while let Some(open) = lower[at..].find('<') {
            let tag = &lower[at + open..];
            let tag = &tag[..tag.find('>').map_or(tag.len(), |end| end + 1)];
            // What stands in quotes is a value; it cannot start an attribute.
            let names: String = tag.split('"').step_by(2).collect();
            assert!(!names.contains(" on") && !names.contains("srcdoc"), "{names} of {html}");
            for bad in [
                "<script",
                "<svg",
                "<math",
                "<style",
                "<iframe",
                "<object",
                "<embed",
                "<form",
                "<input",
                "<base",
                "<meta",
                "<link",
                "<template",
                "javascript:",
                "vbscript:",
                "expression",
                "url(",
                "http://evil",
                "https://evil/x.png",
            ] {
                assert!(!tag.contains(bad), "{bad} in {tag} of {html}");
            }
            at += open + tag.len();
        }
    }

    #[test]
    fn known_attacks_come_out_harmless() {
        for attack in [
            "<script>alert(1)</script>hello",
            "<img src=x onerror=alert(1)>",
            "<img src='https://evil/x.png'>",
            "<svg><animate onbegin=alert(1) attributeName=x></svg>",
            "<svg></p><style><a id=\"</style><img src=1 onerror=alert(1)>\">",
            "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
            "<math><mtext><table><mglyph><style><math><img src onerror=alert(1)></style></mglyph></table>",
            "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
            "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
            "<a href=\"jav&#x09;ascript:alert(1)\">x</a>",
            "<a href=\" javascript:alert(1)\">x</a>",
            "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
            "<a href='vbscript:msgbox(1)'>x</a>",
            "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
            "<base href='https://evil/'><a href='/x'>x</a>",
            "<meta http-equiv=refresh content='0;url=https://evil/'>",
            "<link rel=stylesheet href=https://evil/x.css>",
            "<style>@import 'https://evil/x.css'; body{background:url(https://evil/x.png)}</style>",
            "<div style=\"background:url('https://evil/x.png')\">x</div>",
            "<div style='width:expression(alert(1))'>x</div>",
            "<div style='position:fixed;top:0;left:0;width:100%;height:100%'>x</div>",
            "<div style='color:red;b\\61ckground:u\\72l(//evil)'>x</div>",
            "<table background=https://evil/x.png><tr><td>x</td></tr></table>",
            "<form action=https://evil><input name=password><button>x</button></form>",
            "<object data=https://evil></object><embed src=https://evil>",
            "<template><script>alert(1)</script></template>",
            "<xmp><img src=x onerror=alert(1)></xmp>",
            "<!--><img src=x onerror=alert(1)>-->",
            "<select><style><option><img src=x onerror=alert(1)></style></select>",
            "<details open ontoggle=alert(1)>x</details>",
            "<body onload=alert(1)>x",
            "<p title='<img src=x onerror=alert(1)>'>x",
            "<img src=\"data:image/svg+xml;base64,PHN2Zz4=\">",
            "<img src='data:text/html;base64,PHN2Zz4='>",
            "<a href='https://ok/' target=_blank rel=opener ping=https://evil>x</a>",
            "<plaintext><script>alert(1)",
        ] {
            assert_harmless(attack);
        }
    }

    #[test]
    fn links_are_kept_and_tell_nothing_about_the_reader() {
        let link = safe("<a href='HTTPS://contoso.test/a?b=c&amp;d'>x</a>");
        assert!(link.contains("rel=\"noopener noreferrer\"") && link.contains("contoso.test"), "{link}");
        assert!(safe("<a href='mailto:a@b'>x</a>").contains("mailto:a@b"));
        assert!(!safe("<a href='file:///c:/x'>x</a>").contains("file"));
    }

    #[test]
    fn pictures_from_outside_are_counted_and_left_out() {
        let found = safe_html(
            "<img src=https://evil/1.png><img src='//evil/2.png'><div style='background:url(http://evil/3)'>t</div>\
             <td background=https://evil/4>",
            &HashMap::new(),
        );
        assert_eq!(found.blocked_remote, 3, "the td outside of a table is not there");
        assert!(!found.html.contains("evil"), "{}", found.html);
    }

    #[test]
    fn pictures_of_the_message_itself_are_shown_when_given() {
        let url = data_url("image/PNG", b"png").unwrap();
        let images = HashMap::from([("logo@contoso.test".to_owned(), url.clone())]);
        let html = "<img src='cid:logo%40contoso.test'><img src='cid:other'>";
        let found = safe_html(html, &images);
        assert_eq!(found.html.matches("src=").count(), 1);
        assert!(found.html.contains(&url));
        assert_eq!(data_url("image/svg+xml", b"<svg/>"), None);
    }

    #[test]
    fn looks_are_kept() {
        let html = "<p style=\"color:#ff0000; Margin: 0 4px; position:absolute\"><b>x</b></p>";
        assert_eq!(safe(html), "<p style=\"color:#ff0000;margin:0 4px\"><b>x</b></p>");
    }

    #[test]
    fn absurd_nesting_is_shown_as_text() {
        for tag in ["div", "b", "table", "font color=red", "blockquote"] {
            let html = format!("{}text", format!("<{tag}>").repeat(50_000));
            let cleaned = std::thread::spawn(move || safe_html(&html, &HashMap::new())).join().unwrap();
            assert!(cleaned.html.len() < 1_000, "{tag}");
        }
    }
}
