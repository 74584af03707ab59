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
        FailureCode::ConnectionBlocked => text(
            "A firewall or security program of this computer does not let Tandem connect to the server of {object}.",
            "Allow Tandem to make connections in the firewall or security program of this computer; whoever looks after the computer can do it.",
            AGAIN,
        ),
        FailureCode::ResourcesExhausted => text(
            "This computer has no more handles, ports or memory for a connection to the server of {object}.",
            "Close programs that are not needed. If it stays, restart the computer, or lower the maximum of concurrent connections in the profile.",
            AGAIN,
        ),
        // --- Protection ---
        FailureCode::CertificateRefused => text(
            "The certificate of the server of {object} cannot be trusted, so nothing was sent to it: nobody whom this computer trusts has issued it, or it is not meant for this.",
            "Ask whoever runs the server for a certificate of a known authority. If the server is your own, compare the fingerprint with it and trust this certificate, or put the CA file into the profile.",
            "",
        ),
        FailureCode::CertificateExpired => text(
            "The certificate of the server of {object} has expired or is not valid yet, so nothing was sent to it.",
            "Check the date and time of this computer. If they are right, ask whoever runs the server to renew the certificate; until then you can trust exactly this one by its fingerprint.",
            "",
        ),
        FailureCode::CertificateWrongName => text(
            "The certificate of the server of {object} is for another name, so nothing was sent to it. The server name in the profile is probably an alias or a number.",
            "Put one of the names in the certificate into the profile, if it is the right server; or ask whoever runs the server for a certificate with this name.",
            "",
        ),
        FailureCode::TlsPortMismatch => text(
            "The port of the server of {object} does not go with the security that is set: one side begins with TLS, the other does not.",
            "Check port and security in the profile: 995, 993 and 465 go with \"tls\"; 110, 143 and 587 with \"starttls\".",
            "",
        ),
        FailureCode::TlsTooOld => text(
            "The server of {object} offers no encryption that is still safe: Tandem needs TLS 1.2 or later with modern ciphers.",
            "Ask whoever runs the server to switch TLS 1.2 or 1.3 on.",
            "",
        ),
        FailureCode::ClientCertificateRequired => text(
            "The server of {object} asks for a certificate of this computer, which Tandem cannot give.",
            "Ask whoever runs the server for a port or rule that takes passwords without a client certificate.",
            "",
        ),
        FailureCode::ServerNameRefused => text(
            "The server of {object} does not answer to the server name in the profile.",
            "Put the server's own name into the profile; whoever runs the server knows it.",
            "",
        ),
        FailureCode::TlsFailed => text(
            "The server of {object} and Tandem could not set up an encrypted connection.",
            "Read the words below: a security program on this computer or in the network may change the traffic. Otherwise ask whoever runs the server to look at its TLS settings.",
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
        FailureCode::EncryptionRequired => text(
            "The server of {object} takes no password on an unencrypted connection.",
            "Set security to \"tls\" or \"starttls\" in the profile, with the port that goes with it.",
            "",
        ),
        FailureCode::LoginRequired => text(
            "The server of {object} lets nobody send who has not logged in, and the profile asks for no login.",
            "Let the profile log in: choose the user's or queue's credentials, or one account for all, in \"authenticate using\" of the profile.",
            "",
        ),
        // --- Logging in ---
        FailureCode::AuthenticationFailed => text(
            "The server refused the user name or password of {object}. The password was probably changed.",
            "Enter the current password (with some providers, an app password) for it, then run Test & Enable. It is not tried again before that, so that the account is not locked.",
            "",
        ),
        FailureCode::AppPasswordRequired => text(
            "The provider of {object} wants an app password here instead of the account's own password, because the account has two-step verification.",
            "Make an app password in the provider's account settings (security, app passwords), enter it for the mailbox, then run Test & Enable.",
            "",
        ),
        FailureCode::WebLoginRequired => text(
            "The provider of {object} did not let Tandem in, because it wants to see its person first.",
            "Sign in to the mailbox with a web browser and confirm that it was you; the address to go to is in the server's words below. Then run Test & Enable.",
            "",
        ),
        FailureCode::PasswordExpired => text(
            "The password of {object} has expired or must be changed before it works again.",
            "Change the password at the provider, enter the new one for the mailbox, then run Test & Enable.",
            "",
        ),
        FailureCode::AccountDisabled => text(
            "The account of {object} is locked, suspended or disabled at the server.",
            "Ask whoever runs the server to unlock or enable the account, then run Test & Enable.",
            "",
        ),
        FailureCode::ProtocolDisabled => text(
            "The server has IMAP, POP3 or SMTP switched off for {object}.",
            "Switch that protocol on in the mailbox's settings at the provider, or ask its administrator to; then run Test & Enable.",
            "",
        ),
        FailureCode::TooManyLogins => text(
            "The server refuses logins of {object} for a while, because too many were made or failed.",
            "Wait; if it comes back, look for another program that still uses an old password for this mailbox.",
            AGAIN,
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
        FailureCode::VaultWrongPassphrase => text(
            "The password of {object} could not be read, because the passphrase does not open the vault. It is still in there.",
            "Start Tandem with the right passphrase of the vault; check the keyboard layout and Caps Lock. No password needs to be typed again.",
            AGAIN,
        ),
        FailureCode::SecretsDamaged => text(
            "The password of {object} could not be read, because the file with Tandem's passwords is damaged. Tandem has not changed it.",
            "Put the file named below back from a backup. Without one, move it away and enter the passwords again.",
            AGAIN,
        ),
        FailureCode::SecretStoreFailed => text(
            "The password of {object} could not be read, because the keychain or vault failed.",
            "Read its words below; check that the disk has room and that you may use the keychain. Sign out of this computer and in again if it stays.",
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
        FailureCode::MailboxAccessDenied => text(
            "The account that Tandem logs in with may not open the mailbox {object}.",
            "Ask whoever runs the server to give the account the right to read the mailbox, then run Test & Enable.",
            "",
        ),
        FailureCode::MailboxFull => text(
            "The mailbox {object} is full at the server, so that mail to it is probably turned away.",
            "Delete or archive messages in the mailbox, or ask whoever runs the server for more space.",
            AGAIN,
        ),
        FailureCode::MailboxDamaged => text(
            "The server says that its own copy of the mailbox {object} is damaged.",
            "Ask whoever runs the server to repair the mailbox or its index.",
            AGAIN,
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
        FailureCode::ServerRefused => text(
            "The server refused what Tandem asked for {object}, for a reason that Tandem does not know.",
            "Read the server's words below. If they mean nothing to you, send them to whoever runs the server.",
            AGAIN,
        ),
        FailureCode::WrongProtocol => text(
            "Another kind of server answers on the port in the profile of {object}.",
            "Correct server name, port or server type in the profile: POP3 995, IMAP 993, SMTP 465 or 587.",
            "",
        ),
        FailureCode::ProtocolViolation => text(
            "What the server of {object} answered is not its protocol. A security program probably changes the traffic, or the server is faulty.",
            "Nothing needs to be done if it passes. If it stays, check whether an antivirus or proxy on this computer reads mail traffic, and check server and port in the profile.",
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
        FailureCode::MessageTooLargeForServer => text(
            "{object} is larger than the outgoing server, or a recipient's server, takes.",
            "Make the attachments smaller, or share them by a link; then send it again. Whoever runs the server can raise its limit.",
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
        FailureCode::SendAsDenied => text(
            "The account of {object} may not send as the address in From.",
            "Ask whoever runs the server to give the account the right to send as that address, or send from the account's own mailbox. Then send it again.",
            "",
        ),
        FailureCode::SenderUnauthenticated => text(
            "The message {object} was refused, because the sender's domain does not vouch for the server that sent it (SPF, DKIM or DMARC).",
            "Ask whoever runs the sender's domain to add the outgoing server to its SPF record and to sign with DKIM; then send it again.",
            "",
        ),
        FailureCode::SenderBlocked => text(
            "{object} was refused, because the address it was sent from is on a block list or has a bad name.",
            "Send through your provider's own outgoing server, or ask whoever runs the outgoing server to have its address taken off the list named below; then send it again.",
            "",
        ),
        FailureCode::RelayDenied => text(
            "The outgoing server does not pass {object} on to other domains.",
            "Check in the profile that this is your provider's outgoing server and that it logs in; then send the email again. A relay of your own must allow this computer.",
            "",
        ),
        FailureCode::RecipientsRefused => text(
            "The server refused every recipient of {object}. The addresses are probably misspelled or no longer exist.",
            "Correct the recipients, then send the email again.",
            "",
        ),
        FailureCode::RecipientMailboxFull => text(
            "A recipient's mailbox is full, so {object} was not taken.",
            "Tell the recipient another way, and send the email again when there is room.",
            AGAIN,
        ),
        FailureCode::RecipientRestricted => text(
            "A recipient of {object} takes mail only from certain senders.",
            "Ask the recipient's administrator to allow your address, or write to another address.",
            "",
        ),
        FailureCode::TooManyRecipients => text(
            "{object} has more recipients than the server takes at once.",
            "Nothing needs to be done: the rest goes in another round. If it is refused for good, send it to fewer people at a time.",
            AGAIN,
        ),
        FailureCode::RoutingFailed => text(
            "There is no way to the domain of a recipient of {object}: it does not exist, takes no mail, or sends it in a circle.",
            "Check the part behind the @ of the recipients. If it is right, ask whoever runs that domain.",
            AGAIN,
        ),
        FailureCode::Greylisted => text(
            "A recipient's server asks {object} to wait, as it does with senders it does not know yet.",
            "Nothing needs to be done: it usually goes out within half an hour.",
            AGAIN,
        ),
        FailureCode::MessageRefused => text(
            "The server refused the message {object} and gave a reason that Tandem does not know.",
            "Read the server's words below, change the message or its recipients, then send it again.",
            "",
        ),
        FailureCode::SpamSuspected => text(
            "The server takes the message {object} for spam.",
            "Write it anew with fewer links and pictures, or ask the recipient to allow your address; then send it again.",
            "",
        ),
        FailureCode::ContentBlocked => text(
            "The server refused the message {object} because of an attachment or link that it forbids or takes for dangerous.",
            "Leave the attachment or link out, or share the file another way; then send it again.",
            "",
        ),
        FailureCode::MessageMalformed => text(
            "The server refused the form of the message {object}.",
            "Write it anew as a new email. If that is refused too, send the words below to Tandem's support.",
            "",
        ),
        FailureCode::QuotaExceeded => text(
            "{object} has used up what its server lets it send in a period.",
            "Wait until the period ends, usually a day; whoever runs the server can raise the quota.",
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
        FailureCode::DiskReadOnly => text(
            "The disk with Tandem's data can only be read, so {object} could not go on. Nothing is lost: what was not kept is still on the server.",
            "Make the disk writable again: it may be full of errors, locked by a switch, or mounted for reading only.",
            AGAIN,
        ),
        FailureCode::DiskAccessDenied => text(
            "This computer does not let Tandem use its data folder, so {object} could not go on. Nothing is lost.",
            "Give this user the right to read and write Tandem's data folder and the temporary folder; a security program may have to allow it.",
            AGAIN,
        ),
        FailureCode::DiskFailed => text(
            "The disk with Tandem's data failed to read or write while working for {object}.",
            "Check the disk and its cable or network share, and make a backup of what can still be read.",
            AGAIN,
        ),
        FailureCode::DatabaseDamaged => text(
            "Tandem's database on this computer is damaged, so {object} could not go on. Tandem changes nothing in it.",
            "Close Tandem and put the database back from a backup. Mail that is missing in it is fetched again from the servers.",
            "",
        ),
        FailureCode::DatabaseBusy => text(
            "Another program held Tandem's database for too long while working for {object}.",
            "Nothing needs to be done if it passes. If it stays, close what else uses Tandem's data folder: a backup, a virus scanner, or a database viewer.",
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
