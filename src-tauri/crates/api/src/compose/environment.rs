//! What the environment changes for support and for tests: how long servers may take, and what time it is.

use std::{sync::Arc, time::Duration};
use tandem_engine::{
    clock::{ClockAhead, SystemClock},
    ports::clock::Clock,
};
use tandem_mail::net::Timeouts;

/// The longest that can be asked for: a day.
const MOST_SECONDS: u64 = 86_400;

/// The time-outs; `TANDEM_TIMEOUT_SECONDS` replaces all of them, for a slow line or an impatient test.
pub(super) fn timeouts(configured: Timeouts) -> Timeouts {
    seconds("TANDEM_TIMEOUT_SECONDS").map_or(configured, |all| Timeouts {
        connect: all,
        answer: all,
        commit: all,
    })
}

/// The clock; `TANDEM_CLOCK_AHEAD_SECONDS` sets it ahead, to see what will be due then.
pub(super) fn clock() -> Arc<dyn Clock> {
    let ahead =
        seconds("TANDEM_CLOCK_AHEAD_SECONDS").and_then(|ahead| chrono::Duration::from_std(ahead).ok());
    match ahead {
        Some(ahead) => {
            tracing::warn!("The clock is {ahead} ahead, as TANDEM_CLOCK_AHEAD_SECONDS asks.");
            Arc::new(ClockAhead(ahead))
        }
        None => Arc::new(SystemClock),
    }
}

/// A number of seconds from 1 to a day; anything else counts as not set, and is told in the log.
fn seconds(name: &str) -> Option<Duration> {
    let text = std::env::var(name).ok()?;
    let found = text.parse().ok().filter(|seconds| (1..=MOST_SECONDS).contains(seconds));
    if found.is_none() {
        tracing::warn!("{name} is not a number of seconds from 1 to {MOST_SECONDS}; it is passed over.");
    }
    found.map(Duration::from_secs)
}
