//! The words and the rules of server-side synchronization. Pure: no IO, no async, no clock, no serialization.
//!
//! Every decision that Tandem takes about a message, a mailbox or a failure is a function in this crate from
//! values to a value; `now` is always an argument.

pub mod address;
pub mod alert;
pub mod alert_rules;
pub mod breaker;
pub mod directory;
pub mod email;
pub mod failure;
pub mod frequency;
pub mod health;
pub mod ids;
pub mod incoming;
pub mod item_retry;
pub mod ledger;
pub mod mailbox;
pub mod message;
pub mod outgoing;
pub mod probe;
pub mod profile;
pub mod remedy;
pub mod schedule;
pub mod send_limits;
pub mod settings;
pub mod test_job;
pub mod test_plan;
pub mod verification;
pub mod workload;

/// An instant in UTC. Wall-clock times with a zone are kept only for appointments.
pub type Instant = chrono::DateTime<chrono::Utc>;
