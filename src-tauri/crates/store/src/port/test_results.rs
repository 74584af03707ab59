//! The port `TestResults`: what Test & Enable found.

use super::not_found;
use crate::{
    ChangeKind, Store,
    table::{mailbox, mailbox_workload, schedule, test_rung},
};
use async_trait::async_trait;
use tandem_domain::{
    Instant,
    failure::Failure,
    ids::MailboxId,
    probe::{Rung, RungOutcome},
    workload::Workload,
};
use tandem_engine::ports::{storage::StorageError, test_jobs::TestResults};

#[async_trait]
impl TestResults for Store {
    async fn record_test(
        &self,
        mailbox: MailboxId,
        workload: Workload,
        rungs: Vec<Rung>,
        failure: Option<Failure>,
        at: Instant,
    ) -> Result<(), StorageError> {
        self.write(move |connection, changes| {
            if mailbox::get(connection, mailbox)?.is_none() {
                return Err(not_found("mailbox", mailbox));
            }
            test_rung::replace(connection, mailbox, workload, &rungs, at)?;
            mailbox_workload::tested(connection, mailbox, workload, failure.as_ref(), at)?;
            // A ladder without any rung that held proves nothing.
            if failure.is_none() && rungs.iter().any(|rung| rung.outcome == RungOutcome::Passed) {
                mailbox_workload::set_enabled(connection, mailbox, workload, true)?;
                schedule::start_anew(connection, mailbox, workload, at)?;
                changes.push(ChangeKind::Schedule);
            }
            changes.push(ChangeKind::Configuration);
            Ok(())
        })
        .await
    }
}
