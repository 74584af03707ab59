//! The one place that decides what a person reads for each failure code.

use tandem_domain::failure::FailureCode;

/// What a person reads. `{object}` stands for the name of what it happened to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text {
    /// What happened and its likely cause.
    pub(crate) message: &'static str,
    /// The next step and who can do it.
    pub(crate) remedy: &'static str,
    /// What is added where Tandem tries again by itself: a cycle, and not a test.
    pub(crate) again: &'static str,
}

/// What a cycle does after a failure that may pass.
const AGAIN: &str = " Tandem tries again by itself.";

const fn text(message: &'static str, remedy: &'static str, again: &'static str) -> Text {
    Text { message, remedy, again }
}

/// The text of a failure.
pub(crate) const fn of(code: FailureCode) -> Text {
    match code {
        // --- Reaching the server ---
        FailureCode::DnsNotFound => text(
            "The server name in the profile of {object} does not exist. It is probably misspelled.",
            "Correct the server name in the profile.",
            AGAIN,
        ),
        FailureCode::DnsUnavailable => text(
            "The server name of {object} could not be looked up: no name server answered. This computer is probably offline.",
            "Check this computer's network connection.",
            AGAIN,
        ),
        FailureCode::ConnectionRefused => text(
            "The server of {object} refused the connection: nothing listens on that port. The port is probably wrong, or the mail server is not running.",
            "Check the port in the profile (POP3 995, IMAP 993, SMTP 587 or 465); if it is right, ask whoever runs the server to start it.",
            AGAIN,
        ),
        FailureCode::NetworkUnreachable => text(
            "There is no way to the server of {object}: the network is down, or a firewall or VPN stands in between.",
            "Connect this computer to the network, or to the VPN that the server needs.",
            AGAIN,
        ),
        FailureCode::TimedOut => text(
            "The server of {object} did not answer in time. It is overloaded, or a firewall drops the connection silently.",
            "Nothing needs to be done if it passes. If it stays, check the server name and port, and ask whoever runs the network whether this computer may reach them.",
            AGAIN,
        ),
        FailureCode::ConnectionLost => text(
            "The connection to the server of {object} broke off in the middle. Nothing was lost: the work starts again where it stopped.",
            "Nothing needs to be done if it passes. If it stays, check this computer's network connection.",
            AGAIN,
        ),
        // --- Protection ---
        FailureCode::CertificateRefused => text(
            "The certificate of the server of {object} cannot be trusted, so nothing was sent to it: it expired, is for another name, or was issued by nobody this computer trusts.",
            "Ask whoever runs the server to renew or correct the certificate. If the server is your own and the certificate is known to be right, put its CA file or its SHA-256 fingerprint into the profile.",
            "",
        ),
        FailureCode::TlsFailed => text(
            "The server of {object} and Tandem could not agree on an encrypted connection. The port probably does not start with TLS.",
            "Check port and security in the profile: 995, 993 and 465 go with \"tls\"; 110, 143 and 587 with \"starttls\".",
            "",
        ),
        FailureCode::StartTlsMissing => text(
            "The server of {object} does not offer STARTTLS on that port, and Tandem does not send passwords unprotected.",
            "Use the server's TLS port (POP3 995, IMAP 993, SMTP 465) with security \"tls\" in the profile, or ask whoever runs the server to switch STARTTLS on.",
            "",
        ),
        FailureCode::PlainNotAllowed => text(
            "The profile of {object} asks for a connection without encryption, which this organization's settings do not allow.",
            "Set security to \"tls\" or \"starttls\" in the profile. If the server really offers neither, allow unencrypted connections in the settings.",
            "",
        ),
        FailureCode::CaFileUnusable => text(
            "The CA file in the profile of {object} cannot be read, or holds no certificate.",
            "Put a PEM file with the server's certificate authority at that path, or choose another one in the profile.",
            "",
        ),
        // --- Logging in ---
        FailureCode::AuthenticationFailed => text(
            "The server refused the user name or password of {object}. The password was probably changed, or the server asks for an app password.",
            "Enter the current password (or an app password) for it, then run Test & Enable. It is not tried again before that, so that the account is not locked.",
            "",
        ),
        FailureCode::AuthenticationUnsupported => text(
            "The server of {object} offers no way to log in that Tandem knows; it probably accepts OAuth only.",
            "Ask whoever runs the server to allow passwords (or app passwords) for this mailbox, then run Test & Enable.",
            "",
        ),
        FailureCode::PasswordMissing => text(
            "No password is stored for {object}.",
            "Enter its password in the mailbox, or in the profile when the profile's account is used, then run Test & Enable.",
            "",
        ),
        FailureCode::KeychainLocked => text(
            "The password of {object} could not be read, because the keychain or vault is locked. It is still in there.",
            "Unlock the keychain, or give the vault's passphrase; no password needs to be typed again.",
            AGAIN,
        ),
        FailureCode::KeychainAbsent => text(
            "The password of {object} could not be read, because no keychain can be reached on this computer.",
            "Start the keychain, or use a vault file (--secrets file) on a computer without a desktop. Stored passwords are not lost.",
            AGAIN,
        ),
        // --- The mailbox at the server ---
        FailureCode::MailboxInUse => text(
            "Another program has the mailbox {object} open, and POP3 allows one at a time.",
            "Nothing needs to be done if it passes. If it stays, close the other mail program, or set it to check less often.",
            AGAIN,
        ),
        FailureCode::MailboxNotFound => text(
            "The server knows no mailbox or inbox for {object}.",
            "Check the mailbox's user name; if it is right, ask whoever runs the server to create the mailbox. Then run Test & Enable.",
            "",
        ),
        FailureCode::Throttled => text(
            "The server asks {object} for patience: too many connections or requests in a short time.",
            "If it happens often, lower the profile's maximum of concurrent connections.",
            AGAIN,
        ),
        FailureCode::ServerUnavailable => text(
            "The server of {object} says that it is not available now, probably for maintenance.",
            "If it lasts, ask whoever runs the server.",
            AGAIN,
        ),
        FailureCode::ProtocolViolation => text(
            "What the server of {object} answered is not its protocol. The port probably belongs to another kind of server, or a security program changes the traffic.",
            "Check server type and port in the profile, and whether an antivirus or proxy on this computer reads mail traffic.",
            AGAIN,
        ),
        FailureCode::CapabilityMissing => text(
            "The server of {object} lacks a capability that is needed to tell messages apart safely.",
            "If the server offers IMAP, use a profile of type \"imap_smtp\"; otherwise ask whoever runs the server to switch the named capability on.",
            "",
        ),
        // --- One message ---
        FailureCode::MessageGone => text(
            "A message of {object} went away from the server before it could be fetched; another program probably deleted or moved it.",
            "Nothing can be done for it here: look for it in the other program. Later messages are not affected.",
            "",
        ),
        FailureCode::MessageUnavailable => text(
            "The server lists a message of {object} and does not give it; the rest of the mailbox goes on.",
            "Open the message in another mail program; if that fails, too, the server's administrator can mend or remove it.",
            "Tandem asks for it five times more, about every 15 minutes.",
        ),
        FailureCode::MessageTooLarge => text(
            "A message of {object} is larger than the limit in the settings and was left on the server.",
            "If it should be kept, raise the limit for messages in the settings.",
            "",
        ),
        FailureCode::MessageUnreadable => text(
            "A message of {object} is damaged and cannot be read. Its bytes are kept in quarantine; the rest of the mailbox goes on.",
            "Look at it in Quarantine. It can be tried again there, for instance after an update of Tandem.",
            "",
        ),
        FailureCode::SenderRefused => text(
            "The server does not let {object} send from its address.",
            "Ask whoever runs the server to allow this account to send from the mailbox's address, or correct the mailbox's user name. Then send the email again.",
            "",
        ),
        FailureCode::RecipientsRefused => text(
            "The server refused every recipient of {object}. The addresses are probably misspelled or no longer exist.",
            "Correct the recipients, then send the email again.",
            "",
        ),
        FailureCode::MessageRefused => text(
            "The server refused the message {object} because of its size, an attachment or its content.",
            "Read the server's words below, shorten or change the message, then send it again.",
            "",
        ),
        FailureCode::QuotaExceeded => text(
            "{object} has used up what its server lets it send or keep in a period.",
            "Wait until the period ends or make room in the mailbox; whoever runs the server can raise the quota.",
            AGAIN,
        ),
        FailureCode::DeliveryUnconfirmed => text(
            "The connection broke off right after {object} was handed over, before the server confirmed it: it may or may not have been sent. Tandem does not send it twice.",
            "Ask a recipient, or look into Sent at the server. Then mark it as sent, or send it again.",
            "",
        ),
        FailureCode::RoundTripMissing => text(
            "The test message that {object} sent to itself was accepted, but did not arrive in its inbox in time. The server may be slow, or a rule moves it.",
            "Look for it in the junk folder and in the mailbox's rules, then run Test & Enable again.",
            "",
        ),
        // --- Configuration ---
        FailureCode::NotApproved => text(
            "The address {object} is not approved for processing.",
            "An administrator approves the mailbox, then runs Test & Enable.",
            "",
        ),
        FailureCode::ProfileMissing => text(
            "{object} has no email server profile, or its profile is not active or lacks a server.",
            "Choose an active, complete profile for the mailbox, then run Test & Enable.",
            "",
        ),
        FailureCode::NotSupported => text(
            "This version of Tandem cannot do this for {object}: POP3 and IMAP carry email only, and other server types are not available yet.",
            "Set that delivery method to \"none\", or use a profile of type \"pop3_smtp\" or \"imap_smtp\".",
            "",
        ),
        // --- This computer ---
        FailureCode::DiskFull => text(
            "The disk with Tandem's data is full, so {object} could not go on. Nothing is lost: what was not kept is still on the server.",
            "Make room on that disk.",
            AGAIN,
        ),
        FailureCode::StoreFailed => text(
            "Tandem's database on this computer failed while working for {object}.",
            "Check that the disk works and that Tandem may write to its data folder, then start Tandem again. If it stays, send the words below to Tandem's support.",
            "",
        ),
        FailureCode::Stopped => text(
            "The work on {object} was stopped before it was done. Nothing is lost.",
            "Start the engine again: it goes on where it stopped.",
            "",
        ),
        FailureCode::Internal => text(
            "A fault in Tandem itself stopped the work on {object}.",
            "Send the words below to Tandem's support.",
            AGAIN,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_has_its_own_message_and_remedy() {
        let texts: Vec<_> = FailureCode::ALL.iter().map(|code| of(*code)).collect();
        let messages: BTreeSet<_> = texts.iter().map(|text| text.message).collect();
        let remedies: BTreeSet<_> = texts.iter().map(|text| text.remedy).collect();
        assert_eq!((messages.len(), remedies.len()), (texts.len(), texts.len()));
        for text in texts {
            assert!(text.message.contains("{object}"), "{}", text.message);
            assert!(text.remedy.len() > 20 && text.remedy.ends_with('.'), "{}", text.remedy);
            assert!(text.message.ends_with('.'), "{}", text.message);
        }
    }

    #[test]
    fn nobody_is_sent_to_an_administrator_without_a_task() {
        for code in FailureCode::ALL {
            let remedy = of(*code).remedy.to_lowercase();
            assert!(!remedy.contains("contact your administrator"), "{code}");
        }
    }
}
