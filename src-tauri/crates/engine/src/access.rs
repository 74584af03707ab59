//! From a mailbox's configuration to what an adapter needs to reach it, or the one reason why it can't.

use crate::ports::{
    Ports,
    mail::{Credentials, MailboxAccess},
    quiet::Briefing,
    storage::StorageError,
};
use tandem_domain::{
    breaker::Circuit,
    failure::{Failure, FailureCode},
    ids::MailboxId,
    mailbox::{Approval, Mailbox, process_emails_from},
    profile::{AuthenticateUsing, EmailServerProfile, Endpoint, Security},
    settings::OrganizationSettings,
    workload::Workload,
};

/// A mailbox with all that decides how it is processed.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The mailbox.
    pub mailbox: Mailbox,
    /// Its profile.
    pub profile: EmailServerProfile,
    /// The organization's settings.
    pub settings: OrganizationSettings,
    /// How its server is reached for the workload that was asked for.
    pub access: MailboxAccess,
}

/// Loads a mailbox and works out how its server is reached for one workload. Connects to nothing.
///
/// # Errors
/// `NotApproved`, `ProfileMissing`, `NotSupported`, `PlainNotAllowed`, `PasswordMissing`, those of the credential
/// source, and those of storage.
pub async fn prepare(ports: &Ports, id: MailboxId, workload: Workload) -> Result<Prepared, Failure> {
    prepare_to_run(ports, id, workload).await.map(|(prepared, _)| prepared)
}

/// The same, with the circuit of the mailbox's server as it was at that moment.
///
/// # Errors
/// As [`prepare`].
pub(crate) async fn prepare_to_run(
    ports: &Ports,
    id: MailboxId,
    workload: Workload,
) -> Result<(Prepared, Circuit), Failure> {
    let Briefing { settings, mailbox, profile, circuit } =
        ports.storage.briefing(id, workload).await.map_err(storage_failure)?;
    approved(&mailbox)?;
    let Some(profile) = profile else {
        let said = format!("{} has no email server profile", mailbox.email);
        return Err(Failure::permanent_mailbox(FailureCode::ProfileMissing, said));
    };
    reached(ports, settings, mailbox, profile, workload).await.map(|prepared| (prepared, circuit))
}

/// Works out how the server of a mailbox is reached. Connects to nothing.
///
/// # Errors
/// As [`prepare`], but for those of storage.
pub(crate) async fn reached(
    ports: &Ports,
    settings: OrganizationSettings,
    mailbox: Mailbox,
    profile: EmailServerProfile,
    workload: Workload,
) -> Result<Prepared, Failure> {
    supported(ports, &profile, workload)?;
    let endpoint = endpoint(&profile, &settings, workload)?.clone();
    let credentials = ports.credentials.credentials(&mailbox, &profile).await?;
    complete(&mailbox, &profile, &credentials)?;
    let access = MailboxAccess {
        mailbox: mailbox.id,
        address: mailbox.email.clone(),
        profile: profile.id,
        server_type: profile.server_type,
        endpoint,
        credentials,
        allow_plain: settings.allow_plain_connections,
        max_message_bytes: settings.max_message_bytes,
        process_emails_from: process_emails_from(profile.process_emails_from, mailbox.process_emails_from),
    };
    Ok(Prepared { mailbox, profile, settings, access })
}

/// A failure of storage as a cycle's failure. It is nobody's setting, so it disables no mailbox.
#[allow(clippy::needless_pass_by_value, reason = "it stands in map_err")]
pub(crate) fn storage_failure(error: StorageError) -> Failure {
    error.failure()
}

fn approved(mailbox: &Mailbox) -> Result<(), Failure> {
    let said = match mailbox.standing() {
        Approval::Approved => return Ok(()),
        Approval::Pending => format!("{} waits for approval", mailbox.email),
        Approval::Rejected => format!("{} was rejected", mailbox.email),
    };
    Err(Failure::permanent_mailbox(FailureCode::NotApproved, said))
}

fn supported(ports: &Ports, profile: &EmailServerProfile, workload: Workload) -> Result<(), Failure> {
    let there = match workload {
        Workload::Incoming => ports.mail.incoming(profile.server_type).is_some(),
        Workload::Outgoing => ports.mail.outgoing(profile.server_type).is_some(),
        Workload::Act => false,
    };
    if there {
        return Ok(());
    }
    let said = if workload == Workload::Act && !profile.server_type.carries_act() {
        "POP3 and IMAP synchronize email only".to_owned()
    } else {
        format!("{workload} is not available for {}", profile.server_type.as_str())
    };
    Err(Failure::permanent_mailbox(FailureCode::NotSupported, said))
}

fn endpoint<'a>(
    profile: &'a EmailServerProfile,
    settings: &OrganizationSettings,
    workload: Workload,
) -> Result<&'a Endpoint, Failure> {
    if !profile.active {
        let said = format!("the profile {} is not active", profile.name);
        return Err(Failure::permanent_profile(FailureCode::ProfileMissing, said));
    }
    let endpoint = match workload {
        Workload::Incoming => profile.incoming.as_ref(),
        Workload::Outgoing => profile.outgoing.as_ref(),
        Workload::Act => None,
    };
    let Some(endpoint) = endpoint else {
        let said = format!("the profile {} names no server for {workload} email", profile.name);
        return Err(Failure::permanent_profile(FailureCode::ProfileMissing, said));
    };
    if endpoint.security == Security::None && !settings.allow_plain_connections {
        let said = format!("{}:{} would be reached without TLS", endpoint.server, endpoint.port);
        return Err(Failure::permanent_profile(FailureCode::PlainNotAllowed, said));
    }
    Ok(endpoint)
}

fn complete(
    mailbox: &Mailbox,
    profile: &EmailServerProfile,
    credentials: &Credentials,
) -> Result<(), Failure> {
    let missing = match credentials {
        Credentials::None => profile.authenticate_using != AuthenticateUsing::Anonymous,
        Credentials::Password { password, .. } => password.is_empty(),
    };
    if !missing {
        return Ok(());
    }
    let said = format!("no password is stored for {}", mailbox.email);
    Err(Failure::permanent_mailbox(FailureCode::PasswordMissing, said))
}
