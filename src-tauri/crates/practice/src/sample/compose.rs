//! How a sample message is put together: header, encoded words, MIME parts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Duration, Utc};

use super::{MARK, Person, SampleMail};

/// A message under construction.
pub(super) struct Draft {
    shows: &'static str,
    mailboxes: Vec<&'static str>,
    at: DateTime<Utc>,
    header: Vec<(&'static str, String)>,
    content: Vec<u8>,
}

impl Draft {
    /// A message with an id made from `id`, that arrived this long before `now` in the mailboxes of `to`.
    pub(super) fn new(
        shows: &'static str,
        id: &str,
        (now, ago): (DateTime<Utc>, Duration),
        from: &Person,
        to: &[&Person],
    ) -> Self {
        let at = now - ago;
        let recipients: Vec<String> = to.iter().map(|person| mailbox(person)).collect();
        let header = vec![
            ("From", mailbox(from)),
            ("To", recipients.join(",\r\n ")),
            ("Date", (at - Duration::seconds(20)).format("%a, %d %b %Y %H:%M:%S +0000").to_string()),
            ("Message-ID", message_id(id, from)),
            (MARK.0, MARK.1.to_owned()),
            ("MIME-Version", "1.0".to_owned()),
        ];
        let mailboxes = to.iter().map(|person| person.address).collect();
        Self { shows, mailboxes, at, header, content: Vec::new() }
    }

    pub(super) fn subject(self, subject: &str) -> Self {
        let subject = encoded(subject);
        self.with("Subject", &subject)
    }

    /// Adds a header field, or replaces it.
    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.header.retain(|(it, _)| *it != name);
        self.header.push((name, value.to_owned()));
        self
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        self.header.retain(|(it, _)| *it != name);
        self
    }

    /// Makes it an answer to these messages, the last of them directly.
    pub(super) fn answers(self, thread: &[(&str, &Person)]) -> Self {
        let ids: Vec<String> = thread.iter().map(|(id, from)| message_id(id, from)).collect();
        let last = ids.last().cloned().unwrap_or_default();
        self.with("In-Reply-To", &last).with("References", &ids.join("\r\n "))
    }

    /// Plain text in UTF-8.
    pub(super) fn text(self, text: &str) -> Self {
        let is_ascii = text.is_ascii();
        let encoding = if is_ascii { "7bit" } else { "8bit" };
        self.body("text/plain; charset=utf-8", encoding, lines(text).into_bytes())
    }

    /// A body of any type.
    pub(super) fn body(self, content_type: &str, encoding: &str, content: Vec<u8>) -> Self {
        let mut draft = self.with("Content-Type", content_type).with("Content-Transfer-Encoding", encoding);
        draft.content = content;
        draft
    }

    /// Several parts; each begins with its own header.
    pub(super) fn parts(self, kind: &str, parts: &[String]) -> Self {
        let mut content = String::from("This message has several parts.\r\n");
        for part in parts {
            content.push_str("\r\n--practice-boundary\r\n");
            content.push_str(part);
        }
        content.push_str("\r\n--practice-boundary--\r\n");
        let separator = if kind.contains(';') { ";\r\n " } else { "; " };
        let content_type = format!("multipart/{kind}{separator}boundary=\"practice-boundary\"");
        self.body(&content_type, "8bit", content.into_bytes())
    }

    pub(super) fn build(self) -> SampleMail {
        let mut raw = Vec::new();
        for (name, value) in &self.header {
            raw.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        raw.extend_from_slice(b"\r\n");
        raw.extend_from_slice(&self.content);
        SampleMail { shows: self.shows, mailboxes: self.mailboxes, received_at: self.at, raw }
    }
}

/// The Message-ID that [`Draft::new`] makes from `id`.
pub(super) fn message_id(id: &str, from: &Person) -> String {
    let domain = from.address.split_once('@').map_or("", |(_, domain)| domain);
    format!("<{id}@{domain}>")
}

/// A text part.
pub(super) fn text_part(content_type: &str, text: &str) -> String {
    format!("Content-Type: {content_type}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{}", lines(text))
}

/// An attached file in base64.
pub(super) fn file_part(content_type: &str, name: &str, content: &[u8]) -> String {
    let name = encoded(name);
    let head = format!(
        "Content-Type: {content_type}; name=\"{name}\"\r\nContent-Disposition: attachment; filename=\"{name}\"\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n"
    );
    head + &base64_lines(content)
}

/// Base64 in lines of 76 characters.
pub(super) fn base64_lines(content: &[u8]) -> String {
    let mut text = String::new();
    for chunk in content.chunks(57) {
        text.push_str(&STANDARD.encode(chunk));
        text.push_str("\r\n");
    }
    text
}

/// Text with the line ends of mail.
pub(super) fn lines(text: &str) -> String {
    let mut wire = text.lines().collect::<Vec<_>>().join("\r\n");
    wire.push_str("\r\n");
    wire
}

/// An address with its name.
pub(super) fn mailbox(person: &Person) -> String {
    let name = if person.name.is_ascii() { format!("\"{}\"", person.name) } else { encoded(person.name) };
    format!("{name} <{}>", person.address)
}

/// A header text, folded; in encoded words (RFC 2047) if it is not ASCII.
fn encoded(text: &str) -> String {
    if text.is_ascii() {
        return folded(text);
    }
    let mut words = Vec::new();
    let mut word = String::new();
    for c in text.chars() {
        if word.len() + c.len_utf8() > 42 {
            words.push(std::mem::take(&mut word));
        }
        word.push(c);
    }
    words.push(word);
    let encoded: Vec<String> =
        words.iter().map(|word| format!("=?UTF-8?B?{}?=", STANDARD.encode(word))).collect();
    encoded.join("\r\n ")
}

fn folded(text: &str) -> String {
    let mut folded = String::new();
    let mut length = 0;
    for word in text.split(' ') {
        if length > 0 {
            let is_full = length + word.len() > 66;
            folded.push_str(if is_full { "\r\n " } else { " " });
            length = if is_full { 0 } else { length };
        }
        folded.push_str(word);
        length += word.len() + 1;
    }
    folded
}
