//! What people change in a plan, and the plan as a file.

use super::{Decision, FORMAT, MailboxKind, Plan, PlannedMailbox, Row, RowCounts, Verdict};
use std::collections::HashSet;

/// Why a change was refused. The plan stays as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// There is no such row, mailbox or candidate.
    #[error("the plan has no {0}")]
    Missing(String),
    /// It cannot be migrated.
    #[error("this row cannot be migrated: {0}")]
    Cannot(String),
    /// The name is empty, too long, or taken.
    #[error("the name \"{name}\" {why}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The decision does not go with the mailbox.
    #[error("{0}")]
    Decision(String),
    /// The file is not a plan of this format.
    #[error("this is not a plan that can be read: {0}")]
    Format(String),
}

impl Plan {
    /// The plan as a file: JSON, without secrets.
    ///
    /// # Errors
    /// None in practice; serialization's, were there any.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// Reads a plan's file.
    ///
    /// # Errors
    /// [`EditError::Format`] for anything else, and for a plan of another format.
    pub fn from_json(text: &str) -> Result<Self, EditError> {
        let not = |why: String| EditError::Format(why);
        #[derive(serde::Deserialize)]
        struct Version {
            format: u32,
        }
        let version: Version = serde_json::from_str(text).map_err(|error| not(error.to_string()))?;
        if version.format != FORMAT {
            return Err(not(format!("its format is {}, and this version reads {FORMAT}", version.format)));
        }
        let plan: Self = serde_json::from_str(text).map_err(|error| not(error.to_string()))?;
        plan.check().map(|()| plan)
    }

    /// What refers to another part of the plan refers to something that is there: a plan file may have been edited.
    fn check(&self) -> Result<(), EditError> {
        let not =
            |what: &str| Err(EditError::Format(format!("{what} refers to something that is not in it")));
        let (rows, credentials) = (self.rows.len(), self.credentials.len());
        let good = |credential: Option<u32>| credential.is_none_or(|id| (id as usize) < credentials);
        for (index, row) in self.rows.iter().enumerate() {
            let fine = match &row.verdict {
                Verdict::Profile(profile) => good(profile.credential),
                Verdict::Cannot(_) => true,
            };
            if row.id as usize != index || !fine {
                return not("a row");
            }
        }
        for (index, mailbox) in self.mailboxes.iter().enumerate() {
            let candidates = mailbox.candidates.iter();
            let fine = candidates.into_iter().all(|one| (one.row as usize) < rows && good(one.credential));
            if mailbox.id as usize != index || !fine || mailbox.chosen as usize >= mailbox.candidates.len() {
                return not("a mailbox");
            }
        }
        Ok(())
    }

    /// Gives a row's new profile another name.
    ///
    /// # Errors
    /// [`EditError`]: no such row, it cannot be migrated or uses an existing profile, or the name will not do.
    pub fn rename(&mut self, row: u32, name: &str) -> Result<(), EditError> {
        let name = name.trim();
        let wrong = |why| Err(EditError::Name { name: name.chars().take(120).collect(), why });
        if name.is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
            return wrong("is empty or too long: a profile's name has 1 to 100 characters");
        }
        let lower = name.to_lowercase();
        let mut siblings = self.rows.iter().filter(|other| other.id != row).filter_map(Row::profile);
        if siblings.any(|other| other.name.to_lowercase() == lower) {
            return wrong("is already that of another row");
        }
        let mut here = self.basis.records.iter().filter(|record| record.kind == "profile");
        if here.any(|record| record.name.to_lowercase() == lower) {
            return wrong("is already that of a profile here");
        }
        let profile = match &mut self.row_mut(row)?.verdict {
            Verdict::Profile(profile) => profile,
            Verdict::Cannot(obstacle) => return Err(EditError::Cannot(obstacle.to_string())),
        };
        if profile.existing.is_some() {
            return wrong("cannot be given: the row uses a profile that is here already");
        }
        name.clone_into(&mut profile.name);
        Ok(())
    }

    /// *Migrate Server Profile*: whether a row and its mailboxes are migrated.
    ///
    /// # Errors
    /// [`EditError`]: no such row, or it cannot be migrated.
    pub fn set_migrate(&mut self, row: u32, migrate: MigrateRow) -> Result<(), EditError> {
        let row = self.row_mut(row)?;
        if let (Verdict::Cannot(obstacle), MigrateRow::Yes) = (&row.verdict, migrate) {
            return Err(EditError::Cannot(obstacle.to_string()));
        }
        row.migrate = migrate == MigrateRow::Yes;
        Ok(())
    }

    /// What is done with a mailbox.
    ///
    /// # Errors
    /// [`EditError`]: no such mailbox, or the decision does not go with it.
    pub fn decide(&mut self, mailbox: u32, decision: Decision) -> Result<(), EditError> {
        let found = self.mailboxes.get(mailbox as usize);
        let found = found.ok_or_else(|| EditError::Missing(format!("mailbox {mailbox}")))?;
        let not = |why: &str| Err(EditError::Decision(why.to_owned()));
        match &decision {
            Decision::CreateOwner if found.address.is_none() => {
                return not("there is no address to create somebody from: match it to a user or queue");
            }
            Decision::CreateOwner if found.found.is_some() => {
                return not("somebody here has this id or address already: match it instead");
            }
            Decision::MatchOwner(owner) => {
                let mut here = self.basis.records.iter();
                let known = here.any(|record| record.id == owner.id && record.kind == kind_word(owner.queue));
                let twice = self.mailboxes.iter().any(|other| {
                    other.id != mailbox
                        && matches!(&other.decision, Decision::MatchOwner(taken) if taken.id == owner.id)
                });
                if !known {
                    return not("the configuration that the plan was made against has no such user or queue");
                }
                if twice {
                    return not(
                        "another mailbox of the plan is matched to the same owner, and one owner has one mailbox",
                    );
                }
            }
            Decision::CreateOwner | Decision::Skip(_) => {}
        }
        if let Some(found) = self.mailboxes.get_mut(mailbox as usize) {
            found.decision = decision;
        }
        Ok(())
    }

    /// Which router's settings a mailbox gets, where routers disagree.
    ///
    /// # Errors
    /// [`EditError::Missing`].
    pub fn choose(&mut self, mailbox: u32, candidate: u32) -> Result<(), EditError> {
        let found = self.mailboxes.get_mut(mailbox as usize);
        let found = found.ok_or_else(|| EditError::Missing(format!("mailbox {mailbox}")))?;
        if candidate as usize >= found.candidates.len() {
            return Err(EditError::Missing(format!("candidate {candidate} of mailbox {mailbox}")));
        }
        found.chosen = candidate;
        Ok(())
    }

    /// The row of a mailbox, as chosen.
    #[must_use]
    pub fn row_of(&self, mailbox: &PlannedMailbox) -> Option<&Row> {
        let candidate = mailbox.candidates.get(mailbox.chosen as usize)?;
        self.rows.get(candidate.row as usize)
    }

    /// Whether a mailbox is migrated: its row is, and it is not skipped.
    #[must_use]
    pub fn is_migrated(&self, mailbox: &PlannedMailbox) -> bool {
        !matches!(mailbox.decision, Decision::Skip(_)) && self.row_of(mailbox).is_some_and(|row| row.migrate)
    }

    /// How many users, queues and forward mailboxes use each row, whether or not they are migrated; by the row's id.
    #[must_use]
    pub fn counts(&self) -> Vec<RowCounts> {
        let mut counts = vec![RowCounts::default(); self.rows.len()];
        for mailbox in &self.mailboxes {
            let row = mailbox.candidates.get(mailbox.chosen as usize).map_or(u32::MAX, |one| one.row);
            if let Some(count) = counts.get_mut(row as usize) {
                match mailbox.kind {
                    MailboxKind::User => count.users += 1,
                    MailboxKind::Queue => count.queues += 1,
                    MailboxKind::Forward => count.forward += 1,
                }
            }
        }
        counts
    }

    /// The rows whose profile is used or created: those that migrated mailboxes have.
    #[must_use]
    pub fn migrated_rows(&self) -> HashSet<u32> {
        let migrated = self.mailboxes.iter().filter(|mailbox| self.is_migrated(mailbox));
        migrated.filter_map(|mailbox| self.row_of(mailbox)).map(|row| row.id).collect()
    }

    fn row_mut(&mut self, row: u32) -> Result<&mut Row, EditError> {
        self.rows.get_mut(row as usize).ok_or_else(|| EditError::Missing(format!("row {row}")))
    }
}

/// The answer to *Migrate Server Profile*.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MigrateRow {
    /// The profile and its mailboxes are migrated.
    Yes,
    /// They are left out.
    No,
}

impl Row {
    /// The new profile, when the pair can be migrated.
    #[must_use]
    pub const fn profile(&self) -> Option<&super::NewProfile> {
        match &self.verdict {
            Verdict::Profile(profile) => Some(profile),
            Verdict::Cannot(_) => None,
        }
    }
}

/// The word of an owner's kind.
const fn kind_word(queue: bool) -> &'static str {
    if queue { "queue" } else { "user" }
}
