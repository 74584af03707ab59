//! Counts what runs by other means than the dispatcher's, so that a limit that is exceeded is found.

use super::Spread;
use crate::dispatch::Ms;

/// Something that counts up and down, beside its limit.
#[derive(Debug, Clone, Copy, Default)]
pub struct Gauge {
    pub limit: u32,
    now: u32,
    pub most: u32,
}

impl Gauge {
    pub const fn new(limit: u32) -> Self {
        Self { limit, now: 0, most: 0 }
    }

    /// One more. Says by how many cases the limit is exceeded more often now.
    pub fn up(&mut self) -> u64 {
        self.now += 1;
        self.most = self.most.max(self.now);
        u64::from(self.now > self.limit)
    }

    pub fn down(&mut self) {
        self.now = self.now.saturating_sub(1);
    }

    /// Which of two is fuller, as a part of its limit.
    pub fn fuller(one: (u32, u32), other: &Self) -> (u32, u32) {
        let (most, limit) = (u64::from(other.most), u64::from(other.limit));
        if most * u64::from(one.1.max(1)) > u64::from(one.0) * limit.max(1) || one.1 == 0 {
            (other.most, other.limit)
        } else {
            one
        }
    }
}

/// Counts what happens in each minute.
#[derive(Debug, Default)]
pub struct Minutes(Vec<u32>);

impl Minutes {
    pub fn count(&mut self, at: Ms) {
        let minute = usize::try_from(at / 60_000).unwrap_or(0);
        if self.0.len() <= minute {
            self.0.resize(minute + 1, 0);
        }
        if let Some(count) = self.0.get_mut(minute) {
            *count += 1;
        }
    }

    /// Of the whole minutes from one instant to another.
    pub fn spread(&self, from: Ms, to: Ms) -> Spread {
        let minute = |at: Ms| usize::try_from(at / 60_000).unwrap_or(0);
        let Some(whole) = self.0.get(minute(from)..minute(to).min(self.0.len())) else {
            return Spread::default();
        };
        let sum: u64 = whole.iter().map(|count| u64::from(*count)).sum();
        let minutes = u32::try_from(whole.len()).unwrap_or(u32::MAX).max(1);
        #[allow(clippy::cast_precision_loss, reason = "counts of a simulation are far below 2^52")]
        let mean = sum as f64 / f64::from(minutes);
        let (least, most) = (whole.iter().min(), whole.iter().max());
        Spread { least: least.copied().unwrap_or(0), mean, most: most.copied().unwrap_or(0) }
    }
}

/// Numbers that look like chance and are always the same: SplitMix64.
#[derive(Debug, Clone, Copy)]
pub struct Chance(u64);

impl Chance {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 0 up to, and without, `below`.
    pub fn below(&mut self, below: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let high = (mixed ^ (mixed >> 31)) >> 32;
        u32::try_from((high * u64::from(below)) >> 32).unwrap_or(0)
    }
}
