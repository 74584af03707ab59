//! One table, one file: its SQL, and how its rows become values.

pub(crate) mod alert;
pub(crate) mod attachment;
pub(crate) mod cycle;
pub(crate) mod directory;
pub(crate) mod email;
pub(crate) mod folder;
pub(crate) mod ledger;
pub(crate) mod mailbox;
pub(crate) mod mailbox_workload;
pub(crate) mod organization;
pub(crate) mod party;
pub(crate) mod profile;
pub(crate) mod quarantine;
pub(crate) mod raw_message;
pub(crate) mod recipient;
pub(crate) mod router_migration;
pub(crate) mod schedule;
pub(crate) mod send_attempt;
pub(crate) mod test_rung;
