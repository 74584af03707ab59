//! The cycle of outgoing mail: first what became of earlier attempts, then what is pending.
//!
//! An attempt is recorded before it starts and again right before the message's end is sent, so that after a crash
//! it is known whether the server may have taken the message.

use super::{CycleContext, CycleOutcome, stopped};
use crate::{
    access::storage_failure,
    ports::{
        mail::{OutgoingMail, OutgoingSession},
        storage::{HeldEmail, PendingEmail},
    },
};
use limits::{Admitted, Limits};
use std::collections::HashSet;
use tandem_domain::{
    Instant,
    alert::{AlertCode, AlertLevel, AlertObject, NewAlert},
    failure::{Failure, FailureCode},
    ids::EmailId,
    schedule::CycleEnd,
    send_limits::HeldBy,
    workload::Workload,
};

mod attempt;
mod evidence;
mod limits;
#[cfg(test)]
mod tests;

/// So many pending emails are loaded at once.
const PAGE: u32 = 100;

/// Runs one cycle.
pub async fn run(context: &CycleContext) -> CycleOutcome {
    let mut sending = Sending::default();
    let end = cycle(context, &mut sending).await;
    if let Some(session) = sending.session.take() {
        // Nothing depends on the good-bye, so a stop does not wait for it.
        let good_bye = async {
            session.close().await;
            Ok(())
        };
        let _ = context.unless_stopped(good_bye).await;
    }
    let end = end.unwrap_or_else(CycleEnd::Failed);
    let Sending { items, again_at, awaits_evidence, contacted, .. } = sending;
    CycleOutcome { end, items, again_at, awaits_evidence, contacted }
}

/// What a cycle carries from one email to the next.
#[derive(Default)]
struct Sending {
    session: Option<Box<dyn OutgoingSession>>,
    tried: HashSet<EmailId>,
    items: u32,
    again_at: Option<Instant>,
    awaits_evidence: bool,
    contacted: bool,
}

async fn cycle(context: &CycleContext, sending: &mut Sending) -> Result<CycleEnd, Failure> {
    let (storage, mailbox) = (&context.ports.storage, context.prepared.mailbox.id);
    let port = context.ports.mail.outgoing(context.prepared.access.server_type).ok_or_else(not_supported)?;
    let started_at = context.now();
    let yield_at = started_at + context.limits.yield_after;

    if context.is_probe {
        sending.open(context, port).await?;
    }
    let mut limits = Limits::of(&context.prepared);
    for unfinished in storage.unfinished(mailbox).await.map_err(storage_failure)? {
        if context.cancel.is_cancelled() {
            return Err(stopped());
        }
        evidence::resolve(context, sending, unfinished).await?;
    }
    loop {
        let pending = storage.pending_send(mailbox, context.now(), PAGE).await.map_err(storage_failure)?;
        let fresh: Vec<PendingEmail> =
            pending.into_iter().filter(|email| !sending.tried.contains(&email.id)).collect();
        if fresh.is_empty() {
            if sending.items > 0 {
                clear_held(context).await?;
            }
            return Ok(CycleEnd::Completed);
        }
        let total = u64::from(sending.items) + fresh.len() as u64;
        let page = send_page(context, sending, &mut limits, (port, yield_at, total), fresh).await;
        hold(context, sending, limits.take_held()).await?;
        if let Some(end) = page? {
            return Ok(end);
        }
    }
}

/// Sends what may go of a page; an end that comes before the page's.
async fn send_page(
    context: &CycleContext,
    sending: &mut Sending,
    limits: &mut Limits,
    (port, yield_at, total): (&dyn OutgoingMail, Instant, u64),
    page: Vec<PendingEmail>,
) -> Result<Option<CycleEnd>, Failure> {
    for email in page {
        if context.cancel.is_cancelled() {
            return Err(stopped());
        }
        if context.now() >= yield_at {
            return Ok(Some(CycleEnd::Yielded));
        }
        sending.tried.insert(email.id);
        let turn = match limits.admit(context, &email).await? {
            Admitted::Send(turn) => turn,
            Admitted::Held => continue,
            Admitted::Never(why) => {
                attempt::give_up(context, email.id, why).await?;
                continue;
            }
        };
        sending.open(context, port).await?;
        sending.items += 1;
        attempt::run(context, sending, email, turn).await?;
        context.progress(Workload::Outgoing, u64::from(sending.items), total);
    }
    Ok(None)
}

/// Records what sending limits hold back, and looks again when the first of it fits.
async fn hold(context: &CycleContext, sending: &mut Sending, held: Vec<HeldEmail>) -> Result<(), Failure> {
    let Some(first) = held.iter().map(|one| one.until).min() else { return Ok(()) };
    sending.look_again(first);
    let storage = &context.ports.storage;
    let object = held_alert_object(context);
    let for_long = Limits::holds_for_a_day(&held);
    let emails = held.len();
    storage.hold(held).await.map_err(storage_failure)?;
    let Some(long) = for_long else { return Ok(()) };
    let alert = NewAlert {
        level: AlertLevel::Information,
        object,
        code: AlertCode::SendingHeld,
        detail: format!("{emails} emails wait: the recipients that the profile allows a day are used up"),
        retry_at: Some(long.until),
    };
    storage.raise(alert, context.now()).await.map_err(storage_failure)
}

impl Sending {
    /// One session carries many emails; it is opened for the first, and again when it broke.
    async fn open(&mut self, context: &CycleContext, port: &dyn OutgoingMail) -> Result<(), Failure> {
        if self.session.as_ref().is_some_and(|session| session.is_open()) {
            return Ok(());
        }
        self.session = None;
        self.session = Some(context.unless_stopped(port.open(&context.prepared.access)).await?);
        self.contacted = true;
        Ok(())
    }

    /// Looks again at this instant at the latest.
    fn look_again(&mut self, at: Instant) {
        self.again_at = Some(self.again_at.map_or(at, |known| known.min(at)));
    }
}

/// Mail goes again: where none is kept until tomorrow any more, nobody needs to know of it.
async fn clear_held(context: &CycleContext) -> Result<(), Failure> {
    let (storage, mailbox) = (&context.ports.storage, context.prepared.mailbox.id);
    if storage.holds(mailbox, HeldBy::RecipientsPerDay).await.map_err(storage_failure)? {
        return Ok(());
    }
    let done = storage.clear(held_alert_object(context), Some(AlertCode::SendingHeld), context.now());
    done.await.map_err(storage_failure)
}

fn held_alert_object(context: &CycleContext) -> AlertObject {
    AlertObject::Mailbox(context.prepared.mailbox.id, Workload::Outgoing)
}

fn not_supported() -> Failure {
    Failure::permanent_mailbox(FailureCode::NotSupported, "this kind of server has no outgoing mail")
}
