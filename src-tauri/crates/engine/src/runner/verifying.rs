//! Verifications on a schedule: a few at a time, in the pool of asynchronous operations, beside the cycles.

use super::Engine;
use crate::verify::{self, Repair, VerifyContext};
use chrono::Duration;
use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration as StdDuration,
};
use tandem_domain::{Instant, ids::MailboxId, verification::Verification};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The schedule of verifications is looked at this often while some are due, and else: it is asked of each mailbox.
const LOOK_EVERY: Duration = Duration::minutes(1);
const LOOK_FOR_FIRST: Duration = Duration::minutes(5);
/// So many mailboxes are verified side by side.
const SIDE_BY_SIDE: usize = 2;

/// One begins so long after another: thousands that were enabled on the same day are no burst of work on every other day.
const PACE: StdDuration = StdDuration::from_secs(1);
/// So many are found by one look: as many as begin until the next.
const FOUND: u32 = 60;

/// What is being verified, and what is next.
#[derive(Debug, Default)]
pub struct Verifying {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    now: HashSet<MailboxId>,
    due: VecDeque<MailboxId>,
    looked_at: Option<Instant>,
    /// The last look found none.
    is_idle: bool,
    /// When the next may begin, on the clock that never goes back.
    next_at: StdDuration,
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
        if self.verifying.is_time_to_look(now) {
            match self.ports.storage.verification_due(now, FOUND).await {
                Ok(due) => self.verifying.found(due),
                Err(error) => tracing::warn!("Verifications are looked at later: {error}"),
            }
        }
        if let Some(mailbox) = self.verifying.begin(self.ports.clock.monotonic()) {
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
        let mut state = self.state();
        // A clock that was set back must not put it off.
        let every = if state.is_idle { LOOK_FOR_FIRST } else { LOOK_EVERY };
        let is_time = state.looked_at.is_none_or(|at| now - at >= every || now < at);
        if is_time {
            state.looked_at = Some(now);
        }
        is_time
    }

    fn found(&self, due: Vec<MailboxId>) {
        let mut state = self.state();
        state.is_idle = due.is_empty();
        state.due = due.into_iter().filter(|mailbox| !state.now.contains(mailbox)).collect();
    }

    /// How long until the next may begin; `None` where none is due, or the end of one is waited for.
    pub(super) fn due_in(&self, now: StdDuration) -> Option<StdDuration> {
        let state = self.state();
        let may_begin = !state.due.is_empty() && state.now.len() < SIDE_BY_SIDE;
        may_begin.then(|| state.next_at.saturating_sub(now))
    }

    fn begin(&self, now: StdDuration) -> Option<MailboxId> {
        let mut state = self.state();
        if state.now.len() >= SIDE_BY_SIDE || state.next_at > now {
            return None;
        }
        let mailbox = state.due.pop_front()?;
        state.now.insert(mailbox);
        state.next_at = now + PACE;
        Some(mailbox)
    }

    fn end(&self, mailbox: MailboxId) {
        self.state().now.remove(&mailbox);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::at;
    use uuid::Uuid;

    #[test]
    fn one_begins_a_second_after_another_and_two_run_at_most() {
        let second = StdDuration::from_secs;
        let id = |number| MailboxId(Uuid::from_u128(number));
        let verifying = Verifying::default();
        assert!(verifying.is_time_to_look(at(0)));
        assert!(!verifying.is_time_to_look(at(59)), "thousands of mailboxes are looked at once a minute");
        assert_eq!(verifying.due_in(second(0)), None);
        verifying.found(vec![id(1), id(2), id(3)]);
        assert_eq!(verifying.begin(second(0)), Some(id(1)));
        assert_eq!(verifying.begin(StdDuration::from_millis(400)), None);
        assert_eq!(verifying.due_in(StdDuration::from_millis(400)), Some(StdDuration::from_millis(600)));
        assert_eq!(verifying.begin(second(1)), Some(id(2)));
        assert_eq!((verifying.begin(second(2)), verifying.due_in(second(2))), (None, None), "two run");
        verifying.end(id(1));
        assert_eq!(verifying.begin(second(2)), Some(id(3)));
        verifying.found(vec![id(2), id(4)]);
        verifying.end(id(3));
        assert_eq!(verifying.begin(second(3)), Some(id(4)), "what runs does not run twice");
        assert!(verifying.is_time_to_look(at(60)) && verifying.is_time_to_look(at(-60)));
    }
}
