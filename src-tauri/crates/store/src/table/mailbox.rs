//! `mailbox`: whose it is, how its mail travels, and whether it may be processed.

use crate::{
    codec::{address, opt_instant, opt_ms, owner, owner_id, owner_kind, word},
    table::mailbox_workload,
};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};
use tandem_domain::{
    address::EmailAddress,
    ids::{MailboxId, ProfileId},
    mailbox::{Approval, ApprovalRule, DeliveryMethod, Mailbox, MailboxOwner},
    workload::WorkloadState,
};
use uuid::Uuid;

const COLUMNS: &str = "id, email, owner, owner_kind, profile, approval, user_name, allow_credentials,
    delete_after_processing, process_emails_from,
    coalesce((SELECT require_approval FROM organization), TRUE) AS require_approval";

/// One mailbox.
pub(crate) fn get(connection: &Connection, id: MailboxId) -> rusqlite::Result<Option<Mailbox>> {
    one(connection, "id = ?1", [id.0])
}

/// The mailbox with this address.
pub(crate) fn by_address(connection: &Connection, email: &EmailAddress) -> rusqlite::Result<Option<Mailbox>> {
    one(connection, "email = ?1", [email.as_str()])
}

/// The mailbox of this owner.
pub(crate) fn by_owner(connection: &Connection, owner: MailboxOwner) -> rusqlite::Result<Option<Mailbox>> {
    one(connection, "owner = ?1", [owner_id(owner)])
}

/// A mailbox that uses this profile.
pub(crate) fn by_profile(connection: &Connection, profile: ProfileId) -> rusqlite::Result<Option<Mailbox>> {
    one(connection, "profile = ?1 LIMIT 1", [profile.0])
}

/// All mailboxes by address.
pub(crate) fn all(connection: &Connection) -> rusqlite::Result<Vec<Mailbox>> {
    let mut select = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM mailbox ORDER BY email"))?;
    let mut mailboxes = select.query_map([], read)?.collect::<Result<Vec<_>, _>>()?;
    for mailbox in &mut mailboxes {
        mailbox_workload::add(connection, mailbox)?;
    }
    Ok(mailboxes)
}

/// The addresses of all mailboxes.
pub(crate) fn addresses(connection: &Connection) -> rusqlite::Result<Vec<(MailboxId, EmailAddress)>> {
    let mut select = connection.prepare_cached("SELECT id, email FROM mailbox")?;
    select.query_map([], |row| Ok((MailboxId(row.get("id")?), address(row, "email")?)))?.collect()
}

/// Creates or updates a mailbox; the states of its workloads stay.
pub(crate) fn upsert(connection: &Connection, mailbox: &Mailbox) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO mailbox (id, email, owner, owner_kind, profile, approval, user_name, allow_credentials,
            delete_after_processing, process_emails_from)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT (id) DO UPDATE SET email = ?2, owner = ?3, owner_kind = ?4, profile = ?5, approval = ?6,
            user_name = ?7, allow_credentials = ?8, delete_after_processing = ?9, process_emails_from = ?10",
        params![
            mailbox.id.0,
            mailbox.email.as_str(),
            owner_id(mailbox.owner),
            owner_kind(mailbox.owner),
            mailbox.profile.map(|profile| profile.0),
            mailbox.approval.as_str(),
            mailbox.user_name,
            mailbox.allow_credentials,
            mailbox.delete_after_processing,
            opt_ms(mailbox.process_emails_from),
        ],
    )?;
    mailbox_workload::upsert_methods(connection, mailbox)
}

/// Approves, rejects, or puts back to pending.
pub(crate) fn set_approval(
    connection: &Connection,
    id: MailboxId,
    approval: Approval,
) -> rusqlite::Result<()> {
    connection.execute("UPDATE mailbox SET approval = ?2 WHERE id = ?1", params![id.0, approval.as_str()])?;
    Ok(())
}

/// Whether the server's copies of decided messages are to be deleted.
pub(crate) fn deletes_after_processing(connection: &Connection, id: MailboxId) -> rusqlite::Result<bool> {
    let mut select =
        connection.prepare_cached("SELECT delete_after_processing FROM mailbox WHERE id = ?1")?;
    Ok(select.query_row([id.0], |row| row.get(0)).optional()?.unwrap_or(false))
}

/// Deletes a mailbox with its schedule and test results. Its emails and its ledger stay.
pub(crate) fn delete(connection: &Connection, id: MailboxId) -> rusqlite::Result<usize> {
    connection.execute("DELETE FROM mailbox WHERE id = ?1", [id.0])
}

fn one(connection: &Connection, condition: &str, key: impl Params) -> rusqlite::Result<Option<Mailbox>> {
    let mut select =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM mailbox WHERE {condition}"))?;
    let Some(mut mailbox) = select.query_row(key, read).optional()? else { return Ok(None) };
    mailbox_workload::add(connection, &mut mailbox)?;
    Ok(Some(mailbox))
}

fn read(row: &Row<'_>) -> rusqlite::Result<Mailbox> {
    Ok(Mailbox {
        id: MailboxId(row.get("id")?),
        email: address(row, "email")?,
        owner: owner(row, "owner", "owner_kind")?,
        profile: row.get::<_, Option<Uuid>>("profile")?.map(ProfileId),
        incoming: DeliveryMethod::None,
        outgoing: DeliveryMethod::None,
        act: DeliveryMethod::None,
        approval: word(row, "approval", Approval::from_word)?,
        approval_rule: match row.get("require_approval")? {
            true => ApprovalRule::Required,
            false => ApprovalRule::NotRequired,
        },
        user_name: row.get("user_name")?,
        allow_credentials: row.get("allow_credentials")?,
        delete_after_processing: row.get("delete_after_processing")?,
        process_emails_from: opt_instant(row, "process_emails_from")?,
        incoming_state: WorkloadState::default(),
        outgoing_state: WorkloadState::default(),
        act_state: WorkloadState::default(),
    })
}
