//! Reads a raw message into what the rules need, with bounded memory whatever the message holds.
//!
//! One pass over the raw bytes finds the parts; their contents are then read from where they stand, as much as is
//! kept. So a message in memory and one in a file take the same way and give the same result. `mail-parser` reads
//! header values; its own message parser is not used because it needs the whole message and all decoded parts in
//! memory at once, and nests messages inside messages as deep as the sender likes.

use super::{
    body::{self, Roles},
    decode::{Core, clamp, open_content},
    fields::{self, Mentions},
    header::Name,
    markup::html_to_text,
    structure::{self, Structure},
};
use sha2::{Digest, Sha256};
use std::{
    fs::File,
    io::{self, BufReader, Read},
    panic::{AssertUnwindSafe, catch_unwind},
};
use tandem_domain::message::{ContentRange, MAX_ATTACHMENTS, ParsedAttachment, ParsedMessage};
use tandem_engine::{
    ports::message::{MessageParser, Unreadable},
    raw::RawMessage,
};

/// At most this many defects are told of.
const MAX_DEFECTS: usize = 20;
/// How much of a spooled message is read at once.
const BUFFER_BYTES: usize = 64 * 1024;

/// Reads raw messages.
#[derive(Debug, Clone, Copy, Default)]
pub struct MimeParser;

impl MessageParser for MimeParser {
    fn parse(&self, raw: &RawMessage) -> Result<ParsedMessage, Unreadable> {
        catch_unwind(AssertUnwindSafe(|| parse(raw)))
            .unwrap_or_else(|_| Err(Unreadable("a fault in Tandem's reading of messages".into())))
    }

    fn version(&self) -> &str {
        concat!("tandem-mime ", env!("CARGO_PKG_VERSION"), "+1, mail-parser 0.11.9")
    }
}

/// The body of a message, for somebody who looks at it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MessageBody {
    /// Its text; made of the HTML where that is all there is.
    pub text: String,
    /// Its HTML as received: never shown without sanitising.
    pub html: Option<String>,
}

/// Reads the body alone; what cannot be read has none.
#[must_use]
pub fn read_body(raw: &RawMessage) -> MessageBody {
    let read = || {
        let structure = structure_of(raw).ok()?;
        let found = body::read(raw, &structure, &Roles::of(&structure)).ok()?;
        let text = match &found.html {
            Some(html) if found.text.is_empty() => html_to_text(html),
            _ => found.text,
        };
        Some(MessageBody { text, html: found.html })
    };
    catch_unwind(AssertUnwindSafe(read)).ok().flatten().unwrap_or_default()
}

fn parse(raw: &RawMessage) -> Result<ParsedMessage, Unreadable> {
    let structure = structure_of(raw)?;
    message(raw, structure).map_err(|error| unreadable(&error))
}

fn structure_of(raw: &RawMessage) -> Result<Structure, Unreadable> {
    if raw.is_empty() {
        return Err(Unreadable("the message is empty".into()));
    }
    let structure = match raw {
        RawMessage::Memory(bytes) => structure::read(bytes.as_ref(), raw.len()),
        RawMessage::Spooled { path, len } => File::open(path.as_ref())
            .and_then(|file| structure::read(BufReader::with_capacity(BUFFER_BYTES, file), *len)),
    }
    .map_err(|error| unreadable(&error))?;
    if !structure.has_fields {
        return Err(Unreadable("nothing in it looks like the header of a message".into()));
    }
    Ok(structure)
}

fn unreadable(error: &io::Error) -> Unreadable {
    Unreadable(format!("the message could not be read: {error}"))
}

fn message(raw: &RawMessage, mut structure: Structure) -> io::Result<ParsedMessage> {
    let mut defects = std::mem::take(&mut structure.defects);
    let roles = Roles::of(&structure);
    let body = body::read(raw, &structure, &roles)?;
    let mut attachments = Vec::with_capacity(roles.attachments.len().min(MAX_ATTACHMENTS));
    for index in roles.attachments.iter().take(MAX_ATTACHMENTS) {
        if let Some(part) = structure.parts.get(*index) {
            let range = part.range();
            let (size, sha256) = measure(raw, range)?;
            let info = &part.info;
            attachments.push(ParsedAttachment {
                name: info.name.as_deref().map(fields::file_name).unwrap_or_default(),
                mime_type: info.mime_type.clone(),
                content_id: info.content_id.clone(),
                size,
                sha256,
                range,
            });
        }
    }
    if roles.attachments.len() > MAX_ATTACHMENTS {
        let count = roles.attachments.len();
        defects.push(format!("the message has {count} attachments, of which {MAX_ATTACHMENTS} were kept"));
    }
    if body.was_cut {
        defects.push("the text is longer than what is kept of it".into());
    }
    let header = &structure.header;
    let mut mentions = Mentions::new(header);
    let from = mentions.of(Name::From);
    let sender = mentions.of(Name::Sender).into_iter().next();
    let sender = sender.filter(|sender| from.iter().all(|one| one.written != sender.written));
    let mut parsed = ParsedMessage {
        message_id: fields::message_id(header),
        in_reply_to: fields::all_ids(header, Name::InReplyTo),
        references: fields::all_ids(header, Name::References),
        subject: fields::subject(header),
        from,
        sender,
        reply_to: mentions.of(Name::ReplyTo),
        to: mentions.of(Name::To),
        cc: mentions.of(Name::Cc),
        bcc: mentions.of(Name::Bcc),
        sent_at: header.first(Name::Date).and_then(fields::date),
        received_at: fields::received_at(header),
        body_text: body.text,
        body_html: body.html,
        attachments,
        auto_submitted: fields::auto_submitted(header),
        conversation_index: fields::conversation_index(header),
        test_mark: fields::test_mark(header),
        size: raw.len(),
        defects: Vec::new(),
    };
    defects.extend(mentions.defect());
    defects.extend(missing(&structure, &parsed));
    parsed.defects = few(defects);
    Ok(parsed)
}

/// What a message should have and this one has not, or twice.
fn missing(structure: &Structure, parsed: &ParsedMessage) -> Vec<String> {
    let header = &structure.header;
    let mut defects = Vec::new();
    if parsed.from.is_empty() {
        defects.push("there is no sender".to_owned());
    }
    if parsed.message_id.is_none() {
        defects.push("there is no Message-ID".to_owned());
    }
    if parsed.sent_at.is_none() {
        let why = if header.first(Name::Date).is_some() { "cannot be read" } else { "is missing" };
        defects.push(format!("the date {why}"));
    }
    for (name, word) in [(Name::From, "From"), (Name::Subject, "Subject"), (Name::MessageId, "Message-ID")] {
        if header.all(name).count() > 1 {
            defects.push(format!("there is more than one {word} field: the first counts"));
        }
    }
    defects
}

/// Each defect once, and not more than a person reads.
fn few(defects: Vec<String>) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for defect in defects {
        if seen.len() == MAX_DEFECTS {
            break;
        }
        if !seen.contains(&defect) {
            seen.push(defect);
        }
    }
    seen
}

/// The decoded size and digest of a part.
fn measure(raw: &RawMessage, range: ContentRange) -> io::Result<(u64, [u8; 32])> {
    let mut digest = Sha256::new();
    let mut size = 0_u64;
    if let RawMessage::Memory(bytes) = raw {
        let (start, end) = clamp(bytes.len(), range);
        let mut core = Core::new(range.encoding);
        let mut decoded = Vec::new();
        for chunk in bytes.get(start..end).unwrap_or_default().chunks(BUFFER_BYTES) {
            decoded.clear();
            core.feed(chunk, &mut decoded);
            size += decoded.len() as u64;
            digest.update(&decoded);
        }
        decoded.clear();
        core.finish(&mut decoded);
        size += decoded.len() as u64;
        digest.update(&decoded);
        return Ok((size, digest.finalize().into()));
    }
    let mut reader = open_content(raw, range)?;
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let count = reader.read(&mut buffer)?;
        if count == 0 {
            return Ok((size, digest.finalize().into()));
        }
        size += count as u64;
        digest.update(buffer.get(..count).unwrap_or_default());
    }
}
