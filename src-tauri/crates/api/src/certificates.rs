//! What a profile says about certificates: CA files and fingerprints, checked when they are given.

use std::{io, path::Path};

/// A CA file may have this many bytes at most; the whole list of the web's authorities has 250 KB.
const LONGEST_CA_FILE: u64 = 8 * 1024 * 1024;

/// How many certificates a PEM file holds.
///
/// # Errors
/// Those of reading it, and a file that is no text or far too long.
pub(crate) fn count(path: &Path) -> io::Result<usize> {
    if std::fs::metadata(path)?.len() > LONGEST_CA_FILE {
        return Err(io::Error::other("it is too long for a CA file"));
    }
    let text = std::fs::read(path)?;
    let text = String::from_utf8_lossy(&text);
    let begins = text.matches("-----BEGIN CERTIFICATE-----").count();
    let ends = text.matches("-----END CERTIFICATE-----").count();
    Ok(begins.min(ends))
}

/// A SHA-256 fingerprint as it is kept: lower-case hex without separators. `None` when it is none.
pub(crate) fn fingerprint(text: &str) -> Option<String> {
    let hex: String = text.chars().filter(|c| !matches!(c, ':' | ' ' | '-')).collect();
    let valid = hex.len() == 64 && hex.chars().all(|c| c.is_ascii_hexdigit());
    valid.then(|| hex.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_kept_in_one_spelling() {
        let plain = "ab".repeat(32);
        let colons = ["AB"; 32].join(":");
        assert_eq!(fingerprint(&colons), Some(plain.clone()));
        assert_eq!(fingerprint(plain.get(1..).unwrap()), None);
    }
}
