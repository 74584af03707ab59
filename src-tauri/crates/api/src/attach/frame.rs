//! What is said on the socket: frames of JSON, each with its length before it.

use crate::wire::{ApiError, EventView};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_util::{bytes::Bytes, codec::LengthDelimitedCodec};

/// The longest request: a configuration file with thousands of mailboxes fits many times.
pub(super) const LONGEST_REQUEST: usize = 32 * 1024 * 1024;
/// The longest answer: the largest page of anything fits many times.
pub(super) const LONGEST_ANSWER: usize = 128 * 1024 * 1024;

/// From a shell to the engine's process.
#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Asked {
    /// The first frame.
    Hello {
        /// The shell's version.
        version: String,
        /// The token of the holder's file.
        token: String,
    },
    /// Calls an action.
    Call {
        /// Chosen by the shell; comes back with the answer.
        id: u64,
        /// The action's name.
        action: String,
        /// Its request. May carry a password: never logged.
        request: Value,
    },
}

/// From the engine's process to a shell.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Told {
    /// The shell may call; events follow.
    Welcome,
    /// It may not; the connection ends.
    Refused {
        /// Why.
        error: ApiError,
    },
    /// The action was done.
    Done {
        /// Of the call.
        id: u64,
        /// The action's response.
        response: Value,
    },
    /// The action failed.
    Failed {
        /// Of the call.
        id: u64,
        /// Why.
        error: ApiError,
    },
    /// Something happened.
    Event {
        /// What.
        event: EventView,
    },
    /// The engine stops; the connection ends.
    Ending,
}

/// Frames of at most so many bytes.
pub(super) fn codec(longest: usize) -> LengthDelimitedCodec {
    LengthDelimitedCodec::builder().max_frame_length(longest).new_codec()
}

/// A frame's bytes.
pub(super) fn bytes<T: Serialize>(frame: &T) -> Result<Bytes, serde_json::Error> {
    serde_json::to_vec(frame).map(Bytes::from)
}
