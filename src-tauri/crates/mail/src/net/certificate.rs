//! Reads a server's certificate for people: whose, for which names, from when until when, and its fingerprint.

use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use tandem_domain::{Instant, failure::RefusedCertificate};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

const MAX_TEXT: usize = 300;
const MAX_NAMES: usize = 50;

/// SHA-256 of a certificate.
pub(super) fn fingerprint(der: &[u8]) -> [u8; 32] {
    Sha256::digest(der).into()
}

/// Lower-case hex without separators.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Describes a certificate that was refused. One that cannot be parsed still shows its fingerprint.
pub(super) fn describe(host: &str, der: &[u8], why: String) -> RefusedCertificate {
    let mut refused = RefusedCertificate {
        host: host.to_owned(),
        subject: String::new(),
        names: Vec::new(),
        issuer: String::new(),
        not_before: String::new(),
        not_after: String::new(),
        sha256: hex(&fingerprint(der)),
        why,
    };
    if let Ok((_, parsed)) = X509Certificate::from_der(der) {
        refused.subject = shown(&parsed.subject().to_string());
        refused.issuer = shown(&parsed.issuer().to_string());
        refused.names = names(&parsed);
        refused.not_before = date(parsed.validity().not_before.timestamp());
        refused.not_after = date(parsed.validity().not_after.timestamp());
    }
    refused
}

/// The certificate in a few words, for the tls rung.
pub(super) fn in_words(der: &[u8]) -> String {
    match X509Certificate::from_der(der) {
        Ok((_, parsed)) => format!(
            "certificate of {}, valid until {}",
            shown(&parsed.subject().to_string()),
            date(parsed.validity().not_after.timestamp())
        ),
        Err(_) => format!("certificate {}", hex(&fingerprint(der))),
    }
}

/// Whether a certificate names itself as its issuer.
pub(super) fn is_self_signed(der: &[u8]) -> bool {
    X509Certificate::from_der(der)
        .is_ok_and(|(_, parsed)| parsed.subject().as_raw() == parsed.issuer().as_raw())
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some(shown(name)),
        GeneralName::IPAddress(bytes) => address(bytes),
        _ => None,
    };
    extension.value.general_names.iter().filter_map(name).take(MAX_NAMES).collect()
}

fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Some(std::net::Ipv4Addr::from(v4).to_string());
    }
    <[u8; 16]>::try_from(bytes).ok().map(|v6| std::net::Ipv6Addr::from(v6).to_string())
}

/// Texts in a certificate are the sender's: no control characters, no end of the screen.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_TEXT).collect()
}

fn date(timestamp: i64) -> String {
    match Instant::from_timestamp(timestamp, 0) {
        Some(at) => at.format("%Y-%m-%d %H:%M UTC").to_string(),
        None => String::new(),
    }
}
