//! Mailboxes: listed, shown, approved, rejected, disabled.

use crate::{
    Tandem,
    judge::Judge,
    keys,
    people::{failure_sentence, of_configuration, of_storage},
    views::{OFF, filter_of, judged, ladder_view, owner_view, workloads_view},
    wire::{
        ApiError, CycleView, LadderView, MailboxDetail, MailboxRequest, MailboxView, MailboxesRequest,
        Nothing,
    },
};
use tandem_domain::{
    Instant,
    address::EmailAddress,
    health::worst,
    ids::MailboxId,
    mailbox::{Approval, Mailbox},
    profile::{AuthenticateUsing, EmailServerProfile},
    settings::OrganizationSettings,
    workload::Workload,
};
use tandem_engine::ports::storage::Configuration;
use tandem_secrets::SecretRef;
use tandem_store::{configuration::ConfigurationChange, view};

/// How many cycles a mailbox's page shows.
const SHOWN_CYCLES: u32 = 50;

impl Tandem {
    /// All mailboxes.
    ///
    /// # Errors
    /// Those of storage.
    pub async fn mailboxes(&self, _: Nothing) -> Result<Vec<MailboxView>, ApiError> {
        let failed = |error| of_storage("mailboxes", &error);
        let all = self.store.list_mailboxes().await.map_err(failed)?;
        self.views_of(all).await
    }

    /// One mailbox with its last test and cycles.
    ///
    /// # Errors
    /// An unknown address, or storage.
    pub async fn mailbox(&self, request: MailboxRequest) -> Result<MailboxDetail, ApiError> {
        let found = self.find_mailbox(&request.address).await?;
        let object = found.email.as_str();
        let failed = |error| of_storage(object, &error);
        let mailbox = self.mailbox_view(found.id).await?;
        let ladders = self.store.test_ladders(found.id).await.map_err(failed)?;
        let cycles = self.store.list_cycles(found.id, SHOWN_CYCLES).await.map_err(failed)?;
        let shown = self.store.show_mailbox(found.id).await.map_err(failed)?;
        Ok(MailboxDetail {
            mailbox,
            last_test: last_test(&shown, &ladders),
            cycles: cycles
                .into_iter()
                .map(|cycle| CycleView {
                    id: cycle.cycle.to_string(),
                    workload: cycle.workload.as_str().to_owned(),
                    started_at: cycle.started_at,
                    ended_at: Some(cycle.ended_at),
                    cycles: cycle.cycles,
                    items: cycle.items,
                    error: cycle.failure.map(|failure| failure_sentence(object, &failure)),
                })
                .collect(),
        })
    }

    /// Approves addresses for processing.
    ///
    /// # Errors
    /// An unknown address (nothing is changed then), or storage.
    pub async fn approve_mailboxes(&self, request: MailboxesRequest) -> Result<Vec<MailboxView>, ApiError> {
        self.change(&request.addresses, |id| ConfigurationChange::Approve(id, Approval::Approved)).await
    }

    /// Rejects addresses.
    ///
    /// # Errors
    /// As [`Tandem::approve_mailboxes`].
    pub async fn reject_mailboxes(&self, request: MailboxesRequest) -> Result<Vec<MailboxView>, ApiError> {
        self.change(&request.addresses, |id| ConfigurationChange::Approve(id, Approval::Rejected)).await
    }

    /// Stops processing of mailboxes until they are tested and enabled again.
    ///
    /// # Errors
    /// As [`Tandem::approve_mailboxes`].
    pub async fn disable_mailboxes(&self, request: MailboxesRequest) -> Result<Vec<MailboxView>, ApiError> {
        self.change(&request.addresses, |id| ConfigurationChange::Disable(id, None)).await
    }

    async fn change(
        &self,
        addresses: &[String],
        change: impl Fn(MailboxId) -> ConfigurationChange,
    ) -> Result<Vec<MailboxView>, ApiError> {
        let mut ids = Vec::new();
        for address in addresses {
            ids.push(self.find_mailbox(address).await?.id);
        }
        let changes = ids.iter().map(|id| change(*id)).collect();
        let object = addresses.join(", ");
        self.store.apply(changes, self.now()).await.map_err(|error| of_configuration(&object, &error))?;
        self.engine.wake();
        let mut changed = Vec::new();
        for id in ids {
            changed.push(self.store.show_mailbox(id).await.map_err(|error| of_storage(&object, &error))?);
        }
        self.views_of(changed).await
    }

    /// The mailbox with this address.
    pub(crate) async fn find_mailbox(&self, address: &str) -> Result<Mailbox, ApiError> {
        let parsed = EmailAddress::parse(address).map_err(|error| {
            let remedy =
                "Write the mailbox's address, like amy@contoso.com; `tandem mailbox list` shows all.";
            ApiError::plain("bad_address", address, &format!("{error}."), remedy)
        })?;
        let found =
            self.store.mailbox_by_address(&parsed).await.map_err(|error| of_storage(address, &error))?;
        found.ok_or_else(|| ApiError::not_found("mailbox", address))
    }

    pub(crate) async fn mailbox_view(&self, id: MailboxId) -> Result<MailboxView, ApiError> {
        let shown = self.store.show_mailbox(id).await.map_err(|error| of_storage("mailbox", &error))?;
        let mut views = self.views_of(vec![shown]).await?;
        views.pop().ok_or_else(|| ApiError::not_found("mailbox", &id.to_string()))
    }

    pub(crate) async fn organization_settings(&self) -> Result<OrganizationSettings, ApiError> {
        self.store.settings().await.map_err(|error| of_storage("settings", &error))
    }

    pub(crate) async fn views_of(&self, all: Vec<view::MailboxView>) -> Result<Vec<MailboxView>, ApiError> {
        let judge = self.judge().await?;
        let profiles = self.store.list_profiles().await.map_err(|error| of_storage("profiles", &error))?;
        let profile_of =
            |shown: &view::MailboxView| profiles.iter().find(|one| Some(one.id) == shown.mailbox.profile);
        let keys = all.iter().map(|shown| password_key(&shown.mailbox, profile_of(shown))).collect();
        let passwords = self.have_secrets(keys).await;
        let now = self.now();
        let with_passwords = all.iter().zip(passwords);
        Ok(with_passwords
            .map(|(shown, password_set)| mailbox_view(shown, profile_of(shown), password_set, &judge, now))
            .collect())
    }
}

/// The ladders of the last test; where it failed before anything was tried, without a rung and with its reason.
fn last_test(shown: &view::MailboxView, ladders: &[view::TestLadder]) -> Vec<LadderView> {
    let object = shown.mailbox.email.as_str();
    let of = |row: &view::WorkloadView| match ladders.iter().find(|one| one.workload == row.workload) {
        Some(ladder) => Some(ladder_view(object, row.workload, &ladder.rungs, None)),
        None => {
            let failure = row.last_failure.as_ref().filter(|_| row.state.tested_at.is_some())?;
            Some(ladder_view(object, row.workload, &[], Some(failure)))
        }
    };
    shown.workloads.iter().filter_map(of).collect()
}

fn password_key(mailbox: &Mailbox, profile: Option<&EmailServerProfile>) -> SecretRef {
    match profile {
        Some(profile) if profile.authenticate_using == AuthenticateUsing::Profile => {
            keys::profile_password(profile.id)
        }
        _ => keys::mailbox_password(mailbox.id),
    }
}

fn mailbox_view(
    shown: &view::MailboxView,
    profile: Option<&EmailServerProfile>,
    password_set: bool,
    judge: &Judge,
    now: Instant,
) -> MailboxView {
    let mailbox = &shown.mailbox;
    let named = judged(shown);
    let healths: Vec<_> =
        Workload::ALL.iter().filter_map(|one| judge.workload(shown, &named, profile, *one, now)).collect();
    MailboxView {
        id: mailbox.id.to_string(),
        email: mailbox.email.to_string(),
        owner: owner_view(mailbox.owner, &shown.owner_name),
        incoming_filter: filter_of(mailbox.owner, shown.owner_filter).as_str().to_owned(),
        profile: shown.profile_name.clone(),
        approval: mailbox.approval.as_str().to_owned(),
        status: worst(&healths).map_or(OFF, |(status, _)| status.as_str()).to_owned(),
        user_name: mailbox.user_name.clone(),
        password_set,
        allow_credentials: mailbox.allow_credentials,
        delete_after_processing: mailbox.delete_after_processing,
        process_emails_from: mailbox.process_emails_from,
        workloads: workloads_view(shown, profile, judge, now),
    }
}
