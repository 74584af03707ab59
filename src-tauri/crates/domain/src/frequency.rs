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
    /// Each mailbox has its own place on a [`Wheel`], and comes nearer to it with every cycle, by less than a tenth of its
    /// interval: mailboxes that ended together drift apart, and stay apart. It never takes the interval out of the
    /// policy's bounds, nor below the minimum polling interval.
    #[must_use]
    pub fn next(&self, activity: Activity, now: Instant) -> Instant {
        let leeway = self.leeway(activity);
        self.wheel(activity).within(now + leeway.start, now + leeway.end)
    }

    /// The mailbox's own instants. Their distance is the interval with half of its leeway.
    #[must_use]
    pub fn wheel(&self, activity: Activity) -> Wheel {
        let leeway = self.leeway(activity);
        Wheel { turn: (leeway.start + leeway.end) / 2, place: place(self.mailbox, self.workload) }
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

    /// How long after its end the next cycle may start: less than a tenth of the interval later, or earlier at the policy's
    /// ceiling.
    fn leeway(&self, activity: Activity) -> Range<Duration> {
        let interval = self.interval(activity);
        let tenth = interval / 10;
        let (bounds, most) = (self.bounds(), tenth - Duration::seconds(1));
        if self.fixed_minutes.is_some() {
            interval..interval
        } else if interval + tenth <= bounds.end {
            interval..interval + most
        } else if interval - tenth >= bounds.start {
            interval - most..interval
        } else {
            interval..interval
        }
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

/// The instants at which a workload of a mailbox would run if every cycle took no time: one a turn, always at the same
/// place of it.
///
/// Places are in the order of the mailboxes' ids. Ids are random (versions 4 and 5 of RFC 9562), so the places are spread
/// evenly; and mailboxes whose turns come together lie together in storage, too, so that thousands of them change a few
/// pages of it and not thousands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wheel {
    /// The time from one of its instants to the next.
    pub turn: Duration,
    /// Where in the turn they are: so many parts of 2^32.
    pub place: u32,
}

impl Wheel {
    /// The wheel's instant in a range as long as a turn; in a shorter one, the instant that is nearer to its middle by as
    /// much as the range is shorter.
    #[must_use]
    pub fn within(&self, first: Instant, last: Instant) -> Instant {
        let (turn, length) = (self.turn.num_milliseconds().max(1), (last - first).num_milliseconds());
        let from = first.timestamp_millis() + (length - turn) / 2;
        let place = (i128::from(turn) * i128::from(self.place)) >> 32;
        let ahead = (place - i128::from(from)).rem_euclid(i128::from(turn));
        let share = ahead * i128::from(length) / i128::from(turn);
        first + Duration::milliseconds(i64::try_from(share).unwrap_or(0))
    }
}

/// Where a workload of a mailbox has its place, in parts of 2^32. Its workloads are a third of a turn apart.
const fn place(mailbox: MailboxId, workload: Workload) -> u32 {
    let [first, second, third, fourth, ..] = *mailbox.0.as_bytes();
    let third_of_a_turn = u32::MAX / 3;
    let share = match workload {
        Workload::Incoming => 0,
        Workload::Outgoing => third_of_a_turn,
        Workload::Act => third_of_a_turn * 2,
    };
    u32::from_be_bytes([first, second, third, fourth]).wrapping_add(share)
}

#[cfg(test)]
mod tests;
