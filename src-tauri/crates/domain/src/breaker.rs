//! The circuit breaker of a profile: when its server fails for everyone, it is the profile that is unreachable.
//!
//! One circuit per profile and direction, kept with the schedule. While it is open, the profile's mailboxes wait
//! without an attempt being counted; one of them tries now and then, less and less often, and the first answer lets
//! all of them go on. Credentials that belong to the profile are not tried again by themselves: the account would be
//! locked.

use crate::{
    Instant,
    failure::{Failure, FailureCode, Nature, Scope},
    ids::MailboxId,
    profile::AuthenticateUsing,
    schedule::CycleEnd,
};
use chrono::Duration;

/// Minutes to the next probe after 0, 1, 2 and more failed probes.
pub const PROBE_MINUTES: [i64; 4] = [5, 10, 20, 30];

/// The circuit of one direction of a profile. The default is closed: all is well as far as known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Circuit {
    /// The mailbox that met a failure of the server since it last answered, and which. One is no outage; the next other
    /// one is.
    pub suspect: Option<(MailboxId, FailureCode)>,
    /// The outage, while the circuit is open.
    pub outage: Option<Outage>,
}

/// A server that fails for everyone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    /// Since when.
    pub since: Instant,
    /// How it failed last.
    pub why: Failure,
    /// Probes that failed.
    pub failed_probes: u32,
    /// The next probe; `None`: a person must act first.
    pub probe_at: Option<Instant>,
    /// The mailbox that is trying now.
    pub probing: Option<MailboxId>,
}

/// What a cycle tells about the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signal {
    /// It answered, whatever it said to this mailbox.
    Answered,
    /// It failed, and would for every mailbox.
    Failed(Failure),
    /// Nothing: it was not asked, or the fault was on this side.
    Silent,
}

impl Signal {
    /// What the end of a cycle tells. `contacted`: a session with the server was open.
    #[must_use]
    pub fn of(end: &CycleEnd, contacted: bool) -> Self {
        match end {
            CycleEnd::Completed | CycleEnd::Yielded if contacted => Self::Answered,
            CycleEnd::Completed | CycleEnd::Yielded => Self::Silent,
            CycleEnd::Failed(failure) if is_local(failure.code) => Self::Silent,
            CycleEnd::Failed(failure) if failure.scope == Scope::Profile => Self::Failed(failure.clone()),
            CycleEnd::Failed(failure) if contacted || is_an_answer(failure.code) => Self::Answered,
            CycleEnd::Failed(_) => Self::Silent,
        }
    }
}

/// What a signal changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// Nothing.
    Same,
    /// One mailbox met a failure of the server, and others may not.
    Suspected,
    /// The profile is unreachable from now on; `suspect` had met it before.
    Opened {
        /// The mailbox that met it first, when that was another one, and what it met.
        suspect: Option<(MailboxId, FailureCode)>,
    },
    /// It still is.
    StillOpen {
        /// How it failed before.
        earlier: FailureCode,
    },
    /// It answers again.
    Recovered {
        /// The outage that is over.
        outage: Outage,
    },
}

/// Whether a mailbox may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It may.
    Go,
    /// It may, as the one that tries whether the server is back.
    Probe,
    /// It waits: until then, or until a person acts.
    Wait(Option<Instant>),
}

/// Who asks for a probe now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// A person, or a changed password: always heard.
    ByPerson,
    /// The network changed, or the computer woke up: heard unless a person must act first.
    ByNetwork,
}

impl Circuit {
    /// Whether this mailbox may go on now.
    #[must_use]
    pub fn admits(&self, mailbox: MailboxId, now: Instant) -> Admission {
        let Some(outage) = &self.outage else { return Admission::Go };
        match (outage.probing, outage.probe_at) {
            (Some(probing), _) if probing == mailbox => Admission::Probe,
            (None, Some(at)) if at <= now => Admission::Probe,
            (_, at) => Admission::Wait(at),
        }
    }

    /// The circuit after a signal from one of the profile's mailboxes, of which `mailboxes` are processed in all.
    #[must_use]
    pub fn after(self, signal: Signal, from: MailboxId, mailboxes: u32, now: Instant) -> (Self, Turn) {
        match (signal, self.outage) {
            (Signal::Silent, outage) => {
                let outage = outage.map(|outage| Outage {
                    probing: outage.probing.filter(|probing| *probing != from),
                    ..outage
                });
                (Self { outage, ..self }, Turn::Same)
            }
            (Signal::Answered, None) => (Self::default(), Turn::Same),
            (Signal::Answered, Some(outage)) => (Self::default(), Turn::Recovered { outage }),
            (Signal::Failed(why), None) => {
                let others = self.suspect.filter(|(suspect, _)| *suspect != from);
                // What cannot pass by itself is the same for everyone.
                let certain = why.nature == Nature::Permanent || mailboxes <= 1 || others.is_some();
                if !certain {
                    return (Self { suspect: Some((from, why.code)), outage: None }, Turn::Suspected);
                }
                let probe_at = probe_at(&why, 0, now);
                let outage = Outage { since: now, why, failed_probes: 0, probe_at, probing: None };
                (Self { suspect: None, outage: Some(outage) }, Turn::Opened { suspect: others })
            }
            (Signal::Failed(why), Some(outage)) => {
                let earlier = outage.why.code;
                let outage = if outage.probing == Some(from) {
                    let failed_probes = outage.failed_probes.saturating_add(1);
                    let probe_at = probe_at(&why, failed_probes, now);
                    Outage { why, failed_probes, probe_at, probing: None, ..outage }
                } else {
                    // It was under way when the circuit opened.
                    outage
                };
                (Self { suspect: None, outage: Some(outage) }, Turn::StillOpen { earlier })
            }
        }
    }

    /// The circuit after somebody asked for a probe now.
    #[must_use]
    pub fn probe_now(self, asked: Asked, now: Instant) -> Self {
        let outage = self.outage.map(|outage| match (asked, outage.probe_at) {
            (Asked::ByNetwork, None) => outage,
            (_, known) => Outage { probe_at: Some(known.map_or(now, |at| at.min(now))), ..outage },
        });
        Self { outage, ..self }
    }
}

/// A failure of one mailbox as what it is: with an account of the profile, its credentials are everyone's.
#[must_use]
pub fn widened(failure: Failure, using: AuthenticateUsing) -> Failure {
    let shared = using == AuthenticateUsing::Profile && failure.scope == Scope::Mailbox;
    if shared && is_about_credentials(failure.code) {
        return Failure { scope: Scope::Profile, ..failure };
    }
    failure
}

/// Whether a failure is about the user name or password, so that new ones are worth one try.
#[must_use]
pub const fn is_about_credentials(code: FailureCode) -> bool {
    matches!(
        code,
        FailureCode::AuthenticationFailed
            | FailureCode::AuthenticationUnsupported
            | FailureCode::PasswordMissing
    )
}

/// Whether a failure is of this computer: it tells nothing about a server.
#[must_use]
pub const fn is_local(code: FailureCode) -> bool {
    matches!(
        code,
        FailureCode::StoreFailed
            | FailureCode::DiskFull
            | FailureCode::KeychainLocked
            | FailureCode::KeychainAbsent
            | FailureCode::Internal
            | FailureCode::Stopped
    )
}

const fn is_an_answer(code: FailureCode) -> bool {
    matches!(
        code,
        FailureCode::AuthenticationFailed
            | FailureCode::AuthenticationUnsupported
            | FailureCode::MailboxInUse
            | FailureCode::MailboxNotFound
            | FailureCode::SenderRefused
            | FailureCode::QuotaExceeded
    )
}

fn probe_at(why: &Failure, failed_probes: u32, now: Instant) -> Option<Instant> {
    if is_about_credentials(why.code) {
        return None;
    }
    let step = usize::try_from(failed_probes).unwrap_or(usize::MAX).min(PROBE_MINUTES.len() - 1);
    let own = Duration::minutes(PROBE_MINUTES.get(step).copied().unwrap_or(30));
    Some(now + why.retry_after.map_or(own, |asked| asked.max(own)))
}

#[cfg(test)]
mod tests;
