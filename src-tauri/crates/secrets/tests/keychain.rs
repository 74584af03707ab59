//! The keychain on Linux: a real GNOME Keyring on a private session bus, in every state it can be in.
//!
//! Each test runs its body in a process of its own, because the bus's address is part of the environment. Without
//! `dbus-daemon` and `gnome-keyring-daemon` the tests say that they were skipped; with `TANDEM_KEYCHAIN_TEST=1` in the
//! environment they fail instead.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests say no by panicking")]

mod contract;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use secret_service::EncryptionType;
use secret_service::blocking::SecretService;
use tandem_secrets::{Keychain, Secret, SecretError, SecretRef, SecretStore, StoreState};

#[test]
fn an_unlocked_keychain_keeps_the_contract() {
    run_in_a_session("session_unlocked");
}

#[test]
#[ignore = "the body of an_unlocked_keychain_keeps_the_contract"]
fn session_unlocked() {
    let session = Session::of_this_process();
    let _bus = session.start_bus();
    let _daemon = session.start_keyring(&["--unlock"]);
    contract::keeps_the_contract(&Keychain::new("one"));
}

#[test]
fn two_data_folders_do_not_share_entries() {
    run_in_a_session("session_two_folders");
}

#[test]
#[ignore = "the body of two_data_folders_do_not_share_entries"]
fn session_two_folders() {
    let session = Session::of_this_process();
    let _bus = session.start_bus();
    let _daemon = session.start_keyring(&["--unlock"]);
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (first, second) =
        (Keychain::for_folder(one.path()).unwrap(), Keychain::for_folder(two.path()).unwrap());
    first.put(&key(), Secret::new("first's")).unwrap();
    assert!(matches!(second.get(&key()), Err(SecretError::NotFound { .. })));
    second.put(&key(), Secret::new("second's")).unwrap();
    second.delete(&key()).unwrap();
    assert_eq!(Keychain::for_folder(one.path()).unwrap().get(&key()).unwrap().expose(), "first's");
}

#[test]
fn a_locked_keychain_is_locked_and_works_again_once_unlocked() {
    run_in_a_session("session_locked");
}

#[test]
#[ignore = "the body of a_locked_keychain_is_locked_and_works_again_once_unlocked"]
fn session_locked() {
    let session = Session::of_this_process();
    let _bus = session.start_bus();
    let daemon = session.start_keyring(&["--unlock"]);
    let keychain = Keychain::new("one");
    keychain.put(&key(), Secret::new("kept")).unwrap();
    lock_default_keyring();

    assert_eq!(keychain.state(), StoreState::Locked);
    assert_locked(&keychain);
    // There is no screen to prompt on: asking to unlock changes nothing, and says so.
    assert_eq!(keychain.unlock().unwrap_err(), locked());

    // The same after a restart, when the collection has never been unlocked ("NoEntry" in the keyring's words).
    drop(daemon);
    let daemon = session.start_keyring(&[]);
    wait_for("the locked keyring", || keychain.state() == StoreState::Locked);
    assert_locked(&keychain);

    drop(daemon);
    let _daemon = session.start_keyring(&["--unlock"]);
    wait_for("the unlocked keyring", || keychain.state() == StoreState::Ready);
    assert_eq!(keychain.get(&key()).unwrap().expose(), "kept");
    assert!(matches!(keychain.get(&other_key()), Err(SecretError::NotFound { .. })));
}

#[test]
fn an_absent_keychain_is_absent_and_works_once_it_is_started() {
    run_in_a_session("session_absent");
}

#[test]
#[ignore = "the body of an_absent_keychain_is_absent_and_works_once_it_is_started"]
fn session_absent() {
    let session = Session::of_this_process();
    let keychain = Keychain::new("one");
    assert_absent(&keychain, "no bus");
    let _bus = session.start_bus();
    assert_absent(&keychain, "a bus without a keyring");
    let daemon = session.start_keyring(&[]);
    wait_for("the keyring", || why_absent(&keychain).is_some_and(|why| why.contains("default")));
    assert_absent(&keychain, "a keyring without a default collection");
    drop(daemon);

    let _daemon = session.start_keyring(&["--unlock"]);
    wait_for("the unlocked keyring", || keychain.state() == StoreState::Ready);
    keychain.put(&key(), Secret::new("kept")).unwrap();
    assert_eq!(keychain.get(&key()).unwrap().expose(), "kept");
}

#[test]
fn a_frozen_keychain_does_not_freeze_the_caller() {
    run_in_a_session("session_frozen");
}

#[test]
#[ignore = "the body of a_frozen_keychain_does_not_freeze_the_caller"]
fn session_frozen() {
    let session = Session::of_this_process();
    let _bus = session.start_bus();
    let daemon = session.start_keyring(&["--unlock"]);
    let keychain = Keychain::new("one");
    keychain.put(&key(), Secret::new("kept")).unwrap();
    daemon.signal("-STOP");
    let started = Instant::now();
    assert_absent(&keychain.clone().with_patience(Duration::from_millis(200)), "frozen");
    assert!(started.elapsed() < Duration::from_secs(5));
    daemon.signal("-CONT");
    // Neither the change nor the removal that was given up is made now.
    wait_for("the keyring", || keychain.state() == StoreState::Ready);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(keychain.get(&key()).unwrap().expose(), "kept");
}

fn key() -> SecretRef {
    SecretRef::parse("mailbox/1/password").unwrap()
}

fn other_key() -> SecretRef {
    SecretRef::parse("mailbox/2/password").unwrap()
}

fn locked() -> SecretError {
    SecretError::Locked { store: "Secret Service".into() }
}

fn assert_locked(keychain: &Keychain) {
    for key in [key(), other_key()] {
        assert_eq!(keychain.get(&key).unwrap_err(), locked());
        assert_eq!(keychain.put(&key, Secret::new("x")).unwrap_err(), locked());
        assert_eq!(keychain.delete(&key).unwrap_err(), locked());
    }
}

fn assert_absent(keychain: &Keychain, when: &str) {
    assert!(why_absent(keychain).is_some(), "{when}: {:?}", keychain.state());
    let answers =
        [keychain.get(&key()).map(drop), keychain.put(&key(), Secret::new("x")), keychain.delete(&key())];
    for answer in answers {
        assert!(matches!(answer, Err(SecretError::Absent { .. })), "{when}: {answer:?}");
    }
}

fn why_absent(keychain: &Keychain) -> Option<String> {
    match keychain.state() {
        StoreState::Absent { why } => Some(why),
        _ => None,
    }
}

fn lock_default_keyring() {
    let service = SecretService::connect(EncryptionType::Plain).unwrap();
    service.get_default_collection().unwrap().lock().unwrap();
}

fn wait_for(what: &str, mut ready: impl FnMut() -> bool) {
    let started = Instant::now();
    while !ready() {
        assert!(started.elapsed() < Duration::from_secs(10), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Runs the ignored test `body` of this file in a process with a home, and a place for a bus, of its own.
fn run_in_a_session(body: &str) {
    if let Some(missing) =
        ["dbus-daemon", "gnome-keyring-daemon"].into_iter().find(|tool| !is_installed(tool))
    {
        assert!(std::env::var_os("TANDEM_KEYCHAIN_TEST").is_none(), "{missing} is not installed");
        eprintln!("SKIPPED: {missing} is not installed");
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", body, "--ignored", "--nocapture"])
        .env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", home.path().join("bus").display()))
        .envs(
            ["HOME", "XDG_RUNTIME_DIR", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"]
                .map(|name| (name, home.path())),
        )
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("GNOME_KEYRING_CONTROL")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let passed = output.status.success() && said.contains("test result: ok. 1 passed");
    assert!(passed, "{body}: {}\n{said}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
}

fn is_installed(tool: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(tool).is_file())
}

/// The private home and bus address that `run_in_a_session` gave this process.
struct Session {
    home: PathBuf,
}

impl Session {
    fn of_this_process() -> Self {
        Self { home: std::env::var_os("XDG_RUNTIME_DIR").unwrap().into() }
    }

    /// A bus that starts no service by itself: what runs on it is what the test started.
    fn start_bus(&self) -> Daemon {
        let config = self.home.join("bus.conf");
        let socket = self.home.join("bus");
        let text = format!(
            "<busconfig><type>session</type><listen>unix:path={}</listen>\
             <policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/>\
             <allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>",
            socket.display()
        );
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new("dbus-daemon");
        command.arg("--nofork").arg("--config-file").arg(&config);
        let bus = Daemon::start(command, None);
        wait_for("the bus", || Path::new(&socket).exists());
        bus
    }

    /// GNOME Keyring in the foreground; `--unlock` takes the password from standard input.
    fn start_keyring(&self, options: &[&str]) -> Daemon {
        let mut command = Command::new("gnome-keyring-daemon");
        command.args(["--foreground", "--components=secrets"]).args(options);
        let daemon = Daemon::start(command, options.contains(&"--unlock").then_some("login password"));
        if options.contains(&"--unlock") {
            wait_for("the keyring", || Keychain::new("probe").state() == StoreState::Ready);
        }
        daemon
    }
}

/// A child process that ends with the test.
struct Daemon(Child);

impl Daemon {
    fn start(mut command: Command, input: Option<&str>) -> Self {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.unwrap_or_default().as_bytes()).unwrap();
        drop(stdin);
        Self(child)
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.0.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
