//! Events to shells: one closed enumeration.

use super::{LadderView, RungView, TestProgressView};
use serde::{Deserialize, Serialize};
use specta::Type;

/// What a shell hears without asking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum EventView {
    /// Something of this kind changed; ask again: `configuration`, `email`, `ledger`, `alert`, `schedule`, `test_job`.
    Changed {
        /// The kind.
        kind: String,
    },
    /// A rung was climbed.
    Rung {
        /// The mailbox's address or the profile's name.
        object: String,
        /// The workload.
        workload: String,
        /// The rung.
        rung: RungView,
    },
    /// A ladder is done.
    Ladder {
        /// The ladder.
        ladder: LadderView,
    },
    /// A cycle got further.
    Progress {
        /// The mailbox's address.
        mailbox: String,
        /// The workload.
        workload: String,
        /// Items done.
        done: u32,
        /// Items in all, when known.
        total: Option<u32>,
        /// Whether it is finished.
        finished: bool,
    },
    /// Somebody must act: worth an OS notification. Told once per alert, and once for several of the same moment.
    NeedsPerson {
        /// The alert; absent when it is about several.
        alert_id: Option<String>,
        /// A short heading.
        title: String,
        /// What happened and the next step.
        body: String,
    },
    /// A Test & Enable job has one result more.
    TestJob {
        /// How far it is.
        progress: TestProgressView,
    },
    /// A migration got further.
    Migration {
        /// `profiles`, `forward_mailboxes`, `mailboxes`, `passwords`; `done` once everything is durable, `failed` or `cancelled`
        /// when nothing was written.
        step: String,
        /// Done in this step.
        done: u32,
        /// Of so many.
        total: u32,
    },
    /// The engine started or stopped.
    Engine {
        /// Whether it runs.
        running: bool,
    },
}
