//! Test & Enable and its ladders.

use super::{ApiError, TestJobView};
use serde::{Deserialize, Serialize};
use specta::Type;

/// One rung of a ladder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct RungView {
    /// `dns`, `tcp`, `tls`, `login`, `list`, `read`, `send` or `round_trip`.
    pub name: String,
    /// `passed`, `failed` or `skipped`.
    pub status: String,
    /// How long it took.
    pub took_ms: u32,
    /// The server's words, or what was found, or why it was skipped.
    pub server_said: String,
    /// What went wrong, when it failed.
    pub error: Option<ApiError>,
}

/// The ladder of one workload of one mailbox, or of one server of a profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct LadderView {
    /// The mailbox's address or the profile's name.
    pub object: String,
    /// The workload.
    pub workload: String,
    /// `success`, `failure`, `skipped`, or `waiting` for a later batch.
    pub status: String,
    /// Why it was skipped, waits, or failed before anything was tried.
    pub reason: Option<String>,
    /// The rungs, bottom up.
    pub rungs: Vec<RungView>,
}

/// Which mailboxes to test and enable.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(default)]
pub struct TestEnableRequest {
    /// These addresses.
    pub addresses: Vec<String>,
    /// All mailboxes of this profile.
    pub profile: Option<String>,
    /// All mailboxes.
    pub all: bool,
}

/// What a test did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct TestEnableResult {
    /// One ladder per mailbox and workload.
    pub ladders: Vec<LadderView>,
    /// Workloads enabled.
    pub succeeded: u32,
    /// Workloads that failed.
    pub failed: u32,
    /// Workloads skipped.
    pub skipped: u32,
    /// Workloads of later batches, or of a job that was paused.
    pub waiting: u32,
    /// The job.
    pub job: TestJobView,
}
