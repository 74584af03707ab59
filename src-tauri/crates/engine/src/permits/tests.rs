//! One identity, one mailbox, one server, one pool: who waits and who does not.

use super::*;
use crate::testing::{PROFILE, World};
use futures::FutureExt;
use tandem_domain::ids::ProfileId;
use uuid::Uuid;

async fn access(world: &World, number: u128) -> MailboxAccess {
    let id = world.mailbox(number, &format!("user{number}@contoso.test"));
    crate::access::prepare(&world.ports, id, Workload::Incoming).await.unwrap().access
}

#[tokio::test]
async fn one_identity_gets_no_more_than_its_connections_and_a_dropped_permit_is_free() {
    let (world, permits) = (World::new(), Permits::new(PoolSizes::default()));
    let mut one = access(&world, 1).await;
    let mut two = access(&world, 2).await;
    let name =
        |text: &str| Credentials::Password { user_name: text.to_owned(), password: String::new().into() };
    (one.credentials, two.credentials) = (name("Sync@contoso.test"), name("sync@CONTOSO.test"));
    let first = permits.acquire(Pool::Incoming, Workload::Incoming, &one, 1).await.unwrap();
    let second = permits.acquire(Pool::Incoming, Workload::Incoming, &two, 1);
    let mut second = Box::pin(second);
    assert!(second.as_mut().now_or_never().is_none(), "the same user in another spelling waits");
    drop(first);
    second.await.unwrap();
}

#[tokio::test]
async fn a_mailbox_is_worked_on_once_at_a_time_in_whatever_pool() {
    let (world, permits) = (World::new(), Permits::new(PoolSizes::default()));
    let one = access(&world, 1).await;
    let _cycle = permits.acquire(Pool::Incoming, Workload::Incoming, &one, 10).await.unwrap();
    let test = permits.acquire(Pool::Operations, Workload::Incoming, &one, 10).now_or_never();
    assert!(test.is_none());
    let other = permits.acquire(Pool::Operations, Workload::Outgoing, &one, 10).now_or_never();
    assert!(other.is_some());
}

#[tokio::test]
async fn one_server_leaves_a_quarter_of_a_pool_and_pools_are_apart() {
    let world = World::new();
    let permits = Permits::new(PoolSizes { incoming: 4, outgoing: 1, operations: 1 });
    let mut held = Vec::new();
    for number in 1..=4 {
        let access = access(&world, number).await;
        assert_eq!(access.profile, PROFILE);
        held.extend(permits.acquire(Pool::Incoming, Workload::Incoming, &access, 9).now_or_never());
    }
    assert_eq!(held.len(), 3);
    let mut other = access(&world, 5).await;
    other.profile = ProfileId(Uuid::from_u128(77));
    assert!(permits.acquire(Pool::Incoming, Workload::Incoming, &other, 9).now_or_never().is_some());
    assert!(permits.acquire(Pool::Outgoing, Workload::Outgoing, &other, 9).now_or_never().is_some());
}

#[tokio::test]
async fn a_changed_limit_counts_from_then_on() {
    let (world, permits) = (World::new(), Permits::new(PoolSizes::default()));
    let mut boxes = Vec::new();
    for number in 1..=4 {
        boxes.push(access(&world, number).await);
    }
    let ask =
        |number: usize, limit| permits.acquire(Pool::Incoming, Workload::Incoming, &boxes[number], limit);
    let first = ask(0, 1).await.unwrap();
    let mut second = Box::pin(ask(1, 1));
    assert!(second.as_mut().now_or_never().is_none());
    let third = ask(2, 3).now_or_never().expect("there is room for three").unwrap();
    let second = second.await.unwrap();
    drop((first, second));
    assert!(ask(3, 1).now_or_never().is_none(), "one still runs");
    drop(third);
    assert!(ask(3, 1).now_or_never().is_some());
}

#[tokio::test]
async fn who_stops_waiting_keeps_nobody_waiting() {
    let (world, permits) = (World::new(), Permits::new(PoolSizes::default()));
    let (one, two) = (access(&world, 1).await, access(&world, 2).await);
    let first = permits.acquire(Pool::Incoming, Workload::Incoming, &one, 1).await.unwrap();
    {
        let mut given_up = Box::pin(permits.acquire(Pool::Incoming, Workload::Incoming, &two, 1));
        assert!(given_up.as_mut().now_or_never().is_none());
    }
    let mut granted_unseen = Box::pin(permits.acquire(Pool::Incoming, Workload::Incoming, &two, 1));
    assert!(granted_unseen.as_mut().now_or_never().is_none());
    drop(first);
    drop(granted_unseen);
    permits.acquire(Pool::Incoming, Workload::Incoming, &one, 1).now_or_never().unwrap().unwrap();
}

fn due(access: &MailboxAccess) -> DueWork {
    let (mailbox, profile) = (access.mailbox, access.profile);
    DueWork {
        mailbox,
        workload: Workload::Incoming,
        profile,
        due_at: crate::testing::at(0),
        attempts: 0,
        activity: Default::default(),
        had_failed: false,
        is_probe: false,
    }
}

#[tokio::test]
async fn claimed_work_starts_alone_until_its_profiles_limit_is_known() {
    let world = World::new();
    let permits = Permits::with_clock(DispatchLimits::default(), Arc::clone(&world.clock) as _);
    let mut boxes = Vec::new();
    for number in 1..=5 {
        boxes.push(access(&world, number).await);
        permits.plan(due(&boxes[number as usize - 1]));
    }
    let mut started = permits.take_started();
    assert_eq!((started.len(), permits.waiting()), (1, 4));
    let (work, permit) = started.pop().unwrap();
    let permit = permit.connects_as(&work, &boxes[0], 3).expect("it has room");
    assert_eq!(permits.take_started().len(), 2, "and gives back at once what nobody keeps");
    drop(permit);
    permits.forget_planned();
    assert_eq!(permits.waiting(), 0);
}

#[tokio::test]
async fn claimed_work_whose_identity_is_full_waits_again() {
    let world = World::new();
    let permits = Permits::with_clock(DispatchLimits::default(), Arc::clone(&world.clock) as _);
    let (mut one, mut two) = (access(&world, 1).await, access(&world, 2).await);
    two.profile = ProfileId(Uuid::from_u128(77));
    let shared = Credentials::Password { user_name: "sync".to_owned(), password: String::new().into() };
    (one.credentials, two.credentials) = (shared.clone(), shared);
    permits.plan(due(&one));
    permits.plan(due(&two));
    let mut started = permits.take_started();
    let (later, second) = started.pop().unwrap();
    let (earlier, first) = started.pop().unwrap();
    let first = first.connects_as(&earlier, &one, 1).expect("it has room");
    assert!(second.connects_as(&later, &two, 9).is_none(), "another profile, and the same user");
    assert_eq!((permits.take_started().len(), permits.waiting()), (0, 1));
    drop(first);
    let (work, permit) = permits.take_started().pop().unwrap();
    assert_eq!(work, later);
    assert!(permit.connects_as(&work, &two, 9).is_some());
}
