//! Calls a person: tells shells, once, of each new alert that only a person can end.

use super::events::Hub;
use crate::{
    health::alert_views,
    wire::{AlertView, EventView},
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tandem_domain::{alert_rules::to_call_for, ids::AlertId};
use tandem_store::{ChangeKind, Store, view::AlertState};
use tokio::sync::broadcast::error::RecvError;

/// What fails together is told together.
const GATHER: Duration = Duration::from_secs(2);
/// How often it is looked for what another process raised.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// So many alerts are told one by one; more at once become one call.
const ONE_BY_ONE: usize = 3;
/// Alerts that are looked at.
const LOOKED_AT: u32 = 1_000;

/// Calls for new alerts. Those that are open at the start were told before. Never ends.
pub(super) async fn call_people(hub: Arc<Hub>, store: Store) {
    let mut feed = store.change_feed();
    let mut told = BTreeSet::new();
    if let Ok(open) = store.list_alerts(AlertState::Open, LOOKED_AT).await {
        told.extend(open.iter().map(|alert| alert.id));
    }
    loop {
        let changed = tokio::time::timeout(LOOK_EVERY, async {
            loop {
                match feed.recv().await {
                    Ok(ChangeKind::Alert) | Err(RecvError::Lagged(_)) => return true,
                    Ok(_) => {}
                    Err(RecvError::Closed) => return false,
                }
            }
        });
        if changed.await == Ok(false) {
            return;
        }
        tokio::time::sleep(GATHER).await;
        if let Err(error) = tell_new(&hub, &store, &mut told).await {
            tracing::warn!("Who must be called is not known yet: {error}");
        }
    }
}

async fn tell_new(
    hub: &Hub,
    store: &Store,
    told: &mut BTreeSet<AlertId>,
) -> Result<(), crate::wire::ApiError> {
    let failed = |error| crate::people::of_storage("alerts", &error);
    let open = store.list_alerts(AlertState::Open, LOOKED_AT).await.map_err(failed)?;
    let new: Vec<_> = to_call_for(&open, told).into_iter().cloned().collect();
    // What is over is forgotten: should it come back, it is another alert.
    let still_open: BTreeSet<_> = open.iter().map(|alert| alert.id).collect();
    told.retain(|id| still_open.contains(id));
    told.extend(new.iter().map(|alert| alert.id));
    if new.is_empty() {
        return Ok(());
    }
    for call in calls(&alert_views(store, &new).await?) {
        hub.tell(call);
    }
    Ok(())
}

/// What is told of alerts of one moment.
fn calls(alerts: &[AlertView]) -> Vec<EventView> {
    if alerts.len() <= ONE_BY_ONE {
        return alerts
            .iter()
            .map(|alert| EventView::NeedsPerson {
                alert_id: Some(alert.id.clone()),
                title: format!("{} needs you", alert.object),
                body: format!("{} {}", alert.message, alert.remedy),
            })
            .collect();
    }
    let objects: BTreeSet<_> = alerts.iter().map(|alert| alert.object.as_str()).collect();
    let named: Vec<_> = objects.iter().take(ONE_BY_ONE).copied().collect();
    let more = objects.len().saturating_sub(named.len());
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    vec![EventView::NeedsPerson {
        alert_id: None,
        title: format!("{} alerts need you", alerts.len()),
        body: format!("{}{more}. Open Alerts for the next steps.", named.join(", ")),
    }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::alert_view;
    use tandem_domain::{
        Instant,
        alert::{Alert, AlertCode, AlertLevel, AlertObject, NewAlert},
        alert_rules::AlertSettings,
        failure::FailureCode,
        ids::MailboxId,
        workload::Workload,
    };
    use tandem_engine::ports::storage::AlertLog;
    use uuid::Uuid;

    fn raised(number: u128, level: AlertLevel) -> NewAlert {
        NewAlert {
            level,
            object: AlertObject::Mailbox(MailboxId(Uuid::from_u128(number)), Workload::Incoming),
            code: AlertCode::Failure(FailureCode::AuthenticationFailed),
            detail: "535 5.7.8 no".to_owned(),
            retry_at: None,
        }
    }

    fn views(number: u128) -> Vec<AlertView> {
        let view = |number| {
            let alert = Alert {
                id: AlertId(Uuid::from_u128(number)),
                raised: raised(number, AlertLevel::Error),
                first_seen_at: Instant::UNIX_EPOCH,
                last_seen_at: Instant::UNIX_EPOCH,
                count: 1,
                cleared_at: None,
            };
            alert_view(&alert, &format!("m{number}@contoso.test"), &AlertSettings::default())
        };
        (1..=number).map(view).collect()
    }

    #[test]
    fn a_few_are_told_one_by_one_and_many_as_one() {
        let few = calls(&views(3));
        assert_eq!(few.len(), 3);
        let EventView::NeedsPerson { title, body, .. } = &few[0] else { panic!("{few:?}") };
        assert!(title.contains("m1@contoso.test") && body.contains("password"), "{title} {body}");
        let many = calls(&views(9));
        let [EventView::NeedsPerson { alert_id: None, title, body }] = &many[..] else { panic!("{many:?}") };
        assert!(title.starts_with("9 alerts") && body.contains("and 6 more"), "{title} {body}");
    }

    #[tokio::test]
    async fn a_person_is_called_once_per_alert_and_again_when_it_comes_back() {
        let home = tempfile::tempdir().unwrap();
        let now = Instant::UNIX_EPOCH;
        let store = Store::open(&home.path().join("tandem.db"), now).unwrap();
        let hub = Hub::default();
        let mut heard = hub.subscribe();
        let mut told = BTreeSet::new();
        let mut called = async |store: &Store| {
            tell_new(&hub, store, &mut told).await.unwrap();
            std::iter::from_fn(|| heard.try_recv().ok()).count()
        };
        store.raise(raised(1, AlertLevel::Warning), now).await.unwrap();
        assert_eq!(called(&store).await, 0, "a warning calls nobody");
        store.raise(raised(2, AlertLevel::Error), now).await.unwrap();
        assert_eq!(called(&store).await, 1);
        store.raise(raised(2, AlertLevel::Error), now).await.unwrap();
        assert_eq!(called(&store).await, 0, "it was merged");
        store.clear(raised(2, AlertLevel::Error).object, None, now).await.unwrap();
        assert_eq!(called(&store).await, 0);
        store.raise(raised(2, AlertLevel::Error), now).await.unwrap();
        assert_eq!(called(&store).await, 1, "it came back");
    }
}
