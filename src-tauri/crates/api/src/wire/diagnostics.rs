//! The bundle for whoever helps.

use serde::{Deserialize, Serialize};
use specta::Type;

/// Where to save the bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct DiagnosticsRequest {
    /// The zip file; one that exists is replaced.
    pub path: String,
}

/// What is in the bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct DiagnosticsResult {
    /// The zip file.
    pub path: String,
    /// The names of the files in it.
    pub files: Vec<String>,
    /// Those of them that only say why their part could not be looked up.
    pub missing: Vec<String>,
}
