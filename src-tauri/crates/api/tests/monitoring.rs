//! Monitoring and the history, over the practice organization's servers and a real data folder.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic fails the test that asked"
)]

use tandem_api::{
    Practice,
    wire::{
        ExportHistoryRequest, ExportMonitoringRequest, HistoryRequest, MailboxesRequest, MonitoringRequest,
        Nothing,
    },
};

#[tokio::test(flavor = "multi_thread")]
async fn what_every_workload_does_is_shown_found_sorted_and_saved() {
    let practice = Practice::start().await.unwrap();
    practice.synchronize(None, &tokio_util::sync::CancellationToken::new()).await.unwrap();
    let tandem = practice.tandem();
    let page = tandem.monitoring(MonitoringRequest::default()).await.unwrap();
    assert_eq!(page.totals.workloads, page.matching);
    assert_eq!(page.rows.len() as u32, page.matching);
    assert!(page.rows.iter().any(|row| row.last_items.unwrap_or(0) > 0 && row.average_ms.is_some()));
    assert!(page.hours.iter().map(|hour| hour.messages).sum::<u32>() > 0, "{:?}", page.hours);
    assert_eq!(page.hours.len(), 24);
    assert!(page.rows.iter().all(|row| row.next_why.ends_with('.')), "{:?}", page.rows);

    let name = page.rows[0].mailbox.clone();
    tandem.reject_mailboxes(MailboxesRequest { addresses: vec![name.clone()] }).await.unwrap();
    let request = MonitoringRequest { filter: Some("stopped".to_owned()), ..Default::default() };
    let stopped = tandem.monitoring(request).await.unwrap();
    assert!(stopped.matching > 0 && stopped.rows.iter().all(|row| row.mailbox == name));
    assert_eq!(stopped.rows[0].next_why, "Its address was rejected.");
    assert_eq!(stopped.totals.workloads, page.totals.workloads, "totals are of all, whatever the filter");

    let by_name = |descending, offset| MonitoringRequest {
        sort: Some("name".to_owned()),
        descending,
        offset,
        limit: Some(2),
        ..Default::default()
    };
    let first = tandem.monitoring(by_name(false, 0)).await.unwrap().rows;
    let last = tandem.monitoring(by_name(true, page.matching - 2)).await.unwrap().rows;
    assert_eq!(first[0].mailbox, last[1].mailbox, "the first by name is the last the other way round");
    let searched = MonitoringRequest { search: Some(name.to_uppercase()), ..Default::default() };
    let found = tandem.monitoring(searched).await.unwrap();
    assert!(found.matching > 0 && found.rows.iter().all(|row| row.mailbox == name));
    let nonsense = MonitoringRequest { sort: Some("nonsense".to_owned()), ..Default::default() };
    assert!(tandem.monitoring(nonsense).await.unwrap_err().remedy.contains("duration"));

    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let shown = MonitoringRequest::default();
    let saved =
        tandem.export_monitoring(ExportMonitoringRequest { path: path("a.csv"), shown }).await.unwrap();
    assert_eq!(saved.rows, page.matching);
    let request = ExportHistoryRequest { path: path("b.csv"), mailbox: None, from: None, until: None };
    let saved = tandem.export_history(request).await.unwrap();
    let text = std::fs::read_to_string(path("b.csv")).unwrap();
    assert_eq!(
        text.split("\r\n").count() as u32,
        saved.rows + 2,
        "a heading, the rows, and the last line's end"
    );
    let history = tandem.history(HistoryRequest { mailbox: Some(name), ..Default::default() }).await.unwrap();
    assert_eq!(history.kept_days, 30);
    assert!(!history.hours.is_empty());

    assert!(tandem.engine_load(Nothing {}).await.unwrap().load.is_none(), "no engine runs");
    tandem.start_engine().await.unwrap();
    let mut load = None;
    for _ in 0..50 {
        load = tandem.monitoring(MonitoringRequest::default()).await.unwrap().load;
        if load.is_some() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let pools = load.expect("an engine runs").pools;
    assert_eq!(
        pools.iter().map(|one| (one.pool.as_str(), one.permits)).collect::<Vec<_>>(),
        [("incoming", 32), ("outgoing", 16), ("operations", 8)]
    );
    practice.remove().await;
}
