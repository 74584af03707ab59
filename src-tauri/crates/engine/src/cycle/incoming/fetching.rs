//! The first stage: asks the server for pages of messages, and hands each on as it comes.

use super::listing::{Listed, Listing};
use crate::{
    cycle::{BYTES_IN_FLIGHT, CycleContext, CycleLimits, IN_FLIGHT_UNIT, InFlight, stopped, unless},
    ports::mail::{Fetched, IncomingSession, MessageSink, RemoteItem},
    raw::RawMessage,
};
use async_trait::async_trait;
use std::{collections::VecDeque, sync::Arc};
use tandem_domain::{
    failure::{Failure, FailureCode},
    ledger::{Decision, RuleStep},
    schedule::CycleEnd,
};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_util::sync::CancellationToken;

/// At most this many messages wait to be read; their bytes are bounded by [`InFlight`].
const QUEUE: usize = 512;

/// A message that came, or that needed no fetching.
#[derive(Debug)]
pub struct Arrived {
    /// As it was listed.
    pub item: RemoteItem,
    /// What came.
    pub what: Arrival,
    /// The memory it takes, until it is dropped.
    pub held: Option<OwnedSemaphorePermit>,
}

/// What came.
#[derive(Debug)]
pub enum Arrival {
    /// What the server gave.
    Fetched(Fetched),
    /// The decision that needed no bytes.
    Decided(Decision, Vec<RuleStep>),
}

/// The queue between fetching and reading.
pub fn queue() -> (mpsc::Sender<Arrived>, mpsc::Receiver<Arrived>) {
    mpsc::channel(QUEUE)
}

/// Fetches page by page until all is fetched, the cycle's share is used up, or it is halted.
pub async fn run(
    context: &CycleContext,
    session: &mut dyn IncomingSession,
    mut listing: Listing,
    queue: mpsc::Sender<Arrived>,
    halt: CancellationToken,
) -> Result<CycleEnd, Failure> {
    let limits = context.limits;
    let yield_at = context.now() + limits.yield_after;
    let mut sink =
        QueueSink { page: VecDeque::new(), next: 0, bytes: 0, queue, in_flight: &context.in_flight };
    while listing.len() > 0 {
        if context.now() >= yield_at || sink.bytes >= limits.yield_bytes {
            return Ok(CycleEnd::Yielded);
        }
        unless(&halt, fetch_page(session, &mut listing, &mut sink, limits)).await?;
    }
    Ok(CycleEnd::Completed)
}

async fn fetch_page(
    session: &mut dyn IncomingSession,
    listing: &mut Listing,
    sink: &mut QueueSink<'_>,
    limits: CycleLimits,
) -> Result<(), Failure> {
    sink.page = listing.next_page(limits.page_messages, limits.page_bytes);
    sink.next = 0;
    let to_fetch: Vec<RemoteItem> = sink
        .page
        .iter()
        .filter_map(|listed| match listed {
            Listed::ToFetch(item) => Some(item.clone()),
            Listed::Decided(..) => None,
        })
        .collect();
    if !to_fetch.is_empty() {
        session.fetch(&to_fetch, sink).await?;
    }
    sink.pass_decided().await?;
    if sink.page.is_empty() {
        return Ok(());
    }
    Err(out_of_step(to_fetch.len(), sink.next))
}

/// Puts what comes into the queue, in the order of the listing: the cursor relies on it.
struct QueueSink<'a> {
    page: VecDeque<Listed>,
    next: usize,
    bytes: u64,
    queue: mpsc::Sender<Arrived>,
    in_flight: &'a InFlight,
}

#[async_trait]
impl MessageSink for QueueSink<'_> {
    async fn deliver(&mut self, index: usize, fetched: Fetched) -> Result<(), Failure> {
        self.pass_decided().await?;
        if index != self.next {
            return Err(out_of_step(self.next, index));
        }
        let Some(Listed::ToFetch(item)) = self.page.pop_front() else {
            return Err(out_of_step(self.next, index));
        };
        self.next += 1;
        let held = match &fetched {
            Fetched::Message { raw, .. } => {
                self.bytes = self.bytes.saturating_add(raw.len());
                let units = Arc::clone(&self.in_flight.0).acquire_many_owned(units(raw));
                Some(units.await.map_err(|_| stopped())?)
            }
            Fetched::Gone | Fetched::TooLarge | Fetched::TooOld { .. } | Fetched::Failed(_) => None,
        };
        self.pass(Arrived { item, what: Arrival::Fetched(fetched), held }).await
    }
}

impl QueueSink<'_> {
    async fn pass_decided(&mut self) -> Result<(), Failure> {
        while let Some(Listed::Decided(..)) = self.page.front() {
            if let Some(Listed::Decided(item, decision, trace)) = self.page.pop_front() {
                let what = Arrival::Decided(decision, trace);
                self.pass(Arrived { item, what, held: None }).await?;
            }
        }
        Ok(())
    }

    async fn pass(&self, arrived: Arrived) -> Result<(), Failure> {
        self.queue.send(arrived).await.map_err(|_| stopped())
    }
}

/// Raw and parsed together take about twice a message's bytes; a spooled message only what is kept of its body.
fn units(raw: &RawMessage) -> u32 {
    let bytes = match raw {
        RawMessage::Memory(bytes) => 2 * bytes.len() as u64 + 8 * 1024,
        RawMessage::Spooled { .. } => 3 << 20,
    };
    u32::try_from(bytes.min(BYTES_IN_FLIGHT).div_ceil(IN_FLIGHT_UNIT)).unwrap_or(1)
}

fn out_of_step(expected: usize, found: usize) -> Failure {
    let said = format!("the adapter delivered message {found} of a page where {expected} was due");
    Failure::transient_mailbox(FailureCode::Internal, said)
}
