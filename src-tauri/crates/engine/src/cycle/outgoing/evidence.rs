//! What became of an attempt that did not end: evidence from the mailboxes that we read ourselves.

use super::{
    Sending,
    attempt::{clear, end, failed, raise},
};
use crate::{
    access::storage_failure,
    cycle::CycleContext,
    ports::storage::{AttemptResult, UnfinishedAttempt},
};
use tandem_domain::{
    Instant,
    address::EmailAddress,
    failure::Failure,
    ids::MailboxId,
    mailbox::{Mailbox, process_emails_from},
    outgoing::{AttemptPhase, RecipientEvidence, Verdict, resolve_unconfirmed},
    workload::Workload,
};

/// Finds out what became of one attempt, and acts on it as far as that is known.
pub async fn resolve(
    context: &CycleContext,
    sending: &mut Sending,
    unfinished: UnfinishedAttempt,
) -> Result<(), Failure> {
    let (storage, now) = (&context.ports.storage, context.now());
    let email = &unfinished.email;
    if unfinished.phase == AttemptPhase::Started {
        return storage.send_again(email.id, now).await.map_err(storage_failure);
    }
    let evidence = gather(context, &unfinished).await?;
    // Looks are dated by a clock that may have jumped since; then as much time must pass anew.
    match resolve_unconfirmed(&evidence, unfinished.at.max(context.steady_since), now) {
        Verdict::Sent => {
            let server_said =
                "the answer was lost, but the message was seen in a recipient's mailbox".to_owned();
            end(context, email.id, AttemptResult::Sent { server_said, refused: Vec::new() }, now).await?;
            clear(context, email.id, now).await
        }
        Verdict::SendAgain => storage.send_again(email.id, now).await.map_err(storage_failure),
        Verdict::Wait { until } => {
            sending.awaits_evidence = true;
            sending.look_again(until);
            ask_for(context, &email.recipients, now).await
        }
        Verdict::AskPerson(why) => raise(context, Some(failed(email.id, &why)), now).await,
    }
}

/// Makes the recipients' mailboxes that we read due: what they hold is the evidence.
pub async fn ask_for(context: &CycleContext, recipients: &[String], now: Instant) -> Result<(), Failure> {
    for recipient in recipients {
        let watched = watched(context, recipient).await?;
        // One that fails has its time to try again, and its server may have asked for that patience.
        if let Some(mailbox) = watched.filter(|one| one.state(Workload::Incoming).last_error_at.is_none()) {
            let due = context.ports.storage.make_due(mailbox.id, Workload::Incoming, now);
            due.await.map_err(storage_failure)?;
        }
    }
    Ok(())
}

async fn gather(
    context: &CycleContext,
    unfinished: &UnfinishedAttempt,
) -> Result<Vec<RecipientEvidence>, Failure> {
    let storage = &context.ports.storage;
    let email = &unfinished.email;
    let mut watching = Vec::new();
    for recipient in &email.recipients {
        let mailbox = match watched(context, recipient).await? {
            Some(mailbox) if looks_at(context, &mailbox, unfinished.at).await? => {
                Some((mailbox.id, Some(last_look(context, mailbox.id).await?)))
            }
            Some(mailbox) => Some((mailbox.id, None)),
            None => None,
        };
        watching.push(mailbox);
    }
    // Asked after the last looks: a look that ends in between could otherwise see it and be taken for one that did not.
    let saw = storage.mailboxes_that_saw(&email.message_id).await.map_err(storage_failure)?;
    // With one attempt only, whoever has it has it from this one. After more, an earlier attempt may have reached
    // others, and only those who were still to get it count.
    if email.attempts <= 1 && !saw.is_empty() {
        return Ok(vec![RecipientEvidence::Seen]);
    }
    let size = storage.raw(email.id).await.map_err(storage_failure)?.len();
    let readable = size <= context.prepared.settings.max_message_bytes;
    let evidence = watching.into_iter().map(|found| match found {
        Some((mailbox, _)) if saw.contains(&mailbox) => RecipientEvidence::Seen,
        Some((_, Some(looked_at))) if readable => RecipientEvidence::NotSeenBy(looked_at),
        _ => RecipientEvidence::Unwatched,
    });
    Ok(evidence.collect())
}

async fn watched(context: &CycleContext, recipient: &str) -> Result<Option<Mailbox>, Failure> {
    let Ok(address) = EmailAddress::parse(recipient) else { return Ok(None) };
    let mailbox = context.ports.storage.mailbox_by_address(&address).await.map_err(storage_failure)?;
    Ok(mailbox.filter(|mailbox| mailbox.is_processed(Workload::Incoming)))
}

/// A message from before Process Emails From may never be fetched, and then its absence says nothing.
async fn looks_at(context: &CycleContext, mailbox: &Mailbox, at: Instant) -> Result<bool, Failure> {
    let Some(profile) = mailbox.profile else { return Ok(false) };
    let profile = context.ports.storage.profile(profile).await.map_err(storage_failure)?;
    let start = process_emails_from(profile.process_emails_from, mailbox.process_emails_from);
    Ok(profile.active && start.is_none_or(|start| start <= at))
}

async fn last_look(context: &CycleContext, mailbox: MailboxId) -> Result<Instant, Failure> {
    let looked = context.ports.storage.last_completed_start(mailbox, Workload::Incoming);
    Ok(looked.await.map_err(storage_failure)?.unwrap_or(Instant::MIN_UTC))
}
