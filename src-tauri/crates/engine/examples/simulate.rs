//! `script/bench simulate`: a day of 10,000 mailboxes on the engine's own dispatcher, and what became of the limits.

use std::time::Instant;
use tandem_engine::{
    dispatch::{DispatchLimits, PoolSizes},
    simulate::{Behaviour, Costs, LogsIn, Scenario, SimulatedProfile, Summary, every_five_minutes, simulate},
};

const HOUR: i64 = 60 * 60_000;

fn main() {
    let profile = |mailboxes, connections| SimulatedProfile {
        mailboxes,
        connections,
        logs_in: LogsIn::Mailbox,
        server: Behaviour::Answers,
        backlog: 0,
    };
    let scenario = |profiles, limits| Scenario {
        seed: 7,
        limits,
        profiles,
        costs: Costs::default(),
        length: 24 * HOUR,
        warm_up: HOUR / 2,
    };
    let limits = DispatchLimits::default();
    let even = (0..20).map(|_| profile(500, 10)).collect();
    print("10,000 mailboxes at 20 servers, 10 connections each", &scenario(even, limits));

    let mut mixed: Vec<SimulatedProfile> = (0..20).map(|_| profile(450, 20)).collect();
    mixed.push(SimulatedProfile { server: Behaviour::Hangs, ..profile(500, 300) });
    mixed.push(SimulatedProfile { backlog: 20_000, ..profile(20, 20) });
    mixed.push(SimulatedProfile { server: Behaviour::TellsNews, ..profile(480, 300) });
    let limits = DispatchLimits {
        pools: PoolSizes { incoming: 64, outgoing: 32, ..PoolSizes::default() },
        ..DispatchLimits::default()
    };
    let name =
        "10,000 mailboxes, 500 of them at a hanging server, 20 huge, 480 at a server that tells of news";
    print(name, &scenario(mixed, limits));
}

fn print(name: &str, scenario: &Scenario) {
    let start = Instant::now();
    let summary = simulate(scenario, every_five_minutes);
    let took = start.elapsed();
    let Summary { cycles, yielded, most_running: [incoming, outgoing, _], messages, .. } = summary;
    let seconds = |ms: i64| std::time::Duration::from_millis(u64::try_from(ms).unwrap_or(0)).as_secs_f64();
    let load = summary.starts_per_minute;
    println!("{name}, 24 hours in {:.2} s", took.as_secs_f64());
    println!("  cycles               {cycles} ({yielded} yielded), {messages} messages");
    println!(
        "  at once, at most     {incoming} of {} incoming, {outgoing} of {} outgoing",
        scenario.limits.pools.incoming, scenario.limits.pools.outgoing
    );
    let (profile, identity) = (summary.fullest_profile, summary.fullest_identity);
    println!("  fullest profile      {} of {} connections", profile.0, profile.1);
    println!("  fullest identity     {} of {} connections", identity.0, identity.1);
    println!("  limits exceeded      {} times", summary.exceeded);
    println!("  worst lateness       {:.1} s after the warm-up", seconds(summary.worst_lateness));
    println!(
        "  longest starvation   {:.1} s between two completed cycles",
        seconds(summary.longest_starvation)
    );
    println!("  starts in a minute   {} least, {:.0} mean, {} most", load.least, load.mean, load.most);
}
