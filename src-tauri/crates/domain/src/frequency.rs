//! How often a mailbox is synchronized: one policy per edition, each a function of what the mailbox did lately.
//!
//! The next instant is computed at the end of a cycle. What Microsoft published are the intervals of the first
//! table of `docs/guide.md`; how an interval moves between its bounds is not published, so the steps below are
//! Tandem's own. A minimum polling interval of the profile always holds.

use crate::{Instant, ids::MailboxId, workload::Workload};
use chrono::Duration;
use std::ops::Range;

/// Whose rules say when a mailbox is synchronized next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum FrequencyPolicy {
    /// The current online edition: email 5 minutes after the cycle's end, ACT 5 to 12, or 5 to 15 beside incoming mail.
    #[default]
    Online,
    /// On-premises 9.x: 5 minutes, down to 2 when busy, up to 12 when quiet.
    OnPremises9,
    /// CRM 2015: 15 minutes, stretching to hours when idle.
    Crm2015,
}

impl FrequencyPolicy {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Online, Self::OnPremises9, Self::Crm2015];

    /// The word in configuration files and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::OnPremises9 => "on_premises_9",
            Self::Crm2015 => "crm_2015",
        }
    }

    /// The reverse of [`FrequencyPolicy::as_str`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.as_str() == word)
    }
}

/// What a workload found lately. At most one of the two counts is not zero; both are for one that never ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Activity {
    /// Completed cycles in a row that found something.
    pub busy_cycles: u32,
    /// Completed cycles in a row that found nothing.
    pub idle_cycles: u32,
}

impl Activity {
    /// The same after one more completed cycle that did this many items.
    #[must_use]
    pub const fn after(self, items: u32) -> Self {
        if items == 0 {
            Self { busy_cycles: 0, idle_cycles: self.idle_cycles.saturating_add(1) }
        } else {
            Self { busy_cycles: self.busy_cycles.saturating_add(1), idle_cycles: 0 }
        }
    }
}

/// Whose next cycle is asked for, and what bounds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rhythm {
    /// The organization's policy.
    pub policy: FrequencyPolicy,
    /// An interval that a person fixed instead, in minutes, 1 to 1,440. It is exact: no jitter is added to it.
    pub fixed_minutes: Option<u16>,
    /// The profile's minimum polling interval in minutes, 0 to 1,440.
    pub min_polling_interval_minutes: u16,
    /// The mailbox, from which its jitter follows.
    pub mailbox: MailboxId,
    /// The workload.
    pub workload: Workload,
    /// Whether the mailbox's incoming email is synchronized, too: ACT takes longer turns then.
    pub with_incoming: bool,
}

/// The interval of an active CRM 2015 mailbox, in minutes.
const CRM_2015_MINUTES: i64 = 15;
/// A CRM 2015 mailbox is idle "for a long period of time" after this many cycles that found nothing: an hour. [U]
const CRM_2015_PATIENT_CYCLES: u32 = 4;
/// CRM 2015 stretches "by hours"; Tandem stops at 4. [U]
pub const CRM_2015_CEILING_MINUTES: i64 = 240;

impl Rhythm {
    /// The time from the end of a completed cycle to the next one, without jitter.
    #[must_use]
    pub fn interval(&self, activity: Activity) -> Duration {
        let least = Duration::minutes(self.min_polling_interval_minutes.into());
        let wanted = match self.fixed_minutes {
            Some(minutes) => Duration::minutes(minutes.max(1).into()),
            None => Duration::minutes(self.policy_minutes(activity)),
        };
        wanted.max(least)
    }

    /// When the next cycle starts after one that completed `now`.
    ///
    /// Mailboxes that ended together drift apart: each has a jitter of its own, less than a tenth of its interval. It
    /// never takes the interval out of the policy's bounds, nor below the minimum polling interval.
    #[must_use]
    pub fn next(&self, activity: Activity, now: Instant) -> Instant {
        now + self.interval(activity) + self.jitter(activity)
    }

    /// The shortest and the longest time between two cycles that the policy allows; with `min_polling_interval_minutes`
    /// above them, that one.
    #[must_use]
    pub fn bounds(&self) -> Range<Duration> {
        let (shortest, longest) = match (self.fixed_minutes, self.policy, self.workload) {
            (Some(minutes), ..) => (i64::from(minutes.max(1)) * 60, i64::from(minutes.max(1)) * 60),
            // "Ready again in five minutes": it starts in the half minute that follows.
            (None, FrequencyPolicy::Online, Workload::Incoming | Workload::Outgoing) => (300, 330),
            (None, FrequencyPolicy::Online, Workload::Act) => (300, self.online_act_ceiling() * 60),
            (None, FrequencyPolicy::OnPremises9, _) => (120, 720),
            (None, FrequencyPolicy::Crm2015, _) => (CRM_2015_MINUTES * 60, CRM_2015_CEILING_MINUTES * 60),
        };
        let least = Duration::minutes(self.min_polling_interval_minutes.into());
        Duration::seconds(shortest).max(least)..Duration::seconds(longest).max(least + least / 10)
    }

    fn jitter(&self, activity: Activity) -> Duration {
        if self.fixed_minutes.is_some() {
            return Duration::zero();
        }
        let interval = self.interval(activity);
        let own = spread(self.mailbox, self.workload, interval / 10);
        let bounds = self.bounds();
        if interval + interval / 10 <= bounds.end {
            return own;
        }
        // At the ceiling it makes turns shorter instead of longer.
        if interval - interval / 10 >= bounds.start { -own } else { Duration::zero() }
    }

    fn policy_minutes(&self, activity: Activity) -> i64 {
        let idle = i64::from(activity.idle_cycles);
        match (self.policy, self.workload) {
            (FrequencyPolicy::Online, Workload::Incoming | Workload::Outgoing) => 5,
            // One minute more for every cycle that found nothing. [U]
            (FrequencyPolicy::Online, Workload::Act) => idle.saturating_add(5).min(self.online_act_ceiling()),
            // One minute less for every cycle that found something, one more for every one that did not. [U]
            (FrequencyPolicy::OnPremises9, _) => {
                let busy = i64::from(activity.busy_cycles);
                if busy > 0 { 5_i64.saturating_sub(busy).max(2) } else { (4 + idle.max(1)).min(12) }
            }
            (FrequencyPolicy::Crm2015, _) => {
                let doublings = activity.idle_cycles.saturating_sub(CRM_2015_PATIENT_CYCLES).min(16);
                (CRM_2015_MINUTES << doublings).min(CRM_2015_CEILING_MINUTES)
            }
        }
    }

    const fn online_act_ceiling(&self) -> i64 {
        if self.with_incoming { 15 } else { 12 }
    }
}

/// A mailbox's own share of `span`, always the same: whole seconds from 0 up to, and not including, `span`.
#[must_use]
pub fn spread(mailbox: MailboxId, workload: Workload, span: Duration) -> Duration {
    let seconds = span.num_seconds().max(1).unsigned_abs();
    // FNV-1a: ids are random already, but those that were derived from names need not be.
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let id = mailbox.0.as_bytes().iter().copied();
    let hash = id.chain(workload.as_str().bytes()).fold(0xcbf2_9ce4_8422_2325, mix);
    // The low bits of a product depend on the low bits of its factors only.
    Duration::seconds(i64::try_from((hash >> 16) % seconds).unwrap_or(0))
}

#[cfg(test)]
mod tests;
