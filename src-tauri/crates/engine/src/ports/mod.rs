//! The ports: what the engine asks of mail servers, of the CRM and of storage, by capability.
//!
//! Every port is object-safe and async; an adapter is the set of ports that it fills. Instants are arguments,
//! except `now`-free reads. A port's contract stands in its doc comments and is tested by one suite that runs over
//! every implementation.

use crate::events::EventSink;
use std::sync::Arc;

pub mod circuits;
pub mod clock;
pub mod mail;
pub mod message;
pub mod quiet;
pub mod storage;
pub mod test_jobs;

/// Every port, as the composition filled it. Cheap to clone.
#[derive(Clone)]
pub struct Ports {
    /// Storage and the built-in CRM.
    pub storage: Arc<dyn storage::Storage>,
    /// Mail servers.
    pub mail: Arc<dyn mail::MailAdapters>,
    /// Reads messages.
    pub parser: Arc<dyn message::MessageParser>,
    /// Writes messages.
    pub composer: Arc<dyn message::MessageComposer>,
    /// Credentials.
    pub credentials: Arc<dyn storage::CredentialSource>,
    /// The clock.
    pub clock: Arc<dyn clock::Clock>,
    /// Who hears of progress.
    pub events: Arc<dyn EventSink>,
}
