//! What became of every field of the routers' files, a page at a time.

use super::{count, word};
use crate::{
    Tandem,
    wire::{
        ApiError, MigrationFieldView, MigrationProvenanceCounts, MigrationProvenancePage,
        MigrationProvenanceRequest,
    },
};
use tandem_router_migration::provenance::{Entry, Fate};

/// How many there are on a page when the request does not say.
const PAGE: usize = 200;
const FATES: [Fate; 4] = [Fate::Taken, Fate::Changed, Fate::Dropped, Fate::Unreadable];

impl Tandem {
    /// What became of the fields of the routers' files.
    ///
    /// # Errors
    /// `no_migration_plan`; `migration_plan_from_file` when the files were not read by this process.
    pub async fn migration_provenance(
        &self,
        request: MigrationProvenanceRequest,
    ) -> Result<MigrationProvenancePage, ApiError> {
        self.draft_plan().await?;
        let sources = self.draft_sources().await.ok_or_else(from_file)?;
        let fate = match &request.fate {
            Some(text) => Some(
                FATES
                    .into_iter()
                    .find(|fate| fate.as_str() == text)
                    .ok_or_else(|| ApiError::unknown_word("fate", text, &FATES.map(Fate::as_str)))?,
            ),
            None => None,
        };
        let page = tokio::task::spawn_blocking(move || match request.row {
            Some(row) => page(sources.provenance.of_row(row), &request, fate),
            None => page(sources.provenance.entries(), &request, fate),
        });
        page.await.map_err(|error| ApiError::internal("provenance", &error))
    }
}

/// That a plan from a file has no fields to show.
pub(super) fn from_file() -> ApiError {
    ApiError::plain(
        "migration_plan_from_file",
        "migration plan",
        "The plan came from a file, which does not hold the routers' fields.",
        "Make the plan again from the routers' files to see what became of each field.",
    )
}

fn page(
    entries: impl Iterator<Item = Entry>,
    request: &MigrationProvenanceRequest,
    fate: Option<Fate>,
) -> MigrationProvenancePage {
    let search = request.search.as_deref().map(str::trim).unwrap_or_default().to_lowercase();
    let (offset, limit) =
        (request.offset as usize, if request.limit == 0 { PAGE } else { request.limit as usize });
    let mut counts = MigrationProvenanceCounts::default();
    let (mut found, mut fields) = (0_usize, Vec::new());
    for entry in entries.filter(|entry| search.is_empty() || has(entry, &search)) {
        counts.fields += 1;
        match entry.fate {
            Fate::Taken => counts.taken += 1,
            Fate::Changed => counts.changed += 1,
            Fate::Dropped => counts.dropped += 1,
            Fate::Unreadable => counts.unreadable += 1,
        }
        if fate.is_some_and(|fate| fate != entry.fate) {
            continue;
        }
        if found >= offset && fields.len() < limit {
            fields.push(view(entry));
        }
        found += 1;
    }
    MigrationProvenancePage { total: count(found), counts, fields }
}

fn has(entry: &Entry, search: &str) -> bool {
    let contains = |text: &str| text.to_lowercase().contains(search);
    contains(&entry.field) || contains(&entry.target) || entry.value.as_deref().is_some_and(contains)
}

fn view(entry: Entry) -> MigrationFieldView {
    MigrationFieldView {
        router: entry.router,
        file: word(&entry.file),
        line: entry.line,
        field: entry.field,
        value: entry.value,
        fate: entry.fate.as_str().to_owned(),
        target: entry.target,
    }
}
