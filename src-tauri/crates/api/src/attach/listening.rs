//! The engine's side: lets shells in that know the token, calls actions for them, and tells them what happens.

use super::{
    endpoint::{self, Endpoint},
    frame::{Asked, LONGEST_ANSWER, LONGEST_REQUEST, Told, bytes, codec},
    holder::{Holder, VERSION},
};
use crate::{
    Tandem, router,
    wire::{ApiError, EventView},
};
use futures::{SinkExt, StreamExt, future::BoxFuture};
use interprocess::local_socket::tokio::{Listener, Stream, prelude::*};
use serde_json::Value;
use std::{io, path::Path, sync::Arc, time::Duration};
use tokio::{
    io::{ReadHalf, WriteHalf},
    sync::{Semaphore, broadcast, mpsc},
    task::{JoinHandle, JoinSet},
    time::timeout,
};
use tokio_util::{
    bytes::Bytes,
    codec::{FramedRead, FramedWrite, LengthDelimitedCodec},
    sync::CancellationToken,
};

/// So many shells at once.
const MOST_CONNECTIONS: usize = 64;
/// So many calls of one shell at once; the next waits.
const MOST_CALLS: usize = 64;
/// A shell says hello within this time.
const HELLO_WITHIN: Duration = Duration::from_secs(5);
/// And in so few bytes.
const LONGEST_HELLO: usize = 4 * 1024;
/// When the engine stops: calls that are almost done, and the last word, get this long.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Frames that wait for a slow shell.
const WAITING: usize = 64;

/// Every action, from JSON to JSON.
type Door = Arc<dyn Fn(String, Value) -> BoxFuture<'static, Result<Value, ApiError>> + Send + Sync>;

/// An engine that shells can attach to; not any more when this is dropped.
#[derive(Debug)]
pub(crate) struct Listening {
    /// What the holder's file says, with endpoint and token.
    pub(crate) holder: Holder,
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Listening {
    /// Tells every shell that the engine stops, and ends.
    pub(crate) async fn end(mut self) {
        self.stop.cancel();
        if let Some(task) = self.task.take() {
            let _ = timeout(LAST_WORDS * 2, task).await;
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Listens for shells on behalf of a Tandem that holds the lock of its folder.
pub(crate) fn listen(tandem: &Arc<Tandem>, folder: &Path, mut holder: Holder) -> io::Result<Listening> {
    let endpoint = endpoint::open(folder)?;
    holder.endpoint = Some(endpoint.path.clone());
    let stop = CancellationToken::new();
    let house = House {
        door: door(Arc::clone(tandem)),
        events: tandem.event_sender(),
        token: holder.token.clone().into(),
        stop: stop.clone(),
    };
    let task = tokio::spawn(accept(endpoint, house));
    Ok(Listening { holder, stop, task: Some(task) })
}

/// Not async, and without a type of its own, so that an action may start a listener and a listener call that action.
fn door(tandem: Arc<Tandem>) -> Door {
    Arc::new(move |action, request| {
        let tandem = Arc::clone(&tandem);
        Box::pin(async move { router::call(&tandem, &action, request).await })
    })
}

/// What every connection needs.
#[derive(Clone)]
struct House {
    door: Door,
    events: broadcast::Sender<EventView>,
    token: Arc<str>,
    stop: CancellationToken,
}

async fn accept(endpoint: Endpoint, house: House) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            () = house.stop.cancelled() => break,
            accepted = next(&endpoint.listener, connections.len()) => accepted,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
        };
        match accepted {
            Ok(stream) => {
                connections.spawn(serve(stream, house.clone()));
            }
            Err(error) => {
                tracing::warn!("A shell could not connect: {error}");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
    drop(endpoint);
    while connections.join_next().await.is_some() {}
}

async fn next(listener: &Listener, connections: usize) -> io::Result<Stream> {
    if connections >= MOST_CONNECTIONS {
        return std::future::pending().await;
    }
    listener.accept().await
}

async fn serve(stream: Stream, house: House) {
    let (receiving, sending) = tokio::io::split(stream);
    // A stranger is not worth more memory than a greeting.
    let mut receiving = FramedRead::new(receiving, codec(LONGEST_HELLO));
    let mut sending = FramedWrite::new(sending, codec(LONGEST_ANSWER));
    let hello = tokio::select! {
        () = house.stop.cancelled() => return,
        hello = timeout(HELLO_WITHIN, receiving.next()) => hello,
    };
    let Ok(Some(Ok(hello))) = hello else { return };
    // Subscribed before the welcome: nothing that happens after it is missed.
    let events = house.events.subscribe();
    let told = match check(&hello, &house.token) {
        Ok(()) => Told::Welcome,
        Err(error) => Told::Refused { error },
    };
    let Ok(answer) = bytes(&told) else { return };
    if sending.send(answer).await.is_err() || matches!(told, Told::Refused { .. }) {
        return;
    }
    receiving.decoder_mut().set_max_frame_length(LONGEST_REQUEST);
    converse(receiving, sending, events, house).await;
}

fn check(hello: &[u8], token: &str) -> Result<(), ApiError> {
    let Ok(Asked::Hello { version, token: shown }) = serde_json::from_slice(hello) else {
        return Err(ApiError::plain(
            "bad_request",
            "engine",
            "This is not how a Tandem speaks.",
            "Use a shell of the same version.",
        ));
    };
    // Compared as a whole: how long it takes tells nothing about where it differs.
    let differs = shown.len() != token.len()
        || shown.bytes().zip(token.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b)) != 0;
    if differs {
        let remedy = "Close this Tandem and start it again; it reads the token from the data folder.";
        return Err(ApiError::plain(
            "not_allowed",
            "engine",
            "The engine does not know this caller.",
            remedy,
        ));
    }
    if version != VERSION {
        return Err(other_version(VERSION, &version));
    }
    Ok(())
}

/// The engine and the shell are not of the same version.
pub(super) fn other_version(engine: &str, shell: &str) -> ApiError {
    ApiError::plain(
        "other_version",
        "engine",
        &format!("The engine that runs is Tandem {engine}, and this is Tandem {shell}."),
        "Start the service (or quit and start the window) that runs the engine once more, so that both are the same version.",
    )
}

type Receiving = FramedRead<ReadHalf<Stream>, LengthDelimitedCodec>;
type Sending = FramedWrite<WriteHalf<Stream>, LengthDelimitedCodec>;

async fn converse(
    mut receiving: Receiving,
    sending: Sending,
    events: broadcast::Receiver<EventView>,
    house: House,
) {
    let (frames, waiting) = mpsc::channel(WAITING);
    let writing = tokio::spawn(write(sending, waiting));
    let telling = tokio::spawn(tell(events, frames.clone()));
    let places = Arc::new(Semaphore::new(MOST_CALLS));
    let mut calls = JoinSet::new();
    loop {
        while calls.try_join_next().is_some() {}
        let asked = tokio::select! {
            () = house.stop.cancelled() => break,
            asked = receiving.next() => asked,
        };
        let Some(Ok(asked)) = asked else { break };
        let Ok(Asked::Call { id, action, request }) = serde_json::from_slice(&asked) else {
            tracing::warn!("A shell said what cannot be read; its connection is ended.");
            break;
        };
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { break };
        let (calling, frames) = ((house.door)(action, request), frames.clone());
        calls.spawn(async move {
            let _ = frames.send(answer(id, calling.await)).await;
            drop(place);
        });
    }
    telling.abort();
    if house.stop.is_cancelled() {
        let _ = timeout(LAST_WORDS, async { while calls.join_next().await.is_some() {} }).await;
        if let Ok(frame) = bytes(&Told::Ending) {
            let _ = timeout(LAST_WORDS / 2, frames.send(frame)).await;
        }
        calls.shutdown().await;
    } else {
        // The shell went away; what it asked for is done all the same, as when a window is closed.
        calls.detach_all();
    }
    drop(frames);
    let mut writing = writing;
    if timeout(LAST_WORDS / 2, &mut writing).await.is_err() {
        writing.abort();
    }
}

fn answer(id: u64, answer: Result<Value, ApiError>) -> Bytes {
    let told = match answer {
        Ok(response) => Told::Done { id, response },
        Err(error) => Told::Failed { id, error },
    };
    match bytes(&told) {
        Ok(frame) if frame.len() <= LONGEST_ANSWER => frame,
        _ => {
            let remedy = "Ask for less at once: a page, one mailbox, one email.";
            let error = ApiError::plain("answer_too_long", "engine", "The answer is too long.", remedy);
            bytes(&Told::Failed { id, error }).unwrap_or_default()
        }
    }
}

async fn write(mut sending: Sending, mut waiting: mpsc::Receiver<Bytes>) {
    while let Some(frame) = waiting.recv().await {
        if sending.send(frame).await.is_err() {
            return;
        }
    }
    let _ = SinkExt::<Bytes>::flush(&mut sending).await;
}

async fn tell(mut events: broadcast::Receiver<EventView>, frames: mpsc::Sender<Bytes>) {
    use broadcast::error::RecvError;
    loop {
        let told = match events.recv().await {
            Ok(event) => vec![event],
            Err(RecvError::Lagged(_)) => EventView::everything_changed(),
            Err(RecvError::Closed) => return,
        };
        for event in told {
            let Ok(frame) = bytes(&Told::Event { event }) else { continue };
            if frames.send(frame).await.is_err() {
                return;
            }
        }
    }
}
