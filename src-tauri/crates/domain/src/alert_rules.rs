//! The rules about alerts: which are raised, whom they are for, who is called, and when a profile's owner gets an email.

use crate::{
    Instant,
    alert::{Alert, AlertCode, AlertLevel, AlertObject},
    ids::{AlertId, MailboxId, ProfileId, UserId},
    remedy,
};
use chrono::Duration;
use std::collections::BTreeSet;

/// Which alerts are raised, for whom, and how long cleared ones are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertSettings {
    /// Alerts of level error (`generatealertsforerrors`). Default on.
    pub errors: bool,
    /// Alerts of level warning (`generatealertsforwarnings`). Default on, as in the table of the original: a server that
    /// is down and a message in quarantine are warnings, and nothing shall be silent.
    pub warnings: bool,
    /// Alerts of level information (`generatealertsforinformation`). Default on.
    pub information: bool,
    /// Whether mailbox owners see alerts of their mailboxes too (`notifymailboxownerofemailserverlevelalerts`).
    /// Default off; the success of a test is theirs in any case.
    pub notify_mailbox_owner: bool,
    /// Days that a cleared alert is kept, 1 to 3,650. Default 30.
    pub keep_cleared_days: u16,
}

impl Default for AlertSettings {
    fn default() -> Self {
        Self {
            errors: true,
            warnings: true,
            information: true,
            notify_mailbox_owner: false,
            keep_cleared_days: 30,
        }
    }
}

impl AlertSettings {
    /// Whether alerts of this level are raised at all. Health does not depend on it.
    #[must_use]
    pub const fn raises(&self, level: AlertLevel) -> bool {
        match level {
            AlertLevel::Error => self.errors,
            AlertLevel::Warning => self.warnings,
            AlertLevel::Information => self.information,
        }
    }

    /// Alerts cleared before this are forgotten.
    #[must_use]
    pub fn forget_before(&self, now: Instant) -> Instant {
        now - Duration::days(self.keep_cleared_days.into())
    }
}

/// What a profile has of its own about alerts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProfileAlerts {
    /// Who answers for the profile.
    pub owner: Option<UserId>,
    /// Whether the owner gets an email when most of its mailboxes fail (`sendemailalert`). Default off.
    pub send_alert_email: bool,
}

/// Who sees an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Audience {
    /// Whoever set Tandem up.
    Administrator,
    /// The owner of the profile.
    ProfileOwner,
    /// The owner of the mailbox.
    MailboxOwner,
}

impl Audience {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Administrator, Self::ProfileOwner, Self::MailboxOwner];

    /// The word in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::ProfileOwner => "profile_owner",
            Self::MailboxOwner => "mailbox_owner",
        }
    }

    /// The reverse of [`Audience::as_str`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }
}

/// Who sees an alert. Administrators see all; a profile's go to its owner; a mailbox's and an email's to the mailbox's
/// owner when that is switched on, and the success of a test always.
#[must_use]
pub fn audience(code: AlertCode, object: AlertObject, settings: &AlertSettings) -> Vec<Audience> {
    let mut all = vec![Audience::Administrator];
    match object {
        AlertObject::Profile(_) => all.push(Audience::ProfileOwner),
        AlertObject::Mailbox(..) | AlertObject::Email(_) => {
            if settings.notify_mailbox_owner || code == AlertCode::WorkloadEnabled {
                all.push(Audience::MailboxOwner);
            }
        }
    }
    all
}

/// The alerts that somebody must be called for and was not yet. An alert that was merged keeps its id, and so is not
/// told again.
#[must_use]
pub fn to_call_for<'a>(open: &'a [Alert], told: &BTreeSet<AlertId>) -> Vec<&'a Alert> {
    open.iter()
        .filter(|alert| alert.cleared_at.is_none() && !told.contains(&alert.id))
        .filter(|alert| {
            let remedy = remedy::of_alert(&alert.raised);
            remedy::needs_person(alert.raised.level, remedy)
        })
        .collect()
}

/// How long a failure counts towards a majority, and how long until the next email about one.
pub const MAJORITY_WINDOW_MINUTES: i64 = 60;

/// How many of a profile's mailboxes failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MajorityFailed {
    /// Mailboxes with a failed cycle in the last hour.
    pub failed: usize,
    /// Mailboxes that are synchronized through the profile.
    pub of: usize,
}

/// Whether more than half of a profile's mailboxes failed within the last hour. `failures` names a mailbox and the end
/// of a failed cycle, in any order, and may name a mailbox often.
#[must_use]
pub fn majority_failed(
    mailboxes: usize,
    failures: &[(MailboxId, Instant)],
    now: Instant,
) -> Option<MajorityFailed> {
    let since = now - Duration::minutes(MAJORITY_WINDOW_MINUTES);
    let failed: BTreeSet<_> =
        failures.iter().filter(|(_, at)| *at > since && *at <= now).map(|(mailbox, _)| mailbox).collect();
    let failed = failed.len();
    (failed * 2 > mailboxes && mailboxes > 0)
        .then_some(MajorityFailed { failed: failed.min(mailboxes), of: mailboxes })
}

/// A mailbox that could send an email about another profile's trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AlertSender {
    /// The mailbox.
    pub mailbox: MailboxId,
    /// Its profile.
    pub profile: ProfileId,
    /// Whether its outgoing workload has just proved that it works.
    pub outgoing_works: bool,
    /// Whether it failed within the last hour.
    pub failed: bool,
}

/// Who sends the email about a profile's trouble: a mailbox whose outgoing mail works, of another profile if there is
/// one, else one of the same profile that did not fail. `None`: nobody can be told this way. The choice depends on
/// nothing but what is given, so that it is the same at each call.
#[must_use]
pub fn alert_sender(troubled: ProfileId, candidates: &[AlertSender]) -> Option<MailboxId> {
    let able = candidates.iter().filter(|one| one.outgoing_works && !one.failed);
    able.min_by_key(|one| (one.profile == troubled, one.mailbox)).map(|one| one.mailbox)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{alert::NewAlert, failure::FailureCode, workload::Workload};
    use chrono::DateTime;
    use uuid::Uuid;

    fn at(minutes: i64) -> Instant {
        DateTime::from_timestamp(1_000_000 + minutes * 60, 0).unwrap()
    }

    fn mailbox(number: u128) -> MailboxId {
        MailboxId(Uuid::from_u128(number))
    }

    fn profile(number: u128) -> ProfileId {
        ProfileId(Uuid::from_u128(number))
    }

    #[test]
    fn every_level_is_raised_until_it_is_switched_off() {
        let settings = AlertSettings::default();
        assert!(AlertLevel::ALL.into_iter().all(|level| settings.raises(level)));
        let quiet = AlertSettings { warnings: false, ..settings };
        assert!(!quiet.raises(AlertLevel::Warning) && quiet.raises(AlertLevel::Error));
        assert_eq!(settings.forget_before(at(0)), at(-30 * 24 * 60));
    }

    #[test]
    fn more_than_half_within_the_hour_is_a_majority() {
        let failed = |minutes: &[(u128, i64)]| {
            let failures: Vec<_> = minutes.iter().map(|(one, when)| (mailbox(*one), at(*when))).collect();
            majority_failed(4, &failures, at(60)).map(|found| found.failed)
        };
        assert_eq!(failed(&[]), None);
        assert_eq!(failed(&[(1, 30), (2, 30)]), None, "half is not more than half");
        assert_eq!(failed(&[(1, 30), (2, 30), (2, 40), (1, 50)]), None, "the same two again");
        assert_eq!(failed(&[(1, 1), (2, 30), (3, 60)]), Some(3));
        assert_eq!(failed(&[(1, 0), (2, 30), (3, 60)]), None, "an hour ago is over");
        assert_eq!(failed(&[(1, 30), (2, 30), (3, 61)]), None, "a clock that ran ahead proves nothing");
        assert_eq!(majority_failed(0, &[(mailbox(1), at(59))], at(60)), None);
        assert_eq!(
            majority_failed(1, &[(mailbox(1), at(59))], at(60)),
            Some(MajorityFailed { failed: 1, of: 1 })
        );
    }

    #[test]
    fn the_email_goes_through_another_profile_if_it_can() {
        let one = |number, of, outgoing_works, failed| AlertSender {
            mailbox: mailbox(number),
            profile: profile(of),
            outgoing_works,
            failed,
        };
        let same = one(1, 1, true, false);
        let other = one(9, 2, true, false);
        assert_eq!(alert_sender(profile(1), &[same, other]), Some(mailbox(9)));
        assert_eq!(alert_sender(profile(1), &[same, one(9, 2, false, false)]), Some(mailbox(1)));
        assert_eq!(alert_sender(profile(1), &[one(1, 1, true, true), one(9, 2, false, false)]), None);
        assert_eq!(alert_sender(profile(1), &[]), None);
    }

    fn alert(id: u128, level: AlertLevel, code: FailureCode) -> Alert {
        Alert {
            id: AlertId(Uuid::from_u128(id)),
            raised: NewAlert {
                level,
                object: AlertObject::Mailbox(mailbox(1), Workload::Incoming),
                code: AlertCode::Failure(code),
                detail: String::new(),
                retry_at: None,
            },
            first_seen_at: at(0),
            last_seen_at: at(0),
            count: 1,
            cleared_at: None,
        }
    }

    #[test]
    fn a_person_is_called_once_and_only_for_what_a_person_can_end() {
        let password = alert(1, AlertLevel::Error, FailureCode::AuthenticationFailed);
        let mut passing = alert(2, AlertLevel::Error, FailureCode::TimedOut);
        passing.raised.retry_at = Some(at(5));
        let warning = alert(3, AlertLevel::Warning, FailureCode::AuthenticationFailed);
        let over = Alert { cleared_at: Some(at(1)), ..alert(4, AlertLevel::Error, FailureCode::DiskFull) };
        let merged = Alert { count: 7, last_seen_at: at(9), ..password.clone() };
        let all = [password, passing, warning, over];
        let called: Vec<_> = to_call_for(&all, &BTreeSet::new()).iter().map(|one| one.id).collect();
        assert_eq!(called, [all[0].id]);
        assert!(to_call_for(&[merged], &called.into_iter().collect()).is_empty());
    }

    #[test]
    fn alerts_reach_those_who_can_do_something() {
        let quiet = AlertSettings::default();
        let loud = AlertSettings { notify_mailbox_owner: true, ..quiet };
        let code = AlertCode::Failure(FailureCode::AuthenticationFailed);
        let own = AlertObject::Mailbox(mailbox(1), Workload::Incoming);
        assert_eq!(audience(code, own, &quiet), [Audience::Administrator]);
        assert_eq!(audience(code, own, &loud), [Audience::Administrator, Audience::MailboxOwner]);
        assert!(audience(AlertCode::WorkloadEnabled, own, &quiet).contains(&Audience::MailboxOwner));
        let server = AlertObject::Profile(profile(1));
        assert_eq!(audience(code, server, &loud), [Audience::Administrator, Audience::ProfileOwner]);
    }
}
