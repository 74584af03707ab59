//! The ramp: how fast due work is let in, after a start, a sleep or an outage slowly at first.

use super::Ms;

/// How fast due work of one pool is let in. What is due waits in its order, whatever has been waiting longest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RampLimits {
    /// So many at once, when none came before; and at full speed, as many as come in [`TOGETHER`].
    pub burst: u32,
    /// So many a second at first; it doubles every second.
    pub first_per_second: u32,
    /// So many a second at most.
    pub most_per_second: u32,
}

/// At full speed, what is due within this time may start together: starting each alone wakes threads for each alone.
const TOGETHER: i64 = 160_000;
/// Who waits is let in with those of this time.
const STEP: i64 = 40_000;

impl Default for RampLimits {
    fn default() -> Self {
        Self { burst: 8, first_per_second: 8, most_per_second: 200 }
    }
}

/// A leaky bucket whose hole grows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ramp {
    since: Ms,
    /// When the bucket is empty again, in microseconds.
    empty_at: i64,
}

impl Ramp {
    /// A ramp that begins now.
    pub fn from(now: Ms) -> Self {
        Self { since: now, empty_at: i64::MIN / 4 }
    }

    /// When the next one may be let in.
    pub fn next_at(&self, now: Ms, limits: RampLimits) -> Ms {
        // Rounded up: a look before it would be in vain.
        self.free_at(now, limits).saturating_add(999).div_euclid(1_000)
    }

    /// When it is worth a look: as [`Ramp::next_at`], but where some wait, a few may be let in then.
    pub fn look_at(&self, now: Ms, limits: RampLimits) -> Ms {
        let next = self.next_at(now, limits);
        if next <= now {
            return next;
        }
        let spacing = self.spacing(now, limits);
        let others = i64::from(limits.burst.max(1) - 1).min(STEP / spacing.max(1));
        next.saturating_add(others * spacing / 1_000)
    }

    /// When the bucket has room, in microseconds.
    fn free_at(&self, now: Ms, limits: RampLimits) -> i64 {
        let spacing = self.spacing(now, limits);
        let depth = spacing * i64::from(limits.burst.max(1) - 1);
        self.empty_at.saturating_sub(depth.max(TOGETHER - spacing))
    }

    /// One was let in.
    pub fn took(&mut self, now: Ms, limits: RampLimits) {
        let spacing = self.spacing(now, limits);
        self.empty_at = self.empty_at.max(now.saturating_mul(1_000)).saturating_add(spacing);
    }

    /// Microseconds between two.
    fn spacing(&self, now: Ms, limits: RampLimits) -> i64 {
        let seconds = now.saturating_sub(self.since).max(0) / 1_000;
        let doubled = i64::from(limits.first_per_second.max(1)) << seconds.min(24);
        1_000_000 / doubled.min(i64::from(limits.most_per_second.max(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When each of so many is let in, all of them waiting since the start.
    fn times(count: usize, limits: RampLimits) -> Vec<Ms> {
        let (mut ramp, mut now) = (Ramp::from(0), 0);
        let mut times = Vec::new();
        for _ in 0..count {
            while ramp.next_at(now, limits) > now {
                now = ramp.next_at(now, limits);
            }
            ramp.took(now, limits);
            times.push(now);
        }
        times
    }

    #[test]
    fn a_few_go_at_once_and_many_go_slowly_at_first() {
        let limits = RampLimits { burst: 8, first_per_second: 8, most_per_second: 64 };
        let times = times(2_000, limits);
        assert!(times[..8].iter().all(|at| *at == 0));
        let within = |from: Ms| times.iter().filter(|at| (from..from + 1_000).contains(*at)).count();
        assert!((14..=17).contains(&within(0)), "{}", within(0));
        assert!(within(1_000) >= 8 && within(2_000) > within(1_000) && within(3_000) > within(2_000));
        for second in 0..40 {
            assert!(within(second * 1_000) <= 64 + 10, "second {second}: {}", within(second * 1_000));
        }
        assert!(*times.last().unwrap() < 40_000, "{:?}", times.last());
    }

    #[test]
    fn at_full_speed_what_is_due_together_starts_together_and_the_rest_in_steps() {
        let limits = RampLimits::default();
        let mut ramp = Ramp::from(0);
        let now = 60_000;
        let let_in = |ramp: &mut Ramp, now: Ms| {
            std::iter::repeat_with(|| {
                ramp.next_at(now, limits) <= now && {
                    ramp.took(now, limits);
                    true
                }
            })
            .take_while(|is_in| *is_in)
            .count()
        };
        assert_eq!(let_in(&mut ramp, now), 32);
        let later = ramp.look_at(now, limits);
        assert_eq!(later, now + 40, "not each alone");
        assert_eq!(let_in(&mut ramp, later), 8);
        assert_eq!(let_in(&mut ramp, later + 1_000), 32, "a second later there is room again");
    }
}
