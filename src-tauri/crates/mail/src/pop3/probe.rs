//! Climbs the ladder of an incoming POP3 mailbox; changes nothing on the server.

use super::{
    listing::{Listed, MAX_HEADER_BYTES},
    session::Pop3Session,
};
use crate::net::{self, Connector, Ladder};
use std::sync::Arc;
use tandem_domain::{
    failure::Failure,
    probe::{Rung, RungName},
};
use tandem_engine::ports::mail::{IncomingSession, MailboxAccess, RungSink};

pub(super) async fn climb(
    connector: &Arc<Connector>,
    access: &MailboxAccess,
    report: &dyn RungSink,
) -> Vec<Rung> {
    let mut ladder = Ladder::new(report);
    // A failure is a rung already.
    let _ = climb_all(connector, access, &mut ladder).await;
    ladder.into_rungs()
}

async fn climb_all(
    connector: &Connector,
    access: &MailboxAccess,
    ladder: &mut Ladder<'_>,
) -> Result<(), Failure> {
    let connection = net::open(connector, access, ladder).await?;
    let mut session = Pop3Session::new(connection, access);
    let listed = async {
        let listed = session.list().await?;
        let bytes: u64 = listed.iter().fold(0, |sum, message| sum.saturating_add(message.size));
        let words = format!("{} messages, {bytes} bytes", listed.len());
        Ok((listed, words))
    };
    let listed = ladder.climb(RungName::List, listed).await?;
    match listed.last() {
        Some(newest) => ladder.climb(RungName::Read, read_headers(&mut session, newest)).await?,
        None => ladder.skip(RungName::Read, "the inbox is empty"),
    }
    Box::new(session).close().await
}

/// TOP, and not RETR: servers that mark messages as read do so at RETR.
async fn read_headers(session: &mut Pop3Session, newest: &Listed) -> Result<((), String), Failure> {
    let connection = session.connection();
    if let Err(refusal) = connection.command(&format!("TOP {} 0", newest.number)).await? {
        if !connection.capabilities.top {
            return Ok(((), format!("the server cannot show headers alone (TOP): {}", refusal.shown())));
        }
        return Err(net::failure::violation(connection.wire.host(), &refusal.shown()));
    }
    let mut bytes = 0;
    loop {
        let line = connection.wire.line().await?;
        if line == b"." {
            return Ok(((), format!("the headers of the newest message were read, {bytes} bytes")));
        }
        bytes += line.len() + 2;
        if bytes > MAX_HEADER_BYTES {
            return Err(net::failure::violation(
                connection.wire.host(),
                "the headers of a message do not end",
            ));
        }
    }
}
