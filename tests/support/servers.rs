//! Real mail servers for one test: Dovecot and Postfix, from a private folder, on free ports, gone when dropped.
//!
//! Nothing of the system's own mail services is read, started or changed.
use crate::{
    certificate::Certificates,
    dovecot,
    guard::Guard,
    maildir,
    options::{Account, MailOptions},
    postfix, wait,
    wire::Wire,
};
use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant, SystemTime},
};

const START_LIMIT: Duration = Duration::from_secs(30);

/// Ports on 127.0.0.1. Dovecot takes a login there without TLS too, because both ends are the same machine; Postfix does not.
#[derive(Debug, Clone)]
pub struct Ports {
    /// POP3; STLS before login.
    pub pop3: u16,
    /// POP3 with TLS from the start.
    pub pop3s: u16,
    /// IMAP; STARTTLS before login.
    pub imap: u16,
    /// IMAP with TLS from the start.
    pub imaps: u16,
    /// SMTP submission; STARTTLS before AUTH (the field's 587).
    pub submission: u16,
    /// SMTP submission with TLS from the start (the field's 465).
    pub submissions: u16,
    /// SMTP as the world reaches it (the field's 25): no login, only to our accounts.
    pub outside: u16,
}

/// One of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// POP3 and IMAP, and the passwords for all three protocols.
    Dovecot,
    /// SMTP.
    Postfix,
}

/// Who owns the mail.
#[derive(Debug)]
pub(crate) struct Owner {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) user: String,
    pub(crate) group: String,
}

/// Where and as whom the servers run.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) folder: PathBuf,
    pub(crate) owner: Owner,
    pub(crate) is_root: bool,
}

/// Running servers; dropping them ends them.
#[derive(Debug)]
pub struct MailServers {
    /// The mailboxes that exist, with their passwords.
    pub accounts: Vec<Account>,
    /// Where to connect.
    pub ports: Ports,
    /// Whom to trust.
    pub certificates: Certificates,
    setting: Setting,
    dovecot: Option<Child>,
    _guard: Guard,
}

impl MailServers {
    /// Servers with the accounts amy, ben and support.
    pub fn start() -> Self {
        Self::start_with(&MailOptions::default())
    }

    /// Servers as asked; returns when each port answered with our certificate and a login succeeded.
    ///
    /// # Panics
    /// When a package is missing, or with both server logs when they are not ready in 30 seconds.
    pub fn start_with(options: &MailOptions) -> Self {
        let setting = Setting::make(options);
        let folder = setting.folder.clone();
        let pid_files = [folder.join("dovecot/run/master.pid"), folder.join("postfix/queue/pid/master.pid")];
        let guard = Guard::over(&folder, setting.privilege(), &[&pid_files[0], &pid_files[1]]);
        let mut servers = Self {
            accounts: options.accounts.clone(),
            ports: Ports::free(),
            certificates: Certificates::make(&folder, &["mail.contoso.test"]),
            setting,
            dovecot: None,
            _guard: guard,
        };
        for attempt in 1..=3 {
            dovecot::configure(&servers.setting, &servers.ports, options);
            postfix::configure(&servers.setting, &servers.ports, options);
            servers.launch(Server::Postfix);
            servers.launch(Server::Dovecot);
            match servers.until_ready() {
                Ok(()) => break,
                // Somebody was faster on one of the free ports.
                Err(why) if attempt < 3 && why.contains("already in use") => {
                    servers.stop(Server::Dovecot);
                    servers.stop(Server::Postfix);
                    servers.ports = Ports::free();
                }
                Err(why) => panic!("{why}"),
            }
        }
        servers
    }

    /// The account with this address, or with this name before the `@`.
    ///
    /// # Panics
    /// When there is none.
    pub fn account(&self, name: &str) -> &Account {
        let found = self
            .accounts
            .iter()
            .find(|account| account.address == name || account.address.split('@').next() == Some(name));
        found.unwrap_or_else(|| panic!("the test servers have no account {name}"))
    }

    /// Puts a message into the account's inbox directly (no SMTP): thousands a second, in the order of the calls.
    pub fn deliver(&self, account: &str, raw: &[u8]) {
        maildir::deliver(&self.maildir(account), &self.setting.owner, raw, None);
    }

    /// The same with the time at which the server received it (IMAP's internal date).
    pub fn deliver_received_at(&self, account: &str, raw: &[u8], received: SystemTime) {
        maildir::deliver(&self.maildir(account), &self.setting.owner, raw, Some(received));
    }

    /// Sends a message over SMTP as a stranger's server would: no login, to an account of ours. Returns when Postfix has
    /// accepted it; it is in the inbox a moment later ([`Self::wait_for_inbox`]).
    ///
    /// # Panics
    /// When a step is refused, with the server's words.
    pub fn send_from_outside(&self, from: &str, to: &str, raw: &[u8]) {
        let mut wire = Wire::plain(self.ports.outside).expect("connect to Postfix");
        let expect = |reply: std::io::Result<String>, code: &str| {
            let reply = reply.expect("Postfix answers");
            assert!(
                reply.starts_with(code),
                "mail from {from} to {to}: expected {code}, Postfix said {reply}"
            );
        };
        expect(wire.smtp_reply(), "220");
        expect(wire.smtp("EHLO outside.example"), "250");
        expect(wire.smtp(&format!("MAIL FROM:<{from}> BODY=8BITMIME")), "250");
        expect(wire.smtp(&format!("RCPT TO:<{}>", self.account(to).address)), "250");
        expect(wire.smtp("DATA"), "354");
        expect(wire.smtp_data(raw), "250");
        expect(wire.smtp("QUIT"), "221");
    }

    /// Every message in the account's inbox, raw, in the order of arrival.
    pub fn inbox(&self, account: &str) -> Vec<Vec<u8>> {
        maildir::read(&self.maildir(account))
    }

    /// Every message in another folder of the account, for example `Sent`.
    pub fn folder(&self, account: &str, folder: &str) -> Vec<Vec<u8>> {
        maildir::read(&self.maildir(account).join(format!(".{folder}")))
    }

    /// The inbox as soon as it has at least `count` messages.
    ///
    /// # Panics
    /// After `limit`, with the servers' logs.
    pub fn wait_for_inbox(&self, account: &str, count: usize, limit: Duration) -> Vec<Vec<u8>> {
        let start = Instant::now();
        loop {
            let inbox = self.inbox(account);
            if inbox.len() >= count {
                return inbox;
            }
            assert!(
                start.elapsed() < limit,
                "after {limit:?} the inbox of {account} has {} of {count} messages\n{}",
                inbox.len(),
                self.logs()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stops a server without notice: connections break, its ports refuse.
    pub fn stop(&mut self, server: Server) {
        self.signal(server, "KILL");
        if let (Server::Dovecot, Some(mut child)) = (server, self.dovecot.take()) {
            let _ = child.wait();
        }
        // The master's end is not yet the end of its helpers, and each of them holds the ports open too.
        let start = Instant::now();
        for port in self.ports.of(server) {
            while Wire::plain(port).is_ok() && start.elapsed() < START_LIMIT {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        // What the killed master can no longer remove would stop the next one.
        let file = self.pid_file(server);
        let _ = self.setting.privileged("rm").arg("-f").arg(file).status();
    }

    /// Starts a stopped server again, same ports, same mail.
    ///
    /// # Panics
    /// As [`Self::start_with`].
    pub fn start_again(&mut self, server: Server) {
        self.launch(server);
        if let Err(why) = self.until_ready() {
            panic!("{why}");
        }
    }

    /// Stops and starts a server.
    pub fn restart(&mut self, server: Server) {
        self.stop(server);
        self.start_again(server);
    }

    /// Freezes a server: it accepts connections and never answers.
    pub fn pause(&self, server: Server) {
        self.signal(server, "STOP");
    }

    /// Lets a frozen server go on.
    pub fn resume(&self, server: Server) {
        self.signal(server, "CONT");
    }

    /// The ends of both servers' logs, for a failure's message.
    pub fn logs(&self) -> String {
        let dovecot = self.setting.tail("dovecot/log");
        let postfix = self.setting.tail("postfix/queue/mail.log");
        format!("--- Dovecot's log ---\n{dovecot}\n--- Postfix's log ---\n{postfix}")
    }

    /// A server's whole log, for a test that proves what was (not) asked of it.
    pub fn log(&self, server: Server) -> String {
        let file = match server {
            Server::Dovecot => "dovecot/log",
            Server::Postfix => "postfix/queue/mail.log",
        };
        let output = self.setting.privileged("cat").arg(self.setting.folder.join(file)).output();
        output.map_or_else(|_| String::new(), |output| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Gives the account another password at the server; logins from now on need it.
    pub fn change_password(&mut self, account: &str, password: &str) {
        let address = self.account(account).address.clone();
        for account in &mut self.accounts {
            if account.address == address {
                password.clone_into(&mut account.password);
            }
        }
        dovecot::write_users(&self.setting, &self.accounts);
        wait::wait_until("Dovecot to know the new password", START_LIMIT, || {
            let mut wire = Wire::tls(self.ports.imaps, &self.certificates).ok()?;
            wire.line().ok()?;
            wire.send(&format!("a LOGIN {address} \"{password}\"")).ok()?;
            let answer = wire.lines_until(|line| line.starts_with("a ")).ok()?;
            answer.last()?.starts_with("a OK").then_some(())
        });
    }

    /// Loses everything that Dovecot knew about the account's inbox, as a restore from a backup does: it numbers the
    /// same messages anew under another UIDVALIDITY.
    pub fn forget_identities(&self, account: &str) {
        let maildir = self.maildir(account);
        for entry in fs::read_dir(&maildir).expect("read maildir") {
            let entry = entry.expect("maildir entry");
            if entry.file_name().to_string_lossy().starts_with("dovecot") {
                fs::remove_file(entry.path()).expect("remove Dovecot's file");
            }
        }
        // Dovecot takes the UIDVALIDITY from this file when it starts a new list: another one than before.
        let next =
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock").as_secs() + 1000;
        let file = maildir.join(format!("dovecot-uidvalidity.{next:08x}"));
        fs::write(&file, b"").expect("write");
        fs::write(maildir.join("dovecot-uidvalidity"), format!("{next:08x}")).expect("write");
        for file in [file, maildir.join("dovecot-uidvalidity")] {
            chown(file, Some(self.setting.owner.uid), Some(self.setting.owner.gid)).expect("own");
        }
    }

    fn maildir(&self, account: &str) -> PathBuf {
        self.setting.folder.join("mail").join(&self.account(account).address)
    }

    fn pid_file(&self, server: Server) -> PathBuf {
        self.setting.folder.join(match server {
            Server::Dovecot => "dovecot/run/master.pid",
            Server::Postfix => "postfix/queue/pid/master.pid",
        })
    }

    fn launch(&mut self, server: Server) {
        let output = fs::File::options()
            .create(true)
            .append(true)
            .open(self.setting.folder.join("output"))
            .expect("open output");
        let errors = output.try_clone().expect("share output");
        let mut command = match server {
            Server::Dovecot => dovecot::command(&self.setting),
            Server::Postfix => postfix::command(&self.setting),
        };
        command.stdin(Stdio::null()).stdout(output).stderr(errors).current_dir(&self.setting.folder);
        match server {
            Server::Dovecot => self.dovecot = Some(command.spawn().expect("dovecot starts")),
            // Its failure shows when it is not ready; the words are in the output.
            Server::Postfix => drop(command.status().expect("postfix starts")),
        }
    }

    fn until_ready(&mut self) -> Result<(), String> {
        let start = Instant::now();
        loop {
            let why = match self.probe() {
                Ok(()) => return Ok(()),
                Err(why) => why,
            };
            let ended = self.dovecot.as_mut().and_then(|child| child.try_wait().ok().flatten());
            let output = self.setting.tail("output");
            let logs = self.logs();
            let hopeless = ended.is_some() || format!("{output}{logs}").contains("already in use");
            if hopeless || start.elapsed() > START_LIMIT {
                return Err(format!(
                    "the test mail servers are not ready: {why}\n--- output ---\n{output}\n{logs}"
                ));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Each port answers, the TLS ones with our certificate, and both protocols of login work.
    fn probe(&self) -> Result<(), String> {
        let p = &self.ports;
        for port in [p.pop3, p.imap, p.submission, p.outside] {
            Wire::plain(port)
                .and_then(|mut wire| wire.line())
                .map_err(|error| format!("port {port}: {error}"))?;
        }
        for port in [p.pop3s, p.imaps, p.submissions] {
            let mut wire =
                Wire::tls(port, &self.certificates).map_err(|error| format!("port {port}: {error}"))?;
            let greeting = wire.line().map_err(|error| format!("port {port}: {error}"))?;
            if wire.fingerprint.as_ref() != Some(&self.certificates.fingerprint) {
                return Err(format!("port {port} belongs to another server: already in use"));
            }
            let Some(account) = self.accounts.first() else { continue };
            let answer = if greeting.starts_with("* OK") {
                wire.send(&format!("a LOGIN {} \"{}\"", account.address, account.password))
                    .and_then(|()| wire.lines_until(|line| line.starts_with("a ")))
                    .map(|lines| lines.concat().contains("a OK"))
            } else if greeting.starts_with("220") {
                wire.smtp("EHLO probe.example").map(|reply| reply.contains("AUTH") && reply.contains("PLAIN"))
            } else {
                Ok(true)
            };
            if !answer.map_err(|error| format!("port {port}: {error}"))? {
                return Err(format!("port {port}: login does not work"));
            }
        }
        Ok(())
    }

    fn signal(&self, server: Server, name: &str) {
        let script = r#"pid=$(tr -cd 0-9 < "$1") && [ -n "$pid" ] && kill -s "$2" -- "-$pid""#;
        let mut command = self.setting.privileged("sh");
        let _ = command
            .args(["-c", script, "signal"])
            .arg(self.pid_file(server))
            .arg(name)
            .stderr(Stdio::null())
            .status();
    }
}

impl Ports {
    fn free() -> Self {
        Self {
            pop3: wait::free_port(),
            pop3s: wait::free_port(),
            imap: wait::free_port(),
            imaps: wait::free_port(),
            submission: wait::free_port(),
            submissions: wait::free_port(),
            outside: wait::free_port(),
        }
    }

    /// Those at which this server listens.
    fn of(&self, server: Server) -> Vec<u16> {
        match server {
            Server::Dovecot => vec![self.pop3, self.pop3s, self.imap, self.imaps],
            Server::Postfix => vec![self.submission, self.submissions, self.outside],
        }
    }
}

impl Setting {
    /// Makes the folder and everything in it that must exist before the servers start.
    fn make(options: &MailOptions) -> Self {
        program("dovecot");
        program("postfix");
        let caller = id("", "-u");
        let is_root = caller == "0";
        let user = if is_root { "mail" } else { "" };
        let owner = Owner {
            uid: id(user, "-u").parse().expect("a user number"),
            gid: id(user, "-g").parse().expect("a group number"),
            user: id(user, "-un"),
            group: id(user, "-gn"),
        };
        let parent = options.parent.clone().unwrap_or_else(std::env::temp_dir);
        let folder =
            tempfile::Builder::new().prefix("tandem-mail.").tempdir_in(parent).expect("make a folder").keep();
        let setting = Self { folder, owner, is_root };
        // Postfix's own user must be able to enter.
        open_to_all(&setting.folder);
        for part in ["dovecot", "dovecot/run", "dovecot/state", "mail", "postfix", "postfix/etc"] {
            let path = setting.folder.join(part);
            fs::create_dir(&path).expect("make a folder");
            open_to_all(&path);
        }
        let script = r#"mkdir -m 755 "$1/queue" "$1/data" && chown postfix "$1/data""#;
        let mut command = setting.privileged("sh");
        let made = command
            .args(["-c", script, "make"])
            .arg(setting.folder.join("postfix"))
            .status()
            .expect("sh runs");
        assert!(
            made.success(),
            "the test mail servers need root, or sudo without a question: run `sudo -v` first"
        );
        chown(setting.folder.join("mail"), Some(setting.owner.uid), Some(setting.owner.gid))
            .expect("own the mail folder");
        for account in &options.accounts {
            maildir::make(&setting.folder.join("mail").join(&account.address), &setting.owner);
        }
        setting
    }

    /// A command that runs as root.
    pub(crate) fn privileged(&self, name: &str) -> Command {
        let path = program(name);
        if self.is_root {
            return Command::new(path);
        }
        let mut command = Command::new("sudo");
        command.arg("-n").arg(path);
        command
    }

    fn privilege(&self) -> &'static str {
        if self.is_root { "" } else { "sudo -n" }
    }

    fn tail(&self, file: &str) -> String {
        let output = self
            .privileged("tail")
            .args(["-n", "40"])
            .arg(self.folder.join(file))
            .stderr(Stdio::null())
            .output();
        output.map_or_else(|_| String::new(), |output| String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// Where a program is: on PATH, or where Debian keeps what only administrators run.
///
/// # Panics
/// When it is not installed.
pub(crate) fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders =
        std::env::split_paths(&path).chain(["/usr/sbin", "/usr/bin", "/sbin", "/bin"].map(PathBuf::from));
    let found = folders.map(|folder| folder.join(name)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("{name} is not installed: run script/bootstrap"))
}

fn id(user: &str, what: &str) -> String {
    let mut command = Command::new("id");
    command.arg(what);
    if !user.is_empty() {
        command.arg(user);
    }
    let output = command.output().expect("id runs");
    assert!(output.status.success(), "there is no user {user} on this machine");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn open_to_all(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("open a folder");
}
