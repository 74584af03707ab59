//! The port `AlertLog`. Levels that are switched off are not raised.

use crate::{
    ChangeKind, Store,
    table::{alert, alert_settings},
};
use async_trait::async_trait;
use tandem_domain::{
    Instant,
    alert::{AlertCode, AlertObject, NewAlert},
};
use tandem_engine::ports::storage::{AlertLog, StorageError};

#[async_trait]
impl AlertLog for Store {
    async fn raise(&self, alert: NewAlert, at: Instant) -> Result<(), StorageError> {
        self.write(move |connection, changes| {
            if alert_settings::get(connection)?.raises(alert.level) {
                alert::raise(connection, &alert, at)?;
                changes.push(ChangeKind::Alert);
            }
            Ok(())
        })
        .await
    }

    async fn clear(
        &self,
        object: AlertObject,
        code: Option<AlertCode>,
        at: Instant,
    ) -> Result<(), StorageError> {
        self.write(move |connection, changes| {
            if alert::clear(connection, object, code, at)? > 0 {
                changes.push(ChangeKind::Alert);
            }
            Ok(())
        })
        .await
    }
}
