//! `EncryptionKey.xml`: whatever may be a key, by name, for the decryption to judge.
//!
//! C \[SEC\]: it holds the key of the passwords. \[U\]: element names, cipher, encoding. So every text in it is a candidate.

use crate::{
    error::{Damage, Fault, FileKind},
    leaf::Leaf,
    model::{Field, Reading},
    names::Names,
    xml::{Budget, Element, Visitor, walk},
};
use std::{fmt, ops::ControlFlow};
use zeroize::Zeroizing;

/// Longer texts are no keys.
const LONGEST_KEY: usize = 16 * 1024;
const MOST_CANDIDATES: usize = 64;

/// The texts of a key file. Wiped when dropped; `Debug` shows the scheme and how many there are.
#[derive(Default)]
pub struct KeyMaterial {
    /// What the `scheme` attribute says, if there is one.
    pub scheme: Option<String>,
    candidates: Vec<(String, Zeroizing<String>)>,
}

impl KeyMaterial {
    /// The names of what may be a key, with their texts, as they stand in the file.
    pub fn candidates(&self) -> impl Iterator<Item = (&str, &str)> {
        self.candidates.iter().map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// The longest text: the key, when there is only one.
    #[must_use]
    pub fn longest(&self) -> Option<&str> {
        self.candidates.iter().map(|(_, text)| text.as_str()).max_by_key(|text| text.len())
    }
}

impl fmt::Debug for KeyMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyMaterial")
            .field("scheme", &self.scheme)
            .field("candidates", &self.candidates.len())
            .finish()
    }
}

pub(crate) fn parse(
    text: &str,
    budget: &mut Budget,
    names: &mut Names,
) -> Result<(KeyMaterial, Vec<Field>), Fault> {
    let mut reading = KeyReading { key: KeyMaterial::default(), fields: Vec::new(), names };
    walk(text, budget, &mut reading)?;
    let KeyReading { key, fields, .. } = reading;
    if key.candidates.is_empty() {
        return Err(Fault::at(1, Damage::NotXml(format!("{} has no key in it", FileKind::Key))));
    }
    Ok((key, fields))
}

struct KeyReading<'a> {
    key: KeyMaterial,
    fields: Vec<Field>,
    names: &'a mut Names,
}

impl KeyReading<'_> {
    fn take(&mut self, name: &str, text: &str, line: u32) {
        let usable =
            !text.is_empty() && text.len() <= LONGEST_KEY && self.key.candidates.len() < MOST_CANDIDATES;
        let reading = if usable || text.is_empty() { Reading::Fine } else { Reading::Unreadable };
        let leaf = if text.is_empty() { Leaf::Unknown } else { Leaf::Key };
        self.fields.push(Field { line, name: self.names.add(name), value: None, leaf, reading });
        if usable {
            self.key.candidates.push((name.to_owned(), Zeroizing::new(text.to_owned())));
        }
    }
}

impl Visitor for KeyReading<'_> {
    fn open(&mut self, _: Element<'_>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn attribute(&mut self, element: Element<'_>, name: &str, value: &str, line: u32) {
        if name.eq_ignore_ascii_case("scheme") && value.len() <= 100 {
            let value = value.to_owned();
            let shown = Some(self.names.add(&value));
            self.key.scheme = Some(value);
            let name = self.names.add("@scheme");
            self.fields.push(Field { line, name, value: shown, leaf: Leaf::Scheme, reading: Reading::Fine });
        } else {
            self.take(&format!("{}/@{name}", element.name), value, line);
        }
    }

    fn close(&mut self, element: Element<'_>, text: &str, leaf: bool) {
        if leaf || !text.is_empty() {
            self.take(element.name, text, element.line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> KeyMaterial {
        parse(text, &mut Budget::default(), &mut Names::default()).unwrap().0
    }

    #[test]
    fn any_root_will_do_and_the_longest_text_is_the_key() {
        let key = read("<x scheme='s'><IV>short</IV><Key>muchlonger</Key></x>");
        assert_eq!((key.scheme.as_deref(), key.longest()), (Some("s"), Some("muchlonger")));
        assert_eq!(key.candidates().map(|(name, _)| name).collect::<Vec<_>>(), ["IV", "Key"]);
        assert_eq!(read("<k value='abc'/>").longest(), Some("abc"));
    }

    #[test]
    fn a_key_is_never_shown() {
        assert!(!format!("{:?}", read("<k>topsecret</k>")).contains("topsecret"));
    }

    #[test]
    fn a_file_without_a_key_is_refused() {
        assert!(parse("<k><a/></k>", &mut Budget::default(), &mut Names::default()).is_err());
    }
}
