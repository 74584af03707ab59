//! The latest migration, and what is left to do.

use super::{
    count,
    outcome::{Outcome, Undo},
};
use crate::{
    Tandem, keys,
    people::of_storage,
    wire::{
        ApiError, MigratedProfile, MigrationCounts, MigrationPasswordView, MigrationSummaryView, Nothing,
    },
};
use std::collections::{HashMap, HashSet};
use tandem_domain::{
    ids::{MailboxId, ProfileId},
    mailbox::{Approval, DeliveryMethod, Mailbox, MailboxOwner},
    settings::{OrganizationSettings, ProcessEmailUsing},
    workload::Workload,
};
use tandem_store::migration::AppliedMigration;

/// What the switch means.
const SWITCH: &str = "Process email using = Server-Side Synchronization makes Tandem process this organization's email. The \
    Email Router must not process it too: it stops for this organization once the same is set there, and should be stopped as a \
    service before. Until you switch, choose Email Router here, and Tandem processes nothing.";

impl Tandem {
    /// The latest migration and what is left to do.
    ///
    /// # Errors
    /// Storage.
    pub async fn migration_summary(&self, _: Nothing) -> Result<MigrationSummaryView, ApiError> {
        let failed = |error| of_storage("migration", &error);
        let settings = self.organization_settings().await?;
        let Some(latest) = self.store.latest_migration().await.map_err(failed)? else {
            return Ok(empty(&settings));
        };
        let (outcome, undo) = parsed(&latest)?;
        let here = self.store.configuration_snapshot().await.map_err(failed)?;
        let refused = self.undo_refused(&latest, &undo).await?;
        let passwords = self.password_views(&outcome, &here.mailboxes, &here.profiles).await;
        let migrated: HashSet<_> = outcome.mailboxes.iter().map(|id| MailboxId(*id)).collect();
        let stuck: HashSet<_> = outcome
            .profiles
            .iter()
            .filter(|one| one.cannot_enable.is_some())
            .map(|one| ProfileId(one.id))
            .collect();
        let waiting = |one: &&Mailbox| {
            migrated.contains(&one.id)
                && waits_for_test(one)
                && one.profile.is_none_or(|id| !stuck.contains(&id))
        };
        let queue = |one: &&Mailbox| matches!(one.owner, MailboxOwner::Queue(_));
        let mut waiting: Vec<&Mailbox> = here.mailboxes.iter().filter(waiting).collect();
        waiting.sort_by_cached_key(|one| (!queue(one), one.email.to_string()));
        let addresses = |all: &[&Mailbox]| all.iter().map(|one| one.email.to_string()).collect();
        let unapproved: Vec<&Mailbox> =
            waiting.iter().copied().filter(|one| one.approval == Approval::Pending).collect();
        let queues = waiting.iter().copied().filter(queue).count();
        let profiles = outcome.profiles.iter().filter_map(|one| {
            let found = here.profiles.iter().find(|here| here.id.0 == one.id)?;
            let users = here.mailboxes.iter().filter(|mailbox| mailbox.profile == Some(found.id));
            Some(MigratedProfile {
                id: found.id.to_string(),
                name: found.name.clone(),
                server_type: found.server_type.as_str().to_owned(),
                created: one.created,
                mailboxes: count(users.filter(|mailbox| migrated.contains(&mailbox.id)).count()),
                cannot_enable: one.cannot_enable.clone(),
            })
        });
        Ok(MigrationSummaryView {
            status: if latest.undone_at.is_some() { "undone" } else { "applied" }.to_owned(),
            applied_at: Some(latest.applied_at),
            undone_at: latest.undone_at,
            changed: false,
            counts: outcome.counts,
            sentences: outcome.sentences.clone(),
            profiles: profiles.collect(),
            skipped: outcome.skipped.clone(),
            passwords_missing: count(passwords.iter().filter(|one| !one.is_set).count()),
            passwords,
            queues_to_test: count(queues),
            users_to_test: count(waiting.len() - queues),
            to_test: addresses(&waiting),
            to_approve: addresses(&unapproved),
            can_undo: refused.is_none(),
            undo_refused: refused.map(|error| error.message),
            process_email_using: settings.process_email_using.as_str().to_owned(),
            delivery_switch: switch(&settings),
        })
    }

    async fn password_views(
        &self,
        outcome: &Outcome,
        mailboxes: &[Mailbox],
        profiles: &[tandem_domain::profile::EmailServerProfile],
    ) -> Vec<MigrationPasswordView> {
        let addresses: HashMap<_, _> =
            mailboxes.iter().map(|one| (one.id.0, one.email.to_string())).collect();
        let names: HashMap<_, _> = profiles.iter().map(|one| (one.id.0, one.name.clone())).collect();
        let mut views = Vec::new();
        for one in &outcome.credentials {
            let users: Vec<_> = one.mailboxes.iter().filter(|id| addresses.contains_key(id)).collect();
            let owners: Vec<_> = one.profiles.iter().filter(|id| names.contains_key(id)).collect();
            if users.is_empty() && owners.is_empty() {
                continue;
            }
            let keys = owners
                .iter()
                .map(|id| keys::profile_password(ProfileId(**id)))
                .chain(users.iter().map(|id| keys::mailbox_password(MailboxId(**id))));
            let found = self.have_secrets(keys.collect()).await;
            let is_set = found.iter().all(|found| *found);
            views.push(MigrationPasswordView {
                credential: one.id,
                server: one.server.clone(),
                user_name: one.user_name.clone(),
                profiles: owners.iter().filter_map(|id| names.get(id).cloned()).collect(),
                mailboxes: users.iter().filter_map(|id| addresses.get(id).cloned()).collect(),
                is_set,
                reason: one.reason.clone(),
            });
        }
        views
    }
}

/// What was kept of a migration.
pub(super) fn parsed(latest: &AppliedMigration) -> Result<(Outcome, Undo), ApiError> {
    let broken = |error: serde_json::Error| ApiError::internal("migration", &error);
    let outcome = serde_json::from_str(&latest.recorded.result).map_err(broken)?;
    Ok((outcome, serde_json::from_str(&latest.recorded.undo).map_err(broken)?))
}

/// Whether a mailbox has something that only Test & Enable starts.
fn waits_for_test(mailbox: &Mailbox) -> bool {
    Workload::ALL
        .into_iter()
        .any(|one| mailbox.method(one) == DeliveryMethod::ServerSideSync && !mailbox.state(one).enabled)
}

fn switch(settings: &OrganizationSettings) -> String {
    match settings.process_email_using {
        ProcessEmailUsing::EmailRouter => SWITCH.to_owned(),
        ProcessEmailUsing::ServerSideSynchronization => {
            "Process email using is Server-Side Synchronization: Tandem processes this organization's email, and the Email Router \
             must be stopped for it."
                .to_owned()
        }
    }
}

fn empty(settings: &OrganizationSettings) -> MigrationSummaryView {
    MigrationSummaryView {
        status: "none".to_owned(),
        applied_at: None,
        undone_at: None,
        changed: false,
        counts: MigrationCounts::default(),
        sentences: Vec::new(),
        profiles: Vec::new(),
        skipped: Vec::new(),
        passwords: Vec::new(),
        passwords_missing: 0,
        queues_to_test: 0,
        users_to_test: 0,
        to_test: Vec::new(),
        to_approve: Vec::new(),
        can_undo: false,
        undo_refused: Some("Nothing was migrated.".to_owned()),
        process_email_using: settings.process_email_using.as_str().to_owned(),
        delivery_switch: switch(settings),
    }
}
