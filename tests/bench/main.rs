//! `script/bench`: the program beside its peers, on the same servers in the same run, as ratios.
//!
//! A ratio is the peer's median time by ours: 1.0 is as fast, 2.0 twice as fast. Nothing here passes or fails; a
//! person reads it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench that cannot go on says so and stops"
)]

#[cfg(target_os = "linux")]
mod first_sync;
#[cfg(target_os = "linux")]
mod idle;
#[cfg(target_os = "linux")]
mod latency;
#[cfg(target_os = "linux")]
mod many;
#[cfg(target_os = "linux")]
mod migrate_plan;
#[cfg(target_os = "linux")]
mod quiet_cycle;
#[cfg(target_os = "linux")]
mod timing;

fn main() {
    #[cfg(target_os = "linux")]
    {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        match arguments.first().map(String::as_str) {
            Some("first-sync") => first_sync::run(arguments.get(1).map(String::as_str)),
            Some("idle") => idle::run(),
            Some("migrate-plan") => migrate_plan::run(),
            Some("idle-10000") => many::run(many::Kind::Polled, number(&arguments).unwrap_or(10_000)),
            Some("push-2000") => many::run(many::Kind::Held, number(&arguments).unwrap_or(2_000)),
            Some("push-latency") => latency::run(),
            Some("quiet-cycle") => quiet_cycle::run(),
            Some("serve") => many::serve(),
            _ => {
                eprintln!(
                    "usage: script/bench first-sync [tmpfs|disk] | idle | idle-10000 [N] | push-2000 [N] | push-latency | \
                     quiet-cycle | simulate | migrate-plan"
                );
                std::process::exit(2);
            }
        }
    }
    #[cfg(not(target_os = "linux"))]
    eprintln!("The peers that this bench compares with run on Linux only.");
}

#[cfg(target_os = "linux")]
fn number(arguments: &[String]) -> Option<usize> {
    arguments.get(1)?.parse().ok()
}
