//! Messages that wait for a person: those that could not be read, and those that failed too often. Shown, and tried again.

use crate::{
    Tandem,
    decide::PlanFor,
    people::of_storage,
    wire::{ApiError, QuarantineRequest, QuarantineRetryResult, QuarantineView},
};
use std::{io::Read, sync::Arc};
use tandem_domain::{
    alert::{AlertCode, AlertObject},
    ids::{CycleId, QuarantineId},
    ledger::{Decision, LedgerRow},
    message::ParsedMessage,
    workload::Workload,
};
use tandem_engine::{
    ports::storage::{AlertLog, Configuration, DecidedItem, IncomingBatch, Keep, Ledger, StorageError},
    raw::RawMessage,
};
use tandem_store::view::{AlertState, LedgerEntry, LedgerFilter, QuarantineEntry};
use uuid::Uuid;

/// At most this many are listed.
const SHOWN: u32 = 10_000;
/// So many bytes of a message are shown.
const PREVIEW_BYTES: u64 = 2_048;
/// A plan is made anew this often when the facts changed meanwhile.
const ROUNDS: usize = 3;

impl Tandem {
    /// Messages that could not be read, or failed too often to be fetched or recorded.
    ///
    /// # Errors
    /// An unknown id, or storage.
    pub async fn quarantine(&self, request: QuarantineRequest) -> Result<Vec<QuarantineView>, ApiError> {
        let mut views = Vec::new();
        let undeliverable = self.undeliverable(&request).await?;
        views.extend(undeliverable.iter().map(|(id, entry)| undeliverable_view(*id, entry)));
        if request.id.is_some() && !views.is_empty() {
            return Ok(views);
        }
        for (entry, raw) in self.quarantined(&request).await? {
            let mailbox = self.store.mailbox(entry.mailbox).await.ok();
            views.push(QuarantineView {
                kind: "unreadable".to_owned(),
                id: entry.id.to_string(),
                mailbox: mailbox.map_or_else(|| entry.mailbox.to_string(), |one| one.email.to_string()),
                uid: entry.identity.0,
                reason: entry.reason,
                parser_version: entry.parser_version,
                size: entry.size,
                quarantined_at: entry.quarantined_at,
                preview: preview(&raw),
            });
        }
        Ok(views)
    }

    /// Tries to read quarantined messages again, and asks for undeliverable ones again.
    ///
    /// # Errors
    /// As [`Tandem::quarantine`].
    pub async fn retry_quarantine(
        &self,
        request: QuarantineRequest,
    ) -> Result<QuarantineRetryResult, ApiError> {
        let mut result = QuarantineRetryResult { released: 0, still_unreadable: 0, asked_again: 0 };
        for (_, entry) in self.undeliverable(&request).await? {
            self.ask_again(&entry).await?;
            result.asked_again += 1;
        }
        if request.id.is_some() && result.asked_again > 0 {
            return Ok(result);
        }
        for (entry, raw) in self.quarantined(&request).await? {
            let (parser, bytes) = (Arc::clone(&self.ports.parser), raw.clone());
            let parsed = tokio::task::spawn_blocking(move || parser.parse(&bytes)).await;
            match parsed.map_err(|error| ApiError::internal("quarantine", &error))? {
                Ok(message) => {
                    self.release(&entry, &message, &raw).await?;
                    result.released += 1;
                }
                Err(_) => result.still_unreadable += 1,
            }
        }
        self.clear_quarantine_alerts().await?;
        Ok(result)
    }

    /// The undeliverable messages that are asked for, with their ids.
    async fn undeliverable(
        &self,
        request: &QuarantineRequest,
    ) -> Result<Vec<(QuarantineId, LedgerEntry)>, ApiError> {
        let filter = LedgerFilter { decision: Some(Decision::Undeliverable), ..LedgerFilter::default() };
        let all = self.store.list_ledger(filter, SHOWN).await;
        let all = all.map_err(|error| of_storage("quarantine", &error))?;
        let wanted = request.id.as_deref().map(str::parse::<QuarantineId>);
        let with_id = |entry: LedgerEntry| {
            let id = tandem_store::quarantine_id(entry.row.mailbox, &entry.row.folder, &entry.row.identity);
            (id, entry)
        };
        Ok(all
            .into_iter()
            .map(with_id)
            .filter(|(id, _)| wanted.as_ref().is_none_or(|wanted| wanted.as_ref() == Ok(id)))
            .collect())
    }

    /// The next cycle of the message's mailbox, which is due now, tries to fetch it.
    async fn ask_again(&self, entry: &LedgerEntry) -> Result<(), ApiError> {
        let row = &entry.row;
        let failed = |error| of_storage(&row.identity.0, &error);
        let now = self.now();
        let asked = self.store.retry_undeliverable(row.mailbox, &row.folder, &row.identity, now).await;
        asked.map_err(failed)?;
        let object = AlertObject::Mailbox(row.mailbox, Workload::Incoming);
        let cleared = self.store.clear(object, Some(AlertCode::MessageUndeliverable), now).await;
        cleared.map_err(failed)?;
        self.engine.wake();
        Ok(())
    }

    /// Clears the alerts of mailboxes that have nothing in quarantine any more.
    async fn clear_quarantine_alerts(&self) -> Result<(), ApiError> {
        let failed = |error| of_storage("quarantine", &error);
        let waiting = self.store.list_quarantine(SHOWN).await.map_err(failed)?;
        for alert in self.store.list_alerts(AlertState::Open, SHOWN).await.map_err(failed)? {
            let AlertObject::Mailbox(mailbox, _) = alert.raised.object else { continue };
            let is_over = alert.raised.code == AlertCode::MessageQuarantined
                && !waiting.iter().any(|entry| entry.mailbox == mailbox);
            if is_over {
                let code = Some(AlertCode::MessageQuarantined);
                self.store.clear(alert.raised.object, code, self.now()).await.map_err(failed)?;
            }
        }
        Ok(())
    }

    /// Decides a message that can be read now, as its cycle would have.
    async fn release(
        &self,
        entry: &QuarantineEntry,
        message: &ParsedMessage,
        raw: &RawMessage,
    ) -> Result<(), ApiError> {
        let failed = |error| of_storage(&entry.id.to_string(), &error);
        let mailbox = self.store.mailbox(entry.mailbox).await.map_err(failed)?;
        let scope = format!("{}/{}/{}", mailbox.id, entry.folder, entry.identity.0);
        let cycle = CycleId(Uuid::new_v4());
        for _ in 0..ROUNDS {
            let received_at = message.received_at.or(message.sent_at).unwrap_or(entry.quarantined_at);
            let plan =
                self.plan_for(PlanFor { mailbox: &mailbox, message, received_at, scope: &scope }).await?;
            let row = LedgerRow {
                mailbox: mailbox.id,
                folder: entry.folder.clone(),
                identity: entry.identity.clone(),
                message_id: message.message_id.clone(),
                received_at: Some(received_at),
                size: raw.len(),
                decision: plan.decision,
                trace: plan.trace,
                email: plan.promote.as_ref().map(|email| email.id).or(plan.duplicate_of),
                cycle,
                decided_at: self.now(),
            };
            let keep = match plan.promote {
                Some(email) => Keep::Email { email, message: Box::new(message.clone()), raw: raw.clone() },
                None => Keep::Nothing,
            };
            let items = vec![DecidedItem { row, keep }];
            let batch = IncomingBatch {
                mailbox: mailbox.id,
                folder: entry.folder.clone(),
                cycle,
                items,
                cursor: None,
            };
            match self.store.commit(batch).await {
                Err(StorageError::Conflict) => continue,
                other => return other.map_err(failed),
            }
        }
        Err(failed(StorageError::Conflict))
    }

    async fn quarantined(
        &self,
        request: &QuarantineRequest,
    ) -> Result<Vec<(QuarantineEntry, RawMessage)>, ApiError> {
        let failed = |error| of_storage("quarantine", &error);
        let ids = match &request.id {
            Some(text) => {
                let id = text.parse::<QuarantineId>();
                vec![id.map_err(|_| ApiError::not_found("quarantined message", text))?]
            }
            None => {
                let all = self.store.list_quarantine(SHOWN).await.map_err(failed)?;
                all.into_iter().map(|entry| entry.id).collect()
            }
        };
        let mut found = Vec::new();
        for id in ids {
            match self.store.show_quarantine(id).await {
                Ok(one) => found.push(one),
                Err(StorageError::NotFound(_)) if request.id.is_some() => {
                    return Err(ApiError::not_found("quarantined message", &id.to_string()));
                }
                // Released since it was listed.
                Err(StorageError::NotFound(_)) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(found)
    }
}

fn undeliverable_view(id: QuarantineId, entry: &LedgerEntry) -> QuarantineView {
    let row = &entry.row;
    let mailbox = entry.mailbox_email.as_ref();
    QuarantineView {
        kind: "undeliverable".to_owned(),
        id: id.to_string(),
        mailbox: mailbox.map_or_else(|| row.mailbox.to_string(), ToString::to_string),
        uid: row.identity.0.clone(),
        reason: row.trace.last().map(|step| step.detail.clone()).unwrap_or_default(),
        parser_version: String::new(),
        size: row.size,
        quarantined_at: row.decided_at,
        preview: String::new(),
    }
}

/// The first bytes, printable.
fn preview(raw: &RawMessage) -> String {
    let mut bytes = Vec::new();
    let read = raw.open().and_then(|reader| reader.take(PREVIEW_BYTES).read_to_end(&mut bytes));
    if let Err(error) = read {
        return format!("(its bytes cannot be read: {error})");
    }
    let text = String::from_utf8_lossy(&bytes);
    text.chars().filter(|c| *c != '\r').map(|c| if c.is_control() && c != '\n' { '·' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_is_printable_and_short() {
        let raw = RawMessage::from([b"a\x1b[2J\r\nb".as_slice(), &[b'x'; 5_000]].concat());
        let shown = preview(&raw);
        assert!(shown.starts_with("a·[2J\nb") && shown.len() < 2_100);
    }
}
