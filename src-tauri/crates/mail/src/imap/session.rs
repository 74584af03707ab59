//! An open IMAP inbox: what is new, fetching, deleting.
//!
//! A cursor is `uidvalidity:last_uid`, and behind it the HIGHESTMODSEQ of the moment when the server keeps one
//! (CONDSTORE, RFC 7162): the same number again proves that nothing happened in the inbox, and nothing is listed. What
//! QRESYNC adds, the messages that vanished, decides nothing here: the ledger keeps its rows. When the server gives its inbox another UIDVALIDITY it has renumbered
//! (RFC 9051 section 2.3.1.1): everything is listed again, under new identities.

use super::{
    connection::Connection,
    failure::{self, Doing},
    fetch::{self, Target},
    login,
    response::{Condition, Response, Status},
};
use async_trait::async_trait;
use tandem_domain::{
    failure::{Failure, FailureCode},
    ledger::ServerIdentity,
};
use tandem_engine::ports::mail::{Changes, Cursor, IncomingSession, MessageSink, RemoteItem};

/// How many UIDs one STORE or EXPUNGE names at most: with 10 digits each, a line stays below 8,192 bytes.
const UIDS_A_COMMAND: usize = 500;
const FOLDER: &str = "INBOX";

/// What opening the inbox told.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Inbox {
    pub exists: u64,
    pub uid_validity: u32,
    /// What the next message will be called, when the server says so.
    pub uid_next: Option<u32>,
    /// The number of the last change, when the server counts them (RFC 7162 section 3.1.2.1).
    pub highest_modseq: Option<u64>,
}

/// An open inbox.
pub(super) struct ImapSession {
    connection: Connection,
    inbox: Inbox,
    max_message_bytes: u64,
    /// What opening told is older than the last listing.
    is_stale: bool,
    is_writable: bool,
    /// Something broke in the middle of an answer: nothing more can be said on this connection.
    is_broken: bool,
}

impl ImapSession {
    /// Opens the inbox for reading only.
    pub(super) async fn open(mut connection: Connection, max_message_bytes: u64) -> Result<Self, Failure> {
        // Some providers refuse every folder to a client that has not said who it is (RFC 2971).
        if connection.can("ID") {
            let version = env!("CARGO_PKG_VERSION");
            connection.queue(format!("ID (\"name\" \"Tandem\" \"version\" \"{version}\")").as_bytes());
        }
        let inbox = enter(&mut connection, "EXAMINE").await?;
        Ok(Self {
            connection,
            inbox,
            max_message_bytes,
            is_stale: false,
            is_writable: false,
            is_broken: false,
        })
    }

    pub(super) fn inbox(&self) -> Inbox {
        self.inbox
    }

    pub(super) fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Refuses to go on after a break, and takes what follows as broken until it says otherwise: a future that is
    /// dropped half-way leaves half an answer behind.
    fn guard(&mut self) -> Result<(), Failure> {
        if self.is_broken {
            let said = format!("{}: the connection broke off before", self.connection.host());
            return Err(Failure::transient_profile(FailureCode::ConnectionLost, said));
        }
        self.is_broken = true;
        Ok(())
    }

    async fn list(&mut self, cursor: Option<&Cursor>) -> Result<Changes, Failure> {
        if self.is_stale {
            let command = if self.is_writable { "SELECT" } else { "EXAMINE" };
            self.inbox = enter(&mut self.connection, command).await?;
        }
        self.is_stale = true;
        let Inbox { exists, uid_validity, uid_next, highest_modseq } = self.inbox;
        let unchanged = cursor.is_some_and(|cursor| {
            highest_modseq.is_some() && change_number(cursor) == Some((uid_validity, highest_modseq))
        });
        let last = cursor.and_then(position).filter(|(validity, _)| *validity == uid_validity);
        let last = last.map_or(0, |(_, uid)| uid);
        let nothing_new = exists == 0 || unchanged || (last > 0 && uid_next == last.checked_add(1));
        let mut items = Vec::new();
        if !nothing_new {
            items = self.list_from(last.saturating_add(1)).await?;
            // `n:*` names the last message even when it is older than n (RFC 9051 section 9, seq-range).
            items.retain(|(uid, _)| *uid > last);
            items.sort_by_key(|(uid, _)| *uid);
            items.dedup_by_key(|(uid, _)| *uid);
        }
        // The last message seen and not UIDNEXT: a server that counts wrongly must not make us skip one.
        let newest = items.last().map_or(last, |(uid, _)| *uid);
        let items = items.into_iter().map(|(_, item)| item).collect();
        let cursor = match highest_modseq {
            Some(modseq) => Cursor(format!("{uid_validity}:{newest}:{modseq}")),
            None => Cursor(format!("{uid_validity}:{newest}")),
        };
        let cursor = Some(cursor);
        Ok(Changes { folder: FOLDER.into(), items, cursor })
    }

    async fn list_from(&mut self, first: u32) -> Result<Vec<(u32, RemoteItem)>, Failure> {
        let validity = self.inbox.uid_validity;
        let command = format!("UID FETCH {first}:* (UID INTERNALDATE RFC822.SIZE)");
        let tag = self.connection.queue(command.as_bytes());
        self.connection.expect_responses(self.inbox.exists.min(50_000_000));
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

    async fn remove(&mut self, identities: &[ServerIdentity]) -> Result<(), Failure> {
        let validity = self.inbox.uid_validity;
        let mut uids: Vec<u32> = identities
            .iter()
            .filter_map(|identity| identity_parts(&identity.0))
            .filter(|(of, _)| *of == validity)
            .map(|(_, uid)| uid)
            .collect();
        uids.sort_unstable();
        uids.dedup();
        if uids.is_empty() {
            return Ok(());
        }
        if !self.is_writable {
            let inbox = enter(&mut self.connection, "SELECT").await?;
            self.is_writable = true;
            self.inbox = inbox;
            if inbox.uid_validity != validity {
                // Renumbered meanwhile: these numbers may be other messages now.
                return Ok(());
            }
        }
        login::ask_capabilities(&mut self.connection).await?;
        let by_uid = self.connection.can("UIDPLUS") || self.connection.can("IMAP4REV2");
        let may_expunge = by_uid || self.only_ours_are_deleted(&uids).await?;
        for some in uids.chunks(UIDS_A_COMMAND) {
            let set = fetch::uid_set(some);
            let command = format!("UID STORE {set} +FLAGS.SILENT (\\Deleted)");
            self.command(&command).await?;
            if by_uid {
                self.command(&format!("UID EXPUNGE {set}")).await?;
            }
        }
        if !may_expunge {
            let said = format!(
                "{}: {} messages are marked as deleted but still there: others are marked too, and this server can \
                 only remove all of them together (no UIDPLUS)",
                self.connection.host(),
                uids.len()
            );
            return Err(Failure::permanent_item(FailureCode::CapabilityMissing, said));
        }
        if !by_uid {
            self.command("EXPUNGE").await?;
        }
        Ok(())
    }

    /// EXPUNGE removes every message that is marked, whoever marked it.
    async fn only_ours_are_deleted(&mut self, ours: &[u32]) -> Result<bool, Failure> {
        let mut others = false;
        // Ours are left out where the line can hold them, so that the answer is short.
        let but_ours = if ours.len() <= UIDS_A_COMMAND {
            format!(" NOT UID {}", fetch::uid_set(ours))
        } else {
            String::new()
        };
        let status = self
            .connection
            .run(format!("UID SEARCH DELETED{but_ours}").as_bytes(), |response| {
                if let Response::Search(found) = response {
                    others |= found.iter().any(|uid| ours.binary_search(uid).is_err());
                }
            })
            .await?;
        expect_ok(&self.connection, Doing::Working, &status)?;
        Ok(!others)
    }

    async fn command(&mut self, command: &str) -> Result<(), Failure> {
        let tag = self.connection.queue(command.as_bytes());
        self.connection.expect_responses(self.inbox.exists);
        self.connection.wire.flush().await?;
        let status = self.connection.finish(tag, &mut |_| {}).await?;
        expect_ok(&self.connection, Doing::Working, &status)
    }
}

/// EXAMINE or SELECT.
async fn enter(connection: &mut Connection, command: &str) -> Result<Inbox, Failure> {
    let mut inbox = Inbox::default();
    let counts_changes = connection.can("CONDSTORE") || connection.can("QRESYNC");
    let parameters = if counts_changes { " (CONDSTORE)" } else { "" };
    let status = connection
        .run(format!("{command} {FOLDER}{parameters}").as_bytes(), |response| match response {
            Response::Exists(count) => inbox.exists = count,
            Response::Status(status) => match status.code_name().as_deref() {
                Some("UIDVALIDITY") => {
                    inbox.uid_validity = status.code_arguments().trim().parse().unwrap_or_default();
                }
                Some("HIGHESTMODSEQ") => inbox.highest_modseq = status.code_arguments().trim().parse().ok(),
                Some("UIDNEXT") => inbox.uid_next = status.code_arguments().trim().parse().ok(),
                _ => {}
            },
            _ => {}
        })
        .await?;
    expect_ok(connection, Doing::Opening, &status)?;
    if inbox.uid_validity == 0 {
        // RFC 9051 section 6.3.2: without it nothing on this server has a lasting name.
        let said = format!("{}: the server gives no UIDVALIDITY", connection.host());
        return Err(Failure::permanent_mailbox(FailureCode::CapabilityMissing, said));
    }
    Ok(inbox)
}

pub(super) fn expect_ok(connection: &Connection, doing: Doing, status: &Status) -> Result<(), Failure> {
    match status.condition {
        Condition::Ok => Ok(()),
        _ => Err(failure::refused(connection.host(), doing, status)),
    }
}

/// `uidvalidity:uid`, of a cursor perhaps with more behind it.
fn position(cursor: &Cursor) -> Option<(u32, u32)> {
    identity_parts(&cursor.0)
}

/// The UIDVALIDITY of a cursor with the change number behind it.
fn change_number(cursor: &Cursor) -> Option<(u32, Option<u64>)> {
    let (validity, _) = position(cursor)?;
    Some((validity, cursor.0.split(':').nth(2)?.parse().ok()))
}

fn identity_parts(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split(':');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[async_trait]
impl IncomingSession for ImapSession {
    async fn changes(&mut self, cursor: Option<&Cursor>) -> Result<Changes, Failure> {
        self.guard()?;
        let changes = self.list(cursor).await?;
        self.is_broken = false;
        Ok(changes)
    }

    async fn fetch(&mut self, items: &[RemoteItem], sink: &mut dyn MessageSink) -> Result<(), Failure> {
        self.guard()?;
        let validity = self.inbox.uid_validity;
        let targets: Vec<Target> = items
            .iter()
            .map(|item| {
                let uid = identity_parts(&item.identity.0).filter(|(of, _)| *of == validity);
                Target { uid: uid.map(|(_, uid)| uid), size: item.size, received_at: item.received_at }
            })
            .collect();
        fetch::fetch(&mut self.connection, &targets, self.max_message_bytes, sink).await?;
        self.is_broken = false;
        Ok(())
    }

    async fn delete(&mut self, identities: &[ServerIdentity]) -> Result<(), Failure> {
        self.guard()?;
        let removed = self.remove(identities).await;
        // A refusal came as a whole answer; what broke the connection does so again at the next command.
        let is_refusal = removed.as_ref().err().is_some_and(|f| f.code == FailureCode::CapabilityMissing);
        self.is_broken = removed.is_err() && !is_refusal;
        removed
    }

    async fn close(mut self: Box<Self>) -> Result<(), Failure> {
        // Nothing depends on it: deletions have happened already. The BYE comes as a failure of reading.
        if !self.is_broken {
            let _ = self.connection.run(b"LOGOUT", |_| {}).await;
        }
        Ok(())
    }
}
