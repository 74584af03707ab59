//! One engine, many shells: a running engine is attached to, refuses a second one, and ends cleanly when asked.
//!
//! The client here is this file's own, over a plain socket: what is checked is what crosses it.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic in a test is its failure"
)]

use serde_json::{Value, json};
use std::{
    fs,
    io::{Read, Write},
    os::unix::{
        fs::PermissionsExt,
        net::{UnixDatagram, UnixStream},
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use tandem_practice::{Fault, Stage};
use tandem_tests::{Mail, Practice, Running, Scene, wait_until};

const LIMIT: Duration = Duration::from_secs(60);
/// What the operating system gives a service to stop.
const STOPS_WITHIN: Duration = Duration::from_secs(10);

const AMY: &str = "amy@contoso.test";

/// A shell, attached.
struct Client {
    stream: UnixStream,
    /// Read while something else was waited for.
    heard: Vec<Value>,
}

impl Client {
    /// Attaches to the engine of a data folder, and is welcome.
    fn attach(folder: &Path) -> Self {
        let note = note(folder);
        let mut client = Self::greet(&note, note["token"].as_str().unwrap());
        assert_eq!(client.read().expect("a welcome")["type"], "welcome");
        client
    }

    fn greet(note: &Value, token: &str) -> Self {
        let stream = UnixStream::connect(note["endpoint"].as_str().unwrap()).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let mut client = Self { stream, heard: Vec::new() };
        client.write(&json!({ "type": "hello", "version": note["version"], "token": token }));
        client
    }

    fn write(&mut self, frame: &Value) {
        let bytes = serde_json::to_vec(frame).unwrap();
        self.stream.write_all(&u32::try_from(bytes.len()).unwrap().to_be_bytes()).unwrap();
        self.stream.write_all(&bytes).unwrap();
    }

    /// The next frame; `None` at the end.
    fn read(&mut self) -> Option<Value> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length).ok()?;
        let mut bytes = vec![0; u32::from_be_bytes(length) as usize];
        self.stream.read_exact(&mut bytes).ok()?;
        Some(serde_json::from_slice(&bytes).unwrap())
    }

    fn until(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.heard.iter().position(&wanted) {
            return self.heard.remove(at);
        }
        let until = Instant::now() + LIMIT;
        while Instant::now() < until {
            let Some(frame) = self.read() else {
                panic!("the connection ended before {what}; it told {:#?}", self.heard)
            };
            if wanted(&frame) {
                return frame;
            }
            self.heard.push(frame);
        }
        panic!("{what} did not come");
    }

    fn call(&mut self, id: u64, action: &str, request: &Value) -> Value {
        self.write(&json!({ "type": "call", "id": id, "action": action, "request": request }));
        self.until(action, |frame| frame["id"] == id)
    }
}

fn note(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join("engine.json")).expect("the holder's note")).unwrap()
}

fn wait_until_it_listens(scene: &Scene, engine: &Running) {
    let file = scene.data.path().join("engine.json");
    let process = u64::from(engine.id());
    wait_until("the engine to listen", LIMIT, || {
        let note: Value = serde_json::from_slice(&fs::read(&file).ok()?).ok()?;
        (note["pid"] == process && note["endpoint"].is_string()).then_some(())
    });
}

/// A practice server, and a data folder where Amy's mailbox is enabled.
fn ready() -> (Practice, Scene) {
    let practice = Practice::start(&["amy"]);
    let scene = practice.scene();
    let _ = scene.apply(&practice.setup("Contoso", "imap_smtp", &["amy"])).success();
    let _ = scene.data.run(["mailbox", "test-enable", AMY]).success();
    (practice, scene)
}

fn deliver(practice: &Practice, message_id: &str) {
    practice.hub.deliver(AMY, Mail::new("eve@fabrikam.test", AMY, message_id, message_id).raw()).unwrap();
}

#[test]
fn a_shell_hears_the_service_work_calls_it_and_is_told_when_it_stops() {
    let (practice, scene) = ready();
    let engine = scene.data.spawn(["run", "--as-service"]);
    wait_until_it_listens(&scene, &engine);
    let mut shell = Client::attach(&scene.data.path());

    deliver(&practice, "live@fabrikam.test");
    let told = scene.data.json(["sync", AMY, "--workload", "incoming"]);
    assert_eq!(told["handed_over"], true, "another process runs the engine: {told}");
    let finished = |frame: &Value| {
        let event = &frame["event"];
        let wanted = (&event["type"], &event["workload"], &event["mailbox"], &event["finished"]);
        wanted == (&json!("progress"), &json!("incoming"), &json!(AMY), &json!(true))
    };
    let all = json!({ "limit": 10, "mailbox": null, "status": "received", "search": null, "after": null });
    let mut id = 10;
    // A cycle may have been under way when the mail came; then it is the next that brings it.
    loop {
        shell.until("a finished cycle", finished);
        id += 1;
        let emails = shell.call(id, "emails", &all);
        if emails["response"]["emails"][0]["subject"] == "live@fabrikam.test" {
            break;
        }
    }
    let home = shell.call(2, "home", &json!({}));
    assert_eq!(home["response"]["engine"]["place"], "service");
    assert_eq!(home["response"]["engine"]["process"], u64::from(engine.id()));
    let failed = shell.call(3, "mailbox", &json!({ "address": "nobody@contoso.test" }));
    assert_eq!(failed["error"]["code"], "not_found");

    let _ = engine.terminate(STOPS_WITHIN).success();
    shell.until("the end", |frame| frame["type"] == "ending");
    assert_eq!(shell.read(), None, "the connection ends");
    for left in ["engine.json", "engine.sock"] {
        assert!(!scene.data.path().join(left).exists(), "{left} is left");
    }
}

#[test]
fn a_stranger_is_refused_and_the_socket_is_its_users_only() {
    let (_practice, scene) = ready();
    let engine = scene.data.spawn(["run"]);
    wait_until_it_listens(&scene, &engine);
    let note = note(&scene.data.path());
    for file in ["engine.json", "engine.sock"] {
        let mode = fs::metadata(scene.data.path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let mut stranger = Client::greet(&note, "0123456789abcdef");
    let refused = stranger.read().expect("an answer");
    assert_eq!((&refused["type"], &refused["error"]["code"]), (&json!("refused"), &json!("not_allowed")));
    assert_eq!(stranger.read(), None);
    let outcome = engine.terminate(STOPS_WITHIN).success();
    assert!(!outcome.stderr.contains(note["token"].as_str().unwrap()));
}

#[test]
fn a_second_engine_is_told_who_runs_the_first() {
    let (_practice, scene) = ready();
    let engine = scene.data.spawn(["run", "--as-service"]);
    wait_until_it_listens(&scene, &engine);
    let asked = Instant::now();
    let refused = scene.data.run(["--json", "run"]).expect_code(1).json();
    assert!(asked.elapsed() < Duration::from_secs(5), "a service is not waited for");
    assert_eq!(refused["code"], "engine_runs_elsewhere");
    let message = refused["message"].as_str().unwrap();
    assert!(message.contains(&format!("as a service (process {}, since ", engine.id())), "{message}");
    assert!(refused["remedy"].as_str().unwrap().contains("tandem service status"), "{refused}");
    let _ = engine.terminate(STOPS_WITHIN).success();
}

#[test]
fn a_test_is_run_by_the_engine_that_runs_already() {
    let (practice, scene) = ready();
    let engine = scene.data.spawn(["run"]);
    wait_until_it_listens(&scene, &engine);
    // Without the passphrase this process could not log in: the engine does.
    let mut command = scene.data.command(["--json", "mailbox", "test-enable", AMY]);
    let done = command.env_remove("TANDEM_VAULT_PASSPHRASE").output().unwrap();
    let result: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((done.status.code(), &result["succeeded"]), (Some(0), &json!(2)), "{result:#}");
    let _ = engine.terminate(STOPS_WITHIN).success();
    drop(practice);
}

#[test]
fn a_run_waits_for_a_sync_to_end() {
    let (practice, mut scene) = ready();
    scene.data = scene.data.with("TANDEM_TIMEOUT_SECONDS", "2");
    practice.imap.faults().once(Stage::Greeting, Fault::Hang);
    let accepted = practice.imap.connections_accepted();
    let sync = scene.data.spawn(["sync", AMY, "--workload", "incoming"]);
    wait_until("the sync to hang", LIMIT, || (practice.imap.connections_accepted() > accepted).then_some(()));
    assert_eq!(note(&scene.data.path())["role"], "sync");
    let _ = scene.data.run(["run", "--until-idle"]).success();
    let _ = sync.wait(LIMIT).expect_code(1);
}

#[test]
fn a_stop_in_the_middle_of_a_hanging_cycle_takes_less_than_ten_seconds_and_loses_nothing() {
    let (practice, mut scene) = ready();
    scene.data = scene.data.with("TANDEM_TIMEOUT_SECONDS", "600").with("TANDEM_CLOCK_AHEAD_SECONDS", "3600");
    let ids: Vec<_> = (0..20).map(|number| format!("hang{number}@fabrikam.test")).collect();
    ids.iter().for_each(|id| deliver(&practice, id));
    practice.imap.faults().always(Stage::command("FETCH"), Fault::Hang);
    let fired = practice.imap.faults().fired();
    let engine = scene.data.spawn(["run", "--as-service"]);
    wait_until_it_listens(&scene, &engine);
    let mut shell = Client::attach(&scene.data.path());
    wait_until("the cycle to hang", LIMIT, || (practice.imap.faults().fired() > fired).then_some(()));

    let asked = Instant::now();
    let _ = engine.terminate(STOPS_WITHIN).success();
    println!("stopped in {:?}", asked.elapsed());
    shell.until("the end", |frame| frame["type"] == "ending");
    practice.imap.faults().clear();
    let _ = scene.data.run(["run", "--until-idle"]).success();
    let mut received: Vec<_> =
        scene.emails().iter().filter_map(|email| email["message_id"].as_str().map(str::to_owned)).collect();
    received.retain(|id| id.starts_with("hang"));
    received.sort();
    let mut expected = ids;
    expected.sort();
    assert_eq!(received, expected, "each once");
}

#[test]
fn a_stop_while_a_server_keeps_its_last_word_takes_less_than_ten_seconds_and_sends_nothing_twice() {
    let practice = Practice::start(&["amy", "ben"]);
    let mut scene = practice.scene();
    let _ = scene.apply(&practice.setup("Contoso", "imap_smtp", &["amy", "ben"])).success();
    let _ = scene.data.run(["mailbox", "test-enable", "--all"]).success();
    practice.smtp.faults().always(Stage::AfterDelivery, Fault::Hang);
    let before = practice.smtp.faults().fired();
    let words = ["--from", AMY, "--to", "ben@contoso.test", "--subject", "Once", "--body", "Only once."];
    let id = scene.send(words);
    let engine = scene.data.spawn(["run", "--as-service"]);
    wait_until("the server to keep silent", LIMIT, || {
        (practice.smtp.faults().fired() > before).then_some(())
    });
    let asked = Instant::now();
    let _ = engine.terminate(STOPS_WITHIN).success();
    println!("stopped in {:?}", asked.elapsed());
    practice.smtp.faults().clear();
    scene.data = scene.data.with("TANDEM_CLOCK_AHEAD_SECONDS", "3600");
    let _ = scene.data.run(["run", "--until-idle"]).success();
    let copies = practice.hub.messages("ben@contoso.test");
    let copies = copies.iter().filter(|one| String::from_utf8_lossy(&one.raw).contains("Subject: Once\r\n"));
    assert_eq!(copies.count(), 1);
    assert_eq!(scene.email(&id)["status"], "sent", "its copy in Ben's mailbox proves it");
}

/// A `systemctl` that only writes down what it was asked.
struct Systemd {
    home: tempfile::TempDir,
}

impl Systemd {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let log = home.path().join("asked");
        let script = format!(
            "#!/bin/sh\necho \"$@\" >> '{}'\ncase \"$*\" in *show*) printf 'ActiveState=inactive\\nSubState=dead\\nMainPID=0\\n';; esac\n",
            log.display()
        );
        let source = home.path().join("source");
        fs::write(&source, script).unwrap();
        fs::create_dir(home.path().join("bin")).unwrap();
        // Copied by another process: a file that this one has open for writing, and a fork inherits, cannot be run.
        let copied = Command::new("install")
            .args(["-m", "755"])
            .args([source, home.path().join("bin/systemctl")])
            .status();
        assert!(copied.unwrap().success());
        Self { home }
    }

    fn service(&self, scene: &Scene, arguments: &[&str]) -> std::process::Output {
        let mut command = scene.data.command(["--json", "--passphrase-file"]);
        command.arg(self.passphrase()).arg("service").args(arguments).args(["--scope", "user"]);
        command.env("HOME", self.home.path()).env("XDG_CONFIG_HOME", self.home.path().join("config"));
        let path = std::env::var("PATH").unwrap();
        command.env("PATH", format!("{}:{path}", self.home.path().join("bin").display()));
        command.output().unwrap()
    }

    fn passphrase(&self) -> PathBuf {
        self.home.path().join("passphrase")
    }

    fn unit(&self) -> PathBuf {
        self.home.path().join("config/systemd/user/tandem.service")
    }

    fn asked(&self) -> Vec<String> {
        let asked = fs::read_to_string(self.home.path().join("asked")).unwrap_or_default();
        asked.lines().filter(|line| !line.contains("show")).map(str::to_owned).collect()
    }
}

#[test]
fn a_unit_is_installed_once_runs_as_it_says_and_is_removed_with_nothing_else() {
    let (practice, scene) = ready();
    let systemd = Systemd::new();
    fs::write(systemd.passphrase(), "the test's passphrase\n").unwrap();
    fs::set_permissions(systemd.passphrase(), fs::Permissions::from_mode(0o600)).unwrap();
    let done = systemd.service(&scene, &["install"]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let status: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((&status["installed"], &status["running"]), (&json!(true), &json!(false)));
    let start =
        ["--user daemon-reload", "--user enable tandem.service", "--user --no-block restart tandem.service"];
    assert_eq!(systemd.asked(), start);
    let unit = fs::read_to_string(systemd.unit()).unwrap();
    assert!(!unit.contains("the test's passphrase"), "{unit}");

    // Again changes nothing: it is only started if it does not run.
    assert!(systemd.service(&scene, &["install"]).status.success());
    assert_eq!(fs::read_to_string(systemd.unit()).unwrap(), unit);
    assert_eq!(systemd.asked().last().unwrap(), "--user --no-block start tandem.service");

    verify(&systemd.unit());
    run_like_systemd(&scene, &practice, &unit);

    let done = systemd.service(&scene, &["remove"]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(!systemd.unit().exists() && scene.data.path().join("tandem.db").exists());
    let asked = systemd.asked();
    assert_eq!(asked[asked.len() - 2..], ["--user disable --now tandem.service", "--user daemon-reload"]);

    // A unit that somebody else wrote is not touched.
    fs::write(systemd.unit(), "[Service]\nExecStart=/bin/true\n").unwrap();
    for verb in ["install", "remove"] {
        let refused: Value = serde_json::from_slice(&systemd.service(&scene, &[verb]).stdout).unwrap();
        assert_eq!(refused["code"], "not_ours", "{verb}");
    }
    assert_eq!(systemd.asked().len(), asked.len());
}

/// systemd's own judgement, where it is installed.
fn verify(unit: &Path) {
    let Ok(judged) = Command::new("systemd-analyze").arg("verify").arg(unit).output() else {
        println!("systemd-analyze is not installed: its judgement is missing");
        return;
    };
    let said = String::from_utf8_lossy(&judged.stderr);
    let about_it: Vec<_> = said.lines().filter(|line| line.contains("tandem.service")).collect();
    assert!(judged.status.success() && about_it.is_empty(), "{said}");
    let bad = unit.with_file_name("bad.service");
    fs::write(&bad, fs::read_to_string(unit).unwrap().replace("Type=notify", "Type=nonsense")).unwrap();
    let judged = Command::new("systemd-analyze").arg("verify").arg(&bad).output().unwrap();
    assert!(!judged.stderr.is_empty(), "the judge sees a fault");
}

/// Runs the unit's `ExecStart=` with a notification socket, and stops it as systemd does.
fn run_like_systemd(scene: &Scene, practice: &Practice, unit: &str) {
    let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    let socket = scene.data.path().join("notify");
    let told = UnixDatagram::bind(&socket).unwrap();
    told.set_read_timeout(Some(LIMIT)).unwrap();
    let hear = || {
        let mut bytes = [0; 512];
        let length = told.recv(&mut bytes).expect("a notification");
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    };
    // Its quoting is the shell's for paths like these.
    let mut service = Command::new("sh")
        .args(["-c", &format!("exec {line}")])
        .env("NOTIFY_SOCKET", &socket)
        .env_remove("TANDEM_VAULT_PASSPHRASE")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    assert!(hear().starts_with("READY=1"));
    deliver(practice, "service@fabrikam.test");
    let _ = scene.data.run(["sync", AMY]).success();
    wait_until("the service to fetch it", LIMIT, || {
        let listed = scene.data.json(["email", "list"]);
        listed
            .as_array()
            .unwrap()
            .iter()
            .any(|email| email["message_id"] == "service@fabrikam.test")
            .then_some(())
    });
    let asked = Instant::now();
    assert!(Command::new("kill").args(["-s", "TERM", &service.id().to_string()]).status().unwrap().success());
    assert!(hear().starts_with("STOPPING=1"));
    assert_eq!(service.wait().unwrap().code(), Some(0));
    assert!(asked.elapsed() < STOPS_WITHIN);
}
