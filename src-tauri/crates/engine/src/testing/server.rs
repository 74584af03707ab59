//! A scripted mail server: boxes with messages, a maildrop lock's worth of manners, and faults on demand.

use super::{HandClock, Log, Steps};
use crate::{
    ports::clock::Clock,
    ports::mail::{
        Changes, CommitPoint, Credentials, Cursor, Fetched, IncomingMail, IncomingSession, MailAdapters,
        MailboxAccess, MessageSink, OutgoingMail, OutgoingSession, RemoteItem, RungSink, Submission, Watched,
    },
    raw::RawMessage,
};
use async_trait::async_trait;
use std::{
    collections::{HashMap, HashSet},
    io::Read,
    sync::{Arc, Mutex},
};
use tandem_domain::{
    Instant,
    address::MessageId,
    failure::{Failure, FailureCode},
    ledger::ServerIdentity,
    outgoing::{RefusedRecipient, SubmitOutcome},
    probe::{Rung, RungName, RungOutcome},
    profile::ServerType,
};
use tokio::sync::Notify;

/// One message on the server.
#[derive(Clone)]
pub struct Stored {
    pub identity: ServerIdentity,
    pub bytes: Vec<u8>,
    pub received_at: Option<Instant>,
}

/// What the next submissions come to.
#[derive(Clone)]
pub enum Answer {
    /// As it should be.
    Accept,
    /// This outcome, and nothing is delivered.
    Say(SubmitOutcome),
    /// Accepted but for this recipient.
    Refuse(RefusedRecipient),
    /// Delivered, and the answer is lost.
    DeliverThenHangUp,
    /// Not delivered, and the answer is lost.
    HangUp,
    /// Not delivered, and there never is an answer.
    Hang,
}

/// What a server does.
#[derive(Default)]
pub struct State {
    pub boxes: HashMap<String, Vec<Stored>>,
    next: u64,
    pub answers: Vec<Answer>,
    /// Delivered messages: recipient and bytes.
    pub delivered: Vec<(String, Vec<u8>)>,
    /// Open connections per identity, and the most there ever were.
    open: HashMap<String, usize>,
    pub most_open: usize,
    pub sessions: usize,
    /// Addresses at which the server never answers.
    pub hung: HashSet<String>,
    /// Addresses at which it takes so long to answer a login.
    pub slow: HashMap<String, std::time::Duration>,
    /// The failure of every open for an address.
    pub refuses: HashMap<String, Failure>,
    /// The connection breaks after delivering so many messages, once.
    pub cut_after: Option<usize>,
    /// Messages that are listed and not given, and how often they were asked for.
    pub refuses_items: HashSet<ServerIdentity>,
    pub refused_fetches: u32,
    /// Accepted messages go nowhere.
    pub swallows: bool,
    /// Messages whose header alone says that they were received before the date asked for.
    pub too_old: HashMap<ServerIdentity, Instant>,
    /// Sessions can tell of news.
    pub can_watch: bool,
    /// Sessions that are listened on break.
    pub watch_breaks: bool,
    /// So many listings break the connection.
    pub lists_break: usize,
    /// How many sessions are listened on.
    pub watching: usize,
}

/// The server.
pub struct Server {
    pub state: Arc<Mutex<State>>,
    arrived: Arc<Notify>,
    clock: Arc<HandClock>,
    steps: Arc<Steps>,
    log: Log,
}

impl Server {
    pub fn new(clock: Arc<HandClock>, steps: Arc<Steps>, log: Log) -> Self {
        Self { state: Arc::default(), arrived: Arc::default(), clock, steps, log }
    }

    pub fn add_box(&self, address: &str) {
        self.state.lock().unwrap().boxes.entry(address.to_owned()).or_default();
    }

    pub fn put(&self, address: &str, bytes: Vec<u8>) -> ServerIdentity {
        self.put_at(address, bytes, None)
    }

    pub fn put_at(&self, address: &str, bytes: Vec<u8>, received_at: Option<Instant>) -> ServerIdentity {
        let identity = put(&mut self.state.lock().unwrap(), address, bytes, received_at);
        self.arrived.notify_waiters();
        identity
    }

    pub fn count(&self, address: &str) -> usize {
        self.state.lock().unwrap().boxes[address].len()
    }

    fn connect(&self, access: &MailboxAccess) -> Result<Connection, Failure> {
        let mut state = self.state.lock().unwrap();
        if let Some(failure) = state.refuses.get(access.address.as_str()) {
            return Err(failure.clone());
        }
        let user = match &access.credentials {
            Credentials::None => String::new(),
            Credentials::Password { user_name, .. } => format!("{user_name}:{}", access.endpoint.port),
        };
        state.sessions += 1;
        let open = state.open.entry(user.clone()).or_default();
        *open += 1;
        let open = *open;
        state.most_open = state.most_open.max(open);
        Ok(Connection { state: Arc::clone(&self.state), user })
    }

    async fn take_time(&self, access: &MailboxAccess) {
        let slow = self.state.lock().unwrap().slow.get(access.address.as_str()).copied();
        if let Some(length) = slow {
            self.clock.pause(length).await;
        }
    }

    async fn hang(&self, access: &MailboxAccess) {
        let hangs = self.state.lock().unwrap().hung.contains(access.address.as_str());
        if hangs {
            std::future::pending::<()>().await;
        }
    }
}

fn put(state: &mut State, address: &str, bytes: Vec<u8>, received_at: Option<Instant>) -> ServerIdentity {
    state.next += 1;
    let identity = ServerIdentity(format!("{:05}", state.next));
    let stored = Stored { identity: identity.clone(), bytes, received_at };
    state.boxes.entry(address.to_owned()).or_default().push(stored);
    identity
}

/// Counts itself while it is open.
struct Connection {
    state: Arc<Mutex<State>>,
    user: String,
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(open) = self.state.lock().unwrap().open.get_mut(&self.user) {
            *open -= 1;
        }
    }
}

impl MailAdapters for Server {
    fn incoming(&self, server_type: ServerType) -> Option<&dyn IncomingMail> {
        (server_type == ServerType::Pop3Smtp).then_some(self as _)
    }

    fn outgoing(&self, server_type: ServerType) -> Option<&dyn OutgoingMail> {
        (server_type == ServerType::Pop3Smtp).then_some(self as _)
    }
}

fn passed(name: RungName, report: &dyn RungSink) -> Rung {
    let rung = Rung { name, outcome: RungOutcome::Passed, took_ms: 1, server_said: "+OK".to_owned() };
    report.climbed(&rung);
    rung
}

#[async_trait]
impl IncomingMail for Server {
    async fn open(&self, access: &MailboxAccess) -> Result<Box<dyn IncomingSession>, Failure> {
        self.steps.step().await;
        self.take_time(access).await;
        let connection = self.connect(access)?;
        self.hang(access).await;
        self.log.add("open inbox");
        let (steps, log) = (Arc::clone(&self.steps), self.log.clone());
        let address = access.address.to_string();
        let (arrived, clock) = (Arc::clone(&self.arrived), Arc::clone(&self.clock));
        let to_delete = Vec::new();
        Ok(Box::new(Inbox { connection, address, to_delete, listed: 0, arrived, clock, steps, log }))
    }

    async fn probe(&self, access: &MailboxAccess, report: &dyn RungSink) -> Vec<Rung> {
        let _connection = match self.connect(access) {
            Ok(connection) => connection,
            Err(failure) => {
                let outcome = RungOutcome::Failed(failure);
                let rung =
                    Rung { name: RungName::Login, outcome, took_ms: 1, server_said: "-ERR".to_owned() };
                report.climbed(&rung);
                return vec![rung];
            }
        };
        self.hang(access).await;
        tokio::task::yield_now().await;
        self.log.add(format!("probe incoming {}", access.address));
        [RungName::Login, RungName::List].map(|name| passed(name, report)).into()
    }
}

struct Inbox {
    connection: Connection,
    address: String,
    to_delete: Vec<ServerIdentity>,
    /// How many messages were there at the last listing.
    listed: usize,
    arrived: Arc<Notify>,
    clock: Arc<HandClock>,
    steps: Arc<Steps>,
    log: Log,
}

/// Counts a session while it is listened on.
struct Listening<'a>(&'a Connection);

impl<'a> Listening<'a> {
    fn on(connection: &'a Connection) -> Self {
        connection.state.lock().unwrap().watching += 1;
        Self(connection)
    }
}

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        self.0.state.lock().unwrap().watching -= 1;
    }
}

#[async_trait]
impl IncomingSession for Inbox {
    async fn changes(&mut self, cursor: Option<&Cursor>) -> Result<Changes, Failure> {
        self.steps.step().await;
        self.log.add("list");
        let mut state = self.connection.state.lock().unwrap();
        if state.lists_break > 0 {
            state.lists_break -= 1;
            return Err(Failure::transient_profile(FailureCode::ConnectionLost, "connection reset"));
        }
        self.listed = state.boxes[&self.address].len();
        let after = cursor.map_or("", |cursor| cursor.0.as_str());
        let items: Vec<RemoteItem> = state.boxes[&self.address]
            .iter()
            .filter(|stored| stored.identity.0.as_str() > after)
            .map(|stored| RemoteItem {
                identity: stored.identity.clone(),
                size: stored.bytes.len() as u64,
                received_at: stored.received_at,
                cursor: Some(Cursor(stored.identity.0.clone())),
            })
            .collect();
        let cursor = items.last().and_then(|last| last.cursor.clone()).or(cursor.cloned());
        Ok(Changes { folder: "INBOX".to_owned(), items, cursor })
    }

    async fn fetch(&mut self, items: &[RemoteItem], sink: &mut dyn MessageSink) -> Result<(), Failure> {
        for (index, item) in items.iter().enumerate() {
            self.steps.step().await;
            let fetched = {
                let mut state = self.connection.state.lock().unwrap();
                if let Some(left) = &mut state.cut_after {
                    if *left == 0 {
                        state.cut_after = None;
                        let said = "connection reset";
                        return Err(Failure::transient_profile(FailureCode::ConnectionLost, said));
                    }
                    *left -= 1;
                }
                let is_refused = state.refuses_items.contains(&item.identity);
                state.refused_fetches += u32::from(is_refused);
                let too_old = state.too_old.get(&item.identity).copied();
                let found = state.boxes[&self.address].iter().find(|stored| stored.identity == item.identity);
                match found {
                    Some(_) if is_refused => {
                        let said = "-ERR internal error";
                        Fetched::Failed(Failure::transient_item(FailureCode::MessageUnavailable, said))
                    }
                    Some(_) if too_old.is_some() => {
                        let message_id = MessageId::parse("from.its@header");
                        Fetched::TooOld { received_at: too_old.unwrap(), message_id }
                    }
                    Some(stored) => {
                        Fetched::Message { raw: stored.bytes.clone().into(), received_at: stored.received_at }
                    }
                    None => Fetched::Gone,
                }
            };
            sink.deliver(index, fetched).await?;
        }
        Ok(())
    }

    async fn delete(&mut self, identities: &[ServerIdentity]) -> Result<(), Failure> {
        self.steps.step().await;
        self.log.add(format!("delete {}", identities.len()));
        self.to_delete.extend_from_slice(identities);
        self.steps.step().await;
        Ok(())
    }

    fn can_watch(&self) -> bool {
        self.connection.state.lock().unwrap().can_watch
    }

    async fn watch(&mut self, for_at_most: std::time::Duration) -> Result<Watched, Failure> {
        let _listening = Listening::on(&self.connection);
        let mut until = std::pin::pin!(self.clock.pause(for_at_most));
        loop {
            let arrived = self.arrived.notified();
            {
                let state = self.connection.state.lock().unwrap();
                if state.watch_breaks {
                    return Err(Failure::transient_profile(FailureCode::ConnectionLost, "gone"));
                }
                if state.boxes[&self.address].len() > self.listed {
                    return Ok(Watched::News);
                }
            }
            tokio::select! {
                () = arrived => {}
                () = &mut until => return Ok(Watched::Quiet),
            }
        }
    }

    async fn close(self: Box<Self>) -> Result<(), Failure> {
        self.steps.step().await;
        {
            let mut state = self.connection.state.lock().unwrap();
            let inbox = state.boxes.get_mut(&self.address).unwrap();
            inbox.retain(|stored| !self.to_delete.contains(&stored.identity));
        }
        self.log.add("close");
        self.steps.step().await;
        Ok(())
    }
}

#[async_trait]
impl OutgoingMail for Server {
    async fn open(&self, access: &MailboxAccess) -> Result<Box<dyn OutgoingSession>, Failure> {
        self.steps.step().await;
        let connection = self.connect(access)?;
        self.hang(access).await;
        let (steps, log) = (Arc::clone(&self.steps), self.log.clone());
        Ok(Box::new(Submitting { connection, open: true, steps, log }))
    }

    async fn probe(
        &self,
        access: &MailboxAccess,
        test: Option<&Submission>,
        report: &dyn RungSink,
    ) -> Vec<Rung> {
        let Ok(connection) = self.connect(access) else { return Vec::new() };
        tokio::task::yield_now().await;
        if let Some(test) = test {
            self.log.add("send test");
            deliver(&connection, test);
        }
        [RungName::Login, RungName::Send].map(|name| passed(name, report)).into()
    }
}

struct Submitting {
    connection: Connection,
    open: bool,
    steps: Arc<Steps>,
    log: Log,
}

fn deliver(connection: &Connection, submission: &Submission) {
    let bytes = bytes(&submission.raw);
    let mut state = connection.state.lock().unwrap();
    for recipient in &submission.recipients {
        state.delivered.push((recipient.clone(), bytes.clone()));
        if state.boxes.contains_key(recipient) && !state.swallows {
            put(&mut state, recipient, bytes.clone(), None);
        }
    }
}

fn bytes(raw: &RawMessage) -> Vec<u8> {
    let mut bytes = Vec::new();
    raw.open().unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

#[async_trait]
impl OutgoingSession for Submitting {
    async fn submit(&mut self, submission: &Submission, commit: &dyn CommitPoint) -> SubmitOutcome {
        self.steps.step().await;
        let answer = {
            let mut state = self.connection.state.lock().unwrap();
            if state.answers.is_empty() { Answer::Accept } else { state.answers.remove(0) }
        };
        if let Answer::Say(outcome) = answer {
            return outcome;
        }
        if let Err(why) = commit.about_to_commit().await {
            self.open = false;
            return SubmitOutcome::Retry { why, refused: Vec::new() };
        }
        self.steps.step().await;
        self.log.add("submit");
        let lost = Failure::transient_mailbox(FailureCode::ConnectionLost, "the answer was lost");
        let accepted =
            |refused| SubmitOutcome::Accepted { server_said: "250 2.0.0 queued".to_owned(), refused };
        let outcome = match answer {
            Answer::Accept => {
                deliver(&self.connection, submission);
                accepted(Vec::new())
            }
            Answer::Refuse(one) => {
                let mut taken = submission.clone();
                taken.recipients.retain(|recipient| *recipient != one.address);
                deliver(&self.connection, &taken);
                accepted(vec![one])
            }
            Answer::DeliverThenHangUp => {
                deliver(&self.connection, submission);
                self.open = false;
                SubmitOutcome::Unconfirmed(lost)
            }
            Answer::HangUp => {
                self.open = false;
                SubmitOutcome::Unconfirmed(lost)
            }
            Answer::Hang => std::future::pending().await,
            Answer::Say(outcome) => outcome,
        };
        self.steps.step().await;
        outcome
    }

    fn is_open(&self) -> bool {
        self.open
    }

    async fn close(self: Box<Self>) {
        self.steps.step().await;
    }
}
