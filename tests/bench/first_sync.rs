//! The first sync of a full inbox from Dovecot over TLS, against mpop (POP3) and mbsync (IMAP) into Maildir.
//!
//! The peers only write files; the program parses, decides and commits durably. On tmpfs nobody pays for fsync.

use crate::timing::{Run, median, time};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};
use tandem_practice::LatencyProxy;
use tandem_tests::{Account, FsyncMode, MailOptions, MailServers, Ports, Retrieval, TandemData, tandem};

/// How many runs the median is of; `TANDEM_BENCH_ROUNDS` changes it.
const ROUNDS: usize = 5;

struct Inbox {
    account: &'static str,
    messages: usize,
    bytes: usize,
}

const SMALL: Inbox = Inbox { account: "small", messages: 10_000, bytes: 3_700 };
const LARGE: Inbox = Inbox { account: "large", messages: 5_000, bytes: 44_000 };
const FAR: Inbox = Inbox { account: "far", messages: 1_000, bytes: 3_700 };

impl Inbox {
    /// `TANDEM_BENCH_INBOX` names the only one to be measured.
    fn is_wanted(&self) -> bool {
        std::env::var("TANDEM_BENCH_INBOX").map_or(true, |only| only == self.account)
    }
}

fn rounds() -> usize {
    std::env::var("TANDEM_BENCH_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(ROUNDS)
}

/// Runs it on tmpfs, on disk, or on both.
pub fn run(only: Option<&str>) {
    let disk = std::env::temp_dir();
    for (name, place) in [("tmpfs", PathBuf::from("/dev/shm")), ("disk", disk)] {
        if only.is_some_and(|only| only != name) {
            continue;
        }
        println!("\nfirst sync on {name} ({}), medians of {}", place.display(), rounds());
        println!("{:<34} {:>9} {:>9} {:>7} {:>11}", "inbox", "tandem", "peer", "ratio", "peak memory");
        let folder = tempfile::Builder::new().prefix("tandem-bench.").tempdir_in(&place).expect("a folder");
        let options = MailOptions::with_accounts([SMALL.account, LARGE.account, FAR.account])
            .fsync(FsyncMode::Never)
            .below(&place);
        let servers = MailServers::start_with(&options);
        for inbox in [&SMALL, &LARGE, &FAR].into_iter().filter(|inbox| inbox.is_wanted()) {
            fill(&servers, inbox);
        }
        for inbox in [&SMALL, &LARGE].into_iter().filter(|inbox| inbox.is_wanted()) {
            for protocol in [Protocol::Pop3, Protocol::Imap] {
                compare(&servers, inbox, protocol, folder.path(), None);
            }
        }
        if !FAR.is_wanted() {
            continue;
        }
        for protocol in [Protocol::Pop3, Protocol::Imap] {
            compare(&servers, &FAR, protocol, folder.path(), Some(Duration::from_millis(50)));
        }
    }
}

#[derive(Clone, Copy)]
enum Protocol {
    Pop3,
    Imap,
}

impl Protocol {
    fn port(self, ports: &Ports) -> u16 {
        match self {
            Self::Pop3 => ports.pop3s,
            Self::Imap => ports.imaps,
        }
    }
}

fn compare(
    servers: &MailServers,
    inbox: &Inbox,
    protocol: Protocol,
    folder: &Path,
    round_trip: Option<Duration>,
) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime for the proxy");
    let port = protocol.port(&servers.ports);
    let proxy = round_trip.map(|delay| {
        runtime.block_on(LatencyProxy::start(([127, 0, 0, 1], port).into(), delay)).expect("a proxy")
    });
    let port = proxy.as_ref().map_or(port, LatencyProxy::port);
    let account = servers.account(inbox.account);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..rounds() {
        let place = folder.join(format!("round-{round}"));
        fs::create_dir_all(&place).expect("a folder for the round");
        ours.push(tandem_run(servers, inbox, protocol, port, &place));
        theirs.push(match protocol {
            Protocol::Pop3 => mpop_run(servers, account, port, &place, inbox.messages),
            Protocol::Imap => mbsync_run(servers, account, port, &place, inbox.messages),
        });
        fs::remove_dir_all(&place).expect("remove the round's folder");
    }
    let (own, peer) = (median(&ours), median(&theirs));
    let peak = ours.iter().map(|run| run.peak_kib).max().unwrap_or(0) / 1024;
    let name = match protocol {
        Protocol::Pop3 => "POP3 / mpop",
        Protocol::Imap => "IMAP / mbsync",
    };
    let far = round_trip.map_or(String::new(), |delay| format!(" {} ms", delay.as_millis()));
    println!(
        "{:<34} {:>7.2} s {:>7.2} s {:>7.2} {:>7} MiB",
        format!("{} x {} B, {name}{far}", inbox.messages, inbox.bytes),
        own.as_secs_f64(),
        peer.as_secs_f64(),
        peer.as_secs_f64() / own.as_secs_f64(),
        peak
    );
}

fn tandem_run(servers: &MailServers, inbox: &Inbox, protocol: Protocol, port: u16, place: &Path) -> Run {
    let retrieval = match protocol {
        Protocol::Pop3 => Retrieval::Pop3Tls,
        Protocol::Imap => Retrieval::ImapTls,
    };
    let account = servers.account(inbox.account);
    let data = TandemData::below(place).with_passwords(&servers.accounts);
    let setup = servers.setup_for("Bench", retrieval, &[account]);
    // Only the incoming direction is measured, and through the proxy where there is one.
    let setup = setup
        .replace("outgoing = \"server_side_sync\"", "outgoing = \"none\"")
        .replace(&format!("port = {}", protocol.port(&servers.ports)), &format!("port = {port}"));
    let file = data.file("setup.toml", setup);
    let _ = data.run(["apply", file.to_str().expect("a path")]).success();
    let _ = data.run(["mailbox", "test-enable", &account.address]).success();
    assert!(tandem().is_file());
    let run = time(&mut data.command(["sync", &account.address, "--workload", "incoming"]));
    let ledger = data.json(["ledger", "--mailbox", &account.address]);
    let rows = ledger.as_array().map_or(0, Vec::len);
    assert_eq!(rows, inbox.messages, "every message has its ledger row");
    run
}

fn mpop_run(servers: &MailServers, account: &Account, port: u16, place: &Path, messages: usize) -> Run {
    let maildir = place.join("mpop");
    for sub in ["cur", "new", "tmp"] {
        fs::create_dir_all(maildir.join(sub)).expect("a maildir");
    }
    let config = place.join("mpoprc");
    let text = format!(
        "account a\nhost localhost\nport {port}\ntls on\ntls_starttls off\ntls_trust_file {}\nuser {}\n\
         password {}\ndelivery maildir {}\nkeep on\nuidls_file {}\n",
        servers.certificates.ca_pem.display(),
        account.address,
        account.password,
        maildir.display(),
        place.join("uidls").display(),
    );
    write_private(&config, &text);
    let run = time(Command::new("mpop").args(["-Q", "-C"]).arg(&config).arg("a"));
    assert_eq!(fs::read_dir(maildir.join("new")).expect("new").count(), messages, "mpop fetched everything");
    run
}

fn mbsync_run(servers: &MailServers, account: &Account, port: u16, place: &Path, messages: usize) -> Run {
    let maildir = place.join("mbsync");
    fs::create_dir_all(&maildir).expect("a folder");
    let config = place.join("mbsyncrc");
    let text = format!(
        "IMAPAccount a\nHost localhost\nPort {port}\nUser {}\nPass \"{}\"\nSSLType IMAPS\nCertificateFile {}\n\n\
         IMAPStore far\nAccount a\n\nMaildirStore near\nPath {3}/\nInbox {3}/INBOX\n\n\
         Channel c\nFar :far:\nNear :near:\nPatterns INBOX\nSync Pull\nCreate Near\nSyncState *\n",
        account.address,
        account.password,
        servers.certificates.ca_pem.display(),
        maildir.display(),
    );
    write_private(&config, &text);
    let run = time(Command::new("mbsync").arg("-q").arg("-c").arg(&config).arg("c"));
    let count =
        ["new", "cur"].map(|sub| fs::read_dir(maildir.join("INBOX").join(sub)).map_or(0, Iterator::count));
    assert_eq!(count.iter().sum::<usize>(), messages, "mbsync fetched everything");
    run
}

fn write_private(path: &Path, text: &str) {
    fs::write(path, text).expect("write the peer's configuration");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("make it private");
}

/// Fills an inbox with messages of about the given size: short ones are text, long ones carry an attachment.
fn fill(servers: &MailServers, inbox: &Inbox) {
    for number in 0..inbox.messages {
        servers.deliver(inbox.account, &message(inbox, number));
    }
}

fn message(inbox: &Inbox, number: usize) -> Vec<u8> {
    let sender = number % 97;
    let mut raw = format!(
        "Return-Path: <sender{sender}@outside.example>\r\n\
         Received: from mx{sender}.outside.example (mx.outside.example [192.0.2.1]) by mail.contoso.test with ESMTPS id {number:08x}; \
         Mon, 02 Nov 2026 10:00:00 +0000\r\nFrom: \"Sender {sender}\" <sender{sender}@outside.example>\r\n\
         To: <{0}@contoso.test>\r\nSubject: Message {number} about the quarterly figures\r\n\
         Message-ID: <{number}.{0}@outside.example>\r\nDate: Mon, 02 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n",
        inbox.account
    );
    let line = "The quick brown fox jumps over the lazy dog, and the dog does not mind.\r\n";
    if inbox.bytes < 10_000 {
        raw.push_str("Content-Type: text/plain; charset=utf-8\r\n\r\n");
        while raw.len() < inbox.bytes {
            raw.push_str(line);
        }
        return raw.into_bytes();
    }
    raw.push_str("Content-Type: multipart/mixed; boundary=\"=_x\"\r\n\r\n--=_x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><body>");
    while raw.len() < inbox.bytes / 4 {
        raw.push_str("<p>");
        raw.push_str(line);
        raw.push_str("</p>");
    }
    raw.push_str("</body></html>\r\n--=_x\r\nContent-Type: application/pdf; name=report.pdf\r\nContent-Transfer-Encoding: base64\r\n\
                  Content-Disposition: attachment; filename=report.pdf\r\n\r\n");
    while raw.len() < inbox.bytes - 10 {
        raw.push_str("JVBERi0xLjQKJcfsj6IKNSAwIG9iago8PC9MZW5ndGggNiAwIFIvRmlsdGVyIC9GbGF0ZURlY29k\r\n");
    }
    raw.push_str("--=_x--\r\n");
    raw.into_bytes()
}
