//! Saving a mailbox with its owner, and the 1:1 conflict: moving an address to another owner.

use crate::{
    Tandem, keys,
    people::{of_configuration, of_storage},
    profiles::Before,
    views::owner_as_entry,
    wire::{ApiError, MailboxView, RemapRequest, RemapResult, SaveMailboxRequest},
};
use tandem_domain::{
    address::EmailAddress,
    directory::{DirectoryEntry, DirectoryId},
    ids::{MailboxId, record_id},
    mailbox::{Approval, DeliveryMethod, Mailbox, MailboxOwner},
    settings::IncomingFilter,
    workload::WorkloadState,
};
use tandem_engine::ports::storage::Configuration;
use tandem_secrets::Secret;
use tandem_store::{CredentialsOf, configuration::ConfigurationChange};
use uuid::Uuid;

impl Tandem {
    /// Adds or changes a mailbox with its owner.
    ///
    /// # Errors
    /// A value that cannot be; `owner_has_mailbox` or `address_taken` where one owner would have two mailboxes;
    /// the secret store; storage. Nothing is changed then.
    pub async fn save_mailbox(&self, request: SaveMailboxRequest) -> Result<MailboxView, ApiError> {
        let email = parse_address(&request.email)?;
        let object = email.to_string();
        let current = self.current_for(&request, &email).await?;
        let (owner_entry, owner) = self.owner_for(&request, &email).await?;
        if let Some(current) = &current
            && current.owner != owner
            && !request.confirm_remap
        {
            let result = self.breaks(current, owner).await?;
            let message = format!("{object} belongs to another owner. {}", result.join(" "));
            let remedy = "Confirm that the address is to move to the new owner, or choose another address.";
            return Err(ApiError::plain("address_taken", &object, &message, remedy));
        }
        let profile = self.find_profile(&request.profile).await?;
        let method = |field: &str, word: &str| {
            let words = ["none", "server_side_sync", "outlook"];
            match DeliveryMethod::from_word(word) {
                Some(found) if found != DeliveryMethod::ForwardMailbox => Ok(found),
                _ => Err(ApiError::unknown_word(field, word, &words)),
            }
        };
        let id = current.as_ref().map_or_else(
            || MailboxId(record_id(self.store.organization_id(), "mailbox", email.as_str())),
            |now| now.id,
        );
        let is_queue = matches!(owner, MailboxOwner::Queue(_));
        if request.delete_after_processing && !is_queue {
            let message = "Only a queue's mailbox can delete emails after processing.";
            let remedy = "Clear \"Delete emails after processing\", or make the owner a queue.";
            return Err(ApiError::plain("mailbox_invalid", &object, message, remedy));
        }
        let state = |of: fn(&Mailbox) -> &WorkloadState| {
            current.as_ref().map(|now| of(now).clone()).unwrap_or_default()
        };
        let mailbox = Mailbox {
            id,
            owner,
            profile: Some(profile.id),
            incoming: method("incoming", &request.incoming)?,
            outgoing: method("outgoing", &request.outgoing)?,
            act: current.as_ref().map_or(DeliveryMethod::None, |now| now.act),
            approval: current.as_ref().map_or(Approval::Pending, |now| now.approval),
            approval_rule: current.as_ref().map(|now| now.approval_rule).unwrap_or_default(),
            user_name: request
                .user_name
                .as_deref()
                .map(str::trim)
                .filter(|name| !name.is_empty())
                .map(str::to_owned),
            allow_credentials: true,
            delete_after_processing: request.delete_after_processing,
            process_emails_from: request.process_emails_from,
            incoming_state: state(|now| &now.incoming_state),
            outgoing_state: state(|now| &now.outgoing_state),
            act_state: state(|now| &now.act_state),
            email,
        };
        let mut put: Vec<Before> = Vec::new();
        if let Some(password) = request.password.as_ref().filter(|password| !password.0.is_empty()) {
            let key = keys::mailbox_password(id);
            put.push(self.put_secret(key, Secret::new(password.0.clone()), &object).await?);
        }
        let has_password = !put.is_empty();
        let changes =
            vec![ConfigurationChange::Entry(owner_entry), ConfigurationChange::Mailbox(Box::new(mailbox))];
        if let Err(error) = self.store.apply(changes, self.now()).await {
            self.take_back(put).await;
            return Err(of_configuration(&object, &error));
        }
        self.hub.learn_names(&self.store).await;
        if has_password {
            self.credentials_changed(CredentialsOf::Mailbox(id), &object).await?;
        }
        self.mailbox_view(id).await
    }

    /// Moves an address to another owner, or tells what that would break.
    ///
    /// # Errors
    /// An unknown address or owner, an owner that has a mailbox, or storage.
    pub async fn remap_mailbox(&self, request: RemapRequest) -> Result<RemapResult, ApiError> {
        let mailbox = self.find_mailbox(&request.address).await?;
        let to = self.find_owner(&request.to).await?;
        if mailbox.owner == to {
            let message = format!("{} belongs to {} already.", mailbox.email, request.to);
            return Ok(RemapResult { done: false, breaks: vec![message] });
        }
        let breaks = self.breaks(&mailbox, to).await?;
        if request.confirm {
            let change = ConfigurationChange::Remap { mailbox: mailbox.id, to };
            let done = self.store.apply(vec![change], self.now()).await;
            done.map_err(|error| of_configuration(&request.address, &error))?;
        }
        Ok(RemapResult { done: request.confirm, breaks })
    }

    /// What moving a mailbox to another owner breaks, in sentences.
    async fn breaks(&self, mailbox: &Mailbox, to: MailboxOwner) -> Result<Vec<String>, ApiError> {
        let object = mailbox.email.as_str();
        let failed = |error| of_storage(object, &error);
        let from = self.store.owner(mailbox.owner).await.map_err(failed)?;
        let new = self.store.directory_entry(owner_as_entry(to)).await.map_err(failed)?;
        let new_name = new.map_or_else(|| "the new owner".to_owned(), |entry| entry.name);
        let mut breaks = vec![
            format!("{} has no mailbox any more: nothing is received or sent for it.", from.name),
            format!(
                "Mail that arrives at {object} from now on belongs to {new_name}; emails of before stay with {}.",
                from.name
            ),
            format!(
                "{object} waits for approval again and is not synchronized until Test & Enable succeeds."
            ),
        ];
        let others = self.store.list_mailboxes().await.map_err(failed)?;
        if let Some(other) = others.iter().find(|one| one.mailbox.owner == to && one.mailbox.id != mailbox.id)
        {
            breaks.push(format!(
                "{new_name} already has the mailbox {}; one owner has one mailbox, so this is refused until that one is remapped.",
                other.mailbox.email
            ));
        }
        Ok(breaks)
    }

    async fn current_for(
        &self,
        request: &SaveMailboxRequest,
        email: &EmailAddress,
    ) -> Result<Option<Mailbox>, ApiError> {
        let failed = |error| of_storage(email.as_str(), &error);
        match &request.id {
            Some(id) => {
                let parsed: MailboxId = id.parse().map_err(|_| ApiError::not_found("mailbox", id))?;
                Ok(Some(self.store.mailbox(parsed).await.map_err(failed)?))
            }
            None => self.store.mailbox_by_address(email).await.map_err(failed),
        }
    }

    /// The owner by name, made when there is none.
    async fn owner_for(
        &self,
        request: &SaveMailboxRequest,
        email: &EmailAddress,
    ) -> Result<(DirectoryEntry, MailboxOwner), ApiError> {
        let kind = request.owner_type.as_str();
        if !matches!(kind, "user" | "queue") {
            return Err(ApiError::unknown_word("owner_type", kind, &["user", "queue"]));
        }
        let words: Vec<_> = IncomingFilter::ALL.iter().map(|filter| filter.as_str()).collect();
        let filter = IncomingFilter::from_word(&request.incoming_filter)
            .ok_or_else(|| ApiError::unknown_word("incoming_filter", &request.incoming_filter, &words))?;
        let name = request.owner_name.trim();
        if name.is_empty() || name.chars().count() > 160 || name.chars().any(char::is_control) {
            let remedy = "Enter a name of 1 to 160 characters.";
            return Err(ApiError::plain(
                "mailbox_invalid",
                email.as_str(),
                "The owner has no usable name.",
                remedy,
            ));
        }
        let found = self.entries_named(kind, name).await?.into_iter().next();
        let entry = match found {
            Some(found) => DirectoryEntry { incoming_filter: Some(filter), ..found },
            None => {
                let id = record_id(self.store.organization_id(), kind, email.as_str());
                let free =
                    DirectoryId::from_parts(kind, id).ok_or_else(|| ApiError::not_found(kind, name))?;
                let taken =
                    self.store.directory_entry(free).await.map_err(|error| of_storage(name, &error))?;
                let id = if taken.is_some() { Uuid::new_v4() } else { id };
                DirectoryEntry {
                    id: DirectoryId::from_parts(kind, id).ok_or_else(|| ApiError::not_found(kind, name))?,
                    name: name.to_owned(),
                    email: Some(email.clone()),
                    other_emails: Vec::new(),
                    incoming_filter: Some(filter),
                }
            }
        };
        let owner = owner_of(entry.id).ok_or_else(|| ApiError::not_found(kind, name))?;
        Ok((entry, owner))
    }

    /// The user or queue with this name or address, `user:NAME` or `queue:NAME` where both exist.
    async fn find_owner(&self, text: &str) -> Result<MailboxOwner, ApiError> {
        let (kinds, name): (&[&str], &str) = match text.split_once(':') {
            Some(("user", name)) => (&["user"], name.trim()),
            Some(("queue", name)) => (&["queue"], name.trim()),
            _ => (&["user", "queue"], text.trim()),
        };
        let mut found = Vec::new();
        for kind in kinds {
            found.extend(self.entries_named(kind, name).await?);
        }
        match found.as_slice() {
            [one] => owner_of(one.id).ok_or_else(|| ApiError::not_found("user or queue", text)),
            [] => Err(ApiError::not_found("user or queue", text)),
            _ => {
                let message = format!("Several users or queues are named {name}.");
                let remedy = "Name it by its address, or with its kind: user:NAME or queue:NAME.";
                Err(ApiError::plain("ambiguous", text, &message, remedy))
            }
        }
    }

    async fn entries_named(&self, kind: &str, name: &str) -> Result<Vec<DirectoryEntry>, ApiError> {
        let key = name.to_lowercase();
        let page = self.store.list_directory(kind, name, None, 200).await;
        let mut page = page.map_err(|error| of_storage(name, &error))?;
        page.retain(|one| {
            one.name.to_lowercase() == key || one.email.as_ref().is_some_and(|email| email.as_str() == key)
        });
        Ok(page)
    }
}

pub(crate) fn owner_of(id: DirectoryId) -> Option<MailboxOwner> {
    match id {
        DirectoryId::User(id) => Some(MailboxOwner::User(id)),
        DirectoryId::Queue(id) => Some(MailboxOwner::Queue(id)),
        _ => None,
    }
}

pub(crate) fn parse_address(text: &str) -> Result<EmailAddress, ApiError> {
    EmailAddress::parse(text).map_err(|error| {
        ApiError::plain("bad_address", text, &format!("{error}."), "Write an address like amy@contoso.com.")
    })
}
