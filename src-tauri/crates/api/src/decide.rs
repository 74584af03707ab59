//! What would be decided about a message now: the same pure rules as in a cycle, with the same facts.

use crate::{Tandem, people::of_storage, views::filter_of, wire::ApiError};
use std::collections::BTreeSet;
use tandem_domain::{
    Instant,
    address::Mention,
    email::{Party, PartyRole},
    ids::email_id,
    incoming::{IncomingPlan, MessageFacts, ReceivingMailbox, plan},
    mailbox::{Mailbox, process_emails_from},
    message::ParsedMessage,
};
use tandem_engine::ports::storage::{Activities, Configuration, Directory};

/// A message in a mailbox.
pub(crate) struct PlanFor<'a> {
    /// The mailbox.
    pub(crate) mailbox: &'a Mailbox,
    /// The message.
    pub(crate) message: &'a ParsedMessage,
    /// When the server received it.
    pub(crate) received_at: Instant,
    /// Where it lies: the id of a message without a Message-ID follows from it.
    pub(crate) scope: &'a str,
}

/// When a message was received, as far as the message itself tells.
pub(crate) fn received_at(message: &ParsedMessage, now: Instant) -> Instant {
    message.received_at.or(message.sent_at).unwrap_or(now)
}

impl Tandem {
    /// Decides about a message, and changes nothing.
    pub(crate) async fn plan_for(&self, asked: PlanFor<'_>) -> Result<IncomingPlan, ApiError> {
        let PlanFor { mailbox, message, received_at, scope } = asked;
        let failed = |error| of_storage(mailbox.email.as_str(), &error);
        let owner = self.store.owner(mailbox.owner).await.map_err(failed)?;
        let profile = match mailbox.profile {
            Some(id) => Some(self.store.profile(id).await.map_err(failed)?),
            None => None,
        };
        let receiving = ReceivingMailbox {
            id: mailbox.id,
            owner: mailbox.owner,
            owner_name: owner.name,
            filter: filter_of(mailbox.owner, owner.incoming_filter),
            process_emails_from: process_emails_from(
                profile.and_then(|profile| profile.process_emails_from),
                mailbox.process_emails_from,
            ),
        };
        let ids = message.message_id.iter().chain(&message.in_reply_to).cloned().collect();
        let known = self.store.known(ids).await.map_err(failed)?;
        let organization = self.store.organization_id();
        let facts = MessageFacts {
            message,
            received_at,
            email_id: match &message.message_id {
                Some(id) => email_id(organization, "", id.as_str()),
                None => email_id(organization, scope, ""),
            },
            duplicate_of: message.message_id.as_ref().and_then(|id| known.get(id)).map(|known| known.id),
            replied_to: message.in_reply_to.iter().find_map(|id| known.get(id)),
            parties: self.parties(message).await?,
        };
        Ok(plan(&receiving, facts))
    }

    async fn parties(&self, message: &ParsedMessage) -> Result<Vec<Party>, ApiError> {
        let roles: [(PartyRole, &[Mention]); 6] = [
            (PartyRole::From, &message.from),
            (PartyRole::Sender, message.sender.as_slice()),
            (PartyRole::ReplyTo, &message.reply_to),
            (PartyRole::To, &message.to),
            (PartyRole::Cc, &message.cc),
            (PartyRole::Bcc, &message.bcc),
        ];
        let all = || roles.iter().flat_map(|(role, mentions)| mentions.iter().map(move |one| (*role, one)));
        let addresses: BTreeSet<_> = all().filter_map(|(_, mention)| mention.address.clone()).collect();
        let found = self.store.resolve(addresses.into_iter().collect()).await;
        let found = found.map_err(|error| of_storage("addresses", &error))?;
        let party = |(role, mention): (PartyRole, &Mention)| Party {
            role,
            mention: mention.clone(),
            resolved: mention.address.as_ref().and_then(|one| found.get(one)).cloned().unwrap_or_default(),
        };
        Ok(all().map(party).collect())
    }
}
