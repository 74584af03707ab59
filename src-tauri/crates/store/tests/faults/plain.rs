//! The plainest messages, and passwords that a person entered.

use async_trait::async_trait;
use std::{
    collections::HashMap,
    io::{self, Read},
    sync::Mutex,
};
use tandem_domain::{
    address::{EmailAddress, Mention, MessageId},
    failure::Failure,
    mailbox::Mailbox,
    message::ParsedMessage,
    profile::EmailServerProfile,
};
use tandem_engine::{
    ports::{
        mail::Credentials,
        message::{Draft, MessageComposer, MessageParser, Unreadable},
        storage::CredentialSource,
    },
    raw::RawMessage,
};

/// Header lines, an empty line, text.
pub struct Plain;

/// The bytes of a message.
pub fn message(id: &str, from: &str, to: &str) -> Vec<u8> {
    format!("Message-ID: <{id}>\nFrom: {from}\nTo: {to}\nSubject: {id}\n\nHello.\n").into_bytes()
}

/// All bytes of a raw message.
pub fn bytes(raw: &RawMessage) -> Vec<u8> {
    let mut bytes = Vec::new();
    raw.open().unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

/// The Message-ID of a message's bytes.
pub fn id_of(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let line = text.lines().find_map(|line| line.strip_prefix("Message-ID: <")).unwrap();
    line.trim_end_matches('>').to_owned()
}

impl MessageParser for Plain {
    fn parse(&self, raw: &RawMessage) -> Result<ParsedMessage, Unreadable> {
        let text = String::from_utf8(bytes(raw)).map_err(|error| Unreadable(error.to_string()))?;
        let header = |name: &str| {
            let lines = text.lines().take_while(|line| !line.is_empty());
            lines
                .filter_map(|line| line.split_once(": "))
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
            from: header("From").map(mention).into_iter().collect(),
            to: header("To").map(mention).into_iter().collect(),
            subject: header("Subject").unwrap_or_default().to_owned(),
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
        Ok(message(draft.message_id.as_str(), &draft.from.written, &draft.to[0].written).into())
    }
}

/// What a person entered, by address.
#[derive(Default)]
pub struct Entered(pub Mutex<HashMap<String, String>>);

#[async_trait]
impl CredentialSource for Entered {
    async fn credentials(
        &self,
        mailbox: &Mailbox,
        _profile: &EmailServerProfile,
    ) -> Result<Credentials, Failure> {
        let user_name = mailbox.email.to_string();
        let password = self.0.lock().unwrap()[&user_name].clone();
        Ok(Credentials::Password { user_name, password: password.into() })
    }
}
