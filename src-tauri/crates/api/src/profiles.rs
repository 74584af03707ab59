//! Email server profiles: listed, saved, probed.

use crate::{
    Tandem, certificates, keys,
    people::{of_configuration, of_secret, of_storage},
    views::{endpoint_view, judged},
    wire::{ApiError, EndpointView, Nothing, ProfileView, SaveProfileRequest},
};
use tandem_domain::{
    health::{Health, HealthStatus},
    ids::{ProfileId, record_id},
    profile::{AuthenticateUsing, CertificateTrust, EmailServerProfile, Endpoint, Security, ServerType},
    send_limits::{MOST_MESSAGES_PER_MINUTE, MOST_RECIPIENTS_PER_DAY, SendLimits},
    settings::OrganizationSettings,
    workload::Workload,
};
use tandem_engine::ports::storage::{Configuration, StorageError};
use tandem_secrets::Secret;
use tandem_store::{CredentialsOf, configuration::ConfigurationChange};
use uuid::Uuid;

impl Tandem {
    /// All email server profiles.
    ///
    /// # Errors
    /// Those of storage.
    pub async fn profiles(&self, _: Nothing) -> Result<Vec<ProfileView>, ApiError> {
        let failed = |error| of_storage("profiles", &error);
        let profiles = self.store.list_profiles().await.map_err(failed)?;
        let mailboxes = self.store.list_mailboxes().await.map_err(failed)?;
        let judge = self.judge().await?;
        let passwords =
            self.have_secrets(profiles.iter().map(|one| keys::profile_password(one.id)).collect()).await;
        let now = self.now();
        let view = |(profile, has_password): (EmailServerProfile, bool)| {
            let mine: Vec<_> =
                mailboxes.iter().filter(|one| one.mailbox.profile == Some(profile.id)).collect();
            let healths: Vec<_> = mine
                .iter()
                .flat_map(|one| {
                    let named = judged(one);
                    Workload::ALL.map(|work| judge.workload(one, &named, Some(&profile), work, now))
                })
                .flatten()
                .collect();
            let health = judge.profile(&profile, &healths.iter().collect::<Vec<_>>());
            profile_view(&profile, has_password, mine.len(), health)
        };
        Ok(profiles.into_iter().zip(passwords).map(view).collect())
    }

    /// Creates or changes a profile.
    ///
    /// # Errors
    /// A value that cannot be, the secret store (nothing is changed then), or storage.
    pub async fn save_profile(&self, request: SaveProfileRequest) -> Result<ProfileView, ApiError> {
        let settings = self.organization_settings().await?;
        let current = match &request.id {
            Some(id) => Some(self.find_profile_by_id(id).await?),
            None => None,
        };
        let id = match &current {
            Some(current) => current.id,
            None => self.new_profile_id(&request.name).await?,
        };
        let profile = checked(&request, id, current.as_ref(), &settings)?;
        let object = profile.name.clone();
        let put = match &request.password {
            Some(password) if !password.0.is_empty() => {
                let key = keys::profile_password(id);
                Some(self.put_secret(key, Secret::new(password.0.clone()), &object).await?)
            }
            _ => None,
        };
        let done = self.store.apply(vec![ConfigurationChange::Profile(profile)], self.now()).await;
        if let Err(error) = done {
            if let Some(put) = put {
                self.take_back(vec![put]).await;
            }
            return Err(of_configuration(&object, &error));
        }
        if request.password.as_ref().is_some_and(|password| !password.0.is_empty()) {
            self.credentials_changed(CredentialsOf::Profile(id), &object).await?;
        }
        self.engine.wake();
        let all = self.profiles(Nothing {}).await?;
        let id = id.to_string();
        all.into_iter().find(|one| one.id == id).ok_or_else(|| ApiError::not_found("profile", &object))
    }

    /// The profile with this name.
    pub(crate) async fn find_profile(&self, name: &str) -> Result<EmailServerProfile, ApiError> {
        let found =
            self.store.profile_by_name(name.trim()).await.map_err(|error| of_storage(name, &error))?;
        found.ok_or_else(|| ApiError::not_found("profile", name))
    }

    async fn find_profile_by_id(&self, id: &str) -> Result<EmailServerProfile, ApiError> {
        let parsed: ProfileId = id.parse().map_err(|_| ApiError::not_found("profile", id))?;
        self.store.profile(parsed).await.map_err(|error| match error {
            StorageError::NotFound(_) => ApiError::not_found("profile", id),
            other => of_storage(id, &other),
        })
    }

    /// The id that follows from the name, unless a profile that was renamed since has it.
    async fn new_profile_id(&self, name: &str) -> Result<ProfileId, ApiError> {
        let id = ProfileId(record_id(self.store.organization_id(), "profile", name));
        match self.store.profile(id).await {
            Ok(_) => Ok(ProfileId(Uuid::new_v4())),
            Err(StorageError::NotFound(_)) => Ok(id),
            Err(error) => Err(of_storage(name, &error)),
        }
    }

    /// Keeps a secret; returns what was under the key before, for [`Tandem::take_back`].
    pub(crate) async fn put_secret(
        &self,
        key: tandem_secrets::SecretRef,
        secret: Secret,
        object: &str,
    ) -> Result<Before, ApiError> {
        let secrets = std::sync::Arc::clone(&self.secrets);
        let done = tokio::task::spawn_blocking(move || {
            let before = match secrets.get(&key) {
                Ok(before) => Some(before),
                Err(tandem_secrets::SecretError::NotFound { .. }) => None,
                Err(error) => return Err(error),
            };
            secrets.put(&key, secret)?;
            Ok((key, before))
        });
        let done = done.await.map_err(|error| ApiError::internal(object, &error))?;
        done.map_err(|error| of_secret(object, &error))
    }

    /// New credentials are worth one try: see `Store::credentials_changed`.
    pub(crate) async fn credentials_changed(&self, of: CredentialsOf, object: &str) -> Result<(), ApiError> {
        let tried = self.store.credentials_changed(of, self.now()).await;
        let tried = tried.map_err(|error| of_storage(object, &error))?;
        if tried > 0 {
            tracing::info!("{object}: {tried} workloads that were stopped are tried with the new password.");
        }
        self.engine.wake();
        Ok(())
    }

    /// Puts back what was there before secrets were kept.
    pub(crate) async fn take_back(&self, put: Vec<Before>) {
        let secrets = std::sync::Arc::clone(&self.secrets);
        let done = tokio::task::spawn_blocking(move || {
            for (key, before) in put {
                let back = match before {
                    Some(before) => secrets.put(&key, before),
                    None => secrets.delete(&key),
                };
                if let Err(error) = back {
                    tracing::error!("The earlier password under {key} could not be put back: {error}");
                }
            }
        });
        let _ = done.await;
    }
}

/// A key, and what was under it before.
pub(crate) type Before = (tandem_secrets::SecretRef, Option<Secret>);

/// A profile as a person typed it, checked.
pub(crate) fn checked(
    request: &SaveProfileRequest,
    id: ProfileId,
    current: Option<&EmailServerProfile>,
    settings: &OrganizationSettings,
) -> Result<EmailServerProfile, ApiError> {
    let name = request.name.trim();
    let wrong = |message: &str, remedy: &str| Err(ApiError::plain("profile_invalid", name, message, remedy));
    if name.is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
        return wrong("The profile's name is empty or too long.", "Give it a name of 1 to 100 characters.");
    }
    if request.description.chars().count() > 2_000 {
        return wrong("The description is too long.", "Use at most 2,000 characters.");
    }
    if !(1..=300).contains(&request.max_concurrent_connections) {
        return wrong("The number of connections is out of range.", "Use a number from 1 to 300.");
    }
    let limits = [
        ("recipients a day", request.send_limit_recipients_per_day, MOST_RECIPIENTS_PER_DAY),
        ("messages a minute", request.send_limit_messages_per_minute, MOST_MESSAGES_PER_MINUTE),
    ];
    for (what, limit, most) in limits {
        if limit.is_some_and(|limit| !(1..=most).contains(&limit)) {
            let remedy = format!("Use a number from 1 to {most}, or leave it empty for no limit.");
            return wrong(&format!("The limit of {what} is out of range."), &remedy);
        }
    }
    let server_type = match ServerType::from_word(&request.server_type) {
        Some(found @ (ServerType::Pop3Smtp | ServerType::ImapSmtp)) => found,
        _ => {
            return Err(ApiError::unknown_word(
                "server_type",
                &request.server_type,
                &["pop3_smtp", "imap_smtp"],
            ));
        }
    };
    let authenticate_using = match AuthenticateUsing::from_word(&request.authenticate_using) {
        Some(
            found @ (AuthenticateUsing::Profile
            | AuthenticateUsing::UserOrQueue
            | AuthenticateUsing::Anonymous),
        ) => found,
        _ => {
            let words = ["profile", "user_or_queue", "anonymous"];
            return Err(ApiError::unknown_word("authenticate_using", &request.authenticate_using, &words));
        }
    };
    let user_name = request.user_name.as_deref().map(str::trim).filter(|text| !text.is_empty());
    if authenticate_using == AuthenticateUsing::Profile && user_name.is_none() {
        return wrong(
            "The profile's account has no user name.",
            "Enter the user name that the profile logs in with.",
        );
    }
    Ok(EmailServerProfile {
        id,
        name: name.to_owned(),
        description: request.description.clone(),
        server_type,
        active: current.is_none_or(|current| current.active),
        incoming: Some(endpoint(&request.incoming, name, "incoming", settings)?),
        outgoing: Some(endpoint(&request.outgoing, name, "outgoing", settings)?),
        authenticate_using,
        user_name: user_name.map(str::to_owned),
        process_emails_from: request.process_emails_from,
        max_concurrent_connections: request.max_concurrent_connections,
        min_polling_interval_minutes: current.map_or(0, |current| current.min_polling_interval_minutes),
        send_limits: SendLimits {
            recipients_per_day: request.send_limit_recipients_per_day,
            messages_per_minute: request.send_limit_messages_per_minute,
        },
    })
}

fn endpoint(
    view: &EndpointView,
    profile: &str,
    direction: &str,
    settings: &OrganizationSettings,
) -> Result<Endpoint, ApiError> {
    let wrong =
        |message: String, remedy: &str| Err(ApiError::plain("profile_invalid", profile, &message, remedy));
    let server = view.server.trim();
    let is_address = server.parse::<std::net::IpAddr>().is_ok();
    if server.is_empty()
        || server.chars().any(|c| c.is_whitespace() || c.is_control() || "/@".contains(c))
        || (server.contains(':') && !is_address)
    {
        let remedy = "Enter only the name or address of the server, like mail.contoso.com; the port has its own field.";
        return wrong(format!("The {direction} server \"{server}\" is no host name."), remedy);
    }
    if view.port == 0 {
        return wrong(format!("The {direction} port is 0."), "Enter a port from 1 to 65535.");
    }
    let words: Vec<_> = Security::ALL.iter().map(|one| one.as_str()).collect();
    let security = Security::from_word(&view.security)
        .ok_or_else(|| ApiError::unknown_word("security", &view.security, &words))?;
    if security == Security::None && !settings.allow_plain_connections {
        let remedy = "Choose TLS or STARTTLS, or allow unencrypted connections in the settings.";
        return wrong(
            format!("The {direction} connection is not encrypted, which the settings do not allow."),
            remedy,
        );
    }
    let ca_file = view.ca_file.as_deref().map(str::trim).filter(|path| !path.is_empty());
    if let Some(path) = ca_file {
        let remedy = "Choose a PEM file with the certificate authority of the server.";
        match certificates::count(std::path::Path::new(path)) {
            Ok(0) => return wrong(format!("The CA file {path} holds no certificate."), remedy),
            Ok(_) => {}
            Err(error) => return wrong(format!("The CA file {path} cannot be read: {error}."), remedy),
        }
    }
    let mut pinned_sha256 = Vec::new();
    for text in &view.trusted_certificate_sha256 {
        let Some(pin) = certificates::fingerprint(text) else {
            let remedy = "Give 64 hexadecimal digits, with or without colons.";
            return wrong(format!("\"{text}\" is no SHA-256 fingerprint."), remedy);
        };
        pinned_sha256.push(pin);
    }
    let trust = CertificateTrust { ca_file: ca_file.map(str::to_owned), pinned_sha256 };
    Ok(Endpoint { server: server.to_owned(), port: view.port, security, trust })
}

fn profile_view(
    profile: &EmailServerProfile,
    password_set: bool,
    mailboxes: usize,
    health: Option<Health>,
) -> ProfileView {
    let health = health.unwrap_or_else(|| Health {
        status: HealthStatus::Unproven,
        since: None,
        why: "No mailbox of it is synchronized.".to_owned(),
    });
    ProfileView {
        id: profile.id.to_string(),
        name: profile.name.clone(),
        description: profile.description.clone(),
        server_type: profile.server_type.as_str().to_owned(),
        active: profile.active,
        incoming: profile.incoming.as_ref().map(endpoint_view),
        outgoing: profile.outgoing.as_ref().map(endpoint_view),
        authenticate_using: profile.authenticate_using.as_str().to_owned(),
        user_name: profile.user_name.clone(),
        password_set: password_set && profile.authenticate_using == AuthenticateUsing::Profile,
        process_emails_from: profile.process_emails_from,
        max_concurrent_connections: profile.max_concurrent_connections,
        min_polling_interval_minutes: profile.min_polling_interval_minutes,
        mailboxes: u32::try_from(mailboxes).unwrap_or(u32::MAX),
        send_limit_recipients_per_day: profile.send_limits.recipients_per_day,
        send_limit_messages_per_minute: profile.send_limits.messages_per_minute,
        status: health.status.as_str().to_owned(),
        since: health.since,
        why: health.why,
    }
}
