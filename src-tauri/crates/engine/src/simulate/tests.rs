//! A day of many mailboxes: limits hold, nobody starves, the load is spread, and a forecast adds up.

use super::*;
use crate::dispatch::{PoolSizes, RampLimits};

const HOUR: Ms = 60 * 60_000;
const MINUTE: Ms = 60_000;

fn profile(mailboxes: u32, connections: u16) -> SimulatedProfile {
    SimulatedProfile {
        mailboxes,
        connections,
        logs_in: LogsIn::Mailbox,
        server: Behaviour::Answers,
        backlog: 0,
    }
}

fn scenario(profiles: Vec<SimulatedProfile>, hours: Ms) -> Scenario {
    Scenario {
        seed: 7,
        limits: DispatchLimits::default(),
        profiles,
        costs: Costs::default(),
        length: hours * HOUR,
        warm_up: 30 * MINUTE,
    }
}

#[test]
fn two_thousand_mailboxes_keep_their_limits_starve_nobody_and_spread_over_the_minutes() {
    let profiles = (0..10).map(|_| profile(200, 10)).collect();
    let summary = simulate(&scenario(profiles, 3), every_five_minutes);
    assert_eq!(summary.exceeded, 0, "{summary:?}");
    assert!(summary.most_running[0] <= 32 && summary.most_running[1] <= 16, "{summary:?}");
    assert!(summary.fullest_profile.0 <= 10 && summary.fullest_identity.0 <= 10, "{summary:?}");
    // Two workloads of 2,000 mailboxes, every five minutes and a little.
    assert!((120_000..=150_000).contains(&summary.cycles), "{summary:?}");
    assert!(summary.worst_lateness < 30_000, "{summary:?}");
    assert!(summary.longest_starvation < 10 * MINUTE, "{summary:?}");
    let load = summary.starts_per_minute;
    assert!(f64::from(load.least) > load.mean * 0.85 && f64::from(load.most) < load.mean * 1.15, "{load:?}");
}

#[test]
fn the_same_seed_gives_the_same_day() {
    let scenario = scenario(vec![profile(50, 4)], 2);
    assert_eq!(simulate(&scenario, every_five_minutes), simulate(&scenario, every_five_minutes));
    let other = simulate(&Scenario { seed: 8, ..scenario.clone() }, every_five_minutes);
    assert_ne!(simulate(&scenario, every_five_minutes), other);
}

#[test]
fn huge_first_syncs_delay_nobody_by_more_than_an_interval() {
    // 30 inboxes of 20,000 messages, 400 s each, beside 200 ordinary mailboxes at the same server.
    let huge = SimulatedProfile { backlog: 20_000, ..profile(30, 300) };
    let pools = PoolSizes { incoming: 10, ..PoolSizes::default() };
    let mut scenario = scenario(vec![huge, profile(200, 300)], 4);
    (scenario.limits.pools, scenario.warm_up) = (pools, 0);
    let summary = simulate(&scenario, every_five_minutes);
    assert!(summary.yielded > 30, "{summary:?}");
    assert!(summary.worst_lateness <= 5 * MINUTE, "{summary:?}");
    assert_eq!(summary.exceeded, 0);
}

#[test]
fn a_hanging_server_delays_no_mailbox_of_another() {
    let hung = SimulatedProfile { server: Behaviour::Hangs, ..profile(500, 300) };
    let summary = simulate(&scenario(vec![hung, profile(200, 50)], 3), every_five_minutes);
    assert!(summary.worst_lateness < 5_000, "{summary:?}");
    assert!(summary.longest_starvation < 10 * MINUTE, "{summary:?}");
    assert_eq!(summary.exceeded, 0);
}

#[test]
fn held_connections_and_a_shared_account_stay_within_the_limit() {
    let news = SimulatedProfile { server: Behaviour::TellsNews, logs_in: LogsIn::Profile, ..profile(60, 10) };
    let alone = SimulatedProfile { server: Behaviour::TellsNews, ..profile(250, 300) };
    let summary = simulate(&scenario(vec![news, alone], 6), every_five_minutes);
    assert_eq!(summary.exceeded, 0, "{summary:?}");
    assert!(summary.longest_starvation < 10 * MINUTE, "{summary:?}");
}

#[test]
fn narrow_limits_show_as_lateness_and_still_starve_nobody() {
    // 2,000 cycles of 1/4 s and more do not fit into 5 minutes of one connection.
    let mut scenario = scenario(vec![profile(1_000, 1)], 6);
    scenario.limits.ramp = RampLimits::default();
    let summary = simulate(&scenario, every_five_minutes);
    assert_eq!(summary.exceeded, 0);
    assert!(summary.worst_lateness > 10_000, "{summary:?}");
    assert!(summary.longest_starvation < 15 * MINUTE, "{summary:?}");
}

fn request(users: u32, queues: u32) -> ForecastRequest {
    ForecastRequest {
        users,
        queues,
        connections: 10,
        logs_in: LogsIn::Mailbox,
        batches: BatchRule::default(),
        backlog: 500,
        costs: Costs::default(),
        limits: DispatchLimits::default(),
    }
}

#[test]
fn a_small_run_is_one_batch_and_takes_minutes() {
    let forecast = forecast(&request(10, 0));
    assert_eq!((forecast.batches, forecast.last_batch_at, forecast.queues_tested_at), (1, 0, 0));
    assert!((12_000..60_000).contains(&forecast.tested_at), "{forecast:?}");
    assert!(forecast.synced_at > forecast.tested_at && forecast.synced_at < 10 * MINUTE, "{forecast:?}");
    assert!(forecast.most_connections <= 10);
}

#[test]
fn a_thousand_mailboxes_go_in_batches_with_queues_first() {
    let forecast = forecast(&request(950, 50));
    assert_eq!((forecast.batches, forecast.last_batch_at), (5, 20 * HOUR));
    assert!(forecast.queues_tested_at < 5 * MINUTE, "{forecast:?}");
    assert!((20 * HOUR..21 * HOUR).contains(&forecast.tested_at), "{forecast:?}");
    assert!((forecast.tested_at..22 * HOUR).contains(&forecast.synced_at), "{forecast:?}");
    assert!((350.0..=420.0).contains(&forecast.cycles_per_minute_afterwards), "{forecast:?}");
}

#[test]
fn what_is_skipped_between_batches_changes_nothing_of_the_result() {
    let one = ForecastRequest { batches: BatchRule { mailboxes: 20, every: HOUR }, ..request(40, 0) };
    let two = ForecastRequest { batches: BatchRule { mailboxes: 20, every: 9 * HOUR }, ..one };
    let (one, two) = (forecast(&one), forecast(&two));
    assert_eq!(one.batches, two.batches);
    let apart = (two.tested_at - 9 * HOUR) - (one.tested_at - HOUR);
    assert!(apart.abs() < 10_000, "{one:?} {two:?}");
}

#[test]
fn nothing_to_do_takes_no_time() {
    let forecast = forecast(&request(0, 0));
    assert_eq!((forecast.batches, forecast.tested_at, forecast.synced_at), (0, 0, 0));
}
