//! Bulk mail in files beside the database: it comes back whole, whatever happened to the file meanwhile.

use crate::support::{AMY, INBOX, batch, contoso, open, promoted, raw};
use std::{
    fs,
    io::{Read, Write},
    path::{Path, PathBuf},
};
use tandem_domain::ids::EmailId;
use tandem_engine::{
    ports::storage::{Activities, DecidedItem, Keep, Ledger, StorageError},
    raw::RawMessage,
};
use tandem_store::{
    Store,
    view::{EmailFilter, LedgerFilter},
};

const SIZE: usize = 300_000;

/// A message that alone is bulk; each number's bytes differ.
fn bulk(number: usize) -> Vec<u8> {
    (0..SIZE).map(|at| ((at + number) % 251) as u8).collect()
}

fn item(store: &Store, number: usize) -> DecidedItem {
    promoted(store, AMY, &format!("1:{number}"), &format!("{number}@b"), RawMessage::from(bulk(number)))
}

fn id(item: &DecidedItem) -> EmailId {
    let Keep::Email { email, .. } = &item.keep else { panic!("it makes a record") };
    email.id
}

async fn commit(store: &Store, numbers: &[usize]) -> Result<Vec<EmailId>, StorageError> {
    let items: Vec<_> = numbers.iter().map(|number| item(store, *number)).collect();
    let ids = items.iter().map(id).collect();
    store.commit(batch(AMY, items, &format!("{numbers:?}"))).await.map(|()| ids)
}

fn read(store: &Store, id: EmailId) -> Vec<u8> {
    let mut bytes = Vec::new();
    store.copy_raw_to(id, &mut bytes).unwrap();
    bytes
}

fn pack(home: &Path, number: usize) -> PathBuf {
    home.join("messages").join(format!("{number:06}.pack"))
}

#[tokio::test]
async fn bulk_mail_stands_beside_the_database_and_little_mail_in_it() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    let little = promoted(&store, AMY, "1:0", "0@b", raw("little"));
    store.commit(batch(AMY, vec![little], "0")).await.unwrap();
    assert!(!home.path().join("messages").exists());
    let ids = commit(&store, &[1, 2]).await.unwrap();
    let more = commit(&store, &[3]).await.unwrap();
    assert_eq!(fs::metadata(pack(home.path(), 1)).unwrap().len(), 3 * SIZE as u64);
    drop(store);
    let store = open(home.path());
    for (number, id) in (1..).zip(ids.iter().chain(&more)) {
        assert!(read(&store, *id) == bulk(number));
        let mut range = Vec::new();
        store.open_raw(*id).unwrap().range(1_000, 90_000).read_to_end(&mut range).unwrap();
        assert!(range == bulk(number)[1_000..91_000]);
        let mut loaded = Vec::new();
        store.raw(*id).await.unwrap().open().unwrap().read_to_end(&mut loaded).unwrap();
        assert!(loaded == bulk(number));
    }
    assert_eq!(store.quick_check().await.unwrap(), Vec::<String>::new());
}

#[cfg(unix)]
#[tokio::test]
async fn the_files_are_readable_by_their_user_only() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    commit(&contoso(home.path()).await, &[1]).await.unwrap();
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(home.path().join("messages")), mode(pack(home.path(), 1))), (0o700, 0o600));
}

#[tokio::test]
async fn what_was_never_committed_is_written_over() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    let first = commit(&store, &[1]).await.unwrap();
    // As a kill between the write and the commit leaves it.
    fs::OpenOptions::new().append(true).open(pack(home.path(), 1)).unwrap().write_all(&[9; 50_000]).unwrap();
    // As a conflict leaves it: message 3 would be written, and then another identity claims message 1's record.
    let claims = promoted(&store, AMY, "1:99", "1@b", RawMessage::from(bulk(99)));
    let refused = store.commit(batch(AMY, vec![item(&store, 3), claims], "x")).await;
    assert_eq!(refused, Err(StorageError::Conflict));
    assert_eq!(store.list_ledger(LedgerFilter::default(), 9).await.unwrap().len(), 1);
    let second = commit(&store, &[2]).await.unwrap();
    assert!(read(&store, first[0]) == bulk(1) && read(&store, second[0]) == bulk(2));
    let third = commit(&store, &[3]).await.unwrap();
    assert!(read(&store, third[0]) == bulk(3));
    assert_eq!(fs::metadata(pack(home.path(), 1)).unwrap().len(), 3 * SIZE as u64);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_beside_the_database_leaves_nothing_behind() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    fs::create_dir(home.path().join("messages")).unwrap();
    std::os::unix::fs::symlink("/dev/full", pack(home.path(), 1)).unwrap();
    let error = commit(&store, &[1, 2]).await.unwrap_err();
    assert!(matches!(&error, StorageError::DiskFull { path } if path.contains("000001.pack")), "{error}");
    assert_eq!(store.cursor(AMY, INBOX).await.unwrap(), None);
    assert_eq!(store.list_emails(EmailFilter::default(), 9).await.unwrap(), []);
    fs::remove_file(pack(home.path(), 1)).unwrap();
    let ids = commit(&store, &[1, 2]).await.unwrap();
    assert!(read(&store, ids[1]) == bulk(2));
}

#[tokio::test]
async fn a_file_that_is_gone_or_cut_is_told_of_and_not_appended_to() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    let first = commit(&store, &[1]).await.unwrap()[0];
    let whole = fs::read(pack(home.path(), 1)).unwrap();
    fs::write(pack(home.path(), 1), &whole[..1_000]).unwrap();
    let found = store.quick_check().await.unwrap();
    assert!(found.len() == 1 && found[0].contains("has 1000 bytes instead of 300000"), "{found:?}");
    let mut bytes = Vec::new();
    assert!(store.copy_raw_to(first, &mut bytes).unwrap_err().to_string().contains("backup"));
    let error = store.raw(first).await.unwrap_err();
    assert!(error.to_string().contains("000001.pack") && error.to_string().contains("backup"), "{error}");
    // Mail goes on, in the next file, and what is left of the first stays as it is.
    let second = commit(&store, &[2]).await.unwrap()[0];
    assert!(read(&store, second) == bulk(2));
    assert_eq!(fs::metadata(pack(home.path(), 1)).unwrap().len(), 1_000);
    fs::remove_file(pack(home.path(), 1)).unwrap();
    let error = store.open_raw(first).unwrap_err();
    assert!(error.to_string().contains("000001.pack") && error.to_string().contains("backup"), "{error}");
    fs::write(pack(home.path(), 1), whole).unwrap();
    assert!(read(&store, first) == bulk(1));
    assert_eq!(store.quick_check().await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn two_programs_append_to_the_same_file() {
    let home = tempfile::tempdir().unwrap();
    let (one, other) = (contoso(home.path()).await, open(home.path()));
    let work = async |store: &Store, first: usize| {
        let mut ids = Vec::new();
        for number in first..first + 10 {
            ids.extend(commit(store, &[number]).await.unwrap());
        }
        ids
    };
    let (left, right) = tokio::join!(work(&one, 100), work(&other, 200));
    for (number, id) in (100..110).chain(200..210).zip(left.into_iter().chain(right)) {
        assert!(read(&one, id) == bulk(number), "message {number}");
    }
    assert_eq!(fs::metadata(pack(home.path(), 1)).unwrap().len(), 20 * SIZE as u64);
}
