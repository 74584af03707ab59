//! Waits for news with IDLE (RFC 2177).
//!
//! NOTIFY (RFC 5465) would bring nothing here: it tells of other folders, and one folder is synchronized.
//!
//! A connection that nobody speaks on is cheap to hold (its buffers are given back) and hard to tell from a dead one.
//! Three things keep it honest: TCP's own probes (see `net`), the answer to DONE, which is asked for after a long silence,
//! and a new IDLE before the half hour after which servers may hang up.

use super::{
    connection::{Connection, Content},
    failure::{self, Doing},
    response::{Condition, Response},
};
use std::time::Duration;
use tandem_domain::failure::Failure;
use tandem_engine::ports::mail::Watched;
use tokio::time::Instant;

/// RFC 2177 section 3: a server may take a client for gone after 30 minutes; IDLE is given anew before 29.
const ANEW_AFTER: Duration = Duration::from_secs(28 * 60);
/// After this long without a byte the server is made to answer. Dovecot says "Still here" every two minutes, many servers
/// say nothing at all.
const LONGEST_SILENCE: Duration = Duration::from_secs(10 * 60);
/// Flags that others change are told too, message by message.
const TOLD_WHILE_IDLE: u64 = 1_000_000;

/// A session's IDLE.
#[derive(Debug, Default)]
pub(super) struct Idle {
    /// The tag of the IDLE that is under way, which a watch that was dropped leaves behind.
    under_way: Option<u64>,
    /// The server announced it and refused it.
    is_refused: bool,
}

impl Idle {
    pub(super) fn is_refused(&self) -> bool {
        self.is_refused
    }

    pub(super) fn is_under_way(&self) -> bool {
        self.under_way.is_some()
    }

    /// Ends what a dropped watch left behind, so that the next command can be given.
    pub(super) async fn end(&mut self, connection: &mut Connection) -> Result<(), Failure> {
        let Some(tag) = self.under_way.take() else { return Ok(()) };
        connection.wire.usual_read_timeout();
        connection.expect_responses(TOLD_WHILE_IDLE);
        connection.wire.send(b"DONE\r\n").await?;
        let status = connection.finish(tag, &mut |_| {}).await?;
        if status.condition != Condition::Ok {
            self.is_refused = true;
            return Err(failure::refused(connection.host(), Doing::Working, &status));
        }
        Ok(())
    }

    /// Takes what is said while IDLE is under way.
    pub(super) fn heard(&mut self, connection: &Connection, response: &Response) -> Result<(), Failure> {
        match response {
            Response::Done { tag, status } if self.under_way == Some(*tag) => {
                self.under_way = None;
                match status.condition {
                    // To be told of it as quiet would make a loop of it.
                    Condition::Ok => Err(connection.violation("it ended IDLE, which only the client does")),
                    _ => Err(failure::refused(connection.host(), Doing::Working, status)),
                }
            }
            _ => Ok(()),
        }
    }

    /// Gives IDLE and waits until the server agrees.
    pub(super) async fn begin(&mut self, connection: &mut Connection) -> Result<(), Failure> {
        let tag = connection.queue(b"IDLE");
        connection.expect_responses(TOLD_WHILE_IDLE);
        connection.wire.flush().await?;
        loop {
            match connection.next(&mut Content::Unasked).await? {
                Response::Continue => break,
                Response::Done { tag: done, status } if done == tag => {
                    self.is_refused = true;
                    return Err(failure::refused(connection.host(), Doing::Working, &status));
                }
                _ => {}
            }
        }
        self.under_way = Some(tag);
        Ok(())
    }
}

/// Why a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waited {
    /// A line is there to be read.
    Spoken,
    /// It is time to make the server answer.
    Silent,
}

/// When to stop waiting.
#[derive(Debug, Clone, Copy)]
pub(super) struct Until {
    end: Instant,
    anew: Instant,
}

impl Until {
    /// A watch of at most this long.
    pub(super) fn after(for_at_most: Duration) -> Self {
        let now = Instant::now();
        // A week is as good as for ever.
        let end = now + for_at_most.min(Duration::from_secs(7 * 24 * 3600));
        Self { end, anew: now + ANEW_AFTER }
    }

    /// The same watch with a new IDLE.
    pub(super) fn renewed(self) -> Self {
        Self { anew: Instant::now() + ANEW_AFTER, ..self }
    }

    pub(super) fn is_over(self) -> bool {
        Instant::now() >= self.end
    }
}

/// Waits for a line while IDLE is under way. May be dropped at any time: nothing is lost.
pub(super) async fn wait(connection: &mut Connection, until: Until) -> Result<Waited, Failure> {
    connection.wire.rest(ANEW_AFTER);
    let until = until.end.min(until.anew).min(Instant::now() + LONGEST_SILENCE);
    let spoken = async {
        while !connection.wire.has_line() {
            connection.wire.receive().await?;
        }
        Ok(Waited::Spoken)
    };
    match tokio::time::timeout_at(until, spoken).await {
        Ok(spoken) => spoken,
        Err(_) => Ok(Waited::Silent),
    }
}

/// What the server has told so far.
pub(super) fn told(connection: &Connection) -> Watched {
    if connection.told.is_news { Watched::News } else { Watched::Quiet }
}
