//! Random damage to every file of the corpus: nothing panics, everything stays bounded, both ways agree.

use crate::support::{Random, check_bounds, corpus, in_memory, parse_both};
use std::time::{Duration, Instant};
use tandem_engine::ports::message::MessageParser;
use tandem_mail::mime::{parse::MimeParser, sanitize::safe_html};

/// Pieces that parsers stumble over.
const PIECES: [&[u8]; 22] = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\r\n\r\n",
    b"--b\r\n",
    b"--b--\r\n",
    b"=?utf-8?q?",
    b"=?utf-8?b?//8=?=",
    b"\0",
    b"\xff\xfe",
    b"\"",
    b"<",
    b">",
    b"(",
    b")",
    b";",
    b"=",
    b"Content-Type: multipart/mixed; boundary=b\r\n",
    b"Content-Transfer-Encoding: base64\r\n",
    b"To: ",
    b"filename*0*=utf-8''%",
    b"message/rfc822",
];

#[test]
fn damaged_messages_are_read_or_refused_but_never_break_anything() {
    let seconds = std::env::var("TANDEM_SOAK_SECONDS").ok().and_then(|text| text.parse().ok());
    let until = Instant::now() + Duration::from_secs(seconds.unwrap_or(4));
    let seed = if seconds.is_some() {
        Instant::now().elapsed().as_nanos() as u64 ^ u64::from(std::process::id())
    } else {
        17
    };
    let files: Vec<Vec<u8>> = corpus().into_iter().map(|(_, bytes)| bytes).collect();
    let mut random = Random(seed);
    let mut count = 0_u64;
    while Instant::now() < until {
        let state = random.0;
        let mut bytes = files[random.below(files.len())].clone();
        for _ in 0..=random.below(6) {
            damage(&mut bytes, &files, &mut random);
        }
        let check = std::panic::catch_unwind(|| {
            // The way through a file takes longer; one in eight shows the same.
            if count % 8 == 0 {
                let _ = parse_both(&bytes);
            } else {
                match MimeParser.parse(&in_memory(&bytes)) {
                    Ok(parsed) => {
                        check_bounds(&parsed);
                        if let Some(html) = &parsed.body_html {
                            let once = safe_html(html, &Default::default()).html;
                            assert!(!once.to_lowercase().contains("<script"));
                        }
                    }
                    Err(unreadable) => assert!(!unreadable.0.contains("fault in Tandem")),
                }
            }
        });
        if check.is_err() {
            let path = std::env::temp_dir().join("tandem-damaged.eml");
            std::fs::write(&path, &bytes).unwrap();
            panic!("seed {seed}, state {state:#x}, after {count} messages: see {}", path.display());
        }
        count += 1;
    }
    println!("{count} damaged messages");
    assert!(count > 50, "{count}");
}

fn damage(bytes: &mut Vec<u8>, files: &[Vec<u8>], random: &mut Random) {
    let at = random.below(bytes.len() + 1);
    match random.below(7) {
        0 => bytes.truncate(at),
        1 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = random.next() as u8;
            }
        }
        2 | 3 => {
            let piece = PIECES[random.below(PIECES.len())];
            bytes.splice(at..at, piece.iter().copied());
        }
        4 => {
            let end = (at + random.below(200)).min(bytes.len());
            bytes.drain(at..end);
        }
        5 => {
            let end = (at + random.below(300)).min(bytes.len());
            let copy = bytes[at..end].to_vec();
            let to = random.below(bytes.len() + 1);
            bytes.splice(to..to, copy);
        }
        _ => {
            let other = &files[random.below(files.len())];
            let from = random.below(other.len() + 1);
            bytes.truncate(at);
            bytes.extend_from_slice(&other[from..]);
        }
    }
}
