//! What people decide in the draft: rows, names, mailboxes, owners.

use super::no_draft;
use crate::{
    Tandem,
    wire::{ApiError, MigrationChoices, MigrationMailboxChoice, MigrationPlanView, MigrationRowChoice},
};
use std::sync::Arc;
use tandem_router_migration::plan::{Decision, EditError, MigrateRow, OwnerRef, Plan};

impl Tandem {
    /// Decides rows and mailboxes of the draft.
    ///
    /// # Errors
    /// `no_migration_plan`; `migration_choice_invalid` with the first choice that will not do: none is taken then.
    pub async fn decide_migration(&self, choices: MigrationChoices) -> Result<MigrationPlanView, ApiError> {
        let mut draft = self.migration.draft.lock().await;
        let kept = draft.as_mut().ok_or_else(no_draft)?;
        let mut plan = Plan::clone(&kept.plan);
        for choice in &choices.rows {
            decide_row(&mut plan, choice).map_err(|error| refused(&format!("row {}", choice.row), &error))?;
        }
        for choice in &choices.mailboxes {
            let name = plan.mailboxes.get(choice.mailbox as usize).and_then(|one| one.address.clone());
            let name = name.unwrap_or_else(|| format!("mailbox {}", choice.mailbox));
            decide_mailbox(&mut plan, choice)?.map_err(|error| refused(&name, &error))?;
        }
        kept.plan = Arc::new(plan);
        kept.file = None;
        drop(draft);
        self.draft_view().await
    }

    /// Leaves the rows out whose new profile has one of these names.
    ///
    /// # Errors
    /// `no_migration_plan`; a name that no row has.
    pub async fn skip_migration_profiles(&self, names: &[String]) -> Result<MigrationPlanView, ApiError> {
        let plan = self.draft_plan().await?;
        let mut rows = Vec::new();
        for name in names {
            let wanted = name.trim().to_lowercase();
            let found = plan
                .rows
                .iter()
                .filter(|row| row.profile().is_some_and(|profile| profile.name.to_lowercase() == wanted));
            let before = rows.len();
            rows.extend(found.map(|row| MigrationRowChoice {
                row: row.id,
                migrate: Some(false),
                name: None,
            }));
            if rows.len() == before {
                let message = format!("The plan makes no profile named \"{name}\".");
                let known: Vec<_> =
                    plan.rows.iter().filter_map(|row| row.profile()).map(|one| one.name.as_str()).collect();
                let remedy = format!("Use one of: {}.", known.join(", "));
                return Err(ApiError::plain("migration_choice_invalid", name, &message, &remedy));
            }
        }
        self.decide_migration(MigrationChoices { rows, mailboxes: Vec::new() }).await
    }
}

fn refused(object: &str, error: &EditError) -> ApiError {
    let remedy = match error {
        EditError::Name { .. } => "Choose another name of 1 to 100 characters.",
        EditError::Cannot(_) => "Leave the row out; set its mailboxes up by hand.",
        EditError::Decision(_) => "Choose another owner, or skip the mailbox.",
        EditError::Missing(_) | EditError::Format(_) => "Look at the plan again, then decide.",
    };
    ApiError::plain("migration_choice_invalid", object, &format!("{error}."), remedy)
}

fn decide_row(plan: &mut Plan, choice: &MigrationRowChoice) -> Result<(), EditError> {
    let present =
        plan.rows.get(choice.row as usize).and_then(|row| row.profile()).map(|one| one.name.clone());
    // A name that stays the same is no wish to rename.
    if let Some(name) = choice.name.as_deref().filter(|name| Some(name.trim()) != present.as_deref()) {
        plan.rename(choice.row, name)?;
    }
    match choice.migrate {
        Some(true) => plan.set_migrate(choice.row, MigrateRow::Yes),
        Some(false) => plan.set_migrate(choice.row, MigrateRow::No),
        None => Ok(()),
    }
}

fn decide_mailbox(
    plan: &mut Plan,
    choice: &MigrationMailboxChoice,
) -> Result<Result<(), EditError>, ApiError> {
    if let Some(candidate) = choice.candidate
        && let Err(error) = plan.choose(choice.mailbox, candidate)
    {
        return Ok(Err(error));
    }
    let decision = match choice.decision.as_deref() {
        None => return Ok(Ok(())),
        Some("create") => Decision::CreateOwner,
        Some("skip") => Decision::Skip("You chose to leave it out.".to_owned()),
        Some("match") => match owner(plan, choice) {
            Some(owner) => Decision::MatchOwner(owner),
            None => {
                let message = "the configuration that the plan was made against has no such user or queue";
                return Ok(Err(EditError::Decision(message.to_owned())));
            }
        },
        Some(word) => return Err(ApiError::unknown_word("decision", word, &["create", "match", "skip"])),
    };
    Ok(plan.decide(choice.mailbox, decision))
}

/// The owner that a choice names, else the one that was found.
fn owner(plan: &Plan, choice: &MigrationMailboxChoice) -> Option<OwnerRef> {
    let Some(wanted) = &choice.owner else {
        let found = plan.mailboxes.get(choice.mailbox as usize)?.found.as_ref()?;
        return Some(found.0.clone());
    };
    let mut records = plan.basis.records.iter();
    let record = records.find(|one| {
        matches!(one.kind.as_str(), "user" | "queue") && one.id.to_string().eq_ignore_ascii_case(wanted)
    })?;
    Some(OwnerRef { queue: record.kind == "queue", id: record.id, name: record.name.clone() })
}
