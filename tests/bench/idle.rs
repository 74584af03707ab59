//! How much memory the engine holds while 100 mailboxes have nothing to do.

use crate::timing::resident;
use std::time::Duration;
use tandem_tests::{MailOptions, MailServers, Retrieval, TandemData};

const MAILBOXES: usize = 100;

/// Tests and enables 100 mailboxes, lets the engine run until nothing is due, and reads its memory.
pub fn run() {
    let names: Vec<String> = (0..MAILBOXES).map(|number| format!("user{number}")).collect();
    let servers = MailServers::start_with(&MailOptions::with_accounts(names.iter().map(String::as_str)));
    let data = TandemData::new().with_passwords(&servers.accounts);
    let file = data.file("setup.toml", servers.setup("Bench", Retrieval::ImapTls));
    let _ = data.run(["apply", file.to_str().expect("a path")]).success();
    let _ = data.run(["mailbox", "test-enable", "--all"]).success();
    let running = data.spawn(["run"]);
    std::thread::sleep(Duration::from_secs(20));
    let memory = resident(running.id());
    println!(
        "engine with {MAILBOXES} idle mailboxes: {} MiB resident, {} MiB at its peak",
        memory.now_kib / 1024,
        memory.peak_kib / 1024
    );
    let health = data.json(["health"]);
    println!("health: {}", health["status"]);
}
