//! The vault's entries as plain bytes: for each, length and key, length and secret (lengths 4 bytes, little endian).
//!
//! Written by hand so that every buffer that ever holds a secret has its final size from the start, and is wiped.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use crate::{Secret, SecretRef};

/// All entries of a vault.
#[derive(Debug, Default)]
pub(super) struct Entries(pub(super) BTreeMap<SecretRef, Secret>);

impl Entries {
    pub(super) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let size = self.0.iter().map(|(key, secret)| 8 + key.as_str().len() + secret.expose().len()).sum();
        let mut plain = Zeroizing::new(Vec::with_capacity(size));
        for text in self.0.iter().flat_map(|(key, secret)| [key.as_str(), secret.expose()]) {
            // Keys and secrets have at most LONGEST_SECRET bytes: the length always fits.
            let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
            plain.extend_from_slice(&length.to_le_bytes());
            plain.extend_from_slice(text.as_bytes());
        }
        plain
    }

    /// Nothing if the bytes are not what [`Self::encode`] writes.
    pub(super) fn decode(mut plain: &[u8]) -> Option<Self> {
        let mut entries = BTreeMap::new();
        while !plain.is_empty() {
            let key = SecretRef::parse(next_text(&mut plain)?).ok()?;
            entries.insert(key, Secret::new(next_text(&mut plain)?));
        }
        Some(Self(entries))
    }
}

fn next_text<'a>(plain: &mut &'a [u8]) -> Option<&'a str> {
    let (length, rest) = plain.split_first_chunk::<4>()?;
    let (text, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    *plain = rest;
    std::str::from_utf8(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cut_of_the_plain_bytes_is_refused_or_ends_between_entries() {
        let mut entries = Entries::default();
        entries.0.insert(SecretRef::parse("a").unwrap(), Secret::new("hünter2 ✓"));
        entries.0.insert(SecretRef::parse("b").unwrap(), Secret::new(""));
        let plain = entries.encode();
        let whole: Vec<_> =
            (0..=plain.len()).filter(|cut| Entries::decode(&plain[..*cut]).is_some()).collect();
        assert_eq!(whole, [0, plain.len() - 9, plain.len()]);
        assert_eq!(Entries::decode(&plain).unwrap().0.len(), 2);
    }
}
