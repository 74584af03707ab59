//! Events to shells: one closed enumeration.

use super::{LadderView, RungView};
use serde::{Deserialize, Serialize};
use specta::Type;

/// What a shell hears without asking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum EventView {
    /// Something of this kind changed; ask again: `configuration`, `email`, `ledger`, `alert`, `schedule`.
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
