//! Applying a configuration file: all or nothing, passwords included.

use super::{
    Alerting, Configured,
    check::{Checked, check},
    diff::{self, UNCHANGED, UPDATE},
    export,
    file::read,
    passwords::{AskPassword, NobodyToAsk, Source, Wanted, fetch},
    problem::Problems,
};
use crate::{
    Tandem,
    people::{of_configuration, of_secret, of_storage},
    profiles::Before,
    wire::{ApiError, ApplyRequest, ApplyResult, ChangeView, ExportRequest, ExportResult},
};
use std::path::{Path, PathBuf};
use tandem_domain::directory::{DirectoryEntry, DirectoryId};
use tandem_engine::ports::storage::Configuration;
use tandem_secrets::{Secret, SecretError};
use tandem_store::configuration::ConfigurationChange;

/// How many directory entries are read at once.
const PAGE: u32 = 2_000;

impl Tandem {
    /// Applies a configuration file, all or nothing.
    ///
    /// # Errors
    /// `configuration_invalid` with every problem of the file; a secret store or database that cannot be used.
    /// Nothing was changed in any of these cases.
    pub async fn apply(&self, request: ApplyRequest) -> Result<ApplyResult, ApiError> {
        self.apply_asking(request, None).await
    }

    /// The same, with a person who can be asked for passwords.
    ///
    /// # Errors
    /// As [`Tandem::apply`].
    pub async fn apply_asking(
        &self,
        request: ApplyRequest,
        ask: Option<&dyn AskPassword>,
    ) -> Result<ApplyResult, ApiError> {
        let name = request.file.clone().unwrap_or_else(|| "stdin".to_owned());
        let folder = folder_of(request.file.as_deref());
        let current = self.configured(true).await?;
        let mut problems = Problems::new(&name, &request.text);
        let file = read(&request.text, &mut problems);
        let Checked { desired, wanted } = check(&file, &current, &folder, &mut problems);
        // A person is asked only when nothing else is wrong.
        let ask =
            if problems.count() == 0 && !request.dry_run { Some(ask.unwrap_or(&NobodyToAsk)) } else { None };
        let passwords: Vec<_> =
            wanted.iter().map(|one| (one, fetch(one, prompt_only_if(ask, one), &mut problems))).collect();
        problems.into_result()?;
        let mut changes = diff::diff(&current, &desired);
        let passwords = self.changed_passwords(passwords, &mut changes, request.dry_run).await?;
        if request.dry_run {
            return Ok(ApplyResult { applied: false, changes });
        }
        self.write(&name, &current, desired, passwords).await?;
        Ok(ApplyResult { applied: true, changes })
    }

    /// Writes the configuration as a file.
    ///
    /// # Errors
    /// Those of storage.
    pub async fn export(&self, request: ExportRequest) -> Result<ExportResult, ApiError> {
        let configured = self.configured(request.records).await?;
        let text = export::write(&configured).map_err(|error| ApiError::internal("export", &error))?;
        Ok(ExportResult { text })
    }

    /// What is configured now.
    async fn configured(&self, with_records: bool) -> Result<Configured, ApiError> {
        let failed = |error| of_storage("configuration", &error);
        let mut entries = Vec::new();
        let kinds: &[&str] =
            if with_records { &["user", "queue", "contact", "account", "lead"] } else { &["user", "queue"] };
        for kind in kinds {
            let mut after: Option<DirectoryEntry> = None;
            loop {
                let page = self.store.list_directory(kind, "", after.take(), PAGE).await.map_err(failed)?;
                let Some(last) = page.last() else { break };
                after = Some(last.clone());
                entries.extend(page);
            }
        }
        let mailboxes = self.store.list_mailboxes().await.map_err(failed)?;
        Ok(Configured {
            organization: self.store.organization_id(),
            settings: self.store.settings().await.map_err(failed)?,
            alerts: Alerting {
                settings: self.store.alert_settings().await.map_err(failed)?,
                profiles: self.store.profile_alerts().await.map_err(failed)?.into_iter().collect(),
            },
            profiles: self.store.list_profiles().await.map_err(failed)?,
            entries,
            mailboxes: mailboxes.into_iter().map(|one| one.mailbox).collect(),
        })
    }

    /// The passwords that differ from what is kept, and says so in the changes.
    async fn changed_passwords<'a>(
        &self,
        passwords: Vec<(&'a Wanted, Option<Secret>)>,
        changes: &mut [ChangeView],
        dry_run: bool,
    ) -> Result<Vec<(&'a Wanted, Secret)>, ApiError> {
        let mut changed = Vec::new();
        for (wanted, secret) in passwords {
            let Some(secret) = secret else {
                tell(changes, wanted, "password: asked for when applied");
                continue;
            };
            match self.secret(wanted.key.clone()).await {
                Ok(kept) if kept.expose() == secret.expose() => continue,
                Ok(_) => tell(changes, wanted, "password: changed (not shown)"),
                Err(SecretError::NotFound { .. }) => tell(changes, wanted, "password: set (not shown)"),
                Err(_) if dry_run => tell(changes, wanted, "password: set (not shown)"),
                Err(error) => return Err(of_secret(&wanted.object, &error)),
            }
            changed.push((wanted, secret));
        }
        Ok(changed)
    }

    /// Keeps the passwords, then writes everything else in one transaction; when that fails, the earlier passwords
    /// are put back.
    async fn write(
        &self,
        name: &str,
        current: &Configured,
        desired: Configured,
        passwords: Vec<(&Wanted, Secret)>,
    ) -> Result<(), ApiError> {
        let mut kept: Vec<Before> = Vec::new();
        let tried: Vec<_> = passwords.iter().map(|(wanted, _)| (wanted.of, wanted.object.clone())).collect();
        for (wanted, secret) in passwords {
            match self.put_secret(wanted.key.clone(), secret, &wanted.object).await {
                Ok(before) => kept.push(before),
                Err(error) => {
                    self.take_back(kept).await;
                    return Err(error);
                }
            }
        }
        let changes = to_write(current, desired);
        let is_changed = !changes.is_empty();
        if is_changed && let Err(error) = self.store.apply(changes, self.now()).await {
            self.take_back(kept).await;
            return Err(of_configuration(name, &error));
        }
        for (of, object) in tried {
            self.credentials_changed(of, &object).await?;
        }
        if !is_changed {
            return Ok(());
        }
        self.hub.learn_names(&self.store).await;
        self.engine.wake();
        Ok(())
    }
}

/// Only what differs, in an order in which each change finds what it refers to.
fn to_write(current: &Configured, desired: Configured) -> Vec<ConfigurationChange> {
    let mut changes = Vec::new();
    if current.settings != desired.settings {
        changes.push(ConfigurationChange::Settings(desired.settings));
    }
    let profiles = desired.profiles.into_iter().filter(|one| !current.profiles.contains(one));
    changes.extend(profiles.map(ConfigurationChange::Profile));
    let entries: std::collections::HashMap<DirectoryId, &DirectoryEntry> =
        current.entries.iter().map(|one| (one.id, one)).collect();
    let changed = desired.entries.into_iter().filter(|one| entries.get(&one.id) != Some(&one));
    changes.extend(changed.map(ConfigurationChange::Entry));
    if current.alerts.settings != desired.alerts.settings {
        changes.push(ConfigurationChange::Alerts(desired.alerts.settings));
    }
    let owned = desired.alerts.profiles.into_iter();
    let owned = owned.filter(|(id, own)| current.alerts.profiles.get(id) != Some(own));
    changes.extend(owned.map(|(id, own)| ConfigurationChange::ProfileAlerts(id, own)));
    for mailbox in desired.mailboxes {
        let before = current.mailboxes.iter().find(|one| one.id == mailbox.id);
        if before == Some(&mailbox) {
            continue;
        }
        let (id, approval) = (mailbox.id, mailbox.approval);
        changes.push(ConfigurationChange::Mailbox(Box::new(mailbox)));
        // Another owner puts the approval back, unless the file says what it is to be.
        changes.push(ConfigurationChange::Approve(id, approval));
    }
    changes
}

fn prompt_only_if<'a>(ask: Option<&'a dyn AskPassword>, wanted: &Wanted) -> Option<&'a dyn AskPassword> {
    ask.filter(|_| wanted.source == Source::Prompt)
}

fn tell(changes: &mut [ChangeView], wanted: &Wanted, what: &str) {
    let of = |change: &&mut ChangeView| {
        let object = format!("{} {}", change.kind, change.name);
        object.eq_ignore_ascii_case(&wanted.object)
    };
    if let Some(change) = changes.iter_mut().find(of) {
        change.fields.push(what.to_owned());
        if change.action == UNCHANGED {
            change.action = UPDATE.to_owned();
        }
    }
}

/// Where relative paths start: the file's folder, else the present one.
fn folder_of(file: Option<&str>) -> PathBuf {
    let folder = file.and_then(|file| Path::new(file).parent()).unwrap_or(Path::new(""));
    std::path::absolute(folder).or_else(|_| std::env::current_dir()).unwrap_or_default()
}
