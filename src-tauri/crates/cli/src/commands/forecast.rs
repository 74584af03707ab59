//! `forecast`.

use super::Outcome;
use crate::{
    output::{Done, Output},
    table::clean,
};
use std::time::Duration;
use tandem_api::{
    Tandem,
    wire::{ForecastRequest, ForecastView},
};

pub(super) async fn forecast(tandem: &Tandem, request: ForecastRequest, output: &Output) -> Outcome {
    let forecast = tandem.forecast(request).await?;
    output.print(&forecast, text);
    Ok(Done::All)
}

fn text(forecast: &ForecastView) -> String {
    let after = |seconds: u32| humantime::format_duration(Duration::from_secs(seconds.into()));
    let queues = match forecast.queues {
        0 => String::new(),
        1 => ", one of them a queue".to_owned(),
        queues => format!(", {queues} of them queues"),
    };
    let mut text = format!(
        "{} mailboxes{queues}, at {} with {} connections at once\n",
        forecast.mailboxes,
        clean(&forecast.profile),
        forecast.max_concurrent_connections
    );
    text += &format!("  Test & Enable     {}\n", batches(forecast));
    if let Some(seconds) = forecast.queues_after_seconds {
        text += &format!("  queues tested     after {}\n", after(seconds));
    }
    text += &format!("  all tested        after {}\n", after(forecast.tested_after_seconds));
    text += &format!(
        "  first sync done   after {}, {} messages each, {} connections at most\n",
        after(forecast.synced_after_seconds),
        forecast.messages,
        forecast.most_connections
    );
    text += &format!(
        "  afterwards        {} cycles a minute, started {} s late at most\n",
        forecast.cycles_per_minute_afterwards, forecast.lateness_afterwards_seconds
    );
    if !forecast.keeps_up {
        text += "  These limits are too narrow: raise max_concurrent_connections, or use several profiles.\n";
    }
    text += "\nAssumed:\n";
    forecast.assumes.iter().for_each(|one| text += &format!("  {}\n", clean(one)));
    text
}

fn batches(forecast: &ForecastView) -> String {
    if forecast.batches <= 1 {
        return "one batch, at once".to_owned();
    }
    let last = humantime::format_duration(Duration::from_secs(forecast.last_batch_after_seconds.into()));
    format!(
        "{} batches of at most {} every {} h, the last after {last}",
        forecast.batches, forecast.batch_mailboxes, forecast.batch_hours
    )
}
