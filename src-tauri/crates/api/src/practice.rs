//! The practice organization: embedded servers and sample data beside the real organization, synchronized for real on
//! loopback, and removed without a trace.

mod setup;

use crate::{
    Tandem,
    compose::{RunFor, SecretsChoice},
    people::{in_file, of_storage},
    wire::{
        ApiError, EmailsRequest, LadderView, MailboxView, Nothing, PracticeView, SendEmailRequest,
        TestEnableRequest, Time,
    },
};
use serde::Serialize;
use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use tandem_domain::{ledger::Decision, workload::Workload};
use tandem_practice::{PracticeServers, sample::PersonKind, sample::Sample};
use tandem_store::view::LedgerFilter;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// How long mail that was sent inside the practice organization may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(10);

/// The practice organization, running.
pub struct Practice {
    tandem: Arc<Tandem>,
    servers: PracticeServers,
    folder: std::sync::Mutex<Option<TempDir>>,
    ca_file: PathBuf,
    since: Time,
    /// Messages on the servers when it started.
    at_start: usize,
}

/// What the practice organization did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PracticeReport {
    /// Messages on the servers, in mailboxes that are synchronized.
    pub on_servers: usize,
    /// Messages seen.
    pub seen: usize,
    /// Email activities made of them.
    pub promoted: usize,
    /// Emails sent.
    pub sent: usize,
    /// How long it took.
    pub seconds: f64,
    /// Each mailbox.
    pub mailboxes: Vec<PracticeMailbox>,
    /// What was not as expected; empty when all is well.
    pub unexpected: Vec<String>,
}

/// What one mailbox of the practice organization did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PracticeMailbox {
    /// Its address.
    pub address: String,
    /// Messages seen.
    pub seen: usize,
    /// Email activities made of them.
    pub promoted: usize,
    /// Messages that another mailbox had received too.
    pub duplicates: usize,
    /// Messages that its owner does not accept.
    pub not_accepted: usize,
    /// Everything else: test messages, messages from before the start, quarantined.
    pub other: usize,
    /// Emails sent.
    pub sent: usize,
    /// Its health.
    pub status: String,
}

impl Practice {
    /// Starts the servers and a Tandem of its own on a temporary folder, with secrets in memory.
    ///
    /// # Errors
    /// When loopback has no free port, or there is no room for temporary files.
    pub async fn start() -> Result<Arc<Self>, ApiError> {
        let since = chrono::Utc::now();
        let sample = Sample::organization(since);
        let contacts: Vec<_> = sample.of_kind(PersonKind::Contact).cloned().collect();
        let servers = PracticeServers::start(sample).await.map_err(|error| {
            let remedy =
                "Close programs that use many connections, then start the practice organization again.";
            ApiError::plain("practice_failed", "practice organization", "Its servers cannot start.", remedy)
                .said(&error)
        })?;
        let folder = tempfile::Builder::new().prefix("tandem-practice.").tempdir();
        let folder = folder
            .map_err(|error| in_file("The practice folder cannot be made", &std::env::temp_dir(), &error))?;
        let data = folder.path().join("data");
        let tandem = Tandem::open_in(data, SecretsChoice::Memory, true).await?;
        let ca_file = setup::configure(&tandem, &servers, &contacts, folder.path()).await?;
        let routers = crate::migration::practice_routers(&servers, since);
        tandem.migration.play(routers, folder.path().join("routers"));
        let at_start =
            setup::synchronized(&servers).map(|one| servers.hub().messages(&one.address).len()).sum();
        let folder = std::sync::Mutex::new(Some(folder));
        Ok(Arc::new(Self { tandem, servers, folder, ca_file, since, at_start }))
    }

    /// Its Tandem: every action works on it as on the real one.
    #[must_use]
    pub fn tandem(&self) -> &Arc<Tandem> {
        &self.tandem
    }

    /// What runs.
    #[must_use]
    pub fn view(&self) -> PracticeView {
        let host = self.servers.host();
        PracticeView {
            running: true,
            since: Some(self.since),
            servers: vec![
                format!("POP3 {host}:{} (TLS)", self.servers.pop3().port()),
                format!("IMAP {host}:{} (TLS)", self.servers.imap().port()),
                format!("SMTP {host}:{} (TLS)", self.servers.smtp().port()),
                format!("SMTP {host}:{} (STARTTLS)", self.servers.submission().port()),
            ],
            mailboxes: setup::synchronized(&self.servers).map(|one| one.address.clone()).collect(),
            ca_file: Some(self.ca_file.to_string_lossy().into_owned()),
        }
    }

    /// Tests and enables every mailbox, sends a few emails, and starts the engine in the background.
    ///
    /// # Errors
    /// Those of the engine.
    pub async fn start_engine(&self) -> Result<(), ApiError> {
        self.tandem.test_enable(TestEnableRequest { all: true, ..Default::default() }).await?;
        self.send().await?;
        self.tandem.start_engine().await
    }

    /// Tests and enables every mailbox, sends a few emails, synchronizes until nothing is due (or for a time), and
    /// compares what was made with what was on the servers.
    ///
    /// # Errors
    /// Those of the engine and of storage.
    pub async fn synchronize(
        &self,
        time: Option<Duration>,
        stop: &CancellationToken,
    ) -> Result<PracticeReport, ApiError> {
        let started = Instant::now();
        let all = TestEnableRequest { all: true, ..Default::default() };
        let test = self.tandem.test_enable_until(all, stop).await?;
        let mut unexpected = failures(&test.ladders);
        // One that was stopped has its report all the same.
        if let Some(error) = nothing_works(&test.ladders).filter(|_| !stop.is_cancelled()) {
            return Err(error);
        }
        let sent = self.send().await?;
        let run = self.tandem.run(time.map_or(RunFor::UntilIdle, RunFor::Time), stop).await?;
        self.wait_for_arrival(sent.len(), stop).await;
        // What was sent inside the organization arrived after the first look.
        for mailbox in setup::synchronized(&self.servers) {
            if stop.is_cancelled() {
                break;
            }
            let synchronized =
                self.tandem.sync(&mailbox.address, Some(Workload::Incoming.as_str()), stop).await;
            unexpected.extend(synchronized.err().map(|error| error.to_string()));
        }
        unexpected.extend(run.failures.iter().map(ToString::to_string));
        let mut report = self.report(unexpected).await?;
        if stop.is_cancelled() {
            report.unexpected.push("it was stopped before it was done".to_owned());
        }
        report.seconds = started.elapsed().as_secs_f64();
        Ok(report)
    }

    /// Stops everything and removes the folder.
    pub async fn remove(&self) {
        // Boxed: a Tandem may hold a practice organization, which holds a Tandem.
        Box::pin(self.tandem.close()).await;
        self.servers.stop().await;
        let folder = self.folder.lock().map(|mut folder| folder.take()).unwrap_or_default();
        if let Some(folder) = folder {
            let path = folder.path().to_path_buf();
            if let Err(error) = folder.close() {
                tracing::warn!("The practice folder {} is not removed: {error}", path.display());
            }
        }
    }

    /// Sends emails between people of the practice organization; their recipients.
    async fn send(&self) -> Result<Vec<String>, ApiError> {
        let mut recipients = Vec::new();
        for (from, to, subject, body) in setup::EMAILS {
            let request = SendEmailRequest {
                from: (*from).to_owned(),
                to: to.iter().map(|one| (*one).to_owned()).collect(),
                subject: (*subject).to_owned(),
                body: (*body).to_owned(),
                ..Default::default()
            };
            self.tandem.send_email(request).await?;
            recipients.extend(to.iter().map(|one| (*one).to_owned()));
        }
        Ok(recipients)
    }

    /// Waits until what was sent lies in the recipients' mailboxes.
    async fn wait_for_arrival(&self, sent: usize, stop: &CancellationToken) {
        let until = Instant::now() + ARRIVAL;
        while Instant::now() < until && !stop.is_cancelled() && self.arrived() < sent {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// How many of the sent messages lie in mailboxes, whoever's.
    fn arrived(&self) -> usize {
        let hub = self.servers.hub();
        let subjects: Vec<_> =
            setup::EMAILS.iter().map(|(_, _, subject, _)| format!("Subject: {subject}\r\n")).collect();
        self.servers
            .accounts()
            .iter()
            .flat_map(|account| hub.messages(&account.address))
            .filter(|message| {
                let text = String::from_utf8_lossy(&message.raw);
                subjects.iter().any(|subject| text.contains(subject.as_str()))
            })
            .count()
    }

    async fn report(&self, mut unexpected: Vec<String>) -> Result<PracticeReport, ApiError> {
        let mut mailboxes = Vec::new();
        let mut on_servers = 0;
        for view in self.tandem.mailboxes(Nothing {}).await? {
            let there = self.servers.hub().messages(&view.email).len();
            on_servers += there;
            let mailbox = self.mailbox_report(&view).await?;
            if mailbox.seen != there {
                unexpected
                    .push(format!("{}: {there} messages on the server, {} seen", view.email, mailbox.seen));
            }
            if mailbox.status != "ok" {
                unexpected.push(format!("{} is {}", view.email, mailbox.status));
            }
            mailboxes.push(mailbox);
        }
        let expected: usize = setup::EMAILS.iter().map(|(_, to, ..)| to.len()).sum();
        if self.arrived() != expected {
            unexpected
                .push(format!("{expected} copies of sent emails were expected, {} arrived", self.arrived()));
        }
        let sum = |of: fn(&PracticeMailbox) -> usize| mailboxes.iter().map(of).sum();
        let (seen, promoted, sent) = (sum(|one| one.seen), sum(|one| one.promoted), sum(|one| one.sent));
        if seen < self.at_start {
            unexpected.push(format!("{} messages were there at the start, {seen} were seen", self.at_start));
        }
        if sent != setup::EMAILS.len() {
            unexpected.push(format!("{} emails were to be sent, {sent} were", setup::EMAILS.len()));
        }
        let seconds = 0.0;
        Ok(PracticeReport { on_servers, seen, promoted, sent, seconds, mailboxes, unexpected })
    }

    async fn mailbox_report(&self, view: &MailboxView) -> Result<PracticeMailbox, ApiError> {
        let mailbox = self.tandem.find_mailbox(&view.email).await?;
        let filter = LedgerFilter { mailbox: Some(mailbox.id), ..LedgerFilter::default() };
        let rows = self.tandem.store.list_ledger(filter, 10_000).await;
        let rows = rows.map_err(|error| of_storage(&view.email, &error))?;
        let count = |decision: Decision| rows.iter().filter(|entry| entry.row.decision == decision).count();
        let (promoted, duplicates, not_accepted) =
            (count(Decision::Promoted), count(Decision::Duplicate), count(Decision::NotAccepted));
        let request = EmailsRequest {
            mailbox: Some(view.email.clone()),
            status: Some("sent".to_owned()),
            ..EmailsRequest::default()
        };
        let sent = self.tandem.emails(request).await?.total;
        Ok(PracticeMailbox {
            address: view.email.clone(),
            seen: rows.len(),
            promoted,
            duplicates,
            not_accepted,
            other: rows.len() - promoted - duplicates - not_accepted,
            sent: sent as usize,
            status: view.status.clone(),
        })
    }
}

impl Tandem {
    /// The practice organization.
    ///
    /// # Errors
    /// None at present.
    pub async fn practice(&self, _: Nothing) -> Result<PracticeView, ApiError> {
        Ok(self.practice.lock().await.as_ref().map_or_else(stopped, |practice| practice.view()))
    }

    /// Starts the practice organization beside the real one.
    ///
    /// # Errors
    /// As [`Practice::start`].
    pub async fn start_practice(&self, _: Nothing) -> Result<PracticeView, ApiError> {
        let mut practice = self.practice.lock().await;
        if let Some(running) = practice.as_ref() {
            return Ok(running.view());
        }
        let started = Practice::start().await?;
        if let Err(error) = Box::pin(started.start_engine()).await {
            started.remove().await;
            return Err(error);
        }
        let view = started.view();
        *practice = Some(started);
        Ok(view)
    }

    /// Removes the practice organization without a trace.
    ///
    /// # Errors
    /// None at present.
    pub async fn stop_practice(&self, _: Nothing) -> Result<PracticeView, ApiError> {
        let practice = self.practice.lock().await.take();
        if let Some(practice) = practice {
            practice.remove().await;
        }
        Ok(stopped())
    }

    /// The Tandem of the practice organization, while it runs: a shell shows it instead of the real one.
    pub async fn practice_tandem(&self) -> Option<Arc<Self>> {
        self.practice.lock().await.as_ref().map(|practice| Arc::clone(practice.tandem()))
    }
}

fn stopped() -> PracticeView {
    PracticeView { running: false, since: None, servers: Vec::new(), mailboxes: Vec::new(), ca_file: None }
}

/// Each test that failed, with its reason.
fn failures(ladders: &[LadderView]) -> Vec<String> {
    let failed = ladders.iter().filter(|ladder| ladder.status == "failure");
    let say = |ladder: &LadderView| {
        let why = broken(ladder).map(|error| format!(": {} {}", error.message, error.remedy));
        format!("{} {} failed its test{}", ladder.object, ladder.workload, why.unwrap_or_default())
    };
    failed.map(say).collect()
}

/// What broke the first test, when none succeeded: then there is nothing to synchronize.
fn nothing_works(ladders: &[LadderView]) -> Option<ApiError> {
    if ladders.iter().any(|ladder| ladder.status == "success") {
        return None;
    }
    ladders.iter().find_map(broken).cloned()
}

/// The error of the rung that broke.
fn broken(ladder: &LadderView) -> Option<&ApiError> {
    ladder.rungs.iter().find_map(|rung| rung.error.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::RungView;

    fn ladder(object: &str, error: Option<&str>) -> LadderView {
        let rung = |error: &str| RungView {
            name: "dns".to_owned(),
            status: "failed".to_owned(),
            took_ms: 1,
            server_said: String::new(),
            error: Some(ApiError {
                code: "dns_not_found".to_owned(),
                message: error.to_owned(),
                remedy: "Check the name.".to_owned(),
                object: object.to_owned(),
                server_said: None,
                retry_at: None,
                certificate: None,
            }),
        };
        LadderView {
            object: object.to_owned(),
            workload: "incoming".to_owned(),
            status: if error.is_some() { "failure" } else { "success" }.to_owned(),
            reason: None,
            rungs: error.map(rung).into_iter().collect(),
        }
    }

    #[test]
    fn what_broke_is_said_and_ends_it_when_nothing_works() {
        let no_name = "localhost is not a known name.";
        let (broken, works) = (ladder("amy", Some(no_name)), ladder("ben", None));
        let skipped = LadderView { status: "skipped".to_owned(), ..works.clone() };
        let both = [broken.clone(), works.clone()];
        assert_eq!(failures(&both), [format!("amy incoming failed its test: {no_name} Check the name.")]);
        assert_eq!(nothing_works(&both), None);
        assert_eq!(nothing_works(&[]), None);
        let error = nothing_works(&[skipped, broken.clone(), broken]).unwrap();
        assert_eq!((error.object.as_str(), error.message.as_str()), ("amy", no_name));
        assert!(failures(&[works]).is_empty());
    }
}
