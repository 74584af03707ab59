//! Messages in both shapes, and the checks that hold for every parsed message.

use sha2::{Digest, Sha256};
use std::{fs, io::Read, path::PathBuf, sync::Arc};
use tandem_domain::message::{
    MAX_ATTACHMENTS, MAX_BODY_BYTES, MAX_MENTIONS, MAX_REFERENCES, MAX_SUBJECT_CHARS, ParsedMessage,
};
use tandem_engine::{
    ports::message::{MessageParser, Unreadable},
    raw::RawMessage,
};
use tandem_mail::mime::{decode::open_content, parse::MimeParser};

pub fn corpus() -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "eml"))
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

pub fn in_memory(bytes: &[u8]) -> RawMessage {
    RawMessage::from(bytes.to_vec())
}

pub fn spooled(bytes: &[u8]) -> RawMessage {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    RawMessage::Spooled { path: Arc::new(file.into_temp_path()), len: bytes.len() as u64 }
}

/// Parses both ways, checks that the results are the same and within every bound, and that each attachment's range
/// leads to the bytes that were measured.
pub fn parse_both(bytes: &[u8]) -> Result<ParsedMessage, Unreadable> {
    let raw = spooled(bytes);
    let from_memory = MimeParser.parse(&in_memory(bytes));
    let from_file = MimeParser.parse(&raw);
    assert_eq!(from_memory, from_file);
    if let Err(unreadable) = &from_memory {
        assert!(!unreadable.0.contains("fault in Tandem"), "{unreadable}");
    }
    if let Ok(parsed) = &from_memory {
        check_bounds(parsed);
        assert_eq!(parsed.size, bytes.len() as u64);
        for attachment in &parsed.attachments {
            let range = attachment.range;
            assert!(range.offset + range.length <= bytes.len() as u64);
            for raw in [&raw, &in_memory(bytes)] {
                let mut content = Vec::new();
                open_content(raw, range).unwrap().read_to_end(&mut content).unwrap();
                assert_eq!(content.len() as u64, attachment.size);
                assert_eq!(<[u8; 32]>::from(Sha256::digest(&content)), attachment.sha256);
            }
        }
    }
    from_memory
}

pub fn check_bounds(parsed: &ParsedMessage) {
    let lists = [&parsed.from, &parsed.reply_to, &parsed.to, &parsed.cc, &parsed.bcc];
    assert!(lists.iter().map(|list| list.len()).sum::<usize>() <= MAX_MENTIONS);
    assert!(lists.iter().copied().flatten().all(|mention| mention.written.len() <= 1_000));
    assert!(parsed.subject.chars().count() <= MAX_SUBJECT_CHARS);
    assert!(!parsed.subject.chars().any(char::is_control));
    assert!(parsed.body_text.len() <= MAX_BODY_BYTES);
    assert!(parsed.body_html.as_ref().map_or(0, String::len) <= MAX_BODY_BYTES);
    assert!(parsed.attachments.len() <= MAX_ATTACHMENTS);
    assert!(
        parsed.attachments.iter().all(|a| a.name.chars().count() <= 255 && !a.name.contains(['/', '\\']))
    );
    assert!(parsed.references.len() <= MAX_REFERENCES && parsed.in_reply_to.len() <= MAX_REFERENCES);
    assert!(parsed.defects.len() <= 20);
}

/// The decoded content of an attachment.
pub fn content(bytes: &[u8], parsed: &ParsedMessage, index: usize) -> Vec<u8> {
    let mut content = Vec::new();
    let range = parsed.attachments[index].range;
    open_content(&in_memory(bytes), range).unwrap().read_to_end(&mut content).unwrap();
    content
}

/// A sequence that is the same for the same seed (SplitMix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

pub fn bytes(raw: &RawMessage) -> Vec<u8> {
    let mut bytes = Vec::new();
    raw.open().unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}
