//! A shell's side: attached to the engine of another process.

use super::{
    endpoint,
    frame::{Asked, LONGEST_ANSWER, LONGEST_REQUEST, Told, bytes, codec},
    holder::{Holder, VERSION},
    listening::other_version,
};
use crate::wire::{ApiError, EngineView, EventView};
use futures::{SinkExt, StreamExt};
use interprocess::local_socket::tokio::Stream;
use serde_json::Value;
use std::{
    collections::HashMap,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{ReadHalf, WriteHalf},
    sync::{broadcast, mpsc, oneshot},
    time::timeout,
};
use tokio_util::{
    bytes::Bytes,
    codec::{FramedRead, FramedWrite, LengthDelimitedCodec},
    sync::CancellationToken,
};

/// An engine on this computer answers a greeting at once.
const GREETED_WITHIN: Duration = Duration::from_secs(5);
/// How many events a slow shell may lag behind.
const CAPACITY: usize = 4_096;

type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<Result<Value, ApiError>>>>>;

/// A connection to the engine of another process. Dropping it ends the connection and nothing else.
#[derive(Debug)]
pub struct Attached {
    holder: Holder,
    calls: mpsc::Sender<Bytes>,
    waiting: Waiting,
    next: AtomicU64,
    events: broadcast::Sender<EventView>,
    closed: CancellationToken,
}

impl Attached {
    /// Attaches to the engine of a data folder; `None` when none runs there that can be attached to.
    ///
    /// # Errors
    /// An engine of another version, or one that does not answer.
    pub async fn find(folder: &Path) -> Result<Option<Self>, ApiError> {
        let Some(holder) = Holder::now(folder) else { return Ok(None) };
        let Some(path) = holder.endpoint.clone() else { return Ok(None) };
        if holder.version != VERSION {
            return Err(other_version(&holder.version, VERSION));
        }
        match timeout(GREETED_WITHIN, Self::connect(&path, holder)).await {
            Ok(connected) => connected.map(Some),
            Err(_) => Err(unreachable(&"it does not answer")),
        }
    }

    async fn connect(path: &Path, holder: Holder) -> Result<Self, ApiError> {
        let stream = endpoint::connect(path).await.map_err(|error| unreachable(&error))?;
        let (receiving, sending) = tokio::io::split(stream);
        let mut receiving = FramedRead::new(receiving, codec(LONGEST_ANSWER));
        let mut sending = FramedWrite::new(sending, codec(LONGEST_REQUEST));
        let hello = Asked::Hello { version: VERSION.to_owned(), token: holder.token.clone() };
        let hello = bytes(&hello).map_err(|error| unreachable(&error))?;
        sending.send(hello).await.map_err(|error| unreachable(&error))?;
        let told = match receiving.next().await {
            Some(Ok(frame)) => serde_json::from_slice(&frame).map_err(|error| unreachable(&error))?,
            Some(Err(error)) => return Err(unreachable(&error)),
            None => return Err(unreachable(&"it ended the connection")),
        };
        match told {
            Told::Welcome => {}
            Told::Refused { error } => return Err(error),
            _ => return Err(unreachable(&"it did not answer the greeting")),
        }
        let (calls, to_send) = mpsc::channel(16);
        let attached = Self {
            holder,
            calls,
            waiting: Waiting::default(),
            next: AtomicU64::new(0),
            events: broadcast::Sender::new(CAPACITY),
            closed: CancellationToken::new(),
        };
        tokio::spawn(write(sending, to_send, attached.closed.clone()));
        let hearing = Hearing {
            waiting: Arc::clone(&attached.waiting),
            events: attached.events.clone(),
            closed: attached.closed.clone(),
        };
        tokio::spawn(hearing.run(receiving));
        Ok(attached)
    }

    /// Calls an action there.
    ///
    /// # Errors
    /// Those of the action; `engine_gone` when the engine ended before it answered.
    pub async fn call(&self, action: &str, request: Value) -> Result<Value, ApiError> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let call = Asked::Call { id, action: action.to_owned(), request };
        let frame = bytes(&call).map_err(|error| ApiError::bad_request(action, &error))?;
        if frame.len() > LONGEST_REQUEST {
            let remedy = "Do it in smaller parts.";
            return Err(ApiError::plain("request_too_long", action, "The request is too long.", remedy));
        }
        let (answered, answer) = oneshot::channel();
        self.waiting().insert(id, answered);
        if self.closed.is_cancelled() || self.calls.send(frame).await.is_err() {
            self.waiting().remove(&id);
            return Err(gone(action));
        }
        let answer = tokio::select! {
            biased;
            answer = answer => answer.unwrap_or_else(|_| Err(gone(action))),
            () = self.closed.cancelled() => Err(gone(action)),
        };
        self.waiting().remove(&id);
        answer
    }

    /// What happens there from now on.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<EventView> {
        self.events.subscribe()
    }

    /// Who holds the engine, as what and since when.
    #[must_use]
    pub fn engine(&self) -> EngineView {
        self.holder.view()
    }

    /// Where that engine looks for passwords: `keychain`, `file` or `memory`.
    pub(super) fn secrets(&self) -> &str {
        &self.holder.secrets
    }

    /// Returns when the connection has ended: the engine stopped, or its process ended.
    pub async fn closed(&self) {
        self.closed.cancelled().await;
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed.is_cancelled()
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, HashMap<u64, oneshot::Sender<Result<Value, ApiError>>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.closed.cancel();
    }
}

async fn write(
    mut sending: FramedWrite<WriteHalf<Stream>, LengthDelimitedCodec>,
    mut to_send: mpsc::Receiver<Bytes>,
    closed: CancellationToken,
) {
    loop {
        let frame = tokio::select! {
            () = closed.cancelled() => return,
            frame = to_send.recv() => frame,
        };
        let Some(frame) = frame else { return };
        if sending.send(frame).await.is_err() {
            return closed.cancel();
        }
    }
}

/// What reads the connection.
struct Hearing {
    waiting: Waiting,
    events: broadcast::Sender<EventView>,
    closed: CancellationToken,
}

impl Hearing {
    async fn run(self, mut receiving: FramedRead<ReadHalf<Stream>, LengthDelimitedCodec>) {
        loop {
            let frame = tokio::select! {
                () = self.closed.cancelled() => break,
                frame = receiving.next() => frame,
            };
            let Some(Ok(frame)) = frame else { break };
            match serde_json::from_slice(&frame) {
                Ok(Told::Done { id, response }) => self.answer(id, Ok(response)),
                Ok(Told::Failed { id, error }) => self.answer(id, Err(error)),
                // That nobody listens is no error.
                Ok(Told::Event { event }) => drop(self.events.send(event)),
                Ok(Told::Ending | Told::Welcome | Told::Refused { .. }) => break,
                Err(error) => {
                    tracing::warn!("The engine said what cannot be read: {error}");
                    break;
                }
            }
        }
        self.closed.cancel();
    }

    fn answer(&self, id: u64, answer: Result<Value, ApiError>) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        if let Some(waiting) = waiting {
            let _ = waiting.send(answer);
        }
    }
}

fn gone(action: &str) -> ApiError {
    ApiError::plain(
        "engine_gone",
        action,
        "The engine's process ended before it answered.",
        "Look whether it was done, then do it again if it was not.",
    )
}

fn unreachable(why: &dyn std::fmt::Display) -> ApiError {
    ApiError::plain(
        "engine_unreachable",
        "engine",
        "Another process runs the engine of this data folder, and cannot be reached.",
        "Wait a minute; if it stays, stop that process (`tandem service status` names it) and start it again.",
    )
    .said(why)
}
