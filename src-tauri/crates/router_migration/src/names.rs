//! Texts that occur many times, kept once.

use indexmap::IndexSet;

/// A text in [`Names`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Name(pub(crate) u32);

/// All texts of the files: 10,000 providers name the same server.
#[derive(Debug, Default)]
pub(crate) struct Names(IndexSet<Box<str>>);

impl Names {
    pub(crate) fn add(&mut self, text: &str) -> Name {
        let index = match self.0.get_index_of(text) {
            Some(index) => index,
            None => self.0.insert_full(text.into()).0,
        };
        // The files hold at most 32 MB, so the number of different texts fits.
        Name(u32::try_from(index).unwrap_or(u32::MAX))
    }

    pub(crate) fn find(&self, text: &str) -> Option<Name> {
        self.0.get_index_of(text).and_then(|index| u32::try_from(index).ok()).map(Name)
    }

    pub(crate) fn get(&self, name: Name) -> &str {
        self.0.get_index(name.0 as usize).map_or("", AsRef::as_ref)
    }
}
