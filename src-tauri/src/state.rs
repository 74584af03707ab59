//! What the shell holds: the opened program, or why it could not be opened, and the window's own preferences.

use crate::{composition, preferences::Preferences};
use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};
use tandem_api::{Tandem, wire::ApiError};
use tokio::sync::watch;

type Opening = Option<Result<Arc<Tandem>, ApiError>>;

/// The shell's state, one per process.
pub struct Shell {
    data: Option<PathBuf>,
    opening: watch::Sender<Opening>,
    engine_problem: Mutex<Option<ApiError>>,
    preferences: Mutex<Preferences>,
    quitting: AtomicBool,
    asked_before_closing: AtomicBool,
}

impl Shell {
    /// A shell whose program is not open yet.
    pub fn new(data: Option<PathBuf>) -> Self {
        Self {
            data,
            opening: watch::Sender::new(None),
            engine_problem: Mutex::default(),
            preferences: Mutex::default(),
            quitting: AtomicBool::new(false),
            asked_before_closing: AtomicBool::new(false),
        }
    }

    /// Opens the program. A failure is what [`Shell::tandem`] answers from now on.
    pub async fn open(&self) -> Result<Arc<Tandem>, ApiError> {
        let opened = composition::open(self.data.clone()).await;
        if let Err(error) = &opened {
            self.opening.send_replace(Some(Err(error.clone())));
        }
        opened
    }

    /// The program is ready to be called.
    pub fn opened(&self, tandem: &Arc<Tandem>) {
        self.opening.send_replace(Some(Ok(Arc::clone(tandem))));
    }

    /// Why the engine does not run although the program is open.
    pub fn engine_problem(&self) -> Option<ApiError> {
        self.engine_problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps why the engine does not run.
    pub fn set_engine_problem(&self, problem: Option<ApiError>) {
        *self.engine_problem.lock().unwrap_or_else(PoisonError::into_inner) = problem;
    }

    /// The program, as soon as it is open; else why it could not be opened.
    pub async fn tandem(&self) -> Result<Arc<Tandem>, ApiError> {
        let mut opening = self.opening.subscribe();
        match opening.wait_for(Option::is_some).await {
            Ok(opened) => match opened.clone() {
                Some(opened) => opened,
                None => Err(shutting_down()),
            },
            Err(_closed) => Err(shutting_down()),
        }
    }

    /// The program if it is open now.
    pub fn tandem_now(&self) -> Option<Arc<Tandem>> {
        self.opening.borrow().as_ref()?.as_ref().ok().cloned()
    }

    /// Reads or changes the preferences.
    pub fn preferences<T>(&self, with: impl FnOnce(&mut Preferences) -> T) -> T {
        with(&mut self.preferences.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether this is the first call: quitting happens once.
    pub fn begin_quitting(&self) -> bool {
        !self.quitting.swap(true, Ordering::SeqCst)
    }

    /// Whether this is the first call: the page is asked once to explain what closing means.
    pub fn begin_asking(&self) -> bool {
        !self.asked_before_closing.swap(true, Ordering::SeqCst)
    }

    /// The page answered: it may be asked again.
    pub fn answered(&self) {
        self.asked_before_closing.store(false, Ordering::SeqCst);
    }
}

fn shutting_down() -> ApiError {
    ApiError {
        code: "shutting_down".to_owned(),
        message: "Tandem is being closed.".to_owned(),
        remedy: "Start it again.".to_owned(),
        object: "Tandem".to_owned(),
        server_said: None,
        retry_at: None,
        certificate: None,
    }
}
