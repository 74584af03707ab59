//! What a POP3 server says, as failures; the reason stands beside each mapping.

use super::{capabilities::Capabilities, connection::Refusal};
use crate::wording::{self, Place};
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
