//! Monitoring: what every workload does, what the engine has in hand, and the history.

use super::Time;
use serde::{Deserialize, Serialize};
use specta::Type;

/// Which workloads to show, and in which order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct MonitoringRequest {
    /// Only those whose mailbox, owner or profile contains all these words, without case.
    #[serde(default)]
    pub search: Option<String>,
    /// `ok`, `late`, `stopped`, `unproven`, or `failing`: whose latest cycle failed. Absent: all.
    #[serde(default)]
    pub filter: Option<String>,
    /// Only of this mailbox.
    #[serde(default)]
    pub mailbox: Option<String>,
    /// `late` (worst first), `name`, `workload`, `last`, `next`, `duration`, `rate`, `waiting` or `alerts`. Absent: `late`.
    #[serde(default)]
    pub sort: Option<String>,
    /// The other way round.
    #[serde(default)]
    pub descending: bool,
    /// So many are skipped.
    #[serde(default)]
    pub offset: u32,
    /// At most so many are shown, up to 5,000. Absent: 200.
    #[serde(default)]
    pub limit: Option<u32>,
}

/// What happens, as of one instant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct MonitoringPage {
    /// As of when.
    pub at: Time,
    /// Numbers over all workloads, whatever the filter.
    pub totals: MonitoringTotals,
    /// What the engine has in hand; absent when none runs or it cannot be asked.
    pub load: Option<LoadView>,
    /// How many rows pass the filter.
    pub matching: u32,
    /// The rows asked for.
    pub rows: Vec<MonitoringRow>,
    /// The last 24 hours of all mailboxes together, the oldest first; hours in which nothing ended are there with zeros.
    pub hours: Vec<HourView>,
}

/// Workloads by their state, and what waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct MonitoringTotals {
    /// Mailboxes with a workload that Tandem synchronizes, or would.
    pub mailboxes: u32,
    /// Workloads of them.
    pub workloads: u32,
    /// In time.
    pub ok: u32,
    /// Late.
    pub late: u32,
    /// Stopped until somebody acts.
    pub stopped: u32,
    /// Not proven yet.
    pub unproven: u32,
    /// Whose latest cycle failed.
    pub failing: u32,
    /// Incoming cycles that are due and do not run.
    pub incoming_waiting: u32,
    /// Outgoing cycles that are due and do not run.
    pub outgoing_waiting: u32,
    /// Workloads that wait for their test.
    pub operations_waiting: u32,
    /// Emails that wait to be sent.
    pub emails_pending: u32,
    /// Those of them that a sending limit holds back.
    pub emails_held: u32,
    /// Received messages that failed on their own and are tried again.
    pub messages_owed: u32,
    /// Open alerts that are no mere information.
    pub alerts: u32,
}

/// What the engine has in hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct LoadView {
    /// Pools of permits: `incoming`, `outgoing`, `operations`.
    pub pools: Vec<PoolLoadView>,
    /// Profiles that were used since the engine started, by name.
    pub profiles: Vec<ProfileLoadView>,
    /// Workloads for which a connection is held open to be told of news.
    pub listening: Vec<WorkloadKey>,
    /// Workloads that were claimed and wait for a permit.
    pub waiting: Vec<WorkloadKey>,
}

/// What the engine has in hand, when there is one in this process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct EngineLoad {
    /// Absent when none runs here.
    pub load: Option<LoadView>,
}

/// Permits of one pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct PoolLoadView {
    /// `incoming`, `outgoing` or `operations`.
    pub pool: String,
    /// Permits in all.
    pub permits: u32,
    /// Those in use.
    pub used: u32,
    /// What is due, was claimed and waits for one.
    pub waiting: u32,
}

/// Connections of one profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ProfileLoadView {
    /// Its name.
    pub profile: String,
    /// Connections allowed at once.
    pub permits: u32,
    /// Those in use, held ones included.
    pub used: u32,
    /// Those of them that listen for news.
    pub listening: u32,
    /// What is due, was claimed and waits.
    pub waiting: u32,
}

/// One workload of one mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, Type)]
pub struct WorkloadKey {
    /// The mailbox's id.
    pub mailbox_id: String,
    /// The workload.
    pub workload: String,
}

/// One workload of one mailbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct MonitoringRow {
    /// The mailbox's address.
    pub mailbox: String,
    /// Its owner's name.
    pub owner: String,
    /// Its profile's name.
    pub profile: Option<String>,
    /// `incoming`, `outgoing` or `act`.
    pub workload: String,
    /// `ok`, `late`, `stopped` or `unproven`.
    pub state: String,
    /// Since when.
    pub since: Option<Time>,
    /// Why.
    pub why: String,
    /// Whether a cycle runs now.
    pub running: bool,
    /// When the latest cycle started.
    pub last_started: Option<Time>,
    /// How long it took, in milliseconds.
    pub last_took_ms: Option<u32>,
    /// Messages decided, or emails attempted, in it.
    pub last_items: Option<u32>,
    /// Why it failed.
    pub last_error: Option<String>,
    /// When the next cycle starts; absent: not by itself.
    pub next_due: Option<Time>,
    /// Why then, or why not.
    pub next_why: String,
    /// How long a cycle took on average in the last 24 hours, in milliseconds.
    pub average_ms: Option<u32>,
    /// Cycles that ended in the last 24 hours.
    pub cycles_24h: u32,
    /// Those of them that failed.
    pub failures_24h: u32,
    /// Messages in the last 24 hours.
    pub messages_24h: u32,
    /// The same an hour, since the first cycle of them.
    pub messages_an_hour: f64,
    /// Messages that are owed, or emails that wait to be sent.
    pub waiting: u32,
    /// Open alerts of the mailbox that are no mere information.
    pub alerts: u32,
}

/// What the cycles that ended in one hour did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct HourView {
    /// The start of the hour.
    pub hour: Time,
    /// The workload; absent: all together.
    pub workload: Option<String>,
    /// Cycles that ended.
    pub cycles: u32,
    /// Those of them that failed.
    pub failures: u32,
    /// Messages received and sent.
    pub messages: u32,
    /// How long a cycle took on average, in milliseconds.
    pub average_ms: Option<u32>,
}

/// Which part of the history to read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct HistoryRequest {
    /// Of this mailbox; absent: all of them together.
    #[serde(default)]
    pub mailbox: Option<String>,
    /// From the hour of this instant; absent: 24 hours ago.
    #[serde(default)]
    pub from: Option<Time>,
    /// To the hour of this instant; absent: now.
    #[serde(default)]
    pub until: Option<Time>,
}

/// A part of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct HistoryView {
    /// For how many days it is kept.
    pub kept_days: u16,
    /// Hours in which cycles ended, the oldest first, one row for each workload.
    pub hours: Vec<HourView>,
}

/// Where to save the history, as CSV.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ExportHistoryRequest {
    /// The file.
    pub path: String,
    /// Of this mailbox; absent: of each.
    #[serde(default)]
    pub mailbox: Option<String>,
    /// From the hour of this instant; absent: as far as it is kept.
    #[serde(default)]
    pub from: Option<Time>,
    /// To the hour of this instant; absent: now.
    #[serde(default)]
    pub until: Option<Time>,
}

/// Where to save what Monitoring shows, as CSV.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ExportMonitoringRequest {
    /// The file.
    pub path: String,
    /// What is shown; every row that passes is saved.
    #[serde(flatten)]
    pub shown: MonitoringRequest,
}

/// What was saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct Exported {
    /// Rows besides the heading.
    pub rows: u32,
}
