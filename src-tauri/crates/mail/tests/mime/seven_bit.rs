//! What is composed can go through every server: seven bits, CRLF, lines of at most 998 bytes, whatever was typed.

use crate::support::bytes;
use chrono::DateTime;
use std::io::Write;
use tandem_domain::address::{EmailAddress, Mention, MessageId};
use tandem_engine::ports::message::{AttachmentSource, Author, Draft, MessageComposer};
use tandem_mail::mime::compose::MimeComposer;

#[test]
fn every_byte_has_seven_bits_and_no_line_is_too_long() {
    let texts = [
        "Grüße 你好 🎉".to_owned(),
        "ä".repeat(5_000),
        "x".repeat(5_000),
        format!("{}\n{}", "a".repeat(990), "b".repeat(1_000)),
        "\u{80}\u{ff}\0\u{1b}[2J\r\r\n\n".to_owned(),
        "\u{feff}From here\n.\n=?utf-8?q?x?=\t".to_owned(),
    ];
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&(0..=255).cycle().take(10_000).collect::<Vec<u8>>()).unwrap();
    for text in &texts {
        let id =
            |text: &str| MessageId::parse(text).unwrap_or_else(|| MessageId::parse("plain@x.test").unwrap());
        let odd: String = text.chars().filter(|c| !c.is_whitespace() && !c.is_control()).take(700).collect();
        let who = |address: &str| Mention {
            written: address.to_owned(),
            address: EmailAddress::parse(address).ok(),
            name: text.clone(),
        };
        let draft = Draft {
            message_id: id("draft@contoso.test"),
            author: Author::Program,
            from: who("amy@contoso.test"),
            to: vec![who("bo@fabrikam.test"), who("bo@b\u{fc}cher.test")],
            cc: vec![who(&format!("{}@x.test", "long".repeat(60)))],
            subject: text.clone(),
            body_text: text.clone(),
            body_html: Some(format!("<p title=\"{text}\">{text}</p>")),
            // A message that came in named these; they need not be ASCII.
            in_reply_to: Some(id(&format!("<{odd}@x.test>"))),
            references: vec![id(&format!("<{odd}@x.test>")), id("<\u{e4}@\u{fc}.test>"), id("<fine@x.test>")],
            date: DateTime::from_timestamp(1_795_169_472, 0).unwrap(),
            attachments: vec![AttachmentSource {
                name: text.clone(),
                mime_type: Some(format!("text/{odd}")),
                path: file.path().to_owned(),
            }],
            test_mark: Some(text.clone()),
        };
        let composed = bytes(&MimeComposer.compose(&draft).unwrap());
        let shown = String::from_utf8_lossy(&composed);
        for line in shown.split("\r\n") {
            assert!(line.is_ascii(), "{line}");
            assert!(line.len() <= 998, "{} bytes: {line}", line.len());
            assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
        }
        assert!(shown.contains("fine@x.test") && shown.contains("bo@xn--bcher-kva.test"), "{shown}");
    }
}
