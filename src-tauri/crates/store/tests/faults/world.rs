//! Six mailboxes of two sites with the real store and the real engine, on a clock driven by hand.

use crate::{
    clock::{Asleep, HandClock},
    plain::{Entered, Plain, message},
    schedule::{Ending, Event, Side},
    servers::{Inbox, Servers, Site},
};
use std::{collections::HashSet, path::Path, sync::Arc, time::Duration};
use tandem_domain::{
    Instant,
    address::{EmailAddress, Mention, MessageId},
    directory::{DirectoryEntry, DirectoryId},
    email::{Direction, EmailStatus, NewEmail, Party, PartyRole},
    ids::{EmailId, MailboxId, ProfileId, QueueId, UserId, email_id},
    mailbox::{Approval, DeliveryMethod, Mailbox, MailboxOwner},
    message::ParsedMessage,
    probe::{Rung, RungName, RungOutcome},
    profile::{AuthenticateUsing, CertificateTrust, EmailServerProfile, Endpoint, Security, ServerType},
    send_limits::SendLimits,
    settings::IncomingFilter,
    workload::{Workload, WorkloadState},
};
use tandem_engine::{
    events::{EngineEvent, EventSink},
    ports::{Ports, clock::Clock, storage::Schedule, test_jobs::TestResults},
    runner::{Engine, EngineLimits, RunMode},
};
use tandem_store::{CredentialsOf, DATABASE_FILE, Store, configuration::ConfigurationChange};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The mailboxes: the first three at the first site, over POP3, the others at the second, over IMAP. The last of each
/// site is a queue whose copies on the server are deleted after processing.
pub const MAILBOXES: usize = 6;
/// So many looks in a row at which nobody did anything mean that all wait.
const QUIET_LOOKS: u32 = 4;

/// See the module.
pub struct World {
    pub clock: Arc<HandClock>,
    pub servers: Servers,
    pub store: Store,
    pub running: Option<Running>,
    /// Mailboxes whose password at the server is not the one that was entered.
    pub wrong: HashSet<usize>,
    /// What was queued: id, Message-ID, recipients, sender, and when.
    pub queued: Vec<Queued>,
    /// How far the clock was set back while no engine ran to notice it, and when.
    unseen: Vec<(Duration, Duration)>,
    entered: Arc<Entered>,
    ports: Ports,
    mails: u32,
    _folder: tempfile::TempDir,
}

/// An engine that runs.
pub struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
    pub since: Instant,
}

/// An email that was queued.
pub struct Queued {
    pub id: EmailId,
    pub message_id: String,
    pub recipients: Vec<String>,
    pub mailbox: usize,
    pub at: Duration,
}

struct Deaf;

impl EventSink for Deaf {
    fn emit(&self, _event: EngineEvent) {}
}

pub fn address(mailbox: usize) -> String {
    format!("box{mailbox}@contoso.test")
}

/// Ids that lie far apart, as random ones do.
pub fn mailbox_id(mailbox: usize) -> MailboxId {
    MailboxId(Uuid::from_u128((1 + mailbox as u128) << 125))
}

pub fn site(side: usize) -> ProfileId {
    ProfileId(Uuid::from_u128(50 + side as u128))
}

pub const fn site_of(mailbox: usize) -> usize {
    mailbox / 3
}

const fn is_queue(mailbox: usize) -> bool {
    mailbox % 3 == 2
}

fn owner(mailbox: usize) -> MailboxOwner {
    let id = Uuid::from_u128(200 + mailbox as u128);
    if is_queue(mailbox) { MailboxOwner::Queue(QueueId(id)) } else { MailboxOwner::User(UserId(id)) }
}

fn entry(mailbox: usize) -> DirectoryEntry {
    DirectoryEntry {
        id: match owner(mailbox) {
            MailboxOwner::User(id) => DirectoryId::User(id),
            MailboxOwner::Queue(id) => DirectoryId::Queue(id),
        },
        name: format!("Owner {mailbox}"),
        email: Some(EmailAddress::parse(&address(mailbox)).unwrap()),
        other_emails: Vec::new(),
        incoming_filter: Some(IncomingFilter::All),
    }
}

fn profile(side: usize) -> EmailServerProfile {
    let endpoint = |port| Endpoint {
        server: format!("mail{side}.contoso.test"),
        port,
        security: Security::Tls,
        trust: CertificateTrust::default(),
    };
    EmailServerProfile {
        id: site(side),
        name: format!("Site {side}"),
        description: String::new(),
        server_type: if side == 0 { ServerType::Pop3Smtp } else { ServerType::ImapSmtp },
        active: true,
        incoming: Some(endpoint(993)),
        outgoing: Some(endpoint(465)),
        authenticate_using: AuthenticateUsing::UserOrQueue,
        user_name: None,
        process_emails_from: None,
        max_concurrent_connections: 10,
        min_polling_interval_minutes: 0,
        send_limits: SendLimits::default(),
    }
}

fn mailbox(number: usize) -> Mailbox {
    Mailbox {
        id: mailbox_id(number),
        email: EmailAddress::parse(&address(number)).unwrap(),
        owner: owner(number),
        profile: Some(site(site_of(number))),
        incoming: DeliveryMethod::ServerSideSync,
        outgoing: DeliveryMethod::ServerSideSync,
        act: DeliveryMethod::None,
        approval: Approval::Approved,
        approval_rule: Default::default(),
        user_name: Some(address(number)),
        allow_credentials: true,
        delete_after_processing: is_queue(number),
        process_emails_from: None,
        incoming_state: WorkloadState::default(),
        outgoing_state: WorkloadState::default(),
        act_state: WorkloadState::default(),
    }
}

impl World {
    pub async fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let below = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
        let folder = tempfile::Builder::new().prefix("tandem-faults.").tempdir_in(below).unwrap();
        let clock = Arc::new(HandClock::new());
        let servers = Servers::new(Arc::clone(&clock));
        let now = clock.now();
        let store = Store::open(&folder.path().join(DATABASE_FILE), now).unwrap();
        let entered = Arc::new(Entered::default());
        let mut changes = Vec::new();
        for side in 0..2 {
            changes.push(ConfigurationChange::Profile(profile(side)));
            servers.state().sites.insert(site(side), Site::default());
        }
        for number in 0..MAILBOXES {
            changes.push(ConfigurationChange::Entry(entry(number)));
            changes.push(ConfigurationChange::Mailbox(Box::new(mailbox(number))));
            let inbox = Inbox { password: "first".to_owned(), ..Inbox::default() };
            servers.state().boxes.insert(address(number), inbox);
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
        let ports = Ports {
            storage: Arc::new(store.clone()),
            mail: Arc::new(servers.clone()),
            parser: Arc::new(Plain),
            composer: Arc::new(Plain),
            credentials: Arc::clone(&entered) as _,
            clock: Arc::clone(&clock) as _,
            events: Arc::new(Deaf),
        };
        Self {
            clock,
            servers,
            store,
            running: None,
            wrong: HashSet::new(),
            queued: Vec::new(),
            unseen: Vec::new(),
            entered,
            ports,
            mails: 0,
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
            let stop = stop.clone();
            async move { engine.run(RunMode::UntilStopped, stop).await.unwrap() }
        };
        self.running = Some(Running { stop, task: tokio::spawn(run), since: self.clock.now() });
    }

    pub async fn stop(&mut self, ending: Ending) {
        let Some(running) = self.running.take() else { return };
        if ending == Ending::Killed {
            running.task.abort();
            let _ = running.task.await;
            running.stop.cancel();
            self.settle().await;
            return;
        }
        running.stop.cancel();
        let before = self.clock.truth();
        while !running.task.is_finished() {
            self.settle().await;
            if !running.task.is_finished() {
                self.clock.advance(Duration::from_millis(500));
            }
        }
        running.task.await.unwrap();
        let took = self.clock.truth() - before;
        assert!(took <= Duration::from_secs(10), "a stop took {took:?}");
    }

    /// Returns when all wait: for time to pass, for a server, for news.
    pub async fn settle(&self) {
        let (mut seen, mut quiet) = (self.work(), 0);
        while quiet < QUIET_LOOKS {
            // Time of the runtime stands still, so this ends when every task waits and no read is under way.
            tokio::time::sleep(Duration::from_millis(1)).await;
            // Ends after everything that was to be written before.
            self.store.changed_elsewhere().await.unwrap();
            // But for that one.
            seen.1 += 1;
            let work = self.work();
            quiet = if work == seen { quiet + 1 } else { 0 };
            seen = work;
        }
    }

    /// Changes as long as anybody works: who goes on asks for the time, or writes.
    fn work(&self) -> (u64, u64) {
        (self.clock.asked(), self.store.writes_asked())
    }

    /// By how much less the calendar moved on than time since that moment, as far as nobody could know it: where no engine
    /// runs, the calendar is all there is.
    pub fn unseen_since(&self, truth: Duration) -> Duration {
        self.unseen.iter().filter(|(at, _)| *at >= truth).map(|(_, length)| *length).sum()
    }

    /// Makes something happen.
    pub async fn apply(&mut self, event: Event) {
        match event {
            Event::Arrives { mailbox, delay } => {
                self.mails += 1;
                let id = format!("in-{}@fabrikam.test", self.mails);
                self.servers.put(
                    &address(mailbox),
                    message(&id, "ben@fabrikam.test", &address(mailbox)),
                    delay,
                );
            }
            Event::Queue { mailbox, recipients } => self.queue(mailbox, recipients).await,
            Event::Site { side, way, trouble } => {
                let truth = self.clock.truth();
                let mut state = self.servers.state();
                let found = state.sites.get_mut(&site(side)).unwrap();
                if way != Side::Outgoing {
                    found.incoming.clone_from(&trouble);
                }
                if way != Side::Incoming {
                    let down = found.outgoing_down_since.take().unwrap_or(truth);
                    found.outgoing_down_since = trouble.is_some().then_some(down);
                    found.outgoing = trouble;
                }
                drop(state);
                self.servers.stir();
            }
            Event::Box { mailbox, trouble } => {
                self.servers.state().boxes.get_mut(&address(mailbox)).unwrap().trouble = trouble;
            }
            Event::NewPassword { mailbox } => {
                self.mails += 1;
                let password = format!("password {}", self.mails);
                self.servers.state().boxes.get_mut(&address(mailbox)).unwrap().password = password;
                self.wrong.insert(mailbox);
            }
            Event::Enter { mailbox } => self.enter(mailbox).await,
            Event::CutAfter { side, steps } => {
                self.servers.state().sites.get_mut(&site(side)).unwrap().cut_after = Some(steps);
            }
            Event::Lose { side, lost } => {
                self.servers.state().sites.get_mut(&site(side)).unwrap().lost.push(lost);
            }
            Event::Delay { by } => self.servers.state().delay = by,
            Event::SetClock { seconds } => {
                if self.running.is_none() && seconds < 0 {
                    self.unseen.push((self.clock.truth(), Duration::from_secs(seconds.unsigned_abs())));
                }
                self.clock.set(seconds);
            }
            Event::Sleep { length, asleep } => self.sleep(length, asleep),
            Event::Stop { ending } => self.stop(ending).await,
            Event::Start => {
                let latest_end = self.store.latest_end().await.unwrap();
                if latest_end.is_some_and(|end| end > self.clock.now() + Duration::from_secs(60)) {
                    // The engine sees it by that.
                    self.unseen.clear();
                }
                self.start();
            }
        }
    }

    fn sleep(&self, length: Duration, asleep: Asleep) {
        self.clock.sleep(length, asleep);
    }

    /// A person enters the password that is right now.
    pub async fn enter(&mut self, mailbox: usize) {
        if !self.wrong.remove(&mailbox) {
            return;
        }
        let password = self.servers.state().boxes[&address(mailbox)].password.clone();
        self.entered.0.lock().unwrap().insert(address(mailbox), password);
        let of = CredentialsOf::Mailbox(mailbox_id(mailbox));
        self.store.credentials_changed(of, self.clock.now()).await.unwrap();
    }

    async fn queue(&mut self, mailbox: usize, recipients: Vec<String>) {
        self.mails += 1;
        let message_id = format!("out-{}@contoso.test", self.mails);
        let party = |role, email: &str| Party {
            role,
            mention: Mention {
                written: email.to_owned(),
                address: Some(EmailAddress::parse(email).unwrap()),
                name: String::new(),
            },
            resolved: Vec::new(),
        };
        let id = email_id(self.store.organization_id(), "out", &message_id);
        let mut parties = vec![party(PartyRole::From, &address(mailbox))];
        parties.extend(recipients.iter().map(|one| party(PartyRole::To, one)));
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
        let raw = message(&message_id, &address(mailbox), &recipients[0]).into();
        let now = self.clock.now();
        self.store.insert_outgoing(email, parsed, raw, recipients.clone(), now).await.unwrap();
        self.queued.push(Queued { id, message_id, recipients, mailbox, at: self.clock.truth() });
    }
}
