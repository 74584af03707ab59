//! How the domain's values stand in columns: instants as milliseconds, ids as blobs, words as text.

use chrono::DateTime;
use rusqlite::{Row, types::Type};
use tandem_domain::{
    Instant,
    address::{EmailAddress, MessageId},
    mailbox::MailboxOwner,
    message::TransferEncoding,
    probe::RungName,
    workload::WorkloadStatus,
};
use uuid::Uuid;

/// A value that a column holds but must not: the database was changed by something else.
#[derive(Debug, thiserror::Error)]
#[error("column {column} holds {value}, which is no {expected}")]
struct Unexpected {
    column: String,
    value: String,
    expected: &'static str,
}

/// The error for a column whose value makes no sense.
pub(crate) fn unexpected(column: &str, value: &str, expected: &'static str) -> rusqlite::Error {
    let value = value.chars().take(80).collect();
    let error = Unexpected { column: column.to_owned(), value, expected };
    rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error))
}

/// An instant as stored.
pub(crate) fn ms(at: Instant) -> i64 {
    at.timestamp_millis()
}

/// An optional instant as stored.
pub(crate) fn opt_ms(at: Option<Instant>) -> Option<i64> {
    at.map(ms)
}

/// A stored instant.
pub(crate) fn instant(row: &Row<'_>, column: &str) -> rusqlite::Result<Instant> {
    let stored: i64 = row.get(column)?;
    DateTime::from_timestamp_millis(stored).ok_or_else(|| unexpected(column, &stored.to_string(), "instant"))
}

/// A stored instant that may be absent.
pub(crate) fn opt_instant(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Instant>> {
    let stored: Option<i64> = row.get(column)?;
    Ok(stored.and_then(DateTime::from_timestamp_millis))
}

/// A stored word.
pub(crate) fn word<T>(row: &Row<'_>, column: &str, read: fn(&str) -> Option<T>) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    read(text).ok_or_else(|| unexpected(column, text, "known word"))
}

/// A stored word that may be absent.
pub(crate) fn opt_word<T>(
    row: &Row<'_>,
    column: &str,
    read: fn(&str) -> Option<T>,
) -> rusqlite::Result<Option<T>> {
    match row.get_ref(column)?.as_str_or_null()? {
        Some(text) => read(text).map(Some).ok_or_else(|| unexpected(column, text, "known word")),
        None => Ok(None),
    }
}

/// A stored address.
pub(crate) fn address(row: &Row<'_>, column: &str) -> rusqlite::Result<EmailAddress> {
    let text = row.get_ref(column)?.as_str()?;
    EmailAddress::parse(text).map_err(|_| unexpected(column, text, "email address"))
}

/// A stored address that may be absent.
pub(crate) fn opt_address(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<EmailAddress>> {
    Ok(row.get_ref(column)?.as_str_or_null()?.and_then(|text| EmailAddress::parse(text).ok()))
}

/// A stored Message-ID that may be absent.
pub(crate) fn opt_message_id(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<MessageId>> {
    Ok(row.get_ref(column)?.as_str_or_null()?.and_then(MessageId::parse))
}

/// Lines as one text.
pub(crate) fn lines<T: AsRef<str>>(all: impl IntoIterator<Item = T>) -> String {
    let mut text = String::new();
    for one in all {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(one.as_ref());
    }
    text
}

/// Message ids that were stored one a line.
pub(crate) fn message_ids(row: &Row<'_>, column: &str) -> rusqlite::Result<Vec<MessageId>> {
    Ok(row.get_ref(column)?.as_str()?.lines().filter_map(MessageId::parse).collect())
}

/// The id of an owner.
pub(crate) const fn owner_id(owner: MailboxOwner) -> Uuid {
    match owner {
        MailboxOwner::User(id) => id.0,
        MailboxOwner::Queue(id) => id.0,
    }
}

/// The kind of an owner.
pub(crate) const fn owner_kind(owner: MailboxOwner) -> &'static str {
    match owner {
        MailboxOwner::User(_) => "user",
        MailboxOwner::Queue(_) => "queue",
    }
}

/// An owner from its columns.
pub(crate) fn owner(row: &Row<'_>, id: &str, kind: &str) -> rusqlite::Result<MailboxOwner> {
    opt_owner(row, id, kind)?.ok_or_else(|| unexpected(id, "nothing", "owner"))
}

/// An owner from its columns, which may be empty.
pub(crate) fn opt_owner(row: &Row<'_>, id: &str, kind: &str) -> rusqlite::Result<Option<MailboxOwner>> {
    use tandem_domain::ids::{QueueId, UserId};
    let Some(uuid) = row.get::<_, Option<Uuid>>(id)? else { return Ok(None) };
    match row.get_ref(kind)?.as_str()? {
        "user" => Ok(Some(MailboxOwner::User(UserId(uuid)))),
        "queue" => Ok(Some(MailboxOwner::Queue(QueueId(uuid)))),
        other => Err(unexpected(kind, other, "kind of owner")),
    }
}

/// The word of a workload's status.
pub(crate) const fn status_word(status: WorkloadStatus) -> &'static str {
    match status {
        WorkloadStatus::NotRun => "not_run",
        WorkloadStatus::Success => "success",
        WorkloadStatus::Failure => "failure",
    }
}

/// The reverse of [`status_word`].
pub(crate) fn status_from_word(word: &str) -> Option<WorkloadStatus> {
    [WorkloadStatus::NotRun, WorkloadStatus::Success, WorkloadStatus::Failure]
        .into_iter()
        .find(|status| status_word(*status) == word)
}

/// The word of a transfer encoding.
pub(crate) const fn encoding_word(encoding: TransferEncoding) -> &'static str {
    match encoding {
        TransferEncoding::Identity => "identity",
        TransferEncoding::Base64 => "base64",
        TransferEncoding::QuotedPrintable => "quoted_printable",
    }
}

/// The reverse of [`encoding_word`].
pub(crate) fn encoding_from_word(word: &str) -> Option<TransferEncoding> {
    [TransferEncoding::Identity, TransferEncoding::Base64, TransferEncoding::QuotedPrintable]
        .into_iter()
        .find(|encoding| encoding_word(*encoding) == word)
}

/// The rung with this word.
pub(crate) fn rung_from_word(word: &str) -> Option<RungName> {
    use RungName as R;
    [R::Dns, R::Tcp, R::Tls, R::Login, R::List, R::Read, R::Send, R::RoundTrip]
        .into_iter()
        .find(|rung| rung.as_str() == word)
}
