//! The organization's capacity as the limits of the engine and of the adapters. Read when the program opens.

use std::time::Duration;
use tandem_domain::settings::Capacity;
use tandem_engine::{cycle::CycleLimits, dispatch::PoolSizes, runner::EngineLimits};
use tandem_mail::net::Timeouts;

/// How much runs at once, and how much one cycle takes.
pub(super) fn engine_limits(capacity: &Capacity) -> EngineLimits {
    let defaults = EngineLimits::default();
    EngineLimits {
        pools: PoolSizes {
            incoming: capacity.max_incoming_cycles.into(),
            outgoing: capacity.max_outgoing_cycles.into(),
            operations: capacity.max_operations.into(),
        },
        cycle: CycleLimits {
            yield_after: chrono::Duration::seconds(capacity.cycle_seconds.into()),
            yield_bytes: u64::from(capacity.cycle_mib) << 20,
            ..defaults.cycle
        },
        cycle_timeout: chrono::Duration::minutes(capacity.cycle_timeout_minutes.into()),
        push: capacity.push,
        ..defaults
    }
}

/// How long servers may take. The answer to a whole message has its own, longer time.
pub(super) fn timeouts(capacity: &Capacity) -> Timeouts {
    Timeouts {
        connect: Duration::from_secs(capacity.connect_timeout_seconds.into()),
        answer: Duration::from_secs(capacity.read_timeout_seconds.into()),
        ..Timeouts::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_of_the_settings_are_those_of_the_engine_and_the_adapters() {
        let capacity = Capacity::default();
        assert_eq!(engine_limits(&capacity), EngineLimits::default());
        assert_eq!(timeouts(&capacity), Timeouts::default());
    }
}
