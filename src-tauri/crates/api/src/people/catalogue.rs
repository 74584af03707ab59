//! The error reference for administrators (`docs/errors.md`), made from the same texts that the program shows, and what
//! keeps it whole: every raw error of the corpus has one code, one explanation and one next step.

use super::{
    alerts::other_texts,
    failures::{self, Text},
};
use std::fmt::Write;
use tandem_domain::{
    alert::{AlertCode, AlertObject},
    failure::FailureCode,
    ids::ProfileId,
    remedy::{self, Remedy, RemedyAction, Who},
};
use uuid::Uuid;

/// The raw errors that are known, by what says them.
const CORPUS: [(&str, &str); 6] = [
    ("smtp", include_str!("../../../../../tests/corpus/errors/smtp.tsv")),
    ("imap", include_str!("../../../../../tests/corpus/errors/imap.tsv")),
    ("pop3", include_str!("../../../../../tests/corpus/errors/pop3.tsv")),
    ("network", include_str!("../../../../../tests/corpus/errors/network.tsv")),
    ("keychain", include_str!("../../../../../tests/corpus/errors/keychain.tsv")),
    ("disk", include_str!("../../../../../tests/corpus/errors/disk.tsv")),
];

/// Examples that are shown of one code.
const EXAMPLES: usize = 4;

const INTRODUCTION: &str = "# Errors

<!-- Written by a test: UPDATE_DOCS=1 cargo test -p tandem-api catalogue -->

Every error that Tandem meets has one of these codes, in alerts, in `--json` output and in the window's details. The text of \
an alert names the mailbox, profile or email instead of OBJECT and shows the server's own words below it.

What is tried again by itself is tried every 5 minutes, or when the server asked for it. What concerns a single mailbox is \
disabled after 10 attempts; trouble of a server never disables a mailbox.

";

/// One row of the corpus.
struct Raw {
    phase: &'static str,
    text: &'static str,
    code: &'static str,
    source: &'static str,
}

/// Every row, with what says it.
fn corpus() -> impl Iterator<Item = (&'static str, Raw)> {
    CORPUS.into_iter().flat_map(|(kind, file)| {
        let lines = file.lines().filter(|line| !line.starts_with('#'));
        lines.filter_map(move |line| {
            let fields: Vec<&'static str> = line.split('\t').collect();
            let [phase, text, _nature, _scope, code, source] = fields[..] else { return None };
            Some((kind, Raw { phase, text, code, source }))
        })
    })
}

/// The whole reference.
fn reference() -> String {
    let mut out = INTRODUCTION.to_owned();
    for code in FailureCode::ALL {
        let (text, remedy) = (failures::of(*code), remedy::of_failure(*code));
        entry(&mut out, code.as_str(), text.message, text.remedy, remedy, retried(text, remedy));
        let said: Vec<String> = corpus()
            .filter(|(kind, raw)| raw.code == code.as_str() && !matches!(*kind, "keychain" | "disk"))
            .take(EXAMPLES)
            .map(|(kind, raw)| example(kind, &raw))
            .collect();
        if !said.is_empty() {
            let _ = writeln!(out, "- Seen as: {}", said.join("; "));
        }
    }
    out.push_str("\n## Alerts that are no errors\n");
    for code in AlertCode::OTHERS {
        let (message, next) = other_texts(code);
        let remedy = remedy::of_code(code, AlertObject::Profile(ProfileId(Uuid::nil())));
        entry(&mut out, code.as_str(), message, next, remedy, "");
    }
    out
}

fn entry(out: &mut String, code: &str, message: &str, next: &str, remedy: Remedy, retried: &str) {
    let shown = |text: &str| text.replace("{object}", "OBJECT");
    let _ = write!(out, "\n### {code}\n\n{}\n\n- Next step: {}\n", shown(message), shown(next));
    let _ = writeln!(out, "- Who: {}", who(remedy.who));
    if !retried.is_empty() {
        let _ = writeln!(out, "- Tried again: {retried}");
    }
}

fn example(kind: &str, raw: &Raw) -> String {
    let text = raw.text.replace("\\n", " ");
    match (kind, raw.phase) {
        ("network", "tcp") => format!("{} ({})", raw.source, raw.text),
        ("network", "certificate") => raw.source.to_owned(),
        _ => format!("`{}` ({})", text.replace('`', "'"), raw.source),
    }
}

const fn who(who: Who) -> &'static str {
    match who {
        Who::Nobody => "nobody; it passes",
        Who::MailboxOwner => "the person whose mailbox it is",
        Who::Administrator => "whoever set Tandem up",
        Who::ComputerUser => "whoever sits at this computer",
        Who::ServerOperator => "whoever runs the mail server",
        Who::Support => "Tandem's support",
    }
}

/// When it is tried again, in words.
fn retried(text: Text, remedy: Remedy) -> &'static str {
    if text.remedy.contains("Test & Enable") {
        "after Test & Enable"
    } else if !text.again.is_empty() {
        "by itself"
    } else if text.remedy.contains("send it again") || text.remedy.contains("send the email again") {
        "when the email is sent again"
    } else {
        match remedy.action {
            RemedyAction::OpenEmail | RemedyAction::RetryItem => "when the email is sent again",
            RemedyAction::OpenQuarantine => "when it is tried again in Quarantine",
            RemedyAction::CheckComputer => "when Tandem is started again",
            RemedyAction::Nothing | RemedyAction::OpenSettings => "no",
            _ => "every 5 minutes",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    /// The committed file. `UPDATE_DOCS=1` rewrites it.
    const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../docs/errors.md");

    #[test]
    fn the_committed_reference_is_that_of_these_texts() {
        let made = reference();
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(COMMITTED, &made).unwrap();
        }
        let committed = std::fs::read_to_string(COMMITTED).unwrap_or_default().replace("\r\n", "\n");
        assert!(committed == made, "docs/errors.md is not up to date: run this test with UPDATE_DOCS=1");
    }

    #[test]
    fn every_raw_error_of_the_corpus_has_an_explanation_and_a_next_step() {
        let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
        let mut unmapped = Vec::new();
        for (kind, raw) in corpus() {
            *seen.entry(kind).or_default() += 1;
            let known = FailureCode::from_word(raw.code);
            let Some(code) = known else { panic!("{kind} {}: no code {}", raw.text, raw.code) };
            // An internal_error alert has no better name: it is the server's own catch-all.
            if code.is_catch_all() && !raw.text.contains("InternalError") {
                unmapped.push(raw.text);
            }
            let text = failures::of(code);
            assert!(text.message.contains("{object}") && !text.remedy.is_empty(), "{}", raw.text);
        }
        let lines = CORPUS.iter().flat_map(|(_, file)| file.lines()).filter(|line| !line.starts_with('#'));
        let all: u32 = seen.values().sum();
        assert_eq!(usize::try_from(all).unwrap(), lines.count(), "a line of the corpus has not six columns");
        println!("{all} raw errors, {} unmapped: {seen:?}", unmapped.len());
        assert!(unmapped.is_empty(), "unmapped: {unmapped:#?}");
        assert!(all >= 100 && seen.len() == CORPUS.len());
    }

    #[test]
    fn no_raw_error_is_in_the_corpus_twice() {
        let mut seen = BTreeSet::new();
        for (kind, raw) in corpus() {
            assert!(seen.insert((kind, raw.phase, raw.text)), "{kind} {} {}", raw.phase, raw.text);
        }
    }
}
