//! Climbs the ladder of an outgoing SMTP server, up to a test message when one is given.

use super::transaction::SmtpSession;
use crate::net::{self, Connector, Ladder};
use async_trait::async_trait;
use tandem_domain::{
    failure::Failure,
    outgoing::SubmitOutcome,
    probe::{Rung, RungName},
};
use tandem_engine::ports::mail::{CommitPoint, MailboxAccess, OutgoingSession, RungSink, Submission};

pub(super) async fn climb(
    connector: &Connector,
    access: &MailboxAccess,
    test: Option<&Submission>,
    report: &dyn RungSink,
) -> Vec<Rung> {
    let mut ladder = Ladder::new(report);
    if let Ok(connection) = net::open(connector, access, &mut ladder).await {
        let mut session = SmtpSession::new(connection, connector.timeouts());
        if let Some(test) = test {
            // A failure is a rung already.
            let _ = ladder.climb(RungName::Send, send(&mut session, test)).await;
        }
        Box::new(session).close().await;
    }
    ladder.into_rungs()
}

async fn send(session: &mut SmtpSession, test: &Submission) -> Result<((), String), Failure> {
    match session.submit(test, &NothingToRecord).await {
        SubmitOutcome::Accepted { server_said, refused } => match refused.into_iter().next() {
            None => Ok(((), server_said)),
            Some(one) => Err(one.failure),
        },
        SubmitOutcome::Retry { why, .. }
        | SubmitOutcome::Rejected { why, .. }
        | SubmitOutcome::Unconfirmed(why) => Err(why),
    }
}

/// A test message that is sent twice does no harm.
struct NothingToRecord;

#[async_trait]
impl CommitPoint for NothingToRecord {
    async fn about_to_commit(&self) -> Result<(), Failure> {
        Ok(())
    }
}
