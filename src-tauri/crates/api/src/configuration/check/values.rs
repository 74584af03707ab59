//! Single values of a configuration file.

use crate::configuration::{file::Text, problem::Problems};
use std::path::Path;
use tandem_domain::{Instant, address::EmailAddress};
use toml::{Spanned, value::Datetime};

/// A word of a closed list.
pub(super) fn word<T>(
    text: Option<&Text>,
    object: &str,
    field: &str,
    all: &[T],
    as_str: fn(T) -> &'static str,
    problems: &mut Problems<'_>,
) -> Option<T>
where
    T: Copy,
{
    let text = text?;
    let found = all.iter().copied().find(|one| as_str(*one) == text.get_ref());
    if found.is_none() {
        let words: Vec<_> = all.iter().map(|one| as_str(*one)).collect();
        let message = format!("\"{}\" is no value of {field}.", text.get_ref());
        problems.add(text.span(), object, message, format!("Use one of: {}.", words.join(", ")));
    }
    found
}

/// A number within limits.
pub(super) fn number(
    value: Option<&Spanned<i64>>,
    object: &str,
    field: &str,
    least: u16,
    most: u16,
    problems: &mut Problems<'_>,
) -> Option<u16> {
    let value = value?;
    let found = u16::try_from(*value.get_ref()).ok().filter(|found| (least..=most).contains(found));
    if found.is_none() {
        let message = format!("{field} = {} is out of range.", value.get_ref());
        problems.add(value.span(), object, message, format!("Use a number from {least} to {most}."));
    }
    found
}

/// A limit of 1 to `most`; 0 is none.
pub(super) fn limit(
    value: &Spanned<i64>,
    object: &str,
    field: &str,
    most: u32,
    problems: &mut Problems<'_>,
) -> Option<u32> {
    let found = u32::try_from(*value.get_ref()).ok().filter(|found| *found <= most);
    if found.is_none() {
        let message = format!("{field} = {} is out of range.", value.get_ref());
        problems.add(
            value.span(),
            object,
            message,
            format!("Use a number from 1 to {most}, or 0 for no limit."),
        );
    }
    found.filter(|found| *found > 0)
}

/// A name of 1 to `longest` characters, trimmed.
pub(super) fn name(text: &Text, object: &str, longest: usize, problems: &mut Problems<'_>) -> Option<String> {
    let name = text.get_ref().trim();
    if name.is_empty() || name.chars().count() > longest || name.chars().any(char::is_control) {
        let remedy = format!("Give it a name of 1 to {longest} characters in one line.");
        problems.add(text.span(), object, "Its name is empty, too long or has line ends.", remedy);
        return None;
    }
    Some(name.to_owned())
}

/// An email address.
pub(super) fn address(text: &Text, object: &str, problems: &mut Problems<'_>) -> Option<EmailAddress> {
    match EmailAddress::parse(text.get_ref()) {
        Ok(address) => Some(address),
        Err(error) => {
            let remedy = "Write an address like amy@contoso.com.";
            problems.add(text.span(), object, format!("{error}."), remedy);
            None
        }
    }
}

/// An instant: a date with a time and an offset.
pub(super) fn instant(
    value: Option<&Spanned<Datetime>>,
    object: &str,
    problems: &mut Problems<'_>,
) -> Option<Instant> {
    let value = value?;
    let parsed = chrono::DateTime::parse_from_rfc3339(&value.get_ref().to_string());
    match parsed {
        Ok(at) => Some(at.to_utc()),
        Err(_) => {
            let message = format!("{} is no instant: it lacks a time or an offset.", value.get_ref());
            problems.add(value.span(), object, message, "Write it like 2026-01-01T00:00:00Z.");
            None
        }
    }
}

/// A PEM file with at least one certificate, as an absolute path. An empty text is none.
pub(super) fn ca_file(
    text: &Text,
    object: &str,
    folder: &Path,
    problems: &mut Problems<'_>,
) -> Option<String> {
    if text.get_ref().is_empty() {
        return None;
    }
    let path = folder.join(text.get_ref());
    let path = std::path::absolute(&path).unwrap_or(path);
    match crate::certificates::count(&path) {
        Ok(0) => {
            let message = format!("The CA file {} holds no PEM certificate.", path.display());
            let remedy = "Name a text file with -----BEGIN CERTIFICATE----- in it.";
            problems.add(text.span(), object, message, remedy);
        }
        Ok(_) => {}
        Err(error) => {
            let message = format!("The CA file {} cannot be read: {error}.", path.display());
            let remedy = "Correct the path; it starts from the folder of the configuration file.";
            problems.add(text.span(), object, message, remedy);
        }
    }
    Some(path.to_string_lossy().into_owned())
}

/// A SHA-256 fingerprint, with or without colons.
pub(super) fn fingerprint(text: &Text, object: &str, problems: &mut Problems<'_>) -> Option<String> {
    let found = crate::certificates::fingerprint(text.get_ref());
    if found.is_none() {
        let message = format!("\"{}\" is no SHA-256 fingerprint.", text.get_ref());
        problems.add(text.span(), object, message, "Give 64 hexadecimal digits, with or without colons.");
    }
    found
}
