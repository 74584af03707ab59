//! What is kept of an applied migration: what came of it, and what undoing it takes. JSON in the database; never a secret.

use crate::wire::{MigrationCounts, MigrationSkipped, Time};
use serde::{Deserialize, Serialize};
use tandem_domain::{
    address::EmailAddress,
    ids::{MailboxId, ProfileId, QueueId, UserId},
    mailbox::{Approval, DeliveryMethod, Mailbox, MailboxOwner},
    workload::{Workload, WorkloadState},
};
use uuid::Uuid;

/// What came of a migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Outcome {
    /// In numbers: what was written, not what was planned.
    pub(super) counts: MigrationCounts,
    /// In sentences.
    pub(super) sentences: Vec<String>,
    /// The profiles that it made or used.
    pub(super) profiles: Vec<OutcomeProfile>,
    /// The mailboxes that it made or changed.
    pub(super) mailboxes: Vec<Uuid>,
    /// Those that it left as they are.
    pub(super) skipped: Vec<MigrationSkipped>,
    /// The passwords that it needs.
    pub(super) credentials: Vec<OutcomeCredential>,
}

/// A profile that a migration made or used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OutcomeProfile {
    pub(super) id: Uuid,
    pub(super) created: bool,
    pub(super) cannot_enable: Option<String>,
}

/// A password that a migration needs, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OutcomeCredential {
    /// As in the plan.
    pub(super) id: u32,
    pub(super) server: String,
    pub(super) user_name: String,
    pub(super) reason: String,
    pub(super) profiles: Vec<Uuid>,
    pub(super) mailboxes: Vec<Uuid>,
}

/// What undoing a migration takes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Undo {
    pub(super) profiles: Vec<Uuid>,
    pub(super) users: Vec<Uuid>,
    pub(super) queues: Vec<Uuid>,
    /// Mailboxes that it made.
    pub(super) made: Vec<Uuid>,
    /// Mailboxes that it changed, as they were.
    pub(super) changed: Vec<MailboxBefore>,
}

/// A mailbox as it was before a migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MailboxBefore {
    id: Uuid,
    email: String,
    owner_is_queue: bool,
    owner: Uuid,
    profile: Option<Uuid>,
    incoming: String,
    outgoing: String,
    act: String,
    approval: String,
    user_name: Option<String>,
    allow_credentials: bool,
    delete_after_processing: bool,
    process_emails_from: Option<Time>,
    /// The workloads that were enabled.
    enabled: Vec<String>,
}

impl Undo {
    /// Every mailbox that a cycle must not have run for.
    pub(super) fn mailboxes(&self) -> Vec<MailboxId> {
        let changed = self.changed.iter().map(|before| before.id);
        self.made.iter().copied().chain(changed).map(MailboxId).collect()
    }
}

impl MailboxBefore {
    pub(super) fn of(mailbox: &Mailbox) -> Self {
        let (owner_is_queue, owner) = match mailbox.owner {
            MailboxOwner::User(id) => (false, id.0),
            MailboxOwner::Queue(id) => (true, id.0),
        };
        let enabled = Workload::ALL.into_iter().filter(|one| mailbox.state(*one).enabled);
        Self {
            id: mailbox.id.0,
            email: mailbox.email.to_string(),
            owner_is_queue,
            owner,
            profile: mailbox.profile.map(|id| id.0),
            incoming: mailbox.incoming.as_str().to_owned(),
            outgoing: mailbox.outgoing.as_str().to_owned(),
            act: mailbox.act.as_str().to_owned(),
            approval: mailbox.approval.as_str().to_owned(),
            user_name: mailbox.user_name.clone(),
            allow_credentials: mailbox.allow_credentials,
            delete_after_processing: mailbox.delete_after_processing,
            process_emails_from: mailbox.process_emails_from,
            enabled: enabled.map(|one| one.as_str().to_owned()).collect(),
        }
    }

    /// The mailbox again; `None` when a word is not one of this version.
    pub(super) fn mailbox(&self) -> Option<Mailbox> {
        let owner = if self.owner_is_queue {
            MailboxOwner::Queue(QueueId(self.owner))
        } else {
            MailboxOwner::User(UserId(self.owner))
        };
        Some(Mailbox {
            id: MailboxId(self.id),
            email: EmailAddress::parse(&self.email).ok()?,
            owner,
            profile: self.profile.map(ProfileId),
            incoming: DeliveryMethod::from_word(&self.incoming)?,
            outgoing: DeliveryMethod::from_word(&self.outgoing)?,
            act: DeliveryMethod::from_word(&self.act)?,
            approval: Approval::from_word(&self.approval)?,
            approval_rule: Default::default(),
            user_name: self.user_name.clone(),
            allow_credentials: self.allow_credentials,
            delete_after_processing: self.delete_after_processing,
            process_emails_from: self.process_emails_from,
            incoming_state: WorkloadState::default(),
            outgoing_state: WorkloadState::default(),
            act_state: WorkloadState::default(),
        })
    }

    /// The workloads that were enabled.
    pub(super) fn enabled(&self) -> impl Iterator<Item = Workload> + '_ {
        self.enabled.iter().filter_map(|word| Workload::from_word(word))
    }
}
