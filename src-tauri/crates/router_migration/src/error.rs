//! What can be wrong with a router's file, said with the router, the file, the line and the documented code.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One of the three files of a router, in the order in which the wizard asks for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// `EncryptionKey.xml`: the key of the passwords in the agent file.
    Key,
    /// `Microsoft.Crm.Tools.EmailAgent.SystemState.xml`: where each mailbox stands.
    State,
    /// `Microsoft.Crm.Tools.EmailAgent.xml`: the settings and the providers.
    Agent,
}

impl FileKind {
    /// All three, in the wizard's order.
    pub const ALL: [Self; 3] = [Self::Key, Self::State, Self::Agent];

    /// The name that the router gives the file.
    #[must_use]
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Key => "EncryptionKey.xml",
            Self::State => "Microsoft.Crm.Tools.EmailAgent.SystemState.xml",
            Self::Agent => "Microsoft.Crm.Tools.EmailAgent.xml",
        }
    }

    /// The kind that a file's name promises; folders in front and case do not matter.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        let base = name.rsplit(['/', '\\']).next().unwrap_or(name).trim();
        Self::ALL.into_iter().find(|kind| kind.file_name().eq_ignore_ascii_case(base))
    }
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.file_name())
    }
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Damage {
    /// No bytes, or nothing but blanks.
    Empty,
    /// It ends before its last element does.
    CutShort,
    /// Bytes that are no text in UTF-8 or UTF-16.
    NotText,
    /// Text that is not well-formed XML; why, in words.
    NotXml(String),
    /// Well-formed, but another file; which one, when it is one of the three.
    WrongFile(Option<FileKind>),
    /// A document type definition: refused, because it can make a small file huge or read other files.
    Dtd,
    /// Elements inside elements beyond the limit (32).
    TooDeep,
    /// Beyond a limit of size or number; which one, in words.
    TooLarge(String),
    /// The router came without this file.
    Missing,
    /// The file could not be opened or read; the operating system's words.
    Unreadable(String),
}

impl Damage {
    /// The class in one word, for JSON and for tests.
    #[must_use]
    pub const fn class(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::CutShort => "cut_short",
            Self::NotText => "not_text",
            Self::NotXml(_) => "not_xml",
            Self::WrongFile(_) => "wrong_file",
            Self::Dtd => "dtd",
            Self::TooDeep => "too_deep",
            Self::TooLarge(_) => "too_large",
            Self::Missing => "missing",
            Self::Unreadable(_) => "unreadable",
        }
    }

    /// The documented code: name and number (\[ERR\] in the sources, C).
    #[must_use]
    pub const fn code(&self) -> (&'static str, u32) {
        match self {
            Self::TooLarge(_) => ("EmailRouterFileTooLargeToProcess", 0x8005_F031),
            Self::NotText => ("InvalidMigrationFileContent", 0x8005_F033),
            _ => ("ErrorsInEmailRouterMigrationFiles", 0x8005_F032),
        }
    }

    /// The next step.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            // C [KB954522, CRMINDIA]: the router itself makes a new state file once the damaged one is deleted.
            Self::Empty | Self::CutShort => {
                "Copy the file again from the router's Service folder. If the state file is damaged there too, delete it, \
                 let the router run one cycle, and choose the new one."
            }
            Self::NotText | Self::NotXml(_) => {
                "Copy the file again from the router's Service folder; do not open it in a word processor."
            }
            Self::WrongFile(_) | Self::Missing => {
                "Choose the router's three files: EncryptionKey.xml, Microsoft.Crm.Tools.EmailAgent.SystemState.xml and \
                 Microsoft.Crm.Tools.EmailAgent.xml."
            }
            Self::Dtd => "Remove the <!DOCTYPE ...> part; the router never writes one.",
            Self::TooDeep => "The router writes no such file; copy the file again from its Service folder.",
            Self::TooLarge(_) => "Migrate fewer routers at a time.",
            Self::Unreadable(_) => "Check that the file is there and that you may read it.",
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the file is empty"),
            Self::CutShort => f.write_str("the file is cut short: it ends in the middle"),
            Self::NotText => f.write_str("the file is not text"),
            Self::NotXml(why) => write!(f, "the file is not XML: {why}"),
            Self::WrongFile(Some(kind)) => write!(f, "this is another file of the router, {kind}"),
            Self::WrongFile(None) => f.write_str("this is none of the router's three files"),
            Self::Dtd => f.write_str("the file has a document type definition (DTD), which is refused"),
            Self::TooDeep => f.write_str("its elements are nested deeper than 32 levels"),
            Self::TooLarge(why) => write!(f, "too large: {why}"),
            Self::Missing => f.write_str("the file is missing"),
            Self::Unreadable(why) => write!(f, "the file cannot be read: {why}"),
        }
    }
}

/// What is wrong with one file of one router. The other files stay good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("router {router}, {name}{}: {damage}", line.map_or(String::new(), |line| format!(", line {line}")))]
pub struct FileError {
    /// The router's number, 1 to 4.
    pub router: u8,
    /// Where the file was put, or which file is missing.
    pub slot: FileKind,
    /// The file's name as it was given.
    pub name: String,
    /// The line, 1-based, where there is one.
    pub line: Option<u32>,
    /// What is wrong.
    pub damage: Damage,
}

impl FileError {
    /// The documented code, as `0x8005F032`.
    #[must_use]
    pub fn code(&self) -> String {
        format!("0x{:08X}", self.damage.code().1)
    }
}

/// A fault inside one file, before it is known whose file it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) line: Option<u32>,
    pub(crate) damage: Damage,
}

impl Fault {
    pub(crate) const fn whole(damage: Damage) -> Self {
        Self { line: None, damage }
    }

    pub(crate) const fn at(line: u32, damage: Damage) -> Self {
        Self { line: Some(line), damage }
    }
}
