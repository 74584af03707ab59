//! An open POP3 inbox: lists, fetches in a pipeline, deletes.

use super::{
    connection::{Connection, Refusal},
    failure::{self, Stage},
    headers::{self, Asking},
    listing::{self, Listed},
    retrieve::{self, Received},
};
use async_trait::async_trait;
use std::collections::HashMap;
use tandem_domain::{
    Instant,
    failure::{Failure, FailureCode},
    ledger::ServerIdentity,
};
use tandem_engine::ports::mail::{
    Changes, Cursor, Fetched, IncomingSession, MailboxAccess, MessageSink, RemoteItem,
};

/// Commands in flight where the server announces PIPELINING: 3 KB of them, so that sending never waits for the server
/// to read. The answers wait in the network until we take them. Dovecot is a third faster with 256 than with 32.
const WINDOW: usize = 256;

/// An open inbox.
pub(super) struct Pop3Session {
    connection: Connection,
    max_message_bytes: u64,
    process_emails_from: Option<Instant>,
    /// By identity; `None` until it was listed.
    inbox: Option<HashMap<ServerIdentity, Listed>>,
    asking: Asking,
    deleted: usize,
    /// Something broke in the middle of an answer: nothing more can be said on this connection.
    broken: bool,
}

/// What to do about one item.
enum Step {
    Deliver(Fetched),
    Retrieve { number: u32, size: u64 },
}

impl Pop3Session {
    pub(super) fn new(connection: Connection, access: &MailboxAccess) -> Self {
        let MailboxAccess { max_message_bytes, process_emails_from, .. } = *access;
        Self {
            connection,
            max_message_bytes,
            process_emails_from,
            inbox: None,
            asking: Asking::InVain(0),
            deleted: 0,
            broken: false,
        }
    }

    /// Lists the inbox anew.
    pub(super) async fn list(&mut self) -> Result<Vec<Listed>, Failure> {
        self.guard()?;
        let listed = listing::list(&mut self.connection).await?;
        self.inbox = Some(listed.iter().map(|message| (message.identity.clone(), message.clone())).collect());
        self.broken = false;
        Ok(listed)
    }

    pub(super) fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Refuses to go on after a break, and takes what follows as broken until it says otherwise: a future that is
    /// dropped half-way leaves half an answer behind.
    fn guard(&mut self) -> Result<(), Failure> {
        if self.broken {
            let said = format!("{}: the connection broke off before", self.connection.wire.host());
            return Err(Failure::transient_profile(FailureCode::ConnectionLost, said));
        }
        self.broken = true;
        Ok(())
    }

    fn window(&self) -> usize {
        if self.connection.capabilities.pipelining { WINDOW } else { 1 }
    }

    /// What to do about each item, after the server was asked for the headers of those whose age may decide.
    async fn plan(&mut self, items: &[RemoteItem]) -> Result<Vec<Step>, Failure> {
        let limit = self.max_message_bytes;
        let listed =
            |item: &RemoteItem| self.inbox.as_ref().and_then(|inbox| inbox.get(&item.identity)).cloned();
        let listed: Vec<Option<Listed>> = items.iter().map(listed).collect();
        let mut too_old = HashMap::new();
        if let Some(from) = self.process_emails_from.filter(|_| self.connection.may_have_top()) {
            let is_asked = |one: &&Listed| one.size <= limit && headers::is_worth_asking(one);
            let candidates: Vec<Listed> = listed.iter().flatten().filter(is_asked).cloned().collect();
            let (mut candidates, window) = (candidates.into_iter(), self.window());
            while candidates.len() > 0 {
                let asked = self.asking.next(&mut candidates);
                let found = headers::too_old(&mut self.connection, &asked, from, window).await?;
                self.asking.learn(asked.len(), found.len());
                too_old.extend(found);
            }
        }
        let step = |listed: Option<Listed>| match listed {
            None => Step::Deliver(Fetched::Gone),
            Some(listed) if listed.size > limit => Step::Deliver(Fetched::TooLarge),
            Some(Listed { number, size, .. }) => match too_old.get(&number).cloned() {
                Some(too_old) => Step::Deliver(too_old),
                None => Step::Retrieve { number, size },
            },
        };
        Ok(listed.into_iter().map(step).collect())
    }

    async fn fetch_all(&mut self, items: &[RemoteItem], sink: &mut dyn MessageSink) -> Result<(), Failure> {
        let steps = self.plan(items).await?;
        let mut to_send = steps.iter().filter_map(|step| match step {
            Step::Retrieve { number, .. } => Some(*number),
            Step::Deliver(_) => None,
        });
        let mut in_flight = 0;
        for (index, step) in steps.iter().enumerate() {
            let fetched = match step {
                Step::Deliver(fetched) => fetched.clone(),
                Step::Retrieve { size, .. } => {
                    // Topped up when half empty: few writes, and the server never runs dry.
                    if in_flight <= self.window() / 2 {
                        for number in to_send.by_ref().take(self.window() - in_flight) {
                            self.connection.wire.queue(format!("RETR {number}\r\n").as_bytes());
                            in_flight += 1;
                        }
                        self.connection.wire.flush().await?;
                    }
                    in_flight -= 1;
                    match self.retrieved(*size).await? {
                        Received::Message(raw) => Fetched::Message { raw, received_at: None },
                        Received::TooLarge => Fetched::TooLarge,
                        Received::Endless(failure) => {
                            // Decided first: the next session goes on behind it.
                            sink.deliver(index, Fetched::TooLarge).await?;
                            return Err(failure);
                        }
                        Received::Refused(said) => {
                            Fetched::Failed(Failure::transient_item(FailureCode::MessageUnavailable, said))
                        }
                    }
                }
            };
            sink.deliver(index, fetched).await?;
        }
        Ok(())
    }

    async fn retrieved(&mut self, size: u64) -> Result<Received, Failure> {
        match self.connection.reply().await? {
            Ok(_) => retrieve::receive(&mut self.connection.wire, size, self.max_message_bytes).await,
            Err(refusal) if failure::says_why(&refusal) => Err(self.refused(&refusal)),
            Err(refusal) => {
                Ok(Received::Refused(format!("{}: {}", self.connection.wire.host(), refusal.shown())))
            }
        }
    }

    fn refused(&self, refusal: &Refusal) -> Failure {
        failure::refused(Stage::Working, refusal, &self.connection.capabilities)
    }

    async fn delete_all(&mut self, identities: &[ServerIdentity]) -> Result<(), Failure> {
        let host = self.connection.wire.host().to_owned();
        let mut numbers = Vec::with_capacity(identities.len());
        for identity in identities {
            match self.inbox.as_ref().and_then(|inbox| inbox.get(identity)) {
                Some(listed) if listed.ambiguous => tracing::warn!(
                    "{host}: message {} is kept: other messages have the same UIDL, so that the wrong one might go",
                    listed.identity.0
                ),
                Some(listed) => numbers.push(listed.number),
                // It went away by itself.
                None => {}
            }
        }
        for window in numbers.chunks(self.window()) {
            for number in window {
                self.connection.wire.queue(format!("DELE {number}\r\n").as_bytes());
            }
            self.connection.wire.flush().await?;
            let mut failed = None;
            for _ in window {
                match self.connection.reply().await? {
                    Ok(_) => self.deleted += 1,
                    Err(refusal) if failure::says_why(&refusal) => failed = Some(self.refused(&refusal)),
                    // Deleted before, by us or by another client.
                    Err(refusal) => tracing::debug!("{host}: DELE was refused: {}", refusal.shown()),
                }
            }
            if let Some(failure) = failed {
                return Err(failure);
            }
        }
        Ok(())
    }
}

#[async_trait]
impl IncomingSession for Pop3Session {
    /// POP3 has no bookmarks: everything is listed each time, and the ledger knows what is new.
    async fn changes(&mut self, _cursor: Option<&Cursor>) -> Result<Changes, Failure> {
        let item = |message: Listed| RemoteItem {
            identity: message.identity,
            size: message.size,
            received_at: None,
            cursor: None,
        };
        let items = self.list().await?.into_iter().map(item).collect();
        Ok(Changes { folder: "INBOX".to_owned(), items, cursor: None })
    }

    async fn fetch(&mut self, items: &[RemoteItem], sink: &mut dyn MessageSink) -> Result<(), Failure> {
        if self.inbox.is_none() {
            self.list().await?;
        }
        self.guard()?;
        self.fetch_all(items, sink).await?;
        self.broken = false;
        Ok(())
    }

    async fn delete(&mut self, identities: &[ServerIdentity]) -> Result<(), Failure> {
        if self.inbox.is_none() {
            self.list().await?;
        }
        self.guard()?;
        self.delete_all(identities).await?;
        self.broken = false;
        Ok(())
    }

    async fn close(mut self: Box<Self>) -> Result<(), Failure> {
        let quit = match self.guard() {
            Ok(()) => self.connection.command("QUIT").await,
            Err(failure) => Err(failure),
        };
        // Without deletions nothing depends on the good-bye; with them, only a +OK means that they happened
        // (RFC 1939 section 6).
        if self.deleted == 0 {
            return Ok(());
        }
        match quit? {
            Ok(_) => Ok(()),
            Err(refusal) => Err(self.refused(&refusal)),
        }
    }
}
