//! What the network and TLS say, as failures; the reason stands beside each mapping.

use super::trust::Refusal;
use rustls::{AlertDescription, CertificateError, Error as TlsError, OtherError};
use std::io::{self, ErrorKind};
use tandem_domain::failure::{Failure, FailureCode};

/// An error of an open connection.
#[must_use]
pub fn io(host: &str, error: &io::Error) -> Failure {
    if let Some(tls) = tls_error(error) {
        return handshake(host, tls);
    }
    let code = match error.kind() {
        ErrorKind::TimedOut => {
            let said = format!("{host}: no answer in time");
            return Failure::transient_profile(FailureCode::TimedOut, said);
        }
        // Under TLS without its good-bye (close_notify), which few servers send when they break off.
        ErrorKind::UnexpectedEof => return lost(host, "the server closed the connection"),
        // Servers restart, and port forwarders come and go: never a reason to give up for good.
        ErrorKind::ConnectionRefused => FailureCode::ConnectionRefused,
        ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable | ErrorKind::NetworkDown => {
            FailureCode::NetworkUnreachable
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => FailureCode::DiskFull,
        // Nobody but this computer's own firewall says "you may not" to a connection (EACCES, EPERM, WSAEACCES).
        ErrorKind::PermissionDenied => FailureCode::ConnectionBlocked,
        ErrorKind::OutOfMemory | ErrorKind::AddrNotAvailable => FailureCode::ResourcesExhausted,
        _ if is_exhausted(error) => FailureCode::ResourcesExhausted,
        // Reset, aborted, broken pipe, end of file: all mean that the other side or something between went away.
        _ => FailureCode::ConnectionLost,
    };
    Failure::transient_profile(code, format!("{host}: {error}"))
}

/// Whether this computer ran out of handles, ports or buffers, which have no kind of their own in the standard library.
fn is_exhausted(error: &io::Error) -> bool {
    // EMFILE, ENFILE, ENOBUFS of Linux and of macOS; WSAEMFILE, WSAENOBUFS.
    const CODES: &[i32] = if cfg!(windows) {
        &[10_024, 10_055]
    } else if cfg!(target_os = "linux") {
        &[24, 23, 105]
    } else {
        &[24, 23, 55]
    };
    error.raw_os_error().is_some_and(|code| CODES.contains(&code))
}

/// An error while resolving a name.
#[must_use]
pub fn resolving(name: &str, error: &io::Error) -> Failure {
    // The resolver's code reaches us only as a number on Windows and only as a text elsewhere (the standard
    // library drops EAI_*): these are the texts of glibc and macOS, and of musl.
    const WSATRY_AGAIN: i32 = 11_002;
    const AGAIN: [&str; 2] = ["Temporary failure in name resolution", "Try again"];
    let text = error.to_string();
    let later = error.kind() == ErrorKind::TimedOut
        || error.raw_os_error() == Some(WSATRY_AGAIN)
        || AGAIN.iter().any(|again| text.contains(again));
    let code = if later { FailureCode::DnsUnavailable } else { FailureCode::DnsNotFound };
    // Transient even when the name is not found: without a network, Windows and many home routers say so of every name.
    Failure::transient_profile(code, format!("{name}: {text}"))
}

/// A name that no resolver would take.
#[must_use]
pub fn not_a_name(name: &str) -> Failure {
    Failure::permanent_profile(
        FailureCode::DnsNotFound,
        format!("\"{name}\" is not a host name or an address"),
    )
}

/// No connection within the time-out.
#[must_use]
pub fn timed_out(host: &str, doing: &str) -> Failure {
    Failure::transient_profile(FailureCode::TimedOut, format!("{host}: no answer in time while {doing}"))
}

/// The connection ended.
#[must_use]
pub fn lost(host: &str, how: &str) -> Failure {
    Failure::transient_profile(FailureCode::ConnectionLost, format!("{host}: {how}"))
}

/// Something that the protocol does not allow. Transient: proxies and overloaded servers produce it in passing,
/// and a server that always does so stays visible by failing each time.
#[must_use]
pub fn violation(host: &str, what: &str) -> Failure {
    Failure::transient_profile(FailureCode::ProtocolViolation, format!("{host}: {what}"))
}

/// The settings ask for an unencrypted connection without the organization's leave.
#[must_use]
pub fn plain_not_allowed(host: &str) -> Failure {
    let said = format!("{host}: unencrypted connections are not allowed in the organization's settings");
    Failure::permanent_profile(FailureCode::PlainNotAllowed, said)
}

/// The server offers no STARTTLS. Permanent: going on in the clear is what somebody who strips it wants.
#[must_use]
pub fn starttls_missing(host: &str) -> Failure {
    Failure::permanent_profile(
        FailureCode::StartTlsMissing,
        format!("{host}: the server does not offer STARTTLS on this port"),
    )
}

/// A CA file that cannot be used.
#[must_use]
pub fn ca_file(path: &str, why: &str) -> Failure {
    Failure::permanent_profile(FailureCode::CaFileUnusable, format!("the CA file {path} {why}"))
}

/// The first bytes of a server are a TLS alert (type 21, version 3.x): it expects TLS from the first byte.
#[must_use]
pub fn expects_tls(host: &str) -> Failure {
    Failure::permanent_profile(
        FailureCode::TlsPortMismatch,
        format!("{host}: this port speaks TLS from the first byte; choose TLS instead of STARTTLS or none"),
    )
}

/// A first line that is not of the protocol that is wanted, such as `POP3`.
#[must_use]
pub fn wrong_protocol(host: &str, wanted: &str, greeting: &[u8]) -> Failure {
    // TLS alert, version 3.x (RFC 8446 section 6).
    if greeting.starts_with(&[0x15, 0x03]) {
        return expects_tls(host);
    }
    let shown = String::from_utf8_lossy(greeting);
    let kind = if greeting.starts_with(b"* ") {
        "an IMAP server"
    } else if greeting.starts_with(b"+OK") {
        "a POP3 server"
    } else if greeting.starts_with(b"220") {
        "an SMTP server"
    } else if greeting.starts_with(b"HTTP/") {
        "a web server"
    } else {
        return violation(host, &format!("this is not {wanted}; it says: {shown}"));
    };
    // Permanent: the port is wrong, and stays so until somebody corrects it.
    let said = format!("{host}: this is {kind}, not {wanted}; it says: {shown}");
    Failure::permanent_profile(FailureCode::WrongProtocol, said)
}

/// An error of the TLS handshake or of the encrypted connection.
#[must_use]
pub fn handshake(host: &str, error: &TlsError) -> Failure {
    match error {
        TlsError::InvalidCertificate(CertificateError::Other(OtherError(other))) => {
            match other.downcast_ref::<Refusal>() {
                Some(refusal) => refused(host, refusal),
                None => tls_failed(host, error),
            }
        }
        // The first bytes are no TLS record: a plain port, such as 110, 143, 25 or 587.
        TlsError::InvalidMessage(_) => Failure::permanent_profile(
            FailureCode::TlsPortMismatch,
            format!(
                "{host}: this port does not speak TLS from the first byte; choose STARTTLS or the TLS port"
            ),
        ),
        // A fault inside the server, which may pass.
        TlsError::AlertReceived(AlertDescription::InternalError | AlertDescription::UserCanceled) => {
            Failure::transient_profile(FailureCode::TlsFailed, format!("{host}: {error}"))
        }
        TlsError::AlertReceived(AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure) => {
            let said =
                format!("{host}: no common TLS version or cipher (TLS 1.2 or later is needed): {error}");
            Failure::permanent_profile(FailureCode::TlsTooOld, said)
        }
        // The server chose something that this end does not know any more: SSL 3, TLS 1.0, CBC or RC4 ciphers.
        TlsError::PeerIncompatible(_) | TlsError::AlertReceived(AlertDescription::InsufficientSecurity) => {
            Failure::permanent_profile(FailureCode::TlsTooOld, format!("{host}: {error}"))
        }
        TlsError::AlertReceived(AlertDescription::CertificateRequired) => {
            Failure::permanent_profile(FailureCode::ClientCertificateRequired, format!("{host}: {error}"))
        }
        TlsError::AlertReceived(AlertDescription::UnrecognisedName) => {
            Failure::permanent_profile(FailureCode::ServerNameRefused, format!("{host}: {error}"))
        }
        // Bytes were changed on the way.
        TlsError::DecryptError => {
            Failure::transient_profile(FailureCode::ConnectionLost, format!("{host}: {error}"))
        }
        _ => tls_failed(host, error),
    }
}

fn refused(host: &str, refusal: &Refusal) -> Failure {
    let certificate = refusal.certificate.clone();
    let said = format!("{host}: its certificate is refused: {}", certificate.why);
    Failure::permanent_profile(refusal.code, said).with_certificate(certificate)
}

fn tls_failed(host: &str, error: &TlsError) -> Failure {
    Failure::permanent_profile(FailureCode::TlsFailed, format!("{host}: {error}"))
}

fn tls_error(error: &io::Error) -> Option<&TlsError> {
    error.get_ref()?.downcast_ref::<TlsError>()
}
