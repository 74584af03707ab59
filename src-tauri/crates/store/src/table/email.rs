//! `email`: email activities. Their bodies stand in the raw message, and only there.

use crate::{
    codec::{
        instant, lines, message_ids, ms, opt_instant, opt_message_id, opt_ms, opt_owner, opt_word, owner,
        owner_id, owner_kind, word,
    },
    failure_json::{opt_failure, opt_failure_json},
    query::Conditions,
    table::{attachment, directory, mailbox, party, recipient, send_attempt},
    view::{EmailDetail, EmailFilter, EmailSummary, HomeCounts, PageKey, WaitingMail},
};
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter, types::Value};
use tandem_domain::{
    Instant,
    address::{EmailAddress, MessageId},
    directory::DirectoryId,
    email::{Correlation, CorrelationMethod, Direction, EmailStatus, KnownEmail, NewEmail},
    failure::Failure,
    ids::{CycleId, EmailId, MailboxId},
    message::ParsedMessage,
    send_limits::HeldBy,
};
use tandem_engine::ports::storage::PendingEmail;
use uuid::Uuid;

/// What is recorded with a new email besides itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recording<'a> {
    pub(crate) raw_message: i64,
    pub(crate) happened_at: Instant,
    pub(crate) cycle: Option<CycleId>,
    pub(crate) mail_from: Option<&'a EmailAddress>,
}

/// The row of an email.
pub(crate) fn find(connection: &Connection, id: EmailId) -> rusqlite::Result<Option<i64>> {
    let mut select = connection.prepare_cached("SELECT row FROM email WHERE id = ?1")?;
    select.query_row([id.0], |row| row.get(0)).optional()
}

/// Adds an email with its body, parties and attachments. `None` when its id or Message-ID is taken.
pub(crate) fn insert(
    connection: &Connection,
    email: &NewEmail,
    message: &ParsedMessage,
    recording: Recording<'_>,
) -> rusqlite::Result<Option<i64>> {
    let mut insert = connection.prepare_cached(
        r#"INSERT INTO email (id, direction, status, message_id, subject, in_reply_to, "references", owner,
            owner_kind, mailbox, accepting_entity, accepting_entity_kind, regarding, regarding_kind,
            correlation_method, correlation_email, happened_at, received_at, dated_at, send_after, not_before,
            mail_from, auto_submitted, conversation_index, defects, raw_message, cycle)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?20,
            ?21, ?22, ?23, ?24, ?25, ?26)
         ON CONFLICT DO NOTHING"#,
    )?;
    let added = insert.execute(params![
        email.id.0,
        email.direction.as_str(),
        email.status.as_str(),
        message.message_id.as_ref().map(MessageId::as_str),
        message.subject,
        lines(message.in_reply_to.iter().map(MessageId::as_str)),
        lines(message.references.iter().map(MessageId::as_str)),
        owner_id(email.owner),
        owner_kind(email.owner),
        email.mailbox.0,
        email.accepting_entity.map(owner_id),
        email.accepting_entity.map(owner_kind),
        email.regarding.map(DirectoryId::uuid),
        email.regarding.map(DirectoryId::kind),
        email.correlation.as_ref().map(|one| one.method.as_str()),
        email.correlation.as_ref().map(|one| one.email.0),
        ms(recording.happened_at),
        opt_ms(email.received_at),
        opt_ms(message.sent_at),
        opt_ms(email.send_after),
        recording.mail_from.map(EmailAddress::as_str),
        message.auto_submitted,
        message.conversation_index,
        lines(message.defects.iter().map(|one| one.replace('\n', " "))),
        recording.raw_message,
        recording.cycle.map(|cycle| cycle.0),
    ])?;
    if added == 0 {
        return Ok(None);
    }
    let row = connection.last_insert_rowid();
    party::insert(connection, row, &email.parties)?;
    if !message.attachments.is_empty() {
        attachment::insert(connection, row, &message.attachments)?;
    }
    Ok(Some(row))
}

/// The email with this Message-ID, as a correlation looks it up.
pub(crate) fn known(connection: &Connection, message_id: &MessageId) -> rusqlite::Result<Option<KnownEmail>> {
    let mut select =
        connection.prepare_cached("SELECT id, regarding, regarding_kind FROM email WHERE message_id = ?1")?;
    let found = select.query_row([message_id.as_str()], |row| {
        Ok(KnownEmail {
            id: EmailId(row.get("id")?),
            message_id: message_id.clone(),
            regarding: directory::opt_id(row, "regarding", "regarding_kind")?,
        })
    });
    found.optional()
}

/// Emails of a mailbox that may be sent now, oldest first.
pub(crate) fn pending_send(
    connection: &Connection,
    mailbox: MailboxId,
    now: Instant,
    limit: u32,
) -> rusqlite::Result<Vec<PendingEmail>> {
    let mut select = connection.prepare_cached(
        "SELECT row, id, message_id, mail_from, attempts FROM email INDEXED BY email_outgoing
         WHERE direction = 'outgoing' AND status = 'pending_send' AND mailbox = ?1 AND (not_before IS NULL OR not_before <= ?2)
         ORDER BY row LIMIT ?3",
    )?;
    let mut rows = select.query(params![mailbox.0, ms(now), limit])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.extend(pending(connection, row)?.map(|(_, email)| email));
    }
    Ok(found)
}

/// Emails of a mailbox in status Sending, with their rows.
pub(crate) fn sending(
    connection: &Connection,
    mailbox: MailboxId,
) -> rusqlite::Result<Vec<(i64, PendingEmail)>> {
    let mut select = connection.prepare_cached(
        "SELECT row, id, message_id, mail_from, attempts FROM email INDEXED BY email_outgoing
         WHERE direction = 'outgoing' AND status = 'sending' AND mailbox = ?1 ORDER BY row",
    )?;
    let mut rows = select.query([mailbox.0])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.extend(pending(connection, row)?);
    }
    Ok(found)
}

/// The status and the number of attempts of an email.
pub(crate) fn status(connection: &Connection, row: i64) -> rusqlite::Result<(EmailStatus, u32)> {
    let mut select = connection.prepare_cached("SELECT status, attempts FROM email WHERE row = ?1")?;
    select.query_row([row], |row| Ok((word(row, "status", EmailStatus::from_word)?, row.get("attempts")?)))
}

/// Moves an email to another status, with the reason and the next attempt.
pub(crate) fn set_status(
    connection: &Connection,
    row: i64,
    status: EmailStatus,
    failure: Option<&Failure>,
    not_before: Option<Instant>,
) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached(
        "UPDATE email SET status = ?2, last_failure = ?3, not_before = ?4, held_by = NULL WHERE row = ?1",
    )?;
    update.execute(params![row, status.as_str(), opt_failure_json(failure), opt_ms(not_before)])?;
    Ok(())
}

/// Holds a pending email back.
pub(crate) fn hold(connection: &Connection, row: i64, until: Instant, by: HeldBy) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE email SET not_before = ?2, held_by = ?3 WHERE row = ?1")?
        .execute(params![row, ms(until), by.as_str()])?;
    Ok(())
}

/// Whether any pending email of a mailbox is held back by this.
pub(crate) fn holds(connection: &Connection, mailbox: MailboxId, by: HeldBy) -> rusqlite::Result<bool> {
    let mut select = connection.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM email
           WHERE direction = 'outgoing' AND status = 'pending_send' AND mailbox = ?1 AND held_by = ?2)",
    )?;
    select.query_row(params![mailbox.0, by.as_str()], |row| row.get(0))
}

/// Counts an attempt.
pub(crate) fn set_attempts(connection: &Connection, row: i64, attempts: u32) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE email SET attempts = ?2 WHERE row = ?1")?
        .execute(params![row, attempts])?;
    Ok(())
}

/// Records when a server accepted an email.
pub(crate) fn set_submitted(connection: &Connection, row: i64, at: Instant) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE email SET submitted_at = ?2 WHERE row = ?1")?
        .execute(params![row, ms(at)])?;
    Ok(())
}

/// Sets what an email is about.
pub(crate) fn set_regarding(
    connection: &Connection,
    row: i64,
    regarding: Option<DirectoryId>,
) -> rusqlite::Result<()> {
    connection.execute(
        "UPDATE email SET regarding = ?2, regarding_kind = ?3 WHERE row = ?1",
        params![row, regarding.map(DirectoryId::uuid), regarding.map(DirectoryId::kind)],
    )?;
    Ok(())
}

/// The mailbox of an email.
pub(crate) fn mailbox_of(connection: &Connection, row: i64) -> rusqlite::Result<MailboxId> {
    let mut select = connection.prepare_cached("SELECT mailbox FROM email WHERE row = ?1")?;
    select.query_row([row], |row| row.get::<_, Uuid>(0).map(MailboxId))
}

/// The raw message of an email.
pub(crate) fn raw_message(connection: &Connection, id: EmailId) -> rusqlite::Result<Option<i64>> {
    let mut select = connection.prepare_cached("SELECT raw_message FROM email WHERE id = ?1")?;
    select.query_row([id.0], |row| row.get(0)).optional()
}

/// How many emails of a mailbox wait to be sent or are being sent.
pub(crate) fn unsent(connection: &Connection, mailbox: MailboxId) -> rusqlite::Result<u64> {
    let mut select = connection.prepare_cached(
        "SELECT count(*) FROM email INDEXED BY email_outgoing
         WHERE direction = 'outgoing' AND status IN ('pending_send', 'sending') AND mailbox = ?1",
    )?;
    select.query_row([mailbox.0], |row| row.get(0))
}

/// One page of emails, the latest first.
pub(crate) fn page(
    connection: &Connection,
    filter: &EmailFilter,
    limit: u32,
) -> rusqlite::Result<Vec<EmailSummary>> {
    let (index, conditions) = conditions(filter);
    let sql = format!(
        "SELECT row, id, direction, status, message_id, subject, mailbox, owner, owner_kind, happened_at, attempts,
            last_failure, received_at, submitted_at, correlation_email, regarding
         FROM email {index} {} ORDER BY happened_at DESC, row DESC LIMIT {limit}",
        conditions.where_clause()
    );
    let mut select = connection.prepare_cached(&sql)?;
    let mut rows = select.query(params_from_iter(conditions.values()))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(summary(connection, row)?);
    }
    Ok(found)
}

/// How many emails a list has in all.
pub(crate) fn count_page(connection: &Connection, filter: &EmailFilter) -> rusqlite::Result<u64> {
    let (index, conditions) = conditions(filter);
    let sql = format!("SELECT count(*) FROM email {index} {}", conditions.where_clause());
    connection.prepare_cached(&sql)?.query_row(params_from_iter(conditions.values()), |row| row.get(0))
}

/// The emails of a conversation, oldest first: those that this one answers, and those that answer them, at most `limit`.
pub(crate) fn conversation(
    connection: &Connection,
    id: EmailId,
    limit: u32,
) -> rusqlite::Result<Vec<EmailSummary>> {
    let mut select = connection.prepare_cached(
        "WITH RECURSIVE
            up (id, parent, depth) AS (
                SELECT id, correlation_email, 0 FROM email WHERE id = ?1
                UNION SELECT email.id, email.correlation_email, depth + 1 FROM up JOIN email ON email.id = up.parent
                WHERE depth < 100),
            down (id, depth) AS (
                SELECT id, 0 FROM up
                UNION SELECT email.id, depth + 1 FROM down JOIN email ON email.correlation_email = down.id
                WHERE depth < 100)
         SELECT row, id, direction, status, message_id, subject, mailbox, owner, owner_kind, happened_at, attempts,
            last_failure, received_at, submitted_at, correlation_email, regarding
         FROM email WHERE id IN (SELECT id FROM down) AND id <> ?1 ORDER BY happened_at, row LIMIT ?2",
    )?;
    let mut rows = select.query(params![id.0, limit])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(summary(connection, row)?);
    }
    Ok(found)
}

/// An email with everything but its bytes.
pub(crate) fn detail(connection: &Connection, id: EmailId) -> rusqlite::Result<Option<EmailDetail>> {
    let mut select = connection.prepare_cached(
        "SELECT email.*, raw_message.size FROM email
         JOIN raw_message ON raw_message.row = email.raw_message
         WHERE email.id = ?1",
    )?;
    let mut rows = select.query([id.0])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let key: i64 = row.get("row")?;
    let summary = summary(connection, row)?;
    let regarding = directory::opt_id(row, "regarding", "regarding_kind")?;
    let correlation = match row.get::<_, Option<Uuid>>("correlation_email")? {
        Some(email) => Some(Correlation {
            method: word(row, "correlation_method", CorrelationMethod::from_word)?,
            email: EmailId(email),
        }),
        None => None,
    };
    let regarding_name = match regarding {
        Some(id) => directory::name(connection, id.uuid())?,
        None => None,
    };
    Ok(Some(EmailDetail {
        owner_name: directory::name(connection, owner_id(summary.owner))?,
        mailbox_email: mailbox::get(connection, summary.mailbox)?.map(|found| found.email),
        in_reply_to: message_ids(row, "in_reply_to")?,
        references: message_ids(row, "references")?,
        accepting_entity: opt_owner(row, "accepting_entity", "accepting_entity_kind")?,
        regarding,
        regarding_name,
        correlation,
        received_at: opt_instant(row, "received_at")?,
        dated_at: opt_instant(row, "dated_at")?,
        submitted_at: opt_instant(row, "submitted_at")?,
        send_after: opt_instant(row, "send_after")?,
        not_before: opt_instant(row, "not_before")?,
        held_by: opt_word(row, "held_by", HeldBy::from_word)?,
        parties: party::of_email(connection, key)?,
        recipients: recipient::all(connection, key)?,
        send_attempts: send_attempt::all(connection, key)?,
        attachments: attachment::of_email(connection, key)?,
        size: row.get("size")?,
        defects: row.get_ref("defects")?.as_str()?.lines().map(str::to_owned).collect(),
        summary,
    }))
}

/// Adds the numbers of emails.
pub(crate) fn count(
    connection: &Connection,
    since: Instant,
    counts: &mut HomeCounts,
) -> rusqlite::Result<()> {
    let number = |sql: &str, values: Vec<Value>| {
        connection.prepare_cached(sql)?.query_row(params_from_iter(values), |row| row.get::<_, u64>(0))
    };
    counts.received = number(
        "SELECT count(*) FROM email WHERE happened_at >= ?1 AND direction = 'incoming'",
        vec![ms(since).into()],
    )?;
    counts.sent = number(
        "SELECT count(*) FROM email INDEXED BY email_outgoing
         WHERE direction = 'outgoing' AND status = 'sent' AND submitted_at >= ?1",
        vec![ms(since).into()],
    )?;
    let in_status = |status: EmailStatus| {
        number(
            "SELECT count(*) FROM email INDEXED BY email_outgoing WHERE direction = 'outgoing' AND status = ?1",
            vec![status.as_str().to_owned().into()],
        )
    };
    counts.waiting = in_status(EmailStatus::PendingSend)?;
    counts.sending = in_status(EmailStatus::Sending)?;
    counts.failed = in_status(EmailStatus::Failed)?;
    Ok(())
}

fn pending(connection: &Connection, row: &Row<'_>) -> rusqlite::Result<Option<(i64, PendingEmail)>> {
    let key: i64 = row.get("row")?;
    // Both are set for every email to be sent; one without is no email that can be sent.
    let (Some(message_id), Some(mail_from)) =
        (opt_message_id(row, "message_id")?, crate::codec::opt_address(row, "mail_from")?)
    else {
        return Ok(None);
    };
    let email = PendingEmail {
        id: EmailId(row.get("id")?),
        message_id,
        mail_from,
        recipients: recipient::pending(connection, key)?,
        attempts: row.get("attempts")?,
    };
    Ok(Some((key, email)))
}

fn conditions(filter: &EmailFilter) -> (&'static str, Conditions) {
    let mut conditions = Conditions::default();
    if let Some(mailbox) = filter.mailbox {
        conditions.add("mailbox = ?", mailbox.0.as_bytes().to_vec());
    }
    if let Some(status) = filter.status {
        conditions.add("status = ?", status.as_str().to_owned());
    }
    // What is sent is little beside what is received: found by its own index, it need not be searched for among it.
    let index = match (filter.direction, filter.status) {
        (Some(Direction::Outgoing), _) => "INDEXED BY email_outgoing",
        (None, Some(status)) if status != EmailStatus::Received => "INDEXED BY email_outgoing",
        _ => "",
    };
    if !index.is_empty() {
        conditions.literal("direction = 'outgoing'");
    } else if let Some(direction) = filter.direction {
        conditions.add("direction = ?", direction.as_str().to_owned());
    }
    if let Some(search) = filter.search.as_deref().filter(|text| !text.trim().is_empty()) {
        let escaped = search.trim().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        conditions.add(
            r"(subject LIKE ? ESCAPE '\' OR EXISTS (SELECT 1 FROM email_party WHERE email_party.email = email.row
                AND (written LIKE ? ESCAPE '\' OR name LIKE ? ESCAPE '\')))",
            format!("%{escaped}%"),
        );
    }
    if let Some(key) = filter.after {
        conditions.add_two("(happened_at, row) < (?a, ?b)", ms(key.happened_at), key.row);
    }
    (index, conditions)
}

fn summary(connection: &Connection, row: &Row<'_>) -> rusqlite::Result<EmailSummary> {
    let key: i64 = row.get("row")?;
    let mut attachments = connection.prepare_cached("SELECT count(*) FROM attachment WHERE email = ?1")?;
    Ok(EmailSummary {
        key: PageKey { happened_at: instant(row, "happened_at")?, row: key },
        id: EmailId(row.get("id")?),
        direction: word(row, "direction", Direction::from_word)?,
        status: word(row, "status", EmailStatus::from_word)?,
        message_id: opt_message_id(row, "message_id")?,
        subject: row.get("subject")?,
        mailbox: MailboxId(row.get("mailbox")?),
        owner: owner(row, "owner", "owner_kind")?,
        parties: party::first(connection, key)?,
        attachments: attachments.query_row([key], |row| row.get(0))?,
        attempts: row.get("attempts")?,
        last_failure: opt_failure(row, "last_failure")?,
        received_at: opt_instant(row, "received_at")?,
        submitted_at: opt_instant(row, "submitted_at")?,
        is_correlated: row.get::<_, Option<Uuid>>("correlation_email")?.is_some(),
        regarding_name: match row.get::<_, Option<Uuid>>("regarding")? {
            Some(id) => directory::name(connection, id)?,
            None => None,
        },
    })
}

/// How many emails of each mailbox wait to be sent, and what a sending limit holds back.
pub(crate) fn waiting_by_mailbox(connection: &Connection) -> rusqlite::Result<Vec<(MailboxId, WaitingMail)>> {
    let mut select = connection.prepare_cached(
        "SELECT mailbox, count(*) AS pending, count(held_by) AS held,
            min(iif(held_by IS NULL, NULL, not_before)) AS held_until
         FROM email INDEXED BY email_outgoing
         WHERE direction = 'outgoing' AND status IN ('pending_send', 'sending') GROUP BY mailbox",
    )?;
    let found = select.query_map([], |row| {
        let waiting = WaitingMail {
            owed: 0,
            pending: row.get("pending")?,
            held: row.get("held")?,
            held_until: opt_instant(row, "held_until")?,
        };
        Ok((MailboxId(row.get("mailbox")?), waiting))
    })?;
    found.collect()
}
