//! Measures how fast received messages are committed: `commit_speed [FOLDER] [PAGE_SIZE] [MESSAGES] [BYTES] [BATCH]`.

use std::{error::Error, path::PathBuf, time::Instant};
use tandem_domain::{
    address::{EmailAddress, Mention, MessageId},
    directory::{DirectoryId, PartyMatch},
    email::{Direction, EmailStatus, NewEmail, Party, PartyRole},
    ids::{ContactId, CycleId, MailboxId, UserId, email_id},
    ledger::{Decision, LedgerRow, RuleOutcome, RuleStep, ServerIdentity},
    mailbox::MailboxOwner,
    message::ParsedMessage,
};
use tandem_engine::{
    ports::{
        mail::Cursor,
        storage::{DecidedItem, IncomingBatch, Keep, Ledger},
    },
    raw::RawMessage,
};
use tandem_store::{DATABASE_FILE, Store, Tuning};
use uuid::Uuid;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let base = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let mut number = |default: usize| arguments.next().map_or(Ok(default), |text| text.parse());
    let page_size = u32::try_from(number(usize::try_from(Tuning::default().page_size)?)?)?;
    let (messages, bytes, batch) = (number(10_000)?, number(3_700)?, number(100)?);
    let folder = tempfile::tempdir_in(base)?;
    let now = chrono::DateTime::UNIX_EPOCH;
    let tuning = Tuning { page_size, ..Tuning::default() };
    let store = Store::open_with(&folder.path().join(DATABASE_FILE), now, tuning)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let batches: Vec<_> = (0..messages)
        .collect::<Vec<_>>()
        .chunks(batch)
        .map(|numbers| make(&store, numbers, bytes))
        .collect::<Result<_, Box<dyn Error>>>()?;
    let started = Instant::now();
    for batch in batches {
        runtime.block_on(store.commit(batch))?;
    }
    let took = started.elapsed().as_secs_f64();
    let size = std::fs::metadata(store.path())?.len();
    #[allow(clippy::cast_precision_loss, reason = "a figure for people")]
    let (count, megabytes) = (messages as f64, size as f64 / 1e6);
    println!(
        "{messages} x {bytes} B, batches of {batch}, page size {page_size}: {took:.2} s, {:.0} messages/s, \
         database {megabytes:.0} MB",
        count / took
    );
    Ok(())
}

/// A batch as the engine makes it: two parties, one resolved, four rules in the trace, a third of it body text.
fn make(store: &Store, numbers: &[usize], bytes: usize) -> Result<IncomingBatch, Box<dyn Error>> {
    let mailbox = MailboxId(Uuid::from_u128(1));
    let owner = MailboxOwner::User(UserId(Uuid::from_u128(2)));
    let now = chrono::DateTime::UNIX_EPOCH;
    let cycle = CycleId(Uuid::from_u128(3));
    let mut items = Vec::new();
    for number in numbers {
        let id = format!("message-{number}@contoso.test");
        let party = |role, address: &str, resolved| -> Result<Party, Box<dyn Error>> {
            let mention = Mention {
                written: address.to_owned(),
                address: Some(EmailAddress::parse(address)?),
                name: "Some One".to_owned(),
            };
            Ok(Party { role, mention, resolved })
        };
        let known = PartyMatch { id: DirectoryId::Contact(ContactId(Uuid::from_u128(4))), name: "Cy".into() };
        let email = NewEmail {
            id: email_id(store.organization_id(), "", &id),
            direction: Direction::Incoming,
            status: EmailStatus::Received,
            owner,
            mailbox,
            accepting_entity: Some(owner),
            parties: vec![
                party(PartyRole::From, "cy@fabrikam.test", vec![known])?,
                party(PartyRole::To, "amy@contoso.test", Vec::new())?,
            ],
            regarding: None,
            correlation: None,
            received_at: Some(now),
            send_after: None,
        };
        let message = ParsedMessage {
            message_id: MessageId::parse(&id),
            subject: format!("Subject of message {number}"),
            body_text: "x".repeat(bytes / 3),
            ..Default::default()
        };
        let step = |rule: &str| RuleStep {
            rule: rule.to_owned(),
            outcome: RuleOutcome::Passed,
            detail: "a reason of the usual length, with a value in it".to_owned(),
        };
        let row = LedgerRow {
            mailbox,
            folder: "INBOX".to_owned(),
            identity: ServerIdentity(format!("1700000000:{number}")),
            message_id: message.message_id.clone(),
            received_at: Some(now),
            size: u64::try_from(bytes)?,
            decision: Decision::Promoted,
            trace: ["process_emails_from", "duplicate", "correlation", "acceptance"].map(step).to_vec(),
            email: Some(email.id),
            cycle,
            decided_at: now,
        };
        let raw = RawMessage::from(vec![b'y'; bytes]);
        let keep = Keep::Email { email: Box::new(email), message: Box::new(message), raw };
        items.push(DecidedItem { row, keep });
    }
    let cursor = numbers.last().map(|last| Cursor(last.to_string()));
    Ok(IncomingBatch { mailbox, folder: "INBOX".to_owned(), cycle, items, cursor })
}
