//! What differs between the configuration that a plan was made against and the one of now.

use crate::{
    plan::{Decision, Plan},
    snapshot::{Basis, BasisRecord, Snapshot},
};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// One record that was added, removed or changed since the plan was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// `profile`, `user`, `queue`, `mailbox` or `settings`.
    pub kind: String,
    /// Its id.
    pub id: Uuid,
    /// Its name or address, as it is now, or was.
    pub name: String,
    /// What happened to it.
    pub what: Happened,
    /// Whether the plan touches it: its profiles, owners, mailboxes, names or addresses.
    pub concerns_plan: bool,
}

/// What happened to a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// Fields changed: the field, its value then, its value now.
    Changed(Vec<(String, String, String)>),
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind, self.name)?;
        match &self.what {
            Happened::Added => f.write_str(" was added"),
            Happened::Removed => f.write_str(" was removed"),
            Happened::Changed(fields) => {
                for (number, (field, then, now)) in fields.iter().enumerate() {
                    let separator = if number == 0 { ":" } else { ";" };
                    let show = |value: &str| {
                        if value.is_empty() { "nothing".to_owned() } else { format!("\"{value}\"") }
                    };
                    write!(f, "{separator} {field} was {} and is {}", show(then), show(now))?;
                }
                Ok(())
            }
        }
    }
}

/// What differs. Empty when the fingerprints are the same.
#[must_use]
pub fn diff(plan: &Plan, now: &Snapshot) -> Vec<Difference> {
    let now = now.basis();
    if now.fingerprint == plan.basis.fingerprint {
        return Vec::new();
    }
    let touched = Touched::by(plan);
    let then: HashMap<(&str, Uuid), &BasisRecord> = index(&plan.basis);
    let present: HashMap<(&str, Uuid), &BasisRecord> = index(&now);
    let mut found = Vec::new();
    for record in &now.records {
        let what = match then.get(&(record.kind.as_str(), record.id)) {
            None => Happened::Added,
            Some(before) if *before == record => continue,
            Some(before) => Happened::Changed(changed(before, record)),
        };
        found.push(touched.difference(record, what));
    }
    for record in &plan.basis.records {
        if !present.contains_key(&(record.kind.as_str(), record.id)) {
            found.push(touched.difference(record, Happened::Removed));
        }
    }
    // What concerns the plan first.
    found.sort_by_key(|one| !one.concerns_plan);
    found
}

fn index(basis: &Basis) -> HashMap<(&str, Uuid), &BasisRecord> {
    basis.records.iter().map(|record| ((record.kind.as_str(), record.id), record)).collect()
}

fn changed(then: &BasisRecord, now: &BasisRecord) -> Vec<(String, String, String)> {
    let mut fields = Vec::new();
    if then.name != now.name {
        fields.push(("name".to_owned(), then.name.clone(), now.name.clone()));
    }
    let value = |record: &BasisRecord, field: &str| {
        record.facts.iter().find(|(name, _)| name == field).map_or(String::new(), |(_, value)| value.clone())
    };
    let mut names: Vec<&String> = then.facts.iter().chain(&now.facts).map(|(name, _)| name).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let (before, after) = (value(then, name), value(now, name));
        if before != after {
            fields.push((name.clone(), before, after));
        }
    }
    fields
}

/// Ids, names and addresses that the plan relies on.
struct Touched {
    ids: HashSet<Uuid>,
    words: HashSet<String>,
}

impl Touched {
    fn by(plan: &Plan) -> Self {
        let (mut ids, mut words) = (HashSet::new(), HashSet::new());
        for profile in plan.rows.iter().filter(|row| row.migrate).filter_map(|row| row.profile()) {
            ids.extend(profile.existing);
            words.insert(profile.name.to_lowercase());
        }
        for mailbox in plan.mailboxes.iter().filter(|mailbox| plan.is_migrated(mailbox)) {
            ids.extend(mailbox.existing.as_ref().map(|one| one.id));
            ids.extend(mailbox.found.as_ref().map(|(owner, _)| owner.id));
            if let Decision::MatchOwner(owner) = &mailbox.decision {
                ids.insert(owner.id);
            }
            words.extend(mailbox.address.clone());
        }
        Self { ids, words }
    }

    fn difference(&self, record: &BasisRecord, what: Happened) -> Difference {
        let address = record.facts.iter().any(|(name, value)| name == "email" && self.words.contains(value));
        let concerns_plan = record.kind == "settings"
            || self.ids.contains(&record.id)
            || self.words.contains(&record.name.to_lowercase())
            || address;
        Difference {
            kind: record.kind.clone(),
            id: record.id,
            name: record.name.clone(),
            what,
            concerns_plan,
        }
    }
}
