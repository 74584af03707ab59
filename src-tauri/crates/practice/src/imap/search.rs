//! SEARCH: the keys that clients use, and whether a message matches (RFC 3501 section 6.4.4). SENTSINCE and its like look at the
//! date of arrival, which is close enough here.

use chrono::NaiveDate;
use memchr::memmem;

use super::fetch::{fields, header_length, is_named};
use super::selected::Selected;
use super::set::Set;
use super::syntax::Arg;
use crate::hub::StoredMessage;

const DEEPEST: usize = 32;

/// What a message must be to be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    All(Vec<Key>),
    Either(Box<(Key, Key)>),
    Not(Box<Key>),
    Number(Set),
    Uid(Set),
    Header { name: String, contains: Vec<u8> },
    Anywhere(Vec<u8>),
    Body(Vec<u8>),
    Flag(String),
    ReceivedBefore(NaiveDate),
    ReceivedSince(NaiveDate),
    LargerThan(usize),
    SmallerThan(usize),
    ModSeq(u64),
}

/// Why a search cannot be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unsearchable {
    Malformed,
    Charset,
}

impl Key {
    /// Reads the arguments of SEARCH for the selected folder.
    pub(super) fn parse(args: &[Arg], selected: &Selected) -> Result<Self, Unsearchable> {
        let mut rest = args;
        if let [keyword, charset, after @ ..] = rest
            && keyword.word().as_deref() == Some("CHARSET")
        {
            let charset = charset.text().unwrap_or_default().to_ascii_uppercase();
            if !matches!(charset.as_str(), "UTF-8" | "US-ASCII") {
                return Err(Unsearchable::Charset);
            }
            rest = after;
        }
        let limits = Limits {
            largest_uid: selected.numbers().last().copied().unwrap_or(1),
            count: u32::try_from(selected.count()).unwrap_or(u32::MAX),
        };
        if rest.is_empty() {
            return Err(Unsearchable::Malformed);
        }
        limits.all(rest, 0).ok_or(Unsearchable::Malformed)
    }

    pub(super) fn asks_for_mod_seq(&self) -> bool {
        match self {
            Self::ModSeq(_) => true,
            Self::All(keys) => keys.iter().any(Self::asks_for_mod_seq),
            Self::Either(keys) => keys.0.asks_for_mod_seq() || keys.1.asks_for_mod_seq(),
            Self::Not(key) => key.asks_for_mod_seq(),
            _ => false,
        }
    }

    pub(super) fn matches(&self, number: u32, message: &StoredMessage) -> bool {
        let raw = &message.raw;
        let body =
            |raw: &[u8], text: &[u8]| contains(raw.get(header_length(raw)..).unwrap_or_default(), text);
        match self {
            Self::All(keys) => keys.iter().all(|key| key.matches(number, message)),
            Self::Either(keys) => keys.0.matches(number, message) || keys.1.matches(number, message),
            Self::Not(key) => !key.matches(number, message),
            Self::Number(set) => set.contains(number),
            Self::Uid(set) => set.contains(message.uid),
            Self::Header { name, contains } => has_field(raw, name, contains),
            Self::Anywhere(text) => contains(raw, text),
            Self::Body(text) => body(raw, text),
            Self::Flag(flag) => message.flags.iter().any(|it| it.eq_ignore_ascii_case(flag)),
            Self::ReceivedBefore(day) => message.received_at.date_naive() < *day,
            Self::ReceivedSince(day) => message.received_at.date_naive() >= *day,
            Self::LargerThan(size) => raw.len() > *size,
            Self::SmallerThan(size) => raw.len() < *size,
            Self::ModSeq(mod_seq) => message.mod_seq >= *mod_seq,
        }
    }
}

/// What `*` stands for.
struct Limits {
    largest_uid: u32,
    count: u32,
}

impl Limits {
    fn all(&self, args: &[Arg], depth: usize) -> Option<Key> {
        let mut rest = args.iter();
        let mut keys = Vec::new();
        while let Some(first) = rest.next() {
            keys.push(self.key(first, &mut rest, depth)?);
        }
        Some(Key::All(keys))
    }

    fn key(&self, first: &Arg, rest: &mut std::slice::Iter<'_, Arg>, depth: usize) -> Option<Key> {
        if depth > DEEPEST {
            return None;
        }
        if let Arg::List(args) = first {
            return self.all(args, depth + 1);
        }
        let word = first.word()?;
        let mut bytes = || rest.next().and_then(Arg::text).map(String::into_bytes);
        let flag = |flag: &str| Key::Flag(flag.to_owned());
        let key = match word.as_str() {
            "ALL" | "OLD" => Key::All(Vec::new()),
            "ANSWERED" => flag("\\Answered"),
            "DELETED" => flag("\\Deleted"),
            "DRAFT" => flag("\\Draft"),
            "FLAGGED" => flag("\\Flagged"),
            "SEEN" => flag("\\Seen"),
            "RECENT" => not(Key::All(Vec::new())),
            "UNANSWERED" => not(flag("\\Answered")),
            "UNDELETED" => not(flag("\\Deleted")),
            "UNDRAFT" => not(flag("\\Draft")),
            "UNFLAGGED" => not(flag("\\Flagged")),
            "UNSEEN" | "NEW" => not(flag("\\Seen")),
            "KEYWORD" => Key::Flag(rest.next()?.text()?),
            "UNKEYWORD" => not(Key::Flag(rest.next()?.text()?)),
            "HEADER" => {
                Key::Header { name: rest.next()?.text()?, contains: rest.next()?.text()?.into_bytes() }
            }
            "BCC" | "CC" | "FROM" | "SUBJECT" | "TO" => Key::Header { name: word, contains: bytes()? },
            "BODY" => Key::Body(bytes()?),
            "TEXT" => Key::Anywhere(bytes()?),
            "BEFORE" | "SENTBEFORE" => Key::ReceivedBefore(day(rest.next()?)?),
            "SINCE" | "SENTSINCE" => Key::ReceivedSince(day(rest.next()?)?),
            "ON" | "SENTON" => {
                let day = day(rest.next()?)?;
                Key::All(vec![Key::ReceivedSince(day), Key::ReceivedBefore(day.succ_opt()?)])
            }
            "LARGER" => Key::LargerThan(rest.next()?.text()?.parse().ok()?),
            "SMALLER" => Key::SmallerThan(rest.next()?.text()?.parse().ok()?),
            "MODSEQ" => Key::ModSeq(rest.next()?.text()?.parse().ok()?),
            "UID" => Key::Uid(Set::parse(&rest.next()?.text()?, self.largest_uid)?),
            "NOT" => not(self.key(rest.next()?, rest, depth + 1)?),
            "OR" => {
                let one = self.key(rest.next()?, rest, depth + 1)?;
                Key::Either(Box::new((one, self.key(rest.next()?, rest, depth + 1)?)))
            }
            set => Key::Number(Set::parse(set, self.count)?),
        };
        Some(key)
    }
}

fn not(key: Key) -> Key {
    Key::Not(Box::new(key))
}

/// A date as `1-Feb-2026`, quoted or not.
fn day(arg: &Arg) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(arg.text()?.trim(), "%d-%b-%Y").ok()
}

fn has_field(raw: &[u8], name: &str, text: &[u8]) -> bool {
    let header = raw.get(..header_length(raw)).unwrap_or_default();
    fields(header).into_iter().filter(|field| is_named(field, name)).any(|field| {
        let value = memchr::memchr(b':', field).and_then(|at| field.get(at + 1..)).unwrap_or_default();
        contains(value, text)
    })
}

/// Whether the text occurs, in any case.
fn contains(haystack: &[u8], text: &[u8]) -> bool {
    memmem::find(&haystack.to_ascii_lowercase(), &text.to_ascii_lowercase()).is_some()
}
