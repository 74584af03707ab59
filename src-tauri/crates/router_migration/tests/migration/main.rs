//! From files to a plan and to what is written, over the fixtures: every quirk and every damage of the reference.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a panic fails the test that asked"
)]

mod applying;
mod damage;
mod mutations;
mod plans;
mod provenance;
mod secrecy;
mod support;
