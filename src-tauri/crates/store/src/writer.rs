//! The one thread that writes. Jobs that wait at the same moment share one transaction, and so one fsync.

use crate::{
    change::{ChangeFeed, ChangeKind},
    error::storage_error,
};
use rusqlite::Connection;
use std::{
    path::{Path, PathBuf},
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};
use tandem_engine::ports::storage::StorageError;
use tokio::sync::oneshot;

/// What a job fails with: the engine's error, or the database's, which is mapped here.
#[derive(Debug)]
pub(crate) enum JobError<E> {
    /// The job's own refusal.
    Refused(E),
    /// The database failed.
    Database(rusqlite::Error),
}

impl<E> From<rusqlite::Error> for JobError<E> {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

/// What a job gives back.
pub(crate) type JobResult<T, E = StorageError> = Result<T, JobError<E>>;

/// A change kind list that a job may add to.
pub(crate) type Changes = Vec<ChangeKind>;

/// A group of jobs is committed at the latest after it has run this long.
const GROUP_TIME: Duration = Duration::from_millis(20);

type Reply = Box<dyn FnOnce(Result<(), StorageError>) + Send>;
/// Runs on the connection, or tells its caller at once why it cannot.
type Work = Box<dyn FnOnce(Result<&Connection, StorageError>) -> Option<Ran> + Send>;

/// A job as it waits.
struct Job {
    size: Size,
    work: Work,
}

/// How much a job writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    /// None: it only reads.
    Nothing,
    /// A few pages.
    Small,
    /// Hundreds of pages. It begins a transaction: inside of one, SQLite would copy each page that it changes, to be able to
    /// undo this job alone.
    Large,
}

/// A job that has run inside the transaction: whether its part is to be kept, and whom to tell once that is durable.
struct Ran {
    keep: bool,
    /// The database failed in it.
    fault: Option<StorageError>,
    changes: Changes,
    reply: Reply,
}

/// The way to the writing thread. Dropping it ends the thread after its last job.
#[derive(Debug)]
pub(crate) struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<thread::JoinHandle<()>>,
    path: PathBuf,
    asked: AtomicU64,
}

impl Writer {
    pub(crate) fn start(connection: Connection, path: &Path, feed: ChangeFeed) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::channel();
        let owned = path.to_path_buf();
        let thread = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || run(connection, &owned, &queue, &feed))?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
            path: path.to_path_buf(),
            asked: AtomicU64::new(0),
        })
    }

    /// How many jobs that write it was ever asked to run.
    pub(crate) fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    /// Runs a job in a transaction; durable when the receiver gets a value. All of the job's writes are kept, or none.
    pub(crate) fn submit<T, E>(
        &self,
        size: Size,
        job: impl FnOnce(&Connection, &mut Changes) -> JobResult<T, E> + Send + 'static,
    ) -> oneshot::Receiver<Result<T, E>>
    where
        T: Send + 'static,
        E: From<StorageError> + Send + 'static,
    {
        if size != Size::Nothing {
            self.asked.fetch_add(1, Ordering::Relaxed);
        }
        let (tell, told) = oneshot::channel();
        let path = self.path.clone();
        let work: Work = Box::new(move |connection| {
            let connection = match connection {
                Ok(connection) => connection,
                Err(error) => {
                    let _ = tell.send(Err(error.into()));
                    return None;
                }
            };
            let (mut changes, mut fault) = (Changes::new(), None);
            let result = job(connection, &mut changes).map_err(|error| match error {
                JobError::Refused(error) => error,
                JobError::Database(error) => fault.insert(storage_error(&path, &error)).clone().into(),
            });
            let keep = result.is_ok();
            let reply: Reply = Box::new(move |committed| {
                let _ = tell.send(match committed {
                    Ok(()) => result,
                    Err(error) => result.and(Err(error.into())),
                });
            });
            Some(Ran { keep, fault, changes, reply })
        });
        if let Some(jobs) = &self.jobs {
            // When the thread is gone the receiver sees its sender dropped.
            let _ = jobs.send(Job { size, work });
        }
        told
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(connection: Connection, path: &Path, queue: &mpsc::Receiver<Job>, feed: &ChangeFeed) {
    let mut left = None;
    while let Some(first) = left.take().or_else(|| queue.recv().ok()) {
        left = run_group(&connection, path, first, queue, feed);
    }
    // Writes the WAL back and closes it; the next start finds one tidy file.
    let _ = connection.execute_batch("PRAGMA optimize");
    if let Err((_, error)) = connection.close() {
        tracing::warn!(path = %path.display(), %error, "The database was not closed cleanly.");
    }
}

/// Runs jobs in one transaction. Gives back a job that is to begin the next.
fn run_group(
    connection: &Connection,
    path: &Path,
    first: Job,
    queue: &mpsc::Receiver<Job>,
    feed: &ChangeFeed,
) -> Option<Job> {
    if let Err(error) = connection.execute_batch("BEGIN IMMEDIATE") {
        (first.work)(Err(storage_error(path, &error)));
        return None;
    }
    let started = Instant::now();
    let mut done: Vec<Ran> = Vec::new();
    let mut next = Some(first);
    let (mut broken, mut left) = (None, None);
    while let Some(job) = next.take() {
        let (ran, failed) = run_one(connection, job, done.is_empty());
        let fault = ran.as_ref().and_then(|ran| ran.fault.clone());
        done.extend(ran);
        broken = failed.map(|error| storage_error(path, &error));
        if connection.is_autocommit() {
            // SQLite itself rolled everything back (disk full, I/O error).
            let unknown = || StorageError::Failed("the transaction was rolled back".to_owned());
            broken = Some(fault.unwrap_or_else(unknown));
        }
        if broken.is_none() && started.elapsed() < GROUP_TIME {
            match queue.try_recv().ok() {
                Some(job) if job.size == Size::Large => left = Some(job),
                job => next = job,
            }
        }
    }
    let committed = match broken {
        Some(error) => Err(error),
        None => connection.execute_batch("COMMIT").map_err(|error| storage_error(path, &error)),
    };
    if committed.is_err() && !connection.is_autocommit() {
        let _ = connection.execute_batch("ROLLBACK");
    }
    if committed.is_ok() {
        let mut changes: Changes =
            done.iter().filter(|ran| ran.keep).flat_map(|ran| ran.changes.iter().copied()).collect();
        changes.sort_unstable();
        changes.dedup();
        feed.tell(&changes);
    }
    for ran in done {
        (ran.reply)(committed.clone());
    }
    left
}

/// Runs one job of a group so that its refusal undoes only its own writes. The error is that of setting up or undoing.
fn run_one(connection: &Connection, job: Job, alone: bool) -> (Option<Ran>, Option<rusqlite::Error>) {
    let reads = job.size == Size::Nothing;
    // The first job needs no savepoint: undoing it is undoing all, and a savepoint makes large jobs slower.
    if !alone
        && !reads
        && let Err(error) = connection.execute_batch("SAVEPOINT job")
    {
        return ((job.work)(Ok(connection)), Some(error));
    }
    let ran = (job.work)(Ok(connection));
    if reads || connection.is_autocommit() {
        return (ran, None);
    }
    let keep = ran.as_ref().is_some_and(|ran| ran.keep);
    let end = match (alone, keep) {
        (true, true) => return (ran, None),
        (true, false) => "ROLLBACK; BEGIN IMMEDIATE",
        (false, true) => "RELEASE job",
        (false, false) => "ROLLBACK TO job; RELEASE job",
    };
    let ended = connection.execute_batch(end);
    (ran, ended.err())
}
