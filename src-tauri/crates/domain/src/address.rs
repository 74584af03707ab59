//! Email addresses and message ids as they are compared: one spelling each.

use std::fmt;

/// An email address in the one spelling that Tandem compares: trimmed, lower case.
///
/// The local part is case-sensitive by RFC 5321 section 2.4, but no server that people use treats it so, and
/// Dynamics 365 does not either. The spelling for display lives beside it in [`Mention`].
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EmailAddress(String);

/// Why a text is not an email address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not an email address: {why}")]
pub struct NotAnAddress {
    /// The text, cut to 80 characters.
    pub text: String,
    /// What is missing or wrong, in words.
    pub why: &'static str,
}

impl EmailAddress {
    /// Reads an address as people type it. Checks what every address must have (one `@`, something on both
    /// sides, no blanks or control characters, at most 320 bytes); the server is the judge of the rest.
    ///
    /// # Errors
    /// [`NotAnAddress`] with the first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, NotAnAddress> {
        let trimmed = text.trim();
        let not = |why| Err(NotAnAddress { text: text.chars().take(80).collect(), why });
        if trimmed.is_empty() {
            return not("it is empty");
        }
        if trimmed.len() > 320 {
            return not("it is longer than 320 bytes");
        }
        if trimmed.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ',' | ';'))
        {
            return not("it contains a blank, a control character or one of < > , ;");
        }
        let Some((local, domain)) = trimmed.rsplit_once('@') else {
            return not("it has no @");
        };
        if local.is_empty() {
            return not("nothing stands before the @");
        }
        if domain.is_empty() || domain.starts_with('.') || domain.ends_with('.') {
            return not("no domain stands after the @");
        }
        Ok(Self(trimmed.to_lowercase()))
    }

    /// The address as compared.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands after the last `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.0)
    }
}

/// An address as a message mentions it: the text as it stood there, the comparable address when it is one, and
/// the display name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// The address as written, at most 1,000 bytes; may be no valid address at all.
    pub written: String,
    /// The comparable address; `None` when what is written is not one.
    pub address: Option<EmailAddress>,
    /// The display name, empty when there is none.
    pub name: String,
}

/// A Message-ID (RFC 5322 section 3.6.4) without its angle brackets.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(String);

impl MessageId {
    /// Reads one id, with or without angle brackets. `None` for an empty one or one over 998 bytes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let id = text.trim().trim_start_matches('<').trim_end_matches('>').trim();
        let usable = !id.is_empty() && id.len() <= 998 && !id.chars().any(char::is_control);
        usable.then(|| Self(id.to_owned()))
    }

    /// The id without angle brackets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_compared_without_case_and_blanks() {
        assert_eq!(EmailAddress::parse(" Amy@Contoso.Test "), EmailAddress::parse("amy@contoso.test"));
    }

    #[test]
    fn what_is_no_address_says_why() {
        for (text, why) in
            [("", "empty"), ("amy", "no @"), ("@x", "before"), ("a@", "after"), ("a b@c", "blank")]
        {
            let error = EmailAddress::parse(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn a_message_id_loses_its_brackets() {
        assert_eq!(MessageId::parse(" <a@b> ").unwrap().as_str(), "a@b");
        assert_eq!(MessageId::parse("<>"), None);
    }
}
