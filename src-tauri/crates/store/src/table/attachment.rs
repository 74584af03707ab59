//! `attachment`: what is attached to an email, and where it stands in the raw message.

use crate::{
    codec::{encoding_from_word, encoding_word, word},
    view::AttachmentView,
};
use rusqlite::{Connection, params};
use tandem_domain::message::{ContentRange, ParsedAttachment};

/// Adds the attachments of a new email.
pub(crate) fn insert(
    connection: &Connection,
    email: i64,
    attachments: &[ParsedAttachment],
) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        r#"INSERT INTO attachment (email, position, name, mime_type, content_id, size, sha256, "offset", length,
            encoding) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"#,
    )?;
    for (position, one) in (0_u32..).zip(attachments) {
        insert.execute(params![
            email,
            position,
            one.name,
            one.mime_type,
            one.content_id,
            one.size,
            one.sha256,
            one.range.offset,
            one.range.length,
            encoding_word(one.range.encoding),
        ])?;
    }
    Ok(())
}

/// The attachments of an email in order.
pub(crate) fn of_email(connection: &Connection, email: i64) -> rusqlite::Result<Vec<AttachmentView>> {
    let mut select = connection.prepare_cached(
        r#"SELECT position, name, mime_type, content_id, size, sha256, "offset", length, encoding FROM attachment
         WHERE email = ?1 ORDER BY position"#,
    )?;
    let found = select.query_map([email], |row| {
        Ok(AttachmentView {
            position: row.get("position")?,
            name: row.get("name")?,
            mime_type: row.get("mime_type")?,
            content_id: row.get("content_id")?,
            size: row.get("size")?,
            sha256: row.get("sha256")?,
            range: ContentRange {
                offset: row.get("offset")?,
                length: row.get("length")?,
                encoding: word(row, "encoding", encoding_from_word)?,
            },
        })
    })?;
    found.collect()
}
