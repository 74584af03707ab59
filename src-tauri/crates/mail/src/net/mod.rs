//! Connections to mail servers: names, addresses, TLS, trust, time-outs and byte limits, the same for every protocol.
//!
//! [`Connector::connect`] climbs the rungs dns, tcp and tls and hands out a [`Wire`]: a buffered, line-aware
//! connection on which nothing waits for ever and nothing grows without bound.

mod certificate;
mod connect;
pub mod failure;
mod ladder;
mod names;
mod opening;
mod sessions;
mod stream;
mod trust;
mod wire;

pub use connect::{Connector, Timeouts};
pub use ladder::Ladder;
pub use opening::{Opens, open};
pub use stream::Stream;
pub use wire::{MAX_LINE_BYTES, Wire};
