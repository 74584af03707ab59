//! Migrations: what is decided and written is one transaction, and what was recorded is read back.

use crate::support::{AMY, at, contoso, cycle, enable, mailbox, profile, user};
use tandem_domain::{
    settings::{OrganizationSettings, ProcessEmailUsing},
    workload::Workload,
};
use tandem_engine::ports::storage::{Configuration, CycleReport, Schedule, StorageError};
use tandem_store::{
    Store,
    configuration::{ConfigurationChange, ConfigurationError},
    migration::NewMigration,
};

fn new_migration() -> NewMigration {
    let text = |text: &str| text.to_owned();
    NewMigration { plan: text("p"), export_before: text("e"), undo: text("u"), result: text("r") }
}

#[tokio::test]
async fn what_fails_late_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    let before = store.configuration_snapshot().await.unwrap();
    let failed: Result<(), ConfigurationError> = store
        .migrate(at(5), |work| {
            work.change(&ConfigurationChange::Profile(profile(60, "New")))?;
            work.change(&ConfigurationChange::Entry(user(7, "Eve", "eve@contoso.test")))?;
            work.record(&new_migration())?;
            // Its owner does not exist.
            work.change(&ConfigurationChange::Mailbox(Box::new(mailbox(107, "x@contoso.test", 9, 60))))
        })
        .await;
    assert!(matches!(failed, Err(ConfigurationError::Missing { .. })), "{failed:?}");
    assert_eq!(store.configuration_snapshot().await.unwrap(), before);
    assert_eq!(store.latest_migration().await.unwrap(), None);
}

#[tokio::test]
async fn what_was_applied_is_recorded_and_marked_when_undone() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    let seen: Result<_, ConfigurationError> = store
        .migrate(at(5), |work| {
            work.change(&ConfigurationChange::Entry(user(7, "Eve", "eve@contoso.test")))?;
            work.record(&new_migration())?;
            // What was written is seen by the same transaction.
            Ok(work.snapshot()?.owners.len())
        })
        .await;
    assert_eq!(seen, Ok(3));
    let kept = store.latest_migration().await.unwrap().unwrap();
    assert_eq!((kept.applied_at, kept.undone_at, kept.recorded), (at(5), None, new_migration()));
    let undone = store.migrate(at(9), |work| {
        work.undone()?;
        Ok::<_, StorageError>(work.latest()?.and_then(|one| one.undone_at))
    });
    assert_eq!(undone.await, Ok(Some(at(9))));
    assert_eq!(store.latest_migration().await.unwrap().unwrap().undone_at, Some(at(9)));
}

async fn run_cycle(store: &Store, started: i64) {
    let report = CycleReport {
        cycle: cycle(u128::try_from(started).unwrap()),
        mailbox: AMY,
        workload: Workload::Incoming,
        started_at: at(started),
        ended_at: at(started + 1),
        items: 0,
        failure: None,
        next_due_at: None,
        expected_at: None,
        activity: Default::default(),
        attempts: 0,
    };
    store.finish(report).await.unwrap();
}

#[tokio::test]
async fn a_cycle_since_then_is_found() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    run_cycle(&store, 10).await;
    run_cycle(&store, 20).await;
    let since = |seconds| store.cycle_since(vec![AMY], at(seconds));
    assert_eq!(since(10).await.unwrap(), Some((AMY, at(10))));
    assert_eq!(since(11).await.unwrap(), Some((AMY, at(20))));
    assert_eq!(since(21).await.unwrap(), None);
}

#[tokio::test]
async fn nothing_is_due_while_the_email_router_processes_email() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    enable(&store, AMY, Workload::Incoming, at(0)).await;
    assert!(store.next_due().await.unwrap().is_some());
    let router = OrganizationSettings {
        process_email_using: ProcessEmailUsing::EmailRouter,
        ..OrganizationSettings::default()
    };
    store.apply(vec![ConfigurationChange::Settings(router.clone())], at(1)).await.unwrap();
    assert_eq!(store.settings().await.unwrap(), router);
    let due = store.claim_due(Workload::Incoming, at(100), "engine", at(200), 9).await.unwrap();
    assert_eq!((due.len(), store.next_due().await.unwrap()), (0, None));
    assert_eq!(store.claim(AMY, Workload::Incoming, at(100), "engine", at(200)).await.unwrap(), None);
    let ours = OrganizationSettings::default();
    store.apply(vec![ConfigurationChange::Settings(ours)], at(2)).await.unwrap();
    assert_eq!(store.claim_due(Workload::Incoming, at(100), "engine", at(200), 9).await.unwrap().len(), 1);
}
