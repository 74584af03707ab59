//! Records to store: real stores in temporary folders, and messages as the engine would hand them over.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests stop at the first surprise"
)]

use chrono::DateTime;
use std::path::Path;
use tandem_domain::{
    Instant,
    address::{EmailAddress, Mention, MessageId},
    directory::{DirectoryEntry, DirectoryId, PartyMatch},
    email::{Direction, EmailStatus, NewEmail, Party, PartyRole},
    ids::{ContactId, CycleId, EmailId, MailboxId, ProfileId, UserId, email_id},
    ledger::{Decision, LedgerRow, RuleOutcome, RuleStep, ServerIdentity},
    mailbox::{Approval, DeliveryMethod, Mailbox, MailboxOwner},
    message::ParsedMessage,
    probe::{Rung, RungName, RungOutcome},
    profile::{AuthenticateUsing, CertificateTrust, EmailServerProfile, Endpoint, Security, ServerType},
    send_limits::SendLimits,
    settings::IncomingFilter,
    workload::{Workload, WorkloadState},
};
use tandem_engine::{
    ports::{
        mail::Cursor,
        storage::{DecidedItem, IncomingBatch, Keep},
        test_jobs::TestResults,
    },
    raw::RawMessage,
};
use tandem_store::{DATABASE_FILE, Store, configuration::ConfigurationChange};
use uuid::Uuid;

pub const INBOX: &str = "INBOX";

pub fn at(seconds: i64) -> Instant {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

pub fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

pub fn open(folder: &Path) -> Store {
    Store::open(&folder.join(DATABASE_FILE), at(0)).unwrap()
}

pub fn user(number: u128, name: &str, email: &str) -> DirectoryEntry {
    DirectoryEntry {
        id: DirectoryId::User(UserId(Uuid::from_u128(number))),
        name: name.to_owned(),
        email: Some(address(email)),
        other_emails: Vec::new(),
        incoming_filter: Some(IncomingFilter::All),
    }
}

pub fn contact(number: u128, name: &str, email: &str) -> DirectoryEntry {
    DirectoryEntry {
        id: DirectoryId::Contact(ContactId(Uuid::from_u128(number))),
        incoming_filter: None,
        ..user(number, name, email)
    }
}

pub fn profile(number: u128, name: &str) -> EmailServerProfile {
    let endpoint = |port| Endpoint {
        server: "mail.contoso.test".to_owned(),
        port,
        security: Security::Tls,
        trust: CertificateTrust {
            ca_file: Some("/ca.pem".to_owned()),
            pinned_sha256: vec!["ab".to_owned(), "cd".to_owned()],
        },
    };
    EmailServerProfile {
        id: ProfileId(Uuid::from_u128(number)),
        name: name.to_owned(),
        description: "ours".to_owned(),
        server_type: ServerType::ImapSmtp,
        active: true,
        incoming: Some(endpoint(993)),
        outgoing: Some(endpoint(465)),
        authenticate_using: AuthenticateUsing::UserOrQueue,
        user_name: None,
        process_emails_from: Some(at(-10)),
        max_concurrent_connections: 10,
        min_polling_interval_minutes: 0,
        send_limits: SendLimits { recipients_per_day: Some(500), messages_per_minute: None },
    }
}

pub fn mailbox(number: u128, email: &str, owner: u128, profile: u128) -> Mailbox {
    Mailbox {
        id: MailboxId(Uuid::from_u128(number)),
        email: address(email),
        owner: MailboxOwner::User(UserId(Uuid::from_u128(owner))),
        profile: Some(ProfileId(Uuid::from_u128(profile))),
        incoming: DeliveryMethod::ServerSideSync,
        outgoing: DeliveryMethod::ServerSideSync,
        act: DeliveryMethod::None,
        approval: Approval::Approved,
        approval_rule: Default::default(),
        user_name: Some(email.to_owned()),
        allow_credentials: true,
        delete_after_processing: false,
        process_emails_from: None,
        incoming_state: WorkloadState::default(),
        outgoing_state: WorkloadState::default(),
        act_state: WorkloadState::default(),
    }
}

pub const AMY: MailboxId = MailboxId(Uuid::from_u128(101));
pub const BEN: MailboxId = MailboxId(Uuid::from_u128(102));
pub const PROFILE: ProfileId = ProfileId(Uuid::from_u128(50));

/// A store with a profile, two users with approved mailboxes, and a contact.
pub async fn contoso(folder: &Path) -> Store {
    let store = open(folder);
    let changes = vec![
        ConfigurationChange::Profile(profile(50, "Contoso")),
        ConfigurationChange::Entry(user(1, "Amy Alberts", "amy@contoso.test")),
        ConfigurationChange::Entry(user(2, "Ben Burton", "ben@contoso.test")),
        ConfigurationChange::Entry(contact(3, "Cy Cole", "cy@fabrikam.test")),
        ConfigurationChange::Mailbox(Box::new(mailbox(101, "amy@contoso.test", 1, 50))),
        ConfigurationChange::Mailbox(Box::new(mailbox(102, "ben@contoso.test", 2, 50))),
    ];
    store.apply(changes, at(0)).await.unwrap();
    store
}

pub fn passed() -> Vec<Rung> {
    vec![Rung {
        name: RungName::Login,
        outcome: RungOutcome::Passed,
        took_ms: 3,
        server_said: "OK".to_owned(),
    }]
}

pub async fn enable(store: &Store, mailbox: MailboxId, workload: Workload, now: Instant) {
    store.record_test(mailbox, workload, passed(), None, now).await.unwrap();
}

pub fn cycle(number: u128) -> CycleId {
    CycleId(Uuid::from_u128(number))
}

pub fn message_id(text: &str) -> MessageId {
    MessageId::parse(text).unwrap()
}

pub fn party(role: PartyRole, email: &str) -> Party {
    let id = DirectoryId::Contact(ContactId(Uuid::from_u128(3)));
    Party {
        role,
        mention: Mention {
            written: email.to_owned(),
            address: Some(address(email)),
            name: "Some One".to_owned(),
        },
        resolved: vec![PartyMatch { id, name: "Cy Cole".to_owned() }],
    }
}

pub fn row(mailbox: MailboxId, identity: &str, id: Option<&str>, decision: Decision) -> LedgerRow {
    LedgerRow {
        mailbox,
        folder: INBOX.to_owned(),
        identity: ServerIdentity(identity.to_owned()),
        message_id: id.map(message_id),
        received_at: Some(at(5)),
        size: 10,
        decision,
        trace: vec![
            RuleStep {
                rule: "duplicate".to_owned(),
                outcome: RuleOutcome::Passed,
                detail: "no record has \"it\"".to_owned(),
            },
            RuleStep {
                rule: "acceptance".to_owned(),
                outcome: RuleOutcome::Decided,
                detail: "accepts all".to_owned(),
            },
        ],
        email: None,
        cycle: cycle(9),
        decided_at: at(6),
    }
}

/// A message that is promoted, with the id that the engine would give it.
pub fn promoted(store: &Store, mailbox: MailboxId, identity: &str, id: &str, raw: RawMessage) -> DecidedItem {
    let email = NewEmail {
        id: email_id(store.organization_id(), "", id),
        direction: Direction::Incoming,
        status: EmailStatus::Received,
        owner: MailboxOwner::User(UserId(Uuid::from_u128(1))),
        mailbox,
        accepting_entity: Some(MailboxOwner::User(UserId(Uuid::from_u128(1)))),
        parties: vec![party(PartyRole::From, "cy@fabrikam.test"), party(PartyRole::To, "amy@contoso.test")],
        regarding: None,
        correlation: None,
        received_at: Some(at(5)),
        send_after: None,
    };
    let message = ParsedMessage {
        message_id: Some(message_id(id)),
        subject: format!("About {id}"),
        body_text: "Hello".to_owned(),
        ..Default::default()
    };
    DecidedItem {
        row: LedgerRow { email: Some(email.id), ..row(mailbox, identity, Some(id), Decision::Promoted) },
        keep: Keep::Email { email: Box::new(email), message: Box::new(message), raw },
    }
}

pub fn batch(mailbox: MailboxId, items: Vec<DecidedItem>, cursor: &str) -> IncomingBatch {
    IncomingBatch {
        mailbox,
        folder: INBOX.to_owned(),
        cycle: cycle(9),
        items,
        cursor: Some(Cursor(cursor.to_owned())),
    }
}

pub fn raw(text: &str) -> RawMessage {
    RawMessage::from(text.as_bytes().to_vec())
}

/// An email of Amy's that waits to be sent.
pub fn outgoing(store: &Store, id: &str) -> (EmailId, NewEmail, ParsedMessage) {
    let email = NewEmail {
        id: email_id(store.organization_id(), "out", id),
        direction: Direction::Outgoing,
        status: EmailStatus::PendingSend,
        owner: MailboxOwner::User(UserId(Uuid::from_u128(1))),
        mailbox: AMY,
        accepting_entity: None,
        parties: vec![party(PartyRole::From, "amy@contoso.test"), party(PartyRole::To, "cy@fabrikam.test")],
        regarding: None,
        correlation: None,
        received_at: None,
        send_after: None,
    };
    let message =
        ParsedMessage { message_id: Some(message_id(id)), subject: "Out".to_owned(), ..Default::default() };
    (email.id, email, message)
}
