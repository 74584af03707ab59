//! One handle for a shell, wherever the engine runs: in this process, or in another one that it is attached to.
//!
//! The data folder is open here in both cases, so that the shell goes on showing what is there when the other process
//! ends, and takes the engine over when nobody else starts it.

use super::{
    attached::Attached,
    holder::{Holder, VERSION},
    listening::other_version,
};
use crate::{
    OpenOptions, Tandem,
    compose::LOCKED,
    data_folder, router,
    wire::{ApiError, EventView, Home, SafeBody},
};
use serde_json::{Value, json};
use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tandem_store::DataFolderLock;
use tokio::{
    sync::{Notify, broadcast, watch},
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

/// How many events a slow shell may lag behind.
const CAPACITY: usize = 4_096;
/// How often it is looked whether the engine can be had.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// A service that is started again gets this long before the engine is taken over.
const GRACE: Duration = Duration::from_secs(10);
/// Somebody who holds the engine for a moment (`tandem sync`) is no problem for so long.
const PATIENCE: Duration = Duration::from_secs(5);
/// What failed is tried again after this time, or when the person asks.
const AGAIN_AFTER: Duration = Duration::from_secs(30);
/// Actions on the practice organization itself: it always runs in this process.
const ON_PRACTICE: [&str; 3] = ["practice", "start_practice", "stop_practice"];

/// The program, as a shell sees it.
pub struct Program {
    here: Arc<Tandem>,
    there: Mutex<Option<Arc<Attached>>>,
    events: broadcast::Sender<EventView>,
    standing: watch::Sender<Standing>,
    again: Notify,
    closing: CancellationToken,
}

/// How it stands with the engine.
#[derive(Debug, Clone, Default)]
struct Standing {
    decided: bool,
    problem: Option<ApiError>,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program").field("here", &self.here).finish_non_exhaustive()
    }
}

impl Program {
    /// Opens the data folder; attaches to the engine that runs there, or starts one in this process. Goes on doing so:
    /// when the other engine ends, this one takes over.
    ///
    /// # Errors
    /// As [`Tandem::open`]; an engine of another version that runs there.
    pub async fn open_or_attach(mut options: OpenOptions) -> Result<Arc<Self>, ApiError> {
        let folder = match options.data.take() {
            Some(folder) => folder,
            None => data_folder()?,
        };
        let folder = std::path::absolute(&folder).unwrap_or(folder);
        // Before the database is opened, because a newer program would upgrade it below the running one.
        if let Some(holder) = Holder::now(&folder)
            && holder.version != VERSION
        {
            return Err(other_version(&holder.version, VERSION));
        }
        options.data = Some(folder);
        let program = Arc::new(Self {
            here: Tandem::open(options).await?,
            there: Mutex::default(),
            events: broadcast::Sender::new(CAPACITY),
            standing: watch::Sender::new(Standing::default()),
            again: Notify::new(),
            closing: CancellationToken::new(),
        });
        program.follow_here();
        let mut standing = program.standing.subscribe();
        tokio::spawn(Arc::clone(&program).keep());
        let _ = tokio::time::timeout(PATIENCE, standing.wait_for(|standing| standing.decided)).await;
        Ok(program)
    }

    /// Calls an action: of the practice organization while it runs, else of the engine's process, wherever that is.
    ///
    /// # Errors
    /// Those of the action.
    pub async fn call(self: &Arc<Self>, action: &str, request: Value) -> Result<Value, ApiError> {
        if ON_PRACTICE.contains(&action) {
            let answer = router::call(&self.here, action, request).await?;
            if action == "start_practice"
                && let Some(practice) = self.here.practice_tandem().await
            {
                self.follow(practice.subscribe(), Source::Practice);
            }
            return Ok(answer);
        }
        if let Some(practice) = self.here.practice_tandem().await {
            return router::call(&practice, action, request).await;
        }
        match self.attached() {
            Some(there) => there.call(action, request).await,
            None => router::call(&self.here, action, request).await,
        }
    }

    /// Everything that happens from now on, wherever it happens.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<EventView> {
        self.events.subscribe()
    }

    /// Why nothing is synchronized, when it is not.
    #[must_use]
    pub fn engine_problem(&self) -> Option<ApiError> {
        self.standing.borrow().problem.clone()
    }

    /// Tries again what failed, and answers what is still wrong.
    pub async fn try_again(&self) -> Option<ApiError> {
        if self.engine_problem().is_some() {
            self.standing.send_modify(|standing| standing.decided = false);
            let mut standing = self.standing.subscribe();
            self.again.notify_one();
            let _ = tokio::time::timeout(PATIENCE, standing.wait_for(|standing| standing.decided)).await;
        }
        self.engine_problem()
    }

    /// The sentence that says how things stand.
    ///
    /// # Errors
    /// Those of the action `home`.
    pub async fn headline(self: &Arc<Self>) -> Result<String, ApiError> {
        let home = self.call("home", json!({})).await?;
        let home: Home =
            serde_json::from_value(home).map_err(|error| ApiError::bad_request("home", &error))?;
        Ok(home.headline)
    }

    /// An email's body, safe to show.
    ///
    /// # Errors
    /// Those of the action `email_body`.
    pub async fn email_body(self: &Arc<Self>, id: &str) -> Result<SafeBody, ApiError> {
        let body = self.call("email_body", json!({ "id": id })).await?;
        serde_json::from_value(body).map_err(|error| ApiError::bad_request("email_body", &error))
    }

    /// Stops what runs in this process, and waits for it. An engine of another process goes on.
    pub async fn close(&self) {
        self.closing.cancel();
        self.set_attached(None);
        self.here.close().await;
    }

    fn attached(&self) -> Option<Arc<Attached>> {
        let there = self.there.lock().unwrap_or_else(PoisonError::into_inner);
        there.as_ref().filter(|there| !there.is_closed()).cloned()
    }

    fn set_attached(&self, attached: Option<Arc<Attached>>) {
        *self.there.lock().unwrap_or_else(PoisonError::into_inner) = attached;
    }

    fn folder(&self) -> &Path {
        self.here.folder()
    }

    /// Sees to it that an engine runs, here or there, until the program closes.
    async fn keep(self: Arc<Self>) {
        let closing = self.closing.clone();
        tokio::select! {
            () = closing.cancelled() => {}
            () = self.keep_on() => {}
        }
    }

    async fn keep_on(self: &Arc<Self>) {
        let mut locked_since = None;
        loop {
            match Attached::find(self.folder()).await {
                Ok(Some(there)) => {
                    locked_since = None;
                    let there = Arc::new(there);
                    self.stay_attached(Arc::clone(&there)).await;
                    self.wait_for_its_return(&there).await;
                    continue;
                }
                Ok(None) => {}
                Err(error) => {
                    self.stands(Some(error));
                    self.pause(LOOK_EVERY * 10).await;
                    continue;
                }
            }
            match self.here.start_engine().await {
                Ok(()) => {
                    locked_since = None;
                    self.stands(None);
                    let ended = self.here.engine_ended().await;
                    self.stands(ended.err());
                    self.pause(AGAIN_AFTER).await;
                }
                Err(error) if error.code == LOCKED => {
                    let since = *locked_since.get_or_insert_with(Instant::now);
                    if since.elapsed() > PATIENCE {
                        self.stands(Some(error));
                    }
                    self.pause(LOOK_EVERY).await;
                }
                Err(error) => {
                    self.stands(Some(error));
                    self.pause(AGAIN_AFTER).await;
                }
            }
        }
    }

    /// Hands on what the other engine tells until it ends.
    async fn stay_attached(self: &Arc<Self>, there: Arc<Attached>) {
        self.follow(there.events(), Source::There(Arc::clone(&there)));
        self.set_attached(Some(Arc::clone(&there)));
        self.stands(None);
        self.tell(EventView::Engine { running: true });
        for event in EventView::everything_changed() {
            self.tell(event);
        }
        there.closed().await;
        self.set_attached(None);
        self.tell(EventView::Engine { running: false });
    }

    /// The other engine ended: it may be started again, or this process takes over. Not by itself where it would look
    /// for passwords in another place: every mailbox would count as one without a password.
    async fn wait_for_its_return(&self, gone: &Attached) {
        let (theirs, ours) = (gone.secrets(), self.here.secrets_word());
        let takes_over = theirs == ours;
        self.stands(Some(stopped_there(self.folder(), (!takes_over).then_some((theirs, ours)))));
        let until = Instant::now() + GRACE;
        while !takes_over || Instant::now() < until {
            if self.pause(LOOK_EVERY).await || DataFolderLock::is_held(self.folder()) {
                return;
            }
        }
    }

    /// Waits; whether the person asked to try again.
    async fn pause(&self, time: Duration) -> bool {
        tokio::select! {
            () = sleep(time) => false,
            () = self.again.notified() => true,
        }
    }

    fn stands(&self, problem: Option<ApiError>) {
        if let Some(error) = &problem {
            tracing::warn!("The engine does not run in this process: {error}");
        }
        self.standing.send_replace(Standing { decided: true, problem });
        self.tell(EventView::Engine { running: self.engine_problem().is_none() });
    }

    /// Tells shells; that nobody listens is no error.
    fn tell(&self, event: EventView) {
        let _ = self.events.send(event);
    }

    fn follow_here(self: &Arc<Self>) {
        self.follow(self.here.subscribe(), Source::Here);
    }

    fn follow(self: &Arc<Self>, heard: broadcast::Receiver<EventView>, source: Source) {
        tokio::spawn(forward(Arc::clone(self), heard, source));
    }
}

/// Whose events are handed on.
enum Source {
    Here,
    There(Arc<Attached>),
    Practice,
}

async fn forward(program: Arc<Program>, mut heard: broadcast::Receiver<EventView>, source: Source) {
    use broadcast::error::RecvError;
    let ended = async {
        match &source {
            Source::There(there) => there.closed().await,
            Source::Here | Source::Practice => std::future::pending().await,
        }
    };
    tokio::pin!(ended);
    loop {
        let heard = tokio::select! {
            biased;
            heard = heard.recv() => heard,
            () = &mut ended => return,
            () = program.closing.cancelled() => return,
        };
        let events = match heard {
            Ok(event) => vec![event],
            Err(RecvError::Lagged(_)) => EventView::everything_changed(),
            Err(RecvError::Closed) => return,
        };
        // What the other engine changes is told by itself, and better.
        if matches!(source, Source::Here) && program.attached().is_some() {
            continue;
        }
        for event in events {
            program.tell(event);
        }
    }
}

fn stopped_there(folder: &Path, secrets: Option<(&str, &str)>) -> ApiError {
    let message = "The process that ran the engine has stopped. What it did is kept; nothing is synchronized at the moment.";
    let remedy = match secrets {
        None => "Nothing to do: when it is not started again within a few seconds, this window takes over. Try again takes over at once.".to_owned(),
        Some((theirs, ours)) => format!(
            "Start it again (`tandem service status` shows how). This window does not take over by itself, because it looks for passwords in another place ({ours}, not {theirs}); Try again starts the engine here all the same."
        ),
    };
    ApiError::plain("engine_stopped_elsewhere", &folder.display().to_string(), message, &remedy)
}
