//! Circuits, messages that are owed, sending limits, and what a new password sets in motion.

use crate::support::{AMY, BEN, INBOX, PROFILE, at, contoso, cycle, enable, outgoing, raw};
use tandem_domain::{
    breaker::{Asked, Circuit, Signal, Turn},
    email::EmailStatus,
    failure::{Failure, FailureCode},
    frequency::{Activity, FrequencyPolicy},
    item_retry::OwedItem,
    ledger::{Decision, LedgerRow, ServerIdentity},
    mailbox::Approval,
    send_limits::{Counted, HeldBy},
    settings::OrganizationSettings,
    workload::Workload,
};
use tandem_engine::ports::{
    circuits::Circuits,
    storage::{
        Activities, AttemptResult, Configuration, CycleReport, DecidedItem, HeldEmail, IncomingBatch, Keep,
        Ledger, Schedule, SendingAccount, StorageError,
    },
};
use tandem_store::{CredentialsOf, Store, configuration::ConfigurationChange};

const IN: Workload = Workload::Incoming;

fn down() -> Failure {
    Failure::transient_profile(FailureCode::ConnectionRefused, "refused")
}

fn failed(why: Failure, next: Option<i64>) -> CycleReport {
    CycleReport {
        mailbox: AMY,
        workload: IN,
        cycle: cycle(1),
        started_at: at(1),
        ended_at: at(2),
        items: 0,
        failure: Some(why),
        next_due_at: next.map(at),
        attempts: 0,
        activity: Activity::default(),
        expected_at: None,
    }
}

async fn claimed(store: &Store, now: i64) -> Vec<(bool, bool)> {
    let due = store.claim_due(IN, at(now), "one", at(now + 9_999), 10).await.unwrap();
    due.iter().map(|one| (one.mailbox == AMY, one.is_probe)).collect()
}

async fn open_circuit(store: &Store) {
    for mailbox in [AMY, BEN] {
        enable(store, mailbox, IN, at(0)).await;
        store.signal(PROFILE, IN, mailbox, Signal::Failed(down()), at(0)).await.unwrap();
    }
}

#[tokio::test]
async fn an_open_circuit_is_kept_and_lets_one_mailbox_try_when_a_probe_is_due() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    open_circuit(&store).await;
    let kept = store.circuit(PROFILE, IN).await.unwrap();
    assert_eq!(kept.outage.as_ref().unwrap().probe_at, Some(at(300)));
    assert_eq!(store.list_circuits().await.unwrap(), [((PROFILE, IN), kept)]);
    assert_eq!(store.circuit(PROFILE, Workload::Outgoing).await.unwrap(), Circuit::default());
    assert_eq!(claimed(&store, 299).await, []);
    assert_eq!(store.next_due().await.unwrap(), Some(at(300)));
    assert_eq!(store.next_due_after(at(299)).await.unwrap(), Some(at(300)), "a probe");
    assert_eq!(claimed(&store, 300).await, [(true, true)], "the longest due tries");
    assert_eq!(claimed(&store, 300).await, [], "and nobody else meanwhile");
    // It was stopped: the next one may try.
    store.release(AMY, IN, "one").await.unwrap();
    assert_eq!(claimed(&store, 300).await, [(true, true)]);
    let (circuit, turn) = store.signal(PROFILE, IN, AMY, Signal::Answered, at(301)).await.unwrap();
    assert!(circuit == Circuit::default() && matches!(turn, Turn::Recovered { .. }));
    store.finish(failed(down(), Some(900))).await.unwrap();
    assert_eq!(store.next_due().await.unwrap(), Some(at(0)));
    assert_eq!(store.next_due_after(at(301)).await.unwrap(), Some(at(900)));
    assert_eq!(claimed(&store, 301).await, [(false, false)], "the others are due at once");
    assert_eq!(store.list_circuits().await.unwrap(), []);
}

#[tokio::test]
async fn a_person_who_asks_for_a_mailbox_is_its_probe_and_a_killed_engine_frees_it() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    open_circuit(&store).await;
    let work = store.claim(BEN, IN, at(1), "one", at(9_999)).await.unwrap().unwrap();
    assert!(work.is_probe);
    assert_eq!(store.circuit(PROFILE, IN).await.unwrap().outage.unwrap().probing, Some(BEN));
    store.release_all().await.unwrap();
    assert_eq!(store.circuit(PROFILE, IN).await.unwrap().outage.unwrap().probing, None);
    store.probe_now(None, Asked::ByNetwork, at(2)).await.unwrap();
    assert_eq!(claimed(&store, 2).await.len(), 1);
}

#[tokio::test]
async fn a_new_password_is_worth_one_try_and_only_where_one_was_refused() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    enable(&store, AMY, IN, at(0)).await;
    assert_eq!(store.credentials_changed(CredentialsOf::Mailbox(AMY), at(5)).await.unwrap(), 0);
    let refused = Failure::permanent_mailbox(FailureCode::AuthenticationFailed, "no");
    for at_second in [10, 20] {
        store.finish(failed(refused.clone(), None)).await.unwrap();
        assert!(!store.mailbox(AMY).await.unwrap().incoming_state.enabled);
        assert_eq!(claimed(&store, 99).await, [], "it uses nothing");
        assert_eq!(store.credentials_changed(CredentialsOf::Mailbox(BEN), at(at_second)).await.unwrap(), 0);
        assert_eq!(store.credentials_changed(CredentialsOf::Mailbox(AMY), at(at_second)).await.unwrap(), 1);
        assert_eq!(store.next_due().await.unwrap(), Some(at(at_second)));
    }
    // Neither another fault nor a person's wish is overruled.
    store.finish(failed(Failure::permanent_mailbox(FailureCode::MailboxNotFound, "no"), None)).await.unwrap();
    assert_eq!(store.credentials_changed(CredentialsOf::Profile(PROFILE), at(30)).await.unwrap(), 0);
    store.finish(failed(refused, None)).await.unwrap();
    store.apply(vec![ConfigurationChange::Disable(AMY, None)], at(40)).await.unwrap();
    assert_eq!(store.credentials_changed(CredentialsOf::Profile(PROFILE), at(41)).await.unwrap(), 0);
}

#[tokio::test]
async fn a_profile_whose_account_was_refused_is_tried_once_with_a_new_password_or_other_servers() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    enable(&store, AMY, IN, at(0)).await;
    let why = Failure::permanent_profile(FailureCode::AuthenticationFailed, "no");
    store.signal(PROFILE, IN, AMY, Signal::Failed(why), at(0)).await.unwrap();
    assert_eq!((claimed(&store, 999_999).await, store.next_due().await.unwrap()), (vec![], None));
    store.credentials_changed(CredentialsOf::Profile(PROFILE), at(1_000_000)).await.unwrap();
    assert_eq!(claimed(&store, 1_000_000).await, [(true, true)]);
}

fn decided(identity: &str, decision: Decision, keep: Keep) -> IncomingBatch {
    let row = LedgerRow {
        mailbox: AMY,
        folder: INBOX.to_owned(),
        identity: ServerIdentity(identity.to_owned()),
        message_id: None,
        received_at: None,
        size: 9,
        decision,
        trace: Vec::new(),
        email: None,
        cycle: cycle(1),
        decided_at: at(1),
    };
    let items = vec![DecidedItem { row, keep }];
    IncomingBatch { mailbox: AMY, folder: INBOX.to_owned(), cycle: cycle(1), items, cursor: None }
}

#[tokio::test]
async fn a_message_that_is_owed_is_listed_until_it_is_decided_and_can_be_asked_for_again() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    enable(&store, AMY, IN, at(0)).await;
    let identity = ServerIdentity("1:7".to_owned());
    let owed = OwedItem {
        identity: identity.clone(),
        size: 9,
        received_at: Some(at(-5)),
        failures: 1,
        next_at: at(900),
        why: Failure::transient_item(FailureCode::MessageUnavailable, "NO"),
    };
    store.commit(decided("1:7", Decision::Retrying, Keep::Owed(Box::new(owed.clone())))).await.unwrap();
    assert_eq!(store.owed(AMY, INBOX).await.unwrap(), std::slice::from_ref(&owed));
    assert_eq!(store.unseen(AMY, INBOX, vec![identity.clone()]).await.unwrap(), []);
    let later = OwedItem { failures: 2, next_at: at(1_800), ..owed };
    store.commit(decided("1:7", Decision::Retrying, Keep::Owed(Box::new(later.clone())))).await.unwrap();
    assert_eq!(store.owed(AMY, INBOX).await.unwrap(), [later]);
    store.commit(decided("1:7", Decision::Undeliverable, Keep::Nothing)).await.unwrap();
    assert_eq!(store.owed(AMY, INBOX).await.unwrap(), []);
    store.claim_due(IN, at(1), "one", at(9), 1).await.unwrap();
    store.finish(failed(down(), Some(5_000))).await.unwrap();
    store.retry_undeliverable(AMY, INBOX, &identity, at(3_000)).await.unwrap();
    assert_eq!(store.owed(AMY, INBOX).await.unwrap()[0].next_at, at(3_000));
    assert_eq!(store.next_due().await.unwrap(), Some(at(3_000)));
    let again = store.retry_undeliverable(AMY, INBOX, &identity, at(3_001)).await;
    assert!(matches!(again, Err(StorageError::NotFound(_))), "{again:?}");
}

#[tokio::test]
async fn what_was_submitted_counts_until_it_is_known_not_to_be_taken() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    let account = SendingAccount::Mailbox(AMY);
    let sent = async |since| store.sent_since(account, at(since)).await.unwrap();
    let (id, email, message) = outgoing(&store, "one@contoso.test");
    let to = vec!["cy@fabrikam.test".to_owned(), "di@fabrikam.test".to_owned()];
    store.insert_outgoing(email, message, raw("x"), to, at(0)).await.unwrap();
    store.begin_attempt(id, cycle(1), at(10)).await.unwrap();
    assert_eq!(sent(0).await, [Counted { at: at(10), recipients: 2 }], "it may be taken");
    let why = Failure::transient_item(FailureCode::Throttled, "450");
    let later = AttemptResult::Postponed {
        until: at(20),
        why: why.clone(),
        accepted: vec!["cy@fabrikam.test".to_owned()],
        refused: Vec::new(),
    };
    store.end_attempt(id, later, at(11)).await.unwrap();
    assert_eq!(sent(0).await, [Counted { at: at(10), recipients: 1 }]);
    store.begin_attempt(id, cycle(1), at(20)).await.unwrap();
    store.end_attempt(id, AttemptResult::Failed { why, refused: Vec::new() }, at(21)).await.unwrap();
    assert_eq!(sent(0).await, [Counted { at: at(10), recipients: 1 }]);
    assert_eq!(sent(10).await, []);
    let all = store.sent_since(SendingAccount::Profile(PROFILE), at(0)).await.unwrap();
    assert_eq!(all.len(), 1, "an account that is shared counts all of its mailboxes");
}

#[tokio::test]
async fn an_email_that_is_held_back_says_until_when_and_by_what() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    let (id, email, message) = outgoing(&store, "one@contoso.test");
    store
        .insert_outgoing(email, message, raw("x"), vec!["cy@fabrikam.test".to_owned()], at(0))
        .await
        .unwrap();
    let held = HeldEmail { email: id, until: at(50), by: HeldBy::MessagesPerMinute };
    store.hold(vec![held]).await.unwrap();
    assert!(store.pending_send(AMY, at(49), 9).await.unwrap().is_empty());
    let shown = store.show_email(id).await.unwrap();
    assert_eq!((shown.not_before, shown.held_by), (Some(at(50)), Some(HeldBy::MessagesPerMinute)));
    assert_eq!(store.pending_send(AMY, at(50), 9).await.unwrap().len(), 1);
    store.begin_attempt(id, cycle(1), at(50)).await.unwrap();
    assert_eq!(store.show_email(id).await.unwrap().held_by, None);
    store.hold(vec![held]).await.unwrap();
    assert_eq!(store.show_email(id).await.unwrap().held_by, None, "it is on its way");
    let why = Failure::permanent_item(FailureCode::QuotaExceeded, "too many");
    assert_eq!(store.give_up(id, why.clone()).await, Err(StorageError::Conflict));
    store.send_again(id, at(51)).await.unwrap();
    store.give_up(id, why).await.unwrap();
    assert_eq!(store.show_email(id).await.unwrap().summary.status, EmailStatus::Failed);
}

#[tokio::test]
async fn a_faster_policy_need_not_wait_for_what_a_slower_one_planned() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    enable(&store, AMY, IN, at(0)).await;
    store.claim_due(IN, at(1), "one", at(9), 1).await.unwrap();
    let completed =
        CycleReport { failure: None, expected_at: Some(at(14_400)), ..failed(down(), Some(14_400)) };
    store.finish(completed).await.unwrap();
    let view = store.show_mailbox(AMY).await.unwrap().workloads.remove(0);
    assert_eq!((view.next_due_at, view.expected_at), (Some(at(14_400)), Some(at(14_400))));
    let settings = OrganizationSettings { frequency: FrequencyPolicy::OnPremises9, ..Default::default() };
    store.apply(vec![ConfigurationChange::Settings(settings.clone())], at(100)).await.unwrap();
    assert_eq!(store.settings().await.unwrap(), settings);
    let view = store.show_mailbox(AMY).await.unwrap().workloads.remove(0);
    assert_eq!((view.next_due_at, view.expected_at), (Some(at(400)), Some(at(400))));
}

#[tokio::test]
async fn a_proof_from_a_clock_that_was_set_back_makes_it_due() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    enable(&store, AMY, IN, at(0)).await;
    store.apply(vec![ConfigurationChange::Approve(AMY, Approval::Approved)], at(0)).await.unwrap();
    store.claim_due(IN, at(1), "one", at(9), 1).await.unwrap();
    let day = 86_400;
    let ahead = CycleReport {
        failure: None,
        started_at: at(day),
        ended_at: at(day + 1),
        expected_at: Some(at(day + 300)),
        ..failed(down(), Some(day + 300))
    };
    store.finish(ahead).await.unwrap();
    assert_eq!(claimed(&store, 10).await, [(true, false)]);
    // It failed meanwhile: that is no reason to go on without a pause.
    store.finish(failed(down(), Some(310))).await.unwrap();
    assert_eq!(claimed(&store, 11).await, []);
    assert_eq!(store.mailbox(AMY).await.unwrap().incoming_state.last_success_at, None);
}
