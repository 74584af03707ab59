//! Applying the draft: one transaction, all or nothing; then the passwords that could be read.

use super::{
    Sources, count, no_draft,
    outcome::{MailboxBefore, Outcome, OutcomeProfile, Undo},
    places, snapshot, views,
};
use crate::{
    Tandem,
    compose::Hub,
    configuration::export_text,
    keys,
    people::{of_configuration, of_storage},
    wire::{
        ApiError, ApplyMigrationRequest, EventView, LoadMigrationPlanRequest, MigrationSkipped,
        MigrationSummaryView, Nothing,
    },
};
use sha2::{Digest, Sha256};
use std::{
    collections::{HashMap, HashSet},
    fmt::Write,
    sync::Arc,
};
use tandem_domain::{
    directory::{DirectoryEntry, DirectoryId},
    ids::{MailboxId, OrganizationId, ProfileId},
    mailbox::{Mailbox, MailboxOwner},
};
use tandem_engine::ports::storage::StorageError;
use tandem_router_migration::{
    changes::{Changes, changes},
    plan::Plan,
    snapshot::Snapshot,
    summary::summary,
};
use tandem_secrets::Secret;
use tandem_store::{
    configuration::{ConfigurationChange, ConfigurationError},
    migration::{MigrationWork, NewMigration},
};
use tokio_util::sync::CancellationToken;

/// Progress is told after so many records.
const TOLD_EVERY: usize = 25;
/// At most this many differences stand in an error.
const SHOWN_DIFFERENCES: usize = 20;

/// Why a migration's transaction was given up.
pub(super) struct Stopped(pub(super) ApiError);

impl From<StorageError> for Stopped {
    fn from(error: StorageError) -> Self {
        Self(of_storage("migration", &error))
    }
}

impl From<ConfigurationError> for Stopped {
    fn from(error: ConfigurationError) -> Self {
        Self(of_configuration("migration", &error))
    }
}

/// What the transaction needs.
struct Job {
    organization: OrganizationId,
    plan: Arc<Plan>,
    reviewed: Option<String>,
    cancel: CancellationToken,
    hub: Arc<Hub>,
}

impl Tandem {
    /// Applies the draft, all or nothing; progress arrives as events.
    ///
    /// # Errors
    /// `no_migration_plan`; `configuration_changed` when something that the plan touches changed since and nobody reviewed it;
    /// `migration_cancelled`; a name that was taken meanwhile; storage. Nothing was written in any of these cases.
    pub async fn apply_migration(
        &self,
        request: ApplyMigrationRequest,
    ) -> Result<MigrationSummaryView, ApiError> {
        if let Some(path) = request.file {
            self.load_migration_plan(LoadMigrationPlanRequest { path }).await?;
        }
        let draft = self.migration.draft.lock().await;
        let (plan, sources) = match &*draft {
            Some(draft) => (Arc::clone(&draft.plan), draft.sources.clone()),
            None => return Err(no_draft()),
        };
        drop(draft);
        let job = Job {
            organization: self.store.organization_id(),
            plan: Arc::clone(&plan),
            reviewed: request.reviewed,
            cancel: self.migration.start_applying(),
            hub: Arc::clone(&self.hub),
        };
        let cancel = job.cancel.clone();
        let written = self.store.migrate(self.now(), move |work| job.run(work)).await;
        let written = written.map_err(|Stopped(error)| {
            let step = if cancel.is_cancelled() { "cancelled" } else { "failed" };
            self.tell_migration(step, 0, 0);
            error
        })?;
        if let Some(outcome) = &written {
            self.keep_recovered(outcome, sources.as_deref()).await;
            self.hub.learn_names(&self.store).await;
            self.engine.wake();
        }
        self.tell_migration("done", 0, 0);
        let mut view = self.migration_summary(Nothing {}).await?;
        view.changed = written.is_some();
        Ok(view)
    }

    /// Stops applying before it is committed; nothing is written then.
    ///
    /// # Errors
    /// None at present.
    pub async fn cancel_migration(&self, _: Nothing) -> Result<Nothing, ApiError> {
        self.migration.stop_applying();
        Ok(Nothing {})
    }

    /// Puts the passwords that could be decrypted where they belong. What cannot be kept is asked for later.
    async fn keep_recovered(&self, outcome: &Outcome, sources: Option<&Sources>) {
        let Some(sources) = sources else { return };
        let recovered = outcome
            .credentials
            .iter()
            .filter_map(|one| sources.passwords.get(one.id).map(|password| (one, Secret::new(password))));
        let recovered: Vec<_> = recovered.collect();
        let total = count(recovered.len());
        for (done, (credential, secret)) in recovered.into_iter().enumerate() {
            let profiles = credential.profiles.iter().map(|id| keys::profile_password(ProfileId(*id)));
            let mailboxes = credential.mailboxes.iter().map(|id| keys::mailbox_password(MailboxId(*id)));
            for key in profiles.chain(mailboxes) {
                let object = format!("{} at {}", credential.user_name, credential.server);
                let secret = Secret::new(secret.expose());
                if let Err(error) = self.put_secret(key, secret, &object).await {
                    tracing::warn!("The password of {object} could not be kept; enter it again: {error}");
                }
            }
            self.tell_migration("passwords", count(done + 1), total);
        }
    }

    fn tell_migration(&self, step: &str, done: u32, total: u32) {
        self.hub.tell(EventView::Migration { step: step.to_owned(), done, total });
    }
}

impl Job {
    /// Everything inside the transaction. `None`: the plan was applied already, and nothing is written.
    fn run(self, work: &mut MigrationWork<'_>) -> Result<Option<Outcome>, Stopped> {
        let here = snapshot(self.organization, work.snapshot()?);
        let made = changes(&self.plan, &here).map_err(|error| Stopped(views::cannot_apply(&error)))?;
        if made.is_empty() {
            return Ok(None);
        }
        self.check_reviewed(&here)?;
        let export_before = export_text(&here).map_err(Stopped)?;
        let undo = self.write(work, &here, &made)?;
        let outcome = outcome(&self.plan, &here, &made);
        let json = |value: Result<String, serde_json::Error>| {
            value.map_err(|error| Stopped(ApiError::internal("migration", &error)))
        };
        work.record(&NewMigration {
            plan: fingerprint(&self.plan).map_err(Stopped)?,
            export_before,
            undo: json(serde_json::to_string(&undo))?,
            result: json(serde_json::to_string(&outcome))?,
        })?;
        self.check_cancelled()?;
        Ok(Some(outcome))
    }

    fn check_reviewed(&self, here: &Snapshot) -> Result<(), Stopped> {
        let configuration = here.basis().fingerprint;
        if self.plan.basis.fingerprint == configuration || self.reviewed.as_ref() == Some(&configuration) {
            return Ok(());
        }
        let all = views::differences(&self.plan, here);
        let touched: Vec<_> = all.iter().filter(|one| one.concerns_plan).collect();
        if touched.is_empty() {
            return Ok(());
        }
        let mut lines: Vec<&str> =
            touched.iter().take(SHOWN_DIFFERENCES).map(|one| one.text.as_str()).collect();
        let more = format!("And {} more.", touched.len().saturating_sub(SHOWN_DIFFERENCES));
        if touched.len() > SHOWN_DIFFERENCES {
            lines.push(&more);
        }
        let message = format!(
            "The configuration changed since the plan was made; nothing was written. {}",
            lines.join(" ")
        );
        let remedy = "Review what differs, then apply again saying so (--reviewed), or make the plan again.";
        Err(Stopped(ApiError::plain("configuration_changed", "migration plan", &message, remedy)))
    }

    fn check_cancelled(&self) -> Result<(), Stopped> {
        if !self.cancel.is_cancelled() {
            return Ok(());
        }
        let remedy = "The plan is still there: apply it again whenever you want.";
        let message = "The migration was cancelled; nothing was written.";
        Err(Stopped(ApiError::plain("migration_cancelled", "migration", message, remedy)))
    }

    fn step(&self, step: &str, done: usize, total: usize) -> Result<(), Stopped> {
        if done == total || done.is_multiple_of(TOLD_EVERY) {
            let (done, total) = (count(done), count(total));
            self.hub.tell(EventView::Migration { step: step.to_owned(), done, total });
        }
        self.check_cancelled()
    }

    fn write(&self, work: &mut MigrationWork<'_>, here: &Snapshot, made: &Changes) -> Result<Undo, Stopped> {
        let mut undo = Undo::default();
        let before: HashMap<_, _> = here.mailboxes.iter().map(|one| (one.id, one)).collect();
        for (done, profile) in made.profiles.iter().enumerate() {
            work.change(&ConfigurationChange::Profile(profile.clone()))?;
            undo.profiles.push(profile.id.0);
            self.step("profiles", done + 1, made.profiles.len())?;
        }
        for owner in &made.owners {
            work.change(&ConfigurationChange::Entry(owner.clone()))?;
            match owner.id {
                DirectoryId::Queue(id) => undo.queues.push(id.0),
                other => undo.users.push(other.uuid()),
            }
            self.check_cancelled()?;
        }
        for (done, mailbox) in made.forward_mailboxes.iter().enumerate() {
            work.change(&ConfigurationChange::Mailbox(Box::new(mailbox.clone())))?;
            undo.made.push(mailbox.id.0);
            self.step("forward_mailboxes", done + 1, made.forward_mailboxes.len())?;
        }
        for (done, change) in made.mailboxes.iter().enumerate() {
            let id = change.mailbox.id;
            match before.get(&id) {
                Some(before) => {
                    undo.changed.push(MailboxBefore::of(before));
                    // What was proved was another server: it needs a new test.
                    work.change(&ConfigurationChange::Disable(id, None))?;
                }
                None => undo.made.push(id.0),
            }
            work.change(&ConfigurationChange::Mailbox(Box::new(change.mailbox.clone())))?;
            self.step("mailboxes", done + 1, made.mailboxes.len())?;
        }
        Ok(undo)
    }
}

/// SHA-256 of a plan's file.
fn fingerprint(plan: &Plan) -> Result<String, ApiError> {
    let text = plan.to_json().map_err(|error| ApiError::internal("migration plan", &error))?;
    let digest = Sha256::digest(text.as_bytes());
    Ok(digest.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a text cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    }))
}

fn outcome(plan: &Plan, here: &Snapshot, made: &Changes) -> Outcome {
    let written: Vec<&Mailbox> = made.mailboxes.iter().map(|change| &change.mailbox).collect();
    let ids: HashSet<_> = written.iter().map(|one| one.id).collect();
    let mut mailboxes: Vec<Mailbox> =
        here.mailboxes.iter().filter(|one| !ids.contains(&one.id)).cloned().collect();
    mailboxes.extend(written.iter().copied().cloned());
    mailboxes.extend(made.forward_mailboxes.iter().cloned());
    let profiles: Vec<_> = here.profiles.iter().chain(&made.profiles).cloned().collect();
    let mut counts = views::counts(&summary(plan));
    let is_queue = |entry: &&DirectoryEntry| matches!(entry.id, DirectoryId::Queue(_));
    counts.profiles_created = count(made.profiles.len());
    counts.queues_created = count(made.owners.iter().filter(is_queue).count());
    counts.users_created = count(made.owners.len()).saturating_sub(counts.queues_created);
    counts.forward_mailboxes = count(made.forward_mailboxes.len());
    counts.mailboxes_created = count(made.mailboxes.iter().filter(|one| one.is_new).count());
    counts.mailboxes_updated = count(made.mailboxes.iter().filter(|one| !one.is_new).count());
    counts.mailboxes_skipped = count(made.skipped.len());
    let name = |planned: u32| {
        let found = plan.mailboxes.get(planned as usize);
        let found = found.and_then(|one| one.address.clone().or(one.source_id.map(|id| id.to_string())));
        found.unwrap_or_else(|| format!("mailbox {planned}"))
    };
    let rows = plan.migrated_rows();
    let used = plan.rows.iter().filter(|row| rows.contains(&row.id)).filter_map(|row| row.profile());
    let used = used.filter_map(|new| {
        let lower = new.name.to_lowercase();
        let found = profiles.iter().find(|one| one.name.to_lowercase() == lower)?;
        Some(OutcomeProfile {
            id: found.id.0,
            created: made.profiles.iter().any(|one| one.id == found.id),
            cannot_enable: new.cannot_enable.clone(),
        })
    });
    let all = written.iter().copied().chain(&made.forward_mailboxes);
    Outcome {
        sentences: sentences(&counts, made),
        counts,
        profiles: used.collect(),
        mailboxes: all.map(|one| one.id.0).collect(),
        skipped: made
            .skipped
            .iter()
            .map(|one| MigrationSkipped { mailbox: name(one.planned), why: one.why.clone() })
            .collect(),
        credentials: places::credentials(plan, &profiles, &mailboxes),
    }
}

fn sentences(counts: &crate::wire::MigrationCounts, made: &Changes) -> Vec<String> {
    let queues =
        made.mailboxes.iter().filter(|one| matches!(one.mailbox.owner, MailboxOwner::Queue(_))).count();
    let mut said = vec![
        format!("Email server profiles created: {}.", counts.profiles_created),
        format!(
            "User and queue mailboxes created: {}; changed: {}; of these, queues: {queues}.",
            counts.mailboxes_created, counts.mailboxes_updated
        ),
    ];
    if counts.forward_mailboxes > 0 {
        said.push(format!("Forward mailboxes created, without processing: {}.", counts.forward_mailboxes));
    }
    if counts.users_created + counts.queues_created > 0 {
        said.push(format!(
            "Made from their addresses: {} users, {} queues.",
            counts.users_created, counts.queues_created
        ));
    }
    if counts.mailboxes_skipped > 0 {
        said.push(format!("Mailboxes left as they are: {}.", counts.mailboxes_skipped));
    }
    if !made.unchanged.is_empty() {
        said.push(format!("Mailboxes that already were as planned: {}.", made.unchanged.len()));
    }
    said.push("Nothing is processed until a mailbox is approved, tested and enabled.".to_owned());
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        OpenOptions, SecretsChoice,
        migration::ExampleServers,
        wire::{ExportRequest, PlanMigrationRequest, RouterPaths},
    };

    #[tokio::test]
    async fn what_is_cancelled_writes_nothing() {
        let home = tempfile::tempdir().unwrap();
        let options = OpenOptions { data: Some(home.path().join("data")), secrets: SecretsChoice::Memory };
        let tandem = Tandem::open(options).await.unwrap();
        let folder = home.path().join("routers");
        let made = tandem.write_example_router_files(&folder, &ExampleServers::default()).unwrap();
        let router = RouterPaths { number: 1, dropped: made.routers[..1].to_vec(), ..RouterPaths::default() };
        let request = PlanMigrationRequest { routers: vec![router], ..PlanMigrationRequest::default() };
        tandem.plan_migration(request).await.unwrap();
        let before = tandem.export(ExportRequest::default()).await.unwrap();
        let job = |cancel: CancellationToken, plan| Job {
            organization: tandem.store.organization_id(),
            plan,
            reviewed: None,
            cancel,
            hub: Arc::clone(&tandem.hub),
        };
        let plan = tandem.draft_plan().await.unwrap();
        let cancelled = CancellationToken::new();
        cancelled.cancel();
        let stopped = job(cancelled, Arc::clone(&plan));
        let stopped = tandem.store.migrate(tandem.now(), move |work| stopped.run(work)).await;
        assert!(matches!(stopped, Err(Stopped(error)) if error.code == "migration_cancelled"));
        assert_eq!(tandem.export(ExportRequest::default()).await.unwrap(), before);
        assert_eq!(tandem.store.latest_migration().await.unwrap(), None);
        // The same, not cancelled, is written: the test cancels what would have worked.
        let good = job(CancellationToken::new(), plan);
        let done = tandem.store.migrate(tandem.now(), move |work| good.run(work)).await;
        assert!(matches!(done, Ok(Some(outcome)) if outcome.mailboxes.len() == 3));
        tandem.close().await;
    }
}
