//! Making an email and queueing it for sending.

use crate::{
    Tandem,
    people::{in_file, of_storage},
    remap::parse_address,
    wire::{ApiError, EmailRow, SendEmailRequest},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};
use tandem_domain::{
    Instant,
    address::{EmailAddress, Mention, MessageId},
    directory::DirectoryId,
    email::{Correlation, CorrelationMethod, Direction, EmailStatus, NewEmail, Party, PartyRole},
    ids::email_id,
    mailbox::{Approval, DeliveryMethod, Mailbox},
    message::MAX_REFERENCES,
};
use tandem_engine::{
    ports::{
        message::{AttachmentSource, Author, Draft},
        storage::{Configuration, Directory},
    },
    raw::RawMessage,
};
use tandem_store::view::EmailDetail;
use uuid::Uuid;

/// The recipients, by role.
type Recipients = Vec<(PartyRole, Mention)>;

impl Tandem {
    /// Makes an email and queues it for sending: status Pending Send.
    ///
    /// # Errors
    /// A sender that is no approved mailbox which sends through Tandem, an address that is none, an attachment that
    /// cannot be read, an unknown email or record that it refers to, or storage.
    pub async fn send_email(&self, request: SendEmailRequest) -> Result<EmailRow, ApiError> {
        self.send_as(request, Author::Person).await
    }

    /// The same, and says who writes it.
    pub(crate) async fn send_as(
        &self,
        request: SendEmailRequest,
        author: Author,
    ) -> Result<EmailRow, ApiError> {
        let mailbox = self.sender(&request.from).await?;
        let owner =
            self.store.owner(mailbox.owner).await.map_err(|error| of_storage(&request.from, &error))?;
        let recipients = recipients(&request)?;
        let answered = match &request.in_reply_to {
            Some(text) => Some(self.store.show_email(self.find_email(text).await?).await),
            None => None,
        };
        let answered = answered.transpose().map_err(|error| of_storage("email", &error))?;
        let regarding = match &request.regarding {
            Some(text) => Some(self.regarding(text).await?),
            None => answered.as_ref().and_then(|one| one.regarding),
        };
        let now = self.now();
        let from = Mention {
            written: mailbox.email.to_string(),
            address: Some(mailbox.email.clone()),
            name: owner.name.clone(),
        };
        let draft =
            Draft { author, ..draft(&request, from.clone(), &recipients, answered.as_ref(), &mailbox, now)? };
        let message_id = draft.message_id.clone();
        let (raw, parsed) = self.compose(draft).await?;
        let email = NewEmail {
            id: email_id(self.store.organization_id(), "", message_id.as_str()),
            direction: Direction::Outgoing,
            status: EmailStatus::PendingSend,
            owner: mailbox.owner,
            mailbox: mailbox.id,
            accepting_entity: None,
            parties: self.resolve_parties(from, &recipients).await?,
            regarding,
            correlation: answered
                .as_ref()
                .map(|one| Correlation { method: CorrelationMethod::InReplyTo, email: one.summary.id }),
            received_at: None,
            send_after: request.at,
        };
        let id = email.id;
        let envelope = envelope(&recipients);
        let done = self.store.insert_outgoing(email, parsed, raw, envelope, now).await;
        done.map_err(|error| of_storage(&request.subject, &error))?;
        self.engine.wake();
        self.email_row(id).await
    }

    /// The mailbox that may send from this address.
    async fn sender(&self, from: &str) -> Result<Mailbox, ApiError> {
        let address = parse_mention(from)?;
        let object = address.written.clone();
        let refused =
            |message: &str, remedy: &str| Err(ApiError::plain("sender_refused", &object, message, remedy));
        let found = match &address.address {
            Some(email) => {
                self.store.mailbox_by_address(email).await.map_err(|error| of_storage(&object, &error))?
            }
            None => None,
        };
        let Some(mailbox) = found else {
            return refused(
                "Only a mailbox can send, and there is none with this address.",
                "Use the address of a mailbox (`tandem mailbox list`), or add one for this address.",
            );
        };
        if mailbox.outgoing != DeliveryMethod::ServerSideSync {
            return refused(
                "Tandem does not send for this mailbox: its outgoing delivery method is not server-side synchronization.",
                "Set outgoing = \"server_side_sync\" for the mailbox and run Test & Enable, or send from another one.",
            );
        }
        if mailbox.standing() != Approval::Approved {
            return refused(
                "This mailbox is not approved for sending.",
                "An administrator approves it (`tandem mailbox approve`), then runs Test & Enable.",
            );
        }
        if mailbox.profile.is_none() {
            return refused(
                "This mailbox has no email server profile to send through.",
                "Choose a profile for the mailbox, then run Test & Enable.",
            );
        }
        Ok(mailbox)
    }

    /// What an email is about: `kind:id`, or the address of a contact, account or lead.
    async fn regarding(&self, text: &str) -> Result<DirectoryId, ApiError> {
        let unknown = || ApiError::not_found("contact, account or lead", text);
        if let Some((kind, id)) = text.split_once(':') {
            let id = Uuid::parse_str(id.trim()).ok().and_then(|id| DirectoryId::from_parts(kind, id));
            let id = id.ok_or_else(unknown)?;
            let entry = self.store.directory_entry(id).await.map_err(|error| of_storage(text, &error))?;
            return entry.map(|entry| entry.id).ok_or_else(unknown);
        }
        let address = parse_address(text)?;
        let found = self.store.resolve(vec![address]).await.map_err(|error| of_storage(text, &error))?;
        let mut ids: Vec<_> = found.into_values().flatten().map(|one| one.id).collect();
        ids.sort();
        let customer = ids.iter().find(|id| {
            matches!(id, DirectoryId::Contact(_) | DirectoryId::Account(_) | DirectoryId::Lead(_))
        });
        customer.or(ids.first()).copied().ok_or_else(unknown)
    }

    async fn resolve_parties(&self, from: Mention, recipients: &Recipients) -> Result<Vec<Party>, ApiError> {
        let all = std::iter::once((PartyRole::From, from)).chain(recipients.iter().cloned());
        let all: Vec<_> = all.collect();
        let addresses: BTreeSet<_> = all.iter().filter_map(|(_, mention)| mention.address.clone()).collect();
        let found = self.store.resolve(addresses.into_iter().collect()).await;
        let found = found.map_err(|error| of_storage("recipients", &error))?;
        let party = |(role, mention): (PartyRole, Mention)| {
            let resolved = mention.address.as_ref().and_then(|address| found.get(address)).cloned();
            Party { role, mention, resolved: resolved.unwrap_or_default() }
        };
        Ok(all.into_iter().map(party).collect())
    }

    /// Writes the message and reads it back, so that the record shows what is sent.
    async fn compose(
        &self,
        draft: Draft,
    ) -> Result<(RawMessage, tandem_domain::message::ParsedMessage), ApiError> {
        let (composer, parser) = (Arc::clone(&self.ports.composer), Arc::clone(&self.ports.parser));
        let subject = draft.subject.clone();
        let work = tokio::task::spawn_blocking(move || {
            for attachment in &draft.attachments {
                let readable = std::fs::File::open(&attachment.path).and_then(|file| file.metadata());
                match readable {
                    Ok(found) if found.is_file() => {}
                    Ok(_) => {
                        let error = std::io::Error::other("it is no file");
                        return Err(in_file("The attachment cannot be read", &attachment.path, &error));
                    }
                    Err(error) => {
                        return Err(in_file("The attachment cannot be read", &attachment.path, &error));
                    }
                }
            }
            let raw = composer
                .compose(&draft)
                .map_err(|error| in_file("The message cannot be written", &std::env::temp_dir(), &error))?;
            let parsed = parser.parse(&raw).map_err(|error| ApiError::internal(&draft.subject, &error))?;
            Ok((raw, parsed))
        });
        work.await.map_err(|error| ApiError::internal(&subject, &error))?
    }
}

fn draft(
    request: &SendEmailRequest,
    from: Mention,
    recipients: &Recipients,
    answered: Option<&EmailDetail>,
    mailbox: &Mailbox,
    now: Instant,
) -> Result<Draft, ApiError> {
    let id = format!("{}@{}", Uuid::new_v4(), mailbox.email.domain());
    let message_id =
        MessageId::parse(&id).ok_or_else(|| ApiError::internal(&request.subject, &"no Message-ID"))?;
    let of = |role: PartyRole| {
        recipients.iter().filter(|(one, _)| *one == role).map(|(_, mention)| mention.clone()).collect()
    };
    let in_reply_to = answered.and_then(|one| one.summary.message_id.clone());
    let mut references: Vec<MessageId> = answered.map(|one| one.references.clone()).unwrap_or_default();
    references.extend(in_reply_to.clone());
    // The first names the thread, the latest the place in it.
    while references.len() > MAX_REFERENCES {
        references.remove(1);
    }
    Ok(Draft {
        message_id,
        author: Author::Person,
        from,
        to: of(PartyRole::To),
        cc: of(PartyRole::Cc),
        subject: request.subject.chars().map(|c| if c.is_control() { ' ' } else { c }).collect(),
        body_text: request.body.clone(),
        body_html: request.html.clone(),
        in_reply_to,
        references,
        date: now,
        attachments: request.attachments.iter().map(|path| attachment(path)).collect(),
        test_mark: None,
    })
}

fn attachment(path: &str) -> AttachmentSource {
    let path = PathBuf::from(path);
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    AttachmentSource { name, mime_type: None, path }
}

fn recipients(request: &SendEmailRequest) -> Result<Recipients, ApiError> {
    let mut recipients = Vec::new();
    for (role, texts) in
        [(PartyRole::To, &request.to), (PartyRole::Cc, &request.cc), (PartyRole::Bcc, &request.bcc)]
    {
        for text in texts.iter().filter(|text| !text.trim().is_empty()) {
            recipients.push((role, parse_mention(text)?));
        }
    }
    if recipients.is_empty() {
        let remedy = "Give at least one recipient in To, Cc or Bcc.";
        return Err(ApiError::plain(
            "no_recipients",
            &request.subject,
            "The email has no recipient.",
            remedy,
        ));
    }
    Ok(recipients)
}

/// Each address once, in the spelling that compares.
fn envelope(recipients: &Recipients) -> Vec<String> {
    let mut seen = BTreeMap::new();
    for (_, mention) in recipients {
        let order = seen.len();
        if let Some(address) = &mention.address {
            seen.entry(address.as_str().to_owned()).or_insert(order);
        }
    }
    let mut all: Vec<_> = seen.into_iter().collect();
    all.sort_by_key(|(_, order)| *order);
    all.into_iter().map(|(address, _)| address).collect()
}

/// Reads `Name <address>`, `"Name, with comma" <address>` or an address.
fn parse_mention(text: &str) -> Result<Mention, ApiError> {
    let text = text.trim();
    let (name, address) = match (text.rfind('<'), text.strip_suffix('>')) {
        (Some(open), Some(inner)) => {
            (text.get(..open).unwrap_or_default(), inner.get(open + 1..).unwrap_or_default())
        }
        _ => ("", text),
    };
    let parsed: EmailAddress = parse_address(address)?;
    let name: String = name.trim().trim_matches('"').chars().filter(|c| !c.is_control()).collect();
    Ok(Mention { written: address.trim().to_owned(), address: Some(parsed), name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipient_is_an_address_with_or_without_a_name() {
        let plain = parse_mention(" ben@fabrikam.test ").unwrap();
        assert_eq!((plain.written.as_str(), plain.name.as_str()), ("ben@fabrikam.test", ""));
        let named = parse_mention("\"Burton, Ben\" <Ben@Fabrikam.test>").unwrap();
        assert_eq!((named.written.as_str(), named.name.as_str()), ("Ben@Fabrikam.test", "Burton, Ben"));
        assert_eq!(parse_mention("Ben <nobody>").unwrap_err().code, "bad_address");
    }

    #[test]
    fn the_envelope_has_each_recipient_once_in_order() {
        let request = SendEmailRequest {
            to: vec!["b@x.test".into(), "A@x.test".into()],
            bcc: vec!["a@X.test".into(), "c@x.test".into()],
            ..Default::default()
        };
        assert_eq!(envelope(&recipients(&request).unwrap()), ["b@x.test", "a@x.test", "c@x.test"]);
        assert_eq!(recipients(&SendEmailRequest::default()).unwrap_err().code, "no_recipients");
    }
}
