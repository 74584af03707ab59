//! The one place where these servers read the clock: they stamp mail as it arrives, like any mail server.

use std::sync::atomic::{AtomicU32, Ordering};

use chrono::{DateTime, Utc};

static LAST_UID_VALIDITY: AtomicU32 = AtomicU32::new(0);

/// The instant at which mail arrives.
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}

/// A UIDVALIDITY greater than any that this process gave before (RFC 3501 section 2.3.1.1), also across restarts.
pub(crate) fn next_uid_validity() -> u32 {
    let seconds = u32::try_from(now().timestamp()).unwrap_or(1);
    let next = |last: u32| Some(seconds.max(last.saturating_add(1)));
    match LAST_UID_VALIDITY.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next) {
        Ok(last) | Err(last) => seconds.max(last.saturating_add(1)),
    }
}
