//! Health, alerts and Home: is anything broken, what needs a person, what happens now.

use crate::{
    Tandem,
    judge::Judge,
    people::{alert_view, of_storage},
    views::judged,
    wire::{
        AlertView, AlertsRequest, ApiError, Health, Home, MailboxView, Nothing, ObjectHealth, SecretsView,
    },
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};
use tandem_domain::{
    alert::{Alert, AlertLevel, AlertObject},
    alert_rules::{Audience, audience},
    health::{Health as DomainHealth, HealthStatus, organization_health, worst},
    ids::{MailboxId, ProfileId},
    mailbox::Approval,
    settings::ProcessEmailUsing,
    workload::Workload,
};
use tandem_engine::ports::storage::Schedule;
use tandem_secrets::StoreState;
use tandem_store::{
    Store,
    view::{self, AlertState},
};

/// What is said while the settings leave email to the Email Router.
pub(crate) const ROUTER_PROCESSES: &str =
    "The Email Router processes this organization's email; Tandem processes nothing.";
/// At most this many alerts are shown at once.
const SHOWN_ALERTS: u32 = 1_000;
/// Stands for the headline only; on the wire it is `stopped`.
const NOT_RUNNING: &str = "not running";
/// Mailboxes on Home.
const SHOWN_MAILBOXES: usize = 20;
/// Alerts on Home.
const SHOWN_ATTENTION: usize = 20;

impl Tandem {
    /// Health of every mailbox's workloads, from proof of life.
    ///
    /// # Errors
    /// Those of storage.
    pub async fn health(&self, _: Nothing) -> Result<Health, ApiError> {
        let failed = |error| of_storage("mailboxes", &error);
        let all = self.store.list_mailboxes().await.map_err(failed)?;
        let judge = self.judge().await?;
        let judged = self.judged(&judge, &all).await?;
        let workloads: Vec<_> = judged.iter().map(|(_, health)| health).collect();
        let organization = organization_health(&workloads, judge.engine);
        let profiles = self.store.list_profiles().await.map_err(|error| of_storage("profiles", &error))?;
        let mut wholes = Vec::new();
        for profile in &profiles {
            let mine = all.iter().filter(|one| one.mailbox.profile == Some(profile.id));
            let mine: HashSet<_> = mine.map(|one| one.mailbox.email.as_str()).collect();
            let of_mine = judged.iter().filter(|(of, _)| mine.contains(of.object.as_str()));
            let workloads: Vec<_> = of_mine.map(|(_, health)| health).collect();
            let health = judge.profile(profile, &workloads);
            wholes.extend(health.map(|health| object("profile", &profile.name, &health)));
        }
        wholes.extend(organization.as_ref().map(|health| object("organization", "organization", health)));
        let whole = organization.unwrap_or_else(|| DomainHealth {
            status: HealthStatus::Unproven,
            since: None,
            why: "No mailbox is synchronized yet.".to_owned(),
        });
        let mut objects: Vec<_> = judged.into_iter().map(|(object, _)| object).collect();
        objects.extend(wholes);
        Ok(Health {
            status: whole.status.as_str().to_owned(),
            since: whole.since,
            why: whole.why,
            engine_running: judge.engine_runs(),
            objects,
            engine: self.engine_view().await,
        })
    }

    /// Alerts, worst and newest first.
    ///
    /// # Errors
    /// An unknown level or mailbox, or storage.
    pub async fn alerts(&self, request: AlertsRequest) -> Result<Vec<AlertView>, ApiError> {
        let failed = |error| of_storage("alerts", &error);
        let level = match &request.level {
            Some(word) => Some(level(word)?),
            None => None,
        };
        let mailbox = match &request.mailbox {
            Some(address) => Some(self.find_mailbox(address).await?.id),
            None => None,
        };
        let mut alerts = self.store.list_alerts(AlertState::Open, SHOWN_ALERTS).await.map_err(failed)?;
        if request.include_cleared {
            alerts.extend(self.store.list_alerts(AlertState::Cleared, SHOWN_ALERTS).await.map_err(failed)?);
        }
        alerts.retain(|alert| level.is_none_or(|level| alert.raised.level == level));
        if let Some(scope) = &request.scope {
            let scopes = ["email", "mailbox", "profile"];
            if !scopes.contains(&scope.as_str()) {
                return Err(ApiError::unknown_word("scope", scope, &scopes));
            }
            alerts.retain(|alert| alert.raised.object.scope() == scope);
        }
        if let Some(word) = &request.audience {
            let words: Vec<_> = Audience::ALL.iter().map(|one| one.as_str()).collect();
            let wanted = Audience::from_word(word);
            let wanted = wanted.ok_or_else(|| ApiError::unknown_word("audience", word, &words))?;
            let settings = self.store.alert_settings().await.map_err(failed)?;
            alerts.retain(|alert| {
                audience(alert.raised.code, alert.raised.object, &settings).contains(&wanted)
            });
        }
        if let Some(mailbox) = mailbox {
            let mut kept = Vec::new();
            for alert in alerts {
                if self.mailbox_of(&alert).await == Some(mailbox) {
                    kept.push(alert);
                }
            }
            alerts = kept;
        }
        alerts.sort_by(|a, b| {
            let key = |alert: &Alert| (alert.cleared_at.is_none(), alert.raised.level, alert.last_seen_at);
            key(b).cmp(&key(a))
        });
        alert_views(&self.store, &alerts).await
    }

    /// What Home shows.
    ///
    /// # Errors
    /// Those of storage.
    pub async fn home(&self, _: Nothing) -> Result<Home, ApiError> {
        let failed = |error| of_storage("home", &error);
        let now = self.now();
        let all = self.store.list_mailboxes().await.map_err(failed)?;
        let judge = self.judge().await?;
        let judged = self.judged(&judge, &all).await?;
        let overall = worst(judged.iter().map(|(_, health)| health));
        let profiles = self.store.list_profiles().await.map_err(failed)?.len();
        let midnight = now.date_naive().and_hms_opt(0, 0, 0).map_or(now, |start| start.and_utc());
        let counts = self.store.home_counts(midnight).await.map_err(failed)?;
        let needs_attention = self.alerts(AlertsRequest::default()).await?;
        let mut needs_attention: Vec<_> = needs_attention
            .into_iter()
            .filter(|alert| alert.level != AlertLevel::Information.as_str())
            .collect();
        needs_attention.truncate(SHOWN_ATTENTION);
        let enabled = all.iter().filter(|one| one.workloads.iter().any(|work| work.is_processed)).count();
        let pending = all.iter().filter(|one| one.mailbox.standing() == Approval::Pending).count();
        let mailboxes = all.len();
        let troubled = judged.iter().filter(|(_, health)| health.status > HealthStatus::Unproven).count();
        let overview = self.overview(all).await?;
        let engine = self.engine_view().await;
        let (status, since) = match overall {
            // Proof of life was given, and nobody goes on giving it: that is told now, not when it is late.
            Some(_) if !engine.running => (NOT_RUNNING, None),
            Some((status, since)) => (status.as_str(), since),
            None if mailboxes == 0 => ("empty", None),
            None => (HealthStatus::Unproven.as_str(), None),
        };
        let headline = match self.organization_settings().await?.process_email_using {
            ProcessEmailUsing::ServerSideSynchronization => headline(status, mailboxes, troubled),
            ProcessEmailUsing::EmailRouter => ROUTER_PROCESSES.to_owned(),
        };
        let status = if status == NOT_RUNNING { HealthStatus::Stopped.as_str() } else { status };
        Ok(Home {
            status: status.to_owned(),
            headline,
            since,
            engine_running: engine.running,
            engine,
            practice: self.is_practice,
            secrets: self.secrets_view().await,
            needs_attention,
            running: self.hub.running(),
            mailboxes: count(mailboxes),
            mailboxes_enabled: count(enabled),
            mailboxes_pending_approval: count(pending),
            profiles: count(profiles),
            received_today: small(counts.received),
            sent_today: small(counts.sent),
            waiting_to_send: small(counts.waiting + counts.sending),
            failed_to_send: small(counts.failed),
            quarantined: small(counts.quarantined),
            next_due: self.store.next_due().await.map_err(failed)?,
            mailbox_overview: overview,
        })
    }

    /// Each mailbox's workloads, judged.
    async fn judged(
        &self,
        judge: &Judge,
        all: &[view::MailboxView],
    ) -> Result<Vec<(ObjectHealth, DomainHealth)>, ApiError> {
        let profiles = self.store.list_profiles().await.map_err(|error| of_storage("profiles", &error))?;
        let now = self.now();
        let mut found = Vec::new();
        for shown in all {
            let mailbox = judged(shown);
            let profile = profiles.iter().find(|one| Some(one.id) == mailbox.profile);
            for workload in Workload::ALL {
                let Some(health) = judge.workload(shown, &mailbox, profile, workload, now) else {
                    continue;
                };
                let row = shown.workloads.iter().find(|row| row.workload == workload);
                let object = ObjectHealth {
                    workload: workload.as_str().to_owned(),
                    last_proof: mailbox.state(workload).last_success_at,
                    expected: row.and_then(|row| row.expected_at),
                    due: row.and_then(|row| row.next_due_at),
                    ..object("mailbox", mailbox.email.as_str(), &health)
                };
                found.push((object, health));
            }
        }
        Ok(found)
    }

    /// The mailboxes of Home: those with trouble first.
    async fn overview(&self, all: Vec<view::MailboxView>) -> Result<Vec<MailboxView>, ApiError> {
        let rank = |one: &MailboxView| match one.status.as_str() {
            "stopped" => 0,
            "late" => 1,
            "unproven" => 2,
            "ok" => 3,
            _ => 4,
        };
        let mut views = self.views_of(all).await?;
        views.sort_by(|a, b| (rank(a), &a.email).cmp(&(rank(b), &b.email)));
        views.truncate(SHOWN_MAILBOXES);
        Ok(views)
    }

    async fn secrets_view(&self) -> SecretsView {
        let secrets = Arc::clone(&self.secrets);
        let asked = tokio::task::spawn_blocking(move || (secrets.name(), secrets.state())).await;
        let (name, state) = asked.unwrap_or_else(|error| {
            ("secret store".to_owned(), StoreState::Absent { why: error.to_string() })
        });
        let word = match state {
            StoreState::Ready => "ready",
            StoreState::Locked => "locked",
            StoreState::Absent { .. } => "absent",
        };
        let message = match state.require_ready(&name) {
            Ok(()) => String::new(),
            Err(error) => format!("{error}. {}", error.remedy()),
        };
        SecretsView { name, state: word.to_owned(), message }
    }

    async fn mailbox_of(&self, alert: &Alert) -> Option<MailboxId> {
        match alert.raised.object {
            AlertObject::Mailbox(id, _) => Some(id),
            AlertObject::Email(id) => self.store.show_email(id).await.ok().map(|email| email.summary.mailbox),
            AlertObject::Profile(_) => None,
        }
    }
}

fn object(kind: &str, name: &str, health: &DomainHealth) -> ObjectHealth {
    ObjectHealth {
        kind: kind.to_owned(),
        object: name.to_owned(),
        workload: String::new(),
        status: health.status.as_str().to_owned(),
        since: health.since,
        why: health.why.clone(),
        last_proof: None,
        expected: None,
        due: None,
    }
}

/// Alerts with the names of what they are about.
pub(crate) async fn alert_views(store: &Store, alerts: &[Alert]) -> Result<Vec<AlertView>, ApiError> {
    let failed = |error| of_storage("alerts", &error);
    let shown = store.list_mailboxes().await.map_err(failed)?;
    let mailboxes: HashMap<_, _> = shown.iter().map(|one| (one.mailbox.id, one)).collect();
    let profiles = store.list_profiles().await.map_err(failed)?;
    let settings = store.alert_settings().await.map_err(failed)?;
    let profile_name = |id: ProfileId| profiles.iter().find(|one| one.id == id).map(|one| one.name.clone());
    let profile_of = |id: MailboxId| mailboxes.get(&id).and_then(|one| one.profile_name.clone());
    let mut views = Vec::with_capacity(alerts.len());
    for alert in alerts {
        let (object, profile) = match alert.raised.object {
            AlertObject::Mailbox(id, _) => {
                (mailboxes.get(&id).map(|one| one.mailbox.email.to_string()), profile_of(id))
            }
            AlertObject::Profile(id) => (profile_name(id), profile_name(id)),
            AlertObject::Email(id) => {
                let email = store.show_email(id).await.ok();
                let profile = email.as_ref().and_then(|email| profile_of(email.summary.mailbox));
                (email.map(|email| format!("email \"{}\"", email.summary.subject)), profile)
            }
        };
        let object = object.unwrap_or_else(|| "something that was deleted".to_owned());
        let mut view = alert_view(alert, &object, &settings);
        view.certificate = certificate_of(alert, &mailboxes);
        view.profile = profile;
        views.push(view);
    }
    Ok(views)
}

/// The certificate that an alert is about: that of the latest failure of one of its mailboxes.
fn certificate_of(
    alert: &Alert,
    mailboxes: &HashMap<MailboxId, &view::MailboxView>,
) -> Option<crate::wire::Certificate> {
    let of = |shown: &view::MailboxView, only: Option<Workload>| {
        shown
            .workloads
            .iter()
            .filter(|work| only.is_none_or(|only| only == work.workload))
            .filter_map(|work| work.last_failure.as_ref())
            .find(|failure| tandem_domain::alert::AlertCode::Failure(failure.code) == alert.raised.code)
            .and_then(|failure| crate::people::of_failure("", failure, None).certificate)
            .map(|certificate| *certificate)
    };
    match alert.raised.object {
        AlertObject::Mailbox(id, workload) => mailboxes.get(&id).and_then(|shown| of(shown, Some(workload))),
        AlertObject::Profile(id) => mailboxes
            .values()
            .filter(|shown| shown.mailbox.profile == Some(id))
            .find_map(|shown| of(shown, None)),
        AlertObject::Email(_) => None,
    }
}

fn level(word: &str) -> Result<AlertLevel, ApiError> {
    let words: Vec<_> = AlertLevel::ALL.iter().map(|level| level.as_str()).collect();
    AlertLevel::from_word(word).ok_or_else(|| ApiError::unknown_word("level", word, &words))
}

fn headline(status: &str, mailboxes: usize, troubled: usize) -> String {
    let all =
        if mailboxes == 1 { "The mailbox is".to_owned() } else { format!("All {mailboxes} mailboxes are") };
    match status {
        "empty" => "Nothing is set up yet: add your mail server, then your mailboxes.".to_owned(),
        "ok" => format!("{all} synchronized."),
        NOT_RUNNING => "The engine is not running: nothing is synchronized until it is.".to_owned(),
        "unproven" => "Some mailboxes have not completed a synchronization yet.".to_owned(),
        "late" => format!("{} late: mail is waiting.", workloads(troubled)),
        _ => format!("{} stopped or late and need attention.", workloads(troubled)),
    }
}

fn workloads(number: usize) -> String {
    if number == 1 {
        "1 workload of a mailbox is".to_owned()
    } else {
        format!("{number} workloads of mailboxes are")
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
