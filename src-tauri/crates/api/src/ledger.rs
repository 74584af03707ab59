//! The ledger: every message seen, and why it was (not) tracked.

use crate::{
    Tandem,
    decide::{PlanFor, received_at},
    people::{in_file, of_storage},
    views::rule_view,
    wire::{ApiError, ExplainRequest, Explanation, LedgerRequest, LedgerView},
};
use std::{collections::BTreeSet, path::Path, sync::Arc};
use tandem_domain::{
    address::MessageId,
    directory::DirectoryEntry,
    email::Direction,
    ledger::{Decision, LedgerRow, RuleOutcome, RuleStep},
    mailbox::{DeliveryMethod, Mailbox},
    message::ParsedMessage,
};
use tandem_engine::{
    ports::storage::{Activities, Configuration},
    raw::RawMessage,
};
use tandem_store::view::{LedgerEntry, LedgerFilter};

/// How many rows are read at once.
const PAGE: u32 = 5_000;
/// A file is explained for at most this many mailboxes, when it names none of them.
const MOST_MAILBOXES: usize = 50;

impl Tandem {
    /// Ledger rows, newest first.
    ///
    /// # Errors
    /// An unknown mailbox or decision, or storage.
    pub async fn ledger(&self, request: LedgerRequest) -> Result<Vec<LedgerView>, ApiError> {
        let mailbox = match &request.mailbox {
            Some(address) => Some(self.find_mailbox(address).await?.id),
            None => None,
        };
        let decision = match &request.decision {
            Some(word) => {
                let words: Vec<_> = Decision::ALL.iter().map(|one| one.as_str()).collect();
                Some(
                    Decision::from_word(word)
                        .ok_or_else(|| ApiError::unknown_word("decision", word, &words))?,
                )
            }
            None => None,
        };
        let most = if request.limit == 0 { usize::MAX } else { request.limit as usize };
        let rows =
            self.ledger_rows(LedgerFilter { mailbox, decision, ..LedgerFilter::default() }, most).await?;
        Ok(rows.iter().map(ledger_view).collect())
    }

    async fn ledger_rows(&self, mut filter: LedgerFilter, most: usize) -> Result<Vec<LedgerEntry>, ApiError> {
        let mut rows = Vec::new();
        while rows.len() < most {
            let page = self.store.list_ledger(filter.clone(), PAGE).await;
            let page = page.map_err(|error| of_storage("ledger", &error))?;
            filter.after = page.last().map(|last| last.key);
            let is_last = page.len() < PAGE as usize;
            rows.extend(page);
            if is_last {
                break;
            }
        }
        rows.truncate(most);
        Ok(rows)
    }

    /// Why a message was (not) tracked; for a file: what would happen.
    ///
    /// # Errors
    /// A message that no mailbox saw, a file that cannot be read, an unknown mailbox, or storage.
    pub async fn explain(&self, request: ExplainRequest) -> Result<Vec<Explanation>, ApiError> {
        let mailbox = match &request.mailbox {
            Some(address) => Some(self.find_mailbox(address).await?),
            None => None,
        };
        let path = Path::new(&request.subject);
        let names_file = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("eml"));
        if names_file || path.is_file() {
            return self.explain_file(path, mailbox).await;
        }
        self.explain_message(&request.subject, mailbox).await
    }

    async fn explain_message(
        &self,
        text: &str,
        mailbox: Option<Mailbox>,
    ) -> Result<Vec<Explanation>, ApiError> {
        let unknown = || ApiError::not_found("message", text);
        let message_id = MessageId::parse(text).ok_or_else(unknown)?;
        let filter = LedgerFilter {
            mailbox: mailbox.as_ref().map(|one| one.id),
            message_id: Some(message_id.clone()),
            ..LedgerFilter::default()
        };
        let rows = self.ledger_rows(filter, usize::MAX).await?;
        let mut explanations = Vec::new();
        for entry in &rows {
            explanations.push(self.explain_row(entry).await?);
        }
        if explanations.is_empty() {
            explanations.extend(self.explain_sent(&message_id).await?);
        }
        if explanations.is_empty() {
            let message = "No mailbox has seen a message with this Message-ID yet.";
            let remedy = "Check the id and, with `tandem health`, whether the mailbox is up to date. For a message in a file, give the path of the .eml file: Tandem then tells what would happen.";
            return Err(ApiError::plain("not_found", text, message, remedy));
        }
        Ok(explanations)
    }

    async fn explain_row(&self, entry: &LedgerEntry) -> Result<Explanation, ApiError> {
        let row = &entry.row;
        let address =
            entry.mailbox_email.as_ref().map_or_else(|| row.mailbox.to_string(), ToString::to_string);
        let owner = match self.store.mailbox(row.mailbox).await {
            Ok(mailbox) => self.store.owner(mailbox.owner).await.ok(),
            Err(_) => None,
        };
        Ok(Explanation {
            mailbox: address,
            happened: true,
            decision: row.decision.as_str().to_owned(),
            summary: summary(row.decision, &row.trace),
            trace: row.trace.iter().map(rule_view).collect(),
            what_would_change_it: what_would_change(row.decision, owner.as_ref(), true),
            email_id: row.email.map(|id| id.to_string()),
            decided_at: Some(row.decided_at),
        })
    }

    /// A message that was not received here: one that Tandem made itself.
    async fn explain_sent(&self, message_id: &MessageId) -> Result<Option<Explanation>, ApiError> {
        let failed = |error| of_storage(message_id.as_str(), &error);
        let known = self.store.known(vec![message_id.clone()]).await.map_err(failed)?;
        let Some(known) = known.get(message_id) else { return Ok(None) };
        let detail = self.store.show_email(known.id).await.map_err(failed)?;
        if detail.summary.direction != Direction::Outgoing {
            return Ok(None);
        }
        let status = detail.summary.status.as_str();
        Ok(Some(Explanation {
            mailbox: detail.mailbox_email.map(|email| email.to_string()).unwrap_or_default(),
            happened: true,
            decision: "outgoing".to_owned(),
            summary: format!("Tandem made this message itself; its status is \"{status}\"."),
            trace: Vec::new(),
            what_would_change_it: "Nothing: a sent message is tracked from the start.".to_owned(),
            email_id: Some(known.id.to_string()),
            decided_at: None,
        }))
    }

    async fn explain_file(
        &self,
        path: &Path,
        mailbox: Option<Mailbox>,
    ) -> Result<Vec<Explanation>, ApiError> {
        let (parser, file) = (Arc::clone(&self.ports.parser), path.to_path_buf());
        let parsed = tokio::task::spawn_blocking(move || {
            let bytes =
                std::fs::read(&file).map_err(|error| in_file("The message cannot be read", &file, &error))?;
            Ok::<_, ApiError>(parser.parse(&RawMessage::from(bytes)))
        });
        let parsed = parsed.await.map_err(|error| ApiError::internal("message", &error))??;
        let mailboxes = match mailbox {
            Some(mailbox) => vec![mailbox],
            None => self.mailboxes_for(parsed.as_ref().ok()).await?,
        };
        let mut explanations = Vec::new();
        for mailbox in mailboxes {
            explanations.push(match &parsed {
                Ok(message) => self.explain_parsed(&mailbox, message).await?,
                Err(unreadable) => would_be_quarantined(&mailbox, &unreadable.0),
            });
        }
        if explanations.is_empty() {
            let message = "There is no mailbox whose incoming mail is synchronized.";
            let remedy = "Add a mailbox with incoming = \"server_side_sync\", or name one with --mailbox.";
            return Err(ApiError::plain("nothing_to_do", &path.display().to_string(), message, remedy));
        }
        Ok(explanations)
    }

    async fn explain_parsed(
        &self,
        mailbox: &Mailbox,
        message: &ParsedMessage,
    ) -> Result<Explanation, ApiError> {
        let scope = format!("{}/explained", mailbox.id);
        let at = received_at(message, self.now());
        let plan = self.plan_for(PlanFor { mailbox, message, received_at: at, scope: &scope }).await?;
        let owner = self.store.owner(mailbox.owner).await.ok();
        let email_id = plan.promote.as_ref().map(|email| email.id).or(plan.duplicate_of);
        Ok(Explanation {
            mailbox: mailbox.email.to_string(),
            happened: false,
            decision: plan.decision.as_str().to_owned(),
            summary: summary(plan.decision, &plan.trace),
            trace: plan.trace.iter().map(rule_view).collect(),
            what_would_change_it: what_would_change(plan.decision, owner.as_ref(), false),
            email_id: email_id.map(|id| id.to_string()),
            decided_at: None,
        })
    }

    /// The synchronized mailboxes that a message is addressed to; all of them when it names none.
    async fn mailboxes_for(&self, message: Option<&ParsedMessage>) -> Result<Vec<Mailbox>, ApiError> {
        let all = self.store.list_mailboxes().await.map_err(|error| of_storage("mailboxes", &error))?;
        let mut synchronized: Vec<_> = all
            .into_iter()
            .map(|one| one.mailbox)
            .filter(|one| one.incoming == DeliveryMethod::ServerSideSync)
            .collect();
        let recipients: BTreeSet<_> = message
            .iter()
            .flat_map(|message| message.to.iter().chain(&message.cc).chain(&message.bcc))
            .filter_map(|mention| mention.address.clone())
            .collect();
        if synchronized.iter().any(|one| recipients.contains(&one.email)) {
            synchronized.retain(|one| recipients.contains(&one.email));
        }
        synchronized.truncate(MOST_MAILBOXES);
        Ok(synchronized)
    }
}

fn would_be_quarantined(mailbox: &Mailbox, reason: &str) -> Explanation {
    Explanation {
        mailbox: mailbox.email.to_string(),
        happened: false,
        decision: Decision::Quarantined.as_str().to_owned(),
        summary: format!("It cannot be read, so its bytes would be kept in quarantine: {reason}."),
        trace: Vec::new(),
        what_would_change_it: what_would_change(Decision::Quarantined, None, false),
        email_id: None,
        decided_at: None,
    }
}

fn ledger_view(entry: &LedgerEntry) -> LedgerView {
    let LedgerRow { trace, .. } = &entry.row;
    LedgerView {
        mailbox: entry
            .mailbox_email
            .as_ref()
            .map_or_else(|| entry.row.mailbox.to_string(), ToString::to_string),
        folder: entry.row.folder.clone(),
        uid: entry.row.identity.0.clone(),
        message_id: entry.row.message_id.as_ref().map(ToString::to_string),
        received_at: entry.row.received_at,
        size: entry.row.size,
        decision: entry.row.decision.as_str().to_owned(),
        reason: deciding(trace).map(|step| step.detail.clone()).unwrap_or_default(),
        trace: trace.iter().map(rule_view).collect(),
        email_id: entry.row.email.map(|id| id.to_string()),
        cycle_id: entry.row.cycle.to_string(),
        decided_at: entry.row.decided_at,
    }
}

fn deciding(trace: &[RuleStep]) -> Option<&RuleStep> {
    trace.iter().rev().find(|step| step.outcome == RuleOutcome::Decided).or(trace.last())
}

fn summary(decision: Decision, trace: &[RuleStep]) -> String {
    let what = match decision {
        Decision::Promoted => "An email activity is made of it",
        Decision::Duplicate => "It is one that is tracked already",
        Decision::NotAccepted => "It is not tracked",
        Decision::BeforeStart => "It is older than the date from which mail is processed",
        Decision::TestMessage => "It is Tandem's own test message",
        Decision::Quarantined => "It cannot be read and is kept in quarantine",
        Decision::TooLarge => "It is larger than the limit and was left on the server",
        Decision::Gone => "It went away from the server before it was fetched",
        Decision::Retrying => "It failed by itself, and is tried again",
        Decision::Undeliverable => "It failed by itself too often, and was given up",
    };
    match deciding(trace) {
        Some(step) => format!("{what}: {}.", step.detail),
        None => format!("{what}."),
    }
}

fn what_would_change(decision: Decision, owner: Option<&DirectoryEntry>, happened: bool) -> String {
    let name = owner.map_or("the owner", |owner| owner.name.as_str());
    let filter = owner.and_then(|owner| owner.incoming_filter).map_or("", |filter| filter.as_str());
    let later = if happened { " That holds for later messages: what was decided stays decided." } else { "" };
    match decision {
        Decision::Promoted => format!(
            "A stricter incoming filter of {name} (it is \"{filter}\" now), or a later Process Emails From date.{later}"
        ),
        Decision::Duplicate => {
            "Nothing needs to: the record that it names holds the message. One message is one record, whoever else received it.".to_owned()
        }
        Decision::NotAccepted => format!(
            "A wider incoming filter of {name}: it is \"{filter}\" now, and \"all\" accepts everything; or, where the filter asks for a known sender, a contact, account or lead with the sender's address.{later}"
        ),
        Decision::BeforeStart => {
            format!("An earlier Process Emails From date, of both the mailbox and its profile: the later one of the two decides.{later}")
        }
        Decision::TestMessage => "Nothing: Test & Enable's own messages are never tracked.".to_owned(),
        Decision::Quarantined => {
            "A version of Tandem that can read it: try it again with `tandem quarantine retry`.".to_owned()
        }
        Decision::TooLarge => format!("A higher limit for messages in the settings (max_message_mib).{later}"),
        Decision::Gone => "Nothing here: another program deleted or moved it first.".to_owned(),
        Decision::Retrying => "Nothing needs to: its next try may succeed.".to_owned(),
        Decision::Undeliverable => {
            "Asking for it again in Quarantine (tandem quarantine retry), once the server gives it.".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_decision_says_what_it_is_and_what_would_change_it() {
        let mut seen = BTreeSet::new();
        for decision in Decision::ALL {
            assert!(seen.insert(summary(decision, &[])));
            assert!(seen.insert(what_would_change(decision, None, true)));
        }
    }
}
