//! The ports: what the engine asks of mail servers, of the CRM and of storage, by capability.
//!
//! Every port is object-safe and async; an adapter is the set of ports that it fills. Instants are arguments,
//! except `now`-free reads. A port's contract stands in its doc comments and is tested by one suite that runs over
//! every implementation.

pub mod clock;
pub mod mail;
pub mod message;
pub mod storage;
