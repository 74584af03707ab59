//! The order of things and their faults: commit before delete, and exactly one record whatever breaks where.

use super::*;
use crate::{
    ports::storage::StorageError,
    testing::{World, at, deleting_queue, mailbox, mime::message},
};
use tandem_domain::{
    address::MessageId, ids::MailboxId, ledger::Decision, settings::IncomingFilter, workload::Workload,
};

const AMY: &str = "amy@contoso.test";

async fn cycle_of(world: &World, mailbox: MailboxId) -> CycleOutcome {
    run(&world.context(mailbox, Workload::Incoming).await).await
}

fn count(world: &World, decision: Decision) -> usize {
    world.store.decisions().into_iter().filter(|one| *one == decision).count()
}

#[tokio::test]
async fn every_message_gets_one_row_and_the_next_cycle_does_nothing() {
    let world = World::new();
    let amy = world.mailbox(1, AMY);
    for number in 0..20 {
        world.server.put(AMY, message(&format!("{number}@x"), ""));
    }
    let outcome = cycle_of(&world, amy).await;
    assert_eq!((outcome.end, outcome.items), (CycleEnd::Completed, 20));
    assert_eq!(count(&world, Decision::Promoted), 20);
    assert!(world.store.state().commits.iter().all(|size| *size <= 3), "batches keep to their limit");
    assert_eq!(cycle_of(&world, amy).await.items, 0);
    assert_eq!(world.server.count(AMY), 20, "nothing is deleted that nobody asked for");
}

#[tokio::test]
async fn what_the_listing_decides_is_not_fetched_and_says_why() {
    let world = World::new();
    let amy =
        world.add(tandem_domain::mailbox::Mailbox { process_emails_from: Some(at(0)), ..mailbox(1, AMY) });
    world.store.state().settings.max_message_bytes = 500;
    world.server.put_at(AMY, message("old@x", ""), Some(at(-10)));
    world.server.put_at(AMY, message("new@x", ""), Some(at(10)));
    world.server.put_at(AMY, vec![b'x'; 501], Some(at(10)));
    assert_eq!(cycle_of(&world, amy).await.end, CycleEnd::Completed);
    assert_eq!(
        world.store.decisions(),
        [Decision::BeforeStart, Decision::Promoted, Decision::TooLarge],
        "in the server's order"
    );
    let state = world.store.state();
    let rules: Vec<_> = state.rows.values().map(|row| row.trace.last().unwrap().rule.clone()).collect();
    assert_eq!(rules, ["process_emails_from", "acceptance", "size"]);
}

#[tokio::test]
async fn a_header_that_is_too_old_gives_the_row_that_the_whole_message_would_have_given() {
    let world = World::new();
    let amy =
        world.add(tandem_domain::mailbox::Mailbox { process_emails_from: Some(at(0)), ..mailbox(1, AMY) });
    world.server.put(AMY, message("new@x", ""));
    let old = world.server.put(AMY, message("old@x", ""));
    world.server.put(AMY, message("newer@x", ""));
    world.server.state.lock().unwrap().too_old.insert(old.clone(), at(-10));
    assert_eq!(cycle_of(&world, amy).await.items, 3);
    assert_eq!(world.store.decisions(), [Decision::Promoted, Decision::BeforeStart, Decision::Promoted]);
    let state = world.store.state();
    let row = state.rows.values().find(|row| row.identity == old).unwrap();
    assert_eq!(
        (row.received_at, row.message_id.as_ref().unwrap().as_str()),
        (Some(at(-10)), "from.its@header")
    );
    assert!(row.size > 0 && row.trace.len() == 1, "{row:?}");
    assert_eq!(row.trace[0].rule, "process_emails_from");
}

#[tokio::test]
async fn a_message_that_breaks_the_parser_is_quarantined_and_the_rest_goes_on() {
    let world = World::new();
    let amy = world.mailbox(1, AMY);
    world.server.put(AMY, message("1@x", ""));
    world.server.put(AMY, message("2@x", "X-Break: panic\n"));
    world.server.put(AMY, message("3@x", "X-Break: unreadable\n"));
    world.server.put(AMY, message("4@x", ""));
    assert_eq!(cycle_of(&world, amy).await.end, CycleEnd::Completed);
    use Decision::{Promoted, Quarantined};
    assert_eq!(world.store.decisions(), [Promoted, Quarantined, Quarantined, Promoted]);
    assert_eq!(world.store.state().quarantine.len(), 2);
    assert_eq!(world.store.state().alerts.len(), 1);
}

#[tokio::test]
async fn a_duplicate_of_the_same_batch_and_a_reply_to_it_are_seen() {
    let world = World::new();
    let amy = world.mailbox(1, AMY);
    world.store.state().filter = Some(IncomingFilter::All);
    world.server.put(AMY, message("1@x", ""));
    world.server.put(AMY, message("1@x", ""));
    world.server.put(AMY, message("2@x", "In-Reply-To: <1@x>\n"));
    cycle_of(&world, amy).await;
    assert_eq!(world.store.decisions(), [Decision::Promoted, Decision::Duplicate, Decision::Promoted]);
    let state = world.store.state();
    let reply = state.rows.values().last().unwrap();
    assert!(reply.trace.iter().any(|step| step.rule == "correlation" && step.detail.contains("names email")));
}

#[tokio::test]
async fn messages_without_a_message_id_are_told_apart_by_where_they_lie() {
    let world = World::new();
    let amy = world.mailbox(1, AMY);
    for _ in 0..2 {
        world.server.put(AMY, b"From: ben@fabrikam.test\n\nno id\n".to_vec());
    }
    cycle_of(&world, amy).await;
    assert_eq!(world.store.state().emails.len(), 2);
}

#[tokio::test]
async fn a_conflict_is_planned_again_with_fresh_facts() {
    let world = World::new();
    let amy = world.mailbox(1, AMY);
    world.server.put(AMY, message("1@x", ""));
    {
        let mut state = world.store.state();
        (state.conflicts, state.taken_meanwhile) = (2, MessageId::parse("1@x"));
    }
    assert_eq!(cycle_of(&world, amy).await.end, CycleEnd::Completed);
    assert_eq!(world.store.decisions(), [Decision::Duplicate]);
}

#[tokio::test]
async fn endless_conflicts_end_the_cycle_without_a_row() {
    let world = World::new();
    let amy = world.mailbox(1, AMY);
    world.server.put(AMY, message("1@x", ""));
    world.store.state().conflicts = u32::MAX;
    assert!(matches!(cycle_of(&world, amy).await.end, CycleEnd::Failed(_)));
    assert!(world.store.decisions().is_empty());
}

#[tokio::test]
async fn what_came_before_the_connection_broke_is_kept() {
    let world = World::new();
    let amy = world.mailbox(1, AMY);
    for number in 0..10 {
        world.server.put(AMY, message(&format!("{number}@x"), ""));
    }
    world.server.state.lock().unwrap().cut_after = Some(7);
    let outcome = cycle_of(&world, amy).await;
    let CycleEnd::Failed(failure) = outcome.end else { panic!("it failed") };
    assert_eq!((failure.code, outcome.items), (FailureCode::ConnectionLost, 7));
    let outcome = cycle_of(&world, amy).await;
    assert_eq!((outcome.end, outcome.items), (CycleEnd::Completed, 3));
}

#[tokio::test]
async fn a_full_disk_fails_the_cycle_as_nobodys_setting() {
    let world = World::new();
    let amy = world.mailbox(1, AMY);
    world.server.put(AMY, message("1@x", ""));
    world.store.state().broken = Some(StorageError::DiskFull { path: "tandem.db".to_owned() });
    let CycleEnd::Failed(failure) = cycle_of(&world, amy).await.end else { panic!("it failed") };
    assert_eq!(failure.code, FailureCode::DiskFull);
    assert_eq!(failure.scope, tandem_domain::failure::Scope::Profile);
}

#[tokio::test]
async fn a_cycle_yields_when_its_bytes_are_used_up_and_goes_on_later() {
    let world = World::new();
    let amy = world.mailbox(1, AMY);
    for number in 0..12 {
        world.server.put(AMY, message(&format!("{number}@x"), ""));
    }
    let mut context = world.context(amy, Workload::Incoming).await;
    context.limits.yield_bytes = 300;
    let outcome = run(&context).await;
    assert_eq!((outcome.end, outcome.items), (CycleEnd::Yielded, 4), "one page");
    assert_eq!(cycle_of(&world, amy).await.items, 8);
}

#[tokio::test]
async fn the_server_copy_goes_only_after_the_commit() {
    let world = World::new();
    let queue = world.add(deleting_queue(1, AMY));
    for number in 0..7 {
        world.server.put(AMY, message(&format!("{number}@x"), ""));
    }
    cycle_of(&world, queue).await;
    let lines = world.log.lines();
    let last_commit = lines.iter().rposition(|line| line.starts_with("commit")).unwrap();
    let first_delete = lines.iter().position(|line| line.starts_with("delete")).unwrap();
    assert!(last_commit < first_delete, "{lines:?}");
    assert_eq!(world.server.count(AMY), 0);
    assert_eq!(world.store.state().deleted.len(), 7);
}

#[tokio::test]
async fn a_users_mail_is_never_deleted() {
    let world = World::new();
    let amy = world.add(tandem_domain::mailbox::Mailbox { delete_after_processing: true, ..mailbox(1, AMY) });
    world.server.put(AMY, message("1@x", ""));
    cycle_of(&world, amy).await;
    assert_eq!(world.server.count(AMY), 1);
}

#[tokio::test]
async fn a_kill_at_any_step_leads_to_exactly_one_record_each() {
    let mut kills = 0;
    for step in 0.. {
        let world = World::new();
        let queue = world.add(deleting_queue(1, AMY));
        for number in 0..10 {
            world.server.put(AMY, message(&format!("{number}@x"), ""));
        }
        world.server.put(AMY, message("bad@x", "X-Break: unreadable\n"));
        let context = world.context(queue, Workload::Incoming).await;
        world.steps.stop_at(step);
        let killed = world.steps.run(run(&context)).await.is_none();
        drop(context);
        assert!(
            world.store.state().rows.len() + world.server.count(AMY) >= 11,
            "step {step}: nothing is lost"
        );
        // The next start.
        world.steps.stop_at(usize::MAX);
        let outcome = cycle_of(&world, queue).await;
        assert_eq!(outcome.end, CycleEnd::Completed, "step {step}");
        let state = world.store.state();
        assert_eq!(state.rows.len(), 11, "step {step}");
        assert_eq!(state.emails.len(), 10, "step {step}");
        assert!(state.emails.values().all(|email| email.writes == 1), "step {step}");
        assert_eq!(state.quarantine.len(), 1, "step {step}");
        drop(state);
        assert_eq!(world.server.count(AMY), 1, "step {step}: only what is in quarantine stays");
        if !killed {
            break;
        }
        kills += 1;
    }
    assert!(kills > 25, "there are many steps to be killed at, {kills}");
}

#[tokio::test]
async fn a_stop_ends_the_cycle_between_two_batches() {
    let world = World::new();
    let amy = world.mailbox(1, AMY);
    world.server.put(AMY, message("1@x", ""));
    world.server.state.lock().unwrap().hung.insert(AMY.to_owned());
    let context = world.context(amy, Workload::Incoming).await;
    let cancel = context.cancel.clone();
    let (outcome, ()) = tokio::join!(run(&context), async { cancel.cancel() });
    assert!(outcome.was_stopped());
}
