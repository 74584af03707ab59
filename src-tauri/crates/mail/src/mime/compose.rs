//! Writes messages: `mail-builder` for header fields and the body, attachments streamed from their files.
//!
//! Nothing that a person typed can become a header line: every text is put on one line here, and `mail-builder`
//! encodes it once more.

use super::fields::{clean, file_name};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use mail_builder::{
    headers::{
        Header, HeaderType, address::Address, content_type::ContentType, date::Date,
        message_id::MessageId as IdHeader, raw::Raw, text::Text,
    },
    mime::{BodyPart, MimePart, make_boundary},
};
use std::{
    fs::File,
    io::{self, BufWriter, Read, Write},
    sync::Arc,
};
use tandem_domain::{
    address::{Mention, MessageId},
    message::MAX_SUBJECT_CHARS,
};
use tandem_engine::{
    ports::message::{AttachmentSource, Author, Draft, MessageComposer},
    raw::{RawMessage, SPOOL_THRESHOLD_BYTES},
};

/// 57 bytes become a base64 line of 76 characters (RFC 2045 section 6.8); this many lines are made at once.
const LINE_BYTES: usize = 57;
const LINES_AT_ONCE: usize = 512;

/// Writes messages.
#[derive(Debug, Clone, Copy, Default)]
pub struct MimeComposer;

impl MessageComposer for MimeComposer {
    fn compose(&self, draft: &Draft) -> io::Result<RawMessage> {
        let mut out = Output::default();
        let mut header = Vec::new();
        write_header(draft, &mut header);
        out.write_all(&header)?;
        let body = body_part(draft);
        if draft.attachments.is_empty() {
            write_part(body, &mut out)?;
            return out.finish();
        }
        let boundary = make_boundary("_");
        let mut mixed = Vec::new();
        let multipart = ContentType::new("multipart/mixed").attribute("boundary", boundary.as_str());
        write_field("Content-Type", multipart, &mut mixed);
        write!(mixed, "\r\n--{boundary}\r\n")?;
        out.write_all(&mixed)?;
        write_part(body, &mut out)?;
        for attachment in &draft.attachments {
            write!(out, "\r\n--{boundary}\r\n")?;
            write_attachment(attachment, &mut out)?;
        }
        write!(out, "\r\n--{boundary}--\r\n")?;
        out.finish()
    }
}

fn write_header(draft: &Draft, out: &mut Vec<u8>) {
    write_field("From", address(&draft.from), out);
    for (name, mentions) in [("To", &draft.to), ("Cc", &draft.cc)] {
        if !mentions.is_empty() {
            write_field(name, Address::new_list(mentions.iter().map(address).collect()), out);
        }
    }
    // A message with nobody in To or Cc is allowed (RFC 5322 section 3.6), but many filters take it for spam.
    if draft.to.is_empty() && draft.cc.is_empty() {
        write_field("To", Raw::new("undisclosed-recipients:;"), out);
    }
    write_field("Subject", Text::new(clean(&draft.subject, MAX_SUBJECT_CHARS)), out);
    write_field("Date", Date::new(draft.date.timestamp()), out);
    write_field("Message-ID", IdHeader::new(id(&draft.message_id)), out);
    // Ids of others may hold UTF-8, which most servers take in no header (RFC 6532): better to answer without them.
    let is_sendable = |id: &&MessageId| id.as_str().is_ascii();
    if let Some(answered) = draft.in_reply_to.as_ref().filter(is_sendable) {
        write_field("In-Reply-To", IdHeader::new(id(answered)), out);
    }
    let references: Vec<String> = draft.references.iter().filter(is_sendable).map(id).collect();
    if !references.is_empty() {
        write_field("References", IdHeader::new_list(references.into_iter()), out);
    }
    if draft.author == Author::Program {
        write_field("Auto-Submitted", Raw::new("auto-generated"), out);
    }
    if let Some(mark) = &draft.test_mark {
        let mark: String = mark.chars().filter(char::is_ascii_graphic).take(200).collect();
        write_field("X-Tandem-Test", Raw::new(mark), out);
    }
    out.extend_from_slice(b"MIME-Version: 1.0\r\n");
}

fn write_field<'x>(name: &str, value: impl Into<HeaderType<'x>>, out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    value.into().write_header(out, name.len() + 2);
}

fn address(mention: &Mention) -> Address<'static> {
    let written: String =
        mention.written.chars().filter(|c| !c.is_control() && !matches!(c, '<' | '>')).collect();
    let name = clean(&mention.name, 320);
    Address::new_address((!name.is_empty()).then_some(name), in_ascii(written.trim()))
}

/// An address with its domain in ASCII (RFC 5891), as every server takes it. Other letters before the @ stay: only a server
/// with SMTPUTF8 takes those.
fn in_ascii(address: &str) -> String {
    let ascii = address.rsplit_once('@').filter(|(local, domain)| local.is_ascii() && !domain.is_ascii());
    match ascii.map(|(local, domain)| (local, idna::domain_to_ascii(domain))) {
        Some((local, Ok(domain))) => format!("{local}@{domain}"),
        _ => address.to_owned(),
    }
}

/// An id without what would end it early.
fn id(id: &MessageId) -> String {
    id.as_str().chars().filter(|c| !c.is_whitespace() && !matches!(c, '<' | '>')).collect()
}

fn body_part(draft: &Draft) -> MimePart<'_> {
    let text =
        |mime_type: &'static str, text: &str| MimePart::new(mime_type, BodyPart::Text(crlf(text).into()));
    match &draft.body_html {
        Some(html) => MimePart::new(
            "multipart/alternative",
            vec![text("text/plain", &draft.body_text), text("text/html", html)],
        ),
        None => text("text/plain", &draft.body_text),
    }
}

fn write_part(part: MimePart<'_>, out: &mut Output) -> io::Result<()> {
    let mut bytes = Vec::new();
    part.write_part(&mut bytes);
    out.write_all(&bytes)
}

/// CRLF line ends, whichever the text came with.
fn crlf(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 32);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' => {
                let _ = chars.next_if_eq(&'\n');
                out.push_str("\r\n");
            }
            '\n' => out.push_str("\r\n"),
            '\0' => {}
            c => out.push(c),
        }
    }
    out
}

fn write_attachment(attachment: &AttachmentSource, out: &mut Output) -> io::Result<()> {
    let in_words = |error: io::Error| {
        let said = format!("the attachment {} cannot be read: {error}", attachment.path.display());
        io::Error::new(error.kind(), said)
    };
    let mut file = File::open(&attachment.path).map_err(in_words)?;
    let name = match file_name(&attachment.name) {
        name if name.is_empty() => "attachment".to_owned(),
        name => name,
    };
    let mut header = Vec::new();
    let content_type = ContentType::new(mime_type(attachment)).attribute("name", name.clone());
    write_field("Content-Type", content_type, &mut header);
    write_field(
        "Content-Disposition",
        ContentType::new("attachment").attribute("filename", name),
        &mut header,
    );
    header.extend_from_slice(b"Content-Transfer-Encoding: base64\r\n\r\n");
    out.write_all(&header)?;
    let mut bytes = vec![0; LINE_BYTES * LINES_AT_ONCE];
    let mut encoded = String::with_capacity(bytes.len() / 3 * 4);
    let mut lines = Vec::with_capacity(encoded.capacity() + 2 * LINES_AT_ONCE);
    loop {
        let count = fill(&mut file, &mut bytes).map_err(in_words)?;
        encoded.clear();
        lines.clear();
        STANDARD.encode_string(bytes.get(..count).unwrap_or_default(), &mut encoded);
        for line in encoded.as_bytes().chunks(LINE_BYTES / 3 * 4) {
            lines.extend_from_slice(line);
            lines.extend_from_slice(b"\r\n");
        }
        out.write_all(&lines)?;
        if count < bytes.len() {
            return Ok(());
        }
    }
}

/// Reads until the buffer is full or the file ends: base64 pads at the very end only.
fn fill(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut count = 0;
    while let Some(room) = buffer.get_mut(count..).filter(|room| !room.is_empty()) {
        match file.read(room) {
            Ok(0) => break,
            Ok(more) => count += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(count)
}

fn mime_type(attachment: &AttachmentSource) -> String {
    let given = attachment.mime_type.as_deref().unwrap_or_default().trim().to_ascii_lowercase();
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$&-^_.+".contains(c);
    let is_type = given
        .split_once('/')
        .is_some_and(|(main, sub)| [main, sub].iter().all(|t| !t.is_empty() && t.chars().all(is_token)));
    // A multipart or message would be read as structure; as a file it is bytes.
    let is_structure = given.starts_with("multipart/") || given.starts_with("message/");
    if is_type && !is_structure {
        return given;
    }
    guess(&attachment.name).to_owned()
}

/// The usual types of business mail; the rest is bytes.
fn guess(name: &str) -> &'static str {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    match extension.as_deref().unwrap_or_default() {
        "txt" | "log" => "text/plain",
        "htm" | "html" => "text/html",
        "csv" => "text/csv",
        "ics" => "text/calendar",
        "vcf" => "text/vcard",
        "pdf" => "application/pdf",
        "zip" => "application/zip",
        "json" => "application/json",
        "xml" => "application/xml",
        "doc" => "application/msword",
        "xls" => "application/vnd.ms-excel",
        "ppt" => "application/vnd.ms-powerpoint",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "pptx" => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "svg" => "image/svg+xml",
        "webp" => "image/webp",
        "mp3" => "audio/mpeg",
        "mp4" => "video/mp4",
        _ => "application/octet-stream",
    }
}

/// What is written so far: in memory while small, then in a temporary file.
#[derive(Default)]
struct Output {
    memory: Vec<u8>,
    file: Option<BufWriter<tempfile::NamedTempFile>>,
    len: u64,
}

impl Output {
    fn finish(self) -> io::Result<RawMessage> {
        let Some(file) = self.file else { return Ok(self.memory.into()) };
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(RawMessage::Spooled { path: Arc::new(file.into_temp_path()), len: self.len })
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.len += bytes.len() as u64;
        if let Some(file) = &mut self.file {
            file.write_all(bytes)?;
        } else {
            self.memory.extend_from_slice(bytes);
            if self.len > SPOOL_THRESHOLD_BYTES {
                let mut file = BufWriter::new(tempfile::NamedTempFile::new()?);
                file.write_all(&std::mem::take(&mut self.memory))?;
                self.file = Some(file);
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), Write::flush)
    }
}
