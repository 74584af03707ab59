//! What a POP3 server says, as failures; the reason stands beside each mapping.

use super::{capabilities::Capabilities, connection::Refusal};
use crate::{
    patience,
    wording::{self, Place},
};
use tandem_domain::failure::{Failure, FailureCode};

/// What was being done when the server refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its first line.
    Greeting,
    /// Logging in.
    Login,
    /// Anything else.
    Working,
}

/// A `-ERR`, by its response code (RFC 2449 section 8, RFC 3206), or by the stage when it has none.
pub(super) fn refused(stage: Stage, refusal: &Refusal, capabilities: &Capabilities) -> Failure {
    patience::heeded(mapped(stage, refusal, capabilities))
}

fn mapped(stage: Stage, refusal: &Refusal, capabilities: &Capabilities) -> Failure {
    let said = refusal.shown();
    match refusal.code.as_deref() {
        // Another client, or our own session that the server has not noticed to be gone: it passes.
        Some("IN-USE") => Failure::transient_mailbox(FailureCode::MailboxInUse, said),
        Some("LOGIN-DELAY") => {
            let failure = Failure::transient_mailbox(FailureCode::Throttled, said);
            match capabilities.login_delay {
                Some(wait) => failure.after(wait),
                None => failure,
            }
        }
        // The words say more than these codes, or than none.
        None | Some("AUTH" | "SYS/PERM" | "SYS/TEMP" | "SYS" | "ALERT")
            if let Some(failure) = in_words(stage, &said) =>
        {
            failure
        }
        // RFC 3206 section 4: temporary, or until a person at the server does something.
        Some("SYS/TEMP") => Failure::transient_mailbox(FailureCode::ServerUnavailable, said),
        Some("SYS/PERM") => Failure::permanent_mailbox(FailureCode::ServerRefused, said),
        // RFC 3206 section 5: the credentials, and nothing else.
        Some("AUTH") => Failure::permanent_mailbox(FailureCode::AuthenticationFailed, said),
        _ => match stage {
            // A server that is overloaded or shutting down says so in its greeting.
            Stage::Greeting => Failure::transient_profile(FailureCode::ServerUnavailable, said),
            // A server that announces AUTH-RESP-CODE would have said [AUTH] if it were the credentials.
            Stage::Login if capabilities.auth_resp_code => {
                Failure::transient_mailbox(FailureCode::ServerUnavailable, said)
            }
            // The others say nothing more, and the credentials are by far the most likely.
            Stage::Login => Failure::permanent_mailbox(FailureCode::AuthenticationFailed, said),
            Stage::Working => Failure::transient_mailbox(FailureCode::ServerRefused, said),
        },
    }
}

/// What the words say more precisely than the code.
fn in_words(stage: Stage, said: &str) -> Option<Failure> {
    let place = match stage {
        Stage::Greeting => Place::Greeting,
        Stage::Login => Place::Login,
        Stage::Working => Place::Mailbox,
    };
    let found = wording::meaning(place, said)?;
    Some(Failure::new(found.nature, found.scope, found.code, said))
}

/// `[SYS/TEMP]` and the like speak of the server, not of the message: it must not be taken for gone.
pub(super) fn says_why(refusal: &Refusal) -> bool {
    matches!(refusal.code.as_deref(), Some("SYS/TEMP" | "SYS/PERM" | "IN-USE" | "LOGIN-DELAY" | "AUTH"))
}

/// UIDL is missing. Permanent: known messages could not be told from new ones.
pub(super) fn no_uidl(host: &str, said: &str) -> Failure {
    let said = format!(
        "{host}: the server does not offer UIDL, without which new messages cannot be told from known ones; \
         switch UIDL on at the server, or use IMAP. {said}"
    );
    Failure::permanent_profile(FailureCode::CapabilityMissing, said)
}

/// No way to log in that both sides know.
pub(super) fn no_login(host: &str, capabilities: &Capabilities, encrypted: Encrypted) -> Failure {
    let hint = match encrypted {
        Encrypted::No => "; servers often offer it only on encrypted connections",
        Encrypted::Yes => "",
    };
    let offered = if capabilities.sasl.is_empty() { "none".to_owned() } else { capabilities.sasl.join(", ") };
    let said =
        format!("{host}: the server offers no login with a password (its mechanisms: {offered}){hint}");
    Failure::permanent_profile(FailureCode::AuthenticationUnsupported, said)
}

/// Whether the connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encrypted {
    Yes,
    No,
}

#[cfg(test)]
mod tests {
    use super::*;
    use tandem_domain::failure::{Nature, Scope};

    #[test]
    fn each_refusal_has_its_meaning() {
        let mut wrong = Vec::new();
        use FailureCode as Code;
        use Nature::{Permanent, Transient};
        let silent = Capabilities::default();
        let exact = Capabilities {
            auth_resp_code: true,
            login_delay: Some(chrono::Duration::seconds(300)),
            ..Capabilities::default()
        };
        for (stage, code, text, capabilities, nature, expected, wait) in [
            (Stage::Login, "AUTH", "x", &silent, Permanent, Code::AuthenticationFailed, None),
            (
                Stage::Login,
                "",
                "Logon failure: bad password.",
                &silent,
                Permanent,
                Code::AuthenticationFailed,
                None,
            ),
            (Stage::Login, "", "bad password", &exact, Transient, Code::ServerUnavailable, None),
            (Stage::Login, "IN-USE", "x", &silent, Transient, Code::MailboxInUse, None),
            (Stage::Login, "", "maildrop already locked", &silent, Transient, Code::MailboxInUse, None),
            (Stage::Login, "LOGIN-DELAY", "x", &exact, Transient, Code::Throttled, Some(300)),
            (Stage::Login, "LOGIN-DELAY", "wait 30 seconds", &silent, Transient, Code::Throttled, Some(30)),
            (Stage::Login, "LOGIN-DELAY", "x", &silent, Transient, Code::Throttled, None),
            (
                Stage::Login,
                "",
                "Exceeded the login limit for a 15 minute period.",
                &silent,
                Transient,
                Code::Throttled,
                Some(900),
            ),
            (
                Stage::Login,
                "SYS/TEMP",
                "try again in 2 minutes",
                &silent,
                Transient,
                Code::ServerUnavailable,
                Some(120),
            ),
            (Stage::Login, "", "Server Unavailable. 15", &silent, Transient, Code::ServerUnavailable, None),
            (Stage::Login, "SYS/PERM", "x", &silent, Permanent, Code::ServerRefused, None),
            (Stage::Working, "", "what?", &silent, Transient, Code::ServerRefused, None),
        ] {
            let code = Some(code.to_owned()).filter(|code| !code.is_empty());
            let failure = refused(stage, &Refusal { code, text: text.into() }, capabilities);
            let got =
                (failure.nature, failure.scope, failure.code, failure.retry_after.map(|it| it.num_seconds()));
            let expected = (nature, Scope::Mailbox, expected, wait);
            wrong.extend((got != expected).then(|| format!("{text}: {got:?}, expected {expected:?}")));
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
        let refusal = Refusal { code: None, text: "too many connections".into() };
        let greeting = refused(Stage::Greeting, &refusal, &silent);
        assert_eq!((greeting.scope, greeting.code), (Scope::Profile, Code::Throttled));
    }
}
