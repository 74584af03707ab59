//! Email activities: lists, records, and the settling of doubtful ones.

use crate::{
    Tandem,
    people::{failure_sentence, of_storage},
    views::{owner_as_entry, owner_view, resolved_view},
    wire::{
        ApiError, AttachmentView, CorrelationView, EmailPage, EmailRequest, EmailRow, EmailView,
        EmailsRequest, PartyView, ResolveDeliveryRequest,
    },
};
use std::{collections::HashMap, io::Read};
use tandem_domain::{
    address::{Mention, MessageId},
    email::{Direction, EmailStatus, Party, PartyRole},
    ids::{EmailId, MailboxId},
    mailbox::MailboxOwner,
    send_limits::HeldBy,
};
use tandem_engine::ports::storage::{Activities, StorageError};
use tandem_store::{
    PersonsVerdict,
    view::{EmailDetail, EmailFilter, EmailSummary, PageKey, RecipientState},
};

/// The page's size where nobody says.
const DEFAULT_PAGE: u32 = 100;
/// The largest page.
const LARGEST_PAGE: u32 = 1_000;
/// At most this many emails of a conversation are shown.
const CONVERSATION: u32 = 200;

impl Tandem {
    /// A page of email activities, newest first.
    ///
    /// # Errors
    /// An unknown mailbox, status or page, or storage.
    pub async fn emails(&self, request: EmailsRequest) -> Result<EmailPage, ApiError> {
        let failed = |error| of_storage("emails", &error);
        let mailbox = match &request.mailbox {
            Some(address) => Some(self.find_mailbox(address).await?.id),
            None => None,
        };
        let status = match &request.status {
            Some(word) => {
                let words: Vec<_> = EmailStatus::ALL.iter().map(|status| status.as_str()).collect();
                Some(
                    EmailStatus::from_word(word)
                        .ok_or_else(|| ApiError::unknown_word("status", word, &words))?,
                )
            }
            None => None,
        };
        let after = match &request.after {
            Some(key) => Some(page_key(key).ok_or_else(|| ApiError::not_found("page", key))?),
            None => None,
        };
        let limit = if request.limit == 0 { DEFAULT_PAGE } else { request.limit.min(LARGEST_PAGE) };
        let filter = EmailFilter { mailbox, status, direction: None, search: request.search, after };
        let total = self.store.count_emails(filter.clone()).await.map_err(failed)?;
        let mut page = self.store.list_emails(filter, limit + 1).await.map_err(failed)?;
        let more = page.len() > limit as usize;
        page.truncate(limit as usize);
        let next = page.last().filter(|_| more).map(|last| page_word(last.key));
        let names = self.names().await?;
        let emails = page.iter().map(|summary| names.row(summary)).collect();
        Ok(EmailPage { emails, next, total: u32::try_from(total).unwrap_or(u32::MAX) })
    }

    /// One email activity, by its id or its Message-ID.
    ///
    /// # Errors
    /// An unknown email, or storage.
    pub async fn email(&self, request: EmailRequest) -> Result<EmailView, ApiError> {
        let id = self.find_email(&request.id).await?;
        let failed = |error| of_storage(&request.id, &error);
        let detail = self.store.show_email(id).await.map_err(failed)?;
        let conversation = self.store.conversation(id, CONVERSATION).await.map_err(failed)?;
        let names = self.names().await?;
        let accepting = match detail.accepting_entity {
            Some(entity) => {
                let entry = self.store.directory_entry(owner_as_entry(entity)).await.map_err(failed)?;
                Some(owner_view(entity, entry.map(|entry| entry.name).as_deref().unwrap_or_default()))
            }
            None => None,
        };
        let body = self.read_body(id).await?;
        let mut view = email_view(&detail);
        view.body_text = body.text;
        view.body_html = body.html;
        view.accepting_entity = accepting;
        view.conversation = conversation.iter().map(|summary| names.row(summary)).collect();
        Ok(view)
    }

    /// The raw message of an email.
    ///
    /// # Errors
    /// An unknown email, or storage.
    pub async fn email_raw(&self, id: &str) -> Result<Vec<u8>, ApiError> {
        let found = self.find_email(id).await?;
        let store = self.store.clone();
        let read = tokio::task::spawn_blocking(move || {
            let mut bytes = Vec::new();
            let mut reader = store.open_raw(found)?;
            let read = reader.read_to_end(&mut bytes);
            read.map(|_| bytes).map_err(|error| StorageError::Failed(error.to_string()))
        });
        let read = read.await.map_err(|error| ApiError::internal(id, &error))?;
        read.map_err(|error| of_storage(id, &error))
    }

    /// Settles an email whose delivery could not be confirmed.
    ///
    /// # Errors
    /// An unknown email or verdict, an email that is in no doubt, or storage.
    pub async fn resolve_delivery(&self, request: ResolveDeliveryRequest) -> Result<EmailRow, ApiError> {
        let id = self.find_email(&request.id).await?;
        let verdict = match request.verdict.as_str() {
            "sent" => PersonsVerdict::Sent,
            "resend" => PersonsVerdict::Resend,
            other => return Err(ApiError::unknown_word("verdict", other, &["sent", "resend"])),
        };
        let done = self.store.resolve_unconfirmed_by_person(id, verdict, self.now()).await;
        done.map_err(|error| match error {
            StorageError::Conflict => ApiError::plain(
                "not_in_doubt",
                &request.id,
                "The delivery of this email is not in doubt, so there is nothing to settle.",
                "Look at its status: only an email that is being sent and was not confirmed can be settled.",
            ),
            other => of_storage(&request.id, &other),
        })?;
        let object = tandem_domain::alert::AlertObject::Email(id);
        let cleared =
            tandem_engine::ports::storage::AlertLog::clear(&self.store, object, None, self.now()).await;
        cleared.map_err(|error| of_storage(&request.id, &error))?;
        self.engine.wake();
        self.email_row(id).await
    }

    pub(crate) async fn email_row(&self, id: EmailId) -> Result<EmailRow, ApiError> {
        let detail = self.store.show_email(id).await.map_err(|error| of_storage("email", &error))?;
        Ok(self.names().await?.row(&detail.summary))
    }

    /// An email by its id or its Message-ID.
    pub(crate) async fn find_email(&self, text: &str) -> Result<EmailId, ApiError> {
        let failed = |error| of_storage(text, &error);
        if let Ok(id) = text.trim().parse::<EmailId>() {
            return match self.store.show_email(id).await {
                Ok(_) => Ok(id),
                Err(StorageError::NotFound(_)) => Err(ApiError::not_found("email", text)),
                Err(error) => Err(failed(error)),
            };
        }
        let Some(message_id) = MessageId::parse(text) else {
            return Err(ApiError::not_found("email", text));
        };
        let known = self.store.known(vec![message_id.clone()]).await.map_err(failed)?;
        known.get(&message_id).map(|known| known.id).ok_or_else(|| ApiError::not_found("email", text))
    }

    async fn names(&self) -> Result<Names, ApiError> {
        let all = self.store.list_mailboxes().await.map_err(|error| of_storage("mailboxes", &error))?;
        let mut names = Names::default();
        for one in all {
            names.mailboxes.insert(one.mailbox.id, one.mailbox.email.to_string());
            names.owners.insert(one.mailbox.owner, one.owner_name);
        }
        Ok(names)
    }
}

/// Names of what emails refer to.
#[derive(Default)]
struct Names {
    mailboxes: HashMap<MailboxId, String>,
    owners: HashMap<MailboxOwner, String>,
}

impl Names {
    fn row(&self, summary: &EmailSummary) -> EmailRow {
        let of = |roles: &[PartyRole]| {
            let named = summary.parties.iter().filter(|(role, _)| roles.contains(role));
            named.map(|(_, mention)| person(mention)).collect::<Vec<_>>().join(", ")
        };
        EmailRow {
            id: summary.id.to_string(),
            subject: summary.subject.clone(),
            direction: summary.direction.as_str().to_owned(),
            status: summary.status.as_str().to_owned(),
            from: of(&[PartyRole::From]),
            to: of(&[PartyRole::To, PartyRole::Cc, PartyRole::Bcc]),
            sent_on: summary.submitted_at,
            received_on: summary.received_at,
            mailbox: self.mailboxes.get(&summary.mailbox).cloned().unwrap_or_default(),
            owner: self.owners.get(&summary.owner).cloned().unwrap_or_default(),
            has_attachments: summary.attachments > 0,
            correlated: summary.is_correlated,
            regarding: summary.regarding_name.clone(),
        }
    }
}

fn person(mention: &Mention) -> String {
    if mention.name.is_empty() { mention.written.clone() } else { mention.name.clone() }
}

fn email_view(detail: &EmailDetail) -> EmailView {
    let parties = |role: PartyRole| -> Vec<PartyView> {
        detail
            .parties
            .iter()
            .filter(|party| party.role == role)
            .map(|party| party_view(party, detail))
            .collect()
    };
    let summary = &detail.summary;
    let last_attempt =
        detail.send_attempts.last().map(|attempt| match (&attempt.failure, &attempt.server_said) {
            (Some(failure), _) => failure_sentence(&format!("\"{}\"", summary.subject), failure),
            (None, Some(said)) => format!("The server accepted it: {said}"),
            (None, None) if attempt.ended_at.is_none() => "An attempt is running.".to_owned(),
            (None, None) => attempt.outcome.clone().unwrap_or_default(),
        });
    let sent_on = match summary.direction {
        Direction::Incoming => detail.dated_at,
        Direction::Outgoing => detail.submitted_at,
    };
    EmailView {
        id: summary.id.to_string(),
        subject: summary.subject.clone(),
        direction: summary.direction.as_str().to_owned(),
        status: summary.status.as_str().to_owned(),
        message_id: summary.message_id.as_ref().map(ToString::to_string),
        in_reply_to: detail.in_reply_to.first().map(ToString::to_string),
        sent_on,
        received_on: detail.received_at,
        owner: owner_view(summary.owner, detail.owner_name.as_deref().unwrap_or_default()),
        from: parties(PartyRole::From),
        to: parties(PartyRole::To),
        cc: parties(PartyRole::Cc),
        bcc: parties(PartyRole::Bcc),
        regarding: detail
            .regarding
            .map(|id| resolved_view(id, detail.regarding_name.as_deref().unwrap_or_default())),
        correlation: detail.correlation.as_ref().map(|correlation| CorrelationView {
            method: correlation.method.as_str().to_owned(),
            email_id: correlation.email.to_string(),
        }),
        tracking_token: None,
        accepting_entity: None,
        receiving_mailbox: detail.mailbox_email.as_ref().map(ToString::to_string),
        attachments: detail
            .attachments
            .iter()
            .map(|one| AttachmentView {
                id: one.position.to_string(),
                name: one.name.clone(),
                mime_type: one.mime_type.clone(),
                size: one.size,
                sha256: one.sha256.iter().map(|byte| format!("{byte:02x}")).collect(),
                dropped_reason: None,
            })
            .collect(),
        body_text: String::new(),
        body_html: None,
        delivery_attempts: summary.attempts,
        last_attempt,
        held: detail.held_by.map(held),
        send_after: detail
            .not_before
            .max(detail.send_after)
            .filter(|_| summary.status == EmailStatus::PendingSend),
        size: detail.size,
        conversation: Vec::new(),
    }
}

fn party_view(party: &Party, detail: &EmailDetail) -> PartyView {
    let is_recipient = matches!(party.role, PartyRole::To | PartyRole::Cc | PartyRole::Bcc);
    let address = party.mention.address.as_ref().map_or(&*party.mention.written, |address| address.as_str());
    let sent_to =
        detail.recipients.iter().find(|one| is_recipient && one.address.eq_ignore_ascii_case(address));
    PartyView {
        address: party
            .mention
            .address
            .as_ref()
            .map_or_else(|| party.mention.written.clone(), ToString::to_string),
        name: party.mention.name.clone(),
        resolved: party.resolved.iter().map(|found| resolved_view(found.id, &found.name)).collect(),
        delivery: sent_to.map(|one| {
            match one.state {
                RecipientState::Pending => "pending",
                RecipientState::Accepted => "accepted",
                RecipientState::Refused => "refused",
            }
            .to_owned()
        }),
        delivery_said: sent_to
            .and_then(|one| one.failure.as_ref())
            .map(|failure| failure.server_said.clone()),
    }
}

fn page_word(key: PageKey) -> String {
    format!("{}.{}", key.happened_at.timestamp_millis(), key.row)
}

fn page_key(word: &str) -> Option<PageKey> {
    let (at, row) = word.split_once('.')?;
    let happened_at = chrono::DateTime::from_timestamp_millis(at.parse().ok()?)?;
    Some(PageKey { happened_at, row: row.parse().ok()? })
}

/// Why an email waits.
fn held(by: HeldBy) -> String {
    match by {
        HeldBy::RecipientsPerDay => "Its profile's limit of recipients a day is used up.",
        HeldBy::MessagesPerMinute => "Its profile's limit of messages a minute is used up.",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_goes_on_where_the_last_one_ended() {
        let key = PageKey {
            happened_at: chrono::DateTime::from_timestamp_millis(1_700_000_000_123).unwrap(),
            row: 7,
        };
        assert_eq!(page_key(&page_word(key)), Some(key));
        assert_eq!(page_key("x"), None);
    }
}
