//! What is composed reads back as it was meant, and nothing a person types becomes a header.

use crate::support::{bytes, parse_both};
use chrono::DateTime;
use std::{io::Write, path::PathBuf};
use tandem_domain::{
    address::{EmailAddress, Mention, MessageId},
    message::ParsedMessage,
};
use tandem_engine::{
    ports::message::{AttachmentSource, Author, Draft, MessageComposer},
    raw::RawMessage,
};
use tandem_mail::mime::compose::MimeComposer;

fn mention(name: &str, address: &str) -> Mention {
    Mention { written: address.into(), address: EmailAddress::parse(address).ok(), name: name.into() }
}

fn draft() -> Draft {
    Draft {
        message_id: MessageId::parse("draft-1@contoso.test").unwrap(),
        author: Author::Person,
        from: mention("Amy Adams", "amy@contoso.test"),
        to: vec![mention("Bob", "bob@fabrikam.test")],
        cc: vec![],
        subject: "Order 17".into(),
        body_text: "Hello\nBob".into(),
        body_html: None,
        in_reply_to: None,
        references: vec![],
        date: DateTime::from_timestamp(1_795_169_472, 0).unwrap(),
        attachments: vec![],
        test_mark: None,
    }
}

fn compose(draft: &Draft) -> (Vec<u8>, ParsedMessage) {
    let raw = MimeComposer.compose(draft).unwrap();
    let bytes = bytes(&raw);
    let parsed = parse_both(&bytes).unwrap();
    assert!(bytes.split(|byte| *byte == b'\n').all(|line| line.len() <= 998), "a line is too long");
    assert!(bytes.windows(2).all(|two| two[1] != b'\n' || two[0] == b'\r'), "a bare LF");
    assert_eq!(parsed.defects, Vec::<String>::new());
    (bytes, parsed)
}

fn file(content: &[u8]) -> (tempfile::NamedTempFile, PathBuf) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content).unwrap();
    let path = file.path().to_path_buf();
    (file, path)
}

#[test]
fn what_the_program_writes_by_itself_says_so_and_what_a_person_writes_does_not() {
    let (_, parsed) = compose(&draft());
    assert_eq!(parsed.auto_submitted, None);
    let (_, parsed) = compose(&Draft { author: Author::Program, ..draft() });
    assert_eq!(parsed.auto_submitted.as_deref(), Some("auto-generated"));
}

#[test]
fn everything_reads_back() {
    let mut draft = draft();
    draft.from = mention("Amélie \"The Boss\" Dürr, Sales", "amy@contoso.test");
    draft.to = (0..60)
        .map(|n| mention(&format!("Jürgen Nr. {n}; (Köln)"), &format!("j{n}@fabrikam.test")))
        .collect();
    draft.cc = vec![mention("", "carl@fabrikam.test")];
    draft.subject = format!("Grüße 你好 🎉 {} end", "sehr lang ".repeat(40));
    draft.body_text = format!("Guten Tag,\n.\n..\n\nFrom here\n{}\nEnde", "ä".repeat(2_000));
    draft.body_html = Some("<p>Guten Tag, <b>你好</b></p>".into());
    draft.in_reply_to = MessageId::parse("asked@fabrikam.test");
    draft.references =
        (0..40).map(|n| MessageId::parse(&format!("ref-{n}@fabrikam.test")).unwrap()).collect();
    draft.test_mark = Some("4f5c".into());
    let (_keep, path) = file(b"a;b\r\nc;d\r\n");
    draft.attachments = vec![
        AttachmentSource {
            name: "Preise für Köln – €.csv".into(), mime_type: None, path: path.clone()
        },
        AttachmentSource { name: "../../x.bin".into(), mime_type: Some("bad type\r\nX: y".into()), path },
    ];
    let (_, parsed) = compose(&draft);
    assert_eq!(parsed.subject, draft.subject);
    assert_eq!(parsed.from, vec![draft.from.clone()]);
    assert_eq!(parsed.to, draft.to);
    assert_eq!(parsed.cc, draft.cc);
    assert_eq!(parsed.body_text, draft.body_text);
    assert_eq!(parsed.body_html.as_deref().map(str::trim), draft.body_html.as_deref());
    assert_eq!(parsed.message_id, Some(draft.message_id.clone()));
    assert_eq!(parsed.in_reply_to, Vec::from_iter(draft.in_reply_to.clone()));
    assert_eq!(parsed.references, draft.references);
    assert_eq!(parsed.sent_at, Some(draft.date));
    assert_eq!(parsed.test_mark, draft.test_mark);
    let files: Vec<_> =
        parsed.attachments.iter().map(|a| (a.name.as_str(), a.mime_type.as_str(), a.size)).collect();
    assert_eq!(
        files,
        [("Preise für Köln – €.csv", "text/csv", 10), ("x.bin", "application/octet-stream", 10)]
    );
}

#[test]
fn nothing_typed_becomes_a_header() {
    let evil = "x\r\nBcc: victim@evil.test\r\n\r\nbody\nX-Evil: y\u{2028}\0";
    let mut draft = draft();
    draft.subject = evil.into();
    draft.from.name = evil.into();
    draft.to = vec![
        mention(evil, "bob@fabrikam.test"),
        Mention { written: format!("eve@x.test>{evil}"), address: None, name: String::new() },
    ];
    draft.test_mark = Some(evil.into());
    draft.references = vec![MessageId::parse("a@b> <c@d").unwrap()];
    let (_keep, path) = file(b"x");
    draft.attachments = vec![AttachmentSource { name: evil.into(), mime_type: Some(evil.into()), path }];
    let raw = bytes(&MimeComposer.compose(&draft).unwrap());
    let text = String::from_utf8_lossy(&raw).into_owned();
    for line in text.split("\r\n") {
        let lower = line.to_lowercase();
        assert!(!lower.starts_with("bcc:") && !lower.starts_with("x-evil:"), "{line}");
    }
    let parsed = parse_both(&raw).unwrap();
    assert_eq!(parsed.bcc, vec![]);
    assert_eq!(parsed.body_text, draft.body_text);
    assert_eq!(parsed.attachments.len(), 1);
}

#[test]
fn a_large_attachment_is_streamed_into_a_file() {
    let content: Vec<u8> = (0..3_000_001_u32).map(|n| (n % 251) as u8).collect();
    let (_keep, path) = file(&content);
    let mut draft = draft();
    draft.attachments = vec![AttachmentSource { name: "big.zip".into(), mime_type: None, path }];
    let raw = MimeComposer.compose(&draft).unwrap();
    assert!(matches!(raw, RawMessage::Spooled { .. }));
    let whole = bytes(&raw);
    assert_eq!(raw.len(), whole.len() as u64);
    let parsed = parse_both(&whole).unwrap();
    assert_eq!(crate::support::content(&whole, &parsed, 0), content);
}

#[test]
fn a_small_message_stays_in_memory_and_an_unreadable_file_is_named() {
    let mut draft = draft();
    assert!(matches!(MimeComposer.compose(&draft).unwrap(), RawMessage::Memory(_)));
    draft.attachments =
        vec![AttachmentSource { name: "a".into(), mime_type: None, path: "/no/such/file.pdf".into() }];
    let error = MimeComposer.compose(&draft).unwrap_err();
    assert!(error.to_string().contains("file.pdf"), "{error}");
}

#[test]
fn nobody_in_to_is_said_as_such() {
    let mut draft = draft();
    draft.to = vec![];
    let (bytes, parsed) = compose(&draft);
    assert!(String::from_utf8_lossy(&bytes).contains("To: undisclosed-recipients:;"));
    assert_eq!(parsed.to, vec![]);
}
