//! Climbs the ladder of an incoming IMAP mailbox; changes nothing on the server.

use super::{
    failure::Doing,
    login,
    response::Response,
    session::{ImapSession, expect_ok},
};
use crate::net::{Connector, Ladder};
use tandem_domain::{
    failure::Failure,
    probe::{Rung, RungName},
};
use tandem_engine::ports::mail::{IncomingSession, MailboxAccess, RungSink};

pub(super) async fn climb(connector: &Connector, access: &MailboxAccess, report: &dyn RungSink) -> Vec<Rung> {
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
    let connection = login::open(connector, access, ladder).await?;
    let opened = async {
        let mut session = ImapSession::new(connection, access.max_message_bytes);
        let inbox = session.entered().await?;
        let words = format!("{} messages, UIDVALIDITY {}", inbox.exists, inbox.uid_validity);
        Ok(((session, inbox.exists), words))
    };
    let (mut session, exists) = ladder.climb(RungName::List, opened).await?;
    match exists {
        0 => ladder.skip(RungName::Read, "the inbox is empty"),
        newest => ladder.climb(RungName::Read, read_header(&mut session, newest)).await?,
    }
    Box::new(session).close().await
}

/// PEEK: the message stays unread.
async fn read_header(session: &mut ImapSession, newest: u64) -> Result<((), String), Failure> {
    let connection = session.connection();
    let command = format!("FETCH {newest} (UID RFC822.SIZE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])");
    let mut found = None;
    let status = connection
        .run(command.as_bytes(), |response| {
            if let Response::Fetch(items) = response
                && items.body.is_some()
            {
                found = items.size;
            }
        })
        .await?;
    expect_ok(connection, Doing::Working, &status)?;
    let words = match found {
        Some(size) => format!("the newest message can be read; it has {size} bytes"),
        None => "the newest message went away while it was read".to_owned(),
    };
    Ok(((), words))
}
