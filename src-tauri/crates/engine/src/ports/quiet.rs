//! What the engine asks of storage for the many mailboxes in which nothing happens: together, or in one step each.

use super::{
    mail::Cursor,
    storage::{CycleReport, DueWork, StorageError},
};
use async_trait::async_trait;
use std::collections::HashMap;
use tandem_domain::{
    Instant,
    breaker::Circuit,
    ids::{MailboxId, ProfileId},
    item_retry::OwedItem,
    mailbox::Mailbox,
    profile::EmailServerProfile,
    settings::OrganizationSettings,
    workload::Workload,
};

/// The folder that is synchronized.
pub const INBOX: &str = "INBOX";

/// What a cycle has to know before it begins, as it was at one moment.
#[derive(Debug, Clone)]
pub struct Briefing {
    /// The organization's settings.
    pub settings: OrganizationSettings,
    /// The mailbox.
    pub mailbox: Mailbox,
    /// Its profile; `None` where it has none.
    pub profile: Option<EmailServerProfile>,
    /// The circuit of that profile, in the direction of the workload.
    pub circuit: Circuit,
    /// For incoming email, where a look into the [`INBOX`] begins; nothing for the other workloads.
    pub start: StartingPoint,
}

/// Where a look into a folder begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StartingPoint {
    /// The folder's cursor, as `Ledger::cursor`.
    pub cursor: Option<Cursor>,
    /// What is owed of it, as `Ledger::owed`.
    pub owed: Vec<OwedItem>,
}

/// Mailboxes that are due and have nothing to send, with what decides about them, as it was at one moment.
#[derive(Debug, Clone, Default)]
pub struct QuietWork {
    /// The organization's settings.
    pub settings: OrganizationSettings,
    /// The workloads that are due, with their mailboxes. Nobody holds a lease on them.
    pub due: Vec<(DueWork, Mailbox)>,
    /// The profiles of these mailboxes.
    pub profiles: HashMap<ProfileId, EmailServerProfile>,
}

/// Storage for what is quiet.
#[async_trait]
pub trait Quiet: Send + Sync {
    /// What cycles have to know before they begin, each in its place. One of them is `NotFound` when its mailbox, or the
    /// profile that this names, is not there (any more).
    ///
    /// # Errors
    /// When none of them can be read.
    async fn briefings(
        &self,
        asked: Vec<(MailboxId, Workload)>,
    ) -> Result<Vec<Result<Briefing, StorageError>>, StorageError>;
    /// Mailboxes whose outgoing mail is due by `Schedule::claim_due` and of which there is nothing to do: no email is
    /// Pending Send or Sending, the last cycle did not fail, and the profile's circuit is closed. The longest due first.
    /// They are not claimed.
    async fn quiet_outgoing(&self, now: Instant, limit: u32) -> Result<QuietWork, StorageError>;
    /// Records the ends of many cycles as one step, each as `Schedule::finish` does. Mailboxes that are not there any more
    /// are passed over. Gives the earliest instant at which one of them is due again.
    async fn finish_all(&self, reports: Vec<CycleReport>) -> Result<Option<Instant>, StorageError>;
}
