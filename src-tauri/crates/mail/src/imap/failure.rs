//! What an IMAP server says, as failures, by its response code (RFC 9051 section 7.1, RFC 5530); the reason stands
//! beside each mapping.

use super::response::{Condition, Status};
use crate::{
    patience,
    wording::{self, Place},
};
use tandem_domain::failure::{Failure, FailureCode};

/// What was being done when the server refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    /// Its first line.
    Greeting,
    /// Logging in.
    Login,
    /// Opening the inbox.
    Opening,
    /// Anything else.
    Working,
}

/// A NO, BAD or BYE.
pub(super) fn refused(host: &str, doing: Doing, status: &Status) -> Failure {
    patience::heeded(mapped(host, doing, status))
}

fn mapped(host: &str, doing: Doing, status: &Status) -> Failure {
    let said = format!("{host}: {}", status.shown());
    // Exchange, while the mailbox's own server is away; also when the protocol is switched off for it. A mailbox is not
    // stopped for what may pass.
    if status.text.to_ascii_lowercase().contains("authenticated but not connected") {
        return Failure::transient_mailbox(FailureCode::ServerUnavailable, said);
    }
    match status.code_name().as_deref() {
        Some("EXPIRED") => Failure::permanent_mailbox(FailureCode::PasswordExpired, said),
        Some("WEBALERT") => Failure::permanent_mailbox(FailureCode::WebLoginRequired, said),
        // The server will not take a password over this connection: the same for every mailbox.
        Some("PRIVACYREQUIRED") => Failure::permanent_profile(FailureCode::EncryptionRequired, said),
        // The words say more than these codes, or than none: Yahoo has AUTHENTICATIONFAILED for everything.
        None
        | Some(
            "AUTHENTICATIONFAILED" | "ALERT" | "CONTACTADMIN" | "UNAVAILABLE" | "SERVERBUG" | "OVERQUOTA",
        ) if let Some(failure) = in_words(doing, status, &said) => failure,
        // The credentials, and nothing else.
        Some("AUTHENTICATIONFAILED" | "AUTHORIZATIONFAILED") => {
            Failure::permanent_mailbox(FailureCode::AuthenticationFailed, said)
        }
        // A directory or disk behind the server is down; Dovecot says so of one user's connection limit too, so it
        // is not taken to be about every mailbox, but for the greeting, which knows no user yet.
        Some("UNAVAILABLE") if doing == Doing::Greeting => {
            Failure::transient_profile(FailureCode::ServerUnavailable, said)
        }
        Some("CORRUPTION") => Failure::transient_mailbox(FailureCode::MailboxDamaged, said),
        Some("UNAVAILABLE" | "SERVERBUG" | "EXPUNGEISSUED") => {
            Failure::transient_mailbox(FailureCode::ServerUnavailable, said)
        }
        Some("INUSE") => Failure::transient_mailbox(FailureCode::MailboxInUse, said),
        // THROTTLED is what Gmail and Yahoo say for LIMIT.
        Some("LIMIT" | "THROTTLED") => Failure::transient_mailbox(FailureCode::Throttled, said),
        // It ends when somebody tidies up.
        Some("OVERQUOTA") => Failure::transient_mailbox(FailureCode::MailboxFull, said),
        Some("NONEXISTENT") => Failure::permanent_mailbox(FailureCode::MailboxNotFound, said),
        Some("NOPERM") => Failure::permanent_mailbox(FailureCode::MailboxAccessDenied, said),
        // An account that the provider has locked; the text says whom to ask.
        Some("CONTACTADMIN") if doing == Doing::Login => {
            Failure::permanent_mailbox(FailureCode::AccountDisabled, said)
        }
        Some("CONTACTADMIN") => Failure::permanent_mailbox(FailureCode::ServerRefused, said),
        Some("CLIENTBUG") => Failure::permanent_mailbox(FailureCode::ProtocolViolation, said),
        // ALERT says that a person should read the text, not what happened.
        _ => by_condition(doing, status.condition, said),
    }
}

/// What the words say more precisely than the condition. But for a login, BAD is about our command, whatever it says.
fn in_words(doing: Doing, status: &Status, said: &str) -> Option<Failure> {
    if status.condition == Condition::Bad && doing != Doing::Login {
        return None;
    }
    let place = match doing {
        Doing::Greeting => Place::Greeting,
        Doing::Login => Place::Login,
        Doing::Opening | Doing::Working => Place::Mailbox,
    };
    let found = wording::meaning(place, &status.text)?;
    Some(Failure::new(found.nature, found.scope, found.code, said))
}

fn by_condition(doing: Doing, condition: Condition, said: String) -> Failure {
    match (condition, doing) {
        // A server that restarts, is overloaded, or is tired of waiting.
        (Condition::Bye, _) | (_, Doing::Greeting) => {
            Failure::transient_profile(FailureCode::ServerUnavailable, said)
        }
        // RFC 9051 section 6.2.3: NO to a login means that the user name or the password was rejected.
        (Condition::No, Doing::Login) => Failure::permanent_mailbox(FailureCode::AuthenticationFailed, said),
        // A login command that the server does not know, which it announced: nothing else would work either.
        (Condition::Bad, Doing::Login) => {
            Failure::permanent_profile(FailureCode::AuthenticationUnsupported, said)
        }
        (Condition::Bad, _) => Failure::transient_mailbox(FailureCode::ProtocolViolation, said),
        _ => Failure::transient_mailbox(FailureCode::ServerRefused, said),
    }
}

/// A first line that is not IMAP's.
pub(super) fn not_imap(host: &str, greeting: &[u8]) -> Failure {
    // TLS alert, version 3.x (RFC 8446 section 6).
    if greeting.starts_with(&[0x15, 0x03]) {
        return crate::net::failure::expects_tls(host);
    }
    let kind = if greeting.starts_with(b"+OK") || greeting.starts_with(b"-ERR") {
        "a POP3 server"
    } else if greeting.starts_with(b"220") {
        "an SMTP server"
    } else if greeting.starts_with(b"HTTP/") {
        "a web server"
    } else {
        "no IMAP server"
    };
    let shown = String::from_utf8_lossy(greeting.get(..greeting.len().min(100)).unwrap_or_default());
    let said = format!("{host}: this is {kind}: \"{}\"", shown.trim());
    // Only a server that is known as another kind says that the port is wrong.
    let code =
        if kind == "no IMAP server" { FailureCode::ProtocolViolation } else { FailureCode::WrongProtocol };
    Failure::permanent_profile(code, said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tandem_domain::failure::{Nature, Scope};

    #[test]
    fn each_answer_has_its_meaning() {
        let mut wrong = Vec::new();
        use FailureCode as Code;
        use Nature::{Permanent, Transient};
        use Scope::{Mailbox, Profile};
        for (doing, text, nature, scope, code) in [
            (Doing::Login, "NO [AUTHENTICATIONFAILED] x", Permanent, Mailbox, Code::AuthenticationFailed),
            (Doing::Login, "NO Login failed.", Permanent, Mailbox, Code::AuthenticationFailed),
            (Doing::Login, "NO [EXPIRED] x", Permanent, Mailbox, Code::PasswordExpired),
            (Doing::Login, "NO [UNAVAILABLE] x", Transient, Mailbox, Code::ServerUnavailable),
            (Doing::Login, "NO [LIMIT] x", Transient, Mailbox, Code::Throttled),
            (Doing::Login, "NO [INUSE] x", Transient, Mailbox, Code::MailboxInUse),
            (Doing::Login, "NO [PRIVACYREQUIRED] x", Permanent, Profile, Code::EncryptionRequired),
            (Doing::Login, "NO [ALERT] read this", Permanent, Mailbox, Code::AuthenticationFailed),
            (Doing::Greeting, "BYE [UNAVAILABLE] x", Transient, Profile, Code::ServerUnavailable),
            (Doing::Greeting, "BYE too many connections", Transient, Profile, Code::Throttled),
            (
                Doing::Login,
                "NO [ALERT] Too many simultaneous connections. (Failure)",
                Transient,
                Mailbox,
                Code::Throttled,
            ),
            (
                Doing::Working,
                "BYE [ALERT] Too many simultaneous connections. (Failure)",
                Transient,
                Mailbox,
                Code::Throttled,
            ),
            (
                Doing::Working,
                "BYE [ALERT] Account exceeded command or bandwidth limits.",
                Transient,
                Mailbox,
                Code::Throttled,
            ),
            (
                Doing::Login,
                "BAD Request is throttled. Suggested Backoff Time: 3 milliseconds",
                Transient,
                Mailbox,
                Code::Throttled,
            ),
            (Doing::Working, "NO [THROTTLED] x", Transient, Mailbox, Code::Throttled),
            (Doing::Login, "NO Server Unavailable. 15", Transient, Mailbox, Code::ServerUnavailable),
            (Doing::Working, "BYE Server Unavailable. 21", Transient, Mailbox, Code::ServerUnavailable),
            (
                Doing::Opening,
                "BAD User is authenticated but not connected.",
                Transient,
                Mailbox,
                Code::ServerUnavailable,
            ),
            (
                Doing::Login,
                "NO Temporary problem, please try again later",
                Transient,
                Mailbox,
                Code::ServerUnavailable,
            ),
            (Doing::Login, "NO LOGIN failed.", Permanent, Mailbox, Code::AuthenticationFailed),
            (
                Doing::Login,
                "NO [ALERT] Web login required (Failure)",
                Permanent,
                Mailbox,
                Code::WebLoginRequired,
            ),
            (Doing::Opening, "NO [NONEXISTENT] x", Permanent, Mailbox, Code::MailboxNotFound),
            (Doing::Opening, "NO x", Transient, Mailbox, Code::ServerRefused),
            (Doing::Working, "BAD x", Transient, Mailbox, Code::ProtocolViolation),
            (Doing::Working, "BYE x", Transient, Profile, Code::ServerUnavailable),
        ] {
            let failure = refused("h:1", doing, &Status::parse(text).unwrap());
            let (got, expected) = ((failure.nature, failure.scope, failure.code), (nature, scope, code));
            wrong.extend((got != expected).then(|| format!("{text}: {got:?}, expected {expected:?}")));
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn a_wait_that_is_named_is_heeded() {
        for (text, seconds) in [
            ("BAD Request is throttled. Suggested Backoff Time: 299923 milliseconds", Some(299)),
            ("NO [LIMIT] try again in 5 minutes", Some(300)),
            ("NO [UNAVAILABLE] later", None),
            ("NO [AUTHENTICATIONFAILED] try again in 5 minutes", None),
        ] {
            let failure = refused("h:1", Doing::Login, &Status::parse(text).unwrap());
            assert_eq!(failure.retry_after.map(|wait| wait.num_seconds()), seconds, "{text}");
        }
    }

    #[test]
    fn another_kind_of_server_is_named() {
        assert!(not_imap("h", b"+OK ready").server_said.contains("POP3"));
        assert!(not_imap("h", b"220 hi").server_said.contains("SMTP"));
        assert_eq!(not_imap("h", &[0x15, 0x03, 1]).code, FailureCode::TlsPortMismatch);
    }
}
