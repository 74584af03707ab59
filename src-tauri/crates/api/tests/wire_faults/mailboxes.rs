//! Four mailboxes of two sites: two over POP3, two over IMAP. The second of each is a queue whose copies on the server
//! are deleted after processing.

use tandem_domain::{
    address::EmailAddress,
    directory::{DirectoryEntry, DirectoryId},
    ids::{MailboxId, ProfileId, QueueId, UserId},
    mailbox::{Approval, DeliveryMethod, Mailbox, MailboxOwner},
    profile::{AuthenticateUsing, CertificateTrust, EmailServerProfile, Endpoint, Security, ServerType},
    send_limits::SendLimits,
    settings::IncomingFilter,
    workload::WorkloadState,
};
use uuid::Uuid;

/// How many.
pub const MAILBOXES: usize = 4;

pub fn address(mailbox: usize) -> String {
    format!("box{mailbox}@contoso.test")
}

/// Ids that lie far apart, as random ones do.
pub fn mailbox_id(mailbox: usize) -> MailboxId {
    MailboxId(Uuid::from_u128((1 + mailbox as u128) << 125))
}

pub fn site(side: usize) -> ProfileId {
    ProfileId(Uuid::from_u128(50 + side as u128))
}

pub const fn site_of(mailbox: usize) -> usize {
    mailbox / 2
}

const fn is_queue(mailbox: usize) -> bool {
    mailbox % 2 == 1
}

pub fn owner(mailbox: usize) -> MailboxOwner {
    let id = Uuid::from_u128(200 + mailbox as u128);
    if is_queue(mailbox) { MailboxOwner::Queue(QueueId(id)) } else { MailboxOwner::User(UserId(id)) }
}

pub fn entry(mailbox: usize) -> DirectoryEntry {
    DirectoryEntry {
        id: match owner(mailbox) {
            MailboxOwner::User(id) => DirectoryId::User(id),
            MailboxOwner::Queue(id) => DirectoryId::Queue(id),
        },
        name: format!("Owner {mailbox}"),
        email: Some(EmailAddress::parse(&address(mailbox)).unwrap()),
        other_emails: Vec::new(),
        incoming_filter: Some(IncomingFilter::All),
    }
}

/// A profile whose servers listen on these ports.
pub fn profile(side: usize, incoming: u16, outgoing: u16) -> EmailServerProfile {
    let endpoint = |port| Endpoint {
        server: "127.0.0.1".to_owned(),
        port,
        security: Security::None,
        trust: CertificateTrust::default(),
    };
    EmailServerProfile {
        id: site(side),
        name: format!("Site {side}"),
        description: String::new(),
        server_type: if side == 0 { ServerType::Pop3Smtp } else { ServerType::ImapSmtp },
        active: true,
        incoming: Some(endpoint(incoming)),
        outgoing: Some(endpoint(outgoing)),
        authenticate_using: AuthenticateUsing::UserOrQueue,
        user_name: None,
        process_emails_from: None,
        max_concurrent_connections: 10,
        min_polling_interval_minutes: 0,
        send_limits: SendLimits::default(),
    }
}

pub fn mailbox(number: usize) -> Mailbox {
    Mailbox {
        id: mailbox_id(number),
        email: EmailAddress::parse(&address(number)).unwrap(),
        owner: owner(number),
        profile: Some(site(site_of(number))),
        incoming: DeliveryMethod::ServerSideSync,
        outgoing: DeliveryMethod::ServerSideSync,
        act: DeliveryMethod::None,
        approval: Approval::Approved,
        approval_rule: Default::default(),
        user_name: Some(address(number)),
        allow_credentials: true,
        delete_after_processing: is_queue(number),
        process_emails_from: None,
        incoming_state: WorkloadState::default(),
        outgoing_state: WorkloadState::default(),
        act_state: WorkloadState::default(),
    }
}
