//! The engine, run: in the background for a window, in the foreground for the command line.

use super::Tandem;
use crate::{
    attach::{Attached, Role},
    health::ROUTER_PROCESSES,
    people::{of_failure, of_storage},
    wire::{ApiError, MailboxRequest, MailboxView, Nothing},
};
use serde::Serialize;
use std::{sync::Arc, time::Duration};
use tandem_domain::{
    breaker::Asked, mailbox::Mailbox, schedule::CycleEnd, settings::ProcessEmailUsing, workload::Workload,
};
use tandem_engine::{
    ports::{circuits::Circuits, storage::Schedule, test_jobs::TestJobs},
    runner::{RunMode, SyncOutcome},
};
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// How often the schedule is looked at for what another process made due.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// The next look comes at the earliest so many times later as the last one took, but not later than this.
const RESTS: u32 = 100;
const LONGEST_REST: Duration = Duration::from_secs(20);
/// A cycle that wants to go on is run again at most this often by one call.
const MOST_ROUNDS: usize = 10_000;
/// How long a run waits for somebody who holds the engine for a moment, such as `tandem sync`.
const RUN_WAITS: Duration = Duration::from_secs(8);
/// The same for an engine in the background, whose shell asks again by itself.
const START_WAITS: Duration = Duration::from_secs(1);
/// A word to the engine of another process is worth this much time.
const WORD_WITHIN: Duration = Duration::from_secs(3);

/// How long to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunFor {
    /// Until it is stopped.
    UntilStopped,
    /// Until nothing is due.
    UntilIdle,
    /// For so long.
    Time(Duration),
}

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RunReport {
    /// Cycles that ended.
    pub cycles: u32,
    /// Messages decided and emails attempted.
    pub items: u64,
    /// Workloads whose last cycle failed.
    pub failed: u32,
    /// Why, one for each of them.
    pub failures: Vec<ApiError>,
    /// Whether another process runs the engine, and was told instead.
    pub handed_over: bool,
    /// Why nothing was processed, when the settings say so.
    pub note: Option<String>,
}

/// The engine in the background.
pub(super) struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
    ended: watch::Receiver<Option<Result<(), ApiError>>>,
}

impl Tandem {
    /// Starts the engine in the background. Does nothing when it runs already.
    ///
    /// # Errors
    /// When another process runs the engine of this data folder.
    pub async fn start_engine(self: &Arc<Self>) -> Result<(), ApiError> {
        let mut running = self.running.lock().await;
        if running.as_ref().is_some_and(|running| !running.task.is_finished()) {
            return Ok(());
        }
        let held = self.hold(Role::Window, START_WAITS).await?;
        let stop = self.closing.child_token();
        let (tandem, stopped) = (Arc::clone(self), stop.clone());
        let (tell, ended) = watch::channel(None);
        let task = tokio::spawn(async move {
            let done = tandem.run_locked(RunMode::UntilStopped, &stopped).await;
            tandem.let_go(held).await;
            if let Err(error) = &done {
                tracing::error!("The engine ended: {error}");
            }
            tell.send_replace(Some(done));
        });
        *running = Some(Running { stop, task, ended });
        Ok(())
    }

    /// Waits until the engine of the background ends; at once when none runs.
    ///
    /// # Errors
    /// Why it ended by itself.
    pub(crate) async fn engine_ended(&self) -> Result<(), ApiError> {
        let ended = self.running.lock().await.as_ref().map(|running| running.ended.clone());
        let Some(mut ended) = ended else { return Ok(()) };
        match ended.wait_for(Option::is_some).await {
            Ok(done) => done.clone().unwrap_or(Ok(())),
            Err(_) => Err(ApiError::internal("engine", &"it ended without a word")),
        }
    }

    /// Stops the engine of the background and waits for it: nothing runs any more when this returns.
    pub async fn stop_engine(&self) {
        let running = self.running.lock().await.take();
        if let Some(running) = running {
            running.stop.cancel();
            let _ = running.task.await;
        }
    }

    /// Runs the engine in the foreground.
    ///
    /// # Errors
    /// When another process runs the engine of this data folder for long, or storage fails.
    pub async fn run(
        self: &Arc<Self>,
        time: RunFor,
        stop: &CancellationToken,
    ) -> Result<RunReport, ApiError> {
        self.run_as(Role::Terminal, time, stop).await
    }

    /// The same, as a service, for instance.
    ///
    /// # Errors
    /// As [`Tandem::run`].
    pub async fn run_as(
        self: &Arc<Self>,
        role: Role,
        time: RunFor,
        stop: &CancellationToken,
    ) -> Result<RunReport, ApiError> {
        let held = tokio::select! {
            held = self.hold(role, RUN_WAITS) => held?,
            () = stop.cancelled() => return Ok(RunReport::default()),
        };
        let mode = match time {
            RunFor::UntilStopped => RunMode::UntilStopped,
            RunFor::UntilIdle => RunMode::UntilIdle,
            RunFor::Time(time) => {
                RunMode::For(chrono::Duration::from_std(time).unwrap_or(chrono::Duration::days(36_500)))
            }
        };
        self.hub.start_tally();
        if self.router_processes().await? {
            tracing::warn!("{ROUTER_PROCESSES}");
        }
        let done = self.run_locked(mode, stop).await;
        self.let_go(held).await;
        done?;
        let tally = self.hub.tally();
        let mut failures: Vec<_> = tally.failures.into_values().collect();
        failures.sort_by(|a, b| (&a.object, &a.code).cmp(&(&b.object, &b.code)));
        let failed = u32::try_from(failures.len()).unwrap_or(u32::MAX);
        let note = self.router_processes().await?.then(|| ROUTER_PROCESSES.to_owned());
        Ok(RunReport { cycles: tally.cycles, items: tally.items, failed, failures, handed_over: false, note })
    }

    /// Runs a mailbox's cycles now, here, or in the process that runs the engine.
    ///
    /// # Errors
    /// An unknown address or workload, a workload that is not synchronized, or storage.
    pub async fn sync(
        self: &Arc<Self>,
        address: &str,
        workload: Option<&str>,
        stop: &CancellationToken,
    ) -> Result<RunReport, ApiError> {
        let mailbox = self.find_mailbox(address).await?;
        self.refuse_for_router(address).await?;
        let workloads = self.workloads_to_sync(&mailbox, workload)?;
        let held = match self.hold(Role::Sync, Duration::ZERO).await {
            Ok(held) => held,
            Err(error) if error.code == LOCKED => {
                self.hand_over(&mailbox, &workloads).await?;
                self.wake_engine_elsewhere().await;
                return Ok(RunReport { handed_over: true, ..RunReport::default() });
            }
            Err(error) => return Err(error),
        };
        // Leases of an engine that was killed.
        self.store.release_all().await.map_err(|error| of_storage(address, &error))?;
        let mut report = RunReport::default();
        let mut done = Ok(());
        for workload in workloads {
            done = self.sync_workload(&mailbox, workload, stop, &mut report).await;
            if done.is_err() {
                break;
            }
        }
        self.let_go(held).await;
        done.map(|()| report)
    }

    /// Looks at the schedule now: something was made due.
    ///
    /// # Errors
    /// None at present.
    pub async fn wake_engine(&self, _: Nothing) -> Result<Nothing, ApiError> {
        self.engine.wake();
        Ok(Nothing {})
    }

    /// Tells the engine of another process, if there is one, to look at the schedule now. Without this it looks by
    /// itself within seconds.
    pub async fn wake_engine_elsewhere(&self) {
        let wake = async {
            if let Some(there) = self.elsewhere().await? {
                there.call("wake_engine", serde_json::json!({})).await?;
            }
            Ok::<(), ApiError>(())
        };
        match tokio::time::timeout(WORD_WITHIN, wake).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::info!("The engine looks by itself soon: {error}"),
            Err(_) => tracing::info!("The engine looks by itself soon: it did not answer"),
        }
    }

    /// The engine of another process, when there is one that can be attached to.
    ///
    /// # Errors
    /// As [`Attached::find`].
    pub(crate) async fn elsewhere(&self) -> Result<Option<Attached>, ApiError> {
        if self.is_practice || self.is_holding() {
            return Ok(None);
        }
        Attached::find(&self.folder).await
    }

    /// Runs a mailbox's cycles now.
    ///
    /// # Errors
    /// As [`Tandem::sync`].
    pub async fn sync_now(self: &Arc<Self>, request: MailboxRequest) -> Result<MailboxView, ApiError> {
        let mailbox = self.find_mailbox(&request.address).await?;
        self.refuse_for_router(&request.address).await?;
        if self.hub.engine_running() {
            let workloads = self.workloads_to_sync(&mailbox, None)?;
            self.hand_over(&mailbox, &workloads).await?;
            self.engine.wake();
        } else {
            self.sync(&request.address, None, &self.closing).await?;
        }
        self.mailbox_view(mailbox.id).await
    }

    /// Whether the settings leave email to the Email Router.
    async fn router_processes(&self) -> Result<bool, ApiError> {
        Ok(self.organization_settings().await?.process_email_using == ProcessEmailUsing::EmailRouter)
    }

    async fn refuse_for_router(&self, address: &str) -> Result<(), ApiError> {
        if !self.router_processes().await? {
            return Ok(());
        }
        let remedy = "Set Process email using to Server-Side Synchronization once the Email Router is stopped for this \
                      organization; only one of the two may process it.";
        Err(ApiError::plain("email_router_processes", address, ROUTER_PROCESSES, remedy))
    }

    fn workloads_to_sync(
        &self,
        mailbox: &Mailbox,
        workload: Option<&str>,
    ) -> Result<Vec<Workload>, ApiError> {
        let wanted = match workload {
            Some(word) => {
                let words: Vec<_> = Workload::ALL.iter().map(|one| one.as_str()).collect();
                vec![
                    Workload::from_word(word)
                        .ok_or_else(|| ApiError::unknown_word("workload", word, &words))?,
                ]
            }
            None => Workload::ALL.to_vec(),
        };
        let processed: Vec<_> = wanted.into_iter().filter(|one| mailbox.is_processed(*one)).collect();
        if processed.is_empty() {
            let message = "Nothing of it is synchronized: it is not approved, not enabled, or its delivery method is none.";
            let remedy = "Approve the mailbox and run Test & Enable for it, then synchronize it.";
            return Err(ApiError::plain("not_processed", mailbox.email.as_str(), message, remedy));
        }
        Ok(processed)
    }

    async fn hand_over(&self, mailbox: &Mailbox, workloads: &[Workload]) -> Result<(), ApiError> {
        for workload in workloads {
            let made = self.store.make_due(mailbox.id, *workload, self.now()).await;
            made.map_err(|error| of_storage(mailbox.email.as_str(), &error))?;
        }
        // A person asked: whoever waits for the server need not wait for the next probe.
        let asked = self.store.probe_now(mailbox.profile, Asked::ByPerson, self.now()).await;
        asked.map_err(|error| of_storage(mailbox.email.as_str(), &error))
    }

    async fn sync_workload(
        &self,
        mailbox: &Mailbox,
        workload: Workload,
        stop: &CancellationToken,
        report: &mut RunReport,
    ) -> Result<(), ApiError> {
        for _ in 0..MOST_ROUNDS {
            let outcome = self.engine.sync_now(mailbox.id, workload, stop).await;
            let outcome = outcome.map_err(|error| of_storage(mailbox.email.as_str(), &error))?;
            let SyncOutcome::Ran(outcome) = outcome else {
                return Ok(());
            };
            if outcome.was_stopped() {
                return Ok(());
            }
            report.cycles += 1;
            report.items += u64::from(outcome.items);
            match outcome.end {
                CycleEnd::Yielded => {}
                CycleEnd::Completed => return Ok(()),
                CycleEnd::Failed(failure) => {
                    report.failed += 1;
                    report.failures.push(of_failure(mailbox.email.as_str(), &failure, None));
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    async fn run_locked(&self, mode: RunMode, stop: &CancellationToken) -> Result<(), ApiError> {
        let stop = stop.child_token();
        let run = self.engine.run(mode, stop.clone());
        let done = tokio::select! {
            done = run => done.map_err(|error| of_storage("schedule", &error)),
            () = self.look_for_others_work() => Ok(()),
            () = self.watch_failures() => Ok(()),
        };
        // A short run ends before the watch has looked.
        self.look_at_failures().await;
        done
    }

    /// Wakes the engine when another process made something due. Never ends.
    async fn look_for_others_work(&self) {
        let mut rest = LOOK_EVERY;
        loop {
            tokio::time::sleep(rest).await;
            let began = std::time::Instant::now();
            let is_due = |found: Result<Option<_>, _>| matches!(found, Ok(Some(at)) if at <= self.now());
            if is_due(self.store.next_due().await) {
                self.engine.look();
            }
            // Another process may also have cancelled what is being tested.
            if self.engine.is_testing() || is_due(self.store.next_tests_at().await) {
                self.engine.look_for_tests();
            }
            // While thousands wait for an unreachable server, a look passes over them.
            rest = (began.elapsed() * RESTS).clamp(LOOK_EVERY, LONGEST_REST);
        }
    }
}

/// The code of the error that says that another process runs the engine.
pub(crate) const LOCKED: &str = "engine_runs_elsewhere";
