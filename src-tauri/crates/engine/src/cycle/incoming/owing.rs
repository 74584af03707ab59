//! Messages that failed on their own: which are tried again now, and what one more failure comes to.

use super::listing::step;
use crate::ports::{
    mail::RemoteItem,
    storage::{DecidedItem, Keep},
};
use std::collections::HashMap;
use tandem_domain::{
    Instant,
    failure::Failure,
    item_retry::{AfterItemFailure, MAX_ITEM_RETRIES, OwedItem, after_item_failure},
    ledger::{Decision, LedgerRow, ServerIdentity},
};

/// The messages that are owed now, as if the server had just listed them.
pub fn due(owed: &[OwedItem], now: Instant) -> Vec<RemoteItem> {
    let due = owed.iter().filter(|item| item.next_at <= now);
    due.map(|item| RemoteItem {
        identity: item.identity.clone(),
        size: item.size,
        received_at: item.received_at,
        cursor: None,
    })
    .collect()
}

/// How often each message failed before.
#[derive(Debug, Default)]
pub struct Failures(HashMap<ServerIdentity, u32>);

impl Failures {
    /// Those of what is owed.
    pub fn of(owed: &[OwedItem]) -> Self {
        Self(owed.iter().map(|item| (item.identity.clone(), item.failures)).collect())
    }

    /// Decides about a message that failed once more. `row` says all that is known of it.
    pub fn decide(&self, row: LedgerRow, why: &Failure, now: Instant) -> DecidedItem {
        let failures = self.0.get(&row.identity).copied().unwrap_or(0).saturating_add(1);
        let tries = MAX_ITEM_RETRIES + 1;
        let said = format!("try {failures} of {tries} failed ({}): {}", why.code, why.server_said);
        match after_item_failure(failures, why, now) {
            AfterItemFailure::RetryAt(next_at) => {
                let detail = format!("tried again at {}; {said}", next_at.format("%Y-%m-%d %H:%M UTC"));
                let owed = OwedItem {
                    identity: row.identity.clone(),
                    size: row.size,
                    received_at: row.received_at,
                    failures,
                    next_at,
                    why: why.clone(),
                };
                let row =
                    LedgerRow { decision: Decision::Retrying, trace: vec![step("item", detail)], ..row };
                DecidedItem { row, keep: Keep::Owed(Box::new(owed)) }
            }
            AfterItemFailure::Undeliverable => {
                let trace = vec![step("item", format!("given up; {said}"))];
                let row = LedgerRow { decision: Decision::Undeliverable, trace, ..row };
                DecidedItem { row, keep: Keep::Nothing }
            }
        }
    }
}
