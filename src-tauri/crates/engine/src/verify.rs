//! Verification: the server's identities against the ledger, and decisions for what was missed.
//!
//! A cycle asks for what is new since its cursor. Whatever went wrong before the cursor (a database that was restored,
//! a fault) would never be seen again, so the whole list is compared now and then: one request lists it. Messages
//! that arrived since the last cycle are not missing, they wait for the next one; where a server has no cursor
//! (POP3) the next cycle would see them all the same, so every message without a decision counts as missing there.

use crate::{
    access::{prepare, storage_failure},
    cycle::{CycleContext, CycleLimits, InFlight, SendTurns, incoming, stopped, unless},
    permits::{Permits, Pool},
    ports::{
        Ports,
        mail::{IncomingSession, RemoteItem},
        quiet::INBOX,
    },
};
use std::{collections::HashSet, sync::Arc};
use tandem_domain::{
    alert::{AlertCode, AlertLevel, AlertObject, NewAlert},
    failure::{Failure, FailureCode},
    ids::{CycleId, MailboxId},
    ledger::ServerIdentity,
    verification::Verification,
    workload::Workload,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

#[cfg(test)]
mod tests;

/// Whether missing messages get their decisions at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repair {
    /// Only look.
    No,
    /// Fetch and decide what is missing.
    Yes,
}

/// What a verification works with.
#[derive(Clone)]
pub struct VerifyContext {
    /// The ports.
    pub ports: Ports,
    /// The right to connections.
    pub permits: Arc<Permits>,
    /// The limits of the repair, which runs like a cycle.
    pub limits: CycleLimits,
    /// The memory for fetched messages.
    pub in_flight: InFlight,
    /// Stops it between two steps.
    pub cancel: CancellationToken,
}

/// Verifies a mailbox and keeps the result. What stood in the way is the result's failure; `None` when it was stopped.
pub async fn run(context: &VerifyContext, mailbox: MailboxId, repair: Repair) -> Option<Verification> {
    let mut found = begun(context, mailbox);
    found.failure = verify(context, &mut found, repair).await.err();
    if found.failure.as_ref().is_some_and(|failure| failure.code == FailureCode::Stopped) {
        return None;
    }
    if let Err(error) = record(&context.ports, &found).await {
        found.failure.get_or_insert(error);
    }
    Some(found)
}

/// Keeps that a verification was broken off because it took too long.
pub(crate) async fn timed_out(context: &VerifyContext, mailbox: MailboxId) -> Verification {
    let mut found = begun(context, mailbox);
    let said = "the verification took too long and was ended";
    found.failure = Some(Failure::transient_mailbox(FailureCode::TimedOut, said));
    if let Err(error) = record(&context.ports, &found).await {
        tracing::warn!("The end of a verification of {mailbox} is not recorded: {error}");
    }
    found
}

fn begun(context: &VerifyContext, mailbox: MailboxId) -> Verification {
    Verification {
        mailbox,
        verified_at: context.ports.clock.now(),
        on_server: 0,
        decided: 0,
        waiting: 0,
        missing: Vec::new(),
        repaired: 0,
        gone: 0,
        failure: None,
    }
}

async fn verify(context: &VerifyContext, found: &mut Verification, repair: Repair) -> Result<(), Failure> {
    let (ports, cancel) = (&context.ports, &context.cancel);
    let prepared = unless(cancel, prepare(ports, found.mailbox, Workload::Incoming)).await?;
    let connections = prepared.profile.max_concurrent_connections;
    let permit = context.permits.acquire(Pool::Operations, Workload::Incoming, &prepared.access, connections);
    let _permit = unless(cancel, async { permit.await.map_err(|_| stopped()) }).await?;
    let port = ports.mail.incoming(prepared.access.server_type).ok_or_else(incoming::not_supported)?;
    let mut session = unless(cancel, port.open(&prepared.access)).await?;

    found.verified_at = ports.clock.now();
    let (listed, waiting) = unless(cancel, list(ports, found.mailbox, session.as_mut())).await?;
    let identities: Vec<_> = listed.iter().map(|item| item.identity.clone()).collect();
    found.on_server = identities.len() as u64;
    let compared = ports.storage.compare(found.mailbox, INBOX, identities).await;
    let compared = compared.map_err(storage_failure)?;
    found.gone = compared.gone;
    found.decided = found.on_server - compared.undecided.len() as u64;
    let (new, missing): (Vec<_>, Vec<_>) =
        compared.undecided.into_iter().partition(|identity| waiting.contains(identity));
    found.waiting = new.len() as u64;
    found.missing = missing;

    if repair == Repair::Yes && !found.missing.is_empty() {
        let (ports, cycle) = (ports.clone(), CycleId(Uuid::new_v4()));
        let (limits, in_flight, cancel) = (context.limits, context.in_flight.clone(), cancel.clone());
        let send_turns = SendTurns::default();
        let context = CycleContext {
            ports,
            prepared,
            start: None,
            cycle,
            limits,
            in_flight,
            send_turns,
            is_probe: false,
            steady_since: tandem_domain::Instant::MIN_UTC,
            cancel,
        };
        let missing: HashSet<&ServerIdentity> = found.missing.iter().collect();
        let items = listed.into_iter().filter(|item| missing.contains(&item.identity)).collect();
        let mut decided = 0;
        let done = incoming::decide_missed(&context, session.as_mut(), items, &mut decided).await;
        found.repaired = u64::from(decided);
        done?;
    }
    // Nothing depends on the good-bye.
    let _ = unless(&context.cancel, session.close()).await;
    Ok(())
}

/// Everything that the server has, and what of it a cycle has yet to see.
async fn list(
    ports: &Ports,
    mailbox: MailboxId,
    session: &mut dyn IncomingSession,
) -> Result<(Vec<RemoteItem>, HashSet<ServerIdentity>), Failure> {
    let cursor = ports.storage.cursor(mailbox, INBOX).await.map_err(storage_failure)?;
    let mut waiting = HashSet::new();
    if cursor.is_some() {
        let new = session.changes(cursor.as_ref()).await?;
        if new.cursor.is_some() {
            waiting.extend(new.items.into_iter().map(|item| item.identity));
        }
    }
    let all = session.changes(None).await?;
    Ok((all.items, waiting))
}

async fn record(ports: &Ports, found: &Verification) -> Result<(), Failure> {
    ports.storage.record_verification(found.clone()).await.map_err(storage_failure)?;
    let object = AlertObject::Mailbox(found.mailbox, Workload::Incoming);
    let (code, now) = (AlertCode::MessagesMissing, ports.clock.now());
    if found.failure.is_some() {
        // The cycles say why the server can't be reached; silence about the list is told as its age.
        return Ok(());
    }
    // Without a bookmark, what arrived since the last cycle looks as if a cycle had missed it. It has its decision now.
    let may_be_new = ports.storage.cursor(found.mailbox, INBOX).await.map_err(storage_failure)?.is_none();
    if found.missing.is_empty() || (may_be_new && found.is_complete()) {
        return ports.storage.clear(object, Some(code), now).await.map_err(storage_failure);
    }
    let alert = NewAlert {
        level: AlertLevel::Warning,
        object,
        code,
        detail: detail(found),
        retry_at: (!found.is_complete()).then(|| found.next_due()),
    };
    ports.storage.raise(alert, now).await.map_err(storage_failure)
}

fn detail(found: &Verification) -> String {
    let named: Vec<&str> = found.missing.iter().take(3).map(|one| one.0.as_str()).collect();
    let more = if found.missing.len() > named.len() { ", ..." } else { "" };
    format!(
        "{} of {} messages on the server had no decision ({}{more}); {} of them have one now",
        found.missing.len(),
        found.on_server,
        named.join(", "),
        found.repaired
    )
}
