//! Replies of an SMTP server: a code, an enhanced status code (RFC 3463), words.

use crate::net::{Wire, failure as net};
use std::fmt;
use tandem_domain::failure::Failure;

/// A reply has a few lines; EHLO's has a few dozen.
const MAX_LINES: usize = 200;

/// A reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    /// 200 to 599.
    pub(super) code: u16,
    pub(super) enhanced: Option<Enhanced>,
    /// The words of each line, without codes.
    pub(super) lines: Vec<String>,
}

/// An enhanced status code such as 5.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Enhanced {
    pub(super) class: u16,
    pub(super) subject: u16,
    pub(super) detail: u16,
}

impl Reply {
    /// 2xx: done.
    pub(super) fn is_done(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// 4xx: not now.
    pub(super) fn is_transient(&self) -> bool {
        (400..500).contains(&self.code)
    }

    /// 421: the server closes the connection, whatever was asked (RFC 5321 section 3.8).
    pub(super) fn closes(&self) -> bool {
        self.code == 421
    }

    /// Subject and detail of the enhanced code, whose class repeats the code.
    pub(super) fn status(&self) -> Option<(u16, u16)> {
        self.enhanced.map(|enhanced| (enhanced.subject, enhanced.detail))
    }
}

impl fmt::Display for Reply {
    /// As one line, in the server's words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(Enhanced { class, subject, detail }) = self.enhanced {
            write!(f, " {class}.{subject}.{detail}")?;
        }
        for line in self.lines.iter().filter(|line| !line.is_empty()) {
            write!(f, " {line}")?;
        }
        Ok(())
    }
}

/// Reads one reply, of one or several lines (RFC 5321 section 4.2.1).
pub(super) async fn read(wire: &mut Wire) -> Result<Reply, Failure> {
    let mut reply: Option<Reply> = None;
    for _ in 0..MAX_LINES {
        let line = wire.line().await?;
        let Some((code, last, text)) = parse_line(line) else {
            let said = format!("this is no SMTP reply: {}", String::from_utf8_lossy(line));
            return Err(net::violation(wire.host(), &said));
        };
        let (enhanced, text) = split_enhanced(code, text);
        match &mut reply {
            None => reply = Some(Reply { code, enhanced, lines: vec![text] }),
            Some(begun) => {
                // Servers exist that change the code within a reply; the last line is the one that counts.
                begun.code = code;
                begun.enhanced = enhanced.or(begun.enhanced);
                begun.lines.push(text);
            }
        }
        if let (true, Some(reply)) = (last, reply.take_if(|_| last)) {
            return Ok(reply);
        }
    }
    Err(net::violation(wire.host(), "a reply does not end"))
}

fn parse_line(line: &[u8]) -> Option<(u16, bool, String)> {
    let code: u16 = std::str::from_utf8(line.get(..3)?).ok()?.parse().ok()?;
    if !(200..600).contains(&code) {
        return None;
    }
    let last = match line.get(3) {
        None | Some(b' ') => true,
        Some(b'-') => false,
        Some(_) => return None,
    };
    let text = String::from_utf8_lossy(line.get(4..).unwrap_or_default()).trim().to_owned();
    Some((code, last, text))
}

fn split_enhanced(code: u16, text: String) -> (Option<Enhanced>, String) {
    let word = text.split(' ').next().unwrap_or_default();
    let numbers: Vec<Option<u16>> = word.split('.').map(|number| number.parse().ok()).collect();
    match numbers.as_slice() {
        [Some(class), Some(subject), Some(detail)] if *class == code / 100 => {
            let enhanced = Enhanced { class: *class, subject: *subject, detail: *detail };
            let rest = text.get(word.len()..).unwrap_or_default().trim().to_owned();
            (Some(enhanced), rest)
        }
        _ => (None, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_enhanced_codes_are_read() {
        assert_eq!(parse_line(b"250-SIZE 1"), Some((250, false, "SIZE 1".into())));
        assert_eq!(parse_line(b"250"), Some((250, true, String::new())));
        for nonsense in [&b""[..], b"25", b"999 x", b"199 x", b"250x", b"+OK", b"\xff\xff\xff"] {
            assert_eq!(parse_line(nonsense), None);
        }
        let (enhanced, text) = split_enhanced(550, "5.7.30 Basic authentication".into());
        assert_eq!(enhanced, Some(Enhanced { class: 5, subject: 7, detail: 30 }));
        assert_eq!(text, "Basic authentication");
        // An address of a server is no status.
        assert_eq!(split_enhanced(220, "192.168.0.1 ready".into()).0, None);
        assert_eq!(split_enhanced(250, "5.1.1 odd".into()).0, None);
    }
}
