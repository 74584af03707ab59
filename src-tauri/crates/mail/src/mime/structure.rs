//! Finds a message's parts in one pass over its raw bytes (RFC 2046 section 5.1), keeping only where they are.
//!
//! Nothing here depends on the size of the message. A message inside a message (`message/rfc822`) is one part.

use super::{
    header::{HeaderBlock, Name},
    lines::Lines,
};
use mail_parser::{HeaderValue, parsers::MessageStream};
use std::io::{self, BufRead};
use tandem_domain::message::{ContentRange, TransferEncoding};

/// Multiparts nested deeper than this are taken as one part each.
const MAX_DEPTH: usize = 40;
/// At most this many parts are told apart.
pub(super) const MAX_PARTS: usize = 2_000;
/// At most this much of a line is compared with boundaries, which have at most 70 characters by RFC 2046.
const MAX_BOUNDARY_LINE: usize = 512;

/// What a part's header says about it.
#[derive(Debug, Clone, Default)]
pub(super) struct PartInfo {
    /// Media type and subtype, lower case.
    pub mime_type: String,
    pub charset: Option<String>,
    pub name: Option<String>,
    pub content_id: Option<String>,
    pub is_attachment: bool,
    pub encoding: Option<TransferEncoding>,
    boundary: Option<Vec<u8>>,
}

/// One part. The first is the message itself.
#[derive(Debug)]
pub(super) struct Part {
    pub info: PartInfo,
    pub children: Vec<usize>,
    pub is_multipart: bool,
    body_start: u64,
    body_end: u64,
    depth: usize,
}

impl Part {
    /// Where its content stands.
    pub(super) fn range(&self) -> ContentRange {
        ContentRange {
            offset: self.body_start,
            length: self.body_end.saturating_sub(self.body_start),
            encoding: self.info.encoding.unwrap_or(TransferEncoding::Identity),
        }
    }
}

/// A message's header and parts.
#[derive(Debug)]
pub(super) struct Structure {
    pub header: HeaderBlock,
    pub has_fields: bool,
    pub parts: Vec<Part>,
    pub defects: Vec<String>,
}

/// Reads the structure of a message of `size` bytes.
pub(super) fn read<R: BufRead>(reader: R, size: u64) -> io::Result<Structure> {
    let mut lines = Lines::new(reader)?;
    let (mut header, end) = HeaderBlock::read(&mut lines, |_| true)?;
    let mut defects = std::mem::take(&mut header.defects);
    if lines.is_cr_only() {
        defects.push("lines end with CR alone".into());
    }
    let mut scan = Scan { parts: Vec::new(), open: Vec::new(), leaf: None, left_out: 0, defects };
    scan.add(part_info(&header, "text/plain"), end.body_start);
    while !scan.open.is_empty() {
        let Some(line) = lines.next_dashes(MAX_BOUNDARY_LINE)? else { break };
        let Some((at, hit)) = scan.matches(lines.text()) else { continue };
        let body_end = line.start.saturating_sub(line.end_before);
        scan.end_leaf(body_end);
        scan.close_above(at);
        match hit {
            Hit::Close => {
                if let Some(closed) = scan.open.pop() {
                    scan.set_end(closed, body_end);
                }
            }
            Hit::Next if scan.parts.len() >= MAX_PARTS => scan.left_out += 1,
            Hit::Next => {
                let (mut part_header, end) =
                    HeaderBlock::read(&mut lines, |text| scan.matches(text).is_some())?;
                scan.defects.append(&mut part_header.defects);
                let default = scan.default_type();
                scan.add(part_info(&part_header, default), end.body_start.min(size));
            }
        }
    }
    scan.end(size);
    Ok(Structure { header, has_fields: end.has_fields, parts: scan.parts, defects: scan.defects })
}

enum Hit {
    Next,
    Close,
}

struct Scan {
    parts: Vec<Part>,
    /// Multiparts that are not closed yet, outermost first.
    open: Vec<usize>,
    /// The part whose content is being passed.
    leaf: Option<usize>,
    left_out: usize,
    defects: Vec<String>,
}

impl Scan {
    fn add(&mut self, mut info: PartInfo, body_start: u64) {
        let index = self.parts.len();
        let parent = self.open.last().copied();
        let depth = parent.and_then(|parent| self.parts.get(parent)).map_or(0, |parent| parent.depth + 1);
        let mut is_multipart = info.mime_type.starts_with("multipart/");
        if is_multipart && info.boundary.is_none() {
            self.defects.push("a multipart has no boundary: it is taken for text".into());
            is_multipart = false;
            info.mime_type = "text/plain".into();
        }
        if is_multipart && depth >= MAX_DEPTH {
            self.defects.push(format!("parts are nested deeper than {MAX_DEPTH}: the innermost are one"));
            is_multipart = false;
        }
        let part = Part { info, children: Vec::new(), is_multipart, body_start, body_end: body_start, depth };
        self.parts.push(part);
        if let Some(parent) = parent.and_then(|parent| self.parts.get_mut(parent)) {
            parent.children.push(index);
        }
        if is_multipart {
            self.open.push(index);
            self.leaf = None;
        } else {
            self.leaf = Some(index);
        }
    }

    /// Which open multipart a line belongs to, the innermost first.
    fn matches(&self, line: &[u8]) -> Option<(usize, Hit)> {
        let text = line.strip_prefix(b"--")?.trim_ascii_end();
        for (at, index) in self.open.iter().enumerate().rev() {
            let Some(boundary) = self.parts.get(*index).and_then(|part| part.info.boundary.as_deref()) else {
                continue;
            };
            match text.strip_prefix(boundary) {
                Some(b"") => return Some((at, Hit::Next)),
                Some(b"--") => return Some((at, Hit::Close)),
                _ => {}
            }
        }
        None
    }

    fn set_end(&mut self, index: usize, end: u64) {
        if let Some(part) = self.parts.get_mut(index) {
            part.body_end = end.max(part.body_start);
        }
    }

    fn end_leaf(&mut self, end: u64) {
        if let Some(leaf) = self.leaf.take() {
            self.set_end(leaf, end);
        }
    }

    /// Multiparts inside of the one at `at` were not closed.
    fn close_above(&mut self, at: usize) {
        if self.open.len() > at + 1 {
            self.defects.push("a multipart is not closed".into());
            self.open.truncate(at + 1);
        }
    }

    /// A part's type when its header does not say (RFC 2046 section 5.1.5).
    fn default_type(&self) -> &'static str {
        let parent = self.open.last().and_then(|index| self.parts.get(*index));
        match parent {
            Some(parent) if parent.info.mime_type == "multipart/digest" => "message/rfc822",
            _ => "text/plain",
        }
    }

    fn end(&mut self, size: u64) {
        self.end_leaf(size);
        if !self.open.is_empty() {
            self.defects.push("the message ends in the middle of a multipart".into());
        }
        if self.left_out > 0 {
            self.defects.push(format!("{} parts beyond the first {MAX_PARTS} were left out", self.left_out));
        }
        // A multipart whose boundary never comes is text after all.
        if let [root] = self.parts.as_mut_slice()
            && root.is_multipart
        {
            root.is_multipart = false;
            root.info.mime_type = "text/plain".into();
            root.body_end = size.max(root.body_start);
        }
    }
}

fn part_info(header: &HeaderBlock, default_type: &str) -> PartInfo {
    let mut info = PartInfo { mime_type: default_type.to_owned(), ..PartInfo::default() };
    if let Some(value) = header.first(Name::ContentType)
        && let HeaderValue::ContentType(content_type) = MessageStream::new(value.bytes).parse_content_type()
    {
        let main = content_type.ctype().trim().to_ascii_lowercase();
        let sub = content_type.subtype().map(|sub| sub.trim().to_ascii_lowercase());
        info.mime_type = match sub {
            Some(sub) if !sub.is_empty() && main.len() + sub.len() < 127 => format!("{main}/{sub}"),
            _ if main == "text" => "text/plain".to_owned(),
            _ => default_type.to_owned(),
        };
        let attribute = |name| content_type.attribute(name).filter(|value: &&str| value.len() <= 2_000);
        info.charset = attribute("charset").map(str::to_owned);
        info.name = attribute("name").map(str::to_owned);
        info.boundary = attribute("boundary")
            .map(|boundary| boundary.trim_end().as_bytes().to_vec())
            .filter(|boundary| !boundary.is_empty() && boundary.len() < MAX_BOUNDARY_LINE - 8);
    }
    if let Some(value) = header.first(Name::ContentDisposition)
        && let HeaderValue::ContentType(disposition) = MessageStream::new(value.bytes).parse_content_type()
    {
        info.is_attachment = disposition.ctype().eq_ignore_ascii_case("attachment");
        let name = disposition.attribute("filename").filter(|name| name.len() <= 2_000);
        if let Some(name) = name {
            info.name = Some(name.to_owned());
        }
    }
    info.content_id = header.first(Name::ContentId).and_then(|value| {
        let id = String::from_utf8_lossy(value.bytes);
        let id = id.trim().trim_start_matches('<').trim_end_matches('>').trim();
        (!id.is_empty() && id.len() <= 998).then(|| id.chars().filter(|c| !c.is_control()).collect())
    });
    info.encoding = header.first(Name::ContentTransferEncoding).and_then(|value| {
        let text = String::from_utf8_lossy(value.bytes).trim().to_ascii_lowercase();
        let word = text.split([';', ' ', '(']).next().unwrap_or_default();
        match word.trim_matches('"') {
            "base64" => Some(TransferEncoding::Base64),
            "quoted-printable" => Some(TransferEncoding::QuotedPrintable),
            _ => None,
        }
    });
    info
}
