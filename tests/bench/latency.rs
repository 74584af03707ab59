//! How long after an APPEND a message is recorded, with IDLE on Dovecot, beside how long the server takes to tell anyone.

use std::{
    process::Command,
    time::{Duration, Instant},
};
use tandem_tests::{MailOptions, MailServers, Retrieval, TandemData, Wire};

const MESSAGES: usize = 60;

/// Appends messages one by one, while the engine and another session listen.
pub fn run() {
    let servers = MailServers::start_with(&MailOptions::with_accounts(["amy"]));
    let data = TandemData::new().with_passwords(&servers.accounts);
    let file = data.file("setup.toml", servers.setup("Bench", Retrieval::ImapTls));
    let _ = data.run(["apply".as_ref(), file.as_os_str()]).success();
    let _ = data.run(["mailbox", "test-enable", "--all"]).success();
    let engine = data.spawn(["run"]);
    engine.wait_until_engine_runs();
    std::thread::sleep(Duration::from_secs(15));
    let (mut writer, mut listener) = (logged_in(&servers), logged_in(&servers));
    listener.send("i IDLE").expect("IDLE");
    listener.lines_until(|line| line.starts_with('+')).expect("IDLE");
    let (mut told, mut recorded, mut beyond) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..MESSAGES {
        let id = format!("latency-{number}@fabrikam.test");
        let raw = format!(
            "From: eve@fabrikam.test\r\nTo: amy@contoso.test\r\nSubject: {id}\r\nMessage-ID: <{id}>\r\n\
             Date: Mon, 16 Nov 2026 10:00:00 +0000\r\n\r\nHello.\r\n"
        );
        writer.send(&format!("p APPEND INBOX {{{}+}}", raw.len())).expect("APPEND");
        writer.send_bytes(raw.as_bytes()).expect("the message");
        writer.send("").expect("its end");
        writer.lines_until(|line| line.starts_with("p ")).expect("the answer");
        let appended = Instant::now();
        listener.lines_until(|line| line.ends_with("EXISTS")).expect("news");
        let notice = appended.elapsed();
        while !is_recorded(&data, &id) {
            assert!(appended.elapsed() < Duration::from_secs(60), "{id} is not recorded");
            std::thread::sleep(Duration::from_millis(5));
        }
        let all = appended.elapsed();
        told.push(notice);
        recorded.push(all);
        beyond.push(all.saturating_sub(notice));
        std::thread::sleep(Duration::from_millis(700 + 37 * (number as u64 % 20)));
    }
    for (what, times) in
        [("told by the server", &mut told), ("recorded", &mut recorded), ("beyond the server", &mut beyond)]
    {
        times.sort();
        let (half, most) = (times[times.len() / 2], times[times.len() * 95 / 100]);
        println!("{what:<20} p50 {half:>9.1?}  p95 {most:>9.1?}  worst {:>9.1?}", times[times.len() - 1]);
    }
}

fn logged_in(servers: &MailServers) -> Wire {
    let mut wire = Wire::tls(servers.ports.imaps, &servers.certificates).expect("a connection");
    let amy = servers.account("amy");
    wire.line().expect("a greeting");
    wire.send(&format!("a LOGIN {} \"{}\"", amy.address, amy.password)).expect("LOGIN");
    wire.lines_until(|line| line.starts_with("a ")).expect("a login");
    wire.send("b SELECT INBOX").expect("SELECT");
    wire.lines_until(|line| line.starts_with("b ")).expect("an inbox");
    wire
}

/// Another process looks; starting it takes some milliseconds, which count.
fn is_recorded(data: &TandemData, id: &str) -> bool {
    let statement = format!("SELECT count(*) FROM email WHERE message_id = '{id}'");
    let database = data.path().join("tandem.db");
    let found =
        Command::new("sqlite3").arg("-readonly").arg(database).arg(statement).output().expect("sqlite3");
    String::from_utf8_lossy(&found.stdout).trim() == "1"
}
