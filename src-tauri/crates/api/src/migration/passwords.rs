//! Passwords that must be entered again: once per account, kept for everything that uses it.

use super::{no_migration, summary::parsed};
use crate::{
    Tandem, keys,
    people::of_storage,
    wire::{ApiError, EnterMigrationPasswordsRequest, MigrationSummaryView, Nothing},
};
use tandem_domain::ids::{MailboxId, ProfileId};
use tandem_secrets::Secret;

impl Tandem {
    /// Keeps passwords for everything that the migration made, once per account.
    ///
    /// # Errors
    /// No migration; an unknown account or an empty password; the secret store. No password is kept then.
    pub async fn enter_migration_passwords(
        &self,
        request: EnterMigrationPasswordsRequest,
    ) -> Result<MigrationSummaryView, ApiError> {
        let latest = self.store.latest_migration().await.map_err(|error| of_storage("migration", &error))?;
        let latest = latest.filter(|one| one.undone_at.is_none()).ok_or_else(no_migration)?;
        let (outcome, _) = parsed(&latest)?;
        let mut wanted = Vec::new();
        for one in &request.passwords {
            let found = outcome.credentials.iter().find(|known| known.id == one.credential);
            let found = found.ok_or_else(|| ApiError::not_found("account", &one.credential.to_string()))?;
            let object = format!("{} at {}", found.user_name, found.server);
            if one.password.0.is_empty() {
                let remedy = "Enter the password of the mail account, or leave the account out.";
                return Err(ApiError::plain("password_empty", &object, "The password is empty.", remedy));
            }
            let profiles = found.profiles.iter().map(|id| keys::profile_password(ProfileId(*id)));
            let mailboxes = found.mailboxes.iter().map(|id| keys::mailbox_password(MailboxId(*id)));
            wanted.extend(profiles.chain(mailboxes).map(|key| (key, one, object.clone())));
        }
        let mut kept = Vec::new();
        for (key, one, object) in wanted {
            match self.put_secret(key, Secret::new(one.password.0.clone()), &object).await {
                Ok(before) => kept.push(before),
                Err(error) => {
                    self.take_back(kept).await;
                    return Err(error);
                }
            }
        }
        self.engine.wake();
        self.migration_summary(Nothing {}).await
    }
}
