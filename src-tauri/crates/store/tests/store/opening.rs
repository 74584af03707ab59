//! Opening: what is created, and what is refused without a change.

use crate::support::{at, contoso, open};
use rusqlite::Connection;
use std::fs;
use tandem_engine::ports::storage::Configuration;
use tandem_store::{ChangeKind, DATABASE_FILE, DataFolderLock, OpenError, Store};

#[tokio::test]
async fn a_new_folder_gets_a_database_that_is_found_again() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("data").join("deep");
    let organization = open(&folder).organization_id();
    let store = open(&folder);
    assert_eq!(store.organization().await.unwrap(), organization);
    assert_eq!(store.settings().await.unwrap(), tandem_domain::settings::OrganizationSettings::default());
    assert_eq!(store.quick_check().await.unwrap(), Vec::<String>::new());
}

#[cfg(unix)]
#[test]
fn the_database_is_readable_by_its_user_only() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let store = open(&home.path().join("data"));
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(store.path().to_path_buf()), 0o600);
    assert_eq!(mode(home.path().join("data").join(format!("{DATABASE_FILE}-wal"))), 0o600);
    assert_eq!(mode(home.path().join("data")), 0o700);
}

#[test]
fn a_newer_database_is_refused_with_both_versions_and_left_alone() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join(DATABASE_FILE);
    drop(open(home.path()));
    let newer = Connection::open(&path).unwrap();
    newer.execute_batch("PRAGMA user_version = 77; PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    drop(newer);
    let before = fs::read(&path).unwrap();
    let error = Store::open(&path, at(0)).unwrap_err();
    assert!(matches!(error, OpenError::Newer { found: 77, known: 2, .. }), "{error:?}");
    assert!(error.to_string().contains("version 77") && error.to_string().contains("install"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn another_file_is_refused_and_left_alone() {
    let home = tempfile::tempdir().unwrap();
    let text = home.path().join("text.db");
    fs::write(&text, "Dear Amy, this is a letter and no database.").unwrap();
    let other = home.path().join("other.db");
    Connection::open(&other).unwrap().execute_batch("CREATE TABLE songs (name TEXT)").unwrap();
    for path in [text, other] {
        let before = fs::read(&path).unwrap();
        let error = Store::open(&path, at(0)).unwrap_err();
        assert!(matches!(error, OpenError::NotADatabase { .. }), "{error:?}");
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}

#[test]
fn a_damaged_database_is_an_error_and_no_panic() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join(DATABASE_FILE);
    drop(open(home.path()));
    let mut bytes = fs::read(&path).unwrap();
    for byte in &mut bytes[100..] {
        *byte = 0xa5;
    }
    fs::write(&path, &bytes).unwrap();
    let error = Store::open(&path, at(0)).unwrap_err();
    assert!(matches!(error, OpenError::NotADatabase { .. } | OpenError::Failed { .. }), "{error:?}");
    assert!(error.to_string().contains(DATABASE_FILE), "{error}");
}

#[test]
fn a_data_folder_that_is_a_file_is_named() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("data");
    fs::write(&file, "x").unwrap();
    let error = Store::open(&file.join(DATABASE_FILE), at(0)).unwrap_err();
    assert!(matches!(&error, OpenError::Folder { folder, .. } if *folder == file), "{error:?}");
    assert!(matches!(DataFolderLock::acquire(&file), Err(OpenError::Folder { .. })));
}

#[cfg(unix)]
#[test]
fn a_read_only_folder_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("data");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o500)).unwrap();
    if fs::write(folder.join("probe"), "").is_ok() {
        // The administrator may write everywhere; then there is nothing to see.
        return;
    }
    let error = Store::open(&folder.join(DATABASE_FILE), at(0)).unwrap_err();
    assert!(matches!(error, OpenError::Folder { .. }), "{error:?}");
}

#[test]
fn a_second_engine_is_refused_until_the_first_ends() {
    let home = tempfile::tempdir().unwrap();
    let first = DataFolderLock::acquire(home.path()).unwrap();
    let error = DataFolderLock::acquire(home.path()).unwrap_err();
    assert!(matches!(error, OpenError::Locked { .. }), "{error:?}");
    drop(first);
    DataFolderLock::acquire(home.path()).unwrap();
}

#[test]
fn two_processes_may_open_a_new_database_at_the_same_moment() {
    let home = tempfile::tempdir().unwrap();
    let opened: Vec<_> = std::thread::scope(|scope| {
        let tasks: Vec<_> = (0..4).map(|_| scope.spawn(|| open(home.path()).organization_id())).collect();
        tasks.into_iter().map(|task| task.join().unwrap()).collect()
    });
    assert!(opened.iter().all(|organization| *organization == opened[0]), "{opened:?}");
}

#[tokio::test]
async fn a_listener_hears_what_was_committed() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path());
    let mut feed = store.change_feed();
    store.apply(Vec::new(), at(0)).await.unwrap();
    assert_eq!(feed.recv().await.unwrap(), ChangeKind::Configuration);
    drop(contoso(home.path()).await);
}
