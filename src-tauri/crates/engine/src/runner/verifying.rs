//! Verifications on a schedule: a few at a time, in the pool of asynchronous operations, beside the cycles.

use super::Engine;
use crate::verify::{self, Repair, VerifyContext};
use chrono::Duration;
use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};
use tandem_domain::{Instant, ids::MailboxId, verification::Verification};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The schedule of verifications is looked at this often.
const LOOK_EVERY: Duration = Duration::minutes(1);
/// So many mailboxes are verified side by side.
const SIDE_BY_SIDE: usize = 2;

/// What is being verified, and when was looked last.
#[derive(Debug, Default)]
pub struct Verifying {
    now: Mutex<HashSet<MailboxId>>,
    looked_at: Mutex<Option<Instant>>,
}

impl Engine {
    /// Verifies a mailbox now, and keeps the result. `None` when it was stopped.
    pub async fn verify(
        &self,
        mailbox: MailboxId,
        repair: Repair,
        stop: &CancellationToken,
    ) -> Option<Verification> {
        let context = VerifyContext {
            ports: self.ports.clone(),
            permits: Arc::clone(&self.permits),
            limits: self.limits.cycle,
            in_flight: self.in_flight.clone(),
            cancel: stop.clone(),
        };
        // What never answers must not keep the mailbox from its cycles.
        let limit = self.limits.cycle_timeout.to_std().unwrap_or_default();
        tokio::select! {
            biased;
            found = verify::run(&context, mailbox, repair) => found,
            () = self.ports.clock.pause(limit) => Some(verify::timed_out(&context, mailbox).await),
        }
    }

    /// Starts what is due.
    pub(super) async fn start_verifications(
        self: &Arc<Self>,
        now: Instant,
        stop: &CancellationToken,
        tasks: &mut JoinSet<()>,
    ) {
        if !self.verifying.is_time_to_look(now) {
            return;
        }
        let limit = u32::try_from(SIDE_BY_SIDE * 2).unwrap_or(u32::MAX);
        let due = match self.ports.storage.verification_due(now, limit).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!("Verifications are looked at later: {error}");
                return;
            }
        };
        for mailbox in due {
            if !self.verifying.begin(mailbox) {
                continue;
            }
            let (engine, stop) = (Arc::clone(self), stop.clone());
            tasks.spawn(async move {
                let _ = engine.verify(mailbox, Repair::Yes, &stop).await;
                engine.verifying.end(mailbox);
            });
        }
    }
}

impl Verifying {
    fn is_time_to_look(&self, now: Instant) -> bool {
        let mut looked_at = self.looked_at.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back must not put it off.
        let due = looked_at.is_none_or(|at| now - at >= LOOK_EVERY || now < at);
        if due {
            *looked_at = Some(now);
        }
        due
    }

    fn begin(&self, mailbox: MailboxId) -> bool {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        now.len() < SIDE_BY_SIDE && now.insert(mailbox)
    }

    fn end(&self, mailbox: MailboxId) {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).remove(&mailbox);
        // The next one need not wait for a minute.
        *self.looked_at.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
