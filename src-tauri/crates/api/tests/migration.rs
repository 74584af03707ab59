//! What the wizard relies on: files into slots, a draft that people decide on, progress, cancelling, and passwords that are
//! read and kept without ever standing in a plan, a report or the database.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic fails the test that asked"
)]

use std::{fs, path::Path, sync::Arc};
use tandem_api::{
    ExampleServers, OpenOptions, Practice, SecretsChoice, Tandem,
    wire::{
        ApplyMigrationRequest, ApplyRequest, EnterMigrationPasswordsRequest, EventView, ExportRequest,
        LoadMigrationPlanRequest, MailboxesRequest, MigrationChoices, MigrationMailboxChoice,
        MigrationMailboxesRequest, MigrationPassword, MigrationProvenanceRequest, MigrationRowChoice,
        Nothing, PlanMigrationRequest, RouterFilesRequest, RouterFilesView, RouterPaths,
        SampleRouterFilesRequest, SaveMigrationPlanRequest, SaveMigrationReportRequest, SecretText,
        TestEnableRequest,
    },
};

const KEY: &str = "EncryptionKey.xml";
const STATE: &str = "Microsoft.Crm.Tools.EmailAgent.SystemState.xml";
const AGENT: &str = "Microsoft.Crm.Tools.EmailAgent.xml";

async fn open(folder: &Path) -> Arc<Tandem> {
    let options = OpenOptions { data: Some(folder.join("data")), secrets: SecretsChoice::Memory };
    Tandem::open(options).await.unwrap()
}

/// Example files of four routers; the folder of each.
fn examples(tandem: &Tandem, folder: &Path) -> Vec<String> {
    tandem.write_example_router_files(&folder.join("routers"), &ExampleServers::default()).unwrap().routers
}

fn dropped(folders: &[String]) -> Vec<RouterPaths> {
    (1_u8..)
        .zip(folders)
        .map(|(number, folder)| RouterPaths {
            number,
            dropped: vec![folder.clone()],
            ..RouterPaths::default()
        })
        .collect()
}

fn planned(folders: &[String]) -> PlanMigrationRequest {
    PlanMigrationRequest { routers: dropped(folders), ..PlanMigrationRequest::default() }
}

async fn read(tandem: &Tandem, routers: Vec<RouterPaths>) -> RouterFilesView {
    tandem.read_router_files(RouterFilesRequest { routers }).await.unwrap()
}

fn text(folder: &str, name: &str) -> Option<String> {
    Some(Path::new(folder).join(name).to_string_lossy().into_owned())
}

#[tokio::test]
async fn files_go_where_they_belong_and_one_routers_damage_leaves_the_others() {
    let home = tempfile::tempdir().unwrap();
    let tandem = open(home.path()).await;
    let folders = examples(&tandem, home.path());
    let all = read(&tandem, dropped(&folders)).await;
    assert!(all.ready && all.problems.is_empty(), "{all:#?}");
    assert_eq!(all.routers.iter().map(|one| one.providers.unwrap()).collect::<Vec<_>>(), [4; 4]);
    let names: Vec<_> = all.routers[0].slots.iter().map(|slot| slot.file_name.as_str()).collect();
    assert_eq!(names, [KEY, STATE, AGENT]);

    // The agent's file in the key's slot and the reverse; and one file alone in a wrong slot.
    let [one, two] = [&folders[0], &folders[1]];
    let swapped = RouterPaths {
        number: 1,
        key: text(one, AGENT),
        state: text(one, STATE),
        agent: text(one, KEY),
        dropped: Vec::new(),
    };
    let alone = RouterPaths { number: 2, key: text(two, AGENT), ..RouterPaths::default() };
    let view = read(&tandem, vec![swapped, alone]).await;
    assert!(view.problems.is_empty() && !view.ready, "{view:#?}");
    let [first, second] = view.routers.as_slice() else { panic!("{view:#?}") };
    assert!(first.complete && first.slots[0].path.as_ref().unwrap().ends_with(KEY), "{first:#?}");
    assert!(first.slots[0].moved.is_some() && first.slots[1].moved.is_none());
    assert!(!second.complete && second.slots[0].path.is_none(), "{second:#?}");
    assert!(second.slots[2].moved.as_ref().unwrap().contains("was put there"));

    // What is not there is said where it was named: a file in its slot, a folder for its router.
    let nowhere = home.path().join("nowhere").to_string_lossy().into_owned();
    let typed = RouterPaths { number: 1, key: Some(nowhere.clone()), ..RouterPaths::default() };
    let folder = RouterPaths { number: 2, dropped: vec![nowhere.clone()], ..RouterPaths::default() };
    let view = read(&tandem, vec![typed, folder]).await;
    let key = &view.routers[0].slots[0];
    assert_eq!((key.path.as_ref(), key.problem.is_some()), (Some(&nowhere), true), "{view:#?}");
    let [_, loose] = view.problems.as_slice() else { panic!("{view:#?}") };
    assert!((loose.router, &loose.slot) == (2, &None) && loose.message.contains(&nowhere), "{loose:?}");

    let state = Path::new(two).join(STATE);
    let whole = fs::read(&state).unwrap();
    fs::write(&state, &whole[..whole.len() / 2]).unwrap();
    let view = read(&tandem, dropped(&folders)).await;
    assert!(!view.ready && view.routers.iter().filter(|router| router.complete).count() == 3);
    let problem = &view.problems[0];
    assert_eq!(
        (problem.router, problem.class.as_str(), problem.code.as_str()),
        (2, "cut_short", "0x8005F032")
    );
    assert!(problem.line.is_some() && problem.message.contains("outer 2"), "{problem:?}");
    let refused = tandem.plan_migration(planned(&folders)).await.unwrap_err();
    assert_eq!(refused.code, "router_files_invalid");
    tandem.close().await;
}

#[tokio::test]
async fn all_files_together_have_at_most_32_mb_and_that_is_known_before_reading() {
    let home = tempfile::tempdir().unwrap();
    let tandem = open(home.path()).await;
    let folders = examples(&tandem, home.path());
    let limit = read(&tandem, dropped(&folders)).await;
    let agent = Path::new(&folders[3]).join(AGENT);
    let own = fs::metadata(&agent).unwrap().len();
    let file = fs::OpenOptions::new().write(true).open(&agent).unwrap();
    // A file of holes: reading it would be a NUL byte, not a size.
    for (more, class) in [(0, "not_text"), (1, "too_large")] {
        file.set_len(own + limit.limit_bytes - limit.total_bytes + more).unwrap();
        let view = read(&tandem, dropped(&folders)).await;
        assert_eq!(view.total_bytes, limit.limit_bytes + more);
        assert_eq!(view.problems[0].class, class, "{:#?}", view.problems);
    }
    tandem.close().await;
}

#[tokio::test]
async fn people_decide_and_nothing_is_written_until_start() {
    let home = tempfile::tempdir().unwrap();
    let tandem = open(home.path()).await;
    let folders = examples(&tandem, home.path());
    assert_eq!(tandem.migration_plan(Nothing {}).await.unwrap_err().code, "no_migration_plan");
    let before = tandem.export(ExportRequest::default()).await.unwrap();
    let view = tandem.plan_migration(planned(&folders)).await.unwrap();
    assert_eq!((view.rows.len(), view.mailboxes, view.counts.mailboxes_created), (4, 12, 12));
    let rename =
        |row, name: &str| MigrationRowChoice { row, name: Some(name.to_owned()), ..Default::default() };
    let decline = MigrationRowChoice { row: 1, migrate: Some(false), ..Default::default() };
    let skip = MigrationMailboxChoice { mailbox: 0, decision: Some("skip".into()), ..Default::default() };
    let choices = MigrationChoices { rows: vec![rename(0, "Main"), decline], mailboxes: vec![skip] };
    let view = tandem.decide_migration(choices).await.unwrap();
    assert_eq!((view.counts.profiles_created, view.counts.mailboxes_created), (3, 8));
    // One choice that will not do leaves all as they were.
    let wrong = MigrationChoices { rows: vec![rename(2, "East"), rename(3, "main")], mailboxes: Vec::new() };
    assert_eq!(tandem.decide_migration(wrong).await.unwrap_err().code, "migration_choice_invalid");
    let view = tandem.migration_plan(Nothing {}).await.unwrap();
    assert_eq!(view.rows[2].profile.as_ref().unwrap().name, "pop3.contoso.example - smtp3.contoso.example");
    let skipped = MigrationMailboxesRequest { only: Some("skipped".into()), limit: 3, ..Default::default() };
    let page = tandem.migration_mailboxes(skipped).await.unwrap();
    assert_eq!((page.total, page.mailboxes.len()), (4, 3));
    let fields = MigrationProvenanceRequest { limit: 5, ..Default::default() };
    let page = tandem.migration_provenance(fields).await.unwrap();
    assert_eq!((page.total, page.fields.len()), (view.provenance.fields, 5));
    assert_eq!(tandem.export(ExportRequest::default()).await.unwrap(), before);

    // A plan is a file: what was decided is in it, and another process applies it.
    let path = home.path().join("plan.json").to_string_lossy().into_owned();
    tandem.save_migration_plan(SaveMigrationPlanRequest { path: path.clone() }).await.unwrap();
    tandem.discard_migration(Nothing {}).await.unwrap();
    let loaded = tandem.load_migration_plan(LoadMigrationPlanRequest { path }).await.unwrap();
    assert_eq!((loaded.rows, loaded.counts, loaded.has_provenance), (view.rows, view.counts, false));
    tandem.close().await;
}

#[tokio::test]
async fn progress_is_told_step_by_step() {
    let home = tempfile::tempdir().unwrap();
    let tandem = open(home.path()).await;
    let folders = examples(&tandem, home.path());
    tandem.plan_migration(planned(&folders)).await.unwrap();
    let mut events = tandem.subscribe();
    let done = tandem.apply_migration(ApplyMigrationRequest::default()).await.unwrap();
    assert_eq!(done.status, "applied");
    let mut steps = Vec::new();
    while let Ok(event) = events.try_recv() {
        if let EventView::Migration { step, done, total } = event {
            steps.push((step, done, total));
        }
    }
    assert!(steps.contains(&("profiles".to_owned(), 4, 4)), "{steps:?}");
    assert!(steps.contains(&("mailboxes".to_owned(), 12, 12)), "{steps:?}");
    assert_eq!(steps.last().unwrap().0, "done");
    tandem.close().await;
}

const EXCHANGE: &str = "<Configuration>\
    <ProviderConfiguration><ProviderClass>Microsoft.Crm.Tools.Email.Providers.Pop3PollingMailboxProvider</ProviderClass>\
    <EmailAddress>sales@contoso.example</EmailAddress><QueueId>00000000-0000-0000-0000-000000000001</QueueId>\
    <EmailServer>pop.contoso.example</EmailServer><EmailPort>995</EmailPort><EmailUseSsl>true</EmailUseSsl>\
    <EmailUser>sales</EmailUser></ProviderConfiguration>\
    <ProviderConfiguration><ProviderClass>Microsoft.Crm.Tools.Email.Providers.ExchangeWSSendEmailProvider</ProviderClass>\
    <EmailServer>https://outlook.office365.com/EWS/Exchange.asmx</EmailServer><EmailUseSsl>true</EmailUseSsl>\
    <QueueId>00000000-0000-0000-0000-000000000001</QueueId></ProviderConfiguration></Configuration>";

#[tokio::test]
async fn a_pop3_and_exchange_online_pair_becomes_an_exchange_profile_that_says_that_it_waits() {
    let home = tempfile::tempdir().unwrap();
    let tandem = open(home.path()).await;
    let folders = examples(&tandem, home.path());
    fs::write(Path::new(&folders[0]).join(AGENT), EXCHANGE).unwrap();
    let view = tandem.plan_migration(planned(&folders[..1])).await.unwrap();
    let profile = view.rows[0].profile.as_ref().unwrap();
    assert!(profile.server_type.starts_with("exchange") && profile.cannot_enable.is_some(), "{view:#?}");
    let summary = tandem.apply_migration(ApplyMigrationRequest::default()).await.unwrap();
    assert!(summary.profiles[0].cannot_enable.is_some(), "{summary:#?}");
    assert_eq!((summary.queues_to_test, summary.users_to_test), (0, 0), "nothing of it can be enabled yet");
    let address = vec!["sales@contoso.example".to_owned()];
    tandem.approve_mailboxes(MailboxesRequest { addresses: address.clone() }).await.unwrap();
    let request = TestEnableRequest { addresses: address, ..TestEnableRequest::default() };
    let tested = tandem.test_enable(request).await.unwrap();
    assert_eq!(tested.succeeded, 0, "{tested:#?}");
    // Its configuration is a file that changes nothing when it is applied.
    let text = tandem.export(ExportRequest::default()).await.unwrap().text;
    let applied = tandem.apply(ApplyRequest { text, file: None, dry_run: false }).await.unwrap();
    assert!(applied.changes.iter().all(|change| change.action == "unchanged"), "{applied:#?}");
    tandem.close().await;
}

#[tokio::test]
async fn a_password_is_entered_once_for_all_that_use_it_and_forgotten_with_the_migration() {
    let home = tempfile::tempdir().unwrap();
    let tandem = open(home.path()).await;
    let folders = examples(&tandem, home.path());
    tandem.plan_migration(planned(&folders)).await.unwrap();
    let summary = tandem.apply_migration(ApplyMigrationRequest::default()).await.unwrap();
    assert_eq!((summary.passwords_missing, summary.queues_to_test, summary.users_to_test), (12, 4, 8));
    assert_eq!((summary.to_test.len(), &summary.to_approve), (12, &summary.to_test));
    assert!(summary.to_test.iter().take(4).all(|one| one.starts_with("support")), "{:?}", summary.to_test);
    let enter = |credential, password: &str| EnterMigrationPasswordsRequest {
        passwords: vec![MigrationPassword { credential, password: SecretText(password.to_owned()) }],
    };
    let wrong = tandem.enter_migration_passwords(enter(99, "x")).await.unwrap_err();
    assert_eq!(wrong.code, "not_found");
    assert_eq!(tandem.enter_migration_passwords(enter(0, "")).await.unwrap_err().code, "password_empty");
    let first = summary.passwords[0].credential;
    let summary = tandem.enter_migration_passwords(enter(first, "s3cret-word")).await.unwrap();
    assert!(summary.passwords[0].is_set && summary.passwords_missing == 11, "{summary:#?}");
    let path = home.path().join("report.html").to_string_lossy().into_owned();
    let request = SaveMigrationReportRequest { path: path.clone(), format: "html".to_owned() };
    tandem.save_migration_report(request).await.unwrap();
    let report = fs::read_to_string(path).unwrap();
    assert!(report.contains("Applied") && !report.contains("s3cret-word"));
    assert!(!format!("{summary:?}").contains("s3cret-word"));

    tandem.undo_migration(Nothing {}).await.unwrap();
    let again = tandem.apply_migration(ApplyMigrationRequest::default()).await.unwrap();
    assert_eq!(again.passwords_missing, 12, "an undone migration leaves no password behind");
    tandem.close().await;
}

#[tokio::test]
async fn the_practice_organization_plays_routers_whose_passwords_can_be_read() {
    let home = tempfile::tempdir().unwrap();
    let practice = Practice::start().await.unwrap();
    let tandem = practice.tandem();
    let made = tandem.write_sample_router_files(SampleRouterFilesRequest::default()).await.unwrap();
    let own = made.routers[0].clone();
    assert!(fs::exists(&own).unwrap(), "without a folder they are in the practice organization's own");
    let view = tandem.plan_migration(planned(&made.routers)).await.unwrap();
    assert!(view.counts.passwords_recovered > 0 && view.counts.passwords_to_enter == 0, "{:?}", view.counts);
    let before = tandem.export(ExportRequest::default()).await.unwrap();
    let summary = tandem.apply_migration(ApplyMigrationRequest::default()).await.unwrap();
    assert!(!summary.passwords.is_empty() && summary.passwords_missing == 0, "{summary:#?}");
    let undone = tandem.undo_migration(Nothing {}).await.unwrap();
    assert_eq!(undone.status, "undone");
    assert_eq!(tandem.export(ExportRequest::default()).await.unwrap(), before);
    practice.remove().await;
    assert!(!fs::exists(&own).unwrap(), "and go with it");

    let real = open(home.path()).await;
    let folder = Some(home.path().join("x").to_string_lossy().into_owned());
    let refused = real.write_sample_router_files(SampleRouterFilesRequest { folder }).await.unwrap_err();
    assert_eq!(refused.code, "practice_not_running");
    real.close().await;
}
