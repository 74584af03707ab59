//! Making, keeping and forgetting the draft.

use super::{Draft, Sources, files, no_draft, snapshot, views};
use crate::{
    Tandem,
    people::{in_file, of_storage},
    wire::{
        ApiError, LoadMigrationPlanRequest, MigrationPlanView, Nothing, PlanMigrationRequest,
        SaveMigrationPlanRequest,
    },
};
use std::{io::Write, path::Path, sync::Arc};
use tandem_router_migration::{
    plan::{Options, Plan, ProfileDate, UnnamedOrganization, make},
    snapshot::Snapshot,
};

impl Tandem {
    /// Plans the migration of the routers' files; the plan becomes the draft.
    ///
    /// # Errors
    /// `router_files_invalid` with everything that is wrong; the earlier draft stays then. Storage.
    pub async fn plan_migration(&self, request: PlanMigrationRequest) -> Result<MigrationPlanView, ApiError> {
        let options = options(&request)?;
        let (now, here) = (self.now(), self.migration_snapshot().await?);
        let made = tokio::task::spawn_blocking(move || {
            let data = Arc::new(files::read(&request.routers)?);
            Ok(make(&data, &here, &options, now))
        });
        let made = made.await.map_err(|error| ApiError::internal("migration plan", &error))??;
        let sources = Sources { provenance: made.provenance, passwords: made.passwords };
        let draft = Draft { plan: Arc::new(made.plan), sources: Some(Arc::new(sources)), file: None };
        *self.migration.draft.lock().await = Some(draft);
        self.draft_view().await
    }

    /// The draft, compared with the configuration of now.
    ///
    /// # Errors
    /// `no_migration_plan`, or storage.
    pub async fn migration_plan(&self, _: Nothing) -> Result<MigrationPlanView, ApiError> {
        self.draft_view().await
    }

    /// Saves the draft as a file without secrets.
    ///
    /// # Errors
    /// `no_migration_plan`, or a file that cannot be written.
    pub async fn save_migration_plan(
        &self,
        request: SaveMigrationPlanRequest,
    ) -> Result<MigrationPlanView, ApiError> {
        let mut draft = self.migration.draft.lock().await;
        let kept = draft.as_mut().ok_or_else(no_draft)?;
        let text = kept.plan.to_json().map_err(|error| ApiError::internal("migration plan", &error))?;
        write("The plan cannot be saved", request.path.clone(), text).await?;
        kept.file = Some(request.path);
        drop(draft);
        self.draft_view().await
    }

    /// Reads a plan's file; it becomes the draft.
    ///
    /// # Errors
    /// A file that cannot be read, or is no plan of this version. The earlier draft stays then.
    pub async fn load_migration_plan(
        &self,
        request: LoadMigrationPlanRequest,
    ) -> Result<MigrationPlanView, ApiError> {
        let path = request.path.clone();
        let read = tokio::task::spawn_blocking(move || {
            let text = std::fs::read_to_string(&path)
                .map_err(|error| in_file("The plan cannot be read", Path::new(&path), &error))?;
            Plan::from_json(&text).map_err(|error| {
                let remedy = "Choose a file that a migration plan was saved to, or make the plan again.";
                ApiError::plain("migration_plan_invalid", &path, &format!("{error}."), remedy)
            })
        });
        let plan = read.await.map_err(|error| ApiError::internal("migration plan", &error))??;
        let draft = Draft { plan: Arc::new(plan), sources: None, file: Some(request.path) };
        *self.migration.draft.lock().await = Some(draft);
        self.draft_view().await
    }

    /// Forgets the draft and the passwords that were read with it.
    ///
    /// # Errors
    /// None at present.
    pub async fn discard_migration(&self, _: Nothing) -> Result<Nothing, ApiError> {
        *self.migration.draft.lock().await = None;
        Ok(Nothing {})
    }

    /// The configuration as the planning crate looks at it.
    pub(super) async fn migration_snapshot(&self) -> Result<Snapshot, ApiError> {
        let found = self.store.configuration_snapshot().await;
        let found = found.map_err(|error| of_storage("configuration", &error))?;
        Ok(snapshot(self.store.organization_id(), found))
    }

    /// The draft's plan.
    pub(super) async fn draft_plan(&self) -> Result<Arc<Plan>, ApiError> {
        let draft = self.migration.draft.lock().await;
        draft.as_ref().map(|draft| Arc::clone(&draft.plan)).ok_or_else(no_draft)
    }

    /// What only the process that read the files has.
    pub(super) async fn draft_sources(&self) -> Option<Arc<Sources>> {
        self.migration.draft.lock().await.as_ref().and_then(|draft| draft.sources.clone())
    }

    pub(super) async fn draft_view(&self) -> Result<MigrationPlanView, ApiError> {
        let here = self.migration_snapshot().await?;
        let draft = self.migration.draft.lock().await;
        let kept = draft.as_ref().ok_or_else(no_draft)?;
        let (plan, file, has_sources) = (Arc::clone(&kept.plan), kept.file.clone(), kept.sources.is_some());
        drop(draft);
        let view = tokio::task::spawn_blocking(move || {
            let mut view = views::plan(&plan, &here);
            view.file = file;
            view.has_provenance = has_sources;
            view
        });
        view.await.map_err(|error| ApiError::internal("migration plan", &error))
    }
}

/// Writes a file whole or not at all.
pub(super) async fn write(what: &'static str, path: String, text: String) -> Result<(), ApiError> {
    let written = tokio::task::spawn_blocking(move || {
        let target = Path::new(&path);
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
        let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))
            .map_err(|error| in_file(what, target, &error))?;
        let done = file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all());
        done.map_err(|error| in_file(what, target, &error))?;
        file.persist(target).map(drop).map_err(|error| in_file(what, target, &error.error))
    });
    written.await.map_err(|error| ApiError::internal("file", &error))?
}

fn options(request: &PlanMigrationRequest) -> Result<Options, ApiError> {
    let unnamed = match request.unnamed.as_deref() {
        None | Some("treat_as_this") => UnnamedOrganization::TreatAsThis,
        Some("leave_out") => UnnamedOrganization::LeaveOut,
        Some(word) => return Err(ApiError::unknown_word("unnamed", word, &["treat_as_this", "leave_out"])),
    };
    let profile_date = match request.profile_date.as_deref() {
        None | Some("one_day_back") => ProfileDate::OneDayBack,
        Some("earliest_mailbox") => ProfileDate::EarliestMailbox,
        Some(word) => {
            return Err(ApiError::unknown_word("profile_date", word, &["one_day_back", "earliest_mailbox"]));
        }
    };
    Ok(Options { organization: request.organization.clone(), unnamed, profile_date })
}
