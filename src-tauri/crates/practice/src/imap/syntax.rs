//! The arguments of an IMAP command: words, strings, literals and lists, read tolerantly (RFC 3501 section 9).

use crate::wire::Wire;
use std::io;

const LONGEST_LINE: usize = 256 * 1024;
const LARGEST_LITERAL: usize = 256 * 1024 * 1024;
const DEEPEST_LIST: usize = 32;

/// One argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Arg {
    /// An atom, with whatever is in its square brackets: `UID`, `1:*`, `BODY.PEEK[HEADER.FIELDS (DATE)]<0.10>`.
    Word(String),
    /// A quoted string or a literal.
    Text(Vec<u8>),
    /// A list in parentheses.
    List(Vec<Arg>),
}

/// A command as it was read: its lines with the literals between them.
pub(super) enum Piece {
    Line(Vec<u8>),
    Literal(Vec<u8>),
}

impl Arg {
    /// The word or string as text.
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Self::Word(word) => Some(word.clone()),
            Self::Text(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            Self::List(_) => None,
        }
    }

    /// The word in upper case; strings and lists are not words.
    pub(super) fn word(&self) -> Option<String> {
        match self {
            Self::Word(word) => Some(word.to_ascii_uppercase()),
            Self::Text(_) | Self::List(_) => None,
        }
    }

    /// The list, or a single argument as a list of one.
    pub(super) fn items(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            Self::Word(_) | Self::Text(_) => std::slice::from_ref(self),
        }
    }
}

/// Reads one command with its literals, asking for those that wait for it.
pub(super) async fn read_command(wire: &mut Wire) -> io::Result<Vec<Piece>> {
    let mut pieces = Vec::new();
    loop {
        let line = wire.read_line(LONGEST_LINE).await?;
        let Some((length, waits)) = literal_at_end(&line) else {
            pieces.push(Piece::Line(line));
            return Ok(pieces);
        };
        if length > LARGEST_LITERAL {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the client's literal is too big"));
        }
        if waits {
            wire.send(b"+ go ahead\r\n").await?;
        }
        let text_length = line.iter().rposition(|byte| *byte == b'{').unwrap_or(line.len());
        pieces.push(Piece::Line(line.get(..text_length).unwrap_or_default().to_vec()));
        pieces.push(Piece::Literal(wire.read_octets(length).await?));
    }
}

/// The length in a `{123}` or `{123+}` that ends the line, and whether the client waits to be asked for it.
fn literal_at_end(line: &[u8]) -> Option<(usize, bool)> {
    let open = line.iter().rposition(|byte| *byte == b'{')?;
    let inside = std::str::from_utf8(line.get(open + 1..)?).ok()?.strip_suffix('}')?;
    let (digits, waits) = inside.strip_suffix('+').map_or((inside, true), |digits| (digits, false));
    Some((digits.parse().ok()?, waits))
}

/// Splits a command into its arguments; nothing if it is malformed or nested too deeply.
pub(super) fn arguments(pieces: Vec<Piece>) -> Option<Vec<Arg>> {
    let mut open: Vec<Vec<Arg>> = vec![Vec::new()];
    for piece in pieces {
        match piece {
            Piece::Literal(bytes) => open.last_mut()?.push(Arg::Text(bytes)),
            Piece::Line(line) => split_line(&line, &mut open)?,
        }
    }
    let whole = open.pop()?;
    open.is_empty().then_some(whole)
}

fn split_line(line: &[u8], open: &mut Vec<Vec<Arg>>) -> Option<()> {
    let mut rest = line;
    while let Some((first, after)) = rest.split_first() {
        match first {
            b' ' => rest = after,
            b'(' => {
                if open.len() > DEEPEST_LIST {
                    return None;
                }
                open.push(Vec::new());
                rest = after;
            }
            b')' => {
                let list = open.pop()?;
                open.last_mut()?.push(Arg::List(list));
                rest = after;
            }
            b'"' => {
                let (text, used) = quoted(after)?;
                open.last_mut()?.push(Arg::Text(text));
                rest = after.get(used..)?;
            }
            _ => {
                let length = word_length(rest);
                let word = String::from_utf8_lossy(rest.get(..length)?).into_owned();
                open.last_mut()?.push(Arg::Word(word));
                rest = rest.get(length..)?;
            }
        }
    }
    Some(())
}

/// A quoted string after its opening quote, and how many bytes it took.
fn quoted(rest: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut text, mut is_escaped) = (Vec::new(), false);
    for (at, byte) in rest.iter().enumerate() {
        match byte {
            _ if is_escaped => {
                text.push(*byte);
                is_escaped = false;
            }
            b'\\' => is_escaped = true,
            b'"' => return Some((text, at + 1)),
            _ => text.push(*byte),
        }
    }
    None
}

fn word_length(rest: &[u8]) -> usize {
    let mut is_bracketed = false;
    let end = rest.iter().position(|byte| match byte {
        b'[' => {
            is_bracketed = true;
            false
        }
        b']' => {
            is_bracketed = false;
            false
        }
        b' ' | b'(' | b')' => !is_bracketed,
        _ => false,
    });
    end.unwrap_or(rest.len())
}

/// A text as IMAP sends it: quoted where possible, else as a literal.
pub(super) fn quote(text: &str) -> String {
    if text.bytes().any(|byte| !(b' '..=b'~').contains(&byte)) {
        return format!("{{{}}}\r\n{text}", text.len());
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str) -> Arg {
        Arg::Word(text.to_owned())
    }

    #[test]
    fn a_command_is_split_into_words_strings_literals_and_lists() {
        let pieces = vec![
            Piece::Line(
                br#"a1 FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (DATE TO)]<0.9> (x)) "q \"q\"" "#.to_vec(),
            ),
            Piece::Literal(b"lit\r\neral".to_vec()),
            Piece::Line(Vec::new()),
        ];
        let expected = vec![
            word("a1"),
            word("FETCH"),
            word("1:*"),
            Arg::List(vec![
                word("UID"),
                word("BODY.PEEK[HEADER.FIELDS (DATE TO)]<0.9>"),
                Arg::List(vec![word("x")]),
            ]),
            Arg::Text(b"q \"q\"".to_vec()),
            Arg::Text(b"lit\r\neral".to_vec()),
        ];
        assert_eq!(arguments(pieces), Some(expected));
    }

    #[test]
    fn malformed_and_bottomless_commands_are_refused() {
        for line in ["a (", "a )", "a \"open", &"(".repeat(100_000)] {
            assert_eq!(arguments(vec![Piece::Line(line.as_bytes().to_vec())]), None);
        }
    }

    #[test]
    fn a_literal_is_announced_at_the_end_of_a_line() {
        assert_eq!(literal_at_end(b"a APPEND x {12}"), Some((12, true)));
        assert_eq!(literal_at_end(b"a APPEND x {12+}"), Some((12, false)));
        assert_eq!(literal_at_end(b"a NOOP {x}"), None);
        assert_eq!(literal_at_end(b"a NOOP {1} "), None);
    }
}
