//! A plan, or what came of it, as a report: HTML to read and print, CSV for a spreadsheet. Pure; escapes everything.

use crate::{
    plan::{CredentialState, Decision, MailboxKind, NewEndpoint, Plan, Side, Verdict},
    provenance::Entry,
    summary::summary,
};
use quick_xml::escape::escape;
use std::fmt::Write;
use tandem_domain::Instant;

/// A report: sentences, then tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its title.
    pub title: String,
    /// What it is about and when, in a sentence.
    pub subtitle: String,
    /// Sentences; those that ask for a look are marked.
    pub sentences: Vec<(bool, String)>,
    /// Tables.
    pub tables: Vec<Table>,
}

/// A table of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its heading.
    pub title: String,
    /// Column headings.
    pub columns: Vec<String>,
    /// Rows, each as long as `columns`.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    #[must_use]
    pub fn new(title: &str, columns: &[&str]) -> Self {
        let columns = columns.iter().map(|column| (*column).to_owned()).collect();
        Self { title: title.to_owned(), columns, rows: Vec::new() }
    }
}

/// The report of a plan before it is applied. What was done after is added by the caller as a further table.
#[must_use]
pub fn of_plan(plan: &Plan) -> Report {
    let sum = summary(plan);
    let routers: Vec<_> = plan.routers.iter().map(|router| router.number.to_string()).collect();
    Report {
        title: "Email Router Data Migration".to_owned(),
        subtitle: format!("Router {}; planned {}.", routers.join(", "), time(plan.made_at)),
        sentences: sum.sentences.into_iter().map(|one| (one.attention, one.text)).collect(),
        tables: vec![profiles(plan), mailboxes(plan), passwords(plan), conflicts(plan), unused(plan)],
    }
}

fn time(at: Instant) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

fn side(side: Option<&Side>) -> String {
    side.map_or_else(
        || "-".to_owned(),
        |side| {
            let port = side.port.map_or(String::new(), |port| format!(", port {port}"));
            format!(
                "{} {}{port} (router {}, line {})",
                side.kind, side.location, side.source.router, side.source.line
            )
        },
    )
}

fn end(end: Option<&NewEndpoint>) -> String {
    end.map_or_else(|| "-".to_owned(), |end| format!("{}:{} {}", end.server, end.port, end.security.as_str()))
}

fn profiles(plan: &Plan) -> Table {
    let mut table = Table::new(
        "Email server profiles",
        &[
            "Incoming",
            "Outgoing",
            "New profile",
            "Type",
            "New incoming",
            "New outgoing",
            "Sign-in",
            "Users",
            "Queues",
            "Migrate",
            "Notes",
        ],
    );
    for (row, count) in plan.rows.iter().zip(plan.counts()) {
        let notes = row.findings.iter().map(|finding| {
            let code = finding.error_code.as_ref().map_or(String::new(), |code| format!(" ({code})"));
            format!("{}{code}", finding.text)
        });
        let mut notes: Vec<String> = notes.collect();
        let [name, kind, incoming, outgoing, sign_in] = match &row.verdict {
            Verdict::Profile(profile) => [
                profile.name.clone(),
                profile.server_type.as_str().to_owned(),
                end(profile.incoming.as_ref()),
                end(profile.outgoing.as_ref()),
                profile.authenticate_using.as_str().to_owned(),
            ],
            Verdict::Cannot(obstacle) => {
                notes.insert(0, obstacle.to_string());
                ["-"; 5].map(str::to_owned)
            }
        };
        table.rows.push(vec![
            side(row.incoming.as_ref()),
            side(row.outgoing.as_ref()),
            name,
            kind,
            incoming,
            outgoing,
            sign_in,
            count.users.to_string(),
            count.queues.to_string(),
            if row.migrate { "yes" } else { "no" }.to_owned(),
            notes.join(" "),
        ]);
    }
    table
}

fn mailboxes(plan: &Plan) -> Table {
    let mut table = Table::new(
        "Mailboxes",
        &["Address", "Kind", "Owner", "Profile", "What", "Process emails from", "User name", "Notes"],
    );
    for mailbox in &plan.mailboxes {
        let row = plan.row_of(mailbox);
        let profile = row.and_then(|row| row.profile()).map_or("-", |profile| profile.name.as_str());
        let owner = match &mailbox.decision {
            Decision::MatchOwner(owner) => owner.name.clone(),
            _ => mailbox.found.as_ref().map_or_else(|| "-".to_owned(), |(owner, _)| owner.name.clone()),
        };
        let what = match &mailbox.decision {
            Decision::Skip(why) => format!("skipped: {why}"),
            _ if !plan.is_migrated(mailbox) => "skipped: its profile is not migrated".to_owned(),
            Decision::CreateOwner => "created with its owner".to_owned(),
            Decision::MatchOwner(_) if mailbox.existing.is_some() => "updated".to_owned(),
            Decision::MatchOwner(_) => "created".to_owned(),
        };
        let kind = match mailbox.kind {
            MailboxKind::User => "user",
            MailboxKind::Queue => "queue",
            MailboxKind::Forward => "forward mailbox",
        };
        let user = mailbox.candidates.get(mailbox.chosen as usize).and_then(|one| one.user_name.clone());
        let mut notes: Vec<String> = mailbox.findings.iter().map(|finding| finding.text.clone()).collect();
        notes.extend(mailbox.last_error.iter().map(|error| format!("Last error in the router: {error}")));
        table.rows.push(vec![
            mailbox
                .address
                .clone()
                .unwrap_or_else(|| mailbox.source_id.map_or("-".to_owned(), |id| id.to_string())),
            kind.to_owned(),
            owner,
            profile.to_owned(),
            what,
            time(mailbox.process_emails_from),
            user.unwrap_or_default(),
            notes.join(" "),
        ]);
    }
    table
}

fn passwords(plan: &Plan) -> Table {
    let mut table = Table::new("Passwords", &["Server", "User name", "State", "Mailboxes", "Profiles"]);
    for credential in &plan.credentials {
        let state = match credential.state {
            CredentialState::Recovered => "decrypted".to_owned(),
            CredentialState::NoPassword => "to be entered: the files have none".to_owned(),
            CredentialState::EnterAgain(reason) => format!("to be entered again: {reason}"),
        };
        table.rows.push(vec![
            credential.server.clone(),
            credential.user_name.clone().unwrap_or_else(|| "the mailbox's address".to_owned()),
            state,
            credential.mailboxes.len().to_string(),
            credential.profiles.len().to_string(),
        ]);
    }
    table
}

fn conflicts(plan: &Plan) -> Table {
    let mut table = Table::new("Conflicts", &["Mailbox", "What"]);
    for conflict in &plan.conflicts {
        let mailbox = plan.mailboxes.get(conflict.mailbox as usize);
        let name =
            mailbox.and_then(|one| one.address.clone().or_else(|| one.source_id.map(|id| id.to_string())));
        table.rows.push(vec![name.unwrap_or_default(), conflict.text.clone()]);
    }
    table
}

fn unused(plan: &Plan) -> Table {
    let mut table = Table::new("Providers that nobody uses", &["Router", "Line", "Why"]);
    for one in &plan.unused {
        table.rows.push(vec![one.source.router.to_string(), one.source.line.to_string(), one.why.clone()]);
    }
    table
}

/// The report as one HTML page without scripts or outside references.
#[must_use]
pub fn html(report: &Report) -> String {
    let mut page = String::from(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src 'unsafe-inline'\">\n",
    );
    // Writing to a String does not fail.
    let _ = writeln!(page, "<title>{}</title>", escape(&*report.title));
    page.push_str(
        "<style>:root{color-scheme:light dark}body{font:14px/1.4 system-ui,sans-serif;margin:2em}table{border-collapse:collapse;\
         margin:1em 0}th,td{border:1px solid #8888;padding:.25em .5em;text-align:left;vertical-align:top}.look{font-weight:600}</style>\n\
         </head><body>\n",
    );
    let _ = writeln!(page, "<h1>{}</h1>\n<p>{}</p>\n<ul>", escape(&*report.title), escape(&*report.subtitle));
    for (attention, text) in &report.sentences {
        let class = if *attention { " class=\"look\"" } else { "" };
        let _ = writeln!(page, "<li{class}>{}</li>", escape(text.as_str()));
    }
    page.push_str("</ul>\n");
    for table in report.tables.iter().filter(|table| !table.rows.is_empty()) {
        let _ = writeln!(page, "<h2>{}</h2>\n<table><thead><tr>", escape(&*table.title));
        for column in &table.columns {
            let _ = write!(page, "<th>{}</th>", escape(column.as_str()));
        }
        page.push_str("</tr></thead><tbody>\n");
        for row in &table.rows {
            page.push_str("<tr>");
            for cell in row {
                let _ = write!(page, "<td>{}</td>", escape(cell.as_str()));
            }
            page.push_str("</tr>\n");
        }
        page.push_str("</tbody></table>\n");
    }
    page.push_str("</body></html>\n");
    page
}

/// The report as CSV: the table's title, then its columns. A cell that a spreadsheet would take for a formula gets a `'` in front.
#[must_use]
pub fn csv(report: &Report) -> String {
    let mut lines: Vec<Vec<String>> = vec![vec![report.title.clone(), report.subtitle.clone()]];
    lines.extend(
        report
            .sentences
            .iter()
            .map(|(look, text)| vec![if *look { "look" } else { "note" }.to_owned(), text.clone()]),
    );
    for table in report.tables.iter().filter(|table| !table.rows.is_empty()) {
        let with_title = |title: &str, cells: &[String]| [&[title.to_owned()], cells].concat();
        lines.push(with_title("table", &table.columns));
        lines.extend(table.rows.iter().map(|row| with_title(&table.title, row)));
    }
    to_csv(lines)
}

/// Provenance as CSV.
pub fn provenance_csv(entries: impl Iterator<Item = Entry>) -> String {
    let head = ["Router", "File", "Line", "Field", "Value", "Fate", "Target"].map(str::to_owned).to_vec();
    let rows = entries.map(|entry| {
        vec![
            entry.router.to_string(),
            entry.file.to_string(),
            entry.line.to_string(),
            entry.field,
            entry.value.unwrap_or_default(),
            entry.fate.as_str().to_owned(),
            entry.target,
        ]
    });
    to_csv(std::iter::once(head).chain(rows))
}

fn to_csv(lines: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut writer =
        csv::WriterBuilder::new().flexible(true).terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for line in lines {
        // Into memory: no error is possible.
        let _ = writer.write_record(line.iter().map(|cell| safe(cell)));
    }
    writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

fn safe(cell: &str) -> String {
    let formula = cell.len() > 1 && cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if formula { format!("'{cell}") } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(cell: &str) -> Report {
        let mut table = Table::new("T", &["A"]);
        table.rows.push(vec![cell.to_owned()]);
        Report {
            title: "R".into(),
            subtitle: "s".into(),
            sentences: vec![(true, cell.to_owned())],
            tables: vec![table],
        }
    }

    #[test]
    fn html_shows_markup_as_text() {
        let page = html(&sample("<script>alert('x')</script> & \"y\""));
        assert!(!page.contains("<script>"), "{page}");
        assert!(page.contains("&lt;script&gt;alert(&apos;x&apos;)&lt;/script&gt; &amp; &quot;y&quot;"));
    }

    #[test]
    fn csv_quotes_and_never_gives_a_formula() {
        let text = csv(&sample("=HYPERLINK(\"http://x\"),\"y\""));
        assert!(text.contains("\"'=HYPERLINK(\"\"http://x\"\"),\"\"y\"\"\""), "{text}");
        assert!(csv(&sample("-")).contains("T,-\r\n"));
    }
}
