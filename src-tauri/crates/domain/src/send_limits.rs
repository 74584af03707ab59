//! Sending limits of providers: mail that would run into a refusal is held back before it does.
//!
//! Providers count over a sliding window: recipients within 24 hours, messages within a minute. What was sent is
//! counted from durable history, so that a restart grants nothing twice.

use crate::Instant;
use chrono::Duration;
use std::collections::VecDeque;

/// The limits of one sending account. `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SendLimits {
    /// Recipients within 24 hours, 1 to 1,000,000.
    pub recipients_per_day: Option<u32>,
    /// Messages within a minute, 1 to 10,000.
    pub messages_per_minute: Option<u32>,
}

/// The most recipients a day that can be set.
pub const MOST_RECIPIENTS_PER_DAY: u32 = 1_000_000;
/// The most messages a minute that can be set.
pub const MOST_MESSAGES_PER_MINUTE: u32 = 10_000;

/// A provider's published limits, to start from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// Its stable word.
    pub word: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// The limits.
    pub limits: SendLimits,
}

/// The providers whose limits are known, as published in November 2026.
pub const PRESETS: [Preset; 3] = [
    Preset { word: "gmail", name: "Gmail", limits: limits(500, None) },
    Preset { word: "google_workspace", name: "Google Workspace", limits: limits(2_000, None) },
    Preset { word: "exchange_online", name: "Exchange Online", limits: limits(10_000, Some(30)) },
];

const fn limits(recipients_per_day: u32, messages_per_minute: Option<u32>) -> SendLimits {
    SendLimits { recipients_per_day: Some(recipients_per_day), messages_per_minute }
}

/// The window over which recipients are counted.
pub const DAY: Duration = Duration::hours(24);
/// The window over which messages are counted.
pub const MINUTE: Duration = Duration::minutes(1);

/// One submission that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// When.
    pub at: Instant,
    /// To how many recipients.
    pub recipients: u32,
}

/// Which limit holds an email back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HeldBy {
    /// Recipients a day.
    RecipientsPerDay,
    /// Messages a minute.
    MessagesPerMinute,
}

impl HeldBy {
    /// Both.
    pub const ALL: [Self; 2] = [Self::RecipientsPerDay, Self::MessagesPerMinute];

    /// The word in JSON and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RecipientsPerDay => "recipients_per_day",
            Self::MessagesPerMinute => "messages_per_minute",
        }
    }

    /// The reverse of [`HeldBy::as_str`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|held| held.as_str() == word)
    }
}

/// Whether an email may go now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Send,
    /// Not before this.
    Hold {
        /// When it fits.
        until: Instant,
        /// The limit that it would break now.
        by: HeldBy,
    },
    /// Never: it alone has more recipients than a day allows.
    TooMany {
        /// What a day allows.
        most: u32,
    },
}

/// What an account sent within the last day, and what it is going to send.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Budget {
    limits: SendLimits,
    /// By time.
    counted: VecDeque<Counted>,
}

impl Budget {
    /// A budget with what was sent, in any order. What is dated in the future, by a clock that was set back, counts as
    /// sent now.
    #[must_use]
    pub fn new(limits: SendLimits, sent: impl IntoIterator<Item = Counted>, now: Instant) -> Self {
        let dated = |one: Counted| Counted { at: one.at.min(now), ..one };
        let mut counted: Vec<_> = sent.into_iter().map(dated).collect();
        counted.sort_by_key(|one| one.at);
        Self { limits, counted: counted.into() }
    }

    /// The same with emails that are held back until an instant of their own.
    #[must_use]
    pub fn with_held(mut self, held: impl IntoIterator<Item = Counted>) -> Self {
        self.counted.extend(held);
        self.counted.make_contiguous().sort_by_key(|one| one.at);
        self
    }

    /// Decides about the next email of the account, and counts it at the instant when it goes. Emails are asked about
    /// in the order in which they are to be sent: one that is held back keeps its place before the later ones.
    pub fn ask(&mut self, recipients: u32, now: Instant) -> Verdict {
        if let Some(most) = self.limits.recipients_per_day.filter(|most| recipients > *most) {
            return Verdict::TooMany { most };
        }
        // Whatever is held back already comes first.
        let mut at = self.counted.back().map_or(now, |last| last.at.max(now));
        let mut held = None;
        while let Some((until, by)) = self.broken_at(recipients, at) {
            held = held.or(Some(by));
            at = until;
        }
        let by = held.or_else(|| self.broken_at(recipients, now).map(|(_, by)| by));
        self.counted.push_back(Counted { at, recipients });
        match by {
            Some(by) if at > now => Verdict::Hold { until: at, by },
            _ if at > now => Verdict::Hold { until: at, by: HeldBy::MessagesPerMinute },
            _ => Verdict::Send,
        }
    }

    /// The limit that one more email would break at this instant, and when the oldest that counts no longer does.
    fn broken_at(&self, recipients: u32, at: Instant) -> Option<(Instant, HeldBy)> {
        let within = |window: Duration| self.counted.iter().filter(move |one| one.at > at - window);
        if let Some(most) = self.limits.recipients_per_day {
            let mut sum: u64 = within(DAY).map(|one| u64::from(one.recipients)).sum();
            let room = u64::from(most).saturating_sub(u64::from(recipients));
            if sum > room {
                for one in within(DAY) {
                    sum -= u64::from(one.recipients);
                    if sum <= room {
                        return Some((one.at + DAY, HeldBy::RecipientsPerDay));
                    }
                }
            }
        }
        if let Some(most) = self.limits.messages_per_minute {
            let sent = within(MINUTE).count();
            let most = usize::try_from(most.max(1)).unwrap_or(usize::MAX);
            if sent >= most {
                let last_to_leave = within(MINUTE).nth(sent - most)?;
                return Some((last_to_leave.at + MINUTE, HeldBy::MessagesPerMinute));
            }
        }
        None
    }
}

impl SendLimits {
    /// Whether there is any.
    #[must_use]
    pub const fn is_limited(&self) -> bool {
        self.recipients_per_day.is_some() || self.messages_per_minute.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    fn at(seconds: i64) -> Instant {
        DateTime::from_timestamp(1_000_000 + seconds, 0).unwrap()
    }

    fn sent(all: &[(i64, u32)]) -> Vec<Counted> {
        all.iter()
            .map(|(seconds, recipients)| Counted { at: at(*seconds), recipients: *recipients })
            .collect()
    }

    fn hold(seconds: i64, by: HeldBy) -> Verdict {
        Verdict::Hold { until: at(seconds), by }
    }

    #[test]
    fn without_a_limit_everything_goes() {
        let mut budget = Budget::new(SendLimits::default(), sent(&[(0, 9_999_999)]), at(0));
        assert!((0..1_000).all(|_| budget.ask(500, at(0)) == Verdict::Send));
        assert!(!SendLimits::default().is_limited());
    }

    #[test]
    fn the_thirty_first_message_of_a_minute_waits_for_the_first_to_leave_the_window() {
        let mut budget = Budget::new(limits_of(None, Some(30)), [], at(0));
        for second in 0..30 {
            assert_eq!(budget.ask(1, at(second)), Verdict::Send);
        }
        assert_eq!(budget.ask(1, at(30)), hold(60, HeldBy::MessagesPerMinute));
        assert_eq!(
            budget.ask(1, at(30)),
            hold(61, HeldBy::MessagesPerMinute),
            "the next waits for the second"
        );
    }

    #[test]
    fn a_window_ends_to_the_second() {
        let one = || Budget::new(limits_of(None, Some(1)), sent(&[(0, 1)]), at(0));
        assert_eq!(one().ask(1, at(59)), hold(60, HeldBy::MessagesPerMinute));
        assert_eq!(one().ask(1, at(60)), Verdict::Send);
        let day = || Budget::new(limits_of(Some(10), None), sent(&[(0, 10)]), at(0));
        assert_eq!(day().ask(1, at(86_399)), hold(86_400, HeldBy::RecipientsPerDay));
        assert_eq!(day().ask(1, at(86_400)), Verdict::Send);
    }

    #[test]
    fn recipients_count_and_not_messages() {
        let mut budget = Budget::new(limits_of(Some(500), None), sent(&[(0, 300), (100, 150)]), at(200));
        assert_eq!(budget.ask(50, at(200)), Verdict::Send);
        assert_eq!(budget.ask(1, at(200)), hold(86_400, HeldBy::RecipientsPerDay));
        // 301 leave no room until the second batch leaves, too.
        let mut budget = Budget::new(limits_of(Some(500), None), sent(&[(0, 300), (100, 200)]), at(200));
        assert_eq!(budget.ask(301, at(200)), hold(86_500, HeldBy::RecipientsPerDay));
    }

    #[test]
    fn mail_that_is_held_back_keeps_its_turn() {
        let mut budget = Budget::new(limits_of(Some(10), None), sent(&[(0, 5), (50, 5)]), at(60));
        assert_eq!(budget.ask(6, at(60)), hold(86_450, HeldBy::RecipientsPerDay));
        assert!(matches!(budget.ask(1, at(60)), Verdict::Hold { until, .. } if until >= at(86_450)));
    }

    #[test]
    fn an_email_to_more_than_a_day_allows_can_never_go() {
        let mut budget = Budget::new(limits_of(Some(500), None), [], at(0));
        assert_eq!(budget.ask(501, at(0)), Verdict::TooMany { most: 500 });
        assert_eq!(budget.ask(500, at(0)), Verdict::Send);
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_hold_mail_until_it_is_there_again() {
        let mut budget = Budget::new(limits_of(None, Some(2)), sent(&[(86_400, 1)]), at(0));
        assert_eq!(budget.ask(1, at(0)), Verdict::Send);
        assert_eq!(budget.ask(1, at(0)), hold(60, HeldBy::MessagesPerMinute));
    }

    #[test]
    fn the_presets_are_the_published_figures() {
        let of = |word: &str| PRESETS.iter().find(|one| one.word == word).unwrap().limits;
        assert_eq!(of("gmail"), limits_of(Some(500), None));
        assert_eq!(of("google_workspace"), limits_of(Some(2_000), None));
        assert_eq!(of("exchange_online"), limits_of(Some(10_000), Some(30)));
    }

    #[test]
    fn ten_thousand_emails_are_planned_at_thirty_a_minute() {
        let mut budget = Budget::new(limits_of(Some(10_000), Some(30)), [], at(0));
        let verdicts: Vec<_> = (0..600).map(|_| budget.ask(1, at(0))).collect();
        assert_eq!(verdicts[29], Verdict::Send);
        assert_eq!(verdicts[30], hold(60, HeldBy::MessagesPerMinute));
        assert_eq!(verdicts[599], hold(19 * 60, HeldBy::MessagesPerMinute));
    }

    fn limits_of(recipients_per_day: Option<u32>, messages_per_minute: Option<u32>) -> SendLimits {
        SendLimits { recipients_per_day, messages_per_minute }
    }
}
