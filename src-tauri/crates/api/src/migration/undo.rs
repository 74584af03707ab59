//! Undoing a migration: back to the configuration before it, byte for byte, until the first cycle has run.

use super::{applying::Stopped, no_migration, outcome::Undo, snapshot, summary::parsed};
use crate::{
    Tandem,
    configuration::export_text,
    keys,
    people::of_storage,
    wire::{ApiError, MigrationSummaryView, Nothing},
};
use tandem_domain::{
    directory::DirectoryId,
    ids::{MailboxId, OrganizationId, ProfileId, QueueId, UserId},
};
use tandem_store::{
    configuration::ConfigurationChange,
    migration::{AppliedMigration, MigrationWork},
};

impl Tandem {
    /// Undoes the latest migration, until the first cycle has run.
    ///
    /// # Errors
    /// `nothing_migrated`; `migration_in_use` when a cycle has run, something made by it is in use, or the configuration was
    /// changed since; storage. Nothing is changed then.
    pub async fn undo_migration(&self, _: Nothing) -> Result<MigrationSummaryView, ApiError> {
        let organization = self.store.organization_id();
        let undone = self.store.migrate(self.now(), move |work| run(work, organization)).await;
        let undo = undone.map_err(|Stopped(error)| error)?;
        self.forget_passwords(&undo).await;
        self.hub.learn_names(&self.store).await;
        self.engine.wake();
        let mut view = self.migration_summary(Nothing {}).await?;
        view.changed = true;
        Ok(view)
    }

    /// Why the latest migration cannot be undone, as far as that can be told without trying.
    pub(super) async fn undo_refused(
        &self,
        latest: &AppliedMigration,
        undo: &Undo,
    ) -> Result<Option<ApiError>, ApiError> {
        if latest.undone_at.is_some() {
            return Ok(Some(no_migration()));
        }
        let cycle = self.store.cycle_since(undo.mailboxes(), latest.applied_at).await;
        let cycle = cycle.map_err(|error| of_storage("migration", &error))?;
        Ok(cycle.map(|_| cycle_ran()))
    }

    /// The passwords of what is gone are of no use any more.
    async fn forget_passwords(&self, undo: &Undo) {
        let secrets = std::sync::Arc::clone(&self.secrets);
        let profiles = undo.profiles.iter().map(|id| keys::profile_password(ProfileId(*id)));
        let mailboxes = undo.made.iter().map(|id| keys::mailbox_password(MailboxId(*id)));
        let gone: Vec<_> = profiles.chain(mailboxes).collect();
        self.forget_known(&gone);
        let done = tokio::task::spawn_blocking(move || {
            for key in gone {
                if let Err(error) = secrets.delete(&key)
                    && error.entry_may_exist()
                {
                    tracing::warn!("The password under {key} of an undone migration stays: {error}");
                }
            }
        });
        let _ = done.await;
    }
}

fn run(work: &mut MigrationWork<'_>, organization: OrganizationId) -> Result<Undo, Stopped> {
    let latest = work.latest()?.filter(|one| one.undone_at.is_none()).ok_or(Stopped(no_migration()))?;
    let (_, undo) = parsed(&latest).map_err(Stopped)?;
    if work.cycle_since(&undo.mailboxes(), latest.applied_at)?.is_some() {
        return Err(Stopped(cycle_ran()));
    }
    for before in &undo.changed {
        let mailbox = before.mailbox().ok_or_else(|| {
            Stopped(ApiError::internal("migration", &"a kept mailbox cannot be read by this version"))
        })?;
        let (id, approval) = (mailbox.id, mailbox.approval);
        work.change(&ConfigurationChange::Mailbox(Box::new(mailbox)))?;
        work.change(&ConfigurationChange::Approve(id, approval))?;
        work.change(&ConfigurationChange::Disable(id, None))?;
        for workload in before.enabled() {
            work.enable(id, workload)?;
        }
    }
    let mailboxes = undo.made.iter().map(|id| ConfigurationChange::DeleteMailbox(MailboxId(*id)));
    let users = undo.users.iter().map(|id| DirectoryId::User(UserId(*id)));
    let queues = undo.queues.iter().map(|id| DirectoryId::Queue(QueueId(*id)));
    let owners = users.chain(queues).map(ConfigurationChange::DeleteEntry);
    let profiles = undo.profiles.iter().map(|id| ConfigurationChange::DeleteProfile(ProfileId(*id)));
    for change in mailboxes.chain(owners).chain(profiles) {
        work.change(&change).map_err(|error| in_use(&error.to_string()))?;
    }
    let now = export_text(&snapshot(organization, work.snapshot()?)).map_err(Stopped)?;
    if now != latest.recorded.export_before {
        return Err(changed_since(&latest.recorded.export_before, &now));
    }
    work.undone()?;
    Ok(undo)
}

fn in_use(why: &str) -> Stopped {
    let message = format!("{why}. Nothing was undone.");
    let remedy = "Change that back or remove it first, or change what the migration made by hand.";
    Stopped(ApiError::plain("migration_in_use", "migration", &message, remedy))
}

fn cycle_ran() -> ApiError {
    ApiError::plain(
        "migration_in_use",
        "migration",
        "A cycle has run for a migrated mailbox since, so undoing would lose what it decided.",
        "Disable the migrated mailboxes instead, and set Process email using back to Email Router.",
    )
}

/// The configuration was changed by somebody since: the first line that would not be as it was.
fn changed_since(before: &str, after: &str) -> Stopped {
    let line = after
        .lines()
        .zip(before.lines())
        .find(|(now, then)| now != then)
        .map_or_else(|| "lines were added or removed".to_owned(), |(now, then)| format!("{then} -> {now}"));
    in_use(&format!("The configuration was changed since the migration ({line})"))
}
