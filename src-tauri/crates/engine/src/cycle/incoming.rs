//! The cycle of incoming mail: the order of things, on one page.
//!
//! Cursor -> changes -> what the ledger does not know -> fetch, parse, decide and commit, overlapping -> and only
//! after the commit, the server is told. A stop or a crash between any two steps leaves the ledger and the cursor
//! in step with each other, and the server's copies where they are.

use super::{CycleContext, CycleOutcome, stopped};
use crate::{
    access::storage_failure,
    ports::mail::{Changes, Cursor, IncomingSession, RemoteItem},
};
use committing::Committer;
use futures::future::join;
use std::collections::HashSet;
use tandem_domain::{
    failure::{Failure, FailureCode},
    ledger::ServerIdentity,
    mailbox::MailboxOwner,
    schedule::CycleEnd,
};

mod committing;
mod fetching;
mod listing;
mod planning;
mod reading;
#[cfg(test)]
mod tests;

/// How many deletions are asked for and recorded together.
const DELETE_PAGE: usize = 1_000;

/// The folder that is synchronized.
const INBOX: &str = "INBOX";

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
    let (mut items, mut kept) = (0, None);
    let end = match cycle(context, open, &mut items).await {
        Ok((end, session)) => match tell_server(context, session, at_the_end).await {
            Ok(session) => {
                kept = session;
                end
            }
            Err(failure) => CycleEnd::Failed(failure),
        },
        Err(failure) => CycleEnd::Failed(failure),
    };
    (CycleOutcome { end, items, again_at: None, awaits_evidence: false }, kept)
}

async fn cycle(
    context: &CycleContext,
    open: Option<Session>,
    items: &mut u32,
) -> Result<(CycleEnd, Session), Failure> {
    let (storage, mailbox) = (&context.ports.storage, context.prepared.mailbox.id);
    let cursor = storage.cursor(mailbox, INBOX).await.map_err(storage_failure)?;
    let (mut session, changes) = begin(context, open, cursor.as_ref()).await?;
    let unseen = unseen(context, changes.items).await?;

    let listing = listing::Listing::new(unseen, &context.prepared);
    let final_cursor = changes.cursor.filter(|now| Some(now) != cursor.as_ref());
    let mut committer = Committer::new(context, INBOX, listing.len()).await?;

    // Each stage feeds the next through a bounded queue; the end of one ends the next, and a failure of the last
    // stops the first. What was fetched before a failure is still committed.
    let halt = context.cancel.child_token();
    let (arrived, to_read) = fetching::queue();
    let (read, to_commit) = reading::queue();
    let fetching = fetching::run(context, session.as_mut(), listing, arrived, halt.clone());
    let rest = join(reading::run(context, to_read, read), committer.run(to_commit, halt));
    let (fetched, (parsed, committed)) = join(fetching, rest).await;
    *items = committer.decided();
    committed?;
    parsed?;
    let end = fetched?;
    if context.cancel.is_cancelled() {
        return Err(stopped());
    }

    if end == CycleEnd::Completed {
        committer.advance(final_cursor).await?;
    }
    Ok((end, session))
}

/// Asks what is new, through the session that is open, or through a new one.
async fn begin(
    context: &CycleContext,
    open: Option<Session>,
    cursor: Option<&Cursor>,
) -> Result<(Session, Changes), Failure> {
    if let Some(mut session) = open {
        match context.unless_stopped(session.changes(cursor)).await {
            Ok(changes) => return Ok((session, changes)),
            Err(failure) if failure.code == FailureCode::Stopped => return Err(failure),
            Err(failure) => {
                tracing::debug!("{}: the open session is gone: {failure}", context.prepared.mailbox.email);
            }
        }
    }
    let port = context.ports.mail.incoming(context.prepared.access.server_type).ok_or_else(not_supported)?;
    let mut session = context.unless_stopped(port.open(&context.prepared.access)).await?;
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

fn not_supported() -> Failure {
    Failure::permanent_mailbox(FailureCode::NotSupported, "this kind of server has no incoming mail")
}
