//! From a batch of read messages to decided items: two questions to storage, then the pure rules.

use super::{
    listing::{self, step},
    owing::Failures,
    reading::{Content, Ready},
};
use crate::{
    access::storage_failure,
    cycle::CycleContext,
    ports::storage::{DecidedItem, Keep},
};
use std::{
    collections::{BTreeSet, HashMap},
    panic::{AssertUnwindSafe, catch_unwind},
};
use tandem_domain::{
    Instant,
    address::{EmailAddress, Mention, MessageId},
    directory::PartyMatch,
    email::{KnownEmail, NewEmail, Party, PartyRole},
    failure::{Failure, FailureCode},
    ids::{EmailId, OrganizationId, email_id},
    incoming::{MessageFacts, ReceivingMailbox, plan},
    item_retry::OwedItem,
    ledger::{Decision, LedgerRow, RuleStep},
    mailbox::MailboxOwner,
    message::ParsedMessage,
    settings::{DEFAULT_QUEUE_FILTER, DEFAULT_USER_FILTER},
};

/// Decides batches of one mailbox's folder.
pub struct Planner {
    organization: OrganizationId,
    mailbox: ReceivingMailbox,
    folder: String,
    parser_version: String,
    failures: Failures,
}

/// What a batch needs to know about the CRM.
struct Facts {
    parties: HashMap<EmailAddress, Vec<PartyMatch>>,
    known: HashMap<MessageId, KnownEmail>,
}

impl Planner {
    /// Loads what stays the same for a whole cycle.
    pub async fn load(context: &CycleContext, folder: &str, owed: &[OwedItem]) -> Result<Self, Failure> {
        let mailbox = &context.prepared.mailbox;
        let organization = context.ports.storage.organization().await.map_err(storage_failure)?;
        let owner = context.ports.storage.owner(mailbox.owner).await.map_err(storage_failure)?;
        let default = match mailbox.owner {
            MailboxOwner::User(_) => DEFAULT_USER_FILTER,
            MailboxOwner::Queue(_) => DEFAULT_QUEUE_FILTER,
        };
        let mailbox = ReceivingMailbox {
            id: mailbox.id,
            owner: mailbox.owner,
            owner_name: owner.name,
            filter: owner.incoming_filter.unwrap_or(default),
            process_emails_from: listing::start(&context.prepared),
        };
        let parser_version = context.ports.parser.version().to_owned();
        let failures = Failures::of(owed);
        Ok(Self { organization, mailbox, folder: folder.to_owned(), parser_version, failures })
    }

    /// Decides a batch with fresh facts. Earlier messages of the batch count as known for later ones.
    pub async fn plan(&self, context: &CycleContext, batch: &[Ready]) -> Result<Vec<DecidedItem>, Failure> {
        let mut facts = facts(context, batch).await?;
        let now = context.now();
        let decide = |ready| {
            // One message must not stop its mailbox, whatever it does to the rules.
            let decided = AssertUnwindSafe(|| self.decide(context, ready, &mut facts, now));
            catch_unwind(decided).unwrap_or_else(|_| {
                let why =
                    Failure::transient_item(FailureCode::Internal, "a fault in Tandem when it was decided");
                self.failures.decide(self.row(context, ready, now), &why, now)
            })
        };
        Ok(batch.iter().map(decide).collect())
    }

    /// What is known of a message before it is decided.
    fn row(&self, context: &CycleContext, ready: &Ready, now: Instant) -> LedgerRow {
        LedgerRow {
            mailbox: self.mailbox.id,
            folder: self.folder.clone(),
            identity: ready.item.identity.clone(),
            message_id: None,
            received_at: ready.item.received_at,
            size: ready.item.size.max(ready.bytes()),
            decision: Decision::Gone,
            trace: Vec::new(),
            email: None,
            cycle: context.cycle,
            decided_at: now,
        }
    }

    fn decide(&self, context: &CycleContext, ready: &Ready, facts: &mut Facts, now: Instant) -> DecidedItem {
        let row = self.row(context, ready, now);
        match &ready.content {
            Content::Decided(decision, trace) => kept_nothing(row, *decision, trace.clone()),
            Content::TooOld { received_at, message_id } => {
                let row =
                    LedgerRow { message_id: message_id.clone(), received_at: Some(*received_at), ..row };
                let (decision, trace) =
                    listing::header_too_old(*received_at, self.mailbox.process_emails_from);
                kept_nothing(row, decision, trace)
            }
            Content::Failed(why) => self.failures.decide(row, why, now),
            Content::Unreadable { raw, reason, received_at } => {
                let row = LedgerRow { received_at: *received_at, ..row };
                if let Some((decision, trace)) =
                    listing::before_start(*received_at, self.mailbox.process_emails_from)
                {
                    return kept_nothing(row, decision, trace);
                }
                let trace = vec![step("parse", format!("it cannot be read: {reason}"))];
                let (raw, reason) = (raw.clone(), reason.clone());
                DecidedItem {
                    row: LedgerRow { decision: Decision::Quarantined, trace, ..row },
                    keep: Keep::Quarantine { raw, reason, parser_version: self.parser_version.clone() },
                }
            }
            Content::Message { raw, parsed, received_at } => {
                // The server's date, else the topmost Received, else Date: what a person would call received.
                let received_at = received_at.or(parsed.received_at).or(parsed.sent_at).unwrap_or(now);
                let plan = plan(&self.mailbox, self.facts(&row_scope(&row), parsed, received_at, facts));
                let email = plan.promote.as_ref().map(|email| email.id).or(plan.duplicate_of);
                let row = LedgerRow {
                    message_id: parsed.message_id.clone(),
                    received_at: Some(received_at),
                    decision: plan.decision,
                    trace: plan.trace,
                    email,
                    ..row
                };
                let Some(email) = plan.promote else {
                    return DecidedItem { row, keep: Keep::Nothing };
                };
                facts.remember(parsed, &email);
                DecidedItem { row, keep: Keep::Email { email, message: parsed.clone(), raw: raw.clone() } }
            }
        }
    }

    fn facts<'a>(
        &self,
        scope: &str,
        message: &'a ParsedMessage,
        received_at: Instant,
        facts: &'a Facts,
    ) -> MessageFacts<'a> {
        MessageFacts {
            message,
            received_at,
            email_id: self.email_id(scope, message.message_id.as_ref()),
            duplicate_of: message
                .message_id
                .as_ref()
                .and_then(|id| facts.known.get(id))
                .map(|known| known.id),
            replied_to: message.in_reply_to.iter().find_map(|id| facts.known.get(id)),
            parties: facts.parties(message),
        }
    }

    /// The same message always gets the same id; one without a Message-ID is known by where it lies.
    fn email_id(&self, scope: &str, message_id: Option<&MessageId>) -> EmailId {
        match message_id {
            Some(id) => email_id(self.organization, "", id.as_str()),
            None => email_id(self.organization, scope, ""),
        }
    }
}

impl Facts {
    fn parties(&self, message: &ParsedMessage) -> Vec<Party> {
        let party = |(role, mention): (PartyRole, &Mention)| Party {
            role,
            mention: mention.clone(),
            resolved: mention
                .address
                .as_ref()
                .and_then(|address| self.parties.get(address))
                .cloned()
                .unwrap_or_default(),
        };
        mentions(message).map(party).collect()
    }

    fn remember(&mut self, message: &ParsedMessage, email: &NewEmail) {
        if let Some(id) = &message.message_id {
            let known = KnownEmail { id: email.id, message_id: id.clone(), regarding: email.regarding };
            self.known.insert(id.clone(), known);
        }
    }
}

async fn facts(context: &CycleContext, batch: &[Ready]) -> Result<Facts, Failure> {
    let (mut addresses, mut ids) = (BTreeSet::new(), BTreeSet::new());
    for ready in batch {
        if let Content::Message { parsed, .. } = &ready.content {
            addresses.extend(mentions(parsed).filter_map(|(_, mention)| mention.address.clone()));
            ids.extend(parsed.message_id.iter().chain(&parsed.in_reply_to).cloned());
        }
    }
    let storage = &context.ports.storage;
    let parties = match addresses.is_empty() {
        true => HashMap::new(),
        false => storage.resolve(addresses.into_iter().collect()).await.map_err(storage_failure)?,
    };
    let known = match ids.is_empty() {
        true => HashMap::new(),
        false => storage.known(ids.into_iter().collect()).await.map_err(storage_failure)?,
    };
    Ok(Facts { parties, known })
}

fn mentions(message: &ParsedMessage) -> impl Iterator<Item = (PartyRole, &Mention)> {
    message
        .from
        .iter()
        .map(|one| (PartyRole::From, one))
        .chain(message.sender.iter().map(|one| (PartyRole::Sender, one)))
        .chain(message.reply_to.iter().map(|one| (PartyRole::ReplyTo, one)))
        .chain(message.to.iter().map(|one| (PartyRole::To, one)))
        .chain(message.cc.iter().map(|one| (PartyRole::Cc, one)))
        .chain(message.bcc.iter().map(|one| (PartyRole::Bcc, one)))
}

fn kept_nothing(row: LedgerRow, decision: Decision, trace: Vec<RuleStep>) -> DecidedItem {
    DecidedItem { row: LedgerRow { decision, trace, ..row }, keep: Keep::Nothing }
}

fn row_scope(row: &LedgerRow) -> String {
    format!("{}/{}/{}", row.mailbox, row.folder, row.identity.0)
}
