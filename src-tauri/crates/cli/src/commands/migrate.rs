//! `migrate`: from the Email Router's files to a plan, and from a plan to the configuration.

use super::Outcome;
use crate::{
    arguments::MigrateCommand,
    output::{Done, Output},
    passphrase::AskAtTerminal,
    progress::Progress,
    table::Table,
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use tandem_api::{
    AskPassword, ExampleServers, Tandem,
    wire::{
        ApiError, ApplyMigrationRequest, EnterMigrationPasswordsRequest, LoadMigrationPlanRequest,
        MigrationPassword, MigrationPlanView, MigrationRowView, MigrationSideView, MigrationSummaryView,
        Nothing, PlanMigrationRequest, RouterFilesRequest, RouterPaths, SaveMigrationPlanRequest,
        SaveMigrationReportRequest, SecretText,
    },
};

/// Where passwords come from that nobody types; the account's number follows.
const PASSWORD_VARIABLE: &str = "TANDEM_MIGRATION_PASSWORD_";

pub(super) async fn run(tandem: &Arc<Tandem>, command: MigrateCommand, output: &Output) -> Outcome {
    match command {
        MigrateCommand::Plan { router, files, out, skip, organization, reach_back } => {
            let request = PlanMigrationRequest {
                routers: routers(&router, &files),
                organization,
                unnamed: None,
                profile_date: reach_back.then(|| "earliest_mailbox".to_owned()),
            };
            plan(tandem, request, out.as_deref(), &skip, output).await
        }
        MigrateCommand::Apply { plan, skip, report, reviewed } => {
            let reviewed = if reviewed { Reviewed::Yes } else { Reviewed::No };
            apply(tandem, &plan, &skip, report.as_deref(), reviewed, output).await
        }
        MigrateCommand::Undo => {
            let summary = tandem.undo_migration(Nothing {}).await?;
            output.print(&summary, |_| {
                "The migration was undone; the configuration is as it was.\n".to_owned()
            });
            Ok(Done::All)
        }
        MigrateCommand::Passwords => passwords(tandem, output).await,
        MigrateCommand::Summary => {
            let summary = tandem.migration_summary(Nothing {}).await?;
            output.print(&summary, summary_text);
            Ok(Done::All)
        }
        MigrateCommand::Sample { folder } => sample(tandem, &folder, output),
    }
}

/// Whether what differs was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reviewed {
    Yes,
    No,
}

fn sample(tandem: &Tandem, folder: &Path, output: &Output) -> Outcome {
    let written = tandem.write_example_router_files(folder, &ExampleServers::default())?;
    output.print(&written, |written| format!("{}\n{}\n", written.routers.join("\n"), written.text));
    Ok(Done::All)
}

fn routers(folders: &[PathBuf], files: &[PathBuf]) -> Vec<RouterPaths> {
    let text = |path: &PathBuf| path.to_string_lossy().into_owned();
    let folders = folders.iter().map(|folder| vec![text(folder)]);
    let files = files.chunks(3).map(|three| three.iter().map(text).collect());
    (1_u8..)
        .zip(folders.chain(files))
        .map(|(number, dropped)| RouterPaths { number, dropped, ..RouterPaths::default() })
        .collect()
}

async fn plan(
    tandem: &Arc<Tandem>,
    request: PlanMigrationRequest,
    out: Option<&Path>,
    skip: &[String],
    output: &Output,
) -> Outcome {
    let files = RouterFilesRequest { routers: request.routers.clone() };
    let mut view = match tandem.plan_migration(request).await {
        Ok(view) => view,
        Err(error) => {
            // Each problem on its own line, beside the one error.
            let found = tandem.read_router_files(files).await?;
            for one in found.problems.iter().skip(1) {
                eprintln!("{} ({})\n  Next: {}", one.message, one.code, one.remedy);
            }
            return Err(error);
        }
    };
    if !skip.is_empty() {
        view = tandem.skip_migration_profiles(skip).await?;
    }
    if let Some(path) = out {
        let path = path.to_string_lossy().into_owned();
        view = tandem.save_migration_plan(SaveMigrationPlanRequest { path }).await?;
    }
    output.print(&view, plan_text);
    Ok(Done::All)
}

async fn apply(
    tandem: &Arc<Tandem>,
    file: &Path,
    skip: &[String],
    report: Option<&Path>,
    reviewed: Reviewed,
    output: &Output,
) -> Outcome {
    let path = file.to_string_lossy().into_owned();
    let mut view = tandem.load_migration_plan(LoadMigrationPlanRequest { path }).await?;
    if !skip.is_empty() {
        view = tandem.skip_migration_profiles(skip).await?;
    }
    if !view.nothing_to_do {
        for one in &view.differences {
            eprintln!("Since the plan was made: {}", one.text);
        }
    }
    let reviewed = (reviewed == Reviewed::Yes).then_some(view.configuration);
    let progress = Progress::start(tandem, "Migrating");
    let applied = tandem.apply_migration(ApplyMigrationRequest { file: None, reviewed }).await;
    drop(progress);
    let summary = applied?;
    if let Some(path) = report {
        let is_csv = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
        let format = if is_csv { "csv" } else { "html" }.to_owned();
        let path = path.to_string_lossy().into_owned();
        tandem.save_migration_report(SaveMigrationReportRequest { path, format }).await?;
    }
    output.print(&summary, summary_text);
    Ok(Done::All)
}

async fn passwords(tandem: &Arc<Tandem>, output: &Output) -> Outcome {
    let summary = tandem.migration_summary(Nothing {}).await?;
    let mut entered = Vec::new();
    for one in summary.passwords.iter().filter(|one| !one.is_set) {
        let given = std::env::var(format!("{PASSWORD_VARIABLE}{}", one.credential)).ok().map(SecretText);
        let object = format!("{} at {} ({PASSWORD_VARIABLE}{})", one.user_name, one.server, one.credential);
        let password = given.or_else(|| AskAtTerminal.ask(&object));
        if let Some(password) = password.filter(|password| !password.0.is_empty()) {
            entered.push(MigrationPassword { credential: one.credential, password });
        }
    }
    let wanted = summary.passwords_missing;
    let kept = u32::try_from(entered.len()).unwrap_or(u32::MAX);
    let summary = if entered.is_empty() {
        summary
    } else {
        tandem.enter_migration_passwords(EnterMigrationPasswordsRequest { passwords: entered }).await?
    };
    if wanted > 0 && kept == 0 {
        let message = format!("{wanted} passwords are missing, and none was given.");
        let remedy = "Run it at a terminal, or set TANDEM_MIGRATION_PASSWORD_<NUMBER> as `migrate summary` numbers them.";
        return Err(ApiError::plain("password_missing", "migration", &message, remedy));
    }
    output.print(&summary, passwords_text);
    Ok(if summary.passwords_missing == 0 { Done::All } else { Done::Part })
}

fn plan_text(view: &MigrationPlanView) -> String {
    let mut table = Table::new(["incoming", "outgoing", "new profile", "type", "users", "queues", "migrate"]);
    for row in &view.rows {
        let profile = row.profile.as_ref();
        table.row([
            side(row.incoming.as_ref()),
            side(row.outgoing.as_ref()),
            profile.map_or_else(|| "-".to_owned(), |one| one.name.clone()),
            profile.map_or_else(|| "-".to_owned(), |one| one.server_type.clone()),
            row.users.to_string(),
            row.queues.to_string(),
            if row.migrate { "yes" } else { "no" }.to_owned(),
        ]);
    }
    let mut text = table.text("The routers have no server that a user or queue uses.");
    for row in &view.rows {
        for note in notes(row) {
            text += &format!("  {}: {note}\n", name(row));
        }
    }
    text.push('\n');
    for one in &view.sentences {
        text += &format!("{} {}\n", if one.attention { "!" } else { " " }, one.text);
    }
    if let Some(error) = &view.cannot_apply {
        text += &format!("{}\n", crate::output::error_text(error, false));
    }
    match &view.file {
        Some(file) => {
            text += &format!("\nSaved to {file}. Nothing was changed; `tandem migrate apply` applies it.\n");
        }
        None => text += "\nNothing was changed.\n",
    }
    text
}

fn name(row: &MigrationRowView) -> String {
    row.profile.as_ref().map_or_else(|| format!("row {}", row.id + 1), |one| one.name.clone())
}

fn notes(row: &MigrationRowView) -> Vec<String> {
    let cannot = row.cannot.iter().cloned();
    let waiting = row.profile.iter().filter_map(|one| one.cannot_enable.clone());
    let findings = row.findings.iter().map(|one| {
        let code = one.error_code.as_ref().map_or(String::new(), |code| format!(" ({code})"));
        format!("{}{code}", one.text)
    });
    cannot.chain(waiting).chain(findings).collect()
}

fn side(side: Option<&MigrationSideView>) -> String {
    side.map_or_else(
        || "-".to_owned(),
        |one| {
            let port = one.port.map_or(String::new(), |port| format!(":{port}"));
            format!("{} {}{port}", one.kind_name, one.location)
        },
    )
}

fn summary_text(summary: &MigrationSummaryView) -> String {
    if summary.status == "none" {
        return "Nothing was migrated.\n".to_owned();
    }
    let mut text = match (summary.status.as_str(), summary.changed) {
        ("undone", _) => "The migration was undone.\n".to_owned(),
        (_, true) => "The migration was applied.\n".to_owned(),
        _ => "The migration was applied before; nothing was changed now.\n".to_owned(),
    };
    for sentence in &summary.sentences {
        text += &format!("  {sentence}\n");
    }
    for one in &summary.skipped {
        text += &format!("  Left as it is: {}: {}\n", one.mailbox, one.why);
    }
    for one in &summary.profiles {
        let waiting = one.cannot_enable.as_ref().map_or(String::new(), |why| format!(" {why}"));
        text += &format!("  Profile {}: {} mailboxes.{waiting}\n", one.name, one.mailboxes);
    }
    text += &passwords_text(summary);
    text += &format!(
        "To test and enable: {} queues first, then {} users, at most 200 every 5 hours.\n{}\n",
        summary.queues_to_test, summary.users_to_test, summary.delivery_switch
    );
    text
}

fn passwords_text(summary: &MigrationSummaryView) -> String {
    if summary.passwords.is_empty() {
        return "No password is needed.\n".to_owned();
    }
    let mut table = Table::new(["number", "server", "user name", "mailboxes", "profiles", "entered"]);
    for one in &summary.passwords {
        table.row([
            one.credential.to_string(),
            one.server.clone(),
            one.user_name.clone(),
            one.mailboxes.len().to_string(),
            one.profiles.len().to_string(),
            if one.is_set { "yes" } else { "no" }.to_owned(),
        ]);
    }
    let mut text = table.text("");
    if summary.passwords_missing > 0 {
        text +=
            &format!("{} passwords are missing: `tandem migrate passwords`.\n", summary.passwords_missing);
    }
    text
}
