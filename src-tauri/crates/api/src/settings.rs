//! The organization's settings.

use crate::{
    Tandem,
    people::of_configuration,
    wire::{ApiError, Nothing, SettingsView},
};
use tandem_domain::settings::{OrganizationSettings, ProcessEmailUsing};
use tandem_store::configuration::ConfigurationChange;

impl Tandem {
    /// The organization's settings.
    ///
    /// # Errors
    /// Those of storage.
    pub async fn settings(&self, _: Nothing) -> Result<SettingsView, ApiError> {
        Ok(view(&self.organization_settings().await?))
    }

    /// Changes the organization's settings.
    ///
    /// # Errors
    /// A number out of range, or storage.
    pub async fn save_settings(&self, wanted: SettingsView) -> Result<SettingsView, ApiError> {
        let in_range = [
            ("cycle_interval_minutes", u32::from(wanted.cycle_interval_minutes), 1, 1_440),
            ("max_delivery_attempts", u32::from(wanted.max_delivery_attempts), 1, 1_000),
            ("max_message_mib", wanted.max_message_mib, 1, 4_096),
        ];
        for (field, value, least, most) in in_range {
            if !(least..=most).contains(&value) {
                let message = format!("{field} = {value} is out of range.");
                let remedy = format!("Use a number from {least} to {most}.");
                return Err(ApiError::plain("settings_invalid", "settings", &message, &remedy));
            }
        }
        let words = ProcessEmailUsing::ALL.map(ProcessEmailUsing::as_str);
        let process_email_using =
            ProcessEmailUsing::from_word(&wanted.process_email_using).ok_or_else(|| {
                ApiError::unknown_word("process_email_using", &wanted.process_email_using, &words)
            })?;
        let settings = OrganizationSettings {
            allow_plain_connections: wanted.allow_plain_connections,
            require_approval: wanted.require_approval,
            cycle_interval_minutes: wanted.cycle_interval_minutes,
            max_delivery_attempts: wanted.max_delivery_attempts,
            max_message_bytes: u64::from(wanted.max_message_mib) << 20,
            process_email_using,
        };
        let change = ConfigurationChange::Settings(settings.clone());
        let done = self.store.apply(vec![change], self.now()).await;
        done.map_err(|error| of_configuration("settings", &error))?;
        self.engine.wake();
        Ok(view(&settings))
    }
}

fn view(settings: &OrganizationSettings) -> SettingsView {
    SettingsView {
        allow_plain_connections: settings.allow_plain_connections,
        require_approval: settings.require_approval,
        cycle_interval_minutes: settings.cycle_interval_minutes,
        max_delivery_attempts: settings.max_delivery_attempts,
        max_message_mib: u32::try_from(settings.max_message_bytes >> 20).unwrap_or(u32::MAX),
        process_email_using: settings.process_email_using.as_str().to_owned(),
    }
}
