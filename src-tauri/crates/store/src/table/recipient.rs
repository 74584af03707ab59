//! `email_recipient`: the envelope recipients of an email to be sent, and what became of each.

use crate::{
    codec::word,
    failure_json::{failure_json, opt_failure},
    view::{RecipientState, RecipientView},
};
use rusqlite::{Connection, params};
use tandem_domain::outgoing::RefusedRecipient;

/// Adds the recipients of a new email, each once.
pub(crate) fn insert(connection: &Connection, email: i64, recipients: &[String]) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO email_recipient (email, position, address, state) VALUES (?1, ?2, ?3, 'pending')",
    )?;
    let mut seen = std::collections::HashSet::new();
    let once = recipients.iter().filter(|one| seen.insert(one.to_lowercase()));
    for (position, address) in (0_u32..).zip(once) {
        insert.execute(params![email, position, address])?;
    }
    Ok(())
}

/// The recipients that no server took or refused for good.
pub(crate) fn pending(connection: &Connection, email: i64) -> rusqlite::Result<Vec<String>> {
    let mut select = connection.prepare_cached(
        "SELECT address FROM email_recipient WHERE email = ?1 AND state = 'pending' ORDER BY position",
    )?;
    select.query_map([email], |row| row.get(0))?.collect()
}

/// Records recipients that are refused for good.
pub(crate) fn refuse(
    connection: &Connection,
    email: i64,
    refused: &[RefusedRecipient],
) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached(
        "UPDATE email_recipient SET state = 'refused', failure = ?3
         WHERE email = ?1 AND lower(address) = lower(?2)",
    )?;
    for one in refused {
        update.execute(params![email, one.address, failure_json(&one.failure)])?;
    }
    Ok(())
}

/// Records recipients that a server took.
pub(crate) fn accept(connection: &Connection, email: i64, accepted: &[String]) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached(
        "UPDATE email_recipient SET state = 'accepted', failure = NULL
         WHERE email = ?1 AND lower(address) = lower(?2)",
    )?;
    for address in accepted {
        update.execute(params![email, address])?;
    }
    Ok(())
}

/// Records that a server took all that were left.
pub(crate) fn accept_pending(connection: &Connection, email: i64) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached(
        "UPDATE email_recipient SET state = 'accepted' WHERE email = ?1 AND state = 'pending'",
    )?;
    update.execute([email])?;
    Ok(())
}

/// All recipients in order.
pub(crate) fn all(connection: &Connection, email: i64) -> rusqlite::Result<Vec<RecipientView>> {
    let mut select = connection.prepare_cached(
        "SELECT address, state, failure FROM email_recipient WHERE email = ?1 ORDER BY position",
    )?;
    let found = select.query_map([email], |row| {
        Ok(RecipientView {
            address: row.get("address")?,
            state: word(row, "state", state)?,
            failure: opt_failure(row, "failure")?,
        })
    })?;
    found.collect()
}

fn state(word: &str) -> Option<RecipientState> {
    Some(match word {
        "pending" => RecipientState::Pending,
        "accepted" => RecipientState::Accepted,
        "refused" => RecipientState::Refused,
        _ => return None,
    })
}
