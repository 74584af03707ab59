//! The store: open it once, clone it freely.

pub use crate::open::Tuning;
use crate::{
    change::{ChangeFeed, ChangeKind},
    error::{OpenError, open_error, storage_error},
    open::open_writer,
    packs::Packs,
    readers::Readers,
    table::organization,
    writer::{Changes, JobResult, Size, Writer},
};
use rusqlite::Connection;
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};
use tandem_domain::{Instant, ids::OrganizationId};
use tandem_engine::ports::storage::StorageError;
use tokio::sync::broadcast;

/// The name of the database in its data folder.
pub const DATABASE_FILE: &str = "tandem.db";

/// An open database. Clones share it; the last one to go closes it.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    // Closed before the writer: the last connection to close writes the WAL back, and only the writer can.
    readers: Arc<Readers>,
    writer: Writer,
    feed: ChangeFeed,
    path: PathBuf,
    packs: Packs,
    organization: OrganizationId,
    /// The writer's `PRAGMA data_version` when it was last looked at.
    data_version: AtomicI64,
}

impl Store {
    /// Opens the database file, creating it and its folder, and upgrading it when it is older. Blocks briefly.
    ///
    /// # Errors
    /// [`OpenError`]: newer, not a database, unusable folder, full disk. Nothing is changed then.
    pub fn open(path: &Path, now: Instant) -> Result<Self, OpenError> {
        Self::open_with(path, now, Tuning::default())
    }

    /// The same with other settings for memory and pages, for measurements and tests.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_with(path: &Path, now: Instant, tuning: Tuning) -> Result<Self, OpenError> {
        let connection = open_writer(path, tuning)?;
        let organization = organization::found(&connection, now).map_err(|error| open_error(path, &error))?;
        let version = data_version(&connection).map_err(|error| open_error(path, &error))?;
        let feed = ChangeFeed::new();
        let writer = Writer::start(connection, path, feed.clone())
            .map_err(|error| OpenError::Failed { path: path.to_path_buf(), why: error.to_string() })?;
        let readers = Arc::new(Readers::new(path, tuning));
        Ok(Self {
            inner: Arc::new(Inner {
                readers,
                writer,
                feed,
                path: path.to_path_buf(),
                packs: Packs::beside(path),
                organization,
                data_version: AtomicI64::new(version),
            }),
        })
    }

    /// The database file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// The organization of this database.
    #[must_use]
    pub fn organization_id(&self) -> OrganizationId {
        self.inner.organization
    }

    /// Hears of every kind of change that this process commits from now on. Those of other
    /// processes are not heard: [`Store::changed_elsewhere`] tells of them.
    #[must_use]
    pub fn change_feed(&self) -> broadcast::Receiver<ChangeKind> {
        self.inner.feed.subscribe()
    }

    /// Whether another process committed something since this was last asked, or since the store was opened. One asks
    /// for all clones. SQLite does not tell what it was.
    ///
    /// # Errors
    /// When the database cannot be asked, also because another process writes for long; ask again later.
    pub async fn changed_elsewhere(&self) -> Result<bool, StorageError> {
        // To the connection that writes, our own commits are not another's; to a reader they would be.
        let version = self.write(|connection, _| Ok(data_version(connection)?)).await?;
        Ok(self.inner.data_version.swap(version, Ordering::Relaxed) != version)
    }

    /// How many transactions were asked for since the store was opened. As long as it rises, somebody works; what drives
    /// an engine by hand, or measures it, sees it by that.
    #[must_use]
    pub fn writes_asked(&self) -> u64 {
        self.inner.writer.asked()
    }

    /// Checks the whole database (`PRAGMA quick_check`), and that the files beside it are there; takes seconds on a large one. Empty when all is well.
    ///
    /// # Errors
    /// When the check itself cannot run.
    pub async fn quick_check(&self) -> Result<Vec<String>, StorageError> {
        let packs = self.packs();
        self.read(move |connection| {
            let mut check = connection.prepare("PRAGMA quick_check(20)")?;
            let found = check.query_map([], |row| row.get::<_, String>(0))?;
            let found: Vec<String> = found.collect::<Result<_, _>>()?;
            let mut found: Vec<String> = found.into_iter().filter(|line| line != "ok").collect();
            found.extend(packs.check(connection)?);
            Ok(found)
        })
        .await
    }

    /// Reads on a blocking thread.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> JobResult<T> + Send + 'static,
    ) -> Result<T, StorageError> {
        let readers = Arc::clone(&self.inner.readers);
        let _permit = self.inner.readers.permits.acquire().await;
        let result = tokio::task::spawn_blocking(move || readers.run(read)).await;
        match result {
            Ok(Ok(Ok(value))) => Ok(value),
            Ok(Ok(Err(crate::writer::JobError::Refused(error)))) => Err(error),
            Ok(Ok(Err(crate::writer::JobError::Database(error))) | Err(error)) => {
                Err(storage_error(&self.inner.path, &error))
            }
            Err(stopped) => Err(StorageError::Failed(stopped.to_string())),
        }
    }

    /// Reads on the writing thread, in turn with what it writes: for what the engine asks all the time. That thread has the
    /// pages in memory, while each commit makes a reader forget all of its own.
    pub(crate) async fn read_in_turn<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> JobResult<T> + Send + 'static,
    ) -> Result<T, StorageError> {
        self.write_sized(Size::Nothing, |connection, _| read(connection)).await
    }

    /// Writes on the writing thread; durable when it returns.
    pub(crate) async fn write<T, E>(
        &self,
        job: impl FnOnce(&Connection, &mut Changes) -> JobResult<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StorageError> + Send + 'static,
    {
        self.write_sized(Size::Small, job).await
    }

    /// The same for what may write much.
    pub(crate) async fn write_sized<T, E>(
        &self,
        size: Size,
        job: impl FnOnce(&Connection, &mut Changes) -> JobResult<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StorageError> + Send + 'static,
    {
        let told = self.inner.writer.submit(size, job);
        told.await.unwrap_or_else(|_| {
            Err(StorageError::Failed("the writing thread ended; start Tandem again".to_owned()).into())
        })
    }

    /// A connection of one's own for reading.
    pub(crate) fn own_reader(&self) -> rusqlite::Result<Connection> {
        self.inner.readers.own()
    }

    /// The files of messages beside the database.
    pub(crate) fn packs(&self) -> Packs {
        self.inner.packs.clone()
    }

    /// What a failed statement means.
    pub(crate) fn error(&self, error: &rusqlite::Error) -> StorageError {
        storage_error(&self.inner.path, error)
    }
}

/// A number that differs from that of before when another connection committed in between.
fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA data_version", [], |row| row.get(0))
}
