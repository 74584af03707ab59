//! The loop that drives the dispatcher: looks at the schedule, starts what it decides, and waits.

use super::{Engine, JumpWatch, LEASE, LEASE_OWNER, RunMode, Tasks, quiet::Haste};
use crate::{
    jump::Jump,
    permits::Permit,
    ports::storage::{DueWork, StorageError},
};
use chrono::Duration;
use std::{
    sync::{Arc, PoisonError},
    time::Duration as StdDuration,
};
use tandem_domain::{Instant, health::GRACE_MINUTES, workload::Workload};
use tokio::{sync::oneshot, task::JoinSet};
use tokio_util::sync::CancellationToken;

/// So much work is claimed at most; beyond the permits it waits in memory, so that mailboxes of a hung server can't
/// keep the others from being claimed.
const CLAIMED: usize = 32_768;
/// Longest wait of an idle engine before it looks at the schedule again.
const LONGEST_WAIT: Duration = Duration::minutes(5);
/// After a look at the schedule, the next comes at the earliest so many times later as that took, so that looking
/// takes only a small part of a processor; but not later than this.
const RESTS: u32 = 200;
const LONGEST_REST: Duration = Duration::seconds(5);
/// Clocks are corrected a little all the time.
const CLOCK_TOLERANCE: Duration = Duration::minutes(1);
/// The clocks are looked at this often, and what nobody wants any more is tidied away.
const TICK: StdDuration = StdDuration::from_secs(20);
/// After this many failures of storage in a row, a run until idle gives up.
const STORAGE_FAILURES: u32 = 5;

impl Engine {
    pub(super) async fn run_loop(
        self: &Arc<Self>,
        mode: RunMode,
        ends_at: Instant,
        stop: &CancellationToken,
        tasks: &mut Tasks,
    ) -> Result<(), StorageError> {
        let clock = &self.ports.clock;
        let mut jumps = JumpWatch::new(clock.now(), clock.monotonic());
        let mut failures = 0;
        self.permits.begin_ramp();
        self.wake();
        loop {
            tasks.tidy();
            let now = clock.now();
            if stop.is_cancelled() || now >= ends_at {
                return Ok(());
            }
            let jump = jumps.look(now, clock.monotonic(), TICK);
            let mut step = self.after_jump(jump, now).await;
            self.watchers.tidy(clock.monotonic());
            let mut found = None;
            if step.is_ok() && self.next_look.is_due(now) {
                step = self.claim_due(now).await.map(|claimed| found = Some(claimed));
            }
            if step.is_ok() {
                match self.jobs.start_due(None, stop, &mut tasks.others).await {
                    Ok(next_tests) => next_tests.into_iter().for_each(|at| self.look_by(at)),
                    Err(error) => step = Err(error),
                }
            }
            if mode != RunMode::UntilIdle {
                self.start_verifications(now, stop, &mut tasks.others).await;
            }
            let haste = if mode == RunMode::UntilIdle && tasks.is_empty() { Haste::Now } else { Haste::Wait };
            let just_recorded = self.record_quiet(haste).await;
            let recorded = self.endings.flush(&self.ports).await;
            match step {
                Ok(()) if recorded => failures = 0,
                outcome => {
                    failures += 1;
                    self.look_by(now + Duration::seconds(1));
                    let gives_up = mode == RunMode::UntilIdle && failures >= STORAGE_FAILURES;
                    match outcome {
                        Err(error) if gives_up => return Err(error),
                        Err(error) => {
                            tracing::error!("The schedule can't be read; it is tried again: {error}");
                        }
                        Ok(()) if gives_up => {
                            let said = "the ends of some cycles could not be recorded";
                            return Err(StorageError::Failed(said.to_owned()));
                        }
                        Ok(()) => {}
                    }
                }
            }
            self.start(self.permits.take_started(), stop, &mut tasks.cycles);
            self.give_room();
            if mode == RunMode::UntilIdle && failures == 0 && tasks.is_empty() && self.permits.waiting() == 0
            {
                if found == Some(0) && just_recorded == 0 {
                    return Ok(());
                }
                self.wake();
                continue;
            }
            let wait_until =
                self.permits.next_at().map_or(self.next_look.at(), |at| at.min(self.next_look.at()));
            let beat = clock.monotonic();
            let others = [self.quiet.due_in(beat), self.verifying.due_in(beat)].into_iter().flatten();
            let pause = others.fold(TICK, StdDuration::min);
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.wake.notified() => {}
                () = self.permits.started() => {}
                () = clock.wait_until(wait_until.min(ends_at)) => {}
                () = clock.pause(pause) => {}
                () = tasks.one(mode) => {}
            }
        }
    }

    /// The clock may have been set back while nothing ran: then the last end of a cycle is dated in the future. By how
    /// much in all nobody knows, and so not how old any proof is.
    pub(super) async fn follow_clock(&self) -> Result<(), StorageError> {
        let now = self.ports.clock.now();
        let latest = self.ports.storage.latest_end().await?;
        let Some(by) = latest.map(|latest| latest - now).filter(|by| *by > CLOCK_TOLERANCE) else {
            return Ok(());
        };
        tracing::warn!("The clock was set back by {} s or more; the schedule follows it.", by.num_seconds());
        self.ports.storage.pull_in(now, by).await?;
        self.ports.storage.prove_anew(now, now - Duration::minutes(GRACE_MINUTES)).await
    }

    /// Claims all that is due for the dispatcher, and says how much that was.
    async fn claim_due(&self, now: Instant) -> Result<usize, StorageError> {
        let began = self.ports.clock.monotonic();
        let mut claimed = self.pass_quiet(now).await?;
        let free = CLAIMED.saturating_sub(self.permits.waiting());
        if free == 0 {
            self.look_by(now + Duration::seconds(1));
            return Ok(claimed);
        }
        let limit = u32::try_from(free / 2).unwrap_or(u32::MAX).max(1);
        let mut is_all = true;
        for workload in [Workload::Outgoing, Workload::Incoming] {
            let due = self.ports.storage.claim_due(workload, now, LEASE_OWNER, now + LEASE, limit).await?;
            claimed += due.len();
            is_all &= due.len() < limit as usize;
            // A probe is claimed before its mailbox is due.
            due.into_iter()
                .for_each(|work| self.permits.plan(DueWork { due_at: work.due_at.min(now), ..work }));
        }
        // More than could be claimed is left for a little later.
        let next = match is_all {
            true => self.ports.storage.next_due_after(now).await?.unwrap_or(now + LONGEST_WAIT),
            false => now + Duration::seconds(1),
        };
        // While thousands wait for an unreachable server, each look passes over them.
        let took = self.ports.clock.monotonic().saturating_sub(began);
        let rest = Duration::from_std(took * RESTS).unwrap_or(LONGEST_REST).min(LONGEST_REST);
        self.look_by(next.max(now + rest).min(now + LONGEST_WAIT));
        Ok(claimed)
    }

    /// Starts cycles. What they have to know before they begin is read for all of them together.
    fn start(
        self: &Arc<Self>,
        started: Vec<(DueWork, Permit)>,
        stop: &CancellationToken,
        tasks: &mut JoinSet<()>,
    ) {
        let together = started.len() > 1;
        let mut asked = Vec::new();
        for (work, permit) in started {
            let (tell, ready) = oneshot::channel();
            if together {
                asked.push((work.mailbox, work.workload, tell));
            }
            let (engine, stop) = (Arc::clone(self), stop.clone());
            tasks.spawn(async move {
                engine.work(work, Some((permit, ready)), stop).await;
            });
        }
        if together {
            let engine = Arc::clone(self);
            tasks.spawn(async move { engine.make_ready(asked).await });
        }
    }

    /// After a sleep, what is due is caught up slowly at first, and open sessions are gone; a clock that was set
    /// back takes the schedule with it.
    async fn after_jump(&self, jump: Jump, now: Instant) -> Result<(), StorageError> {
        if jump != Jump::None {
            *self.steady_since.lock().unwrap_or_else(PoisonError::into_inner) = now;
        }
        match jump {
            Jump::None => Ok(()),
            Jump::Ahead(by) => {
                tracing::info!("The machine slept, or its clock was set ahead, for {} s.", by.num_seconds());
                self.permits.begin_ramp();
                self.watchers.let_all_go();
                // The network is another one after a sleep, perhaps: who was unreachable is tried at once.
                self.try_servers_now().await
            }
            Jump::Back(by) => {
                tracing::warn!("The clock was set back by {} s; the schedule follows it.", by.num_seconds());
                self.permits.clock_moved(-by);
                self.wake();
                self.ports.storage.pull_in(now, by).await
            }
        }
    }

    /// Where work waits for a connection and many are held open for news, one of those is given up.
    fn give_room(&self) {
        while let Some(profile) = self.permits.short_of_connections() {
            self.watchers.let_one_go(profile, self.ports.clock.monotonic());
        }
    }
}
