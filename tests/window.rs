//! The real window over real mail servers and the real keychain: set up, proven, received, answered, closed.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic in a test is its failure"
)]

use std::{
    net::TcpListener,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tandem_tests::{
    Desktop, Home, Mail, MailOptions, MailServers, Practice, Retrieval, Scene, TandemData, Window, header,
    wait_until,
};

const SOON: Duration = Duration::from_secs(30);
const AMY: &str = "amy@contoso.test";
const LONG: &str = "maximiliana.konstantinopoulos-oberhuber.press-office@contoso.test";
const OUTSIDER: &str = "eve@contoso.test";
const SUBJECT: &str = "Offer for the harbour crane";

/// A listener that counts who asks it for a picture.
fn beacon() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    thread::spawn(move || {
        for _visitor in listener.incoming() {
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    (port, count)
}

fn html_mail(to: &str, subject: &str, id: &str, beacon: u16) -> Vec<u8> {
    format!(
        "From: Eve Example <{OUTSIDER}>\r\nTo: {to}\r\nSubject: {subject}\r\nMessage-ID: <{id}>\r\n\
         Date: Fri, 20 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n\
         <html><body><h1 id=\"greeting\">Good morning from the harbour</h1>\
         <p>The crane lifts <b>40 tonnes</b>. Prices are below.</p>\
         <img src=\"http://127.0.0.1:{beacon}/pixel.png\" width=\"40\" height=\"40\">\
         <div style=\"background-image: url(http://127.0.0.1:{beacon}/background.png)\">Kind regards, Eve</div>\
         <script>document.body.innerHTML = 'SCRIPT RAN'; fetch('http://127.0.0.1:{beacon}/script')</script>\
         </body></html>\r\n"
    )
    .into_bytes()
}

/// From "nothing is set up" to the wizard's last page with its button Test & Enable.
async fn set_up(window: &Window, servers: &MailServers, kind: &str, ports: [u16; 2], mailboxes: &[&str]) {
    let first = servers.account(mailboxes[0]);
    window.click("home-set-up-profile").await;
    window.click(&format!("wizard-type-{kind}")).await;
    window.fill("wizard-address", &first.address).await;
    window.fill("wizard-name", "Contoso mail").await;
    window.shot(&format!("wizard-{kind}-1-kind")).await;
    window.click("wizard-next").await;

    for (end, port) in ["incoming", "outgoing"].into_iter().zip(ports) {
        window.fill(&format!("wizard-{end}-server"), "localhost").await;
        window.choose(&format!("wizard-{end}-security"), "tls").await;
        window.fill(&format!("wizard-{end}-port"), &port.to_string()).await;
    }
    window.click("wizard-next").await;
    let _ = window.see("wizard-step-credentials").await;
    window.shot(&format!("wizard-{kind}-3-credentials")).await;
    window.click("wizard-next").await;

    // The servers' certificate comes from an authority that nobody knows: refused, with all there is to compare.
    window.fill("wizard-try-password", &first.password).await;
    window.click("wizard-try").await;
    let shown = window.text("certificate-fingerprint").await.replace(':', "").to_lowercase();
    assert_eq!(shown, servers.certificates.fingerprint);
    let _ = window.find("[data-testid=\"ladder-incoming\"][data-status=\"failure\"]").await;
    window.shot(&format!("wizard-{kind}-4-certificate")).await;
    window.click("wizard-back").await;
    let _ = window.see("wizard-step-credentials").await;
    window.click("wizard-back").await;
    for end in ["incoming", "outgoing"] {
        let file = servers.certificates.ca_pem.display().to_string();
        window.fill(&format!("wizard-{end}-ca-file"), &file).await;
    }
    window.shot(&format!("wizard-{kind}-2-servers")).await;
    window.click("wizard-next").await;
    let _ = window.see("wizard-step-credentials").await;
    window.click("wizard-next").await;
    window.click("wizard-try").await;
    for workload in ["incoming", "outgoing"] {
        let _ = window.find(&format!("[data-testid=\"ladder-{workload}\"][data-status=\"success\"]")).await;
    }
    window.shot(&format!("wizard-{kind}-4-tried")).await;
    window.click("wizard-next").await;

    for (index, name) in mailboxes.iter().enumerate() {
        let account = servers.account(name);
        if index > 0 {
            window.click("wizard-add-mailbox").await;
            window.fill(&format!("wizard-mailbox-{index}-email"), &account.address).await;
            window.fill(&format!("wizard-mailbox-{index}-password"), &account.password).await;
        }
        let user = window.see(&format!("wizard-mailbox-{index}-user-name")).await;
        assert_eq!(user.prop("value").await.unwrap().unwrap(), account.address, "suggested from the address");
    }
    window.shot(&format!("wizard-{kind}-5-mailboxes")).await;
    window.click("wizard-next").await;
    let summary = window.text("wizard-summary").await;
    for name in mailboxes {
        assert!(summary.contains(&servers.account(name).address), "{summary}");
        assert!(!summary.contains(&servers.account(name).password), "{summary}");
    }
    window.shot(&format!("wizard-{kind}-6-summary")).await;
    window.click("wizard-finish").await;
    let _ = window.see("wizard-done").await;
}

/// Presses Approve and Test & Enable; returns how many rungs were shown while it climbed, each time they changed.
async fn test_and_enable(window: &Window, workloads: usize) -> Vec<u64> {
    let watch = "window.rungsSeen = []; new MutationObserver(() => {\
        if (!document.querySelector('[data-testid^=\"ladder-\"][data-status=\"running\"]')) return;\
        const n = document.querySelectorAll('[data-testid^=\"rung-\"]').length;\
        if (window.rungsSeen.at(-1) !== n) window.rungsSeen.push(n);\
        }).observe(document.body, { subtree: true, childList: true, attributes: true })";
    let _ = window.ask(watch).await;
    window.click("wizard-test-enable").await;
    let _ = window.row("wizard-done", &format!("{workloads} workloads enabled")).await;
    let seen = window.ask("return window.rungsSeen").await;
    seen.as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).collect()
}

/// The entries of the real keychain, with their secrets.
fn keychain() -> String {
    let output = Command::new("secret-tool")
        .args(["search", "--all", "--unlock", "service", "app.tandem.desktop"])
        .output()
        .expect("secret-tool is installed: run script/bootstrap");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

/// Sees every page, each with what it must show, and keeps pictures of them.
async fn tour(window: &Window, look: &str) {
    window.go("home").await;
    let _ = window.find("[data-testid=\"home-headline\"][data-status=\"ok\"]").await;
    window.shot(&format!("home{look}")).await;
    window.go("profiles").await;
    window.click("profile-row-Contoso mail").await;
    let _ = window.see("profile-details").await;
    window.shot(&format!("profiles{look}")).await;
    window.go("mailboxes").await;
    let _ = window.see(&format!("mailbox-row-{LONG}")).await;
    window.shot(&format!("mailboxes{look}")).await;
    window.click(&format!("mailbox-row-{AMY}")).await;
    window.tab("Test").await;
    let _ = window.find("[data-testid=\"ladder-outgoing\"][data-status=\"success\"]").await;
    window.shot(&format!("mailbox-ladder{look}")).await;
    window.tab("State").await;
    let _ = window.see("mailbox-workload-incoming").await;
    window.shot(&format!("mailbox-state{look}")).await;
    window.go("records").await;
    let _ = window.row("record-row-", SUBJECT).await;
    window.shot(&format!("records{look}")).await;
    window.row("record-row-", "Re: ").await.click().await.unwrap();
    let _ = window.see("record-body").await;
    window.shot(&format!("record{look}")).await;
    window.click("record-reply").await;
    let _ = window.see("composer-body").await;
    window.shot(&format!("composer{look}")).await;
    window.go("ledger").await;
    window.row("ledger-row-", "Promoted").await.click().await.unwrap();
    let _ = window.see("ledger-details").await;
    window.shot(&format!("ledger{look}")).await;
    window.go("settings").await;
    let _ = window.see("settings-text-size").await;
    window.shot(&format!("settings{look}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_is_set_up_proven_read_and_answered_in_the_window() {
    let desktop = Desktop::take().await;
    let servers = MailServers::start_with(&MailOptions::with_accounts(["amy", "ben", LONG, "eve"]));
    let scene = Scene { data: TandemData::new().with("TANDEM_SECRETS", "keychain") };
    let home = Home::over(&scene.data);
    let window = Window::open(&home).await;
    window.page.set_window_rect(0, 0, 1200, 800).await.unwrap();
    let _ = window.see("home-set-up-profile").await;
    window.shot("home-empty").await;
    for (page, empty) in
        [("profiles", "No profile"), ("mailboxes", "No mailbox"), ("records", "No email"), ("ledger", "No")]
    {
        window.go(page).await;
        let _ = window
            .page
            .wait()
            .at_most(SOON)
            .for_element(fantoccini::Locator::XPath(&format!("//h2[contains(.,'{empty}')]")))
            .await
            .unwrap();
        window.shot(&format!("{page}-empty")).await;
    }
    window.go("home").await;

    let ports = [servers.ports.imaps, servers.ports.submissions];
    set_up(&window, &servers, "imap_smtp", ports, &["amy", "ben", LONG]).await;
    window.shot("wizard-imap_smtp-7-done").await;
    let seen = test_and_enable(&window, 6).await;
    println!("rungs seen while climbing: {seen:?}");
    let distinct: std::collections::BTreeSet<_> = seen.iter().collect();
    assert!(distinct.len() >= 5, "the rungs appear while they are climbed: {seen:?}");
    window.shot("wizard-imap_smtp-8-proven").await;

    // The passwords are in the keychain and nowhere in the data.
    let entries = keychain();
    for name in ["amy", "ben", LONG] {
        let password = &servers.account(name).password;
        assert!(entries.contains(password.as_str()), "the keychain has {name}'s password");
        for (file, bytes) in scene.files() {
            let found = bytes.windows(password.len()).any(|part| part == password.as_bytes());
            assert!(!found, "{} has {name}'s password", file.display());
        }
    }

    // Mail from outside appears in Records, which is on the screen, and its body is shown without asking anybody.
    let (beacon, asked) = beacon();
    window.go("mailboxes").await;
    window.click(&format!("mailbox-row-{AMY}")).await;
    let _ = window.see("mailbox-workload-incoming").await;
    servers.send_from_outside(OUTSIDER, AMY, &html_mail(AMY, SUBJECT, "offer@fabrikam.test", beacon));
    servers.wait_for_inbox(AMY, 2, SOON);
    window.click("mailbox-sync-now").await;
    window.go("records").await;
    window.row("record-row-", SUBJECT).await.click().await.unwrap();
    assert_eq!(window.text("record-subject").await, SUBJECT);
    assert!(window.text("record-blocked").await.contains('2'), "both remote pictures are counted");
    let frame = window.see("record-body").await;
    window.shot("record-html").await;
    frame.enter_frame().await.unwrap();
    let body = window.find("body").await.text().await.unwrap();
    window.page.clone().enter_parent_frame().await.unwrap();
    assert!(body.contains("Good morning from the harbour") && body.contains("40 tonnes"), "{body}");
    assert!(!body.contains("SCRIPT RAN"), "a mail's script ran");
    assert_eq!(asked.load(Ordering::SeqCst), 0, "the window asked the sender's server");

    // A reply reaches the other person's real mailbox, threaded.
    window.click("record-reply").await;
    let _ = window.see("composer-body").await;
    window.shot("composer-reply").await;
    window.see("composer-body").await.send_keys("Thank you, Eve. We take two.").await.unwrap();
    window.click("composer-send").await;
    let _ = window.see("record-pane").await;
    let inbox = servers.wait_for_inbox(OUTSIDER, 1, SOON);
    let reply = &inbox[0];
    assert_eq!(header(reply, "In-Reply-To").as_deref(), Some("<offer@fabrikam.test>"));
    assert!(header(reply, "References").unwrap().contains("<offer@fabrikam.test>"));
    assert!(header(reply, "Subject").unwrap().starts_with(&format!("Re: {SUBJECT}")));
    assert!(String::from_utf8_lossy(reply).contains("We take two."));
    let _ = window.find("[data-testid=\"record-pane\"] [data-status=\"sent\"]").await;
    assert_eq!(scene.email_with("offer@fabrikam.test")["direction"], "incoming");

    tour(&window, "").await;
    window.click("settings-theme-dark").await;
    tour(&window, "-dark").await;
    window.click("settings-theme-light").await;
    window.choose("settings-text-size", "200").await;
    tour(&window, "-200").await;
    window.choose("settings-text-size", "100").await;
    window.page.set_window_rect(0, 0, 720, 480).await.unwrap();
    tour(&window, "-small").await;
    assert!(!window.said().contains("panicked"), "{}", window.said());
    drop(desktop);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pop3_mailbox_is_set_up_and_proven_in_the_window() {
    let _desktop = Desktop::take().await;
    let servers = MailServers::start_with(&MailOptions::with_accounts(["amy"]));
    let data = TandemData::new();
    let window = Window::open(&Home::over(&data)).await;
    let ports = [servers.ports.pop3s, servers.ports.submissions];
    set_up(&window, &servers, "pop3_smtp", ports, &["amy"]).await;
    let seen = test_and_enable(&window, 2).await;
    assert!(!seen.is_empty(), "the rungs appear while they are climbed");
    window.go("home").await;
    let _ = window.find("[data-testid=\"home-headline\"][data-status=\"ok\"]").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_window_keeps_synchronizing_and_a_second_start_shows_it_again() {
    let desktop = Desktop::take().await;
    let servers = MailServers::start_with(&MailOptions::with_accounts(["amy"]));
    let account = servers.account("amy").clone();
    let scene = Scene {
        data: TandemData::new()
            .with("TANDEM_SECRETS", "keychain")
            .with_passwords(std::slice::from_ref(&account)),
    };
    let minute = "\n[settings]\ncycle_interval_minutes = 1\n";
    let _ = scene.apply(&(servers.setup("Contoso", Retrieval::ImapTls) + minute)).success();
    let _ = scene.data.run(["mailbox", "test-enable", "--all"]).success();
    let home = Home::over(&scene.data);
    let window = Window::open(&home).await;
    let _ = window.see("home-headline").await;
    let process = window.process();
    let shown = wait_until("the window", SOON, || desktop.visible_windows().first().cloned());

    // The first time it is explained; then the window goes away, and the engine stays.
    desktop.close(&shown);
    // Keys that come before the window manager is ready are lost; only then are they pressed again.
    let dialog = "return document.querySelector('[data-testid=\"close-dialog\"]') !== null";
    let pressed = Instant::now();
    while window.ask(dialog).await != true {
        if pressed.elapsed() > Duration::from_secs(3) {
            desktop.close(&shown);
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let _ = window.see("close-dialog").await;
    window.shot("close-dialog").await;
    // A driver's click would wait for a window that is not there any more.
    let _ = window
        .ask("setTimeout(() => document.querySelector('[data-testid=\"close-hide\"]').click(), 100)")
        .await;
    wait_until("the window to go", SOON, || desktop.visible_windows().is_empty().then_some(()));
    assert_eq!(window.process(), process, "the process runs on");
    let mail = Mail::new("eve@fabrikam.test", AMY, "While closed", "closed@fabrikam.test").raw();
    servers.send_from_outside("eve@fabrikam.test", AMY, &mail);
    let sent = Instant::now();
    wait_until("the engine's next cycle", Duration::from_secs(90), || {
        let listed = scene.data.json(["email", "list"]);
        thread::sleep(Duration::from_millis(500));
        listed.as_array()?.iter().any(|email| email["message_id"] == "closed@fabrikam.test").then_some(())
    });
    println!("mail arrived {:.1} s after it was sent, with the window closed", sent.elapsed().as_secs_f64());

    // A second start shows the first one's window and ends.
    let (mut second, _log) = home.start(&[]);
    let status = wait_until("the second start to end", SOON, || second.child.try_wait().unwrap());
    assert!(status.success(), "{status}");
    wait_until("the window", SOON, || (!desktop.visible_windows().is_empty()).then_some(()));
    wait_until("the focus", SOON, || (desktop.xdotool(&["getactivewindow"]) == shown).then_some(()));
    assert_eq!(window.process(), process, "still the first process");
    window.go("records").await;
    let _ = window.row("record-row-", "While closed").await;

    // What was chosen is remembered: no question the second time.
    desktop.close(&shown);
    wait_until("the window to go", SOON, || desktop.visible_windows().is_empty().then_some(()));
    assert_eq!(window.process(), process);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cold_start_paints_and_says_how_long_it_took() {
    let _desktop = Desktop::take().await;
    let data = TandemData::new();
    let home = Home::over(&data);
    for start in ["first", "second", "third"] {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let (_running, log) = home.start(&[("TANDEM_START_NS", now.to_string())]);
        let painted = wait_until("the first paint", Duration::from_secs(60), || {
            let said = std::fs::read_to_string(&log).ok()?;
            let line = said.lines().find(|line| line.starts_with("PAINTED_MS "))?;
            line.split(' ').nth(1)?.parse::<u64>().ok()
        });
        println!("{start} start: painted after {painted} ms");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_is_a_window_on_the_service_and_takes_over_when_that_stops() {
    let desktop = Desktop::take().await;
    let practice = tokio::task::spawn_blocking(|| Practice::start(&["amy"])).await.unwrap();
    let mut scene = practice.scene();
    // The same place as the window's, or it would not take over by itself.
    scene.data = scene.data.with("TANDEM_SECRETS", "keychain");
    let _ = scene.apply(&practice.setup("Contoso", "imap_smtp", &["amy"])).success();
    let _ = scene.data.run(["mailbox", "test-enable", AMY]).success();
    let service = scene.data.spawn(["run", "--as-service"]);
    let note = scene.data.path().join("engine.json");
    wait_until("the service to listen", SOON, || note.exists().then_some(()));

    let window = Window::open(&Home::over(&scene.data)).await;
    let _ = window.find("[data-testid=\"home-engine\"][data-place=\"service\"]").await;
    window.shot("home-service").await;
    window.go("records").await;
    practice.hub.deliver(AMY, Mail::new(OUTSIDER, AMY, SUBJECT, "crane@contoso.test").raw()).unwrap();
    scene.sync(AMY);
    // Told by the service's events: nothing was clicked.
    let _ = window.row("record-row-", SUBJECT).await;
    window.go("home").await;

    let _ = service.terminate(Duration::from_secs(10)).success();
    window.text("error-message").await;
    window.shot("home-service-stopped").await;
    let _ = window.find("[data-testid=\"home-engine\"][data-place=\"window\"]").await;
    let refused = scene.data.run(["--json", "run"]).expect_code(1).json();
    assert!(refused["message"].as_str().unwrap().contains("in a window (process "), "{refused}");
    drop(window);
    drop(desktop);
    tokio::task::spawn_blocking(move || drop(practice)).await.unwrap();
}
