//! Scripted mail servers, one site per profile, with every kind of trouble that a schedule asks for.

use crate::{
    clock::HandClock,
    plain::{bytes, id_of},
};
use async_trait::async_trait;
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
use tandem_domain::{
    failure::{Failure, FailureCode},
    ids::ProfileId,
    ledger::ServerIdentity,
    outgoing::SubmitOutcome,
    probe::Rung,
    profile::ServerType,
};
use tandem_engine::ports::{
    clock::Clock,
    mail::{
        Changes, CommitPoint, Credentials, Cursor, Fetched, IncomingMail, IncomingSession, MailAdapters,
        MailboxAccess, MessageSink, OutgoingMail, OutgoingSession, RemoteItem, RungSink, Submission, Watched,
    },
};
use tokio::sync::Notify;

/// What is wrong with a whole site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// Nobody listens.
    Refused,
    /// Every connection breaks.
    Cut,
    /// No answer; the adapter gives up after its time-out.
    Frozen,
    /// No answer at all, and nothing that ends the wait but the cycle's own time-out.
    Dead,
    /// Every answer takes so long.
    Slow(Duration),
    /// It asks for patience, for so long.
    Patience(Duration),
}

/// What is wrong with one mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BoxTrouble {
    /// Another session has it.
    InUse,
    /// Too many requests; again after so long.
    Throttled(Duration),
}

/// What becomes of a message whose answer is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    Delivered,
    Dropped,
}

#[derive(Debug, Clone)]
pub struct Stored {
    pub number: u64,
    pub bytes: Vec<u8>,
    /// When it can be listed: a server may take its time to deliver.
    pub visible_at: Duration,
}

/// One mailbox.
#[derive(Default)]
pub struct Inbox {
    pub messages: Vec<Stored>,
    pub password: String,
    pub trouble: Option<BoxTrouble>,
    /// When a session last heard something of the server.
    pub proof: Duration,
    /// Everything that was ever in it.
    pub ever: BTreeMap<u64, String>,
}

/// A site.
#[derive(Default)]
pub struct Site {
    pub incoming: Option<Trouble>,
    pub outgoing: Option<Trouble>,
    /// Since when nobody could send.
    pub outgoing_down_since: Option<Duration>,
    /// The next connection breaks after so many steps.
    pub cut_after: Option<u32>,
    pub lost: Vec<Lost>,
}

#[derive(Default)]
pub struct State {
    pub sites: HashMap<ProfileId, Site>,
    pub boxes: HashMap<String, Inbox>,
    next: u64,
    /// How often each Message-ID was delivered to each recipient.
    pub delivered: HashMap<(String, String), u32>,
    /// Identities that were deleted here on request.
    pub deleted: HashSet<(String, u64)>,
    /// How long a delivery takes from now on.
    pub delay: Duration,
    pub logins: u64,
}

/// All servers.
#[derive(Clone)]
pub struct Servers {
    state: Arc<Mutex<State>>,
    arrived: Arc<Notify>,
    pub clock: Arc<HandClock>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    In,
    Out,
}

const TIME_OUT: Duration = Duration::from_secs(60);

impl Servers {
    pub fn new(clock: Arc<HandClock>) -> Self {
        Self { state: Arc::default(), arrived: Arc::default(), clock }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Puts a message into a mailbox; the server takes `delay` for that.
    pub fn put(&self, address: &str, bytes: Vec<u8>, delay: Duration) {
        let visible_at = self.clock.truth() + delay;
        let mut state = self.state();
        state.next += 1;
        let number = state.next;
        let inbox = state.boxes.get_mut(address).unwrap();
        inbox.ever.insert(number, id_of(&bytes));
        inbox.messages.push(Stored { number, bytes, visible_at });
        drop(state);
        self.arrived.notify_waiters();
    }

    /// Somebody should look again.
    pub fn stir(&self) {
        self.arrived.notify_waiters();
    }

    /// One exchange with the server.
    async fn step(&self, who: &Who, way: Way) -> Result<(), Failure> {
        let trouble = {
            let mut state = self.state();
            let site = state.sites.get_mut(&who.profile).unwrap();
            if let Some(left) = &mut site.cut_after {
                if *left == 0 {
                    site.cut_after = None;
                    return Err(Failure::transient_profile(FailureCode::ConnectionLost, "reset"));
                }
                *left -= 1;
            }
            if way == Way::In { site.incoming.clone() } else { site.outgoing.clone() }
        };
        match trouble {
            None => {}
            Some(Trouble::Refused) => {
                return Err(Failure::transient_profile(FailureCode::ConnectionRefused, "refused"));
            }
            Some(Trouble::Cut) => {
                return Err(Failure::transient_profile(FailureCode::ConnectionLost, "reset"));
            }
            Some(Trouble::Frozen) => {
                self.clock.pause(TIME_OUT).await;
                return Err(Failure::transient_profile(FailureCode::TimedOut, "no answer within 60 s"));
            }
            Some(Trouble::Dead) => return std::future::pending().await,
            Some(Trouble::Slow(by)) => self.clock.pause(by).await,
            Some(Trouble::Patience(wait)) => {
                let said = "421 4.3.2 try again later";
                return Err(Failure::transient_profile(FailureCode::ServerUnavailable, said)
                    .after(chrono::Duration::from_std(wait).unwrap()));
            }
        }
        let truth = self.clock.truth();
        let mut state = self.state();
        let inbox = state.boxes.get_mut(&who.address).unwrap();
        match inbox.trouble.clone() {
            None => {}
            Some(BoxTrouble::InUse) => {
                return Err(Failure::transient_mailbox(FailureCode::MailboxInUse, "[IN-USE]"));
            }
            Some(BoxTrouble::Throttled(wait)) => {
                return Err(Failure::transient_mailbox(FailureCode::Throttled, "[LIMIT]")
                    .after(chrono::Duration::from_std(wait).unwrap()));
            }
        }
        if way == Way::In {
            inbox.proof = truth;
        }
        Ok(())
    }

    async fn log_in(&self, access: &MailboxAccess, way: Way) -> Result<Who, Failure> {
        let who = Who { profile: access.profile, address: access.address.to_string() };
        self.step(&who, way).await?;
        let mut state = self.state();
        state.logins += 1;
        let right = match &access.credentials {
            Credentials::None => false,
            Credentials::Password { password, .. } => **password == state.boxes[&who.address].password,
        };
        if right { Ok(who) } else { Err(wrong_password()) }
    }

    fn deliver(&self, submission: &Submission) {
        let bytes = bytes(&submission.raw);
        let delay = self.state().delay;
        for recipient in &submission.recipients {
            let ours = {
                let mut state = self.state();
                *state.delivered.entry((id_of(&bytes), recipient.clone())).or_default() += 1;
                state.boxes.contains_key(recipient)
            };
            if ours {
                self.put(recipient, bytes.clone(), delay);
            }
        }
    }
}

fn wrong_password() -> Failure {
    Failure::permanent_mailbox(FailureCode::AuthenticationFailed, "invalid credentials")
}

struct Who {
    profile: ProfileId,
    address: String,
}

impl MailAdapters for Servers {
    fn incoming(&self, server_type: ServerType) -> Option<&dyn IncomingMail> {
        matches!(server_type, ServerType::Pop3Smtp | ServerType::ImapSmtp).then_some(self as _)
    }

    fn outgoing(&self, server_type: ServerType) -> Option<&dyn OutgoingMail> {
        matches!(server_type, ServerType::Pop3Smtp | ServerType::ImapSmtp).then_some(self as _)
    }
}

#[async_trait]
impl IncomingMail for Servers {
    async fn open(&self, access: &MailboxAccess) -> Result<Box<dyn IncomingSession>, Failure> {
        let who = self.log_in(access, Way::In).await?;
        let is_imap = access.server_type == ServerType::ImapSmtp;
        Ok(Box::new(Session { servers: self.clone(), who, is_imap, to_delete: Vec::new(), listed: 0 }))
    }

    async fn probe(&self, _access: &MailboxAccess, _report: &dyn RungSink) -> Vec<Rung> {
        Vec::new()
    }
}

struct Session {
    servers: Servers,
    who: Who,
    is_imap: bool,
    to_delete: Vec<ServerIdentity>,
    /// The latest message that was listed.
    listed: u64,
}

fn identity(number: u64) -> ServerIdentity {
    ServerIdentity(format!("{number:06}"))
}

impl Session {
    fn visible(&self) -> Vec<Stored> {
        let truth = self.servers.clock.truth();
        let state = self.servers.state();
        let messages = &state.boxes[&self.who.address].messages;
        messages.iter().filter(|stored| stored.visible_at <= truth).cloned().collect()
    }

    fn remove(&self, identities: &[ServerIdentity]) {
        let mut state = self.servers.state();
        let inbox = state.boxes.get_mut(&self.who.address).unwrap();
        let gone: Vec<u64> = inbox
            .messages
            .iter()
            .filter(|stored| identities.contains(&identity(stored.number)))
            .map(|stored| stored.number)
            .collect();
        inbox.messages.retain(|stored| !gone.contains(&stored.number));
        let address = self.who.address.clone();
        state.deleted.extend(gone.into_iter().map(|number| (address.clone(), number)));
    }
}

#[async_trait]
impl IncomingSession for Session {
    async fn changes(&mut self, cursor: Option<&Cursor>) -> Result<Changes, Failure> {
        self.servers.step(&self.who, Way::In).await?;
        // Numbers rise as messages become visible, as UIDs do.
        let mut all = self.visible();
        all.sort_by_key(|stored| (stored.visible_at, stored.number));
        self.listed = all.len() as u64;
        let after: Option<(u128, u64)> = cursor.and_then(|cursor| {
            let (at, number) = cursor.0.split_once(':')?;
            Some((at.parse().ok()?, number.parse().ok()?))
        });
        let place = |stored: &Stored| (stored.visible_at.as_nanos(), stored.number);
        let items: Vec<RemoteItem> = all
            .iter()
            .filter(|stored| !self.is_imap || after.is_none_or(|after| place(stored) > after))
            .map(|stored| RemoteItem {
                identity: identity(stored.number),
                size: stored.bytes.len() as u64,
                received_at: None,
                cursor: self.is_imap.then(|| {
                    let (at, number) = place(stored);
                    Cursor(format!("{at}:{number}"))
                }),
            })
            .collect();
        let cursor = if self.is_imap {
            items.last().and_then(|last| last.cursor.clone()).or(cursor.cloned())
        } else {
            None
        };
        Ok(Changes { folder: "INBOX".to_owned(), items, cursor })
    }

    async fn fetch(&mut self, items: &[RemoteItem], sink: &mut dyn MessageSink) -> Result<(), Failure> {
        for (index, item) in items.iter().enumerate() {
            self.servers.step(&self.who, Way::In).await?;
            let found = self.visible().into_iter().find(|stored| identity(stored.number) == item.identity);
            let fetched = match found {
                Some(stored) => Fetched::Message { raw: stored.bytes.into(), received_at: None },
                None => Fetched::Gone,
            };
            sink.deliver(index, fetched).await?;
        }
        Ok(())
    }

    async fn delete(&mut self, identities: &[ServerIdentity]) -> Result<(), Failure> {
        self.servers.step(&self.who, Way::In).await?;
        if self.is_imap {
            self.remove(identities);
        } else {
            self.to_delete.extend_from_slice(identities);
        }
        self.servers.step(&self.who, Way::In).await
    }

    fn can_watch(&self) -> bool {
        self.is_imap
    }

    async fn watch(&mut self, for_at_most: Duration) -> Result<Watched, Failure> {
        let mut until = std::pin::pin!(self.servers.clock.pause(for_at_most));
        loop {
            let arrived = self.servers.arrived.notified();
            let trouble =
                self.servers.state().sites.get(&self.who.profile).and_then(|site| site.incoming.clone());
            if matches!(trouble, Some(Trouble::Refused | Trouble::Cut | Trouble::Patience(_))) {
                return Err(Failure::transient_profile(FailureCode::ConnectionLost, "gone"));
            }
            let answers = !matches!(trouble, Some(Trouble::Frozen | Trouble::Dead));
            if answers && self.visible().len() as u64 > self.listed {
                return Ok(Watched::News);
            }
            tokio::select! {
                biased;
                () = arrived => {}
                () = &mut until => return Ok(Watched::Quiet),
            }
        }
    }

    async fn close(self: Box<Self>) -> Result<(), Failure> {
        self.servers.step(&self.who, Way::In).await?;
        // POP3 deletes at QUIT, and the answer to that may be lost.
        self.remove(&self.to_delete);
        self.servers.step(&self.who, Way::In).await
    }
}

#[async_trait]
impl OutgoingMail for Servers {
    async fn open(&self, access: &MailboxAccess) -> Result<Box<dyn OutgoingSession>, Failure> {
        let who = self.log_in(access, Way::Out).await?;
        Ok(Box::new(Submitting { servers: self.clone(), who, is_open: true }))
    }

    async fn probe(
        &self,
        _access: &MailboxAccess,
        _test: Option<&Submission>,
        _report: &dyn RungSink,
    ) -> Vec<Rung> {
        Vec::new()
    }
}

struct Submitting {
    servers: Servers,
    who: Who,
    is_open: bool,
}

impl Submitting {
    fn retry(&mut self, why: Failure) -> SubmitOutcome {
        self.is_open = false;
        SubmitOutcome::Retry { why, refused: Vec::new() }
    }
}

#[async_trait]
impl OutgoingSession for Submitting {
    async fn submit(&mut self, submission: &Submission, commit: &dyn CommitPoint) -> SubmitOutcome {
        if let Err(why) = self.servers.step(&self.who, Way::Out).await {
            return self.retry(why);
        }
        if let Err(why) = commit.about_to_commit().await {
            return self.retry(why);
        }
        let lost = {
            let mut state = self.servers.state();
            state.sites.get_mut(&self.who.profile).unwrap().lost.pop()
        };
        let gone = Failure::transient_mailbox(FailureCode::ConnectionLost, "the answer was lost");
        match lost {
            Some(Lost::Dropped) => {
                self.is_open = false;
                return SubmitOutcome::Unconfirmed(gone);
            }
            Some(Lost::Delivered) => {
                self.servers.deliver(submission);
                self.is_open = false;
                return SubmitOutcome::Unconfirmed(gone);
            }
            None => {}
        }
        // It is taken when its end arrives; the way back may still break.
        self.servers.deliver(submission);
        if self.servers.step(&self.who, Way::Out).await.is_err() {
            self.is_open = false;
            return SubmitOutcome::Unconfirmed(gone);
        }
        SubmitOutcome::Accepted { server_said: "250 2.0.0 queued".to_owned(), refused: Vec::new() }
    }

    fn is_open(&self) -> bool {
        self.is_open
    }

    async fn close(self: Box<Self>) {}
}
