//! Opens the inbox, and learns from the answer whether anything is new: with QRESYNC or CONDSTORE (RFC 7162) where they are
//! offered, without where not, and without where a server offers them and then refuses.

use super::{
    connection::Connection,
    cursor::Bookmark,
    failure::{self, Doing},
    response::{Condition, Response, Status},
};
use tandem_domain::failure::{Failure, FailureCode};

pub(super) const FOLDER: &str = "INBOX";
/// Changed messages that QRESYNC may name: a server that does not look at the UIDs we ask about names them all.
const CHANGED_MESSAGES: u64 = 5_000_000;

/// What opening the inbox told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Inbox {
    pub exists: u64,
    pub uid_validity: u32,
    /// What the next message will be called, when the server says so.
    pub uid_next: Option<u32>,
    /// The number of the last change; `None` where the server does not count changes, in general (no CONDSTORE) or in this
    /// folder (NOMODSEQ).
    pub highest_modseq: Option<u64>,
    /// The largest UID that QRESYNC named as changed.
    pub newest_changed: u32,
}

impl Inbox {
    /// Whether the answer proves that there is nothing behind the bookmark, so that nothing needs to be listed.
    pub(super) fn proves_nothing_new(&self, bookmark: Option<Bookmark>) -> bool {
        if self.exists == 0 {
            return true;
        }
        let Some(bookmark) = bookmark.filter(|mark| mark.uid_validity == self.uid_validity) else {
            return false;
        };
        let is_unchanged = self.highest_modseq.is_some() && self.highest_modseq == bookmark.modseq;
        let is_last = bookmark.last_uid > 0 && self.uid_next == bookmark.last_uid.checked_add(1);
        (is_unchanged || is_last) && self.newest_changed <= bookmark.last_uid
    }
}

/// How the inbox is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// For reading only.
    Examine,
    /// To delete messages.
    Select,
}

impl Access {
    fn command(self) -> &'static str {
        match self {
            Self::Examine => "EXAMINE",
            Self::Select => "SELECT",
        }
    }
}

/// How much a server that counts changes is asked for; each is the fall-back of the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Means {
    /// Nothing but what RFC 3501 has.
    Plain,
    /// The number of the last change.
    Condstore,
    /// What changed behind the bookmark too.
    Qresync,
}

impl Means {
    /// The most that the server offers.
    pub(super) fn offered_by(connection: &Connection) -> Self {
        // Every server with QRESYNC has CONDSTORE (RFC 7162 section 3.2).
        if connection.can("QRESYNC") && connection.can("ENABLE") {
            Self::Qresync
        } else if connection.can("CONDSTORE") || connection.can("QRESYNC") {
            Self::Condstore
        } else {
            Self::Plain
        }
    }

    fn less(self) -> Option<Self> {
        match self {
            Self::Qresync => Some(Self::Condstore),
            Self::Condstore => Some(Self::Plain),
            Self::Plain => None,
        }
    }
}

/// Opens the inbox, by `means` at most; lowers them to what the server turned out to take.
pub(super) async fn enter(
    connection: &mut Connection,
    access: Access,
    bookmark: Option<Bookmark>,
    means: &mut Means,
) -> Result<Inbox, Failure> {
    loop {
        let (inbox, status) = try_to_enter(connection, access, bookmark, *means).await?;
        if status.condition == Condition::Ok {
            connection.told.is_news = false;
            return with_validity(connection, inbox);
        }
        match means.less().filter(|_| may_mean_our_parameters(&status)) {
            Some(less) => {
                tracing::debug!(host = connection.host(), said = status.shown(), "refused {means:?}");
                *means = less;
            }
            None => return Err(failure::refused(connection.host(), Doing::Opening, &status)),
        }
    }
}

async fn try_to_enter(
    connection: &mut Connection,
    access: Access,
    bookmark: Option<Bookmark>,
    means: Means,
) -> Result<(Inbox, Status), Failure> {
    let known = bookmark.and_then(|mark| mark.modseq.map(|modseq| (mark, modseq)));
    let parameters = match (means, known) {
        (Means::Plain, _) => String::new(),
        (Means::Qresync, Some((mark, modseq))) if mark.last_uid < u32::MAX => {
            if !connection.is_qresync_enabled {
                // Sent in one flight with what relies on it: commands are carried out in their order.
                connection.queue(b"ENABLE QRESYNC");
                connection.is_qresync_enabled = true;
            }
            // Asked about the messages behind the bookmark only: of the others, flags and disappearances decide nothing,
            // and a mailbox in which somebody has marked everything as read would name every message.
            let (validity, first) = (mark.uid_validity, mark.last_uid + 1);
            format!(" (QRESYNC ({validity} {modseq} {first}:{}))", u32::MAX)
        }
        _ => " (CONDSTORE)".to_owned(),
    };
    let mut inbox = Inbox::default();
    connection.told = super::connection::Told::default();
    let tag = connection.queue(format!("{} {FOLDER}{parameters}", access.command()).as_bytes());
    if means == Means::Qresync {
        connection.expect_responses(CHANGED_MESSAGES);
    }
    connection.wire.flush().await?;
    let mut take = |response| match response {
        Response::Exists(count) => inbox.exists = count,
        Response::Fetch(items) => {
            inbox.newest_changed = inbox.newest_changed.max(items.uid.unwrap_or_default());
        }
        Response::Status(status) => {
            let number = status.code_arguments().trim();
            match status.code_name().as_deref() {
                Some("UIDVALIDITY") => inbox.uid_validity = number.parse().unwrap_or_default(),
                Some("HIGHESTMODSEQ") => inbox.highest_modseq = number.parse().ok().filter(|it| *it > 0),
                Some("NOMODSEQ") => inbox.highest_modseq = None,
                Some("UIDNEXT") => inbox.uid_next = number.parse().ok(),
                _ => {}
            }
        }
        // What vanished keeps its rows in the ledger.
        _ => {}
    };
    let status = connection.finish(tag, &mut take).await?;
    Ok((inbox, status))
}

/// A refusal without a reason of its own may be about what we asked for besides.
fn may_mean_our_parameters(status: &Status) -> bool {
    match status.condition {
        Condition::Bad => true,
        Condition::No => {
            matches!(status.code_name().as_deref(), None | Some("CANNOT" | "CLIENTBUG" | "NOMODSEQ"))
        }
        _ => false,
    }
}

fn with_validity(connection: &Connection, inbox: Inbox) -> Result<Inbox, Failure> {
    if inbox.uid_validity == 0 {
        // RFC 9051 section 6.3.2: without it nothing on this server has a lasting name.
        let said = format!("{}: the server gives no UIDVALIDITY", connection.host());
        return Err(Failure::permanent_mailbox(FailureCode::CapabilityMissing, said));
    }
    Ok(inbox)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_proves_it_means_that_nothing_is_new() {
        let mark = |modseq| Some(Bookmark { uid_validity: 7, last_uid: 10, modseq });
        let inbox = |uid_next, highest_modseq, newest_changed| Inbox {
            exists: 3,
            uid_validity: 7,
            uid_next,
            highest_modseq,
            newest_changed,
        };
        for (inbox, bookmark, proves) in [
            (inbox(Some(11), None, 0), mark(None), true),
            (inbox(Some(12), None, 0), mark(None), false),
            // Message 11 came and went.
            (inbox(Some(12), Some(90), 0), mark(Some(90)), true),
            (inbox(Some(12), Some(91), 0), mark(Some(90)), false),
            // Flags changed.
            (inbox(Some(11), Some(91), 0), mark(Some(90)), true),
            // A server whose numbers contradict each other.
            (inbox(Some(11), Some(90), 12), mark(Some(90)), false),
            (inbox(None, None, 0), mark(None), false),
            (inbox(Some(11), Some(90), 0), None, false),
            (Inbox { uid_validity: 8, ..inbox(Some(11), Some(90), 0) }, mark(Some(90)), false),
            (Inbox { exists: 0, ..inbox(Some(11), None, 0) }, None, true),
        ] {
            assert_eq!(inbox.proves_nothing_new(bookmark), proves, "{inbox:?} {bookmark:?}");
        }
    }
}
