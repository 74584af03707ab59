//! Receives the body of a RETR answer: unstuffed, counted, into memory or a temporary file.

use super::unstuff::Unstuff;
use crate::{
    net::{Wire, failure as net},
    spool::Spool,
};
use tandem_domain::failure::Failure;
use tandem_engine::raw::RawMessage;

/// A message that turns out to be larger than announced is read to its end, so that the session can go on; but
/// not further than this beyond the limit.
const DRAIN_BYTES: u64 = 64 * 1024 * 1024;

/// What was received.
pub(super) enum Received {
    Message(RawMessage),
    /// The server lists it and would not give it, in its words.
    Refused(String),
    /// It is over the limit; the session can go on.
    TooLarge,
    /// It is over the limit and does not end; the session cannot go on.
    Endless(Failure),
}

/// Receives one message of at most `limit` bytes. `expected` is what the server announced.
pub(super) async fn receive(wire: &mut Wire, expected: u64, limit: u64) -> Result<Received, Failure> {
    let mut unstuff = Unstuff::default();
    let mut spool = Spool::expecting(expected);
    loop {
        let step = unstuff.feed(wire.received(), spool.buffer());
        wire.consume(step.consumed);
        if spool.len() > limit {
            return drain(wire, unstuff, step.ended).await;
        }
        if step.ended {
            return Ok(Received::Message(spool.finish().await?));
        }
        spool.settle().await?;
        wire.receive().await?;
    }
}

async fn drain(wire: &mut Wire, mut unstuff: Unstuff, mut ended: bool) -> Result<Received, Failure> {
    let mut ignored = Vec::new();
    let mut drained = 0;
    while !ended {
        if drained > DRAIN_BYTES {
            return Ok(Received::Endless(net::violation(wire.host(), "a message does not end")));
        }
        wire.receive().await?;
        ignored.clear();
        let step = unstuff.feed(wire.received(), &mut ignored);
        wire.consume(step.consumed);
        drained += ignored.len() as u64;
        ended = step.ended;
    }
    Ok(Received::TooLarge)
}
