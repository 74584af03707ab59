//! Nothing lost, nothing twice: a first sync and a queue of mail to send, killed with SIGKILL again and again.
//!
//! The program is started, killed at a random moment and started again, 200 times. At the end every message on the
//! servers has exactly one ledger row and one record, and every mail that was queued was delivered exactly once.
//! `TANDEM_KILLS` changes the number, `TANDEM_SEED` repeats a run.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic in a test is its failure"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant, SystemTime},
};
use tandem_tests::{MailServers, Retrieval, TandemData, Wire};

const FIRST_SYNC: usize = 1_000;
const SENDS: usize = 100;

#[test]
fn killed_at_random_points_nothing_is_lost_and_nothing_comes_twice() {
    let kills = variable("TANDEM_KILLS").unwrap_or(200);
    let seed = variable("TANDEM_SEED").unwrap_or_else(|| {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis() as u64
    });
    eprintln!("kill test: {kills} kills, TANDEM_SEED={seed}");
    let mut random = Random(seed | 1);
    let servers = MailServers::start();
    let mut trial = Trial::set_up(&servers);
    // amy reads over IMAP, ben over POP3: 2,000 messages; 200 mails wait to be sent between them.
    trial.deliver("amy", FIRST_SYNC);
    trial.deliver("ben", FIRST_SYNC);
    trial.queue(SENDS, "amy", "ben");
    trial.queue(SENDS, "ben", "amy");

    let started = Instant::now();
    let (mut done_kills, mut base) = (0, Duration::from_millis(80));
    let mut last = 0;
    while done_kills < kills {
        let running = trial.data.spawn(["run"]);
        let factor = 0.2 + 1.6 * random.unit();
        std::thread::sleep(base.mul_f64(factor));
        running.kill();
        done_kills += 1;
        // Keep the kills inside the work: slower progress lives longer, faster progress dies younger.
        if done_kills % 5 == 0 {
            let (rows, (sent, all)) = (trial.ledger_rows(), trial.sent());
            let progress = (rows + 10 * sent as u64) - last;
            last += progress;
            let wanted = (2 * FIRST_SYNC + 20 * SENDS) as u64 * 5 / kills;
            base = if progress > wanted { base.mul_f64(0.8) } else { base.mul_f64(1.15) };
            base = base.clamp(Duration::from_millis(40), Duration::from_millis(1_500));
            if rows as usize + 20 >= trial.expected_rows() {
                trial.deliver("amy", 30);
                trial.deliver("ben", 30);
                trial.queue(4, "amy", "ben");
            }
            if done_kills % 20 == 0 {
                let took = started.elapsed();
                eprintln!(
                    "{done_kills} kills in {took:.1?}: {rows} rows, {sent} of {all} sent, life {base:?}"
                );
            }
        }
    }
    trial.let_it_finish();
    trial.verify();
    eprintln!("kill test: {done_kills} kills in {:?}, nothing lost, nothing twice", started.elapsed());
}

struct Trial<'a> {
    servers: &'a MailServers,
    data: TandemData,
    delivered: BTreeMap<&'static str, Vec<String>>,
    queued: Vec<(String, &'static str)>,
}

impl<'a> Trial<'a> {
    fn set_up(servers: &'a MailServers) -> Self {
        let data = TandemData::new().with_passwords(&servers.accounts);
        let imap = servers.setup("IMAP", Retrieval::ImapTls);
        let pop3 = servers.setup("POP3", Retrieval::Pop3Tls);
        // One configuration with both profiles: amy on IMAP, ben on POP3, support stays out.
        let profile_of = |text: &str| text.split("\n[[user]]").next().unwrap().to_owned();
        let mailbox_of = |text: &str, name: &str| {
            let blocks: Vec<_> = text.split("\n[[user]]").skip(1).collect();
            let block = blocks.iter().find(|block| block.contains(&format!("{name}@"))).unwrap();
            format!("\n[[user]]{block}")
        };
        let text = [profile_of(&imap), profile_of(&pop3), mailbox_of(&imap, "amy"), mailbox_of(&pop3, "ben")];
        let file = data.file("setup.toml", text.join("\n"));
        let _ = data.run(["apply", file.to_str().unwrap()]).success();
        let _ = data.run(["mailbox", "test-enable", "--all"]).success();
        Self { servers, data, delivered: BTreeMap::new(), queued: Vec::new() }
    }

    fn deliver(&mut self, account: &'static str, count: usize) {
        let known = self.delivered.entry(account).or_default();
        for _ in 0..count {
            let number = known.len();
            let id = format!("{account}-{number}@outside.example");
            let padding = "x".repeat(number * 37 % 3_000);
            let raw = format!(
                "From: Out Side <out@outside.example>\r\nTo: {account}@contoso.test\r\nSubject: message {number}\r\n\
                 Message-ID: <{id}>\r\nDate: Mon, 02 Nov 2026 10:00:00 +0000\r\n\r\nNumber {number}\r\n{padding}\r\n"
            );
            self.servers.deliver(account, raw.as_bytes());
            known.push(id);
        }
    }

    fn queue(&mut self, count: usize, from: &'static str, to: &'static str) {
        for number in 0..count {
            let subject = format!("queued {from} {number} of {}", self.queued.len());
            let sent = self.data.json([
                "email",
                "send",
                "--from",
                &self.servers.account(from).address,
                "--to",
                &self.servers.account(to).address,
                "--subject",
                &subject,
                "--body",
                "killed or not",
            ]);
            let id = sent["id"].as_str().expect("email send prints the id").to_owned();
            self.queued.push((id, to));
        }
    }

    fn ledger_rows(&self) -> u64 {
        self.data.json(["ledger"]).as_array().unwrap().len() as u64
    }

    /// How many queued mails are sent, of all.
    fn sent(&self) -> (usize, usize) {
        let sent = self.data.json(["email", "list", "--status", "sent"]);
        (sent.as_array().unwrap().len(), self.queued.len())
    }

    fn expected_rows(&self) -> usize {
        // Test & Enable left one message of its own in each of the two inboxes.
        self.delivered.values().map(Vec::len).sum::<usize>() + self.queued.len() + 2
    }

    /// Lets the program run in peace until every mail is sent: a mail whose acceptance is in doubt waits for evidence.
    fn let_it_finish(&self) {
        let limit = Instant::now() + Duration::from_secs(420);
        loop {
            let _ = self.data.run(["run", "--until-idle"]).success();
            let (sent, all) = self.sent();
            if sent == all && self.ledger_rows() as usize >= self.expected_rows() {
                return;
            }
            if Instant::now() > limit {
                let alerts = self.data.run(["alerts"]);
                panic!("{sent} of {all} sent, {} rows\n{}", self.ledger_rows(), alerts.stdout);
            }
            std::thread::sleep(Duration::from_secs(5));
            for account in ["amy", "ben"] {
                self.data.run(["sync", &self.servers.account(account).address]);
            }
        }
    }

    fn verify(&self) {
        let ledger = self.data.json(["ledger"]);
        let rows = ledger.as_array().unwrap();
        let emails = self.data.json(["email", "list"]);
        let mut records: BTreeMap<String, usize> = BTreeMap::new();
        for email in emails.as_array().unwrap() {
            let shown = email["message_id"].as_str().expect("a Message-ID").to_owned();
            *records.entry(shown).or_default() += 1;
        }
        for (account, ids) in &self.delivered {
            let address = &self.servers.account(account).address;
            let of_account: Vec<_> = rows.iter().filter(|row| row["mailbox"] == address.as_str()).collect();
            let seen: BTreeSet<String> =
                of_account.iter().map(|row| row["uid"].as_str().unwrap().to_owned()).collect();
            assert_eq!(seen.len(), of_account.len(), "{account}: a server identity has two ledger rows");
            let listed = self.identities(account);
            let without_row: Vec<_> = listed.difference(&seen).collect();
            let not_there: Vec<_> = seen.difference(&listed).collect();
            assert!(
                without_row.is_empty() && not_there.is_empty(),
                "{account}: without a ledger row {without_row:?}; not on the server {not_there:?}"
            );
            for id in ids {
                assert_eq!(records.get(id), Some(&1), "records of <{id}>");
                let decided = of_account.iter().filter(|row| row["message_id"] == id.as_str()).count();
                assert_eq!(decided, 1, "ledger rows of <{id}>");
            }
        }
        let mut arrived: BTreeMap<String, usize> = BTreeMap::new();
        for account in ["amy", "ben"] {
            for raw in self.servers.inbox(account) {
                *arrived.entry(message_id(&raw)).or_default() += 1;
            }
        }
        for (id, to) in &self.queued {
            let email = self.data.json(["email", "show", id]);
            assert_eq!(email["status"], "sent", "{id}");
            let message_id = email["message_id"].as_str().unwrap();
            assert_eq!(arrived.get(message_id), Some(&1), "<{message_id}> arrived at {to}");
        }
    }

    /// What the server itself lists: UIDLs for ben, UIDVALIDITY:UID for amy.
    fn identities(&self, account: &str) -> BTreeSet<String> {
        let servers = self.servers;
        let (address, password) = (&servers.account(account).address, &servers.account(account).password);
        if account == "ben" {
            let mut wire = Wire::tls(servers.ports.pop3s, &servers.certificates).unwrap();
            wire.line().unwrap();
            for command in [format!("USER {address}"), format!("PASS {password}"), "UIDL".to_owned()] {
                wire.send(&command).unwrap();
                assert!(wire.line().unwrap().starts_with("+OK"));
            }
            let lines = wire.lines_until(|line| line == ".").unwrap();
            let uidls = lines.iter().filter(|line| *line != ".");
            return uidls.map(|line| line.split(' ').nth(1).unwrap().to_owned()).collect();
        }
        let mut wire = Wire::tls(servers.ports.imaps, &servers.certificates).unwrap();
        wire.line().unwrap();
        let mut all = Vec::new();
        for (tag, command) in [
            ("a", format!("LOGIN \"{address}\" \"{password}\"")),
            ("b", "EXAMINE INBOX".to_owned()),
            ("c", "UID SEARCH ALL".to_owned()),
        ] {
            wire.send(&format!("{tag} {command}")).unwrap();
            all.extend(wire.lines_until(|line| line.starts_with(&format!("{tag} "))).unwrap());
        }
        let validity = all.iter().find_map(|line| line.split_once("UIDVALIDITY ")).unwrap().1;
        let validity = validity.split(']').next().unwrap();
        let found = all.iter().find_map(|line| line.strip_prefix("* SEARCH")).unwrap();
        found.split_whitespace().map(|uid| format!("{validity}:{uid}")).collect()
    }
}

fn message_id(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw);
    let line = text.lines().find(|line| line.to_ascii_lowercase().starts_with("message-id:"));
    let value = line.map_or("", |line| line.split_once(':').map_or("", |(_, value)| value));
    value.trim().trim_matches(['<', '>']).to_owned()
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// A small xorshift generator: repeatable from its seed.
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}
