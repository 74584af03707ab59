//! Ladders: test & enable, probing a profile, trying servers that are not saved yet.

use crate::{
    Tandem,
    attach::Attached,
    people::{failure_sentence, of_storage},
    profiles::checked,
    views::{ladder_view, rung_view, skipped_ladder},
    wire::{
        ApiError, EventView, LadderView, ProbeProfileRequest, SecretText, TestEnableRequest,
        TestEnableResult, TryServersRequest,
    },
};
use std::{collections::HashMap, sync::Arc};
use tandem_domain::{
    address::EmailAddress,
    failure::{Failure, FailureCode},
    ids::{MailboxId, ProfileId},
    mailbox::{Approval, DeliveryMethod, Mailbox},
    probe::{Rung, RungName, RungOutcome},
    profile::{AuthenticateUsing, EmailServerProfile, Endpoint, Security},
    workload::Workload,
};
use tandem_engine::{
    ports::mail::{Credentials, MailboxAccess, RungSink},
    test_enable::{DEFAULT_ROUND_TRIP_LIMIT, TestRequest},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use zeroize::Zeroizing;

/// So many mailboxes are tested side by side; the engine's own limit holds too.
const SIDE_BY_SIDE: usize = 8;

impl Tandem {
    /// Tests mailboxes and enables what succeeds; rungs arrive as events too.
    ///
    /// # Errors
    /// An unknown address or profile, nothing to test, or storage.
    pub async fn test_enable(&self, request: TestEnableRequest) -> Result<TestEnableResult, ApiError> {
        self.test_enable_until(request, &self.closing).await
    }

    /// The same, ended early when asked to stop.
    ///
    /// # Errors
    /// As [`Tandem::test_enable`].
    pub async fn test_enable_until(
        &self,
        request: TestEnableRequest,
        stop: &CancellationToken,
    ) -> Result<TestEnableResult, ApiError> {
        let mailboxes = self.mailboxes_to_test(&request).await?;
        if let Some(there) = self.elsewhere().await? {
            return self.test_there(&there, &request, stop).await;
        }
        let test = TestRequest {
            mailboxes: mailboxes
                .iter()
                .filter(|one| one.approval == Approval::Approved)
                .map(|one| one.id)
                .collect(),
            round_trip_limit: DEFAULT_ROUND_TRIP_LIMIT,
            side_by_side: SIDE_BY_SIDE,
        };
        let results = self.engine.test_enable(&test, stop).await;
        let results: HashMap<_, _> = results.iter().map(|one| ((one.mailbox, one.workload), one)).collect();
        let mut ladders = Vec::new();
        for mailbox in &mailboxes {
            let object = mailbox.email.as_str();
            for workload in Workload::ALL {
                ladders.push(match results.get(&(mailbox.id, workload)) {
                    Some(result) => ladder_view(object, workload, &result.rungs, result.failure.as_ref()),
                    None if mailbox.approval != Approval::Approved => {
                        let why = match mailbox.approval {
                            Approval::Rejected => "Its address was rejected: approve it first.",
                            _ => "Its address waits for approval: approve it first.",
                        };
                        skipped_ladder(object, workload.as_str(), why)
                    }
                    None if mailbox.method(workload) != DeliveryMethod::ServerSideSync => {
                        let method = mailbox.method(workload).as_str();
                        let why =
                            format!("Its delivery method is \"{method}\": Tandem does not synchronize it.");
                        skipped_ladder(object, workload.as_str(), &why)
                    }
                    None => {
                        skipped_ladder(object, workload.as_str(), "The test was stopped before it was done.")
                    }
                });
            }
        }
        let count = |status: &str| {
            u32::try_from(ladders.iter().filter(|ladder| ladder.status == status).count()).unwrap_or(u32::MAX)
        };
        let (succeeded, failed, skipped) = (count("success"), count("failure"), count("skipped"));
        Ok(TestEnableResult { ladders, succeeded, failed, skipped })
    }

    /// Has the engine of another process test: it counts the connections and wakes what is enabled.
    async fn test_there(
        &self,
        there: &Attached,
        request: &TestEnableRequest,
        stop: &CancellationToken,
    ) -> Result<TestEnableResult, ApiError> {
        let failed = |error: serde_json::Error| ApiError::bad_request("test_enable", &error);
        let mut events = there.events();
        let request = serde_json::to_value(request).map_err(failed)?;
        let call = there.call("test_enable", request);
        tokio::pin!(call);
        let answer = loop {
            tokio::select! {
                answer = &mut call => break answer?,
                Ok(event) = events.recv() => self.hub.tell(event),
                () = stop.cancelled() => {
                    let remedy = "The engine's process tests on; `tandem mailbox show` shows the results.";
                    let message = "Waiting for the test was ended.";
                    return Err(ApiError::plain("stopped", "mailboxes", message, remedy));
                }
            }
        };
        serde_json::from_value(answer).map_err(failed)
    }

    async fn mailboxes_to_test(&self, request: &TestEnableRequest) -> Result<Vec<Mailbox>, ApiError> {
        let mut found: Vec<Mailbox> = Vec::new();
        for address in &request.addresses {
            let mailbox = self.find_mailbox(address).await?;
            if found.iter().all(|one| one.id != mailbox.id) {
                found.push(mailbox);
            }
        }
        let profile = match &request.profile {
            Some(name) => Some(self.find_profile(name).await?.id),
            None => None,
        };
        if request.all || profile.is_some() {
            let all = self.store.list_mailboxes().await.map_err(|error| of_storage("mailboxes", &error))?;
            let chosen =
                all.into_iter().map(|one| one.mailbox).filter(|one| request.all || one.profile == profile);
            for mailbox in chosen {
                if found.iter().all(|one| one.id != mailbox.id) {
                    found.push(mailbox);
                }
            }
        }
        if found.is_empty() {
            let remedy = "Name mailboxes by their addresses, or make some first.";
            return Err(ApiError::plain(
                "nothing_to_do",
                "mailboxes",
                "There is no mailbox to test.",
                remedy,
            ));
        }
        Ok(found)
    }

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
        mine.sort_by_key(|one| one.approval != Approval::Approved);
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
