//! Asks for headers before messages where a date limits what is processed: POP3 lists carry no dates, and what is too old
//! need not be fetched.
//!
//! The date is read by the same parser that reads whole messages, from the same bytes: a header counts only when the answer
//! to TOP holds it up to its blank line, so that nothing behind it could change what was read. Everything else is fetched
//! and decided as a whole message. The order of a list says nothing: restored and moved mail stands anywhere.

use super::{
    connection::Connection,
    failure,
    listing::{Listed, MAX_HEADER_BYTES},
    unstuff::Unstuff,
};
use crate::{
    mime::parse::MimeParser,
    net::{Wire, failure as net},
};
use std::collections::HashMap;
use tandem_domain::{Instant, failure::Failure};
use tandem_engine::{
    ports::{mail::Fetched, message::MessageParser},
    raw::RawMessage,
};

/// A message of at most this size is fetched without asking: its header is most of it, and the question would cost what it
/// could save. Today's mail has headers of 2 to 6 KB.
const NOT_WORTH_ASKING: std::ops::RangeInclusive<u64> = 1..=4 * 1024;
/// Headers up to this size are read here; a message with a longer one is fetched.
const READ_BYTES: usize = 256 * 1024;

/// Whether a message is asked about: of one whose size the server does not tell (0) anything may come.
pub(super) fn is_worth_asking(message: &Listed) -> bool {
    !NOT_WORTH_ASKING.contains(&message.size)
}

/// After this many answers in a row that spared nothing, only some of the messages are asked about.
const IN_VAIN: usize = 64;
/// Every how many messages one is asked about then.
const SAMPLE: usize = 16;

/// Whether asking first pays. Where the date lies before nearly all mail, as in many first synchronizations, the questions
/// would only cost time; what is not asked about is fetched, and decided as a whole message.
#[derive(Debug)]
pub(super) enum Asking {
    /// The last round of questions spared something.
    Pays,
    /// So many answers in a row spared nothing.
    InVain(usize),
}

impl Asking {
    /// Takes from `messages` those that the next round of questions is about; the others are not asked about.
    pub(super) fn next(&self, messages: &mut std::vec::IntoIter<Listed>) -> Vec<Listed> {
        match *self {
            Self::Pays => messages.collect(),
            Self::InVain(answers) if answers < IN_VAIN => messages.take(IN_VAIN - answers).collect(),
            Self::InVain(_) => messages.step_by(SAMPLE).collect(),
        }
    }

    /// After a round of `asked` questions, `too_old` of which spared a message.
    pub(super) fn learn(&mut self, asked: usize, too_old: usize) {
        *self = match *self {
            _ if too_old > 0 => Self::Pays,
            Self::Pays => Self::InVain(asked),
            Self::InVain(before) => Self::InVain(before.saturating_add(asked)),
        };
    }
}

/// Finds the messages that were received before `limit`, by message number. `window` commands are under way at once.
pub(super) async fn too_old(
    connection: &mut Connection,
    messages: &[Listed],
    limit: Instant,
    window: usize,
) -> Result<HashMap<u32, Fetched>, Failure> {
    let mut found = HashMap::new();
    let mut to_ask = messages.iter();
    let mut in_flight = 0;
    for message in messages {
        if in_flight <= window / 2 {
            for next in to_ask.by_ref().take(window - in_flight) {
                connection.wire.queue(format!("TOP {} 0\r\n", next.number).as_bytes());
                in_flight += 1;
            }
            connection.wire.flush().await?;
        }
        in_flight -= 1;
        match connection.reply().await? {
            Ok(_) => {
                let header = header(&mut connection.wire, message.size).await?;
                if let Some(too_old) = header.and_then(|header| read(header, limit)) {
                    found.insert(message.number, too_old);
                }
            }
            Err(refusal) if failure::says_why(&refusal) => {
                return Err(failure::refused(failure::Stage::Working, &refusal, &connection.capabilities));
            }
            // A server that has not announced TOP has none.
            Err(_) if !connection.capabilities.top && in_flight == 0 => {
                connection.refuses_top = true;
                return Ok(found);
            }
            // This one cannot be asked about: RETR tells more.
            Err(_) => {}
        }
    }
    Ok(found)
}

/// The answer to TOP; `None` when it is too long to be read here.
async fn header(wire: &mut Wire, size: u64) -> Result<Option<Vec<u8>>, Failure> {
    let longest = (MAX_HEADER_BYTES as u64).max(size.saturating_mul(2));
    let (mut unstuff, mut header) = (Unstuff::default(), Vec::new());
    let (mut length, mut is_whole) = (0_u64, true);
    loop {
        let step = unstuff.feed(wire.received(), &mut header);
        wire.consume(step.consumed);
        if header.len() > READ_BYTES || !is_whole {
            is_whole = false;
            length = length.saturating_add(header.len() as u64);
            header.clear();
            if length > longest {
                return Err(net::violation(wire.host(), "the headers of a message do not end"));
            }
        }
        if step.ended {
            return Ok(is_whole.then_some(header));
        }
        wire.receive().await?;
    }
}

/// What a header alone decides, in the order of the rules: the topmost Received field, else Date.
fn read(header: Vec<u8>, limit: Instant) -> Option<Fetched> {
    if !header.ends_with(b"\r\n\r\n") {
        return None;
    }
    let parsed = MimeParser.parse(&RawMessage::from(header)).ok()?;
    let received_at = parsed.received_at.or(parsed.sent_at).filter(|at| *at < limit)?;
    Some(Fetched::TooOld { received_at, message_id: parsed.message_id })
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    #[test]
    fn a_header_decides_as_the_whole_message_would() {
        let limit = DateTime::parse_from_rfc3339("2020-01-01T00:00:00Z").unwrap().to_utc();
        let received = |year: u32| format!("Received: from a by b; Wed, 1 May {year} 10:00:00 +0000\r\n");
        let date = |year: u32| format!("Date: Wed, 1 May {year} 10:00:00 +0000\r\n");
        for (header, is_too_old) in [
            (received(2019) + "\r\n", true),
            (received(2020) + "\r\n", false),
            (date(2019) + "\r\n", true),
            (date(2020) + "\r\n", false),
            // Received counts, and its topmost field.
            (received(2020) + &received(2019) + &date(2019) + "\r\n", false),
            (received(2019) + &received(2020) + &date(2020) + "\r\n", true),
            // A topmost Received that cannot be read leaves the decision to Date.
            (format!("Received: nonsense\r\n{}{}\r\n", received(2019), date(2021)), false),
            // One second before the limit, and the limit itself, in another zone.
            ("Date: Tue, 31 Dec 2019 23:59:59 +0000\r\n\r\n".into(), true),
            ("Date: Wed, 1 Jan 2020 02:00:00 +0200\r\n\r\n".into(), false),
            // Nothing to go by, a header that does not end, and none at all.
            ("Subject: x\r\n\r\n".into(), false),
            (date(2019), false),
            (date(2019) + "\r\nbody\r\n", false),
            ("\r\n\r\n".into(), false),
            (String::new(), false),
        ] {
            let found = read(header.clone().into_bytes(), limit);
            assert_eq!(found.is_some(), is_too_old, "{header}");
            if found.is_none() {
                continue;
            }
            // Whatever follows the header, the whole message gives the same date and id.
            for body in
                ["", "text\r\n", "Received: by c; Wed, 1 May 2024 10:00:00 +0000\r\n", "--x\r\nDate: x\r\n"]
            {
                let whole =
                    MimeParser.parse(&RawMessage::from((header.clone() + body).into_bytes())).unwrap();
                let Some(Fetched::TooOld { received_at, message_id }) = &found else { panic!("{found:?}") };
                assert_eq!(whole.received_at.or(whole.sent_at).as_ref(), Some(received_at));
                assert_eq!(whole.message_id, *message_id);
            }
        }
    }
}
