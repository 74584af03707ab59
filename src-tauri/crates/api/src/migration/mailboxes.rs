//! The plan's mailboxes, a page at a time.

use super::{count, views::findings, word};
use crate::{
    Tandem,
    wire::{
        ApiError, MigrationCandidateView, MigrationConflictView, MigrationMailboxPage, MigrationMailboxView,
        MigrationMailboxesRequest, MigrationOwnerView,
    },
};
use std::collections::HashMap;
use tandem_router_migration::plan::{
    Candidate, Conflict, DateSource, Decision, OwnerRef, Plan, PlannedMailbox,
};

/// How many there are on a page when the request does not say.
const PAGE: usize = 200;
const FILTERS: [&str; 7] =
    ["all", "migrated", "skipped", "conflicts", "older_than_two_weeks", "dates_fallback", "not_reached"];

impl Tandem {
    /// Mailboxes of the draft.
    ///
    /// # Errors
    /// `no_migration_plan`, or an unknown filter.
    pub async fn migration_mailboxes(
        &self,
        request: MigrationMailboxesRequest,
    ) -> Result<MigrationMailboxPage, ApiError> {
        let plan = self.draft_plan().await?;
        let only = request.only.as_deref().unwrap_or("all");
        if !FILTERS.contains(&only) {
            return Err(ApiError::unknown_word("only", only, &FILTERS));
        }
        let mut conflicts: HashMap<u32, Vec<&Conflict>> = HashMap::new();
        for conflict in &plan.conflicts {
            conflicts.entry(conflict.mailbox).or_default().push(conflict);
        }
        let of = |one: &PlannedMailbox| conflicts.get(&one.id).map(Vec::as_slice).unwrap_or_default();
        let search = request.search.as_deref().map(str::trim).unwrap_or_default().to_lowercase();
        let wanted = |one: &&PlannedMailbox| {
            is_asked_for(&plan, one, only, of(one))
                && request.row.is_none_or(|row| plan.row_of(one).is_some_and(|found| found.id == row))
                && (search.is_empty() || has(one, &search))
        };
        let found: Vec<&PlannedMailbox> = plan.mailboxes.iter().filter(wanted).collect();
        let limit = if request.limit == 0 { PAGE } else { request.limit as usize };
        let shown = found.iter().skip(request.offset as usize).take(limit);
        Ok(MigrationMailboxPage {
            total: count(found.len()),
            mailboxes: shown.map(|one| view(&plan, one, of(one))).collect(),
        })
    }
}

fn is_asked_for(plan: &Plan, one: &PlannedMailbox, only: &str, conflicts: &[&Conflict]) -> bool {
    let finding = |code: &str| one.findings.iter().any(|finding| finding.code == code);
    match only {
        "migrated" => plan.is_migrated(one),
        "skipped" => !plan.is_migrated(one),
        "conflicts" => !conflicts.is_empty(),
        "dates_fallback" => !matches!(one.date, DateSource::LastProcessed | DateSource::NotNeeded),
        "older_than_two_weeks" | "not_reached" => finding(only),
        _ => true,
    }
}

fn has(one: &PlannedMailbox, search: &str) -> bool {
    let contains = |text: &str| text.to_lowercase().contains(search);
    one.address.as_deref().is_some_and(contains)
        || one.found.as_ref().is_some_and(|(owner, _)| contains(&owner.name))
        || one.source_id.is_some_and(|id| contains(&id.to_string()))
}

fn view(plan: &Plan, one: &PlannedMailbox, conflicts: &[&Conflict]) -> MigrationMailboxView {
    let (decision, to, skip_reason) = match &one.decision {
        Decision::CreateOwner => ("create", None, None),
        Decision::MatchOwner(to) => ("match", Some(owner(to)), None),
        Decision::Skip(why) => ("skip", None, Some(why.clone())),
    };
    MigrationMailboxView {
        id: one.id,
        kind: word(&one.kind),
        address: one.address.clone(),
        source_id: one.source_id.map(|id| id.to_string()),
        found: one.found.as_ref().map(|(found, _)| owner(found)),
        found_by: one.found.as_ref().map(|(_, by)| word(by)),
        existing: one.existing.as_ref().map(|existing| existing.address.clone()),
        decision: decision.to_owned(),
        owner: to,
        skip_reason,
        migrated: plan.is_migrated(one),
        candidates: one.candidates.iter().map(|candidate| candidate_view(plan, candidate)).collect(),
        chosen: one.chosen,
        process_emails_from: one.process_emails_from,
        date: word(&one.date),
        last_error: one.last_error.clone(),
        delete_after_processing: one.delete_after_processing,
        findings: findings(&one.findings),
        conflicts: conflicts
            .iter()
            .map(|conflict| MigrationConflictView { kind: word(&conflict.kind), text: conflict.text.clone() })
            .collect(),
    }
}

fn owner(one: &OwnerRef) -> MigrationOwnerView {
    let kind = if one.queue { "queue" } else { "user" };
    MigrationOwnerView { kind: kind.to_owned(), id: one.id.to_string(), name: one.name.clone() }
}

fn candidate_view(plan: &Plan, one: &Candidate) -> MigrationCandidateView {
    let row = plan.rows.get(one.row as usize);
    MigrationCandidateView {
        row: one.row,
        profile: row.and_then(|row| row.profile()).map(|profile| profile.name.clone()),
        router: one.incoming.or(one.outgoing).map(|source| source.router),
        user_name: one.user_name.clone(),
    }
}
