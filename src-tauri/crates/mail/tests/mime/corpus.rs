//! One file per quirk of real senders, and what must come out.

use crate::support::{content, corpus, parse_both};
use std::collections::HashMap;
use tandem_domain::{address::Mention, message::ParsedMessage};
use tandem_mail::mime::html_to_text;

fn read(name: &str) -> (Vec<u8>, ParsedMessage) {
    let bytes = corpus().into_iter().find(|(file, _)| file == name).expect(name).1;
    let parsed = parse_both(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
    (bytes, parsed)
}

fn parsed(name: &str) -> ParsedMessage {
    read(name).1
}

fn shown(mentions: &[Mention]) -> Vec<String> {
    mentions
        .iter()
        .map(|m| {
            let address = m.address.as_ref().map_or("-", |address| address.as_str());
            format!("{}|{}|{address}", m.name, m.written)
        })
        .collect()
}

fn names(parsed: &ParsedMessage) -> Vec<String> {
    parsed.attachments.iter().map(|a| format!("{} {} {}", a.name, a.mime_type, a.size)).collect()
}

fn ids(ids: &[tandem_domain::address::MessageId]) -> Vec<&str> {
    ids.iter().map(tandem_domain::address::MessageId::as_str).collect()
}

fn has_defect(parsed: &ParsedMessage, word: &str) -> bool {
    parsed.defects.iter().any(|defect| defect.contains(word))
}

#[test]
fn every_file_is_read_the_same_both_ways() {
    let files = corpus();
    assert!(files.len() >= 40, "{}", files.len());
    for (name, bytes) in files {
        let result = parse_both(&bytes);
        assert_eq!(result.is_err(), name == "not_a_message", "{name}: {result:?}");
        // With the other line ends nothing but the offsets changes.
        let lf: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != b'\r').collect();
        if let (Ok(crlf), false) = (result, name == "cr_only") {
            let lf = parse_both(&lf).unwrap();
            assert_eq!((crlf.subject, crlf.body_text, crlf.to), (lf.subject, lf.body_text, lf.to), "{name}");
            assert_eq!(crlf.attachments.len(), lf.attachments.len(), "{name}");
        }
    }
}

#[test]
fn a_plain_message() {
    let message = parsed("plain");
    assert_eq!(message.subject, "Order 17");
    assert_eq!(message.body_text, "Hello Bob,\n\nit is ready.");
    assert_eq!(message.body_html, None);
    assert_eq!(shown(&message.from), ["Amy Adams|amy@contoso.test|amy@contoso.test"]);
    assert_eq!(message.message_id.as_ref().unwrap().as_str(), "id-1@contoso.test");
    assert_eq!(message.sent_at.unwrap().to_rfc3339(), "2026-11-20T09:11:12+00:00");
    assert_eq!(message.received_at.unwrap().to_rfc3339(), "2026-11-20T09:11:20+00:00", "the topmost");
    assert_eq!(message.defects, Vec::<String>::new());
}

#[test]
fn other_line_ends() {
    assert_eq!(parsed("lf_only").body_text, "line one\nline two");
    let (bytes, mac) = read("cr_only");
    assert_eq!((mac.subject.as_str(), mac.body_text.as_str()), ("Old Mac", "Text"));
    assert_eq!(content(&bytes, &mac, 0), b"hello");
    assert!(has_defect(&mac, "CR"));
}

#[test]
fn charsets() {
    let texts: HashMap<&str, &str> = HashMap::from([
        ("latin1_header", "Grüße"),
        ("encoded_words", "5 € für dich, soft break"),
        ("iso2022jp", "こんにちは"),
        ("shift_jis", "日本語テスト"),
        ("koi8", "Привет"),
        ("wrong_charset", "café"),
        ("unknown_charset", "café"),
        ("utf16", "Grüße"),
        ("utf7", "Hi Mom ☺!"),
        ("nul_bytes", "text"),
    ]);
    for (name, text) in texts {
        assert_eq!(parsed(name).body_text, text, "{name}");
    }
    let subjects: HashMap<&str, &str> = HashMap::from([
        ("latin1_header", "Grüße aus München"),
        ("utf8_header", "Grüße 你好"),
        ("encoded_words", "Grüße aus Köln €"),
        ("iso2022jp", "こんにちは"),
        ("nul_bytes", "a b c"),
    ]);
    for (name, subject) in subjects {
        assert_eq!(parsed(name).subject, subject, "{name}");
    }
    assert_eq!(parsed("encoded_words").from[0].name, "Amélie Dürr");
}

#[test]
fn bodies() {
    let alternative = parsed("alternative");
    assert_eq!(alternative.body_text, "plain text");
    assert_eq!(alternative.body_html.unwrap().trim(), "<p>html <b>text</b></p>");
    let html = parsed("html_only");
    let body = html.body_html.unwrap();
    assert!(body.contains("<b>Bob</b>"));
    assert_eq!(html.body_text, "", "HTML alone stays HTML until somebody looks");
    assert_eq!(html_to_text(&body).trim_end(), "Hello Bob\n\n5 < 6\nend");
    let both = parsed("text_image_text");
    assert_eq!(both.body_text, "before\nafter");
    assert_eq!(names(&both), ["a.jpg image/jpeg 3"]);
}

#[test]
fn attachments() {
    let (bytes, related) = read("related_inline");
    assert_eq!(names(&related), ["pic.png image/png 200", "offer.pdf application/pdf 9"]);
    assert_eq!(related.attachments[0].content_id.as_deref(), Some("pic@x"));
    assert_eq!(content(&bytes, &related, 0), (0..200).collect::<Vec<u8>>());
    assert_eq!(content(&bytes, &related, 1), b"%PDF-1.4\n");
    assert_eq!(related.body_text, "see picture");
    let odd: Vec<String> = parsed("rfc2231").attachments.into_iter().map(|a| a.name).collect();
    assert_eq!(odd, ["€ rates and more.xlsx", "café.txt", "übung.pdf", "evil.exe"]);
    let (bytes, garbage) = read("garbage_base64");
    assert_eq!(garbage.body_text, "Hello!");
    assert_eq!(content(&bytes, &garbage, 0), b"HiHi");
    assert_eq!(names(&parsed("winmail")), ["winmail.dat application/ms-tnef 70"]);
    assert_eq!(names(&parsed("attached_text")), ["notes.txt text/plain 7"]);
    assert_eq!(parsed("attached_text").body_text, "");
    assert_eq!(names(&parsed("pdf_root")), ["scan.pdf application/pdf 9"]);
    assert_eq!(names(&parsed("calendar")), [" text/calendar 46"]);
    assert_eq!(parsed("calendar").body_text, "Come!");
}

#[test]
fn a_message_inside_is_one_attachment() {
    let (bytes, outer) = read("nested_message");
    assert_eq!(outer.subject, "outer");
    assert_eq!(outer.body_text, "forwarded");
    assert_eq!(outer.attachments.len(), 1);
    let inner = parse_both(&content(&bytes, &outer, 0)).unwrap();
    assert_eq!((inner.subject.as_str(), inner.attachments.len()), ("inner", 1));
    let digest = parsed("digest");
    assert_eq!(names(&digest), [" message/rfc822 17", " message/rfc822 17"]);
}

#[test]
fn reports_and_automatic_mail() {
    let report = parsed("dsn");
    assert_eq!(report.body_text, "I'm sorry.");
    assert_eq!(report.auto_submitted.as_deref(), Some("auto-replied"));
    let types: Vec<&str> = report.attachments.iter().map(|a| a.mime_type.as_str()).collect();
    assert_eq!(types, ["message/delivery-status", "text/rfc822-headers"]);
    assert_eq!(report.from[0].address.as_ref().unwrap().as_str(), "mailer-daemon@mx.test");
}

#[test]
fn broken_structure_is_repaired_and_told() {
    let cut = parsed("truncated");
    assert_eq!(cut.body_text, "the text is whole");
    assert_eq!(names(&cut), ["cut.pdf application/pdf 28"]);
    assert!(has_defect(&cut, "middle of a multipart"));
    let missing = parsed("boundary_missing");
    assert!(missing.body_text.contains("lost") && has_defect(&missing, "no boundary"));
    assert!(parsed("boundary_never_comes").body_text.starts_with("just text here"));
    let open = parsed("inner_not_closed");
    assert_eq!((open.body_text.as_str(), open.body_html.as_deref()), ("plain", Some("<p>html</p>")));
    assert_eq!(names(&open), ["a.csv text/csv 3"]);
    assert!(has_defect(&open, "not closed"));
    let empty = parsed("empty_parts");
    assert_eq!(names(&empty), [" image/gif 0"]);
}

#[test]
fn people() {
    let groups = parsed("groups");
    assert_eq!(
        shown(&groups.to),
        [
            "Ed|ed@x.test|ed@x.test",
            "|joe@y.test|joe@y.test",
            "Doe, Jane|jane@z.test|jane@z.test",
            "Single|single@z.test|single@z.test"
        ]
    );
    assert_eq!(shown(&groups.cc), Vec::<String>::new());
    assert_eq!(shown(&groups.bcc), ["|hidden@z.test|hidden@z.test"]);
    assert_eq!(groups.sender.unwrap().written, "secretary@contoso.test");
    assert_eq!(shown(&groups.reply_to), ["Office|office@contoso.test|office@contoso.test"]);
    let odd = parsed("odd_addresses");
    assert_eq!(shown(&odd.from), ["Amy \"The Boss\" (really) Adams|AMY@Contoso.Test|amy@contoso.test"]);
    assert_eq!(
        shown(&odd.to),
        [
            "Bob|bob@fabrikam.test|bob@fabrikam.test",
            "|nobody|-",
            "|'carl@x.test'|carl@x.test",
            "Jürgen|j@x.test|j@x.test"
        ]
    );
    assert_eq!(odd.message_id.as_ref().unwrap().as_str(), "no-brackets@x.test");
    assert!(odd.sent_at.is_none() && has_defect(&odd, "date cannot be read"));
    let twice = parsed("duplicate_headers");
    assert_eq!(twice.subject, "first");
    assert_eq!(shown(&twice.to).len(), 2);
    assert!(has_defect(&twice, "more than one From"));
}

#[test]
fn threads() {
    let thread = parsed("threading");
    assert_eq!(ids(&thread.in_reply_to), ["a@x.test", "b@x.test"]);
    assert_eq!(ids(&thread.references), ["root@x.test", "a@x.test", "b@x.test"]);
    assert_eq!(thread.conversation_index.as_deref(), Some("AdA1b2c3ZGVmZ2hpams="));
    assert_eq!(thread.test_mark.as_deref(), Some("4f5c"));
    assert_eq!(thread.auto_submitted, None);
}

#[test]
fn headers_that_are_not_whole() {
    let missing = parsed("missing_headers");
    assert_eq!(missing.subject, "nobody sent this");
    assert!(has_defect(&missing, "no sender") && has_defect(&missing, "no Message-ID"));
    let no_end = parsed("no_header_end");
    assert_eq!((no_end.subject.as_str(), no_end.body_text.as_str()), ("no end", ""));
    assert_eq!(no_end.message_id.unwrap().as_str(), "x@y");
    let no_blank = parsed("no_blank_line");
    assert_eq!(no_blank.body_text, "Hello Bob, this is text.\nMore of it\n\nLast");
    let mbox = parsed("mbox_line");
    assert_eq!((mbox.subject.as_str(), mbox.body_text.as_str()), ("mbox", "x"));
}

#[test]
fn what_is_no_message_says_so() {
    for bytes in [&b""[..], b"\r\n\r\n\r\n", b"hello world", b"\0\0\0"] {
        let unreadable = parse_both(bytes).unwrap_err();
        assert!(!unreadable.0.is_empty());
    }
}
