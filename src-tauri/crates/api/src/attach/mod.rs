//! One engine, many shells: whoever holds the engine of a data folder listens on a private local socket, and a window or
//! a command attaches to it through the same one door as at home ([`crate::router`]).
//!
//! - [`holder`]: the file that says who holds the engine, and how it is reached;
//! - [`endpoint`]: the socket or pipe itself;
//! - [`frame`]: what is said on it;
//! - [`listening`] and [`attached`]: its two sides;
//! - [`program`]: one handle for a shell, wherever the engine runs.

mod attached;
mod endpoint;
mod frame;
mod holder;
mod listening;
mod program;
#[cfg(test)]
mod tests;

pub use attached::Attached;
pub use holder::Role;
pub(crate) use holder::{Holder, HolderFile, locked_by};
pub(crate) use listening::{Listening, listen};
pub use program::Program;
