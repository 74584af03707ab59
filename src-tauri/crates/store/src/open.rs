//! Opening a database: create, check what it is, bring it up to date.

use crate::error::{OpenError, open_error};
use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig};
use rusqlite_migration::{M, Migrations};
use std::{
    fs::{self, OpenOptions},
    io::{self, Read},
    path::Path,
    time::Duration,
};

/// Marks the file as Tandem's (`PRAGMA application_id`): "Tndm".
const APPLICATION_ID: i64 = 0x546e_646d;

/// Every step from an empty file to the latest version, in order. Never change one that was released.
const STEPS: &[M<'static>] = &[
    M::up(include_str!("schema/0001_first.sql")).foreign_key_check(),
    M::up(include_str!("schema/0002_pack.sql")).foreign_key_check(),
    M::up(include_str!("schema/0003_verification.sql")).foreign_key_check(),
    M::up(include_str!("schema/0004_clockwork.sql")).foreign_key_check(),
    M::up(include_str!("schema/0005_alerts.sql")).foreign_key_check(),
    M::up(include_str!("schema/0006_test_jobs.sql")).foreign_key_check(),
    M::up(include_str!("schema/0007_router_migration.sql")).foreign_key_check(),
    M::up(include_str!("schema/0008_history.sql")).foreign_key_check(),
    M::up(include_str!("schema/0009_quiet_cycles.sql")).foreign_key_check(),
    M::up(include_str!("schema/0010_running_hour.sql")).foreign_key_check(),
    M::up(include_str!("schema/0011_last_success.sql")).foreign_key_check(),
    M::up(include_str!("schema/0012_history_order.sql")).foreign_key_check(),
];

/// The latest version that this program knows.
pub(crate) const LATEST_VERSION: u32 = 12;

/// So often an upgrade is tried while another process may be at it, and this far apart.
const UPGRADE_TRIES: u32 = 20;
const UPGRADE_PAUSE: Duration = Duration::from_millis(100);

/// Bytes of SQLite's header.
const HEADER: usize = 100;

/// How a connection is set up. The defaults were measured (`examples/commit_speed.rs`).
#[derive(Debug, Clone, Copy)]
pub struct Tuning {
    /// Bytes per page of a new database. Of 4, 8, 16 and 32 KiB, 8 is within 5 % of the fastest for messages of 4 KB
    /// and of 44 KB, in memory and on disk; 4 is a quarter slower, and larger ones waste space.
    pub page_size: u32,
    /// The writer's page cache in KiB; a transaction that needs more spills to the WAL.
    pub writer_cache_kib: u32,
    /// A reader's page cache in KiB.
    pub reader_cache_kib: u32,
    /// Pages in the WAL after which it is written back.
    pub checkpoint_pages: u32,
    /// At most this many pages in the database; 0 is no limit. For tests of a full disk.
    pub max_pages: u32,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            page_size: 8192,
            writer_cache_kib: 16 * 1024,
            reader_cache_kib: 2 * 1024,
            checkpoint_pages: 4_000,
            max_pages: 0,
        }
    }
}

/// Opens the one connection that writes, creating and upgrading the database.
pub(crate) fn open_writer(path: &Path, tuning: Tuning) -> Result<Connection, OpenError> {
    let new = prepare_file(path)?;
    if !new {
        // Read-only, so that closing it cannot even write a newer database's WAL back.
        let looking = patiently(|| open_reader(path, tuning)).map_err(|error| open_error(path, &error))?;
        check_identity(&looking, path)?;
    }
    let failed = |error: rusqlite::Error| open_error(path, &error);
    let mut connection =
        Connection::open_with_flags(path, flags(OpenFlags::SQLITE_OPEN_READ_WRITE)).map_err(failed)?;
    connection.busy_timeout(Duration::from_secs(10)).map_err(failed)?;
    let settings = format!(
        "PRAGMA page_size = {}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF;
         PRAGMA cache_size = -{}; PRAGMA cache_spill = ON; PRAGMA temp_store = FILE;
         PRAGMA wal_autocheckpoint = {}; PRAGMA journal_size_limit = {};",
        tuning.page_size,
        tuning.writer_cache_kib,
        tuning.checkpoint_pages,
        u64::from(tuning.checkpoint_pages) * u64::from(tuning.page_size) * 2,
    );
    patiently(|| connection.execute_batch(&settings)).map_err(failed)?;
    if tuning.max_pages > 0 {
        let limit = format!("PRAGMA max_page_count = {}", tuning.max_pages);
        connection.execute_batch(&limit).map_err(failed)?;
    }
    // A step may put a table in another's place; with foreign keys, rows that name those of the old one would go with it. Each
    // step is checked at its end instead.
    upgrade(&mut connection, path)?;
    connection.execute_batch("PRAGMA foreign_keys = ON").map_err(failed)?;
    keep_plans(&connection).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(96);
    Ok(connection)
}

/// A prepared statement stays as it is. Else SQLite, as it is built here, plans anew whenever the value changes that an index
/// is compared with, and each look at the schedule compares with another time.
fn keep_plans(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

/// Tries again while another process opens the database for the first time: switching to the WAL and upgrading refuse
/// at once, whatever the patience, when somebody else is at it.
fn patiently<T>(mut step: impl FnMut() -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    let mut tries = UPGRADE_TRIES;
    loop {
        let done = step();
        tries -= 1;
        match &done {
            Err(error) if tries > 0 && is_busy(error) => std::thread::sleep(UPGRADE_PAUSE),
            _ => return done,
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Opens a connection that only reads.
pub(crate) fn open_reader(path: &Path, tuning: Tuning) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags(OpenFlags::SQLITE_OPEN_READ_ONLY))?;
    connection.busy_timeout(Duration::from_secs(10))?;
    let settings = format!("PRAGMA query_only = ON; PRAGMA cache_size = -{};", tuning.reader_cache_kib);
    connection.execute_batch(&settings)?;
    keep_plans(&connection)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Creates a folder that only this user can read, where the system knows such a thing.
pub(crate) fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Connections stay on their thread or behind a lock, so SQLite needs no mutex of its own.
fn flags(access: OpenFlags) -> OpenFlags {
    access | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_EXRESCODE
}

/// Makes sure that there is a file that we may write, and that it is a database. Whether it is a new one.
fn prepare_file(path: &Path) -> Result<bool, OpenError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let unusable =
        |error: io::Error| OpenError::Folder { folder: folder.to_path_buf(), why: error.to_string() };
    create_folder(folder).map_err(unusable)?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(unusable)?;
    let mut start = Vec::with_capacity(HEADER);
    Read::by_ref(&mut file).take(HEADER as u64).read_to_end(&mut start).map_err(unusable)?;
    if start.is_empty() {
        return Ok(true);
    }
    if start.starts_with(b"SQLite format 3\0") {
        refuse_newer_header(&start, path)?;
        return Ok(false);
    }
    Err(OpenError::NotADatabase { path: path.to_path_buf(), why: "it is no SQLite database".to_owned() })
}

/// A newer database that nobody has open is refused by its first bytes: SQLite would leave an empty WAL and its index
/// beside it even after only reading. With a WAL, its latest version may stand there; [`check_identity`] reads it.
/// Format: <https://www.sqlite.org/fileformat2.html#the_database_header>.
fn refuse_newer_header(header: &[u8], path: &Path) -> Result<(), OpenError> {
    let number = |at: usize| {
        let bytes = header.get(at..at + 4)?;
        Some(u32::from_be_bytes(bytes.try_into().ok()?))
    };
    let (Some(found), Some(application)) = (number(60), number(68)) else { return Ok(()) };
    if i64::from(application) == APPLICATION_ID && found > LATEST_VERSION {
        return Err(OpenError::Newer { path: path.to_path_buf(), found, known: LATEST_VERSION });
    }
    Ok(())
}

/// Refuses another program's database, and one of a newer Tandem, before anything is written.
fn check_identity(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let failed = |error: rusqlite::Error| open_error(path, &error);
    let number = |pragma: &str| connection.query_row(pragma, [], |row| row.get::<_, i64>(0)).map_err(failed);
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    let version = number("PRAGMA user_version")?;
    let application = number("PRAGMA application_id")?;
    if application != APPLICATION_ID && (tables > 0 || version != 0) {
        let why = "it is the SQLite database of another program".to_owned();
        return Err(OpenError::NotADatabase { path: path.to_path_buf(), why });
    }
    let found = u32::try_from(version).unwrap_or(u32::MAX);
    if found > LATEST_VERSION {
        return Err(OpenError::Newer { path: path.to_path_buf(), found, known: LATEST_VERSION });
    }
    Ok(())
}

fn upgrade(connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let version = |connection: &Connection| {
        connection
            .query_row("PRAGMA user_version", [], |row| row.get::<_, u32>(0))
            .map_err(|error| open_error(path, &error))
    };
    let mut tries = UPGRADE_TRIES;
    let error = loop {
        if version(connection)? == LATEST_VERSION {
            return Ok(());
        }
        let marked = connection.execute_batch(&format!("PRAGMA application_id = {APPLICATION_ID}"));
        let done = match marked {
            Ok(()) => Migrations::from_slice(STEPS).to_latest(connection),
            Err(error) => Err(error.into()),
        };
        let Err(error) = done else { return Ok(()) };
        // Another process that opened it at the same moment is faster, or is about to be: a step that began with
        // reading is refused at once then, whatever the patience.
        tries -= 1;
        if tries == 0 {
            break error;
        }
        std::thread::sleep(UPGRADE_PAUSE);
    };
    match error {
        rusqlite_migration::Error::RusqliteError { err, .. } => Err(open_error(path, &err)),
        other => Err(OpenError::Failed { path: path.to_path_buf(), why: other.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSION_1: &str = include_str!("../tests/fixtures/version_1.sql");
    const AMY: &str = "x'00000000000000000000000000000065'";

    #[test]
    fn hours_stay_with_their_mailboxes_when_history_is_put_in_order() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("tandem.db");
        let mut old = Connection::open(&path).unwrap();
        old.execute_batch(VERSION_1).unwrap();
        Migrations::from_slice(STEPS).to_version(&mut old, 11).unwrap();
        old.execute_batch(&format!(
            "DELETE FROM history;
             INSERT INTO history (row, mailbox, workload, started_at, ended_at, items, failed, hour, hour_cycles)
                VALUES (4, NULL, 'incoming', 1, 2, 0, 0, 9, 5), (7, {AMY}, 'incoming', 1, 2, 0, 0, 9, 3);
             INSERT INTO history_hour VALUES (4, 8, 6, 0, 0, 10), (7, 7, 1, 0, 0, 10), (7, 8, 2, 0, 0, 10);"
        ))
        .unwrap();
        drop(old);
        let database = open_writer(&path, Tuning::default()).unwrap();
        let hours = || {
            let mut select = database
                .prepare(
                    "SELECT iif(history.mailbox IS NULL, 'all', 'one') || ': ' || history.hour_cycles || ' now, '
                        || past.cycles || ' in ' || past.hour
                     FROM history JOIN history_hour AS past ON past.history = history.row ORDER BY row, past.hour",
                )
                .unwrap();
            let found = select.query_map([], |row| row.get::<_, String>(0)).unwrap();
            found.map(Result::unwrap).collect::<Vec<_>>()
        };
        assert_eq!(hours(), ["all: 5 now, 6 in 8", "one: 3 now, 1 in 7", "one: 3 now, 2 in 8"]);
        database
            .execute_batch(&format!(
                "PRAGMA defer_foreign_keys = ON; BEGIN; DELETE FROM mailbox WHERE id = {AMY}"
            ))
            .unwrap();
        assert_eq!(hours(), ["all: 5 now, 6 in 8"], "foreign keys are enforced again");
    }
}
