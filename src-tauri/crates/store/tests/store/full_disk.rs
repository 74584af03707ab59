//! A full disk: a typed error, nothing half-written, and it goes on once there is room.

use crate::support::{AMY, INBOX, at, batch, promoted, raw};
use tandem_engine::{
    ports::storage::{Keep, Ledger, StorageError},
    raw::RawMessage,
};
use tandem_store::{
    DATABASE_FILE, Store, Tuning,
    view::{EmailFilter, LedgerFilter},
};

#[tokio::test]
async fn a_batch_that_does_not_fit_leaves_nothing_behind() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join(DATABASE_FILE);
    let tuning = Tuning { max_pages: 400, ..Tuning::default() };
    let store = Store::open_with(&path, at(0), tuning).unwrap();
    let first = vec![promoted(&store, AMY, "1:1", "1@b", raw("x"))];
    store.commit(batch(AMY, first, "1")).await.unwrap();
    let large = RawMessage::from(vec![7; 8 * 1024 * 1024]);
    let mut unreadable = promoted(&store, AMY, "1:3", "3@b", raw("x"));
    // In quarantine: the bytes of records stand beside the database when they are many.
    unreadable.keep =
        Keep::Quarantine { raw: large, reason: "odd".to_owned(), parser_version: "1".to_owned() };
    let items = vec![promoted(&store, AMY, "1:2", "2@b", raw("x")), unreadable];
    let error = store.commit(batch(AMY, items.clone(), "3")).await.unwrap_err();
    assert!(matches!(&error, StorageError::DiskFull { path } if path.contains(DATABASE_FILE)), "{error}");
    assert_eq!(store.cursor(AMY, INBOX).await.unwrap().unwrap().0, "1");
    assert_eq!(store.list_emails(EmailFilter::default(), 9).await.unwrap().len(), 1);
    assert_eq!(store.list_ledger(LedgerFilter::default(), 9).await.unwrap().len(), 1);
    // What fits is still taken.
    let small = vec![promoted(&store, AMY, "1:4", "4@b", raw("x"))];
    store.commit(batch(AMY, small, "4")).await.unwrap();
    drop(store);
    let store = Store::open(&path, at(0)).unwrap();
    store.commit(batch(AMY, items, "5")).await.unwrap();
    assert_eq!(store.list_ledger(LedgerFilter::default(), 9).await.unwrap().len(), 4);
    assert_eq!(store.quick_check().await.unwrap(), Vec::<String>::new());
}
