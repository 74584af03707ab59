//! From a mailbox's configuration to what an adapter needs to reach it, or the one reason why it can't.

use crate::ports::{
    Ports,
    mail::{Credentials, MailboxAccess},
    quiet::{Briefing, StartingPoint},
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
    prepare_to_run(ports, id, workload).await.map(|ready| ready.prepared)
}

/// A mailbox that a cycle can begin with.
#[derive(Debug, Clone)]
pub(crate) struct Ready {
    pub(crate) prepared: Prepared,
    /// The circuit of its server, as it was at that moment.
    pub(crate) circuit: Circuit,
    /// For incoming email, where the look into its inbox begins.
    pub(crate) start: StartingPoint,
}

/// The same, with what a cycle needs besides.
///
/// # Errors
/// As [`prepare`].
pub(crate) async fn prepare_to_run(
    ports: &Ports,
    id: MailboxId,
    workload: Workload,
) -> Result<Ready, Failure> {
    let all = prepare_all(ports, vec![(id, workload)]).await.map_err(storage_failure)?;
    let said = "storage gave no answer about the mailbox";
    all.into_iter().next().unwrap_or_else(|| Err(Failure::transient_mailbox(FailureCode::StoreFailed, said)))
}

/// The same for many, each in its place, with as few looks into storage and the secret store as they allow.
///
/// # Errors
/// Those of storage, when it tells nothing about any of them.
pub(crate) async fn prepare_all(
    ports: &Ports,
    asked: Vec<(MailboxId, Workload)>,
) -> Result<Vec<Result<Ready, Failure>>, StorageError> {
    let workloads: Vec<Workload> = asked.iter().map(|(_, workload)| *workload).collect();
    let briefings = ports.storage.briefings(asked).await?;
    let brief = |(briefing, workload): (Result<Briefing, StorageError>, Workload)| match briefing {
        Ok(Briefing { settings, mailbox, profile, circuit, start }) => {
            let server =
                approved(&mailbox).and_then(|()| Server::of(ports, settings, mailbox, profile, workload));
            (server, (circuit, start))
        }
        Err(error) => (Err(storage_failure(error)), <_>::default()),
    };
    let (reaching, besides): (Vec<_>, Vec<_>) = briefings.into_iter().zip(workloads).map(brief).unzip();
    let prepared = with_credentials(ports, reaching).await;
    let ready = |(prepared, (circuit, start)): (Result<Prepared, Failure>, _)| {
        prepared.map(|prepared| Ready { prepared, circuit, start })
    };
    Ok(prepared.into_iter().zip(besides).map(ready).collect())
}

/// A mailbox and the server of one of its workloads, with all but its credentials.
pub(crate) struct Server {
    settings: OrganizationSettings,
    mailbox: Mailbox,
    profile: EmailServerProfile,
    endpoint: Endpoint,
}

impl Server {
    /// Works out which server it is. Asks nobody.
    ///
    /// # Errors
    /// `ProfileMissing`, `NotSupported`, `PlainNotAllowed`.
    pub(crate) fn of(
        ports: &Ports,
        settings: OrganizationSettings,
        mailbox: Mailbox,
        profile: Option<EmailServerProfile>,
        workload: Workload,
    ) -> Result<Self, Failure> {
        let Some(profile) = profile else {
            let said = format!("{} has no email server profile", mailbox.email);
            return Err(Failure::permanent_mailbox(FailureCode::ProfileMissing, said));
        };
        supported(ports, &profile, workload)?;
        let endpoint = endpoint(&profile, &settings, workload)?.clone();
        Ok(Self { settings, mailbox, profile, endpoint })
    }

    fn with(self, credentials: Credentials) -> Result<Prepared, Failure> {
        let Self { settings, mailbox, profile, endpoint } = self;
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
            process_emails_from: process_emails_from(
                profile.process_emails_from,
                mailbox.process_emails_from,
            ),
        };
        Ok(Prepared { mailbox, profile, settings, access })
    }
}

/// Adds the credentials to each, in its place. Connects to nothing.
pub(crate) async fn with_credentials(
    ports: &Ports,
    servers: Vec<Result<Server, Failure>>,
) -> Vec<Result<Prepared, Failure>> {
    let asked: Vec<_> = servers.iter().flatten().map(|one| (&one.mailbox, &one.profile)).collect();
    let mut found = ports.credentials.credentials_of(&asked).await.into_iter();
    let said = "the secret store gave no answer";
    let mut prepared = Vec::with_capacity(servers.len());
    for server in servers {
        prepared.push(server.and_then(|server| {
            let unknown = || Err(Failure::transient_profile(FailureCode::SecretStoreFailed, said));
            server.with(found.next().unwrap_or_else(unknown)?)
        }));
    }
    prepared
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
