//! The commands about folders: SELECT, STATUS, LIST, CREATE, APPEND, COPY and MOVE.

use std::io;

use chrono::{DateTime, Utc};

use super::selected::{By, Selected};
use super::session::{Access, Answer, Session};
use super::set::{Set, compact};
use super::store::read_flags;
use super::syntax::{Arg, quote};
use crate::clock;
use crate::faults::Feature;
use crate::hub::SENT;

impl Session<'_> {
    /// SELECT and EXAMINE (RFC 3501 sections 6.3.1 and 6.3.2; HIGHESTMODSEQ is RFC 7162 section 3.1.2.1).
    pub(super) async fn select(&mut self, args: &[Arg], access: Access) -> io::Result<Answer> {
        if self.selected.take().is_some() && self.is_qresync {
            self.wire.line("* OK [CLOSED] the folder before").await?;
        }
        let (Some(account), Some(name)) = (self.account.clone(), args.first().and_then(Arg::text)) else {
            return Ok(Answer::Bad("which folder?"));
        };
        let resync = match args.get(1..).and_then(Resync::parse) {
            Some(Some(_)) if !self.is_qresync => return Ok(Answer::Bad("ENABLE QRESYNC comes first")),
            Some(resync) => resync,
            None => return Ok(Answer::Bad("the parameters are unknown")),
        };
        let Some(mut selected) = Selected::open(account, &name, access == Access::ReadOnly) else {
            return Ok(Answer::no("[NONEXISTENT] no such folder"));
        };
        let flags = "\\Answered \\Flagged \\Deleted \\Seen \\Draft";
        let (uid_next, mod_seq) = (selected.uid_next, selected.told_mod_seq());
        let may = if access == Access::ReadOnly { String::new() } else { format!("{flags} \\*") };
        let mod_seq = match self.wire.has(Feature::Condstore) {
            true => format!("HIGHESTMODSEQ {mod_seq}"),
            false => "NOMODSEQ".to_owned(),
        };
        let lines = [
            format!("* FLAGS ({flags})"),
            format!("* {} EXISTS", selected.count()),
            "* 0 RECENT".to_owned(),
            format!("* OK [PERMANENTFLAGS ({may})] these can be changed"),
            format!("* OK [UIDVALIDITY {}] UIDs are valid", selected.uid_validity),
            format!("* OK [UIDNEXT {uid_next}] the next UID"),
            format!("* OK [{mod_seq}] modification sequence"),
        ];
        for line in lines {
            self.wire.line(&line).await?;
        }
        if let Some(resync) = resync.filter(|resync| resync.uid_validity == selected.uid_validity) {
            let (vanished, changed) = selected.since(resync.mod_seq, resync.known.as_ref());
            if !vanished.is_empty() {
                self.wire.line(&format!("* VANISHED (EARLIER) {}", compact(&vanished))).await?;
            }
            for (number, it) in changed {
                let (uid, flags, mod_seq) = (it.uid, it.flags.join(" "), it.mod_seq);
                let line = format!("* {number} FETCH (UID {uid} FLAGS ({flags}) MODSEQ ({mod_seq}))");
                self.wire.line(&line).await?;
            }
        }
        selected.tells_vanished = self.is_qresync;
        self.selected = Some(selected);
        Ok(Answer::ok(if access == Access::ReadOnly {
            "[READ-ONLY] examined"
        } else {
            "[READ-WRITE] selected"
        }))
    }

    /// STATUS (RFC 3501 section 6.3.10).
    pub(super) async fn status(&mut self, args: &[Arg]) -> io::Result<Answer> {
        let (Some(account), [name, Arg::List(items)]) = (self.account.clone(), args) else {
            return Ok(Answer::Bad("STATUS takes a folder and items"));
        };
        let name = name.text().unwrap_or_default();
        let has_condstore = self.wire.has(Feature::Condstore);
        let facts = account.look(&name, |folder| {
            let is_seen = |flags: &[String]| flags.iter().any(|flag| flag.eq_ignore_ascii_case("\\Seen"));
            let facts = items.iter().map(|item| {
                let item = item.word()?;
                let value = match item.as_str() {
                    "MESSAGES" => folder.messages.len().to_string(),
                    "RECENT" => "0".to_owned(),
                    "UIDNEXT" => folder.uid_next.to_string(),
                    "UIDVALIDITY" => folder.uid_validity.to_string(),
                    "UNSEEN" => folder.messages.iter().filter(|it| !is_seen(&it.flags)).count().to_string(),
                    "HIGHESTMODSEQ" if has_condstore => folder.mod_seq.to_string(),
                    _ => return None,
                };
                Some(format!("{item} {value}"))
            });
            facts.collect::<Option<Vec<String>>>()
        });
        match facts {
            None => Ok(Answer::no("[NONEXISTENT] no such folder")),
            Some(None) => Ok(Answer::Bad("an item is unknown")),
            Some(Some(facts)) => {
                self.wire.line(&format!("* STATUS {} ({})", quote(&name), facts.join(" "))).await?;
                Ok(Answer::ok("done"))
            }
        }
    }

    /// LIST and LSUB with `*` and `%` (RFC 3501 section 6.3.8); special use is RFC 6154.
    pub(super) async fn list(&mut self, verb: &str, args: &[Arg]) -> io::Result<Answer> {
        let (Some(account), [reference, pattern, ..]) = (self.account.clone(), args) else {
            return Ok(Answer::Bad("LIST takes a reference and a pattern"));
        };
        let pattern = pattern.text().unwrap_or_default();
        if pattern.is_empty() {
            self.wire.line(&format!("* {verb} (\\Noselect) \"/\" \"\"")).await?;
            return Ok(Answer::ok("done"));
        }
        let pattern = reference.text().unwrap_or_default() + &pattern;
        for name in account.folder_names().iter().filter(|name| is_like(name, &pattern)) {
            let special = if name == SENT { " \\Sent" } else { "" };
            self.wire.line(&format!("* {verb} (\\HasNoChildren{special}) \"/\" {}", quote(name))).await?;
        }
        Ok(Answer::ok("done"))
    }

    pub(super) fn create(&self, args: &[Arg]) -> Answer {
        match (self.account.as_ref(), args.first().and_then(Arg::text)) {
            (Some(account), Some(name)) if account.create(&name) => Answer::ok("created"),
            (Some(_), Some(_)) => Answer::no("[ALREADYEXISTS] it exists"),
            _ => Answer::Bad("which folder?"),
        }
    }

    /// APPEND (RFC 3501 section 6.3.11) with APPENDUID (RFC 4315).
    pub(super) fn append(&self, args: &[Arg]) -> Answer {
        let Some(account) = self.account.as_ref() else { return Answer::Bad("log in first") };
        let [name, options @ .., Arg::Text(message)] = args else {
            return Answer::Bad("APPEND takes a literal");
        };
        let (flags, date) = match options {
            [] => (Vec::new(), None),
            [flags @ Arg::List(_)] => (std::slice::from_ref(flags).to_vec(), None),
            [Arg::Text(date)] => (Vec::new(), Some(date)),
            [flags @ Arg::List(_), Arg::Text(date)] => (std::slice::from_ref(flags).to_vec(), Some(date)),
            _ => return Answer::Bad("APPEND takes flags and a date"),
        };
        let received_at = match date.map(|date| internal_date(date)) {
            None => clock::now(),
            Some(Some(at)) => at,
            Some(None) => return Answer::Bad("the date is malformed"),
        };
        let Some(flags) = read_flags(&flags) else { return Answer::Bad("the flags are malformed") };
        let raw = message.as_slice().into();
        let appended = account.change(&name.text().unwrap_or_default(), |folder| {
            (folder.uid_validity, folder.append(raw, received_at, flags))
        });
        match appended {
            Some((uid_validity, uid)) => Answer::Ok(format!("[APPENDUID {uid_validity} {uid}] appended")),
            None => Answer::no("[TRYCREATE] no such folder"),
        }
    }

    /// COPY (RFC 3501 section 6.4.7, COPYUID is RFC 4315) and MOVE (RFC 6851).
    pub(super) async fn copy(&mut self, verb: &str, by: By, args: &[Arg]) -> io::Result<Answer> {
        let (Some(selected), [set, target]) = (self.selected.as_ref(), args) else {
            return Ok(Answer::Bad("it takes a set and a folder"));
        };
        let is_move = verb == "MOVE";
        if is_move && !self.wire.has(Feature::Move) {
            return Ok(Answer::Bad("unknown command"));
        }
        let Some(uids) = set.text().and_then(|set| selected.uids(&set, by)) else {
            return Ok(Answer::Bad("the set is malformed"));
        };
        let messages = selected.messages(&uids);
        let from: Vec<u32> = messages.iter().map(|message| message.uid).collect();
        let copied = selected.account.change(&target.text().unwrap_or_default(), |folder| {
            let append = |it: crate::hub::StoredMessage| folder.append(it.raw, it.received_at, it.flags);
            let uids: Vec<u32> = messages.into_iter().map(append).collect();
            (folder.uid_validity, uids)
        });
        let Some((uid_validity, to)) = copied else { return Ok(Answer::no("[TRYCREATE] no such folder")) };
        let code = format!("[COPYUID {uid_validity} {} {}]", compact(&from), compact(&to));
        if !is_move || from.is_empty() {
            return Ok(Answer::Ok(if from.is_empty() {
                "nothing to do".to_owned()
            } else {
                format!("{code} copied")
            }));
        }
        selected.change(|folder| folder.remove(&from));
        self.wire.line(&format!("* OK {code} moved")).await?;
        Ok(Answer::ok("done"))
    }
}

/// What a client that opens a folder with QRESYNC knows of it (RFC 7162 section 3.2.5).
struct Resync {
    uid_validity: u32,
    mod_seq: u64,
    known: Option<Set>,
}

impl Resync {
    /// Reads SELECT's parameters; nothing when they are malformed, `Some(None)` when QRESYNC is not among them.
    fn parse(parameters: &[Arg]) -> Option<Option<Self>> {
        let mut rest = parameters.iter().flat_map(Arg::items);
        let mut found = None;
        while let Some(name) = rest.next() {
            match name.word()?.as_str() {
                "CONDSTORE" => {}
                "QRESYNC" => {
                    let [uid_validity, mod_seq, known @ ..] = rest.next()?.items() else { return None };
                    let known = match known.first() {
                        Some(Arg::Word(set)) if !set.contains('*') => Some(Set::parse(set, u32::MAX)?),
                        Some(Arg::List(_)) | None => None,
                        Some(_) => return None,
                    };
                    found = Some(Self {
                        uid_validity: uid_validity.text()?.parse().ok()?,
                        mod_seq: mod_seq.text()?.parse().ok()?,
                        known,
                    });
                }
                _ => return None,
            }
        }
        Some(found)
    }
}

/// A date as `"17-Jul-1996 02:44:25 -0700"`.
fn internal_date(text: &[u8]) -> Option<DateTime<Utc>> {
    let text = std::str::from_utf8(text).ok()?.trim();
    DateTime::parse_from_str(text, "%d-%b-%Y %H:%M:%S %z").ok().map(|at| at.to_utc())
}

/// Whether a name is like a pattern; without hierarchy `%` and `*` mean the same.
fn is_like(name: &str, pattern: &str) -> bool {
    let pattern = pattern.to_ascii_lowercase().replace('%', "*");
    let name = name.to_ascii_lowercase();
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    if !pattern.contains('*') {
        return rest.is_empty();
    }
    let Some(last) = parts.next_back() else { return true };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_names_in_any_case() {
        assert!(is_like("INBOX", "inbox") && is_like("INBOX", "*") && is_like("Sent", "S%t"));
        assert!(!is_like("INBOX", "INBOX2") && !is_like("Sent", "S*x") && !is_like("Sent", ""));
    }

    #[test]
    fn an_internal_date_is_read_with_its_zone() {
        let at = internal_date(b"17-Jul-1996 02:44:25 -0700").expect("valid");
        assert_eq!(at.to_rfc3339(), "1996-07-17T09:44:25+00:00");
        assert_eq!(internal_date(b"yesterday"), None);
    }
}
