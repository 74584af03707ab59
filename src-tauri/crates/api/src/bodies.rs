//! Bodies that are safe to show, and attachments on their way to a file.

use crate::{
    Tandem,
    people::{in_file, of_storage},
    wire::{ApiError, EmailRequest, Nothing, SafeBody, SaveAttachmentRequest},
};
use std::{
    collections::HashMap,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};
use tandem_domain::ids::EmailId;
use tandem_engine::ports::storage::Activities;
use tandem_mail::mime::{
    decode::Decoder,
    parse::{MessageBody, read_body},
    sanitize::{data_url, safe_html},
};
use tandem_store::{
    Store,
    view::{AttachmentView, EmailDetail},
};

/// Pictures inside a body are shown up to this many bytes in all; what is above is left out, and stays an attachment.
const MAX_INLINE_BYTES: u64 = 8 * 1024 * 1024;

/// What the frame's document may load: nothing but the pictures that stand in it.
const HEAD: &str = "<!doctype html><html><head><meta charset=\"utf-8\">\
    <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\
    <meta name=\"referrer\" content=\"no-referrer\"><base target=\"_blank\">\
    <style>body{margin:0;font:14px/1.45 \"Segoe UI\",system-ui,sans-serif;color:#242424;background:#fff;\
    overflow-wrap:anywhere}pre{white-space:pre-wrap;font:inherit;margin:0}img{max-width:100%;height:auto}</style>\
    </head><body>";

impl Tandem {
    /// An email's body, safe to show: sanitised, without scripts and remote content.
    ///
    /// # Errors
    /// An unknown email, or storage.
    pub async fn email_body(&self, request: EmailRequest) -> Result<SafeBody, ApiError> {
        let id = self.find_email(&request.id).await?;
        let detail = self.store.show_email(id).await.map_err(|error| of_storage(&request.id, &error))?;
        let content = self.read_body(id).await?;
        let store = self.store.clone();
        let made = tokio::task::spawn_blocking(move || body(&store, id, &detail, &content)).await;
        made.map_err(|error| ApiError::internal(&request.id, &error))
    }

    /// The body of an email, read from its raw message: that is the one place where it is kept.
    pub(crate) async fn read_body(&self, id: EmailId) -> Result<MessageBody, ApiError> {
        let object = id.to_string();
        let raw = self.store.raw(id).await.map_err(|error| of_storage(&object, &error))?;
        let read = tokio::task::spawn_blocking(move || read_body(&raw)).await;
        read.map_err(|error| ApiError::internal(&object, &error))
    }

    /// Saves an attachment to a file: whole or not at all.
    ///
    /// # Errors
    /// An unknown email or attachment; a file that is there and was not to be overwritten, or cannot be written.
    pub async fn save_attachment(&self, request: SaveAttachmentRequest) -> Result<Nothing, ApiError> {
        let id = self.find_email(&request.email).await?;
        let detail = self.store.show_email(id).await.map_err(|error| of_storage(&request.email, &error))?;
        let wanted =
            detail.attachments.into_iter().find(|one| one.position.to_string() == request.attachment);
        let attachment = wanted.ok_or_else(|| ApiError::not_found("attachment", &request.attachment))?;
        let (store, path, overwrite) = (self.store.clone(), PathBuf::from(&request.path), request.overwrite);
        let saved = tokio::task::spawn_blocking(move || {
            let what = "The attachment cannot be saved";
            save(&store, id, &attachment, &path, overwrite).map_err(|error| in_file(what, &path, &error))
        });
        saved.await.map_err(|error| ApiError::internal(&request.path, &error))??;
        Ok(Nothing {})
    }
}

fn body(store: &Store, id: EmailId, detail: &EmailDetail, content: &MessageBody) -> SafeBody {
    let Some(html) = &content.html else {
        return SafeBody {
            html: format!("{HEAD}<pre>{}</pre></body></html>", escaped(&content.text)),
            blocked_remote: 0,
        };
    };
    let safe = safe_html(html, &inline_pictures(store, id, &detail.attachments));
    SafeBody {
        html: format!("{HEAD}{}</body></html>", safe.html),
        blocked_remote: u32::try_from(safe.blocked_remote).unwrap_or(u32::MAX),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The pictures of the message itself, by Content-ID. One that cannot be read is left out.
fn inline_pictures(store: &Store, id: EmailId, attachments: &[AttachmentView]) -> HashMap<String, String> {
    let mut pictures = HashMap::new();
    let mut left = MAX_INLINE_BYTES;
    for one in attachments {
        let Some(content_id) = &one.content_id else { continue };
        if one.size > left || !one.mime_type.starts_with("image/") {
            continue;
        }
        let mut bytes = Vec::new();
        let read = open(store, id, one).and_then(|content| content.take(left + 1).read_to_end(&mut bytes));
        let length = bytes.len() as u64;
        if read.is_err() || length > left {
            continue;
        }
        if let Some(url) = data_url(&one.mime_type, &bytes) {
            left -= length;
            pictures.insert(content_id.clone(), url);
        }
    }
    pictures
}

/// An attachment's content, decoded as it is read.
fn open(store: &Store, id: EmailId, attachment: &AttachmentView) -> io::Result<impl Read> {
    let reader = store.open_raw(id).map_err(io::Error::other)?;
    let range = attachment.range;
    Ok(Decoder::new(reader.range(range.offset, range.length), range.encoding))
}

/// Writes beside the target and renames, so that a half-written file never has its name.
fn save(
    store: &Store,
    id: EmailId,
    attachment: &AttachmentView,
    path: &Path,
    overwrite: bool,
) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if path.file_name().is_none() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it names no file"));
    }
    let mut content = open(store, id, attachment)?;
    let mut file = tempfile::Builder::new().prefix(".tandem-").tempfile_in(folder)?;
    io::copy(&mut content, &mut file)?;
    file.flush()?;
    file.as_file().sync_all()?;
    let saved = if overwrite { file.persist(path) } else { file.persist_noclobber(path) };
    saved.map(drop).map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_cannot_become_markup() {
        assert_eq!(escaped("<script>\"&"), "&lt;script&gt;&quot;&amp;");
    }
}
