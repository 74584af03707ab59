//! Permits: how much may run at once, per pool, per server and per authenticated identity.
//!
//! A permit is taken before a connection is made and moved into the task that uses it; dropping it gives it back.
//! Who gets one next is decided by the [dispatcher](crate::dispatch); this is its door for tasks that wait, and where
//! names become its handles.

use crate::{
    clock::SystemClock,
    dispatch::{
        Connection, DispatchLimits, Dispatcher, Job, Lane, Ms, PerPool, PoolLoad, ServerLoad, Started, Turn,
    },
    ports::{
        clock::Clock,
        mail::{Credentials, MailboxAccess},
        storage::DueWork,
    },
};
use book::{Asker, Book};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tandem_domain::{
    Instant,
    ids::{MailboxId, ProfileId},
    workload::Workload,
};
use tokio::sync::{Notify, oneshot};

mod book;
#[cfg(test)]
mod tests;

pub use crate::dispatch::{Pool, PoolSizes};

/// Hands out permits.
#[derive(Clone)]
pub struct Permits {
    desk: Arc<Desk>,
}

struct Desk {
    book: Mutex<Book>,
    clock: Arc<dyn Clock>,
    /// Work of the schedule was started.
    started: Notify,
}

/// The right to one connection for one workload of one mailbox, until dropped.
pub struct Permit {
    desk: Arc<Desk>,
    /// Taken when the permit became something else.
    job: Option<Job>,
    connection: Connection,
}

/// A connection that stays open between two cycles, until dropped.
pub struct HeldOpen {
    desk: Arc<Desk>,
    lane: Lane,
}

/// What an engine has in hand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Load {
    /// Each pool.
    pub pools: PerPool<PoolLoad>,
    /// Each profile that was used since the engine was made.
    pub profiles: HashMap<ProfileId, ServerLoad>,
    /// Workloads for which a connection is held open, to be told of news.
    pub listening: HashSet<(MailboxId, Workload)>,
    /// Workloads that were claimed and have not started.
    pub waiting: HashSet<(MailboxId, Workload)>,
}

/// No permit is handed out any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no more work is started")]
pub struct NoPermit;

impl Permits {
    /// Permits of these pools, by this machine's clock.
    #[must_use]
    pub fn new(sizes: PoolSizes) -> Self {
        let limits = DispatchLimits { pools: sizes, ..DispatchLimits::default() };
        Self::with_clock(limits, Arc::new(SystemClock))
    }

    /// Permits of these limits, by this clock.
    #[must_use]
    pub fn with_clock(limits: DispatchLimits, clock: Arc<dyn Clock>) -> Self {
        let book = Book::new(Dispatcher::new(limits, ms(clock.now())));
        Self { desk: Arc::new(Desk { book: Mutex::new(book), clock, started: Notify::new() }) }
    }

    /// Waits for a permit, in the order in which they were asked for among those of the same pool and server.
    ///
    /// Work that waits for its own identity or server holds no place in the pool; and one server never takes the
    /// last quarter of a pool, so that a hung one can't stop the others.
    ///
    /// # Errors
    /// [`NoPermit`] when none is handed out any more.
    pub async fn acquire(
        &self,
        pool: Pool,
        workload: Workload,
        access: &MailboxAccess,
        max_concurrent_connections: u16,
    ) -> Result<Permit, NoPermit> {
        let (sender, receiver) = oneshot::channel();
        let asked = {
            let mut book = self.desk.book();
            let key = (access.mailbox, workload);
            let server = book.server(access.profile, Some(max_concurrent_connections));
            let identity = book.identity(&identity(access));
            let asker = Asker::Task(sender);
            book.ask(pool, key, server, identity, asker, ms(self.desk.clock.now()))
        };
        let _waits = Waits { desk: &self.desk, asked };
        self.desk.start_what_can();
        receiver.await.map_err(|_| NoPermit)
    }

    /// Takes over claimed work: it is started in its turn, and found in [`Permits::take_started`] then.
    pub fn plan(&self, work: DueWork) {
        self.desk.book().plan(work);
    }

    /// Remembers that this workload did a part of its work: when it is planned again, it goes behind what is due.
    pub fn yielded(&self, work: &DueWork) {
        self.desk.book().yielded(work);
    }

    /// Starts what can be started, and gives it out.
    pub fn take_started(&self) -> Vec<(DueWork, Permit)> {
        self.desk.start_what_can();
        let started = self.desk.book().take_started();
        let permit = |(work, started): (DueWork, Started)| (work, Permit::of(&self.desk, started));
        started.into_iter().map(permit).collect()
    }

    /// Returns when [`Permits::take_started`] has something.
    pub async fn started(&self) {
        self.desk.started.notified().await;
    }

    /// How much claimed work has not started.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.desk.book().waiting()
    }

    /// When the next claimed work can be started, if nothing ends before.
    #[must_use]
    pub fn next_at(&self) -> Option<Instant> {
        let now = ms(self.desk.clock.now());
        self.desk.book().dispatcher.next_at(now).and_then(Instant::from_timestamp_millis)
    }

    /// What runs, waits and is held open, counted now.
    #[must_use]
    pub fn load(&self) -> Load {
        self.desk.book().load(ms(self.desk.clock.now()))
    }

    /// Forgets claimed work that has not started.
    pub fn forget_planned(&self) {
        let unstarted = self.desk.book().forget_planned();
        drop(unstarted.into_iter().map(|started| Permit::of(&self.desk, started)).collect::<Vec<_>>());
    }

    /// Begins slowly: after a start, a sleep or an outage.
    pub fn begin_ramp(&self) {
        self.desk.book().dispatcher.begin_ramp(ms(self.desk.clock.now()));
    }

    /// The clock was moved by so much.
    pub fn clock_moved(&self, by: chrono::Duration) {
        let now = ms(self.desk.clock.now());
        self.desk.book().dispatcher.clock_moved(by.num_milliseconds(), now);
    }

    /// A server of which work waits for a connection, while more than half of them are held open for news.
    #[must_use]
    pub fn short_of_connections(&self) -> Option<ProfileId> {
        self.desk.book().short_of_connections()
    }
}

impl Permit {
    fn of(desk: &Arc<Desk>, started: Started) -> Self {
        Self { desk: Arc::clone(desk), job: Some(started.job), connection: started.connection }
    }

    /// Whose connection it is for.
    #[must_use]
    pub const fn connection(&self) -> Connection {
        self.connection
    }

    /// Says as whom claimed work connects, before it does. `None`: the server or the identity has no room after
    /// all, and the work waits again; it must not connect.
    #[must_use]
    pub fn connects_as(mut self, work: &DueWork, access: &MailboxAccess, connections: u16) -> Option<Self> {
        let job = self.job?;
        let fits = self.desk.book().connects_as(job, work, access.profile, connections, &identity(access));
        if !fits {
            self.job = None;
        }
        // The server's limit is known now, so that others may have room; or this one's place is free.
        self.desk.start_what_can();
        fits.then_some(self)
    }

    /// Whether it was started with so many others that they are in step.
    #[must_use]
    pub fn is_in_step(&self) -> bool {
        let now = ms(self.desk.clock.now());
        self.job.is_some_and(|job| self.desk.book().is_in_step(job, now))
    }

    /// How long this work may run so that all that waits for the same server gets its turn within `within`.
    #[must_use]
    pub fn slice(&self, within: chrono::Duration, most: chrono::Duration) -> chrono::Duration {
        let Some(job) = self.job else { return most };
        let (within, most) = (within.num_milliseconds(), most.num_milliseconds());
        chrono::Duration::milliseconds(self.desk.book().dispatcher.slice(job, within, most))
    }

    /// Ends the work and keeps its connection for the same workload of the same mailbox.
    ///
    /// # Errors
    /// The permit, when there is no room for that: close the connection and drop it.
    pub fn hold_open(mut self) -> Result<HeldOpen, Self> {
        let Some(job) = self.job else { return Err(self) };
        let Some(lane) = self.desk.book().hold(job) else { return Err(self) };
        self.job = None;
        self.desk.start_what_can();
        Ok(HeldOpen { desk: Arc::clone(&self.desk), lane })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(job) = self.job.take() {
            self.desk.book().end(job);
            self.desk.start_what_can();
        }
    }
}

impl HeldOpen {
    /// Nobody listens on it any more, and it is in order: the next cycle takes it over.
    pub fn offer(&self) {
        self.desk.book().dispatcher.offer(self.lane);
    }
}

impl Drop for HeldOpen {
    fn drop(&mut self) {
        self.desk.book().dispatcher.let_go(self.lane);
        self.desk.start_what_can();
    }
}

impl Desk {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts what can be started: tasks that wait get their permits, the schedule's work is kept for the runner.
    fn start_what_can(self: &Arc<Self>) {
        let (granted, is_scheduled) = self.book().start(ms(self.clock.now()));
        if is_scheduled {
            self.started.notify_one();
        }
        for (sender, started) in granted {
            // Who does not wait any more drops it, and so gives it back.
            let _ = sender.send(Permit::of(self, started));
        }
    }
}

/// Takes the question back when nobody waits for the answer any more.
struct Waits<'a> {
    desk: &'a Arc<Desk>,
    asked: book::Asked,
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        if self.desk.book().give_up(self.asked) {
            self.desk.start_what_can();
        }
    }
}

/// Servers count connections per user and endpoint.
pub(crate) fn identity(access: &MailboxAccess) -> String {
    let user = match &access.credentials {
        Credentials::None => "",
        Credentials::Password { user_name, .. } => user_name,
    };
    let at = format!("{}@{}:{}", user, access.endpoint.server, access.endpoint.port);
    at.to_lowercase()
}

/// An instant as the dispatcher counts it.
pub(crate) fn ms(at: Instant) -> Ms {
    at.timestamp_millis()
}

/// Why claimed work is planned.
const fn turn(has_yielded: bool) -> Turn {
    if has_yielded { Turn::Yielded } else { Turn::Due }
}
