//! Under which keys secrets are kept.

use tandem_domain::ids::{MailboxId, ProfileId};
use tandem_secrets::SecretRef;

/// The key of a mailbox's password.
pub(crate) fn mailbox_password(id: MailboxId) -> SecretRef {
    SecretRef::mailbox_password(id.0)
}

/// The key of a profile's password.
pub(crate) fn profile_password(id: ProfileId) -> SecretRef {
    SecretRef::parse(format!("profile/{id}/password")).unwrap_or_else(|_| SecretRef::mailbox_password(id.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profiles_key_says_that_it_is_a_profiles() {
        let key = profile_password(ProfileId(uuid::Uuid::nil()));
        assert_eq!(key.as_str(), "profile/00000000-0000-0000-0000-000000000000/password");
    }
}
