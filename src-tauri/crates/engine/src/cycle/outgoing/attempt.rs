//! One attempt to send one email: recorded, submitted, recorded.

use super::{Sending, evidence};
use crate::{
    access::storage_failure,
    cycle::CycleContext,
    ports::{
        Ports,
        mail::{CommitPoint, Submission},
        storage::{AttemptResult, PendingEmail, StorageError},
    },
};
use async_trait::async_trait;
use chrono::Duration;
use std::collections::HashSet;
use tandem_domain::{
    Instant,
    alert::{AlertCode, AlertLevel, AlertObject, NewAlert},
    failure::{Failure, Nature, Scope},
    ids::EmailId,
    outgoing::{ARRIVAL_GRACE_SECONDS, AfterAttempt, RefusedRecipient, SubmitOutcome, after_attempt},
};
use tokio::sync::OwnedMutexGuard;

/// So often the end of an attempt is written, because after the server's answer nothing else knows of it.
const RECORD_TRIES: u32 = 4;

/// Makes one attempt. Fails when it is the mailbox or the server that failed, and not the email.
/// `turn` is held until the attempt is recorded.
pub async fn run(
    context: &CycleContext,
    sending: &mut Sending,
    email: PendingEmail,
    turn: Option<OwnedMutexGuard<()>>,
) -> Result<(), Failure> {
    let storage = &context.ports.storage;
    let raw = storage.raw(email.id).await.map_err(storage_failure)?;
    match storage.begin_attempt(email.id, context.cycle, context.now()).await {
        Ok(()) => {}
        // A person withdrew it since it was loaded.
        Err(StorageError::Conflict | StorageError::NotFound(_)) => return Ok(()),
        Err(error) => return Err(storage_failure(error)),
    }
    drop(turn);
    let Some(session) = sending.session.as_mut() else {
        return storage.send_again(email.id, context.now()).await.map_err(storage_failure);
    };
    let submission =
        Submission { mail_from: email.mail_from.clone(), recipients: email.recipients.clone(), raw };
    let commit = RecordCommit { ports: &context.ports, email: email.id };
    // A stop waits for the server's answer: without it, the email would be unconfirmed.
    let outcome = session.submit(&submission, &commit).await;

    let now = context.now();
    let max = context.prepared.settings.max_delivery_attempts;
    let culprit = culprit(&outcome);
    let after = match (&culprit, after_attempt(outcome.clone(), email.attempts.saturating_add(1), max, now)) {
        // A mailbox or server that fails is no fault of the email: it is pending again at once, and the cycle ends.
        (Some(why), AfterAttempt::Failed(_)) if why.nature == Nature::Permanent => {
            AfterAttempt::Postpone { until: now, why: why.clone() }
        }
        (Some(_), AfterAttempt::Postpone { why, .. }) => AfterAttempt::Postpone { until: now, why },
        (_, after) => after,
    };
    record(context, sending, &email, outcome, after, now).await?;
    culprit.map_or(Ok(()), Err)
}

async fn record(
    context: &CycleContext,
    sending: &mut Sending,
    email: &PendingEmail,
    outcome: SubmitOutcome,
    after: AfterAttempt,
    now: Instant,
) -> Result<(), Failure> {
    let (said, accepted, refused) = recipients(email, outcome);
    match after {
        AfterAttempt::Sent { refused } => {
            let alert = some_refused(email.id, &refused, accepted.is_empty());
            end(context, email.id, AttemptResult::Sent { server_said: said, refused }, now).await?;
            if email.attempts > 0 {
                clear(context, email.id, now).await?;
            }
            raise(context, alert, now).await
        }
        AfterAttempt::Postpone { until, why } => {
            let refused = for_good(refused);
            let alert = some_refused(email.id, &refused, false);
            end(context, email.id, AttemptResult::Postponed { until, why, accepted, refused }, now).await?;
            if until > now {
                sending.look_again(until);
            }
            raise(context, alert, now).await
        }
        AfterAttempt::Failed(why) => {
            let alert = failed(email.id, &why);
            end(context, email.id, AttemptResult::Failed { why, refused }, now).await?;
            raise(context, Some(alert), now).await
        }
        AfterAttempt::AwaitEvidence(why) => {
            end(context, email.id, AttemptResult::Unconfirmed { why }, now).await?;
            evidence::ask_for(context, &email.recipients, now).await?;
            sending.awaits_evidence = true;
            sending.look_again(now + Duration::seconds(ARRIVAL_GRACE_SECONDS));
            Ok(())
        }
    }
}

/// Ends the attempt in the store, and does not give up at the first obstacle: what the server said is known to
/// nobody else.
pub async fn end(
    context: &CycleContext,
    email: EmailId,
    result: AttemptResult,
    at: Instant,
) -> Result<(), Failure> {
    let mut tries = 1;
    loop {
        match context.ports.storage.end_attempt(email, result.clone(), at).await {
            Ok(()) => return Ok(()),
            Err(error) if tries >= RECORD_TRIES || matches!(error, StorageError::NotFound(_)) => {
                return Err(storage_failure(error));
            }
            Err(error) => tracing::warn!("The result of sending email {email} is not written yet: {error}"),
        }
        tries += 1;
        context.ports.clock.wait_until(context.now() + Duration::seconds(1)).await;
    }
}

/// An alert on an email that was given up, or of which only a person can find out what became.
pub fn failed(email: EmailId, why: &Failure) -> NewAlert {
    NewAlert {
        level: AlertLevel::Error,
        object: AlertObject::Email(email),
        code: AlertCode::Failure(why.code),
        detail: why.server_said.clone(),
        retry_at: None,
    }
}

/// Gives up an email of which no attempt makes sense, with an alert.
pub async fn give_up(context: &CycleContext, email: EmailId, why: Failure) -> Result<(), Failure> {
    let alert = failed(email, &why);
    match context.ports.storage.give_up(email, why).await {
        Ok(()) => raise(context, Some(alert), context.now()).await,
        // A person withdrew it since it was loaded.
        Err(StorageError::Conflict | StorageError::NotFound(_)) => Ok(()),
        Err(error) => Err(storage_failure(error)),
    }
}

/// Clears what was said about an email that is sent now.
pub async fn clear(context: &CycleContext, email: EmailId, at: Instant) -> Result<(), Failure> {
    context.ports.storage.clear(AlertObject::Email(email), None, at).await.map_err(storage_failure)
}

/// Raises an alert, if there is one.
pub async fn raise(context: &CycleContext, alert: Option<NewAlert>, at: Instant) -> Result<(), Failure> {
    match alert {
        Some(alert) => context.ports.storage.raise(alert, at).await.map_err(storage_failure),
        None => Ok(()),
    }
}

/// The failure of the whole mailbox or server that an outcome tells of, after which the cycle ends.
fn culprit(outcome: &SubmitOutcome) -> Option<Failure> {
    match outcome {
        SubmitOutcome::Retry { why, .. } | SubmitOutcome::Rejected { why, .. } => {
            (why.scope != Scope::Item).then(|| why.clone())
        }
        // The next email opens a new session, and fails there if the server does not answer.
        SubmitOutcome::Unconfirmed(_) | SubmitOutcome::Accepted { .. } => None,
    }
}

/// The server's words, the recipients that it took, and those that it did not.
fn recipients(email: &PendingEmail, outcome: SubmitOutcome) -> (String, Vec<String>, Vec<RefusedRecipient>) {
    match outcome {
        SubmitOutcome::Accepted { server_said, refused } => {
            let not_taken: HashSet<&str> = refused.iter().map(|one| one.address.as_str()).collect();
            let taken = email.recipients.iter().filter(|one| !not_taken.contains(one.as_str()));
            (server_said, taken.cloned().collect(), refused)
        }
        SubmitOutcome::Retry { refused, .. } | SubmitOutcome::Rejected { refused, .. } => {
            (String::new(), Vec::new(), refused)
        }
        SubmitOutcome::Unconfirmed(_) => (String::new(), Vec::new(), Vec::new()),
    }
}

fn for_good(refused: Vec<RefusedRecipient>) -> Vec<RefusedRecipient> {
    refused.into_iter().filter(|one| one.failure.nature == Nature::Permanent).collect()
}

fn some_refused(email: EmailId, refused: &[RefusedRecipient], nobody: bool) -> Option<NewAlert> {
    if refused.is_empty() {
        return None;
    }
    let detail: Vec<String> =
        refused.iter().take(10).map(|one| format!("{}: {}", one.address, one.failure.server_said)).collect();
    Some(NewAlert {
        level: if nobody { AlertLevel::Error } else { AlertLevel::Warning },
        object: AlertObject::Email(email),
        code: AlertCode::SomeRecipientsRefused,
        detail: detail.join("; "),
        retry_at: None,
    })
}

struct RecordCommit<'a> {
    ports: &'a Ports,
    email: EmailId,
}

#[async_trait]
impl CommitPoint for RecordCommit<'_> {
    async fn about_to_commit(&self) -> Result<(), Failure> {
        let now = self.ports.clock.now();
        self.ports.storage.reach_commit_point(self.email, now).await.map_err(storage_failure)
    }
}
