//! A server that lies, hangs, floods or cuts: the mailbox gets a clear alert within limits, others go on, and it recovers.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic in a test is its failure"
)]

use std::{
    process::Command,
    time::{Duration, Instant},
};
use tandem_practice::{Fault, Faults, Feature, Stage};
use tandem_tests::{Mail, Practice, PracticeOptions, Protection, Scene, TandemData};

const AMY: &str = "amy@contoso.test";
const BEN: &str = "ben@contoso.test";
/// What one command may take with time-outs of two seconds.
const LIMIT: Duration = Duration::from_secs(20);
const MEMORY_LIMIT_KIB: u64 = 150 * 1024;

/// One way to misbehave: where, how, and the codes that tell it well. No code: the message alone is affected, and
/// the cycle goes on.
struct Case {
    name: &'static str,
    stage: Stage,
    fault: Fault,
    codes: &'static [&'static str],
}

fn case(name: &'static str, stage: Stage, fault: Fault, codes: &'static [&'static str]) -> Case {
    Case { name, stage, fault, codes }
}

const BROKEN: &[&str] = &["connection_lost", "protocol_violation"];
const NONSENSE: &[&str] = &["protocol_violation"];
/// Nonsense may be read over; then the answer is missing.
const STUCK: &[&str] = &["protocol_violation", "timed_out"];
const SILENT: &[&str] = &["timed_out"];
const BUSY: &[&str] = &["server_unavailable", "throttled", "mailbox_in_use", "connection_lost"];

/// Amy's server is the one that misbehaves, Ben's (another server, another profile) behaves.
struct Trial {
    bad: Practice,
    good: Practice,
    scene: Scene,
    mails: u32,
}

impl Trial {
    fn start(kind: &str) -> Self {
        let bad = Practice::start(&["amy"]);
        let good = Practice::start(&["ben"]);
        let accounts = [bad.accounts(), good.accounts()].concat();
        let mut scene = Scene::new(&accounts);
        let (ca_bad, ca_good) =
            (scene.data.file("bad.pem", &bad.ca_pem), scene.data.file("good.pem", &good.ca_pem));
        let trust = |path: &std::path::Path| format!("ca_file = \"{}\"", path.display());
        let text = bad.setup_with("Bad", kind, &["amy"], &trust(&ca_bad))
            + &good.setup_with("Good", kind, &["ben"], &trust(&ca_good));
        let _ = scene.apply(&text).success();
        let _ = scene.data.run(["mailbox", "test-enable", "--all"]).success();
        scene.data = scene.data.with("TANDEM_TIMEOUT_SECONDS", "2");
        Self { bad, good, scene, mails: 0 }
    }

    fn deliver(&mut self) -> [String; 2] {
        self.mails += 1;
        [(&self.bad, AMY), (&self.good, BEN)].map(|(practice, address)| {
            let id = format!("{}.{address}", self.mails);
            practice.hub.deliver(address, Mail::new("a@b.example", address, "mail", &id).raw()).unwrap();
            id
        })
    }

    /// Amy's server misbehaves while mail waits; then it behaves again.
    fn incoming(&mut self, faults: &Faults, case: Case) {
        let Case { name, stage, fault, codes } = case;
        let [amys, bens] = self.deliver();
        let before = faults.fired();
        faults.always(stage, fault);
        let (outcome, peak) = measured(&self.scene.data, &["--json", "sync", AMY, "--workload", "incoming"]);
        assert!(faults.fired() > before, "{name}: the fault was not met");
        assert!(!outcome.stderr.contains("panicked"), "{name}: {}", outcome.stderr);
        assert!(peak < MEMORY_LIMIT_KIB, "{name}: the process grew to {} MiB", peak / 1024);
        if codes.is_empty() {
            assert!(matches!(outcome.code, Some(0 | 3)), "{name}: {outcome:?}");
        } else {
            assert_eq!(outcome.code, Some(1), "{name}: {outcome:?}");
            let alerts = self.scene.alerts();
            let told = alerts.iter().find(|alert| codes.iter().any(|code| alert["code"] == *code));
            let told =
                told.unwrap_or_else(|| panic!("{name}: none of {codes:?} in {alerts:#?}\n{outcome:?}"));
            for field in ["message", "remedy", "object"] {
                assert!(!told[field].as_str().unwrap().is_empty(), "{name}: {told:#}");
            }
            let state = &self.scene.mailbox(AMY)["workloads"]["incoming"];
            assert_eq!(state["enabled"], true, "{name}: a server's fault disabled the mailbox: {state:#}");
        }
        // Meanwhile the other profile works.
        self.scene.sync(BEN);
        assert_eq!(self.scene.email_with(&bens)["status"], "received", "{name}");

        faults.clear();
        self.scene.sync(AMY);
        assert_eq!(self.scene.email_with(&amys)["status"], "received", "{name}: it did not recover");
        let open = self.scene.alerts();
        assert!(open.iter().all(|alert| alert["level"] == "information"), "{name}: {open:#?}");
        assert_eq!(self.scene.health(AMY, "incoming")["status"], "ok", "{name}");
    }
}

/// Runs a command under GNU time's eye: what it said, and its peak resident memory in KiB.
fn measured(data: &TandemData, arguments: &[&str]) -> (tandem_tests::Outcome, u64) {
    let started = Instant::now();
    let running = data.spawn(arguments.iter().copied());
    let status = format!("/proc/{}/status", running.id());
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let watch = std::thread::spawn(move || {
        let mut peak = 0;
        loop {
            let text = std::fs::read_to_string(&status).unwrap_or_default();
            let line = text.lines().find(|line| line.starts_with("VmHWM:"));
            let now = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0);
            peak = peak.max(now);
            if stopped.recv_timeout(Duration::from_millis(2))
                != Err(std::sync::mpsc::RecvTimeoutError::Timeout)
            {
                return peak;
            }
        }
    });
    let outcome = running.wait(LIMIT);
    drop(stop);
    let (took, peak) = (started.elapsed(), watch.join().unwrap());
    eprintln!("tandem {}: {took:?}, {} MiB at most", arguments.join(" "), peak / 1024);
    (outcome, peak)
}

#[test]
fn an_imap_server_that_misbehaves_is_told_and_forgiven() {
    let mut trial = Trial::start("imap_smtp");
    let faults = trial.bad.imap.faults().clone();
    let fetch = || Stage::command("FETCH");
    let flood = 64 * 1024 * 1024;
    let four_gb = Fault::Announce { octets: 4 << 30, sent: 100_000 };
    let say = |text: &str| Fault::Reply(text.to_owned());
    for case in [
        case("garbage greeting", Stage::Greeting, Fault::Garbage, NONSENSE),
        case("no greeting", Stage::Greeting, Fault::Hang, SILENT),
        case("closed at once", Stage::Greeting, Fault::Close, BROKEN),
        case("BYE", Stage::Greeting, say("* BYE too many users"), BUSY),
        case("endless greeting", Stage::Greeting, Fault::EndlessLine(flood), NONSENSE),
        case("silence after SELECT", Stage::command("SELECT"), Fault::Hang, SILENT),
        case("FETCH never answered", fetch(), Fault::Hang, SILENT),
        case("FETCH closed", fetch(), Fault::Close, BROKEN),
        case("FETCH cut", fetch(), Fault::CutAfter(20), BROKEN),
        case("FETCH garbage", fetch(), Fault::Garbage, STUCK),
        case("FETCH endless line", fetch(), Fault::EndlessLine(flood), NONSENSE),
        case("FETCH untagged nonsense", fetch(), say("* 99999999999999999999 FETCH (UID ("), STUCK),
        case("FETCH BYE", fetch(), say("* BYE restarting"), BUSY),
        case("4 GB literal", fetch(), four_gb, &["connection_lost", "protocol_violation", "timed_out"]),
        case("login unavailable", Stage::Login, say("NO [UNAVAILABLE] try later"), BUSY),
        case("login in use", Stage::Login, say("NO [INUSE] busy"), BUSY),
    ] {
        // SELECT may be EXAMINE: reading changes nothing.
        if case.stage == Stage::command("SELECT") {
            faults.always(Stage::command("EXAMINE"), Fault::Hang);
        }
        trial.incoming(&faults, case);
    }
}

#[test]
fn a_pop3_server_that_misbehaves_is_told_and_forgiven() {
    let mut trial = Trial::start("pop3_smtp");
    let faults = trial.bad.pop3.faults().clone();
    let flood = 64 * 1024 * 1024;
    let say = |text: &str| Fault::Reply(text.to_owned());
    let four_gb = || Fault::Announce { octets: 4 << 30, sent: 100_000 };
    for case in [
        case("garbage greeting", Stage::Greeting, Fault::Garbage, NONSENSE),
        case("no greeting", Stage::Greeting, Fault::Hang, SILENT),
        case("closed at once", Stage::Greeting, Fault::Close, BROKEN),
        case("unavailable", Stage::Greeting, say("-ERR [SYS/TEMP] later"), BUSY),
        case("endless greeting", Stage::Greeting, Fault::EndlessLine(flood), NONSENSE),
        case("in use", Stage::Login, say("-ERR [IN-USE] another session"), &["mailbox_in_use"]),
        case("login delay", Stage::Login, say("-ERR [LOGIN-DELAY] too soon"), BUSY),
        case("UIDL garbage", Stage::command("UIDL"), Fault::Garbage, NONSENSE),
        case("UIDL endless line", Stage::command("UIDL"), Fault::EndlessLine(flood), NONSENSE),
        case("UIDL cut", Stage::command("UIDL"), Fault::CutAfter(9), BROKEN),
        case("UIDL never answered", Stage::command("UIDL"), Fault::Hang, SILENT),
        case("RETR cut", Stage::command("RETR"), Fault::CutAfter(40), BROKEN),
        case("RETR garbage", Stage::command("RETR"), Fault::Garbage, NONSENSE),
        case("RETR never answered", Stage::command("RETR"), Fault::Hang, SILENT),
        case("RETR closed", Stage::command("RETR"), Fault::Close, BROKEN),
        case("RETR of 4 GB", Stage::command("RETR"), four_gb(), BROKEN),
    ] {
        trial.incoming(&faults, case);
    }
}

#[test]
fn a_pop3_server_that_lists_4_gb_costs_one_message_at_most() {
    let mut trial = Trial::start("pop3_smtp");
    let [amys, _] = trial.deliver();
    let faults = trial.bad.pop3.faults().clone();
    faults.always(Stage::command("LIST"), Fault::Announce { octets: 4 << 30, sent: 0 });
    let (outcome, peak) = measured(&trial.scene.data, &["--json", "sync", AMY, "--workload", "incoming"]);
    assert!(!outcome.stderr.contains("panicked") && peak < MEMORY_LIMIT_KIB, "{peak} KiB, {outcome:?}");
    // Larger than the limit is a decision, not a failure.
    let rows = trial.scene.ledger(AMY);
    let decision = rows.last().map(|row| row["decision"].clone());
    assert!(decision == Some("too_large".into()) || decision == Some("promoted".into()), "{rows:#?}");
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    if decision == Some("promoted".into()) {
        assert_eq!(trial.scene.email_with(&amys)["status"], "received");
    }
}

#[test]
fn an_smtp_server_that_misbehaves_delays_mail_and_loses_none() {
    let mut trial = Trial::start("imap_smtp");
    let faults = trial.bad.smtp.faults().clone();
    let say = |text: &str| Fault::Reply(text.to_owned());
    let flood = 64 * 1024 * 1024;
    for (number, Case { name, stage, fault, codes }) in [
        case("garbage greeting", Stage::Greeting, Fault::Garbage, NONSENSE),
        case("no greeting", Stage::Greeting, Fault::Hang, SILENT),
        case("endless greeting", Stage::Greeting, Fault::EndlessLine(flood), NONSENSE),
        case("421", Stage::Greeting, say("421 4.3.2 shutting down"), BUSY),
        case("EHLO closed", Stage::command("EHLO"), Fault::Close, BROKEN),
        case("MAIL 421", Stage::command("MAIL"), say("421 4.7.0 too many connections"), BUSY),
        case("MAIL never answered", Stage::command("MAIL"), Fault::Hang, SILENT),
        case("DATA garbage", Stage::command("DATA"), Fault::Garbage, NONSENSE),
        case("DATA closed", Stage::command("DATA"), Fault::Close, BROKEN),
    ]
    .into_iter()
    .enumerate()
    {
        let subject = format!("out {number}");
        let id = trial.scene.send(["--from", AMY, "--to", AMY, "--subject", &subject, "--body", "x"]);
        let before = faults.fired();
        faults.always(stage, fault);
        let (outcome, peak) = measured(&trial.scene.data, &["--json", "sync", AMY, "--workload", "outgoing"]);
        assert!(faults.fired() > before, "{name}: the fault was not met");
        assert!(
            !outcome.stderr.contains("panicked") && peak < MEMORY_LIMIT_KIB,
            "{name}: {peak} KiB, {outcome:?}"
        );
        assert_eq!(trial.scene.email(&id)["status"], "pending_send", "{name}");
        let alerts = trial.scene.alerts();
        assert!(
            alerts.iter().any(|alert| codes.iter().any(|code| alert["code"] == *code)),
            "{name}: none of {codes:?} in {alerts:#?}\n{outcome:?}"
        );
        faults.clear();
        // Some answers ask to wait some minutes.
        trial.scene.data =
            trial.scene.data.with("TANDEM_CLOCK_AHEAD_SECONDS", &(600 * (number + 1)).to_string());
        trial.scene.sync(AMY);
        assert_eq!(trial.scene.email(&id)["status"], "sent", "{name}: it did not recover");
        let arrived = trial.bad.hub.messages(AMY);
        let arrived = arrived
            .iter()
            .filter(|one| tandem_tests::header(&one.raw, "Subject").is_some_and(|found| found == subject));
        assert_eq!(arrived.count(), 1, "{name}");
    }
    assert!(trial.good.smtp.submissions().len() <= 1, "nothing was sent by the wrong server");
}

/// The commands that carry a password, or lead to one.
fn logins(commands: &[String]) -> Vec<&String> {
    let words = ["LOGIN", "AUTH", "AUTHENTICATE", "USER", "PASS"];
    let is_login = |command: &&String| command.split_whitespace().take(2).any(|word| words.contains(&word));
    commands.iter().filter(is_login).collect()
}

fn a_stripped_starttls_gets_no_password(kind: &str) {
    let options = PracticeOptions { protection: Protection::StartTls, ..PracticeOptions::default() };
    let practice = Practice::start_with(&["amy"], options);
    let scene = practice.scene();
    let _ = scene.apply(&practice.setup("Practice", kind, &["amy"])).success();
    let _ = scene.data.run(["mailbox", "test-enable", AMY]).success();
    let incoming = || if kind == "imap_smtp" { practice.imap.commands() } else { practice.pop3.commands() };
    let before = (incoming().len(), practice.smtp.commands().len());
    assert!(
        !logins(&incoming()).is_empty() && !logins(&practice.smtp.commands()).is_empty(),
        "they log in as a rule"
    );
    for faults in [practice.imap.faults(), practice.pop3.faults(), practice.smtp.faults()] {
        faults.without(Feature::StartTls);
    }
    let id = scene.send(["--from", AMY, "--to", AMY, "--subject", "s", "--body", "b"]);
    for workload in ["incoming", "outgoing"] {
        let failed = scene.data.run(["--json", "sync", AMY, "--workload", workload]).expect_code(1);
        assert!(failed.stdout.contains("starttls_missing"), "{}", failed.stdout);
    }
    let said = [incoming().split_off(before.0), practice.smtp.commands().split_off(before.1)].concat();
    assert!(logins(&said).is_empty(), "a password over a connection that is not encrypted: {said:?}");
    assert_eq!(scene.alert("starttls_missing")["scope"], "profile");
    for faults in [practice.imap.faults(), practice.pop3.faults(), practice.smtp.faults()] {
        faults.clear();
    }
    scene.sync(AMY);
    assert_eq!(scene.email(&id)["status"], "sent");
}

#[test]
fn an_imap_server_without_its_starttls_gets_no_password() {
    a_stripped_starttls_gets_no_password("imap_smtp");
}

#[test]
fn a_pop3_server_without_its_stls_gets_no_password() {
    a_stripped_starttls_gets_no_password("pop3_smtp");
}

#[test]
fn the_engine_runs_on_while_one_server_hangs() {
    let mut trial = Trial::start("imap_smtp");
    trial.bad.imap.faults().always(Stage::Greeting, Fault::Hang);
    let [_, bens] = trial.deliver();
    let text = "[settings]\ncycle_interval_minutes = 1\n";
    let _ = trial.scene.apply(text).success();
    trial.scene.data = trial.scene.data.with("TANDEM_CLOCK_AHEAD_SECONDS", "600");
    let running = trial.scene.data.spawn(["run", "--for", "6s"]);
    tandem_tests::wait_until("ben's mail", LIMIT, || {
        let listed = trial.scene.data.json(["email", "list"]);
        listed.as_array().unwrap().iter().any(|email| email["message_id"] == bens.as_str()).then_some(())
    });
    let outcome = running.wait(LIMIT).success();
    assert!(!outcome.stderr.contains("panicked"), "{}", outcome.stderr);
    assert_eq!(trial.scene.alert("timed_out")["scope"], "profile");
    // SIGTERM during a hang stops it, too.
    trial.scene.data =
        trial.scene.data.with("TANDEM_CLOCK_AHEAD_SECONDS", "6000").with("TANDEM_TIMEOUT_SECONDS", "60");
    let accepted = trial.bad.imap.connections_accepted();
    let running = trial.scene.data.spawn(["run"]);
    tandem_tests::wait_until("it to hang", LIMIT, || {
        (trial.bad.imap.connections_accepted() > accepted).then_some(())
    });
    let _ = running.terminate(Duration::from_secs(5)).success();
}

#[test]
fn sync_is_not_offered_what_it_cannot_do() {
    let output = Command::new(tandem_tests::tandem()).args(["sync", "--nonsense"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "wrong usage");
}
