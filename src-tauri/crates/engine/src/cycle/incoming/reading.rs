//! The second stage: parses messages away from the async threads, and survives what parsing does.

use super::{
    fetching::{Arrival, Arrived},
    listing,
};
use crate::{
    cycle::{CycleContext, stopped},
    ports::{
        mail::{Fetched, RemoteItem},
        message::MessageParser,
    },
    raw::RawMessage,
};
use futures::{StreamExt, stream};
use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};
use tandem_domain::{
    Instant,
    address::MessageId,
    failure::{Failure, FailureCode},
    ledger::{Decision, RuleStep},
    message::ParsedMessage,
};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

/// At most this many messages are parsed in one go.
const CHUNK: usize = 64;
/// So many goes run side by side.
const SIDE_BY_SIDE: usize = 2;
/// At most this many read messages wait to be committed.
const QUEUE: usize = 512;

/// A message that is ready to be decided.
#[derive(Debug)]
pub struct Ready {
    /// As it was listed.
    pub item: RemoteItem,
    /// What is known of it.
    pub content: Content,
    /// The memory it takes, until it is dropped.
    pub _held: Option<OwnedSemaphorePermit>,
}

/// What is known of a message.
#[derive(Debug)]
pub enum Content {
    /// All.
    Message {
        /// Its bytes.
        raw: RawMessage,
        /// Its content.
        parsed: Box<ParsedMessage>,
        /// When the server received it, where the server told.
        received_at: Option<Instant>,
    },
    /// Its bytes only.
    Unreadable {
        /// Its bytes.
        raw: RawMessage,
        /// Why it can't be read.
        reason: String,
        /// When the server received it, where the server told.
        received_at: Option<Instant>,
    },
    /// Its header only, which says that it is too old.
    TooOld {
        /// When the server received it.
        received_at: Instant,
        /// Its Message-ID.
        message_id: Option<MessageId>,
    },
    /// It is decided already, without its bytes.
    Decided(Decision, Vec<RuleStep>),
    /// It failed on its own.
    Failed(Failure),
}

impl Ready {
    /// The bytes that its commit writes.
    pub fn bytes(&self) -> u64 {
        match &self.content {
            Content::Message { raw, .. } | Content::Unreadable { raw, .. } => raw.len(),
            Content::TooOld { .. } | Content::Decided(..) | Content::Failed(_) => 0,
        }
    }
}

/// The queue between reading and committing.
pub fn queue() -> (mpsc::Sender<Ready>, mpsc::Receiver<Ready>) {
    mpsc::channel(QUEUE)
}

/// Reads what arrives, in order, until nothing more comes or nobody wants it.
pub async fn run(
    context: &CycleContext,
    arrived: mpsc::Receiver<Arrived>,
    ready: mpsc::Sender<Ready>,
) -> Result<(), Failure> {
    let limit = context.prepared.access.max_message_bytes;
    let chunks = stream::unfold(arrived, async |mut queue| {
        let mut chunk = Vec::new();
        (queue.recv_many(&mut chunk, CHUNK).await > 0).then_some((chunk, queue))
    });
    let read = chunks.map(|chunk| {
        let parser = Arc::clone(&context.ports.parser);
        tokio::task::spawn_blocking(move || {
            chunk.into_iter().map(|one| read(parser.as_ref(), one, limit)).collect::<Vec<_>>()
        })
    });
    let mut read = std::pin::pin!(read.buffered(SIDE_BY_SIDE));
    while let Some(chunk) = read.next().await {
        let said = "reading messages broke off";
        let chunk = chunk.map_err(|_| Failure::transient_mailbox(FailureCode::Internal, said))?;
        for one in chunk {
            ready.send(one).await.map_err(|_| stopped())?;
        }
    }
    Ok(())
}

fn read(parser: &dyn MessageParser, arrived: Arrived, limit: u64) -> Ready {
    let Arrived { item, what, held } = arrived;
    let content = match what {
        Arrival::Decided(decision, trace) => Content::Decided(decision, trace),
        Arrival::Fetched(Fetched::Gone) => {
            let (decision, trace) = listing::gone();
            Content::Decided(decision, trace)
        }
        Arrival::Fetched(Fetched::TooLarge) => {
            let (decision, trace) = listing::too_large(item.size, limit);
            Content::Decided(decision, trace)
        }
        Arrival::Fetched(Fetched::TooOld { received_at, message_id }) => {
            Content::TooOld { received_at, message_id }
        }
        Arrival::Fetched(Fetched::Failed(why)) => Content::Failed(why),
        Arrival::Fetched(Fetched::Message { raw, received_at }) => {
            let received_at = received_at.or(item.received_at);
            match parse(parser, &raw) {
                Ok(parsed) => Content::Message { raw, parsed: Box::new(parsed), received_at },
                Err(reason) => Content::Unreadable { raw, reason, received_at },
            }
        }
    };
    Ready { item, content, _held: held }
}

/// A message must not stop its mailbox, whatever it does to the parser.
fn parse(parser: &dyn MessageParser, raw: &RawMessage) -> Result<ParsedMessage, String> {
    match catch_unwind(AssertUnwindSafe(|| parser.parse(raw))) {
        Ok(Ok(parsed)) => Ok(parsed),
        Ok(Err(unreadable)) => Err(unreadable.0),
        Err(panic) => Err(format!("the parser broke down: {}", panic_text(panic.as_ref()))),
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no reason given")
}
