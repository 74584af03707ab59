//! The real window from the Email Router's files to tracked mail, over real mail servers; and the rehearsal in practice.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic in a test is its failure"
)]

use chrono::{DateTime, Duration, Utc};
use fantoccini::key::Key;
use std::{collections::BTreeMap, path::PathBuf};
use tandem_tests::{
    Account, Desktop, Home, MailOptions, MailServers, Routed, Scene, TandemData, Window, around_decided,
    deliver_around, deliver_named, named_decisions, router_files, wait_until,
};

const SOON: std::time::Duration = std::time::Duration::from_secs(60);
const LONG: &str = "zoe.konstantinopoulos-oberhuber.press-office@contoso.test";
const KEY: &str = "EncryptionKey.xml";
const STATE: &str = "Microsoft.Crm.Tools.EmailAgent.SystemState.xml";
const AGENT: &str = "Microsoft.Crm.Tools.EmailAgent.xml";

/// Four routers' mailboxes on two real servers, each with mail around the moment up to which its router processed it.
struct Routers {
    east: MailServers,
    west: MailServers,
    accounts: Vec<Account>,
    folders: Vec<PathBuf>,
    /// The queues of the four routers.
    queues: [String; 4],
}

impl Routers {
    fn start(data: &TandemData) -> Self {
        let options = |names: &[&str]| MailOptions::with_accounts(names.iter().copied());
        let east = MailServers::start_with(&options(&["support.r1", LONG, "support.r2"]));
        let west = MailServers::start_with(&options(&["support.r3", "support.r4"]));
        let accounts: Vec<Account> = east.accounts.iter().chain(&west.accounts).cloned().collect();
        let queues = ["r1", "r2", "r3", "r4"].map(|router| format!("support.{router}@contoso.test"));
        let now = Utc::now();
        // The third was reset, so it starts 24 hours back; the fourth router stood still for three days.
        let dates: [Option<DateTime<Utc>>; 4] = [
            Some(now - Duration::hours(2)),
            Some(now - Duration::minutes(30)),
            None,
            Some(now - Duration::days(3)),
        ];
        for ((queue, last), servers) in queues.iter().zip(dates).zip([&east, &east, &west, &west]) {
            deliver_around(servers, queue, last.unwrap_or(now - Duration::hours(24)));
        }
        let parent = data.folder("routers");
        let queue = |at: usize| Routed {
            address: &queues[at],
            owner: "QueueId",
            id: at as u128 + 1,
            last_processed: dates[at],
        };
        let zoe = Routed { address: LONG, owner: "UserId", id: 9, last_processed: dates[0] };
        let ports = |servers: &MailServers| (servers.ports.pop3s, servers.ports.submission);
        let folders = vec![
            router_files(&parent, 1, "localhost", ports(&east), &[queue(0), zoe]),
            router_files(&parent, 2, "127.0.0.1", ports(&east), &[queue(1)]),
            router_files(&parent, 3, "localhost", ports(&west), &[queue(2)]),
            router_files(&parent, 4, "127.0.0.1", ports(&west), &[queue(3)]),
        ];
        Self { east, west, accounts, folders, queues }
    }

    fn password(&self, address: &str) -> &str {
        &self.accounts.iter().find(|one| one.address == address).unwrap().password
    }
}

/// Types a path and takes it with Enter.
async fn type_path(window: &Window, handle: &str, path: &str) {
    window.fill(handle, path).await;
    let enter = char::from(Key::Enter).to_string();
    window.see(handle).await.send_keys(&enter).await.unwrap();
}

/// Waits until a field has this value.
async fn has(window: &Window, handle: &str, value: &str) {
    let start = std::time::Instant::now();
    loop {
        let now = window.see(handle).await.prop("value").await.unwrap().unwrap_or_default();
        if now == value {
            return;
        }
        assert!(start.elapsed() < SOON, "{handle} has {now:?}, not {value:?}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// Page 1: from nothing chosen, over a file in another one's place and a folder that does not exist, to four routers.
async fn choose_files(window: &Window, routers: &Routers) {
    window.click("home-migrate").await;
    let _ = window.see("migration-router-1").await;
    window.click("migration-next").await;
    let _ = window.find("[role=alert]").await;
    window.shot("migration-1-nothing").await;
    let file = |name: &str| routers.folders[0].join(name).display().to_string();
    type_path(window, "migration-1-key", &file(AGENT)).await;
    has(window, "migration-1-agent", &file(AGENT)).await;
    has(window, "migration-1-key", "").await;
    let _ = window.row("migration-router-1", "Put right").await;
    window.shot("migration-1-put-right").await;
    type_path(window, "migration-1-key", &file(KEY)).await;
    has(window, "migration-1-key", &file(KEY)).await;
    type_path(window, "migration-1-state", &file(STATE)).await;
    let _ = window.row("migration-router-1", "2 state entries").await;
    window.click("migration-more-routers").await;
    type_path(window, "migration-2-folder-path", "/nowhere/router2").await;
    let _ = window.row("migration", "/nowhere/router2").await;
    window.shot("migration-1-no-folder").await;
    for (number, folder) in (1..).zip(&routers.folders).skip(1) {
        if number > 2 {
            window.click("migration-more-routers").await;
        }
        let folder = folder.display().to_string();
        type_path(window, &format!("migration-{number}-folder-path"), &folder).await;
        has(window, &format!("migration-{number}-agent"), &format!("{folder}/{AGENT}")).await;
    }
    let _ = window.row("migration-router-4", "1 state entries").await;
    window.shot("migration-1-files").await;
    window.click("migration-next").await;
}

/// Pages 2 and 3: profiles with their provenance, the date that reaches back, a long name, and the review.
async fn choose_profiles_and_review(window: &Window) {
    let _ = window.see("migration-row-3").await;
    window.choose("migration-profile-date", "earliest_mailbox").await;
    let _ = window.find("[data-testid=\"migration-profile-date\"]:not(:disabled)").await;
    has(window, "migration-profile-date", "earliest_mailbox").await;
    window.shot("migration-2-profiles").await;
    let name = "Contoso headquarters in the north-east, mail of the press office and support";
    type_path(window, "migration-row-0-name", name).await;
    // In the middle of the row is the name's field.
    window.find("[data-testid=\"migration-row-0\"] > :first-child").await.click().await.unwrap();
    let _ = window.find("[data-testid^=\"migration-field-\"]").await;
    window.shot("migration-2-provenance").await;
    window.click("migration-next").await;
    let review = window.text("migration-review").await;
    assert!(review.contains("4 email server profiles") || review.contains("4 profiles"), "{review}");
    window.shot("migration-3-review").await;
}

/// The pages before Start in other looks: what was chosen stays meanwhile.
async fn looks_before_start(window: &Window) {
    let pages = [
        ("files", "1-files", "migration-router-4"),
        ("profiles", "2-profiles", "migration-row-0"),
        ("review", "3-review", "migration-start"),
    ];
    for look in ["-dark", "-200"] {
        dress(window, look).await;
        window.go("migration").await;
        for (step, page, ready) in pages {
            window.click(&format!("migration-go-{step}")).await;
            let _ = window.see(&format!("migration-step-{step}")).await;
            let _ = window.see(ready).await;
            window.shot(&format!("migration-{page}{look}")).await;
        }
    }
    dress(window, "").await;
    window.go("migration").await;
    let _ = window.see("migration-start").await;
}

/// The summary's steps up to the plan of the test: the router goes on alone, passwords, servers, approval.
async fn prepare(window: &Window, scene: &Scene, routers: &Routers) {
    window.click("migration-hold").await;
    window.click("migration-hold-confirm").await;
    let _ = window.see("migration-switch").await;
    window.click("migration-passwords").await;
    let summary = scene.data.json(["migrate", "summary"]);
    assert_eq!(summary["process_email_using"], "email_router");
    for one in summary["passwords"].as_array().unwrap() {
        let user = one["user_name"].as_str().unwrap();
        let password = if user == LONG { "mistyped" } else { routers.password(user) };
        window.fill(&format!("migration-password-{}", one["credential"]), password).await;
    }
    window.shot("migration-5-passwords").await;
    window.click("migration-keep-passwords").await;

    // Two authorities of their own: one by its file, the other by its compared certificate.
    window.click("migration-try-servers").await;
    let idle = "[data-testid=\"migration-try-servers\"]:not(:disabled)";
    let _ = window.find("[data-testid^=\"migration-server-\"]:nth-child(4)").await;
    let _ = window.find(idle).await;
    window.shot("migration-5-certificates").await;
    let fingerprint = |text: String| text.replace(|c: char| !c.is_ascii_hexdigit(), "").to_lowercase();
    assert_eq!(
        fingerprint(window.text("certificate-fingerprint").await),
        routers.east.certificates.fingerprint
    );
    let authority = routers.east.certificates.ca_pem.display().to_string();
    window.fill("certificate-ca-path", &authority).await;
    window.click("certificate-ca-use").await;
    let west = &routers.west.certificates.fingerprint;
    let start = std::time::Instant::now();
    while fingerprint(window.text("certificate-fingerprint").await) != *west {
        assert!(start.elapsed() < SOON, "the first certificate is believed");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    window.click("certificate-compared").await;
    window.click("certificate-trust").await;
    let _ = window.row("migration-summary", "2. The servers work").await;
    window.shot("migration-5-servers").await;

    window.click("migration-approve").await;
    let _ = window.see("migration-approve-confirm").await;
    window.shot("migration-5-approve").await;
    window.click("migration-approve-confirm").await;
    let _ = window.row("migration-summary", "3. Every address is approved").await;
}

/// The plan, the job, and what one mistyped password gives: a failure with its next step, mended and tried again.
async fn test_and_mend(window: &Window, routers: &Routers) {
    window.click("migration-test").await;
    let _ = window.row("test-plan", "5 mailboxes").await;
    let _ = window.find("[data-testid=\"test-plan-start\"]:not(:disabled)").await;
    window.shot("migration-5-plan").await;
    window.click("test-plan-start").await;
    let _ = window.find("[data-testid=\"test-job\"][data-status=\"done\"]").await;
    assert!(window.text("test-job-progress").await.contains("8 enabled, 2 failed"));
    for look in ["", "-dark"] {
        dress(window, look).await;
        window.go("mailboxes").await;
        window.click("tests-open").await;
        let _ = window.find("[data-testid^=\"test-job-row-\"]").await;
        window.shot(&format!("tests{look}")).await;
        window.find("[data-testid^=\"test-job-row-\"]").await.click().await.unwrap();
        window.click(&format!("test-result-row-{LONG}-incoming")).await;
        let _ = window.see("test-job-retry").await;
        window.shot(&format!("test-job{look}")).await;
        window.go("alerts").await;
        let _ = window.row("alert-row-", LONG).await;
        window.shot(&format!("alerts{look}")).await;
        window.row("alert-row-", LONG).await.click().await.unwrap();
        let _ = window.see("alert-details").await;
        window.shot(&format!("alert{look}")).await;
    }
    dress(window, "").await;
    window.go("alerts").await;
    window.row("alert-row-", LONG).await.click().await.unwrap();
    let _ = window.see("alert-details").await;
    window
        .find("[data-testid=\"alert-details\"] [data-testid^=\"alert-remedy-\"]")
        .await
        .click()
        .await
        .unwrap();
    window.fill("mailbox-form-password", routers.password(LONG)).await;
    window.click("mailbox-form-save").await;
    let _ = window.see("mailbox-edit").await;
    window.go("migration").await;
    window.find("[data-testid=\"migration-test-job\"] a").await.click().await.unwrap();
    window.click("test-job-retry").await;
    let _ = window.row("test-job-progress", "10 enabled, 0 failed").await;
    window.shot("test-job-mended").await;
}

/// Light, dark, or at 200 %.
async fn dress(window: &Window, look: &str) {
    window.go("settings").await;
    // The page is as long as it will be once the organization's settings are there.
    let _ = window.see("settings-save").await;
    let theme = if look == "-dark" { "settings-theme-dark" } else { "settings-theme-light" };
    window.choose("settings-text-size", if look == "-200" { "200" } else { "100" }).await;
    window.click(theme).await;
    let _ = window.find(&format!("[data-testid=\"{theme}\"]:checked")).await;
}

/// Pages about what runs now.
async fn tour(window: &Window, queue: &str) {
    for look in ["", "-dark"] {
        dress(window, look).await;
        window.go("monitoring").await;
        let _ = window.see(&format!("monitoring-row-{queue}-incoming")).await;
        window.shot(&format!("monitoring{look}")).await;
        window.click(&format!("monitoring-row-{queue}-incoming")).await;
        let _ = window.see("coverage").await;
        window.shot(&format!("monitoring-details{look}")).await;
        window.click("monitoring-forecast").await;
        let _ = window.see("forecast-start").await;
        window.shot(&format!("monitoring-forecast{look}")).await;
        window.go("migration").await;
        let _ = window.row("migration-summary", "5. Email is processed by").await;
        window.shot(&format!("migration-5-done{look}")).await;
        window.go("alerts").await;
        let _ = window.see("alert-search").await;
        window.shot(&format!("alerts-none{look}")).await;
    }
    dress(window, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_four_routers_files_to_tracked_mail_in_the_window() {
    let desktop = Desktop::take().await;
    let scene = Scene { data: TandemData::new().with("TANDEM_SECRETS", "keychain") };
    let routers = Routers::start(&scene.data);
    let window = Window::open(&Home::over(&scene.data)).await;
    window.page.set_window_rect(0, 0, 1200, 800).await.unwrap();
    let _ = window.see("home-migrate").await;
    window.shot("home-empty-three").await;
    choose_files(&window, &routers).await;
    choose_profiles_and_review(&window).await;
    looks_before_start(&window).await;
    let before = scene.export();
    window.click("migration-start").await;
    let _ = window.find("[data-testid=\"migration-undo\"]:not(:disabled)").await;
    window.shot("migration-5-summary").await;
    assert_ne!(scene.export(), before);
    prepare(&window, &scene, &routers).await;
    test_and_mend(&window, &routers).await;

    // Until the switch the router processes; then each mailbox goes on where its router stopped.
    assert!(routers.queues.iter().all(|queue| scene.ledger(queue).is_empty()));
    window.go("migration").await;
    let _ = window.row("migration-summary", "4. Every mailbox is tested").await;
    window.click("migration-switch").await;
    let _ = window.see("migration-switch-confirm").await;
    window.shot("migration-5-switch").await;
    window.click("migration-switch-confirm").await;
    window.go("records").await;
    let _ = window.row("record-row-", "after").await;
    for round in 0..2 {
        for queue in &routers.queues {
            wait_until("the first cycle", SOON, || {
                (named_decisions(&scene, queue).len() >= around_decided().len()).then_some(())
            });
            assert_eq!(named_decisions(&scene, queue), around_decided(), "{queue}, round {round}");
            scene.sync(queue);
        }
    }
    let [_, _, _, fourth] = &routers.queues;
    deliver_named(&routers.west, fourth, "new", Utc::now());
    window.go("mailboxes").await;
    window.click(&format!("mailbox-row-{fourth}")).await;
    window.click("mailbox-sync-now").await;
    window.go("records").await;
    window.row("record-row-", "new").await.click().await.unwrap();
    assert_eq!(window.text("record-subject").await, "new");
    window.shot("migration-6-tracked").await;
    let mut tracked = BTreeMap::<String, usize>::new();
    for email in scene.data.json(["email", "list"]).as_array().unwrap() {
        if email["direction"] == "incoming" {
            *tracked.entry(email["message_id"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    assert_eq!((tracked.len(), tracked.values().sum::<usize>()), (9, 9), "{tracked:?}");

    window.go("migration").await;
    let _ = window.find("[data-testid=\"migration-undo\"]:disabled").await;
    tour(&window, fourth).await;
    for account in &routers.accounts {
        let password = account.password.as_bytes();
        for (path, bytes) in scene.files() {
            let found = bytes.windows(password.len()).any(|part| part == password);
            assert!(!found, "a password stands in {}", path.display());
        }
    }
    assert!(!window.said().contains("panicked"), "{}", window.said());
    drop(desktop);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_migration_is_rehearsed_in_the_practice_organization() {
    let _desktop = Desktop::take().await;
    let data = TandemData::new();
    let window = Window::open(&Home::over(&data)).await;
    window.page.set_window_rect(0, 0, 1200, 800).await.unwrap();
    window.click("home-try-practice").await;
    let _ = window.see("practice-banner").await;
    window.go("migration").await;
    window.click("migration-samples").await;
    let _ = window.row("migration-router-3", "providers").await;
    window.shot("practice-migration-1-files").await;
    window.click("migration-next").await;
    let _ = window.see("migration-row-0").await;
    window.shot("practice-migration-2-profiles").await;
    window.click("migration-next").await;
    let _ = window.see("migration-start").await;
    window.shot("practice-migration-3-review").await;
    window.click("migration-start").await;
    let _ = window.see("migration-summary").await;
    window.shot("practice-migration-5-summary").await;
    window.click("migration-try-servers").await;
    window.click("certificate-ca-use").await;
    let _ = window.row("migration-summary", "2. The servers work").await;
    window.shot("practice-migration-5-servers").await;
    window.click("migration-approve").await;
    window.click("migration-approve-confirm").await;
    let _ = window.row("migration-summary", "3. Every address is approved").await;
    window.click("migration-test").await;
    let _ = window.row("test-plan", "3 mailboxes").await;
    window.click("test-plan-start").await;
    let _ = window.find("[data-testid=\"test-job\"][data-status=\"done\"]").await;
    assert!(window.text("test-job-progress").await.contains("0 failed"));
    window.shot("practice-migration-6-tested").await;
    window.go("migration").await;
    let _ = window.row("migration-summary", "4. Every mailbox is tested").await;
    window.go("home").await;
    let _ = window.find("[data-testid=\"home-headline\"][data-status=\"ok\"]").await;
    window.shot("practice-migration-7-home").await;
}
