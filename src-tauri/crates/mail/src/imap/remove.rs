//! Deletes messages for good, and only those that were named.

use super::{
    connection::Connection,
    cursor::identity_parts,
    failure::Doing,
    fetch,
    response::Response,
    session::{ImapSession, expect_ok},
};
use tandem_domain::{
    failure::{Failure, FailureCode},
    ledger::ServerIdentity,
};

/// How many UIDs one STORE or EXPUNGE names at most: with 10 digits each, a line stays below 8,192 bytes.
const UIDS_A_COMMAND: usize = 500;

/// Removes them from the inbox of an open session; those of another UIDVALIDITY are passed over.
pub(super) async fn remove(session: &mut ImapSession, identities: &[ServerIdentity]) -> Result<(), Failure> {
    let validity = session.entered().await?.uid_validity;
    let mut uids: Vec<u32> = identities
        .iter()
        .filter_map(|identity| identity_parts(&identity.0))
        .filter(|(of, _)| *of == validity)
        .map(|(_, uid)| uid)
        .collect();
    uids.sort_unstable();
    uids.dedup();
    if uids.is_empty() {
        return Ok(());
    }
    let inbox = session.entered_for_changes().await?;
    if inbox.uid_validity != validity {
        // Renumbered meanwhile: these numbers may be other messages now.
        return Ok(());
    }
    let connection = session.connection();
    let by_uid = connection.can("UIDPLUS") || connection.can("IMAP4REV2");
    let may_expunge = by_uid || only_ours_are_deleted(connection, &uids).await?;
    for some in uids.chunks(UIDS_A_COMMAND) {
        let set = fetch::uid_set(some);
        command(connection, &format!("UID STORE {set} +FLAGS.SILENT (\\Deleted)"), inbox.exists).await?;
        if by_uid {
            command(connection, &format!("UID EXPUNGE {set}"), inbox.exists).await?;
        }
    }
    if !may_expunge {
        let said = format!(
            "{}: {} messages are marked as deleted but still there: others are marked too, and this server can \
             only remove all of them together (no UIDPLUS)",
            connection.host(),
            uids.len()
        );
        return Err(Failure::permanent_item(FailureCode::CapabilityMissing, said));
    }
    if !by_uid {
        command(connection, "EXPUNGE", inbox.exists).await?;
    }
    Ok(())
}

/// EXPUNGE removes every message that is marked, whoever marked it.
async fn only_ours_are_deleted(connection: &mut Connection, ours: &[u32]) -> Result<bool, Failure> {
    let mut others = false;
    // Ours are left out where the line can hold them, so that the answer is short.
    let but_ours = if ours.len() <= UIDS_A_COMMAND {
        format!(" NOT UID {}", fetch::uid_set(ours))
    } else {
        String::new()
    };
    let status = connection
        .run(format!("UID SEARCH DELETED{but_ours}").as_bytes(), |response| {
            if let Response::Search(found) = response {
                others |= found.iter().any(|uid| ours.binary_search(uid).is_err());
            }
        })
        .await?;
    expect_ok(connection, Doing::Working, &status)?;
    Ok(!others)
}

async fn command(connection: &mut Connection, command: &str, exists: u64) -> Result<(), Failure> {
    let tag = connection.queue(command.as_bytes());
    connection.expect_responses(exists);
    connection.wire.flush().await?;
    let status = connection.finish(tag, &mut |_| {}).await?;
    expect_ok(connection, Doing::Working, &status)
}
