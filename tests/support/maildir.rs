//! Mail put into and read from a Maildir directly: what a delivery agent does, at the speed of the file system.
use crate::servers::Owner;
use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

/// Makes `folder` with `cur`, `new` and `tmp`, owned by the mail user.
pub(crate) fn make(folder: &Path, owner: &Owner) {
    for part in ["", "cur", "new", "tmp"] {
        let path = folder.join(part);
        fs::create_dir_all(&path).expect("make maildir");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("protect maildir");
        chown(&path, Some(owner.uid), Some(owner.gid)).expect("own maildir");
    }
}

/// Puts one message into `new`, whole or not at all; `received` becomes the server's internal date. Names rise, so the
/// server numbers messages in the order of the calls.
pub(crate) fn deliver(folder: &Path, owner: &Owner, raw: &[u8], received: Option<SystemTime>) {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let second = first_second() + count / 1_000_000;
    let name = format!("{second}.M{:06}P{}Q{count}.harness", count % 1_000_000, std::process::id());
    let tmp = folder.join("tmp").join(&name);
    fs::write(&tmp, raw).expect("write message");
    if let Some(received) = received {
        fs::File::options()
            .write(true)
            .open(&tmp)
            .and_then(|file| file.set_modified(received))
            .expect("date message");
    }
    chown(&tmp, Some(owner.uid), Some(owner.gid)).expect("own message");
    fs::set_permissions(&tmp, fs::Permissions::from_mode(0o600)).expect("protect message");
    fs::rename(&tmp, folder.join("new").join(&name)).expect("deliver message");
}

/// Every message of the folder, in the order of arrival.
pub(crate) fn read(folder: &Path) -> Vec<Vec<u8>> {
    let mut found: Vec<PathBuf> = ["cur", "new"]
        .iter()
        .flat_map(|part| fs::read_dir(folder.join(part)).into_iter().flatten())
        .map(|entry| entry.expect("maildir entry").path())
        .collect();
    found.sort_by_key(|path| arrival(path));
    // A reader may move a message from `new` to `cur` while we look.
    found.iter().filter_map(|path| fs::read(path).ok()).collect()
}

/// Second and microsecond of the name, then the name.
fn arrival(path: &Path) -> (u64, u64, String) {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut parts = name.split('.');
    let second = parts.next().and_then(|text| text.parse().ok()).unwrap_or(0);
    let unique = parts.next().unwrap_or_default();
    let micros = unique
        .split('M')
        .nth(1)
        .map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
    (second, micros.and_then(|digits| digits.parse().ok()).unwrap_or(0), name)
}

/// The second in which this process delivered first: every later name starts there and rises.
fn first_second() -> u64 {
    static FIRST: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |age| age.as_secs());
    FIRST.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed).map_or_else(|first| first, |_| now)
}
