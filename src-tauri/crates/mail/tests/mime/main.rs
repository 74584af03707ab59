//! Reading and writing messages: a corpus of quirks, bombs, both ways of storing, mutations, round trips.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test"
)]

mod bombs;
mod compose;
mod corpus;
mod mutations;
mod seven_bit;
mod support;
