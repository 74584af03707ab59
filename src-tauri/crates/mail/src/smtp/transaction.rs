//! Submits messages on an open connection, and knows at each step whether the server may have taken them.

use super::{
    body::{self, Chunks, Stuff},
    connection::Connection,
    envelope::{self, Envelope},
    failure::{self, Stage},
    reply::{self, Reply},
};
use crate::net::{Timeouts, failure as net};
use async_trait::async_trait;
use std::{io, time::Duration};
use tandem_domain::{
    failure::{Failure, FailureCode, Nature},
    outgoing::{RefusedRecipient, SubmitOutcome},
};
use tandem_engine::{
    ports::mail::{CommitPoint, OutgoingSession, Submission},
    raw::RawMessage,
};

/// Commands sent at once where PIPELINING is offered (RFC 2920). Bounded, so that replies never fill the network
/// while we still write.
const WINDOW: usize = 100;
/// How much of a message is collected before it is sent.
const SEND_BYTES: usize = 64 * 1024;
/// A server that breaks off in the middle of a message has often said why just before.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// An open submission session.
pub(super) struct SmtpSession {
    connection: Connection,
    timeouts: Timeouts,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The next message can start.
    Ready,
    /// A transaction was given up: RSET comes first.
    NeedsReset,
    /// Nothing more can be said: lost, closed by the server, or dropped in the middle of a message.
    Broken,
}

/// What was sent ahead of the replies to the recipients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ahead {
    Nothing,
    /// DATA: its reply comes behind theirs.
    Data,
}

/// A submission that ended before the commit point.
enum Early {
    /// The server's or our own decision; the connection is as its state says.
    Decided(SubmitOutcome),
    /// The connection does not work any more.
    Lost(Failure),
}

impl From<Failure> for Early {
    fn from(failure: Failure) -> Self {
        Self::Lost(failure)
    }
}

impl SmtpSession {
    pub(super) fn new(connection: Connection, timeouts: Timeouts) -> Self {
        Self { connection, timeouts, state: State::Ready }
    }

    async fn transaction(
        &mut self,
        submission: &Submission,
        commit: &dyn CommitPoint,
    ) -> Result<SubmitOutcome, Early> {
        let before = self.state;
        // Until it is known to be otherwise, also when this future is dropped half-way.
        self.state = State::Broken;
        let eight_bit = body::inspect(&submission.raw).await.map_err(|error| {
            self.state = before;
            Early::Decided(retry(unreadable(&error), vec![]))
        })?;
        let host = self.connection.wire.host().to_owned();
        let planned = envelope::plan(&host, &self.connection.extensions, submission, eight_bit);
        let envelope = planned.map_err(|why| {
            self.state = before;
            Early::Decided(SubmitOutcome::Rejected { why, refused: vec![] })
        })?;
        if envelope.recipients.is_empty() {
            self.state = before;
            return Err(Early::Decided(all_refused(envelope.refused)));
        }
        if before == State::NeedsReset {
            let reply = self.connection.command("RSET").await?;
            if !reply.is_done() {
                return Err(Early::Lost(failure::refused(Stage::Greeting, &reply)));
            }
        }
        let refused = self.envelope(envelope).await?;
        self.body(&submission.raw, &refused).await?;
        self.still_listening(&refused).await?;
        if let Err(why) = commit.about_to_commit().await {
            // The end is not sent: the server drops what it has when the connection goes (RFC 5321 section 4.1.1.4).
            return Err(Early::Decided(retry(why, refused)));
        }
        Ok(self.end(refused).await)
    }

    /// MAIL, RCPT and DATA. Gives the refused recipients when at least one is taken and the server waits for the message.
    /// Where PIPELINING is offered all of it is one round trip (RFC 2920 section 3.1: DATA may be the last of a group).
    async fn envelope(&mut self, envelope: Envelope) -> Result<Vec<RefusedRecipient>, Early> {
        let Envelope { mail, recipients, mut refused } = envelope;
        let pipelining = self.connection.extensions.pipelining;
        let mut sender_answered = !pipelining;
        let mut accepted = 0;
        self.connection.wire.queue(mail.as_bytes());
        if !pipelining {
            self.connection.wire.flush().await?;
            self.sender_taken(0, Ahead::Nothing).await?;
        }
        let mut groups = recipients.chunks(if pipelining { WINDOW } else { 1 }).peekable();
        let mut ahead = Ahead::Nothing;
        while let Some(group) = groups.next() {
            for (_, command) in group {
                self.connection.wire.queue(command.as_bytes());
            }
            if pipelining && groups.peek().is_none() {
                self.connection.wire.queue(b"DATA\r\n");
                ahead = Ahead::Data;
            }
            self.connection.wire.flush().await?;
            if !sender_answered {
                self.sender_taken(group.len(), ahead).await?;
                sender_answered = true;
            }
            for (address, _) in group {
                let reply = self.reply().await?;
                if reply.is_done() {
                    accepted += 1;
                    continue;
                }
                let failure = failure::refused(Stage::Recipient, &reply);
                if reply.closes() {
                    return Err(Early::Decided(retry(failure, refused)));
                }
                refused.push(RefusedRecipient { address: address.clone(), failure });
            }
        }
        if accepted == 0 {
            self.give_up(ahead).await;
            return Err(Early::Decided(all_refused(refused)));
        }
        self.data(ahead, &refused).await?;
        Ok(refused)
    }

    /// The reply to MAIL. When it refuses, the replies to the commands sent behind it are taken too.
    async fn sender_taken(&mut self, recipients_behind: usize, ahead: Ahead) -> Result<(), Early> {
        let reply = self.reply().await?;
        if reply.is_done() {
            return Ok(());
        }
        if !reply.closes() {
            for _ in 0..recipients_behind {
                self.reply().await?;
            }
            self.give_up(ahead).await;
        }
        Err(Early::Decided(by_nature(failure::refused(Stage::Sender, &reply), vec![])))
    }

    /// The transaction is decided; the session goes on with a reset where it can. A server that wants a message for nobody
    /// all the same is left: only a dot would end that, and it might be taken for a message.
    async fn give_up(&mut self, ahead: Ahead) {
        let can_go_on = match ahead {
            Ahead::Nothing => true,
            Ahead::Data => match reply::read(&mut self.connection.wire).await {
                Ok(reply) => reply.code >= 400 && !reply.closes(),
                Err(_) => false,
            },
        };
        if can_go_on {
            self.state = State::NeedsReset;
        }
    }

    /// A reply that is yes or no.
    async fn reply(&mut self) -> Result<Reply, Failure> {
        let reply = reply::read(&mut self.connection.wire).await?;
        if (300..400).contains(&reply.code) {
            return Err(net::violation(self.connection.wire.host(), &format!("out of place: {reply}")));
        }
        Ok(reply)
    }

    async fn data(&mut self, ahead: Ahead, refused: &[RefusedRecipient]) -> Result<(), Early> {
        let reply = match ahead {
            Ahead::Nothing => self.connection.command("DATA").await?,
            Ahead::Data => reply::read(&mut self.connection.wire).await?,
        };
        if reply.code == 354 {
            return Ok(());
        }
        if reply.is_done() || reply.code < 400 {
            return Err(Early::Lost(net::violation(
                self.connection.wire.host(),
                &format!("DATA got {reply}"),
            )));
        }
        if !reply.closes() {
            self.state = State::NeedsReset;
        }
        Err(Early::Decided(by_nature(failure::refused(Stage::Message, &reply), refused.to_vec())))
    }

    /// Everything but the end. On return all of it is handed to the network.
    async fn body(&mut self, raw: &RawMessage, refused: &[RefusedRecipient]) -> Result<(), Early> {
        let give_up = |error: io::Error| Early::Decided(retry(unreadable(&error), refused.to_vec()));
        let mut chunks = Chunks::of(raw).await.map_err(give_up)?;
        let mut stuff = Stuff::default();
        let mut out = Vec::with_capacity(SEND_BYTES + SEND_BYTES / 8);
        loop {
            let chunk = chunks.next().await.map_err(give_up)?;
            let ended = chunk.is_empty();
            if ended {
                stuff.finish(&mut out);
            } else {
                stuff.feed(chunk, &mut out);
            }
            if ended || out.len() >= SEND_BYTES {
                if let Err(lost) = self.connection.wire.send(&out).await {
                    return Err(self.last_words(lost, refused).await);
                }
                out.clear();
            }
            if ended {
                return Ok(());
            }
        }
    }

    /// Sending failed: the server may have said why before it closed.
    async fn last_words(&mut self, lost: Failure, refused: &[RefusedRecipient]) -> Early {
        match tokio::time::timeout(LAST_WORDS, reply::read(&mut self.connection.wire)).await {
            Ok(Ok(reply)) if reply.code >= 400 => {
                Early::Decided(by_nature(failure::refused(Stage::Message, &reply), refused.to_vec()))
            }
            _ => Early::Lost(lost),
        }
    }

    /// A server that has gone, or refused, while we were sending is noticed before the commit point: that is a plain
    /// retry instead of a message that nobody knows about.
    async fn still_listening(&mut self, refused: &[RefusedRecipient]) -> Result<(), Early> {
        if !self.connection.wire.has_spoken()? {
            return Ok(());
        }
        let reply = reply::read(&mut self.connection.wire).await?;
        if reply.code < 400 {
            return Err(Early::Lost(net::violation(
                self.connection.wire.host(),
                &format!("out of place: {reply}"),
            )));
        }
        Err(Early::Decided(by_nature(failure::refused(Stage::Message, &reply), refused.to_vec())))
    }

    /// Sends the end. From here on everything but a clear answer leaves it open what became of the message.
    async fn end(&mut self, refused: Vec<RefusedRecipient>) -> SubmitOutcome {
        let wire = &mut self.connection.wire;
        wire.set_read_timeout(self.timeouts.commit);
        let answered = async {
            wire.send(b".\r\n").await?;
            reply::read(wire).await
        };
        let reply = match answered.await {
            Ok(reply) => reply,
            Err(failure) => return unconfirmed(&failure),
        };
        wire.set_read_timeout(self.timeouts.answer);
        // More than one answer to one message: what comes next could not be told apart.
        if !reply.closes() && wire.received().is_empty() {
            self.state = State::Ready;
        }
        match reply.code {
            200..=299 => SubmitOutcome::Accepted { server_said: shown(&reply), refused },
            400..=599 => by_nature(failure::refused(Stage::Message, &reply), refused),
            _ => unconfirmed(&net::violation(self.connection.wire.host(), &format!("the end got {reply}"))),
        }
    }
}

#[async_trait]
impl OutgoingSession for SmtpSession {
    async fn submit(&mut self, submission: &Submission, commit: &dyn CommitPoint) -> SubmitOutcome {
        if self.state == State::Broken {
            let said = format!("{}: the connection broke off before", self.connection.wire.host());
            return retry(Failure::transient_profile(FailureCode::ConnectionLost, said), vec![]);
        }
        match self.transaction(submission, commit).await {
            Ok(outcome) | Err(Early::Decided(outcome)) => outcome,
            Err(Early::Lost(why)) => retry(why, vec![]),
        }
    }

    fn is_open(&self) -> bool {
        self.state != State::Broken
    }

    async fn close(mut self: Box<Self>) {
        if self.is_open() {
            // Nothing depends on the answer.
            let _ = tokio::time::timeout(LAST_WORDS, self.connection.command("QUIT")).await;
        }
    }
}

fn retry(why: Failure, refused: Vec<RefusedRecipient>) -> SubmitOutcome {
    SubmitOutcome::Retry { why, refused }
}

fn by_nature(why: Failure, refused: Vec<RefusedRecipient>) -> SubmitOutcome {
    match why.nature {
        Nature::Transient => SubmitOutcome::Retry { why, refused },
        Nature::Permanent => SubmitOutcome::Rejected { why, refused },
    }
}

/// Nobody is left. One who may be taken later keeps the message alive.
fn all_refused(refused: Vec<RefusedRecipient>) -> SubmitOutcome {
    let later = refused.iter().find(|one| one.failure.nature == Nature::Transient);
    match later.or(refused.first()) {
        Some(one) => by_nature(one.failure.clone(), refused),
        None => {
            let why = Failure::permanent_item(FailureCode::RecipientsRefused, "the message has no recipient");
            SubmitOutcome::Rejected { why, refused }
        }
    }
}

fn unconfirmed(lost: &Failure) -> SubmitOutcome {
    let said = format!("the answer to the end of the message was lost: {}", lost.server_said);
    SubmitOutcome::Unconfirmed(Failure::transient_item(FailureCode::DeliveryUnconfirmed, said))
}

/// The composed message on our own disk cannot be read: a fault of this computer, which may pass.
fn unreadable(error: &io::Error) -> Failure {
    Failure::transient_item(FailureCode::Internal, format!("the composed message cannot be read: {error}"))
}

/// The server's words, which often hold its queue id.
fn shown(reply: &Reply) -> String {
    reply.to_string().chars().filter(|c| !c.is_control()).take(500).collect()
}
