//! The port `AlertLog`: once per cause; and the settings that decide about alerts.

use crate::support::{AMY, PROFILE, at, contoso};
use tandem_domain::{
    alert::{AlertCode, AlertLevel, AlertObject, NewAlert},
    alert_rules::{AlertSettings, ProfileAlerts},
    failure::{Failure, FailureCode},
    ids::{CycleId, ProfileId},
    workload::Workload,
};
use tandem_engine::ports::storage::{AlertLog, CycleReport, Schedule};
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

#[tokio::test]
async fn a_level_that_is_switched_off_is_not_raised() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    assert_eq!(store.alert_settings().await.unwrap(), AlertSettings::default());
    let quiet = AlertSettings { warnings: false, keep_cleared_days: 7, ..AlertSettings::default() };
    store.save_alert_settings(quiet).await.unwrap();
    assert_eq!(store.alert_settings().await.unwrap(), quiet);
    let own = AlertObject::Mailbox(AMY, Workload::Incoming);
    let warning =
        NewAlert { level: AlertLevel::Warning, ..alert(own, FailureCode::TimedOut, "not worth a word") };
    store.raise(warning, at(1)).await.unwrap();
    store.raise(alert(own, FailureCode::AuthenticationFailed, "no"), at(2)).await.unwrap();
    let open = store.list_alerts(AlertState::Open, 10).await.unwrap();
    assert_eq!(open.iter().map(|one| one.raised.level).collect::<Vec<_>>(), [AlertLevel::Error]);
}

#[tokio::test]
async fn a_success_does_not_clear_what_waits_in_quarantine() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    let own = AlertObject::Mailbox(AMY, Workload::Incoming);
    let quarantined =
        NewAlert { code: AlertCode::MessageQuarantined, ..alert(own, FailureCode::Internal, "1 message") };
    store.raise(quarantined, at(1)).await.unwrap();
    store.raise(alert(own, FailureCode::TimedOut, "slow"), at(1)).await.unwrap();
    store.clear(own, None, at(2)).await.unwrap();
    let open = store.list_alerts(AlertState::Open, 10).await.unwrap();
    assert_eq!(open.iter().map(|one| one.raised.code).collect::<Vec<_>>(), [AlertCode::MessageQuarantined]);
    store.clear(own, Some(AlertCode::MessageQuarantined), at(3)).await.unwrap();
    assert!(store.list_alerts(AlertState::Open, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn old_alerts_are_forgotten_when_they_are_over() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    let own = AlertObject::Mailbox(AMY, Workload::Incoming);
    let other = AlertObject::Mailbox(AMY, Workload::Outgoing);
    store.raise(alert(own, FailureCode::TimedOut, "over"), at(1)).await.unwrap();
    store.clear(own, None, at(2)).await.unwrap();
    store.raise(alert(own, FailureCode::DnsNotFound, "still there"), at(3)).await.unwrap();
    let news = NewAlert {
        level: AlertLevel::Information,
        code: AlertCode::WorkloadEnabled,
        ..alert(other, FailureCode::Internal, "")
    };
    store.raise(news, at(3)).await.unwrap();
    assert_eq!(store.tidy_alerts(at(2), at(10)).await.unwrap(), 0, "nothing is old enough");
    assert_eq!(store.tidy_alerts(at(4), at(10)).await.unwrap(), 2);
    let open = store.list_alerts(AlertState::Open, 10).await.unwrap();
    assert_eq!(open.iter().map(|one| &*one.raised.detail).collect::<Vec<_>>(), ["still there"]);
    let cleared = store.list_alerts(AlertState::Cleared, 10).await.unwrap();
    assert_eq!(cleared.iter().map(|one| one.raised.code).collect::<Vec<_>>(), [AlertCode::WorkloadEnabled]);
}

#[tokio::test]
async fn an_email_about_a_profile_has_one_turn_an_hour_and_only_where_it_is_switched_on() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    assert!(store.profile_alerts().await.unwrap().is_empty());
    assert!(!store.take_alert_email_turn(PROFILE, at(0), at(60)).await.unwrap(), "off by default");
    let on = ProfileAlerts { owner: None, send_alert_email: true };
    store.save_profile_alerts(PROFILE, on).await.unwrap();
    assert_eq!(store.profile_alerts().await.unwrap().get(&PROFILE), Some(&on));
    assert!(store.take_alert_email_turn(PROFILE, at(0), at(60)).await.unwrap());
    assert!(!store.take_alert_email_turn(PROFILE, at(59), at(119)).await.unwrap());
    assert!(store.take_alert_email_turn(PROFILE, at(60), at(120)).await.unwrap());
    store.save_profile_alerts(PROFILE, on).await.unwrap();
    assert_eq!(store.last_alert_email_at(PROFILE).await.unwrap(), Some(at(120).timestamp_millis()));
    let nobody = store.save_profile_alerts(ProfileId(uuid::Uuid::from_u128(404)), on).await;
    assert!(nobody.is_err(), "there is no such profile");
}

#[tokio::test]
async fn failed_cycles_are_counted_by_profile_and_time() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    for (minute, failed) in [(1, true), (30, true), (40, false)] {
        let failure = failed.then(|| Failure::transient_profile(FailureCode::TimedOut, "slow"));
        let report = CycleReport {
            mailbox: AMY,
            workload: Workload::Incoming,
            cycle: CycleId(uuid::Uuid::new_v4()),
            started_at: at(minute),
            ended_at: at(minute),
            items: 0,
            failure,
            next_due_at: Some(at(99)),
            attempts: 0,
            activity: tandem_domain::frequency::Activity::default(),
            expected_at: None,
        };
        store.finish(report).await.unwrap();
    }
    let failed = store.failed_cycles(at(1)).await.unwrap();
    assert_eq!(
        failed.iter().map(|one| (one.profile, one.mailbox, one.ended_at)).collect::<Vec<_>>(),
        [(PROFILE, AMY, at(30))]
    );
}
