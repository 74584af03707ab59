//! Ladders: probing a profile, trying servers that are not saved yet.

use crate::{
    Tandem,
    people::{failure_sentence, of_storage},
    profiles::checked,
    views::{ladder_view, rung_view, skipped_ladder},
    wire::{ApiError, EventView, LadderView, ProbeProfileRequest, SecretText, TryServersRequest},
};
use std::sync::Arc;
use tandem_domain::{
    address::EmailAddress,
    failure::{Failure, FailureCode},
    ids::{MailboxId, ProfileId},
    mailbox::Approval,
    probe::{Rung, RungName, RungOutcome},
    profile::{AuthenticateUsing, EmailServerProfile, Endpoint, Security},
    workload::Workload,
};
use tandem_engine::ports::mail::{Credentials, MailboxAccess, RungSink};
use uuid::Uuid;
use zeroize::Zeroizing;

impl Tandem {
    /// Climbs the ladder of a saved profile's servers; rungs arrive as events too. Logs in as the first mailbox of the
    /// profile that has a password, and sends nothing.
    ///
    /// # Errors
    /// An unknown profile, or storage.
    pub async fn probe_profile(&self, request: ProbeProfileRequest) -> Result<Vec<LadderView>, ApiError> {
        let profile = self.find_profile(&request.name).await?;
        let all = self.store.list_mailboxes().await.map_err(|error| of_storage(&profile.name, &error))?;
        let mut mine: Vec<_> =
            all.into_iter().map(|one| one.mailbox).filter(|one| one.profile == Some(profile.id)).collect();
        mine.sort_by_key(|one| one.standing() != Approval::Approved);
        let mut login = None;
        let mut why = None;
        for mailbox in &mine {
            match self.ports.credentials.credentials(mailbox, &profile).await {
                Ok(credentials) => {
                    login = Some((mailbox.id, mailbox.email.clone(), credentials));
                    break;
                }
                Err(failure) => why = why.or(Some(failure)),
            }
        }
        self.climb(&profile, login, why).await
    }

    /// Climbs the ladder for servers that are not saved yet. Nothing is stored, nothing is sent.
    ///
    /// # Errors
    /// A value that cannot be, or storage.
    pub async fn try_servers(&self, request: TryServersRequest) -> Result<Vec<LadderView>, ApiError> {
        let settings = self.organization_settings().await?;
        let profile = checked(&request.profile, ProfileId(Uuid::new_v4()), None, &settings)?;
        let text = |text: &Option<String>| {
            text.as_deref().map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned)
        };
        let address = text(&request.address);
        let (user_name, password) = match profile.authenticate_using {
            AuthenticateUsing::Profile => (profile.user_name.clone(), &request.profile.password),
            _ => (text(&request.user_name).or_else(|| address.clone()), &request.password),
        };
        let password =
            password.as_ref().or(request.password.as_ref()).filter(|one: &&SecretText| !one.0.is_empty());
        let login = match (profile.authenticate_using, user_name, password) {
            (AuthenticateUsing::Anonymous, ..) => Some(Credentials::None),
            (_, Some(user_name), Some(password)) => {
                Some(Credentials::Password { user_name, password: Zeroizing::new(password.0.clone()) })
            }
            _ => None,
        };
        let address = match address {
            Some(address) => Some(EmailAddress::parse(&address).map_err(|error| {
                ApiError::plain(
                    "bad_address",
                    &address,
                    &format!("{error}."),
                    "Enter an address like amy@contoso.com.",
                )
            })?),
            None => EmailAddress::parse(&format!("postmaster@{}", "localhost")).ok(),
        };
        let login = login.zip(address).map(|(login, address)| (MailboxId(Uuid::new_v4()), address, login));
        self.climb(&profile, login, None).await
    }

    async fn climb(
        &self,
        profile: &EmailServerProfile,
        login: Option<(MailboxId, EmailAddress, Credentials)>,
        why_no_login: Option<Failure>,
    ) -> Result<Vec<LadderView>, ApiError> {
        let settings = self.organization_settings().await?;
        let has_login = login.is_some();
        let who = match login {
            Some(login) => login,
            None => nobody(profile)?,
        };
        let mut ladders = Vec::new();
        for (workload, endpoint) in
            [(Workload::Incoming, &profile.incoming), (Workload::Outgoing, &profile.outgoing)]
        {
            let Some(endpoint) = endpoint else {
                let why = format!("The profile names no server for {workload} email.");
                ladders.push(skipped_ladder(&profile.name, workload.as_str(), &why));
                continue;
            };
            if endpoint.security == Security::None && !settings.allow_plain_connections {
                let said = format!("{}:{} would be reached without TLS", endpoint.server, endpoint.port);
                let failure = Failure::permanent_profile(FailureCode::PlainNotAllowed, said);
                ladders.push(ladder_view(&profile.name, workload, &[], Some(&failure)));
                continue;
            }
            let access = access(profile, endpoint, who.clone(), settings.allow_plain_connections);
            let report = TellRungs { tandem: self, object: &profile.name, workload, has_login };
            let rungs = self.probe(&access, workload, &report).await;
            ladders.push(probe_ladder(profile, workload, rungs, has_login, why_no_login.as_ref()));
        }
        for ladder in &ladders {
            self.hub.tell(EventView::Ladder { ladder: ladder.clone() });
        }
        Ok(ladders)
    }

    async fn probe(&self, access: &MailboxAccess, workload: Workload, report: &dyn RungSink) -> Vec<Rung> {
        let mail = Arc::clone(&self.ports.mail);
        match workload {
            Workload::Incoming => match mail.incoming(access.server_type) {
                Some(port) => port.probe(access, report).await,
                None => Vec::new(),
            },
            Workload::Outgoing => match mail.outgoing(access.server_type) {
                Some(port) => port.probe(access, None, report).await,
                None => Vec::new(),
            },
            Workload::Act => Vec::new(),
        }
    }
}

/// The ladder of a probe. Without a login, what stands above the connection was not asked for, so that the
/// server's refusal of it is no failure.
fn probe_ladder(
    profile: &EmailServerProfile,
    workload: Workload,
    rungs: Vec<Rung>,
    has_login: bool,
    why_no_login: Option<&Failure>,
) -> LadderView {
    if has_login {
        return ladder_view(&profile.name, workload, &rungs, None);
    }
    let below: Vec<_> = rungs.into_iter().filter(below_login).collect();
    let mut ladder = ladder_view(&profile.name, workload, &below, None);
    let why = match why_no_login {
        Some(failure) => failure_sentence(&profile.name, failure),
        None => "No user name and password to log in with are known yet.".to_owned(),
    };
    if ladder.status == "success" {
        let skipped = Rung {
            name: RungName::Login,
            outcome: RungOutcome::Skipped(why),
            took_ms: 0,
            server_said: String::new(),
        };
        ladder.rungs.push(rung_view(&profile.name, &skipped));
    }
    ladder
}

fn access(
    profile: &EmailServerProfile,
    endpoint: &Endpoint,
    (mailbox, address, credentials): (MailboxId, EmailAddress, Credentials),
    allow_plain: bool,
) -> MailboxAccess {
    MailboxAccess {
        process_emails_from: None,
        mailbox,
        address,
        profile: profile.id,
        server_type: profile.server_type,
        endpoint: endpoint.clone(),
        credentials,
        allow_plain,
        max_message_bytes: 1 << 20,
    }
}

/// Stands for the mailbox where none is known: the ladder ends below the login.
fn nobody(profile: &EmailServerProfile) -> Result<(MailboxId, EmailAddress, Credentials), ApiError> {
    let address = EmailAddress::parse("nobody@localhost.invalid");
    let address = address.map_err(|error| ApiError::internal(&profile.name, &error))?;
    Ok((MailboxId(Uuid::nil()), address, Credentials::None))
}

/// Whether a rung is climbed without anybody logging in.
fn below_login(rung: &Rung) -> bool {
    matches!(rung.name, RungName::Dns | RungName::Tcp | RungName::Tls)
}

/// Tells shells of rungs as they are climbed.
struct TellRungs<'a> {
    tandem: &'a Tandem,
    object: &'a str,
    workload: Workload,
    has_login: bool,
}

impl RungSink for TellRungs<'_> {
    fn climbed(&self, rung: &Rung) {
        if !self.has_login && !below_login(rung) {
            return;
        }
        self.tandem.hub.tell(EventView::Rung {
            object: self.object.to_owned(),
            workload: self.workload.as_str().to_owned(),
            rung: rung_view(self.object, rung),
        });
    }
}
