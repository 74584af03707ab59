//! Completeness: the server's list against the ledger, and of which times everything was seen.

use crate::{
    Role, Tandem,
    people::{of_failure, of_storage},
    wire::{ApiError, CoverageView, MailboxRequest, StretchView, VerificationView, VerifyRequest},
};
use std::{sync::Arc, time::Duration};
use tandem_domain::{
    mailbox::Mailbox,
    verification::{Seen, Stretch, Verification},
    workload::Workload,
};
use tandem_engine::{ports::storage::Schedule, verify::Repair};

/// Somebody may hold the engine only for a moment.
const HOLD_WAITS: Duration = Duration::from_secs(2);

impl Tandem {
    /// Compares mailboxes with their servers, and repairs what is missing when asked to.
    ///
    /// # Errors
    /// An unknown address, nothing that is synchronized, or another process that holds the engine and does not answer.
    pub async fn verify(self: &Arc<Self>, request: VerifyRequest) -> Result<Vec<VerificationView>, ApiError> {
        let mailboxes = self.mailboxes_to_verify(&request.addresses).await?;
        let repair = if request.repair { Repair::Yes } else { Repair::No };
        // Deciding is the engine's: this process's, or what runs nowhere else. Looking is everybody's.
        let mut held = None;
        if request.repair && !self.hub.engine_running() {
            if let Some(there) = self.elsewhere().await? {
                let failed = |error: serde_json::Error| ApiError::bad_request("verify", &error);
                let request = serde_json::to_value(&request).map_err(failed)?;
                return serde_json::from_value(there.call("verify", request).await?).map_err(failed);
            }
            held = Some(self.hold(Role::Sync, HOLD_WAITS).await?);
            self.store.release_all().await.map_err(|error| of_storage("schedule", &error))?;
        }
        let mut views = Vec::new();
        for mailbox in mailboxes {
            let Some(found) = self.engine.verify(mailbox.id, repair, &self.closing).await else { break };
            let missing = found.missing.len() as u64;
            views.push(verification_view(mailbox.email.as_str(), &found, missing));
        }
        if let Some(held) = held {
            self.let_go(held).await;
        }
        Ok(views)
    }

    /// Of which times everything in a mailbox was seen, and its last verification.
    ///
    /// # Errors
    /// An unknown address, or storage.
    pub async fn coverage(&self, request: MailboxRequest) -> Result<CoverageView, ApiError> {
        let mailbox = self.find_mailbox(&request.address).await?;
        let email = mailbox.email.as_str();
        let failed = |error| of_storage(email, &error);
        let stretches = self.store.coverage(mailbox.id).await.map_err(failed)?;
        let latest = self.store.latest_verification(mailbox.id).await.map_err(failed)?;
        Ok(CoverageView {
            stretches: stretches.into_iter().map(stretch_view).collect(),
            verification: latest.map(|(found, missing)| verification_view(email, &found, missing)),
        })
    }

    async fn mailboxes_to_verify(&self, addresses: &[String]) -> Result<Vec<Mailbox>, ApiError> {
        let mut mailboxes = Vec::new();
        if addresses.is_empty() {
            let all = self.store.list_mailboxes().await.map_err(|error| of_storage("mailboxes", &error))?;
            mailboxes.extend(all.into_iter().map(|one| one.mailbox).filter(is_verifiable));
        }
        for address in addresses {
            let mailbox = self.find_mailbox(address).await?;
            if !is_verifiable(&mailbox) {
                let message = "Its incoming mail is not synchronized, so there is nothing to verify.";
                let remedy = "Approve the mailbox and run Test & Enable for it first.";
                return Err(ApiError::plain("not_processed", mailbox.email.as_str(), message, remedy));
            }
            mailboxes.push(mailbox);
        }
        Ok(mailboxes)
    }
}

fn is_verifiable(mailbox: &Mailbox) -> bool {
    mailbox.is_processed(Workload::Incoming)
}

fn verification_view(mailbox: &str, found: &Verification, missing: u64) -> VerificationView {
    let count = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    VerificationView {
        mailbox: mailbox.to_owned(),
        verified_at: found.verified_at,
        on_server: count(found.on_server),
        seen: count(found.decided),
        waiting: count(found.waiting),
        missing: count(missing),
        missing_identities: found.missing.iter().map(|one| one.0.clone()).collect(),
        repaired: count(found.repaired),
        extra: count(found.gone),
        complete: found.failure.is_none() && found.repaired >= missing,
        next_due: found.next_due(),
        failure: found.failure.as_ref().map(|failure| of_failure(mailbox, failure, Some(found.next_due()))),
    }
}

fn stretch_view(stretch: Stretch) -> StretchView {
    let caught_up_at = match stretch.seen {
        Seen::AsItCame => None,
        Seen::CaughtUp(at) => Some(at),
    };
    StretchView { from: stretch.from, until: stretch.until, caught_up_at }
}
