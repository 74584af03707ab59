//! What must be true at every moment, and at the end.

use crate::{
    mailboxes::{MAILBOXES, address, mailbox_id, site, site_of},
    schedule::Event,
    world::World,
};
use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};
use tandem_domain::{
    alert::{AlertLevel, AlertObject},
    email::{Direction, EmailStatus},
    health::{EngineLife, Health, HealthStatus, Judged, health},
    settings::ProcessEmailUsing,
    workload::Workload,
};
use tandem_engine::ports::{clock::Clock, storage::Schedule};
use tandem_store::view::{AlertState, EmailFilter};

/// The policy's interval with its jitter, the grace, and what clocks may be apart.
const OK_WITHIN: Duration = Duration::from_secs(330 + 300 + 60 + 60);
/// Health is looked at this often.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// See the module.
pub struct Checks {
    seed: u64,
    story: Vec<String>,
    looked_at: Option<Duration>,
}

impl Checks {
    pub fn new(seed: u64) -> Self {
        Self { seed, story: Vec::new(), looked_at: None }
    }

    /// Keeps what happened, for the story of a failure.
    pub fn note(&mut self, truth: Duration, event: &Event) {
        self.story.push(format!("{truth:?} {event:?}"));
        self.looked_at = None;
    }

    pub fn story(&self) -> String {
        format!("seed {}\n{}\n", self.seed, self.story.join("\n"))
    }

    async fn look(&self, world: &World) -> Vec<(usize, Workload, Health)> {
        let shown = world.store.list_mailboxes().await.unwrap();
        let circuits: HashMap<_, _> = world.store.list_circuits().await.unwrap().into_iter().collect();
        let profiles = world.store.list_profiles().await.unwrap();
        let latest_end = world.store.latest_end().await.unwrap();
        let engine = match &world.running {
            Some(running) => EngineLife::Runs { since: Some(running.since) },
            None => EngineLife::DoesNotRun,
        };
        let mut found = Vec::new();
        for number in 0..MAILBOXES {
            let view = shown.iter().find(|one| one.mailbox.id == mailbox_id(number)).unwrap();
            for workload in [Workload::Incoming, Workload::Outgoing] {
                let row = view.workloads.iter().find(|row| row.workload == workload);
                let judged = Judged {
                    mailbox: &view.mailbox,
                    workload,
                    profile: profiles.iter().find(|one| one.id == site(site_of(number))),
                    circuit: circuits.get(&(site(site_of(number)), workload)),
                    expected_at: row.and_then(|row| row.expected_at),
                    latest_end,
                    engine,
                    using: ProcessEmailUsing::ServerSideSynchronization,
                };
                found.push((number, workload, health(&judged, world.clock.now()).unwrap()));
            }
        }
        found
    }

    /// No false ok while a server answers nothing well, no false stopped while the password is right.
    pub async fn health(&mut self, world: &World) {
        let truth = world.clock.truth();
        if self.looked_at.is_some_and(|at| truth - at < LOOK_EVERY) {
            return;
        }
        self.looked_at = Some(truth);
        for (mailbox, workload, health) in self.look(world).await {
            let why = || format!("{workload} of mailbox {mailbox}: {}\n{}", health.why, self.story());
            if health.status == HealthStatus::Stopped {
                assert!(world.wrong.contains(&mailbox), "false stopped: {}", why());
            }
            let down = world.down_since[site_of(mailbox)].filter(|_| workload == Workload::Incoming);
            // Where nobody runs, the calendar is all there is, and it may have been set back.
            if let (HealthStatus::Ok, Some(down)) = (health.status, down) {
                let bound = OK_WITHIN + if world.running.is_some() { Duration::ZERO } else { world.set_back };
                assert!(truth - down <= bound, "false ok, down for {:?}: {}", truth - down, why());
            }
        }
    }

    /// Workloads that are not well, circuits that are open, and alerts that are not cleared.
    pub async fn unwell(&self, world: &World) -> Vec<String> {
        let found = self.look(world).await;
        let ill = found.iter().filter(|(_, _, health)| health.status != HealthStatus::Ok);
        let mut unwell: Vec<_> = ill
            .map(|(mailbox, workload, health)| format!("{workload} of mailbox {mailbox}: {health:?}"))
            .collect();
        for (key, circuit) in world.store.list_circuits().await.unwrap() {
            unwell.extend(circuit.outage.map(|outage| format!("{key:?}: {outage:?}")));
        }
        for alert in world.store.list_alerts(AlertState::Open, 100).await.unwrap() {
            let of_mail = matches!(alert.raised.object, AlertObject::Email(_));
            if !of_mail && alert.raised.level != AlertLevel::Information {
                unwell.push(format!("{:?}", alert.raised));
            }
        }
        unwell
    }

    /// Every Message-ID that is recorded, and how often.
    async fn records(&self, world: &World) -> BTreeMap<String, u32> {
        let mut records = BTreeMap::new();
        let all = EmailFilter { direction: Some(Direction::Incoming), ..EmailFilter::default() };
        for email in world.store.list_emails(all, 10_000).await.unwrap() {
            *records.entry(email.message_id.unwrap().to_string()).or_default() += 1;
        }
        records
    }

    /// Mail that is still to be recorded, sent or deleted at the server.
    pub async fn unsettled(&self, world: &World) -> Vec<String> {
        let records = self.records(world).await;
        let missing = world.arrived.iter().filter(|(_, id)| !records.contains_key(id));
        let mut unsettled: Vec<_> =
            missing.map(|(mailbox, id)| format!("{id} of mailbox {mailbox} is not recorded")).collect();
        for queued in &world.queued {
            let status = world.store.show_email(queued.id).await.unwrap().summary.status;
            if status != EmailStatus::Sent {
                unsettled.push(format!("{} of mailbox {}: {status:?}", queued.message_id, queued.mailbox));
            }
        }
        for queue in [1, 3] {
            let left = world.hub.messages(&address(queue)).len();
            if left > 0 {
                unsettled.push(format!("{left} messages of mailbox {queue} are not deleted"));
            }
        }
        unsettled
    }

    /// Everything that arrived is recorded once, everything that was queued was delivered once.
    pub async fn mail(&self, world: &World) {
        let records = self.records(world).await;
        assert!(records.values().all(|count| *count == 1), "{records:?}\n{}", self.story());
        let mut delivered: HashMap<(String, String), u32> = HashMap::new();
        for submission in world.smtp.iter().flat_map(tandem_practice::SmtpServer::submissions) {
            let text = String::from_utf8_lossy(&submission.raw).into_owned();
            let id = text.lines().find_map(|line| line.strip_prefix("Message-ID: <")).unwrap();
            for to in submission.recipients.iter().filter(|one| one.reply.starts_with("250")) {
                *delivered.entry((id.trim_end_matches('>').to_owned(), to.address.clone())).or_default() += 1;
            }
        }
        for queued in &world.queued {
            for to in &queued.to {
                let times = delivered.get(&(queued.message_id.clone(), address(*to))).copied().unwrap_or(0);
                assert_eq!(times, 1, "{} to mailbox {to}\n{}", queued.message_id, self.story());
            }
        }
    }
}
