//! Health, and what Home shows.

use super::{AlertView, MailboxView, Time};
use serde::{Deserialize, Serialize};
use specta::Type;

/// The health of everything, from proof of life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct Health {
    /// `ok`, `late`, `stopped` or `unproven`: the worst of the objects.
    pub status: String,
    /// Since when.
    pub since: Option<Time>,
    /// Why, in words.
    pub why: String,
    /// Whether an engine works for this data folder, in this process or another one.
    pub engine_running: bool,
    /// Each mailbox's workload, each profile, and the organization.
    pub objects: Vec<ObjectHealth>,
    /// Where the engine runs.
    pub engine: EngineView,
}

/// Where the engine of a data folder runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct EngineView {
    /// Whether one runs that goes on by itself.
    pub running: bool,
    /// `window`, `service`, `terminal` (`tandem run`), `sync` (for a moment), `none`, or `unknown`.
    pub place: String,
    /// Since when.
    pub since: Option<Time>,
    /// The process's number.
    pub process: Option<u32>,
}

/// The health of one workload of one mailbox, of a profile, or of the organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ObjectHealth {
    /// `mailbox`, `profile` or `organization`.
    pub kind: String,
    /// The mailbox's address, the profile's name, or `organization`.
    pub object: String,
    /// The workload of a mailbox; empty otherwise.
    pub workload: String,
    /// `ok`, `late`, `stopped` or `unproven`.
    pub status: String,
    /// Since when.
    pub since: Option<Time>,
    /// Why, in words.
    pub why: String,
    /// The last completed round trip.
    pub last_proof: Option<Time>,
    /// When a completed cycle was or is due by the policy in force: what it is judged by.
    pub expected: Option<Time>,
    /// When it runs next.
    pub due: Option<Time>,
}

/// What Home shows: is anything broken, what needs me, what happens now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct Home {
    /// Overall health: `ok`, `late`, `stopped`, `unproven`, or `empty` before anything is set up.
    pub status: String,
    /// One sentence that says it.
    pub headline: String,
    /// Since when.
    pub since: Option<Time>,
    /// Whether the engine runs, in whatever process.
    pub engine_running: bool,
    /// Where it runs.
    pub engine: EngineView,
    /// Whether this is the practice organization.
    pub practice: bool,
    /// Where secrets live, and in what state.
    pub secrets: SecretsView,
    /// Open errors and warnings, worst first.
    pub needs_attention: Vec<AlertView>,
    /// What runs now, one line each.
    pub running: Vec<RunningView>,
    /// Mailboxes, all.
    pub mailboxes: u32,
    /// Mailboxes with at least one workload enabled.
    pub mailboxes_enabled: u32,
    /// Mailboxes that wait for approval.
    pub mailboxes_pending_approval: u32,
    /// Profiles.
    pub profiles: u32,
    /// Messages received since midnight UTC.
    pub received_today: u32,
    /// Messages sent since midnight UTC.
    pub sent_today: u32,
    /// Messages that wait to be sent.
    pub waiting_to_send: u32,
    /// Messages that failed to be sent.
    pub failed_to_send: u32,
    /// Messages in quarantine.
    pub quarantined: u32,
    /// The next due cycle.
    pub next_due: Option<Time>,
    /// Mailboxes, those with trouble first, at most 20.
    pub mailbox_overview: Vec<MailboxView>,
}

/// Where secrets live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct SecretsView {
    /// Its name for people, such as `Secret Service` or `Windows Credential Manager`.
    pub name: String,
    /// `ready`, `locked` or `absent`.
    pub state: String,
    /// What that means and the next step; empty when ready.
    pub message: String,
}

/// A cycle or test that runs now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct RunningView {
    /// The mailbox's address.
    pub mailbox: String,
    /// The workload.
    pub workload: String,
    /// `cycle` or `test`.
    pub kind: String,
    /// Items done.
    pub done: u32,
    /// Items in all, when known.
    pub total: Option<u32>,
    /// Since when.
    pub since: Time,
}
