//! The plan of Test & Enable: what is tested, what is skipped and why, and when each batch runs.
//!
//! Microsoft advises to test and enable at most 200 mailboxes every 5 hours, queues first and then users; both
//! numbers are settings of the organization.

use crate::{
    Instant,
    address::EmailAddress,
    ids::MailboxId,
    mailbox::{Approval, DeliveryMethod, Mailbox, MailboxOwner},
    settings::OrganizationSettings,
    workload::Workload,
};
use chrono::Duration;

/// How many mailboxes are tested how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchRules {
    /// So many mailboxes are in one batch at most; 0 counts as 1.
    pub at_most: u16,
    /// Hours between the starts of two batches.
    pub every_hours: u16,
}

impl From<&OrganizationSettings> for BatchRules {
    fn from(settings: &OrganizationSettings) -> Self {
        Self { at_most: settings.test_batch_mailboxes, every_hours: settings.test_batch_hours }
    }
}

impl BatchRules {
    /// The time between the starts of two batches.
    #[must_use]
    pub fn interval(self) -> Duration {
        Duration::hours(i64::from(self.every_hours))
    }
}

/// Why a workload is not tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SkipReason {
    /// Its mailbox waits for approval.
    WaitsForApproval,
    /// Its mailbox was rejected.
    Rejected,
    /// Its delivery method is not server-side synchronization.
    Method(DeliveryMethod),
    /// Its mailbox was deleted after the test was planned.
    MailboxGone,
}

impl SkipReason {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::WaitsForApproval,
        Self::Rejected,
        Self::Method(DeliveryMethod::None),
        Self::Method(DeliveryMethod::Outlook),
        Self::Method(DeliveryMethod::ForwardMailbox),
        Self::MailboxGone,
    ];

    /// The word in JSON and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WaitsForApproval => "waits_for_approval",
            Self::Rejected => "rejected",
            Self::Method(DeliveryMethod::None) => "method_none",
            Self::Method(DeliveryMethod::Outlook) => "method_outlook",
            Self::Method(DeliveryMethod::ForwardMailbox) => "method_forward_mailbox",
            Self::Method(DeliveryMethod::ServerSideSync) => "method_server_side_sync",
            Self::MailboxGone => "mailbox_gone",
        }
    }

    /// The reverse of [`SkipReason::as_str`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }
}

/// Why a workload of a mailbox cannot be tested now; `None` when it can. Nothing is tried then, and nothing failed.
#[must_use]
pub fn skipped(mailbox: &Mailbox, workload: Workload) -> Option<SkipReason> {
    match (mailbox.method(workload), mailbox.standing()) {
        (DeliveryMethod::ServerSideSync, Approval::Approved) => None,
        (DeliveryMethod::ServerSideSync, Approval::Pending) => Some(SkipReason::WaitsForApproval),
        (DeliveryMethod::ServerSideSync, Approval::Rejected) => Some(SkipReason::Rejected),
        (method, _) => Some(SkipReason::Method(method)),
    }
}

/// A mailbox of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedMailbox {
    /// The mailbox.
    pub id: MailboxId,
    /// Its address.
    pub email: EmailAddress,
    /// Its owner.
    pub owner: MailboxOwner,
    /// What is tested, in the order of [`Workload::ALL`].
    pub tested: Vec<Workload>,
    /// What is not, and why. A workload without a delivery method is named only where nothing is tested.
    pub skipped: Vec<(Workload, SkipReason)>,
}

impl PlannedMailbox {
    /// Whether it is a queue's.
    #[must_use]
    pub const fn is_queue(&self) -> bool {
        matches!(self.owner, MailboxOwner::Queue(_))
    }
}

/// Mailboxes that are tested together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// From 1.
    pub number: u32,
    /// Not before this.
    pub due_at: Instant,
    /// Its mailboxes, in the order in which they are tested.
    pub mailboxes: Vec<PlannedMailbox>,
}

/// What Test & Enable will do, as it is shown before it starts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TestPlan {
    /// What is tested when.
    pub batches: Vec<Batch>,
    /// Mailboxes of which nothing is tested.
    pub skipped: Vec<PlannedMailbox>,
}

impl TestPlan {
    /// How many mailboxes are tested.
    #[must_use]
    pub fn tested(&self) -> usize {
        self.batches.iter().map(|batch| batch.mailboxes.len()).sum()
    }
}

/// Plans a test: queues first, then users, each in the order given; the first batch at once, every further one after
/// the interval of the rules. A mailbox that is given twice is tested once. Mailboxes of which nothing is tested take
/// no place in a batch.
#[must_use]
pub fn plan(mailboxes: &[Mailbox], rules: BatchRules, from: Instant) -> TestPlan {
    let mut known = std::collections::HashSet::new();
    let mut wanted: Vec<_> = mailboxes.iter().filter(|one| known.insert(one.id)).map(planned).collect();
    wanted.sort_by_key(|one| !one.is_queue());
    let (tested, skipped): (Vec<_>, Vec<_>) = wanted.into_iter().partition(|one| !one.tested.is_empty());
    let in_batches = tested.chunks(usize::from(rules.at_most.max(1)));
    let dated = (1..).zip(dates(from, rules)).zip(in_batches);
    let batches = dated
        .map(|((number, due_at), mailboxes)| Batch { number, due_at, mailboxes: mailboxes.to_vec() })
        .collect();
    TestPlan { batches, skipped }
}

/// When batches are due, one after the other without an end.
pub fn dates(from: Instant, rules: BatchRules) -> impl Iterator<Item = Instant> {
    std::iter::successors(Some(from), move |last| {
        Some(last.checked_add_signed(rules.interval()).unwrap_or(*last))
    })
}

/// When a batch that was due at `due_at` is due, now that the one `places` before it has started at `started_at`:
/// batches that were overdue, because nothing ran, do not all start together.
#[must_use]
pub fn moved(due_at: Instant, started_at: Instant, places: u32, rules: BatchRules) -> Instant {
    let wait = rules.interval().checked_mul(i32::try_from(places).unwrap_or(i32::MAX));
    let earliest = wait.and_then(|wait| started_at.checked_add_signed(wait)).unwrap_or(due_at);
    due_at.max(earliest)
}

fn planned(mailbox: &Mailbox) -> PlannedMailbox {
    let (mut tested, mut not) = (Vec::new(), Vec::new());
    for workload in Workload::ALL {
        match skipped(mailbox, workload) {
            None => tested.push(workload),
            Some(reason) => not.push((workload, reason)),
        }
    }
    let nothing = SkipReason::Method(DeliveryMethod::None);
    if !tested.is_empty() || not.iter().any(|(_, reason)| *reason != nothing) {
        not.retain(|(_, reason)| *reason != nothing);
    }
    PlannedMailbox {
        id: mailbox.id,
        email: mailbox.email.clone(),
        owner: mailbox.owner,
        tested,
        skipped: not,
    }
}

#[cfg(test)]
mod tests;
