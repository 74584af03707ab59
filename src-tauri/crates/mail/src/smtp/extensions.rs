//! What a server says it can do (EHLO, RFC 5321 section 4.1.1.1).

use super::reply::Reply;

/// A server's extensions. None after HELO.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Extensions {
    pub(super) starttls: bool,
    pub(super) pipelining: bool,
    pub(super) eight_bit_mime: bool,
    pub(super) smtp_utf8: bool,
    /// Whether SIZE is offered (RFC 1870).
    pub(super) size: bool,
    /// The largest message; `None` when the server does not say.
    pub(super) max_bytes: Option<u64>,
    /// SASL mechanisms, in upper case.
    pub(super) auth: Vec<String>,
}

impl Extensions {
    /// Reads them from the reply to EHLO, whose first line is the server's name.
    pub(super) fn of(reply: &Reply) -> Self {
        let mut extensions = Self::default();
        for line in reply.lines.iter().skip(1) {
            extensions.take(line);
        }
        extensions
    }

    /// Whether it offers a SASL mechanism.
    pub(super) fn offers(&self, mechanism: &str) -> bool {
        self.auth.iter().any(|offered| offered == mechanism)
    }

    fn take(&mut self, line: &str) {
        // `AUTH=LOGIN` is how old servers wrote it.
        let line = line.to_ascii_uppercase().replacen("AUTH=", "AUTH ", 1);
        let mut words = line.split_ascii_whitespace().map(str::to_owned);
        match words.next().as_deref() {
            Some("STARTTLS") => self.starttls = true,
            Some("PIPELINING") => self.pipelining = true,
            Some("8BITMIME") => self.eight_bit_mime = true,
            Some("SMTPUTF8") => self.smtp_utf8 = true,
            Some("AUTH") => self.auth.extend(words),
            Some("SIZE") => {
                self.size = true;
                // 0 means that there is no fixed limit (RFC 1870 section 4).
                self.max_bytes = words.next().and_then(|word| word.parse().ok()).filter(|bytes| *bytes > 0);
            }
            _ => {}
        }
    }
}
