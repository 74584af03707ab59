//! One sync cycle of each workload, who runs when, and test & enable.
//!
//! The engine knows no SQL, no protocol and no window: it drives the [`ports`], which `store` and `mail` fill.

pub mod ports;
pub mod raw;
