//! The one door: every user action, declared once.
//!
//! The window's single `rpc` command, the command line and the generated TypeScript all come from the list in
//! [`actions`]. An action is an async method of [`crate::Tandem`] from its request to its response.

mod actions;

pub use actions::{ACTIONS, call, typescript};
