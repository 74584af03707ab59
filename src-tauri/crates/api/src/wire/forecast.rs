//! Forecasts: how long Test & Enable and the first sync take.

use serde::{Deserialize, Serialize};
use specta::Type;

/// What is to be forecast.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ForecastRequest {
    /// The profile's name: its limits count.
    pub profile: String,
    /// How many mailboxes, 1 to 20,000.
    pub mailboxes: u32,
    /// How many of them are queues; they come first.
    #[serde(default)]
    pub queues: u32,
    /// Messages that wait in each inbox; absent: 500.
    #[serde(default)]
    pub messages: Option<u32>,
    /// Mailboxes of one batch of Test & Enable; absent: 200.
    #[serde(default)]
    pub batch_mailboxes: Option<u32>,
    /// Hours between the starts of two batches; absent: 5.
    #[serde(default)]
    pub batch_hours: Option<u32>,
}

/// A forecast, made by running the real scheduler on simulated time. Times count in seconds from the first start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct ForecastView {
    /// The profile's name.
    pub profile: String,
    /// Its connections at once, at most.
    pub max_concurrent_connections: u16,
    /// Mailboxes.
    pub mailboxes: u32,
    /// Queues among them.
    pub queues: u32,
    /// Messages that wait in each inbox.
    pub messages: u32,
    /// Batches of Test & Enable.
    pub batches: u32,
    /// Mailboxes of one batch, at most.
    pub batch_mailboxes: u32,
    /// Hours between the starts of two batches.
    pub batch_hours: u32,
    /// When the last batch starts.
    pub last_batch_after_seconds: u32,
    /// When all queues are tested and enabled; absent without queues.
    pub queues_after_seconds: Option<u32>,
    /// When all mailboxes are tested and enabled.
    pub tested_after_seconds: u32,
    /// When all mailboxes have completed their first sync.
    pub synced_after_seconds: u32,
    /// Connections that are in use at once, at most.
    pub most_connections: u32,
    /// Cycles in each minute afterwards, when mail comes as usual.
    pub cycles_per_minute_afterwards: u32,
    /// How late cycles start then, at most, in seconds.
    pub lateness_afterwards_seconds: u32,
    /// Whether the limits are wide enough for every mailbox to be synchronized when it is due, within a minute.
    pub keeps_up: bool,
    /// What the forecast takes for granted, for people.
    pub assumes: Vec<String>,
}
