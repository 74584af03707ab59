//! How long Test & Enable and the first sync will take, by the engine's own scheduler on simulated time.

use crate::{
    Tandem,
    wire::{ApiError, ForecastRequest, ForecastView},
};
use tandem_domain::profile::AuthenticateUsing;
use tandem_engine::{
    dispatch::DispatchLimits,
    runner::EngineLimits,
    simulate::{self, BatchRule, Costs, LogsIn},
};

/// Messages that wait in an inbox, when nobody says.
const MESSAGES: u32 = 500;
const HOUR_MS: i64 = 60 * 60_000;
/// Cycles that start no later than this are in time.
const IN_TIME_MS: i64 = 60_000;

impl Tandem {
    /// Forecasts Test & Enable and the first sync of so many mailboxes at a profile's limits.
    ///
    /// # Errors
    /// An unknown profile, a number out of range, or storage.
    pub async fn forecast(&self, wanted: ForecastRequest) -> Result<ForecastView, ApiError> {
        let profile = self.find_profile(&wanted.profile).await?;
        let messages = wanted.messages.unwrap_or(MESSAGES);
        let batch_mailboxes = wanted.batch_mailboxes.unwrap_or(BatchRule::default().mailboxes);
        let usual_hours = u32::try_from(BatchRule::default().every / HOUR_MS).unwrap_or(5);
        let batch_hours = wanted.batch_hours.unwrap_or(usual_hours);
        let in_range = [
            ("mailboxes", wanted.mailboxes, 1, 20_000),
            ("queues", wanted.queues, 0, wanted.mailboxes),
            ("messages", messages, 0, 1_000_000),
            ("batch_mailboxes", batch_mailboxes, 1, 20_000),
            ("batch_hours", batch_hours, 0, 168),
        ];
        for (field, value, least, most) in in_range {
            if !(least..=most).contains(&value) {
                let message = format!("{field} = {value} is out of range.");
                let remedy = format!("Use a number from {least} to {most}.");
                return Err(ApiError::plain("forecast_invalid", &profile.name, &message, &remedy));
            }
        }
        let limits = EngineLimits::default();
        let logs_in = match profile.authenticate_using {
            AuthenticateUsing::Profile => LogsIn::Profile,
            _ => LogsIn::Mailbox,
        };
        let costs = Costs::default();
        let request = simulate::ForecastRequest {
            users: wanted.mailboxes - wanted.queues,
            queues: wanted.queues,
            connections: profile.max_concurrent_connections,
            logs_in,
            batches: BatchRule { mailboxes: batch_mailboxes, every: i64::from(batch_hours) * HOUR_MS },
            backlog: messages,
            costs,
            limits: DispatchLimits { pools: limits.pools, ramp: limits.ramp },
        };
        let forecast = tokio::task::spawn_blocking(move || simulate::forecast(&request)).await;
        let forecast = forecast.map_err(|error| ApiError::internal("forecast", &error))?;
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is rounded, and never negative"
        )]
        let cycles = forecast.cycles_per_minute_afterwards.round() as u32;
        Ok(ForecastView {
            profile: profile.name,
            max_concurrent_connections: profile.max_concurrent_connections,
            mailboxes: wanted.mailboxes,
            queues: wanted.queues,
            messages,
            batches: forecast.batches,
            batch_mailboxes,
            batch_hours,
            last_batch_after_seconds: seconds(forecast.last_batch_at),
            queues_after_seconds: (wanted.queues > 0).then(|| seconds(forecast.queues_tested_at)),
            tested_after_seconds: seconds(forecast.tested_at),
            synced_after_seconds: seconds(forecast.synced_at),
            most_connections: forecast.most_connections,
            cycles_per_minute_afterwards: cycles,
            lateness_afterwards_seconds: seconds(forecast.lateness_afterwards),
            keeps_up: forecast.lateness_afterwards <= IN_TIME_MS,
            assumes: assumptions(&costs),
        })
    }
}

fn assumptions(costs: &Costs) -> Vec<String> {
    vec![
        format!("Testing a mailbox takes {} s.", costs.test_ms / 1_000),
        format!("Connecting, logging in and asking what is new takes {} ms.", costs.connect_ms),
        format!("A message takes {} ms, and {} an hour come and go.", costs.message_ms, costs.messages_per_hour),
        "The server answers, no other mailbox is synchronized, and cycles start 5 minutes after the last one.".to_owned(),
    ]
}

/// Whole seconds, rounded up.
fn seconds(ms: i64) -> u32 {
    u32::try_from(ms.max(0).saturating_add(999) / 1_000).unwrap_or(u32::MAX)
}
