//! The organization's settings.

use crate::{
    Tandem,
    people::of_configuration,
    wire::{ApiError, Nothing, SendLimitPreset, SettingsView},
};
use tandem_domain::{
    frequency::FrequencyPolicy,
    send_limits::PRESETS,
    settings::{Capacity, OrganizationSettings, ProcessEmailUsing},
};
use tandem_store::configuration::ConfigurationChange;

impl Tandem {
    /// The organization's settings.
    ///
    /// # Errors
    /// Those of storage.
    pub async fn settings(&self, _: Nothing) -> Result<SettingsView, ApiError> {
        Ok(view(&self.organization_settings().await?))
    }

    /// Changes the organization's settings. Those of capacity take effect when Tandem starts the next time.
    ///
    /// # Errors
    /// A number out of range, an unknown policy, or storage.
    pub async fn save_settings(&self, wanted: SettingsView) -> Result<SettingsView, ApiError> {
        let settings = checked(&wanted)?;
        let change = ConfigurationChange::Settings(settings.clone());
        let done = self.store.apply(vec![change], self.now()).await;
        done.map_err(|error| of_configuration("settings", &error))?;
        self.engine.wake();
        Ok(view(&settings))
    }

    /// The published sending limits of known providers, to start from.
    ///
    /// # Errors
    /// None.
    #[allow(clippy::unused_async, reason = "every action is async")]
    pub async fn send_limit_presets(&self, _: Nothing) -> Result<Vec<SendLimitPreset>, ApiError> {
        let preset = |one: &tandem_domain::send_limits::Preset| SendLimitPreset {
            word: one.word.to_owned(),
            name: one.name.to_owned(),
            recipients_per_day: one.limits.recipients_per_day,
            messages_per_minute: one.limits.messages_per_minute,
        };
        Ok(PRESETS.iter().map(preset).collect())
    }
}

fn checked(wanted: &SettingsView) -> Result<OrganizationSettings, ApiError> {
    let capacity = Capacity {
        max_incoming_cycles: wanted.max_incoming_cycles,
        max_outgoing_cycles: wanted.max_outgoing_cycles,
        max_operations: wanted.max_operations,
        cycle_seconds: wanted.cycle_seconds,
        cycle_mib: wanted.cycle_mib,
        cycle_timeout_minutes: wanted.cycle_timeout_minutes,
        connect_timeout_seconds: wanted.connect_timeout_seconds,
        read_timeout_seconds: wanted.read_timeout_seconds,
        push: wanted.push,
    };
    let mut in_range = vec![
        ("cycle_interval_minutes", u32::from(wanted.cycle_interval_minutes), 0, 1_440),
        ("max_delivery_attempts", u32::from(wanted.max_delivery_attempts), 1, 1_000),
        ("max_message_mib", wanted.max_message_mib, 1, 4_096),
        ("test_batch_mailboxes", u32::from(wanted.test_batch_mailboxes), 1, 10_000),
        ("test_batch_hours", u32::from(wanted.test_batch_hours), 0, 168),
        ("history_days", u32::from(wanted.history_days), 1, 366),
    ];
    in_range.extend(
        capacity
            .numbers()
            .map(|(field, value, least, most)| (field, value.into(), least.into(), most.into())),
    );
    for (field, value, least, most) in in_range {
        if !(least..=most).contains(&value) {
            let message = format!("{field} = {value} is out of range.");
            let remedy = format!("Use a number from {least} to {most}.");
            return Err(ApiError::plain("settings_invalid", "settings", &message, &remedy));
        }
    }
    let words: Vec<_> = FrequencyPolicy::ALL.iter().map(|one| one.as_str()).collect();
    let frequency = FrequencyPolicy::from_word(&wanted.frequency)
        .ok_or_else(|| ApiError::unknown_word("frequency", &wanted.frequency, &words))?;
    let words = ProcessEmailUsing::ALL.map(ProcessEmailUsing::as_str);
    let process_email_using = ProcessEmailUsing::from_word(&wanted.process_email_using)
        .ok_or_else(|| ApiError::unknown_word("process_email_using", &wanted.process_email_using, &words))?;
    Ok(OrganizationSettings {
        process_email_using,
        allow_plain_connections: wanted.allow_plain_connections,
        require_approval: wanted.require_approval,
        frequency,
        cycle_interval_minutes: Some(wanted.cycle_interval_minutes).filter(|minutes| *minutes > 0),
        max_delivery_attempts: wanted.max_delivery_attempts,
        max_message_bytes: u64::from(wanted.max_message_mib) << 20,
        test_batch_mailboxes: wanted.test_batch_mailboxes,
        test_batch_hours: wanted.test_batch_hours,
        history_days: wanted.history_days,
        capacity,
    })
}

fn view(settings: &OrganizationSettings) -> SettingsView {
    let capacity = &settings.capacity;
    SettingsView {
        allow_plain_connections: settings.allow_plain_connections,
        require_approval: settings.require_approval,
        frequency: settings.frequency.as_str().to_owned(),
        cycle_interval_minutes: settings.cycle_interval_minutes.unwrap_or(0),
        max_delivery_attempts: settings.max_delivery_attempts,
        max_message_mib: u32::try_from(settings.max_message_bytes >> 20).unwrap_or(u32::MAX),
        max_incoming_cycles: capacity.max_incoming_cycles,
        max_outgoing_cycles: capacity.max_outgoing_cycles,
        max_operations: capacity.max_operations,
        cycle_seconds: capacity.cycle_seconds,
        cycle_mib: capacity.cycle_mib,
        cycle_timeout_minutes: capacity.cycle_timeout_minutes,
        connect_timeout_seconds: capacity.connect_timeout_seconds,
        read_timeout_seconds: capacity.read_timeout_seconds,
        push: capacity.push,
        test_batch_mailboxes: settings.test_batch_mailboxes,
        test_batch_hours: settings.test_batch_hours,
        process_email_using: settings.process_email_using.as_str().to_owned(),
        history_days: settings.history_days,
    }
}
