//! Plans the envelope: which commands to send, and which recipients this server cannot be given.

use super::{body::EightBit, extensions::Extensions, failure};
use tandem_domain::{
    address::EmailAddress,
    failure::{Failure, FailureCode},
    outgoing::RefusedRecipient,
};
use tandem_engine::ports::mail::Submission;

const NEEDS_SMTPUTF8: &str =
    "it has letters outside ASCII before the @, which the server does not take (SMTPUTF8)";

/// The envelope's commands.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Envelope {
    pub(super) mail: String,
    /// Address as it was given, and its command.
    pub(super) recipients: Vec<(String, String)>,
    /// Those that need not be tried.
    pub(super) refused: Vec<RefusedRecipient>,
}

/// Plans it, or says why the message cannot go to this server at all.
pub(super) fn plan(
    host: &str,
    extensions: &Extensions,
    submission: &Submission,
    eight_bit: EightBit,
) -> Result<Envelope, Failure> {
    let bytes = submission.raw.len();
    if let Some(limit) = extensions.max_bytes.filter(|limit| bytes > *limit) {
        return Err(failure::too_large(host, bytes, limit));
    }
    if eight_bit.headers && !extensions.smtp_utf8 {
        let said = format!("its headers hold letters outside ASCII, which {host} does not take (SMTPUTF8)");
        return Err(Failure::permanent_item(FailureCode::MessageRefused, said));
    }
    if eight_bit.anything && !extensions.eight_bit_mime {
        // What the composer writes has no such bytes. On the way of others, such a server may cut off the eighth bit.
        let said = format!("it holds 8-bit bytes, which {host} does not take (8BITMIME)");
        return Err(Failure::permanent_item(FailureCode::MessageRefused, said));
    }
    let sender = submission.mail_from.as_str();
    let Some(mail_from) = path(sender, extensions) else {
        return Err(failure::unsendable(FailureCode::SenderRefused, sender, NEEDS_SMTPUTF8));
    };
    let mut recipients = Vec::with_capacity(submission.recipients.len());
    let mut refused = Vec::new();
    for address in &submission.recipients {
        match recipient(address, extensions) {
            Ok(path) => recipients.push((address.clone(), format!("RCPT TO:<{path}>\r\n"))),
            Err(failure) => refused.push(RefusedRecipient { address: address.clone(), failure }),
        }
    }
    let utf8 = eight_bit.headers
        || !mail_from.is_ascii()
        || recipients.iter().any(|(_, command)| !command.is_ascii());
    let mut mail = format!("MAIL FROM:<{mail_from}>");
    if extensions.size {
        mail.push_str(&format!(" SIZE={bytes}"));
    }
    if eight_bit.anything {
        mail.push_str(" BODY=8BITMIME");
    }
    if utf8 {
        mail.push_str(" SMTPUTF8");
    }
    mail.push_str("\r\n");
    Ok(Envelope { mail, recipients, refused })
}

fn recipient(address: &str, extensions: &Extensions) -> Result<String, Failure> {
    let unsendable = |why: &str| failure::unsendable(FailureCode::RecipientsRefused, address, why);
    // Checked again here, whoever asked: a line end in an address would be a command of its own.
    EmailAddress::parse(address).map_err(|not| unsendable(not.why))?;
    path(address.trim(), extensions).ok_or_else(|| unsendable(NEEDS_SMTPUTF8))
}

/// An address as the server can take it: unchanged, or with its domain in ASCII (RFC 5891).
fn path(address: &str, extensions: &Extensions) -> Option<String> {
    if address.is_ascii() {
        return Some(address.to_owned());
    }
    let (local, domain) = address.rsplit_once('@')?;
    if local.is_ascii() {
        return idna::domain_to_ascii(domain).ok().map(|domain| format!("{local}@{domain}"));
    }
    extensions.smtp_utf8.then(|| address.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tandem_engine::raw::RawMessage;

    fn submission(recipients: &[&str]) -> Submission {
        Submission {
            mail_from: EmailAddress::parse("amy@contoso.test").unwrap(),
            recipients: recipients.iter().map(ToString::to_string).collect(),
            raw: RawMessage::from(b"S: x\r\n\r\n".to_vec()),
        }
    }

    fn everything() -> Extensions {
        Extensions { eight_bit_mime: true, smtp_utf8: true, size: true, ..Extensions::default() }
    }

    #[test]
    fn parameters_are_only_given_where_needed() {
        let plain = plan("h", &everything(), &submission(&["bo@x.test"]), EightBit::default()).unwrap();
        assert_eq!(plain.mail, "MAIL FROM:<amy@contoso.test> SIZE=8\r\n");
        let eight_bit = EightBit { headers: false, anything: true };
        let international = plan("h", &everything(), &submission(&["b\u{f6}@x.test"]), eight_bit).unwrap();
        assert_eq!(international.mail, "MAIL FROM:<amy@contoso.test> SIZE=8 BODY=8BITMIME SMTPUTF8\r\n");
        let old =
            plan("h", &Extensions::default(), &submission(&["bo@x.test"]), EightBit::default()).unwrap();
        assert_eq!(old.mail, "MAIL FROM:<amy@contoso.test>\r\n");
    }

    #[test]
    fn eight_bit_bytes_go_only_where_they_are_taken() {
        for (eight_bit_mime, smtp_utf8, headers, missing) in [
            (true, true, true, None),
            (true, false, false, None),
            (true, false, true, Some("SMTPUTF8")),
            (false, true, true, Some("8BITMIME")),
            (false, false, false, Some("8BITMIME")),
        ] {
            let extensions = Extensions { eight_bit_mime, smtp_utf8, ..Extensions::default() };
            let eight_bit = EightBit { headers, anything: true };
            let planned = plan("mail.test", &extensions, &submission(&["bo@x.test"]), eight_bit);
            match (planned, missing) {
                (Ok(envelope), None) => assert!(envelope.mail.contains(" BODY=8BITMIME")),
                (Err(failure), Some(missing)) => {
                    assert_eq!(failure.code, FailureCode::MessageRefused);
                    assert!(
                        failure.server_said.contains(missing) && failure.server_said.contains("mail.test")
                    );
                }
                (planned, _) => panic!("{planned:?}"),
            }
        }
    }

    #[test]
    fn an_international_domain_needs_no_extension_but_a_local_part_does() {
        let recipients = ["bo@b\u{fc}cher.test", "b\u{f6}@x.test"];
        let planned =
            plan("h", &Extensions::default(), &submission(&recipients), EightBit::default()).unwrap();
        assert_eq!(planned.recipients[0].1, "RCPT TO:<bo@xn--bcher-kva.test>\r\n");
        assert_eq!(planned.refused[0].address, recipients[1]);
        assert!(planned.refused[0].failure.server_said.contains("SMTPUTF8"));
    }

    #[test]
    fn an_address_cannot_smuggle_in_a_command() {
        let planned =
            plan("h", &everything(), &submission(&["a@b>\r\nRCPT TO:<c@d"]), EightBit::default()).unwrap();
        assert!(planned.recipients.is_empty());
        assert_eq!(planned.refused.len(), 1);
    }

    #[test]
    fn a_message_over_the_limit_is_not_sent_and_both_sizes_are_named() {
        let extensions = Extensions { max_bytes: Some(7), ..everything() };
        let failure = plan("h", &extensions, &submission(&["a@b"]), EightBit::default()).unwrap_err();
        assert_eq!(failure.code, FailureCode::MessageTooLargeForServer);
        assert!(failure.server_said.contains("8 bytes") && failure.server_said.contains("at most 7"));
    }
}
