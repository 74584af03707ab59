//! One walk over a file's XML: what is opened, said and closed, with lines and within limits.

use crate::error::{Damage, Fault};
use quick_xml::{
    Error, XmlVersion,
    escape::resolve_predefined_entity,
    events::{BytesStart, Event},
    reader::Reader,
};
use std::ops::ControlFlow;
use zeroize::Zeroizing;

/// Elements inside elements; the router's own files have four.
pub(crate) const DEEPEST: usize = 32;
/// Elements and attributes over all files of one migration. 32 MB of `UserId` lines are about 600,000.
const MOST_FIELDS: u32 = 2_000_000;
const MOST_ATTRIBUTES: usize = 64;
const LONGEST_NAME: usize = 200;

/// How many elements and attributes may still come.
pub(crate) struct Budget(u32);

impl Default for Budget {
    fn default() -> Self {
        Self(MOST_FIELDS)
    }
}

impl Budget {
    fn take(&mut self, line: u32) -> Result<(), Fault> {
        self.0 = self.0.checked_sub(1).ok_or_else(|| {
            let why = format!("the files have more than {MOST_FIELDS} elements and attributes");
            Fault::at(line, Damage::TooLarge(why))
        })?;
        Ok(())
    }
}

/// An element: 1 is the root's depth.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Element<'a> {
    pub(crate) depth: usize,
    /// Without a namespace prefix.
    pub(crate) name: &'a str,
    pub(crate) line: u32,
}

/// Who listens to a walk.
pub(crate) trait Visitor {
    /// An element starts. `Break` ends the walk without an error.
    fn open(&mut self, element: Element<'_>) -> ControlFlow<()>;
    /// One attribute of the element that was just opened.
    fn attribute(&mut self, element: Element<'_>, name: &str, value: &str, line: u32);
    /// The element ends; `text` is what stands directly in it, trimmed; a leaf has no elements inside.
    fn close(&mut self, element: Element<'_>, text: &str, leaf: bool);
}

/// An element that is open: where its name and its text start in the two buffers.
struct Open {
    name_start: usize,
    line: u32,
    leaf: bool,
    text_start: usize,
}

/// Counts lines on the way, so that the whole walk looks at every byte once.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u32,
}

impl Lines<'_> {
    fn advance(&mut self, to: u64) -> u32 {
        let to = usize::try_from(to).unwrap_or(usize::MAX).min(self.bytes.len());
        if let Some(between) = self.bytes.get(self.at..to) {
            let count = memchr::memchr_iter(b'\n', between).count();
            self.line = self.line.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
            self.at = to;
        }
        self.line
    }
}

/// Walks over a document.
pub(crate) fn walk(text: &str, budget: &mut Budget, visitor: &mut dyn Visitor) -> Result<(), Fault> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut lines = Lines { bytes: text.as_bytes(), at: 0, line: 1 };
    let mut stack: Vec<Open> = Vec::new();
    let mut names = String::new();
    // Holds keys and passwords for a while. Sized at once, so that growing leaves no copies behind for small files.
    let mut said = Zeroizing::new(String::with_capacity(text.len().min(1 << 16)));
    let mut root_seen = false;
    loop {
        let line = lines.advance(reader.buffer_position());
        let event = reader.read_event().map_err(|error| {
            let at = lines.advance(reader.error_position());
            syntax(text, &error, reader.error_position(), at)
        })?;
        let not = |why: &str| Err(Fault::at(line, Damage::NotXml(why.to_owned())));
        match event {
            Event::Start(start) => {
                if stack.is_empty() && root_seen {
                    return not("a second root element");
                }
                root_seen = true;
                if stack.len() >= DEEPEST {
                    return Err(Fault::at(line, Damage::TooDeep));
                }
                budget.take(line)?;
                if let Some(parent) = stack.last_mut() {
                    parent.leaf = false;
                }
                let name = start.local_name();
                let name = cut(name.as_ref());
                stack.push(Open { name_start: names.len(), line, leaf: true, text_start: said.len() });
                names.push_str(name);
                let element = Element { depth: stack.len(), name, line };
                if visitor.open(element).is_break() {
                    return Ok(());
                }
                attributes(&start, element, budget, visitor)?;
            }
            Event::End(_) => {
                let Some(open) = stack.pop() else { return not("an end without a start") };
                let element = Element {
                    depth: stack.len() + 1,
                    name: names.get(open.name_start..).unwrap_or_default(),
                    line: open.line,
                };
                visitor.close(element, said.get(open.text_start..).unwrap_or_default().trim(), open.leaf);
                said.truncate(open.text_start);
                names.truncate(open.name_start);
            }
            Event::Text(part) => {
                if stack.is_empty() {
                    if !part.trim().is_empty() {
                        return not("text outside the root element");
                    }
                } else {
                    said.push_str(&part);
                }
            }
            Event::CData(part) => {
                if stack.is_empty() {
                    return not("text outside the root element");
                }
                said.push_str(&part);
            }
            Event::GeneralRef(reference) => {
                let resolved = match reference.resolve_char_ref() {
                    Ok(Some(character)) if allowed(character) => Some(character.to_string()),
                    Ok(None) => resolve_predefined_entity(&reference).map(str::to_owned),
                    _ => None,
                };
                match resolved {
                    Some(resolved) if !stack.is_empty() => said.push_str(&resolved),
                    // Only a DTD could explain it, and that is refused.
                    _ => return not(&format!("the unknown entity &{};", shortened(&reference))),
                }
            }
            Event::DocType(_) => return Err(Fault::at(line, Damage::Dtd)),
            Event::Eof => break,
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
    let end = lines.advance(u64::MAX);
    if !stack.is_empty() {
        return Err(Fault::at(end, Damage::CutShort));
    }
    if !root_seen {
        return Err(Fault::at(end, Damage::NotXml("it has no element".to_owned())));
    }
    Ok(())
}

fn attributes(
    start: &BytesStart<'_>,
    element: Element<'_>,
    budget: &mut Budget,
    visitor: &mut dyn Visitor,
) -> Result<(), Fault> {
    let raw = start.attributes_raw();
    for (number, attribute) in start.attributes().enumerate() {
        // Each is compared with all before it, so their number is what keeps that cheap.
        if number >= MOST_ATTRIBUTES {
            let why = format!("an element has more than {MOST_ATTRIBUTES} attributes");
            return Err(Fault::at(element.line, Damage::TooLarge(why)));
        }
        let not = |why: String| Fault::at(element.line, Damage::NotXml(why));
        let attribute = attribute.map_err(|error| not(error.to_string()))?;
        let name = attribute.key.local_name();
        let name: &str = name.as_ref();
        let offset = (name.as_ptr() as usize).saturating_sub(raw.as_ptr() as usize);
        let line = element.line.saturating_add(crate::decode::line_of(raw.as_bytes(), offset) - 1);
        budget.take(line)?;
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|error| Fault::at(line, Damage::NotXml(error.to_string())))?;
        visitor.attribute(element, cut(name), value.trim(), line);
    }
    Ok(())
}

fn cut(name: &str) -> &str {
    let end = name.char_indices().nth(LONGEST_NAME).map_or(name.len(), |(at, _)| at);
    name.get(..end).unwrap_or(name)
}

/// XML 1.0, production 2.
fn allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

fn syntax(text: &str, error: &Error, position: u64, line: u32) -> Fault {
    let damage = match error {
        // Each means that the input ended too early, but for unknown markup after `<!`.
        Error::Syntax(kind) => {
            let rest = usize::try_from(position).ok().and_then(|at| text.get(at..)).unwrap_or_default();
            if *kind == quick_xml::errors::SyntaxError::InvalidBangMarkup && rest.contains('>') {
                Damage::NotXml(kind.to_string())
            } else {
                Damage::CutShort
            }
        }
        other => Damage::NotXml(other.to_string()),
    };
    Fault::at(line, damage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Seen(Vec<String>);

    impl Visitor for Seen {
        fn open(&mut self, element: Element<'_>) -> ControlFlow<()> {
            self.0.push(format!("+{}:{}@{}", element.depth, element.name, element.line));
            ControlFlow::Continue(())
        }
        fn attribute(&mut self, _: Element<'_>, name: &str, value: &str, line: u32) {
            self.0.push(format!("{name}={value}@{line}"));
        }
        fn close(&mut self, element: Element<'_>, text: &str, leaf: bool) {
            self.0.push(format!("-{}:{text}:{leaf}@{}", element.name, element.line));
        }
    }

    fn seen(text: &str) -> Vec<String> {
        let mut seen = Seen::default();
        walk(text, &mut Budget::default(), &mut seen).unwrap();
        seen.0
    }

    fn fault(text: &str) -> Fault {
        walk(text, &mut Budget::default(), &mut Seen::default()).unwrap_err()
    }

    #[test]
    fn elements_attributes_and_texts_come_with_their_lines() {
        assert_eq!(
            seen(
                "<?xml version='1.0'?>\r\n<p:A\n x='1'\n y='&lt;2'>\n<B> t<!-- c -->u&amp;&#65; </B><C/>\n</p:A>"
            ),
            ["+1:A@2", "x=1@3", "y=<2@4", "+2:B@5", "-B:tu&A:true@5", "+2:C@5", "-C::true@5", "-A::false@2"]
        );
    }

    #[test]
    fn each_damage_has_its_class_and_line() {
        for (text, class, line) in [
            ("<a>\n<b>x</b", "cut_short", 2),
            ("<a>\n<b>x</b>\n", "cut_short", 3),
            ("<a>\n<b>x</a>", "not_xml", 2),
            ("<a/>\n<b/>", "not_xml", 2),
            ("<a/>x", "not_xml", 1),
            ("hello", "not_xml", 1),
            ("<a>&boom;</a>", "not_xml", 1),
            ("<a b='&boom;'/>", "not_xml", 1),
            ("<a b='1' b='2'/>", "not_xml", 1),
            ("<!DOCTYPE a [<!ENTITY b 'c'>]>\n<a>&b;</a>", "dtd", 1),
            ("<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", "dtd", 1),
            ("<!-- only a comment -->", "not_xml", 1),
        ] {
            let found = fault(text);
            assert_eq!((found.damage.class(), found.line), (class, Some(line)), "{text}: {found:?}");
        }
    }

    #[test]
    fn depth_number_and_attributes_have_limits() {
        let nested = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
        assert_eq!(seen(&nested(DEEPEST)).len(), 2 * DEEPEST);
        assert_eq!(fault(&nested(DEEPEST + 1)).damage, Damage::TooDeep);
        let many = (0..65).map(|number| format!(" a{number}='x'")).collect::<String>();
        assert_eq!(fault(&format!("<a{many}/>")).damage.class(), "too_large");
        let mut small = Budget(3);
        assert!(walk("<a><b/><c/></a>", &mut small, &mut Seen::default()).is_ok());
        assert!(walk("<a/>", &mut small, &mut Seen::default()).is_err());
    }
}
