//! The plan in counts and sentences, for the review before anything is written.

use crate::plan::{ConflictKind, CredentialState, DateSource, Decision, MailboxKind, Plan, Verdict};
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};

/// What would be created, updated and skipped.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Summary {
    /// Profiles to create.
    pub profiles_created: u32,
    /// Profiles that are here already and get mailboxes.
    pub profiles_used: u32,
    /// Rows with *Migrate Server Profile* set to no.
    pub rows_declined: u32,
    /// Rows that cannot be migrated.
    pub rows_impossible: u32,
    /// Users to create.
    pub users_created: u32,
    /// Users that are here already.
    pub users_matched: u32,
    /// Queues to create.
    pub queues_created: u32,
    /// Queues that are here already.
    pub queues_matched: u32,
    /// Forward mailboxes to create.
    pub forward_mailboxes: u32,
    /// User and queue mailboxes to create.
    pub mailboxes_created: u32,
    /// Mailboxes that are here already and get the profile.
    pub mailboxes_updated: u32,
    /// Mailboxes that are left as they are.
    pub mailboxes_skipped: u32,
    /// Of the migrated ones: those whose last processed date is used.
    pub dates_taken: u32,
    /// Of the migrated ones: those that start 24 hours back for want of a usable date.
    pub dates_fallback: u32,
    /// Of the migrated ones: those whose date is older than two weeks.
    pub older_than_two_weeks: u32,
    /// Of the migrated ones: those whose profile starts later than they were processed last.
    pub not_reached: u32,
    /// Passwords that were decrypted.
    pub passwords_recovered: u32,
    /// Passwords that must be entered.
    pub passwords_to_enter: u32,
    /// Conflicts by kind; only those that are still as proposed.
    pub conflicts: u32,
    /// The same in sentences, in the order in which people should read them.
    pub sentences: Vec<Sentence>,
}

/// One sentence of the review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sentence {
    /// What it is about.
    pub about: About,
    /// Whether it asks for a look.
    pub attention: bool,
    /// For people.
    pub text: String,
}

/// What a sentence is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// Files.
    Files,
    /// The organization.
    Organization,
    /// Profiles.
    Profiles,
    /// Forward mailboxes.
    ForwardMailboxes,
    /// User and queue mailboxes.
    Mailboxes,
    /// Process Emails From.
    Dates,
    /// Passwords.
    Passwords,
    /// Conflicts.
    Conflicts,
    /// What to do after.
    After,
}

/// Sums a plan up, as people have changed it so far.
#[must_use]
pub fn summary(plan: &Plan) -> Summary {
    let mut sum = Summary::default();
    let migrated = plan.migrated_rows();
    for row in &plan.rows {
        match &row.verdict {
            Verdict::Cannot(_) => sum.rows_impossible += 1,
            Verdict::Profile(_) if !row.migrate => sum.rows_declined += 1,
            Verdict::Profile(profile) if migrated.contains(&row.id) => match profile.existing {
                Some(_) => sum.profiles_used += 1,
                None => sum.profiles_created += 1,
            },
            Verdict::Profile(_) => {}
        }
    }
    let mut credentials: HashSet<u32> = HashSet::new();
    for mailbox in &plan.mailboxes {
        if !plan.is_migrated(mailbox) {
            sum.mailboxes_skipped += 1;
            continue;
        }
        let created = mailbox.decision == Decision::CreateOwner;
        match (mailbox.kind, created) {
            (MailboxKind::User, true) => sum.users_created += 1,
            (MailboxKind::User, false) => sum.users_matched += 1,
            (MailboxKind::Queue, true) => sum.queues_created += 1,
            (MailboxKind::Queue, false) => sum.queues_matched += 1,
            (MailboxKind::Forward, _) => {}
        }
        match (&mailbox.existing, mailbox.kind) {
            (Some(_), _) => sum.mailboxes_updated += 1,
            (None, MailboxKind::Forward) => sum.forward_mailboxes += 1,
            (None, _) => sum.mailboxes_created += 1,
        }
        match mailbox.date {
            DateSource::LastProcessed => sum.dates_taken += 1,
            DateSource::NotNeeded => {}
            _ => sum.dates_fallback += 1,
        }
        let has = |code: &str| u32::from(mailbox.findings.iter().any(|finding| finding.code == code));
        sum.older_than_two_weeks += has("older_than_two_weeks");
        sum.not_reached += has("not_reached");
        credentials.extend(mailbox.candidates.get(mailbox.chosen as usize).and_then(|one| one.credential));
    }
    let new_profiles =
        plan.rows.iter().filter(|row| migrated.contains(&row.id)).filter_map(|row| row.profile());
    credentials.extend(
        new_profiles.filter(|profile| profile.existing.is_none()).filter_map(|profile| profile.credential),
    );
    for credential in plan.credentials.iter().filter(|one| credentials.contains(&one.id)) {
        match credential.state {
            CredentialState::Recovered => sum.passwords_recovered += 1,
            _ => sum.passwords_to_enter += 1,
        }
    }
    sum.conflicts = u32::try_from(plan.conflicts.len()).unwrap_or(u32::MAX);
    sum.sentences = sentences(plan, &sum);
    sum
}

fn plural(count: u32, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

fn sentences(plan: &Plan, sum: &Summary) -> Vec<Sentence> {
    let mut said = Vec::new();
    let mut say = |about, attention, text: String| said.push(Sentence { about, attention, text });
    for moved in &plan.moved {
        say(About::Files, false, moved.clone());
    }
    organizations(plan, &mut say);
    if plan.routers.iter().all(|router| router.providers == 0) {
        let text = "The files have no providers: the router's settings were never published with its Configuration Manager.";
        say(About::Files, true, text.to_owned());
    }
    let profiles =
        plural(sum.profiles_created, "email server profile is created", "email server profiles are created");
    say(About::Profiles, false, format!("{profiles}."));
    let optional: [(u32, About, bool, &str, &str); 4] = [
        (
            sum.profiles_used,
            About::Profiles,
            false,
            "profile is here already with the same settings and is used.",
            "profiles are here already with the same settings and are used.",
        ),
        (
            sum.rows_declined,
            About::Profiles,
            false,
            "pair is left out because you chose so.",
            "pairs are left out because you chose so.",
        ),
        (
            sum.rows_impossible,
            About::Profiles,
            true,
            "pair cannot be migrated; its row says why.",
            "pairs cannot be migrated; their rows say why.",
        ),
        (
            sum.forward_mailboxes,
            About::ForwardMailboxes,
            true,
            "forward mailbox is created; it cannot be processed yet.",
            "forward mailboxes are created; they cannot be processed yet.",
        ),
    ];
    for (count, about, attention, one, many) in optional {
        if count > 0 {
            say(about, attention, plural(count, one, many));
        }
    }
    let waiting = plan.rows.iter().filter(|row| row.migrate).filter_map(|row| row.profile());
    let waiting =
        u32::try_from(waiting.filter(|profile| profile.cannot_enable.is_some()).count()).unwrap_or(u32::MAX);
    if waiting > 0 {
        let text = plural(
            waiting,
            "profile cannot be enabled yet; its row says why.",
            "profiles cannot be enabled yet; their rows say why.",
        );
        say(About::Profiles, true, text);
    }
    let text = format!(
        "{} created and {} updated; {} left as they are.",
        plural(sum.mailboxes_created, "mailbox is", "mailboxes are"),
        sum.mailboxes_updated,
        sum.mailboxes_skipped
    );
    say(About::Mailboxes, false, text);
    let (users, queues) = (sum.users_created, sum.queues_created);
    if users + queues > 0 {
        let text = format!(
            "{} and {} are created from their addresses.",
            plural(users, "user", "users"),
            plural(queues, "queue", "queues")
        );
        say(About::Mailboxes, true, text);
    }
    let text = format!(
        "Profiles start 24 hours before this plan was made; {} with the last processed date, {} 24 hours back.",
        plural(sum.dates_taken, "mailbox starts", "mailboxes start"),
        plural(sum.dates_fallback, "mailbox", "mailboxes")
    );
    let text = match plan.options.profile_date {
        crate::plan::ProfileDate::OneDayBack => text,
        crate::plan::ProfileDate::EarliestMailbox => {
            text.replacen("24 hours before this plan was made", "at the earliest date of their mailboxes", 1)
        }
    };
    say(About::Dates, false, text);
    if sum.not_reached > 0 {
        let text = plural(
            sum.not_reached,
            "mailbox was processed last before its profile starts: older mail is not picked up, unless profiles reach back.",
            "mailboxes were processed last before their profile starts: older mail is not picked up, unless profiles reach back.",
        );
        say(About::Dates, true, text);
    }
    if sum.older_than_two_weeks > 0 {
        let text = plural(
            sum.older_than_two_weeks,
            "mailbox has a last processed date older than two weeks: check that its filters do not pick up more than you want.",
            "mailboxes have a last processed date older than two weeks: check that their filters do not pick up more than you want.",
        );
        say(About::Dates, true, text);
    }
    if sum.passwords_to_enter > 0 {
        say(
            About::Passwords,
            true,
            plural(
                sum.passwords_to_enter,
                "password must be entered again.",
                "passwords must be entered again.",
            ),
        );
    }
    if sum.passwords_recovered > 0 {
        say(
            About::Passwords,
            false,
            plural(sum.passwords_recovered, "password could be decrypted.", "passwords could be decrypted."),
        );
    }
    let mut kinds: BTreeMap<ConflictKind, u32> = BTreeMap::new();
    for conflict in &plan.conflicts {
        *kinds.entry(conflict.kind).or_default() += 1;
    }
    for (kind, count) in kinds {
        let (one, many) = conflict_words(kind);
        say(About::Conflicts, true, plural(count, one, many));
    }
    // Inferred: rules of the Rule Deployment Wizard live in the users' own mailboxes.
    let text = "Forwarding rules that were deployed into users' mailboxes stay there; Outlook-synchronized users have nothing to migrate.";
    say(About::After, false, text.to_owned());
    let text = "After the migration: enter passwords, test and enable queues first and at most 200 mailboxes every 5 hours, then set \
                Process email using to Server-Side Synchronization. The router then stops for this organization.";
    say(About::After, false, text.to_owned());
    said
}

fn organizations(plan: &Plan, say: &mut impl FnMut(About, bool, String)) {
    let left: Vec<_> = plan.organizations.iter().filter(|one| !one.taken).collect();
    if !left.is_empty() {
        let count = left.iter().map(|one| one.providers).sum();
        let names: Vec<_> = left
            .iter()
            .map(|one| if one.name.is_empty() { "no organization named" } else { one.name.as_str() })
            .collect();
        let text = plural(
            count,
            "provider of another organization is left out",
            "providers of other organizations are left out",
        );
        say(About::Organization, true, format!("{text}: {}.", names.join(", ")));
    }
    if let Some(unnamed) = plan.organizations.iter().find(|one| one.taken && one.key.is_empty()) {
        let (one, many) = (
            "provider names no organization and is taken as this one's.",
            "providers name no organization and are taken as this one's.",
        );
        say(About::Organization, true, plural(unnamed.providers, one, many));
    }
    if plan.organization_unconfirmed
        && let Some(taken) = plan.organizations.iter().find(|one| one.taken && !one.key.is_empty())
    {
        let text = format!(
            "The files serve several organizations; {} has the most providers and is taken as this one. Confirm it.",
            taken.name
        );
        say(About::Organization, true, text);
    }
}

const fn conflict_words(kind: ConflictKind) -> (&'static str, &'static str) {
    match kind {
        ConflictKind::RoutersDisagree => (
            "mailbox is in two routers with different settings.",
            "mailboxes are in two routers with different settings.",
        ),
        ConflictKind::TwoRouters => ("mailbox is in two routers.", "mailboxes are in two routers."),
        ConflictKind::SameAddress => (
            "mailbox shares its address or owner with another.",
            "mailboxes share their address or owner with another.",
        ),
        ConflictKind::OwnerMapped => (
            "owner has another mailbox or profile here already.",
            "owners have another mailbox or profile here already.",
        ),
        ConflictKind::UnknownOwner => {
            ("user or queue is unknown here.", "users and queues are unknown here.")
        }
        ConflictKind::KindDiffers => (
            "mailbox is a user's there and a queue's here, or the reverse.",
            "mailboxes are users' there and queues' here, or the reverse.",
        ),
        ConflictKind::NoAddress => ("mailbox has no usable address.", "mailboxes have no usable address."),
    }
}
