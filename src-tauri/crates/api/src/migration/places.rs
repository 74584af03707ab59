//! Whose each password of a plan is, once the plan is applied.

use super::{outcome::OutcomeCredential, views::password_reason};
use std::collections::HashMap;
use tandem_domain::{
    mailbox::Mailbox,
    profile::{AuthenticateUsing, EmailServerProfile},
};
use tandem_router_migration::plan::Plan;

/// The credentials of the plan that something needs, with what needs them. Also for what an earlier run of the plan made.
pub(super) fn credentials(
    plan: &Plan,
    profiles: &[EmailServerProfile],
    mailboxes: &[Mailbox],
) -> Vec<OutcomeCredential> {
    let by_name: HashMap<String, &EmailServerProfile> =
        profiles.iter().map(|one| (one.name.to_lowercase(), one)).collect();
    let by_id: HashMap<_, &EmailServerProfile> = profiles.iter().map(|one| (one.id, one)).collect();
    let by_address: HashMap<&str, &Mailbox> = mailboxes.iter().map(|one| (one.email.as_str(), one)).collect();
    let mut found: Vec<OutcomeCredential> = plan
        .credentials
        .iter()
        .map(|one| OutcomeCredential {
            id: one.id,
            server: one.server.clone(),
            user_name: one.user_name.clone().unwrap_or_default(),
            reason: password_reason(&one.state),
            profiles: Vec::new(),
            mailboxes: Vec::new(),
        })
        .collect();
    let rows = plan.migrated_rows();
    for row in plan.rows.iter().filter(|row| rows.contains(&row.id)) {
        let Some(new) = row.profile() else { continue };
        let here = by_name.get(&new.name.to_lowercase());
        let here = here.filter(|one| one.authenticate_using == AuthenticateUsing::Profile);
        let place = new.credential.and_then(|id| found.get_mut(id as usize));
        if let (Some(here), Some(place)) = (here, place) {
            place.profiles.push(here.id.0);
        }
    }
    for planned in plan.mailboxes.iter().filter(|one| plan.is_migrated(one)) {
        let here = planned.address.as_deref().map(str::to_lowercase);
        let here = here.and_then(|address| by_address.get(address.as_str()).copied());
        let profile = here.and_then(|one| one.profile).and_then(|id| by_id.get(&id));
        let own = profile.is_some_and(|one| one.authenticate_using == AuthenticateUsing::UserOrQueue);
        let credential = planned.candidates.get(planned.chosen as usize).and_then(|one| one.credential);
        let place = credential.and_then(|id| found.get_mut(id as usize));
        if let (Some(here), Some(place), true) = (here, place, own) {
            if place.user_name.is_empty() {
                place.user_name = here.email.to_string();
            }
            place.mailboxes.push(here.id.0);
        }
    }
    found.retain(|one| !one.profiles.is_empty() || !one.mailboxes.is_empty());
    found
}
