//! The ports `Schedule` and `TestResults`.

use crate::support::{AMY, BEN, PROFILE, at, contoso, cycle, enable, outgoing, passed, profile, raw};
use tandem_domain::{
    Instant,
    failure::{Failure, FailureCode},
    frequency::Activity,
    mailbox::Approval,
    probe::{Rung, RungName, RungOutcome},
    settings::OrganizationSettings,
    workload::{Workload, WorkloadStatus},
};
use tandem_engine::ports::{
    storage::{Configuration, CycleReport, Schedule},
    test_jobs::TestResults,
};
use tandem_store::{Store, configuration::ConfigurationChange};

const IN: Workload = Workload::Incoming;

fn report(started: i64, next: Option<i64>, failure: Option<Failure>) -> CycleReport {
    CycleReport {
        mailbox: AMY,
        workload: IN,
        cycle: cycle(1),
        started_at: at(started),
        ended_at: at(started + 1),
        items: 3,
        attempts: u32::from(failure.is_some()),
        activity: Activity { busy_cycles: 1, idle_cycles: 0 },
        expected_at: next.filter(|next| failure.is_none() && *next > started + 1).map(at),
        failure,
        next_due_at: next.map(at),
    }
}

async fn due(store: &Store, now: i64) -> usize {
    let due = store.claim_due(IN, at(now), "one", at(now + 60), 10).await.unwrap();
    due.len()
}

#[tokio::test]
async fn only_approved_and_enabled_workloads_are_claimed_the_longest_due_first() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    assert_eq!((due(&store, 1).await, store.next_due().await.unwrap()), (0, None));
    enable(&store, BEN, IN, at(5)).await;
    enable(&store, AMY, IN, at(3)).await;
    assert_eq!(store.next_due().await.unwrap(), Some(at(3)));
    store.apply(vec![ConfigurationChange::Approve(BEN, Approval::Rejected)], at(0)).await.unwrap();
    let claimed = store.claim_due(IN, at(9), "one", at(60), 10).await.unwrap();
    assert_eq!(claimed.iter().map(|one| (one.mailbox, one.profile)).collect::<Vec<_>>(), [(AMY, PROFILE)]);
    store.apply(vec![ConfigurationChange::Approve(BEN, Approval::Approved)], at(0)).await.unwrap();
    let inactive = tandem_domain::profile::EmailServerProfile { active: false, ..profile(50, "Contoso") };
    store.apply(vec![ConfigurationChange::Profile(inactive)], at(0)).await.unwrap();
    assert_eq!(due(&store, 10).await, 0, "an inactive profile's mailboxes rest");
    store.apply(vec![ConfigurationChange::Profile(profile(50, "Contoso"))], at(0)).await.unwrap();
    assert_eq!(due(&store, 10).await, 1);
}

#[tokio::test]
async fn where_no_approval_is_required_pending_addresses_are_processed_and_rejected_ones_are_not() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    enable(&store, AMY, IN, at(1)).await;
    enable(&store, BEN, IN, at(1)).await;
    let decide = |mailbox, approval| ConfigurationChange::Approve(mailbox, approval);
    let pending = vec![decide(AMY, Approval::Pending), decide(BEN, Approval::Rejected)];
    store.apply(pending, at(0)).await.unwrap();
    assert_eq!((due(&store, 2).await, store.next_due().await.unwrap()), (0, None));
    let settings = store.settings().await.unwrap();
    let relaxed = OrganizationSettings { require_approval: false, ..settings };
    store.apply(vec![ConfigurationChange::Settings(relaxed)], at(0)).await.unwrap();
    let claimed = store.claim_due(IN, at(3), "one", at(60), 10).await.unwrap();
    assert_eq!(claimed.iter().map(|one| one.mailbox).collect::<Vec<_>>(), [AMY]);
    let [amy, ben] = [store.mailbox(AMY).await.unwrap(), store.mailbox(BEN).await.unwrap()];
    assert!(amy.is_processed(IN) && !ben.is_processed(IN));
    assert_eq!(amy.approval, Approval::Pending, "nobody decided");
}

#[tokio::test]
async fn a_lease_keeps_others_away_until_it_ends() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    enable(&store, AMY, IN, at(0)).await;
    assert_eq!(due(&store, 1).await, 1);
    assert_eq!(due(&store, 2).await, 0);
    assert_eq!(store.claim(AMY, IN, at(2), "two", at(9)).await.unwrap(), None);
    assert_eq!(store.next_due().await.unwrap(), None, "it is taken");
    let other = store.claim_due(Workload::Outgoing, at(2), "one", at(9), 9).await.unwrap();
    assert_eq!(other, [], "each workload has its own schedule");
    store.release(AMY, IN, "two").await.unwrap();
    assert_eq!(due(&store, 2).await, 0, "only its holder frees it");
    store.release(AMY, IN, "one").await.unwrap();
    assert_eq!(due(&store, 2).await, 1);
    assert_eq!(due(&store, 63).await, 1, "a lease that is over is free");
    store.release_all().await.unwrap();
    assert!(store.claim(AMY, IN, at(64), "two", at(99)).await.unwrap().is_some());
}

#[tokio::test]
async fn a_cycle_leaves_its_result_and_the_next_instant() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    enable(&store, AMY, IN, at(0)).await;
    due(&store, 1).await;
    store.finish(report(1, Some(300), None)).await.unwrap();
    assert_eq!(store.next_due().await.unwrap(), Some(at(300)));
    assert_eq!(store.last_completed_start(AMY, IN).await.unwrap(), Some(at(1)));
    // It goes on at once: that is no completed cycle.
    store.finish(report(300, Some(301), None)).await.unwrap();
    assert_eq!(store.last_completed_start(AMY, IN).await.unwrap(), Some(at(1)));
    let failure = Failure::transient_profile(FailureCode::ConnectionRefused, "refused");
    store.finish(report(301, Some(400), Some(failure.clone()))).await.unwrap();
    let state = store.mailbox(AMY).await.unwrap().incoming_state;
    assert_eq!((state.status, state.last_success_at), (WorkloadStatus::Failure, Some(at(2))));
    assert_eq!(state.last_error_at, Some(at(302)));
    assert!(state.last_error.unwrap().contains("refused"));
    let claimed = store.claim_due(IN, at(400), "one", at(500), 1).await.unwrap();
    assert_eq!(claimed[0].attempts, 1);
    store.finish(report(400, None, Some(failure.clone()))).await.unwrap();
    let view = store.show_mailbox(AMY).await.unwrap().workloads.remove(0);
    assert!(!view.state.enabled && !view.is_processed && view.next_due_at.is_none());
    assert_eq!(view.last_failure, Some(failure));
    let cycles = store.list_cycles(AMY, 10).await.unwrap();
    assert_eq!(
        cycles.iter().map(|one| one.failure.is_some()).collect::<Vec<_>>(),
        [true, true, false, false]
    );
}

#[tokio::test]
async fn what_is_asked_for_during_a_cycle_runs_right_after_it() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    enable(&store, AMY, IN, at(0)).await;
    due(&store, 1).await;
    store.make_due(AMY, IN, at(2)).await.unwrap();
    store.finish(report(1, Some(300), None)).await.unwrap();
    assert_eq!(store.next_due().await.unwrap(), Some(at(2)));
    due(&store, 3).await;
    store.finish(report(3, Some(300), None)).await.unwrap();
    assert_eq!(store.next_due().await.unwrap(), Some(at(300)));
    store.make_due(AMY, IN, at(500)).await.unwrap();
    assert_eq!(store.next_due().await.unwrap(), Some(at(300)), "at the latest, not later");
}

#[tokio::test]
async fn an_email_for_later_makes_its_mailbox_due_at_its_time_after_every_cycle_that_succeeds() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    enable(&store, AMY, Workload::Outgoing, at(0)).await;
    let (_, mut email, message) = outgoing(&store, "later@contoso.test");
    email.send_after = Some(at(100));
    let to = vec!["cy@fabrikam.test".to_owned()];
    store.insert_outgoing(email, message, raw("x"), to, at(10)).await.unwrap();
    let out = |started, next, failure| CycleReport {
        workload: Workload::Outgoing,
        ..report(started, next, failure)
    };
    store.finish(out(11, Some(300), None)).await.unwrap();
    assert_eq!(store.next_due().await.unwrap(), Some(at(100)));
    let failure = Failure::transient_profile(FailureCode::Throttled, "wait");
    store.finish(out(12, Some(300), Some(failure))).await.unwrap();
    assert_eq!(store.next_due().await.unwrap(), Some(at(300)), "a wait that the server asked for is kept");
}

#[tokio::test]
async fn cycles_that_found_nothing_one_after_the_other_are_told_together() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    let quiet = |minute: i64| CycleReport {
        items: 0,
        cycle: cycle(u128::try_from(minute).unwrap()),
        ..report(minute * 60, Some(minute * 60 + 300), None)
    };
    for minute in [5, 10, 15] {
        store.finish(quiet(minute)).await.unwrap();
    }
    // Something comes, something fails, and for two hours nothing runs.
    store.finish(CycleReport { items: 2, ..quiet(20) }).await.unwrap();
    store.finish(quiet(25)).await.unwrap();
    let failure = Failure::transient_profile(FailureCode::ConnectionLost, "gone");
    let failed = CycleReport { expected_at: None, failure: Some(failure), ..quiet(30) };
    store.finish(failed).await.unwrap();
    for minute in [35, 40, 160, 165] {
        store.finish(quiet(minute)).await.unwrap();
    }
    let told = store.list_cycles(AMY, 99).await.unwrap();
    let told = told.iter().map(|one| {
        let minute = |at: Instant| (at - self::at(0)).num_minutes();
        (minute(one.started_at), minute(one.ended_at), one.cycles, one.items)
    });
    assert_eq!(
        told.collect::<Vec<_>>(),
        [(160, 165, 2, 0), (35, 40, 2, 0), (30, 30, 1, 0), (25, 25, 1, 0), (20, 20, 1, 2), (5, 15, 3, 0)]
    );
    let since = |minute: i64| {
        let store = store.clone();
        async move { store.cycle_since(vec![AMY], at(minute * 60)).await.unwrap().map(|(_, at)| at) }
    };
    assert_eq!(since(8).await, Some(at(8 * 60)), "one of those that are told together started later");
    assert_eq!((since(160).await, since(170).await), (Some(at(160 * 60)), None));
}

#[tokio::test]
async fn only_the_latest_cycles_are_kept() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    for number in 0..1_000 {
        let report = report(number, Some(number + 10), None);
        let cycle = cycle(u128::try_from(number).unwrap());
        store.finish(CycleReport { cycle, ..report }).await.unwrap();
    }
    let cycles = store.list_cycles(AMY, 1_000).await.unwrap();
    assert_eq!((cycles[0].started_at, cycles[199].started_at), (at(999), at(800)));
    assert!(cycles.len() < 240, "{}", cycles.len());
}

#[tokio::test]
async fn a_failed_test_enables_nothing_and_its_ladder_is_kept() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    let failure = Failure::permanent_mailbox(FailureCode::AuthenticationFailed, "no");
    let rung = |name, outcome| Rung { name, outcome, took_ms: 2, server_said: "said".to_owned() };
    let rungs = vec![
        rung(RungName::Tls, RungOutcome::Skipped("plain".to_owned())),
        rung(RungName::Login, RungOutcome::Failed(failure.clone())),
    ];
    store.record_test(AMY, IN, rungs.clone(), Some(failure), at(7)).await.unwrap();
    let state = store.mailbox(AMY).await.unwrap().incoming_state;
    assert_eq!((state.enabled, state.status, state.tested_at), (false, WorkloadStatus::Failure, Some(at(7))));
    assert_eq!(store.test_ladders(AMY).await.unwrap()[0].rungs, rungs);
    store.record_test(AMY, IN, passed(), None, at(8)).await.unwrap();
    let state = store.mailbox(AMY).await.unwrap().incoming_state;
    assert_eq!((state.enabled, state.status, state.last_error), (true, WorkloadStatus::Success, None));
    let ladders = store.test_ladders(AMY).await.unwrap();
    assert_eq!((ladders.len(), ladders[0].at, ladders[0].rungs.clone()), (1, at(8), passed()));
    assert_eq!(store.next_due().await.unwrap(), Some(at(8)));
    store.record_test(AMY, IN, Vec::new(), None, at(9)).await.unwrap();
    let nothing_tried = Failure::permanent_mailbox(FailureCode::PasswordMissing, "no password");
    store.record_test(AMY, IN, Vec::new(), Some(nothing_tried), at(10)).await.unwrap();
    let state = store.mailbox(AMY).await.unwrap().incoming_state;
    assert_eq!((state.status, state.tested_at), (WorkloadStatus::Failure, Some(at(10))));
    assert!(store.test_ladders(AMY).await.unwrap().is_empty(), "no rung is made up");
}

#[tokio::test]
async fn a_workload_tells_when_it_is_due_while_nobody_has_taken_it() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    assert_eq!(store.due_at(AMY, IN).await.unwrap(), None, "it is not enabled");
    enable(&store, AMY, IN, at(3)).await;
    assert_eq!(store.due_at(AMY, IN).await.unwrap(), Some(at(3)));
    assert_eq!(due(&store, 4).await, 1);
    assert_eq!(store.due_at(AMY, IN).await.unwrap(), None, "it is taken");
    store.finish(report(4, Some(300), None)).await.unwrap();
    assert_eq!(store.due_at(AMY, IN).await.unwrap(), Some(at(300)));
}

#[tokio::test]
async fn a_clock_that_was_set_back_pulls_in_what_is_due_later() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    enable(&store, AMY, IN, at(3_900)).await;
    enable(&store, BEN, IN, at(100)).await;
    store.pull_in(at(200), chrono::Duration::hours(1)).await.unwrap();
    assert_eq!(store.due_at(AMY, IN).await.unwrap(), Some(at(300)));
    assert_eq!(store.due_at(BEN, IN).await.unwrap(), Some(at(100)), "it is due already");
}

#[tokio::test]
async fn a_clock_that_was_set_back_takes_proofs_with_it_and_leaves_no_end_in_the_future() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    enable(&store, AMY, IN, at(0)).await;
    store.finish(report(4_000, Some(4_300), None)).await.unwrap();
    // Expected at 4,300, and an hour earlier now: overdue since minutes, and not well for another few.
    store.pull_in(at(1_000), chrono::Duration::hours(1)).await.unwrap();
    let shown = async || store.show_mailbox(AMY).await.unwrap().workloads[0].clone();
    assert_eq!(shown().await.expected_at, Some(at(700)));
    assert_eq!(shown().await.last_completed_start, Some(at(400)));
    assert_eq!(store.latest_end().await.unwrap(), Some(at(401)));
}

#[tokio::test]
async fn where_nobody_knows_how_old_proofs_are_everything_is_proven_anew() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    enable(&store, AMY, IN, at(0)).await;
    store.finish(report(400, Some(700), None)).await.unwrap();
    store.prove_anew(at(500), at(200)).await.unwrap();
    assert_eq!(store.due_at(AMY, IN).await.unwrap(), Some(at(500)));
    let shown = store.show_mailbox(AMY).await.unwrap();
    assert_eq!(shown.workloads[0].expected_at, Some(at(200)));
    assert_eq!(store.due_at(BEN, IN).await.unwrap(), None, "what was not planned is not now");
}
