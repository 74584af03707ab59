//! The port `AlertLog`: once per cause.

use crate::support::{AMY, PROFILE, at, contoso};
use tandem_domain::{
    alert::{AlertCode, AlertLevel, AlertObject, NewAlert},
    failure::FailureCode,
    workload::Workload,
};
use tandem_engine::ports::storage::AlertLog;
use tandem_store::view::AlertState;

fn alert(object: AlertObject, code: FailureCode, detail: &str) -> NewAlert {
    NewAlert {
        level: AlertLevel::Error,
        object,
        code: AlertCode::Failure(code),
        detail: detail.to_owned(),
        retry_at: Some(at(99)),
    }
}

#[tokio::test]
async fn the_same_cause_is_one_alert_until_it_is_cleared() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    let incoming = AlertObject::Mailbox(AMY, Workload::Incoming);
    let outgoing = AlertObject::Mailbox(AMY, Workload::Outgoing);
    store.raise(alert(incoming, FailureCode::TimedOut, "first"), at(1)).await.unwrap();
    store.raise(alert(incoming, FailureCode::TimedOut, "second"), at(2)).await.unwrap();
    store.raise(alert(outgoing, FailureCode::TimedOut, "other"), at(3)).await.unwrap();
    store.raise(alert(AlertObject::Profile(PROFILE), FailureCode::DnsNotFound, "gone"), at(4)).await.unwrap();
    let open = store.list_alerts(AlertState::Open, 10).await.unwrap();
    assert_eq!(open.len(), 3);
    let merged = open.last().unwrap();
    assert_eq!((merged.count, merged.first_seen_at, merged.last_seen_at), (2, at(1), at(2)));
    assert_eq!(merged.raised, alert(incoming, FailureCode::TimedOut, "second"));
    assert_eq!(store.home_counts(at(0)).await.unwrap().open_alerts, [3, 0, 0]);

    let other_code = AlertCode::Failure(FailureCode::Throttled);
    store.clear(incoming, Some(other_code), at(5)).await.unwrap();
    assert_eq!(store.list_alerts(AlertState::Open, 10).await.unwrap().len(), 3);
    store.clear(incoming, None, at(6)).await.unwrap();
    let cleared = store.list_alerts(AlertState::Cleared, 10).await.unwrap();
    assert_eq!((cleared.len(), cleared[0].cleared_at), (1, Some(at(6))));
    store.raise(alert(incoming, FailureCode::TimedOut, "again"), at(7)).await.unwrap();
    let open = store.list_alerts(AlertState::Open, 10).await.unwrap();
    assert_eq!((open.len(), open[0].count, open[0].first_seen_at), (3, 1, at(7)));
    assert!(store.clear_alert(open[0].id, at(8)).await.unwrap());
    assert!(!store.clear_alert(open[0].id, at(8)).await.unwrap());
}
