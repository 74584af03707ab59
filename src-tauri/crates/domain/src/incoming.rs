//! The rules for incoming mail: from the facts about one message to one explained decision.
//!
//! The order is that of server-side synchronization: old? own test message? duplicate? correlated? accepted? A
//! later rule is asked only when the earlier ones let the message pass, and every rule that was asked leaves a
//! step in the trace. New rules are new functions in the list of [`plan`].

use crate::{
    Instant,
    directory::{DirectoryId, PartyMatch},
    email::{Correlation, CorrelationMethod, Direction, EmailStatus, KnownEmail, NewEmail, Party, PartyRole},
    ids::{EmailId, MailboxId},
    ledger::{Decision, RuleOutcome, RuleStep},
    mailbox::MailboxOwner,
    message::ParsedMessage,
    settings::IncomingFilter,
};

/// What is known about the mailbox whose message is decided on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivingMailbox {
    /// Its id.
    pub id: MailboxId,
    /// Its owner, who owns the record.
    pub owner: MailboxOwner,
    /// The owner's name, for the trace.
    pub owner_name: String,
    /// The owner's filtering method.
    pub filter: IncomingFilter,
    /// The later of the profile's and the mailbox's date.
    pub process_emails_from: Option<Instant>,
}

/// What is known about one message.
#[derive(Debug, Clone)]
pub struct MessageFacts<'a> {
    /// The parsed message.
    pub message: &'a ParsedMessage,
    /// When the server received it: its internal date, else the topmost Received header, else Date, else now.
    pub received_at: Instant,
    /// The id that its record has, or will have.
    pub email_id: EmailId,
    /// The record that already carries its Message-ID.
    pub duplicate_of: Option<EmailId>,
    /// The stored email that its In-Reply-To names.
    pub replied_to: Option<&'a KnownEmail>,
    /// Its parties, resolved.
    pub parties: Vec<Party>,
}

/// The decision about one message, with its reasons and what is to be made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncomingPlan {
    /// What was decided.
    pub decision: Decision,
    /// The rules asked, in order; the last one decided.
    pub trace: Vec<RuleStep>,
    /// The record to make, for [`Decision::Promoted`].
    pub promote: Option<Box<NewEmail>>,
    /// The record it is a duplicate of, for [`Decision::Duplicate`].
    pub duplicate_of: Option<EmailId>,
}

/// Decides about one message.
#[must_use]
pub fn plan(mailbox: &ReceivingMailbox, facts: MessageFacts<'_>) -> IncomingPlan {
    let mut trace = Trace::default();
    if let Some(decision) = old(mailbox, &facts, &mut trace)
        .or_else(|| own_test(&facts, &mut trace))
        .or_else(|| duplicate(&facts, &mut trace))
    {
        let duplicate_of = facts.duplicate_of.filter(|_| decision == Decision::Duplicate);
        return IncomingPlan { decision, trace: trace.0, promote: None, duplicate_of };
    }
    let correlation = correlate(&facts, &mut trace);
    if !accepted(mailbox, &facts, correlation.as_ref(), &mut trace) {
        let decision = Decision::NotAccepted;
        return IncomingPlan { decision, trace: trace.0, promote: None, duplicate_of: None };
    }
    let email = NewEmail {
        id: facts.email_id,
        direction: Direction::Incoming,
        status: EmailStatus::Received,
        owner: mailbox.owner,
        mailbox: mailbox.id,
        accepting_entity: Some(mailbox.owner),
        regarding: correlation.as_ref().and(facts.replied_to).and_then(|known| known.regarding),
        correlation,
        parties: facts.parties,
        received_at: Some(facts.received_at),
        send_after: None,
    };
    let promote = Some(Box::new(email));
    IncomingPlan { decision: Decision::Promoted, trace: trace.0, promote, duplicate_of: None }
}

fn old(mailbox: &ReceivingMailbox, facts: &MessageFacts<'_>, trace: &mut Trace) -> Option<Decision> {
    let Some(start) = mailbox.process_emails_from else {
        trace.add("process_emails_from", RuleOutcome::Passed, "no date is set".to_owned());
        return None;
    };
    if facts.received_at >= start {
        let detail = format!("received {}, not before {start}", facts.received_at);
        trace.add("process_emails_from", RuleOutcome::Passed, detail);
        return None;
    }
    let detail = format!("received {}, before {start}", facts.received_at);
    trace.add("process_emails_from", RuleOutcome::Decided, detail);
    Some(Decision::BeforeStart)
}

fn own_test(facts: &MessageFacts<'_>, trace: &mut Trace) -> Option<Decision> {
    facts.message.test_mark.as_ref()?;
    let detail = "it is the message that Test & Enable sent to itself".to_owned();
    trace.add("test_message", RuleOutcome::Decided, detail);
    Some(Decision::TestMessage)
}

fn duplicate(facts: &MessageFacts<'_>, trace: &mut Trace) -> Option<Decision> {
    let Some(message_id) = &facts.message.message_id else {
        trace.add("duplicate", RuleOutcome::Passed, "it has no Message-ID to compare".to_owned());
        return None;
    };
    let Some(email) = facts.duplicate_of else {
        trace.add("duplicate", RuleOutcome::Passed, format!("no record has Message-ID <{message_id}>"));
        return None;
    };
    trace.add("duplicate", RuleOutcome::Decided, format!("email {email} already has <{message_id}>"));
    Some(Decision::Duplicate)
}

fn correlate(facts: &MessageFacts<'_>, trace: &mut Trace) -> Option<Correlation> {
    let Some(known) = facts.replied_to else {
        let detail = match facts.message.in_reply_to.first() {
            Some(id) => format!("In-Reply-To <{id}> names no stored email"),
            None => "it has no In-Reply-To".to_owned(),
        };
        trace.add("correlation", RuleOutcome::Passed, detail);
        return None;
    };
    let detail = format!("In-Reply-To names email {}", known.id);
    trace.add("correlation", RuleOutcome::Noted, detail);
    Some(Correlation { method: CorrelationMethod::InReplyTo, email: known.id })
}

fn accepted(
    mailbox: &ReceivingMailbox,
    facts: &MessageFacts<'_>,
    correlation: Option<&Correlation>,
    trace: &mut Trace,
) -> bool {
    let sender = || facts.parties.iter().filter(|party| party.role == PartyRole::From);
    let known_sender = |test: fn(&PartyMatch) -> bool| {
        sender().flat_map(|party| &party.resolved).find(|found| test(found)).map(|found| found.name.clone())
    };
    let (accepts, why) = match mailbox.filter {
        IncomingFilter::All => (true, "accepts all email".to_owned()),
        IncomingFilter::None => (false, "accepts no email by itself".to_owned()),
        IncomingFilter::Replies => match correlation {
            Some(found) => (true, format!("accepts replies, and this answers email {}", found.email)),
            None => (false, "accepts only replies to tracked email, and this is none".to_owned()),
        },
        IncomingFilter::LeadsContactsAccounts => match known_sender(is_customer) {
            Some(name) => (true, format!("accepts leads, contacts and accounts, and the sender is {name}")),
            None => {
                (false, "accepts leads, contacts and accounts, and the sender is none of these".to_owned())
            }
        },
        IncomingFilter::EmailEnabled => match known_sender(|_| true) {
            Some(name) => (true, format!("accepts email-enabled records, and the sender is {name}")),
            None => (false, "accepts email-enabled records, and the sender is unknown".to_owned()),
        },
    };
    trace.add("acceptance", RuleOutcome::Decided, format!("{} {why}", mailbox.owner_name));
    accepts
}

fn is_customer(found: &PartyMatch) -> bool {
    matches!(found.id, DirectoryId::Lead(_) | DirectoryId::Contact(_) | DirectoryId::Account(_))
}

#[derive(Default)]
struct Trace(Vec<RuleStep>);

impl Trace {
    fn add(&mut self, rule: &str, outcome: RuleOutcome, detail: String) {
        let detail = if detail.chars().count() > 300 { detail.chars().take(300).collect() } else { detail };
        self.0.push(RuleStep { rule: rule.to_owned(), outcome, detail });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        address::{EmailAddress, Mention, MessageId},
        ids::{ContactId, UserId},
    };
    use chrono::DateTime;
    use uuid::Uuid;

    fn mailbox(filter: IncomingFilter) -> ReceivingMailbox {
        ReceivingMailbox {
            id: MailboxId(Uuid::from_u128(1)),
            owner: MailboxOwner::User(UserId(Uuid::from_u128(2))),
            owner_name: "Amy".to_owned(),
            filter,
            process_emails_from: DateTime::from_timestamp(1_000, 0),
        }
    }

    fn message() -> ParsedMessage {
        ParsedMessage {
            message_id: MessageId::parse("<a@b>"),
            in_reply_to: MessageId::parse("<z@b>").into_iter().collect(),
            ..Default::default()
        }
    }

    fn facts(message: &ParsedMessage, at: i64) -> MessageFacts<'_> {
        MessageFacts {
            message,
            received_at: DateTime::from_timestamp(at, 0).unwrap(),
            email_id: EmailId(Uuid::from_u128(9)),
            duplicate_of: None,
            replied_to: None,
            parties: Vec::new(),
        }
    }

    #[test]
    fn the_owner_who_accepts_all_gets_a_record() {
        let message = message();
        let plan = plan(&mailbox(IncomingFilter::All), facts(&message, 1_000));
        assert_eq!(plan.decision, Decision::Promoted);
        assert_eq!(plan.promote.unwrap().accepting_entity, Some(mailbox(IncomingFilter::All).owner));
        assert_eq!(plan.trace.last().unwrap().rule, "acceptance");
    }

    #[test]
    fn a_message_from_before_the_start_is_left_alone_and_says_so() {
        let message = message();
        let plan = plan(&mailbox(IncomingFilter::All), facts(&message, 999));
        assert_eq!(plan.decision, Decision::BeforeStart);
        assert!(plan.trace.last().unwrap().detail.contains("before"));
    }

    #[test]
    fn a_known_message_id_is_a_duplicate_and_names_the_record() {
        let message = message();
        let known = EmailId(Uuid::from_u128(5));
        let plan = plan(
            &mailbox(IncomingFilter::All),
            MessageFacts { duplicate_of: Some(known), ..facts(&message, 2_000) },
        );
        assert_eq!((plan.decision, plan.duplicate_of), (Decision::Duplicate, Some(known)));
    }

    #[test]
    fn a_reply_is_correlated_and_inherits_the_regarding() {
        let message = message();
        let regarding = Some(DirectoryId::Contact(ContactId(Uuid::from_u128(7))));
        let known = KnownEmail {
            id: EmailId(Uuid::from_u128(5)),
            message_id: MessageId::parse("z@b").unwrap(),
            regarding,
        };
        for filter in [IncomingFilter::All, IncomingFilter::Replies] {
            let facts = MessageFacts { replied_to: Some(&known), ..facts(&message, 2_000) };
            let email = plan(&mailbox(filter), facts).promote.unwrap();
            assert_eq!(email.regarding, regarding);
            let expected = Correlation { method: CorrelationMethod::InReplyTo, email: known.id };
            assert_eq!(email.correlation, Some(expected));
        }
    }

    #[test]
    fn each_filter_accepts_what_it_names_and_nothing_else() {
        let message = message();
        let contact = |id| Party {
            role: PartyRole::From,
            mention: Mention {
                written: "c@d".to_owned(),
                address: EmailAddress::parse("c@d").ok(),
                name: String::new(),
            },
            resolved: vec![PartyMatch { id, name: "Cy".to_owned() }],
        };
        let from_contact = contact(DirectoryId::Contact(ContactId(Uuid::from_u128(7))));
        let from_user = contact(DirectoryId::User(UserId(Uuid::from_u128(8))));
        let cases = [
            (IncomingFilter::All, None, true),
            (IncomingFilter::Replies, Some(&from_contact), false),
            (IncomingFilter::LeadsContactsAccounts, Some(&from_contact), true),
            (IncomingFilter::LeadsContactsAccounts, Some(&from_user), false),
            (IncomingFilter::EmailEnabled, Some(&from_user), true),
            (IncomingFilter::EmailEnabled, None, false),
            (IncomingFilter::None, Some(&from_contact), false),
        ];
        for (filter, party, accepted) in cases {
            let facts =
                MessageFacts { parties: party.cloned().into_iter().collect(), ..facts(&message, 2_000) };
            let decision = plan(&mailbox(filter), facts).decision;
            assert_eq!(decision == Decision::Promoted, accepted, "{filter:?} {party:?}");
        }
    }

    #[test]
    fn our_own_test_message_becomes_no_record() {
        let message = ParsedMessage { test_mark: Some("x".to_owned()), ..message() };
        let decision = plan(&mailbox(IncomingFilter::All), facts(&message, 2_000)).decision;
        assert_eq!(decision, Decision::TestMessage);
    }
}
