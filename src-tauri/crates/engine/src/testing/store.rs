//! Storage in memory, with the same promises as the real one: a call does all of its work or none.

use super::{Log, Steps, at};
use crate::{
    ports::{mail::Cursor, storage::*},
    raw::RawMessage,
};
use async_trait::async_trait;
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard},
};
use tandem_domain::{
    Instant,
    address::{EmailAddress, MessageId},
    alert::{AlertCode, AlertObject, NewAlert},
    breaker::Circuit,
    directory::{DirectoryEntry, DirectoryId},
    email::{EmailStatus, KnownEmail},
    failure::Failure,
    frequency::Activity,
    ids::{CycleId, EmailId, MailboxId, OrganizationId, ProfileId, TestJobId},
    item_retry::OwedItem,
    ledger::{Decision, LedgerRow, ServerIdentity},
    mailbox::{Mailbox, MailboxOwner},
    outgoing::AttemptPhase,
    probe::Rung,
    profile::EmailServerProfile,
    send_limits::{Counted, HeldBy},
    settings::{IncomingFilter, OrganizationSettings},
    verification::Verification,
    workload::Workload,
};
use uuid::Uuid;

mod directory;
mod quiet;
mod schedule;
pub mod test_jobs;

/// An email as kept.
#[derive(Clone)]
pub struct Kept {
    pub message_id: Option<MessageId>,
    pub mailbox: MailboxId,
    pub status: EmailStatus,
    pub raw: RawMessage,
    pub recipients: Vec<String>,
    pub attempts: u32,
    pub not_before: Instant,
    pub attempt: Option<(AttemptPhase, Instant)>,
    pub writes: u32,
    pub held_by: Option<HeldBy>,
}

/// A schedule row.
#[derive(Clone)]
pub struct Row {
    pub due_at: Option<Instant>,
    pub made_due: Option<Instant>,
    pub leased: bool,
    pub attempts: u32,
    pub completed_start: Option<Instant>,
    pub failure: Option<Failure>,
    pub runs: u32,
    pub activity: Activity,
    pub expected_at: Option<Instant>,
}

/// Something that happens to the store between two questions.
pub type Meanwhile = Box<dyn FnOnce(&mut State) + Send>;

/// What is stored.
#[derive(Default)]
pub struct State {
    pub settings: OrganizationSettings,
    pub mailboxes: BTreeMap<MailboxId, Mailbox>,
    pub profiles: HashMap<ProfileId, EmailServerProfile>,
    pub filter: Option<IncomingFilter>,
    pub cursors: HashMap<MailboxId, Cursor>,
    pub rows: BTreeMap<(MailboxId, ServerIdentity), LedgerRow>,
    pub emails: BTreeMap<EmailId, Kept>,
    pub quarantine: Vec<String>,
    pub owed: BTreeMap<(MailboxId, ServerIdentity), OwedItem>,
    pub circuits: HashMap<(ProfileId, Workload), Circuit>,
    /// What was submitted: by whom, which, when, and to how many.
    pub submitted: Vec<(MailboxId, EmailId, Counted)>,
    /// A batch with this identity is not taken.
    pub poisoned: Option<ServerIdentity>,
    pub deleted: HashSet<(MailboxId, ServerIdentity)>,
    pub schedule: BTreeMap<(MailboxId, Workload), Row>,
    pub alerts: Vec<NewAlert>,
    pub tests: Vec<(MailboxId, Workload, Vec<Rung>, Option<Failure>)>,
    pub jobs: BTreeMap<TestJobId, test_jobs::Job>,
    pub verifications: BTreeMap<MailboxId, Verification>,
    /// So many commits meet a conflict, and this Message-ID gets a record meanwhile.
    pub conflicts: u32,
    pub taken_meanwhile: Option<MessageId>,
    pub commits: Vec<usize>,
    /// For how many cycles at once it was asked what they have to know.
    pub briefed: Vec<usize>,
    /// Happens right after it was asked next who saw a message.
    pub after_saw: Option<Meanwhile>,
    /// Every write fails with this.
    pub broken: Option<StorageError>,
}

/// The store.
pub struct Store {
    state: Mutex<State>,
    steps: Arc<Steps>,
    log: Log,
}

impl Store {
    pub fn new(steps: Arc<Steps>, log: Log) -> Self {
        // An exact interval, so that tests need not know of jitter.
        let settings = OrganizationSettings { cycle_interval_minutes: Some(5), ..Default::default() };
        let state = State { filter: Some(IncomingFilter::All), settings, ..Default::default() };
        Self { state: Mutex::new(state), steps, log }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn add_profile(&self, profile: EmailServerProfile) {
        self.state().profiles.insert(profile.id, profile);
    }

    pub fn add_mailbox(&self, mailbox: Mailbox) {
        let mut state = self.state();
        for workload in Workload::ALL {
            let due_at = mailbox.is_processed(workload).then(|| at(0));
            let row = Row {
                due_at,
                made_due: None,
                leased: false,
                attempts: 0,
                completed_start: None,
                failure: None,
                runs: 0,
                activity: Activity::default(),
                expected_at: None,
            };
            state.schedule.insert((mailbox.id, workload), row);
        }
        state.mailboxes.insert(mailbox.id, mailbox);
    }

    /// An email in Pending Send.
    pub fn pending(&self, number: u128, mailbox: MailboxId, recipients: &[&str]) -> EmailId {
        let id = EmailId(Uuid::from_u128(number));
        let message_id = format!("out-{number}@contoso.test");
        let kept = Kept {
            message_id: MessageId::parse(&message_id),
            mailbox,
            status: EmailStatus::PendingSend,
            raw: super::mime::message(&message_id, "").into(),
            recipients: recipients.iter().map(|&one| one.to_owned()).collect(),
            attempts: 0,
            not_before: at(0),
            attempt: None,
            writes: 1,
            held_by: None,
        };
        self.state().emails.insert(id, kept);
        id
    }

    pub fn decisions(&self) -> Vec<Decision> {
        self.state().rows.values().map(|row| row.decision).collect()
    }

    pub fn status(&self, email: EmailId) -> EmailStatus {
        self.state().emails[&email].status
    }

    /// One call that writes: all or nothing, and a crash may come before or after.
    async fn write<T>(
        &self,
        write: impl FnOnce(&mut State) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        self.steps.step().await;
        tokio::task::yield_now().await;
        let done = {
            let mut state = self.state();
            match state.broken.clone() {
                Some(error) => Err(error),
                None => write(&mut state),
            }
        };
        self.steps.step().await;
        done
    }
}

fn missing<T>() -> Result<T, StorageError> {
    Err(StorageError::NotFound("it".to_owned()))
}

#[async_trait]
impl Configuration for Store {
    async fn organization(&self) -> Result<OrganizationId, StorageError> {
        Ok(OrganizationId(Uuid::from_u128(1)))
    }
    async fn settings(&self) -> Result<OrganizationSettings, StorageError> {
        Ok(self.state().settings.clone())
    }
    async fn mailbox(&self, id: MailboxId) -> Result<Mailbox, StorageError> {
        self.state().mailboxes.get(&id).cloned().map_or_else(missing, Ok)
    }
    async fn mailbox_by_address(&self, address: &EmailAddress) -> Result<Option<Mailbox>, StorageError> {
        Ok(self.state().mailboxes.values().find(|mailbox| mailbox.email == *address).cloned())
    }
    async fn profile(&self, id: ProfileId) -> Result<EmailServerProfile, StorageError> {
        self.state().profiles.get(&id).cloned().map_or_else(missing, Ok)
    }
    async fn owner(&self, owner: MailboxOwner) -> Result<DirectoryEntry, StorageError> {
        let id = match owner {
            MailboxOwner::User(id) => DirectoryId::User(id),
            MailboxOwner::Queue(id) => DirectoryId::Queue(id),
        };
        let incoming_filter = self.state().filter;
        Ok(DirectoryEntry {
            id,
            name: "Amy".to_owned(),
            email: None,
            other_emails: Vec::new(),
            incoming_filter,
        })
    }
}

#[async_trait]
impl Ledger for Store {
    async fn cursor(&self, mailbox: MailboxId, _folder: &str) -> Result<Option<Cursor>, StorageError> {
        Ok(self.state().cursors.get(&mailbox).cloned())
    }
    async fn unseen(
        &self,
        mailbox: MailboxId,
        _folder: &str,
        identities: Vec<ServerIdentity>,
    ) -> Result<Vec<ServerIdentity>, StorageError> {
        let state = self.state();
        let unseen = identities.into_iter().filter(|one| !state.rows.contains_key(&(mailbox, one.clone())));
        Ok(unseen.collect())
    }
    async fn commit(&self, batch: IncomingBatch) -> Result<(), StorageError> {
        self.log.add(format!("commit {}", batch.items.len()));
        self.write(|state| {
            if state.conflicts > 0 {
                state.conflicts -= 1;
                if let Some(id) = state.taken_meanwhile.take() {
                    let kept = kept(Some(id), MailboxId(Uuid::from_u128(99)), Vec::new().into());
                    state.emails.insert(EmailId(Uuid::from_u128(4_242)), kept);
                }
                return Err(StorageError::Conflict);
            }
            let poisoned = |item: &DecidedItem| {
                item.row.decision == Decision::Promoted && Some(&item.row.identity) == state.poisoned.as_ref()
            };
            if batch.items.iter().any(poisoned) {
                return Err(StorageError::Failed("it is poisoned".to_owned()));
            }
            state.commits.push(batch.items.len());
            for item in batch.items {
                let key = (batch.mailbox, item.row.identity.clone());
                let before = state.rows.insert(key.clone(), item.row);
                let again = before.is_none_or(|before| before.decision == Decision::Retrying);
                assert!(again, "one decision per identity");
                state.owed.remove(&key);
                match item.keep {
                    Keep::Owed(owed) => {
                        state.owed.insert(key, *owed);
                    }
                    Keep::Nothing => {}
                    Keep::Quarantine { reason, .. } => state.quarantine.push(reason),
                    Keep::Email { email, message, raw } => {
                        let id = message.message_id.clone();
                        let taken = state
                            .emails
                            .iter()
                            .any(|(other, kept)| id.is_some() && kept.message_id == id && *other != email.id);
                        assert!(!taken, "one record per Message-ID");
                        let kept = kept(id, batch.mailbox, raw);
                        state.emails.entry(email.id).and_modify(|kept| kept.writes += 1).or_insert(kept);
                    }
                }
            }
            if let Some(cursor) = batch.cursor {
                state.cursors.insert(batch.mailbox, cursor);
            }
            Ok(())
        })
        .await
    }
    async fn awaiting_delete(
        &self,
        mailbox: MailboxId,
        _folder: &str,
    ) -> Result<Vec<ServerIdentity>, StorageError> {
        let state = self.state();
        let whole = [Decision::Promoted, Decision::Duplicate, Decision::TestMessage];
        let rows = state.rows.iter().filter(|(key, row)| {
            key.0 == mailbox && whole.contains(&row.decision) && !state.deleted.contains(key)
        });
        Ok(rows.map(|(key, _)| key.1.clone()).collect())
    }
    async fn deleted_on_server(
        &self,
        mailbox: MailboxId,
        _folder: &str,
        identities: Vec<ServerIdentity>,
        _at: Instant,
    ) -> Result<(), StorageError> {
        self.write(|state| {
            state.deleted.extend(identities.into_iter().map(|one| (mailbox, one)));
            Ok(())
        })
        .await
    }
    async fn owed(&self, mailbox: MailboxId, _folder: &str) -> Result<Vec<OwedItem>, StorageError> {
        let state = self.state();
        let mut owed: Vec<_> =
            state.owed.iter().filter(|(key, _)| key.0 == mailbox).map(|(_, one)| one.clone()).collect();
        owed.sort_by_key(|one| one.next_at);
        Ok(owed)
    }
    async fn mailboxes_that_saw(&self, message_id: &MessageId) -> Result<Vec<MailboxId>, StorageError> {
        let mut state = self.state();
        let rows = state.rows.values().filter(|row| row.message_id.as_ref() == Some(message_id));
        let saw = rows.map(|row| row.mailbox).collect();
        if let Some(meanwhile) = state.after_saw.take() {
            meanwhile(&mut state);
        }
        Ok(saw)
    }
}

fn kept(message_id: Option<MessageId>, mailbox: MailboxId, raw: RawMessage) -> Kept {
    Kept {
        message_id,
        mailbox,
        status: EmailStatus::Received,
        raw,
        recipients: Vec::new(),
        attempts: 0,
        not_before: at(0),
        attempt: None,
        writes: 1,
        held_by: None,
    }
}

impl State {
    fn email(&mut self, id: EmailId) -> &mut Kept {
        self.emails.get_mut(&id).unwrap()
    }

    fn as_pending(&self, id: EmailId) -> PendingEmail {
        let kept = &self.emails[&id];
        PendingEmail {
            id,
            message_id: kept.message_id.clone().unwrap(),
            mail_from: self.mailboxes[&kept.mailbox].email.clone(),
            recipients: kept.recipients.clone(),
            attempts: kept.attempts,
        }
    }
}

#[async_trait]
impl Activities for Store {
    async fn known(&self, ids: Vec<MessageId>) -> Result<HashMap<MessageId, KnownEmail>, StorageError> {
        let state = self.state();
        let known = state.emails.iter().filter_map(|(id, kept)| {
            let message_id = kept.message_id.clone().filter(|one| ids.contains(one))?;
            Some((message_id.clone(), KnownEmail { id: *id, message_id, regarding: None }))
        });
        Ok(known.collect())
    }
    async fn pending_send(
        &self,
        mailbox: MailboxId,
        now: Instant,
        limit: u32,
    ) -> Result<Vec<PendingEmail>, StorageError> {
        let state = self.state();
        let pending = state.emails.iter().filter(|(_, kept)| {
            kept.mailbox == mailbox && kept.status == EmailStatus::PendingSend && kept.not_before <= now
        });
        Ok(pending.map(|(id, _)| state.as_pending(*id)).take(limit as usize).collect())
    }
    async fn raw(&self, email: EmailId) -> Result<RawMessage, StorageError> {
        Ok(self.state().email(email).raw.clone())
    }
    async fn begin_attempt(&self, email: EmailId, _cycle: CycleId, at: Instant) -> Result<(), StorageError> {
        self.write(|state| {
            let kept = state.email(email);
            if kept.status != EmailStatus::PendingSend {
                return Err(StorageError::Conflict);
            }
            kept.status = EmailStatus::Sending;
            kept.attempts += 1;
            kept.attempt = Some((AttemptPhase::Started, at));
            kept.held_by = None;
            let (mailbox, recipients) = (kept.mailbox, kept.recipients.len() as u32);
            state.submitted.push((mailbox, email, Counted { at, recipients }));
            Ok(())
        })
        .await
    }
    async fn reach_commit_point(&self, email: EmailId, at: Instant) -> Result<(), StorageError> {
        self.write(|state| {
            state.email(email).attempt = Some((AttemptPhase::Committing, at));
            Ok(())
        })
        .await
    }
    async fn end_attempt(
        &self,
        email: EmailId,
        result: AttemptResult,
        at: Instant,
    ) -> Result<(), StorageError> {
        self.write(|state| {
            let kept = state.email(email);
            match result {
                AttemptResult::Sent { .. } => (kept.status, kept.attempt) = (EmailStatus::Sent, None),
                AttemptResult::Failed { .. } => {
                    (kept.status, kept.attempt) = (EmailStatus::Failed, None);
                    state.submitted.retain(|one| one.1 != email);
                }
                AttemptResult::Unconfirmed { .. } => {
                    kept.attempt = Some((AttemptPhase::Committing, at));
                }
                AttemptResult::Postponed { until, accepted, refused, .. } => {
                    (kept.status, kept.attempt, kept.not_before) = (EmailStatus::PendingSend, None, until);
                    kept.recipients.retain(|one| {
                        !accepted.contains(one) && !refused.iter().any(|refused| refused.address == *one)
                    });
                    if accepted.is_empty() {
                        state.submitted.retain(|one| one.1 != email);
                    }
                }
            }
            Ok(())
        })
        .await
    }
    async fn sent_since(
        &self,
        account: SendingAccount,
        since: Instant,
    ) -> Result<Vec<Counted>, StorageError> {
        let state = self.state();
        let mine = state.submitted.iter().filter(|(mailbox, ..)| match account {
            SendingAccount::Mailbox(id) => id == *mailbox,
            SendingAccount::Profile(id) => state.mailboxes[mailbox].profile == Some(id),
        });
        Ok(mine.map(|(.., counted)| *counted).filter(|one| one.at > since).collect())
    }
    async fn hold(&self, emails: Vec<HeldEmail>) -> Result<(), StorageError> {
        self.write(|state| {
            for held in emails {
                let kept = state.email(held.email);
                (kept.not_before, kept.held_by) = (held.until, Some(held.by));
            }
            Ok(())
        })
        .await
    }
    async fn holds(&self, mailbox: MailboxId, by: HeldBy) -> Result<bool, StorageError> {
        let state = self.state();
        Ok(state.emails.values().any(|kept| {
            let waits = kept.mailbox == mailbox && kept.status == EmailStatus::PendingSend;
            waits && kept.held_by == Some(by)
        }))
    }
    async fn give_up(&self, email: EmailId, _why: Failure) -> Result<(), StorageError> {
        self.write(|state| {
            state.email(email).status = EmailStatus::Failed;
            Ok(())
        })
        .await
    }
    async fn unfinished(&self, mailbox: MailboxId) -> Result<Vec<UnfinishedAttempt>, StorageError> {
        let state = self.state();
        let sending = state.emails.iter().filter(|(_, kept)| kept.mailbox == mailbox);
        let sending = sending.filter_map(|(id, kept)| {
            let (phase, at) = kept.attempt?;
            Some(UnfinishedAttempt { email: state.as_pending(*id), phase, at })
        });
        Ok(sending.collect())
    }
    async fn send_again(&self, email: EmailId, at: Instant) -> Result<(), StorageError> {
        self.write(|state| {
            let kept = state.email(email);
            (kept.status, kept.attempt, kept.not_before) = (EmailStatus::PendingSend, None, at);
            Ok(())
        })
        .await
    }
}

#[async_trait]
impl AlertLog for Store {
    async fn raise(&self, alert: NewAlert, _at: Instant) -> Result<(), StorageError> {
        self.write(|state| {
            state.alerts.retain(|open| (open.object, open.code) != (alert.object, alert.code));
            state.alerts.push(alert);
            Ok(())
        })
        .await
    }
    async fn clear(
        &self,
        object: AlertObject,
        code: Option<AlertCode>,
        _at: Instant,
    ) -> Result<(), StorageError> {
        self.write(|state| {
            state.alerts.retain(|open| open.object != object || code.is_some_and(|code| code != open.code));
            Ok(())
        })
        .await
    }
}
