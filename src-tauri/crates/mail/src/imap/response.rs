//! Reads what an IMAP server says (RFC 9051 section 7): status lines, codes, and the items of a FETCH.

use chrono::{DateTime, Utc};
use tandem_domain::Instant;
use tandem_engine::raw::RawMessage;

/// Lists inside lists deeper than this are nonsense.
const MAX_LIST_DEPTH: usize = 20;

/// How a command ended, or what a server says unasked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    Ok,
    No,
    Bad,
    PreAuth,
    Bye,
}

/// A status response: OK, NO, BAD, PREAUTH or BYE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Status {
    pub condition: Condition,
    /// The response code without brackets, as written.
    pub code: Option<String>,
    pub text: String,
}

impl Status {
    /// The first word of the code, upper case.
    pub(super) fn code_name(&self) -> Option<String> {
        let name = self.code.as_deref()?.split(' ').next()?;
        Some(name.to_ascii_uppercase())
    }

    /// What follows the code's first word.
    pub(super) fn code_arguments(&self) -> &str {
        self.code.as_deref().and_then(|code| code.split_once(' ')).map_or("", |(_, rest)| rest)
    }

    /// The code and the text as the server wrote them.
    pub(super) fn shown(&self) -> String {
        match &self.code {
            Some(code) => format!("[{code}] {}", self.text),
            None => self.text.clone(),
        }
    }

    /// Reads "OK [CODE] text"; `None` when it is none of the five.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        let condition = match word.to_ascii_uppercase().as_str() {
            "OK" => Condition::Ok,
            "NO" => Condition::No,
            "BAD" => Condition::Bad,
            "PREAUTH" => Condition::PreAuth,
            "BYE" => Condition::Bye,
            _ => return None,
        };
        let (code, text) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((code, text)) => (Some(code.to_owned()), text.trim_start().to_owned()),
            None => (None, rest.to_owned()),
        };
        Some(Self { condition, code, text })
    }
}

/// What one response is.
#[derive(Debug)]
pub(super) enum Response {
    /// `+ ...`: go on.
    Continue,
    /// The end of a command.
    Done { tag: u64, status: Status },
    /// A status that belongs to no command's end.
    Status(Status),
    /// `* CAPABILITY ...`.
    Capability(String),
    /// `* n EXISTS`.
    Exists(u64),
    /// `* n RECENT`.
    Recent(u64),
    /// `* n EXPUNGE`.
    Expunge,
    /// `* VANISHED set` (RFC 7162 section 3.2.10): how many messages. Those that vanished before the folder was opened,
    /// `VANISHED (EARLIER)`, were never counted and are none.
    Vanished(u64),
    /// `* n FETCH (...)`.
    Fetch(FetchItems),
    /// `* SEARCH ...`: numbers.
    Search(Vec<u32>),
    /// Anything else.
    Other,
}

/// Where a literal of a response went.
#[derive(Debug)]
pub(super) enum Literal {
    /// A short one.
    Bytes(Vec<u8>),
    /// A message.
    Message(RawMessage),
    /// A piece that was appended where the caller wanted it; its length.
    Appended(u64),
    /// It is longer than what the caller allows; it was not read.
    Refused(u64),
}

/// What a FETCH response tells about one message.
#[derive(Debug, Default)]
pub(super) struct FetchItems {
    pub uid: Option<u32>,
    pub size: Option<u64>,
    pub received_at: Option<Instant>,
    pub body: Option<Literal>,
}

/// Reads one response. Literals stand as `{n}` in the text and come in their order. `None` is nonsense.
pub(super) fn parse(text: &[u8], literals: Vec<Literal>) -> Option<Response> {
    if text.starts_with(b"+") {
        return Some(Response::Continue);
    }
    let Some(untagged) = text.strip_prefix(b"* ") else {
        let line = String::from_utf8_lossy(text);
        let (tag, rest) = line.split_once(' ')?;
        let tag = tag.strip_prefix('T')?.parse().ok()?;
        return Some(Response::Done { tag, status: Status::parse(rest)? });
    };
    if untagged.first().is_some_and(u8::is_ascii_digit) {
        return numbered(untagged, literals);
    }
    let line = String::from_utf8_lossy(untagged);
    if let Some(status) = Status::parse(&line) {
        return Some(Response::Status(status));
    }
    let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
    Some(match word.to_ascii_uppercase().as_str() {
        "CAPABILITY" => Response::Capability(rest.to_owned()),
        "SEARCH" => Response::Search(rest.split(' ').filter_map(|number| number.parse().ok()).collect()),
        "VANISHED" => Response::Vanished(if rest.starts_with('(') { 0 } else { set_size(rest) }),
        _ => Response::Other,
    })
}

/// How many UIDs a set names; parts that are none are none.
fn set_size(set: &str) -> u64 {
    let size = |part: &str| {
        let (from, to) = part.split_once(':').unwrap_or((part, part));
        let (from, to): (u32, u32) = (from.parse().ok()?, to.parse().ok()?);
        Some(u64::from(from.abs_diff(to)) + 1)
    };
    set.trim().split(',').filter_map(size).fold(0, u64::saturating_add)
}

fn numbered(text: &[u8], literals: Vec<Literal>) -> Option<Response> {
    let space = memchr::memchr(b' ', text)?;
    let (number, rest) = text.split_at(space);
    let number = std::str::from_utf8(number).ok()?.parse().ok()?;
    let rest = rest.get(1..)?;
    if rest.eq_ignore_ascii_case(b"EXISTS") {
        return Some(Response::Exists(number));
    }
    if rest.eq_ignore_ascii_case(b"RECENT") {
        return Some(Response::Recent(number));
    }
    if rest.eq_ignore_ascii_case(b"EXPUNGE") {
        return Some(Response::Expunge);
    }
    if rest.get(..7).is_some_and(|word| word.eq_ignore_ascii_case(b"FETCH (")) {
        let mut items = Items { rest: rest.get(7..)?, literals: literals.into_iter() };
        return items.read().map(Response::Fetch);
    }
    Some(Response::Other)
}

struct Items<'x> {
    rest: &'x [u8],
    literals: std::vec::IntoIter<Literal>,
}

enum Value<'x> {
    Text(&'x [u8]),
    Nil,
    List,
    Literal(Literal),
}

impl<'x> Items<'x> {
    fn read(&mut self) -> Option<FetchItems> {
        let mut items = FetchItems::default();
        loop {
            self.skip_blanks();
            if self.rest.is_empty() || self.rest.starts_with(b")") {
                return Some(items);
            }
            let name = self.name()?.to_ascii_uppercase();
            self.skip_blanks();
            let value = self.value(0)?;
            match (name.as_slice(), value) {
                (b"UID", Value::Text(text)) => items.uid = number(text),
                (b"RFC822.SIZE", Value::Text(text)) => items.size = number(text),
                (b"INTERNALDATE", Value::Text(text)) => items.received_at = internal_date(text),
                (name, value) if name.starts_with(b"BODY[") => {
                    items.body = Some(match value {
                        Value::Literal(literal) => literal,
                        Value::Text(text) => Literal::Bytes(text.to_vec()),
                        Value::Nil | Value::List => Literal::Bytes(Vec::new()),
                    });
                }
                _ => {}
            }
        }
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }

    /// An item's name, with what stands in its brackets: `BODY[HEADER.FIELDS (X)]<0>`.
    fn name(&mut self) -> Option<&'x [u8]> {
        let mut in_brackets = false;
        let end = self
            .rest
            .iter()
            .position(|byte| {
                match byte {
                    b'[' => in_brackets = true,
                    b']' => in_brackets = false,
                    _ => {}
                }
                matches!(byte, b' ' | b')') && !in_brackets
            })
            .filter(|end| *end > 0)?;
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(name)
    }

    fn value(&mut self, depth: usize) -> Option<Value<'x>> {
        let (first, after) = self.rest.split_first()?;
        match first {
            b'"' => {
                let mut escaped = false;
                let end = after.iter().position(|byte| {
                    let ends = *byte == b'"' && !escaped;
                    escaped = *byte == b'\\' && !escaped;
                    ends
                })?;
                let (text, rest) = after.split_at(end);
                self.rest = rest.get(1..)?;
                Some(Value::Text(text))
            }
            b'{' | b'~' => {
                let end = memchr::memchr(b'}', self.rest)?;
                self.rest = self.rest.get(end + 1..)?;
                Some(Value::Literal(self.literals.next()?))
            }
            b'(' => {
                if depth > MAX_LIST_DEPTH {
                    return None;
                }
                self.rest = after;
                loop {
                    self.skip_blanks();
                    if let Some(rest) = self.rest.strip_prefix(b")") {
                        self.rest = rest;
                        return Some(Value::List);
                    }
                    self.value(depth + 1)?;
                }
            }
            _ => {
                let end = self.rest.iter().position(|byte| matches!(byte, b' ' | b')' | b'('));
                let (atom, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
                if atom.is_empty() {
                    return None;
                }
                self.rest = rest;
                Some(if atom.eq_ignore_ascii_case(b"NIL") { Value::Nil } else { Value::Text(atom) })
            }
        }
    }
}

fn number<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// "17-Jul-1996 02:44:25 -0700", its day padded with a blank or not at all.
fn internal_date(text: &[u8]) -> Option<Instant> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let date = DateTime::parse_from_str(text, "%d-%b-%Y %H:%M:%S %z").ok()?;
    Some(date.with_timezone(&Utc))
}

/// The length of the literal that a response line announces at its end.
pub(super) fn announced_literal(line: &[u8]) -> Option<u64> {
    let digits = line.strip_suffix(b"}")?;
    let open = memchr::memrchr(b'{', digits)?;
    let digits = digits.get(open + 1..)?;
    let digits = digits.strip_suffix(b"+").unwrap_or(digits);
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    // A number that fits nowhere is the largest there is: it is refused like any that is too large.
    is_number.then(|| number(digits).unwrap_or(u64::MAX))
}

/// Whether a response can hold literals at all: a status line's text may end with what looks like one.
pub(super) fn may_hold_literal(line: &[u8]) -> bool {
    let Some(untagged) = line.strip_prefix(b"* ") else { return false };
    let word = untagged.split(|byte| *byte == b' ').next().unwrap_or_default();
    !["OK", "NO", "BAD", "BYE", "PREAUTH"].iter().any(|status| word.eq_ignore_ascii_case(status.as_bytes()))
}

/// The literal at the end of this line is a message's content: `Some(None)` for all of it, `Some(Some(n))` for a
/// piece from byte n.
pub(super) fn body_literal(line: &[u8]) -> Option<Option<u64>> {
    let open = memchr::memrchr(b'{', line)?;
    let before = line.get(..open)?.trim_ascii_end();
    let before = before.strip_suffix(b"~").unwrap_or(before);
    let name = before.rsplit(|byte| matches!(byte, b' ' | b'(')).next()?;
    let name = name.get(..6).filter(|start| start.eq_ignore_ascii_case(b"BODY[]")).and(name.get(6..))?;
    match name.strip_prefix(b"<") {
        Some(offset) => Some(Some(number(offset.strip_suffix(b">")?)?)),
        None => name.is_empty().then_some(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetch(text: &str, literals: Vec<Literal>) -> FetchItems {
        match parse(text.as_bytes(), literals) {
            Some(Response::Fetch(items)) => items,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_listing_line_is_read_in_any_order() {
        let items = fetch(
            "* 3 FETCH (FLAGS (\\Seen $x) UID 7 INTERNALDATE \" 7-Jul-1996 02:44:25 -0700\" RFC822.SIZE 44 MODSEQ (5))",
            vec![],
        );
        assert_eq!((items.uid, items.size), (Some(7), Some(44)));
        assert_eq!(items.received_at.unwrap().to_rfc3339(), "1996-07-07T09:44:25+00:00");
    }

    #[test]
    fn a_body_is_a_literal_a_string_or_nil() {
        let bytes = |items: FetchItems| match items.body {
            Some(Literal::Bytes(bytes)) => bytes,
            other => panic!("{other:?}"),
        };
        let literal = vec![Literal::Bytes(b"abc".to_vec())];
        let items = fetch("* 1 FETCH (BODY[] {3} UID 9)", literal);
        assert_eq!(items.uid, Some(9));
        assert_eq!(bytes(items), b"abc");
        assert_eq!(bytes(fetch("* 1 FETCH (UID 1 BODY[] \"a b\")", vec![])), b"a b");
        assert_eq!(bytes(fetch("* 1 FETCH (UID 1 BODY[]<0> NIL)", vec![])), b"");
    }

    #[test]
    fn literals_are_announced_at_the_end_of_data_lines_only() {
        assert_eq!(announced_literal(b"* 1 FETCH (BODY[] {12}"), Some(12));
        assert_eq!(announced_literal(b"* 1 FETCH (BODY[] {99999999999999999999}"), Some(u64::MAX));
        assert_eq!(announced_literal(b"* OK {x}"), None);
        assert!(!may_hold_literal(b"* OK all {5}") && !may_hold_literal(b"T1 OK {5}"));
        assert_eq!(body_literal(b"* 1 FETCH (BODY[] {12}"), Some(None));
        assert_eq!(body_literal(b"* 1 FETCH (UID 4 body[]<1048576> {12}"), Some(Some(1_048_576)));
        assert_eq!(body_literal(b"* 1 FETCH (BODY[HEADER] {12}"), None);
    }

    #[test]
    fn codes_are_read() {
        let Some(Response::Done { tag: 4, status }) =
            parse(b"T4 NO [AUTHENTICATIONFAILED] Wrong password", vec![])
        else {
            panic!()
        };
        assert_eq!(status.code_name().unwrap(), "AUTHENTICATIONFAILED");
        assert_eq!(status.text, "Wrong password");
        let status = Status::parse("OK [UIDVALIDITY 12] ok").unwrap();
        assert_eq!(status.code_arguments(), "12");
    }

    #[test]
    fn what_vanished_is_counted_unless_it_vanished_before() {
        for (text, count) in [
            ("* VANISHED 5", 1),
            ("* vanished 3,5:7,9:8", 6),
            ("* VANISHED (EARLIER) 1:4000000000", 0),
            ("* VANISHED 1:4294967295,1:4294967295", 2 * u64::from(u32::MAX)),
            ("* VANISHED", 0),
            ("* VANISHED x,*,4", 1),
        ] {
            assert!(
                matches!(parse(text.as_bytes(), vec![]), Some(Response::Vanished(n)) if n == count),
                "{text}"
            );
        }
    }

    #[test]
    fn nonsense_is_nothing() {
        for text in [
            "",
            "*",
            "T OK",
            "X1 OK",
            "* 1 FETCH (",
            "* 1 FETCH (UID",
            "* 1 FETCH (BODY[] {5})",
            "* 99999999999999999999999 EXISTS",
            "* 1 FETCH (X \"",
            "T5 MAYBE",
        ] {
            let parsed = parse(text.as_bytes(), vec![]);
            assert!(
                matches!(parsed, None | Some(Response::Other | Response::Fetch(_))),
                "{text}: {parsed:?}"
            );
        }
        let deep = format!("* 1 FETCH (X {}", "(".repeat(10_000));
        assert!(parse(deep.as_bytes(), vec![]).is_none());
    }

    #[test]
    fn damaged_responses_are_read_or_refused() {
        const LINES: [&[u8]; 7] = [
            b"* 3 FETCH (FLAGS (\\Seen) UID 7 INTERNALDATE \" 7-Jul-1996 02:44:25 -0700\" RFC822.SIZE 44 BODY[] {3})",
            b"* 3 FETCH (UID 7 BODY[HEADER.FIELDS (X \"Y\")]<0> \"a\\\"b\" MODSEQ (5))",
            b"* OK [UIDVALIDITY 12] ok",
            b"T4 NO [AUTHENTICATIONFAILED] no",
            b"* SEARCH 1 2 3",
            b"* VANISHED (EARLIER) 1:3,5",
            b"* LIST (\\Noselect) \"/\" {5}",
        ];
        const BYTES: &[u8] = b" ()[]{}<>\"\\~*+0\xff\0";
        let mut state = 17_u64;
        let mut below = |end: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % end.max(1)
        };
        for _ in 0..50_000 {
            let mut line = LINES[below(LINES.len())].to_vec();
            for _ in 0..=below(4) {
                let at = below(line.len());
                match below(3) {
                    0 => line.truncate(at),
                    1 => line.insert(at, BYTES[below(BYTES.len())]),
                    _ if !line.is_empty() => line[at] = BYTES[below(BYTES.len())],
                    _ => {}
                }
            }
            let _ = (announced_literal(&line), body_literal(&line), may_hold_literal(&line));
            let _ = parse(&line, vec![Literal::Bytes(b"abc".to_vec())]);
        }
    }
}
