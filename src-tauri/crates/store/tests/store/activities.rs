//! The port `Activities`: every step of sending is durable before the next one.

use crate::support::{AMY, at, contoso, cycle, enable, outgoing, raw};
use tandem_domain::{
    email::EmailStatus,
    failure::{Failure, FailureCode},
    outgoing::{AttemptPhase, RefusedRecipient},
    workload::Workload,
};
use tandem_engine::ports::storage::{Activities, AttemptResult, Schedule, StorageError};
use tandem_store::{
    PersonsVerdict, Store,
    view::{EmailFilter, RecipientState},
};

fn to(addresses: &[&str]) -> Vec<String> {
    addresses.iter().map(|one| (*one).to_owned()).collect()
}

async fn pending(store: &Store, now: i64) -> Vec<Vec<String>> {
    let found = store.pending_send(AMY, at(now), 10).await.unwrap();
    found.into_iter().map(|email| email.recipients).collect()
}

#[tokio::test]
async fn an_email_is_sent_step_by_step() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    enable(&store, AMY, Workload::Outgoing, at(0)).await;
    let (id, email, message) = outgoing(&store, "o@c");
    let recipients = to(&["cy@fabrikam.test", "CY@fabrikam.test", "di@fabrikam.test"]);
    store.insert_outgoing(email, message, raw("x"), recipients, at(1)).await.unwrap();
    let waiting = store.pending_send(AMY, at(1), 10).await.unwrap();
    assert_eq!(waiting[0].recipients, to(&["cy@fabrikam.test", "di@fabrikam.test"]), "each once");
    assert_eq!((waiting[0].attempts, waiting[0].mail_from.as_str()), (0, "amy@contoso.test"));
    assert_eq!(store.next_due().await.unwrap(), Some(at(0)));

    store.begin_attempt(id, cycle(1), at(2)).await.unwrap();
    assert_eq!(pending(&store, 2).await, Vec::<Vec<String>>::new());
    assert_eq!(store.begin_attempt(id, cycle(1), at(2)).await, Err(StorageError::Conflict));
    assert_eq!(store.cancel(id).await, Err(StorageError::Conflict));
    let open = store.unfinished(AMY).await.unwrap();
    assert_eq!((open[0].phase, open[0].at, open[0].email.attempts), (AttemptPhase::Started, at(2), 1));
    store.reach_commit_point(id, at(3)).await.unwrap();
    let open = store.unfinished(AMY).await.unwrap();
    assert_eq!((open[0].phase, open[0].at), (AttemptPhase::Committing, at(3)));

    // One was taken; the other is to be tried later, and is then refused.
    let why = Failure::transient_item(FailureCode::Throttled, "later");
    let accepted = to(&["cy@fabrikam.test"]);
    let postponed =
        AttemptResult::Postponed { until: at(60), why: why.clone(), accepted, refused: Vec::new() };
    store.end_attempt(id, postponed, at(4)).await.unwrap();
    assert_eq!(pending(&store, 59).await, Vec::<Vec<String>>::new());
    assert_eq!(pending(&store, 60).await, [to(&["di@fabrikam.test"])]);
    assert_eq!(store.show_email(id).await.unwrap().summary.last_failure, Some(why));
    store.begin_attempt(id, cycle(2), at(61)).await.unwrap();
    let failure = Failure::permanent_item(FailureCode::RecipientsRefused, "no such user");
    let refused = vec![RefusedRecipient { address: "di@fabrikam.test".to_owned(), failure: failure.clone() }];
    let sent = AttemptResult::Sent { server_said: "queued as 1".to_owned(), refused };
    store.end_attempt(id, sent, at(62)).await.unwrap();

    let detail = store.show_email(id).await.unwrap();
    assert_eq!((detail.summary.status, detail.summary.attempts), (EmailStatus::Sent, 2));
    assert_eq!(detail.submitted_at, Some(at(62)));
    let states: Vec<_> = detail.recipients.iter().map(|one| (one.state, one.failure.clone())).collect();
    assert_eq!(states, [(RecipientState::Accepted, None), (RecipientState::Refused, Some(failure))]);
    let outcomes: Vec<_> = detail.send_attempts.iter().map(|one| one.outcome.clone().unwrap()).collect();
    assert_eq!(outcomes, ["postponed", "sent"]);
    let counts = store.home_counts(at(0)).await.unwrap();
    assert_eq!((counts.sent, counts.waiting, counts.sending, counts.failed), (1, 0, 0, 0));
}

#[tokio::test]
async fn an_unconfirmed_email_waits_for_evidence_or_a_person() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    let mut ids = Vec::new();
    for name in ["1@c", "2@c", "3@c"] {
        let (id, email, message) = outgoing(&store, name);
        store.insert_outgoing(email, message, raw("x"), to(&["cy@fabrikam.test"]), at(1)).await.unwrap();
        store.begin_attempt(id, cycle(1), at(2)).await.unwrap();
        store.reach_commit_point(id, at(3)).await.unwrap();
        let why = Failure::transient_item(FailureCode::DeliveryUnconfirmed, "lost");
        store.end_attempt(id, AttemptResult::Unconfirmed { why }, at(4)).await.unwrap();
        ids.push(id);
    }
    assert_eq!(store.unfinished(AMY).await.unwrap().len(), 3);
    assert_eq!(store.home_counts(at(0)).await.unwrap().sending, 3);
    store.resolve_unconfirmed_by_person(ids[0], PersonsVerdict::Sent, at(5)).await.unwrap();
    store.resolve_unconfirmed_by_person(ids[1], PersonsVerdict::Resend, at(6)).await.unwrap();
    store.send_again(ids[2], at(7)).await.unwrap();
    assert_eq!(store.unfinished(AMY).await.unwrap().len(), 0);
    assert_eq!(store.show_email(ids[0]).await.unwrap().summary.status, EmailStatus::Sent);
    assert_eq!(pending(&store, 6).await.len(), 1);
    assert_eq!(pending(&store, 7).await.len(), 2);
    let again = store.resolve_unconfirmed_by_person(ids[0], PersonsVerdict::Resend, at(8)).await;
    assert_eq!(again, Err(StorageError::Conflict));
}

#[tokio::test]
async fn a_withdrawn_email_is_not_sent_and_a_failed_one_is_listed() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    let (first, email, message) = outgoing(&store, "1@c");
    store.insert_outgoing(email, message, raw("x"), to(&["cy@fabrikam.test"]), at(1)).await.unwrap();
    store.cancel(first).await.unwrap();
    assert_eq!(store.begin_attempt(first, cycle(1), at(2)).await, Err(StorageError::Conflict));
    let (second, email, message) = outgoing(&store, "2@c");
    let twice = (email.clone(), message.clone());
    store.insert_outgoing(email, message, raw("x"), to(&["cy@fabrikam.test"]), at(1)).await.unwrap();
    let again = store.insert_outgoing(twice.0, twice.1, raw("x"), to(&["cy@fabrikam.test"]), at(1)).await;
    assert_eq!(again, Err(StorageError::Conflict));
    store.begin_attempt(second, cycle(1), at(2)).await.unwrap();
    let why = Failure::permanent_item(FailureCode::MessageRefused, "spam");
    store.end_attempt(second, AttemptResult::Failed { why, refused: Vec::new() }, at(3)).await.unwrap();
    let failed = EmailFilter { status: Some(EmailStatus::Failed), mailbox: Some(AMY), ..Default::default() };
    let listed = store.list_emails(failed, 10).await.unwrap();
    assert_eq!(listed.iter().map(|one| one.id).collect::<Vec<_>>(), [second]);
    assert_eq!(store.home_counts(at(0)).await.unwrap().failed, 1);
}

#[tokio::test]
async fn an_email_for_later_waits() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    let (_, mut email, message) = outgoing(&store, "1@c");
    email.send_after = Some(at(100));
    store.insert_outgoing(email, message, raw("x"), to(&["cy@fabrikam.test"]), at(1)).await.unwrap();
    assert_eq!((pending(&store, 99).await.len(), pending(&store, 100).await.len()), (0, 1));
}
