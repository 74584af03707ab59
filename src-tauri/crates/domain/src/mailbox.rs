//! Mailboxes: whose they are, how their mail travels, and what may be processed.

use crate::{
    Instant,
    address::EmailAddress,
    ids::{MailboxId, ProfileId, QueueId, UserId},
    workload::{Workload, WorkloadState},
};

/// Who owns a mailbox. One owner has one mailbox, and one mailbox one owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MailboxOwner {
    /// A user.
    User(UserId),
    /// A queue.
    Queue(QueueId),
}

/// How incoming mail travels (`incomingemaildeliverymethod`), and, less the last, outgoing mail and ACT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DeliveryMethod {
    /// Not at all.
    #[default]
    None,
    /// Through Outlook on the user's own machine: not our work.
    Outlook,
    /// Server-side synchronization.
    ServerSideSync,
    /// A rule forwards it to a forward mailbox (incoming only).
    ForwardMailbox,
}

impl DeliveryMethod {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::None, Self::Outlook, Self::ServerSideSync, Self::ForwardMailbox];

    /// The word in configuration files and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Outlook => "outlook",
            Self::ServerSideSync => "server_side_sync",
            Self::ForwardMailbox => "forward_mailbox",
        }
    }

    /// The reverse of [`DeliveryMethod::as_str`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == word)
    }
}

/// Whether an administrator allows this address to be processed (`emailrouteraccessapproval`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Approval {
    /// Waits for a decision. Also after the address changed.
    #[default]
    Pending,
    /// Allowed.
    Approved,
    /// Refused.
    Rejected,
}

impl Approval {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Approved, Self::Rejected];

    /// The word in configuration files and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
        }
    }

    /// The reverse of [`Approval::as_str`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|approval| approval.as_str() == word)
    }
}

/// Whether the organization asks for approval (`RequireApprovalForUserEmail`, `RequireApprovalForQueueEmail`; one setting
/// for both here).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ApprovalRule {
    /// Only approved addresses are processed.
    #[default]
    Required,
    /// Addresses that wait for approval are processed too.
    NotRequired,
}

impl Approval {
    /// What a decision comes to under a rule. A rejected address stays rejected: switching the requirement off withdraws
    /// no decision.
    #[must_use]
    pub const fn under(self, rule: ApprovalRule) -> Self {
        match (self, rule) {
            (Self::Pending, ApprovalRule::NotRequired) => Self::Approved,
            (decision, _) => decision,
        }
    }
}

/// A mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// Its id.
    pub id: MailboxId,
    /// Its address.
    pub email: EmailAddress,
    /// Its owner.
    pub owner: MailboxOwner,
    /// Its profile.
    pub profile: Option<ProfileId>,
    /// How incoming mail travels.
    pub incoming: DeliveryMethod,
    /// How outgoing mail travels.
    pub outgoing: DeliveryMethod,
    /// How appointments, contacts and tasks travel.
    pub act: DeliveryMethod,
    /// What was decided about its address. [`Mailbox::standing`] is what that comes to.
    pub approval: Approval,
    /// Whether the organization asks for that decision.
    pub approval_rule: ApprovalRule,
    /// The user name at the server.
    pub user_name: Option<String>,
    /// "Allow to Use Credentials for Email Processing".
    pub allow_credentials: bool,
    /// "Delete Emails after Processing": the server's copy goes after the commit. Queue mailboxes only.
    pub delete_after_processing: bool,
    /// Mail received before this is not looked at.
    pub process_emails_from: Option<Instant>,
    /// Where its incoming mail stands.
    pub incoming_state: WorkloadState,
    /// Where its outgoing mail stands.
    pub outgoing_state: WorkloadState,
    /// Where its ACT stands.
    pub act_state: WorkloadState,
}

impl Mailbox {
    /// The delivery method of one workload.
    #[must_use]
    pub const fn method(&self, workload: Workload) -> DeliveryMethod {
        match workload {
            Workload::Incoming => self.incoming,
            Workload::Outgoing => self.outgoing,
            Workload::Act => self.act,
        }
    }

    /// Where one workload stands.
    #[must_use]
    pub const fn state(&self, workload: Workload) -> &WorkloadState {
        match workload {
            Workload::Incoming => &self.incoming_state,
            Workload::Outgoing => &self.outgoing_state,
            Workload::Act => &self.act_state,
        }
    }

    /// What the decision about its address comes to: whether it may be processed.
    #[must_use]
    pub const fn standing(&self) -> Approval {
        self.approval.under(self.approval_rule)
    }

    /// Whether the engine processes this workload now: it is ours, approved (where that is asked for) and enabled.
    #[must_use]
    pub fn is_processed(&self, workload: Workload) -> bool {
        self.method(workload) == DeliveryMethod::ServerSideSync
            && self.standing() == Approval::Approved
            && self.profile.is_some()
            && self.state(workload).enabled
    }
}

/// Process Emails From: the later of the profile's and the mailbox's date decides.
#[must_use]
pub fn process_emails_from(profile: Option<Instant>, mailbox: Option<Instant>) -> Option<Instant> {
    profile.max(mailbox)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    #[test]
    fn an_address_needs_approval_where_that_is_asked_for_and_a_rejected_one_is_never_processed() {
        use super::{Approval::*, ApprovalRule::*};
        for (decided, rule, comes_to) in [
            (Pending, Required, Pending),
            (Approved, Required, Approved),
            (Rejected, Required, Rejected),
            (Pending, NotRequired, Approved),
            (Approved, NotRequired, Approved),
            (Rejected, NotRequired, Rejected),
        ] {
            assert_eq!(decided.under(rule), comes_to, "{decided:?} {rule:?}");
        }
        assert_eq!(ApprovalRule::default(), Required, "as the original has it");
    }

    #[test]
    fn the_later_of_profile_and_mailbox_date_decides() {
        let (early, late) = (DateTime::from_timestamp(1, 0), DateTime::from_timestamp(2, 0));
        assert_eq!(process_emails_from(early, late), late);
        assert_eq!(process_emails_from(late, early), late);
        assert_eq!(process_emails_from(None, early), early);
        assert_eq!(process_emails_from(None, None), None);
    }
}
