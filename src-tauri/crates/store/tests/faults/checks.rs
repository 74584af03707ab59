//! What must be true at every moment, and at the end.

use crate::{
    clock::HandClock,
    schedule::Event,
    world::{MAILBOXES, World, address, mailbox_id, site, site_of},
};
use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};
use tandem_domain::{
    alert::{AlertCode, AlertLevel, AlertObject, NewAlert},
    email::{Direction, EmailStatus},
    health::{EngineLife, Health, HealthStatus, Judged, health},
    ledger::Decision,
    workload::Workload,
};
use tandem_engine::ports::{clock::Clock, storage::Schedule};
use tandem_store::view::{AlertState, EmailFilter, MailboxView};

/// The policy's interval with its jitter, the grace, and what clocks may be apart.
const OK_WITHIN: Duration = Duration::from_secs(330 + 300 + 60 + 60);
/// Health is looked at this often.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// See the module.
pub struct Checks {
    pub seed: u64,
    story: Vec<String>,
    looked_at: Option<Duration>,
}

/// The health of one workload.
struct Found {
    mailbox: usize,
    workload: Workload,
    health: Health,
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

    /// What a seed says, whichever of the engine's threads is first: the faults with their times, and all mail with its end.
    pub async fn met(&self, world: &World) -> Vec<String> {
        let mut met = self.story.clone();
        for number in 0..MAILBOXES {
            let ever = world.servers.state().boxes[&address(number)].ever.clone();
            let arrived = ever.into_values().filter(|id| id.starts_with("in-"));
            met.extend(arrived.map(|id| format!("{id} in mailbox {number}")));
        }
        met.extend(world.queued.iter().map(|one| format!("{} to {:?}", one.message_id, one.recipients)));
        met
    }

    fn story(&self, clock: &HandClock) -> String {
        let faults = self.story.iter().filter(|line| !line.contains("Arrives"));
        let faults: Vec<_> = faults.cloned().collect();
        format!(
            "seed {}, {:?} after the start, {}\n{}",
            self.seed,
            clock.truth(),
            clock.now(),
            faults.join("\n")
        )
    }

    async fn look(&self, world: &World) -> Vec<Found> {
        let shown = world.store.list_mailboxes().await.unwrap();
        let circuits: HashMap<_, _> = world.store.list_circuits().await.unwrap().into_iter().collect();
        let profiles = world.store.list_profiles().await.unwrap();
        let engine = match &world.running {
            Some(running) => EngineLife::Runs { since: Some(running.since) },
            None => EngineLife::DoesNotRun,
        };
        let latest_end = world.store.latest_end().await.unwrap();
        let mut found = Vec::new();
        for number in 0..MAILBOXES {
            let view: &MailboxView = shown.iter().find(|one| one.mailbox.id == mailbox_id(number)).unwrap();
            let profile = profiles.iter().find(|one| one.id == site(site_of(number)));
            for workload in [Workload::Incoming, Workload::Outgoing] {
                let row = view.workloads.iter().find(|row| row.workload == workload);
                let judged = Judged {
                    mailbox: &view.mailbox,
                    workload,
                    profile,
                    circuit: circuits.get(&(site(site_of(number)), workload)),
                    expected_at: row.and_then(|row| row.expected_at),
                    latest_end,
                    engine,
                    using: tandem_domain::settings::ProcessEmailUsing::ServerSideSynchronization,
                };
                let health = health(&judged, world.clock.now()).unwrap();
                found.push(Found { mailbox: number, workload, health });
            }
        }
        found
    }

    /// No false ok, no false stopped.
    pub async fn health(&mut self, world: &World) {
        let truth = world.clock.truth();
        if self.looked_at.is_some_and(|at| truth - at < LOOK_EVERY) {
            return;
        }
        self.looked_at = Some(truth);
        for Found { mailbox, workload, health } in self.look(world).await {
            match health.status {
                HealthStatus::Ok if workload == Workload::Incoming => {
                    let proof = world.servers.state().boxes[&address(mailbox)].proof;
                    assert!(
                        truth - proof <= OK_WITHIN + world.unseen_since(proof),
                        "false ok: {workload} of mailbox {mailbox} heard of its server {:?} ago, and: {}\n{}",
                        truth - proof,
                        health.why,
                        self.story(&world.clock)
                    );
                }
                HealthStatus::Ok => self.not_in_vain(world, mailbox, &health).await,
                HealthStatus::Stopped => assert!(
                    world.wrong.contains(&mailbox),
                    "false stopped: {workload} of mailbox {mailbox}: {}\n{}",
                    health.why,
                    self.story(&world.clock)
                ),
                HealthStatus::Late | HealthStatus::Unproven => {}
            }
        }
    }

    /// Outgoing mail that waits for a server that is down for long must not be called well.
    async fn not_in_vain(&self, world: &World, mailbox: usize, health: &Health) {
        let truth = world.clock.truth();
        let down = world.servers.state().sites[&site(site_of(mailbox))].outgoing_down_since;
        let Some(down) = down.filter(|down| truth - *down > OK_WITHIN + world.unseen_since(*down)) else {
            return;
        };
        for queued in world.queued.iter().filter(|one| one.mailbox == mailbox) {
            let since = queued.at.max(down);
            if truth - since <= OK_WITHIN + world.unseen_since(since) {
                continue;
            }
            let email = world.store.show_email(queued.id).await.unwrap();
            // One that was tried waits for its own next time, and nobody asks the server before.
            let waits = email.not_before.is_some_and(|at| at + OK_WITHIN > world.clock.now());
            assert!(
                waits || email.summary.status != EmailStatus::PendingSend,
                "false ok: {} waits for {:?}, its server is down for {:?}, and: {}\n{}",
                queued.message_id,
                truth - queued.at,
                truth - down,
                health.why,
                self.story(&world.clock)
            );
        }
    }

    /// Workloads that are not well, circuits that are open, and alerts that are not cleared.
    pub async fn unwell(&self, world: &World) -> Vec<String> {
        let mut unwell = Vec::new();
        for Found { mailbox, workload, health } in self.look(world).await {
            if health.status != HealthStatus::Ok {
                unwell.push(format!(
                    "{workload} of mailbox {mailbox}: {} {}",
                    health.status.as_str(),
                    health.why
                ));
            }
        }
        if !unwell.is_empty() {
            return unwell;
        }
        for (key, circuit) in world.store.list_circuits().await.unwrap() {
            if circuit.outage.is_some() {
                unwell.push(format!("{key:?}: {circuit:?}"));
            }
        }
        for alert in world.store.list_alerts(AlertState::Open, 100).await.unwrap() {
            let of_mail = matches!(alert.raised.object, AlertObject::Email(_));
            if !of_mail && alert.raised.level != AlertLevel::Information {
                unwell.push(format!("{:?}", alert.raised));
            }
        }
        unwell
    }

    /// Messages that are not decided for good, and mail that is still to be sent or resolved.
    pub async fn unsettled(&self, world: &World) -> Vec<String> {
        let mut unsettled = Vec::new();
        for number in 0..MAILBOXES {
            let decided: BTreeMap<_, _> = self.decided(world, number).await.into_iter().collect();
            let ever = world.servers.state().boxes[&address(number)].ever.clone();
            for (message, id) in ever {
                match decided.get(&format!("{message:06}")) {
                    Some(Decision::Promoted | Decision::Duplicate) => {}
                    other => unsettled.push(format!("{id} in mailbox {number}: {other:?}")),
                }
            }
        }
        for queued in &world.queued {
            let status = world.store.show_email(queued.id).await.unwrap().summary.status;
            let outside = queued.recipients.iter().any(|one| !one.ends_with("@contoso.test"));
            match status {
                EmailStatus::Sent => {}
                // Only a person can know.
                EmailStatus::Sending if outside => {}
                other => unsettled.push(format!(
                    "{} from mailbox {} to {:?}: {other:?}",
                    queued.message_id, queued.mailbox, queued.recipients
                )),
            }
        }
        unsettled
    }

    async fn decided(&self, world: &World, mailbox: usize) -> Vec<(String, Decision)> {
        let found = world.store.ledger_identities(mailbox_id(mailbox), "INBOX").await.unwrap();
        found.into_iter().map(|(identity, decision)| (identity.0, decision)).collect()
    }

    /// Everything that arrived is recorded once, everything that was queued was delivered once.
    pub async fn mail(&self, world: &World) {
        let mut records: BTreeMap<String, u32> = BTreeMap::new();
        let all = EmailFilter { direction: Some(Direction::Incoming), ..EmailFilter::default() };
        for email in world.store.list_emails(all, 10_000).await.unwrap() {
            *records.entry(email.message_id.unwrap().to_string()).or_default() += 1;
        }
        assert!(records.values().all(|count| *count == 1), "{records:?}\n{}", self.story(&world.clock));
        for number in 0..MAILBOXES {
            let decided = self.decided(world, number).await;
            let ever = world.servers.state().boxes[&address(number)].ever.clone();
            assert_eq!(decided.len(), ever.len(), "mailbox {number}\n{}", self.story(&world.clock));
            for id in ever.values().filter(|id| id.starts_with("in-")) {
                assert!(records.contains_key(id), "{id} is lost\n{}", self.story(&world.clock));
            }
        }
        // What the daily verification has to repair, the cycles had lost.
        for state in [AlertState::Open, AlertState::Cleared] {
            for alert in world.store.list_alerts(state, 10_000).await.unwrap() {
                let NewAlert { code, object, detail, .. } = alert.raised;
                assert_ne!(
                    code,
                    AlertCode::MessagesMissing,
                    "{object:?}: {detail}\n{}",
                    self.story(&world.clock)
                );
            }
        }
        for queued in &world.queued {
            let status = world.store.show_email(queued.id).await.unwrap().summary.status;
            for recipient in &queued.recipients {
                let key = (queued.message_id.clone(), recipient.clone());
                let times = world.servers.state().delivered.get(&key).copied().unwrap_or(0);
                let right = if status == EmailStatus::Sent { times == 1 } else { times <= 1 };
                assert!(
                    right,
                    "{} reached {recipient} {times} times, and is {status:?}\n{}",
                    queued.message_id,
                    self.story(&world.clock)
                );
            }
        }
    }
}
