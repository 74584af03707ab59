//! A session's bookmark: `uidvalidity:last_uid`, and behind it the number of the last change where the server counts them.

use tandem_engine::ports::mail::Cursor;

/// A bookmark in the inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bookmark {
    pub uid_validity: u32,
    /// The last message that was seen; 0 for none.
    pub last_uid: u32,
    /// HIGHESTMODSEQ (RFC 7162) of a moment at which everything up to `last_uid` was there already, or of an earlier one.
    pub modseq: Option<u64>,
}

impl Bookmark {
    /// Reads a cursor; `None` when it is not one of ours. What stands behind the third number is not for us.
    pub(super) fn of(cursor: &Cursor) -> Option<Self> {
        let (uid_validity, last_uid) = identity_parts(&cursor.0)?;
        let modseq = cursor.0.split(':').nth(2).and_then(|number| number.parse().ok());
        // 0 stands for "no change numbers here" (RFC 7162 section 3.1.2.1).
        Some(Self { uid_validity, last_uid, modseq: modseq.filter(|number| *number > 0) })
    }

    pub(super) fn cursor(self) -> Cursor {
        let Self { uid_validity, last_uid, modseq } = self;
        Cursor(match modseq {
            Some(modseq) => format!("{uid_validity}:{last_uid}:{modseq}"),
            None => format!("{uid_validity}:{last_uid}"),
        })
    }
}

/// `uidvalidity:uid`, perhaps with more behind it.
pub(super) fn identity_parts(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split(':');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bookmark_is_what_its_cursor_says() {
        for (text, expected) in [
            ("7:10", Some((7, 10, None))),
            ("7:10:90", Some((7, 10, Some(90)))),
            ("7:0:18446744073709551615", Some((7, 0, Some(u64::MAX)))),
            ("7:10:0", Some((7, 10, None))),
            ("7:10:x", Some((7, 10, None))),
            ("7", None),
            ("", None),
            ("-1:2", None),
        ] {
            let found = Bookmark::of(&Cursor(text.into()));
            assert_eq!(found.map(|mark| (mark.uid_validity, mark.last_uid, mark.modseq)), expected, "{text}");
        }
        let mark = Bookmark { uid_validity: 7, last_uid: 10, modseq: Some(90) };
        assert_eq!(Bookmark::of(&mark.cursor()), Some(mark));
    }
}
