//! What the engine's own tests stand on: a clock driven by hand, storage in memory, scripted mail servers, and a
//! stop that can be put at any step.

use crate::{
    access::{Prepared, prepare},
    cycle::{CycleContext, CycleLimits, InFlight, SendTurns},
    events::{EngineEvent, EventSink},
    ports::{Ports, clock::Clock, mail::Credentials, storage::CredentialSource},
};
use async_trait::async_trait;
use chrono::{DateTime, Duration};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use tandem_domain::{
    Instant,
    address::EmailAddress,
    failure::Failure,
    ids::{CycleId, MailboxId, ProfileId, QueueId, UserId},
    mailbox::{Approval, DeliveryMethod, Mailbox, MailboxOwner},
    profile::{AuthenticateUsing, CertificateTrust, EmailServerProfile, Endpoint, Security, ServerType},
    send_limits::SendLimits,
    workload::{Workload, WorkloadState},
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub mod mime;
pub mod server;
pub mod store;
mod verifications;

pub use server::Server;
pub use store::Store;

/// The instant at which tests begin.
pub fn at(seconds: i64) -> Instant {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

/// What happened, in order, at the server and in the store.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub fn add(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    pub fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// Counts steps; from the one at which it is set on, nothing goes on: the process was killed there.
pub struct Steps {
    taken: AtomicUsize,
    stop_at: AtomicUsize,
    stopped: Notify,
    on: Notify,
}

impl Steps {
    pub fn new() -> Arc<Self> {
        let (taken, stop_at) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
        Arc::new(Self { taken, stop_at, stopped: Notify::new(), on: Notify::new() })
    }

    pub async fn step(&self) {
        if self.taken.fetch_add(1, Ordering::SeqCst) >= self.stop_at.load(Ordering::SeqCst) {
            self.stopped.notify_one();
            self.on.notified().await;
        }
    }

    pub fn stop_at(&self, step: usize) {
        self.taken.store(0, Ordering::SeqCst);
        self.stop_at.store(step, Ordering::SeqCst);
    }

    /// Lets go on what stopped: it was no kill, only a pause.
    pub fn go_on(&self) {
        self.stop_at(usize::MAX);
        self.on.notify_waiters();
    }

    /// Runs `work` until it is done, `Some`, or killed, `None`.
    pub async fn run<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.stopped.notified() => None,
            done = work => Some(done),
        }
    }
}

/// A clock driven by hand; with `impatient`, every wait moves it on.
pub struct HandClock {
    time: Mutex<HandTime>,
    moved: Notify,
    impatient: bool,
}

#[derive(Clone, Copy)]
struct HandTime {
    now: Instant,
    passed: std::time::Duration,
}

impl HandClock {
    fn new(impatient: bool) -> Self {
        let time = HandTime { now: at(0), passed: std::time::Duration::ZERO };
        Self { time: Mutex::new(time), moved: Notify::new(), impatient }
    }

    fn time(&self) -> HandTime {
        *self.time.lock().unwrap()
    }

    pub fn move_to(&self, to: Instant) {
        self.advance(to - self.now());
    }

    /// Time passes; it never goes back.
    pub fn advance(&self, by: Duration) {
        let by = by.to_std().unwrap_or_default();
        {
            let mut time = self.time.lock().unwrap();
            time.now += by;
            time.passed += by;
        }
        self.moved.notify_waiters();
    }

    /// The clock jumps: it was set, or the machine slept. No time passes for what runs.
    pub fn jump(&self, by: Duration) {
        self.time.lock().unwrap().now += by;
        self.moved.notify_waiters();
    }
}

#[async_trait]
impl Clock for HandClock {
    fn now(&self) -> Instant {
        self.time().now
    }

    fn monotonic(&self) -> std::time::Duration {
        self.time().passed
    }

    async fn wait_until(&self, until: Instant) {
        if self.impatient {
            self.move_to(until);
            return tokio::task::yield_now().await;
        }
        loop {
            let moved = self.moved.notified();
            if self.now() >= until {
                return;
            }
            moved.await;
        }
    }

    async fn pause(&self, length: std::time::Duration) {
        let until = self.monotonic() + length;
        if self.impatient {
            // Nobody waits for anything here, so no patience ends.
            return std::future::pending().await;
        }
        loop {
            let moved = self.moved.notified();
            if self.monotonic() >= until {
                return;
            }
            moved.await;
        }
    }
}

/// Keeps events.
#[derive(Default)]
pub struct Heard(pub Mutex<Vec<EngineEvent>>);

impl EventSink for Heard {
    fn emit(&self, event: EngineEvent) {
        self.0.lock().unwrap().push(event);
    }
}

/// One password for all but those that have their own.
struct Passwords(Arc<Mutex<HashMap<String, String>>>);

#[async_trait]
impl CredentialSource for Passwords {
    async fn credentials(
        &self,
        mailbox: &Mailbox,
        profile: &EmailServerProfile,
    ) -> Result<Credentials, Failure> {
        let user_name = match profile.authenticate_using {
            AuthenticateUsing::Profile => profile.user_name.clone().unwrap_or_default(),
            _ => mailbox.email.to_string(),
        };
        let usual = if user_name.starts_with("nopassword") { "" } else { "secret" };
        let own = self.0.lock().unwrap().get(&user_name).cloned();
        Ok(Credentials::Password { user_name, password: own.unwrap_or_else(|| usual.to_owned()).into() })
    }
}

/// A whole world: storage, a server, a clock.
pub struct World {
    pub store: Arc<Store>,
    pub server: Arc<Server>,
    pub clock: Arc<HandClock>,
    pub heard: Arc<Heard>,
    pub steps: Arc<Steps>,
    pub log: Log,
    pub ports: Ports,
    /// Passwords that were entered, by user name.
    pub passwords: Arc<Mutex<HashMap<String, String>>>,
}

/// The one profile.
pub const PROFILE: ProfileId = ProfileId(Uuid::from_u128(0xF));

impl World {
    /// A world whose clock is moved by hand only.
    pub fn new() -> Self {
        Self::with_clock(false)
    }

    /// A world in which every wait is over at once, and time has passed.
    pub fn impatient() -> Self {
        Self::with_clock(true)
    }

    fn with_clock(impatient: bool) -> Self {
        let (steps, log) = (Steps::new(), Log::default());
        let store = Arc::new(Store::new(Arc::clone(&steps), log.clone()));
        let clock = Arc::new(HandClock::new(impatient));
        let server = Arc::new(Server::new(Arc::clone(&clock), Arc::clone(&steps), log.clone()));
        let heard = Arc::new(Heard::default());
        let passwords = Arc::default();
        let ports = Ports {
            storage: Arc::clone(&store) as _,
            mail: Arc::clone(&server) as _,
            parser: Arc::new(mime::Plain),
            composer: Arc::new(mime::Plain),
            credentials: Arc::new(Passwords(Arc::clone(&passwords))),
            clock: Arc::clone(&clock) as _,
            events: Arc::clone(&heard) as _,
        };
        let world = Self { store, server, clock, heard, steps, log, ports, passwords };
        world.store.add_profile(profile(PROFILE));
        world
    }

    /// Adds a user's mailbox that is approved and enabled.
    pub fn mailbox(&self, number: u128, address: &str) -> MailboxId {
        self.add(mailbox(number, address))
    }

    /// Adds a mailbox.
    pub fn add(&self, mailbox: Mailbox) -> MailboxId {
        let id = mailbox.id;
        self.server.add_box(mailbox.email.as_str());
        self.store.add_mailbox(mailbox);
        id
    }

    /// What a cycle of this mailbox works with.
    pub async fn context(&self, mailbox: MailboxId, workload: Workload) -> CycleContext {
        let prepared: Prepared = prepare(&self.ports, mailbox, workload).await.unwrap();
        CycleContext {
            ports: self.ports.clone(),
            prepared,
            start: None,
            cycle: CycleId(Uuid::new_v4()),
            limits: CycleLimits { batch_messages: 3, page_messages: 4, ..CycleLimits::default() },
            in_flight: InFlight::default(),
            send_turns: SendTurns::default(),
            is_probe: false,
            steady_since: Instant::MIN_UTC,
            cancel: CancellationToken::new(),
        }
    }
}

/// The id of a mailbox: those of numbers in a row lie far apart, as random ones do.
pub fn mailbox_id(number: u128) -> MailboxId {
    MailboxId(Uuid::from_u128(number.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)))
}

/// An enabled mailbox of a user.
pub fn mailbox(number: u128, address: &str) -> Mailbox {
    let enabled = || WorkloadState { enabled: true, ..Default::default() };
    Mailbox {
        id: mailbox_id(number),
        email: EmailAddress::parse(address).unwrap(),
        owner: MailboxOwner::User(UserId(Uuid::from_u128(1_000 + number))),
        profile: Some(PROFILE),
        incoming: DeliveryMethod::ServerSideSync,
        outgoing: DeliveryMethod::ServerSideSync,
        act: DeliveryMethod::None,
        approval: Approval::Approved,
        approval_rule: Default::default(),
        user_name: None,
        allow_credentials: true,
        delete_after_processing: false,
        process_emails_from: None,
        incoming_state: enabled(),
        outgoing_state: enabled(),
        act_state: WorkloadState::default(),
    }
}

/// The same for a queue whose server copies go after processing.
pub fn deleting_queue(number: u128, address: &str) -> Mailbox {
    let owner = MailboxOwner::Queue(QueueId(Uuid::from_u128(2_000 + number)));
    Mailbox { owner, delete_after_processing: true, ..mailbox(number, address) }
}

/// An active POP3 profile.
pub fn profile(id: ProfileId) -> EmailServerProfile {
    let endpoint = |port| Endpoint {
        server: "mail.contoso.test".to_owned(),
        port,
        security: Security::Tls,
        trust: CertificateTrust::default(),
    };
    EmailServerProfile {
        id,
        name: format!("Contoso {id}"),
        description: String::new(),
        server_type: ServerType::Pop3Smtp,
        active: true,
        incoming: Some(endpoint(995)),
        outgoing: Some(endpoint(465)),
        authenticate_using: AuthenticateUsing::UserOrQueue,
        user_name: None,
        process_emails_from: None,
        max_concurrent_connections: 10,
        min_polling_interval_minutes: 0,
        send_limits: SendLimits::default(),
    }
}
