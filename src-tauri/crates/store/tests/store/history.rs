//! The hourly history: what is added up, how long it is kept, and how little it takes.

use crate::support::{AMY, BEN, at, contoso, cycle};
use tandem_domain::{
    failure::{Failure, FailureCode},
    frequency::Activity,
    ids::MailboxId,
    settings::OrganizationSettings,
    workload::Workload,
};
use tandem_engine::ports::storage::{Configuration, CycleReport, Schedule};
use tandem_store::{
    Store,
    configuration::ConfigurationChange,
    view::{HistoryFilter, HistoryHour, HistoryOf},
};

const HOUR: i64 = 3_600;

async fn ended(store: &Store, mailbox: MailboxId, seconds: i64, items: u32, failed: bool) {
    let report = CycleReport {
        mailbox,
        workload: Workload::Incoming,
        cycle: cycle(1),
        started_at: at(seconds - 2),
        ended_at: at(seconds),
        items,
        failure: failed.then(|| Failure::transient_profile(FailureCode::TimedOut, "no answer")),
        next_due_at: Some(at(seconds + 300)),
        attempts: 0,
        activity: Activity::default(),
        expected_at: Some(at(seconds + 300)),
    };
    store.finish(report).await.unwrap();
}

async fn hours(store: &Store, of: HistoryOf) -> Vec<HistoryHour> {
    store.list_history(HistoryFilter { of, from: at(0), until: at(9_999 * HOUR) }).await.unwrap()
}

#[tokio::test]
async fn cycles_are_added_up_by_the_hour_for_each_mailbox_and_for_all_together() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    ended(&store, AMY, 10, 3, false).await;
    ended(&store, AMY, 20, 4, true).await;
    ended(&store, AMY, HOUR + 10, 5, false).await;
    ended(&store, BEN, 30, 1, false).await;
    let of = |found: Vec<HistoryHour>| {
        found
            .into_iter()
            .map(|one| (one.sum.cycles, one.sum.failures, one.sum.items, one.sum.took_ms))
            .collect::<Vec<_>>()
    };
    assert_eq!(of(hours(&store, HistoryOf::One(AMY)).await), [(2, 1, 7, 4_000), (1, 0, 5, 2_000)]);
    assert_eq!(of(hours(&store, HistoryOf::All).await), [(3, 1, 8, 6_000), (1, 0, 5, 2_000)]);
    let each = hours(&store, HistoryOf::Each).await;
    assert_eq!(each.len(), 3);
    assert!(each.iter().all(|one| one.email.is_some()));
    let pulses = store.workload_pulses().await.unwrap();
    let latest = pulses.iter().find(|one| one.mailbox == AMY && one.workload == Workload::Incoming);
    assert_eq!(latest.unwrap().latest.unwrap().items, 5);
    let sums = store.history_sums(at(HOUR)).await.unwrap();
    let amys = sums.iter().find(|(id, ..)| *id == Some(AMY)).unwrap();
    assert_eq!(
        (amys.2.items, sums.len()),
        (5, 2),
        "Ben did nothing in that hour; all together did what Amy did"
    );
}

#[tokio::test]
async fn an_hour_to_which_a_clock_that_was_set_back_returns_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    for seconds in [10, HOUR + 10, HOUR + 20, 30, HOUR + 30] {
        ended(&store, AMY, seconds, 1, false).await;
    }
    for of in [HistoryOf::One(AMY), HistoryOf::All] {
        let cycles: Vec<_> = hours(&store, of).await.into_iter().map(|one| one.sum.cycles).collect();
        assert_eq!(cycles, [2, 3], "{of:?}");
    }
}

#[tokio::test]
async fn cycles_that_find_nothing_are_told_together_and_counted_in_each_of_their_hours() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    for seconds in [10, 20, HOUR + 10, HOUR + 20, HOUR + 30] {
        ended(&store, AMY, seconds, 0, false).await;
    }
    let cycles: Vec<_> =
        hours(&store, HistoryOf::One(AMY)).await.into_iter().map(|one| one.sum.cycles).collect();
    assert_eq!(cycles, [2, 3]);
    let told = store.list_cycles(AMY, 9).await.unwrap();
    assert_eq!(told.iter().map(|one| (one.cycles, one.ended_at)).collect::<Vec<_>>(), [(5, at(HOUR + 30))]);
    // Another program, or the next start, finds the same.
    drop(store);
    let again = crate::support::open(home.path());
    assert_eq!(again.list_cycles(AMY, 9).await.unwrap(), told);
    assert_eq!(again.history_sums(at(0)).await.unwrap().iter().map(|one| one.2.cycles).max(), Some(5));
}

#[tokio::test]
async fn hours_that_are_older_than_the_setting_are_forgotten() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    let settings = OrganizationSettings { history_days: 1, ..store.settings().await.unwrap() };
    store.apply(vec![ConfigurationChange::Settings(settings)], at(0)).await.unwrap();
    ended(&store, AMY, 10, 1, false).await;
    ended(&store, AMY, 24 * HOUR + 10, 1, false).await;
    assert_eq!(hours(&store, HistoryOf::One(AMY)).await.len(), 2);
    ended(&store, AMY, 25 * HOUR + 10, 1, false).await;
    assert_eq!(hours(&store, HistoryOf::One(AMY)).await.len(), 2, "the first hour is more than a day ago");
    assert_eq!(hours(&store, HistoryOf::All).await.len(), 2);
}

#[tokio::test]
async fn a_mailbox_that_goes_takes_its_history_with_it_but_not_that_of_all() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    ended(&store, AMY, 10, 3, false).await;
    let database = rusqlite::Connection::open(store.path()).unwrap();
    database.execute_batch("PRAGMA foreign_keys = ON").unwrap();
    database.execute("DELETE FROM mailbox WHERE id = ?1", [AMY.0.as_bytes()]).unwrap();
    assert_eq!(hours(&store, HistoryOf::Each).await, []);
    assert_eq!(hours(&store, HistoryOf::All).await.len(), 1);
}

#[test]
fn an_hour_of_a_workload_takes_less_than_40_bytes() {
    let home = tempfile::tempdir().unwrap();
    let store = crate::support::open(home.path());
    let database = rusqlite::Connection::open(store.path()).unwrap();
    database
        .execute_batch(
            "PRAGMA foreign_keys = OFF;
             WITH RECURSIVE n (i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i < 199999)
             INSERT INTO history_hour SELECT 1 + i / 720, 490000 + i % 720, 12, 0, i % 40, 2400 + i % 977 FROM n",
        )
        .unwrap();
    let size: u64 = database
        .query_row("SELECT sum(pgsize) FROM dbstat WHERE name = 'history_hour'", [], |row| row.get(0))
        .unwrap_or_default();
    assert!(size > 0 && size / 200_000 < 40, "{} bytes a row", size / 200_000);
}
