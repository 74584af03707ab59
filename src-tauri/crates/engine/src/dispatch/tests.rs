//! Who starts when: fairness, isolation, limits, yielding, the ramp, and the order of catching up.

use super::*;

/// A dispatcher whose ramp lets everything in at once.
fn open(incoming: usize, outgoing: usize, operations: usize) -> Dispatcher {
    let ramp = RampLimits { burst: 100_000, first_per_second: 100_000, most_per_second: 100_000 };
    let pools = PoolSizes { incoming, outgoing, operations };
    Dispatcher::new(DispatchLimits { pools, ramp }, 0)
}

/// Work of a mailbox of its own.
fn job(dispatcher: &mut Dispatcher, pool: Pool, server: Server) -> Job {
    let lane = dispatcher.add_lane();
    let identity = dispatcher.add_identity();
    let job = dispatcher.add_job(pool, lane, server);
    dispatcher.identify(job, identity);
    job
}

/// All that starts now.
fn started(dispatcher: &mut Dispatcher, now: Ms) -> Vec<Job> {
    std::iter::from_fn(|| dispatcher.start(now)).map(|started| started.job).collect()
}

#[test]
fn what_is_longest_overdue_starts_first_and_nothing_before_it_is_due() {
    let mut all = open(1, 1, 1);
    let server = all.add_server(10);
    let jobs: Vec<Job> = (0..3).map(|_| job(&mut all, Pool::Incoming, server)).collect();
    for (job, at) in jobs.iter().zip([300, 100, 200]) {
        all.plan(*job, at, Turn::Due);
    }
    assert_eq!(started(&mut all, 99), []);
    assert_eq!(all.next_at(99), Some(100));
    assert_eq!(started(&mut all, 300), [jobs[1]], "one place in the pool");
    all.end(jobs[1]);
    assert_eq!(started(&mut all, 300), [jobs[2]]);
    all.end(jobs[2]);
    assert_eq!(started(&mut all, 300), [jobs[0]]);
}

#[test]
fn filling_one_pool_does_not_delay_the_others() {
    let mut all = open(4, 2, 2);
    let server = all.add_server(300);
    for _ in 0..1_000 {
        let incoming = job(&mut all, Pool::Incoming, server);
        all.plan(incoming, 0, Turn::Due);
        let test = job(&mut all, Pool::Operations, server);
        all.ask(test, 0);
    }
    assert_eq!(started(&mut all, 0).len(), 3 + 2, "three quarters of four, and of two");
    let outgoing = job(&mut all, Pool::Outgoing, server);
    all.plan(outgoing, 500, Turn::Due);
    assert_eq!(started(&mut all, 500), [outgoing], "at the instant at which it is due");
}

#[test]
fn one_pool_leaves_connections_of_a_server_to_the_others() {
    let mut all = open(32, 16, 8);
    let server = all.add_server(10);
    for _ in 0..100 {
        let incoming = job(&mut all, Pool::Incoming, server);
        all.plan(incoming, 0, Turn::Due);
    }
    assert_eq!(started(&mut all, 0).len(), 8);
    let (outgoing, test) = (job(&mut all, Pool::Outgoing, server), job(&mut all, Pool::Operations, server));
    all.plan(outgoing, 1, Turn::Due);
    all.ask(test, 1);
    assert_eq!(started(&mut all, 1), [outgoing, test]);
    assert_eq!(all.connections_in_use(server), 10);
    let another = job(&mut all, Pool::Outgoing, server);
    all.plan(another, 2, Turn::Due);
    assert_eq!(started(&mut all, 2), [], "ten are ten, whoever uses them");
    all.end(test);
    assert_eq!(started(&mut all, 3), [another]);
}

#[test]
fn a_servers_last_connection_goes_to_whatever_is_longest_overdue_in_any_pool() {
    let mut all = open(8, 8, 8);
    let server = all.add_server(1);
    let (incoming, outgoing, test) = (
        job(&mut all, Pool::Incoming, server),
        job(&mut all, Pool::Outgoing, server),
        job(&mut all, Pool::Operations, server),
    );
    all.plan(incoming, 30, Turn::Due);
    all.plan(outgoing, 20, Turn::Due);
    all.ask(test, 10);
    let mut order = Vec::new();
    for now in 30..33 {
        let now_started = started(&mut all, now);
        assert_eq!(now_started.len(), 1);
        now_started.iter().for_each(|job| all.end(*job));
        order.extend(now_started);
    }
    assert_eq!(order, [test, outgoing, incoming]);
}

#[test]
fn an_identity_is_never_over_its_limit_and_its_queue_does_not_hold_up_others() {
    let mut all = open(32, 16, 8);
    let server = all.add_server(2);
    let other = all.add_server(10);
    let shared = all.add_identity();
    let mut work = Vec::new();
    for pool in [Pool::Incoming, Pool::Outgoing, Pool::Operations] {
        for at in [server, other] {
            let lane = all.add_lane();
            let job = all.add_job(pool, lane, at);
            all.identify(job, shared);
            all.plan(job, 0, Turn::Due);
            work.push(job);
        }
    }
    let alone = job(&mut all, Pool::Incoming, other);
    all.plan(alone, 1, Turn::Due);
    let mut running = started(&mut all, 1);
    assert!(running.contains(&alone), "it has an identity of its own");
    running.retain(|job| *job != alone);
    let mut done = 0;
    while let Some(job) = running.pop() {
        assert!(running.len() < 2, "two of one user, although one of the servers would allow ten");
        all.end(job);
        done += 1;
        running.extend(started(&mut all, 2));
    }
    assert_eq!(done, work.len());
}

#[test]
fn a_mailbox_is_worked_on_once_at_a_time_in_whatever_pool() {
    let mut all = open(8, 8, 8);
    let server = all.add_server(10);
    let lane = all.add_lane();
    let (cycle, test) =
        (all.add_job(Pool::Incoming, lane, server), all.add_job(Pool::Operations, lane, server));
    all.plan(cycle, 0, Turn::Due);
    all.ask(test, 0);
    assert_eq!(started(&mut all, 0), [cycle]);
    all.end(cycle);
    assert_eq!(started(&mut all, 1), [test]);
}

#[test]
fn who_gives_up_waiting_does_not_keep_those_behind() {
    let mut all = open(8, 8, 1);
    let server = all.add_server(10);
    let lane = all.add_lane();
    let (cycle, test, next) = (
        all.add_job(Pool::Incoming, lane, server),
        all.add_job(Pool::Operations, lane, server),
        all.add_job(Pool::Outgoing, lane, server),
    );
    let busy = job(&mut all, Pool::Operations, server);
    all.ask(busy, 0);
    all.plan(cycle, 0, Turn::Due);
    assert_eq!(started(&mut all, 0), [busy, cycle]);
    all.ask(test, 1);
    all.plan(next, 2, Turn::Due);
    assert_eq!(started(&mut all, 2), []);
    all.end(cycle);
    assert_eq!(started(&mut all, 2), [next], "the test in front of it waits for its own pool");
    all.remove_job(next);
    all.remove_job(test);
    all.plan(cycle, 3, Turn::Due);
    assert_eq!(started(&mut all, 3), [cycle]);
}

#[test]
fn a_hung_server_leaves_a_quarter_of_the_pool_to_the_others() {
    let mut all = open(8, 8, 8);
    let hung = all.add_server(300);
    for _ in 0..100 {
        let job = job(&mut all, Pool::Incoming, hung);
        all.plan(job, 0, Turn::Due);
    }
    assert_eq!(started(&mut all, 0).len(), 6);
    let server = all.add_server(10);
    for now in 1..100 {
        let job = job(&mut all, Pool::Incoming, server);
        all.plan(job, now, Turn::Due);
        assert_eq!(started(&mut all, now), [job]);
        all.end(job);
    }
}

#[test]
fn yielded_work_goes_behind_what_is_due_but_not_for_ever() {
    let mut all = open(1, 1, 1);
    let server = all.add_server(1);
    let (huge, small) = (job(&mut all, Pool::Incoming, server), job(&mut all, Pool::Incoming, server));
    all.plan(huge, 0, Turn::Due);
    assert_eq!(started(&mut all, 0), [huge]);
    all.end(huge);
    all.plan(huge, 1_000, Turn::Yielded);
    all.plan(small, 1_001, Turn::Due);
    assert_eq!(started(&mut all, 1_001), [small], "due later, and first all the same");
    all.end(small);
    assert_eq!(started(&mut all, 1_001), [huge], "at once, as nobody is due");
    all.end(huge);
    all.plan(huge, 2_000, Turn::Yielded);
    let late = 2_000 + BEHIND + 1;
    all.plan(small, late, Turn::Due);
    assert_eq!(started(&mut all, late), [huge], "it has waited for an interval");
}

#[test]
fn the_share_of_a_huge_sync_shrinks_with_those_who_wait() {
    let mut all = open(32, 16, 8);
    let server = all.add_server(10);
    let jobs: Vec<Job> = (0..58).map(|_| job(&mut all, Pool::Incoming, server)).collect();
    all.plan(jobs[0], 0, Turn::Due);
    assert_eq!(started(&mut all, 0), [jobs[0]]);
    assert_eq!(all.slice(jobs[0], 300_000, 120_000), 120_000, "nobody waits");
    jobs[1..].iter().for_each(|job| all.plan(*job, 0, Turn::Due));
    assert_eq!(started(&mut all, 0).len(), 7);
    assert_eq!(all.slice(jobs[0], 300_000, 120_000), 60_000, "fifty wait for ten connections");
    let other = all.add_server(300);
    let more: Vec<Job> = (0..350).map(|_| job(&mut all, Pool::Incoming, other)).collect();
    more.iter().for_each(|job| all.plan(*job, 0, Turn::Due));
    assert_eq!(started(&mut all, 0).len(), 24, "three quarters of the pool are full with two servers");
    assert_eq!(all.slice(jobs[0], 300_000, 120_000), 300_000 * 32 / 376, "and many for the pool");
}

#[test]
fn after_a_restart_due_work_is_let_in_by_and_by_in_its_order() {
    let limits = DispatchLimits {
        pools: PoolSizes { incoming: 10_000, outgoing: 1, operations: 1 },
        ramp: RampLimits { burst: 8, first_per_second: 8, most_per_second: 100 },
    };
    let mut all = Dispatcher::new(limits, 0);
    let servers: Vec<Server> = (0..40).map(|_| all.add_server(300)).collect();
    let jobs: Vec<Job> = (0..2_000).map(|n| job(&mut all, Pool::Incoming, servers[n % 40])).collect();
    // Due long ago, in an order of their own.
    for (index, job) in jobs.iter().enumerate() {
        all.plan(*job, -1 - ((index as Ms * 7_919) % 2_000), Turn::Due);
    }
    let (mut now, mut order, mut in_this_second) = (0, Vec::new(), 0);
    while order.len() < jobs.len() {
        let more = started(&mut all, now);
        in_this_second += more.len();
        order.extend(more);
        let next = all.next_at(now).unwrap_or(now + 1).max(now + 1);
        if next / 1_000 != now / 1_000 {
            assert!(in_this_second <= 108, "{in_this_second} in second {}", now / 1_000);
            in_this_second = 0;
        }
        now = next;
    }
    let due: Vec<Ms> = order
        .iter()
        .map(|job| -1 - ((jobs.iter().position(|one| one == job).unwrap() as Ms * 7_919) % 2_000))
        .collect();
    assert!(due.is_sorted(), "the longest overdue first");
    assert!((18_000..40_000).contains(&now), "{now}");
}

#[test]
fn a_changed_limit_counts_from_then_on() {
    let mut all = open(32, 16, 8);
    let server = all.add_server(1);
    let shared = all.add_identity();
    let jobs: Vec<Job> = (0..5)
        .map(|_| {
            let lane = all.add_lane();
            let job = all.add_job(Pool::Incoming, lane, server);
            all.identify(job, shared);
            all.plan(job, 0, Turn::Due);
            job
        })
        .collect();
    assert_eq!(started(&mut all, 0), [jobs[0]]);
    all.set_connections(server, 3);
    assert_eq!(started(&mut all, 0), [jobs[1], jobs[2]]);
    all.set_connections(server, 1);
    all.end(jobs[0]);
    all.end(jobs[1]);
    assert_eq!(started(&mut all, 0), [], "one still runs");
    all.end(jobs[2]);
    assert_eq!(started(&mut all, 0), [jobs[3]]);
}

#[test]
fn who_turns_out_to_be_somebody_known_goes_back_when_he_is_full() {
    let mut all = open(32, 16, 8);
    let server = all.add_server(1);
    let other = all.add_server(9);
    let shared = all.add_identity();
    let (one, two) = (job(&mut all, Pool::Incoming, server), job(&mut all, Pool::Incoming, other));
    all.plan(one, 0, Turn::Due);
    all.plan(two, 0, Turn::Due);
    assert_eq!(started(&mut all, 0), [one, two]);
    assert!(all.identify(one, shared));
    assert!(!all.identify(two, shared));
    assert_eq!(started(&mut all, 0), []);
    assert_eq!((all.running(Pool::Incoming), all.connections_in_use(other)), (1, 0));
    all.end(one);
    assert_eq!(started(&mut all, 0), [two]);
    assert!(all.identify(two, shared));
}

#[test]
fn held_connections_count_and_never_take_the_last_one() {
    let mut all = open(32, 16, 8);
    let server = all.add_server(4);
    let mut held = Vec::new();
    for _ in 0..4 {
        let lane = all.add_lane();
        let job = all.add_job(Pool::Incoming, lane, server);
        all.plan(job, 0, Turn::Due);
        assert_eq!(started(&mut all, 0), [job]);
        if all.hold(job) {
            held.push((job, lane));
        } else {
            all.end(job);
        }
    }
    assert_eq!((held.len(), all.held(server), all.connections_in_use(server)), (3, 3, 3));
    let (outgoing, test) = (job(&mut all, Pool::Outgoing, server), job(&mut all, Pool::Operations, server));
    all.plan(outgoing, 0, Turn::Due);
    all.ask(test, 0);
    assert_eq!(started(&mut all, 0), [outgoing], "one is left, and only one");
    assert_eq!(all.connections_in_use(server), 4);
    assert_eq!(all.short_of_connections(), Some(server), "another waits: one should be let go");
    let (job, lane) = held[0];
    all.let_go(lane);
    assert_eq!(started(&mut all, 0), [test]);
    all.plan(job, 0, Turn::Due);
    assert_eq!(started(&mut all, 0), [], "four are four");
    let (job, lane) = held[1];
    all.offer(lane);
    all.plan(job, 0, Turn::Due);
    let next = all.start(0).unwrap();
    assert_eq!((next.job, next.connection), (job, Connection::Held), "its connection is there already");
    assert_eq!((all.held(server), all.connections_in_use(server)), (1, 4));
    assert!(!all.hold(job), "somebody waits");
    all.end(job);
    assert_eq!(started(&mut all, 0), [held[0].0], "who waited has it now");
    assert_eq!(all.connections_in_use(server), 4);
}

#[test]
fn a_server_of_one_connection_holds_none() {
    let mut all = open(32, 16, 8);
    let server = all.add_server(1);
    let job = job(&mut all, Pool::Incoming, server);
    all.plan(job, 0, Turn::Due);
    assert_eq!(started(&mut all, 0), [job]);
    assert!(!all.hold(job));
}

#[test]
fn a_clock_set_back_takes_everything_planned_with_it() {
    let mut all = open(1, 16, 8);
    let server = all.add_server(10);
    let jobs: Vec<Job> = (0..3).map(|_| job(&mut all, Pool::Incoming, server)).collect();
    for (job, at) in jobs.iter().zip([1_000, 2_000, 10_000]) {
        all.plan(*job, at, Turn::Due);
    }
    assert_eq!(started(&mut all, 5_000), [jobs[0]]);
    all.clock_moved(-4_000, 1_000);
    all.end(jobs[0]);
    assert_eq!(started(&mut all, 1_000), [jobs[1]], "it was waiting already");
    all.end(jobs[1]);
    assert_eq!((started(&mut all, 1_000), all.next_at(1_000)), (vec![], Some(6_000)));
}
