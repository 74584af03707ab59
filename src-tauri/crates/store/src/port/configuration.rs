//! The port `Configuration`: configuration as the engine reads it.

use super::not_found;
use crate::{
    Store,
    codec::owner_id,
    table::{directory, mailbox, organization, profile},
};
use async_trait::async_trait;
use tandem_domain::{
    address::EmailAddress,
    directory::DirectoryEntry,
    ids::{MailboxId, OrganizationId, ProfileId},
    mailbox::{Mailbox, MailboxOwner},
    profile::EmailServerProfile,
    settings::OrganizationSettings,
};
use tandem_engine::ports::storage::{Configuration, StorageError};

#[async_trait]
impl Configuration for Store {
    async fn organization(&self) -> Result<OrganizationId, StorageError> {
        Ok(self.organization_id())
    }

    async fn settings(&self) -> Result<OrganizationSettings, StorageError> {
        self.read(|connection| Ok(organization::settings(connection)?)).await
    }

    async fn mailbox(&self, id: MailboxId) -> Result<Mailbox, StorageError> {
        self.read(move |connection| mailbox::get(connection, id)?.ok_or_else(|| not_found("mailbox", id)))
            .await
    }

    async fn mailbox_by_address(&self, address: &EmailAddress) -> Result<Option<Mailbox>, StorageError> {
        let address = address.clone();
        self.read(move |connection| Ok(mailbox::by_address(connection, &address)?)).await
    }

    async fn profile(&self, id: ProfileId) -> Result<EmailServerProfile, StorageError> {
        self.read(move |connection| profile::get(connection, id)?.ok_or_else(|| not_found("profile", id)))
            .await
    }

    async fn owner(&self, owner: MailboxOwner) -> Result<DirectoryEntry, StorageError> {
        let id = owner_id(owner);
        self.read(move |connection| directory::get(connection, id)?.ok_or_else(|| not_found("owner", id)))
            .await
    }
}
