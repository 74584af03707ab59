//! One newtype per id, and the deterministic ids that make a replay an update.

use uuid::Uuid;

macro_rules! ids {
    ($($(#[$meta:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub Uuid);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { self.0.fmt(f) }
        }
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, uuid::Error> { Uuid::parse_str(text).map(Self) }
        }
    )+};
}

ids! {
    /// The one organization of a data folder.
    OrganizationId,
    /// An email server profile.
    ProfileId,
    /// A mailbox.
    MailboxId,
    /// A user.
    UserId,
    /// A queue.
    QueueId,
    /// A contact.
    ContactId,
    /// An account (a company).
    AccountId,
    /// A lead.
    LeadId,
    /// An email activity.
    EmailId,
    /// An attachment of an email activity.
    AttachmentId,
    /// One sync cycle of one workload of one mailbox.
    CycleId,
    /// An alert.
    AlertId,
    /// A message in quarantine.
    QuarantineId,
    /// A Test & Enable of many mailboxes.
    TestJobId,
}

/// The id of a configuration record or directory entry, from its natural key (its kind and its name or address,
/// case-folded): applying the same configuration file to two data folders gives the same ids.
#[must_use]
pub fn record_id(organization: OrganizationId, kind: &str, natural_key: &str) -> Uuid {
    Uuid::new_v5(&organization.0, format!("{kind}:{}", natural_key.trim().to_lowercase()).as_bytes())
}

/// The id of the email activity made from a received message: the same message always gets the same id, so
/// that a replay after a crash updates instead of adding.
///
/// `scope` is what the record belongs to. Received mail is recorded once per organization, so it is empty for
/// a message with a Message-ID, and the ledger key (mailbox, folder, identity) for one without.
#[must_use]
pub fn email_id(organization: OrganizationId, scope: &str, message_id: &str) -> EmailId {
    EmailId(Uuid::new_v5(&organization.0, format!("email:{scope}:{message_id}").as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_message_always_gets_the_same_id() {
        let org = OrganizationId(Uuid::from_u128(1));
        assert_eq!(email_id(org, "", "a@b"), email_id(org, "", "a@b"));
        assert_ne!(email_id(org, "", "a@b"), email_id(org, "box", "a@b"));
    }

    #[test]
    fn a_natural_key_is_compared_without_case() {
        let org = OrganizationId(Uuid::from_u128(1));
        assert_eq!(record_id(org, "user", "Amy@Contoso.test "), record_id(org, "user", "amy@contoso.test"));
    }
}
