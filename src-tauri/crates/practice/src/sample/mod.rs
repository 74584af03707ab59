//! The practice organization's content as data: people, queues, and mail that shows the interesting cases.
//!
//! The same `now` gives the same content, byte for byte. Everything is marked: the domains end in `.practice`, and each message has
//! `X-Tandem-Practice: yes`.

mod compose;
mod conversations;
mod special;

use chrono::{DateTime, Utc};

/// The organization that uses Tandem.
pub const OUR_DOMAIN: &str = "contoso.practice";
/// The customers' organization.
pub const THEIR_DOMAIN: &str = "fabrikam.practice";
/// The header that marks practice mail, with its value.
pub const MARK: (&str, &str) = ("X-Tandem-Practice", "yes");

/// Who an address belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonKind {
    /// A user of Tandem.
    User,
    /// A queue of Tandem.
    Queue,
    /// Somebody outside the organization, known as a contact.
    Contact,
    /// Somebody outside who has no record.
    Stranger,
}

/// A person or queue with a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// What kind of owner the mailbox has.
    pub kind: PersonKind,
    /// Name for people.
    pub name: &'static str,
    /// Email address.
    pub address: &'static str,
}

/// A message that is already in mailboxes when the practice starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleMail {
    /// What the message shows, for people: `invitation`, `duplicate in two mailboxes`.
    pub shows: &'static str,
    /// Addresses of the mailboxes that it is in.
    pub mailboxes: Vec<&'static str>,
    /// When it arrived.
    pub received_at: DateTime<Utc>,
    /// The message.
    pub raw: Vec<u8>,
}

/// The whole content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Everybody who has a mailbox on the practice servers.
    pub people: Vec<Person>,
    /// The mail, oldest first.
    pub mail: Vec<SampleMail>,
}

const AMY: Person = Person { kind: PersonKind::User, name: "Amy Alberts", address: "amy@contoso.practice" };
const SPENCER: Person =
    Person { kind: PersonKind::User, name: "Spencer Low", address: "spencer@contoso.practice" };
const ALICIA: Person =
    Person { kind: PersonKind::User, name: "Alicia Thomber", address: "alicia@contoso.practice" };
const SUPPORT: Person =
    Person { kind: PersonKind::Queue, name: "Support", address: "support@contoso.practice" };
const BEN: Person =
    Person { kind: PersonKind::Contact, name: "Ben Burton", address: "ben@fabrikam.practice" };
const RENE: Person =
    Person { kind: PersonKind::Contact, name: "René Valdès", address: "rene@fabrikam.practice" };
const TANAKA: Person =
    Person { kind: PersonKind::Contact, name: "田中 葉子", address: "tanaka@fabrikam.practice" };
const NEWSLETTER: Person =
    Person { kind: PersonKind::Stranger, name: "Fabrikam News", address: "news@fabrikam.practice" };

impl Sample {
    /// The practice organization as it looks at `now`: mail of the last four weeks.
    #[must_use]
    pub fn organization(now: DateTime<Utc>) -> Self {
        let people = vec![AMY, SPENCER, ALICIA, SUPPORT, BEN, RENE, TANAKA, NEWSLETTER];
        let mut mail = conversations::mail(now);
        mail.extend(special::mail(now));
        mail.sort_by_key(|mail| mail.received_at);
        Self { people, mail }
    }

    /// People and queues of this kind.
    pub fn of_kind(&self, kind: PersonKind) -> impl Iterator<Item = &Person> {
        self.people.iter().filter(move |person| person.kind == kind)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use chrono::TimeZone as _;

    use super::*;

    fn sample() -> Sample {
        Sample::organization(Utc.with_ymd_and_hms(2026, 10, 5, 9, 30, 0).single().expect("valid"))
    }

    fn header(mail: &SampleMail, name: &str) -> Option<String> {
        let text = String::from_utf8_lossy(&mail.raw).into_owned();
        let (header, _) = text.split_once("\r\n\r\n")?;
        let header = header.replace("\r\n ", " ");
        header.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")).map(str::to_owned))
    }

    #[test]
    fn the_same_now_gives_the_same_content() {
        assert_eq!(sample(), sample());
        assert!(sample().mail.len() >= 40, "{}", sample().mail.len());
    }

    #[test]
    fn every_message_is_marked_dated_and_in_known_mailboxes() {
        let sample = sample();
        let known: BTreeSet<_> = sample.people.iter().map(|person| person.address).collect();
        for mail in &sample.mail {
            assert_eq!(header(mail, MARK.0).as_deref(), Some(MARK.1), "{}", mail.shows);
            assert!(header(mail, "Date").is_some() && header(mail, "From").is_some(), "{}", mail.shows);
            assert!(
                !mail.mailboxes.is_empty() && mail.mailboxes.iter().all(|address| known.contains(address))
            );
            let text = String::from_utf8_lossy(&mail.raw).replace("\r\n", "");
            assert!(!text.contains('\n') && !text.contains('\r'), "{} has bare line ends", mail.shows);
            assert!(
                mail.raw.split(|byte| *byte == b'\n').all(|line| line.len() < 998),
                "{} has a long line",
                mail.shows
            );
        }
    }

    #[test]
    fn each_reply_answers_a_message_that_is_there_or_was_sent() {
        let sample = sample();
        let ids: Vec<_> = sample.mail.iter().filter_map(|mail| header(mail, "Message-ID")).collect();
        let unique: BTreeSet<_> = ids.iter().collect();
        assert_eq!(unique.len(), ids.len(), "a message in two mailboxes is listed once");
        let replies: Vec<_> = sample.mail.iter().filter_map(|mail| header(mail, "In-Reply-To")).collect();
        assert!(replies.iter().filter(|id| unique.contains(id)).count() >= 5, "{replies:?}");
    }

    #[test]
    fn the_interesting_cases_are_there() {
        let sample = sample();
        let has = |bytes: &str| {
            sample.mail.iter().any(|mail| memchr::memmem::find(&mail.raw, bytes.as_bytes()).is_some())
        };
        for part in [
            "ISO-2022-JP",
            "text/calendar",
            "multipart/report",
            "Auto-Submitted: auto-replied",
            "List-Id:",
            "<img src=\"https://",
            "Content-Disposition: attachment",
            "=?UTF-8?B?",
            "windows-1252",
        ] {
            assert!(has(part), "{part}");
        }
        assert!(sample.mail.iter().any(|mail| mail.mailboxes.len() > 1));
        assert!(sample.mail.iter().any(|mail| header(mail, "Message-ID").is_none()));
    }
}
