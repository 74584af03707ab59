//! Alerts as actions: dismissing, their settings, a profile's owner, and trusting a certificate that one is about.

use crate::{
    Tandem, certificates,
    people::{of_configuration, of_storage},
    wire::{
        AlertSettingsView, ApiError, DismissAlertsRequest, DismissAlertsResult, Nothing,
        ProfileAlertsRequest, ProfileAlertsView, ProfileView, TrustCertificateRequest,
    },
};
use tandem_domain::{
    alert_rules::{AlertSettings, ProfileAlerts},
    directory::{DirectoryEntry, DirectoryId},
    ids::{AlertId, UserId},
    profile::Endpoint,
};
use tandem_store::configuration::ConfigurationChange;

/// Users whose name or address contains what was typed.
const MOST_NAMESAKES: u32 = 1_000;
/// The longest that a cleared alert is kept, in days.
const MOST_DAYS: u16 = 3_650;

impl Tandem {
    /// Clears alerts that a person has dealt with; those whose cause stays come back.
    ///
    /// # Errors
    /// An id that is none, or storage.
    pub async fn dismiss_alerts(
        &self,
        request: DismissAlertsRequest,
    ) -> Result<DismissAlertsResult, ApiError> {
        let mut cleared = 0;
        for text in &request.ids {
            let id: AlertId = text.parse().map_err(|_| ApiError::not_found("alert", text))?;
            let was_open = self.store.clear_alert(id, self.now()).await;
            cleared += u32::from(was_open.map_err(|error| of_storage(text, &error))?);
        }
        Ok(DismissAlertsResult { cleared })
    }

    /// Which alerts are raised, for whom, and how long cleared ones are kept.
    ///
    /// # Errors
    /// Those of storage.
    pub async fn alert_settings(&self, _: Nothing) -> Result<AlertSettingsView, ApiError> {
        let settings = self.store.alert_settings().await.map_err(|error| of_storage("settings", &error))?;
        Ok(view(settings))
    }

    /// Changes which alerts are raised.
    ///
    /// # Errors
    /// A number out of range, or storage.
    pub async fn save_alert_settings(
        &self,
        wanted: AlertSettingsView,
    ) -> Result<AlertSettingsView, ApiError> {
        if !(1..=MOST_DAYS).contains(&wanted.keep_cleared_days) {
            let message = format!("keep_cleared_days = {} is out of range.", wanted.keep_cleared_days);
            let remedy = format!("Use a number from 1 to {MOST_DAYS}.");
            return Err(ApiError::plain("settings_invalid", "settings", &message, &remedy));
        }
        let settings = AlertSettings {
            errors: wanted.errors,
            warnings: wanted.warnings,
            information: wanted.information,
            notify_mailbox_owner: wanted.notify_mailbox_owner,
            keep_cleared_days: wanted.keep_cleared_days,
        };
        let saved = self.store.save_alert_settings(settings).await;
        saved.map_err(|error| of_storage("settings", &error))?;
        Ok(view(settings))
    }

    /// A profile's owner and whether they get an email about its trouble.
    ///
    /// # Errors
    /// An unknown profile, or storage.
    pub async fn profile_alerts(&self, request: ProfileAlertsRequest) -> Result<ProfileAlertsView, ApiError> {
        let profile = self.find_profile(&request.profile).await?;
        let all = self.store.profile_alerts().await.map_err(|error| of_storage(&profile.name, &error))?;
        let own = all.get(&profile.id).copied().unwrap_or_default();
        let owner = match own.owner {
            Some(owner) => self.user(owner).await?,
            None => None,
        };
        Ok(ProfileAlertsView {
            profile: profile.name,
            owner_email: owner.as_ref().and_then(|one| one.email.as_ref()).map(ToString::to_string),
            owner: owner.map(|one| one.name),
            send_alert_email: own.send_alert_email,
        })
    }

    /// Changes a profile's owner and whether they get an email.
    ///
    /// # Errors
    /// An unknown profile or user, an owner without an address where emails are wanted, or storage.
    pub async fn save_profile_alerts(
        &self,
        wanted: ProfileAlertsView,
    ) -> Result<ProfileAlertsView, ApiError> {
        let profile = self.find_profile(&wanted.profile).await?;
        let name = wanted.owner.as_deref().map(str::trim).filter(|name| !name.is_empty());
        let owner = match name {
            Some(name) => Some(self.user_by_name(name).await?),
            None => None,
        };
        if wanted.send_alert_email && owner.as_ref().is_none_or(|owner| owner.email.is_none()) {
            return Err(ApiError::plain(
                "profile_invalid",
                &profile.name,
                "The profile has no owner with an email address, so nobody could be told.",
                "Choose an owner who has an address in the directory.",
            ));
        }
        let owner = owner.and_then(|entry| match entry.id {
            DirectoryId::User(id) => Some(id),
            _ => None,
        });
        let alerts = ProfileAlerts { owner, send_alert_email: wanted.send_alert_email };
        let saved = self.store.save_profile_alerts(profile.id, alerts).await;
        saved.map_err(|error| of_storage(&profile.name, &error))?;
        self.profile_alerts(ProfileAlertsRequest { profile: profile.name }).await
    }

    /// Trusts a compared certificate of one of a profile's servers.
    ///
    /// # Errors
    /// An unknown profile, a server that is not the profile's, a fingerprint that is none, or storage.
    pub async fn trust_certificate(&self, request: TrustCertificateRequest) -> Result<ProfileView, ApiError> {
        let mut profile = self.find_profile(&request.profile).await?;
        let Some(pin) = certificates::fingerprint(&request.sha256) else {
            let message = format!("\"{}\" is no SHA-256 fingerprint.", request.sha256);
            let remedy = "Give 64 hexadecimal digits, with or without colons.";
            return Err(ApiError::plain("profile_invalid", &profile.name, &message, remedy));
        };
        let mut found = false;
        for endpoint in profile.incoming.iter_mut().chain(profile.outgoing.iter_mut()) {
            if names(endpoint, &request.host) {
                found = true;
                if !endpoint.trust.pinned_sha256.contains(&pin) {
                    endpoint.trust.pinned_sha256.push(pin.clone());
                }
            }
        }
        if !found {
            let message = format!("{} is no server of the profile (any more).", request.host);
            let remedy =
                "Open the profile and look at its servers; the alert may be older than a change of them.";
            return Err(ApiError::plain("profile_invalid", &profile.name, &message, remedy));
        }
        let (id, name) = (profile.id.to_string(), profile.name.clone());
        let done = self.store.apply(vec![ConfigurationChange::Profile(profile)], self.now()).await;
        done.map_err(|error| of_configuration(&name, &error))?;
        self.engine.wake();
        let all = self.profiles(Nothing {}).await?;
        all.into_iter().find(|one| one.id == id).ok_or_else(|| ApiError::not_found("profile", &name))
    }

    /// A user of the directory.
    pub(crate) async fn user(&self, id: UserId) -> Result<Option<DirectoryEntry>, ApiError> {
        let found = self.store.directory_entry(DirectoryId::User(id)).await;
        found.map_err(|error| of_storage("directory", &error))
    }

    async fn user_by_name(&self, name: &str) -> Result<DirectoryEntry, ApiError> {
        let all = self.store.list_directory("user", name, None, MOST_NAMESAKES).await;
        let all = all.map_err(|error| of_storage("directory", &error))?;
        let wanted = name.to_lowercase();
        let found = all.into_iter().find(|entry| {
            entry.name.to_lowercase() == wanted
                || entry.email.as_ref().is_some_and(|email| email.as_str().to_lowercase() == wanted)
        });
        found.ok_or_else(|| ApiError::not_found("user", name))
    }
}

/// Whether this endpoint is at that host, whatever the case.
fn names(endpoint: &Endpoint, host: &str) -> bool {
    endpoint.server.eq_ignore_ascii_case(host.trim())
}

fn view(settings: AlertSettings) -> AlertSettingsView {
    AlertSettingsView {
        errors: settings.errors,
        warnings: settings.warnings,
        information: settings.information,
        notify_mailbox_owner: settings.notify_mailbox_owner,
        keep_cleared_days: settings.keep_cleared_days,
    }
}
