//! What the files of up to four routers say, before anything is concluded from it.

use crate::{
    error::FileKind,
    key::KeyMaterial,
    leaf::{KEPT, Leaf},
    names::{Name, Names},
    values::Threshold,
};
use std::{fmt, ops::Range};
use uuid::Uuid;
use zeroize::Zeroizing;

/// Everything that was read, of all routers. Holds encrypted passwords and keys: wiped when dropped, hidden from `Debug`.
pub struct RouterData {
    pub(crate) routers: Vec<Router>,
    pub(crate) names: Names,
    /// Files that were in the wrong slot and were put right.
    pub moved: Vec<MovedFile>,
}

impl RouterData {
    /// How many routers there are.
    #[must_use]
    pub const fn routers(&self) -> usize {
        self.routers.len()
    }

    /// How many providers the routers have together.
    #[must_use]
    pub fn providers(&self) -> usize {
        self.routers.iter().map(|router| router.agent.providers.len()).sum()
    }

    /// How many mailboxes have an entry in a state file.
    #[must_use]
    pub fn state_entries(&self) -> usize {
        self.routers.iter().map(|router| router.state.entries.len()).sum()
    }

    pub(crate) fn text(&self, name: Option<Name>) -> Option<&str> {
        name.map(|name| self.names.get(name)).filter(|text| !text.is_empty())
    }

    pub(crate) fn provider(&self, at: ProviderRef) -> Option<&Provider> {
        self.routers.get(usize::from(at.router))?.agent.providers.get(at.provider as usize)
    }
}

impl fmt::Debug for RouterData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouterData")
            .field("routers", &self.routers())
            .field("providers", &self.providers())
            .field("state_entries", &self.state_entries())
            .field("moved", &self.moved)
            .finish_non_exhaustive()
    }
}

/// A file that was recognised by its content and put into the slot where it belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedFile {
    /// The router's number.
    pub router: u8,
    /// The file's name as it was given.
    pub name: String,
    /// Where it was put.
    pub from: FileKind,
    /// What it is.
    pub to: FileKind,
}

impl fmt::Display for MovedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Router {}: {} was chosen as {}; it is {} and was put there.",
            self.router, self.name, self.from, self.to
        )
    }
}

pub(crate) struct Router {
    pub(crate) number: u8,
    pub(crate) agent: AgentFile,
    pub(crate) state: StateFile,
    pub(crate) key: KeyMaterial,
    /// What the key file says, for provenance; without values.
    pub(crate) key_fields: Vec<Field>,
}

/// Which provider: index of the router and of the provider in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ProviderRef {
    pub(crate) router: u8,
    pub(crate) provider: u32,
}

#[derive(Default)]
pub(crate) struct AgentFile {
    pub(crate) fields: Vec<Field>,
    pub(crate) providers: Vec<Provider>,
    /// The id lists of all providers, one after the other.
    pub(crate) owners: Vec<OwnerId>,
    /// Encrypted passwords.
    pub(crate) secrets: Vec<Zeroizing<String>>,
    /// `ProviderOverrides`, while reading; handed to the providers at the end.
    pub(crate) overrides: Option<Provider>,
}

/// A user or queue as the router names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct OwnerId {
    pub(crate) queue: bool,
    pub(crate) id: Uuid,
}

pub(crate) struct Provider {
    pub(crate) line: u32,
    values: [Option<Name>; KEPT],
    pub(crate) owners: Range<u32>,
    pub(crate) fields: Range<u32>,
    /// Its encrypted password, in [`AgentFile::secrets`].
    pub(crate) password: Option<u32>,
}

impl Provider {
    pub(crate) const fn new(line: u32, owners: u32, fields: u32) -> Self {
        Self { line, values: [None; KEPT], owners: owners..owners, fields: fields..fields, password: None }
    }

    pub(crate) fn value(&self, leaf: Leaf) -> Option<Name> {
        self.values.get(leaf as usize).copied().flatten()
    }

    pub(crate) fn set(&mut self, leaf: Leaf, value: Name) {
        if let Some(place) = self.values.get_mut(leaf as usize) {
            *place = Some(value);
        }
    }
}

#[derive(Default)]
pub(crate) struct StateFile {
    pub(crate) fields: Vec<Field>,
    pub(crate) entries: Vec<StateEntry>,
}

pub(crate) struct StateEntry {
    pub(crate) address: Option<Name>,
    pub(crate) threshold: Threshold,
    pub(crate) last_error: Option<Name>,
    /// Its fields, in [`StateFile::fields`].
    pub(crate) fields: Range<u32>,
}

/// How a field could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    Fine,
    /// Given again later in the same provider; the last one counts.
    Repeated,
    Unreadable,
}

/// One element or attribute with a value, of any file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    pub(crate) line: u32,
    pub(crate) name: Name,
    /// Not kept for secrets and for what is not known.
    pub(crate) value: Option<Name>,
    pub(crate) leaf: Leaf,
    pub(crate) reading: Reading,
}
