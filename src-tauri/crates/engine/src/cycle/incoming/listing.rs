//! What the listing alone decides: messages that need not be fetched, each with its rule trace.

use crate::{access::Prepared, ports::mail::RemoteItem};
use std::collections::VecDeque;
use tandem_domain::{
    Instant,
    ledger::{Decision, RuleOutcome, RuleStep},
};

/// A message whose decision needs no bytes, or one to be fetched.
#[derive(Debug, Clone)]
pub enum Listed {
    /// To be fetched.
    ToFetch(RemoteItem),
    /// Decided from what the server said about it.
    Decided(RemoteItem, Decision, Vec<RuleStep>),
}

/// The messages of a cycle in the server's order, taken page by page.
#[derive(Debug)]
pub struct Listing(VecDeque<Listed>);

/// What a message without a stated size counts for.
const UNKNOWN_SIZE: u64 = 64 * 1024;

impl Listing {
    /// Decides what can be decided.
    pub fn new(items: Vec<RemoteItem>, prepared: &Prepared) -> Self {
        let start = start(prepared);
        let limit = prepared.settings.max_message_bytes;
        Self(items.into_iter().map(|item| decide(item, start, limit)).collect())
    }

    /// How many are left.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Takes the next page: so many messages to fetch, or so many bytes; at least one, with what lies between.
    pub fn next_page(&mut self, max_messages: usize, max_bytes: u64) -> VecDeque<Listed> {
        let (mut page, mut messages, mut bytes) = (VecDeque::new(), 0_usize, 0_u64);
        while let Some(next) = self.0.front() {
            if let Listed::ToFetch(item) = next {
                let size = if item.size == 0 { UNKNOWN_SIZE } else { item.size };
                if messages > 0 && (messages >= max_messages || bytes.saturating_add(size) > max_bytes) {
                    break;
                }
                messages += 1;
                bytes = bytes.saturating_add(size);
            } else if page.len() >= max_messages.saturating_mul(8) {
                break;
            }
            page.extend(self.0.pop_front());
        }
        page
    }
}

/// The later of the profile's and the mailbox's date.
pub fn start(prepared: &Prepared) -> Option<Instant> {
    prepared.access.process_emails_from
}

/// Too large, with its rule trace.
pub fn too_large(size: u64, limit: u64) -> (Decision, Vec<RuleStep>) {
    let detail = format!("{size} bytes, more than the limit of {limit}; it was not fetched");
    (Decision::TooLarge, vec![step("size", detail)])
}

/// Gone, with its rule trace.
pub fn gone() -> (Decision, Vec<RuleStep>) {
    let detail = "the server listed it, but it was gone when it was to be fetched".to_owned();
    (Decision::Gone, vec![step("fetch", detail)])
}

/// Before the start, with its rule trace; `None` when it is not known to be.
pub fn before_start(
    received_at: Option<Instant>,
    start: Option<Instant>,
) -> Option<(Decision, Vec<RuleStep>)> {
    let (received_at, start) = (received_at?, start?);
    let detail = format!("received {received_at}, before {start}");
    (received_at < start).then(|| (Decision::BeforeStart, vec![step("process_emails_from", detail)]))
}

/// Too old by its header, with its rule trace. The adapter compared with the same date.
pub fn header_too_old(received_at: Instant, start: Option<Instant>) -> (Decision, Vec<RuleStep>) {
    before_start(Some(received_at), start).unwrap_or_else(|| {
        let detail = format!("received {received_at}; its header was found to be too old");
        (Decision::BeforeStart, vec![step("process_emails_from", detail)])
    })
}

/// The step that decided.
pub fn step(rule: &str, detail: String) -> RuleStep {
    let detail = if detail.chars().count() > 300 { detail.chars().take(300).collect() } else { detail };
    RuleStep { rule: rule.to_owned(), outcome: RuleOutcome::Decided, detail }
}

fn decide(item: RemoteItem, start: Option<Instant>, limit: u64) -> Listed {
    if let Some((decision, trace)) = before_start(item.received_at, start) {
        return Listed::Decided(item, decision, trace);
    }
    if item.size > limit {
        let (decision, trace) = too_large(item.size, limit);
        return Listed::Decided(item, decision, trace);
    }
    Listed::ToFetch(item)
}
