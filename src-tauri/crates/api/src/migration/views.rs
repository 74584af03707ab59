//! The plan as wire types.

use super::{count, word};
use crate::wire::{
    ApiError, MigrationConflictCount, MigrationCounts, MigrationCredentialView, MigrationDifference,
    MigrationEndpoint, MigrationFinding, MigrationOrganizationView, MigrationPlanView, MigrationProfileView,
    MigrationProvenanceCounts, MigrationRouterView, MigrationRowView, MigrationSentence, MigrationSideView,
    MigrationUnusedView,
};
use std::collections::BTreeMap;
use tandem_router_migration::{
    changes::{CannotApply, changes},
    diff::diff,
    plan::{
        ConflictKind, CredentialState, Finding, NewEndpoint, NewProfile, Plan, Row, RowCounts, Side, Verdict,
    },
    provenance::ProvenanceCounts,
    snapshot::Snapshot,
    summary::{Summary, summary},
};

/// At most this many unused providers are listed.
const SHOWN_UNUSED: usize = 200;

/// The plan against the configuration of now.
pub(super) fn plan(plan: &Plan, here: &Snapshot) -> MigrationPlanView {
    let sum = summary(plan);
    let (nothing_to_do, cannot_apply) = match changes(plan, here) {
        Ok(changes) => (changes.is_empty(), None),
        Err(error) => (false, Some(cannot_apply(&error))),
    };
    let rows = plan.rows.iter().zip(plan.counts()).map(|(one, counts)| row(one, counts)).collect();
    MigrationPlanView {
        made_at: plan.made_at,
        file: None,
        routers: plan.routers.iter().map(router).collect(),
        organizations: plan.organizations.iter().map(organization).collect(),
        organization_unconfirmed: plan.organization_unconfirmed,
        unnamed: word(&plan.options.unnamed),
        profile_date: word(&plan.options.profile_date),
        rows,
        mailboxes: count(plan.mailboxes.len()),
        credentials: plan.credentials.iter().map(credential).collect(),
        conflicts: conflicts(plan),
        unused: plan.unused.iter().take(SHOWN_UNUSED).map(unused).collect(),
        unused_total: count(plan.unused.len()),
        provenance: provenance(&plan.provenance),
        has_provenance: false,
        counts: counts(&sum),
        sentences: sum
            .sentences
            .into_iter()
            .map(|one| MigrationSentence {
                about: word(&one.about),
                attention: one.attention,
                text: one.text,
            })
            .collect(),
        differences: differences(plan, here),
        configuration: here.basis().fingerprint,
        nothing_to_do,
        cannot_apply,
    }
}

/// What differs since the plan was made.
pub(super) fn differences(plan: &Plan, here: &Snapshot) -> Vec<MigrationDifference> {
    let all = diff(plan, here).into_iter();
    all.map(|one| MigrationDifference { text: format!("{one}."), concerns_plan: one.concerns_plan }).collect()
}

/// Why a plan cannot be applied, for people.
pub(super) fn cannot_apply(error: &CannotApply) -> ApiError {
    let (code, object, remedy) = match error {
        CannotApply::OtherOrganization => {
            ("other_organization", "migration plan", "Make the plan again with this data folder.")
        }
        CannotApply::NameTaken { name, .. } => {
            ("name_taken", name.as_str(), "Give the row another name, or leave it out.")
        }
        CannotApply::ProfileGone { name, .. } => {
            ("not_found", name.as_str(), "Make the plan again from the routers' files.")
        }
    };
    ApiError::plain(code, object, &format!("{error}. Nothing was written."), remedy)
}

/// The numbers of a summary.
pub(super) const fn counts(sum: &Summary) -> MigrationCounts {
    MigrationCounts {
        profiles_created: sum.profiles_created,
        profiles_used: sum.profiles_used,
        rows_declined: sum.rows_declined,
        rows_impossible: sum.rows_impossible,
        users_created: sum.users_created,
        users_matched: sum.users_matched,
        queues_created: sum.queues_created,
        queues_matched: sum.queues_matched,
        forward_mailboxes: sum.forward_mailboxes,
        mailboxes_created: sum.mailboxes_created,
        mailboxes_updated: sum.mailboxes_updated,
        mailboxes_skipped: sum.mailboxes_skipped,
        dates_taken: sum.dates_taken,
        dates_fallback: sum.dates_fallback,
        older_than_two_weeks: sum.older_than_two_weeks,
        not_reached: sum.not_reached,
        passwords_recovered: sum.passwords_recovered,
        passwords_to_enter: sum.passwords_to_enter,
        conflicts: sum.conflicts,
    }
}

pub(super) const fn provenance(found: &ProvenanceCounts) -> MigrationProvenanceCounts {
    MigrationProvenanceCounts {
        fields: found.fields,
        taken: found.taken,
        changed: found.changed,
        dropped: found.dropped,
        unreadable: found.unreadable,
    }
}

pub(super) fn findings(all: &[Finding]) -> Vec<MigrationFinding> {
    let view = |one: &Finding| MigrationFinding {
        code: one.code.clone(),
        text: one.text.clone(),
        error_code: one.error_code.clone(),
    };
    all.iter().map(view).collect()
}

/// Why a password must be entered, or that it need not be.
pub(super) fn password_reason(state: &CredentialState) -> String {
    match state {
        CredentialState::Recovered => "It was decrypted.".to_owned(),
        CredentialState::NoPassword => "The files have none.".to_owned(),
        CredentialState::EnterAgain(reason) => format!("It must be entered again: {reason}."),
    }
}

fn router(one: &tandem_router_migration::plan::RouterSummary) -> MigrationRouterView {
    MigrationRouterView { number: one.number, providers: one.providers, state_entries: one.state_entries }
}

fn organization(one: &tandem_router_migration::plan::RouterOrganization) -> MigrationOrganizationView {
    MigrationOrganizationView {
        key: one.key.clone(),
        name: one.name.clone(),
        providers: one.providers,
        taken: one.taken,
    }
}

fn unused(one: &tandem_router_migration::plan::UnusedProvider) -> MigrationUnusedView {
    MigrationUnusedView { router: one.source.router, line: one.source.line, why: one.why.clone() }
}

fn credential(one: &tandem_router_migration::plan::Credential) -> MigrationCredentialView {
    MigrationCredentialView {
        id: one.id,
        server: one.server.clone(),
        user_name: one.user_name.clone(),
        must_be_entered: one.state != CredentialState::Recovered,
        reason: password_reason(&one.state),
        profiles: count(one.profiles.len()),
        mailboxes: count(one.mailboxes.len()),
    }
}

fn conflicts(plan: &Plan) -> Vec<MigrationConflictCount> {
    let mut kinds: BTreeMap<ConflictKind, u32> = BTreeMap::new();
    for conflict in &plan.conflicts {
        *kinds.entry(conflict.kind).or_default() += 1;
    }
    kinds.into_iter().map(|(kind, count)| MigrationConflictCount { kind: word(&kind), count }).collect()
}

fn row(one: &Row, counts: RowCounts) -> MigrationRowView {
    let (profile, cannot) = match &one.verdict {
        Verdict::Profile(profile) => (Some(profile_view(profile)), None),
        Verdict::Cannot(obstacle) => (None, Some(obstacle.to_string())),
    };
    MigrationRowView {
        id: one.id,
        routers: one.routers.clone(),
        incoming: one.incoming.as_ref().map(side),
        outgoing: one.outgoing.as_ref().map(side),
        profile,
        cannot,
        migrate: one.migrate,
        users: counts.users,
        queues: counts.queues,
        forward_mailboxes: counts.forward,
        findings: findings(&one.findings),
    }
}

fn side(one: &Side) -> MigrationSideView {
    MigrationSideView {
        kind: word(&one.kind),
        kind_name: one.kind.to_string(),
        location: one.location.clone(),
        port: one.port,
        ssl: one.ssl,
        authentication: one.authentication.clone(),
        router: one.source.router,
        line: one.source.line,
    }
}

fn profile_view(one: &NewProfile) -> MigrationProfileView {
    let end = |end: &NewEndpoint| MigrationEndpoint {
        server: end.server.clone(),
        port: end.port,
        security: end.security.as_str().to_owned(),
    };
    MigrationProfileView {
        name: one.name.clone(),
        existing: one.existing.is_some(),
        server_type: one.server_type.as_str().to_owned(),
        incoming: one.incoming.as_ref().map(end),
        outgoing: one.outgoing.as_ref().map(end),
        authenticate_using: one.authenticate_using.as_str().to_owned(),
        user_name: one.user_name.clone(),
        process_emails_from: one.process_emails_from,
        cannot_enable: one.cannot_enable.clone(),
    }
}
