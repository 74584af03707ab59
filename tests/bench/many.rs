//! Thousands of mailboxes that have nothing to do, in one engine: its memory, and its share of a processor.
//!
//! The servers are practice servers in a process of their own. Mailboxes log in with their profile's account, and are
//! enabled behind the program's back: thousands of tests are another measurement.

use crate::timing::{processor_seconds, resident};
use std::{
    fmt::Write as _,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tandem_practice::{
    Authority, CertificateFlaw, ImapServer, MailHub, Password, Security, ServerOptions, SmtpServer,
};
use tandem_tests::TandemData;

const PASSWORD: &str = "secret of the bench";
/// Mailboxes are divided among so many profiles.
const PROFILES: usize = 10;
/// The second cycles are spread from half an interval to one and a half after the first: before, next to none is due, and
/// what is measured then flatters.
const UNTIL_EVEN: Duration = Duration::from_secs(200);

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Polled only, as online does: each workload every five minutes.
    Polled,
    /// With IDLE held for each.
    Held,
}

/// Runs it with so many mailboxes.
pub fn run(kind: Kind, mailboxes: usize) {
    let mut servers = Servers::start();
    let data = TandemData::new().with("BENCH_PASSWORD", PASSWORD);
    data.file("practice-ca.pem", &servers.ca_pem);
    let file = data.file("setup.toml", setup(kind, mailboxes, &servers));
    let began = Instant::now();
    let _ = data.run(["apply".as_ref(), file.as_os_str()]).success();
    println!("{mailboxes} mailboxes applied in {:.1?}", began.elapsed());
    enable(&data);
    let mut engine = data.spawn(["run"]);
    let pid = engine.id();
    // The first cycles, and with them the first connections.
    let began = Instant::now();
    let first = loop {
        std::thread::sleep(Duration::from_secs(2));
        assert!(engine.is_running(), "the engine ended: {}", engine.stderr());
        let proven = completed(&data);
        if proven >= mailboxes * 2 || began.elapsed() > Duration::from_secs(600) {
            break proven;
        }
    };
    let (took, spent) = (began.elapsed(), processor_seconds(pid));
    println!("{first} of {} first cycles in {took:.0?}, {spent:.1} s of processor time", mailboxes * 2);
    let window = Duration::from_secs(
        std::env::var("TANDEM_BENCH_WINDOW").ok().and_then(|text| text.parse().ok()).unwrap_or(300),
    );
    if kind == Kind::Polled {
        std::thread::sleep(UNTIL_EVEN);
    }
    let (before, cycles_before) = (processor_seconds(pid), cycles(&data));
    std::thread::sleep(window);
    let (used, cycles) = (processor_seconds(pid) - before, cycles(&data) - cycles_before);
    let memory = resident(pid);
    println!(
        "{mailboxes} mailboxes, {kind:?}: {} MiB resident, {} MiB at its peak; {used:.1} s of processor time in {window:?} with \
         {cycles} cycles, {:.1} % of one core",
        memory.now_kib / 1024,
        memory.peak_kib / 1024,
        100.0 * used / window.as_secs_f64()
    );
    println!("connections to the servers open at the end: {}", connections(pid));
    servers.end();
}

fn setup(kind: Kind, mailboxes: usize, servers: &Servers) -> String {
    let connections = if kind == Kind::Held { 300 } else { 10 };
    let push = kind == Kind::Held;
    let mut text = format!("[settings]\npush = {push}\n");
    for profile in 0..PROFILES {
        write!(
            text,
            "[[profile]]\nname = \"Bench {profile}\"\nserver_type = \"imap_smtp\"\nauthenticate_using = \"profile\"\n\
             user_name = \"profile{profile}@contoso.test\"\npassword = {{ env = \"BENCH_PASSWORD\" }}\n\
             max_concurrent_connections = {connections}\n"
        )
        .expect("text");
        for (direction, port) in [("incoming", servers.imap), ("outgoing", servers.smtp)] {
            write!(
                text,
                "  [profile.{direction}]\n  server = \"localhost\"\n  port = {port}\n  security = \"tls\"\n  \
                 ca_file = \"practice-ca.pem\"\n"
            )
            .expect("text");
        }
    }
    for mailbox in 0..mailboxes {
        write!(
            text,
            "[[user]]\nname = \"User {mailbox}\"\nemail = \"user{mailbox}@contoso.test\"\n\n[[mailbox]]\n\
             email = \"user{mailbox}@contoso.test\"\nprofile = \"Bench {}\"\nincoming = \"server_side_sync\"\n\
             outgoing = \"server_side_sync\"\nact = \"none\"\napproved = true\n",
            mailbox % PROFILES
        )
        .expect("text");
    }
    text
}

/// What another program does to the database, or reads from it.
fn sql(data: &TandemData, statement: &str) -> String {
    let database = data.path().join("tandem.db");
    let done = Command::new("sqlite3")
        .args(["-cmd", ".timeout 10000"])
        .arg(database)
        .arg(statement)
        .output()
        .expect("sqlite3");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}

fn enable(data: &TandemData) {
    let now = chrono::Utc::now().timestamp_millis();
    let statement = format!(
        "UPDATE mailbox_workload SET enabled = 1, status = 'success', tested_at = {now} WHERE workload <> 'act';
         INSERT INTO schedule (mailbox, workload, due_at) SELECT mailbox, workload, {now} FROM mailbox_workload
            WHERE workload <> 'act' ON CONFLICT DO UPDATE SET due_at = {now};"
    );
    let _ = sql(data, &statement);
}

fn completed(data: &TandemData) -> usize {
    let found = sql(data, "SELECT count(*) FROM schedule WHERE last_success_at IS NOT NULL");
    found.parse().expect("a number")
}

/// How many cycles have ended, of all workloads.
fn cycles(data: &TandemData) -> usize {
    let found = sql(
        data,
        "SELECT coalesce(sum(hour_cycles), 0) + (SELECT coalesce(sum(cycles), 0) FROM history_hour JOIN history \
            ON history.row = history_hour.history WHERE mailbox IS NOT NULL) FROM history WHERE mailbox IS NOT NULL",
    );
    found.parse().expect("a number")
}

/// The sockets of a process, the listening one of the engine included.
fn connections(pid: u32) -> usize {
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    open.filter_map(|entry| std::fs::read_link(entry.path()).ok())
        .filter(|path| path.to_string_lossy().starts_with("socket:"))
        .count()
}

/// The process of the servers.
struct Servers {
    child: Child,
    imap: u16,
    smtp: u16,
    ca_pem: String,
}

impl Servers {
    fn start() -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.arg("serve").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("start the servers");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut line = || lines.next().expect("a line").expect("a line");
        let (imap, smtp) =
            (line().parse().expect("the port of IMAP"), line().parse().expect("the port of SMTP"));
        let mut ca_pem = String::new();
        while !ca_pem.contains("-----END") {
            ca_pem += &line();
            ca_pem.push('\n');
        }
        Self { child, imap, smtp, ca_pem }
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.end();
    }
}

/// The servers' process: says where they are, and serves until its input ends.
pub fn serve() {
    let hub = MailHub::new();
    for profile in 0..PROFILES {
        let address = format!("profile{profile}@contoso.test");
        hub.add_account(&address, Password::new(PASSWORD), &address);
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let authority = Authority::generate().expect("an authority");
    let certificate = authority.server_certificate(CertificateFlaw::None).expect("a certificate");
    let options = || ServerOptions::with(Security::Tls(certificate.clone()));
    let (imap, smtp) = runtime.block_on(async {
        let imap = ImapServer::start(hub.clone(), options()).await.expect("IMAP");
        (imap, SmtpServer::start(hub.clone(), options()).await.expect("SMTP"))
    });
    println!("{}\n{}\n{}", imap.port(), smtp.port(), authority.pem().trim_end());
    let _ = std::io::stdin().lines().last();
}
