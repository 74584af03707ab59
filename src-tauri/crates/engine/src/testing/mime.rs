//! A reader and writer of the plainest messages: header lines, an empty line, text.

use crate::{
    ports::message::{Draft, MessageComposer, MessageParser, Unreadable},
    raw::RawMessage,
};
use std::io::{self, Read};
use tandem_domain::{
    address::{EmailAddress, Mention, MessageId},
    message::ParsedMessage,
};

/// Reads and writes plain messages; breaks where a message asks for it.
pub struct Plain;

impl MessageParser for Plain {
    fn parse(&self, raw: &RawMessage) -> Result<ParsedMessage, Unreadable> {
        let mut text = String::new();
        raw.open().unwrap().read_to_string(&mut text).map_err(|error| Unreadable(error.to_string()))?;
        assert!(!text.contains("X-Break: panic"), "a fault in the parser");
        if text.contains("X-Break: unreadable") {
            return Err(Unreadable("no header can be made out".to_owned()));
        }
        let header = |name: &str| {
            let head = text.lines().take_while(|line| !line.is_empty());
            head.filter_map(|line| line.split_once(": "))
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value)
        };
        let mention = |text: &str| Mention {
            written: text.to_owned(),
            address: EmailAddress::parse(text).ok(),
            name: String::new(),
        };
        Ok(ParsedMessage {
            message_id: header("Message-ID").and_then(MessageId::parse),
            in_reply_to: header("In-Reply-To").and_then(MessageId::parse).into_iter().collect(),
            from: header("From").map(mention).into_iter().collect(),
            to: header("To").map(mention).into_iter().collect(),
            subject: header("Subject").unwrap_or_default().to_owned(),
            test_mark: header("X-Tandem-Test").map(str::to_owned),
            size: raw.len(),
            ..Default::default()
        })
    }

    fn version(&self) -> &str {
        "plain 1"
    }
}

impl MessageComposer for Plain {
    fn compose(&self, draft: &Draft) -> io::Result<RawMessage> {
        let mark = draft.test_mark.as_ref().map_or(String::new(), |mark| format!("X-Tandem-Test: {mark}\n"));
        let text = format!(
            "Message-ID: <{}>\nFrom: {}\nTo: {}\nSubject: {}\n{mark}\n{}",
            draft.message_id, draft.from.written, draft.to[0].written, draft.subject, draft.body_text
        );
        Ok(text.into_bytes().into())
    }
}

/// A message with this id, and further header lines.
pub fn message(id: &str, more: &str) -> Vec<u8> {
    format!(
        "Message-ID: <{id}>\nFrom: ben@fabrikam.test\nTo: amy@contoso.test\nSubject: {id}\n{more}\nHello.\n"
    )
    .into_bytes()
}
