//! Messages made to exhaust: memory, stack and time stay bounded.

use crate::support::{parse_both, spooled};
use std::{
    io::Write,
    sync::Arc,
    time::{Duration, Instant},
};
use tandem_domain::message::{MAX_ATTACHMENTS, MAX_BODY_BYTES, MAX_MENTIONS};
use tandem_engine::{ports::message::MessageParser, raw::RawMessage};
use tandem_mail::mime::{html_to_text, parse::MimeParser};

const HEAD: &str =
    "From: a@b.test\r\nMessage-ID: <x@y>\r\nDate: Fri, 20 Nov 2026 10:11:12 +0000\r\nSubject: x\r\n";

/// A thread with the stack of a worker, and a limit that an unoptimised build on a busy machine keeps.
fn bounded(work: impl FnOnce() + Send + 'static) {
    let started = Instant::now();
    std::thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(work).unwrap().join().unwrap();
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[test]
fn two_hundred_thousand_recipients() {
    bounded(|| {
        let mut text = format!("{HEAD}To: ");
        for n in 0..200_000 {
            text.push_str(&format!("\"User, {n}\" <user{n}@contoso.test>,\r\n "));
        }
        text.push_str("last@contoso.test\r\nCc: other@contoso.test\r\n\r\nx");
        let parsed = parse_both(text.as_bytes()).unwrap();
        assert_eq!(parsed.from.len() + parsed.to.len(), MAX_MENTIONS);
        assert!(parsed.defects.iter().any(|defect| defect.contains("200003")), "{:?}", parsed.defects);
        assert_eq!(parsed.body_text, "x");
    });
}

#[test]
fn a_recipient_a_field() {
    bounded(|| {
        let text: String = (0..100_000).map(|n| format!("To: u{n}@x.test\r\n")).collect();
        let parsed = parse_both(format!("{HEAD}{text}\r\nx").as_bytes()).unwrap();
        assert_eq!(parsed.to.len(), 100);
        assert!(parsed.defects.iter().any(|defect| defect.contains("100004 fields")), "{:?}", parsed.defects);
    });
}

#[test]
fn parts_inside_parts() {
    bounded(|| {
        let mut text = HEAD.to_owned();
        for n in 0..20_000 {
            text.push_str(&format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n"));
        }
        text.push_str("\r\ntext\r\n");
        let parsed = parse_both(text.as_bytes()).unwrap();
        assert!(parsed.defects.iter().any(|defect| defect.contains("deeper")), "{:?}", parsed.defects);
    });
}

#[test]
fn messages_inside_messages() {
    bounded(|| {
        let text = format!("{HEAD}{}", "Content-Type: message/rfc822\r\n\r\nSubject: y\r\n".repeat(20_000));
        assert_eq!(parse_both(text.as_bytes()).unwrap().attachments.len(), 1);
    });
}

#[test]
fn a_hundred_thousand_parts() {
    bounded(|| {
        let part = "--b\r\nContent-Type: image/png; name=a\r\n\r\nx\r\n".repeat(100_000);
        let text = format!("{HEAD}Content-Type: multipart/mixed; boundary=b\r\n\r\n{part}--b--\r\n");
        let parsed = parse_both(text.as_bytes()).unwrap();
        assert_eq!(parsed.attachments.len(), MAX_ATTACHMENTS);
        assert!(parsed.defects.iter().any(|defect| defect.contains("parts beyond")), "{:?}", parsed.defects);
    });
}

#[test]
fn endless_lines_and_fields() {
    bounded(|| {
        let long = "x".repeat(5_000_000);
        let subject = parse_both(format!("{HEAD}Subject: {long}\r\n\r\n").as_bytes()).unwrap();
        assert!(subject.subject.len() <= 800);
        let blanks =
            format!("{HEAD}X-Y: {}\r\n\r\n=20=20 {}\r\n", " ".repeat(2_000_000), "=".repeat(2_000_000));
        parse_both(blanks.as_bytes()).unwrap();
        let references = "<a@b> ".repeat(200_000);
        parse_both(format!("{HEAD}References: {references}\r\n\r\n").as_bytes()).unwrap();
        let words = "=?utf-8?q?a?= ".repeat(100_000);
        parse_both(format!("{HEAD}From: {words}<a@b>\r\nTo: {words}\r\n\r\n").as_bytes()).unwrap();
        let nested = "(".repeat(200_000);
        parse_both(format!("{HEAD}To: {nested}\r\nContent-Type: text/plain; {nested}\r\n\r\n").as_bytes())
            .unwrap();
        let parameters: String = (0..20_000).map(|n| format!("; a*{n}=x")).collect();
        parse_both(format!("{HEAD}Content-Type: text/plain{parameters}\r\n\r\n").as_bytes()).unwrap();
    });
}

#[test]
fn encoded_words_that_never_end() {
    for unit in [
        "=?",
        "=?a",
        "=?utf-8?q?",
        "=?utf-8?q?a",
        "=?utf-8?b?",
        "=?utf-8?b?QUJD ",
        "=?utf-8?q?a? ",
        "\"=?utf-8?q?",
    ] {
        bounded(move || {
            let line = format!("{}\r\n ", unit.repeat(500 / unit.len()));
            let many = line.repeat(250_000 / line.len());
            for field in [
                "Subject: ",
                "To: ",
                "X: y\r\nContent-Type: text/plain; name=",
                "Content-Disposition: a; filename=\"",
            ] {
                let started = Instant::now();
                parse_both(format!("{HEAD}{field}{many}\r\n\r\n").as_bytes()).unwrap();
                println!("{unit} in {field:?}: {:?}", started.elapsed());
            }
        });
    }
}

#[test]
fn html_made_to_be_slow() {
    let wide = format!("<table><tr>{}</tr></table>", "<td>x</td>".repeat(20_000));
    let long = format!("<table>{}</table>", "<tr><td>x</td><td>y</td></tr>".repeat(8_000));
    let spans =
        "<table><tr><td colspan=1000000000>x<td rowspan=1000000000>y</tr><tr><td>z</tr></table>".repeat(100);
    let nested = format!("{}x{}", "<table><tr><td>a</td><td>".repeat(30), "</td></tr></table>".repeat(30));
    let formatting = "<a href=x><b><i><p>x".repeat(10_000);
    let misnested = "<table><b><tr><i>x".repeat(10_000);
    let words = format!("<p>{}</p>", "word ".repeat(50_000));
    let unbroken = format!("<pre>{}</pre>", "x".repeat(250_000));
    let lists = format!("<ol start=2000000000>{}</ol>", "<li>x".repeat(40_000));
    let entities = "&nbsp;&#x41;&bad".repeat(15_000);
    let attributes = format!("<p {}>x</p>", (0..20_000).map(|n| format!("a{n}=1 ")).collect::<String>());
    for html in
        [wide, long, spans, nested, formatting, misnested, words, unbroken, lists, entities, attributes]
    {
        bounded(move || {
            let started = Instant::now();
            let text = format!("{HEAD}Content-Type: text/html\r\n\r\n{html}");
            let parsed = parse_both(text.as_bytes()).unwrap();
            assert!(parsed.body_text.len() < 1_000_000);
            let read = started.elapsed();
            let safe = tandem_mail::mime::sanitize::safe_html(&html, &Default::default());
            assert!(safe.html.len() < 4_000_000);
            println!(
                "{}: {read:?}, {:?}",
                html.chars().take(30).collect::<String>(),
                started.elapsed() - read
            );
        });
    }
}

#[test]
fn a_body_of_ten_megabytes_is_cut_and_said_so() {
    bounded(|| {
        for (kind, unit) in [("text/plain", "Grüße und mehr. "), ("text/html", "<p>Grüße</p>\r\n")] {
            let body = unit.repeat(10_000_000 / unit.len());
            let text = format!("{HEAD}Content-Type: {kind}; charset=utf-8\r\n\r\n{body}");
            let parsed = parse_both(text.as_bytes()).unwrap();
            // HTML alone stays HTML until somebody looks.
            let text = match &parsed.body_html {
                Some(html) => {
                    assert!(parsed.body_text.is_empty() && html.len() <= MAX_BODY_BYTES);
                    html_to_text(html)
                }
                None => parsed.body_text,
            };
            assert!(text.len() > 50_000 && text.len() <= MAX_BODY_BYTES);
            assert!(!text.contains('\u{FFFD}'));
            assert!(parsed.defects.iter().any(|defect| defect.contains("longer")), "{:?}", parsed.defects);
        }
    });
}

/// Growth of this process while a message of 150 MB is parsed.
#[test]
#[cfg(target_os = "linux")]
fn a_huge_attachment_needs_little_memory() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let head = format!(
        "{HEAD}Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\nContent-Type: \
         application/zip; name=a.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    );
    file.write_all(head.as_bytes()).unwrap();
    let block = format!("{}\r\n", "QUJD".repeat(19)).repeat(1000);
    let blocks = 150 * 1024 * 1024 / block.len();
    for _ in 0..blocks {
        file.write_all(block.as_bytes()).unwrap();
    }
    file.write_all(b"--b--\r\n").unwrap();
    let len = file.as_file().metadata().unwrap().len();
    let raw = RawMessage::Spooled { path: Arc::new(file.into_temp_path()), len };
    let started = Instant::now();
    // Other tests run beside this one: a child of its own tells what this one needs.
    let before = peak_kb();
    let parsed = MimeParser.parse(&raw).unwrap();
    println!("150 MB: {:?}, peak grew by {} KB", started.elapsed(), peak_kb() - before);
    assert_eq!(parsed.attachments[0].size, blocks as u64 * 57_000);
    assert_eq!(parsed.body_text, "text");
}

#[cfg(target_os = "linux")]
fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// `cargo test --release -p tandem-mail --test mime -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn measure_small_messages() {
    let body = "A line of text as people write them, some sixty characters.\r\n".repeat(30);
    let attachment = format!("{}\r\n", "QUJD".repeat(19)).repeat(10);
    let part = |kind: &str, body: &str| format!("--b\r\nContent-Type: {kind}\r\n\r\n{body}\r\n");
    let plain = format!(
        "{HEAD}To: Bob <b@c.test>\r\nReceived: from a by b; Fri, 20 Nov 2026 10:11:12 +0000\r\n\r\n{body}"
    );
    let mixed = format!(
        "{HEAD}To: Bob <b@c.test>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n{}{}--b--\r\n",
        part("text/plain; charset=utf-8", &body),
        part("image/png; name=a.png\r\nContent-Transfer-Encoding: base64", &attachment),
    );
    let big = format!(
        "{HEAD}Content-Type: multipart/mixed; boundary=b\r\n\r\n{}{}--b--\r\n",
        part("text/plain", &body),
        part("image/png; name=a.png\r\nContent-Transfer-Encoding: base64", &attachment.repeat(53)),
    );
    for (name, text, count) in [("plain", plain, 50_000), ("mixed", mixed, 50_000), ("44 KB", big, 10_000)] {
        let raw = RawMessage::from(text.into_bytes());
        let started = Instant::now();
        for _ in 0..count {
            std::hint::black_box(MimeParser.parse(&raw).unwrap());
        }
        let seconds = started.elapsed().as_secs_f64();
        println!("{name} ({} bytes): {:.0} messages/s", raw.len(), f64::from(count) / seconds);
    }
    assert!(MimeParser.parse(&spooled(b"aaaa")).is_err());
}
