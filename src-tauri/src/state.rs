//! What the shell holds: the opened program, or why it could not be opened, and the window's own preferences.

use crate::{composition, preferences::Preferences};
use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};
use tandem_api::{Program, wire::ApiError};
use tokio::sync::watch;

type Opening = Option<Result<Arc<Program>, ApiError>>;

/// The shell's state, one per process.
pub struct Shell {
    data: Option<PathBuf>,
    opening: watch::Sender<Opening>,
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
            preferences: Mutex::default(),
            quitting: AtomicBool::new(false),
            asked_before_closing: AtomicBool::new(false),
        }
    }

    /// Opens the program. A failure is what [`Shell::program`] answers from now on.
    pub async fn open(&self) -> Result<Arc<Program>, ApiError> {
        let opened = composition::open(self.data.clone()).await;
        if let Err(error) = &opened {
            self.opening.send_replace(Some(Err(error.clone())));
        }
        opened
    }

    /// The program is ready to be called.
    pub fn opened(&self, program: &Arc<Program>) {
        self.opening.send_replace(Some(Ok(Arc::clone(program))));
    }

    /// The program, as soon as it is open; else why it could not be opened.
    pub async fn program(&self) -> Result<Arc<Program>, ApiError> {
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
    pub fn program_now(&self) -> Option<Arc<Program>> {
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
