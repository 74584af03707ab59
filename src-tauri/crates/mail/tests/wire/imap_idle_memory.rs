//! What a connection that only waits takes of this process's memory. The servers run in another process, so as not to be
//! counted.

use crate::support::access;
use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::Duration,
};
use tandem_domain::profile::Security;
use tandem_engine::ports::mail::{Credentials, IncomingMail, IncomingSession, MailboxAccess, Watched};
use tandem_mail::imap::Imap;
use tandem_practice::{
    Authority, CertificateFlaw, ImapServer, MailHub, Password, Security as Served, ServerOptions,
};

const AMY: &str = "amy@contoso.test";
const PASSWORD: &str = "practice makes perfect";
const MARK: &str = "serving on";

/// Not a test: the other process.
#[tokio::test]
#[ignore = "the server of the measurement, which starts it itself"]
async fn the_server_of_the_measurement() {
    let hub = MailHub::new();
    hub.add_account(AMY, Password::new(PASSWORD), "Amy");
    let certificate = Authority::generate().unwrap().server_certificate(CertificateFlaw::None).unwrap();
    let sha256 = certificate.sha256().to_owned();
    let server = ImapServer::start(hub.clone(), ServerOptions::with(Served::Tls(certificate))).await.unwrap();
    println!("\n{MARK} {} {sha256}", server.port());
    // One line asks for a message, the end of the input for the end.
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || std::io::stdin().lines().for_each(|_| tell.send(()).unwrap()));
    while told.recv().await.is_some() {
        hub.deliver(AMY, b"Subject: x\r\n\r\n".to_vec()).unwrap();
    }
}

/// Resident memory of this process in KiB.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

async fn measure(connections: usize) -> usize {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "imap_idle_memory::the_server_of_the_measurement"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.find(|line| line.as_ref().unwrap().starts_with(MARK)).unwrap().unwrap();
    let [port, sha256] = line[MARK.len()..].split_whitespace().collect::<Vec<_>>()[..] else {
        panic!("{line}")
    };
    let mut access: MailboxAccess = access(([127, 0, 0, 1], port.parse().unwrap()).into(), Security::Tls);
    access.endpoint.trust.pinned_sha256 = vec![sha256.to_owned()];
    access.credentials =
        Credentials::Password { user_name: AMY.into(), password: zeroize::Zeroizing::new(PASSWORD.into()) };
    let imap = Imap::new(crate::support::patient());
    let open = async || {
        let mut session = imap.open(&access).await.unwrap();
        session.changes(None).await.unwrap();
        session
    };
    let watch = |mut session: Box<dyn IncomingSession>| {
        tokio::spawn(async move { session.watch(Duration::from_secs(600)).await.unwrap() })
    };
    // The first brings what all share.
    let mut watches = vec![watch(open().await)];
    let before = resident();
    for _ in 0..connections {
        watches.push(watch(open().await));
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let each = resident().saturating_sub(before) * 1024 / connections;
    println!("{connections} waiting TLS connections: {each} bytes each");
    // They are alive, every one.
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), b"\n").unwrap();
    for watch in watches {
        assert_eq!(watch.await.unwrap(), Watched::News);
    }
    drop(child.stdin.take());
    for line in lines {
        let _ = line;
    }
    assert!(child.wait().unwrap().success());
    each
}

#[tokio::test]
async fn a_connection_that_waits_takes_little_memory() {
    let each = measure(150).await;
    assert!(each <= 100 * 1024, "{each}");
}

/// `cargo test --release -p tandem-mail --test wire measure_idle -- --ignored --nocapture`
#[tokio::test]
#[ignore = "a measurement: 2,000 connections"]
async fn measure_idle_connections() {
    let each = measure(2_000).await;
    assert!(each * 2_000 <= 250 * 1024 * 1024, "{each}");
}
