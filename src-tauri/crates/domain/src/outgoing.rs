//! The rules for outgoing mail: what an attempt's outcome means, and what an unconfirmed one turns out to be.
//!
//! An attempt is recorded before it starts, and again right before the message's end is sent (the *commit
//! point*: RFC 5321 section 4.1.1.4 makes the server responsible once it has answered the final dot). A kill
//! before the commit point is harmless: try again. After it, the message is *unconfirmed*, and is never sent
//! again unless it is known not to have arrived.

use crate::{
    Instant,
    failure::{Failure, FailureCode, Nature},
    schedule::TRANSIENT_RETRY_MINUTES,
};
use chrono::Duration;

/// How far a recorded attempt got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptPhase {
    /// It started; the server cannot have accepted the message.
    Started,
    /// The end of the message was about to be sent; the server may have accepted it.
    Committing,
}

/// What a server said about one recipient that it did not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedRecipient {
    /// The address.
    pub address: String,
    /// Why.
    pub failure: Failure,
}

/// How one submission ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubmitOutcome {
    /// The server took it, for all recipients but these.
    Accepted {
        /// The server's words, which often hold its queue id.
        server_said: String,
        /// The recipients it did not take.
        refused: Vec<RefusedRecipient>,
    },
    /// It was not taken, and may be later.
    Retry {
        /// Why.
        why: Failure,
        /// What was said about single recipients.
        refused: Vec<RefusedRecipient>,
    },
    /// It was not taken, and won't be.
    Rejected {
        /// Why.
        why: Failure,
        /// What was said about single recipients.
        refused: Vec<RefusedRecipient>,
    },
    /// The connection was lost after the commit point: it may or may not have been taken.
    Unconfirmed(Failure),
}

/// What happens to an email after an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AfterAttempt {
    /// It is sent, less the recipients that are refused for good.
    Sent {
        /// Recipients that the server refused for good.
        refused: Vec<RefusedRecipient>,
    },
    /// It is tried again for the recipients that are left.
    Postpone {
        /// Not before this.
        until: Instant,
        /// Why, for people.
        why: Failure,
    },
    /// It is given up.
    Failed(Failure),
    /// It stays Sending until evidence says what became of it.
    AwaitEvidence(Failure),
}

/// Decides what an outcome means. `attempts` counts this one too.
#[must_use]
pub fn after_attempt(
    outcome: SubmitOutcome,
    attempts: u32,
    max_delivery_attempts: u16,
    now: Instant,
) -> AfterAttempt {
    let postpone_or_fail = |why: Failure| {
        if attempts >= u32::from(max_delivery_attempts) {
            return AfterAttempt::Failed(why);
        }
        let wait = why.retry_after.unwrap_or_else(|| Duration::minutes(TRANSIENT_RETRY_MINUTES));
        AfterAttempt::Postpone { until: now + wait, why }
    };
    match outcome {
        SubmitOutcome::Accepted { refused, .. } => {
            // Recipients that the server asked to try later stay pending; the others are done.
            match refused.iter().find(|one| one.failure.nature == Nature::Transient) {
                Some(later) => match postpone_or_fail(later.failure.clone()) {
                    AfterAttempt::Failed(_) => AfterAttempt::Sent { refused },
                    other => other,
                },
                None => AfterAttempt::Sent { refused },
            }
        }
        SubmitOutcome::Retry { why, .. } => postpone_or_fail(why),
        SubmitOutcome::Rejected { why, .. } => AfterAttempt::Failed(why),
        SubmitOutcome::Unconfirmed(why) => AfterAttempt::AwaitEvidence(why),
    }
}

/// What one recipient's mailbox tells about an unconfirmed message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecipientEvidence {
    /// A message with its Message-ID was seen there.
    Seen,
    /// None was seen by a complete cycle that started at this instant.
    NotSeenBy(Instant),
    /// It is not a mailbox that we read, or it was not read since.
    Unwatched,
}

/// What an unconfirmed message turns out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The server had accepted it.
    Sent,
    /// It did not arrive anywhere where it would have: it is safe to send again.
    SendAgain,
    /// It is too early to tell.
    Wait {
        /// Look again then.
        until: Instant,
    },
    /// Only a person can find out.
    AskPerson(Failure),
}

/// Mail inside one organization arrives well within this; a cycle that started later and did not see it is
/// evidence that it was not accepted.
pub const ARRIVAL_GRACE_SECONDS: i64 = 120;

/// Decides what became of a message whose acceptance was not confirmed at `attempted_at`.
///
/// One recipient who has it proves that the server accepted it for all: SMTP answers once for the whole message.
#[must_use]
pub fn resolve_unconfirmed(evidence: &[RecipientEvidence], attempted_at: Instant, now: Instant) -> Verdict {
    if evidence.contains(&RecipientEvidence::Seen) {
        return Verdict::Sent;
    }
    let settled_at = attempted_at + Duration::seconds(ARRIVAL_GRACE_SECONDS);
    let unwatched = evidence.is_empty() || evidence.contains(&RecipientEvidence::Unwatched);
    if now < settled_at {
        return Verdict::Wait { until: settled_at };
    }
    if unwatched {
        let said = "the connection was lost after the whole message was sent";
        return Verdict::AskPerson(Failure::permanent_item(FailureCode::DeliveryUnconfirmed, said));
    }
    let looked_too_early =
        evidence.iter().any(|one| matches!(one, RecipientEvidence::NotSeenBy(at) if *at < settled_at));
    if looked_too_early {
        return Verdict::Wait { until: now + Duration::minutes(1) };
    }
    Verdict::SendAgain
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    fn at(seconds: i64) -> Instant {
        DateTime::from_timestamp(1_000_000 + seconds, 0).unwrap()
    }

    fn later() -> Failure {
        Failure::transient_item(FailureCode::Throttled, "450 later")
    }

    #[test]
    fn an_accepted_message_is_sent() {
        let outcome = SubmitOutcome::Accepted { server_said: "250 ok".into(), refused: vec![] };
        assert_eq!(after_attempt(outcome, 1, 10, at(0)), AfterAttempt::Sent { refused: vec![] });
    }

    #[test]
    fn a_recipient_to_be_tried_later_keeps_the_message_pending() {
        let refused = vec![RefusedRecipient { address: "b@c".into(), failure: later() }];
        let outcome = SubmitOutcome::Accepted { server_said: String::new(), refused };
        assert!(matches!(after_attempt(outcome.clone(), 1, 10, at(0)), AfterAttempt::Postpone { .. }));
        assert!(matches!(after_attempt(outcome, 10, 10, at(0)), AfterAttempt::Sent { .. }));
    }

    #[test]
    fn the_last_attempt_fails_for_good() {
        let retry = SubmitOutcome::Retry { why: later(), refused: vec![] };
        assert!(matches!(after_attempt(retry.clone(), 9, 10, at(0)), AfterAttempt::Postpone { .. }));
        assert!(matches!(after_attempt(retry, 10, 10, at(0)), AfterAttempt::Failed(_)));
    }

    #[test]
    fn a_lost_reply_is_never_a_reason_to_send_again_by_itself() {
        let outcome = SubmitOutcome::Unconfirmed(later());
        assert!(matches!(after_attempt(outcome, 1, 10, at(0)), AfterAttempt::AwaitEvidence(_)));
    }

    #[test]
    fn one_recipient_who_has_it_proves_acceptance() {
        let evidence = [RecipientEvidence::Unwatched, RecipientEvidence::Seen];
        assert_eq!(resolve_unconfirmed(&evidence, at(0), at(1)), Verdict::Sent);
    }

    #[test]
    fn a_late_look_that_finds_nothing_allows_sending_again() {
        let verdict =
            |looked, now| resolve_unconfirmed(&[RecipientEvidence::NotSeenBy(at(looked))], at(0), at(now));
        assert_eq!(verdict(5, 10), Verdict::Wait { until: at(120) });
        assert!(matches!(verdict(5, 130), Verdict::Wait { .. }));
        assert_eq!(verdict(121, 130), Verdict::SendAgain);
    }

    #[test]
    fn an_outside_recipient_needs_a_person() {
        let evidence = [RecipientEvidence::Unwatched, RecipientEvidence::NotSeenBy(at(500))];
        assert!(matches!(resolve_unconfirmed(&evidence, at(0), at(600)), Verdict::AskPerson(_)));
    }
}
