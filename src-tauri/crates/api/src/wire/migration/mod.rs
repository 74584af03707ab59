//! Email Router Data Migration: files, plan, run.

mod files;
mod plan;
mod run;

pub use files::*;
pub use plan::*;
pub use run::*;
