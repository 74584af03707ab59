//! The report of a plan and of what came of it.

use super::{outcome::Outcome, planning::write, provenance::from_file, summary::parsed};
use crate::{
    Tandem,
    people::of_storage,
    wire::{ApiError, MigrationSummaryView, Nothing, SaveMigrationReportRequest},
};
use tandem_router_migration::report::{Report, Table, csv, html, of_plan, provenance_csv};

impl Tandem {
    /// Saves a report of the draft and of what came of it.
    ///
    /// # Errors
    /// No draft and no migration; an unknown format; a file that cannot be written.
    pub async fn save_migration_report(
        &self,
        request: SaveMigrationReportRequest,
    ) -> Result<Nothing, ApiError> {
        let text = match request.format.as_str() {
            "html" => html(&self.report().await?),
            "csv" => csv(&self.report().await?),
            "provenance_csv" => {
                let sources = self.draft_sources().await.ok_or_else(from_file)?;
                let text = tokio::task::spawn_blocking(move || provenance_csv(sources.provenance.entries()));
                text.await.map_err(|error| ApiError::internal("report", &error))?
            }
            word => return Err(ApiError::unknown_word("format", word, &["html", "csv", "provenance_csv"])),
        };
        write("The report cannot be saved", request.path, text).await?;
        Ok(Nothing {})
    }

    async fn report(&self) -> Result<Report, ApiError> {
        let latest = self.store.latest_migration().await.map_err(|error| of_storage("migration", &error))?;
        let plan = match self.draft_plan().await {
            Ok(plan) => Some(plan),
            Err(error) if latest.is_none() => return Err(error),
            Err(_) => None,
        };
        let mut report = plan.map_or_else(
            || Report {
                title: "Email Router Data Migration".to_owned(),
                subtitle: String::new(),
                sentences: Vec::new(),
                tables: Vec::new(),
            },
            |plan| of_plan(&plan),
        );
        if let Some(latest) = &latest {
            let (outcome, _) = parsed(latest)?;
            let view = self.migration_summary(Nothing {}).await?;
            add(&mut report, &outcome, &view);
        }
        Ok(report)
    }
}

/// What was done, in front of what was planned.
fn add(report: &mut Report, outcome: &Outcome, view: &MigrationSummaryView) {
    let time = |at: Option<crate::wire::Time>| {
        at.map_or_else(String::new, |at| at.format("%Y-%m-%d %H:%M UTC").to_string())
    };
    let mut subtitle = format!("Applied {}.", time(view.applied_at));
    if view.undone_at.is_some() {
        subtitle += &format!(" Undone {}.", time(view.undone_at));
    }
    report.subtitle = format!("{subtitle} {}", report.subtitle).trim_end().to_owned();
    let done = outcome.sentences.iter().map(|text| (false, text.clone()));
    report.sentences.splice(0..0, done);
    let mut skipped = Table::new("Left as they are", &["Mailbox", "Why"]);
    skipped.rows = outcome.skipped.iter().map(|one| vec![one.mailbox.clone(), one.why.clone()]).collect();
    let mut passwords =
        Table::new("Passwords after the migration", &["Server", "User name", "Entered", "Used by"]);
    for one in &view.passwords {
        let used = [one.profiles.as_slice(), one.mailboxes.as_slice()].concat().join(", ");
        let entered = if one.is_set { "yes" } else { "no" }.to_owned();
        passwords.rows.push(vec![one.server.clone(), one.user_name.clone(), entered, used]);
    }
    report.tables.splice(0..0, [skipped, passwords]);
}
