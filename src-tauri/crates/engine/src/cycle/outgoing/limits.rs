//! The sending limits of the mailbox's account: what may go now, and what is held back before a server refuses it.

use crate::{
    access::{Prepared, storage_failure},
    cycle::CycleContext,
    ports::storage::{HeldEmail, PendingEmail, SendingAccount},
};
use tandem_domain::{
    failure::{Failure, FailureCode},
    profile::AuthenticateUsing,
    send_limits::{Budget, Counted, DAY, HeldBy, SendLimits, Verdict},
};
use tokio::sync::OwnedMutexGuard;

/// Counts for one cycle.
#[derive(Debug)]
pub struct Limits {
    limits: SendLimits,
    account: SendingAccount,
    budget: Option<Budget>,
    held: Vec<HeldEmail>,
    held_recipients: Vec<Counted>,
}

/// What may become of an email now.
pub enum Admitted {
    /// It may go. Others that share the account wait until its attempt is recorded and this is dropped.
    Send(Option<OwnedMutexGuard<()>>),
    /// It is held back; see [`Limits::take_held`].
    Held,
    /// It can never go.
    Never(Failure),
}

impl Limits {
    /// The limits of a mailbox's account.
    pub fn of(prepared: &Prepared) -> Self {
        let profile = &prepared.profile;
        let account = match profile.authenticate_using {
            AuthenticateUsing::Profile => SendingAccount::Profile(profile.id),
            _ => SendingAccount::Mailbox(prepared.mailbox.id),
        };
        let limits = profile.send_limits;
        Self { limits, account, budget: None, held: Vec::new(), held_recipients: Vec::new() }
    }

    /// Decides about the next email.
    pub async fn admit(&mut self, context: &CycleContext, email: &PendingEmail) -> Result<Admitted, Failure> {
        if !self.limits.is_limited() {
            return Ok(Admitted::Send(None));
        }
        let is_shared = matches!(self.account, SendingAccount::Profile(_));
        // A mailbox sends in one cycle at a time; those that share an account take turns, and count anew.
        let turn = match is_shared {
            true => Some(context.send_turns.0.clone().lock_owned().await),
            false => None,
        };
        let now = context.now();
        let mut budget = match self.budget.take().filter(|_| !is_shared) {
            Some(budget) => budget,
            None => {
                let sent = context.ports.storage.sent_since(self.account, now - DAY);
                Budget::new(self.limits, sent.await.map_err(storage_failure)?, now)
                    .with_held(self.held_recipients.iter().copied())
            }
        };
        let recipients = u32::try_from(email.recipients.len()).unwrap_or(u32::MAX);
        let verdict = budget.ask(recipients, now);
        self.budget = Some(budget);
        Ok(match verdict {
            Verdict::Send => Admitted::Send(turn),
            Verdict::Hold { until, by } => {
                self.held.push(HeldEmail { email: email.id, until, by });
                self.held_recipients.push(Counted { at: until, recipients });
                Admitted::Held
            }
            Verdict::TooMany { most } => {
                let said = format!(
                    "it has {recipients} recipients, and the sending limit of the profile is {most} a day"
                );
                Admitted::Never(Failure::permanent_item(FailureCode::QuotaExceeded, said))
            }
        })
    }

    /// What was held back since this was asked last, to be recorded together.
    pub fn take_held(&mut self) -> Vec<HeldEmail> {
        std::mem::take(&mut self.held)
    }

    /// Whether anything is held back for longer than minutes.
    pub fn holds_for_a_day(held: &[HeldEmail]) -> Option<HeldEmail> {
        held.iter().copied().find(|one| one.by == HeldBy::RecipientsPerDay)
    }
}
