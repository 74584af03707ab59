//! What the rules about alerts need: their settings, a profile's owner, and who failed lately.

use crate::{
    ChangeKind, Store,
    table::{alert, alert_settings, cycle, profile_alert},
};
use std::collections::HashMap;
use tandem_domain::{
    Instant,
    alert_rules::{AlertSettings, ProfileAlerts},
    ids::{MailboxId, ProfileId},
};
use tandem_engine::ports::storage::StorageError;

/// A failed cycle: of which profile and mailbox, and when it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailedCycle {
    /// The profile that the mailbox has now.
    pub profile: ProfileId,
    /// The mailbox.
    pub mailbox: MailboxId,
    /// The end of the cycle.
    pub ended_at: Instant,
}

/// All of these fail only when the database does.
impl Store {
    /// Which alerts are raised, for whom, and how long cleared ones are kept.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn alert_settings(&self) -> Result<AlertSettings, StorageError> {
        self.read(|connection| Ok(alert_settings::get(connection)?)).await
    }

    /// Changes them. Alerts that are open stay.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn save_alert_settings(&self, settings: AlertSettings) -> Result<(), StorageError> {
        self.write(move |connection, changes| {
            alert_settings::update(connection, &settings)?;
            changes.push(ChangeKind::Configuration);
            Ok(())
        })
        .await
    }

    /// What profiles have of their own about alerts; those that are not named have the default.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn profile_alerts(&self) -> Result<HashMap<ProfileId, ProfileAlerts>, StorageError> {
        self.read(|connection| Ok(profile_alert::all(connection)?)).await
    }

    /// Changes a profile's.
    ///
    /// # Errors
    /// [`StorageError`], also when there is no such profile or user.
    pub async fn save_profile_alerts(
        &self,
        profile: ProfileId,
        alerts: ProfileAlerts,
    ) -> Result<(), StorageError> {
        self.write(move |connection, changes| {
            profile_alert::upsert(connection, profile, &alerts)?;
            changes.push(ChangeKind::Configuration);
            Ok(())
        })
        .await
    }

    /// Takes the turn to send an email about a profile: whether it is switched on and none was tried since `since`.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn take_alert_email_turn(
        &self,
        profile: ProfileId,
        since: Instant,
        now: Instant,
    ) -> Result<bool, StorageError> {
        self.write(move |connection, _| Ok(profile_alert::take_turn(connection, profile, since, now)?)).await
    }

    /// When an email about a profile was last tried, in milliseconds since 1970.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn last_alert_email_at(&self, profile: ProfileId) -> Result<Option<i64>, StorageError> {
        self.read(move |connection| Ok(profile_alert::last_email_at(connection, profile)?)).await
    }

    /// The failed cycles that ended after `since`, of mailboxes that have a profile.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn failed_cycles(&self, since: Instant) -> Result<Vec<FailedCycle>, StorageError> {
        self.read(move |connection| Ok(cycle::failed_since(connection, since)?)).await
    }

    /// Forgets alerts that were cleared before an instant, and clears information that is older: it has no cause that
    /// could go away. How many alerts changed.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn tidy_alerts(&self, before: Instant, now: Instant) -> Result<usize, StorageError> {
        self.write(move |connection, changes| {
            let changed = alert::tidy(connection, before, now)?;
            if changed > 0 {
                changes.push(ChangeKind::Alert);
            }
            Ok(changed)
        })
        .await
    }
}
