//! What servers mean by words where their codes do not say it: one row per meaning, in the words of real servers.
//!
//! Codes come first; a row here only makes them more precise. Each phrase is in a server's or provider's own text
//! (`tests/corpus/errors` has the texts), long enough not to be met by chance.

use tandem_domain::failure::{
    FailureCode::{self, *},
    Nature::{self, Permanent, Transient},
    Scope,
};

/// What was being done when the words were said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The first line, or the hello.
    Greeting,
    /// Logging in.
    Login,
    /// Opening or reading a mailbox.
    Mailbox,
    /// SMTP: naming the sender.
    Sender,
    /// SMTP: naming a recipient.
    Recipient,
    /// SMTP: handing over the message.
    Message,
}

/// What words mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Meaning {
    pub(crate) nature: Nature,
    pub(crate) scope: Scope,
    pub(crate) code: FailureCode,
}

/// Where a row holds.
type Places = &'static [Place];

const GREETING: Places = &[Place::Greeting];
const LOGIN: Places = &[Place::Login];
/// Some servers refuse the login only when the mail is handed over.
const LOGIN_OR_LATER: Places = &[Place::Login, Place::Sender, Place::Recipient, Place::Message];
const MAILBOX: Places = &[Place::Login, Place::Mailbox];
const SMTP: Places = &[Place::Greeting, Place::Sender, Place::Recipient, Place::Message];
const SENDING: Places = &[Place::Sender, Place::Recipient, Place::Message];
const TO: Places = &[Place::Recipient, Place::Message];
const CONTENT: Places = &[Place::Message];

/// The rows, the more precise ones first. Phrases are in lower case; one of a row's phrases is enough.
const ROWS: &[(Places, FailureCode, Nature, &[&str])] = &[
    // --- Logging in ---
    (
        LOGIN,
        AppPasswordRequired,
        Permanent,
        &["application-specific password", "app password", "app-specific password", "third-party app"],
    ),
    (
        LOGIN,
        WebLoginRequired,
        Permanent,
        &[
            "log in via your web browser",
            "log in with your web browser",
            "web login required",
            "sign in via your web browser",
            "please sign in using a web browser",
            "continuesignin",
            "confirm your identity",
        ],
    ),
    (
        LOGIN,
        PasswordExpired,
        Permanent,
        &[
            "password has expired",
            "password expired",
            "password is expired",
            "must change your password",
            "password must be changed",
            "password transition",
        ],
    ),
    (
        LOGIN_OR_LATER,
        ProtocolDisabled,
        Permanent,
        &[
            "smtpclientauthentication is disabled",
            "not enabled for imap",
            "not enabled for pop",
            "imap access is disabled",
            "imap is disabled",
            "pop access is disabled",
            "pop is disabled",
            "pop3 is disabled",
            "access is not allowed for this protocol",
            "connected but not enabled",
            "imap4 is disabled",
        ],
    ),
    (
        LOGIN,
        TooManyLogins,
        Transient,
        &[
            "too many login attempts",
            "too many failed",
            "too many bad auth",
            "too many invalid",
            "maximum number of login",
            "too many authentication failures",
            "number of login attempts",
        ],
    ),
    (
        LOGIN,
        AccountDisabled,
        Permanent,
        &[
            "account is locked",
            "account locked",
            "account has been locked",
            "account is disabled",
            "account disabled",
            "account has been disabled",
            "account suspended",
            "account is suspended",
            "account has been suspended",
            "account is blocked",
            "account is not active",
            "account is inactive",
            "user is disabled",
            "user is locked",
            "user disabled",
            "mailbox is disabled",
        ],
    ),
    (
        LOGIN_OR_LATER,
        AuthenticationUnsupported,
        Permanent,
        &["basic authentication is disabled", "basic authentication is not supported", "basicauthblocked"],
    ),
    (
        LOGIN_OR_LATER,
        EncryptionRequired,
        Permanent,
        &[
            "must issue a starttls",
            "starttls first",
            "encryption required for requested authentication",
            "plaintext authentication disallowed",
            "plaintext authentication not allowed",
            "cleartext authentication",
            "requires ssl",
            "secure connection required",
            "tls required",
            "must use tls",
        ],
    ),
    // --- The mailbox ---
    (
        MAILBOX,
        Throttled,
        Transient,
        &[
            "too many simultaneous",
            "maximum number of connections",
            "too many connections",
            "bandwidth limits",
            "rate limit",
            "request is throttled",
            "server busy",
            "connection limit",
            "exceeded the login limit",
            "login allowed only every",
        ],
    ),
    (
        MAILBOX,
        MailboxInUse,
        Transient,
        &[
            "is locked by another",
            "maildrop already locked",
            "mailbox in use",
            "mailbox is in use",
            "unable to lock maildrop",
            "lock busy",
            "already in use",
        ],
    ),
    (
        MAILBOX,
        MailboxFull,
        Transient,
        &["quota exceeded", "over quota", "mailbox is full", "no space left", "insufficient storage"],
    ),
    (MAILBOX, MailboxAccessDenied, Permanent, &["permission denied", "access denied", "not permitted"]),
    (
        MAILBOX,
        MailboxNotFound,
        Permanent,
        &[
            "mailbox doesn't exist",
            "mailbox does not exist",
            "unknown mailbox",
            "no such mailbox",
            "folder doesn't exist",
        ],
    ),
    (
        MAILBOX,
        ServerUnavailable,
        Transient,
        &[
            "temporary authentication failure",
            "server unavailable",
            "service unavailable",
            "temporarily not available",
            "temporary system problem",
            "system error",
            "internal error occurred",
            "temporary problem",
            "try again later",
            "temporarily unavailable",
            "authentication server",
            "internal authentication error",
        ],
    ),
    // --- Who sends ---
    (
        SENDING,
        QuotaExceeded,
        Transient,
        &[
            "submissionquotaexceeded",
            "submission quota",
            "sending limit exceeded",
            "daily limit for message recipients",
        ],
    ),
    (
        SENDING,
        SendAsDenied,
        Permanent,
        &[
            "sendasdenied",
            "permissions to send as",
            "not owned by user",
            "not owned by you",
            "not allowed to send as",
            "not authorized to send on behalf",
            "sender address is not allowed",
            "sender address does not match",
            "not authorized to use this sender",
            "does not belong to this account",
            "sender verify failed for authenticated",
        ],
    ),
    (
        SMTP,
        SenderBlocked,
        Permanent,
        &[
            "blocked using",
            "listed in",
            "listed by",
            "spamhaus",
            "blacklist",
            "block list",
            "blocklist",
            "banned sending ip",
            "poor reputation",
            "bad reputation",
            "low reputation",
            "[tss04]",
            "temporarily deferred due to unexpected volume or user complaints",
            "not accepted for policy reasons",
            "ip address has been temporarily blocked",
            "unusual rate of unsolicited",
        ],
    ),
    (
        SMTP,
        SenderUnauthenticated,
        Permanent,
        &[
            "dmarc",
            "spf check failed",
            "spf fail",
            "spf validation",
            "sender policy framework",
            "dkim",
            "unauthenticated email",
            "email is unauthenticated",
            "required authentication level",
            "sender is unauthenticated",
        ],
    ),
    // --- To whom ---
    (SENDING, Greylisted, Transient, &["greylist", "graylist", "grey listed", "gray-list"]),
    (
        TO,
        RecipientMailboxFull,
        Permanent,
        &[
            "mailbox full",
            "mailbox is full",
            "over quota",
            "quota exceeded",
            "out of storage space",
            "over its quota",
            "exceeded storage allocation",
            "mailboxfull",
        ],
    ),
    (
        TO,
        RecipientRestricted,
        Permanent,
        &[
            "recipnotfound.restricted",
            "resolver.rst.",
            "rst.notauthorized",
            "rst.authrequired",
            "not in allowed-senders list",
            "not allowed to send to this",
            "only accepts mail from",
            "sender not allowed by recipient",
            "members only",
        ],
    ),
    (
        TO,
        RelayDenied,
        Permanent,
        &[
            "relay access denied",
            "relaying denied",
            "relay not permitted",
            "unable to relay",
            "relay denied",
            "relay is not allowed",
            "we do not relay",
            "relaying not allowed",
            "not permitted to relay",
        ],
    ),
    (
        TO,
        RoutingFailed,
        Permanent,
        &[
            "too many hops",
            "hop count exceeded",
            "loop detected",
            "mail loop",
            "loops back to myself",
            "domain not found",
            "host or domain name not found",
            "unrouteable",
            "unroutable",
            "no mx",
        ],
    ),
    (
        SENDING,
        LoginRequired,
        Permanent,
        &[
            "authentication required",
            "client was not authenticated",
            "client not authenticated",
            "smtp auth is required",
            "must be authenticated",
            "must authenticate",
            "authentication is required",
            "not logged in",
        ],
    ),
    // --- What is sent ---
    (
        CONTENT,
        ContentBlocked,
        Permanent,
        &[
            "potential security issue",
            "virus",
            "malware",
            "attachment type",
            "attachments are not allowed",
            "prohibited attachment",
            "blocked attachment",
            "banned file",
            "executable",
            "infected",
        ],
    ),
    (
        CONTENT,
        SpamSuspected,
        Permanent,
        &[
            "spam message rejected",
            "message considered spam",
            "considered unsolicited",
            "likely unsolicited",
            "suspected spam",
            "spam content",
            "spamassassin",
            "classified as spam",
            "identified as spam",
            "high spam",
            "message rejected as spam",
            "detected as spam",
            "spam detected",
            "spam score",
            "looks like spam",
        ],
    ),
    (
        CONTENT,
        MessageMalformed,
        Permanent,
        &[
            "bare lf",
            "bare cr",
            "lone cr or lf",
            "not compliant with rfc",
            "no valid from",
            "missing from",
            "duplicate header",
            "headers are not",
            "syntactically invalid",
            "message content is not",
            "missing 'from'",
            "rfc 5322",
            "rfc 2822",
            "header syntax",
            "line too long",
            "lines longer",
        ],
    ),
    (
        CONTENT,
        MessageTooLargeForServer,
        Permanent,
        &[
            "message size exceeds",
            "message too large",
            "message too big",
            "exceeds size limit",
            "exceeds fixed maximum message size",
            "message file too big",
        ],
    ),
    // --- The server ---
    (
        GREETING,
        Throttled,
        Transient,
        &[
            "too many connections",
            "too many concurrent",
            "too much load",
            "connection rate",
            "rate limit",
            "too many simultaneous",
        ],
    ),
];

/// What these words mean at that place, if they are known.
pub(crate) fn meaning(place: Place, said: &str) -> Option<Meaning> {
    let said = said.to_lowercase();
    let (_, code, nature, _) = ROWS.iter().find(|(places, _, _, phrases)| {
        places.contains(&place) && phrases.iter().any(|phrase| said.contains(phrase))
    })?;
    Some(Meaning { nature: *nature, scope: scope(*code, place), code: *code })
}

/// How far it reaches: the profile's settings and its server are everybody's, an envelope is one message's.
const fn scope(code: FailureCode, place: Place) -> Scope {
    match (code, place) {
        (EncryptionRequired | LoginRequired | AuthenticationUnsupported, _) | (_, Place::Greeting) => {
            Scope::Profile
        }
        (ProtocolDisabled | QuotaExceeded, _) | (_, Place::Login | Place::Mailbox | Place::Sender) => {
            Scope::Mailbox
        }
        (_, Place::Recipient | Place::Message) => Scope::Item,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_words_mean_different_things_at_different_places() {
        let full = |place| meaning(place, "552 5.2.2 Quota exceeded").map(|found| found.code);
        assert_eq!(full(Place::Mailbox), Some(MailboxFull));
        assert_eq!(full(Place::Recipient), Some(RecipientMailboxFull));
        assert_eq!(full(Place::Greeting), None);
    }

    #[test]
    fn phrases_are_in_lower_case_and_long_enough_to_mean_something() {
        for (places, code, _, phrases) in ROWS {
            assert!(!places.is_empty());
            for phrase in *phrases {
                assert!(phrase.len() >= 4 && *phrase == phrase.to_lowercase(), "{code}: {phrase}");
            }
        }
    }
}
