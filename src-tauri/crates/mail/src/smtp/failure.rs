//! What an SMTP server says, as failures; the reason stands beside each mapping.
//!
//! Nature decides what happens next: transient is tried again, permanent is given up. It follows the code's class
//! (4xx, 5xx), except where the comments say why not.

use super::reply::Reply;
use crate::{
    patience,
    wording::{self, Place},
};
use tandem_domain::failure::{Failure, FailureCode, Nature, Scope};

/// What was being done when the server refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its first line, and EHLO.
    Greeting,
    /// AUTH.
    Login,
    /// MAIL.
    Sender,
    /// RCPT.
    Recipient,
    /// DATA and what follows it.
    Message,
}

/// A 4xx or 5xx reply, as a failure.
pub(super) fn refused(stage: Stage, reply: &Reply) -> Failure {
    let nature = if reply.is_transient() { Nature::Transient } else { Nature::Permanent };
    let scope = match stage {
        Stage::Greeting => Scope::Profile,
        // The envelope sender is the mailbox's own address: every message of the mailbox meets the same.
        Stage::Login | Stage::Sender => Scope::Mailbox,
        Stage::Recipient | Stage::Message => Scope::Item,
    };
    let known = match stage {
        // Before a login it is this computer's address that is meant, and so every mailbox.
        Stage::Greeting => in_words(stage, reply)
            .or_else(|| anywhere(reply).map(|(nature, _, code)| (nature, Scope::Profile, code))),
        _ => anywhere(reply).or_else(|| in_words(stage, reply)),
    };
    let (nature, scope, code) = known.unwrap_or_else(|| {
        let code = match stage {
            // 554 instead of a greeting: no service for us (RFC 5321 section 3.1), often a blocked address.
            Stage::Greeting => greeting(reply),
            Stage::Login => return login(reply, nature),
            Stage::Sender => sender(reply),
            Stage::Recipient => return recipient(reply, nature),
            Stage::Message => message(reply),
        };
        (nature, scope, code)
    });
    patience::heeded(Failure::new(nature, scope, code, reply.to_string()))
}

/// What the words say more precisely than the code. A 4xx stays a matter of time, whatever it says.
fn in_words(stage: Stage, reply: &Reply) -> Option<(Nature, Scope, FailureCode)> {
    let place = match stage {
        Stage::Greeting => Place::Greeting,
        Stage::Login => Place::Login,
        Stage::Sender => Place::Sender,
        Stage::Recipient => Place::Recipient,
        Stage::Message => Place::Message,
    };
    let found = wording::meaning(place, &reply.to_string())?;
    let needs_person = matches!(found.code, FailureCode::PasswordExpired);
    let nature = if reply.is_transient() && !needs_person { Nature::Transient } else { found.nature };
    Some((nature, found.scope, found.code))
}

fn greeting(reply: &Reply) -> FailureCode {
    match (reply.code, reply.status()) {
        // RFC 5321 section 3.1, and a policy status: it does not talk to our address.
        (554, None | Some((7, _))) | (550, Some((7, _))) => FailureCode::SenderBlocked,
        _ => FailureCode::ServerUnavailable,
    }
}

/// What means the same at every stage.
fn anywhere(reply: &Reply) -> Option<(Nature, Scope, FailureCode)> {
    use FailureCode::{
        AuthenticationUnsupported, EncryptionRequired, LoginRequired, QuotaExceeded, SendAsDenied,
        ServerUnavailable, Throttled,
    };
    let found = match (reply.code, reply.status()) {
        // Exchange Online has switched passwords off: no other password helps, and every mailbox meets it.
        (_, Some((7, 30))) => (Nature::Permanent, Scope::Profile, AuthenticationUnsupported),
        // Google's 5.4.5 and Microsoft's 5.1.90 speak of today's quota: 5xx, and yet it passes.
        (550..=554, Some((4, 5) | (1, 90))) => (Nature::Transient, Scope::Mailbox, QuotaExceeded),
        // Exchange Online's limits on one mailbox: 432 4.3.2 concurrent connections; Google's 4.7.28 rate.
        (432, Some((3, 2))) | (_, Some((7, 28))) => (Nature::Transient, Scope::Mailbox, Throttled),
        // 421 with a policy status is about how much we ask; any other is about the server (RFC 5321 section 3.8).
        (421, Some((7, _))) => (Nature::Transient, Scope::Mailbox, Throttled),
        (421, _) => (Nature::Transient, Scope::Profile, ServerUnavailable),
        // Its disk is full (RFC 3463, 3.1): nobody's message is taken.
        (452, Some((3, 1))) => (Nature::Transient, Scope::Profile, ServerUnavailable),
        // Encryption before anything else (RFC 3207 section 4).
        (530, Some((7, 0))) if says(reply, "starttls") => {
            (Nature::Permanent, Scope::Profile, EncryptionRequired)
        }
        // A login is demanded (RFC 4954 section 6); Exchange says 5.7.57 without 530 too.
        (530, _) | (_, Some((7, 57))) => (Nature::Permanent, Scope::Profile, LoginRequired),
        // Exchange: this account may not send as that address.
        (_, Some((7, 60) | (2, 252))) => (Nature::Permanent, Scope::Item, SendAsDenied),
        _ => return None,
    };
    Some(found)
}

/// Whether the reply has this word, which is in lower case.
fn says(reply: &Reply, word: &str) -> bool {
    reply.to_string().to_lowercase().contains(word)
}

fn login(reply: &Reply, nature: Nature) -> (Nature, Scope, FailureCode) {
    use FailureCode::{
        AppPasswordRequired, AuthenticationFailed, AuthenticationUnsupported, EncryptionRequired,
        PasswordExpired, ServerUnavailable, WebLoginRequired,
    };
    match (reply.code, reply.status()) {
        // Google's own use of the status for a weak mechanism: the account has two factors.
        (534, Some((7, 9))) if says(reply, "password") => {
            (Nature::Permanent, Scope::Mailbox, AppPasswordRequired)
        }
        // Google: the person must show first, in a browser, that it is them.
        (534, Some((7, 14))) => (Nature::Permanent, Scope::Mailbox, WebLoginRequired),
        (538, _) | (_, Some((7, 11))) => (Nature::Permanent, Scope::Profile, EncryptionRequired),
        // The mechanism: too weak, unknown, or only under encryption (RFC 4954 sections 4 and 6). The profile's settings.
        (504 | 534, _) | (_, Some((5, 4) | (7, 9))) => {
            (Nature::Permanent, Scope::Profile, AuthenticationUnsupported)
        }
        // 432 4.7.12: the password must be changed first, by a person, although the code is 4xx.
        (_, Some((7, 12))) => (Nature::Permanent, Scope::Mailbox, PasswordExpired),
        // 454 4.7.0: the server's directory is away, or too many attempts were made (the words tell).
        _ if nature == Nature::Transient => (nature, Scope::Mailbox, ServerUnavailable),
        // 535 5.7.8 and all others: the credentials.
        _ => (nature, Scope::Mailbox, AuthenticationFailed),
    }
}

fn sender(reply: &Reply) -> FailureCode {
    match (reply.code, reply.status()) {
        // SIZE= was over the limit (RFC 1870 section 6.1).
        (552, _) | (_, Some((3, 4) | (2, 3))) => FailureCode::MessageTooLargeForServer,
        // 4.7.x: policy for now, such as greylisting or a rate (451 4.7.500 "Server busy" of Exchange Online); 4.5.3 and
        // 4.2.1: more than it takes at once.
        (400..=499, Some((7, _) | (5, 3) | (2, 1))) => FailureCode::Throttled,
        (400..=499, _) => FailureCode::ServerUnavailable,
        // We said something in the wrong order or form (RFC 5321 section 4.2.2).
        (500 | 502 | 503, _) => FailureCode::ProtocolViolation,
        // 5.1.7, 5.1.8, 5.7.1, 5.7.60, 553: this address may not send, or does not belong to this login.
        _ => FailureCode::SenderRefused,
    }
}

/// One recipient; the others are not touched by it.
fn recipient(reply: &Reply, nature: Nature) -> (Nature, Scope, FailureCode) {
    let (nature, code) = match (reply.code, reply.status()) {
        // Too many recipients in one message: the rest goes in another. RFC 5321 section 4.5.3.1.10 has 552
        // without a status mean the same.
        (_, Some((5, 3))) | (552, None) => (Nature::Transient, FailureCode::TooManyRecipients),
        // A mailbox that gets too much at once (Google).
        (400..=499, Some((2, 1))) => (Nature::Transient, FailureCode::Throttled),
        // Policy for now: rates (451 4.7.500), and greylisting that does not say so.
        (400..=499, Some((7, _))) => (Nature::Transient, FailureCode::Greylisted),
        // Exchange: only some may write to this recipient.
        (500..=599, Some((7, 12 | 13) | (7, 124 | 133 | 134 | 135 | 136))) => {
            (nature, FailureCode::RecipientRestricted)
        }
        (_, Some((2, 2))) => (nature, FailureCode::RecipientMailboxFull),
        // No way to that domain: 4.4 none found, 4.6 loop, 4.1 no answer, 1.2 no such domain.
        (_, Some((4, _) | (1, 2))) => (nature, FailureCode::RoutingFailed),
        // 5.1.1 unknown, 5.1.2 no such domain, 5.2.1 disabled, 5.2.2 full, 5.7.1 relaying denied, 550, 553; and the
        // transient ones, such as 4.2.2 and 4.4.x.
        _ => (nature, FailureCode::RecipientsRefused),
    };
    (nature, Scope::Item, code)
}

fn message(reply: &Reply) -> FailureCode {
    match (reply.code, reply.status()) {
        // Larger than announced or than allowed: 5.3.4 system, 5.2.3 mailbox; 552 without a status.
        (552, None) | (_, Some((3, 4) | (2, 3))) => FailureCode::MessageTooLargeForServer,
        (_, Some((2, 2))) => FailureCode::RecipientMailboxFull,
        // Some servers name nobody before they have the message.
        (500..=599, Some((1, 0 | 1 | 10))) => FailureCode::RecipientsRefused,
        (500..=599, Some((1, 7 | 8))) => FailureCode::SenderRefused,
        (500..=599, Some((4, _) | (1, 2))) => FailureCode::RoutingFailed,
        (_, Some((6, _))) => FailureCode::MessageMalformed,
        (400..=499, Some((7, _) | (2, 1))) => FailureCode::Throttled,
        (400..=499, _) => FailureCode::ServerUnavailable,
        // 5.6.x content, 5.7.x policy and spam, 554.
        _ => FailureCode::MessageRefused,
    }
}

/// The server has no login with a password.
pub(super) fn no_login(host: &str, offered: &[String]) -> Failure {
    let offered = if offered.is_empty() { "none".to_owned() } else { offered.join(", ") };
    let said = format!("{host}: the server offers no login with a password (its mechanisms: {offered})");
    Failure::permanent_profile(FailureCode::AuthenticationUnsupported, said)
}

/// The message is over the limit that the server announced. Nothing was sent.
pub(super) fn too_large(host: &str, bytes: u64, limit: u64) -> Failure {
    let said = format!("the message has {bytes} bytes; {host} takes at most {limit}");
    Failure::permanent_item(FailureCode::MessageTooLargeForServer, said)
}

/// An address that this server cannot be given.
pub(super) fn unsendable(code: FailureCode, address: &str, why: &str) -> Failure {
    Failure::permanent_item(code, format!("{address}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smtp::reply::Enhanced;

    fn reply(code: u16, status: Option<(u16, u16)>) -> Reply {
        let enhanced = status.map(|(subject, detail)| Enhanced { class: code / 100, subject, detail });
        Reply { code, enhanced, lines: vec!["said".into()] }
    }

    #[test]
    fn replies_are_mapped_by_stage_and_status() {
        let mut wrong = Vec::new();
        use FailureCode::*;
        use Nature::{Permanent, Transient};
        use Stage::*;
        for (stage, code, status, nature, scope, failure) in [
            (Greeting, 554, None, Permanent, Scope::Profile, SenderBlocked),
            (Greeting, 421, Some((3, 2)), Transient, Scope::Profile, ServerUnavailable),
            (Login, 535, Some((7, 8)), Permanent, Scope::Mailbox, AuthenticationFailed),
            (Login, 535, Some((7, 139)), Permanent, Scope::Mailbox, AuthenticationFailed),
            (Login, 454, Some((7, 0)), Transient, Scope::Mailbox, ServerUnavailable),
            (Login, 534, Some((7, 9)), Permanent, Scope::Profile, AuthenticationUnsupported),
            (Login, 432, Some((7, 12)), Permanent, Scope::Mailbox, PasswordExpired),
            (Sender, 530, Some((7, 0)), Permanent, Scope::Profile, LoginRequired),
            (Sender, 550, Some((7, 30)), Permanent, Scope::Profile, AuthenticationUnsupported),
            (Sender, 553, None, Permanent, Scope::Mailbox, SenderRefused),
            (Sender, 552, Some((3, 4)), Permanent, Scope::Mailbox, MessageTooLargeForServer),
            (Sender, 452, Some((3, 1)), Transient, Scope::Profile, ServerUnavailable),
            (Recipient, 550, Some((1, 1)), Permanent, Scope::Item, RecipientsRefused),
            (Recipient, 552, Some((2, 2)), Permanent, Scope::Item, RecipientMailboxFull),
            (Recipient, 552, None, Transient, Scope::Item, TooManyRecipients),
            (Recipient, 452, Some((5, 3)), Transient, Scope::Item, TooManyRecipients),
            (Recipient, 450, Some((2, 1)), Transient, Scope::Item, Throttled),
            (Recipient, 450, None, Transient, Scope::Item, RecipientsRefused),
            (Message, 554, Some((7, 1)), Permanent, Scope::Item, MessageRefused),
            (Message, 552, Some((3, 4)), Permanent, Scope::Item, MessageTooLargeForServer),
            (Message, 451, Some((7, 1)), Transient, Scope::Item, Throttled),
            (Message, 550, Some((4, 5)), Transient, Scope::Mailbox, QuotaExceeded),
            (Greeting, 421, Some((7, 0)), Transient, Scope::Profile, Throttled),
            (Sender, 450, Some((7, 1)), Transient, Scope::Mailbox, Throttled),
            (Sender, 451, Some((7, 500)), Transient, Scope::Mailbox, Throttled),
            (Sender, 452, Some((5, 3)), Transient, Scope::Mailbox, Throttled),
            (Sender, 452, None, Transient, Scope::Mailbox, ServerUnavailable),
            (Sender, 432, Some((3, 2)), Transient, Scope::Mailbox, Throttled),
            (Recipient, 451, Some((7, 1)), Transient, Scope::Item, Greylisted),
        ] {
            let got = refused(stage, &reply(code, status));
            let (got, expected) = ((got.nature, got.scope, got.code), (nature, scope, failure));
            let what = || format!("{stage:?} {code} {status:?}: {got:?}, expected {expected:?}");
            wrong.extend((got != expected).then(what));
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn a_server_that_names_a_time_is_heeded() {
        let mut wrong = Vec::new();
        for (stage, code, status, words, expected, seconds) in [
            (
                Stage::Recipient,
                450,
                (7, 1),
                "Greylisted, come back in 5 minutes",
                FailureCode::Greylisted,
                Some(300),
            ),
            (
                Stage::Greeting,
                421,
                (3, 2),
                "Too busy, retry after 90 seconds",
                FailureCode::ServerUnavailable,
                Some(90),
            ),
            (
                Stage::Login,
                454,
                (7, 0),
                "Too many login attempts, please try again later",
                FailureCode::TooManyLogins,
                None,
            ),
            (Stage::Message, 451, (3, 0), "timeout after 300 seconds", FailureCode::ServerUnavailable, None),
            (Stage::Message, 554, (7, 1), "spam, try again in 5 minutes", FailureCode::MessageRefused, None),
        ] {
            let failure = refused(stage, &Reply { lines: vec![words.into()], ..reply(code, Some(status)) });
            let got = (failure.code, failure.retry_after.map(|wait| wait.num_seconds()));
            let expected = (expected, seconds);
            wrong.extend((got != expected).then(|| format!("{words}: {got:?}, expected {expected:?}")));
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
