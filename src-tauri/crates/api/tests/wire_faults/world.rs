//! Practice servers, the real store, adapters and engine, on a calendar driven by hand.

use crate::{
    clock::HandClock,
    mailboxes::{MAILBOXES, address, entry, mailbox, mailbox_id, owner, profile},
    schedule::{Event, Server},
};
use async_trait::async_trait;
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
    time::{Duration, Instant as Moment},
};
use tandem_domain::{
    Instant,
    address::{EmailAddress, Mention, MessageId},
    email::{Direction, EmailStatus, NewEmail, Party, PartyRole},
    failure::Failure,
    ids::{EmailId, email_id},
    mailbox::Mailbox,
    message::ParsedMessage,
    probe::{Rung, RungName, RungOutcome},
    profile::EmailServerProfile,
    settings::OrganizationSettings,
    workload::Workload,
};
use tandem_engine::{
    events::{EngineEvent, EventSink},
    permits::Pool,
    ports::{Ports, clock::Clock, mail::Credentials, storage::CredentialSource, test_jobs::TestResults},
    runner::{Engine, EngineLimits, RunMode},
};
use tandem_mail::{
    adapters::Adapters,
    mime::{compose::MimeComposer, parse::MimeParser},
    net::Timeouts,
};
use tandem_practice::{Faults, ImapServer, MailHub, Password, Pop3Server, ServerOptions, SmtpServer, Stage};
use tandem_store::{CredentialsOf, DATABASE_FILE, Store, configuration::ConfigurationChange};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Silence that a client bears. Real time: nothing else ends a wait for a socket.
const TIME_OUT: Duration = Duration::from_millis(200);
/// A cycle that asks nobody anything for so long waits for the calendar.
const WAITS: Duration = Duration::from_millis(700);
/// Nothing takes longer in real time.
const LONGEST: Duration = Duration::from_secs(60);
/// Whatever a client asks.
const COMMANDS: [&str; 30] = [
    "APPEND",
    "AUTH",
    "AUTHENTICATE",
    "CAPA",
    "CAPABILITY",
    "DATA",
    "DELE",
    "EHLO",
    "ENABLE",
    "EXAMINE",
    "EXPUNGE",
    "FETCH",
    "IDLE",
    "LIST",
    "LOGIN",
    "MAIL",
    "NOOP",
    "PASS",
    "QUIT",
    "RCPT",
    "RETR",
    "RSET",
    "SEARCH",
    "SELECT",
    "STAT",
    "STATUS",
    "STORE",
    "TOP",
    "UIDL",
    "USER",
];

/// See the module.
pub struct World {
    pub clock: Arc<HandClock>,
    pub store: Store,
    pub hub: MailHub,
    pub smtp: [SmtpServer; 2],
    pub running: Option<Running>,
    /// Mailboxes whose password at the server is not the one that was entered.
    pub wrong: HashSet<usize>,
    pub queued: Vec<Queued>,
    /// Message-IDs of what arrived, and where.
    pub arrived: Vec<(usize, String)>,
    /// Since when a server for incoming mail answers nothing well, by site.
    pub down_since: [Option<Duration>; 2],
    /// How far the clock was set back in all.
    pub set_back: Duration,
    pop3: Pop3Server,
    imap: ImapServer,
    entered: Arc<Entered>,
    ports: Ports,
    numbers: u32,
    _folder: tempfile::TempDir,
}

/// An engine that runs.
pub struct Running {
    engine: Arc<Engine>,
    stop: CancellationToken,
    task: JoinHandle<()>,
    pub since: Instant,
}

/// An email that was queued.
pub struct Queued {
    pub id: EmailId,
    pub message_id: String,
    pub to: Vec<usize>,
    pub mailbox: usize,
}

/// What a person entered, by address.
#[derive(Default)]
struct Entered(Mutex<HashMap<String, String>>);

#[async_trait]
impl CredentialSource for Entered {
    async fn credentials(&self, mailbox: &Mailbox, _: &EmailServerProfile) -> Result<Credentials, Failure> {
        let user_name = mailbox.email.to_string();
        let password = self.0.lock().unwrap()[&user_name].clone();
        Ok(Credentials::Password { user_name, password: password.into() })
    }
}

struct Deaf;

impl EventSink for Deaf {
    fn emit(&self, _event: EngineEvent) {}
}

fn message(id: &str, from: &str, to: &str, lines: usize) -> Vec<u8> {
    let body = ".A line of a message that was sent to be read.\r\n".repeat(lines);
    format!("Message-ID: <{id}>\r\nFrom: {from}\r\nTo: {to}\r\nSubject: {id}\r\n\r\nHello.\r\n{body}")
        .into_bytes()
}

impl World {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (clock, hub) = (Arc::new(HandClock::new()), MailHub::new());
        let now = clock.now();
        let store = Store::open(&folder.path().join(DATABASE_FILE), now).unwrap();
        let pop3 = Pop3Server::start(hub.clone(), ServerOptions::default()).await.unwrap();
        let imap = ImapServer::start(hub.clone(), ServerOptions::default()).await.unwrap();
        let smtp = [
            SmtpServer::start(hub.clone(), ServerOptions::default()).await.unwrap(),
            SmtpServer::start(hub.clone(), ServerOptions::default()).await.unwrap(),
        ];
        let entered = Arc::new(Entered::default());
        let settings = OrganizationSettings { allow_plain_connections: true, ..Default::default() };
        let mut changes = vec![
            ConfigurationChange::Settings(settings),
            ConfigurationChange::Profile(profile(0, pop3.port(), smtp[0].port())),
            ConfigurationChange::Profile(profile(1, imap.port(), smtp[1].port())),
        ];
        for number in 0..MAILBOXES {
            changes.push(ConfigurationChange::Entry(entry(number)));
            changes.push(ConfigurationChange::Mailbox(Box::new(mailbox(number))));
            hub.add_account(&address(number), Password::new("first"), "Owner");
            entered.0.lock().unwrap().insert(address(number), "first".to_owned());
        }
        store.apply(changes, now).await.unwrap();
        for number in 0..MAILBOXES {
            for workload in [Workload::Incoming, Workload::Outgoing] {
                let rung = Rung {
                    name: RungName::Login,
                    outcome: RungOutcome::Passed,
                    took_ms: 1,
                    server_said: "OK".to_owned(),
                };
                store.record_test(mailbox_id(number), workload, vec![rung], None, now).await.unwrap();
            }
        }
        let timeouts = Timeouts { connect: TIME_OUT, answer: TIME_OUT, commit: TIME_OUT };
        let ports = Ports {
            storage: Arc::new(store.clone()),
            mail: Arc::new(Adapters::new(timeouts)),
            parser: Arc::new(MimeParser),
            composer: Arc::new(MimeComposer),
            credentials: Arc::clone(&entered) as _,
            clock: Arc::clone(&clock) as _,
            events: Arc::new(Deaf),
        };
        Self {
            clock,
            store,
            hub,
            smtp,
            running: None,
            wrong: HashSet::new(),
            queued: Vec::new(),
            arrived: Vec::new(),
            down_since: [None; 2],
            set_back: Duration::ZERO,
            pop3,
            imap,
            entered,
            ports,
            numbers: 0,
            _folder: folder,
        }
    }

    pub fn start(&mut self) {
        if self.running.is_some() {
            return;
        }
        let engine = Engine::new(self.ports.clone(), EngineLimits::default());
        let stop = CancellationToken::new();
        let run = {
            let (engine, stop) = (Arc::clone(&engine), stop.clone());
            async move { engine.run(RunMode::UntilStopped, stop).await.unwrap() }
        };
        self.running = Some(Running { engine, stop, task: tokio::spawn(run), since: self.clock.now() });
    }

    pub async fn stop(&mut self) {
        let Some(running) = self.running.take() else { return };
        running.stop.cancel();
        let begun = Moment::now();
        while !running.task.is_finished() {
            tokio::time::sleep(Duration::from_millis(5)).await;
            self.clock.advance(Duration::from_millis(5));
            assert!(begun.elapsed() < LONGEST, "it does not stop");
        }
        running.task.await.unwrap();
    }

    async fn kill(&mut self) {
        let Some(running) = self.running.take() else { return };
        running.task.abort();
        let _ = running.task.await;
        running.stop.cancel();
        // What it was writing is written, or not.
        self.store.changed_elsewhere().await.unwrap();
    }

    fn faults(&self, server: Server) -> &Faults {
        match server {
            Server::Pop3 => self.pop3.faults(),
            Server::Imap => self.imap.faults(),
            Server::Smtp(side) => self.smtp[side].faults(),
        }
    }

    fn all_faults(&self) -> [&Faults; 4] {
        [Server::Pop3, Server::Imap, Server::Smtp(0), Server::Smtp(1)].map(|server| self.faults(server))
    }

    /// How many faults a client met.
    pub fn fired(&self) -> u64 {
        self.all_faults().into_iter().map(Faults::fired).sum()
    }

    /// Changes as long as anybody works.
    fn work(&self) -> (u64, usize, u64) {
        let heard = [self.pop3.commands().len(), self.imap.commands().len()];
        let sent: usize = self.smtp.iter().map(|one| one.commands().len()).sum();
        (self.store.writes_asked(), heard.iter().sum::<usize>() + sent, self.fired())
    }

    fn runs(&self) -> bool {
        let Some(running) = &self.running else { return false };
        let load = running.engine.load();
        Pool::ALL.into_iter().any(|pool| load.pools.of(pool).running > 0)
    }

    /// Returns when no cycle runs, or the one that does waits for the calendar.
    pub async fn settle(&self) {
        let begun = Moment::now();
        let (mut seen, mut since, mut quiet) = (self.work(), begun, 0);
        loop {
            tokio::time::sleep(Duration::from_millis(1)).await;
            let work = self.work();
            if work != seen {
                (seen, since, quiet) = (work, Moment::now(), 0);
            }
            quiet = if self.runs() { 0 } else { quiet + 1 };
            if quiet >= 3 || since.elapsed() > WAITS {
                return;
            }
            assert!(begun.elapsed() < LONGEST, "it works without an end");
        }
    }

    /// Makes something happen.
    pub async fn apply(&mut self, event: Event) {
        match event {
            Event::Arrives { mailbox, lines } => {
                self.numbers += 1;
                let id = format!("in-{}@fabrikam.test", self.numbers);
                let raw = message(&id, "ben@fabrikam.test", &address(mailbox), lines);
                self.hub.deliver(&address(mailbox), raw).unwrap();
                self.arrived.push((mailbox, id));
            }
            Event::Queue { mailbox, to } => self.queue(mailbox, to).await,
            Event::Breaks { server, stage, fault, times } => self.faults(server).times(times, stage, fault),
            Event::Down { server, fault } => {
                let faults = self.faults(server);
                faults.always(Stage::Greeting, fault.clone());
                for command in COMMANDS {
                    faults.always(Stage::command(command), fault.clone());
                }
                // A session that listens hears nothing of that; it is gone with the next thing that it is told.
                if let Some(side) = incoming_of(server) {
                    let truth = self.clock.truth();
                    self.down_since[side].get_or_insert(truth);
                }
            }
            Event::Slow { server, pace } => self.faults(server).set_pace(pace),
            Event::Ends { server } => {
                self.faults(server).clear();
                if let Some(side) = incoming_of(server) {
                    self.down_since[side] = None;
                }
            }
            Event::NewPassword { mailbox } => {
                self.numbers += 1;
                let password = Password::new(format!("password {}", self.numbers));
                self.hub.set_password(&address(mailbox), password).unwrap();
                self.wrong.insert(mailbox);
            }
            Event::Enter { mailbox } => self.enter(mailbox).await,
            Event::SetClock { seconds } => {
                self.set_back += Duration::from_secs((-seconds).max(0).unsigned_abs());
                self.clock.set(seconds);
            }
            Event::Sleep { length, asleep } => self.clock.sleep(length, asleep),
            Event::Kill => self.kill().await,
            Event::Stop => self.stop().await,
            Event::Start => self.start(),
        }
    }

    /// All servers behave, all passwords are right, and the engine runs.
    pub async fn end_faults(&mut self) {
        for faults in self.all_faults() {
            faults.clear();
        }
        self.down_since = [None; 2];
        for mailbox in 0..MAILBOXES {
            self.enter(mailbox).await;
        }
        self.start();
    }

    /// A person sets a password at the server and enters it.
    async fn enter(&mut self, mailbox: usize) {
        if !self.wrong.remove(&mailbox) {
            return;
        }
        self.numbers += 1;
        let password = format!("password {}", self.numbers);
        self.hub.set_password(&address(mailbox), Password::new(password.clone())).unwrap();
        self.entered.0.lock().unwrap().insert(address(mailbox), password);
        let of = CredentialsOf::Mailbox(mailbox_id(mailbox));
        self.store.credentials_changed(of, self.clock.now()).await.unwrap();
    }

    async fn queue(&mut self, mailbox: usize, to: Vec<usize>) {
        self.numbers += 1;
        let message_id = format!("out-{}@contoso.test", self.numbers);
        let party = |role, email: String| Party {
            role,
            mention: Mention {
                address: Some(EmailAddress::parse(&email).unwrap()),
                written: email,
                name: String::new(),
            },
            resolved: Vec::new(),
        };
        let id = email_id(self.store.organization_id(), "out", &message_id);
        let mut parties = vec![party(PartyRole::From, address(mailbox))];
        parties.extend(to.iter().map(|one| party(PartyRole::To, address(*one))));
        let email = NewEmail {
            id,
            direction: Direction::Outgoing,
            status: EmailStatus::PendingSend,
            owner: owner(mailbox),
            mailbox: mailbox_id(mailbox),
            accepting_entity: None,
            parties,
            regarding: None,
            correlation: None,
            received_at: None,
            send_after: None,
        };
        let parsed = ParsedMessage {
            message_id: MessageId::parse(&message_id),
            subject: message_id.clone(),
            ..Default::default()
        };
        let raw = message(&message_id, &address(mailbox), &address(to[0]), 20).into();
        let recipients = to.iter().map(|one| address(*one)).collect();
        self.store.insert_outgoing(email, parsed, raw, recipients, self.clock.now()).await.unwrap();
        self.queued.push(Queued { id, message_id, to, mailbox });
    }
}

const fn incoming_of(server: Server) -> Option<usize> {
    match server {
        Server::Pop3 => Some(0),
        Server::Imap => Some(1),
        Server::Smtp(_) => None,
    }
}
