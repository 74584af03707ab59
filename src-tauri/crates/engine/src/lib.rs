//! One sync cycle of each workload, who runs when, and test & enable.
//!
//! The engine knows no SQL, no protocol and no window: it drives the [`ports`], which `store` and `mail` fill.

pub mod access;
pub mod clock;
pub mod cycle;
pub mod dispatch;
pub mod events;
mod jobs;
pub mod jump;
pub mod permits;
pub mod ports;
pub mod raw;
pub mod runner;
pub mod simulate;
pub mod spread;
pub mod test_enable;
pub mod verify;
mod watch;

#[cfg(test)]
mod testing;
