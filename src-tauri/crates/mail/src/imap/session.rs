//! An open IMAP inbox: what is new, fetching, deleting, watching.
//!
//! The inbox is opened with the first request, because the bookmark belongs into the command that opens it (QRESYNC). The
//! same HIGHESTMODSEQ again, or a UIDNEXT right behind the last message seen, proves that nothing is new, and nothing is
//! listed. When the server gives its inbox another UIDVALIDITY it has renumbered (RFC 9051 section 2.3.1.1): everything is
//! listed again, under new identities.

use super::{
    connection::Connection,
    cursor::{Bookmark, identity_parts},
    failure::{self, Doing},
    fetch::{self, Target},
    inbox::{self, Access, FOLDER, Inbox, Means},
    remove,
    response::{Condition, Response, Status},
    watch::{self, Idle, Until, Waited},
};
use async_trait::async_trait;
use std::time::Duration;
use tandem_domain::{
    failure::{Failure, FailureCode},
    ledger::ServerIdentity,
};
use tandem_engine::ports::mail::{Changes, Cursor, IncomingSession, MessageSink, RemoteItem, Watched};

/// An inbox that is opened when it is first needed.
pub(super) struct ImapSession {
    connection: Connection,
    means: Means,
    inbox: Option<Inbox>,
    max_message_bytes: u64,
    idle: Idle,
    /// What opening told is older than the last listing.
    is_stale: bool,
    is_writable: bool,
    /// Something broke in the middle of an answer: nothing more can be said on this connection.
    is_broken: bool,
}

impl ImapSession {
    /// A session on a connection that is logged in.
    pub(super) fn new(mut connection: Connection, max_message_bytes: u64) -> Self {
        // Some providers refuse every folder to a client that has not said who it is (RFC 2971). Sent with the next command.
        if connection.can("ID") {
            let version = env!("CARGO_PKG_VERSION");
            connection.queue(format!("ID (\"name\" \"Tandem\" \"version\" \"{version}\")").as_bytes());
        }
        Self {
            means: Means::offered_by(&connection),
            connection,
            inbox: None,
            max_message_bytes,
            idle: Idle::default(),
            is_stale: false,
            is_writable: false,
            is_broken: false,
        }
    }

    /// The inbox, opened for reading if it is not open yet.
    pub(super) async fn entered(&mut self) -> Result<Inbox, Failure> {
        match self.inbox {
            Some(inbox) => Ok(inbox),
            None => self.enter(Access::Examine, None).await,
        }
    }

    /// The inbox, opened for changes.
    pub(super) async fn entered_for_changes(&mut self) -> Result<Inbox, Failure> {
        match self.inbox.filter(|_| self.is_writable) {
            Some(inbox) => Ok(inbox),
            None => self.enter(Access::Select, None).await,
        }
    }

    async fn enter(&mut self, access: Access, bookmark: Option<Bookmark>) -> Result<Inbox, Failure> {
        self.inbox = None;
        let inbox = inbox::enter(&mut self.connection, access, bookmark, &mut self.means).await?;
        self.is_writable = access == Access::Select;
        self.is_stale = false;
        self.inbox = Some(inbox);
        Ok(inbox)
    }

    pub(super) fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Refuses to go on after a break, and takes what follows as broken until it says otherwise: a future that is
    /// dropped half-way leaves half an answer behind. A watch that was dropped is ended properly.
    async fn guard(&mut self) -> Result<(), Failure> {
        if self.is_broken {
            let said = format!("{}: the connection broke off before", self.connection.host());
            return Err(Failure::transient_profile(FailureCode::ConnectionLost, said));
        }
        self.is_broken = true;
        self.idle.end(&mut self.connection).await
    }

    async fn list(&mut self, cursor: Option<&Cursor>) -> Result<Changes, Failure> {
        let bookmark = cursor.and_then(Bookmark::of);
        let (inbox, may_be_the_same) = match self.inbox {
            // The server has told that there is more: nothing needs to be opened to find that out again.
            Some(inbox) if self.is_stale && self.connection.told.is_news => (inbox, false),
            Some(inbox) if !self.is_stale => (inbox, true),
            _ => {
                let access = if self.is_writable { Access::Select } else { Access::Examine };
                (self.enter(access, bookmark).await?, true)
            }
        };
        self.is_stale = true;
        let last =
            bookmark.filter(|mark| mark.uid_validity == inbox.uid_validity).map_or(0, |mark| mark.last_uid);
        let mut items = Vec::new();
        if !(may_be_the_same && inbox.proves_nothing_new(bookmark)) {
            self.connection.told.is_news = false;
            items = self.list_from(inbox, last.saturating_add(1)).await?;
            // `n:*` names the last message even when it is older than n (RFC 9051 section 9, seq-range).
            items.retain(|(uid, _)| *uid > last);
            items.sort_by_key(|(uid, _)| *uid);
            items.dedup_by_key(|(uid, _)| *uid);
        }
        // The last message seen and not UIDNEXT: a server that counts wrongly must not make us skip one.
        let last_uid = items.last().map_or(last, |(uid, _)| *uid);
        let items = items.into_iter().map(|(_, item)| item).collect();
        let (uid_validity, modseq) = (inbox.uid_validity, inbox.highest_modseq);
        let cursor = Some(Bookmark { uid_validity, last_uid, modseq }.cursor());
        Ok(Changes { folder: FOLDER.into(), items, cursor })
    }

    async fn list_from(&mut self, inbox: Inbox, first: u32) -> Result<Vec<(u32, RemoteItem)>, Failure> {
        let validity = inbox.uid_validity;
        let command = format!("UID FETCH {first}:* (UID INTERNALDATE RFC822.SIZE)");
        let tag = self.connection.queue(command.as_bytes());
        self.connection.expect_responses(inbox.exists.min(50_000_000));
        self.connection.wire.flush().await?;
        let mut items = Vec::new();
        let mut take = |response| {
            if let Response::Fetch(found) = response
                && let (Some(uid), Some(size)) = (found.uid, found.size)
            {
                let item = RemoteItem {
                    identity: ServerIdentity(format!("{validity}:{uid}")),
                    size,
                    received_at: found.received_at,
                    cursor: Some(Cursor(format!("{validity}:{uid}"))),
                };
                items.push((uid, item));
            }
        };
        let status = self.connection.finish(tag, &mut take).await?;
        expect_ok(&self.connection, Doing::Working, &status)?;
        Ok(items)
    }

    async fn fetch_all(&mut self, items: &[RemoteItem], sink: &mut dyn MessageSink) -> Result<(), Failure> {
        let validity = self.entered().await?.uid_validity;
        let targets: Vec<Target> = items
            .iter()
            .map(|item| {
                let uid = identity_parts(&item.identity.0).filter(|(of, _)| *of == validity);
                Target { uid: uid.map(|(_, uid)| uid), size: item.size, received_at: item.received_at }
            })
            .collect();
        fetch::fetch(&mut self.connection, &targets, self.max_message_bytes, sink).await
    }

    async fn watch_until(&mut self, mut until: Until) -> Result<Watched, Failure> {
        loop {
            self.idle.begin(&mut self.connection).await?;
            loop {
                // While nothing is said, this may be dropped and the session goes on.
                self.is_broken = false;
                let waited = watch::wait(&mut self.connection, until).await;
                self.is_broken = true;
                if waited? == Waited::Silent {
                    break;
                }
                let response = self.connection.next(&mut super::connection::Content::Unasked).await?;
                self.idle.heard(&self.connection, &response)?;
                if watch::told(&self.connection) == Watched::News {
                    break;
                }
            }
            self.idle.end(&mut self.connection).await?;
            let told = watch::told(&self.connection);
            if told == Watched::News || until.is_over() {
                return Ok(told);
            }
            until = until.renewed();
        }
    }
}

pub(super) fn expect_ok(connection: &Connection, doing: Doing, status: &Status) -> Result<(), Failure> {
    match status.condition {
        Condition::Ok => Ok(()),
        _ => Err(failure::refused(connection.host(), doing, status)),
    }
}

#[async_trait]
impl IncomingSession for ImapSession {
    async fn changes(&mut self, cursor: Option<&Cursor>) -> Result<Changes, Failure> {
        self.guard().await?;
        let changes = self.list(cursor).await?;
        self.is_broken = false;
        Ok(changes)
    }

    async fn fetch(&mut self, items: &[RemoteItem], sink: &mut dyn MessageSink) -> Result<(), Failure> {
        self.guard().await?;
        self.fetch_all(items, sink).await?;
        self.is_broken = false;
        Ok(())
    }

    async fn delete(&mut self, identities: &[ServerIdentity]) -> Result<(), Failure> {
        self.guard().await?;
        let removed = remove::remove(self, identities).await;
        // A refusal came as a whole answer; what broke the connection does so again at the next command.
        let is_refusal = removed.as_ref().err().is_some_and(|f| f.code == FailureCode::CapabilityMissing);
        self.is_broken = removed.is_err() && !is_refusal;
        removed
    }

    fn can_watch(&self) -> bool {
        self.connection.can("IDLE") && !self.idle.is_refused()
    }

    async fn watch(&mut self, for_at_most: Duration) -> Result<Watched, Failure> {
        if !self.can_watch() {
            let said =
                format!("{}: the server cannot tell of news by itself (no IDLE)", self.connection.host());
            return Err(Failure::permanent_mailbox(FailureCode::NotSupported, said));
        }
        self.guard().await?;
        // What came before the inbox was looked at is never told: it has to be looked at first.
        let told = match self.inbox {
            None => Watched::News,
            Some(_) => watch::told(&self.connection),
        };
        let watched = match told {
            Watched::News => Watched::News,
            Watched::Quiet => self.watch_until(Until::after(for_at_most)).await?,
        };
        self.is_broken = false;
        Ok(watched)
    }

    async fn close(mut self: Box<Self>) -> Result<(), Failure> {
        // Nothing depends on the answer: deletions have happened already. So it is not waited for.
        if !self.is_broken {
            if self.idle.is_under_way() {
                self.connection.wire.queue(b"DONE\r\n");
            }
            self.connection.queue(b"LOGOUT");
            let _ = self.connection.wire.flush().await;
        }
        Ok(())
    }
}
