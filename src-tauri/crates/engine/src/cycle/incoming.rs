//! The cycle of incoming mail: the order of things, on one page.
//!
//! Cursor -> changes -> what the ledger does not know -> fetch, parse, decide and commit, overlapping -> and only
//! after the commit, the server is told. A stop or a crash between any two steps leaves the ledger and the cursor
//! in step with each other, and the server's copies where they are.

use super::{CycleContext, CycleOutcome, stopped};
use crate::{
    access::storage_failure,
    ports::{
        mail::{Changes, Cursor, IncomingSession, RemoteItem},
        quiet::{INBOX, StartingPoint},
    },
};
use committing::Committer;
use futures::future::join;
use std::collections::HashSet;
use tandem_domain::{
    Instant,
    failure::{Failure, FailureCode},
    item_retry::OwedItem,
    ledger::ServerIdentity,
    mailbox::MailboxOwner,
    schedule::CycleEnd,
};

mod committing;
mod fetching;
mod listing;
mod owing;
mod planning;
mod reading;
#[cfg(test)]
mod tests;

/// How many deletions are asked for and recorded together.
const DELETE_PAGE: usize = 1_000;

/// An open inbox.
pub type Session = Box<dyn IncomingSession>;

/// What becomes of a cycle's session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtTheEnd {
    /// It is closed.
    Close,
    /// It is given back when the server can tell of news through it.
    KeepOpen,
}

/// What a cycle did, even when it fails.
#[derive(Default)]
struct Done {
    items: u32,
    again_at: Option<Instant>,
    contacted: bool,
}

/// Runs one cycle.
pub async fn run(context: &CycleContext) -> CycleOutcome {
    run_on(context, None, AtTheEnd::Close).await.0
}

/// Runs one cycle, on a session that is open already where there is one. One that broke meanwhile is replaced.
pub async fn run_on(
    context: &CycleContext,
    open: Option<Session>,
    at_the_end: AtTheEnd,
) -> (CycleOutcome, Option<Session>) {
    let (mut done, mut kept) = (Done::default(), None);
    let end = match cycle(context, open, &mut done).await {
        Ok((end, session)) => match tell_server(context, session, at_the_end).await {
            Ok(session) => {
                kept = session;
                end
            }
            Err(failure) => CycleEnd::Failed(failure),
        },
        Err(failure) => CycleEnd::Failed(failure),
    };
    let Done { items, again_at, contacted } = done;
    (CycleOutcome { end, items, again_at, awaits_evidence: false, contacted }, kept)
}

async fn cycle(
    context: &CycleContext,
    open: Option<Session>,
    done: &mut Done,
) -> Result<(CycleEnd, Session), Failure> {
    let (storage, mailbox) = (&context.ports.storage, context.prepared.mailbox.id);
    let StartingPoint { cursor, owed } = match &context.start {
        Some(start) => start.clone(),
        None => StartingPoint {
            cursor: storage.cursor(mailbox, INBOX).await.map_err(storage_failure)?,
            owed: storage.owed(mailbox, INBOX).await.map_err(storage_failure)?,
        },
    };
    let (mut session, changes) = begin(context, open, cursor.as_ref(), done).await?;
    // What is owed comes first, so that the cursor of what is new stands at the end.
    let mut wanted = owing::due(&owed, context.now());
    wanted.extend(unseen(context, changes.items).await?);

    let final_cursor = changes.cursor.filter(|now| Some(now) != cursor.as_ref());
    if wanted.is_empty() && owed.is_empty() && final_cursor.is_none() {
        return Ok((CycleEnd::Completed, session));
    }
    let end = decide(context, session.as_mut(), (&owed, wanted), final_cursor, done).await?;
    Ok((end, session))
}

/// Decides messages of the inbox that a verification found without a decision. The cursor stays where it is, and
/// the server is told nothing: the next cycle does.
///
/// # Errors
/// Whatever stands in the way; `decided` says how many have their decision all the same.
pub async fn decide_missed(
    context: &CycleContext,
    session: &mut dyn IncomingSession,
    mut items: Vec<RemoteItem>,
    decided: &mut u32,
) -> Result<(), Failure> {
    for item in &mut items {
        item.cursor = None;
    }
    let owed =
        context.ports.storage.owed(context.prepared.mailbox.id, INBOX).await.map_err(storage_failure)?;
    let mut done = Done::default();
    let end = decide(context, session, (&owed, items), None, &mut done).await;
    *decided = done.items;
    end.map(drop)
}

/// Fetches, reads, decides and commits.
async fn decide(
    context: &CycleContext,
    session: &mut dyn IncomingSession,
    (owed, wanted): (&[OwedItem], Vec<RemoteItem>),
    final_cursor: Option<Cursor>,
    done: &mut Done,
) -> Result<CycleEnd, Failure> {
    let (storage, mailbox) = (&context.ports.storage, context.prepared.mailbox.id);
    let listing = listing::Listing::new(wanted, &context.prepared);
    let mut committer = Committer::new(context, INBOX, owed, listing.len()).await?;

    // Each stage feeds the next through a bounded queue; the end of one ends the next, and a failure of the last
    // stops the first. What was fetched before a failure is still committed.
    let halt = context.cancel.child_token();
    let (arrived, to_read) = fetching::queue();
    let (read, to_commit) = reading::queue();
    let fetching = fetching::run(context, session, listing, arrived, halt.clone());
    let rest = join(reading::run(context, to_read, read), committer.run(to_commit, halt));
    let (fetched, (parsed, committed)) = join(fetching, rest).await;
    done.items = committer.decided();
    if committer.owes() || !owed.is_empty() {
        let owed = storage.owed(mailbox, INBOX).await.map_err(storage_failure)?;
        done.again_at = owed.first().map(|next| next.next_at);
    }
    committed?;
    parsed?;
    let end = fetched?;
    if context.cancel.is_cancelled() {
        return Err(stopped());
    }

    if end == CycleEnd::Completed {
        committer.advance(final_cursor).await?;
    }
    Ok(end)
}

/// Asks what is new, through the session that is open, or through a new one.
async fn begin(
    context: &CycleContext,
    open: Option<Session>,
    cursor: Option<&Cursor>,
    done: &mut Done,
) -> Result<(Session, Changes), Failure> {
    if let Some(mut session) = open {
        match context.unless_stopped(session.changes(cursor)).await {
            Ok(changes) => {
                done.contacted = true;
                return Ok((session, changes));
            }
            Err(failure) if failure.code == FailureCode::Stopped => return Err(failure),
            Err(failure) => {
                tracing::debug!("{}: the open session is gone: {failure}", context.prepared.mailbox.email);
            }
        }
    }
    let port = context.ports.mail.incoming(context.prepared.access.server_type).ok_or_else(not_supported)?;
    let mut session = context.unless_stopped(port.open(&context.prepared.access)).await?;
    done.contacted = true;
    let changes = context.unless_stopped(session.changes(cursor)).await?;
    Ok((session, changes))
}

/// Keeps what the ledger does not know, in the server's order, each identity once.
async fn unseen(context: &CycleContext, items: Vec<RemoteItem>) -> Result<Vec<RemoteItem>, Failure> {
    if items.is_empty() {
        return Ok(items);
    }
    let identities = items.iter().map(|item| item.identity.clone()).collect();
    let mailbox = context.prepared.mailbox.id;
    let unseen = context.ports.storage.unseen(mailbox, INBOX, identities).await.map_err(storage_failure)?;
    let mut unseen: HashSet<ServerIdentity> = unseen.into_iter().collect();
    Ok(items.into_iter().filter(|item| unseen.remove(&item.identity)).collect())
}

/// Deletes what is to be deleted, of this cycle and of earlier ones that did not get so far. It is recorded after
/// the good-bye: with POP3 nothing is deleted before (RFC 1939 section 6). Gives back a session that stays open.
async fn tell_server(
    context: &CycleContext,
    mut session: Session,
    at_the_end: AtTheEnd,
) -> Result<Option<Session>, Failure> {
    let (storage, mailbox) = (&context.ports.storage, &context.prepared.mailbox);
    let deletes = mailbox.delete_after_processing && matches!(mailbox.owner, MailboxOwner::Queue(_));
    let done = match deletes {
        true => storage.awaiting_delete(mailbox.id, INBOX).await.map_err(storage_failure)?,
        false => Vec::new(),
    };
    if done.is_empty() && at_the_end == AtTheEnd::KeepOpen && session.can_watch() {
        return Ok(Some(session));
    }
    if done.is_empty() {
        return said_good_bye(context, session).await.map(|()| None);
    }
    for page in done.chunks(DELETE_PAGE) {
        context.unless_stopped(session.delete(page)).await?;
    }
    context.unless_stopped(session.close()).await?;
    for page in done.chunks(DELETE_PAGE) {
        let deleted = storage.deleted_on_server(mailbox.id, INBOX, page.to_vec(), context.now());
        deleted.await.map_err(storage_failure)?;
    }
    Ok(None)
}

/// Where nothing was deleted, nothing depends on the good-bye.
async fn said_good_bye(context: &CycleContext, session: Session) -> Result<(), Failure> {
    match context.unless_stopped(session.close()).await {
        Err(failure) if failure.code == FailureCode::Stopped => Err(failure),
        Err(failure) => {
            tracing::debug!("{}: the server did not say good-bye: {failure}", context.prepared.mailbox.email);
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

pub(crate) fn not_supported() -> Failure {
    Failure::permanent_mailbox(FailureCode::NotSupported, "this kind of server has no incoming mail")
}
