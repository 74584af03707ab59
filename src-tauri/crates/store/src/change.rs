//! What a commit changed, coarsely, so that shells can update what they show.

use tokio::sync::broadcast;

/// A kind of change that was committed by this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ChangeKind {
    /// Settings, profiles, the directory, mailboxes, states of workloads.
    Configuration,
    /// Email activities.
    Email,
    /// The ledger and the quarantine.
    Ledger,
    /// Alerts.
    Alert,
    /// Who runs when.
    Schedule,
    /// Test & Enable jobs.
    TestJob,
}

/// How many changes a slow listener may lag behind before it misses some. Missing one is harmless: a listener reads
/// anew, and the next change of that kind tells it to.
const CAPACITY: usize = 256;

/// Sends changes to whoever listens.
#[derive(Debug, Clone)]
pub(crate) struct ChangeFeed(broadcast::Sender<ChangeKind>);

impl ChangeFeed {
    pub(crate) fn new() -> Self {
        Self(broadcast::Sender::new(CAPACITY))
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<ChangeKind> {
        self.0.subscribe()
    }

    /// Tells listeners; that nobody listens is no error.
    pub(crate) fn tell(&self, kinds: &[ChangeKind]) {
        for kind in kinds {
            let _ = self.0.send(*kind);
        }
    }
}
