//! Listens on open sessions between two cycles, so that news come in when they arrive and not when they are due.
//!
//! A session that a cycle leaves open is listened on until its mailbox is due again, or the server tells of news. Then
//! the next cycle goes on with it. The schedule stays in force beneath: a watcher that fails is rested for a while and
//! is nobody's failure.

use crate::{
    cycle::incoming::Session,
    permits::HeldOpen,
    ports::{Ports, mail::Watched},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tandem_domain::{
    Instant,
    ids::{MailboxId, ProfileId},
    workload::Workload,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

#[cfg(test)]
mod tests;

/// A server may end a session that it hears nothing of for half an hour (RFC 2177), and a gateway on the way
/// forgets a connection much sooner.
const LONGEST_WATCH: Duration = Duration::from_secs(9 * 60);
/// A watcher stops listening so much before its mailbox is due, so that the cycle finds the session free.
const BEFORE_DUE: Duration = Duration::from_secs(1);
/// A session that is offered and not taken is closed after this long.
const OFFERED_FOR: Duration = Duration::from_secs(120);
/// After a failure a mailbox is not watched for so long; it doubles with each failure in a row, up to the second.
const SHORTEST_REST: Duration = Duration::from_secs(5 * 60);
const LONGEST_REST: Duration = Duration::from_secs(60 * 60);
/// A server that says "nothing" at once, again and again, is asked once in this time.
const LEAST_WATCH: Duration = Duration::from_secs(1);

/// All watchers of an engine.
#[derive(Default)]
pub(crate) struct Watchers {
    state: Mutex<State>,
    tasks: TaskTracker,
}

#[derive(Default)]
struct State {
    /// Cancelled when the run ends; nothing is watched outside of a run.
    run: Option<CancellationToken>,
    watched: HashMap<MailboxId, Watch>,
    rests: HashMap<MailboxId, Rest>,
}

struct Watch {
    profile: ProfileId,
    stop: CancellationToken,
    offered: Option<Offered>,
}

/// A session that waits for its mailbox's next cycle.
struct Offered {
    session: Session,
    /// Gives the connection back when dropped.
    held: HeldOpen,
    /// As whom it is logged in, and where.
    identity: String,
    since: Duration,
}

#[derive(Clone, Copy)]
struct Rest {
    until: Duration,
    failures: u32,
}

/// What is to be watched.
pub(crate) struct ToWatch {
    /// Whose inbox it is.
    pub(crate) mailbox: MailboxId,
    /// At which server.
    pub(crate) profile: ProfileId,
    /// As whom it is logged in, and where.
    pub(crate) identity: String,
    /// The open session.
    pub(crate) session: Session,
    /// Its connection.
    pub(crate) held: HeldOpen,
    /// When the mailbox is due again.
    pub(crate) until: Instant,
}

impl Watchers {
    /// From now on sessions are watched, until `stop`.
    pub(crate) fn begin(&self, stop: &CancellationToken) {
        self.state().run = Some(stop.child_token());
        self.tasks.reopen();
    }

    /// Ends all, and returns when nobody listens any more.
    pub(crate) async fn end(&self) {
        if let Some(run) = self.state().run.take() {
            run.cancel();
        }
        self.tasks.close();
        self.tasks.wait().await;
        let watched = std::mem::take(&mut self.state().watched);
        drop(watched);
    }

    /// Whether a session of this mailbox would be watched.
    pub(crate) fn wants(&self, mailbox: MailboxId, passed: Duration) -> bool {
        let state = self.state();
        let rests = state.rests.get(&mailbox).is_some_and(|rest| rest.until > passed);
        state.run.is_some() && !rests && !state.watched.contains_key(&mailbox)
    }

    /// The session that waits for this mailbox's cycle, when it is one of this identity.
    pub(crate) fn take(&self, mailbox: MailboxId, identity: &str) -> Option<Session> {
        let mut state = self.state();
        state.watched.get(&mailbox)?.offered.as_ref()?;
        let offered = state.watched.remove(&mailbox)?.offered?;
        drop(state);
        // The permit counts for the connection by now.
        drop(offered.held);
        (offered.identity == identity).then_some(offered.session)
    }

    /// Ends the watch of one mailbox of a profile, because others wait for a connection.
    pub(crate) fn let_one_go(&self, profile: ProfileId, passed: Duration) {
        let mut state = self.state();
        let found = state.watched.iter().find(|(_, watch)| watch.profile == profile);
        let Some(mailbox) = found.map(|(mailbox, _)| *mailbox) else { return };
        state.rests.insert(mailbox, Rest { until: passed + SHORTEST_REST, failures: 0 });
        let ended = state.end_watch(mailbox);
        drop(state);
        drop(ended);
    }

    /// Ends all watches: after a sleep, what they listen on is gone.
    pub(crate) fn let_all_go(&self) {
        let mut state = self.state();
        let all: Vec<MailboxId> = state.watched.keys().copied().collect();
        let ended: Vec<_> = all.into_iter().map(|mailbox| state.end_watch(mailbox)).collect();
        drop(state);
        drop(ended);
    }

    /// Closes sessions that were offered and not taken.
    pub(crate) fn tidy(&self, passed: Duration) {
        let mut state = self.state();
        let is_old = |watch: &Watch| {
            watch.offered.as_ref().is_some_and(|offered| passed.saturating_sub(offered.since) > OFFERED_FOR)
        };
        let old: Vec<MailboxId> =
            state.watched.iter().filter(|(_, watch)| is_old(watch)).map(|(mailbox, _)| *mailbox).collect();
        let ended: Vec<_> = old.into_iter().map(|mailbox| state.end_watch(mailbox)).collect();
        state.rests.retain(|_, rest| rest.until + LONGEST_REST > passed);
        drop(state);
        drop(ended);
    }

    /// How many mailboxes are watched, or have a session that waits for their cycle.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.state().watched.len()
    }

    /// Listens in a task of its own; `wake` is called when the mailbox was made due.
    pub(crate) fn watch(
        self: &Arc<Self>,
        ports: &Ports,
        to_watch: ToWatch,
        wake: impl Fn() + Send + Sync + 'static,
    ) {
        let stop = {
            let mut state = self.state();
            let Some(stop) = state.run.as_ref().map(CancellationToken::child_token) else { return };
            let watch = Watch { profile: to_watch.profile, stop: stop.clone(), offered: None };
            state.watched.insert(to_watch.mailbox, watch);
            stop
        };
        let (watchers, ports) = (Arc::clone(self), ports.clone());
        self.tasks.spawn(async move {
            let mailbox = to_watch.mailbox;
            if watchers.listen(&ports, to_watch, &stop).await == Some(Watched::News) {
                let made = ports.storage.make_due(mailbox, Workload::Incoming, ports.clock.now()).await;
                if let Err(error) = made {
                    tracing::warn!("News of {mailbox} wait until it is due: {error}");
                }
                wake();
            }
        });
    }

    /// Listens until the server tells of news, the mailbox is due, or it is over: `None`.
    async fn listen(&self, ports: &Ports, to_watch: ToWatch, stop: &CancellationToken) -> Option<Watched> {
        let ToWatch { mailbox, identity, mut session, held, until, .. } = to_watch;
        let clock = &ports.clock;
        let news = loop {
            let left = (until - clock.now()).to_std().unwrap_or_default().saturating_sub(BEFORE_DUE);
            if left.is_zero() {
                break Watched::Quiet;
            }
            let began = clock.monotonic();
            let watched = tokio::select! {
                biased;
                () = stop.cancelled() => return None,
                watched = session.watch(left.min(LONGEST_WATCH)) => watched,
            };
            match watched {
                Ok(Watched::News) => break Watched::News,
                Ok(Watched::Quiet) if clock.monotonic().saturating_sub(began) < LEAST_WATCH => {
                    tokio::select! {
                        () = stop.cancelled() => return None,
                        () = clock.pause(LEAST_WATCH) => {}
                    }
                }
                Ok(Watched::Quiet) => {}
                Err(failure) => {
                    tracing::debug!("{mailbox} is not watched for a while: {failure}");
                    self.failed(mailbox, clock.monotonic(), stop);
                    return None;
                }
            }
        };
        let mut state = self.state();
        // Another watch of the same mailbox may have begun since this one was stopped.
        if stop.is_cancelled() {
            return None;
        }
        state.rests.remove(&mailbox);
        let watch = state.watched.get_mut(&mailbox)?;
        held.offer();
        watch.offered = Some(Offered { session, held, identity, since: clock.monotonic() });
        Some(news)
    }

    fn failed(&self, mailbox: MailboxId, passed: Duration, stop: &CancellationToken) {
        let mut state = self.state();
        if stop.is_cancelled() {
            return;
        }
        state.watched.remove(&mailbox);
        let failures = state.rests.get(&mailbox).map_or(0, |rest| rest.failures).saturating_add(1);
        let length = SHORTEST_REST.saturating_mul(1 << failures.min(6).saturating_sub(1)).min(LONGEST_REST);
        state.rests.insert(mailbox, Rest { until: passed + length, failures });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Stops who listens; what is returned closes the connection when it is dropped, without this lock.
    fn end_watch(&mut self, mailbox: MailboxId) -> Option<Offered> {
        let watch = self.watched.remove(&mailbox)?;
        watch.stop.cancel();
        watch.offered
    }
}
