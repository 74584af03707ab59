//! The selected folder as this session has been told about it: numbers stay valid until the client hears otherwise.

use std::fmt::Write as _;
use std::sync::Arc;

use super::set::{Set, compact};
use crate::hub::{Account, Folder, StoredMessage};

/// A selected folder.
pub(super) struct Selected {
    pub(super) account: Arc<Account>,
    pub(super) folder: String,
    pub(super) uid_validity: u32,
    pub(super) uid_next: u32,
    pub(super) is_read_only: bool,
    /// QRESYNC is enabled: what goes is told by UID, and flags with their modification sequence (RFC 7162 section 3.2.7).
    pub(super) tells_vanished: bool,
    /// Message numbers: the first is 1.
    numbers: Vec<u32>,
    told_mod_seq: u64,
}

/// How a command names messages.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Number,
    Uid,
}

/// What changed without this session's doing.
pub(super) enum News {
    /// Untagged responses, possibly none.
    Lines(String),
    /// The folder is gone or has a new UIDVALIDITY.
    Void,
}

impl Selected {
    pub(super) fn open(account: Arc<Account>, folder: &str, is_read_only: bool) -> Option<Self> {
        let seen = account.look(folder, |it| {
            let numbers: Vec<u32> = it.messages.iter().map(|message| message.uid).collect();
            (it.uid_validity, it.uid_next, it.mod_seq, numbers)
        });
        let (uid_validity, uid_next, told_mod_seq, numbers) = seen?;
        let folder = folder.to_owned();
        let tells_vanished = false;
        Some(Self {
            account,
            folder,
            uid_validity,
            uid_next,
            is_read_only,
            tells_vanished,
            numbers,
            told_mod_seq,
        })
    }

    pub(super) fn count(&self) -> usize {
        self.numbers.len()
    }

    pub(super) fn told_mod_seq(&self) -> u64 {
        self.told_mod_seq
    }

    pub(super) fn numbers(&self) -> &[u32] {
        &self.numbers
    }

    /// The message number of a UID.
    pub(super) fn number(&self, uid: u32) -> Option<u32> {
        let at = self.numbers.binary_search(&uid).ok()?;
        u32::try_from(at + 1).ok()
    }

    /// The UIDs that a set names, rising, without repetition. Unknown ones are left out.
    pub(super) fn uids(&self, set: &str, by: By) -> Option<Vec<u32>> {
        let largest = match by {
            By::Uid => self.numbers.last().copied().unwrap_or(1),
            By::Number => u32::try_from(self.numbers.len()).ok()?,
        };
        let set = Set::parse(set, largest)?;
        let mut uids = Vec::new();
        for (from, to) in set.ranges() {
            let (start, end) = match by {
                By::Uid => {
                    let start = self.numbers.partition_point(|uid| uid < from);
                    (start, self.numbers.partition_point(|uid| uid <= to))
                }
                By::Number => {
                    let end = usize::try_from(*to).unwrap_or(usize::MAX).min(self.numbers.len());
                    (usize::try_from(from.saturating_sub(1)).unwrap_or(usize::MAX).min(end), end)
                }
            };
            uids.extend_from_slice(self.numbers.get(start..end).unwrap_or_default());
        }
        if set.ranges().len() > 1 {
            uids.sort_unstable();
            uids.dedup();
        }
        Some(uids)
    }

    /// These messages as they are now; those removed meanwhile are left out.
    pub(super) fn messages(&self, uids: &[u32]) -> Vec<StoredMessage> {
        let find = |folder: &Folder| uids.iter().filter_map(|uid| folder.find(*uid).cloned()).collect();
        self.account.look(&self.folder, find).unwrap_or_default()
    }

    /// What changed among these UIDs since a modification sequence: those that vanished, and the others with number,
    /// flags and sequence.
    pub(super) fn since(&self, mod_seq: u64, known: Option<&Set>) -> (Vec<u32>, Vec<(u32, StoredMessage)>) {
        let is_known = |uid: u32| known.is_none_or(|set| set.contains(uid));
        let seen = self.account.look(&self.folder, |folder| {
            let gone = folder.vanished.iter().filter(|(uid, at)| *at > mod_seq && is_known(*uid));
            let changed = folder.messages.iter().filter(|it| it.mod_seq > mod_seq && is_known(it.uid));
            (gone.map(|(uid, _)| *uid).collect::<Vec<_>>(), changed.cloned().collect::<Vec<_>>())
        });
        let (mut gone, changed) = seen.unwrap_or_default();
        gone.sort_unstable();
        let numbered = changed.into_iter().filter_map(|it| Some((self.number(it.uid)?, it)));
        (gone, numbered.collect())
    }

    /// Changes the folder for this session.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Folder) -> T) -> Option<T> {
        self.account.change(&self.folder, change)
    }

    /// Changes flags for this session, which tells its client itself: they are no news later.
    pub(super) fn change_flags<T>(&mut self, change: impl FnOnce(&mut Folder) -> T) -> Option<T> {
        let told = self.told_mod_seq;
        let (result, told) = self.account.change(&self.folder, |folder| {
            let had_told_all = folder.mod_seq == told;
            let result = change(folder);
            (result, if had_told_all { folder.mod_seq } else { told })
        })?;
        self.told_mod_seq = told;
        Some(result)
    }

    /// Compares with the folder as it is now, and says the difference as untagged responses.
    pub(super) fn news(&mut self) -> News {
        let (uid_validity, told) = (self.uid_validity, self.told_mod_seq);
        let seen = self.account.look(&self.folder, |folder| {
            if folder.uid_validity != uid_validity {
                return None;
            }
            if folder.mod_seq == told {
                return Some((told, None));
            }
            let uids: Vec<u32> = folder.messages.iter().map(|message| message.uid).collect();
            let changed = folder.messages.iter().filter(|message| message.mod_seq > told);
            let changed: Vec<_> = changed.map(|it| (it.uid, it.flags.join(" "), it.mod_seq)).collect();
            Some((folder.mod_seq, Some((uids, changed))))
        });
        let Some(Some((mod_seq, difference))) = seen else { return News::Void };
        let mut lines = String::new();
        let Some((uids, changed)) = difference else { return News::Lines(lines) };
        let gone = |uid: &u32| uids.binary_search(uid).is_err();
        let vanished: Vec<u32> = self.numbers.iter().copied().filter(gone).collect();
        if self.tells_vanished && !vanished.is_empty() {
            let _ = write!(lines, "* VANISHED {}\r\n", compact(&vanished));
        } else {
            for (at, _) in self.numbers.iter().enumerate().rev().filter(|(_, uid)| gone(uid)) {
                let _ = write!(lines, "* {} EXPUNGE\r\n", at + 1);
            }
        }
        let known_until = self.numbers.last().copied().unwrap_or(0);
        if uids.last().is_some_and(|uid| *uid > known_until) {
            let _ = write!(lines, "* {} EXISTS\r\n", uids.len());
        }
        self.numbers = uids;
        self.told_mod_seq = mod_seq;
        for (uid, flags, mod_seq) in changed.into_iter().filter(|(uid, ..)| *uid <= known_until) {
            if let Some(number) = self.number(uid) {
                let mod_seq =
                    if self.tells_vanished { format!(" MODSEQ ({mod_seq})") } else { String::new() };
                let _ = write!(lines, "* {number} FETCH (UID {uid} FLAGS ({flags}){mod_seq})\r\n");
            }
        }
        News::Lines(lines)
    }
}
