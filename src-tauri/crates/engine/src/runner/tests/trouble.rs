//! Servers, passwords and messages that fail: who is told, who waits, and that nothing is lost.

use super::*;
use tandem_domain::{
    alert::{AlertCode, NewAlert},
    breaker::Asked,
    item_retry::MAX_ITEM_RETRIES,
    ledger::Decision,
    profile::EmailServerProfile,
    send_limits::{HeldBy, SendLimits},
};

fn down() -> Failure {
    Failure::transient_profile(FailureCode::ConnectionRefused, "refused")
}

fn address(number: u128) -> String {
    format!("user{number}@contoso.test")
}

/// The server fails for all of these, or for none of them.
fn fails(world: &World, boxes: u128, failure: Option<&Failure>) {
    let mut state = world.server.state.lock().unwrap();
    state.refuses.clear();
    for number in 1..=boxes {
        state.refuses.extend(failure.map(|failure| (address(number), failure.clone())));
    }
}

fn alerts(world: &World) -> Vec<NewAlert> {
    world.store.state().alerts.clone()
}

fn runs(world: &World) -> u32 {
    world.store.state().schedule.values().map(|row| row.runs).sum()
}

async fn run(engine: &Arc<Engine>) {
    let run = engine.run(RunMode::UntilIdle, CancellationToken::new());
    timeout(PATIENCE, Box::pin(run)).await.expect("it ends").unwrap();
}

#[tokio::test]
async fn an_outage_is_one_alert_on_the_profile_and_disables_nobody() {
    let world = World::new();
    for number in 1..=12 {
        world.mailbox(number, &address(number));
        world.server.put(&address(number), message(&format!("{number}@x"), ""));
    }
    fails(&world, 12, Some(&down()));
    let engine = engine(&world);
    for _ in 0..(24 * 12) {
        run(&engine).await;
        world.clock.advance(Duration::minutes(5));
    }
    let told = alerts(&world);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].object, AlertObject::Profile(PROFILE));
    assert!(told[0].retry_at.is_some());
    {
        let state = world.store.state();
        assert!(state.mailboxes.values().all(|mailbox| mailbox.incoming_state.enabled));
        assert!(state.schedule.values().all(|row| row.attempts == 0));
        let tried: u32 = state
            .schedule
            .iter()
            .filter(|(key, _)| key.1 == Workload::Incoming)
            .map(|(_, row)| row.runs)
            .sum();
        // A whole day: those that were under way, and one probe every half hour.
        assert!((48..=64).contains(&tried), "{tried} cycles");
    }
    fails(&world, 12, None);
    world.clock.advance(Duration::minutes(30));
    run(&engine).await;
    assert!(alerts(&world).is_empty(), "{:?}", alerts(&world));
    assert_eq!(world.store.decisions(), [Decision::Promoted; 12], "all that came meanwhile is there");
}

#[tokio::test]
async fn one_mailbox_that_meets_a_failure_of_the_server_is_no_outage() {
    let world = World::new();
    world.mailbox(1, &address(1));
    let bob = world.mailbox(2, BOB);
    fails(&world, 1, Some(&down()));
    let engine = engine(&world);
    for _ in 0..20 {
        run(&engine).await;
        world.clock.advance(Duration::minutes(5));
    }
    let told = alerts(&world);
    assert_eq!(told.len(), 1);
    assert!(matches!(told[0].object, AlertObject::Mailbox(_, Workload::Incoming)), "{told:?}");
    assert_eq!(row(&world, bob, Workload::Incoming).runs, 20);
    fails(&world, 0, None);
    run(&engine).await;
    assert!(alerts(&world).is_empty(), "{:?}", alerts(&world));
}

#[tokio::test]
async fn a_changed_network_and_a_person_end_the_wait() {
    let world = World::new();
    let mailboxes = [1, 2, 3].map(|number| world.mailbox(number, &address(number)));
    fails(&world, 3, Some(&down()));
    let engine = engine(&world);
    run(&engine).await;
    let before = runs(&world);
    run(&engine).await;
    assert_eq!(runs(&world), before, "everyone waits");
    fails(&world, 3, None);
    let stop = CancellationToken::new();
    let asked = engine.sync_now(mailboxes[2], Workload::Incoming, &stop).await.unwrap();
    assert!(matches!(asked, SyncOutcome::Ran(outcome) if outcome.contacted));
    assert!(alerts(&world).is_empty());

    fails(&world, 3, Some(&down()));
    world.clock.advance(Duration::minutes(10));
    run(&engine).await;
    assert_eq!(alerts(&world).len(), 1);
    fails(&world, 3, None);
    world.clock.advance(Duration::minutes(5) - Duration::seconds(1));
    engine.try_servers_now().await.unwrap();
    run(&engine).await;
    assert!(alerts(&world).is_empty(), "{:?}", alerts(&world));
}

#[tokio::test]
async fn a_refused_account_of_the_profile_is_one_alert_and_is_not_tried_again() {
    let world = World::new();
    let shared = EmailServerProfile {
        authenticate_using: AuthenticateUsing::Profile,
        user_name: Some("sync@contoso.test".to_owned()),
        max_concurrent_connections: 1,
        ..profile(PROFILE)
    };
    world.store.add_profile(shared);
    for number in 1..=20 {
        world.mailbox(number, &address(number));
    }
    fails(&world, 20, Some(&Failure::permanent_mailbox(FailureCode::AuthenticationFailed, "no")));
    let engine = engine(&world);
    for _ in 0..50 {
        run(&engine).await;
        world.clock.advance(Duration::minutes(30));
        engine.try_servers_now().await.unwrap();
    }
    let tried: u32 = {
        let state = world.store.state();
        assert!(state.mailboxes.values().all(|mailbox| mailbox.incoming_state.enabled));
        state.schedule.iter().filter(|(key, _)| key.1 == Workload::Incoming).map(|(_, row)| row.runs).sum()
    };
    assert_eq!(tried, 1, "an account must not be locked");
    let told = alerts(&world);
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].object, told[0].level), (AlertObject::Profile(PROFILE), AlertLevel::Error));
    // Its password was changed.
    fails(&world, 0, None);
    world.ports.storage.probe_now(Some(PROFILE), Asked::ByPerson, world.ports.clock.now()).await.unwrap();
    run(&engine).await;
    assert!(alerts(&world).is_empty());
}

#[tokio::test]
async fn ten_transient_failures_five_minutes_apart_disable_a_mailbox_with_the_same_code() {
    let world = World::new();
    let amy = world.mailbox(1, AMY);
    let busy = Failure::transient_mailbox(FailureCode::MailboxInUse, "[IN-USE]");
    world.server.state.lock().unwrap().refuses.insert(AMY.to_owned(), busy);
    let engine = engine(&world);
    for attempt in 1..=10 {
        run(&engine).await;
        let row = row(&world, amy, Workload::Incoming);
        assert_eq!((row.runs, row.attempts), (attempt, attempt));
        world.clock.advance(Duration::minutes(5));
    }
    let told = alerts(&world);
    assert_eq!(
        (told[0].level, told[0].code),
        (AlertLevel::Error, AlertCode::Failure(FailureCode::MailboxInUse))
    );
    assert!(!world.store.state().mailboxes[&amy].incoming_state.enabled);
    // Disabled costs nothing.
    world.clock.advance(Duration::days(7));
    run(&engine).await;
    assert_eq!(row(&world, amy, Workload::Incoming).runs, 10);
}

#[tokio::test]
async fn a_message_that_fails_alone_is_tried_five_times_more_and_then_listed() {
    let world = World::new();
    let amy = world.mailbox(1, AMY);
    world.server.put(AMY, message("1@x", ""));
    let bad = world.server.put(AMY, message("2@x", ""));
    world.server.put(AMY, message("3@x", ""));
    world.server.state.lock().unwrap().refuses_items.insert(bad.clone());
    let engine = engine(&world);
    run(&engine).await;
    assert_eq!(
        world.store.decisions(),
        [Decision::Promoted, Decision::Retrying, Decision::Promoted],
        "the others go on"
    );
    for retry in 1..=MAX_ITEM_RETRIES {
        assert!(world.store.decisions().contains(&Decision::Retrying), "before retry {retry}");
        for _ in 0..3 {
            world.clock.advance(Duration::minutes(5));
            run(&engine).await;
        }
    }
    assert_eq!(world.store.decisions()[1], Decision::Undeliverable);
    assert_eq!(world.server.state.lock().unwrap().refused_fetches, 1 + MAX_ITEM_RETRIES);
    let told = alerts(&world);
    assert_eq!(told[0].code, AlertCode::MessageUndeliverable);
    assert!(world.store.state().mailboxes[&amy].incoming_state.enabled);
    for _ in 0..10 {
        world.clock.advance(Duration::minutes(15));
        run(&engine).await;
    }
    assert_eq!(world.server.state.lock().unwrap().refused_fetches, 1 + MAX_ITEM_RETRIES, "it is left alone");
}

#[tokio::test]
async fn a_message_that_fails_once_is_recorded_at_its_next_try() {
    let world = World::new();
    world.mailbox(1, AMY);
    let bad = world.server.put(AMY, message("1@x", ""));
    world.server.state.lock().unwrap().refuses_items.insert(bad);
    let engine = engine(&world);
    run(&engine).await;
    world.server.state.lock().unwrap().refuses_items.clear();
    world.clock.advance(Duration::minutes(15));
    run(&engine).await;
    assert_eq!(world.store.decisions(), [Decision::Promoted]);
    assert!(world.store.state().owed.is_empty());
}

#[tokio::test]
async fn a_message_that_storage_does_not_take_does_not_hold_up_its_batch() {
    let world = World::new();
    world.mailbox(1, AMY);
    world.server.put(AMY, message("1@x", ""));
    let bad = world.server.put(AMY, message("2@x", ""));
    world.server.put(AMY, message("3@x", ""));
    world.store.state().poisoned = Some(bad);
    until_idle(&world).await;
    assert_eq!(world.store.decisions(), [Decision::Promoted, Decision::Retrying, Decision::Promoted]);
}

#[tokio::test]
async fn sending_limits_hold_mail_back_before_the_server_refuses_it() {
    let world = World::new();
    let limits = SendLimits { recipients_per_day: Some(8), messages_per_minute: Some(3) };
    world.store.add_profile(EmailServerProfile { send_limits: limits, ..profile(PROFILE) });
    let amy = world.mailbox(1, AMY);
    let emails: Vec<_> = (1..=10).map(|n| world.store.pending(n, amy, &["ben@fabrikam.test"])).collect();
    let engine = engine(&world);
    let sent = || emails.iter().filter(|email| world.store.status(**email) == EmailStatus::Sent).count();
    run(&engine).await;
    assert_eq!(sent(), 3);
    let held = world.store.state().emails[&emails[3]].clone();
    assert_eq!((held.held_by, held.not_before), (Some(HeldBy::MessagesPerMinute), at(60)));
    let last = world.store.state().emails[&emails[9]].clone();
    assert_eq!(last.held_by, Some(HeldBy::RecipientsPerDay));
    assert!(last.not_before >= at(86_400), "{}", last.not_before);
    assert_eq!(row(&world, amy, Workload::Outgoing).due_at, Some(at(60)), "it goes on when the first fits");
    for (minute, expected) in [(1, 6), (2, 8), (3, 8), (60, 8)] {
        world.clock.move_to(at(60 * minute));
        run(&engine).await;
        assert_eq!(sent(), expected, "after {minute} minutes");
    }
    let held = |alerts: Vec<NewAlert>| alerts.iter().filter(|one| one.code == AlertCode::SendingHeld).count();
    assert_eq!(held(alerts(&world)), 1, "mail went at minute 2, and some is still kept until tomorrow");
    world.clock.move_to(at(86_400 + 60));
    run(&engine).await;
    assert_eq!((sent(), held(alerts(&world))), (10, 0), "the cause is gone");
    assert!(world.store.state().mailboxes[&amy].outgoing_state.enabled);
    let told = alerts(&world);
    assert!(told.iter().all(|alert| alert.level == AlertLevel::Information), "{told:?}");
}

#[tokio::test]
async fn a_cycle_that_fails_with_a_password_that_was_replaced_meanwhile_disables_nobody() {
    let world = World::new();
    let amy = world.mailbox(1, &address(1));
    world.server.put(&address(1), message("1@x", ""));
    let refused = Failure::permanent_mailbox(FailureCode::AuthenticationFailed, "535 no");
    world.server.state.lock().unwrap().refuses.insert(address(1), refused.clone());
    world.server.state.lock().unwrap().slow.insert(address(1), StdDuration::from_secs(60));
    while_running(&world, async {
        assert!(row(&world, amy, Workload::Incoming).leased, "it logs in with the old password");
        world.passwords.lock().unwrap().insert(address(1), "the new one".to_owned());
        world.clock.advance(Duration::seconds(60));
        a_while().await;
        assert!(world.store.state().mailboxes[&amy].incoming_state.enabled);
        assert!(alerts(&world).is_empty(), "{:?}", alerts(&world));
        assert!(row(&world, amy, Workload::Incoming).leased, "it is tried with the new one at once");
        // Which is wrong as well: that is its own failure.
        world.clock.advance(Duration::seconds(60));
        a_while().await;
    })
    .await;
    let row = row(&world, amy, Workload::Incoming);
    assert_eq!((row.failure, row.due_at), (Some(refused), None));
}

#[tokio::test]
async fn mailboxes_that_share_an_account_share_its_limit() {
    let world = World::new();
    let shared = EmailServerProfile {
        authenticate_using: AuthenticateUsing::Profile,
        user_name: Some("sync@contoso.test".to_owned()),
        send_limits: SendLimits { recipients_per_day: Some(5), messages_per_minute: None },
        ..profile(PROFILE)
    };
    world.store.add_profile(shared);
    let mut emails = Vec::new();
    for number in 1..=4 {
        let mailbox = world.mailbox(number, &address(number));
        for mail in 0..3 {
            emails.push(world.store.pending(10 * number + mail, mailbox, &["ben@fabrikam.test"]));
        }
    }
    let too_many = ["a@x.test", "b@x.test", "c@x.test", "d@x.test", "e@x.test", "f@x.test"];
    let never = world.store.pending(99, crate::testing::mailbox_id(1), &too_many);
    until_idle(&world).await;
    let sent = emails.iter().filter(|email| world.store.status(**email) == EmailStatus::Sent).count();
    assert_eq!(sent, 5);
    assert_eq!(world.store.status(never), EmailStatus::Failed, "it could never go");
}
