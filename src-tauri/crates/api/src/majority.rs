//! Watches for profiles most of whose mailboxes fail, and tells their owners by email, once an hour at most.
//!
//! The email is an ordinary activity of a mailbox that can send. It cannot lead to another: only failed cycles count, not
//! emails, and the turn to send is taken before anything is sent.

use crate::{
    Tandem,
    people::of_storage,
    views::judged,
    wire::{ApiError, SendEmailRequest},
};
use std::{collections::BTreeMap, time::Duration};
use tandem_domain::{
    Instant,
    address::EmailAddress,
    alert::{AlertCode, AlertLevel, AlertObject, NewAlert},
    alert_rules::{
        AlertSender, MAJORITY_WINDOW_MINUTES, MajorityFailed, ProfileAlerts, alert_sender, majority_failed,
    },
    ids::ProfileId,
    mailbox::{Approval, DeliveryMethod, Mailbox},
    profile::EmailServerProfile,
    workload::Workload,
};
use tandem_engine::ports::{message::Author, storage::AlertLog};
use tandem_store::{FailedCycle, view::MailboxView};

/// How often it is looked, while an engine runs.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// Looks between two rounds of forgetting old alerts: an hour.
const LOOKS_UNTIL_TIDY: u32 = 120;

/// What the rule is about.
struct Facts {
    mailboxes: Vec<MailboxView>,
    profiles: Vec<EmailServerProfile>,
    failed: Vec<FailedCycle>,
    now: Instant,
}

impl Tandem {
    /// Looks now and then, and forgets old alerts. Never ends.
    pub(crate) async fn watch_failures(&self) {
        let mut looks = 0;
        loop {
            if looks % LOOKS_UNTIL_TIDY == 0
                && let Err(error) = self.tidy_alerts().await
            {
                tracing::warn!("Old alerts are not forgotten yet: {error}");
            }
            looks = looks.wrapping_add(1);
            tokio::time::sleep(LOOK_EVERY).await;
            self.look_at_failures().await;
        }
    }

    /// Looks once; what goes wrong is in the log, since nobody asked.
    pub(crate) async fn look_at_failures(&self) {
        if let Err(error) = self.tell_about_majorities().await {
            tracing::warn!("Whether most mailboxes of a profile fail is not known: {error}");
        }
    }

    async fn tidy_alerts(&self) -> Result<(), ApiError> {
        let failed = |error| of_storage("alerts", &error);
        let now = self.now();
        let before = self.store.alert_settings().await.map_err(failed)?.forget_before(now);
        self.store.tidy_alerts(before, now).await.map(drop).map_err(failed)
    }

    async fn tell_about_majorities(&self) -> Result<(), ApiError> {
        let failed = |error| of_storage("alerts", &error);
        let mut watched = self.store.profile_alerts().await.map_err(failed)?;
        watched.retain(|_, own| own.send_alert_email);
        if watched.is_empty() {
            return Ok(());
        }
        let now = self.now();
        let since = now - chrono::Duration::minutes(MAJORITY_WINDOW_MINUTES);
        let facts = Facts {
            mailboxes: self.store.list_mailboxes().await.map_err(failed)?,
            profiles: self.store.list_profiles().await.map_err(failed)?,
            failed: self.store.failed_cycles(since).await.map_err(failed)?,
            now,
        };
        for (id, own) in watched {
            let Some(profile) = facts.profiles.iter().find(|one| one.id == id && one.active) else {
                continue;
            };
            let object = AlertObject::Profile(id);
            let Some(majority) = facts.majority(id) else {
                let over = self.store.clear(object, Some(AlertCode::MajorityFailed), now).await;
                over.map_err(failed)?;
                continue;
            };
            if !self.store.take_alert_email_turn(id, since, now).await.map_err(failed)? {
                continue;
            }
            match self.email_owner(profile, own, majority, &facts).await {
                Ok(()) => {
                    let over = self.store.clear(object, Some(AlertCode::MajorityFailed), now).await;
                    over.map_err(failed)?;
                }
                Err(why) => {
                    let alert = NewAlert {
                        level: AlertLevel::Error,
                        object,
                        code: AlertCode::MajorityFailed,
                        detail: format!("{} of {} mailboxes; {why}", majority.failed, majority.of),
                        retry_at: None,
                    };
                    self.store.raise(alert, now).await.map_err(failed)?;
                }
            }
        }
        Ok(())
    }

    /// Queues the email, or says why it cannot be sent.
    async fn email_owner(
        &self,
        profile: &EmailServerProfile,
        own: ProfileAlerts,
        majority: MajorityFailed,
        facts: &Facts,
    ) -> Result<(), String> {
        let owner = match own.owner {
            Some(owner) => self.user(owner).await.map_err(|error| error.message)?,
            None => None,
        };
        let to = owner.and_then(|owner| owner.email);
        let to = to.ok_or("the profile has no owner with an email address")?;
        let senders = facts.senders(|mailbox, profile| {
            let state = mailbox.state(Workload::Outgoing);
            mailbox.is_processed(Workload::Outgoing)
                && profile.is_some_and(|profile| profile.active)
                && state.last_success_at.is_some()
                && state.last_error_at <= state.last_success_at
        });
        let from = alert_sender(profile.id, &senders)
            .and_then(|id| facts.mailboxes.iter().find(|one| one.mailbox.id == id))
            .ok_or("no other mailbox can send now")?;
        let request = SendEmailRequest {
            from: from.mailbox.email.to_string(),
            to: vec![to.to_string()],
            cc: vec![],
            bcc: vec![],
            subject: subject(&profile.name, majority),
            body: self.body(profile, majority, facts),
            html: None,
            attachments: vec![],
            at: None,
            in_reply_to: None,
            regarding: None,
        };
        self.send_as(request, Author::Program).await.map(drop).map_err(|error| error.message)
    }

    fn body(&self, profile: &EmailServerProfile, majority: MajorityFailed, facts: &Facts) -> String {
        let mut reasons: BTreeMap<String, Vec<&EmailAddress>> = BTreeMap::new();
        for shown in facts.mailboxes.iter().filter(|one| facts.has_failed(profile.id, one)) {
            let failure = shown.workloads.iter().find_map(|work| work.last_failure.as_ref());
            let reason = failure.map_or_else(
                || "It is well again, or its reason is not known any more.".to_owned(),
                |failure| crate::people::failure_sentence(&format!("the profile {}", profile.name), failure),
            );
            reasons.entry(reason).or_default().push(&shown.mailbox.email);
        }
        let mut text = format!(
            "Of the {} mailboxes that Tandem synchronizes through the profile {}, {} failed within the last hour.\n",
            majority.of, profile.name, majority.failed
        );
        for (reason, mailboxes) in reasons {
            text.push_str(&format!("\n{reason}\n"));
            for address in mailboxes.iter().take(LISTED) {
                text.push_str(&format!("  {address}\n"));
            }
            if mailboxes.len() > LISTED {
                text.push_str(&format!("  and {} more\n", mailboxes.len() - LISTED));
            }
        }
        text.push_str(
            "\nOpen Alerts in Tandem for the next step of each. This email is sent at most once an hour for a profile; \
             it is switched on at the profile.\n",
        );
        text
    }
}

/// So many mailboxes are named for one reason.
const LISTED: usize = 20;

fn subject(profile: &str, majority: MajorityFailed) -> String {
    format!("Tandem: {} of {} mailboxes of {profile} failed", majority.failed, majority.of)
}

impl Facts {
    fn majority(&self, profile: ProfileId) -> Option<MajorityFailed> {
        let mailboxes = self.mailboxes.iter().filter(|one| is_synchronized(&one.mailbox, profile)).count();
        let failures: Vec<_> = self
            .failed
            .iter()
            .filter(|one| one.profile == profile)
            .map(|one| (one.mailbox, one.ended_at))
            .collect();
        majority_failed(mailboxes, &failures, self.now)
    }

    fn has_failed(&self, profile: ProfileId, shown: &MailboxView) -> bool {
        self.failed.iter().any(|one| one.profile == profile && one.mailbox == shown.mailbox.id)
    }

    fn senders(
        &self,
        outgoing_works: impl Fn(&Mailbox, Option<&EmailServerProfile>) -> bool,
    ) -> Vec<AlertSender> {
        let sender = |shown: &MailboxView| {
            let mailbox = judged(shown);
            let profile = mailbox.profile?;
            let found = self.profiles.iter().find(|one| one.id == profile);
            Some(AlertSender {
                mailbox: mailbox.id,
                profile,
                outgoing_works: outgoing_works(&mailbox, found),
                failed: self.failed.iter().any(|one| one.mailbox == mailbox.id),
            })
        };
        self.mailboxes.iter().filter_map(sender).collect()
    }
}

/// Whether the profile synchronizes any of the mailbox's workloads.
fn is_synchronized(mailbox: &Mailbox, profile: ProfileId) -> bool {
    mailbox.profile == Some(profile)
        && mailbox.standing() == Approval::Approved
        && Workload::ALL.iter().any(|workload| mailbox.method(*workload) == DeliveryMethod::ServerSideSync)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        OpenOptions, SecretsChoice,
        wire::{AlertsRequest, ApplyRequest, EmailsRequest},
    };
    use std::{io::Read, sync::Arc};
    use tandem_domain::{
        failure::{Failure, FailureCode},
        ids::{CycleId, MailboxId},
        probe::{Rung, RungName, RungOutcome},
    };
    use tandem_engine::ports::{
        storage::{Activities, CycleReport, Schedule},
        test_jobs::TestResults,
    };
    use uuid::Uuid;

    /// Three mailboxes of one profile, whose owner is told by email, and one of another.
    fn configuration() -> String {
        let profile = |name: &str, more: &str| {
            format!(
                "[[profile]]\nname = \"{name}\"\nserver_type = \"imap_smtp\"\nauthenticate_using = \"anonymous\"\n{more}\n\
                 incoming = {{ server = \"mail.contoso.test\", port = 993, security = \"tls\" }}\n\
                 outgoing = {{ server = \"mail.contoso.test\", port = 465, security = \"tls\" }}\n"
            )
        };
        let mut text =
            profile("Sales", "owner = \"Pat Owner\"\nsend_alert_email = true") + &profile("Other", "");
        text.push_str("[[user]]\nname = \"Pat Owner\"\nemail = \"pat@contoso.test\"\n");
        for (name, profile) in [("amy", "Sales"), ("ben", "Sales"), ("cy", "Sales"), ("olga", "Other")] {
            text.push_str(&format!(
                "[[user]]\nname = \"{name}\"\nemail = \"{name}@contoso.test\"\n[[mailbox]]\nemail = \"{name}@contoso.test\"\n\
                 owner = \"user:{name}\"\nprofile = \"{profile}\"\nincoming = \"server_side_sync\"\n\
                 outgoing = \"server_side_sync\"\napproved = true\n"
            ));
        }
        text
    }

    struct World {
        _home: tempfile::TempDir,
        tandem: Arc<Tandem>,
    }

    impl World {
        async fn new() -> Self {
            let home = tempfile::tempdir().unwrap();
            let options =
                OpenOptions { data: Some(home.path().to_path_buf()), secrets: SecretsChoice::Memory };
            let tandem = Tandem::open(options).await.unwrap();
            let request = ApplyRequest { text: configuration(), file: None, dry_run: false };
            tandem.apply(request).await.unwrap();
            Self { _home: home, tandem }
        }

        async fn mailbox(&self, name: &str) -> MailboxId {
            self.tandem.find_mailbox(&format!("{name}@contoso.test")).await.unwrap().id
        }

        /// A cycle of a mailbox ended so long ago.
        async fn ended(&self, name: &str, workload: Workload, minutes_ago: i64, failed: bool) {
            let mailbox = self.mailbox(name).await;
            let at = self.tandem.now() - chrono::Duration::minutes(minutes_ago);
            let passed = Rung {
                name: RungName::Login,
                took_ms: 1,
                server_said: String::new(),
                outcome: RungOutcome::Passed,
            };
            self.tandem.store.record_test(mailbox, workload, vec![passed], None, at).await.unwrap();
            let failure = failed.then(|| Failure::transient_profile(FailureCode::TimedOut, "no answer"));
            let next = self.tandem.now() + chrono::Duration::minutes(5);
            let report = CycleReport {
                mailbox,
                workload,
                cycle: CycleId(Uuid::new_v4()),
                started_at: at,
                ended_at: at,
                items: 0,
                failure,
                expected_at: (!failed).then_some(next),
                next_due_at: Some(next),
                attempts: 0,
                activity: Default::default(),
            };
            self.tandem.store.finish(report).await.unwrap();
        }

        /// Subjects and senders of the emails that wait to be sent.
        async fn waiting(&self) -> Vec<(String, String)> {
            let page = self.tandem.emails(EmailsRequest::default()).await.unwrap();
            page.emails.into_iter().map(|one| (one.subject, one.from)).collect()
        }

        async fn alerts(&self) -> Vec<crate::wire::AlertView> {
            let all = self.tandem.alerts(AlertsRequest::default()).await.unwrap();
            all.into_iter().filter(|one| one.code == "majority_failed").collect()
        }
    }

    #[tokio::test]
    async fn the_owner_is_told_once_an_hour_through_another_profile() {
        let world = World::new().await;
        world.ended("olga", Workload::Outgoing, 1, false).await;
        world.ended("amy", Workload::Incoming, 50, true).await;
        world.tandem.look_at_failures().await;
        assert!(world.waiting().await.is_empty(), "one of three is no majority");
        world.ended("ben", Workload::Incoming, 2, true).await;
        world.tandem.look_at_failures().await;
        world.tandem.look_at_failures().await;
        let waiting = world.waiting().await;
        let [(subject, from)] = &waiting[..] else { panic!("{waiting:?}") };
        assert_eq!(subject, "Tandem: 2 of 3 mailboxes of Sales failed");
        assert!(from.contains("olga"), "{from}");
        let page = world.tandem.emails(EmailsRequest::default()).await.unwrap();
        let id = world.tandem.find_email(&page.emails[0].id).await.unwrap();
        let raw = world.tandem.store.raw(id).await.unwrap();
        let mut text = String::new();
        raw.open().unwrap().read_to_string(&mut text).unwrap();
        assert!(text.contains("\r\nAuto-Submitted: auto-generated\r\n"), "no machine answers it: {text}");
        assert!(world.alerts().await.is_empty());
    }

    #[tokio::test]
    async fn where_nobody_can_send_there_is_an_alert_and_it_goes_when_it_is_over() {
        let world = World::new().await;
        for name in ["amy", "ben", "cy"] {
            world.ended(name, Workload::Incoming, 2, true).await;
        }
        world.tandem.look_at_failures().await;
        world.tandem.look_at_failures().await;
        assert!(world.waiting().await.is_empty());
        let alerts = world.alerts().await;
        let [alert] = &alerts[..] else { panic!("{alerts:?}") };
        assert_eq!((alert.object.as_str(), alert.count, alert.level.as_str()), ("Sales", 1, "error"));
        assert!(alert.server_said.as_deref().unwrap().contains("no other mailbox can send"), "{alert:?}");
        assert!(alert.needs_person && alert.audience.iter().any(|one| one == "profile_owner"), "{alert:?}");
        let id = world.tandem.find_profile("Sales").await.unwrap().id;
        let failed = |error| panic!("{error}");
        let past = world.tandem.now() - chrono::Duration::hours(2);
        world.tandem.store.take_alert_email_turn(id, past, past).await.map_err(failed).unwrap();
        // Two of the three are another profile's now: one of one failed still is a majority, none of none is not.
        let moved = configuration().replace("profile = \"Sales\"", "profile = \"Other\"");
        world.tandem.apply(ApplyRequest { text: moved, file: None, dry_run: false }).await.unwrap();
        world.tandem.look_at_failures().await;
        assert!(world.alerts().await.is_empty(), "its cause is gone");
    }

    #[tokio::test]
    async fn nothing_is_sent_where_nobody_asked_for_it() {
        let world = World::new().await;
        let off = configuration().replace("send_alert_email = true", "send_alert_email = false");
        world.tandem.apply(ApplyRequest { text: off, file: None, dry_run: false }).await.unwrap();
        world.ended("olga", Workload::Outgoing, 1, false).await;
        for name in ["amy", "ben", "cy"] {
            world.ended(name, Workload::Incoming, 2, true).await;
        }
        world.tandem.look_at_failures().await;
        assert!(world.waiting().await.is_empty() && world.alerts().await.is_empty());
    }
}
