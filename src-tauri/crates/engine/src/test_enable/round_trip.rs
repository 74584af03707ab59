//! The last rung: the marked message that a mailbox sent to itself is looked for, reading only.

use super::{ROUND_TRIP_LIMIT, Test};
use crate::{
    access::{Prepared, prepare},
    cycle::unless,
    ports::{
        mail::{Cursor, Fetched, MessageSink, RemoteItem, Submission},
        message::{Author, Draft},
        test_jobs::{SentTest, TestEnd},
    },
    raw::RawMessage,
};
use async_trait::async_trait;
use chrono::Duration;
use std::{collections::HashSet, sync::Arc};
use tandem_domain::{
    Instant,
    address::{Mention, MessageId},
    failure::{Failure, FailureCode},
    ledger::ServerIdentity,
    probe::{Rung, RungName, RungOutcome},
    workload::Workload,
};
use uuid::Uuid;

/// The subject of the test message.
pub const SUBJECT: &str = "Your mailbox is now connected to Tandem";
/// A test message is small; anything larger is another message.
const LARGEST: u64 = 256 * 1024;
/// So many new messages are read in one look, the newest; the rest waits for the next.
const PAGE: usize = 200;
/// The waits between two looks grow up to this many seconds.
const LONGEST_WAIT: i64 = 5;

/// What is known about incoming email of the same mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incoming {
    /// Its ladder held.
    Works,
    /// It broke.
    Failed(FailureCode),
}

impl From<Result<(), FailureCode>> for Incoming {
    fn from(known: Result<(), FailureCode>) -> Self {
        known.map_or_else(Self::Failed, |()| Self::Works)
    }
}

impl Incoming {
    /// What a test shows.
    pub fn of(end: &TestEnd) -> Option<Self> {
        match end {
            TestEnd::Succeeded => Some(Self::Works),
            TestEnd::Failed { failure, .. } => Some(Self::Failed(failure.code)),
            TestEnd::Skipped(_) => None,
        }
    }
}

/// How the test message will be looked for.
pub enum RoundTrip {
    /// It won't, and why.
    Skipped { mark: String, why: String },
    /// In this mailbox, among what it did not hold before.
    Look(Box<Look>),
}

/// Where and for what to look.
pub struct Look {
    mark: String,
    prepared: Prepared,
    before: HashSet<ServerIdentity>,
    cursor: Option<Cursor>,
    began_at: Instant,
}

/// Notes what the mailbox holds before the test message is sent.
pub async fn begin(test: &Test, incoming: Option<Incoming>) -> RoundTrip {
    let mark = Uuid::new_v4().to_string();
    let why = match incoming {
        None => "incoming email of this mailbox is not synchronized here".to_owned(),
        Some(Incoming::Failed(code)) => format!("incoming email failed its test: {code}"),
        Some(Incoming::Works) => match baseline(test, &mark).await {
            Ok(look) => return RoundTrip::Look(Box::new(look)),
            Err(failure) => format!("the inbox could not be listed before sending: {failure}"),
        },
    };
    RoundTrip::Skipped { mark, why }
}

/// The last two rungs when a test message from before a restart is in the inbox; `None` when it is not, or when the
/// inbox cannot be read now. An error says that the test was stopped.
pub async fn arrived_before(test: &Test, sent: &SentTest) -> Result<Option<[Rung; 2]>, Failure> {
    let Ok(prepared) = prepare(&test.ports, test.mailbox.id, Workload::Incoming).await else {
        return Ok(None);
    };
    let began_at = test.ports.clock.now();
    let (mark, cursor) = (sent.mark.clone(), sent.cursor.clone());
    let mut look = Look { mark, prepared, before: HashSet::new(), cursor, began_at };
    match look.once(test).await {
        Ok(true) => {}
        Err(failure) if test.cancel.is_cancelled() => return Err(failure),
        Ok(false) | Err(_) => return Ok(None),
    }
    let said = "the test message was sent before Tandem was stopped";
    let send =
        Rung { name: RungName::Send, outcome: RungOutcome::Passed, took_ms: 0, server_said: said.to_owned() };
    let arrived = look.rung(RungOutcome::Passed, "the test message arrived", test.ports.clock.now());
    Ok(Some([send, arrived]))
}

/// Writes the test message from the mailbox to itself.
pub async fn compose(test: &Test, mark: &str) -> Result<Submission, Failure> {
    let address = test.mailbox.email.clone();
    let own = Mention { written: address.to_string(), address: Some(address.clone()), name: String::new() };
    let message_id = format!("{mark}@{}", address.domain());
    let message_id = MessageId::parse(&message_id).ok_or_else(|| internal("the Message-ID is unusable"))?;
    let body = format!(
        "This message shows that Tandem can send email as {address} and read what arrives.\r\n\
         Email of this mailbox is now synchronized. You need not answer, and may delete this message.\r\n"
    );
    let draft = Draft {
        message_id,
        author: Author::Program,
        from: own.clone(),
        to: vec![own],
        cc: Vec::new(),
        subject: SUBJECT.to_owned(),
        body_text: body,
        body_html: None,
        in_reply_to: None,
        references: Vec::new(),
        date: test.ports.clock.now(),
        attachments: Vec::new(),
        test_mark: Some(mark.to_owned()),
    };
    let composer = Arc::clone(&test.ports.composer);
    let composed = tokio::task::spawn_blocking(move || composer.compose(&draft)).await;
    let raw = composed
        .map_err(|_| internal("writing the test message broke off"))?
        .map_err(|error| internal(&format!("the test message could not be written: {error}")))?;
    let recipients = vec![address.to_string()];
    Ok(Submission { mail_from: address, recipients, raw })
}

impl RoundTrip {
    /// The mark of the message to be sent.
    pub fn mark(&self) -> &str {
        match self {
            Self::Skipped { mark, .. } => mark,
            Self::Look(look) => &look.mark,
        }
    }

    /// What a restart needs to look for the message; `None` when it is not looked for.
    pub fn to_note(&self) -> Option<SentTest> {
        match self {
            Self::Skipped { .. } => None,
            Self::Look(look) => Some(SentTest { mark: look.mark.clone(), cursor: look.cursor.clone() }),
        }
    }

    /// Looks until the message is there or its time is up. An error says that the test was stopped.
    pub async fn look(mut self, test: &Test) -> Result<Rung, Failure> {
        let look = match &mut self {
            Self::Skipped { why, .. } => {
                let outcome = RungOutcome::Skipped(std::mem::take(why));
                return Ok(Rung {
                    name: RungName::RoundTrip,
                    outcome,
                    took_ms: 0,
                    server_said: String::new(),
                });
            }
            Self::Look(look) => look,
        };
        let clock = &test.ports.clock;
        look.began_at = clock.now();
        let give_up_at = look.began_at + ROUND_TRIP_LIMIT;
        let mut wait = 1;
        loop {
            let next = (clock.now() + Duration::seconds(wait)).min(give_up_at);
            let waited = async {
                clock.wait_until(next).await;
                Ok(())
            };
            unless(&test.cancel, waited).await?;
            wait = (wait * 2).min(LONGEST_WAIT);
            let trouble = match look.once(test).await {
                Ok(true) => {
                    return Ok(look.rung(RungOutcome::Passed, "the test message arrived", clock.now()));
                }
                Ok(false) => None,
                Err(failure) if test.cancel.is_cancelled() => return Err(failure),
                Err(failure) => Some(failure),
            };
            if clock.now() >= give_up_at {
                let said =
                    format!("the test message did not arrive within {} s", ROUND_TRIP_LIMIT.num_seconds());
                let missing = Failure::permanent_mailbox(FailureCode::RoundTripMissing, said);
                let failure = trouble.unwrap_or(missing);
                let said = failure.server_said.clone();
                return Ok(look.rung(RungOutcome::Failed(failure), &said, clock.now()));
            }
        }
    }
}

impl Look {
    /// Opens the inbox, reads what is new, and closes it.
    async fn once(&mut self, test: &Test) -> Result<bool, Failure> {
        let _permit = test.permit(Workload::Incoming, &self.prepared).await?;
        let port = test.ports.mail.incoming(self.prepared.access.server_type).ok_or_else(no_port)?;
        let look = async {
            let mut session = port.open(&self.prepared.access).await?;
            let changes = session.changes(self.cursor.as_ref()).await?;
            let new = |item: &RemoteItem| item.size <= LARGEST && !self.before.contains(&item.identity);
            // The newest, but in the server's order.
            let mut fresh: Vec<RemoteItem> = changes.items.into_iter().filter(new).collect();
            fresh.drain(..fresh.len().saturating_sub(PAGE));
            let mut sink = Collect(Vec::new());
            if !fresh.is_empty() {
                session.fetch(&fresh, &mut sink).await?;
            }
            let _ = session.close().await;
            Ok((fresh, sink.0))
        };
        let (fresh, messages) = unless(&test.cancel, look).await?;
        let (parser, mark) = (Arc::clone(&test.ports.parser), self.mark.clone());
        let has_mark = move |raw: &RawMessage| {
            parser.parse(raw).is_ok_and(|message| message.test_mark.as_deref() == Some(mark.as_str()))
        };
        let found = tokio::task::spawn_blocking(move || messages.iter().any(has_mark)).await;
        // A message that was read and is not the one need not be read again at the next look.
        self.before.extend(fresh.into_iter().map(|item| item.identity));
        found.map_err(|_| internal("reading the inbox broke off"))
    }

    fn rung(&self, outcome: RungOutcome, said: &str, now: Instant) -> Rung {
        let took_ms = (now - self.began_at).num_milliseconds();
        Rung {
            name: RungName::RoundTrip,
            outcome,
            took_ms: u32::try_from(took_ms).unwrap_or(u32::MAX),
            server_said: said.to_owned(),
        }
    }
}

/// There is no port for this.
pub fn no_port() -> Failure {
    Failure::permanent_mailbox(FailureCode::NotSupported, "this kind of server does not carry this workload")
}

async fn baseline(test: &Test, mark: &str) -> Result<Look, Failure> {
    let mut prepared = prepare(&test.ports, test.mailbox.id, Workload::Incoming).await?;
    // The test message is looked for whatever the date from which email is processed, which may lie ahead.
    prepared.access.process_emails_from = None;
    let _permit = test.permit(Workload::Incoming, &prepared).await?;
    let port = test.ports.mail.incoming(prepared.access.server_type).ok_or_else(no_port)?;
    let list = async {
        let mut session = port.open(&prepared.access).await?;
        let changes = session.changes(None).await?;
        let _ = session.close().await;
        Ok(changes)
    };
    let changes = unless(&test.cancel, list).await?;
    let before = changes.items.into_iter().map(|item| item.identity).collect();
    let began_at = test.ports.clock.now();
    Ok(Look { mark: mark.to_owned(), prepared, before, cursor: changes.cursor, began_at })
}

fn internal(said: &str) -> Failure {
    Failure::transient_mailbox(FailureCode::Internal, said)
}

/// Keeps the few new messages of a test.
struct Collect(Vec<RawMessage>);

#[async_trait]
impl MessageSink for Collect {
    async fn deliver(&mut self, _index: usize, fetched: Fetched) -> Result<(), Failure> {
        if let Fetched::Message { raw, .. } = fetched {
            self.0.push(raw);
        }
        Ok(())
    }
}
