//! When the schedule is looked at next.

use std::sync::atomic::{AtomicI64, Ordering};
use tandem_domain::Instant;

/// Looks at what becomes due are made together, on a grid this wide, in milliseconds.
const GRID: i64 = 1_000;

/// The instant of the next look, shared by all who know of something due.
#[derive(Debug)]
pub struct Look(AtomicI64);

impl Default for Look {
    /// At once.
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}

impl Look {
    /// A look at this instant at the latest. Says whether that is earlier than before.
    pub fn by(&self, at: Instant) -> bool {
        let at = at.timestamp_millis();
        let on_grid = at.div_euclid(GRID).saturating_mul(GRID);
        let on_grid = if on_grid < at { on_grid.saturating_add(GRID) } else { at };
        self.0.fetch_min(on_grid, Ordering::SeqCst) > on_grid
    }

    /// Whether it is time; then the next look is far away until somebody says otherwise.
    pub fn is_due(&self, now: Instant) -> bool {
        let now = now.timestamp_millis();
        let taken =
            self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |at| (at <= now).then_some(i64::MAX));
        taken.is_ok()
    }

    /// When it is.
    pub fn at(&self) -> Instant {
        let at = self.0.load(Ordering::SeqCst);
        Instant::from_timestamp_millis(at).unwrap_or(if at < 0 { Instant::MIN_UTC } else { Instant::MAX_UTC })
    }
}
