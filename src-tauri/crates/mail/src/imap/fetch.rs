//! Fetches messages: many small ones by one command, the next command sent before the answer to the last is read.

use super::{
    connection::{Connection, Content},
    failure::{self, Doing},
    large,
    response::{Condition, FetchItems, Literal, Response, Status},
};
use std::{collections::VecDeque, fmt::Write as _};
use tandem_domain::{
    Instant,
    failure::{Failure, FailureCode},
};
use tandem_engine::{
    ports::mail::{Fetched, MessageSink},
    raw::RawMessage,
};

/// Messages larger than this are fetched in pieces.
pub(super) const LARGE_BYTES: u64 = 1024 * 1024;
/// One command asks for this much at most, by the sizes that the server listed.
const BATCH_BYTES: u64 = 4 * 1024 * 1024;
/// One command names this many messages at most: its line stays well below 8,192 bytes.
const BATCH_MESSAGES: usize = 200;
/// Commands under way at once: enough that a far server always has the next one when it has answered the last.
const COMMANDS_UNDER_WAY: usize = 8;

/// One message to fetch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    /// `None` when it is of an inbox that was renumbered since.
    pub uid: Option<u32>,
    pub size: u64,
    pub received_at: Option<Instant>,
}

impl Target {
    pub(super) fn message(&self, raw: RawMessage) -> Fetched {
        Fetched::Message { raw, received_at: self.received_at }
    }
}

/// One command's messages.
struct Batch {
    /// The commands that are not answered yet: the first for all, the others for one slot each.
    tags: Vec<(u64, Option<usize>)>,
    /// The index of the first.
    first: usize,
    slots: Vec<Slot>,
    /// How many of the slots were delivered.
    delivered: usize,
    /// Why the command for all was refused.
    refusal: Option<Failure>,
}

struct Slot {
    target: Target,
    fetched: Option<Fetched>,
}

/// Fetches all targets in their order.
pub(super) async fn fetch(
    connection: &mut Connection,
    targets: &[Target],
    limit: u64,
    sink: &mut dyn MessageSink,
) -> Result<(), Failure> {
    let mut under_way: VecDeque<Batch> = VecDeque::new();
    let mut next = 0;
    // Whether the server can read any message at all: only then a refusal is about the one message.
    let mut reads = false;
    loop {
        while under_way.len() < COMMANDS_UNDER_WAY
            && let Some(rest) = targets.get(next..).filter(|rest| !rest.is_empty())
        {
            let Some(batch) = queue_batch(connection, rest, next, limit) else { break };
            next += batch.slots.len();
            under_way.push_back(batch);
        }
        if connection.wire.queued() > 0 {
            connection.wire.flush().await?;
        }
        if under_way.is_empty() {
            // A large one is next, or the end.
            let Some(target) = targets.get(next) else { return Ok(()) };
            let fetched = large::fetch(connection, target, limit).await;
            next += 1;
            match fetched {
                Ok(fetched) => sink.deliver(next - 1, fetched).await?,
                Err(large::Broken { fetched, failure }) => {
                    if let Some(fetched) = fetched {
                        sink.deliver(next - 1, fetched).await?;
                    }
                    return Err(failure);
                }
            }
            continue;
        }
        let response = connection.next(&mut Content::Whole { limit }).await?;
        match response {
            Response::Fetch(items) => {
                reads |= matches!(items.body, Some(Literal::Message(_)));
                take(connection, &mut under_way, items, sink).await?;
            }
            Response::Done { tag, status } => {
                end(connection, &mut under_way, tag, &status)?;
                while under_way.front().is_some_and(|batch| batch.tags.is_empty()) {
                    let Some(batch) = under_way.pop_front() else { break };
                    batch.deliver_all(reads, sink).await?;
                }
                if let Some(front) = under_way.front_mut() {
                    front.deliver_ready(sink).await?;
                }
            }
            _ => {}
        }
    }
}

/// Puts the next targets into one command; `None` when the next one is large.
fn queue_batch(connection: &mut Connection, targets: &[Target], first: usize, limit: u64) -> Option<Batch> {
    let mut slots = Vec::new();
    let mut uids = Vec::new();
    let mut bytes = 0_u64;
    for target in targets {
        let fetched = match target.uid {
            None => Some(Fetched::Gone),
            Some(_) if target.size > limit => Some(Fetched::TooLarge),
            Some(uid) => {
                let is_full = bytes.saturating_add(target.size) > BATCH_BYTES && !uids.is_empty();
                if target.size > LARGE_BYTES || is_full || uids.len() == BATCH_MESSAGES {
                    break;
                }
                bytes += target.size;
                uids.push(uid);
                None
            }
        };
        slots.push(Slot { target: *target, fetched });
    }
    if slots.is_empty() {
        return None;
    }
    // A batch of nothing but answers that are known already still takes its turn.
    let tag = if uids.is_empty() {
        connection.queue(b"NOOP")
    } else {
        uids.sort_unstable();
        connection.queue(format!("UID FETCH {} (UID BODY.PEEK[])", uid_set(&uids)).as_bytes())
    };
    Some(Batch { tags: vec![(tag, None)], first, slots, delivered: 0, refusal: None })
}

async fn take(
    connection: &Connection,
    under_way: &mut VecDeque<Batch>,
    items: FetchItems,
    sink: &mut dyn MessageSink,
) -> Result<(), Failure> {
    // Without a body it tells of changed flags, which do not matter here.
    let Some(body) = items.body else { return Ok(()) };
    if let Literal::Refused(length) = body {
        return refused(connection, under_way, items.uid, length, sink).await;
    }
    let Some(uid) = items.uid else { return Ok(()) };
    let Some(raw) = message(body) else { return Ok(()) };
    for batch in under_way.iter_mut() {
        let slot = batch.slots.iter_mut().find(|slot| slot.target.uid == Some(uid) && slot.fetched.is_none());
        if let Some(slot) = slot {
            slot.fetched = Some(slot.target.message(raw));
            break;
        }
    }
    if let Some(front) = under_way.front_mut() {
        front.deliver_ready(sink).await?;
    }
    Ok(())
}

fn message(body: Literal) -> Option<RawMessage> {
    match body {
        Literal::Message(raw) => Some(raw),
        Literal::Bytes(bytes) => Some(bytes.into()),
        Literal::Appended(_) | Literal::Refused(_) => None,
    }
}

/// The server announced far more than it had listed. The connection is given up; the message is not, when it is
/// known which one it is, so that it does not stop the mailbox again and again.
async fn refused(
    connection: &Connection,
    under_way: &mut VecDeque<Batch>,
    uid: Option<u32>,
    length: u64,
    sink: &mut dyn MessageSink,
) -> Result<(), Failure> {
    if let (Some(uid), Some(front)) = (uid, under_way.front_mut())
        && let Some(at) = front.slots.iter().position(|slot| slot.target.uid == Some(uid))
    {
        if let Some(slot) = front.slots.get_mut(at) {
            slot.fetched = Some(Fetched::TooLarge);
        }
        front.deliver_ready(sink).await?;
    }
    Err(connection
        .violation(&format!("it announced a message of {length} bytes, which it had not listed so")))
}

impl Batch {
    /// Delivers what is there, in order.
    async fn deliver_ready(&mut self, sink: &mut dyn MessageSink) -> Result<(), Failure> {
        while let Some(fetched) = self.slots.get_mut(self.delivered).and_then(|slot| slot.fetched.take()) {
            sink.deliver(self.first + self.delivered, fetched).await?;
            self.delivered += 1;
        }
        Ok(())
    }

    /// All its commands have ended: what did not come is gone, or, where a command was refused, failed. A server that
    /// refuses several messages and gives none has a fault of its own, which is not theirs.
    async fn deliver_all(mut self, reads: bool, sink: &mut dyn MessageSink) -> Result<(), Failure> {
        self.deliver_ready(sink).await?;
        let missing = self.slots.iter().skip(self.delivered).filter(|slot| slot.fetched.is_none()).count();
        let rest = self.slots.into_iter().enumerate().skip(self.delivered);
        for (at, slot) in rest {
            let fetched = match (slot.fetched, &self.refusal) {
                (Some(fetched), _) => fetched,
                (None, Some(failure)) if !reads && missing > 1 => return Err(failure.clone()),
                (None, Some(failure)) => unavailable(failure),
                (None, None) => Fetched::Gone,
            };
            sink.deliver(self.first + at, fetched).await?;
        }
        Ok(())
    }
}

/// A message that the server lists and refuses to give.
pub(super) fn unavailable(refusal: &Failure) -> Fetched {
    Fetched::Failed(Failure::transient_item(FailureCode::MessageUnavailable, refusal.server_said.clone()))
}

/// A command has ended. When the server could not read something, each message that did not come is asked for alone,
/// so that one broken message does not hide the others.
fn end(
    connection: &mut Connection,
    under_way: &mut VecDeque<Batch>,
    tag: u64,
    status: &Status,
) -> Result<(), Failure> {
    let owner = under_way.iter_mut().find(|batch| batch.tags.iter().any(|(own, _)| *own == tag));
    let Some(batch) = owner else {
        // An earlier command whose outcome does not matter, such as ID.
        return Ok(());
    };
    let was_for_all = batch.tags.iter().any(|(own, slot)| *own == tag && slot.is_none());
    batch.tags.retain(|(own, _)| *own != tag);
    let code = status.code_name();
    if status.condition == Condition::Ok || code.as_deref() == Some("EXPUNGEISSUED") {
        return Ok(());
    }
    let failure = failure::refused(connection.host(), Doing::Working, status);
    let says_why = matches!(
        code.as_deref(),
        Some("UNAVAILABLE" | "LIMIT" | "THROTTLED" | "INUSE" | "AUTHORIZATIONFAILED" | "CLIENTBUG")
    );
    // A command that the server does not understand is refused for each message as well.
    if says_why || status.condition == Condition::Bad {
        return Err(failure);
    }
    tracing::warn!(host = connection.host(), said = failure.server_said, "the server cannot read messages");
    batch.refusal = Some(failure);
    if was_for_all && batch.slots.len() > 1 {
        for (at, slot) in batch.slots.iter().enumerate().skip(batch.delivered) {
            if let (None, Some(uid)) = (&slot.fetched, slot.target.uid) {
                let tag = connection.queue(format!("UID FETCH {uid} (UID BODY.PEEK[])").as_bytes());
                batch.tags.push((tag, Some(at)));
            }
        }
    }
    Ok(())
}

/// `1:3,7` for sorted UIDs.
pub(super) fn uid_set(uids: &[u32]) -> String {
    let mut set = String::new();
    let mut rest = uids.iter().copied().peekable();
    while let Some(first) = rest.next() {
        let mut last = first;
        while let Some(next) = rest.next_if(|next| last.checked_add(1) == Some(*next) || *next == last) {
            last = next;
        }
        let comma = if set.is_empty() { "" } else { "," };
        let _ =
            if first == last { write!(set, "{comma}{first}") } else { write!(set, "{comma}{first}:{last}") };
    }
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_named_as_a_range() {
        assert_eq!(uid_set(&[1, 2, 3, 7, 9, 10]), "1:3,7,9:10");
        assert_eq!(uid_set(&[u32::MAX - 1, u32::MAX]), "4294967294:4294967295");
        assert_eq!(uid_set(&[]), "");
    }
}
