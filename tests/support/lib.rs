//! Support for acceptance tests: real mail servers, the real `tandem`, and a wire to look at both from outside.
//!
//! Everything panics with a message for the person who reads the test's output: here a failure of the harness is a
//! failure of the test. Linux only: the servers are Debian's; the program under test runs everywhere.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test support: a panic here fails the test that asked, with its message"
)]

mod certificate;
mod dovecot;
mod guard;
mod maildir;
mod options;
mod postfix;
mod practice;
mod program;
mod routers;
mod scene;
mod servers;
mod setup;
mod wait;
mod window;
mod wire;

pub use certificate::Certificates;
pub use options::{Account, FsyncMode, MailOptions};
pub use practice::{Practice, PracticeOptions, Protection};
pub use program::{Outcome, Running, TandemData, tandem};
pub use routers::{Routed, around_decided, deliver_around, deliver_named, named_decisions, router_files};
pub use scene::{Mail, Scene, header, unfolded};
pub use servers::{MailServers, Ports, Server};
pub use setup::Retrieval;
pub use wait::{free_port, wait_until};
pub use window::{Desktop, Home, Window, tandem_desktop};
pub use wire::Wire;
