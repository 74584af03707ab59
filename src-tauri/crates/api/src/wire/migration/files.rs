//! Routers' files as chosen, and what they turned out to be.

use serde::{Deserialize, Serialize};
use specta::Type;

/// Where the files of one router are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(default)]
pub struct RouterPaths {
    /// Its number, 1 to 4.
    pub number: u8,
    /// What was chosen as `EncryptionKey.xml`.
    pub key: Option<String>,
    /// What was chosen as `Microsoft.Crm.Tools.EmailAgent.SystemState.xml`.
    pub state: Option<String>,
    /// What was chosen as `Microsoft.Crm.Tools.EmailAgent.xml`.
    pub agent: Option<String>,
    /// Folders or files that were dropped: they fill the slots that are named by nothing above.
    pub dropped: Vec<String>,
}

/// The files of up to four routers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct RouterFilesRequest {
    /// The routers, in any order.
    pub routers: Vec<RouterPaths>,
}

/// What the files are. What is wrong with one router's leaves the others as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct RouterFilesView {
    /// The routers, by number, with every file in the slot where it belongs.
    pub routers: Vec<RouterView>,
    /// Everything that is wrong; those of a slot are in the slot too. A slot that is still empty is no problem.
    pub problems: Vec<RouterFileProblem>,
    /// All chosen files together, in bytes.
    #[specta(type = u32)]
    pub total_bytes: u64,
    /// How many bytes are allowed: 33,554,432.
    #[specta(type = u32)]
    pub limit_bytes: u64,
    /// Whether a plan can be made: at least one router, all complete, no problem.
    pub ready: bool,
}

/// One router's files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct RouterView {
    /// Its number, 1 to 4.
    pub number: u8,
    /// Its three slots, in the wizard's order: key, state, agent.
    pub slots: Vec<RouterSlotView>,
    /// Whether all three files are there and good.
    pub complete: bool,
    /// Providers in its agent file, once complete.
    pub providers: Option<u32>,
    /// Entries in its state file, once complete.
    pub state_entries: Option<u32>,
}

/// One of a router's three files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct RouterSlotView {
    /// `key`, `state` or `agent`.
    pub slot: String,
    /// The name that the router gives the file.
    pub file_name: String,
    /// The chosen file; absent while the slot is empty.
    pub path: Option<String>,
    /// Its size in bytes.
    #[specta(type = Option<u32>)]
    pub bytes: Option<u64>,
    /// That the file was chosen for another slot and was put right, as a sentence.
    pub moved: Option<String>,
    /// What is wrong with it.
    pub problem: Option<RouterFileProblem>,
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct RouterFileProblem {
    /// The router's number.
    pub router: u8,
    /// `key`, `state` or `agent`; absent for what was dropped and fits no slot.
    pub slot: Option<String>,
    /// The file's name.
    pub file: String,
    /// The line, 1-based.
    pub line: Option<u32>,
    /// `empty`, `cut_short`, `not_text`, `not_xml`, `wrong_file`, `dtd`, `too_deep`, `too_large`, `missing` or `unreadable`.
    pub class: String,
    /// The documented code, such as `0x8005F032`.
    pub code: String,
    /// What is wrong, with router, file and line.
    pub message: String,
    /// The next step.
    pub remedy: String,
}
