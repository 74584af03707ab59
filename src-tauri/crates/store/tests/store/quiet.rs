//! Many mailboxes in which nothing happens: looked at and recorded together, as if each was alone.

use crate::support::{AMY, BEN, PROFILE, at, contoso, cycle, enable, outgoing, raw};
use tandem_domain::{
    breaker::Signal,
    failure::{Failure, FailureCode},
    frequency::Activity,
    ids::MailboxId,
    workload::Workload,
};
use tandem_engine::ports::{
    circuits::Circuits,
    quiet::Quiet,
    storage::{CycleReport, Schedule},
};
use tandem_store::{ChangeKind, Store};

const OUT: Workload = Workload::Outgoing;

fn quietly(mailbox: MailboxId, workload: Workload, second: i64) -> CycleReport {
    CycleReport {
        mailbox,
        workload,
        cycle: cycle(u128::try_from(second).unwrap()),
        started_at: at(second),
        ended_at: at(second + 1),
        items: 0,
        failure: None,
        next_due_at: Some(at(second + 300)),
        attempts: 0,
        activity: Activity { busy_cycles: 0, idle_cycles: 1 },
        expected_at: Some(at(second + 300)),
    }
}

async fn quiet(store: &Store, now: i64) -> Vec<MailboxId> {
    let found = store.quiet_outgoing(at(now), 10).await.unwrap();
    assert!(found.due.iter().all(|(work, mailbox)| mailbox.id == work.mailbox && work.workload == OUT));
    assert!(found.due.iter().all(|(work, _)| found.profiles.contains_key(&work.profile)));
    found.due.into_iter().map(|(work, _)| work.mailbox).collect()
}

async fn pending(store: &Store) {
    let (_, email, message) = outgoing(store, "one@contoso.test");
    let to = vec!["cy@fabrikam.test".to_owned()];
    store.insert_outgoing(email, message, raw("one"), to, at(1)).await.unwrap();
}

#[tokio::test]
async fn only_what_is_due_and_well_and_has_nothing_to_send_is_quiet() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    enable(&store, AMY, OUT, at(0)).await;
    enable(&store, BEN, OUT, at(0)).await;
    enable(&store, BEN, Workload::Incoming, at(0)).await;
    assert_eq!(quiet(&store, -1).await, [], "not due");
    let both = quiet(&store, 1).await;
    assert!(both.len() == 2 && both.contains(&AMY) && both.contains(&BEN), "{both:?}");
    pending(&store).await;
    assert_eq!(quiet(&store, 1).await, [BEN], "she has something to send");
    store.claim(BEN, OUT, at(1), "one", at(99)).await.unwrap();
    assert_eq!(quiet(&store, 1).await, [], "his is under way");
    let why = Failure::transient_mailbox(FailureCode::MailboxInUse, "busy");
    let failed = CycleReport { failure: Some(why), attempts: 1, expected_at: None, ..quietly(BEN, OUT, 1) };
    store.finish(failed).await.unwrap();
    assert_eq!(quiet(&store, 400).await, [], "it failed");
    store.finish(quietly(BEN, OUT, 400)).await.unwrap();
    assert_eq!(quiet(&store, 700).await, [BEN]);
    let down = Failure::permanent_profile(FailureCode::ConnectionRefused, "refused");
    store.signal(PROFILE, OUT, BEN, Signal::Failed(down), at(700)).await.unwrap();
    assert_eq!(quiet(&store, 700).await, [], "nobody knows whether its server is there");
}

#[tokio::test]
async fn ends_recorded_together_are_recorded_as_each_alone() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (alone, together) = (contoso(one.path()).await, contoso(two.path()).await);
    let hour = 3_600;
    let reports = || {
        let mut reports = Vec::new();
        for second in [1, 400, hour + 5] {
            reports.extend([AMY, BEN].map(|id| quietly(id, OUT, second)));
            reports.push(quietly(AMY, Workload::Incoming, second + 3));
        }
        reports
    };
    for store in [&alone, &together] {
        for mailbox in [AMY, BEN] {
            enable(store, mailbox, OUT, at(0)).await;
            enable(store, mailbox, Workload::Incoming, at(0)).await;
        }
    }
    for report in reports() {
        alone.finish(report).await.unwrap();
    }
    let gone = quietly(MailboxId(uuid::Uuid::from_u128(0xDEAD)), OUT, 1);
    let all = [reports(), vec![gone]].concat();
    assert_eq!(together.finish_all(all).await.unwrap(), Some(at(301)), "the first that is due again");
    for mailbox in [AMY, BEN] {
        let views =
            (alone.show_mailbox(mailbox).await.unwrap(), together.show_mailbox(mailbox).await.unwrap());
        assert_eq!(views.0.workloads, views.1.workloads);
        let cycles =
            (alone.list_cycles(mailbox, 99).await.unwrap(), together.list_cycles(mailbox, 99).await.unwrap());
        assert_eq!(cycles.0, cycles.1);
    }
    let mut sums = (alone.history_sums(at(0)).await.unwrap(), together.history_sums(at(0)).await.unwrap());
    for of in [&mut sums.0, &mut sums.1] {
        of.sort_by_key(|(mailbox, workload, _)| (mailbox.map(|id| id.0), workload.as_str()));
    }
    assert_eq!(sums.0, sums.1);
    assert_eq!(together.finish_all(Vec::new()).await.unwrap(), None);
}

#[tokio::test]
async fn an_email_that_is_saved_while_nothing_was_seen_to_send_does_not_wait_for_the_next_interval() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    enable(&store, AMY, OUT, at(0)).await;
    assert_eq!(quiet(&store, 10).await, [AMY]);
    pending(&store).await;
    store.finish_all(vec![quietly(AMY, OUT, 10)]).await.unwrap();
    assert!(store.due_at(AMY, OUT).await.unwrap().unwrap() <= at(11));
}

#[tokio::test]
async fn a_mailbox_that_goes_on_being_well_is_no_news_of_its_configuration() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    enable(&store, AMY, OUT, at(0)).await;
    store.finish_all(vec![quietly(AMY, OUT, 1)]).await.unwrap();
    let mut feed = store.change_feed();
    store.finish_all(vec![quietly(AMY, OUT, 301)]).await.unwrap();
    assert_eq!(feed.recv().await.unwrap(), ChangeKind::Schedule);
    assert!(feed.try_recv().is_err());
}
