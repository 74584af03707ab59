//! The history: what cycles did, hour by hour.

use crate::{
    Tandem,
    people::{in_file, of_storage},
    spreadsheet::{self, number, plain, time},
    wire::{ApiError, ExportHistoryRequest, Exported, HistoryRequest, HistoryView, HourView},
};
use chrono::Duration;
use std::{fs::File, io::BufWriter, path::Path};
use tandem_domain::Instant;
use tandem_engine::ports::storage::Configuration;
use tandem_store::view::{HistoryFilter, HistoryHour, HistoryOf, HourSum};

const HEAD: [&str; 8] =
    ["hour", "mailbox", "workload", "cycles", "failed cycles", "messages", "took ms", "average ms"];

impl Tandem {
    /// What cycles did, hour by hour.
    ///
    /// # Errors
    /// An unknown mailbox, or storage.
    pub async fn history(&self, request: HistoryRequest) -> Result<HistoryView, ApiError> {
        let of = match &request.mailbox {
            Some(address) => HistoryOf::One(self.find_mailbox(address).await?.id),
            None => HistoryOf::All,
        };
        let now = self.now();
        let from = request.from.unwrap_or_else(|| now - Duration::hours(24));
        let filter = HistoryFilter { of, from, until: request.until.unwrap_or(now) };
        let failed = |error| of_storage("history", &error);
        let hours = self.store.list_history(filter).await.map_err(failed)?;
        let settings = self.store.settings().await.map_err(failed)?;
        let hours = hours.iter().map(|one| hour_view(Some(one.workload.as_str()), &one.sum)).collect();
        Ok(HistoryView { kept_days: settings.history_days, hours })
    }

    /// Saves the history as CSV, one row for each hour of each workload.
    ///
    /// # Errors
    /// An unknown mailbox, a file that cannot be written, or storage.
    pub async fn export_history(&self, request: ExportHistoryRequest) -> Result<Exported, ApiError> {
        let of = match &request.mailbox {
            Some(address) => HistoryOf::One(self.find_mailbox(address).await?.id),
            None => HistoryOf::Each,
        };
        let from = request.from.unwrap_or(Instant::UNIX_EPOCH);
        let filter = HistoryFilter { of, from, until: request.until.unwrap_or_else(|| self.now()) };
        let store = self.store.clone();
        let path = request.path.clone();
        let written = tokio::task::spawn_blocking(move || {
            let path = Path::new(&path);
            let cannot = |error: std::io::Error| in_file("The history cannot be written", path, &error);
            let mut table = spreadsheet::writer(BufWriter::new(File::create(path).map_err(cannot)?));
            let (mut rows, mut failure) = (0_u32, table.write_record(HEAD).err());
            let each = store.each_history_hour(filter, |hour| {
                if failure.is_none() {
                    failure = table.write_record(cells(&hour)).err();
                    rows = rows.saturating_add(1);
                }
            });
            each.map_err(|error| of_storage("history", &error))?;
            match failure {
                Some(error) => Err(cannot(std::io::Error::other(error))),
                None => table.flush().map_err(cannot),
            }?;
            Ok(Exported { rows })
        });
        written.await.map_err(|error| ApiError::internal("history", &error))?
    }
}

fn cells(hour: &HistoryHour) -> [String; 8] {
    let sum = &hour.sum;
    [
        time(Some(sum.since)),
        plain(hour.email.as_ref().map(tandem_domain::address::EmailAddress::as_str).unwrap_or_default()),
        hour.workload.as_str().to_owned(),
        sum.cycles.to_string(),
        sum.failures.to_string(),
        sum.items.to_string(),
        sum.took_ms.to_string(),
        number(average_ms(sum)),
    ]
}

/// An hour of a workload, or of all together.
pub(super) fn hour_view(workload: Option<&str>, sum: &HourSum) -> HourView {
    HourView {
        hour: sum.since,
        workload: workload.map(str::to_owned),
        cycles: small(sum.cycles),
        failures: small(sum.failures),
        messages: small(sum.items),
        average_ms: average_ms(sum),
    }
}

/// How long a cycle took on average.
pub(super) fn average_ms(sum: &HourSum) -> Option<u32> {
    sum.took_ms.checked_div(sum.cycles).map(small)
}

pub(super) fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
